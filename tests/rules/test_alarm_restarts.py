# ruff: noqa: ANN401 - fields of commands
"""Timers of alarms that are due while the process is down: each is told once, as of its due time, and book = fold."""

from typing import Any

import msgspec
import pytest

from rules.flood import annunciated
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.records import Command, Event
from rules.ruleset import Cause, Rule
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, START_MS, Kind, Street, plain, rule, told

DUST = rule("dust", "threshold", Threshold(quantity="pm10_ug_m3", above=150))
AGAIN = rule("dust", "threshold", DUST.settings, re_alarm_ms=30 * MINUTE)
NO_RULE = rule("none", "threshold", DUST.settings)  # stands for no rule at all
DELAYED = State(quantity="cover_open", value=True, on_delay_ms=4 * SECOND, off_delay_ms=4 * SECOND)


def book_of(street: Street) -> dict[str, dict[str, Any]]:
    """Return what a book holds of the alarms that stand: each as it was told last."""
    known = {event.alarm.id: event.alarm for outcome in street.outcomes for event in outcome.events}
    return {name: msgspec.to_builtins(alarm) for name, alarm in sorted(known.items()) if not alarm.over}


def start(street: Street, ms: int, how: str = "snapshot", *rules: Rule) -> list[Event]:
    """Let the process die, and start another as `ingest.start` does; return what it tells in its first words.

    rules  of the files, where they are others now
    """
    told_before = book_of(street)
    if how == "snapshot":
        street.restart()
    else:
        fresh = street.fresh()
        for first, record in street.log:
            fresh.take(first, [record])
        street.fold = fresh
    events = street.status(ms, "started").events
    if rules:
        events += street.configure(ms, f"at {ms}", [plain("a")], [each for each in rules if each is not NO_RULE]).events
    events += street.status(ms, "clock", offset_ms=0, source="ntp", trusted=True).events
    events += street.status(ms, "reconciled", alarms=list(told_before.values())).events
    in_fold = street.fold.memory.world.judging.alarms.by_id
    assert book_of(street) == {
        name: msgspec.to_builtins(alarm) for name, alarm in sorted(in_fold.items()) if not alarm.over
    }, "book and fold say the same"
    return events


def burning(*rules: Rule) -> Street:
    """Make a street on which the dust alarm rings."""
    street = Street([plain("a")], rules)
    street.json(SECOND, "a", pm10=200)
    return street


def ask(street: Street, ms: int, kind: Kind, name: str = "dust@a", **more: Any) -> list[Event]:
    status, events = street.command(ms, kind, name, street.alarm(name).occurrence, **more)
    assert status == 200
    return events


BOTH = pytest.mark.parametrize("how", ["snapshot", "journal"])


@BOTH
def test_a_shelving_that_ends_in_the_downtime_ends_once(how: str) -> None:
    street = burning(DUST)
    ask(street, 2 * SECOND, "shelve", for_ms=HOUR)
    [back] = start(street, 2 * HOUR, how)
    assert (back.kind, back.cause, back.alarm.state, annunciated(back)) == ("unshelved", "timer", "UNACK", True)
    assert back.at_ms == START_MS + HOUR + 2 * SECOND, "as of its due time"
    assert not street.tick(DAY).events
    assert not start(street, DAY + SECOND, how)


@BOTH
def test_a_planned_end_in_the_downtime_is_told_once(how: str) -> None:
    street = burning(DUST)
    ask(street, 2 * SECOND, "out_of_service", until_ms=START_MS + HOUR)
    assert told(start(street, 2 * HOUR, how)) == [("in_service", "dust@a", "UNACK")]
    assert not start(street, 3 * HOUR, how)


@BOTH
def test_who_was_to_be_asked_again_in_the_downtime_is_asked_once(how: str) -> None:
    street = burning(AGAIN)
    ask(street, 2 * SECOND, "ack")
    [again] = start(street, HOUR, how)
    assert (again.kind, again.cause, again.alarm.state) == ("reraised", "re_alarm", "UNACK")
    assert (again.alarm.acked_by, again.alarm.acked_ms) == ("", None)
    assert not street.tick(DAY).events, "nobody has seen it since"


@BOTH
@pytest.mark.parametrize("before", [False, True], ids=["first time", "rang before"])
def test_delays_that_end_in_the_downtime_raise_once_and_return_once(how: str, *, before: bool) -> None:
    """And what needs no acknowledgement is over when it has returned."""
    street = Street([plain("a")], [rule("lv", "state", DELAYED, ack_required=False)])
    if before:
        street.json(-10 * MINUTE, "a", open=True)
        street.tick(-9 * MINUTE)
        street.json(-8 * MINUTE, "a", open=False)
        street.tick(-7 * MINUTE)
    street.json(0, "a", open=True)
    [raised] = start(street, MINUTE, how)
    assert (raised.kind, raised.at_ms, raised.alarm.state) == ("raised", START_MS + 4 * SECOND, "UNACK")
    street.json(2 * MINUTE, "a", open=False)
    [returned] = start(street, 3 * MINUTE, how)
    assert (returned.kind, returned.cause, returned.alarm.state) == ("returned", "timer", "NORMAL")
    assert not start(street, 4 * MINUTE, how)


@BOTH
def test_a_one_shot_shelving_that_ends_in_the_downtime_hides_nothing_that_comes_after(how: str) -> None:
    street = Street([plain("a")], [rule("lv", "state", DELAYED)])
    street.json(0, "a", open=True)
    street.tick(MINUTE)
    ask(street, 2 * MINUTE, "shelve", "lv@a", one_shot=True)
    street.json(3 * MINUTE, "a", open=False)
    assert told(start(street, 4 * MINUTE, how)) == [("returned", "lv@a", "SHELVED"), ("unshelved", "lv@a", "NORMAL")]
    assert (street.alarm("lv@a").suppressed, street.alarm("lv@a").shelved_until_ms) == ([], None)
    street.json(5 * MINUTE, "a", open=True)
    [raised] = street.tick(6 * MINUTE).events
    assert (raised.alarm.state, annunciated(raised)) == ("UNACK", True)


@BOTH
def test_a_cause_that_comes_in_the_downtime_hides_its_effect_once_and_goes_once(how: str) -> None:
    power = rule("power", "state", DELAYED)
    street = burning(rule("dust", "threshold", DUST.settings, suppressed_by=Cause(rule="power")), power)
    street.json(2 * SECOND, "a", open=True)
    assert told(start(street, MINUTE, how)) == [("raised", "power@a", "UNACK"), ("suppressed", "dust@a", "SUPPRESSED")]
    street.json(2 * MINUTE, "a", open=False)
    events = start(street, 3 * MINUTE, how)
    assert told(events) == [("returned", "power@a", "RTN_UNACK"), ("unsuppressed", "dust@a", "UNACK")]


@BOTH
def test_a_cause_whose_shelving_ends_in_the_downtime_hides_its_effect_once(how: str) -> None:
    power = rule("power", "state", State(quantity="cover_open", value=True))
    street = burning(rule("dust", "threshold", DUST.settings, suppressed_by=Cause(rule="power")), power)
    street.json(2 * SECOND, "a", open=True)
    ask(street, 3 * SECOND, "shelve", "power@a", for_ms=HOUR)
    assert told(start(street, 2 * HOUR, how)) == [
        ("unshelved", "power@a", "UNACK"), ("suppressed", "dust@a", "SUPPRESSED"),
    ]  # fmt: skip


def test_what_people_did_comes_from_the_book_though_a_timer_fired_of_what_the_fold_has_forgotten() -> None:
    """The journal has lost its end: there somebody shelved it for longer."""
    street = burning(AGAIN)
    ask(street, 2 * SECOND, "ack")
    forgotten = street.fresh()
    for first, record in street.log:
        forgotten.take(first, [record])
    ask(street, 3 * SECOND, "shelve", for_ms=4 * HOUR, user="李")
    told_before = list(book_of(street).values())
    street.fold = forgotten
    events = street.status(HOUR, "started").events
    events += street.status(HOUR, "reconciled", alarms=told_before).events
    alarm = street.alarm("dust@a")
    assert (alarm.state, alarm.withheld_by) == ("SHELVED", "李")
    assert told(events)[-1] == ("amended", "dust@a", "SHELVED"), "the book hears what it is"
    assert not any(annunciated(event) for event in street.tick(4 * HOUR).events)
    assert told(street.tick(5 * HOUR).events) == [("unshelved", "dust@a", "UNACK")]


# ------------------------------------------------------------------------------------------ planned work, and reloads


PLANNED = rule("dust", "threshold", DUST.settings, maintenance=True)


def end_of(street: Street, how: str) -> list[Event]:
    """Withhold the dust alarm, and let that end."""
    if how == "shelved":
        ask(street, 2 * SECOND, "shelve", for_ms=HOUR)
    elif how == "out of service":
        ask(street, 2 * SECOND, "out_of_service", until_ms=START_MS + HOUR)
    elif how == "taken back":
        ask(street, 2 * SECOND, "out_of_service", until_ms=START_MS + HOUR)
        return ask(street, 3 * SECOND, "in_service")
    else:
        street.json(2 * SECOND, "a", open=True)
        return street.json(3 * SECOND, "a", open=False).events
    return street.tick(2 * HOUR).events


@pytest.mark.parametrize("how", ["shelved", "out of service", "taken back", "by design"])
def test_planned_work_that_was_withheld_asks_nobody_and_ends(how: str) -> None:
    power = rule("power", "state", State(quantity="cover_open", value=True))
    street = burning(
        rule("dust", "threshold", DUST.settings, maintenance=True, suppressed_by=Cause(rule="power")), power
    )
    events = [event for event in end_of(street, how) if event.alarm.id == "dust@a"]
    assert [(event.alarm.facts, event.alarm.suppressed) for event in events] == [("ACKED", ["maintenance"])]
    assert not any(annunciated(event) for event in events)
    [gone] = [event for event in street.json(3 * HOUR, "a", pm10=10).events if event.alarm.id == "dust@a"]
    assert (gone.kind, gone.alarm.state, gone.alarm.suppressed) == ("returned", "NORMAL", [])


def test_planned_work_that_goes_while_it_is_withheld_leaves_nothing_behind() -> None:
    street = burning(PLANNED)
    ask(street, 2 * SECOND, "shelve", for_ms=HOUR)
    street.json(3 * SECOND, "a", pm10=10)
    assert told(street.tick(2 * HOUR).events) == [("unshelved", "dust@a", "NORMAL")]
    assert street.alarm("dust@a").suppressed == []


def test_planned_work_that_becomes_an_alarm_rings() -> None:
    street = burning(PLANNED)
    events = street.configure(MINUTE, "alarm", [plain("a")], [DUST]).events
    assert [event.alarm.state for event in events if annunciated(event)] == ["UNACK"], "once"
    assert street.alarm("dust@a").suppressed == []
    street.json(2 * MINUTE, "a", pm10=10)
    assert street.alarm("dust@a").state == "RTN_UNACK"
    assert street.json(3 * MINUTE, "a", pm10=200).events[0].alarm.state == "UNACK"


def test_planned_work_that_was_over_rings_when_its_rule_is_an_alarm() -> None:
    street = burning(PLANNED)
    street.json(2 * SECOND, "a", pm10=10)
    assert not street.configure(MINUTE, "alarm", [plain("a")], [DUST]).events
    [raised] = street.json(2 * MINUTE, "a", pm10=200).events
    assert (raised.alarm.state, annunciated(raised)) == ("UNACK", True)


def test_planned_work_that_is_shelved_stays_so_when_it_becomes_an_alarm_and_rings_then() -> None:
    street = burning(PLANNED)
    ask(street, 2 * SECOND, "shelve", for_ms=HOUR)
    events = street.configure(MINUTE, "alarm", [plain("a")], [DUST]).events
    assert not any(annunciated(event) for event in events)
    [back] = street.tick(2 * HOUR).events
    assert (back.kind, back.alarm.state, annunciated(back)) == ("unshelved", "UNACK", True)


@pytest.mark.parametrize("returned", [False, True])
def test_an_alarm_that_becomes_planned_work_asks_nobody_any_more(*, returned: bool) -> None:
    street = burning(DUST)
    if returned:
        street.json(2 * SECOND, "a", pm10=10)
    events = street.configure(MINUTE, "planned", [plain("a")], [PLANNED]).events
    assert events
    assert not any(annunciated(event) for event in events)
    assert street.alarm("dust@a").state == ("NORMAL" if returned else "SUPPRESSED")
    street.json(2 * MINUTE, "a", pm10=10)
    assert (street.alarm("dust@a").state, street.alarm("dust@a").suppressed) == ("NORMAL", [])


@pytest.mark.parametrize("active", [True, False])
def test_what_becomes_priority_1_is_shelved_no_more(*, active: bool) -> None:
    street = burning(DUST)
    ask(street, 2 * SECOND, "shelve", for_ms=HOUR)
    if not active:
        street.json(3 * SECOND, "a", pm10=10)
    first = rule("dust", "threshold", DUST.settings, priority=1)
    events = street.configure(MINUTE, "first", [plain("a")], [first]).events
    assert (events[-1].kind, events[-1].alarm.state) == ("unshelved", "UNACK" if active else "NORMAL")
    assert [annunciated(event) for event in events].count(True) == active, "it rings once"
    assert not street.tick(DAY).events


def test_what_never_rang_and_is_shelved_is_shelved_no_more_as_priority_1() -> None:
    street = Street([plain("a")], [DUST])
    assert street.command(SECOND, "shelve", "dust@a", 0, for_ms=HOUR)[0] == 200
    first = rule("dust", "threshold", DUST.settings, priority=1)
    assert told(street.configure(MINUTE, "first", [plain("a")], [first]).events)[-1:] == [
        ("unshelved", "dust@a", "NORMAL"),
    ]  # fmt: skip
    assert street.json(2 * MINUTE, "a", pm10=200).events[0].alarm.state == "UNACK"


def test_a_latch_that_comes_by_a_reload_holds_what_is_active_and_one_that_goes_lets_it_go() -> None:
    street = burning(DUST)
    ask(street, 2 * SECOND, "ack")
    held = rule("dust", "threshold", DUST.settings, latch=True)
    assert told(street.configure(MINUTE, "held", [plain("a")], [held]).events) == [("amended", "dust@a", "ACKED")]
    assert told(street.json(2 * MINUTE, "a", pm10=10).events) == [("returned", "dust@a", "LATCHED")]
    street.json(3 * MINUTE, "a", pm10=200)
    ask(street, 4 * MINUTE, "ack")
    street.configure(5 * MINUTE, "loose", [plain("a")], [DUST])
    assert told(street.json(6 * MINUTE, "a", pm10=10).events) == [("returned", "dust@a", "NORMAL")]


@BOTH
def test_planned_work_becomes_an_alarm_in_the_downtime(how: str) -> None:
    street = burning(PLANNED)
    events = start(street, MINUTE, how, DUST)
    assert [event.alarm.state for event in events if annunciated(event)] == ["UNACK"]
    assert street.alarm("dust@a").suppressed == []


@BOTH
def test_it_becomes_more_urgent_in_the_downtime_and_can_be_acknowledged(how: str) -> None:
    street = burning(DUST)
    ask(street, 2 * SECOND, "ack")
    assert told(start(street, MINUTE, how, rule("dust", "threshold", DUST.settings, priority=1))) == [
        ("reraised", "dust@a", "UNACK")
    ]
    assert told(ask(street, 2 * MINUTE, "ack")) == [("acknowledged", "dust@a", "ACKED")]


@BOTH
def test_its_rule_goes_in_the_downtime_while_it_is_shelved(how: str) -> None:
    street = burning(DUST)
    ask(street, 2 * SECOND, "shelve", for_ms=HOUR)
    assert told(start(street, MINUTE, how, NO_RULE)) == [("withdrawn", "dust@a", "NORMAL")]


@BOTH
def test_its_rule_names_no_cause_any_more_after_the_downtime(how: str) -> None:
    power = rule("power", "state", State(quantity="cover_open", value=True))
    street = burning(rule("dust", "threshold", DUST.settings, suppressed_by=Cause(rule="power")), power)
    ask(street, 2 * SECOND, "ack")
    street.json(3 * SECOND, "a", open=True)
    assert told(start(street, MINUTE, how, DUST, power)) == [("unsuppressed", "dust@a", "UNACK")]
    assert told(ask(street, 2 * MINUTE, "ack")) == [("acknowledged", "dust@a", "ACKED")], "and the book hears of it"


@BOTH
def test_a_permit_that_ends_in_the_downtime_rings_once_and_can_be_acknowledged(how: str) -> None:
    cover = rule("cover", "state", State(quantity="cover_open", value=True))
    street = Street([plain("a")], [cover])
    permit = Command(
        at_ms=0, id="p", kind="permit", alarm="a", occurrence=0, until_ms=START_MS + HOUR, user="王", comment="清淤",
        who="李四",
    )  # fmt: skip
    street.at(SECOND, permit)
    street.json(2 * SECOND, "a", open=True)
    assert "work_permit" in street.alarm("cover@a").suppressed
    ask(street, 3 * SECOND, "ack", "cover@a")
    assert told(start(street, 2 * HOUR, how)) == [("unsuppressed", "cover@a", "UNACK")]
    assert told(ask(street, 3 * HOUR, "ack", "cover@a")) == [("acknowledged", "cover@a", "ACKED")]


def test_re_alarm_that_a_reload_changes_counts_from_the_acknowledgement() -> None:
    street = burning(AGAIN)
    ask(street, MINUTE, "ack")
    longer = rule("dust", "threshold", DUST.settings, re_alarm_ms=40 * MINUTE)
    street.configure(20 * MINUTE, "longer", [plain("a")], [longer])
    assert not street.tick(40 * MINUTE).events
    [again] = street.tick(42 * MINUTE).events
    assert (again.kind, again.at_ms) == ("reraised", START_MS + 41 * MINUTE)


def test_who_comes_to_a_group_whose_first_is_behind_a_cause_now_names_the_cause() -> None:
    power = rule("power", "state", State(quantity="cover_open", value=True))
    hot = rule("hot", "threshold", Threshold(quantity="temperature_c", above=60))
    street = Street(
        [plain("a", site="yard"), plain("b", site="yard")],
        [rule("dust", "threshold", DUST.settings, suppressed_by=Cause(rule="power")), power, hot],
    )
    street.json(SECOND, "a", pm10=200)
    street.json(2 * SECOND, "a", open=True)
    assert (street.alarm("dust@a").state, street.alarm("dust@a").group) == ("SUPPRESSED", "power@a")
    [late] = street.json(3 * SECOND, "b", temp=70).events
    assert (late.alarm.group, late.alarm.first_out) == ("power@a", False), "that stands in the list"
