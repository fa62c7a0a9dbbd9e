"""PNI PlacePod: geomagnetic vehicle sensor in or on the ground, over LoRaWAN, any FPort.

Source: "PNI PlacePod Sensor - Communications Protocol" as read by ZennerIoT/element-parsers (lib/pni_placepods.ex) and
akenza's device-type-library (types/pnicorp/placePod).

    a frame is channels, one after the other:  CH TY DD...

    02 67 TTTT   s16 0.1 °C             03 02 VVVV   u16 0.01 V
    15 66 SS     state has changed      37 66 SS     keep-alive with the state: 0 vacant, 1 occupied
    21 00 NN     vehicles               37 00 NN     keep-alive with the vehicles
    01 01 RR     recalibrated           1C 01 RR     deactivated           3F 01 RR     restarted

- NN  0 to 127; from 128 on it says that the counting began anew after a restart or recalibration. One reader takes only
      128 for that, the other what is above: neither is a number of vehicles
- RR  1: done

A restart beside readings is the flag `restarted`; alone it is a fact.
"""

from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_PORT = 2
_TEMPERATURE, _BATTERY = 0x0267, 0x0302
_STATES = (0x1566, 0x3766)
_COUNTS = (0x2100, 0x3700)
_RESTARTED = 0x3F01
_ANSWERS = {0x0101: "recalibrated", 0x1C01: "deactivated", _RESTARTED: "restarted"}
_SIZES = {_TEMPERATURE: 2, _BATTERY: 2} | dict.fromkeys((*_STATES, *_COUNTS, *_ANSWERS), 1)
_RECOUNTED = 0x80


class Bay(Values):
    """One bay, or one lane whose vehicles are counted."""

    occupied: bool | None = None
    vehicle_count: int | None = None
    temperature_c: float | None = None
    battery_v: float | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read one uplink; see the top of this file. A channel that comes twice counts as last said."""
    del port, options
    if not payload:
        return Refusal("length", "0 bytes")
    bay, answers, at = Bay(), {}, 0
    while at < len(payload):
        channel = int.from_bytes(payload[at : at + 2])
        size = _SIZES.get(channel)
        if size is None:
            return Refusal("not_mine", f"no channel {payload[at : at + 2].hex(' ')} (byte {at})")
        data = payload[at + 2 : at + 2 + size]
        at += 2 + size
        if at > len(payload):
            return Refusal("length", f"channel {channel:04X} needs {size} bytes, {len(data)} are left")
        if channel in _ANSWERS:
            answers[_ANSWERS[channel]] = data[0] == 1
        elif channel in _STATES and data[0] > 1:
            return Refusal("not_mine", f"state {data[0]:02X} is neither 00 (vacant) nor 01 (occupied)")
        else:
            _put(bay, channel, data)
    if bay == Bay():
        return Facts(answers or {"recounted": True})
    if answers.get("restarted"):
        bay.flags = "restarted"
    return bay


def _put(bay: Bay, channel: int, data: bytes) -> None:
    if channel in _STATES:
        bay.occupied = data[0] == 1
    elif channel in _COUNTS:
        bay.vehicle_count = data[0] if data[0] < _RECOUNTED else None
    elif channel == _TEMPERATURE:
        bay.temperature_c = int.from_bytes(data, signed=True) / 10
    else:
        bay.battery_v = int.from_bytes(data) / 100


def encode(values: Bay, options: NoOptions) -> tuple[int, bytes]:
    """Make a frame of what is there; with nothing in it, the answer to a recalibration."""
    del options
    parts = []
    if values.battery_v is not None:
        parts.append(b"\x03\x02" + round(values.battery_v * 100).to_bytes(2))
    if values.temperature_c is not None:
        parts.append(b"\x02\x67" + round(values.temperature_c * 10).to_bytes(2, signed=True))
    if values.vehicle_count is not None:
        parts.append(bytes([0x21, 0x00, values.vehicle_count]))
    if values.occupied is not None:
        parts.append(bytes([0x15, 0x66, values.occupied]))
    return _PORT, b"".join(parts) or b"\x01\x01\x01"


MODEL: Model = Model(
    id="pni-placepod",
    family="parking",
    title="PNI PlacePod vehicle sensor",
    values=Bay,
    decode=decode,
    encode=encode,
    source="PNI PlacePod communications protocol, as read by ZennerIoT/element-parsers",
)
