"""Dingtek DC410 and DC413: manhole-cover sensors, ultrasonic distance to the water and tilt of the cover.

Source: the vendor's codecs, github.com/cndingtek: Chirpstack_codec (LoRaWAN, FPort 3) and NB-IoT_Gateway (NB-IoT);
TheThingsNetwork/lorawan-devices (vendor/dingtek/dc410.js, dc413.js).

    LoRaWAN        80 00 01 t1 11 LLLL ?? TT sA AA FF MB CCCC ?? 81
    with position  80 00 01 t1 19 LLLL ?? EEEEEEEE NNNNNNNN TT sA AA FF MB CCCC ?? 81
    NB-IoT         80 00 01 t1 1E LLLL ?? TT sA AA FF MB VVVV RRRRRRRR CCCC IMEI 81
    settings       80 00 01 03 19 WWWW UU DD LL ?? AA XX RR mm ?? ... 81             LoRaWAN
                   80 00 01 03 nn WWWW UU DD LL ?? AA ??[8] XX ?? mm ... IMEI 81     NB-IoT, with the server's address

The fifth byte is the length of the whole frame. t1 is 01 or 02, both are data. Settings are the answer to a command.

- LLLL  distance to what reflects, mm
- TT    int8 °C
- sA    low nibble 0: the angle is positive, else negative. The published codec for LoRaWAN turns every angle round, for
        in its `bytes[9] & (0x0f === 0x00)` the comparison comes first; the one for NB-IoT has it as it is meant
- AA    angle of the cover, °
- FF    high nibble: level alarm (the well is full)
- MB    high nibble: the cover moved or fell; low nibble: battery low
- VVVV  V * 100
- RRRR  RSRP, dBm * 10; EEEE longitude, NNNN latitude: IEEE 754, low byte first; 0 is no position
- CCCC  frame counter of the device
- WWWW  firmware; UU hours between uploads; DD minutes between measurements; LL cm and AA ° at which it alarms; XX tilt
        alarm on; RR ultrasonic range, 0 = 2 m, else 5 m; mm work mode
- IMEI  8 bytes: 1 and its 15 digits
"""

import struct

from devices import dingtek
from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_PRODUCT = 0x01
_DATA = struct.Struct(">5x H x b B B B B 4x")
_POSITION = struct.Struct("<8x f f")
_PLACED = struct.Struct(">5x H 9x b B B B B 4x")
_NARROW = struct.Struct(">5x H x b B B B B H 4s 11x")
_SETTINGS_BYTES, _NARROW_SETTINGS_BYTES = 25, 32  # the latter at least: its server's address has any length
_MADE = struct.Struct(">5s H x b B B B B 3x B")
_USUAL = {b"\x80\x00\x01\x01\x11", b"\x80\x00\x01\x02\x11"}
_MADE_HEAD = b"\x80\x00\x01\x02\x11"


class Cover(Values):
    """One cover and what is below it."""

    tilt_deg: float | None = None
    moved: bool | None = None
    distance_mm: float | None = None
    level_alarm: bool | None = None
    battery_low: bool | None = None
    temperature_c: float | None = None
    battery_v: float | None = None
    rsrp_dbm: float | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read one uplink; see the top of this file."""
    del options
    if payload[:5] in _USUAL and len(payload) == _DATA.size and payload[-1] == dingtek.TAIL and port == dingtek.PORT:
        return _cover(*_DATA.unpack(payload))  # in the hot path there is nothing to explain
    refusal = dingtek.not_whole(payload, port, (_PRODUCT,))
    if refusal is not None:
        return refusal
    return _settings(payload) if payload[3] == dingtek.SETTINGS else _data(payload)


def _data(payload: bytes) -> Decoded:
    length = len(payload)
    if length == _DATA.size:
        return _cover(*_DATA.unpack(payload))
    if length == _NARROW.size:
        *usual, volts, rsrp = _NARROW.unpack(payload)
        cover = _cover(*usual)
        cover.battery_v, cover.rsrp_dbm = volts / 100, dingtek.tenths(rsrp)
        return cover
    if length == _PLACED.size:
        cover = _cover(*_PLACED.unpack(payload))
        east, north = _POSITION.unpack_from(payload)
        if east and north:
            cover.longitude_deg, cover.latitude_deg = east, north
        return cover
    return Refusal("length", f"no data has {length} bytes")


def _cover(  # noqa: PLR0913, PLR0917 - the fields in the order of the frame
    distance: int, temperature: int, sign: int, angle: int, full: int, moved_battery: int
) -> Cover:
    return Cover(  # `+ 0.0` makes a float, three times as fast as float() does
        0.0 - angle if sign & 0x0F else angle + 0.0,
        moved_battery >= 0x10,
        distance + 0.0,
        full >= 0x10,
        (moved_battery & 0x0F) > 0,
        temperature + 0.0,
    )


def _settings(payload: bytes) -> Facts | Refusal:
    narrow = len(payload) != _SETTINGS_BYTES
    if narrow and len(payload) < _NARROW_SETTINGS_BYTES:
        return Refusal("length", f"no settings have {len(payload)} bytes")
    facts = {
        "firmware": f"{payload[5]}.{payload[6]}",
        "upload_interval_h": payload[7],
        "detect_interval_min": payload[8],
        "level_threshold_cm": payload[9],
        "tilt_threshold_deg": payload[11],
        "tilt_alarm_on": bool(payload[20 if narrow else 12]),
        "work_mode": payload[22 if narrow else 14],
    }
    return Facts(facts if narrow else facts | {"ultrasonic_range_mm": 5000 if payload[13] else 2000})


def encode(values: Cover, options: NoOptions) -> tuple[int, bytes]:
    """Make a LoRaWAN data frame; what is absent is 0, for this format cannot leave it out."""
    del options
    tilt = round(values.tilt_deg or 0)
    moved_battery = (0x10 if values.moved else 0) | (0x01 if values.battery_low else 0)
    return dingtek.PORT, _MADE.pack(
        _MADE_HEAD,
        round(values.distance_mm or 0),
        round(values.temperature_c or 0),
        int(tilt < 0),
        abs(tilt),
        0x10 if values.level_alarm else 0,
        moved_battery,
        0x81,
    )


MODEL: Model = Model(
    id="dingtek-dc41x",
    family="manhole",
    title="Dingtek DC410, DC413 manhole-cover sensors, LoRaWAN and NB-IoT",
    values=Cover,
    decode=decode,
    encode=encode,
    source="cndingtek/Chirpstack_codec and NB-IoT_Gateway; TheThingsNetwork/lorawan-devices vendor/dingtek",
)
