"""Days over the limit, the last hours, and what comes late for them: through the fold, on the clock of Xuzhou."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from rules.kinds.day_mean import DayMean
from rules.kinds.rolling_mean import RollingMean
from rules.packs import DatedLimit
from rules.records import Event
from tests.rules.street import DAY, HOUR, MINUTE, START_MS, TIMED, Street, periods_of, plain, rule, told

LIMIT = (DatedLimit(from_date="2020-01-01", value=120, name="GB", source="V1"),)
DAILY = rule("day", "day_mean", DayMean(quantity="pm10_ug_m3", limits=LIMIT))
LAST = rule("last", "rolling_mean", RollingMean(quantity="pm10_ug_m3", limits=LIMIT, hours=24, min_hours=3))
MIDNIGHT_MS = int(datetime(2026, 11, 20, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000) - START_MS


def speak(street: Street, ms: int, until_ms: int, pm10: float, every_ms: int = 5 * MINUTE) -> None:
    for at_ms in range(ms, until_ms, every_ms):
        street.json(at_ms, "a", pm10=pm10, t=START_MS + at_ms)


def events_of(street: Street, name: str) -> list[Event]:
    return [event for outcome in street.outcomes for event in outcome.events if event.alarm.rule == name]


@pytest.fixture
def street() -> Street:
    return Street([plain("a", TIMED, interval_ms=5 * MINUTE)], [DAILY, LAST])


def test_a_day_over_the_limit_is_found_at_half_past_midnight(street: Street) -> None:
    speak(street, MIDNIGHT_MS, MIDNIGHT_MS + DAY, 130)
    street.tick(MIDNIGHT_MS + DAY + 29 * MINUTE)
    assert not events_of(street, "day")
    street.tick(MIDNIGHT_MS + DAY + 30 * MINUTE)
    raised, returned = events_of(street, "day")
    assert told([raised, returned]) == [("raised", "day@a", "UNACK"), ("returned", "day@a", "RTN_UNACK")]
    assert (raised.cause, raised.alarm.value, raised.alarm.limit) == ("timer", 130, 120)
    assert raised.evidence is not None
    assert raised.evidence.why["date"] == "2026-11-20"
    assert raised.evidence.why["hours"] == 24
    assert street.command(MIDNIGHT_MS + DAY + HOUR, "ack", "day@a", raised.alarm.occurrence)[0] == 200
    assert b"dust_day,device=a,model=plain pm10_ug_m3=130.0,pm10_ug_m3_valid=24," in b"".join(
        line for outcome in street.outcomes for line in outcome.lines
    )


def test_late_readings_turn_a_day_and_the_finding_is_amended(street: Street) -> None:
    speak(street, MIDNIGHT_MS, MIDNIGHT_MS + 20 * HOUR, 121)
    street.tick(MIDNIGHT_MS + DAY + 30 * MINUTE)
    [raised, _] = events_of(street, "day")
    late_ms = MIDNIGHT_MS + DAY + HOUR
    for at_ms in range(MIDNIGHT_MS + 20 * HOUR, MIDNIGHT_MS + DAY, 5 * MINUTE):
        street.json(late_ms, "a", pm10=60, t=START_MS + at_ms)
    street.restart()
    street.tick(late_ms + 20 * MINUTE)
    amended = events_of(street, "day")[-1]
    assert (amended.kind, amended.amends, amended.alarm.state) == ("amended", raised.alarm.occurrence, "RTN_UNACK")
    revised = [period for period in periods_of(street.outcomes) if period.span == "day"][-1]
    assert (revised.revision, revised.valid) == (2, 24)
    assert revised.mean == pytest.approx(
        (20 * 121 + 4 * 60) / 24, abs=0.3
    )  # a reading stands for the minutes before it
    street.tick(MIDNIGHT_MS + 4 * DAY)
    assert periods_of(street.outcomes)[-1].final
    assert len(events_of(street, "day")) == 3


def test_two_days_that_one_record_finds_are_two_findings(street: Street) -> None:
    """A station sends two days at once; later a day of them turns, and it is that one that is amended."""
    late_ms = MIDNIGHT_MS + 2 * DAY + HOUR
    for at_ms in range(MIDNIGHT_MS, MIDNIGHT_MS + 21 * HOUR, 5 * MINUTE):  # its first hour is too old to be filled
        street.json(late_ms, "a", pm10=121, t=START_MS + at_ms)
    for at_ms in range(MIDNIGHT_MS + DAY, MIDNIGHT_MS + 2 * DAY, 5 * MINUTE):
        street.json(late_ms, "a", pm10=130, t=START_MS + at_ms)
    street.tick(late_ms + 20 * MINUTE)
    first, _, second, _ = events_of(street, "day")
    assert first.sequence == second.sequence
    assert [one.evidence and one.evidence.why["date"] for one in (first, second)] == ["2026-11-20", "2026-11-21"]
    assert second.alarm.occurrence > first.alarm.occurrence
    assert street.command(late_ms + 21 * MINUTE, "ack", "day@a", first.alarm.occurrence)[0] == 409
    assert street.command(late_ms + 22 * MINUTE, "ack", "day@a", second.alarm.occurrence)[0] == 200
    for at_ms in range(MIDNIGHT_MS + 21 * HOUR, MIDNIGHT_MS + DAY, 5 * MINUTE):
        street.json(late_ms + 23 * MINUTE, "a", pm10=60, t=START_MS + at_ms)
    street.restart()
    street.tick(late_ms + 50 * MINUTE)
    amended = events_of(street, "day")[-1]
    assert (amended.kind, amended.amends) == ("amended", first.alarm.occurrence)
    assert amended.evidence is not None
    assert amended.evidence.why["date"] == "2026-11-20"
    assert amended.alarm.value == second.alarm.value, "the alarm is still about the later day"


def test_too_little_of_a_day_is_neither_good_nor_bad(street: Street) -> None:
    speak(street, MIDNIGHT_MS, MIDNIGHT_MS + 19 * HOUR, 300)
    street.tick(MIDNIGHT_MS + DAY + HOUR)
    assert not events_of(street, "day")
    judge = street.fold.memory.world.judging.judges["day", "a"]
    assert not judge.memory


def test_the_last_hours_warn_before_the_day_is_over(street: Street) -> None:
    speak(street, MIDNIGHT_MS, MIDNIGHT_MS + 3 * HOUR, 150)
    street.tick(MIDNIGHT_MS + 3 * HOUR + 10 * MINUTE)
    [warned] = events_of(street, "last")
    assert told([warned]) == [("raised", "last@a", "UNACK")]
    assert warned.at_ms == START_MS + MIDNIGHT_MS + 3 * HOUR + 10 * MINUTE
    speak(street, MIDNIGHT_MS + 3 * HOUR + 11 * MINUTE, MIDNIGHT_MS + 12 * HOUR, 10)
    assert told(events_of(street, "last")[1:]) == [("returned", "last@a", "RTN_UNACK")]


def test_windows_go_on_over_a_reload(street: Street) -> None:
    """A changed rule judges the whole day, also what was before it."""
    speak(street, MIDNIGHT_MS, MIDNIGHT_MS + 12 * HOUR, 110)
    strict = rule(
        "day",
        "day_mean",
        DayMean(quantity="pm10_ug_m3", limits=(DatedLimit(from_date="2020-01-01", value=100, name="GB"),)),
    )
    devices = [plain("b", TIMED), plain("a", TIMED, interval_ms=5 * MINUTE)]
    street.configure(MIDNIGHT_MS + 12 * HOUR, "strict", devices, [strict])
    speak(street, MIDNIGHT_MS + 12 * HOUR, MIDNIGHT_MS + DAY, 110)
    street.tick(MIDNIGHT_MS + DAY + 30 * MINUTE)
    [raised, _] = events_of(street, "day")
    assert (raised.alarm.value, raised.alarm.limit) == (110, 100)


def test_ticks_close_hours_when_nobody_speaks(street: Street) -> None:
    speak(street, MIDNIGHT_MS, MIDNIGHT_MS + HOUR, 100)
    due_ms = street.fold.next_due_ms()
    assert due_ms == START_MS + MIDNIGHT_MS + HOUR
    while (due_ms := street.fold.next_due_ms() or 0) <= START_MS + MIDNIGHT_MS + HOUR + 10 * MINUTE:
        street.tick(due_ms - START_MS)
    hour = periods_of(street.outcomes)[-1]
    assert (hour.span, hour.start_ms, hour.mean, hour.valid) == ("hour", START_MS + MIDNIGHT_MS, 100.0, 56)
