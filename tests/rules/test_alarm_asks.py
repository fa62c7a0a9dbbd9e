"""When an alarm asks somebody: again after a time, or not; counted over an episode; the first of many; and floods."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import sections
from rules.alarm_table import find, words_of
from rules.flood import Flood, annunciated, counted
from rules.kinds.day_mean import DayMean
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.packs import DatedLimit
from rules.records import Alarm, Event
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, START_MS, Street, on_disk, plain, rule, told

LIMIT = Threshold(quantity="pm10_ug_m3", above=150)
OPEN = State(quantity="cover_open", value=True)


def seen(street: Street, ms: int, name: str = "dust@a") -> None:
    assert street.command(ms, "ack", name, street.alarm(name).occurrence)[0] == 200


# ------------------------------------------------------------------------------------------------ again, or not


def test_what_was_seen_and_is_still_there_asks_again_after_a_time() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT, re_alarm_ms=4 * HOUR)])
    [raised] = street.json(SECOND, "a", pm10=200).events
    assert not street.tick(5 * HOUR).events, "nobody has seen it: it has not stopped asking"
    seen(street, 5 * HOUR)
    street.restart()
    assert not street.tick(9 * HOUR - 1).events
    [again] = street.tick(9 * HOUR).events
    assert (again.kind, again.cause, again.alarm.state, annunciated(again)) == ("reraised", "re_alarm", "UNACK", True)
    assert (again.alarm.occurrence, again.alarm.count) == (raised.alarm.occurrence, 1), "the same activation"
    assert (again.alarm.since_ms, again.alarm.acked_by, again.alarm.acked_ms) == (raised.t_ms, "", None)
    assert again.evidence is None, "it judges nothing anew"
    assert not street.tick(DAY).events


def test_what_has_gone_meanwhile_asks_nobody_again() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT, re_alarm_ms=HOUR)])
    street.json(SECOND, "a", pm10=200)
    seen(street, 2 * SECOND)
    street.json(3 * SECOND, "a", pm10=10)
    assert not street.tick(DAY).events


def test_a_new_configuration_says_when_it_asks_again() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT, re_alarm_ms=HOUR)])
    street.json(SECOND, "a", pm10=200)
    seen(street, 2 * SECOND)
    street.configure(10 * MINUTE, "later", [plain("a")], [rule("dust", "threshold", LIMIT, re_alarm_ms=2 * HOUR)])
    assert not street.tick(2 * HOUR).events
    assert told(street.tick(2 * HOUR + 10 * MINUTE).events) == [("reraised", "dust@a", "UNACK")]
    seen(street, 3 * HOUR)
    street.configure(4 * HOUR, "never", [plain("a")], [rule("dust", "threshold", LIMIT)])
    assert not street.tick(DAY).events


def test_re_alarm_of_a_shelved_alarm_rings_nobody_and_is_not_lost() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT, re_alarm_ms=HOUR)])
    street.json(SECOND, "a", pm10=200)
    seen(street, 2 * SECOND)
    street.command(3 * SECOND, "shelve", "dust@a", street.alarm("dust@a").occurrence, for_ms=3 * HOUR)
    [again] = street.tick(2 * HOUR).events
    assert (again.cause, again.alarm.state, annunciated(again)) == ("re_alarm", "SHELVED", False)
    _, events = street.command(2 * HOUR + 1, "unshelve", "dust@a", street.alarm("dust@a").occurrence)
    assert told(events) == [("unshelved", "dust@a", "UNACK")]


@pytest.mark.parametrize(("latch", "state"), [(False, "NORMAL"), (True, "LATCHED")])
def test_a_rule_may_need_nobody_to_acknowledge_what_has_gone(latch: bool, state: str) -> None:  # noqa: FBT001 - a table
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT, ack_required=False, latch=latch)])
    [raised] = street.json(SECOND, "a", pm10=200).events
    assert annunciated(raised)
    assert told(street.json(2 * SECOND, "a", pm10=10).events) == [("returned", "dust@a", state)]
    assert street.alarm("dust@a").acked_by == "", "nobody has"


def test_a_more_urgent_rule_asks_again_but_not_for_planned_work() -> None:
    street = Street([plain("a")], [rule("flat", "threshold", LIMIT, maintenance=True, priority=4)])
    street.json(SECOND, "a", pm10=200)
    urgent = rule("flat", "threshold", LIMIT, maintenance=True, priority=3)
    [event] = street.configure(2 * SECOND, "urgent", [plain("a")], [urgent]).events
    assert (event.kind, event.alarm.acknowledged, annunciated(event)) == ("amended", True, False)


# --------------------------------------------------------------------------------------------- episodes


def test_count_is_of_the_episode_and_occurrences_are_of_each_activation() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT)])
    counts, occurrences = [], []
    for turn in range(3):
        street.json(2 * turn * SECOND + 1000, "a", pm10=200)
        counts.append(street.alarm("dust@a").count)
        occurrences.append(street.alarm("dust@a").occurrence)
        street.json(2 * turn * SECOND + 2000, "a", pm10=10)
    assert counts == [1, 2, 3]
    assert occurrences == sorted(set(occurrences))
    seen(street, 20 * SECOND)
    assert street.alarm("dust@a").count == 3, "what was acknowledged can still be read"
    street.json(21 * SECOND, "a", pm10=200)
    assert street.alarm("dust@a").count == 1


def test_a_finding_goes_as_the_table_says() -> None:
    """A violated day is active only for the moment; two days that nobody has looked at are two activations."""
    limit = (DatedLimit(from_date="2020-01-01", value=50, name="limit"),)
    street = Street([plain("a")], [rule("day", "day_mean", DayMean(quantity="pm10_ug_m3", limits=limit, min_hours=1))])
    events: list[Event] = []
    for minute in range(3 * 24 * 60):
        events += street.json(minute * MINUTE, "a", pm10=100).events
    found = [event for event in events if event.alarm.id == "day@a"]
    blank = Alarm(id="x", rule="x", subject="x", device=None, family=None, priority=2)
    assert [event.kind for event in found[:2]] == list(find("NORMAL", "finding", words_of(blank)).told)
    assert [(event.kind, event.alarm.state, event.alarm.count) for event in found[:4]] == [
        ("raised", "UNACK", 1), ("returned", "RTN_UNACK", 1), ("raised", "UNACK", 2), ("returned", "RTN_UNACK", 2),
    ]  # fmt: skip
    seen(street, 3 * DAY, "day@a")
    assert street.alarm("day@a").over


def test_a_shelved_rule_of_findings_is_silent_and_one_shot_ends_with_the_first() -> None:
    limit = (DatedLimit(from_date="2020-01-01", value=50, name="limit"),)
    street = Street([plain("a")], [rule("day", "day_mean", DayMean(quantity="pm10_ug_m3", limits=limit, min_hours=1))])
    street.command(SECOND, "out_of_service", "day@a", 0, until_ms=START_MS + 30 * HOUR)
    events: list[Event] = []
    for minute in range(1, 29 * 60):
        events += street.json(minute * MINUTE, "a", pm10=100).events
    assert [event.kind for event in events if event.alarm.id == "day@a"] == ["raised", "returned"]
    assert not any(annunciated(event) for event in events)


def test_who_has_seen_it_and_when() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT)])
    street.json(SECOND, "a", pm10=200)
    _, [event] = street.command(
        2 * SECOND, "ack", "dust@a", street.alarm("dust@a").occurrence, user="李", comment="去看"
    )
    assert (event.alarm.acked_by, event.alarm.acked_ms) == ("李", START_MS + 2 * SECOND)
    street.json(3 * SECOND, "a", pm10=10)
    assert street.alarm("dust@a").acked_by == "李"
    street.json(4 * SECOND, "a", pm10=200)
    assert (street.alarm("dust@a").acked_by, street.alarm("dust@a").acked_ms) == ("", None)
    _, [event] = street.command(5 * SECOND, "comment", "dust@a", street.alarm("dust@a").occurrence, comment="已派单")
    assert (event.kind, event.comment, event.alarm.state) == ("commented", "已派单", "UNACK")


def test_alarms_of_the_version_before_go_on() -> None:
    """A snapshot that knows nothing of counts, shelves and causes."""
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT)])
    street.json(SECOND, "a", pm10=200)
    parts = on_disk(street.fold)
    version, content = parts["alarms"]
    new = ("count", "first_out", "acked_by", "acked_ms", "shelved_until_ms", "one_shot", "out_until_ms", "reason",
           "withheld_by", "respond_within_ms", "ack_required", "re_alarm_ms", "group")  # fmt: skip
    old = [{k: v for k, v in one.items() if k not in new} for one in msgspec.msgpack.decode(content)]
    street.fold = street.fresh()
    assert sections.read(street.fold, parts | {"alarms": (version, msgspec.msgpack.encode(old))}) == set()
    assert (street.alarm("dust@a").state, street.alarm("dust@a").count) == ("UNACK", 1)
    assert not street.json(2 * SECOND, "a", pm10=210).events
    street.json(3 * SECOND, "a", pm10=10)
    [again] = street.json(4 * SECOND, "a", pm10=200).events
    assert (again.alarm.count, again.alarm.respond_within_ms) == (2, HOUR)


# ------------------------------------------------------------------------------------------------- first-out


def test_the_first_of_a_site_is_marked_until_all_are_over() -> None:
    devices = [plain("a", site="yard"), plain("b", site="yard"), plain("c")]
    street = Street(devices, [rule("dust", "threshold", LIMIT)])
    [first] = street.json(SECOND, "a", pm10=200).events
    [second] = street.json(2 * SECOND, "b", pm10=200).events
    [alone] = street.json(3 * SECOND, "c", pm10=200).events
    assert [(e.alarm.first_out, e.alarm.group) for e in (first, second, alone)] == [
        (True, None), (False, "dust@a"), (True, None),
    ]  # fmt: skip
    street.json(4 * SECOND, "a", pm10=10)
    seen(street, 5 * SECOND, "dust@a")
    street.restart()
    [again] = street.json(6 * SECOND, "a", pm10=200).events
    assert again.alarm.first_out, "the mark stays while one of them stands"
    for name in "ab":
        street.json(7 * SECOND, name, pm10=10)
        seen(street, 8 * SECOND, f"dust@{name}")
    [other] = street.json(9 * SECOND, "b", pm10=200).events
    [late] = street.json(10 * SECOND, "a", pm10=200).events
    assert (other.alarm.first_out, late.alarm.first_out, late.alarm.group) == (True, False, "dust@b")


def test_what_somebody_has_seen_is_no_longer_the_first_of_what_comes() -> None:
    """Else a day later everything at the site would be filed under an alarm that was understood long ago."""
    devices = [plain(name, site="yard") for name in "abc"]
    street = Street(devices, [rule("dust", "threshold", LIMIT)])
    street.json(SECOND, "a", pm10=200)
    seen(street, 2 * SECOND, "dust@a")
    street.restart()
    [new] = street.json(3 * SECOND, "b", pm10=200).events
    [later] = street.json(4 * SECOND, "c", pm10=200).events
    assert (new.alarm.first_out, new.alarm.group) == (True, None)
    assert (later.alarm.first_out, later.alarm.group) == (False, "dust@b")
    assert not street.alarm("dust@a").first_out


def test_a_finding_is_the_first_of_nothing() -> None:
    """It tells of a day that is over: what rings now has another cause."""
    limit = (DatedLimit(from_date="2020-01-01", value=50, name="limit"),)
    rules = [
        rule("day", "day_mean", DayMean(quantity="pm10_ug_m3", limits=limit, min_hours=1)),
        rule("dust", "threshold", LIMIT),
    ]
    street = Street([plain("a", site="yard")], rules)
    events: list[Event] = []
    for minute in range(1, 27 * 60):
        events += street.json(minute * MINUTE, "a", pm10=100).events
    [raised, *_] = [event for event in events if event.alarm.id == "day@a"]
    assert (raised.kind, raised.alarm.first_out) == ("raised", False)
    [rings] = street.json(27 * HOUR, "a", pm10=200).events
    assert (rings.alarm.first_out, rings.alarm.group) == (True, None)


def test_alarms_of_one_record_share_the_mark() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT), rule("open", "state", OPEN)])
    events = street.json(SECOND, "a", pm10=200, open=True).events
    assert [(event.alarm.id, event.alarm.first_out) for event in events] == [("dust@a", True), ("open@a", True)]


def test_what_rings_nobody_opens_no_group() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT), rule("open", "state", OPEN)])
    street.command(SECOND, "out_of_service", "dust@a", 0, until_ms=START_MS + 30 * DAY)
    street.json(2 * SECOND, "a", pm10=200)
    [event] = street.json(DAY, "a", open=True).events
    assert event.alarm.first_out


# ----------------------------------------------------------------------------------------------------- floods


def in_flood(flood: Flood, t_ms: int) -> bool:
    return flood.look(t_ms)[1] is not None


def test_what_people_take_back_rings_but_is_no_alarm_in_the_figures() -> None:
    """One cover is open; whoever shelves it and takes that back six times has not made six alarms."""
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT)])
    events = [*street.json(SECOND, "a", pm10=200).events]
    for turn in range(6):
        number = street.alarm("dust@a").occurrence
        events += street.command((10 * turn + 2) * SECOND, "shelve", "dust@a", number, for_ms=HOUR)[1]
        events += street.command((10 * turn + 3) * SECOND, "unshelve", "dust@a", number)[1]
    assert [event.kind for event in events if annunciated(event)] == ["raised"] + ["unshelved"] * 6
    assert [event.kind for event in events if counted(event)] == ["raised"]


@given(st.lists(st.tuples(st.integers(0, 200_000), st.booleans()), max_size=80))
def test_a_flood_begins_above_ten_and_ends_below_five(steps: Sequence[tuple[int, bool]]) -> None:
    """Against one that looks at every second."""
    flood, now = Flood(), 0
    rang: list[int] = []
    slow: int | None = None
    for step_ms, rings in steps:
        for t_ms in range(now + 1000, now + step_ms // 1000 * 1000 + 1000, 1000):
            now = t_ms
            if sum(t_ms - 600_000 < at for at in rang) < 5:
                slow = None
        if rings:
            rang.append(now)
            flood.ring(now)
            if slow is None and sum(now - 600_000 < at for at in rang) > 10:
                slow = now
        assert flood.look(now) == (sum(now - 600_000 < at for at in rang), slow)
        assert in_flood(flood, now) == (slow is not None)


def test_a_clock_that_is_set_back_holds_no_flood() -> None:
    flood = Flood()
    for _ in range(11):
        flood.ring(DAY)
    assert in_flood(flood, DAY)
    assert flood.look(HOUR) == (11, DAY)
    assert not in_flood(flood, HOUR + 10 * MINUTE)


def test_a_flood_is_fed_by_what_rings() -> None:
    street = Street([plain("a")], [rule("dust", "threshold", LIMIT)])
    flood = Flood()
    for turn in range(12):
        for event in (
            *street.json(turn * MINUTE // 2 + 1, "a", pm10=200).events,
            *street.json(turn * MINUTE // 2 + 2, "a", pm10=1).events,
        ):
            if counted(event):
                flood.ring(event.t_ms)
    assert flood.look(START_MS + 6 * MINUTE)[0] == 12
    assert in_flood(flood, START_MS + 6 * MINUTE)
