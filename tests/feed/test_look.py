"""What the console looks at, over real connections: counters, one alarm, its history, the journal."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.instants import rfc3339
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from feed.console_settings import EIGHT_HOURS, ConsoleSettings, ShiftSettings
from feed.shifts import shift_at, shifts_of
from feed.summary import Counts
from rules.flood import Flood
from rules.fold import Fold
from rules.kinds.threshold import Threshold
from rules.records import Command, Config, Text
from rules.ruleset import Cited, Rule, RuleSet, Scope
from tests.feed.room import GATEWAY, NOW_MS, Room, eventually, tilted

ALARM = "cover-tilted@mh-0114"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def rule(**other: Any) -> Rule:  # noqa: ANN401 - any of its fields
    given: dict[str, Any] = {
        "id": "cover-tilted", "kind": "threshold", "scope": Scope(family="manhole"), "priority": 1, "latch": True,
        "settings": Threshold(quantity="tilt_deg", above=15.0, once=30.0, clear=10.0), "respond_within_ms": 7_200_000,
        "text": Text("井盖倾斜 {value}°", "Cover tilted {value}°"), "cause": Text("井盖被掀开", "Cover lifted"),
        "consequence": Text("行人坠落", "People may fall in"), "action": Text("派员围护", "Send a crew"),
        "sources": (Cited("above", "15", "设计", "3.1", "E"),),
    }  # fmt: skip
    return Rule(**(given | other))


def fold_of(*rules: Rule) -> Fold:
    """Make a fold with one cover."""
    source = Source(
        name="lora",
        kind="mqtt",
        subject="broker:lora",
        routes=(Route(filter="w/+", envelope="plain", address="topic 2"),),
    )
    cover = Device(
        id="mh-0114", model="plain", family="manhole", address="topic:lora/114", name="文化路12号", site="鼓楼",
        at=(117.18, 34.26), interval_ms=HOUR_MS, options=PlainOptions(family="manhole", fields={"t": "tilt_deg"}),
        labels={"camera": "cam 7/北", "owner": "排水处"}, via=("lora",),
    )  # fmt: skip
    registry = Registry(gateway=GATEWAY, time_zone="Asia/Shanghai", sources=(source,), devices=(cover,))
    fold = Fold(lambda _: (registry, RuleSet(rules or (rule(),))))
    fold.take(1, [Config(at_ms=NOW_MS, hash="h")])
    return fold


# --------------------------------------------------------------------------------------------------------- summary


def test_counters_follow_what_is_told(room: Room) -> None:
    before = room.get("/api/v1/summary").json
    assert before["standing"] == {f"p{n}": {"unacked": 0, "total": 0} for n in range(1, 5)}
    assert before["shift"]["name"] in ("早班", "中班", "夜班")
    cover, dust = tilted(), tilted("dust-1", priority=3)
    room.tell(cover, dust, tilted("mh-2", acknowledged=True), tilted("mh-3", suppressed=["cut_off"]))
    room.tell(tilted("mh-4", suppressed=["shelved", "cut_off"]), tilted("mh-5", suppressed=["out_of_service"]))
    room.tell(tilted("mh-6", priority=4, suppressed=["maintenance"], acknowledged=True))
    eventually(lambda: room.hub.last == 7)
    now = room.get("/api/v1/summary").json
    assert now["standing"]["p1"] == {"unacked": 1, "total": 2}
    assert now["standing"]["p3"] == {"unacked": 1, "total": 1}
    assert (now["shelved"], now["suppressed"], now["out_of_service"], now["maintenance"]) == (1, 1, 1, 1)
    assert now["position"] == f"{room.hub.feed}-7"
    cover.active, cover.acknowledged = False, True
    room.tell(cover, kind="returned")
    eventually(lambda: room.get("/api/v1/summary").json["standing"]["p1"] == {"unacked": 0, "total": 1})


def test_counters_are_the_same_after_a_restart(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.tell(tilted("a"), tilted("b", acknowledged=True), tilted("c", suppressed=["shelved"]))
    with room:
        told = room.get("/api/v1/summary").json
        assert told["standing"]["p1"] == {"unacked": 1, "total": 2}
        assert told["shelved"] == 1


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    flood = Flood()
    for n in range(10):
        flood.ring(n * 1000)
    assert flood.look(9_000) == (10, None)
    flood.ring(10_000)
    assert flood.look(10_000) == (11, 10_000)
    assert flood.look(606_500) == (4, None)  # those of the 7th to the 10th second are left
    assert Flood().look(0) == (0, None)


@given(st.lists(st.integers(0, 40_000), max_size=80), st.integers(0, 700_000))
def test_a_flood_is_what_a_slow_count_says(gaps: list[int], later: int) -> None:
    """Where nobody looks in between, the flood is the same as if somebody had looked every second."""
    flood, times, at = Flood(), [], 0
    for gap in gaps:
        at += gap
        times.append(at)
        flood.ring(at)
    active = False
    moments = sorted({*times, *range(0, at + later + 1, 1000), at + later})
    for moment in moments:
        recent = sum(moment - 600_000 < t < moment for t in times)
        active = active and recent >= 5
        recent += sum(t == moment for t in times)
        active = (active and recent >= 5) or recent > 10
    count, since = flood.look(at + later)
    assert count == sum(at + later - 600_000 < t for t in times)
    assert (since is not None) == active


def test_counts_of_events_are_those_of_a_fresh_look(room: Room) -> None:
    """Whatever happened, who counted along has what the book says."""
    room.many(57, groups_of=5)
    eventually(lambda: room.hub.last == 57)
    fresh = Counts(room.book.alarms())
    along = room.hub.counts
    assert along._places == fresh._places
    assert along.summary("g", "p", NOW_MS, None).standing == fresh.summary("g", "p", NOW_MS, None).standing


# ---------------------------------------------------------------------------------------------------------- shifts


def test_a_shift_over_midnight_is_the_one_that_began_yesterday() -> None:
    night = (ShiftSettings.model_validate({"name": "夜班", "from": "22:00", "to": "06:00"}),)
    zone = ZoneInfo("Asia/Shanghai")  # NOW is 16:00 there
    assert shift_at(night, zone, NOW_MS) is None
    found = shift_at(night, zone, NOW_MS + 13 * HOUR_MS)
    assert found is not None
    assert (found.from_ms, found.to_ms) == (NOW_MS + 6 * HOUR_MS, NOW_MS + 14 * HOUR_MS)


@given(st.integers(0, 4_000_000_000_000), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_at_any_time_somebody_sits_there(t_ms: int, zone: str) -> None:
    found = shift_at(EIGHT_HOURS, ZoneInfo(zone), t_ms)
    assert found is not None
    assert found.from_ms <= t_ms < found.to_ms
    day = shifts_of(EIGHT_HOURS, ZoneInfo(zone), t_ms, t_ms + 86_400_000)
    assert all(one.to_ms == other.from_ms for one, other in pairwise(day))


# ------------------------------------------------------------------------------------------------------ the console


def test_the_console_knows_itself(tmp_path: Path) -> None:
    written: dict[str, Any] = {
        "name": "鼓楼区值班室",
        "map": {"tiles": "https://t0.tiles.example/{z}/{x}/{y}.png", "crs": "gcj02", "attribution": "GS(2026)1号"},
        "camera": "https://cameras.example/{label:camera}?of={device}",
    }
    with Room(tmp_path, console=ConsoleSettings.model_validate(written)) as room:
        room.fold = fold_of()
        told = room.get("/api/v1/console").json
        assert told["gateway_name"] == "鼓楼区值班室"
        assert told["map"] == written["map"] | {"center": [117.18, 34.26]}
        assert told["time_zone"] == "Asia/Shanghai"
        assert told["shifts"][0] == {"name": "早班", "from": "08:00", "to": "16:00"}
        assert told["camera"] is True
        policy = room.get("/").headers["content-security-policy"]
        assert "img-src 'self' https://t0.tiles.example data:" in policy
        assert policy.count("tiles.example") == 1, "for images alone"
        detail = room.get(f"/api/v1/alarms/{ALARM}").json
        assert detail["camera"] == "https://cameras.example/cam%207%2F%E5%8C%97?of=mh-0114"


def test_without_a_word_there_is_no_map_and_no_camera(room: Room) -> None:
    told = room.get("/api/v1/console").json
    assert (told["map"], told["camera"], told["gateway_name"]) == (None, False, GATEWAY)
    assert "img-src 'self' data:" in room.get("/").headers["content-security-policy"]


# ------------------------------------------------------------------------------------------------------- one alarm


def test_an_alarm_with_all_that_its_operator_needs(room: Room) -> None:
    room.fold = fold_of()
    permit = Command(
        at_ms=NOW_MS, id="p", kind="permit", alarm="mh-0114", occurrence=0, who="李四", until_ms=NOW_MS + HOUR_MS,
        user="root", comment="清淤",
    )  # fmt: skip
    room.fold.take(2, [permit])
    room.tell(tilted(id=ALARM))
    eventually(lambda: room.alarm_ids() == [ALARM])
    told = room.get(f"/api/v1/alarms/{ALARM}").json
    assert told["alarm"] == room.get("/api/v1/alarms").json["alarms"][0]
    assert told["guidance"]["action"] == {"zh": "派员围护", "en": "Send a crew"}
    assert told["guidance"]["respond_within_s"] == 7_200
    assert [(one["kind"], one["of"], one["value"]) for one in told["rule"]["limits"]] == [
        ("above", "value", 15.0), ("above", "value", 30.0), ("below", "value", -15.0), ("below", "value", -30.0),
    ]  # fmt: skip
    assert told["rule"]["sources"][0]["mark"] == "E"
    assert told["device"]["name"] == "文化路12号"
    assert told["labels"]["owner"] == "排水处"
    assert told["permit"]["who"] == "李四"
    assert told["camera"] is None


def test_an_alarm_that_is_over_or_never_rang_is_told_as_well(room: Room) -> None:
    room.fold = fold_of()
    never = room.get(f"/api/v1/alarms/{ALARM}").json
    assert (never["alarm"]["state"], never["alarm"]["occurrence"]) == ("NORMAL", 0)
    room.tell(tilted(id=ALARM, active=False, acknowledged=True, occurrence=7), kind="returned")
    eventually(lambda: room.hub.last == 1)
    assert room.get(f"/api/v1/alarms/{ALARM}").json["alarm"]["occurrence"] == 7
    gone = room.get("/api/v1/alarms/nothing@nowhere")
    assert (gone.status, gone.problem) == (404, "no-such-alarm")


def test_the_alarm_of_a_rule_that_is_no_more_has_no_guidance(room: Room) -> None:
    room.tell(tilted())
    eventually(lambda: room.hub.last == 1)
    told = room.get("/api/v1/alarms/cover-tilted@mh-0114%2Ftilt_deg").json
    assert told["alarm"]["device"] == "mh-0114"
    assert (told["guidance"], told["rule"], told["device"]) == (None, None, None)


def test_a_history_by_pages_newest_first(room: Room) -> None:
    room.many(95)
    eventually(lambda: room.hub.last == 95)
    path, numbers = "/api/v1/alarms/cover-tilted@mh-0003%2Ftilt_deg/history?limit=4", []
    before = ""
    while True:
        page = room.get(path + before).json
        numbers += [event["number"] for event in page["events"]]
        assert {event["alarm"]["device"] for event in page["events"]} == {"mh-0003"}
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert numbers == list(range(94, 0, -10))
    events = {event["number"]: event for event in room.get("/api/v1/events").json["events"]}
    assert page["events"][-1] == events[numbers[-1]], "an event is the same wherever it is read"


# --------------------------------------------------------------------------------------------------------- journal


def test_the_journal_by_all_that_can_be_asked(room: Room) -> None:
    room.tell(tilted("mh-1", site="一号工地", priority=2), tilted("mh-2", name='100%_"试验"'))
    room.tell(tilted("mh-1", site="一号工地", active=False), kind="returned")
    eventually(lambda: room.hub.last == 3)

    def numbers(query: str) -> list[int]:
        return [event["number"] for event in room.get(f"/api/v1/journal?{query}").json["events"]]

    assert numbers("") == [3, 2, 1]
    assert numbers("device=mh-1") == [3, 1]
    assert numbers("site=%E4%B8%80%E5%8F%B7%E5%B7%A5%E5%9C%B0&kind=raised") == [1]
    assert numbers("kind=raised&kind=returned&priority=1") == [3, 2]
    assert numbers("alarm=cover-tilted@mh-2/tilt_deg") == [2]
    assert numbers("text=mh-1") == [3, 1]
    assert numbers("text=COVER+tilted&limit=2") == [3, 2]
    assert numbers("text=%25_%22%E8%AF%95") == [2], "nothing in it is a wildcard"
    assert numbers("text=acknowledged") == [], "names of fields are no words"
    second = rfc3339(NOW_MS + 102)  # the room's civil time goes on by a millisecond an event
    assert numbers(f"from={second}") == [3, 2]
    assert numbers(f"to={second}") == [1]
    assert room.get("/api/v1/journal?from=2026-11-24T08:00:00").problem == "wrong-request", "without a zone"


def test_the_journal_by_pages_until_nothing_is_missing(room: Room) -> None:
    room.many(45)
    eventually(lambda: room.hub.last == 45)
    seen, query = [], ""
    for size in (20, 20, 5):
        page = room.get(f"/api/v1/journal?limit=20{query}").json
        assert len(page["events"]) == size
        seen += [event["number"] for event in page["events"]]
        query = f"&before={page['next']}"
    assert page["next"] is None
    assert seen == list(range(45, 0, -1))


def test_a_book_of_an_earlier_version_gets_its_rows_when_it_is_opened(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.many(30)
    room.book._db.executescript("drop table told; delete from facts where name = 'told_whole'")
    room.book.close()
    again = Room(tmp_path)
    again._sequence = 200
    with again:
        assert len(again.get("/api/v1/journal?device=mh-0003").json["events"]) == 3
        again.tell(tilted("mh-0003"))
        eventually(lambda: len(again.get("/api/v1/journal?device=mh-0003").json["events"]) == 4)


@pytest.mark.parametrize("path", ["summary", "console", "journal", f"alarms/{ALARM}", f"alarms/{ALARM}/history"])
def test_what_is_read_is_json(room: Room, path: str) -> None:
    room.fold = fold_of()
    answer = room.get(f"/api/v1/{path}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body)["gateway"] == GATEWAY
