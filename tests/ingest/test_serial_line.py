"""A PM module on a serial line, over real pseudo-terminals."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from serial import Serial

from commands.district.plantower import Plantower
from commands.district.wire import Wire
from devices.talkers import TALKERS, Talker
from ingest.settings import line
from ingest.sources.serial_line import TalkerLine
from tests.devices.captures import captures
from tests.ingest.lines import Cable, Heard, device, running, until

SPEED = line("9600 8N1")

# PyPMS, tests/core/test_frame.py: a captured PMS5003 frame.
CAPTURED = bytes.fromhex("424d001c0005000d00160005000d001602fd00fc001d000f00060006970003c5")


def frame(pm: int, words: int = 13) -> bytes:
    """Make a frame of one number, again and again."""
    head = b"BM" + (2 * words + 2).to_bytes(2, "big") + pm.to_bytes(2, "big") * words
    return head + (sum(head) & 0xFFFF).to_bytes(2, "big")


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    with Cable(tmp_path) as cable:
        yield cable


@contextmanager
def listening(line: TalkerLine, heard: Heard) -> Iterator[None]:
    """Let it run, and wait until it has the port open: what was sent before is nobody's."""
    with running(line, heard):
        until(lambda: line.counts()["opened"], "the port is open")
        yield


def source(cable: Cable, heard: Heard, **settings: float) -> TalkerLine:
    return TalkerLine("kiosk", str(cable.ours), SPEED, heard.report, talker=TALKERS["plantower-pms"], **settings)


def test_every_frame_of_a_module_is_delivered(cable: Cable) -> None:
    heard = Heard()
    numbers = iter(range(1, 1000))
    with (
        running(source(cable, heard), heard),
        Wire.open(cable.theirs) as wire,
        device(Plantower(wire, lambda: frame(next(numbers)), every_s=0.01).run),
    ):
        until(lambda: len(heard.frames) >= 20, "20 frames")
    first = int.from_bytes(heard.payloads[0][4:6], "big")
    assert heard.frames[:20] == [(b"kiosk", frame(number), b"") for number in range(first, first + 20)]
    assert {batch.source for batch in heard.batches} == {"kiosk"}
    assert heard.links == [True]


def test_noise_costs_no_frame_and_is_told(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard)
    noise = (b"\x00\xff" * 10, b"BM\x00\x1c", b"BMBM\x00\x14", b"B", frame(7)[:-1] + b"\x00")
    with listening(line, heard), Wire.open(cable.theirs) as wire:
        for number, junk in enumerate(noise):
            wire.write(junk + frame(number))
        wire.write(CAPTURED)
        until(lambda: CAPTURED in heard.payloads, "the last frame")
    assert heard.payloads == [*map(frame, range(len(noise))), CAPTURED]
    assert line.counts() == {"received": 6, "noise_bytes": sum(map(len, noise)), "opened": 1}
    assert heard.missed("noise_bytes") == sum(map(len, noise))


def test_the_cable_is_pulled_in_the_middle_of_a_frame(cable: Cable) -> None:
    """The first half went with the old cable; the second, on the new one, is noise and not a frame."""
    heard = Heard()
    line = source(cable, heard)
    with listening(line, heard):
        with Wire.open(cable.theirs) as wire:
            wire.write(frame(1) + frame(2)[:15])
            until(lambda: heard.payloads == [frame(1)], "the first frame")
            cable.pull()
            until(lambda: heard.links == [True, False], "the line is down")
        assert str(cable.ours) in heard.why()
        cable.plug()
        with Wire.open(cable.theirs) as wire:
            until(lambda: line.counts()["opened"] > 1, "the port is open again")
            wire.write(frame(2)[15:] + frame(3))
            until(lambda: len(heard.payloads) == 2, "a frame after it")
    assert heard.payloads == [frame(1), frame(3)]
    assert heard.links == [True, False, True]


def test_it_heals_as_often_as_it_is_pulled(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard)
    numbers = iter(range(1, 10_000))
    with running(line, heard):
        for _ in range(5):
            had = len(heard.payloads)
            with Wire.open(cable.theirs) as wire:
                talk = Plantower(wire, lambda: frame(next(numbers)), every_s=0.002)

                def talk_until_pulled(stop: object, talk: Plantower = talk) -> None:
                    with suppress(OSError):
                        talk.run(stop)  # type: ignore[arg-type]

                with device(talk_until_pulled):
                    until(lambda had=had: len(heard.payloads) > had + 3, "frames")  # type: ignore[misc]
                    cable.pull()
            until(lambda: heard.links[-1] is False, "down")
            cable.plug()
    assert heard.links == [True, False] * 5
    assert all(payload == frame(int.from_bytes(payload[4:6], "big")) for payload in heard.payloads)


def test_a_port_that_is_not_there_is_told_and_waited_for(tmp_path: Path) -> None:
    heard = Heard()
    cable = Cable(tmp_path)
    with running(source(cable, heard), heard):
        until(lambda: heard.links == [False], "down")
        assert "No such file" in heard.why()
        with cable, Wire.open(cable.theirs) as wire, device(Plantower(wire, lambda: frame(1), every_s=0.01).run):
            until(lambda: heard.links == [False, True], "up")


def test_a_module_that_falls_silent_takes_its_line_down(cable: Cable) -> None:
    heard = Heard()
    with listening(source(cable, heard, silent_s=0.2), heard), Wire.open(cable.theirs) as wire:
        wire.write(frame(1))
        until(lambda: heard.links[-2:] == [True, False], "silent")
        assert heard.why().startswith("no frame for 0.2 s (one that only answers needs `poll`")
        wire.write(b"\x00" * 100)
        wire.write(frame(2))
        until(lambda: heard.links.count(True) == 2, "it talks again")


def test_a_line_that_another_program_has_open_is_not_shared(cable: Cable) -> None:
    heard = Heard()
    other = Serial(str(cable.ours), exclusive=True)
    with running(source(cable, heard), heard), Wire.open(cable.theirs) as wire:
        until(lambda: heard.links == [False], "down")
        assert "exclusively lock" in heard.why()
        other.close()
        with device(Plantower(wire, lambda: frame(1), every_s=0.01).run):
            until(lambda: heard.links == [False, True], "ours now")


def test_a_port_that_is_no_serial_line_is_told(tmp_path: Path) -> None:
    heard = Heard()
    file = tmp_path / "ttyUSB0"
    file.write_text("not a terminal")
    with running(TalkerLine("kiosk", str(file), SPEED, heard.report, talker=TALKERS["plantower-pms"]), heard):
        until(lambda: heard.links == [False], "down")
    assert "Could not configure port" in heard.why()
    assert file.read_text() == "not a terminal"


def test_a_flood_of_garbage_is_bounded_and_does_not_hide_frames(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard)
    dice = random.Random(1)
    with listening(line, heard), Wire.open(cable.theirs) as wire:

        def said(data: bytes, condition: Callable[[], bool]) -> bool:
            wire.write(data)
            return condition()

        until(lambda: said(dice.randbytes(3000), lambda: line.counts()["noise_bytes"] > 100_000), "garbage was read")
        until(lambda: said(frame(5), lambda: frame(5) in heard.payloads), "a frame among it")
    assert len([report for report in heard.reports if report[0] == "missed"]) <= 2, "once a minute, and at the end"


class Module:
    """A module that answers questions; it must have been told to be asked before."""

    def __init__(self, wire: Wire, talker: Talker, frame: bytes) -> None:
        self.told = self.asked = 0
        self.on = True
        self._wire = wire
        self._talker = talker
        self._frame = frame

    def run(self, stop: threading.Event) -> None:
        heard = b""
        while not stop.is_set():
            heard += self._wire.read(0.05)
            while self._talker.begin in heard or self._talker.ask in heard:
                begin, ask = heard.find(self._talker.begin), heard.find(self._talker.ask)
                told = begin >= 0 and (ask < 0 or begin < ask)
                heard = heard[(begin + len(self._talker.begin)) if told else (ask + len(self._talker.ask)) :]
                if not self.on:
                    continue
                self.told += told
                self.asked += not told
                if not told and self.told:
                    self._wire.write(self._frame)


@pytest.mark.parametrize("name", TALKERS)
def test_a_module_is_asked(cable: Cable, name: str) -> None:
    heard = Heard()
    talker = TALKERS[name]
    said = next(c.payload for c in captures() if c.model.id == name and c.expect and talker.wanted(c.payload))
    line_ = TalkerLine(
        "kiosk", str(cable.ours), SPEED, heard.report, talker=talker, poll_s=0.05, settle_s=0.02, silent_s=0.3
    )
    with Wire.open(cable.theirs) as wire:
        module = Module(wire, talker, said)
        with device(module.run), listening(line_, heard):
            until(lambda: len(heard.frames) >= 5, "five answers")
            assert module.told == 1
            module.on = False
            until(lambda: heard.links == [True, False], "it has lost its power")
            assert heard.why() == "no answer for 0.3 s"
            module.told, module.on = 0, True
            had = len(heard.frames)
            until(lambda: len(heard.frames) > had, "it is told again, and answers")
    assert set(heard.payloads) == {said}
    assert heard.links == [True, False, True]
    assert not line_.counts()["noise_bytes"]
    assert line_.counts()["no_answer"] == heard.missed("no_answer") > 0
