"""Dingtek DC410 and DC413: manhole-cover sensors, ultrasonic distance to the water and tilt of the cover, over LoRaWAN.

Source: the vendor's codecs in TheThingsNetwork/lorawan-devices (vendor/dingtek/dc410.js, dc413.js). FPort 3.

    data:    80 00 01 02 11 LLLL ?? TT sA AA FF MB CCCC ?? 81
    config:  80 00 01 03 19 VVVV UU DD LL ?? AA EE RR ?? ... 81   (25 bytes)

- LLLL  distance to what reflects, mm
- TT    int8 °C
- sA    low nibble 0: the angle is positive, else negative. The published codec turns every angle round, for in its
        `bytes[9] & (0x0f === 0x00)` the comparison comes first; what is written there is not what is meant
- AA    angle of the cover, °
- FF    high nibble: level alarm (the well is full)
- MB    high nibble: the cover moved or fell; low nibble: battery low
- CCCC  frame counter of the device
- VVVV  firmware; UU hours between uploads; DD minutes between measurements; LL cm and AA ° at which it alarms; EE tilt
        alarm on; RR ultrasonic range
"""

import struct

from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_PORT = 3
_DATA = struct.Struct(">5x H x b B B B B 4x")
_MADE = struct.Struct(">5s H x b B B B B 3x B")
_DATA_HEAD = b"\x80\x00\x01\x02\x11"
_CONFIG_HEAD = b"\x80\x00\x01\x03\x19"
_LENGTHS = {_DATA_HEAD: 17, _CONFIG_HEAD: 25}
_TAIL = 0x81


class Cover(Values):
    """One cover and what is below it."""

    tilt_deg: float | None = None
    moved: bool | None = None
    distance_mm: float | None = None
    level_alarm: bool | None = None
    battery_low: bool | None = None
    temperature_c: float | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read one uplink; see the top of this file."""
    del options
    if port != _PORT and port is not None:
        return Refusal("not_mine", f"FPort {port} is not 3")
    head = payload[:5]
    length = _LENGTHS.get(head)
    if length is None:
        return Refusal("not_mine", f"begins with {head.hex()}, not with {_DATA_HEAD.hex()} or {_CONFIG_HEAD.hex()}")
    if len(payload) != length:
        return Refusal("length", f"{len(payload)} bytes, not {length}")
    if payload[-1] != _TAIL:
        return Refusal("syntax", f"ends with {payload[-1]:02x}, not with 81")
    if head == _CONFIG_HEAD:
        return Facts(
            {
                "firmware": f"{payload[5]}.{payload[6]}",
                "upload_interval_h": payload[7],
                "detect_interval_min": payload[8],
                "level_threshold_cm": payload[9],
                "tilt_threshold_deg": payload[11],
                "tilt_alarm_on": bool(payload[12]),
            }
        )
    distance, temperature, sign, angle, full, moved_battery = _DATA.unpack(payload)
    return Cover(  # `+ 0.0` makes a float, three times as fast as float() does
        0.0 - angle if sign & 0x0F else angle + 0.0,
        moved_battery >= 0x10,
        distance + 0.0,
        full >= 0x10,
        (moved_battery & 0x0F) > 0,
        temperature + 0.0,
    )


def encode(values: Cover, options: NoOptions) -> tuple[int, bytes]:
    """Make a data frame; what is absent is 0, for this format cannot leave it out."""
    del options
    tilt = round(values.tilt_deg or 0)
    moved_battery = (0x10 if values.moved else 0) | (0x01 if values.battery_low else 0)
    return _PORT, _MADE.pack(
        _DATA_HEAD,
        round(values.distance_mm or 0),
        round(values.temperature_c or 0),
        int(tilt < 0),
        abs(tilt),
        0x10 if values.level_alarm else 0,
        moved_battery,
        _TAIL,
    )


MODEL: Model = Model(
    id="dingtek-dc41x",
    family="manhole",
    title="Dingtek DC410, DC413 manhole-cover sensors",
    values=Cover,
    decode=decode,
    encode=encode,
    source="TheThingsNetwork/lorawan-devices vendor/dingtek",
)
