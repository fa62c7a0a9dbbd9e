"""The console's certificate: made at the first start, exchanged while it runs, never by a wrong one."""

import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from feed.http import answering, server, tls
from feed.http.tls import Certificate, own_addresses, self_signed
from feed.settings import ConsoleDoorSettings
from store.settings import Secret
from tests.feed.console import Browser, ConsoleRoom
from tests.feed.room import DEADLINE_S, eventually


def shown(room: ConsoleRoom, **context: ssl.TLSVersion) -> x509.Certificate:
    """Connect as a browser does, and look at the certificate."""
    wanted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    wanted.check_hostname, wanted.verify_mode = False, ssl.CERT_NONE
    wanted.set_ciphers("ALL:@SECLEVEL=0")  # it would speak anything
    for name, value in context.items():
        setattr(wanted, name, value)
    address = ("127.0.0.1", room.server.console_port)
    with socket.create_connection(address, timeout=DEADLINE_S) as plain, wanted.wrap_socket(plain) as wire:
        body = wire.getpeercert(binary_form=True)
    assert body is not None
    return x509.load_der_x509_certificate(body)


def parts(pem: bytes) -> tuple[bytes, bytes]:
    """Take certificate and key apart."""
    end = pem.index(b"-----BEGIN PRIVATE KEY")
    return pem[:end], pem[end:]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "gateway.pem", tmp_path / "gateway.key"
    put(certificate, key, self_signed(["first.example"]))
    return certificate, key


def put(certificate: Path, key: Path, pem: bytes) -> None:
    for file, content in zip((certificate, key), parts(pem), strict=True):
        file.write_bytes(content)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LOOK_S", 0.02)


@pytest.fixture
def room(tmp_path: Path, files: tuple[Path, Path], quick: None) -> Iterator[ConsoleRoom]:
    certificate, key = files
    with ConsoleRoom(tmp_path / "state", certificate=str(certificate), key={"file": str(key)}) as opened:
        yield opened


def subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def test_the_first_start_makes_one_for_all_its_names(tmp_path: Path) -> None:
    with ConsoleRoom(tmp_path, names=["gateway.example", "192.0.2.7"]) as room:
        first = shown(room)
        names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert {"gateway.example", socket.gethostname(), "localhost"} <= set(names.get_values_for_type(x509.DNSName))
        assert {"192.0.2.7", "127.0.0.1"} == {str(one) for one in names.get_values_for_type(x509.IPAddress)}
        file = tmp_path / "tls" / "console.pem"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with ConsoleRoom(tmp_path) as room:  # the next start has the same: people have learned it
        assert shown(room) == first


TRIE = """Local:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
"""
INET6 = """20010db8000000000000000000000002 04 40 00 82     eth0
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""


def test_its_addresses_are_those_of_the_machine(tmp_path: Path) -> None:
    assert own_addresses(tmp_path) == []
    (tmp_path / "fib_trie").write_text(TRIE)
    assert own_addresses(tmp_path) == ["127.0.0.1", "192.0.2.2"]
    (tmp_path / "if_inet6").write_text(INET6)
    assert own_addresses(tmp_path) == ["127.0.0.1", "192.0.2.2", "2001:db8::2", "::1"]
    assert "127.0.0.1" in own_addresses()


def test_a_door_for_all_addresses_has_a_certificate_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Most control rooms have no DNS, and a warning that stays is one that people learn to click away."""
    monkeypatch.setattr(tls, "own_addresses", lambda: ["127.0.0.1", "192.0.2.2"])
    Certificate(ConsoleDoorSettings(), tmp_path, lambda _: None)
    assert "does not name" not in caplog.text
    pem = (tmp_path / "tls" / "console.pem").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(each) for each in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "192.0.2.2"}
    monkeypatch.setattr(tls, "own_addresses", lambda: ["127.0.0.1", "192.0.2.9"])  # it has moved
    Certificate(ConsoleDoorSettings(), tmp_path, lambda _: None)
    assert "does not name 192.0.2.9" in caplog.text
    assert (tmp_path / "tls" / "console.pem").read_bytes() == pem, "people have learned it: it stays"


def test_a_browser_that_trusts_it_is_content(tmp_path: Path) -> None:
    with ConsoleRoom(tmp_path) as room:
        somebody = Browser(room)
        somebody.tls = ssl.create_default_context(
            cadata=parts((tmp_path / "tls" / "console.pem").read_bytes())[0].decode()
        )
        somebody.host = f"127.0.0.1:{room.server.console_port}"
        assert somebody.get("/").status == 200
        assert somebody.as_role("operator").get("/api/v1/alarms").status == 200  # by the address, without any name


def test_old_tls_is_refused(tmp_path: Path) -> None:
    with ConsoleRoom(tmp_path) as room:
        shown(room, minimum_version=ssl.TLSVersion.TLSv1_2)
        with pytest.raises((ssl.SSLError, ConnectionResetError)), pytest.warns(DeprecationWarning, match="TLSv1"):
            shown(room, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_plain_http_gets_nothing(tmp_path: Path) -> None:
    with (
        ConsoleRoom(tmp_path) as room,
        socket.create_connection(("127.0.0.1", room.server.console_port), timeout=DEADLINE_S) as wire,
    ):
        wire.sendall(b"GET / HTTP/1.1\r\nHost: gateway.example\r\n\r\n")
        assert b"HTTP" not in wire.recv(100)


def test_another_one_is_taken_without_a_restart_and_open_streams_go_on(
    room: ConsoleRoom, files: tuple[Path, Path]
) -> None:
    operator = Browser(room).as_role("operator")
    assert "first.example" in subject(shown(room))
    put(*files, self_signed(["second.example"]))
    eventually(lambda: "second.example" in subject(shown(room)))
    assert operator.get("/api/v1/alarms").status == 200  # over the connection that was there


def test_a_pair_that_does_not_fit_is_refused_and_the_former_goes_on(tmp_path: Path, files: tuple[Path, Path]) -> None:
    told: list[str] = []
    certificate, key = files
    settings = ConsoleDoorSettings(certificate=certificate, key=Secret(file=key))
    found = Certificate(settings, tmp_path / "state", told.append)
    first = found.fingerprint
    wrong = {
        "another's key": parts(self_signed(["x.example"]))[1],
        "no key": b"",
        "nonsense": b"nonsense",
        "a key with a password": ENCRYPTED,
    }
    for content in wrong.values():
        key.write_bytes(content)
        found.look()
        assert found.fingerprint == first  # not at once: somebody may still be copying
        found.look()
        assert found.fingerprint == first
        assert told[-1].startswith(str(certificate))
    key.unlink()
    found.look()
    found.look()
    put(certificate, key, self_signed(["second.example"]))
    found.look()
    found.look()
    assert found.fingerprint != first
    assert told[0] == told[-1] == ""
    assert len([each for each in told if each]) == len(wrong) + 1  # each is told once


def test_a_wrong_one_at_the_start_does_not_keep_the_gateway_from_running(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    certificate, key = files
    key.write_bytes(b"")
    told: list[tuple[str, str, bool]] = []
    room = ConsoleRoom(tmp_path / "state", certificate=str(certificate), key={"file": str(key)})
    room.server._report = lambda kind, data: told.append((kind, data["name"], data["bad"]))
    with room:
        assert told == [("condition", "certificate-refused", True)]
        assert "first.example" not in subject(shown(room))
        assert Browser(room).as_role("operator").get("/api/v1/alarms").status == 200


def test_ours_is_made_anew_before_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "LASTS", timedelta(days=20))
    found = Certificate(ConsoleDoorSettings(), tmp_path, lambda _: None)
    first = found.fingerprint
    monkeypatch.undo()
    found.look()
    assert found.fingerprint != first
    kept = x509.load_pem_x509_certificate((tmp_path / "tls" / "console.pem").read_bytes())
    assert kept.not_valid_after_utc > datetime.now(UTC) + timedelta(days=800)
    second = found.fingerprint
    found.look()
    assert found.fingerprint == second


def test_where_there_is_no_room_for_another_the_former_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    """A disk that is full ends neither the gateway nor keeps the next start from running."""
    monkeypatch.setattr(tls, "LASTS", timedelta(days=20))
    told: list[bool] = []
    in_the_way = tmp_path / "tls" / "console.new" / "it"

    def start() -> ConsoleRoom:
        room = ConsoleRoom(tmp_path)
        room.server._report = lambda _, data: told.append(data["bad"])
        return room

    with start() as room:
        in_the_way.mkdir(parents=True)
        eventually(lambda: told == [True])
        former = shown(room)
        assert Browser(room).as_role("operator").get("/api/v1/alarms").status == 200
    with start() as room:
        assert shown(room) == former
        monkeypatch.setattr(tls, "LASTS", timedelta(days=800))
        in_the_way.rmdir()
        in_the_way.parent.rmdir()
        eventually(lambda: told == [True, True, False])
        assert shown(room) != former


WHOLE = b"GET /healthz HTTP/1.1\r\nHost: gateway.example\r\n\r\n"
HALF_BODY = (
    b"POST /api/v1/login HTTP/1.1\r\nHost: gateway.example\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n{"
)


@pytest.mark.parametrize("says", [[b"GET / HT"], [HALF_BODY], [WHOLE, b"GET / HT"]], ids=["head", "body", "second"])
def test_who_does_not_say_in_time_what_he_wants_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: list[bytes]
) -> None:
    monkeypatch.setattr("feed.http.peers.ASKING_S", 1.0)
    with ConsoleRoom(tmp_path) as room:
        context = Browser(room).tls
        with (
            socket.create_connection(("127.0.0.1", room.server.console_port), timeout=DEADLINE_S) as plain,
            context.wrap_socket(plain, server_hostname="gateway.example") as wire,
        ):
            for part in says[:-1]:
                wire.sendall(part)
                assert b"200 OK" in wire.recv(4096)
            wire.sendall(says[-1])
            begun = time.monotonic()
            with suppress(ConnectionResetError, ssl.SSLEOFError):
                while wire.recv(4096):
                    wire.sendall(b" ")  # a byte now and then gains nothing
            assert time.monotonic() - begun < 4


def test_connections_that_never_speak_take_no_room_from_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that begin no TLS there are so many at the most; one that is cut makes room for another."""
    monkeypatch.setattr(answering, "MOST_OF_ONE_PLACE", 5)
    monkeypatch.setattr(answering, "HANDSHAKE_S", 1.0)
    with ConsoleRoom(tmp_path) as room, ExitStack() as open_:
        address = ("127.0.0.1", room.server.console_port)
        crowd = [open_.enter_context(socket.create_connection(address, timeout=DEADLINE_S)) for _ in range(20)]
        cut = [wire for wire in crowd if ends(wire, 0.3)]
        assert len(cut) >= 15
        assert room.get("/api/v1/alarms").status == 200  # loopback has its own
        eventually(lambda: not isinstance(tried(lambda: shown(room)), OSError))  # when their patience is over


def ends(wire: socket.socket, within_s: float) -> bool:
    wire.settimeout(within_s)
    found = tried(lambda: wire.recv(1))
    return found == b"" or isinstance(found, ConnectionResetError)


def tried(what: Callable[[], object]) -> object:
    try:
        return what()
    except OSError as error:
        return error


ENCRYPTED = b"""-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg=
-----END ENCRYPTED PRIVATE KEY-----
"""
