"""The reports of Netvox' sensors: which device type sends what.

Source: "Netvox LoRaWAN Application Command" as the maker's manuals quote it, and the maker's codecs in
TheThingsNetwork/lorawan-devices (vendor/netvox/payload). The key of a report here is `0xDDRR`: device type and report
type. A report is eight bytes, big-endian; what follows its numbers is reserved.
"""

import struct
from math import isfinite

from devices.models.fields import Block, Field, Value, block

# No sensor of this kind is connected. The maker's codec takes 00FF for it too, by a slip: 25.5 ppm would be nothing.
_NONE_U16 = frozenset({0xFFFF})
_NONE_S16 = frozenset({-1})
_NONE_U8 = frozenset({0xFF})
_NONE_U32 = frozenset({0xFFFF_FFFF})


def _u(name: str, per: float = 1) -> Field:
    return Field(name, per, _NONE_U16)


def _s(name: str, per: float = 1) -> Field:
    return Field(name, per, _NONE_S16)


def _report(layout: str, *fields: Field) -> Block:
    """Make a report that begins with the battery: 0.1 V, bit 7 set where it is low, 0 on mains."""
    if not fields:
        return Block(struct.Struct(">B" + layout), _BATTERY, _battery, lambda volt, low: (_volt(volt, low),))
    rest = block(">B" + layout, *fields)
    return Block(
        rest.layout,
        _BATTERY + rest.names,
        lambda battery, *raw: _battery(battery) + rest.read(*raw),
        lambda volt, low, *said: (_volt(volt, low), *rest.write(*said)),
    )


_BATTERY = ("battery_v", "battery_low")


def _battery(raw: int) -> tuple[Value, ...]:
    return (raw & 0x7F) / 10, raw > 0x7F


def _volt(volt: Value, low: Value) -> int:
    return round((volt or 0) * 10) | (0x80 if low else 0)


def _short_float(raw: int) -> Value:
    """Read the upper half of a float32, low byte first; a value that is no number is none."""
    value: float = struct.unpack("<f", b"\0\0" + raw.to_bytes(2))[0]
    return value if isfinite(value) else None


def _short_raw(value: Value) -> int:
    return 0xC07F if value is None else int.from_bytes(struct.pack("<f", value)[2:])


def _axes(quantity: str) -> tuple[str, ...]:
    return tuple(quantity.format(axis) for axis in "xyz")


_ACCELERATION = Block(
    struct.Struct(">BHHH"),
    _BATTERY + _axes("acceleration_{}_m_s2"),
    lambda battery, *raw: _battery(battery) + tuple(map(_short_float, raw)),
    lambda volt, low, *said: (_volt(volt, low), *map(_short_raw, said)),
)


def _velocity_read(x: int, y: int, z: int, temperature: int) -> tuple[Value, ...]:
    return _short_float(x), _short_float(y), _short_float(z), temperature / 10


def _velocity_write(x: Value, y: Value, z: Value, temperature: Value) -> tuple[int, ...]:
    return _short_raw(x), _short_raw(y), _short_raw(z), 0x7FFF if temperature is None else round(temperature * 10)


_VELOCITY_NAMES = _axes("vibration_velocity_{}_mm_s")  # this report has no battery
_VELOCITY_AND_TEMPERATURE = Block(
    struct.Struct(">HHHh"), (*_VELOCITY_NAMES, "temperature_c"), _velocity_read, _velocity_write
)
_VELOCITY = Block(
    struct.Struct(">HHH"),
    _VELOCITY_NAMES,
    lambda *raw: tuple(map(_short_float, raw)),
    lambda *said: tuple(map(_short_raw, said)),
)


def _inclination_read(battery: int, x: int, y: int, z: int, alarms: int) -> tuple[Value, ...]:
    """0.005° a step; two bits for each axis: below its lower, above its upper limit."""
    return (*_battery(battery), x / 200, y / 200, z / 200, bool(alarms & 3), bool(alarms & 12), bool(alarms & 48))


def _inclination_write(volt: Value, low: Value, *said: Value) -> tuple[int, ...]:
    angles = (0x7FFF if value is None else round(value * 200) for value in said[:3])
    return _volt(volt, low), *angles, sum(1 << 2 * axis for axis, alarm in enumerate(said[3:]) if alarm)


_INCLINATION = Block(
    struct.Struct(">BhhhB"),
    _BATTERY + _axes("tilt_{}_deg") + _axes("tilt_{}_alarm"),
    _inclination_read,
    _inclination_write,
)

_NO_LIGHT = 0xFFFFFF


def _air_read(battery: int, pressure: int, high: int, low: int) -> tuple[Value, ...]:
    light = high << 16 | low
    return (
        *_battery(battery),
        None if pressure == 0xFFFF_FFFF else pressure / 100,
        None if light == _NO_LIGHT else light + 0.0,
    )


def _air_write(volt: Value, battery_low: Value, pressure: Value, light: Value) -> tuple[int, ...]:
    high, low = divmod(_NO_LIGHT if light is None else round(light), 1 << 16)
    return _volt(volt, battery_low), 0xFFFF_FFFF if pressure is None else round(pressure * 100), high, low


_AIR = Block(struct.Struct(">BIBH"), (*_BATTERY, "pressure_hpa", "illuminance_lux"), _air_read, _air_write)

# ------------------------------------------------------------------------------------ sensors of air, water and soil

_T100 = _s("temperature_c", 100)
_SOIL = _u("soil_moisture_pct", 100)
_COUNTS = _report("7x")  # particles per size, in a volume that is not stated


def _series(sulphur_dioxide_per: int) -> dict[int, Block]:
    """Return the reports of devices that carry one of many sensors, by report type."""
    return {
        # the older codec gives reports 1 and 2 one name; the newer (R718PA) says that 1 is CF=1, as set in the factory
        0x01: _report("HHH", _u("pm1_cf1_ug_m3"), _u("pm25_cf1_ug_m3"), _u("pm10_cf1_ug_m3")),
        0x02: _report("HHH", _u("pm1_ug_m3"), _u("pm25_ug_m3"), _u("pm10_ug_m3")),
        0x03: _COUNTS,
        0x04: _COUNTS,
        0x05: _report("HHH", _u("o3_ppm", 10), _u("co_ppm", 10), _u("no_ppm", 10)),
        0x06: _report("HHH", _u("no2_ppm", 10), _u("so2_ppm", sulphur_dioxide_per), _u("h2s_ppm", 10)),
        0x07: _report("HHH", _u("co2_ppm", 10), _u("nh3_ppm", 10), _u("noise_db", 10)),
        0x08: _report("Hhh", _u("ph", 100), _T100, _s("orp_mv")),
        0x09: _report("HhH", _u("turbidity_ntu", 10), _T100, _SOIL),
        0x0A: _report(
            "HhHB", _SOIL, _s("soil_temperature_c", 100), _u("water_level_mm"),
            Field("soil_conductivity_ms_cm", 10, _NONE_U8),
        ),
        0x0B: _report("hHH", _T100, _u("dissolved_oxygen_mg_l", 100), _u("dissolved_oxygen_pct", 10)),
        0x0C: _report("hHH", _T100, _u("humidity_pct", 100), _u("wind_speed_m_s", 100)),
        0x0D: _report("HI", _u("wind_direction_deg"), Field("pressure_hpa", 100, _NONE_U32)),
        0x0E: _report("H", _u("tvoc_ppb", 0.01)),
        0x0F: _report("HHH", _u("soil_nitrogen_mg_kg"), _u("soil_phosphorus_mg_kg"), _u("soil_potassium_mg_kg")),
        0x10: _report("HhH", _SOIL, _s("soil_temperature_c", 100), _u("soil_conductivity_ms_cm", 1000)),
        0x11: _report(
            "HHh", _u("vibration_velocity_mm_s", 10), _u("vibration_displacement_um", 10),
            _s("surface_temperature_c", 10),
        ),
    }  # fmt: skip


_SENSORS = {
    device << 8 | kind: report
    for devices, sulphur_dioxide_per in (
        ((0x05, 0x09, 0x0D, 0x52, 0x53, 0x54), 10),  # RA07, R726, RA07Y, RA07A, R726A, R727A
        ((0x57, 0x58), 1),  # R718PA, R718PB: whole ppm of SO2, say their own codecs
    )
    for kind, report in _series(sulphur_dioxide_per).items()
    for device in devices
}

# ------------------------------------------------------------------------------------------------------ all reports

_CAR = _report("B", Field("occupied"))
_SHAKES = _report("B", Field("vibration_detected"))
_SHAKE_TWICE = _report("BB", Field("vibration_detected_1"), Field("vibration_detected_2"))
_LEAK = _report("B", Field("water_detected"))
_LEAK_TWICE = _report("BB", Field("water_detected_1"), Field("water_detected_2"))
_CLIMATE = (_s("temperature_c", 100), _u("humidity_pct", 100))
_CLIMATE_AND_DUST = _report("hHH", *_CLIMATE, _u("pm25_ug_m3"))
_CLIMATE_AND_LEAK = _report("hHB", *_CLIMATE, Field("water_detected"))
_CLIMATE_AND_SHAKES = _report("hHB", *_CLIMATE, Field("vibration_detected"))
_NEAR = (Field("level_alarm"), _u("distance_mm"))  # on: nearer than the limit
_DEPTH = _report("Hh", _u("water_level_mm"), Field("temperature_c"))
_PLACE = Field("latitude_deg", 1e6, _NONE_S16)
_ANGLES = tuple(Field(name) for name in _axes("tilt_{}_deg"))
_FILL = Field("fill_level_pct", 1, _NONE_U8)

REPORTS: dict[int, Block] = {
    **_SENSORS,
    **dict.fromkeys((0x5901, 0xAF01), _CAR),  # R719A, R719B
    # R718DA, R718DB, R718MBA, R311FA, R730MBA, R730DA, R730DB, R311DA, R311DB
    **dict.fromkeys((0x1A01, 0x1B01, 0x2701, 0x4F01, 0x8201, 0x8901, 0x8B01, 0xA801, 0xA901), _SHAKES),
    **dict.fromkeys((0x2F01, 0x3D01, 0x8A01, 0x8C01), _SHAKE_TWICE),  # R718DA2, R718DB2, R730DA2, R730DB2
    **dict.fromkeys((0x3201, 0x1201), _LEAK),  # R718WA, R718WB
    **dict.fromkeys((0x0601, 0x4601, 0x4701), _LEAK_TWICE),  # R311W, R718WA2, R718WB2
    **dict.fromkeys((0x6B01, 0xBE01), _CLIMATE_AND_LEAK),  # R718WBA, R718WAA
    **dict.fromkeys((0xBF01, 0xC001), _CLIMATE_AND_SHAKES),  # R718DAA, R718DBA
    # RA07W, R718WE: where along a cable it is wet, in a unit that is not stated (codecs differ by a factor of ten)
    **dict.fromkeys((0x0C01, 0x8F01), _report("7x")),
    0x9E01: _report("B", Field("tilted")),  # R311K
    0x9A01: _report("bbbh", *_ANGLES, Field("temperature_c", 10)),  # R718EA
    0xC801: _report("hhh", *(Field(angle.name, 10) for angle in _ANGLES)),  # R718EB
    # R718E, R718EC; R311FA1
    **dict.fromkeys((0x1C01, 0xC701), _ACCELERATION),
    0x1C02: _VELOCITY_AND_TEMPERATURE,
    0x1C03: _INCLINATION,
    0x1C04: _report("7x"),  # which limit was passed
    0xC702: _VELOCITY,
    # R720G
    0xB501: _report("ibbb", _PLACE, *_ANGLES),
    0xB502: _report("ixh", Field("longitude_deg", 1e6, _NONE_S16), _s("altitude_m")),
    # RA0716, R72616, R72716, R72616A
    **dict.fromkeys((0x3501, 0x3601, 0x3701, 0x6A01), _CLIMATE_AND_DUST),
    # R718UB
    0xBB01: _report("hHHB", *_CLIMATE, _u("co2_ppm"), Field("vibration_detected")),
    0xBB02: _AIR,
    0xBB03: _report("HHH", _u("pm25_ug_m3"), _u("pm10_ug_m3"), _u("tvoc_ppb")),
    0x1101: _report("BB", Field("co_alarm"), Field("temperature_alarm")),  # RA02C
    **dict.fromkeys((0x9B01, 0xAE01), _DEPTH),  # R718PA22, R726A22: whole °C
    0xB101: _report("BHB", *_NEAR, _FILL),  # R718PE
    0x3401: _report("BHhBB", *_NEAR, Field("temperature_c", 10), _FILL, Field("tilt_deg", 1, _NONE_U8)),  # R718X
}

DEVICES = frozenset(key >> 8 for key in REPORTS)
