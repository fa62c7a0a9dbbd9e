"""What CTWing's standard models share: the binary codec of APPdata, and how their numbers are to be taken.

Source: the platform's generated device code as it stands in published firmware (Movebroad MVB-VD33D, ctwingaepcodes.c:
interface facts only), and real pushes (reference/devices.md §1b, §2). Numbers high byte first.

    02 SSSS LLLL fields      data        07 SSSS LLLL fields      event        86 SSSS TTTT LLLL fields      answer

- SSSS  service; LLLL length of the fields; TTTT number of the command that it answers
- fields of a service stand one after the other, without names: truths and small numbers 1 byte, whole numbers 4 (times
  8), fractions IEEE 754 of 4; texts have a fixed length, or their length in 2 bytes before them
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

from msgspec import json

from devices.readings import Refusal

DATA, EVENT, ANSWER = 0x02, 0x07, 0x86

Field = tuple[str, str]
"""Name, and format: one of `struct`, or TEXT."""

TEXT: Final = "text"
_HEADS: Final = {DATA: 5, EVENT: 5, ANSWER: 7}
_TENTHS_DBM: Final = -160  # no signal is so weak: it is in tenths
_TENTHS_DB: Final = 60
_CELL_V: Final = 10  # no cell of such a device has more: then it is percent, tenths, or anything

Said = tuple[int | None, dict[str, Any]]
"""Service, values by the platform's names."""


def push(payload: bytes) -> Said | Refusal:
    """Read a push as JSON; of an envelope no more is needed than serviceId and payload, or eventContent."""
    try:
        said = json.decode(payload)
    except (ValueError, RecursionError) as error:
        return Refusal("syntax", f"no JSON: {error}")
    values = said.get("payload", said.get("eventContent")) if isinstance(said, dict) else None
    if not isinstance(values, dict):
        return Refusal("not_mine", "neither payload nor eventContent: no push of CTWing AEP")
    service = said.get("serviceId")
    return service if isinstance(service, int) else None, values


def binary(payload: bytes, services: Mapping[int, tuple[tuple[Field, ...], ...]]) -> Said | Refusal:
    """Read binary APPdata.

    services  service -> the layouts that it may have; the one that fits to the byte is taken
    """
    head = _HEADS.get(payload[0]) if payload else None
    if head is None or len(payload) < head:
        return Refusal("not_mine", f"begins with {payload[:1].hex() or 'nothing'}, not with 02, 07 or 86")
    service, length = int.from_bytes(payload[1:3]), int.from_bytes(payload[head - 2 : head])
    layouts = services.get(service)
    if layouts is None:
        return Refusal("not_mine", f"service {service} is not of this model")
    if length != len(payload) - head:
        return Refusal("length", f"{len(payload) - head} bytes of fields, but its length says {length}")
    for layout in layouts:
        values = _fields(payload[head:], layout)
        if values is not None:
            return service, values
    return Refusal("length", f"the fields of service {service} have not {length} bytes")


def _fields(data: bytes, layout: tuple[Field, ...]) -> dict[str, Any] | None:
    """Read all fields; None where they do not end with the data."""
    values: dict[str, Any] = {}
    at = 0
    for name, form in layout:
        size = 2 + int.from_bytes(data[at : at + 2]) if form == TEXT else struct.calcsize(f">{form}")
        part = data[at : at + size]
        if len(part) < size:
            return None
        said = part[2:] if form == TEXT else struct.unpack(f">{form}", part)[0]
        values[name] = said.decode("utf-8", "replace").rstrip("\0") if isinstance(said, bytes) else said
        at += size
    return values if at == len(data) else None


def number(values: Mapping[str, Any], name: str) -> float | None:
    """Return a number; None for what is absent or of another type. A text is no number."""
    said = values.get(name)
    return None if isinstance(said, bool) or not isinstance(said, int | float) else float(said)


def truth(values: Mapping[str, Any], name: str) -> bool | None:
    """Return what 0 and 1 say; None for anything else."""
    said = values.get(name)
    return bool(said) if isinstance(said, bool | int | float) and said in (0, 1) else None


def volts(values: Mapping[str, Any]) -> float | None:
    """Return `battery_voltage`; None where it cannot be volts (59)."""
    said = number(values, "battery_voltage")
    return said if said is not None and 1 < said <= _CELL_V else None


def signal(values: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return RSRP in dBm and SINR in dB; some products send tenths of both, and a few rubbish, which is left out."""
    rsrp, sinr = number(values, "rsrp"), number(values, "sinr")
    if rsrp is not None and rsrp >= 0:
        return None, None
    if (rsrp if rsrp is not None else 0) < _TENTHS_DBM or (rsrp is None and abs(sinr or 0) > _TENTHS_DB):
        return None if rsrp is None else rsrp / 10, None if sinr is None else sinr / 10
    return rsrp, sinr
