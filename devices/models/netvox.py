"""Netvox sensors over LoRaWAN: parking, tilt, vibration, leak, level, gas, dust, noise, weather, water and soil.

Source: "Netvox LoRaWAN Application Command" as the maker's manuals quote it; the maker's codecs in
TheThingsNetwork/lorawan-devices (vendor/netvox). Every frame has 11 bytes.

    FPort 6, report:      01 DD RR N*8
    FPort 6, after start: 01 DD 00 SS HH date*4 00 00
    FPort 7, answer:      CC DD N*9

- DD    device type; RR report type. What they mean stands in `devices.models.netvox_reports`
- SS    software, 0.1; HH hardware; date as BCD
- CC    81: a configuration was taken over (N 00) or not; 82: the one in force: shortest and longest time between
        reports, u16 s each; 83 and above: answers of one device. Below 80: what is sent to a device

A device carries few of the quantities of `Netvox.values`; which, says its device type.
"""

import struct
from math import isclose
from typing import Annotated, Any

from msgspec import Meta, Struct

from devices.models import Model
from devices.models.netvox_reports import DEVICES, REPORTS
from devices.readings import Decoded, Facts, Refusal, Values, values_of, without_insane

_REPORT, _CONFIGURATION = 6, 7
_BYTES = 11
_VERSION = 1
_FROM_DEVICE = 0x80
_CONFIGURED, _CONFIGURATION_READ = 0x81, 0x82

_Measured = values_of(tuple(dict.fromkeys(name for report in REPORTS.values() for name in report.names)))


class NetvoxOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What it is there for: the device type is in the frames, but rules and InfluxDB want to know it beforehand.

    family  `parking` for R719A, `manhole` for tilt, leak and level, `dust` for particles and noise, or any other word
    """

    family: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")] = "netvox"


def decode(  # noqa: PLR0911 - one for each reason to refuse
    payload: bytes, port: int | None, options: NetvoxOptions
) -> Decoded:
    """Read one uplink; see the top of this file."""
    del options
    if port not in (_REPORT, _CONFIGURATION, None):
        return Refusal("not_mine", f"FPort {port} is neither 6 nor 7")
    if len(payload) != _BYTES:
        return Refusal("length", f"{len(payload)} bytes, not {_BYTES}")
    first, device, kind = payload[:3]
    if device not in DEVICES:
        return Refusal("not_mine", f"device type {device:02X} is not of those that can be read")
    if port == _CONFIGURATION or (port is None and first >= _FROM_DEVICE):
        return _answer(payload)
    if first != _VERSION:
        return Refusal("not_mine", f"version {first:02X} is not 01")
    if kind == 0:
        return Facts({"firmware": payload[3] / 10, "hardware": payload[4], "made": payload[5:9].hex()})
    report = REPORTS.get(device << 8 | kind)
    if report is None:
        return Refusal("not_mine", f"device type {device:02X} has no report {kind:02X}")
    said: dict[str, Any] = dict(zip(report.names, report.read(*report.layout.unpack_from(payload, 3)), strict=True))
    return _Measured(**said)


def _answer(payload: bytes) -> Facts | Refusal:
    command = payload[0]
    if command < _FROM_DEVICE:
        return Refusal("not_mine", f"command {command:02X} goes to a device, it does not come from one")
    if command == _CONFIGURED:
        return Facts({"configuration": "refused" if payload[2] else "taken over"})
    if command == _CONFIGURATION_READ:
        shortest, longest = int.from_bytes(payload[2:4]), int.from_bytes(payload[4:6])
        return Facts({"shortest_interval_s": shortest, "longest_interval_s": longest, "changes": payload[6:].hex()})
    return Facts({f"answer_{command:02x}": payload[2:].hex()})


def encode(values: Values, options: NetvoxOptions) -> tuple[int, bytes]:
    """Make a report that carries all of the values: the first that does so exactly, else the first.

    Raises ValueError when there is none.
    """
    del options
    names = set(values.__struct_fields__) - {"rssi_dbm", "snr_db", "flags"}
    wanted: dict[str, Any] = {name: value for name in names if (value := getattr(values, name)) is not None}
    made: list[bytes] = []
    for key, report in REPORTS.items():
        if not wanted.keys() <= set(report.names):
            continue
        try:
            numbers = report.write(*(wanted.get(name) for name in report.names))
            frame = (bytes([_VERSION]) + key.to_bytes(2) + report.layout.pack(*numbers)).ljust(_BYTES, b"\0")
        except struct.error:  # too large for this report
            continue
        made.append(frame)
        read: dict[str, Any] = dict(zip(report.names, report.read(*numbers), strict=True))
        said = _Measured(**read)
        without_insane(said)
        if all(_alike(getattr(said, name), wanted.get(name)) for name in names):
            return _REPORT, frame
    if not made:
        raise ValueError(f"no report of Netvox carries {', '.join(sorted(wanted))}")
    return _REPORT, made[0]


def _alike(one: float | None, other: float | None) -> bool:
    return one is other if one is None or other is None else isclose(one, other)


MODEL: Model = Model(
    id="netvox",
    family="netvox",
    title="Netvox R719A parking; R311, R718, R720G, R730 tilt, vibration, leak, level; R726, RA07, R718PA/PB/UB gas, "
    "dust, noise, weather, water, soil",
    values=_Measured,
    decode=decode,
    encode=encode,
    options=NetvoxOptions,
    source="Netvox LoRaWAN Application Command; TheThingsNetwork/lorawan-devices vendor/netvox",
)
