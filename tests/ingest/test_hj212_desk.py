"""HJ 212 beyond plain stations that call: encrypted data, clocks that are set, loggers that are called or wired."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from commands.district.wire import Wire
from devices.hj212 import CrcForm, Packet, build_packet, parse, time_ms
from devices.hj212_stream import Splitter
from devices.models.hj212_dust import Hj212Options, Key
from devices.readings import Refusal
from devices.registry import Device
from ingest.clock import now_civil_ms
from ingest.settings import line
from ingest.sources import hj212_tcp
from ingest.sources.hj212_desk import Desk
from ingest.sources.hj212_serial import Hj212Line
from ingest.sources.hj212_sm4 import made_plain, sm4
from ingest.sources.hj212_tcp import Hj212Client
from tests.ingest.lines import Cable, Heard, running, until

MN = "010000A8900016F000169DC0"
KEY = "0123456789abcdeffedcba9876543210"
CP = "DataTime=20260801085800;a34004-Rtd=92.1,a34004-Flag=N;a34002-Rtd=136.0,a34002-Flag=N"


def packet(cp: str = CP, **rest: Any) -> bytes:  # noqa: ANN401 - of build_packet
    return build_packet(**{"qn": "20260801085857223", "st": "39", "cn": "2011", "mn": MN, "flag": 9, "cp": cp, **rest})


def encrypted(plain: bytes, *, printed: bool, key: str = KEY) -> bytes:
    """Encrypt a packet's data area as HJ 212-2025 does: whole blocks only, checksum and name of the plain text."""
    head, area = plain[6:-6].split(b"CP=&&")
    area = area[:-2]
    blocks = len(area) // 16 * 16
    encryptor = Cipher(algorithms.SM4(bytes.fromhex(key)), modes.ECB()).encryptor()  # noqa: S305 - the standard's own
    cipher = encryptor.update(area[:blocks]) + encryptor.finalize()
    if printed:
        cipher = b"{" + b",".join(b"0x%02X" % byte for byte in cipher) + b"}"
    data = head + b"CP=&&" + cipher + area[blocks:] + b"&&"
    return b"##%04d%s%s" % (len(data), data, plain[-6:])


def station(**options: object) -> Device:
    return Device(
        id="dust-1",
        model="hj212-dust",
        family="dust",
        address=f"mn:{MN}",
        interval_ms=60_000,
        options=Hj212Options(pm_unit="ug_m3", **options),  # type: ignore[arg-type]
    )


# ------------------------------------------------------------------------------------------------------------ SM4


def test_the_cipher_is_that_of_the_standard() -> None:
    """GB/T 32907-2016, annex A.1."""
    assert sm4(KEY)(bytes.fromhex("681edf34d206965e86b3e94f536e4246")).hex() == KEY
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        sm4("123456")


@given(st.text("abcdefgh=-.,;0123456789", min_size=64, max_size=300), st.booleans())
def test_what_is_encrypted_comes_out_as_it_was(cp: str, printed: bool) -> None:  # noqa: FBT001 - drawn
    plain = packet(cp)
    sent = encrypted(plain, printed=printed)
    assert isinstance(parse(sent), Refusal), "a cipher is never taken for text, though its checksum may fit"
    assert made_plain(sent, sm4(KEY)) == plain
    assert made_plain(sent, sm4("0" * 32)) is None, "the checksum of the plain text tells a wrong key"


@pytest.mark.parametrize("printed", [False, True])
def test_an_encrypted_station_is_read_answered_and_kept_plain(tmp_path: Path, printed: bool) -> None:  # noqa: FBT001 - parameter
    (tmp_path / "key").write_text(KEY + "\n")
    heard = Heard()
    desk = Desk(heard.report)
    plain = packet()
    sent = encrypted(plain, printed=printed)
    looked = desk.look_at(sent)
    assert (looked.place, looked.payload, looked.replies) == (MN.encode(), sent, []), "nobody knows its key"
    desk.set_stations([station(key=Key(file=str(tmp_path / "key")))])
    looked = desk.look_at(sent)
    assert (looked.place, looked.payload) == (MN.encode(), plain)
    [reply] = looked.replies
    assert isinstance(reply, bytes)
    answer = parse(reply)
    assert isinstance(answer, Packet)
    assert (answer.cn, answer.qn, answer.flag) == ("9014", "20260801085857223", 8)
    assert desk.look_at(plain).payload == plain, "what is not encrypted is read as it is"
    assert Splitter().feed(sent + sent) == [sent, sent]


def test_a_key_that_cannot_be_read_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    heard = Heard()
    desk = Desk(heard.report)
    desk.set_stations([station(key=Key(file=str(tmp_path / "none")))])
    kind, data = heard.reports[-1]
    assert (kind, data["name"], data["bad"]) == ("condition", "hj212-key", True)
    assert "dust-1" in data["why_en"]
    assert desk.look_at(packet()).replies
    (tmp_path / "none").write_text(KEY)
    desk.set_stations([station(key=Key(file=str(tmp_path / "none")))])
    assert heard.reports[-1][1]["bad"] is False


# -------------------------------------------------------------------------------------------------- who is answered


@pytest.mark.parametrize(
    ("options", "sent", "answered"),
    [
        ({}, {}, True),
        ({"pw": "123456"}, {}, True),
        ({"pw": "123456"}, {"pw": "654321"}, False),
        ({"crc": "hj212"}, {}, True),
        ({"crc": "hj212"}, {"crc": "modbus"}, False),
        ({"crc": "off"}, {"crc": "modbus"}, True),
    ],
)
def test_only_what_the_core_takes_is_answered(options: dict[str, Any], sent: dict[str, Any], answered: bool) -> None:  # noqa: FBT001 - parameter
    desk = Desk(Heard().report)
    desk.set_stations([station(**options)])
    looked = desk.look_at(packet(**sent))
    assert bool(looked.replies) == answered
    assert looked.place == MN.encode(), "kept in any case"


def test_a_form_that_a_station_never_had_is_not_answered_until_it_is_learned() -> None:
    desk = Desk(Heard().report)
    desk.set_stations([station()])
    assert all(desk.look_at(packet()).replies for _ in range(3))
    assert [bool(desk.look_at(packet(crc="modbus")).replies) for _ in range(3)] == [False, False, True]


def test_a_checksum_that_is_not_looked_at() -> None:
    desk = Desk(Heard().report)
    wrong = packet()[:-6] + b"BEEF\r\n"
    assert not desk.look_at(wrong).replies
    desk.set_stations([station(crc="off")])
    assert desk.look_at(wrong).replies


# ----------------------------------------------------------------------------------------------------------- clocks


def asks_for_time(crc: CrcForm = "hj212") -> bytes:
    return packet("PolId=w01018", cn="1013", flag=5, crc=crc)


def told(desk: Desk, sent: bytes) -> list[Packet]:
    found = [parse(frame) for frame in Splitter().feed(desk.written(desk.look_at(sent).replies))]
    assert all(isinstance(each, Packet) for each in found)
    return [each for each in found if isinstance(each, Packet)]


def test_a_station_that_asks_is_given_our_time() -> None:
    desk = Desk(Heard().report, set_clocks=True, trusted=lambda: True)
    until(lambda: desk._trust, "the clock was looked at")
    before = now_civil_ms()
    notified, command = told(desk, asks_for_time("modbus"))
    assert (notified.cn, notified.st) == ("9013", "91")
    assert (command.cn, command.st, command.mn, command.flag, command.crc) == ("1012", "39", MN, 5, "modbus")
    assert command.fields["PolId"] == "w01018"
    assert before // 1000 * 1000 <= time_ms(command.fields["SystemTime"]) <= now_civil_ms()
    assert [each.cn for each in told(desk, packet())] == ["9014"], "who does not ask is not set"


@pytest.mark.parametrize(("set_clocks", "trusted"), [(False, True), (True, False)])
def test_nobodys_clock_is_set_unless_it_is_wanted_and_ours_is_right(set_clocks: bool, trusted: bool) -> None:  # noqa: FBT001 - parameters
    desk = Desk(Heard().report, set_clocks=set_clocks, trusted=lambda: trusted)
    if set_clocks:
        until(lambda: desk._trust is not None, "the clock was looked at")
    assert [each.cn for each in told(desk, asks_for_time())] == ["9013"]


# ---------------------------------------------------------------------------------------- a logger that is called


class Logger:
    """Waits to be called; sends what it is told to, and keeps what it gets."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.link: socket.socket | None = None
        self.calls = 0
        self.got = b""

    def run(self, stop: threading.Event) -> None:
        self.listener.settimeout(0.05)
        while not stop.is_set():
            with suppress(TimeoutError, OSError):
                if self.link is None:
                    self.link, _ = self.listener.accept()
                    self.link.settimeout(0.05)
                    self.calls += 1
                data = self.link.recv(4096)
                self.got += data
                if not data:
                    self.hang_up()
        self.hang_up()

    def hang_up(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.close()

    def send(self, data: bytes) -> None:
        until(lambda: self.link, "a call")
        assert self.link
        self.link.sendall(data)


@contextmanager
def logger() -> Iterator[Logger]:
    made, stop = Logger(), threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join(10)
        made.listener.close()


def test_a_logger_is_called_heard_answered_and_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hj212_tcp, "CONNECT_AGAIN_S", (0.2, 0.4))
    heard = Heard()
    with logger() as other:
        client = Hj212Client("yard", "127.0.0.1", other.port, heard.report)
        with running(client, heard):
            until(lambda: other.calls == 1, "the call")
            assert heard.links == [], "a link that brings nothing is none"
            other.send(packet()[:40])
            other.send(packet()[40:])
            until(lambda: b"CN=9014" in other.got, "the answer")
            assert heard.frames == [(MN.encode(), packet(), b"")]
            other.hang_up()
            until(lambda: heard.links == [True, False], "down")
            assert f"127.0.0.1:{other.port}" in heard.why()
            until(lambda: other.calls == 2, "it is called again")
            other.send(packet())
            until(lambda: heard.links == [True, False, True], "up")
    assert client.counts()["answered"] == 2
    assert client.waits


def test_a_logger_that_is_not_there_is_told() -> None:
    heard = Heard()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running(Hj212Client("yard", "127.0.0.1", port, heard.report), heard):
        until(lambda: heard.links == [False], "down")
    assert str(port) in heard.why()


def test_a_logger_that_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hj212_tcp, "CONNECT_AGAIN_S", (0.2, 0.2))
    heard = Heard()
    with logger() as other, running(Hj212Client("yard", "127.0.0.1", other.port, heard.report, idle_s=0.3), heard):
        until(lambda: other.calls >= 2, "called again")
    assert heard.links == [False]


# ---------------------------------------------------------------------------------------------- a logger on a wire


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    with Cable(tmp_path) as cable:
        yield cable


def test_a_wired_logger_is_heard_and_answered_when_it_is_kept(cable: Cable) -> None:
    heard = Heard()
    heard.at_once = False
    source = Hj212Line("wired", str(cable.ours), line("115200 8N1"), heard.report)
    sent = packet()
    with running(source, heard), Wire.open(cable.theirs) as wire:
        until(lambda: source.counts()["opened"], "the port is open")
        wire.write(b"NetAssist\r\n" + sent[:50])
        wire.write(sent[50:] + packet(cn="2051", flag=8))
        until(lambda: len(heard.frames) == 2, "two packets")
        assert wire.read(0.1) == b"", "nothing is on the disk yet"
        for acknowledge in heard.acknowledge:
            acknowledge()
        got = b""

        def answered() -> bool:
            nonlocal got
            got += wire.read(0.05)
            return got.endswith(b"\r\n")

        until(answered, "the answer")
    [answer] = Splitter().feed(got)
    found = parse(answer)
    assert isinstance(found, Packet)
    assert (found.cn, found.qn) == ("9014", "20260801085857223")
    assert heard.frames[0] == (MN.encode(), sent, b"")
    assert heard.links == [True]
    assert source.counts()["noise_bytes"] == 11
    assert (source.counts()["received"], source.counts()["answered"]) == (2, 1)


def test_a_wired_logger_that_falls_silent(cable: Cable) -> None:
    heard = Heard()
    source = Hj212Line("wired", str(cable.ours), line("115200 8N1"), heard.report, silent_s=0.3)
    with running(source, heard), Wire.open(cable.theirs) as wire:
        until(lambda: source.counts()["opened"], "the port is open")
        wire.write(packet())
        until(lambda: heard.links[-2:] == [True, False], "silent")
    assert heard.why() == "no packet for 0.3 s"
