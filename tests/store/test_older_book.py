"""A book of a version that knew neither how often alarms came nor who had seen them."""

import json
import sqlite3
from pathlib import Path

from rules.records import Alarm, Event, Outcome, Text
from store.book import Book

NEW = ("count", "first_out", "acked_by", "acked_ms", "shelved_until_ms", "one_shot", "out_until_ms", "reason",
       "withheld_by", "respond_within_ms", "ack_required", "re_alarm_ms")  # fmt: skip


def event(sequence: int, kind: str, device: str, occurrence: int, *, seen: bool, user: str = "") -> Event:
    alarm = Alarm(
        id=f"tilt@{device}", rule="tilt", subject=device, device=device, family="manhole", name="文化路12号",
        priority=2, text=Text("倾斜", "Tilted"), active=True, acknowledged=seen, occurrence=occurrence, since_ms=1,
    )  # fmt: skip
    return Event(sequence=sequence, at_ms=sequence, t_ms=1000 * sequence, kind=kind, cause="", alarm=alarm, user=user)


def age(path: Path) -> None:
    """Make the book one that the former release wrote."""
    db = sqlite3.connect(path)
    db.executescript("drop table told; delete from facts where name = 'told_whole'")
    for name, body in db.execute("select id, body from alarms").fetchall():
        alarm = {key: value for key, value in json.loads(body).items() if key not in NEW}
        db.execute("update alarms set body = ? where id = ?", (json.dumps(alarm).encode(), name))
    db.commit()
    db.close()


def test_what_stands_since_then_says_how_often_it_came_and_who_has_seen_it(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    events = [
        event(1, "raised", "a", 1, seen=False),
        event(2, "raised", "b", 2, seen=False),
        event(3, "acknowledged", "b", 2, seen=True, user="李"),
        event(4, "raised", "b", 4, seen=False),
        event(5, "acknowledged", "b", 4, seen=True, user="张"),
        event(6, "raised", "c", 6, seen=True),  # planned work: nobody has seen it
    ]
    with Book(path) as book:
        book.tell(Outcome(first=1, last=6, events=events))
    age(path)
    for _ in range(2):
        with Book(path) as book:
            said = {each.subject: (each.count, each.acked_by, each.acked_ms) for each in book.alarms()}
        assert said == {"a": (1, "", None), "b": (1, "张", 5000), "c": (1, "", None)}
        with Book(path) as book:
            assert {each.name for each in book.alarms()} == {"文化路12号"}
