"""Plantower particle sensors, 9600 8N1, that send by themselves about once a second, or when asked (`devices.talkers`).

Source: Plantower data manuals PMS5003, PMS5003T, PMS3003, "transport protocol, active mode"; DFRobot SEN0177 wiki; real
frames in avaldebe/PyPMS.

    pms5003, pms5003t   42 4D 00 1C  C1 C2 C3  A1 A2 A3  N1 N2 N3 N4 N5 N6  VVEE SSSS    (32 bytes)
    pms3003, sen0177    42 4D 00 14  C1 C2 C3  A1 A2 A3  ?? ?? ??                SSSS    (24 bytes)

- C1 C2 C3  PM1, PM2.5, PM10 in µg/m³, u16, as calibrated in the factory (CF=1)
- A1 A2 A3  the same as in ambient air
- N1 ... N6 particles per size; what size counts whom is read differently, so they are left to the maker.
            pms5003t: N5 is the temperature, s16 0.1 °C, N6 the humidity, u16 0.1 %
- VV EE     version, error code
- SSSS      sum of all bytes before it

PMS7003, PMSA003 and PMS1003 speak as pms5003; SEN0177 is sold with a sensor of either frame. For some seconds after
power-up all values are 0, with a good checksum. Honeywell's HPMA115 sends frames of the same head, length and checksum:
there is a mass in them, and not one particle.
"""

import struct
from typing import Literal

from msgspec import Struct

from devices.models import Model
from devices.readings import Decoded, Refusal, Values

_HEAD = b"\x42\x4d"
_LENGTHS = {"pms5003": (32,), "pms5003t": (32,), "pms3003": (24,), "sen0177": (24, 32)}


class PlantowerOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the sensors it is: those of equal length cannot be told apart by their frames."""

    variant: Literal["pms5003", "pms5003t", "pms3003", "sen0177"] = "pms5003"


class Particles(Values):
    """What one sensor says."""

    pm1_ug_m3: float | None = None
    pm25_ug_m3: float | None = None
    pm10_ug_m3: float | None = None
    pm1_cf1_ug_m3: float | None = None
    pm25_cf1_ug_m3: float | None = None
    pm10_cf1_ug_m3: float | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None


def decode(payload: bytes, port: int | None, options: PlantowerOptions) -> Decoded:  # noqa: PLR0911 - one for each reason
    """Read one frame; see the top of this file."""
    del port
    if payload[:2] != _HEAD:
        return Refusal("not_mine", f"begins with {payload[:2].hex()}, not with 424d")
    length = len(payload)
    if length not in _LENGTHS[options.variant]:
        wanted = " or ".join(map(str, _LENGTHS[options.variant]))
        return Refusal("length", f"{length} bytes, not the {wanted} of {options.variant}")
    words = struct.unpack(f">{length // 2 - 1}H", payload[2:])
    if words[0] != length - 4:
        return Refusal("length", f"says {words[0]} bytes after the length, not {length - 4}")
    total = sum(payload[:-2])
    if words[-1] != total:
        return Refusal("checksum", f"checksum {words[-1]:04X}, computed {total:04X}")
    particles = words[1:7] if length == 24 else words[1:11]
    if not any(particles):
        return Refusal("warm_up", "all particles are 0: the fan has just started")
    if options.variant in ("pms5003", "pms5003t") and not any(words[7:11]) and any(words[1:5]):
        return Refusal("not_mine", "a mass, but not one particle is counted: a Honeywell HPMA115?")
    cf1, ambient = words[1:4], words[4:7]
    values = Particles(*map(float, ambient), *map(float, cf1))
    if options.variant == "pms5003t":
        values.temperature_c = (words[11] - 0x10000 if words[11] & 0x8000 else words[11]) / 10
        values.humidity_pct = words[12] / 10
    return values


def encode(values: Particles, options: PlantowerOptions) -> tuple[None, bytes]:
    """Make a frame; where there are no factory values, they are those of ambient air."""
    length = _LENGTHS[options.variant][0]
    ambient = [round(v or 0) for v in (values.pm1_ug_m3, values.pm25_ug_m3, values.pm10_ug_m3)]
    factory = (values.pm1_cf1_ug_m3, values.pm25_cf1_ug_m3, values.pm10_cf1_ug_m3)
    cf1 = [air if v is None else round(v) for v, air in zip(factory, ambient, strict=True)]
    rest = [0] * (length // 2 - 9)
    rest[0] = min(0xFFFF, 60 * max(cf1 + ambient))  # where there is a mass there are particles
    if options.variant == "pms5003t":
        rest[4] = round((values.temperature_c or 0) * 10) & 0xFFFF
        rest[5] = round((values.humidity_pct or 0) * 10)
    frame = _HEAD + struct.pack(f">{length // 2 - 2}H", length - 4, *cf1, *ambient, *rest)
    return None, frame + struct.pack(">H", sum(frame))


MODEL: Model = Model(
    id="plantower-pms",
    family="dust",
    title="Plantower PMS5003, PMS7003, PMSA003, PMS5003T, PMS3003; DFRobot SEN0177",
    values=Particles,
    decode=decode,
    encode=encode,
    options=PlantowerOptions,
    source="Plantower data manuals; avaldebe/PyPMS",
)
