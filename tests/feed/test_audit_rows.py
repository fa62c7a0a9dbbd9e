"""What the audit trail says of what people do to an alarm: how it stood before and after, and until when."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from devices.instants import rfc3339
from tests.feed.room import NOW_MS, Reply, Room, eventually, tilted

ALARM = "cover-tilted@mh-0114/tilt_deg"
LATER = rfc3339(NOW_MS + 86_400_000)


def rows(room: Room) -> list[dict[str, Any]]:
    names = ("what", "command", "before", "after", "status", "answer")
    with closing(sqlite3.connect(room.state / "desk.sqlite")) as db:
        found = db.execute(f"select {', '.join(names)} from audit order by number").fetchall()  # noqa: S608 - ours
    return [dict(zip(names, row, strict=True)) for row in found]


def told(room: Room, kind: str, **body: object) -> Reply:
    """Tell the alarm something as an engineer, over the Unix socket."""
    whole = json.dumps({"command_id": "c-1", **body}).encode()
    headers = {"content-type": "application/json"}
    return room.ask_http("POST", f"/api/v1/alarms/{ALARM}/{kind}", whole, headers, unix=True)


def last(room: Room) -> tuple[Any, Any]:
    row = rows(room)[-1]
    return json.loads(row["before"]), json.loads(row["after"])


@pytest.mark.parametrize(
    ("kind", "body", "before", "after"),
    [
        ("ack", {}, {"state": "UNACK"}, {"state": "ACKED"}),
        ("comment", {"comment": "去看过"}, {"state": "UNACK"}, {"state": "UNACK"}),
        (
            "shelve", {"for_s": 900, "comment": "检修"}, {"state": "UNACK"},
            {"state": "SHELVED", "suppressed": ["shelved"], "shelved_until": True},
        ),
        (
            "shelve", {"one_shot": True, "comment": "检修"}, {"state": "UNACK"},
            {"state": "SHELVED", "suppressed": ["shelved"], "shelved_until": True, "one_shot": True},
        ),
        (
            "out-of-service", {"until": LATER, "comment": "WO-7"}, {"state": "UNACK"},
            {"state": "OUT_OF_SERVICE", "suppressed": ["out_of_service"], "out_until": True},
        ),
    ],
)  # fmt: skip
def test_a_row_says_how_the_alarm_stood_before_and_after(
    room: Room, kind: str, body: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> None:
    alarm = tilted(priority=2)
    room.tell(alarm)
    done = told(room, kind, occurrence=alarm.occurrence, **body)
    assert done.status == 200, done.body
    until = {name: done.json[name] for name in ("shelved_until", "out_until") if after.get(name)}
    assert last(room) == (before, after | until)


def test_what_brings_it_back_says_what_there_was(room: Room) -> None:
    alarm = tilted(priority=2)
    room.tell(alarm)
    out = told(room, "out-of-service", occurrence=alarm.occurrence, until=LATER, comment="WO-7")
    told(room, "in-service", occurrence=alarm.occurrence, command_id="c-2")
    was = {"state": "OUT_OF_SERVICE", "suppressed": ["out_of_service"], "out_until": out.json["out_until"]}
    assert last(room) == (was, {"state": "UNACK"})
    told(room, "ack", occurrence=alarm.occurrence, command_id="c-3")
    told(room, "ack", occurrence=alarm.occurrence, command_id="c-4")
    assert last(room) == ({"state": "ACKED"}, {"state": "ACKED"}), "somebody had seen it already"


def test_a_repeat_is_marked_and_changes_nothing(room: Room) -> None:
    alarm = tilted(priority=2)
    room.tell(alarm)
    eventually(lambda: room.hub.last == 1)
    for _ in range(3):
        assert told(room, "ack", occurrence=alarm.occurrence).status == 200
    first, *others = rows(room)
    assert (first["after"], first["answer"]) == ('{"state":"ACKED"}', "")
    assert [(each["before"], each["after"], each["status"]) for each in others] == [("", "", 200)] * 2
    assert all("a repeat" in each["answer"] for each in others)
    assert told(room, "ack", occurrence=alarm.occurrence, comment="another").status == 422
    assert "a repeat" not in rows(room)[-1]["answer"]


def test_what_was_refused_has_changed_nothing(room: Room) -> None:
    alarm = tilted(priority=2, latched=True)
    room.tell(alarm)
    assert told(room, "reset", occurrence=alarm.occurrence).status == 422
    row = rows(room)[-1]
    assert (row["before"], row["after"]) == ("", "")
    assert "still there" in row["answer"]
