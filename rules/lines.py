"""InfluxDB line protocol.

The usual line is the reading's own struct as JSON, its punctuation translated (exact, and absent fields are left out);
a line with text in it takes the slower writer.
"""

import msgspec

from devices.readings import Values
from devices.registry import Device
from rules.records import Event, Period

encode = msgspec.json.Encoder().encode
HUMID = b'flags="rh_suspect",'
"""Before the fields of a usual line; a careful one has it among its flags."""
TO_LINE, DROP = bytes.maketrans(b":", b"="), b'"{}'  # {"a":1.5,"b":true} -> a=1.5,b=true


def _tag(text: str) -> str:
    """Escape a tag's key or value (InfluxDB 2.7 line protocol, "special characters"); a newline has no escape."""
    text = text.replace("\n", " ").rstrip("\\")
    for sign in ",= ":
        text = text.replace(sign, "\\" + sign)
    return text


def prefix(device: Device) -> bytes:
    """Measurement and tags of a device's lines, sorted, up to the blank before the fields."""
    tags = {"device": device.id, "model": device.model, "site": device.site, "district": device.district}
    tags |= {label: device.labels.get(label) for label in device.tags}
    written = "".join(f",{_tag(key)}={_tag(value)}" for key, value in sorted(tags.items()) if value)
    return f"{device.family}{written} ".encode()


def at_ns(t_ms: int, sequence: int, index: int = 0) -> int:
    """Point time: unique, and the same when it is made again."""
    return t_ms * 1_000_000 + (sequence * 8 + index) % 1_000_000


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def careful(head: bytes, values: Values, time_ns: int) -> bytes:
    """Write a reading that has text in it; b"" where it has no field."""
    fields = []
    for name in values.__struct_fields__:
        value = getattr(values, name)
        if value is not None:
            shown = (
                _quoted(value)
                if isinstance(value, str)
                else str(value).lower()
                if isinstance(value, bool)
                else repr(value)
            )
            fields.append(f"{name}={shown}")
    return head + ",".join(fields).encode() + b" %d\n" % time_ns if fields else b""


def of_span(head: bytes, span: str) -> bytes:
    """`dust,device=…` -> `dust_hour,device=…`: means stand beside the readings, never among them."""
    family, comma, tags = head.partition(b",")
    return family + b"_" + span.encode() + comma + tags


def of_period(head: bytes, period: Period) -> bytes:
    """Write a closed slot, hour or day; a revision overwrites, for its time is the same (the book keeps them all).

    Too little data: no mean, but how much there was.
    """
    name = period.quantity
    mean = "" if period.mean is None else f"{name}={period.mean!r},"
    fields = (
        f"{mean}{name}_valid={period.valid},{name}_final={str(period.final).lower()},{name}_revision={period.revision},"
        f"{name}_gap={period.gap_min},{name}_count={period.count}"
    )
    if period.left_out:
        fields += f",{name}_left_out={sum(period.left_out.values())}"
    for doubt, count in period.marked.items():
        fields += f",{name}_{doubt}={count}"
    return of_span(head, period.span) + fields.encode() + b" %d\n" % (period.start_ms * 1_000_000)


ERASE = b"# erase "
"""How an order to the sink begins: a comment for InfluxDB, so that it keeps its place among the lines."""


def erase(device: Device, from_ms: int, to_ms: int) -> bytes:
    """Order the sink to take back the readings of a device in a span, before it writes what follows.

    It finds itself in which measurements they are: the family may have been another one then.
    """
    return ERASE + encode({"device": device.id, "from_ms": from_ms, "to_ms": to_ms}) + b"\n"


def is_reading(measurement: str) -> bool:
    """Tell whether points of a measurement are readings, said by a device, and no means or alarms of ours."""
    return measurement != "alarm" and ("_reported_" in measurement or not measurement.endswith(("_hour", "_day")))


_PLACES = {
    "raised": 0, "reraised": 0, "returned": 1, "acknowledged": 2, "reset": 3, "suppressed": 4, "shelved": 4,
    "out_of_service": 4, "unsuppressed": 5, "unshelved": 5, "in_service": 5, "amended": 6, "withdrawn": 6,
}  # fmt: skip
"""Where in the time of a sequence number an event stands: one record may raise an alarm and end it."""
_OTHER_PLACE = 7


def of_event(event: Event) -> bytes:
    """Write one change of an alarm, measurement `alarm`: what a chart marks at its moment."""
    alarm = event.alarm
    tags = {
        "device": alarm.device, "family": alarm.family, "priority": str(alarm.priority), "rule": alarm.rule,
        "site": alarm.site, "subject": alarm.subject,
    }  # fmt: skip
    written = "".join(f",{key}={_tag(value)}" for key, value in tags.items() if value)
    fields = (
        f"kind={_quoted(event.kind)},state={_quoted(alarm.state)},active={str(alarm.active).lower()},"
        f"acknowledged={str(alarm.acknowledged).lower()},text={_quoted(alarm.text.zh)},text_en={_quoted(alarm.text.en)}"
    )
    if alarm.value is not None:
        fields += f",value={float(alarm.value)!r}"
    place = _PLACES.get(event.kind, _OTHER_PLACE)
    return f"alarm{written} {fields} {at_ns(event.t_ms, event.sequence, place)}\n".encode()
