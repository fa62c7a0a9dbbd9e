"""Sensirion SPS30 particle sensor over UART, 115200 8N1. It only answers: `devices.talkers` has what it is asked.

Source: Sensirion, "Datasheet SPS30" version 1.0 (March 2020), §5 (UART, SHDLC) and §5.3.3 (Read Measured Values); real
frames in avaldebe/PyPMS.

    7E 00 CC SS LL data.. CC 7E

- between the flags 7E, the bytes 7E 7D 11 13 are sent as 7D and the byte with bit 5 turned
- CC    command that is answered: 03 = Read Measured Values
- SS    state: bits 0 to 6 error of the command (43 = not allowed in this state: it does not measure); bit 7 = the
        sensor reports a fault of its own (fan, laser), and then its numbers are none
- LL    bytes of data: 40 = ten floats, 20 = ten u16, 0 = nothing new since the last question; all big-endian
- data  mass up to 1, 2.5, 4, 10 µm in µg/m³; number from 0.3 up to 0.5, 1, 2.5, 4, 10 µm in 1/cm³; typical size in µm
        (nm where they are u16)
- CC    complement of the sum of all before it, low byte
"""

import struct
from typing import Final

from devices.models import Model, NoOptions
from devices.readings import Decoded, Refusal, Values
from devices.talkers import stuffed, unstuffed

_READ: Final = 0x03
_FLOATS, _WORDS = 40, 20
_FAULT: Final = 0x80
_ERRORS: Final = {
    0x01: "wrong length of the question",
    0x02: "unknown command",
    0x03: "no access right",
    0x04: "illegal parameter",
    0x28: "internal error",
    0x43: "not allowed now: it does not measure",
}


class Particles(Values):
    """What one sensor says, in the order in which it says it."""

    pm1_ug_m3: float | None = None
    pm25_ug_m3: float | None = None
    pm4_ug_m3: float | None = None
    pm10_ug_m3: float | None = None
    particles_0_5um_per_cm3: float | None = None
    particles_1um_per_cm3: float | None = None
    particles_2_5um_per_cm3: float | None = None
    particles_4um_per_cm3: float | None = None
    particles_10um_per_cm3: float | None = None
    particle_size_um: float | None = None


_FIELDS: Final = [name for name in Particles.__struct_fields__ if name not in Values.__struct_fields__]


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:  # noqa: PLR0911 - one for each reason
    """Read one answer; see the top of this file."""
    del port, options
    if payload[:2] != b"\x7e\x00":
        return Refusal("not_mine", f"begins with {payload[:2].hex()}, not with 7e00")
    data = unstuffed(payload)
    if data is None:
        return Refusal("syntax", "no 7E at its end, or a 7D in it that stands for nothing")
    if len(data) < 5:
        return Refusal("length", f"{len(data)} bytes between its flags are no answer")
    computed = ~sum(data[:-1]) & 0xFF
    if data[-1] != computed:
        return Refusal("checksum", f"checksum {data[-1]:02X}, computed {computed:02X}")
    _, command, state, length = data[:4]
    said = data[4:-1]
    if command != _READ:
        return Refusal("not_mine", f"answers command {command:02X}, not 03")
    if state & ~_FAULT:
        error = state & ~_FAULT
        return Refusal("incomplete", f"it answers error {error:02X} ({_ERRORS.get(error, 'unknown')})")
    if length != len(said) or length not in (0, _WORDS, _FLOATS):
        return Refusal("length", f"{len(said)} bytes of data, says {length}; a measurement has 20 or 40")
    if not said:
        return Refusal("incomplete", "nothing new since the last question")
    if state:
        return Refusal("incomplete", "the sensor reports a fault of its own: see its fan and laser (status register)")
    return _values(said)


def _values(said: bytes) -> Decoded:
    if not any(said):
        return Refusal("warm_up", "all numbers are 0: the fan has just started")
    if len(said) == _FLOATS:
        numbers = [round(number, 4) for number in struct.unpack(">10f", said)]
    else:
        words = struct.unpack(">10H", said)
        numbers = [*map(float, words[:9]), words[9] / 1000]
    return Particles(**dict(zip(_FIELDS, numbers, strict=True)))


def encode(values: Particles, options: NoOptions) -> tuple[None, bytes]:
    """Make an answer in floats; what is absent is 0."""
    del options
    numbers = [float(getattr(values, name) or 0) for name in _FIELDS]
    data = bytes((0, _READ, 0, _FLOATS)) + struct.pack(">10f", *numbers)
    return None, stuffed(data + bytes((~sum(data) & 0xFF,)))


MODEL: Model = Model(
    id="sensirion-sps30",
    family="dust",
    title="Sensirion SPS30",
    values=Particles,
    decode=decode,
    encode=encode,
    source="Sensirion datasheet SPS30 1.0; avaldebe/PyPMS",
)
