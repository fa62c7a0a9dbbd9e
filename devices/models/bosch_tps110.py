"""Bosch TPS110, Parking Lot Sensor: geomagnetic field and radar, in the ground, over LoRaWAN.

Source: Bosch "Parking Lot Sensor communication interface" as read by the vendor's codec in TheThingsNetwork/
lorawan-devices (vendor/bosch, firmware 0.29.2) and by akenza's (firmware 0.39).

    FPort 1, state changed:  SS
    FPort 2, heartbeat:      SS [TT]
    FPort 3, start-up:       DD*12 FF FF FF RR SS
    FPort 4, 5, 6:           information, usage, debug

- SS  bit 0: occupied; the other bits are 0
- TT  int8 °C inside the device; firmware 0.29 and later
- DD  debug codes
- FF  firmware: major, minor, build
- RR  reset cause, 1 watchdog, 2 power on, 3 system request, 4 other or external pin, 5 lockup, 6 brownout, 7 other
"""

from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_PARKING_STATUS, _HEARTBEAT, _START_UP = 1, 2, 3
_TOLD = {4: "information", 5: "usage", 6: "debug"}
_LENGTHS = {_PARKING_STATUS: (1,), _HEARTBEAT: (1, 2), _START_UP: (17,)}
_RESETS = range(1, 8)


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
        return Facts({_TOLD[port]: payload.hex()}) if payload else Refusal("length", "0 bytes")
    lengths = _LENGTHS.get(port) if port is not None else None
    if lengths is None:
        return Refusal("not_mine", f"FPort {port} is not of 1 to 6")
    if len(payload) not in lengths:
        return Refusal("length", f"{len(payload)} bytes on FPort {port}, not {' or '.join(map(str, lengths))}")
    state = payload[16] if port == _START_UP else payload[0]
    if state > 1:
        return Refusal("not_mine", f"state {state:02X} is neither 00 (free) nor 01 (occupied)")
    if port == _START_UP and payload[15] not in _RESETS:
        return Refusal("not_mine", f"reset cause {payload[15]} is not of 1 to 7")
    if len(payload) == 2:
        return Bay(state == 1, float(payload[1] - 256 if payload[1] > 127 else payload[1]))
    return Bay(state == 1)


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
