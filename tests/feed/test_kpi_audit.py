"""Who tried to withhold an alarm or to change the rules and may not: counted by the figures, out of the audit trail."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.instants import rfc3339
from feed.desk import Audited, Desk
from feed.kpi_audit import unauthorised
from rules.records import Alarm
from tests.feed.console import Browser, ConsoleRoom
from tests.feed.room import eventually, tilted

HOUR_MS = 3_600_000


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        yield opened


def test_who_may_not_and_tried_is_counted_and_nobody_else(room: ConsoleRoom) -> None:
    urgent, usual = tilted("a"), tilted("b", priority=3)
    room.tell(urgent, usual)
    eventually(lambda: room.hub.last == 2)
    operator, viewer, nobody = Browser(room).as_role("operator"), Browser(room).as_role("viewer"), Browser(room)
    until = rfc3339(time.time_ns() // 1_000_000 + HOUR_MS)
    number = 0

    def told(who: Browser, path: str, **other: object) -> int:
        nonlocal number
        number += 1
        body = {"command_id": f"c-{number}", "comment": "WO-7", **other}
        return who.post(f"/api/v1/{path}", body).status

    def alarm(each: Alarm, kind: str) -> str:
        return f"alarms/{each.id}/{kind}"

    seen, later = {"occurrence": urgent.occurrence, "for_s": 900}, {"occurrence": urgent.occurrence, "until": until}
    assert told(operator, alarm(usual, "shelve"), occurrence=usual.occurrence, for_s=900) == 200
    assert told(viewer, alarm(usual, "ack"), occurrence=usual.occurrence) == 403, "it withholds nothing"
    assert told(nobody, alarm(urgent, "shelve"), **seen) == 401
    assert figure(operator) == 0
    tried = [
        told(operator, alarm(urgent, "shelve"), **seen),  # of priority 1: the endpoint says it
        told(operator, alarm(urgent, "out-of-service"), **later),  # the door says it
        told(viewer, alarm(usual, "shelve"), occurrence=usual.occurrence, for_s=900),
        told(viewer, "devices/mh-1/permit"),
        told(operator, "devices/mh-1/commission"),
        told(operator, "reload"),
        told(viewer, "reload/undo"),
    ]
    assert tried == [403] * 7
    desk = Desk(room.state / "desk.sqlite")
    by_mqtt = Audited(who="王工 (city)", via="mqtt city key ops", what="out_of_service", target="x", status=403)
    desk.audit(by_mqtt)
    desk.close()
    assert figure(operator) == 8
    now_ms = time.time_ns() // 1_000_000
    span = f"from={rfc3339(now_ms - 2 * HOUR_MS)}&to={rfc3339(now_ms - HOUR_MS)}"
    assert figure(operator, span) == 0


def figure(who: Browser, span: str = "") -> int | None:
    found: int | None = who.get(f"/api/v1/kpi?{span}").json["unauthorised_suppressions"]
    return found


def test_a_trail_that_cannot_be_read_is_no_nought(tmp_path: Path) -> None:
    assert unauthorised(tmp_path / "desk.sqlite", 0, 1) is None
