"""What a person does to an alarm, over real connections: shelve, bring back, out of service, a word; and who may."""

# ruff: noqa: ANN401 - JSON is of any type

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.instants import rfc3339
from tests.feed.console import Browser, ConsoleRoom
from tests.feed.room import NOW_MS, Reply, Room, eventually, tilted

ALARM = "cover-tilted@mh-0114/tilt_deg"
LATER = rfc3339(NOW_MS + 86_400_000)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as room:
        yield room


def told(room: Room, priority: int = 2, **more: Any) -> int:
    """Tell an alarm that stands; return its occurrence."""
    alarm = tilted(priority=priority, **more)
    room.tell(alarm)
    return alarm.occurrence


def last(room: Room) -> dict[str, Any]:
    event: dict[str, Any] = room.get("/api/v1/events").json["events"][-1]
    return event


def test_shelved_and_brought_back(room: Room) -> None:
    seen = told(room)
    answer = room.command(ALARM, "shelve", occurrence=seen, for_s=3600, comment="水泵检修")
    assert (answer.status, answer.json["state"], answer.json["reason"]) == (200, "SHELVED", "水泵检修")
    eventually(lambda: room.hub.last == 2)
    until, now = (datetime.fromisoformat(text) for text in (answer.json["shelved_until"], last(room)["time"]))
    assert until - now == timedelta(hours=1)
    assert (answer.json["withheld_by"], answer.json["suppressed"]) == ("张三", ["shelved"])
    assert room.alarm_ids() == [ALARM], "it stands in the list until that ends"
    back = room.command(ALARM, "unshelve", occurrence=seen, command_id="c-2")
    eventually(lambda: room.hub.last == 3)
    assert (back.json["state"], back.json["shelved_until"]) == ("UNACK", None)
    assert [(e["kind"], e["user"]) for e in room.get("/api/v1/events").json["events"][-2:]] == [
        ("shelved", "张三"), ("unshelved", "张三"),
    ]  # fmt: skip


def test_one_shot(room: Room) -> None:
    answer = room.command(ALARM, "shelve", occurrence=told(room), one_shot=True, comment="修")
    assert (answer.status, answer.json["one_shot"]) == (200, True)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"for_s": 43_201, "comment": "x"}, 422, "not-now"),
        ({"for_s": 3600}, 422, "not-now"),
        ({"comment": "x"}, 400, "wrong-request"),
        ({"for_s": 60, "one_shot": True, "comment": "x"}, 400, "wrong-request"),
        ({"for_s": 0, "comment": "x"}, 400, "wrong-request"),
        ({"for_s": "3600", "comment": "x"}, 400, "wrong-request"),
        ({"for_s": 3600, "until": LATER, "comment": "x"}, 400, "wrong-request"),
    ],
)
def test_how_long_and_why(room: Room, body: dict[str, Any], status: int, word: str) -> None:
    refused = room.command(ALARM, "shelve", occurrence=told(room), **body)
    assert (refused.status, refused.problem) == (status, word)
    texts = [refused.json["text"], *(each["text"] for each in refused.json.get("errors", ()))]
    assert all(text["zh"] and text["en"] for text in texts)
    assert room.get("/api/v1/alarms").json["alarms"][0]["state"] == "UNACK"


def test_loopback_shelves_nothing_of_the_first_priority(room: Room) -> None:
    seen = told(room, 1)
    refused = room.command(ALARM, "shelve", occurrence=seen, for_s=60, comment="x")
    assert (refused.status, refused.problem, refused.json["asks"]) == (403, "not-allowed", "shelve_urgent")
    out = room.command(ALARM, "out-of-service", occurrence=seen, until=LATER, comment="x")
    assert out.status == 403


def by_socket(room: Room, kind: str, seen: int, **body: Any) -> Reply:
    whole = {"occurrence": seen, "command_id": kind, "comment": "工单 4711"} | body
    headers = {"content-type": "application/json"}
    return room.ask_http("POST", f"/api/v1/alarms/{ALARM}/{kind}", json.dumps(whole).encode(), headers, unix=True)


def test_out_of_service_by_an_engineer_with_its_planned_end(room: Room) -> None:
    seen = told(room, 1)
    answer = by_socket(room, "out-of-service", seen, until=LATER)
    assert (answer.status, answer.json["state"], answer.json["out_until"]) == (200, "OUT_OF_SERVICE", LATER)
    assert by_socket(room, "shelve", seen, for_s=60).problem == "not-now"
    assert by_socket(room, "in-service", seen).json["state"] == "UNACK"


@pytest.mark.parametrize("until", [rfc3339(NOW_MS - 86_400_000), rfc3339(NOW_MS + 400 * 86_400_000)])
def test_a_planned_end_that_is_none(room: Room, until: str) -> None:
    refused = by_socket(room, "out-of-service", told(room), until=until)
    assert (refused.status, refused.problem) == (422, "not-now")
    assert "计划" in refused.json["text"]["zh"]


@pytest.mark.parametrize("until", [None, "tomorrow", "2026-11-25T08:00:00"])
def test_a_planned_end_is_a_time_with_its_zone(room: Room, until: Any) -> None:
    assert by_socket(room, "out-of-service", told(room), until=until).status == 400


def test_a_word_for_its_history(room: Room) -> None:
    seen = told(room)
    assert room.command(ALARM, "comment", occurrence=seen, comment="已派单").json["state"] == "UNACK"
    eventually(lambda: room.hub.last == 2)
    assert (last(room)["kind"], last(room)["comment"]) == ("commented", "已派单")
    assert room.command(ALARM, "comment", occurrence=seen, command_id="c-2").problem == "not-now"


def test_an_old_view_is_a_conflict(room: Room) -> None:
    seen = told(room)
    assert room.command(ALARM, "shelve", occurrence=seen - 1, for_s=60, comment="x").status == 409
    eventually(lambda: room.hub.last == 1)


MAY = {
    ("shelve", 2): {"operator", "engineer"},
    ("shelve", 1): {"engineer"},
    ("unshelve", 1): {"operator", "engineer"},
    ("out-of-service", 2): {"engineer"},
    ("in-service", 2): {"engineer"},
    ("comment", 1): {"operator", "engineer"},
    ("ack", 1): {"operator", "engineer"},
}
BODIES: dict[str, dict[str, Any]] = {"shelve": {"for_s": 60}, "out-of-service": {"until": LATER}}


def test_who_may(console: ConsoleRoom) -> None:
    roles = ("viewer", "operator", "engineer", "admin", "auditor")
    people = {role: Browser(console).as_role(role) for role in roles}
    for (kind, priority), allowed in MAY.items():
        alarm = tilted(priority=priority, id=f"{kind}@p{priority}")
        console.tell(alarm)
        for role, browser in people.items():
            body = {"occurrence": alarm.occurrence, "command_id": f"{kind}-{priority}-{role}", "comment": "why"}
            answer = browser.post(f"/api/v1/alarms/{alarm.id}/{kind}", body | BODIES.get(kind, {}))
            assert answer.status == (200 if role in allowed else 403), (kind, priority, role, answer.body)
    trail = people["auditor"].get("/api/v1/audit?what=shelve").json["entries"]
    refused = [(entry["who"], entry["target"].split("#")[0]) for entry in trail if entry["status"] == 403]
    assert refused == [("operator", "shelve@p1")], "who may shelve, but not this"
