"""The channels of Milesight's TLV products: what each product may send, and what stands in it.

Source: the maker's tables and codecs in Milesight-IoT/SensorDecoders (July 2026), and the older ones in
TheThingsNetwork/lorawan-devices (vendor/milesight-iot). Where the two differ it is said beside the channel.

A frame is a row of channels, `ID TYPE DATA…`, little-endian; nothing says how long one is, so a frame with an unknown
channel cannot be read. The key of a channel here is `0xIDTYPE`.
"""

import struct

from devices.models.fields import Block, Field, Value, block

_NO_TARGET = frozenset({0xFFFD, 0xFFFE, 0xFFFF})  # fault, and out of reach; no sensor of these reaches over 15 m


def fact(size: int) -> Block:
    """Make a channel that tells nothing that is measured, or nothing whose meaning and unit are stated."""
    return Block(struct.Struct(f"{size}s"))


# ------------------------------------------------------------------------------------------ what stands in a channel


def _tilt_read(x: int, y: int, z: int, alarms: int) -> tuple[Value, ...]:
    return x / 100, y / 100, z / 100, bool(alarms & 1), bool(alarms & 2), bool(alarms & 4)


def _tilt_write(*values: Value) -> tuple[int, ...]:
    angles = (-0x8000 if value is None else round(value * 100) for value in values[:3])
    return (*angles, sum(1 << bit for bit, value in enumerate(values[3:]) if value))


def _angles_read(x: int, y: int, z: int) -> tuple[Value, ...]:
    """Bit 0 of each angle says that its limit is passed."""
    return (x >> 1) / 100, (y >> 1) / 100, (z >> 1) / 100, bool(x & 1), bool(y & 1), bool(z & 1)


def _angles_write(*values: Value) -> tuple[int, ...]:
    pairs = zip(values[:3], values[3:], strict=True)
    return tuple((0 if angle is None else round(angle * 100)) << 1 | bool(alarm) for angle, alarm in pairs)


_MOVED = (None, True, True, False)  # unknown, starts, moves, stops


def _place(latitude: int, longitude: int) -> tuple[Value, Value]:
    """No fix is all ones or all zeros."""
    if latitude == longitude and latitude in (0, -1):
        return None, None
    return latitude / 1e6, longitude / 1e6


def _location_read(latitude: int, longitude: int, status: int) -> tuple[Value, ...]:
    """Low nibble of the status: movement; high nibble: the fence, a fact."""
    moved = status & 0x0F
    return (*_place(latitude, longitude), _MOVED[moved] if moved < len(_MOVED) else None)


def _location_write(latitude: Value, longitude: Value, moved: Value) -> tuple[int, ...]:
    if latitude is None and longitude is None:
        return -1, -1, _MOVED.index(moved)
    return (
        *(0x7FFF_FFFF if value is None else round(value * 1e6) for value in (latitude, longitude)),
        _MOVED.index(moved),
    )


def _wifi_read(address: bytes, moved: int) -> tuple[Value, ...]:
    """Address of an access point; all ones: none was heard, and then the status is none either."""
    moved &= 0x0F
    return () if address == b"\xff" * 6 or moved >= len(_MOVED) else (_MOVED[moved],)


def _mutation_read(alarm: int) -> tuple[Value, ...]:
    return (alarm > 0 if alarm <= 2 else None,)  # 1: limit, 2: sudden change


_TILT_NAMES = ("tilt_x_deg", "tilt_y_deg", "tilt_z_deg", "tilt_x_alarm", "tilt_y_alarm", "tilt_z_alarm")
_T = Field("temperature_c", 10)
_RH = Field("humidity_pct", 2)
_LEAK = Field("water_detected")
_DISTANCE = Field("distance_mm", 1, _NO_TARGET)
_DEPTH = Field("water_level_mm", 1, frozenset({0xFFFD, 0xFFFF}))  # over the range; probe faulty

_BATTERY = {0x0175: block("<B", Field("battery_pct"))}
_AIR = {0x0367: block("<h", _T), 0x0468: block("<B", _RH)}
_LOCATION_NAMES = ("latitude_deg", "longitude_deg", "moved")
_LOCATION = Block(struct.Struct("<iiB"), _LOCATION_NAMES, _location_read, _location_write)
_T_ALARM = {0x8367: block("<hB", _T, Field("temperature_alarm"))}


def _depth_read(raw: int) -> tuple[Value, ...]:
    depth = _DEPTH.read(raw)
    return (None if depth is None else depth * 10,)  # cm


_SWL = Block(struct.Struct("<H"), ("water_level_mm",), _depth_read, lambda mm: (round(mm / 10),))
_SWL_HISTORY = Block(struct.Struct("<IH"), ("water_level_mm",), _depth_read)

_EM400 = {
    **_BATTERY,
    **_T_ALARM,
    0x8482: block("<HB", _DISTANCE, Field("level_alarm")),
    0x0367: block("<h", _T),
    0x0482: block("<H", _DISTANCE),
    0x0500: block("<B", Field("tilted")),
    0x0688: _LOCATION,  # the NB-IoT product only
}
_EM300_LEAK = {**_BATTERY, **_AIR, 0x0500: block("<B", _LEAK), 0x20CE: block("<IhBB", _T, _RH, _LEAK)}

# the air monitors: a history of each product is as long as it has sensors
_PIR = Field("motion_detected")
_LIGHT = Field("light_level")
_CO2 = Field("co2_ppm")
_PRESSURE = Field("pressure_hpa", 10)
_TVOC = Field("tvoc_index", 100)  # type E6 is µg/m³ of an unnamed mixture: no quantity of ours
_PM25 = Field("pm25_ug_m3")
_PM10 = Field("pm10_ug_m3")
_AM308_PAST = (_T, _RH, _PIR, _LIGHT, _CO2)
_AM308 = {
    **_BATTERY,
    **_AIR,
    0x0500: block("<B", _PIR),
    0x056A: fact(2),  # older firmware: how much the PIR saw
    0x06CB: block("<B", _LIGHT),
    0x077D: block("<H", _CO2),
    0x087D: block("<H", _TVOC),
    0x08E6: fact(2),
    0x0973: block("<H", _PRESSURE),
    0x0A7D: fact(2),  # an AM308 has neither formaldehyde nor ozone; frames with both channels are published
    0x0B7D: block("<H", _PM25),
    0x0C7D: block("<H", _PM10),
    0x0D7D: fact(2),
    0x0E01: fact(1),  # buzzer
    0x20CE: block("<IhHBBHHHHH", *_AM308_PAST, _TVOC, _PRESSURE, _PM25, _PM10),
    0x21CE: block("<IhHBBHxxHHH", *_AM308_PAST, _PRESSURE, _PM25, _PM10),
}
_AM319 = {  # its last sensor is formaldehyde or ozone: a history does not say which, so that value is left out there
    **_AM308,
    0x0A7D: block("<H", Field("hcho_mg_m3", 100)),
    0x0D7D: block("<H", Field("o3_ppm", 100)),
    0x0F7D: fact(2),  # formaldehyde again; codec and table of the maker differ in its unit
    0x20CE: block("<IhHBBHHHHHxx", *_AM308_PAST, _TVOC, _PRESSURE, _PM25, _PM10),
    0x21CE: block("<IhHBBHxxHHHxx", *_AM308_PAST, _PRESSURE, _PM25, _PM10),
    0x22CE: block("<IhHBBHHHHxx", *_AM308_PAST, _TVOC, _PRESSURE, _PM25),
    0x23CE: block("<IhHBBHxxHHxx", *_AM308_PAST, _PRESSURE, _PM25),
}

_WIND_DIRECTION = Field("wind_direction_deg", 10)
_WIND_SPEED = Field("wind_speed_m_s", 10)
_RAIN = Field("rain_total_mm", 100)
_WTS_PAST = (_T, _RH, _PRESSURE, _WIND_DIRECTION, _WIND_SPEED, _RAIN)
_WTS = {
    **_BATTERY,
    **_T_ALARM,
    0x8673: block("<HB", _PRESSURE, Field("pressure_alarm")),
    0x8792: block("<HB", _WIND_SPEED, Field("wind_speed_alarm")),
    0x88EC: block("<IxB", _RAIN, Field("rain_alarm")),  # the byte between counts the phases of the counter
    **_AIR,
    0x0584: block("<h", _WIND_DIRECTION),
    0x0673: block("<H", _PRESSURE),
    0x0792: block("<H", _WIND_SPEED),
    0x08EC: block("<Ix", _RAIN),
    0x0877: block("<Hx", _RAIN),
    0x20CE: block("<IhBHhHH", *_WTS_PAST),
    0x21CE: block("<IhBHhHI", *_WTS_PAST),
}

_GAS_FAULTS = frozenset({0xFFFE, 0xFFFF})  # polarising, faulty

PRODUCTS: dict[str, dict[int, Block]] = {
    "at101": {
        **_BATTERY,
        **_T_ALARM,
        0x0367: block("<h", _T),
        0x0488: _LOCATION,
        0x8488: _LOCATION,
        0x0500: block("<B", Field("tilted")),
        0x06D9: Block(struct.Struct("<x6sxB"), ("moved",), _wifi_read),
        0x0700: fact(1),  # taken off its place
        0x20CE: Block(
            struct.Struct("<Iii"), _LOCATION_NAMES[:2], lambda longitude, latitude: _place(latitude, longitude)
        ),
    },
    "em300-mld": {**_BATTERY, 0x0500: block("<B", _LEAK), 0x20CE: block("<IxxxB", _LEAK)},
    "em300-sld": _EM300_LEAK,
    "em300-zld": _EM300_LEAK,
    "em310-tilt": {**_BATTERY, 0x03CF: Block(struct.Struct("<hhhB"), _TILT_NAMES, _tilt_read, _tilt_write)},
    "em310-udl": {**_BATTERY, 0x0382: block("<H", _DISTANCE), 0x0400: block("<B", Field("tilted"))},
    "em320-tilt": {**_BATTERY, 0x03D4: Block(struct.Struct("<hhh"), _TILT_NAMES, _angles_read, _angles_write)},
    "em400-mud": _EM400,
    "em400-tld": _EM400,
    "em400-udl": _EM400,
    "em500-pp": {
        **_BATTERY,
        0x037B: block("<h", Field("liquid_pressure_kpa")),
        0x20CE: block("<Ih", Field("liquid_pressure_kpa")),
    },
    "em500-swl": {**_BATTERY, 0x0377: _SWL, 0xFF1B: fact(5), 0x20CE: _SWL_HISTORY},
    "em500-udl": {
        **_BATTERY,
        0x0382: block("<H", _DISTANCE),
        # distance and its change before the alarm: the codec divides them by ten and no text gives the unit
        0x83E9: Block(struct.Struct("<4xB"), ("level_alarm",), _mutation_read, lambda alarm: (int(alarm),)),
        0x20CE: block("<IH", _DISTANCE),
    },
    "gs301": {
        **_BATTERY,
        0x0267: block("<h", _T),
        0x0368: block("<B", _RH),
        0x047D: block("<H", Field("nh3_ppm", 100, _GAS_FAULTS)),
        0x067D: block("<H", Field("h2s_ppm", 1000, _GAS_FAULTS)),  # hardware 1.2 and later
        0x057D: block("<H", Field("h2s_ppm", 100, _GAS_FAULTS)),
        0x07EA: fact(5),  # calibration
        0xFF7C: fact(43),  # name of the sensor
    },
    "ws302": {  # the byte before says the weightings of frequency and time
        **_BATTERY,
        0x055B: block("<xHHH", Field("noise_db", 10), Field("noise_eq_db", 10), Field("noise_max_db", 10)),
    },
    "ws303": {**_BATTERY, 0x0300: block("<B", _LEAK)},
    "am300": _AM319,
    "am308": _AM308,
    "am308l": _AM308,
    "am319": _AM319,
    "am319l": _AM319,
    "wts305": _WTS,
    "wts505": _WTS,
    "wts506": _WTS,
}

# ------------------------------------------------------------------------------------------ what the device is

ABOUT = {  # channel FF
    0x01: ("ipso_version", 1),
    0x08: ("serial_number", 6),
    0x09: ("hardware_version", 2),
    0x0A: ("firmware_version", 2),
    0x0B: ("device_status", 1),
    0x0F: ("lorawan_class", 1),
    0x16: ("serial_number", 8),
    0xFE: ("reset_event", 1),
    0xFF: ("tsl_version", 2),
}

# answers to commands, channels FE and FF: bytes after each type
_ANSWERS = {
    1: "10 25 27 28 2c 2d 2e 2f 3b 3c 3d 3e 4a 56 62 66 67 68 69 6d 71 7d 7f 84 87 8f ad eb f4 f5",
    2: "02 03 17 1c 1d 3a 65 70 77 80 81 ac f2",
    3: "6a 83 8a 8e ea",
    4: "11 58 89 f0 f1",
    6: "79 8d",
    8: "35 63 88 96",
    9: "06",
}
_OWN_ANSWERS = {
    "at101": {0x13: 3, 0x2D: 3, 0x7E: 4},
    "em400": {0x13: 1},
    "gs301": {0x66: 2},
    "ws303": {0x7E: 5},
    "am30": {0x39: 5},
    "am319": {0x39: 1},
}


def answers(product: str) -> dict[int, int]:
    """Return how many bytes follow each type of an answer to a command."""
    sizes = {int(code, 16): size for size, codes in _ANSWERS.items() for code in codes.split()}
    for series, own in _OWN_ANSWERS.items():
        if product.startswith(series):
            sizes |= own
    return sizes
