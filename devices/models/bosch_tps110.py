"""Bosch TPS110, Parking Lot Sensor: geomagnetic field and radar, in the ground, over LoRaWAN.

Source: Bosch "Parking Lot Sensor communication interface" as read by the vendor's codec in TheThingsNetwork/
lorawan-devices (vendor/bosch, firmware 0.29.2), by ZennerIoT/element-parsers (0.23.3) and by akenza's (0.39).

    FPort 1, state changed:  SS                                  FPort 4, information:  EEEEEEEEEE PPPP CC ...
    FPort 2, heartbeat:      SS [TT]                             FPort 5, usage:        UU VVVVVVVV ...
    FPort 3, start-up:       DDDD 0000 (three times) FF FF FF RR SS
    FPort 6, debug:          NNNNNNNN DDDD .... QQQQ ...

- SS  bit 0: occupied; the other bits are 0
- TT  int8 °C inside the device; firmware 0.29 and later
- DDDD  debug code, little-endian, its lower 12 bits. FF firmware: major, minor, build; ThingsBoard reads 0.29.2 the
        other way round
- RR  reset cause: 1 watchdog, 2 power on, 3 system request, 4 other or external pin, 5 lockup, 6 brownout, 7 other; 0
      watchdog before 0.23
- UU  what is counted, VV the count; 2: uplinks for each data rate, 5: resets for each cause
- NN QQ  time and number of the debug message, little-endian

A start-up has the flag `restarted`: its state is of a sensor that may not have found its baseline yet.
"""

from collections.abc import Callable

from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_PARKING_STATUS, _HEARTBEAT, _START_UP, _INFORMATION, _USAGE, _DEBUG = 1, 2, 3, 4, 5, 6
_LENGTHS = {_PARKING_STATUS: (1,), _HEARTBEAT: (1, 2), _START_UP: (17,)}
_LAST_CAUSE = 7
_USED = {  # what is counted, and in how many bytes
    0: ("state_changes", 4),
    1: ("time_occupied", 4),
    2: ("uplinks_by_data_rate", 18),
    3: ("radar_triggers", 4),
    4: ("time_running_since_restart", 4),
    5: ("resets_by_cause", 7),
    6: ("time_running_since_install", 4),
}


class Bay(Values):
    """One bay."""

    occupied: bool | None = None
    temperature_c: float | None = None


def decode(  # noqa: PLR0911 - one for each reason to refuse
    payload: bytes, port: int | None, options: NoOptions
) -> Decoded:
    """Read one uplink; see the top of this file."""
    del options
    if port in _TOLD:
        return _TOLD[port](payload)
    lengths = _LENGTHS.get(port) if port is not None else None
    if lengths is None:
        return Refusal("not_mine", f"FPort {port} is not of 1 to 6")
    if len(payload) not in lengths:
        return Refusal("length", f"{len(payload)} bytes on FPort {port}, not {' or '.join(map(str, lengths))}")
    state = payload[16] if port == _START_UP else payload[0]
    if state > 1:
        return Refusal("not_mine", f"state {state:02X} is neither 00 (free) nor 01 (occupied)")
    if port == _START_UP:
        if payload[15] > _LAST_CAUSE:
            return Refusal("not_mine", f"reset cause {payload[15]} is not of 0 to 7")
        return Bay(state == 1, flags="restarted")
    if len(payload) == 2:
        return Bay(state == 1, float(payload[1] - 256 if payload[1] > 127 else payload[1]))
    return Bay(state == 1)


def _information(payload: bytes) -> Facts | Refusal:
    return Facts({"information": payload.hex()}) if len(payload) >= 6 else Refusal("length", "information: too short")


def _usage(payload: bytes) -> Facts | Refusal:
    name, size = _USED.get(payload[0] if payload else -1, ("", 0))
    if len(payload) != 1 + size:
        return Refusal("length", f"usage {payload[:1].hex()} with {len(payload)} bytes")
    return Facts({name: payload[1:].hex() if size > 4 else int.from_bytes(payload[1:])})


def _debug(payload: bytes) -> Facts | Refusal:
    if not 10 <= len(payload) <= 16:
        return Refusal("length", f"{len(payload)} bytes of debug, not 10 to 16")
    code, number = int.from_bytes(payload[4:6], "little") & 0x0FFF, int.from_bytes(payload[8:10], "little")
    return Facts({"debug_time": int.from_bytes(payload[:4], "little"), "debug_code": code, "debug_number": number})


_TOLD: dict[int | None, Callable[[bytes], Facts | Refusal]] = {
    _INFORMATION: _information,
    _USAGE: _usage,
    _DEBUG: _debug,
}


def encode(values: Bay, options: NoOptions) -> tuple[int, bytes]:
    """Make a state change, or a heartbeat where there is a temperature."""
    del options
    state = bytes([bool(values.occupied)])
    if values.temperature_c is None:
        return _PARKING_STATUS, state
    return _HEARTBEAT, state + round(values.temperature_c).to_bytes(1, signed=True)


MODEL: Model = Model(
    id="bosch-tps110",
    family="parking",
    title="Bosch TPS110 Parking Lot Sensor",
    values=Bay,
    decode=decode,
    encode=encode,
    source="Bosch communication interface; TheThingsNetwork/lorawan-devices vendor/bosch",
)
