"""A PM module on a serial line, over real pseudo-terminals."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serial import Serial

from commands.district.plantower import Plantower
from commands.district.wire import Wire
from ingest.settings import line
from ingest.sources import serial_line
from ingest.sources.serial_line import PlantowerLine, plantower_frames
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
def listening(line: PlantowerLine, heard: Heard) -> Iterator[None]:
    """Let it run, and wait until it has the port open: what was sent before is nobody's."""
    with running(line, heard):
        until(lambda: line.counts()["opened"], "the port is open")
        yield


def source(cable: Cable, heard: Heard, **settings: float) -> PlantowerLine:
    return PlantowerLine("kiosk", str(cable.ours), SPEED, heard.report, **settings)


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
        assert heard.why() == "no frame for 0.2 s"
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
    with running(PlantowerLine("kiosk", str(file), SPEED, heard.report), heard):
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


@given(
    st.lists(st.one_of(st.integers(0, 999).map(frame), st.binary(max_size=40), st.just(b"BM\0\x1c"), st.just(b"BM"))),
    st.integers(1, 70),
)
def test_no_byte_is_lost_however_the_stream_is_cut(parts: list[bytes], size: int) -> None:
    """Frames come whole and in order, what is between them is counted."""
    stream = b"".join(parts)
    buffer = bytearray()
    got: list[bytes] = []
    noise = 0
    for at in range(0, len(stream), size):
        buffer += stream[at : at + size]
        frames, dropped = plantower_frames(buffer)
        got += frames
        noise += dropped
        assert len(buffer) < 4 + max(serial_line._LENGTHS)
    assert sum(map(len, got)) + noise + len(buffer) == len(stream)
    sent = [part for part in parts if len(part) == 32]
    missing = [frame for frame in sent if frame not in got]
    assert all(frame in stream[-len(buffer) - 32 :] for frame in missing), "only what is not complete yet"


def test_whole_frames_survive_a_bad_line() -> None:
    """5,000 frames with bit errors, cuts, doubled heads: every frame that stayed whole comes out."""
    dice = random.Random(5)
    stream, whole = b"", []
    for number in range(5000):
        made = frame(number, dice.choice((9, 13, 17)))
        fate = dice.random()
        if fate < 0.02:
            made = made[: dice.randrange(len(made))]
        elif fate < 0.04:
            at = dice.randrange(len(made))
            made = made[:at] + bytes((made[at] ^ 1 << dice.randrange(8),)) + made[at + 1 :]
        else:
            whole.append(made)
        stream += made + (dice.randbytes(dice.randrange(9)) if fate > 0.9 else b"BM" if fate > 0.89 else b"")
    buffer, got = bytearray(), []
    for at in range(0, len(stream), 57):
        buffer += stream[at : at + 57]
        got += plantower_frames(buffer)[0]
    assert got[: len(whole)] == whole or set(whole) <= set(got)
