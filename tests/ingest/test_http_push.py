"""Platforms that push over real HTTP: who is known is answered when it is kept; everybody else costs us little."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from devices.frames import Batch
from devices.registry import Registry, Route
from devices.registry import Source as Known
from ingest.clock import Clock
from ingest.pipeline import Pipeline
from ingest.push_settings import HttpPushSettings
from ingest.sources import http_push_server
from ingest.sources.http_push import HttpPush
from ingest.stores import open_stores
from rules.fold import Fold
from rules.records import Config
from rules.ruleset import RuleSet
from store.fs import OsFs
from tests.ingest.lines import Heard, running, until
from tests.servers import free_port, make_certificates

TOKEN, KEY = "s3cret-Token", "0123456789abcdef"
CTWING = json.dumps(
    {
        "messageType": "dataReport", "deviceId": "d1", "IMEI": "863703030668235", "timestamp": 1602745069687,
        "serviceId": 4, "topic": "v1/up/ad19", "payload": {"lean_angle": 82},
    }
).encode()  # fmt: skip


@pytest.fixture
def heard() -> Heard:
    return Heard()


def settings(folder: Path, paths: list[dict[str, Any]] | None = None, **more: object) -> HttpPushSettings:
    for name, secret in (("token", TOKEN), ("key", KEY)):
        (folder / name).write_text(f"{secret}\n", encoding="utf-8")
    token = {"file": str(folder / "token")}
    usual = [
        {"path": "/ctwing", "envelope": "ctwing", "token": token},
        {"path": "/huawei", "envelope": "huawei-iotda", "signature": token},
        {"path": "/onenet", "envelope": "onenet", "signature": token},
        {"path": "/onenet/secure", "envelope": "onenet", "signature": token, "key": {"file": str(folder / "key")}},
    ]
    return HttpPushSettings.model_validate({"name": "push", "listen": "127.0.0.1:0", "paths": paths or usual, **more})


@contextmanager
def listening(heard: Heard, wanted: HttpPushSettings, **bounds: float) -> Iterator[HttpPush]:
    source = HttpPush(wanted, heard.report, **bounds)
    with running(source, heard):
        until(lambda: source.bound, "it listens")
        yield source


@pytest.fixture
def port(heard: Heard, tmp_path: Path) -> Iterator[HttpPush]:
    with listening(heard, settings(tmp_path)) as source:
        yield source


def ask(
    source: HttpPush, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", source.bound, timeout=10)) as link:
        link.request(method, target, body, headers or {})
        answer = link.getresponse()
        return answer.status, answer.read()


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def md5(token: str, nonce: str, message: str) -> str:
    return base64.b64encode(hashlib.md5(f"{token}{nonce}{message}".encode(), usedforsecurity=False).digest()).decode()


# ------------------------------------------------------------------------------------------------------ who is known


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        pytest.param("/ctwing", bearer(), 200, id="bearer"),
        pytest.param("/ctwing", {"authorization": f"bearer  {TOKEN}"}, 200, id="as others write it"),
        pytest.param(f"/ctwing?a=b&token={TOKEN}", {}, 200, id="in the URL"),
        pytest.param("/ctwing", {}, 401, id="none"),
        pytest.param("/ctwing?token=", {}, 401, id="empty"),
        pytest.param("/ctwing", bearer("s3cret-Toke"), 401, id="a part of it"),
        pytest.param(f"/ctwing?token={TOKEN}", bearer("wrong"), 401, id="two, one wrong"),
        pytest.param("/ctwing", {"authorization": f"Basic {TOKEN}"}, 401, id="not so"),
        pytest.param("/ctwing?token=%E5%AF%86", {}, 401, id="no ASCII"),
        pytest.param("/ctwing?" + "a=b&" * 50 + f"token={TOKEN}", {}, 401, id="too many parameters"),
        pytest.param("/ctwing/", bearer(), 404, id="another path"),
        pytest.param("/", bearer(), 404, id="no path"),
    ],
)
def test_a_token(port: HttpPush, heard: Heard, target: str, headers: dict[str, str], status: int) -> None:
    assert ask(port, "POST", target, CTWING, headers)[0] == status
    assert heard.frames == ([(b"/ctwing", CTWING, b"")] if status == 200 else [])
    counts = port.counts()
    assert (counts["received"], counts["refused_token"], counts["refused_path"]) == (
        status == 200, status == 401, status == 404,
    )  # fmt: skip


def test_only_a_post_brings_something(port: HttpPush, heard: Heard) -> None:
    for method in ("GET", "PUT", "HEAD", "DELETE"):
        assert ask(port, method, "/ctwing", b"", bearer())[0] == 405
    assert ask(port, "GET", f"/ctwing?token={TOKEN}&msg=hello")[0] == 405, "only OneNET verifies an address so"
    assert heard.frames == []
    assert port.counts()["refused_http"] == 5


def iotda(token: str = TOKEN, **changed: str) -> dict[str, str]:
    """Make the headers of a push of Huawei IoTDA."""
    said = {"timestamp": "1699999999000", "nonce": "9f2c"} | changed
    signature = hashlib.sha256("".join(sorted((token, said["timestamp"], said["nonce"]))).encode()).hexdigest()
    return {"signature": signature} | said


def test_huawei_s_signature(port: HttpPush, heard: Heard) -> None:
    body = b'{"resource":"device.property","event":"report","notify_data":{"header":{"device_id":"d"}}}'
    assert ask(port, "POST", "/huawei", body, iotda())[0] == 200
    assert heard.frames == [(b"/huawei", body, b"")]
    missing = iotda()
    del missing["nonce"]
    for wrong in ({}, iotda("other"), iotda() | {"timestamp": "1700000000000"}, missing, bearer()):
        assert ask(port, "POST", "/huawei", body, wrong)[0] == 401
    assert len(heard.frames) == 1


def test_onenet_verifies_an_address(port: HttpPush) -> None:
    """Its GET is answered with msg; the console is satisfied with nothing else."""
    nonce, message = "fA3kQ9zL", "验证"
    while "+" not in md5(TOKEN, nonce, message):
        nonce = hashlib.sha256(nonce.encode()).hexdigest()[:8]
    query = urlencode({"msg": message, "nonce": nonce, "signature": md5(TOKEN, nonce, message)})
    assert ask(port, "GET", f"/onenet?{query}") == (200, message.encode())
    bare = f"msg={quote(message)}&nonce={nonce}&signature={md5(TOKEN, nonce, message)}"
    assert ask(port, "GET", f"/onenet?{bare}") == (200, message.encode()), "a plus sign that is not escaped"
    assert ask(port, "GET", f"/onenet?{query.replace(nonce, 'x' * 8)}")[0] == 401
    assert ask(port, "GET", "/onenet")[0] == 401
    assert ask(port, "GET", "/onenet?msg=hello")[0] == 401


def test_onenet_s_signature(port: HttpPush, heard: Heard) -> None:
    """The new kind signs msg as a text; the old one an object, as it stands in the body."""
    text = '{"notifyType":"property","deviceName":"d","data":{"params":{"level":{"value":3,"time":1599534283111}}}}'
    new = json.dumps(
        {"msg": text, "nonce": "abcdefgh", "signature": md5(TOKEN, "abcdefgh", text), "time": 1, "id": "x"}
    )
    said = '{"at":1551052412074,"type":1,"ds_id":"3300_0_5750","value":7,"dev_id":1}'
    old = f'{{"msg":{said},"msg_signature":"{md5(TOKEN, "ABCDEFGH", said)}","nonce":"ABCDEFGH"}}'
    for good in (new, old, old.replace("==", "")):
        assert ask(port, "POST", "/onenet", good.encode())[0] == 200
    wrong = (
        new.replace("level", "lever"), old.replace('"value":7', '"value":8'), old.replace("ABCDEFGH", "ABCDEFGI"),
        "", "[]", "no JSON", '{"msg":1}', "[" * 60_000, new.replace('"nonce"', '"once"'),
    )  # fmt: skip
    for bad in wrong:
        assert ask(port, "POST", "/onenet", bad.encode())[0] == 401, bad[:60]
    assert heard.payloads == [new.encode(), old.encode(), old.replace("==", "").encode()]


def test_onenet_s_secure_mode_is_made_plain_at_the_door(port: HttpPush, heard: Heard) -> None:
    def push(plain: str, key: str = KEY) -> bytes:
        data = plain.encode()
        data += bytes((16 - len(data) % 16,)) * (16 - len(data) % 16)
        encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(key.encode())).encryptor()
        secret = base64.b64encode(encryptor.update(data) + encryptor.finalize()).decode()
        return json.dumps({"msg": secret, "nonce": "n", "signature": md5(TOKEN, "n", secret), "id": "7"}).encode()

    text = '{"notifyType":"property","deviceName":"d","data":{"params":{"level":{"value":3}}}}'
    assert ask(port, "POST", "/onenet/secure", push(text))[0] == 200
    kept = json.loads(heard.payloads[0])
    assert (kept["msg"], kept["id"]) == (text, "7")
    plain = json.dumps({"msg": text, "nonce": "n", "signature": md5(TOKEN, "n", text)}).encode()
    for wrong in (push(text, "another key of 16"[:16]), plain):
        assert ask(port, "POST", "/onenet/secure", wrong)[0] == 401
    assert len(heard.frames) == 1
    assert port.counts()["refused_key"] == 2


def test_a_platform_s_certificate_instead_of_a_token(heard: Heard, tmp_path: Path) -> None:
    """CTWing has one of its own; who has none is not even heard."""
    made = make_certificates(tmp_path / "ours")
    strange = make_certificates(tmp_path / "strange")
    tls = {"certificate": str(made.certificate), "key": {"file": str(made.key)}, "client_ca": str(made.ca)}
    wanted = settings(tmp_path, [{"path": "/ctwing", "envelope": "ctwing"}], tls=tls)

    def push(client: ssl.SSLContext) -> int:
        with closing(http.client.HTTPSConnection("127.0.0.1", source.bound, timeout=10, context=client)) as link:
            link.request("POST", "/ctwing", CTWING)
            return link.getresponse().status

    with listening(heard, wanted) as source:
        known, unknown, nobody = (ssl.create_default_context(cafile=str(made.ca)) for _ in range(3))
        known.load_cert_chain(made.certificate, made.key)
        unknown.load_cert_chain(strange.certificate, strange.key)
        assert push(known) == 200
        for client in (unknown, nobody):
            with pytest.raises(OSError):  # noqa: PT011 - which one depends on who notices first
                push(client)
        with closing(socket.create_connection(("127.0.0.1", source.bound), timeout=10)) as plain:
            plain.sendall(b"POST /ctwing HTTP/1.1\r\n\r\n")
            until(lambda: source.counts()["refused_tls"] == 3, "three refused")
    assert len(heard.frames) == 1


# -------------------------------------------------------------------------------------------------- not before its time


def test_nobody_is_answered_before_the_disk_has_it(heard: Heard, tmp_path: Path) -> None:
    heard.at_once = False
    with listening(heard, settings(tmp_path)) as source, ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, source, "POST", "/ctwing", b"1", bearer())
        until(lambda: len(heard.acknowledge) == 1, "delivered")
        second = pool.submit(ask, source, "POST", "/ctwing", b"2", bearer())
        until(lambda: len(heard.acknowledge) == 2, "delivered")
        heard.acknowledge[1]()
        assert second.result(10)[0] == 200
        assert not first.done()
        heard.acknowledge[0]()
        assert first.result(10)[0] == 200
    assert source.waits


class SlowDisk(OsFs):
    """Comes back from fdatasync when it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.asked = self.synced = 0

    def fdatasync(self, fd: int) -> None:
        self.asked += 1
        assert self.may.wait(20)
        super().fdatasync(fd)
        self.synced += 1


def test_no_200_before_the_fsync(tmp_path: Path) -> None:
    """The real pipeline on real stores, whose disk takes its time."""
    disk = SlowDisk()
    known = Known(name="push", kind="http", subject="http:push", routes=(Route(filter="/ctwing", envelope="ctwing"),))
    registry = Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(known,))
    stores = open_stores(disk, tmp_path / "state", journal_bytes=64 << 20, inbox_bytes=16 << 20)
    pipeline = Pipeline(Fold(lambda _: (registry, RuleSet(()))), stores, Clock(0, 0), [])
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    pipeline.note(Config(at_ms=0, hash="one"))
    pipeline.ask_durable(lambda _: None).result(5)
    source = HttpPush(settings(tmp_path), lambda _kind, _data: None, answer_s=20)
    stop = threading.Event()
    serving = threading.Thread(target=source.run, args=(pipeline.door(source, "push"), stop))
    serving.start()
    try:
        until(lambda: source.bound, "it listens")
        disk.may.clear()
        synced = disk.synced
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(ask, source, "POST", "/ctwing", CTWING, bearer())
            until(lambda: disk.asked > synced, "the disk is at it")
            with closing(socket.create_connection(("127.0.0.1", source.bound), timeout=10)) as other:
                other.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert other.recv(100).startswith(b"HTTP/1.1 404"), "its loop has had its turn"
            assert not answer.done()
            assert disk.synced == synced
            disk.may.set()
            assert answer.result(10)[0] == 200
            assert disk.synced > synced
    finally:
        disk.may.set()
        stop.set()
        serving.join(10)
        assert pipeline.stop(10)
        thread.join(10)
        stores.close()


def test_a_disk_that_takes_too_long_is_no_excuse_to_keep_a_platform_waiting(heard: Heard, tmp_path: Path) -> None:
    heard.at_once = False
    with (
        listening(heard, settings(tmp_path), answer_s=0.1) as source,
        closing(http.client.HTTPConnection("127.0.0.1", source.bound, timeout=10)) as link,
    ):
        link.request("POST", "/ctwing", CTWING, bearer())
        answer = link.getresponse()
        assert (answer.status, answer.getheader("retry-after")) == (503, "5")
        answer.read()
        heard.acknowledge[0]()  # too late, and nobody minds
        heard.at_once = True
        link.request("POST", "/ctwing", CTWING, bearer())
        assert link.getresponse().status == 200, "the link goes on"
    assert source.counts()["unanswered"] == 1


def test_what_is_on_its_way_is_answered_at_the_end(heard: Heard, tmp_path: Path) -> None:
    heard.at_once = False
    with ThreadPoolExecutor(1) as pool, listening(heard, settings(tmp_path)) as source:
        answer = pool.submit(ask, source, "POST", "/ctwing", CTWING, bearer())
        until(lambda: heard.acknowledge, "delivered")
        threading.Timer(0.3, heard.acknowledge[0]).start()
        # here the source is told to stop
    assert answer.result(10)[0] == 200


# -------------------------------------------------------------------------------------------------------------- bounds


def test_bodies_are_bounded(port: HttpPush, heard: Heard) -> None:
    most = http_push_server.BODY_BYTES
    assert ask(port, "POST", "/ctwing", b"x" * most, bearer())[0] == 200
    assert ask(port, "POST", "/ctwing", b"x" * (most + 1), bearer())[0] == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(70):
            yield b"x" * 1024

    link = http.client.HTTPConnection("127.0.0.1", port.bound, timeout=10)
    with closing(link), suppress(ConnectionError):  # it has closed before all were sent
        link.request("POST", "/ctwing", chunks(), bearer(), encode_chunked=True)
        assert link.getresponse().status == 413
    assert [len(payload) for payload in heard.payloads] == [most]
    for method, target, size in (("POST", f"/ctwing?token={TOKEN}&x=", 20_000), ("GET", "/", 60_000)):
        assert ask(port, method, target + "y" * size, CTWING)[0] in (400, 431), "so are heads"
    counts = port.counts()
    assert counts["refused_size"] + counts["refused_http"] == 4


def test_rates_are_bounded_for_each_path(heard: Heard, tmp_path: Path) -> None:
    with listening(heard, settings(tmp_path), rate_per_s=2) as source:
        with closing(http.client.HTTPConnection("127.0.0.1", source.bound, timeout=10)) as link:
            said = []
            for _ in range(6):
                link.request("POST", "/ctwing", CTWING, bearer())
                answer = link.getresponse()
                answer.read()
                said.append((answer.status, answer.getheader("retry-after")))
        assert said[:4] == [(200, None)] * 4
        assert said[5] == (429, "1")
        assert ask(source, "POST", "/huawei", b"{}", iotda())[0] == 200, "another path"
        for _ in range(20):
            assert ask(source, "POST", "/huawei", b"{}")[0] == 401
        assert ask(source, "POST", "/huawei", b"{}", iotda())[0] == 200, "who is unknown uses nothing up"
    assert heard.missed("push: too many") >= 1
    assert heard.missed("push: unknown sender") == 20


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"POST /ctwing HTTP/1.1\r\nHost: x\r\nX-Sl", b"", id="half a head"),
        pytest.param(
            b"POST /ctwing HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 408", id="half a body"
        ),
    ],
)
def test_who_is_slow_is_cut_though_he_drips(heard: Heard, tmp_path: Path, begun: bytes, status: bytes) -> None:
    with (
        listening(heard, settings(tmp_path), read_s=0.4) as source,
        closing(socket.create_connection(("127.0.0.1", source.bound), timeout=0.05)) as link,
    ):
        link.sendall(begun)
        answer, end = b"", time.monotonic() + 10
        while time.monotonic() < end:
            try:
                data = link.recv(1000)
            except TimeoutError:
                if begun:
                    link.sendall(b"y")  # a letter now and then does not buy time
                continue
            except ConnectionResetError:
                data = b""
            answer += data
            if not data:
                break
        else:
            pytest.fail("it is still open")
        assert answer.startswith(status)
        assert ask(source, "POST", "/ctwing", CTWING, bearer())[0] == 200
    counts = source.counts()
    assert counts["cut_slow"] + counts["refused_slow"] == 1


def test_a_link_that_is_used_again_and_again(port: HttpPush, heard: Heard) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port.bound, timeout=10)) as link:
        for n in range(50):
            link.request("POST", "/ctwing", b"%d" % n, bearer())
            answer = link.getresponse()
            assert answer.status == 200
            answer.read()
        assert port.counts()["connections"] == 1
    assert heard.payloads == [b"%d" % n for n in range(50)]


def test_who_is_mute_gives_way(heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_push_server, "CONNECTIONS", 8)
    with listening(heard, settings(tmp_path)) as source:
        served = http.client.HTTPConnection("127.0.0.1", source.bound, timeout=10)
        served.request("POST", "/ctwing", b"1", bearer())
        assert served.getresponse().read() == b"{}\n"
        mute = [socket.create_connection(("127.0.0.1", source.bound), timeout=10) for _ in range(20)]
        until(lambda: source.counts()["turned_away"] >= 13, "the oldest were cut")
        assert ask(source, "POST", "/ctwing", b"2", bearer())[0] == 200
        served.request("POST", "/ctwing", b"3", bearer())
        assert served.getresponse().read() == b"{}\n"
        assert source.counts()["connections"] <= 8
        served.close()
        for link in mute:
            link.close()
    assert heard.payloads == [b"1", b"2", b"3"]


def test_many_at_once(port: HttpPush, heard: Heard) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: ask(port, "POST", "/ctwing", b"%d" % n, bearer())[0], range(300)))
    assert set(answers) == {200}
    assert sorted(heard.payloads, key=int) == [b"%d" % n for n in range(300)]
    assert all(isinstance(batch, Batch) and batch.source == "push" for batch in heard.batches)


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", os.urandom(500) + b"\r\n\r\n"]
)
def test_what_is_no_http(port: HttpPush, heard: Heard, junk: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", port.bound), timeout=15)) as link:
        link.sendall(junk)
        link.shutdown(socket.SHUT_WR)
        while link.recv(1000):
            pass
    assert ask(port, "POST", "/ctwing", CTWING, bearer())[0] == 200
    assert len(heard.frames) == 1


# --------------------------------------------------------------------------------------------------------- its own life


def test_it_opens_when_port_and_secrets_are_there(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sources.http_push.LISTEN_AGAIN_S", 0.05)
    wanted = settings(tmp_path, listen=f"127.0.0.1:{free_port()}")
    (tmp_path / "token").write_text("\n", encoding="utf-8")
    taken = socket.create_server(wanted.endpoint)
    source = HttpPush(wanted, heard.report)
    with running(source, heard):
        until(lambda: heard.links, "it says why not")
        assert "the secret of /ctwing is empty" in heard.why()
        (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
        until(lambda: "in use" in heard.why(), "the port is taken")
        taken.close()
        until(lambda: heard.links[-1], "it listens")
        assert ask(source, "POST", "/ctwing", CTWING, bearer())[0] == 200


def test_no_secret_is_ever_told(heard: Heard, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with listening(heard, settings(tmp_path)) as source:
        for target in (f"/ctwing?token={TOKEN}", f"/nothing?token={TOKEN}", f"/ctwing?token={TOKEN}x"):
            _, answer = ask(source, "POST", target, CTWING)
            assert TOKEN.encode() not in answer
        with closing(socket.create_connection(("127.0.0.1", source.bound), timeout=10)) as link:
            link.sendall(f"POST /ctwing?token={TOKEN} HTTP/9.9\r\n\r\n".encode())
            assert TOKEN.encode() not in link.recv(1000)
    out = capfd.readouterr()
    assert TOKEN not in out.out + out.err + repr(heard.reports) + repr(source.counts())


def test_times_to_compare_do_not_depend_on_where_a_token_is_wrong(
    monkeypatch: pytest.MonkeyPatch, port: HttpPush
) -> None:
    compared = []
    really = hmac.compare_digest

    def watch(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return really(one, other)

    monkeypatch.setattr("ingest.sources.http_push_keys.hmac.compare_digest", watch)
    ask(port, "POST", "/ctwing", CTWING, bearer("x"))
    ask(port, "POST", "/huawei", CTWING, iotda("x"))
    ask(port, "GET", "/onenet?msg=a&nonce=b&signature=c")
    assert len(compared) == 3
