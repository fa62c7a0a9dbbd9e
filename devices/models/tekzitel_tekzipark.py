"""Tekzitel Tekzipark: parking sensor with magnetometer, radar and a Bluetooth ear, over LoRaWAN.

Source: the vendor's codec in TheThingsNetwork/lorawan-devices (vendor/tekzitel/tekzipark.js).

    FPort 1:         SS TT ID [RR BBBB...]
    FPort 2, debug:  SS TT ID XX YY ZZ BX BY BZ FF OO RF

- SS  bit 7 occupied, 5 battery good, 4 obstructed (leaves, snow), 3 radar, 2 no beacon, 1 after a reset, 0 keep-alive;
      bit 6 is 0
- TT  int8 °C
- ID  number of the bay, as configured
- RR  dBm of the driver's beacon; BBBB beacons heard
- XX YY ZZ  by how much the field differs from the baseline, int8; BX BY BZ  that baseline, int8, in steps whose size is
            not stated
- FF OO RF  fault code, what the obstruction test gave, radar reflection: the codec prints OO over bit 4 of SS; here
            bit 4 counts, as on FPort 1
"""

import struct

from devices.models import Model, NoOptions
from devices.readings import Decoded, Refusal, Values

_STATUS, _DEBUG = 1, 2
_STATUS_BYTES, _DEBUG_BYTES = 3, 12
_UNUSED = 0x40
_BASE = struct.Struct(">6x 3b 3x")


class Bay(Values):
    """One bay."""

    occupied: bool | None = None
    obstructed: bool | None = None
    battery_low: bool | None = None
    temperature_c: float | None = None
    magnetic_base_x_counts: int | None = None
    magnetic_base_y_counts: int | None = None
    magnetic_base_z_counts: int | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read one uplink; see the top of this file."""
    del options
    if port not in (_STATUS, _DEBUG):
        return Refusal("not_mine", f"FPort {port} is neither 1 nor 2")
    length = len(payload)
    if port == _DEBUG:
        if length != _DEBUG_BYTES:
            return Refusal("length", f"{length} bytes on FPort 2, not {_DEBUG_BYTES}")
    elif length != _STATUS_BYTES and (length <= _STATUS_BYTES or length % 2):  # beacons: one byte and pairs
        return Refusal("length", f"{length} bytes on FPort 1, not 3, or 4 and 2 for each beacon")
    status, temperature = payload[0], payload[1]
    if status & _UNUSED:
        return Refusal("not_mine", f"status {status:02X}: bit 6 is not used")
    bay = Bay(
        status >= 0x80,
        status & 0x10 > 0,
        not status & 0x20,
        temperature - 256.0 if temperature > 127 else temperature + 0.0,
    )
    if status & 0x02:
        bay.flags = "restarted"
    if port == _DEBUG:
        bay.magnetic_base_x_counts, bay.magnetic_base_y_counts, bay.magnetic_base_z_counts = _BASE.unpack(payload)
    return bay


def encode(values: Bay, options: NoOptions) -> tuple[int, bytes]:
    """Make a status, or a debug frame where there is a baseline; what is absent is 0."""
    del options
    status = 0x80 * bool(values.occupied) | 0x10 * bool(values.obstructed) | 0x20 * (not values.battery_low)
    head = struct.pack(">BbB", status, round(values.temperature_c or 0), 1)
    base = (values.magnetic_base_x_counts, values.magnetic_base_y_counts, values.magnetic_base_z_counts)
    if None in base:
        return _STATUS, head
    return _DEBUG, head + struct.pack(">3x 3b 3x", *(step or 0 for step in base))


MODEL: Model = Model(
    id="tekzitel-tekzipark",
    family="parking",
    title="Tekzitel Tekzipark parking sensor",
    values=Bay,
    decode=decode,
    encode=encode,
    source="TheThingsNetwork/lorawan-devices vendor/tekzitel",
)
