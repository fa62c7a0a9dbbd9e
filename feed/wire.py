"""What leaves the gateway: the core's records in the shapes that docs/api.md promises. Pure.

Every field is always there; null means unknown or not applicable. A reader ignores fields that it does not know.
"""

from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import Raw, Struct

from devices.instants import rfc3339
from rules.records import Alarm, Event, Text

PAGE = 500  # entries of a page at the most: encoding one must not hold the interpreter over 2 ms

_encode = msgspec.json.Encoder().encode


class AlarmView(Struct, frozen=True, kw_only=True):
    """An alarm as the feed shows it; the words are those of `rules.records.Alarm`.

    since, returned  RFC 3339
    acked_at, shelved_until, out_until, respond_by  RFC 3339; respond_by: since, and what the rule gives to respond
    group            id of the alarm that names its cause
    event            number of the last event that changed it: an event with a lower or equal number is old news
    """

    id: str
    occurrence: int
    subject: str
    device: str | None
    name: str | None
    site: str | None
    family: str | None
    rule: str
    priority: int
    state: str
    active: bool
    acknowledged: bool
    latched: bool
    suppressed: list[str]
    since: str | None
    returned: str | None
    quantity: str | None
    value: float | bool | None
    limit: float | None
    unit: str | None
    basis: str | None
    text: Text
    members: list[str]
    late: bool
    suspect: str | None
    suspect_why: Text | None
    count: int
    first_out: bool
    acked_by: str | None
    acked_at: str | None
    shelved_until: str | None
    one_shot: bool
    out_until: str | None
    reason: str | None
    withheld_by: str | None
    respond_by: str | None
    group: str | None
    event: int


class EventView(Struct, frozen=True, kw_only=True):
    """One change of one alarm.

    number    gap-free within the feed
    sequence  of the record that caused it, as in the journal
    amends    number of the event that this one corrects
    alarm     the alarm after the change, whole
    """

    number: int
    gateway: str
    time: str
    sequence: int
    kind: str
    cause: str
    user: str | None
    comment: str | None
    amends: int | None
    alarm: AlarmView


class AlarmsPage(Struct, frozen=True, kw_only=True):
    """Alarms by id. `next` is the `after` of the page that follows; null = this is the last one.

    position  all events up to here are in this picture
    """

    gateway: str
    position: str
    alarms: list[AlarmView]
    next: str | None


class EventsPage(Struct, frozen=True, kw_only=True):
    """Events in the order of their numbers.

    position  of the last event of this page: the `after` of the page that follows
    last      of the last event that there is; equal to `position` = you have everything
    """

    gateway: str
    position: str
    last: str
    events: list[EventView]


class News(Struct, frozen=True):
    """One event, encoded once for all that read the feed.

    shown  whether its alarm stands among the alarms now: active, unacknowledged, latched, shelved, out of service
    """

    number: int
    alarm: str
    shown: bool
    alarm_json: bytes
    event_json: bytes


def shown(alarm: Alarm) -> bool:
    """Whether the list of alarms holds it."""
    return not alarm.over


def _time(t_ms: int | None) -> str | None:
    return None if t_ms is None else rfc3339(t_ms)


def alarm_view(alarm: Alarm, event: int | None = None) -> AlarmView:
    """Show an alarm, as of the event with this number where it is given."""
    return AlarmView(
        id=alarm.id,
        occurrence=alarm.occurrence,
        subject=alarm.subject,
        device=alarm.device,
        name=alarm.name or None,
        site=alarm.site,
        family=alarm.family,
        rule=alarm.rule,
        priority=alarm.priority,
        state=alarm.state,
        active=alarm.active,
        acknowledged=alarm.acknowledged,
        latched=alarm.latched,
        suppressed=alarm.suppressed,
        since=rfc3339(alarm.since_ms) if alarm.since_ms else None,
        returned=_time(alarm.returned_ms),
        quantity=alarm.quantity,
        value=alarm.value,
        limit=alarm.limit,
        unit=alarm.unit or None,
        basis=alarm.basis,
        text=alarm.text,
        members=alarm.members,
        late=alarm.late,
        suspect=alarm.suspect,
        suspect_why=alarm.suspect_why,
        count=alarm.count,
        first_out=alarm.first_out,
        acked_by=alarm.acked_by or None,
        acked_at=_time(alarm.acked_ms),
        shelved_until=_time(alarm.shelved_until_ms),
        one_shot=alarm.one_shot,
        out_until=_time(alarm.out_until_ms),
        reason=alarm.reason or None,
        withheld_by=alarm.withheld_by or None,
        respond_by=rfc3339(alarm.since_ms + alarm.respond_within_ms)
        if alarm.respond_within_ms and alarm.since_ms
        else None,
        group=alarm.group,
        event=alarm.event if event is None else event,
    )


def alarm_json(alarm: Alarm) -> bytes:
    """Encode an alarm as the feed shows it."""
    return _encode(alarm_view(alarm))


def news(event: Event, gateway: str) -> News:
    """Encode an event and its alarm; the event must have its number."""
    alarm = _encode(alarm_view(event.alarm, event.number))
    body = EventView(
        number=event.number,
        gateway=gateway,
        time=rfc3339(event.t_ms),
        sequence=event.sequence,
        kind=event.kind,
        cause=event.cause,
        user=event.user or None,
        comment=event.comment or None,
        amends=event.amends,
        alarm=cast("AlarmView", Raw(alarm)),  # encoded already; copied as it is
    )
    return News(event.number, event.alarm.id, shown(event.alarm), alarm, _encode(body))


def alarms_page(gateway: str, position: str, alarms: Sequence[bytes], following: str | None) -> bytes:
    """Put alarms that are encoded already on a page."""
    bodies = cast("list[AlarmView]", [Raw(body) for body in alarms])
    return _encode(AlarmsPage(gateway=gateway, position=position, alarms=bodies, next=following))


def events_page(gateway: str, position: str, last: str, events: Sequence[bytes]) -> bytes:
    """Put events that are encoded already on a page."""
    bodies = cast("list[EventView]", [Raw(body) for body in events])
    return _encode(EventsPage(gateway=gateway, position=position, last=last, events=bodies))


def json_of(anything: object) -> bytes:
    """Encode small bodies that have no page."""
    return _encode(anything)
