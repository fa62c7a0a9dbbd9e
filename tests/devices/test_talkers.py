"""Frames of modules on a line of their own: cut out of any stream, and told apart."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import catalogue
from devices.models import Model
from devices.readings import Refusal
from devices.talkers import TALKERS, cut, nova_command, stuffed, unstuffed
from tests.devices.captures import Capture, captures

READ = [c for c in captures() if c.model.id in TALKERS and c.expect]
FRAMES = {name: sorted({c.payload for c in READ if c.model.id == name}) for name in TALKERS}


@pytest.mark.parametrize("capture", READ, ids=lambda c: f"{c.model.id}: {c.note}")
def test_every_captured_frame_is_cut_out_of_noise(capture: Capture) -> None:
    buffer = bytearray(b"\x00\xff" + capture.payload + capture.payload + b"\x01")
    frames, noise = cut(TALKERS[capture.model.id], buffer)
    assert frames == [capture.payload] * 2
    assert noise + len(buffer) == 3


@pytest.mark.parametrize("name", TALKERS)
def test_no_frame_is_lost_on_a_bad_line(name: str) -> None:
    """5,000 frames with bit errors, cuts and noise, in pieces: what stayed whole comes out, in order."""
    dice = random.Random(5)
    talker = TALKERS[name]
    stream, whole = b"", []
    for _ in range(5000):
        made = dice.choice(FRAMES[name])
        fate = dice.random()
        if fate < 0.02:
            made = made[: dice.randrange(len(made))]
        elif fate < 0.04:
            at = dice.randrange(len(made))
            made = made[:at] + bytes((made[at] ^ 1 << dice.randrange(8),)) + made[at + 1 :]
        else:
            whole.append(made)
        stream += made + (dice.randbytes(dice.randrange(9)) if fate > 0.9 else made[:2] if fate > 0.89 else b"")
    buffer, got, noise = bytearray(), [], 0
    for at in range(0, len(stream), 57):
        buffer += stream[at : at + 57]
        frames, dropped = cut(talker, buffer)
        got += frames
        noise += dropped
        assert len(buffer) <= talker.longest
    assert len(got) >= 0.995 * len(whole)  # some noise is, by chance, the head of a frame that swallows the next
    assert sum(map(len, got)) + noise + len(buffer) == len(stream)


@given(st.sampled_from(sorted(TALKERS)), st.binary(max_size=200), st.integers(1, 40))
def test_no_byte_is_lost(name: str, stream: bytes, size: int) -> None:
    buffer, out = bytearray(), 0
    for at in range(0, len(stream), size):
        buffer += stream[at : at + size]
        frames, noise = cut(TALKERS[name], buffer)
        out += sum(map(len, frames)) + noise
        assert len(buffer) <= TALKERS[name].longest
    assert out + len(buffer) <= len(stream), "less only by answers to commands, which are passed over"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("plantower-pms", "424d0004e1000174"),
        ("nova-sds", "aac502010100a16005ab"),
        ("sensirion-sps30", "7e00000000ff7e"),
        ("sensirion-sps30", "7e00034300b97e"),
        ("sensirion-sps30", "7e00030000fc7e"),
    ],
)
def test_answers_to_commands_are_neither_measurements_nor_noise(name: str, answer: str) -> None:
    frame = FRAMES[name][0]
    assert cut(TALKERS[name], buffer := bytearray(bytes.fromhex(answer) + frame)) == ([frame], 0)
    assert not buffer


def test_commands_are_those_of_the_makers() -> None:
    """Plantower appendix I, Nova protocol V1.3, Honeywell table 4, Sensirion datasheet 5.3: as PyPMS sends them."""
    assert nova_command(4).hex() == "aab404000000000000000000000000ffff02ab"
    assert nova_command(2, 1, 1).hex() == "aab402010100000000000000000000ffff02ab"
    for name in ("plantower-pms",):
        for command in (TALKERS[name].begin, TALKERS[name].ask):
            assert sum(command[:-2]) == int.from_bytes(command[-2:])
    for command in (TALKERS["honeywell-hpma"].begin, TALKERS["honeywell-hpma"].ask):
        assert sum(command) & 0xFF == 0
    for command in (TALKERS["sensirion-sps30"].begin, TALKERS["sensirion-sps30"].ask):
        data = unstuffed(command)
        assert data is not None
        assert sum(data) & 0xFF == 0xFF


@given(st.binary(max_size=60))
def test_stuffing_comes_back(data: bytes) -> None:
    assert unstuffed(stuffed(data)) == data
    assert b"\x7e" not in stuffed(data)[1:-1]


def test_plantower_and_honeywell_are_told_apart() -> None:
    """Both send 42 4D 00 1C, 26 bytes and a sum: only the counts of particles differ."""
    plantower, honeywell = catalogue.model("plantower-pms"), catalogue.model("honeywell-hpma")
    refused = 0
    for capture in READ:
        if capture.payload[:4] != b"\x42\x4d\x00\x1c":
            continue
        other: Model = honeywell if capture.model is plantower else plantower
        for variant in ("hpma115s0", "hpma115c0") if other is honeywell else ("pms5003", "pms5003t"):
            said = other.decode(capture.payload, None, msgspec.convert({"variant": variant}, other.options))
            assert isinstance(said, Refusal), said
            refused += said.reason == "not_mine"
    assert refused > 10
