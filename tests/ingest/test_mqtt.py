"""The MQTT source with a real broker: nothing is acknowledged before its time, nothing lost, and trouble is told."""

import dataclasses
import json
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.frames import NOTE_REPEATED, NOTE_RETAINED, Batch, Frame
from ingest.settings import MqttSettings
from ingest.sources import mqtt
from ingest.sources.mqtt import MqttSource
from tests.load import Publisher, readings
from tests.servers import Mosquitto, free_port, make_certificates, mosquitto, until

FILTER = "wells/+/report"
CLIENT = "cityward-gw-lora"


def settings(port: int, **changes: object) -> MqttSettings:
    given: dict[str, object] = {
        "name": "lora",
        "url": f"mqtt://127.0.0.1:{port}",
        "topics": [{"filter": FILTER, "envelope": "plain"}],
    }
    return MqttSettings.model_validate(given | changes)


@dataclasses.dataclass
class Pipe:
    """What the pipeline would be: takes batches, acknowledges when told, hears reports."""

    source: MqttSource
    reports: "queue.Queue[tuple[str, dict[str, Any]]]"
    acknowledge_at_once: bool = True
    batches: list[tuple[Batch, Callable[[], None]]] = dataclasses.field(default_factory=list)
    stop: threading.Event = dataclasses.field(default_factory=threading.Event)
    raised: list[BaseException] = dataclasses.field(default_factory=list)
    thread: threading.Thread | None = None

    def deliver(self, batch: Batch, acknowledge: Callable[[], None]) -> None:
        self.batches.append((batch, acknowledge))
        if self.acknowledge_at_once:
            acknowledge()

    @property
    def frames(self) -> list[Frame]:
        return [frame for batch, _ in list(self.batches) for frame in batch.frames]

    def acknowledge(self) -> None:
        for _, acknowledge in self.batches:
            acknowledge()

    def start(self) -> "Pipe":
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def _run(self) -> None:
        try:
            self.source.run(self.deliver, self.stop)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.raised.append(error)

    def end(self) -> None:
        self.stop.set()
        if self.thread is not None:
            self.thread.join(20)
            assert not self.thread.is_alive()

    def expect(self, kind: str, *, within_s: float = 20) -> dict[str, Any]:
        """Wait for the next report, which must be of this kind."""
        got, data = self.reports.get(timeout=within_s)
        assert got == kind, data
        return data

    def expect_link(self, *, up: bool) -> str:
        """Wait until the link is so, which it was not before; return why."""
        while True:
            kind, data = self.reports.get(timeout=20)
            if kind == "link" and data["up"] is up:
                why: str = data["why"]
                return why

    def wait(self, count: int) -> None:
        until(lambda: len(self.frames) >= count, what=f"{count} frames, there are {len(self.frames)}")


MakePipe = Callable[..., Pipe]


@pytest.fixture
def make_pipe() -> Iterator[MakePipe]:
    """Make a source and what drinks from it; all are ended afterwards, and none may have raised."""
    made: list[Pipe] = []

    def make(wanted: MqttSettings, *, acknowledge: bool = True, start: bool = True, **others: Any) -> Pipe:  # noqa: ANN401 - what a source takes
        reports: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        source = MqttSource(wanted, "gw", lambda kind, data: reports.put((kind, data)), **others)
        pipe = Pipe(source, reports, acknowledge)
        made.append(pipe)
        return pipe.start() if start else pipe

    yield make
    for pipe in made:
        pipe.end()
    assert [error for pipe in made for error in pipe.raised] == []


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect after 0.1 s, for tests in which many attempts fail."""
    monkeypatch.setattr(mqtt, "RETRY_S", (0.1, 0.1))


versions = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


def publish(broker: Mosquitto, count: int, *, retain: bool = False, first: int = 0) -> None:
    messages = ((b"wells/%d/report" % n, b'{"n":%d}' % n) for n in range(first, first + count))
    with Publisher(broker.port) as publisher:
        assert publisher.publish(messages, retain=retain) == count


@versions
def test_messages_become_frames_and_are_acknowledged_only_when_told(
    broker: Mosquitto, make_pipe: MakePipe, protocol: str
) -> None:
    """Without an acknowledgement they come again after the next connect, marked; with it they do not."""
    pipe = make_pipe(settings(broker.port, protocol=protocol), acknowledge=False)
    assert pipe.expect_link(up=True) == f"127.0.0.1:{broker.port}: a new session"
    broker.wait_subscribed(CLIENT, FILTER)
    publish(broker, 10)
    pipe.wait(10)
    assert pipe.frames == [(b"wells/%d/report" % n, b'{"n":%d}' % n, b"") for n in range(10)]
    assert pipe.batches[0][0].source == "lora"
    pipe.stop.set()
    pipe.end()  # nothing was acknowledged

    again = make_pipe(settings(broker.port, protocol=protocol), acknowledge=False)
    assert "kept our session" in again.expect_link(up=True)
    again.wait(10)
    assert again.frames == [(topic, payload, NOTE_REPEATED) for topic, payload, _ in pipe.frames]
    pipe.acknowledge()  # of a connection that has long gone: nothing must be sent, and nothing raised
    again.acknowledge()
    until(lambda: again.source.counts() == {"received": 10})
    again.end()

    third = make_pipe(settings(broker.port, protocol=protocol))
    third.expect_link(up=True)
    publish(broker, 1, first=99)
    third.wait(1)
    assert third.frames == [(b"wells/99/report", b'{"n":99}', b"")]


def test_a_clean_stop_waits_for_the_last_acknowledgements(broker: Mosquitto, make_pipe: MakePipe) -> None:
    """The pipeline commits a moment after `stop`: what it acknowledges then is not delivered twice."""
    pipe = make_pipe(settings(broker.port), acknowledge=False)
    broker.wait_subscribed(CLIENT, FILTER)
    publish(broker, 5)
    pipe.wait(5)
    pipe.stop.set()
    time.sleep(mqtt.IDLE_S + 0.2)
    pipe.acknowledge()
    began = time.monotonic()
    pipe.end()
    assert time.monotonic() - began < 1
    publish(broker, 1, first=99)
    again = make_pipe(settings(broker.port))
    again.wait(1)
    assert [topic for topic, _, _ in again.frames] == [b"wells/99/report"]


def test_a_late_acknowledgement_of_a_former_connection_is_never_sent(
    broker: Mosquitto, make_pipe: MakePipe, quick_retries: None
) -> None:
    """After a lost session the broker counts from 1 again: the old PUBACK would swallow a new message."""
    pipe = make_pipe(settings(broker.port), acknowledge=False)
    broker.wait_subscribed(CLIENT, FILTER)
    publish(broker, 3)
    pipe.wait(3)
    broker.kill()
    for saved in broker.folder.glob("mosquitto.db*"):
        saved.unlink()
    assert pipe.expect_link(up=True)
    pipe.expect_link(up=False)
    broker.start()
    assert "a new session" in pipe.expect_link(up=True)
    assert pipe.expect("session_lost") == {}
    broker.wait_subscribed(CLIENT, FILTER, times=2)
    publish(broker, 3, first=10)
    pipe.wait(6)
    for batch, acknowledge in pipe.batches:
        if batch.frames[0][0] < b"wells/10":
            acknowledge()
    pipe.end()
    again = make_pipe(settings(broker.port))
    again.wait(3)
    assert sorted(again.frames) == [(b"wells/%d/report" % n, b'{"n":%d}' % n, NOTE_REPEATED) for n in (10, 11, 12)]


def test_the_receive_maximum_bounds_what_is_under_way(
    broker: Mosquitto, make_pipe: MakePipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "RECEIVE_MAXIMUM", 50)
    pipe = make_pipe(settings(broker.port), acknowledge=False)
    assert pipe.source.window == 50
    broker.wait_subscribed(CLIENT, FILTER)
    publish(broker, 500)
    pipe.wait(50)
    time.sleep(0.3)
    assert len(pipe.frames) == 50
    pipe.acknowledge_at_once = True
    pipe.acknowledge()
    pipe.wait(500)
    assert len(set(pipe.frames)) == 500


def test_the_window_of_3_1_1_is_the_brokers(tmp_path: Path, make_pipe: MakePipe) -> None:
    """A broker without our drop-in's `max_inflight_messages` sends 20 and waits."""
    with mosquitto(tmp_path / "broker", "max_inflight_messages 20") as broker:
        pipe = make_pipe(settings(broker.port, protocol="3.1.1", inflight=20), acknowledge=False)
        assert pipe.source.window == 20
        broker.wait_subscribed(CLIENT, FILTER)
        publish(broker, 200)
        pipe.wait(20)
        time.sleep(0.3)
        assert len(pipe.frames) == 20
        pipe.acknowledge_at_once = True
        pipe.acknowledge()
        pipe.wait(200)
        pipe.end()


@versions
def test_retained_messages(broker: Mosquitto, make_pipe: MakePipe, protocol: str) -> None:
    """MQTT 5: what the broker remembers is not sent at all; 3.1.1: it comes, and is marked."""
    publish(broker, 3, retain=True)
    pipe = make_pipe(settings(broker.port, protocol=protocol))
    broker.wait_subscribed(CLIENT, FILTER)
    publish(broker, 1, first=50, retain=True)
    pipe.wait(1 if protocol == "5" else 4)
    live = (b"wells/50/report", b'{"n":50}', b"")
    old = [(b"wells/%d/report" % n, b'{"n":%d}' % n, NOTE_RETAINED) for n in range(3)]
    assert sorted(pipe.frames) == sorted([live] if protocol == "5" else [*old, live])
    pipe.end()
    again = make_pipe(settings(broker.port, protocol=protocol))
    broker.wait_subscribed(CLIENT, FILTER, times=2)
    publish(broker, 1, first=60)
    again.wait(1 if protocol == "5" else 5)
    assert [frame for frame in again.frames if frame[2] != NOTE_RETAINED] == [(b"wells/60/report", b'{"n":60}', b"")]
    assert protocol == "3.1.1" or len(again.frames) == 1


@versions
def test_a_broker_that_restarts(broker: Mosquitto, make_pipe: MakePipe, protocol: str) -> None:
    """The link goes down and up, each told once; the session and what came meanwhile are kept."""
    pipe = make_pipe(settings(broker.port, protocol=protocol))
    assert pipe.expect_link(up=True)
    broker.wait_subscribed(CLIENT, FILTER)
    broker.stop()
    pipe.expect_link(up=False)
    broker.start()
    publish(broker, 5)
    assert "kept our session" in pipe.expect_link(up=True)
    pipe.wait(5)
    assert [frame[0] for frame in pipe.frames] == [b"wells/%d/report" % n for n in range(5)]


def test_what_comes_while_we_are_away_waits_with_qos_0_too(broker: Mosquitto, make_pipe: MakePipe) -> None:
    """`queue_qos0_messages` of the drop-in: ChirpStack publishes with QoS 0 unless it is told otherwise."""
    pipe = make_pipe(settings(broker.port))
    broker.wait_subscribed(CLIENT, FILTER)
    pipe.end()
    packet = b"\x30\x10\0\x0ewells/0/report"
    with socket.create_connection(("127.0.0.1", broker.port)) as sock:
        sock.sendall(b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01q" + packet + b"\xe0\0")
        while sock.recv(100):
            pass
    again = make_pipe(settings(broker.port))
    again.wait(1)
    assert again.frames == [(b"wells/0/report", b"", b"")]


@versions
def test_a_filter_that_is_no_longer_wanted_is_taken_out_of_the_session(
    tmp_path: Path, broker: Mosquitto, make_pipe: MakePipe, protocol: str
) -> None:
    """Filters that overlap bring each message twice, also after they are put right: the session keeps them."""
    wide = [{"filter": name, "envelope": "plain"} for name in (FILTER, "wells/#", "tanks/+")]
    kept = {"kept_in": tmp_path / "state" / "mqtt"}
    first = make_pipe(settings(broker.port, topics=wide, protocol=protocol), **kept)
    broker.wait_subscribed(CLIENT, "tanks/+")
    publish(broker, 1)
    first.wait(2 if protocol == "5" else 1)  # mosquitto spares clients of 3.1.1 the copies
    first.end()

    second = make_pipe(settings(broker.port, protocol=protocol), **kept)
    broker.wait_subscribed(CLIENT, FILTER, times=2)
    file = kept["kept_in"] / f"{CLIENT}.json"
    until(lambda: json.loads(file.read_text()) == [FILTER], what="the old filters are taken back")
    publish(broker, 3, first=7)
    with Publisher(broker.port) as publisher:
        publisher.publish(iter([(b"tanks/1", b"")]))
    second.wait(3)
    second.end()
    third = make_pipe(settings(broker.port, protocol=protocol), **kept)
    broker.wait_subscribed(CLIENT, FILTER, times=3)
    publish(broker, 1, first=20)
    third.wait(1)
    third.end()
    assert [payload for _, payload, _ in second.frames] == [b'{"n":7}', b'{"n":8}', b'{"n":9}']
    assert [payload for _, payload, _ in third.frames] == [b'{"n":20}']


def test_encrypted_with_an_authority_of_our_own(tmp_path: Path, make_pipe: MakePipe) -> None:
    keys = make_certificates(tmp_path / "keys")
    with mosquitto(tmp_path / "broker", tls=keys) as broker, mosquitto(tmp_path / "plain") as plain:
        secure = {"url": f"mqtts://localhost:{broker.port}"}
        pipe = make_pipe(settings(0, **secure, ca_file=keys.ca))
        broker.wait_subscribed(CLIENT, FILTER)
        tool = ["mosquitto_pub", "--cafile", str(keys.ca), "-h", "localhost", "-p", str(broker.port), "-q", "1"]
        lines = "".join(f"{n}\n" for n in range(3000))
        subprocess.run([*tool, "-t", "wells/7/report", "-l"], input=lines.encode(), check=True, timeout=60)
        pipe.wait(3000)
        assert [int(payload) for _, payload, _ in pipe.frames] == list(range(3000))
        pipe.end()

        why = make_pipe(settings(0, **secure)).expect("link")["why"]
        assert "certificate is not trusted: unable to get local issuer certificate; check ca_file" in why
        why = make_pipe(settings(0, **secure, ca_file=tmp_path / "none.pem")).expect("link")["why"]
        assert f"ca_file {tmp_path}/none.pem: No such file" in why
        (tmp_path / "no.pem").write_text("no certificate\n")
        why = make_pipe(settings(0, **secure, ca_file=tmp_path / "no.pem")).expect("link")["why"]
        assert f"ca_file {tmp_path}/no.pem: NO_CERTIFICATE_OR_CRL_FOUND; it must be PEM" in why
        other = settings(0, url=f"mqtts://127.0.0.2:{broker.port}", ca_file=keys.ca)
        assert "connection refused" in make_pipe(other).expect("link")["why"]
        no_tls = settings(0, url=f"mqtts://localhost:{plain.port}", ca_file=keys.ca)
        assert make_pipe(no_tls).expect("link")["up"] is False


@versions
def test_a_wrong_password_is_told_and_healed(
    tmp_path: Path, make_pipe: MakePipe, quick_retries: None, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    """The password is read again at each attempt, so that putting it right needs no restart; it is never logged."""
    secret = tmp_path / "password"
    secret.write_text("sesam-wrong\n")
    who = {"username": "cityward", "password": {"file": secret}, "protocol": protocol}
    with mosquitto(tmp_path / "broker", users={"cityward": "sesam-right"}) as broker:
        pipe = make_pipe(settings(broker.port, **who))
        told = pipe.expect("link")
        assert (told["up"], "check username and password" in told["why"]) == (False, True), told
        time.sleep(0.5)  # several attempts later nothing more has been said
        assert pipe.reports.qsize() == 0
        secret.unlink()
        assert "No such file" in pipe.expect("link")["why"]
        secret.write_text("sesam-right\n")
        assert pipe.expect_link(up=True)
        pipe.end()
    assert "sesam" not in caplog.text + repr(pipe.source.__dict__)


def test_a_password_from_systemd(tmp_path: Path, make_pipe: MakePipe, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqtt-password").write_text("sesam")
    who = {"username": "cityward", "password": {"credential": "mqtt-password"}}
    with mosquitto(tmp_path / "broker", users={"cityward": "sesam"}) as broker:
        monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
        pipe = make_pipe(settings(broker.port, **who))
        assert "$CREDENTIALS_DIRECTORY is not set" in pipe.expect("link")["why"]
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        pipe.expect_link(up=True)


def test_nobody_listens(make_pipe: MakePipe) -> None:
    port = free_port()
    why = make_pipe(settings(port)).expect("link")["why"]
    assert why == f"127.0.0.1:{port}: connection refused; does the broker run, and listen there?"


def test_another_client_with_our_id(broker: Mosquitto, make_pipe: MakePipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two gateways of one id throw each other out for ever: say so."""
    pipe = make_pipe(settings(broker.port))
    pipe.expect_link(up=True)
    rival = make_pipe(settings(broker.port))
    rival.expect_link(up=True)
    assert "is there a second gateway of this id?" in pipe.expect_link(up=False)
    rival.stop.set()


def test_what_the_broker_drops_is_counted(tmp_path: Path, make_pipe: MakePipe) -> None:
    """A queue of 10 and 30 messages: 20 are acknowledged to their sender and gone. $SYS tells; it is no frame."""
    small = "max_queued_messages 10\nsys_interval 1"
    with mosquitto(tmp_path / "broker", small) as broker:
        pipe = make_pipe(settings(broker.port, topics=[{"filter": FILTER, "envelope": "plain"}]))
        broker.wait_subscribed(CLIENT, mqtt.DROPPED, qos=0)
        until(lambda: pipe.source._dropped == 0, what="the first value of the counter")
        pipe.end()
        publish(broker, 30)
        time.sleep(1.2)

        again = make_pipe(settings(broker.port), dropped_before=0)
        assert again.expect_link(up=True)
        assert again.expect("condition")["bad"] is False
        assert again.expect("drops") == {"dropped": 20, "total": 20}
        again.wait(10)
        assert len(again.frames) == 10
        broker.stop()
        broker.start()
        until(lambda: again.source._dropped == 0, what="the counter of the next life of the broker")
        again.end()


@versions
def test_a_message_too_large_is_counted_and_stops_nothing(
    broker: Mosquitto, make_pipe: MakePipe, protocol: str
) -> None:
    """Somebody publishes a picture where readings belong: it is told, acknowledged, and the next reading arrives."""
    pipe = make_pipe(settings(broker.port, protocol=protocol))
    broker.wait_subscribed(CLIENT, FILTER)
    with Publisher(broker.port) as publisher:
        publisher.publish([(b"wells/1/report", b"x" * 1_200_000), (b"wells/2/report", b"{}")])
    pipe.wait(1)
    assert pipe.frames == [(b"wells/2/report", b"{}", b"")]
    kinds: dict[str, Any] = {}
    while "missed" not in kinds:
        kinds |= [pipe.reports.get(timeout=5)]
    assert kinds["missed"]["count"] == 1
    assert "bytes on wells/1/report; at most 1048576 are taken" in kinds["missed"]["cause"]
    pipe.end()
    again = make_pipe(settings(broker.port, protocol=protocol))
    broker.wait_subscribed(CLIENT, FILTER, times=2)
    publish(broker, 1)
    again.wait(1)
    assert again.frames == [(b"wells/0/report", b'{"n":0}', b"")]


class FakeBroker(threading.Thread):
    """Says to every connection what it is told to, after CONNECT and after SUBSCRIBE."""

    def __init__(self, *answers: bytes) -> None:
        super().__init__()
        self.answers = answers
        self.heard: list[bytes] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]

    def run(self) -> None:
        sock, _ = self.server.accept()
        with sock, self.server:
            for answer in self.answers:
                self.heard.append(sock.recv(4096))
                sock.sendall(answer)
            while data := sock.recv(4096):
                self.heard.append(data)


CONNACK_5 = b"\x20\x03\0\0\0"


def test_a_filter_that_is_refused(make_pipe: MakePipe) -> None:
    """Connected, but one of two filters may not be read: a condition with the name of the filter."""
    broker = FakeBroker(CONNACK_5, b"\x90\x05\0\x01\0\x01\x87" + b"\x90\x04\0\x02\0\x87")
    broker.start()
    topics = [{"filter": name, "envelope": "plain"} for name in (FILTER, "private/#")]
    pipe = make_pipe(settings(broker.port, topics=topics))
    pipe.expect_link(up=True)
    told = pipe.expect("condition")
    assert (told["name"], told["bad"]) == ("subscription-refused", True)
    assert told["why_en"] == "the broker refuses private/# (Not authorized); give this user the right to read them"
    assert "private/#" in told["why_zh"]
    pipe.end()
    broker.join(10)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(b"\x20\x02\0\x01", "does not speak MQTT 5: set `protocol: 3.1.1`", id="refuses 5"),
        pytest.param(b"\x20\x03\0\x88\0", "Server unavailable", id="busy"),
        pytest.param(CONNACK_5 + b"\x32\x03\0\x09a", "the broker sent a topic", id="nonsense"),
        pytest.param(CONNACK_5 + b"\xe0\x01\x8b", "Server shutting down; the broker is being stopped", id="goodbye"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n" + b"Server: nginx\r\n" * 9, "the broker sent", id="a web server"),
    ],
)
def test_what_a_broker_says_when_it_refuses(make_pipe: MakePipe, answer: bytes, why: str) -> None:
    broker = FakeBroker(answer)
    broker.start()
    pipe = make_pipe(settings(broker.port))
    while (told := pipe.expect("link"))["up"]:
        pass
    assert why in told["why"]
    pipe.end()
    broker.join(10)


def test_what_deliver_raises_ends_the_source(broker: Mosquitto, make_pipe: MakePipe) -> None:
    """A defect must not leave a thread that looks alive: `run` raises, and the message stays with the broker."""
    pipe = make_pipe(settings(broker.port), start=False)

    def defect(_: Batch, __: Callable[[], None]) -> None:
        raise ZeroDivisionError("a defect")

    pipe.deliver = defect  # type: ignore[assignment]
    pipe.start()
    broker.wait_subscribed(CLIENT, FILTER)
    publish(broker, 1)
    until(lambda: pipe.raised, what="run raises")
    assert isinstance(pipe.raised.pop(), ZeroDivisionError)
    again = make_pipe(settings(broker.port))
    again.wait(1)
    assert again.frames == [(b"wells/0/report", b'{"n":0}', NOTE_REPEATED)]


def test_a_dead_link_is_noticed(broker: Mosquitto, make_pipe: MakePipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that hangs answers no ping: after the keep-alive time the link is down."""
    monkeypatch.setattr(mqtt, "KEEPALIVE_S", 1)
    pipe = make_pipe(settings(broker.port))
    pipe.expect_link(up=True)
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)
    assert "silent for too long" in pipe.expect_link(up=False)
    broker.process.send_signal(signal.SIGCONT)
    pipe.expect_link(up=True)


def test_twenty_thousand_messages_all_once(broker: Mosquitto, make_pipe: MakePipe) -> None:
    """At full speed, acknowledged from another thread in bursts: all there, none twice, in order for each topic."""
    pipe = make_pipe(
        settings(broker.port, topics=[{"filter": "bench/+/report", "envelope": "plain"}]), acknowledge=False
    )
    broker.wait_subscribed(CLIENT, "bench/+/report")
    done = threading.Event()

    def acknowledger() -> None:
        at = 0
        while not done.wait(0.02):
            now = len(pipe.batches)
            for _, acknowledge in pipe.batches[at:now]:
                acknowledge()
            at = now

    thread = threading.Thread(target=acknowledger)
    thread.start()
    with Publisher(broker.port) as publisher:
        assert publisher.publish(readings(20_000, 100)) == 20_000
    pipe.wait(20_000)
    done.set()
    thread.join()
    assert sorted(pipe.frames) == sorted((topic, payload, b"") for topic, payload in readings(20_000, 100))
    by_device: dict[bytes, list[bytes]] = {}
    for topic, payload, _ in pipe.frames:
        by_device.setdefault(topic, []).append(payload)
    for topic, payload in readings(20_000, 100):
        assert by_device[topic].pop(0) == payload
