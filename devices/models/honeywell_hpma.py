"""Honeywell HPM particle sensors, 9600 8N1: HPMA115S0 (standard) and HPMA115C0 (compact).

Source: Honeywell, "HPM Series Particulate Matter Sensors" datasheet 32322550, tables 4 to 7; real frames in
avaldebe/PyPMS.

asked (`devices.talkers` has what they are asked):

    hpma115s0   40 05 04  AAAA BBBB                        CC
    hpma115c0   40 0D 04  PPPP AAAA QQQQ BBBB ???? ????    CC      (table 6 says 05, its example and the sensors 0D)

by themselves, once a second since power-up (32 bytes):

    hpma115s0   42 4D 00 1C  ???? AAAA BBBB ... (10 more) SSSS
    hpma115c0   42 4D 00 1C  PPPP AAAA QQQQ BBBB ... (9 more) SSSS

- P A Q B  PM1, PM2.5, PM4, PM10 in µg/m³, u16; ? reserved
- CC       makes the sum of all bytes 0, low byte
- SSSS     sum of all bytes before it

Plantower sensors send frames of the same head, length and checksum. Those are known by what is reserved here: their
counts of particles, which fall from size to size. For some seconds after power-up all values are 0.
"""

import struct
from typing import Final, Literal

from msgspec import Struct

from devices.models import Model
from devices.readings import Decoded, Refusal, Values

_AUTO: Final = b"\x42\x4d\x00\x1c"
_AUTO_BYTES: Final = 32
_ANSWERS: Final = {"hpma115s0": (8, (5,)), "hpma115c0": (16, (5, 13))}
_ORDER: Final = {
    "hpma115s0": ("pm25_ug_m3", "pm10_ug_m3"),
    "hpma115c0": ("pm1_ug_m3", "pm25_ug_m3", "pm4_ug_m3", "pm10_ug_m3"),
}


class HpmaOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the two it is."""

    variant: Literal["hpma115s0", "hpma115c0"] = "hpma115s0"


class Particles(Values):
    """What one sensor says; hpma115s0 has PM2.5 and PM10 only."""

    pm1_ug_m3: float | None = None
    pm25_ug_m3: float | None = None
    pm4_ug_m3: float | None = None
    pm10_ug_m3: float | None = None


def decode(payload: bytes, port: int | None, options: HpmaOptions) -> Decoded:
    """Read one frame; see the top of this file."""
    del port
    if payload[:1] == b"\x40" and payload[2:3] == b"\x04":
        words = _asked(payload, options)
    elif payload[:2] == _AUTO[:2]:
        words = _sent(payload, options)
    else:
        return Refusal("not_mine", f"begins with {payload[:3].hex()}, not with 40..04 or 424d")
    if isinstance(words, Refusal):
        return words
    if not any(words):
        return Refusal("warm_up", "all particles are 0: the fan has just started")
    values = Particles()
    for name, word in zip(_ORDER[options.variant], words, strict=True):
        setattr(values, name, float(word))
    return values


def _asked(payload: bytes, options: HpmaOptions) -> tuple[int, ...] | Refusal:
    size, lengths = _ANSWERS[options.variant]
    if len(payload) != size or payload[1] not in lengths:
        return Refusal("length", f"{len(payload)} bytes, says {payload[1]}; an answer of {options.variant} has {size}")
    if sum(payload) & 0xFF:
        computed = -sum(payload[:-1]) & 0xFF
        return Refusal("checksum", f"checksum {payload[-1]:02X}, computed {computed:02X}")
    return struct.unpack(f">{size // 2 - 2}H", payload[3:-1])[: len(_ORDER[options.variant])]


def _sent(payload: bytes, options: HpmaOptions) -> tuple[int, ...] | Refusal:
    if len(payload) != _AUTO_BYTES or payload[:4] != _AUTO:
        return Refusal("length", f"{len(payload)} bytes that begin with {payload[:4].hex()}, not 32 with 424d001c")
    words = struct.unpack(">14H", payload[4:])
    total = sum(payload[:-2])
    if words[-1] != total:
        return Refusal("checksum", f"checksum {words[-1]:04X}, computed {total:04X}")
    counts = words[6:10]
    if counts[0] and list(counts) == sorted(counts, reverse=True) and counts[0] > counts[3]:
        return Refusal("not_mine", "counts particles per size: it is a Plantower sensor")
    return words[1:3] if options.variant == "hpma115s0" else words[:4]


def encode(values: Particles, options: HpmaOptions) -> tuple[None, bytes]:
    """Make an answer; what is absent is 0."""
    words = [round(getattr(values, name) or 0) for name in _ORDER[options.variant]]
    reserved = [0, 0] if options.variant == "hpma115c0" else []
    data = struct.pack(f">{len(words + reserved)}H", *words, *reserved)
    frame = bytes((0x40, 1 + len(data), 0x04)) + data
    return None, frame + bytes((-sum(frame) & 0xFF,))


MODEL: Model = Model(
    id="honeywell-hpma",
    family="dust",
    title="Honeywell HPMA115S0, HPMA115C0",
    values=Particles,
    decode=decode,
    encode=encode,
    options=HpmaOptions,
    source="Honeywell datasheet 32322550; avaldebe/PyPMS",
)
