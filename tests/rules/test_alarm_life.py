"""The life of an alarm, from the cover that opens to the reset by the person who closed it. Pages of a log by hand."""

import pytest
from msgspec import structs

from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.records import Evidence
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, Street, plain, rule, told

OPEN = rule("open", "state", State(quantity="cover_open", value=True), latch=True)
DUST = rule("dust", "threshold", Threshold(quantity="pm10_ug_m3", above=150))


@pytest.fixture
def street() -> Street:
    return Street([plain("a")], [OPEN, DUST])


def raised(street: Street, ms: int = SECOND) -> int:
    """Raise the dust alarm and return its occurrence."""
    street.json(ms, "a", pm10=200)
    return street.alarm("dust@a").occurrence


def test_the_event_carries_everything_that_a_control_room_asks(street: Street) -> None:
    [event] = street.json(SECOND, "a", pm10=200).events
    alarm = event.alarm
    assert (event.kind, event.cause, event.sequence, event.t_ms) == (
        "raised",
        "reading",
        2,
        street.outcomes[-1].events[0].at_ms,
    )
    assert (alarm.id, alarm.device, alarm.family, alarm.priority) == ("dust@a", "a", "dust", 2)
    assert (alarm.value, alarm.limit, alarm.unit, alarm.text.en) == (200, 150, "µg/m³", "a 200")
    assert event.evidence is not None
    assert event.evidence == Evidence(
        sequence=2, source="lora", place=b"plain/a", payload=b'{"pm10": 200}',
        why={"value": 200.0, "readings_over": 1, "for_s": 0},
        config=event.evidence.config, from_ms=event.evidence.from_ms,
    )  # fmt: skip
    assert event.evidence.config
    assert event.evidence.from_ms <= event.at_ms


def test_seen_then_gone(street: Street) -> None:
    occurrence = raised(street)
    status, events = street.command(2 * SECOND, "ack", "dust@a", occurrence)
    assert (status, told(events)) == (200, [("acknowledged", "dust@a", "ACKED")])
    assert (events[0].user, events[0].comment) == ("王", "看过")
    assert told(street.json(3 * SECOND, "a", pm10=100).events) == [("returned", "dust@a", "NORMAL")]
    assert street.alarm("dust@a").over


@pytest.mark.parametrize("restarted", [False, True])
def test_the_id_of_another_command_does_nothing(street: Street, restarted: bool) -> None:  # noqa: FBT001 - a table
    """Who tries again tells the same; anything else under that id was never carried out, and is not called so."""
    occurrence = raised(street)
    assert street.command(2 * SECOND, "ack", "dust@a", occurrence, "x")[0] == 200
    street.json(3 * SECOND, "a", open=True)
    if restarted:
        street.restart()
    opened = street.alarm("open@a").occurrence
    assert street.command(4 * SECOND, "ack", "dust@a", occurrence, "x") == (200, [])
    assert street.command(4 * SECOND, "ack", "open@a", opened, "x") == (422, [])
    assert street.command(4 * SECOND, "reset", "dust@a", occurrence, "x") == (422, [])
    assert not street.alarm("open@a").acknowledged
    assert street.command(4 * SECOND + DAY, "ack", "open@a", opened, "x")[0] == 200, "after a day the id is free"


def test_gone_before_anybody_saw_it(street: Street) -> None:
    occurrence = raised(street)
    assert told(street.json(2 * SECOND, "a", pm10=100).events) == [("returned", "dust@a", "RTN_UNACK")]
    assert not street.alarm("dust@a").over
    status, events = street.command(3 * SECOND, "ack", "dust@a", occurrence)
    assert (status, told(events)) == (200, [("acknowledged", "dust@a", "NORMAL")])


def test_what_comes_back_is_a_new_occurrence_that_nobody_has_seen(street: Street) -> None:
    first = raised(street)
    street.command(2 * SECOND, "ack", "dust@a", first)
    street.json(3 * SECOND, "a", pm10=100)
    second = raised(street, 4 * SECOND)
    assert second > first
    assert street.alarm("dust@a").state == "UNACK"
    assert street.command(5 * SECOND, "ack", "dust@a", first)[0] == 409
    assert street.command(6 * SECOND, "ack", "dust@a", second)[0] == 200


def test_a_condition_that_goes_on_is_told_once(street: Street) -> None:
    raised(street)
    assert not street.json(2 * SECOND, "a", pm10=220).events
    assert not street.json(3 * SECOND, "a", pm10=180).events


def test_a_latched_alarm_stays_until_somebody_resets_it(street: Street) -> None:
    street.json(SECOND, "a", open=True)
    occurrence = street.alarm("open@a").occurrence
    assert street.command(2 * SECOND, "reset", "open@a", occurrence)[0] == 422  # it is still open
    street.command(3 * SECOND, "ack", "open@a", occurrence)
    assert told(street.json(4 * SECOND, "a", open=False).events) == [("returned", "open@a", "LATCHED")]
    status, events = street.command(5 * SECOND, "reset", "open@a", occurrence)
    assert (status, told(events)) == (200, [("reset", "open@a", "NORMAL")])
    assert street.command(6 * SECOND, "reset", "open@a", occurrence) == (200, [])  # it is reset already


def test_a_latched_alarm_that_is_active_again_asks_again(street: Street) -> None:
    street.json(SECOND, "a", open=True)
    first = street.alarm("open@a").occurrence
    street.command(2 * SECOND, "ack", "open@a", first)
    street.json(3 * SECOND, "a", open=False)
    assert told(street.json(4 * SECOND, "a", open=True).events) == [("reraised", "open@a", "UNACK")]
    assert street.command(5 * SECOND, "reset", "open@a", first)[0] == 409


def test_a_latched_alarm_that_nobody_saw_is_ended_by_its_reset(street: Street) -> None:
    street.json(SECOND, "a", open=True)
    assert told(street.json(2 * SECOND, "a", open=False).events) == [("returned", "open@a", "RTN_UNACK")]
    assert told(street.command(3 * SECOND, "reset", "open@a", 2)[1]) == [("reset", "open@a", "NORMAL")]


def test_commands_about_what_there_is_not(street: Street) -> None:
    assert street.command(SECOND, "ack", "dust@a", 1)[0] == 404  # it never rang
    occurrence = raised(street, 2 * SECOND)
    assert street.command(3 * SECOND, "ack", "dust@a", occurrence + 1)[0] == 404
    assert street.command(4 * SECOND, "ack", "dust@nowhere", occurrence)[0] == 404


def test_the_same_command_gets_the_same_answer_for_a_day(street: Street) -> None:
    occurrence = raised(street)
    street.command(2 * SECOND, "ack", "dust@a", occurrence, "mine")
    first = street.outcomes[-1].answers["mine"]
    street.json(3 * SECOND, "a", pm10=100)
    raised(street, 4 * SECOND)  # an acknowledgement of the first occurrence is too late now
    street.restart()
    assert street.command(23 * HOUR, "ack", "dust@a", occurrence, "mine") == (200, [])
    assert street.outcomes[-1].answers["mine"] == structs.replace(first, repeat=True)
    assert not first.repeat
    assert first.before is not None
    assert (first.before.state, first.alarm and first.alarm.state) == ("UNACK", "ACKED")
    assert first.alarm is not None
    assert first.alarm.occurrence == occurrence
    assert street.command(2 * SECOND + DAY, "ack", "dust@a", occurrence, "mine")[0] == 409


def test_an_alarm_without_a_rule_or_a_device_is_withdrawn(street: Street) -> None:
    raised(street)
    street.json(2 * SECOND, "a", open=True)
    events = street.configure(3 * SECOND, "no dust", [plain("a")], [OPEN]).events
    assert told(events) == [("withdrawn", "dust@a", "NORMAL")]
    assert events[0].cause == "config"
    assert told(street.configure(4 * SECOND, "no a", [plain("b")], [OPEN]).events) == [
        ("withdrawn", "open@a", "NORMAL")
    ]
    assert not street.alarm("open@a").latched


def test_a_higher_priority_asks_again_a_lower_one_does_not(street: Street) -> None:
    occurrence = raised(street)
    street.command(2 * SECOND, "ack", "dust@a", occurrence)
    low = rule("dust", "threshold", DUST.settings, priority=3)
    [amended] = street.configure(3 * SECOND, "low", [plain("a")], [OPEN, low]).events  # but it says so
    assert (amended.kind, amended.cause, amended.amends, amended.alarm.priority) == ("amended", "config", None, 3)
    assert (amended.alarm.state, amended.alarm.occurrence) == ("ACKED", occurrence)
    high = rule("dust", "threshold", DUST.settings, priority=1)
    assert told(street.configure(4 * SECOND, "high", [plain("a")], [OPEN, high]).events) == [
        ("reraised", "dust@a", "UNACK")
    ]
    assert street.command(5 * SECOND, "ack", "dust@a", occurrence)[0] == 409


def test_the_priority_of_what_is_over_is_no_news(street: Street) -> None:
    occurrence = raised(street)
    street.json(2 * SECOND, "a", pm10=10)
    high = rule("dust", "threshold", DUST.settings, priority=1)
    [amended] = street.configure(3 * SECOND, "high", [plain("a")], [OPEN, high]).events
    assert (amended.kind, amended.alarm.state, amended.alarm.occurrence) == ("amended", "RTN_UNACK", occurrence)
    street.command(4 * SECOND, "ack", "dust@a", occurrence)
    assert not street.configure(5 * SECOND, "again", [plain("a")], [OPEN, DUST]).events


def test_what_one_record_raises_twice_are_two_occurrences() -> None:
    """Timers of a record without end fire in it, all with its number."""
    slow = State(quantity="cover_open", value=True, on_delay_ms=MINUTE)
    street = Street([plain("a")], [rule("open", "state", slow)])
    alarms = street.fold.memory.world.judging.alarms
    street.json(SECOND, "a", open=True)
    [first] = street.tick(2 * MINUTE).events
    alarm, moment = alarms.by_id["open@a"], street.fold.memory.moment(first.sequence, first.at_ms, "timer")
    alarms.calm(alarm, moment)
    alarms.activate(alarm, street.fold.memory.world.judging.judges["open", "a"].rule, moment, None)
    assert alarm.occurrence == first.alarm.occurrence + 1
    assert street.command(3 * MINUTE, "ack", "open@a", first.alarm.occurrence)[0] == 409


def test_an_unchanged_rule_keeps_its_memory_over_a_reload() -> None:
    slow = rule("open", "state", State(quantity="cover_open", value=True, on_delay_ms=10 * MINUTE))
    street = Street([plain("a")], [slow])
    street.json(SECOND, "a", open=True)
    street.configure(5 * MINUTE, "more", [plain("a"), plain("b")], [slow, DUST])
    [event] = street.tick(10 * MINUTE + SECOND).events
    assert (event.kind, event.cause, event.alarm.value) == ("raised", "timer", True)


def test_a_changed_rule_starts_fresh_and_its_alarm_follows_it() -> None:
    street = Street([plain("a")], [DUST])
    raised(street)
    higher = rule("dust", "threshold", Threshold(quantity="pm10_ug_m3", above=300))
    assert not street.configure(2 * SECOND, "higher", [plain("a")], [higher]).events
    assert told(street.json(3 * SECOND, "a", pm10=200).events) == [("returned", "dust@a", "RTN_UNACK")]


def test_a_changed_delay_does_not_end_an_alarm_that_goes_on() -> None:
    street = Street([plain("a")], [DUST])
    raised(street)
    patient = rule(
        "dust", "threshold", Threshold(quantity="pm10_ug_m3", above=150, at_least=2, of=2, on_delay_ms=MINUTE)
    )
    street.configure(2 * SECOND, "patient", [plain("a")], [patient])
    for second in (3, 4, 70, 80):
        assert not street.json(second * SECOND, "a", pm10=200).events


def test_an_alarm_of_a_source_that_is_no_more_is_withdrawn() -> None:
    street = Street([plain("a")], [rule("quiet", "silence", Silence())])
    street.link(0, up=False)
    assert told(street.tick(MINUTE).events) == [("raised", "link-down@broker:lora", "UNACK")]
    events = street.configure(2 * MINUTE, "moved", [plain("a", via=())], [], sources=()).events
    assert told(events) == [("withdrawn", "link-down@broker:lora", "NORMAL")]
    street.restart()
    assert street.fold.next_due_ms() is None
