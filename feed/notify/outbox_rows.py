"""Rows of the outbox: how they are put in, or off, and read."""

import sqlite3

import msgspec
from msgspec.structs import replace

from feed.notify.records import Addressee, Notice, Row

AGAIN_MS = 60_000
"""An alarm that nobody answers is told anew after so long, at the earliest."""

people_of = msgspec.json.Decoder(tuple[Addressee, ...]).decode
_notice = msgspec.json.Decoder(Notice).decode


def as_json(anything: object) -> str:
    """Write it as it lies in the desk."""
    return msgspec.json.encode(anything).decode()


def ring(db: sqlite3.Connection, row: Row, now_ms: int) -> None:
    """Put a row in; of what rings again though nobody has answered, later, or into what waits of it already.

    An alarm that chatters would take all the tokens of priority 1.
    """
    again = _again(db, row, now_ms) if row.notice.count > 1 and not row.notice.step else row
    if again is not None:
        insert(db, again)


def _again(db: sqlite3.Connection, row: Row, now_ms: int) -> Row | None:
    """Put off what the same people were told by the same channel; None = what waits of it already says so now."""
    same = "alarm = ? AND step = 0 AND channel = ? AND language = ? AND people = ?"
    of = (row.notice.alarm, row.channel, row.language, as_json(row.people))
    columns = "id, due_ms, json_extract(notice, '$.priority')"
    never = "SELECT id FROM notify_messages WHERE state = 'open' AND NOT trying AND NOT maybe"
    untold = f"(state = 'waiting' OR state = 'taken' AND message IN ({never}))"
    waiting = db.execute(f"SELECT {columns} FROM notify_rows WHERE {same} AND {untold}", of).fetchone()  # noqa: S608 - our own words
    if waiting is not None:
        number, due_ms, priority = waiting
        due_ms = due_ms if priority <= row.notice.priority else row.due_ms
        sql = "UPDATE notify_rows SET notice = ?, due_ms = ?, wait_ms = ? WHERE id = ?"
        db.execute(sql, (as_json(row.notice), due_ms, row.wait_ms, number))
        return None
    told = f"SELECT max(coalesce(done_ms, ?)) FROM notify_rows WHERE {same} AND state IN ('taken', 'sent')"  # noqa: S608 - our own words
    (told_ms,) = db.execute(
        f"{told} AND json_extract(notice, '$.priority') <= ?", (now_ms, *of, row.notice.priority)
    ).fetchone()
    if told_ms is None:
        return row
    return replace(row, due_ms=max(row.due_ms, min(told_ms, now_ms) + AGAIN_MS))


def insert(db: sqlite3.Connection, row: Row) -> None:
    """Put a row in; one whose key is known is there already."""
    db.execute(
        "INSERT OR IGNORE INTO notify_rows"
        " (key, alarm, step, channel, language, due_ms, wait_ms, people, why, notice, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')",
        (
            row.key, row.notice.alarm, row.notice.step, row.channel, row.language, row.due_ms, row.wait_ms,
            as_json(row.people), row.why, as_json(row.notice),
        ),
    )  # fmt: skip


def lend_copy(db: sqlite3.Connection, copy: Row, now_ms: int) -> bool:
    """Put a copy in, unless these people hear of this event by this channel anyway; whether that is settled.

    It is not while they would hear of it only by what was lent of another channel: that ends when the other tells it.
    """
    told = (
        "SELECT people, state = 'sent' OR instr(key, '>') = 0 FROM notify_rows"
        " WHERE alarm = ? AND step = ? AND channel = ? AND language = ? AND key != ?"
        " AND json_extract(notice, '$.number') = ? AND state IN ('waiting', 'taken', 'sent')"
    )
    of = (copy.notice.alarm, copy.notice.step, copy.channel, copy.language, copy.key, copy.notice.number)
    found = [surely for people, surely in db.execute(told, of) if set(copy.people) <= set(people_of(people))]
    if not found:
        ring(db, copy, now_ms)
    return not found or any(found)


def told(db: sqlite3.Connection, key: str, channel: str, now_ms: int) -> None:
    """End what need not be told any more: what was lent of a row that is sent, and of what it was lent itself.

    A channel that writes in two languages to people of another that writes in one has two parts of a row; it is told
    when both are.
    """
    undone = "state IN ('waiting', 'taken')"
    sql = f"UPDATE notify_rows SET state = 'cancelled', done_ms = ?, detail = ? WHERE key > ? AND key < ? AND {undone}"  # noqa: S608 - our own words
    db.execute(sql, (now_ms, f"told by {channel}", f"{key}>", f"{key}?"))  # in ASCII "?" follows ">"
    while ">" in key:
        key = key.rpartition(">")[0]
        db.execute(
            f"UPDATE notify_rows SET state = 'moved', done_ms = ?1, detail = iif(detail = '', ?2, detail)"  # noqa: S608 - our own words
            f" WHERE key = ?3 AND {undone}"
            f" AND NOT EXISTS (SELECT 1 FROM notify_rows WHERE key > ?3 || '>' AND key < ?3 || '?' AND {undone})",
            (now_ms, f"told by {channel}", key),
        )


def row_of(found: tuple[int, str, str, str, str, int, int, str, str]) -> Row:
    """Read a row: id, key, channel, language, people, due_ms, wait_ms, why, notice."""
    number, key, channel, language, people, due_ms, wait_ms, why, notice = found
    return Row(
        id=number, key=key, channel=channel, language="en" if language == "en" else "zh", people=people_of(people),
        due_ms=due_ms, wait_ms=wait_ms, why=why, notice=_notice(notice),
    )  # fmt: skip
