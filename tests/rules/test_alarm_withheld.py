# ruff: noqa: ANN401 - fields of commands
"""Alarms that somebody withholds, or their design: shelved, out of service, behind a cause; and how they return."""

from typing import Any

import msgspec
import pytest

from rules.flood import annunciated
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.records import Command, Event
from rules.ruleset import Cause, Rule
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, START_MS, Kind, Street, plain, rule, told

DUST = rule("dust", "threshold", Threshold(quantity="pm10_ug_m3", above=150))
COVER = rule("cover", "state", State(quantity="cover_open", value=True), latch=True)
POWER = rule("power", "state", State(quantity="cover_open", value=True))


def behind(where: str = "device") -> Rule:
    """Return the dust alarm, with the power as its cause."""
    return rule("dust", "threshold", DUST.settings, suppressed_by=Cause(rule="power", where=where))  # type: ignore[arg-type]


@pytest.fixture
def street() -> Street:
    return Street([plain("a")], [COVER, DUST])


def occurrence(street: Street, name: str = "dust@a") -> int:
    return street.alarm(name).occurrence


def shelve(street: Street, ms: int, for_ms: int = HOUR, name: str = "dust@a", **more: Any) -> list[Event]:
    status, events = street.command(ms, "shelve", name, occurrence(street, name), for_ms=for_ms, **more)
    assert status == 200
    return events


# ------------------------------------------------------------------------------------------------------- shelving


def test_a_shelved_alarm_is_judged_told_and_counted_and_rings_nobody(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    [shelved] = shelve(street, 2 * SECOND, comment="水泵检修", user="李")
    assert (shelved.kind, shelved.alarm.state, shelved.alarm.reason) == ("shelved", "SHELVED", "水泵检修")
    assert (shelved.alarm.withheld_by, shelved.alarm.shelved_until_ms) == ("李", shelved.t_ms + HOUR)
    assert told(street.json(3 * SECOND, "a", pm10=10).events) == [("returned", "dust@a", "SHELVED")]
    [again] = street.json(4 * SECOND, "a", pm10=300).events
    assert (again.kind, again.alarm.state, again.alarm.count, annunciated(again)) == ("raised", "SHELVED", 2, False)


def test_when_its_time_is_up_what_is_active_asks_anew_though_it_was_seen(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    street.command(2 * SECOND, "ack", "dust@a", occurrence(street))
    shelve(street, 3 * SECOND)
    assert not street.tick(HOUR).events
    [back] = street.tick(HOUR + 4 * SECOND).events
    assert (back.kind, back.cause, back.alarm.state, annunciated(back)) == ("unshelved", "timer", "UNACK", True)
    assert back.at_ms == START_MS + HOUR + 3 * SECOND, "as of its due time"
    assert (back.alarm.shelved_until_ms, back.alarm.reason, back.alarm.acked_by) == (None, "", "")


def test_what_went_while_it_was_shelved_is_over_then(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    shelve(street, 2 * SECOND)
    street.json(3 * SECOND, "a", pm10=10)
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "dust@a", "NORMAL")]


def test_who_takes_it_back_at_once_gets_what_it_was(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    street.command(2 * SECOND, "ack", "dust@a", occurrence(street))
    shelve(street, 3 * SECOND)
    status, [event] = street.command(4 * SECOND, "unshelve", "dust@a", occurrence(street))
    assert (status, event.cause, event.alarm.state, annunciated(event)) == (200, "command", "ACKED", False)
    assert event.alarm.acked_by == "王"
    assert street.command(5 * SECOND, "unshelve", "dust@a", occurrence(street)) == (200, [])
    assert not street.tick(DAY).events


def test_one_shot_ends_with_the_condition_and_at_the_latest_after_twelve_hours(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    shelve(street, 2 * SECOND, for_ms=0, one_shot=True)
    events = street.json(3 * SECOND, "a", pm10=10).events
    assert told(events) == [("returned", "dust@a", "SHELVED"), ("unshelved", "dust@a", "NORMAL")]
    assert events[1].cause == "returned"
    street.json(4 * SECOND, "a", pm10=200)
    shelve(street, 5 * SECOND, for_ms=0, one_shot=True)
    assert told(street.tick(13 * HOUR).events) == [("unshelved", "dust@a", "UNACK")]


def test_a_latch_is_ended_by_no_shelf(street: Street) -> None:
    street.json(SECOND, "a", open=True)
    shelve(street, 2 * SECOND, name="cover@a")
    street.json(3 * SECOND, "a", open=False)
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "cover@a", "RTN_UNACK")]
    assert street.alarm("cover@a").latched


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"for_ms": 12 * HOUR + 1}, "12 小时"),
        ({"for_ms": 0}, "12 小时"),
        ({"for_ms": -HOUR}, "12 小时"),
        ({"for_ms": HOUR, "comment": "  "}, "理由"),
        ({"for_ms": 0, "one_shot": True, "comment": ""}, "理由"),
    ],
)
def test_shelving_has_a_limit_and_a_reason(street: Street, more: dict[str, Any], word: str) -> None:
    street.json(SECOND, "a", pm10=200)
    assert street.command(2 * SECOND, "shelve", "dust@a", occurrence(street), "s", **more) == (422, [])
    why = street.outcomes[-1].answers["s"].why
    assert why is not None
    assert word in why.zh


def test_it_can_be_shelved_again_for_longer(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    shelve(street, 2 * SECOND)
    shelve(street, 50 * MINUTE, comment="还没修好")
    assert not street.tick(90 * MINUTE).events
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "dust@a", "UNACK")]


def test_what_never_rang_can_be_shelved_if_somebody_judges_it(street: Street) -> None:
    assert street.command(SECOND, "shelve", "dust@nowhere", 0, for_ms=HOUR)[0] == 404
    assert street.command(SECOND, "shelve", "nothing@a", 0, for_ms=HOUR)[0] == 404
    assert street.command(SECOND, "comment", "dust@a", 0)[0] == 404
    status, [event] = street.command(2 * SECOND, "shelve", "dust@a", 0, for_ms=HOUR)
    assert (status, event.alarm.state, event.alarm.occurrence, event.alarm.over) == (200, "SHELVED", 0, False)
    [raised] = street.json(3 * SECOND, "a", pm10=200).events
    assert (raised.alarm.state, annunciated(raised)) == ("SHELVED", False)
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "dust@a", "UNACK")]


def test_an_old_view_shelves_nothing_but_may_bring_back(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    first = occurrence(street)
    street.json(2 * SECOND, "a", pm10=10)
    street.json(3 * SECOND, "a", pm10=200)
    for kind in ("shelve", "out_of_service", "ack"):
        assert street.command(4 * SECOND, kind, "dust@a", first, for_ms=HOUR, until_ms=START_MS + DAY)[0] == 409
    shelve(street, 5 * SECOND)
    assert street.command(6 * SECOND, "comment", "dust@a", first)[0] == 200
    assert street.command(7 * SECOND, "unshelve", "dust@a", first)[0] == 200


# ----------------------------------------------------------------------------------------------- out of service


def out(street: Street, ms: int, until_ms: int, name: str = "dust@a", **more: Any) -> list[Event]:
    status, events = street.command(
        ms, "out_of_service", name, occurrence(street, name), until_ms=START_MS + until_ms, **more
    )
    assert status == 200
    return events


def test_out_of_service_comes_back_at_its_planned_end_by_itself(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    [event] = out(street, 2 * SECOND, 3 * DAY, comment="工单 4711", user="赵工")
    assert (event.kind, event.alarm.state, event.alarm.reason) == ("out_of_service", "OUT_OF_SERVICE", "工单 4711")
    assert (event.alarm.out_until_ms, event.alarm.withheld_by) == (START_MS + 3 * DAY, "赵工")
    assert not any(annunciated(one) for one in street.json(DAY, "a", pm10=10).events)
    assert not any(annunciated(one) for one in street.json(2 * DAY, "a", pm10=300).events)
    [back] = street.tick(3 * DAY + SECOND).events
    assert (back.kind, back.cause, back.alarm.state, annunciated(back)) == ("in_service", "timer", "UNACK", True)


def test_in_service_again_before_the_planned_end(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    street.command(2 * SECOND, "ack", "dust@a", occurrence(street))
    out(street, 3 * SECOND, DAY)
    status, events = street.command(4 * SECOND, "in_service", "dust@a", occurrence(street))
    assert (status, told(events)) == (200, [("in_service", "dust@a", "UNACK")]), "whoever worked on it: look"
    assert not street.tick(2 * DAY).events


def test_out_of_service_ends_a_shelving_and_is_not_shelved(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    shelve(street, 2 * SECOND, comment="一会儿")
    [event] = out(street, 3 * SECOND, DAY, comment="工单")
    assert (event.alarm.suppressed, event.alarm.reason, event.alarm.shelved_until_ms) == (
        ["out_of_service"],
        "工单",
        None,
    )
    assert street.command(4 * SECOND, "shelve", "dust@a", occurrence(street), for_ms=HOUR) == (422, [])
    assert not street.tick(2 * HOUR).events, "the shelving does not end any more"


@pytest.mark.parametrize("until_ms", [0, SECOND, 400 * DAY])
def test_a_planned_end_is_later_than_now_and_within_a_year(street: Street, until_ms: int) -> None:
    street.json(SECOND, "a", pm10=200)
    until: dict[str, Any] = {"until_ms": START_MS + until_ms if until_ms else 0}
    assert street.command(2 * SECOND, "out_of_service", "dust@a", occurrence(street), **until)[0] == 422


def test_a_corrected_clock_moves_a_planned_end_and_no_shelving(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    street.json(2 * SECOND, "a", open=True)
    out(street, 3 * SECOND, 8 * HOUR)
    shelve(street, 4 * SECOND, for_ms=2 * HOUR, name="cover@a")
    street.status(5 * SECOND, "clock", offset_ms=7 * HOUR, source="ntp", trusted=True)
    assert told(street.tick(HOUR + MINUTE).events) == [("in_service", "dust@a", "UNACK")], "at eight by the clock"
    assert told(street.tick(2 * HOUR + MINUTE).events) == [("unshelved", "cover@a", "UNACK")], "after two hours"


# --------------------------------------------------------------------------------------------------- by design


def test_while_its_cause_is_active_it_is_suppressed_by_design() -> None:
    street = Street([plain("a")], [POWER, behind()])
    street.json(SECOND, "a", open=True)
    [event] = street.json(2 * SECOND, "a", pm10=200).events
    assert (event.kind, event.alarm.suppressed, event.alarm.group) == ("raised", ["design"], "power@a")
    assert not annunciated(event)
    events = street.json(3 * SECOND, "a", open=False).events
    assert told(events) == [("returned", "power@a", "RTN_UNACK"), ("unsuppressed", "dust@a", "UNACK")]
    assert annunciated(events[1])


def test_a_cause_that_comes_later_suppresses_what_stands_and_gives_it_back() -> None:
    street = Street([plain("a")], [POWER, behind()])
    street.json(SECOND, "a", pm10=200)
    street.command(2 * SECOND, "ack", "dust@a", occurrence(street))
    assert told(street.json(3 * SECOND, "a", open=True).events) == [
        ("raised", "power@a", "UNACK"), ("suppressed", "dust@a", "SUPPRESSED"),
    ]  # fmt: skip
    [power, _] = street.outcomes[-1].events
    assert (power.alarm.group, street.alarm("power@a").group) == (None, None), "the dust was first, but is no cause"
    street.json(4 * SECOND, "a", pm10=10)
    assert told(street.json(5 * SECOND, "a", open=False).events) == [("returned", "power@a", "RTN_UNACK")], (
        "over: no news"
    )
    assert street.alarm("dust@a").suppressed == []


def test_cause_and_effect_of_one_record_ring_once() -> None:
    """Whichever of the two is judged first."""
    late = rule("zz-power", "state", POWER.settings)
    early = rule("dust", "threshold", DUST.settings, suppressed_by=Cause(rule="zz-power"))
    street = Street([plain("a")], [early, late])
    events = street.json(SECOND, "a", pm10=200, open=True).events
    assert sorted(told(events)) == [("raised", "dust@a", "SUPPRESSED"), ("raised", "zz-power@a", "UNACK")]
    assert {event.alarm.id: event.alarm.first_out for event in events} == {"dust@a": False, "zz-power@a": True}
    assert [event.alarm.id for event in events if annunciated(event)] == ["zz-power@a"]


def test_a_cause_counts_at_its_site_where_it_says_so() -> None:
    devices = [plain("a", site="yard"), plain("b", site="yard"), plain("c", site="elsewhere"), plain("d")]
    street = Street(devices, [POWER, behind("site")])
    street.json(SECOND, "b", open=True)
    states = {name: street.json(2 * SECOND, name, pm10=200).events[0].alarm.state for name in "abcd"}
    assert states == {"a": "SUPPRESSED", "b": "SUPPRESSED", "c": "UNACK", "d": "UNACK"}
    street.json(3 * SECOND, "a", open=True)
    assert not street.json(4 * SECOND, "b", open=False).events[1:], "another of the site is still the cause"
    assert street.alarm("dust@b").group == "power@a"
    assert told(street.json(5 * SECOND, "a", open=False).events)[1:] == [
        ("unsuppressed", "dust@a", "UNACK"), ("unsuppressed", "dust@b", "UNACK"),
    ]  # fmt: skip


def test_a_cause_that_is_withheld_names_nothing_to_anybody() -> None:
    street = Street([plain("a")], [POWER, behind()])
    street.json(SECOND, "a", open=True)
    street.json(2 * SECOND, "a", pm10=200)
    events = shelve(street, 3 * SECOND, name="power@a")
    assert told(events) == [("shelved", "power@a", "SHELVED"), ("unsuppressed", "dust@a", "UNACK")]
    _, events = street.command(4 * SECOND, "unshelve", "power@a", occurrence(street, "power@a"))
    assert told(events)[1:] == [("suppressed", "dust@a", "SUPPRESSED")]


@pytest.mark.parametrize("first", ["dust", "power"])
def test_who_tries_a_device_hears_nothing_of_what_stood_behind_a_cause(first: str) -> None:
    street = Street([plain("a")], [POWER, behind()])
    frames: dict[str, dict[str, Any]] = {"dust": {"pm10": 200}, "power": {"open": True}}
    for name in (first, *(frames.keys() - {first})):
        street.json(SECOND, "a", **frames[name])
    tried = Command(at_ms=0, id="t", kind="commission", alarm="a", occurrence=0, for_ms=MINUTE, user="王")
    assert not any(annunciated(event) for event in street.at(2 * SECOND, tried).events)
    assert [event.alarm.id for event in street.tick(2 * MINUTE).events if annunciated(event)] == ["power@a"]
    assert street.alarm("dust@a").suppressed == ["design"]


def test_what_is_suppressed_may_be_shelved_too_and_each_ends_by_itself() -> None:
    street = Street([plain("a")], [POWER, behind()])
    street.json(SECOND, "a", open=True)
    street.json(2 * SECOND, "a", pm10=200)
    shelve(street, 3 * SECOND)
    assert told(street.json(4 * SECOND, "a", open=False).events)[1:] == [("unsuppressed", "dust@a", "SHELVED")]
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "dust@a", "UNACK")]


def test_another_configuration_names_another_cause() -> None:
    street = Street([plain("a")], [POWER, behind()])
    street.json(SECOND, "a", open=True)
    street.json(2 * SECOND, "a", pm10=200)
    events = street.configure(3 * SECOND, "alone", [plain("a")], [POWER, DUST]).events
    assert told(events) == [("unsuppressed", "dust@a", "UNACK")]
    events = street.configure(4 * SECOND, "behind", [plain("a")], [POWER, behind()]).events
    assert told(events) == [("suppressed", "dust@a", "SUPPRESSED")]
    events = street.configure(5 * SECOND, "no power", [plain("a")], [DUST]).events
    assert told(events) == [("withdrawn", "power@a", "NORMAL"), ("unsuppressed", "dust@a", "UNACK")]


def test_a_silence_behind_a_link_names_the_link() -> None:
    street = Street([plain("a"), plain("b")], [rule("quiet", "silence", Silence())])
    street.link(0, up=True)
    for name in "ab":
        street.json(SECOND, name, pm10=1)
    for minute in range(1, 30):
        street.json(minute * MINUTE, "b", pm10=1)
    assert street.alarm("quiet@a").state == "UNACK"
    street.link(30 * MINUTE, up=False)
    assert (street.alarm("quiet@a").state, street.alarm("quiet@a").group) == ("SUPPRESSED", "link-down@broker:lora")


# ------------------------------------------------------------------------------------------- restarts and the end


@pytest.mark.parametrize("kind", ["shelve", "out_of_service"])
@pytest.mark.parametrize("how", ["snapshot", "journal", "book"])
def test_it_is_withheld_over_a_restart_and_ends_in_time(kind: Kind, how: str) -> None:
    street = Street([plain("a")], [COVER, DUST])
    street.json(SECOND, "a", pm10=200)
    more: dict[str, Any] = {"for_ms": HOUR, "until_ms": START_MS + HOUR + 2 * SECOND if kind == "out_of_service" else 0}
    _, [event] = street.command(2 * SECOND, kind, "dust@a", occurrence(street), **more)
    if how == "snapshot":
        street.restart()
    elif how == "journal":
        fresh = street.fresh()
        for first, record in street.log:
            fresh.take(first, [record])
        street.fold = fresh
    else:  # all that is left is what the book holds
        configured = street.log[0][1]
        street.fold = street.fresh()
        street.fold.take(street.log[0][0], [configured])
        alarms = [msgspec.to_builtins(event.alarm)]
        assert not street.status(3 * SECOND, "reconciled", alarms=alarms).events
    assert street.alarm("dust@a") == event.alarm
    assert not street.tick(HOUR).events
    [back] = street.tick(HOUR + 3 * SECOND).events
    assert (back.alarm.state, back.at_ms) == ("UNACK", START_MS + HOUR + 2 * SECOND)


def test_what_the_book_has_not_been_told_is_told_after_a_restart(street: Street) -> None:
    street.command(SECOND, "shelve", "dust@a", 0, for_ms=HOUR)
    assert told(street.status(2 * SECOND, "reconciled", alarms=[]).events) == [("shelved", "dust@a", "SHELVED")]


def test_who_shelved_it_counts_though_the_fold_knows_a_newer_activation(street: Street) -> None:
    street.json(SECOND, "a", pm10=200)
    [shelved] = shelve(street, 2 * SECOND)
    street.fold = street.fresh()
    street.fold.take(street.log[0][0], [street.log[0][1]])
    street.json(3 * SECOND, "a", pm10=200)  # the journal has lost what was before
    events = street.status(4 * SECOND, "reconciled", alarms=[msgspec.to_builtins(shelved.alarm)]).events
    assert not any(annunciated(event) for event in events)
    assert (street.alarm("dust@a").state, street.alarm("dust@a").occurrence > shelved.alarm.occurrence) == (
        "SHELVED",
        True,
    )
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "dust@a", "UNACK")]


def test_a_shelved_alarm_without_a_device_is_withdrawn(street: Street) -> None:
    street.command(SECOND, "shelve", "dust@a", 0, for_ms=HOUR)
    events = street.configure(2 * SECOND, "no a", [plain("b")], [DUST]).events
    assert told(events) == [("withdrawn", "dust@a", "NORMAL")]
    assert street.alarm("dust@a").reason == ""
    assert not street.tick(DAY).events


def test_an_unchanged_or_changed_rule_keeps_its_shelf(street: Street) -> None:
    street.command(SECOND, "shelve", "dust@a", 0, for_ms=HOUR)
    higher = rule("dust", "threshold", Threshold(quantity="pm10_ug_m3", above=300))
    assert not street.configure(2 * SECOND, "higher", [plain("a")], [higher]).events
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "dust@a", "NORMAL")]


def test_the_gateways_own_alarms_go_the_same_life(street: Street) -> None:
    assert street.command(SECOND, "shelve", "influx-down@gateway", 0, for_ms=HOUR)[0] == 200
    assert street.command(SECOND, "shelve", "link-down@gateway", 0, for_ms=HOUR)[0] == 404
    assert street.command(SECOND, "out_of_service", "link-down@broker:lora", 0, until_ms=START_MS + DAY)[0] == 200
    bad = {"name": "influx-down", "bad": True, "why_zh": "停机", "why_en": "off"}
    [event] = street.status(2 * SECOND, "condition", **bad).events
    assert (event.alarm.state, annunciated(event)) == ("SHELVED", False)
    street.link(3 * SECOND, up=False)
    assert not any(annunciated(event) for event in street.tick(10 * MINUTE).events)
    street.restart()
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "influx-down@gateway", "UNACK")]
    assert told(street.tick(2 * DAY).events) == [("in_service", "link-down@broker:lora", "UNACK")]


def test_the_same_command_is_the_same_and_another_is_not(street: Street) -> None:
    told_ = {"at_ms": 0, "id": "x", "alarm": "dust@a", "occurrence": 0, "user": "王", "comment": "why"}
    contents = {
        Command(kind="shelve", for_ms=HOUR, **told_).content,  # type: ignore[arg-type]
        Command(kind="shelve", one_shot=True, **told_).content,  # type: ignore[arg-type]
        Command(kind="out_of_service", until_ms=1, **told_).content,  # type: ignore[arg-type]
        Command(kind="out_of_service", until_ms=2, **told_).content,  # type: ignore[arg-type]
        Command(kind="ack", **told_).content,  # type: ignore[arg-type]
    }
    assert len(contents) == 5
    again: dict[str, Any] = {"for_ms": HOUR, "name": "x"}
    assert street.command(SECOND, "shelve", "dust@a", 0, **again)[0] == 200
    assert street.command(2 * SECOND, "shelve", "dust@a", 0, **again) == (200, [])
    assert street.command(3 * SECOND, "shelve", "dust@a", 0, name="x", for_ms=2 * HOUR) == (422, [])
