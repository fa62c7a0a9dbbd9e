"""Nwave NPS310 and NPS405 (G4): parking sensors with magnetometer and radar, in the ground or on it, over LoRaWAN.

Source: the vendor's codecs in TheThingsNetwork/lorawan-devices (vendor/nwave/nps310sm.js, nps405.js of 2024) and in
thingsboard/data-converters (VENDORS/Nwave).

    FPort 1, state changed:      DS                        FPort 3, start-up:  FF FF FF RR SS
    FPort 2, heartbeat, NPS310:  SS                        FPort 6, debug
    FPort 2, heartbeat, NPS405:  SS VV TT ?? ?? ??
    FPort 10, driver's tag:      DS [WW] GG GG GG GG

- SS  bit 0 occupied; bits 1 to 7 health of the hardware
- DS  bit 0 occupied; bits 1 to 7 how long the state before lasted: 0 to 89 min exactly; 90 to 119 in steps of 5 min
      from 90; 120 to 126 in hours from 240 min; 127 longer. NPS310 does not tell it: 0, which is no duration. The codec
      before 2024 read bit 7 as occupied; ThingsBoard agrees with the newer one
- VV  2500 + 4·VV mV, unsigned: ThingsBoard's converter reads it signed and publishes 2.32 V for a new battery
- TT  int8, TT/2 + 10 °C
- FF RR  firmware, reset cause (0 to 7)
- WW GG  battery of the tag, 0.1 V (newer firmware), and its number. A bay that is not occupied is not known, then

The battery is low below 3.0 V, under -5 °C below 2.9 V. A start-up has the flag `restarted`, a state that lasted longer
than can be told `previous_state_min:overflow`.
"""

from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_STATUS, _HEARTBEAT, _START_UP, _DEBUG, _TAG = 1, 2, 3, 6, 10
_LENGTHS = {_STATUS: (1,), _HEARTBEAT: (1, 6), _START_UP: (5,), _TAG: (5, 6)}
_LONGEST = 0x7F
_MINUTES = (*range(90), *range(90, 240, 5), *range(240, 661, 60))
_LAST_CAUSE = 7


class Bay(Values):
    """One bay."""

    occupied: bool | None = None
    previous_state_min: float | None = None
    driver_tag: str | None = None
    battery_v: float | None = None
    battery_low: bool | None = None
    temperature_c: float | None = None


def decode(  # noqa: PLR0911 - one for each port
    payload: bytes, port: int | None, options: NoOptions
) -> Decoded:
    """Read one uplink; see the top of this file."""
    del options
    if port == _DEBUG:
        return Facts({"debug": payload.hex()}) if payload else Refusal("length", "0 bytes")
    lengths = _LENGTHS.get(port) if port is not None else None
    if lengths is None:
        return Refusal("not_mine", f"FPort {port} is none of 1, 2, 3, 6, 10")
    if len(payload) not in lengths:
        return Refusal("length", f"{len(payload)} bytes on FPort {port}, not {' or '.join(map(str, lengths))}")
    if port == _STATUS:
        return _told(payload[0])
    if port == _HEARTBEAT:
        return _heartbeat(payload)
    if port == _TAG:
        bay = _told(payload[0]) if payload[0] & 1 else Bay()
        bay.driver_tag = payload[-4:].hex().upper()
        return bay
    if payload[3] > _LAST_CAUSE or payload[4] > 1:
        return Refusal("not_mine", f"reset cause {payload[3]}, state {payload[4]:02X}: no start-up")
    return Bay(payload[4] == 1, flags="restarted")


def _told(status: int) -> Bay:
    """Read state and duration of the state before."""
    code = status >> 1
    return Bay(
        status & 1 == 1,
        _MINUTES[code] + 0.0 if code else None,
        flags="previous_state_min:overflow" if code == _LONGEST else None,
    )


def _heartbeat(payload: bytes) -> Bay:
    if len(payload) == 1:
        return Bay(payload[0] & 1 == 1)
    millivolt, step = 2500 + 4 * payload[1], payload[2]
    temperature = (step - 256 if step > 127 else step) / 2 + 10
    return Bay(
        payload[0] & 1 == 1,
        battery_v=millivolt / 1000,
        battery_low=millivolt < (3000 if temperature >= -5 else 2900),
        temperature_c=temperature,
    )


def encode(values: Bay, options: NoOptions) -> tuple[int, bytes]:
    """Make a tag's registration, a heartbeat or a change of state: the first of these that there are values for."""
    del options
    code = 0 if values.previous_state_min is None else _MINUTES.index(int(values.previous_state_min))
    status = bytes([code << 1 | bool(values.occupied)])
    if values.driver_tag is not None:
        return _TAG, status + bytes.fromhex(values.driver_tag)
    if values.battery_v is None or values.temperature_c is None:
        return _STATUS, status
    step = round((values.temperature_c - 10) * 2)
    return _HEARTBEAT, bytes([bool(values.occupied), round((values.battery_v * 1000 - 2500) / 4), step & 0xFF, 0, 0, 0])


MODEL: Model = Model(
    id="nwave-nps",
    family="parking",
    title="Nwave NPS310, NPS405 (G4) parking sensors",
    values=Bay,
    decode=decode,
    encode=encode,
    source="TheThingsNetwork/lorawan-devices vendor/nwave; thingsboard/data-converters",
)
