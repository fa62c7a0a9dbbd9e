"""Whatever the air, the wire or a stranger brings: answer or refuse, never an exception, never an insane value.

100,000 mutated frames for each decoder, the parser of HJ 212 and each envelope; seeded, so that a failure comes again.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from devices import catalogue, hj212
from devices.envelopes import Envelope, Uplink
from devices.hj212_stream import Splitter
from devices.models import Model
from devices.models.hj212_dust import Hj212Options
from devices.models.plain import opener
from devices.readings import REASONS, Decoded, Facts, Refusal, Reported, Values, range_check, without_insane
from devices.registers import with_crc
from devices.registry import Device
from devices.stations import OPEN, Memory, Stations
from devices.talkers import stuffed, unstuffed
from tests.devices.captures import Capture, captures, options_of

MANY = 100_000
CAPTURES = captures()
DATA = "gAACEDEGpAAWAQAAAAABAIE="  # any base64
CHIRPSTACK = (
    '{"deduplicationId":"3ac7e3c4","time":"2022-07-18T09:34:15.775023242+00:00","deviceInfo":{"devEui":"0101010101010101",'
    f'"tags":{{"key":"value"}}}},"fCnt":7,"fPort":3,"data":"{DATA}","rxInfo":[{{"rssi":-36,"snr":10.5}},{{"rssi":-90}}]}}'
).encode()


def mutated(frames: list[bytes], seed: int, many: int = MANY) -> Iterator[bytes]:
    """Frames with bits turned, bytes overwritten, cut, doubled, exchanged with those of another; and plain noise."""
    dice = random.Random(seed)
    some, below = dice.random, dice.randrange
    for _ in range(many):
        frame = bytearray(frames[below(len(frames))])
        for _ in range(1 + below(3)):
            at = below(len(frame) + 1)
            what = some()
            if what < 0.35 and at < len(frame):
                frame[at] ^= 1 << below(8)
            elif what < 0.6 and at < len(frame):
                frame[at] = b'\x00\xff09-.e"{}[],:&=;'[below(17)] if some() < 0.5 else below(256)
            elif what < 0.7:
                del frame[at:]
            elif what < 0.8:
                del frame[at : at + 1 + below(4)]
            elif what < 0.9:
                frame[at:at] = frame[at : at + 1 + below(8)]
            elif what < 0.97:
                other = frames[below(len(frames))]
                frame[at:] = other[below(len(other) + 1) :]
            else:
                frame[:] = dice.randbytes(below(40))
        yield bytes(frame)


def good_checksum(model: str, frame: bytes) -> bytes:  # noqa: PLR0911 - one for each format
    """Give half of all mutants a good checksum: it would keep nearly all of them from the reader behind it."""
    if model == "plantower-pms" or frame[:2] == b"BM":
        return frame[:-2] + (sum(frame[:-2]) & 0xFFFF).to_bytes(2)
    if model == "honeywell-hpma":
        return frame[:-1] + bytes((-sum(frame[:-1]) & 0xFF,))
    if model == "nova-sds":
        return frame[:8] + bytes((sum(frame[2:8]) & 0xFF, 0xAB))
    if model == "sensirion-sps30" and (data := unstuffed(frame)):
        return stuffed(data[:-1] + bytes((~sum(data[:-1]) & 0xFF,)))
    if model == "modbus-dust":
        return with_crc(frame[:6]) + with_crc(frame[8:-2]) if len(frame) > 12 else with_crc(frame[:-2])
    if model == "hj212-dust":
        data = frame[6:-6]
        return b"##%04d%s%04X\r\n" % (len(data), data, hj212.crc_hj212(data))
    return frame


def sound(model: Model, said: Decoded) -> None:
    if isinstance(said, Refusal):
        assert said.reason in REASONS
        return
    if isinstance(said, Facts):
        return
    entries: list[Reported] = [(-1, said, "")] if isinstance(said, Values) else said
    for time_ms, values, span in entries:
        assert -1 <= time_ms < 1 << 48
        assert span in ("", "minute", "hour", "day", "history")
        without_insane(values)
        assert range_check(type(values))(values), (model.id, values)


def mutants(model: Model, seed: int, many: int = MANY) -> Iterator[tuple[bytes, int | None, Any]]:
    """Mutants of a model's captures, each with a port and options that go with it, a quarter with those of another."""
    own = [capture for capture in CAPTURES if capture.model is model]
    kinds = [(port, options) for options in options_of(model) for port in {c.port for c in own if c.options == options}]
    for port, options in kinds:
        alike = [c.payload for c in own if c.port == port and c.options == options]
        share = many // len(kinds) + 1
        for frames, part in ((alike, share - share // 4), ([c.payload for c in own], share // 4)):
            for number, frame in enumerate(mutated(frames, seed, part)):
                yield good_checksum(model.id, frame) if number % 2 else frame, port, options


@pytest.mark.parametrize("model", catalogue.MODELS.values(), ids=lambda m: m.id)
def test_decoders(model: Model) -> None:
    decode, kept = model.decode, 0
    for frame, port, options in mutants(model, seed=1):
        said = decode(frame, port, options)
        if type(said) is not Refusal:
            kept += 1
            sound(model, said)
    assert kept > MANY / 100, "the mutants reach what reads values"


def test_plain_in_one_step_raises_nothing_but_value_errors() -> None:
    own = [capture for capture in CAPTURES if capture.model.id == "plain"]
    openers = [opener(capture.options) for capture in own]
    read = 0
    for number, frame in enumerate(mutated([c.payload for c in own], seed=2)):
        try:
            counter, time_ms, values = openers[number % len(openers)](frame)
        except ValueError:
            continue
        read += 1
        assert counter >= -1
        assert time_ms >= -1
        assert range_check(type(values))(values)
    assert read > MANY / 100


def test_the_parser_of_hj212_and_its_answers() -> None:
    frames = [capture.payload for capture in CAPTURES if capture.model.id == "hj212-dust"]
    read = 0
    for number, frame in enumerate(mutated(frames, seed=3)):
        packet = hj212.parse(good_checksum("hj212-dust", frame) if number % 2 else frame)
        if type(packet) is hj212.Packet:
            read += 1
            sent = hj212.answer(packet)
            assert sent is None or (packet.flag or 0) & 1
    assert read > MANY / 10


def test_the_splitter_loses_no_byte() -> None:
    frames = [capture.payload for capture in CAPTURES if capture.model.id == "hj212-dust"]
    splitter, fed, found = Splitter(), 0, 0
    for frame in mutated(frames, seed=4):
        fed += len(frame)
        found += sum(map(len, splitter.feed(frame)))
        assert len(splitter._held) <= hj212.MAX_BYTES
    assert fed == found + splitter.junk + len(splitter._held)


ENVELOPES: list[tuple[str, Callable[[], Envelope]]] = [
    ("chirpstack-v4", lambda: catalogue.envelope("chirpstack-v4")),
    ("plain, field", lambda: catalogue.envelope("plain", "field deviceInfo.devEui")),
]


@pytest.mark.parametrize(("name", "make"), ENVELOPES, ids=[name for name, _ in ENVELOPES])
def test_envelopes(name: str, make: Callable[[], Envelope]) -> None:
    envelope = make()
    topic = b"application/a/device/0101010101010101/event/up"
    opened = 0
    for frame in mutated([CHIRPSTACK], seed=5):
        said = envelope.open(topic, frame)
        opened += isinstance(said, Uplink)
    assert opened > MANY / 100, name


def test_chirpstack_in_one_step_raises_nothing_but_value_errors() -> None:
    model = catalogue.model("dingtek-dc41x")
    open_up = catalogue.envelope("chirpstack-v4").bind
    assert open_up is not None
    fast = open_up(model, model.options())
    opened = 0
    for frame in mutated([CHIRPSTACK], seed=6):
        try:
            counter, time_ms, _ = fast(frame)
        except ValueError:
            continue
        opened += 1
        assert counter >= 0
        assert time_ms > -(1 << 48)
    assert opened > MANY / 100


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"deviceInfo":['])
def test_nested_to_the_recursion_limit(opening: bytes) -> None:
    """A stranger's message of this kind would end the process, for RecursionError is no ValueError."""
    payload = b'{"x":' + opening * 50_000
    for name in ("chirpstack-v4", "plain"):
        envelope = catalogue.envelope(name, "field x" if name == "plain" else "")
        assert isinstance(envelope.open(b"a", payload), Refusal)
        for capture in CAPTURES:
            assert refused(envelope, capture, payload)


def refused(envelope: Envelope, capture: Capture, payload: bytes) -> bool:
    assert envelope.bind is not None
    try:
        said = envelope.bind(capture.model, capture.options)(payload)
    except ValueError:
        return True
    return isinstance(said[2], Refusal | Facts)


def test_what_is_remembered_of_stations_survives_anything() -> None:
    """Parts, times and checksums of any kind: bounded, never an exception, and the same after a restart."""
    options = Hj212Options(pm_unit="ug_m3")
    device = Device(id="s", model="hj212-dust", family="dust", address="topic:a/b", interval_ms=60_000, options=options)
    frames = [capture.payload for capture in CAPTURES if capture.model.id == "hj212-dust"]
    frames += [
        hj212.build_packet(
            qn="1", st="39", cn="2011", mn="A", flag=7, pnum=pnum, pno=pno, cp=f"DataTime=2026010100000{n}"
        )
        for pnum, pno, n in ((2, 1, 1), (2, 2, 1), (3, 1, 2), (3, 3, 2), (9, 4, 3))
    ]
    stations, read = Stations(), 0
    for number, frame in enumerate(mutated(frames, seed=7)):
        if number % 1000 == 0:
            again = Stations()
            again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(stations.state())))
            assert again.state() == stations.state()
            stations = again
        payload = good_checksum("hj212-dust", frame) if number % 4 else frame
        said = stations.take(device, payload, number, lambda _t_ms, _what: False)
        if isinstance(said, list):
            read += 1
            sound(catalogue.model("hj212-dust"), list(said))
        assert len(stations.known.get("s", Memory()).open) <= OPEN + 1
    assert read > MANY / 10
