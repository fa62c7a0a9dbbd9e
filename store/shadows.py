"""What rules that are only tried (`mode: shadow`) would have rung: a row for each activation, in the book.

No event, no alarm and no number of the feed comes of it. The rows are written in the transaction that tells a group,
and by the same law: what a replay makes again is passed over.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from rules.records import Event

SCHEMA = """
create table if not exists shadows (
  alarm text, occurrence integer, rule text not null, priority integer not null, from_ms integer not null,
  to_ms integer, primary key (alarm, occurrence)
) without rowid;
create index if not exists shadows_by_start on shadows (from_ms);
"""
_BEGINS, _ENDS = ("raised", "reraised"), ("returned", "withdrawn")
_BEGIN = "insert or ignore into shadows values (?, ?, ?, ?, ?, null)"
_END = "update shadows set to_ms = ? where alarm = ? and to_ms is null and occurrence <= ?"


class Activation(Struct, frozen=True):
    """One time that a rule would have rung. to_ms: None while it still would. Civil time."""

    alarm: str
    rule: str
    priority: int
    from_ms: int
    to_ms: int | None


class ShadowDay(Struct, frozen=True):
    """What a rule would have done on one day of the gateway's zone.

    raised    activations that began that day
    active_s  how long its alarms would have stood that day, all together, seconds
    alarms    how many different ones stood
    """

    rule: str
    date: str
    raised: int
    active_s: float
    alarms: int


def steps(events: Iterable[Event]) -> list[tuple[str, list[Any]]]:
    """Say what must be written for some shadow events, in their order."""
    found: list[tuple[str, list[Any]]] = []
    for event in events:
        alarm = event.alarm
        if event.kind in _BEGINS:
            found += [
                (_END, [(event.t_ms, alarm.id, alarm.occurrence - 1)]),  # a greater urgency begins another one
                (_BEGIN, [(alarm.id, alarm.occurrence, alarm.rule, alarm.priority, event.t_ms)]),
            ]
        elif event.kind in _ENDS:
            found.append((_END, [(event.t_ms, alarm.id, alarm.occurrence)]))
    return found


def days(activations: Iterable[Activation], zone: str, from_ms: int, now_ms: int) -> list[ShadowDay]:
    """Add activations up by rule and day, from the day of from_ms until now; days without any are left out."""
    found: dict[tuple[str, str], tuple[int, float, set[str]]] = {}
    for each in activations:
        end_ms = max(each.from_ms, now_ms if each.to_ms is None else each.to_ms)
        at_ms, begins = each.from_ms, 1
        while True:
            date, next_ms = _day(at_ms, zone)
            raised, active_s, alarms = found.get((each.rule, date), (0, 0.0, set()))
            until_ms = min(end_ms, next_ms)
            found[each.rule, date] = raised + begins, active_s + (until_ms - at_ms) / 1000, alarms | {each.alarm}
            if next_ms >= end_ms:
                break
            at_ms, begins = next_ms, 0
    first, _ = _day(from_ms, zone)
    return [
        ShadowDay(rule, date, raised, active_s, len(alarms))
        for (rule, date), (raised, active_s, alarms) in sorted(found.items())
        if date >= first
    ]


def _day(t_ms: int, zone: str) -> tuple[str, int]:
    """Return the date of a moment, and when the next day begins (of 23, 24 or 25 hours)."""
    local = datetime.fromtimestamp(t_ms / 1000, ZoneInfo(zone))
    following = local.date() + timedelta(days=1)
    begins = datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(zone))
    return local.date().isoformat(), int(begins.timestamp() * 1000)
