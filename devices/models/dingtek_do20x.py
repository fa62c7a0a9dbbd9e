"""Dingtek DO200, DO201, DO202: parking sensors, geomagnetic beside ultrasonic (DO200, DO201) or radar (DO202).

Source: the vendor's codecs, github.com/cndingtek: Chirpstack_codec (LoRaWAN, FPort 3) and NB-IoT_Gateway (NB-IoT).

    LoRaWAN  DO200   80 00 02 t1 15 LLLL pu mb VVVV XXXX YYYY ZZZZ CCCC ?? 81
             DO201   80 00 31 t1 17 LLLL pu mb VVVV XXXX YYYY ZZZZ TT HH CCCC ?? 81
             DO202   80 00 32 t1 17 LLLL pu mb VVVV XXXX YYYY ZZZZ TT HH CCCC ?? 81
    NB-IoT   DO200   80 00 02 t1 2B LLLL pu mb ?? VVVV RRRRRRRR NNNNNNNN ???? UUUUUUUU XXXX YYYY ZZZZ CCCC IMEI 81
             DO201   80 00 31 t1 26 LLLL pu mb VVVV XXXX YYYY ZZZZ TT HH RRRRRRRR UUUUUUUU CCCC IMEI 81
             DO202   80 00 32 t1 20 pu mb VVVV XXXX YYYY ZZZZ TT HH RRRRRRRR CCCC IMEI 81
    settings         80 00 tt 03 nn firmware[2] hours ... 81      the answer to a command, and sent at the start

The fifth byte is the length of the whole frame. t1 is 01 or 02, both are data.

- LLLL  distance to what reflects, mm; 270F: nothing does
- pu    high nibble: a vehicle stands here; low nibble: the level alarm (DO202: the radar's)
- mb    high nibble: a strong field disturbs it; low nibble: battery low
- VVVV  V * 100
- XXXX  field along the axes, int16, mGs (0.1 µT)
- TT HH int8 °C, % relative humidity. The vendor's own example has 8B, -117 °C: outside any sane range, so it is out
- RRRR  RSRP, dBm * 10, NNNN signal to noise, dB * 10: IEEE 754, low byte first
- UUUU  Unix time of the device, s
- CCCC  frame counter of the device
- IMEI  8 bytes: 1 and its 15 digits

The DO202 has no ultrasonic sensor, and the vendor prints no level for it; its LoRaWAN frame carries one all the same.
"""

import struct
from collections.abc import Callable

from devices import dingtek
from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Reported, Values

_DO200, _DO201, _DO202 = 0x02, 0x31, 0x32
_NOTHING = 0x270F
_FIRST_S = 946_684_800  # 2000: a clock before that was never set

_LORA = struct.Struct(">5x H B B H h h h 4x")
_LORA_CLIMATE = struct.Struct(">5x H B B H h h h b B 4x")
_NB_DO200 = struct.Struct(">5x H B B x H 4s 4s 2x I h h h 11x")
_NB_DO201 = struct.Struct(">5x H B B H h h h b B 4s I 11x")
_NB_DO202 = struct.Struct(">5x B B H h h h b B 4s 11x")
_LORA_SETTINGS = {_DO200: 17, _DO201: 16, _DO202: 16}
_NB_SETTINGS = {_DO200: 26, _DO201: 22, _DO202: 21}  # at least: beyond that stands the server's address
_MADE = struct.Struct(">2s B B B H B B H h h h b B 3x B")


class Bay(Values):
    """One bay."""

    occupied: bool | None = None
    magnetic_x_ut: float | None = None
    magnetic_y_ut: float | None = None
    magnetic_z_ut: float | None = None
    magnetic_alarm: bool | None = None
    distance_mm: float | None = None
    level_alarm: bool | None = None
    battery_v: float | None = None
    battery_low: bool | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None
    rsrp_dbm: float | None = None
    sinr_db: float | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read one uplink; see the top of this file."""
    del options
    refusal = dingtek.not_whole(payload, port, (_DO200, _DO201, _DO202))
    if refusal is not None:
        return refusal
    product, length = payload[2], payload[4]
    if payload[3] == dingtek.SETTINGS:
        return _settings(payload, product)
    read = _READERS.get((product, length))
    return read(payload) if read else Refusal("length", f"no data of product {product:02x} has {length} bytes")


def _lora(payload: bytes) -> Decoded:
    level, park, field, volts, x, y, z = _LORA.unpack(payload)
    return _bay(level, park, field, volts, (x, y, z))


def _lora_climate(payload: bytes) -> Decoded:
    level, park, field, volts, x, y, z, temperature, humidity = _LORA_CLIMATE.unpack(payload)
    return _bay(level, park, field, volts, (x, y, z), temperature, humidity)


def _narrow_do200(payload: bytes) -> Decoded:
    level, park, field, volts, rsrp, noise, at_s, x, y, z = _NB_DO200.unpack(payload)
    bay = _bay(level, park, field, volts, (x, y, z))
    bay.rsrp_dbm, bay.sinr_db = dingtek.tenths(rsrp), dingtek.tenths(noise)
    return [_timed(at_s, bay)]


def _narrow_do201(payload: bytes) -> Decoded:
    level, park, field, volts, x, y, z, temperature, humidity, rsrp, at_s = _NB_DO201.unpack(payload)
    bay = _bay(level, park, field, volts, (x, y, z), temperature, humidity)
    bay.rsrp_dbm = dingtek.tenths(rsrp)
    return [_timed(at_s, bay)]


def _narrow_do202(payload: bytes) -> Decoded:
    park, field, volts, x, y, z, temperature, humidity, rsrp = _NB_DO202.unpack(payload)
    bay = _bay(_NOTHING, park, field, volts, (x, y, z), temperature, humidity)
    bay.rsrp_dbm = dingtek.tenths(rsrp)
    return bay


_READERS: dict[tuple[int, int], Callable[[bytes], Decoded]] = {
    (_DO200, _LORA.size): _lora,
    (_DO201, _LORA_CLIMATE.size): _lora_climate,
    (_DO202, _LORA_CLIMATE.size): _lora_climate,
    (_DO200, _NB_DO200.size): _narrow_do200,
    (_DO201, _NB_DO201.size): _narrow_do201,
    (_DO202, _NB_DO202.size): _narrow_do202,
}


def _timed(at_s: int, bay: Bay) -> Reported:
    return (at_s * 1000 if at_s >= _FIRST_S else -1, bay, "")


def _bay(  # noqa: PLR0913, PLR0917 - the fields in the order of the frame
    level: int,
    park: int,
    field: int,
    volts: int,
    axes: tuple[int, int, int],
    temperature: int | None = None,
    humidity: int | None = None,
) -> Bay:
    return Bay(
        park >= 0x10,
        axes[0] / 10,
        axes[1] / 10,
        axes[2] / 10,
        field >= 0x10,
        None if level == _NOTHING else level + 0.0,
        bool(park & 0x0F),
        volts / 100,
        bool(field & 0x0F),
        None if temperature is None else temperature + 0.0,
        None if humidity is None else humidity + 0.0,
    )


def _settings(payload: bytes, product: int) -> Decoded:
    """Tell what is configured; narrow-band frames go on with the server's address and end with the IMEI."""
    length = len(payload)
    narrow = length != _LORA_SETTINGS[product]
    if narrow and length < _NB_SETTINGS[product]:
        return Refusal("length", f"no settings of product {product:02x} have {length} bytes")
    facts = {"firmware": f"{payload[5]}.{payload[6]}", "upload_interval_h": payload[7]}
    if product == _DO200 and narrow:
        return Facts(facts | {"settings": payload[8:-9].hex()})  # the vendor publishes no more of them
    if product == _DO200:
        facts |= {"ultrasonic_interval": payload[8], "magnetic_interval": payload[9]}
        return Facts(facts | {"magnetic_threshold_mgs": int.from_bytes(payload[12:14])})
    facts |= {"detect_interval": payload[8]}  # seconds or minutes: the vendor does not say
    at = 9 if narrow and product == _DO202 else 10
    if product == _DO201:
        facts |= {"level_threshold_cm": payload[9]}
    threshold, battery = int.from_bytes(payload[at : at + 2]), payload[at + 2]
    return Facts(facts | {"magnetic_threshold_mgs": threshold, "battery_threshold_pct": battery})


def encode(values: Bay, options: NoOptions) -> tuple[int, bytes]:
    """Make the LoRaWAN frame of a DO201; what is absent is 0, for this format cannot leave it out."""
    del options
    park = (0x10 if values.occupied else 0) | (0x01 if values.level_alarm else 0)
    field = (0x10 if values.magnetic_alarm else 0) | (0x01 if values.battery_low else 0)
    axes = (values.magnetic_x_ut, values.magnetic_y_ut, values.magnetic_z_ut)
    return dingtek.PORT, _MADE.pack(
        b"\x80\x00",
        _DO201,
        2,
        _LORA_CLIMATE.size,
        _NOTHING if values.distance_mm is None else round(values.distance_mm),
        park,
        field,
        round((values.battery_v or 0) * 100),
        *(round((axis or 0) * 10) for axis in axes),
        round(values.temperature_c or 0),
        round(values.humidity_pct or 0),
        0x81,
    )


MODEL: Model = Model(
    id="dingtek-do20x",
    family="parking",
    title="Dingtek DO200, DO201, DO202 parking sensors, LoRaWAN and NB-IoT",
    values=Bay,
    decode=decode,
    encode=encode,
    source="cndingtek/Chirpstack_codec and NB-IoT_Gateway; TheThingsNetwork/lorawan-devices vendor/dingtek",
)
