"""By what an event of the book is found: its alarm, device, site, kind, priority, time. A row beside each event.

The rows are written in the transaction that tells a group. A book of a version that had none gets them when it is
opened: 300,000 events take 1.5 s, once. Then its alarms that stand are told as they are told now, too.
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from rules.records import Event

SCHEMA = """
create table if not exists told (
  number integer primary key, t_ms integer not null, alarm text not null, device text, site text, kind text not null,
  priority integer not null
);
create index if not exists told_by_alarm on told (alarm);
create index if not exists told_by_device on told (device);
"""
# There is none by time: numbers are in the order of time, but for a clock that was set, and a row is 80 bytes.

INSERT = "insert into told values (?, ?, ?, ?, ?, ?, ?)"
DELETE = "delete from told where number = ?"
_OF = "json_extract(cast(body as text), '$.{}')"
_COLUMNS = ("t_ms", "alarm.id", "alarm.device", "alarm.site", "kind", "alarm.priority")
_FILL = f"insert or ignore into told select number, {', '.join(map(_OF.format, _COLUMNS))} from events"  # noqa: S608 - ours

_SEEN = f"""
select {_OF.format("t_ms")}, {_OF.format("user")} from events
where number in (select number from told where alarm = ? and kind = 'acknowledged')
  and {_OF.format("alarm.occurrence")} = ? order by number desc limit 1
"""  # noqa: S608 - ours


def rows(events: Iterable[Event]) -> list[tuple[Any, ...]]:
    """Return what INSERT wants for some events, which have their numbers."""
    return [
        (event.number, event.t_ms, (alarm := event.alarm).id, alarm.device, alarm.site, event.kind, alarm.priority)
        for event in events
    ]


def fill(db: sqlite3.Connection) -> None:
    """Write the rows of events that have none, in one transaction. Raises sqlite3.Error."""
    whole = db.execute("select 1 from facts where name = 'told_whole'").fetchone()
    ((newest, known),) = db.execute("select (select max(number) from events), (select max(number) from told)")
    if whole and newest == known:
        return
    db.execute("begin immediate")
    try:
        db.execute(_FILL)
        _complete(db)
        db.execute("insert or replace into facts values ('told_whole', 1)")
        db.execute("commit")
    except sqlite3.Error:
        db.execute("rollback")
        raise


def _complete(db: sqlite3.Connection) -> None:
    """Say of alarms that stand how often they came and who has seen them, where their version did not say it."""
    found = db.execute(f"select id, body from alarms where standing and {_OF.format('count')} is null").fetchall()  # noqa: S608 - ours
    for name, body in found:
        alarm = json.loads(body)
        alarm["count"] = 1  # at least
        seen = db.execute(_SEEN, (name, alarm["occurrence"])).fetchone() if alarm["acknowledged"] else None
        if seen is not None:
            alarm["acked_ms"], alarm["acked_by"] = seen
        text = json.dumps(alarm, ensure_ascii=False, separators=(",", ":"))
        db.execute("update alarms set body = ? where id = ?", (text.encode(), name))
