"""A day is judged by the limit of its date, rounded once, and only if enough of its hours are valid."""

import pytest

from config.packs import limits
from rules.kinds.day_mean import KIND, ClosedDay, DayMean, step
from rules.packs import DatedLimit, min_hours
from rules.periods import Calendar
from rules.records import Period
from rules.verdicts import NORMAL, UNKNOWN, VIOLATED

CLASS_2 = "gb3095-2026-class2"
BERLIN_SPRING = 29_578_980  # the first minute of 2026-03-29, a day of 23 hours


def closed(mean: float | None, hours: int = 24, *, day: str = "2026-11-24", revision: int = 1) -> ClosedDay:
    calendar = Calendar("Asia/Shanghai")
    days = {calendar.day(minute).date: calendar.day(minute) for minute in range(29_000_000, 32_200_000, 720)}
    period = Period(
        device="east",
        family="dust",
        quantity="pm10_ug_m3",
        span="day",
        start_ms=days[day].start * 60_000,
        mean=mean,
        valid=hours,
        gap_min=24 - hours,
        revision=revision,
        final=False,
    )
    return ClosedDay(period, days[day])


def rule(quantity: str = "pm10_ug_m3", standard: str = CLASS_2) -> DayMean:
    return DayMean(quantity=quantity, limits=limits(standard, quantity), min_hours=min_hours(quantity))


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [
        (119.0, NORMAL),
        (120.0, NORMAL),  # exceeding is more than the limit
        (120.4, NORMAL),
        (120.5, NORMAL),  # half to even: 120
        (120.500001, VIOLATED),
        (121.0, VIOLATED),
    ],
)
def test_the_rounded_mean_is_compared(mean: float, verdict: int) -> None:
    said = step(None, closed(mean), rule(), 60_000)
    assert (said.verdict, said.due_ms) == (verdict, None)
    assert said.why["limit"] == 120


def test_half_to_even_rounds_up_where_even_is_above() -> None:
    only = DatedLimit(from_date="2026-01-01", value=121, name="town")
    settings = DayMean(quantity="pm10_ug_m3", limits=(only,))
    assert step(None, closed(121.5), settings, 60_000).verdict == VIOLATED
    assert step(None, closed(121.499999), settings, 60_000).verdict == NORMAL


def test_a_limit_of_your_own_is_compared_with_what_was_measured() -> None:
    only = DatedLimit(from_date="2026-01-01", value=120, name="")
    settings = DayMean(quantity="pm10_ug_m3", limits=(only,), whole=False)
    said = step(None, closed(120.4), settings, 60_000)
    assert (said.verdict, said.why["value"]) == (VIOLATED, 120.4)


def test_other_units_are_compared_as_they_are() -> None:
    only = DatedLimit(from_date="2026-01-01", value=55, name="town")
    settings = DayMean(quantity="noise_db", limits=(only,))
    assert step(None, closed(55.2), settings, 60_000).verdict == VIOLATED


@pytest.mark.parametrize(
    ("quantity", "hours", "verdict"),
    [
        ("pm10_ug_m3", 19, UNKNOWN),
        ("pm10_ug_m3", 20, VIOLATED),
        ("tsp_ug_m3", 23, UNKNOWN),
        ("tsp_ug_m3", 24, VIOLATED),
        ("pm25_ug_m3", 0, UNKNOWN),
    ],
)
def test_too_few_hours_say_nothing_whatever_their_mean(quantity: str, hours: int, verdict: int) -> None:
    said = step(None, closed(900 if hours else None, hours), rule(quantity), 60_000)
    assert said.verdict == verdict
    assert ("unknown" in said.why) == (verdict == UNKNOWN)


def test_a_day_of_23_hours_needs_all_of_them_for_tsp() -> None:
    day = Calendar("Europe/Berlin").day(BERLIN_SPRING)
    assert (day.date, day.hours) == ("2026-03-29", 23)
    whole = ClosedDay(closed(310, 23).period, day)
    assert step(None, whole, rule("tsp_ug_m3"), 60_000).verdict == VIOLATED
    short = ClosedDay(closed(310, 22).period, day)
    assert step(None, short, rule("tsp_ug_m3"), 60_000).verdict == UNKNOWN


@pytest.mark.parametrize(
    ("day", "mean", "verdict", "standard"),
    [
        ("2026-02-28", 140.0, NORMAL, "GB 3095-2012 二级"),
        ("2026-03-01", 140.0, VIOLATED, "GB 3095-2026 二级 过渡"),
        ("2030-12-31", 110.0, NORMAL, "GB 3095-2026 二级 过渡"),
        ("2031-01-01", 110.0, VIOLATED, "GB 3095-2026 二级"),
    ],
)
def test_the_limit_is_that_of_the_day(day: str, mean: float, verdict: int, standard: str) -> None:
    said = step(None, closed(mean, day=day), rule(), 60_000)
    assert (said.verdict, said.why["standard"]) == (verdict, standard)


def test_a_day_without_a_limit_is_unknown() -> None:
    later = DatedLimit(from_date="2027-01-01", value=100, name="town")
    said = step(None, closed(500), DayMean(quantity="pm10_ug_m3", limits=(later,)), 60_000)
    assert (said.verdict, said.why["unknown"]) == (UNKNOWN, "no limit for this day")


def test_the_evidence_says_what_a_lawyer_would_ask() -> None:
    assert step(None, closed(133.25, 22, revision=2), rule(), 60_000).why == {
        "date": "2026-11-24",
        "mean": 133.25,
        "value": 133,
        "hours": 22,
        "hours_needed": 20,
        "gap_h": 2,
        "readings": 0,
        "left_out": {},
        "marked": {},
        "revision": 2,
        "cause": "closed",
        "final": False,
        "limit": 120,
        "standard": "GB 3095-2026 二级 过渡",
        "source": "表1 (V1)",
    }
    assert (KIND.needs, KIND.start) == ("day", None)
