"""Elsys ELT, EMS, ERS: level, leak, movement, air and sound over LoRaWAN; any FPort, mostly 5, settings on 6.

Source: "Elsys LoRa payload" as read by the vendor's generic decoder (TheThingsNetwork/lorawan-devices vendor/elsys), by
akenza's device-type-library (types/elsys, 2026) and by ZennerIoT/element-parsers (lib/elsys.ex).

    data:      TT D...  TT D...               one type after the other, as many bytes as the type has, big-endian
    settings:  3E LL  SS D...  SS D...        after a start; LL bytes follow

- TT  type, below 40; bits 6 and 7 would say how many bytes of offset follow a value that is told later (setting 47).
      The vendor's decoders do not read such frames, and how long ago it was could not be said: they are refused
- SS  setting. 1 to 6 are keys and addresses: they go nowhere

The acceleration, 1/63 g a step, is the way the device lies. A frame whose own temperature or humidity cannot be is one
of another maker: half of all bytes are types of something. What somebody connects (analog, pulses, digital), the
occupancy of a desk and the pictures of a thermal camera are no quantities.
"""

from typing import Literal, NamedTuple

from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_PORT = 5
_SETTINGS = 0x3E
_COLDEST_C, _HOTTEST_C, _WETTEST_PCT = -60, 100, 100


class _Numbers(NamedTuple):
    """Quantities of a type: each of `size` bytes, value = number / divisor."""

    names: tuple[str, ...]
    size: int
    divisor: float = 1
    signed: bool = False
    order: Literal["big", "little"] = "big"


_PLACE = 0x09
_NUMBERS = {
    0x01: _Numbers(("temperature_c",), 2, 10, signed=True),
    0x02: _Numbers(("humidity_pct",), 1),
    0x03: _Numbers(("acceleration_x_m_s2", "acceleration_y_m_s2", "acceleration_z_m_s2"), 1, 63 / 9.80665, signed=True),
    0x04: _Numbers(("illuminance_lux",), 2),
    0x06: _Numbers(("co2_ppm",), 2),
    0x07: _Numbers(("battery_v",), 2, 1000),
    _PLACE: _Numbers(("latitude_deg", "longitude_deg"), 3, 10_000, signed=True, order="little"),  # this alone is so
    0x0C: _Numbers(("external_temperature_c",), 2, 10, signed=True),
    0x0E: _Numbers(("distance_mm",), 2),
    0x10: _Numbers(("device_temperature_c", "surface_temperature_c"), 2, 10, signed=True),
    0x14: _Numbers(("pressure_hpa",), 4, 1000),
    0x15: _Numbers(("noise_max_db", "noise_db"), 1),
    0x1C: _Numbers(("tvoc_ppb",), 2),
}
_COUNTS = {0x05: "motion_count", 0x0F: "movement_count"}
_WATER, _SECOND_PROBE, _BYTES = 0x12, 0x19, 0x3B
_SIZES = {  # of each type
    **{kind: len(numbers.names) * numbers.size for kind, numbers in _NUMBERS.items()},
    **dict.fromkeys((*_COUNTS, 0x0D, 0x11, _WATER, 0x1A, 0x1D, 0x1E, 0x1F, 0x21, 0x23, 0x24), 1),
    **dict.fromkeys((0x08, 0x0A, 0x16, 0x18, _SECOND_PROBE, 0x20, 0x22), 2),
    **dict.fromkeys((0x0B, 0x17, 0x1B, 0x3C, 0x3D), 4),
    0x13: 65,
}

_SETTING_SIZES = {  # those of 4 bytes are all others up to 64
    **dict.fromkeys(range(1, 65), 4),
    **dict.fromkeys((1, 2, 5), 16),
    **dict.fromkeys((3, 4), 8),
    **dict.fromkeys((*range(7, 19), *range(37, 42), *range(45, 49), 50, 52, 54, *range(56, 63), 66, 244, 245, 250), 1),
    **dict.fromkeys((49, 51, 53, 246, 251), 2),
    **dict.fromkeys((*range(240, 244), 247, 248, 252), 4),
    **dict.fromkeys((239, 249, 253, 254), 0),
    67: 51,
}
_SETTING_NAMES = {
    7: "joins_over_the_air",
    8: "port",
    16: "external_sensor",
    20: "base_interval_s",
    21: "temperature_every",
    26: "external_every",
    30: "battery_every",
    31: "send_every",
    42: "water_every",
    47: "sends_offsets",
    245: "product",
    251: "firmware",
}


class Surroundings(Values):
    """What one device says."""

    temperature_c: float | None = None
    external_temperature_c: float | None = None
    surface_temperature_c: float | None = None
    device_temperature_c: float | None = None
    humidity_pct: float | None = None
    pressure_hpa: float | None = None
    distance_mm: float | None = None
    water_detected: bool | None = None
    acceleration_x_m_s2: float | None = None
    acceleration_y_m_s2: float | None = None
    acceleration_z_m_s2: float | None = None
    movement_count: int | None = None
    motion_count: int | None = None
    noise_db: float | None = None
    noise_max_db: float | None = None
    illuminance_lux: float | None = None
    co2_ppm: float | None = None
    tvoc_ppb: float | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    battery_v: float | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read one uplink; see the top of this file. A type that comes twice counts as last said."""
    del port, options
    if not payload:
        return Refusal("length", "0 bytes")
    if payload[0] == _SETTINGS:
        return _settings(payload)
    values, others, at, end = Surroundings(), list[str](), 0, len(payload)
    while at < end:
        kind = payload[at]
        size = _SIZES.get(kind)
        if size is None and kind == _BYTES and at + 1 < end:
            size = 1 + payload[at + 1]
        if size is None:
            return Refusal("not_mine", f"no type {kind:02X} (byte {at})")
        data = payload[at + 1 : at + 1 + size]
        if len(data) < size:
            return Refusal("length", f"type {kind:02X} (byte {at}) needs {size} bytes, {len(data)} are left")
        at += 1 + size
        if not _put(values, kind, data):
            others.append(f"{kind:02X}")
    if not _COLDEST_C <= (values.temperature_c or 0) <= _HOTTEST_C or (values.humidity_pct or 0) > _WETTEST_PCT:
        return Refusal("not_mine", f"{values.temperature_c} °C, {values.humidity_pct} %: bytes of another device")
    return values if values != Surroundings() else Facts({"types": " ".join(others)})


def _put(values: Surroundings, kind: int, data: bytes) -> bool:
    """Put in what a type says; False when it is no measurement."""
    numbers = _NUMBERS.get(kind)
    if numbers is not None:
        if kind == _PLACE and not any(data):
            return False  # 0, 0 is no fix
        names, size, divisor, signed, order = numbers
        for place, name in enumerate(names):
            number = int.from_bytes(data[place * size : (place + 1) * size], order, signed=signed)
            setattr(values, name, number / divisor)
    elif kind in _COUNTS:
        setattr(values, _COUNTS[kind], data[0])
    elif kind == _WATER:
        values.water_detected = data[0] != 0
    elif kind == _SECOND_PROBE and values.external_temperature_c is None:  # the first probe goes before
        values.external_temperature_c = int.from_bytes(data, signed=True) / 10
    else:
        return kind == _SECOND_PROBE
    return True


def _settings(payload: bytes) -> Decoded:
    end = len(payload)
    if end < 2 or payload[1] != end - 2:
        return Refusal("length", f"settings of {payload[1] if end > 1 else 'no'} bytes, {max(end - 2, 0)} follow")
    facts, at = dict[str, int | str](), 2
    while at < end:
        setting = payload[at]
        size = _SETTING_SIZES.get(setting)
        if size is None:  # of a newer firmware: how long it is cannot be known
            facts["not_read_from"] = f"setting {setting}"
            break
        if at + 1 + size > end:
            return Refusal("length", f"setting {setting} needs {size} bytes, {end - at - 1} are left")
        if setting in _SETTING_NAMES:
            facts[_SETTING_NAMES[setting]] = int.from_bytes(payload[at + 1 : at + 1 + size])
        at += 1 + size
    return Facts(facts)


def encode(values: Surroundings, options: NoOptions) -> tuple[int, bytes]:
    """Make a frame of what is there; with nothing in it, a digital input that is 0."""
    del options
    parts = []
    for kind, (names, size, divisor, signed, order) in _NUMBERS.items():
        said = [getattr(values, name) for name in names]
        if None not in said:
            numbers = (round(value * divisor).to_bytes(size, order, signed=signed) for value in said)
            parts.append(bytes([kind]) + b"".join(numbers))
    for kind, name in _COUNTS.items():
        count = getattr(values, name)
        if count is not None:
            parts.append(bytes([kind, count]))
    if values.water_detected is not None:
        parts.append(bytes([_WATER, values.water_detected]))
    return _PORT, b"".join(parts) or b"\x0d\x00"


MODEL: Model = Model(
    id="elsys",
    family="manhole",
    title="Elsys ELT (level, external probes), EMS (leak, movement), ERS (air, sound)",
    values=Surroundings,
    decode=decode,
    encode=encode,
    source="Elsys LoRa payload; TheThingsNetwork/lorawan-devices vendor/elsys",
)
