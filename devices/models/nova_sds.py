"""Nova Fitness laser dust sensors, 9600 8N1: SDS011, SDS018, SDS021 (PM2.5, PM10) and SDS198 (TSP).

Source: Nova Fitness, "Laser Dust Sensor Control Protocol V1.3" (2015); "SDS198 product specification"; real frames in
avaldebe/PyPMS.

    sds011   AA C0  AAAA BBBB  IIII SS AB     A PM2.5, B PM10, u16 little-endian, 0.1 µg/m³
    sds198   AA CF  ???? BBBB  IIII SS AB     B TSP ("PM100"), u16 little-endian, µg/m³; A is not explained
             AA C5  ...                       answers a command: a fact

- IIII  id of the sensor
- SS    sum of the six bytes before it, low byte

They send once a second, or answer a query (`devices.talkers`). For some seconds after power-up the values are 0, with a
good checksum.
"""

from typing import Final, Literal

from msgspec import Struct

from devices.models import Model
from devices.readings import Decoded, Facts, Refusal, Values
from devices.registers import scaled

_BYTES: Final = 10
_HEAD, _TAIL = 0xAA, 0xAB
_KINDS: Final = {"sds011": 0xC0, "sds198": 0xCF}
_ANSWER: Final = 0xC5


class NovaOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the sensors it is; SDS018 and SDS021 speak as sds011."""

    variant: Literal["sds011", "sds198"] = "sds011"


class Air(Values):
    """What one sensor says."""

    pm25_ug_m3: float | None = None
    pm10_ug_m3: float | None = None
    tsp_ug_m3: float | None = None


def decode(payload: bytes, port: int | None, options: NovaOptions) -> Decoded:  # noqa: PLR0911 - one for each reason
    """Read one frame; see the top of this file."""
    del port
    if payload[:1] != b"\xaa" or len(payload) < 2 or payload[1] not in (*_KINDS.values(), _ANSWER):
        return Refusal("not_mine", f"begins with {payload[:2].hex()}, not with aac0, aacf or aac5")
    if len(payload) != _BYTES:
        return Refusal("length", f"{len(payload)} bytes, not {_BYTES}")
    if payload[9] != _TAIL:
        return Refusal("syntax", f"ends with {payload[9]:02X}, not with AB")
    total = sum(payload[2:8]) & 0xFF
    if payload[8] != total:
        return Refusal("checksum", f"checksum {payload[8]:02X}, computed {total:02X}")
    sensor = payload[6:8].hex()
    if payload[1] == _ANSWER:
        return Facts({"answer_to": payload[2], "data": payload[3:6].hex(), "sensor": sensor})
    if payload[1] != _KINDS[options.variant]:
        return Refusal("not_mine", f"frame AA{payload[1]:02X} is not of {options.variant}")
    first, second = int.from_bytes(payload[2:4], "little"), int.from_bytes(payload[4:6], "little")
    if second == 0 and (first == 0 or options.variant == "sds198"):
        return Refusal("warm_up", "all particles are 0: the fan has just started")
    if options.variant == "sds198":
        return Air(tsp_ug_m3=float(second))
    return Air(pm25_ug_m3=scaled(first, 0.1), pm10_ug_m3=scaled(second, 0.1))


def encode(values: Air, options: NovaOptions) -> tuple[None, bytes]:
    """Make a frame of sensor 0001."""
    if options.variant == "sds198":
        first, second = 0, round(values.tsp_ug_m3 or 0)
    else:
        first, second = round((values.pm25_ug_m3 or 0) * 10), round((values.pm10_ug_m3 or 0) * 10)
    body = first.to_bytes(2, "little") + second.to_bytes(2, "little") + b"\0\1"
    return None, bytes((_HEAD, _KINDS[options.variant])) + body + bytes((sum(body) & 0xFF, _TAIL))


MODEL: Model = Model(
    id="nova-sds",
    family="dust",
    title="Nova Fitness SDS011, SDS018, SDS021; SDS198 (TSP)",
    values=Air,
    decode=decode,
    encode=encode,
    options=NovaOptions,
    source="Nova Fitness control protocol V1.3; avaldebe/PyPMS",
)
