"""Means under clocks that are wrong, the gateway's and the stations': they ring live, are placed right, and say why."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from rules.kinds.hour_mean import HourMean
from rules.kinds.slot_mean import SlotMean
from rules.kinds.threshold import Threshold
from rules.packs import DatedLimit
from rules.records import Period
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, START_MS, TIMED, Street, periods_of, plain, rule, told

EIGHT = int(datetime(2026, 11, 20, 8, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000) - START_MS
LIMIT = (DatedLimit(from_date="2020-01-01", value=100, name="site"),)
RULES = (
    rule("hour", "hour_mean", HourMean(quantity="pm10_ug_m3", limits=LIMIT)),
    rule("slot", "slot_mean", SlotMean(quantity="pm10_ug_m3", limits=LIMIT)),
    rule("now", "threshold", Threshold(quantity="pm10_ug_m3", above=500)),
)


def value(minute: int) -> float:
    """Say 120 for a quarter of an hour, then 80, and so on: what lands in another slot shows."""
    return 120.0 if minute // 15 % 2 == 0 else 80.0


def run(street: Street, minutes: range, ahead_ms: int = 0) -> None:
    for minute in minutes:
        ms = EIGHT + minute * MINUTE
        street.json(ms, "a", pm10=value(minute), t=START_MS + ms + ahead_ms)


def last(street: Street, span: str, start_ms: int) -> Period:
    of = [p for p in periods_of(street.outcomes) if p.span == span and p.start_ms == START_MS + start_ms]
    assert [p.revision for p in of] == sorted(p.revision for p in of)
    return of[-1]


def slots(street: Street, count: int) -> list[float | None]:
    return [last(street, "slot", EIGHT + slot * 15 * MINUTE).mean for slot in range(count)]


@pytest.mark.parametrize(("ahead_ms", "minutes"), [(51 * SECOND, 0), (DAY, 0), (-DAY, 0), (70 * SECOND, 1)])
def test_a_station_whose_clock_is_off_rings_live_and_lands_in_its_slot(ahead_ms: int, minutes: int) -> None:
    """51 s ahead stays in its minute; 70 s is believed, a minute further; a day is not believed, and flagged."""
    street = Street([plain("a", TIMED)], RULES)
    run(street, range(45), ahead_ms)
    line = street.outcomes[-1].lines[0]
    assert (b'flags="clock"' in line) == (abs(ahead_ms) > HOUR)
    [raised] = list(street.json(EIGHT + 45 * MINUTE, "a", pm10=501, t=START_MS + EIGHT + 45 * MINUTE + ahead_ms).events)
    assert (raised.alarm.id, raised.alarm.late) == ("now@a", False)
    street.tick(EIGHT + HOUR)
    means = slots(street, 3)
    if ahead_ms == -DAY:
        means = [mean for mean in means if mean is not None]  # of its first reading nobody knows that it is no late one
    for mean, quarter in zip(means, (120, 80, 120), strict=False):
        assert mean is not None
        assert abs(mean - quarter) <= 40 * (minutes + 1) / 15
    assert "slot@a" in [event.alarm.id for outcome in street.outcomes for event in outcome.events]


@pytest.mark.parametrize("step_ms", [HOUR, -HOUR])
def test_a_step_of_the_gateways_clock_and_back_is_told_as_revisions(step_ms: int) -> None:
    """What was written for later than the clock that was set back is given up, and the revision says so: `clock`."""
    right, wrong = Street([plain("a", TIMED)], RULES), Street([plain("a", TIMED)], RULES)
    for street in (right, wrong):
        run(street, range(130))
        if street is wrong:
            street.status(EIGHT + 130 * MINUTE, "clock", offset_ms=step_ms, source="ntp", trusted=True)
            street.tick(EIGHT + 131 * MINUTE)
            street.restart()
            street.status(EIGHT + 131 * MINUTE, "clock", offset_ms=0, source="ntp", trusted=True)
        run(street, range(132, 240))
        street.tick(EIGHT + 5 * HOUR)
    for span, length in (("slot", 15 * MINUTE), ("hour", HOUR)):
        for start in range(EIGHT, EIGHT + 4 * HOUR, length):
            one, other = last(right, span, start), last(wrong, span, start)
            if step_ms < 0 and EIGHT + 70 * MINUTE - length < start < EIGHT + 132 * MINUTE:
                assert other.cause == "clock" or other.valid < one.valid
                continue
            if step_ms > 0 and start <= EIGHT + 130 * MINUTE < start + length:
                assert (other.cause, other.revision) == ("clock", 2)
                assert other.valid >= one.valid - 1
                continue
            assert (one.mean, one.valid) == (other.mean, other.valid), (span, start)
    causes = {p.cause for p in periods_of(wrong.outcomes)}
    assert causes <= {"closed", "clock", "late"}


def test_a_boot_in_1970_leaves_nothing_in_1970_that_matters() -> None:
    street = Street([plain("a", TIMED)], RULES)
    street.status(EIGHT - HOUR, "clock", offset_ms=-START_MS, source="rtc", trusted=False)
    for minute in range(-50, -5):
        ms = EIGHT + minute * MINUTE
        street.json(ms, "a", pm10=90, t=START_MS + ms)
    assert b'flags="clock"' in street.outcomes[-1].lines[0]
    street.status(EIGHT - MINUTE, "clock", offset_ms=0, source="ntp", trusted=True)
    run(street, range(100))
    street.tick(EIGHT + 2 * HOUR)
    assert slots(street, 5) == [
        120,
        pytest.approx(80, abs=3),
        pytest.approx(120, abs=3),
        pytest.approx(80, abs=3),
        pytest.approx(120, abs=3),
    ]
    assert last(street, "hour", EIGHT).valid == 60
    assert ("raised", "slot@a", "UNACK") in told(e for o in street.outcomes for e in o.events)
