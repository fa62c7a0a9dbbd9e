"""Slots, hours, days that are lost, through the fold: a story for each kind, and its truth table."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devices.models.plain import PlainOptions, TimeMember
from rules.kinds.day_budget import DayBudget
from rules.kinds.hour_mean import HourMean
from rules.kinds.means import Background, Band, Deduct, Other
from rules.kinds.rate import Rate
from rules.kinds.slot_mean import SlotMean
from rules.packs import DatedLimit
from rules.records import Event, Period
from rules.ruleset import Rule
from rules.verdicts import NORMAL, UNKNOWN, VIOLATED
from tests.rules.street import DAY, HOUR, MINUTE, START_MS, Street, periods_of, plain, rule, told

MIDNIGHT = int(datetime(2026, 11, 20, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000) - START_MS
EIGHT = MIDNIGHT + 8 * HOUR
FIELDS: dict[str, Any] = {
    "pm10": "pm10_ug_m3", "tsp": "tsp_ug_m3", "aqi": "aqi", "pm": "pm_is_primary", "rh": "humidity_pct",
}  # fmt: skip
OPTIONS = PlainOptions(family="dust", fields=FIELDS, time=TimeMember(field="t", unit="ms"))
CITY = plain("city", OPTIONS, interval_ms=HOUR)
SITE = plain("site", OPTIONS)
PM10, TSP = "pm10_ug_m3", "tsp_ug_m3"


def limit(value: float) -> tuple[DatedLimit, ...]:
    return (DatedLimit(from_date="2020-01-01", value=value, name="site"),)


def street_of(*rules: Rule) -> Street:
    return Street([SITE, CITY], rules)


def run(street: Street, ms: int, until_ms: int, every_ms: int = MINUTE, **said: object) -> None:
    for at_ms in range(ms, until_ms, every_ms):
        street.json(at_ms, "site", t=START_MS + at_ms, **said)


def late(street: Street, now_ms: int, ms: int, until_ms: int, **said: object) -> None:
    for at_ms in range(ms, until_ms, MINUTE):
        street.json(now_ms, "site", t=START_MS + at_ms, **said)


def events(street: Street) -> list[Event]:
    return [event for outcome in street.outcomes for event in outcome.events]


def why(event: Event) -> dict[str, Any]:
    assert event.evidence is not None
    return event.evidence.why


def verdict(street: Street, name: str) -> int:
    return street.fold.memory.world.judging.judges[name, "site"].verdict


def tellings(street: Street, span: str, start_ms: int) -> list[Period]:
    start_ms += START_MS
    return [p for p in periods_of(street.outcomes) if (p.span, p.start_ms, p.device) == (span, start_ms, "site")]


# ------------------------------------------------------------------------------------------------------- slots

SLOT = rule("slot", "slot_mean", SlotMean(quantity=TSP, limits=limit(500)), devices=("site",))


def test_a_slot_over_the_limit_rings_ten_minutes_after_its_end_until_a_whole_slot_is_not() -> None:
    street = street_of(SLOT)
    run(street, EIGHT, EIGHT + 15 * MINUTE, tsp=500)
    run(street, EIGHT + 15 * MINUTE, EIGHT + 30 * MINUTE, tsp=501)
    run(street, EIGHT + 30 * MINUTE, EIGHT + 40 * MINUTE, tsp=100)
    assert not events(street), "500 is not over 500, and the slot of 501 is told at 8:40"
    street.tick(EIGHT + 40 * MINUTE)
    [raised] = events(street)
    assert told([raised]) == [("raised", "slot@site", "UNACK")]
    assert (raised.alarm.value, raised.alarm.limit) == (501, 500)
    assert why(raised)["start_ms"] == START_MS + EIGHT + 15 * MINUTE
    run(street, EIGHT + 40 * MINUTE, EIGHT + HOUR, tsp=100)
    assert told(events(street)[1:]) == [("returned", "slot@site", "RTN_UNACK")]


@pytest.mark.parametrize(("minutes", "mean", "judged"), [(11, None, UNKNOWN), (12, 600.0, VIOLATED)])
def test_a_slot_needs_12_minutes_of_15(minutes: int, mean: float | None, judged: int) -> None:
    street = street_of(SLOT)
    run(street, EIGHT, EIGHT + minutes * MINUTE, tsp=600)
    street.tick(EIGHT + 25 * MINUTE)
    [period] = tellings(street, "slot", EIGHT)
    assert (period.valid, period.gap_min, period.mean, period.count) == (minutes, 15 - minutes, mean, minutes)
    assert verdict(street, "slot") == judged


def test_a_rule_may_ask_for_more_than_12_minutes() -> None:
    strict = rule("slot", "slot_mean", SlotMean(quantity=TSP, limits=limit(500), valid=14), devices=("site",))
    street = street_of(strict)
    run(street, EIGHT, EIGHT + 13 * MINUTE, tsp=600)
    street.tick(EIGHT + 25 * MINUTE)
    assert verdict(street, "slot") == UNKNOWN


def test_silence_ends_no_alarm() -> None:
    street = street_of(SLOT)
    run(street, EIGHT, EIGHT + 15 * MINUTE, tsp=600)
    street.tick(EIGHT + 5 * HOUR)
    assert told(events(street)) == [("raised", "slot@site", "UNACK")]


def test_so_many_slots_of_a_day_may_exceed() -> None:
    """Shanghai: one slot a day over 2.0 mg/m³, six over 1.0; the day after begins anew."""
    rules = [
        rule(name, "slot_mean", SlotMean(quantity=TSP, limits=limit(over), allowed_per_day=allowed), devices=("site",))
        for name, over, allowed in (("one", 2000, 1), ("six", 1000, 6))
    ]
    street = street_of(*rules)
    run(street, EIGHT, EIGHT + 90 * MINUTE, tsp=1500)  # six of them
    run(street, EIGHT + 90 * MINUTE, EIGHT + 2 * HOUR, tsp=100)
    assert not events(street)
    run(street, EIGHT + 2 * HOUR, EIGHT + 150 * MINUTE, tsp=2500)  # the seventh and the eighth
    street.tick(EIGHT + 3 * HOUR)
    raised = [event for event in events(street) if event.kind == "raised"]
    assert [event.alarm.rule for event in raised] == ["six", "one"]
    assert [why(event)["exceeding_of_day"] for event in raised] == [7, 2]
    run(street, MIDNIGHT + DAY, MIDNIGHT + DAY + 15 * MINUTE, tsp=2500)
    street.tick(MIDNIGHT + DAY + 25 * MINUTE)
    assert [(e.kind, e.alarm.rule) for e in events(street)[2:]] == [("returned", "one"), ("returned", "six")]


def test_a_slot_that_comes_late_shifts_which_of_the_day_violate() -> None:
    """The second that exceeds is the first that violates: with one before it that came late, so is the former first."""
    one = rule("one", "slot_mean", SlotMean(quantity=TSP, limits=limit(500), allowed_per_day=1), devices=("site",))
    street = street_of(one)
    run(street, EIGHT, EIGHT + 15 * MINUTE, tsp=600)
    run(street, EIGHT + 15 * MINUTE, EIGHT + HOUR, tsp=100)
    assert not events(street)
    late(street, EIGHT + HOUR, EIGHT - 2 * HOUR, EIGHT - 2 * HOUR + 15 * MINUTE, tsp=700)
    street.restart()
    street.tick(EIGHT + 70 * MINUTE)
    raised, returned = events(street)
    assert [raised.kind, returned.kind] == ["raised", "returned"]
    assert (why(raised)["start_ms"], why(raised)["value"]) == (START_MS + EIGHT, 600)
    assert why(raised)["because"]["cause"] == "late"


CONDITION = Deduct(
    value=200,
    when=(
        Band(other=Other(device="city", quantity="aqi", hourly="end"), low=200, high=300),
        Band(other=Other(device="city", quantity="pm_is_primary", hourly="end"), low=1, high=1),
    ),
)


@pytest.mark.parametrize(
    ("tsp", "aqi", "primary", "judged"),
    [
        (600, 199, True, VIOLATED),
        (600, 200, True, NORMAL),
        (600, 300, True, NORMAL),
        (600, 301, True, VIOLATED),
        (600, 250, False, VIOLATED),
        (700, 250, True, NORMAL),
        (701, 250, True, VIOLATED),
        (600, None, None, UNKNOWN),
        (500, None, None, NORMAL),  # whatever the city says
        (701, None, None, VIOLATED),
        (600, None, False, VIOLATED),
        (600, 250, None, UNKNOWN),
    ],
)
def test_in_bad_air_200_are_deducted(tsp: float, aqi: float | None, primary: bool | None, judged: int) -> None:  # noqa: FBT001 - a table
    jiangsu = rule("slot", "slot_mean", SlotMean(quantity=TSP, limits=limit(500), deduct=CONDITION), devices=("site",))
    street = street_of(jiangsu)
    run(street, EIGHT, EIGHT + HOUR, tsp=tsp)
    street.json(EIGHT + 80 * MINUTE, "city", aqi=aqi, pm=primary, t=START_MS + EIGHT + 80 * MINUTE)
    street.tick(EIGHT + 2 * HOUR)
    assert verdict(street, "slot") == judged


# -------------------------------------------------------------------------------------------------------- hours

WUHAN = rule("hour", "hour_mean", HourMean(quantity=PM10, limits=limit(200), clear=150), devices=("site",))


@pytest.mark.parametrize(("minutes", "judged"), [(44, UNKNOWN), (45, VIOLATED)])
def test_an_hour_needs_45_minutes(minutes: int, judged: int) -> None:
    street = street_of(WUHAN)
    run(street, EIGHT, EIGHT + minutes * MINUTE, pm10=250)
    street.tick(EIGHT + 70 * MINUTE)
    assert verdict(street, "hour") == judged


def test_work_stops_over_200_and_goes_on_at_150() -> None:
    street = street_of(WUHAN)
    for hour, pm10 in enumerate((200.5, 180, 150.01, 150)):
        run(street, EIGHT + hour * HOUR, EIGHT + (hour + 1) * HOUR, pm10=pm10)
    street.tick(EIGHT + 4 * HOUR + 9 * MINUTE)
    [raised] = events(street)
    assert raised.alarm.value == 200.5, "an hour's mean is not rounded"
    street.tick(EIGHT + 4 * HOUR + 10 * MINUTE)
    assert told(events(street)[1:]) == [("returned", "hour@site", "RTN_UNACK")]


def city_says(street: Street, ms: int, pm10: float, of_ms: int) -> None:
    street.json(ms, "city", pm10=pm10, t=START_MS + of_ms)


JIANGSU = rule(
    "hour",
    "hour_mean",
    HourMean(
        quantity=PM10,
        limits=limit(80),
        background=Background(other=Other(device="city", quantity=PM10, hourly="end"), cap=150),
    ),
    devices=("site",),
)


def test_without_the_citys_value_an_hour_is_unknown_and_with_it_judged_again() -> None:
    street = street_of(JIANGSU)
    run(street, EIGHT, EIGHT + HOUR, pm10=170)
    street.tick(EIGHT + 70 * MINUTE)
    assert (verdict(street, "hour"), events(street)) == (UNKNOWN, [])
    city_says(street, EIGHT + 85 * MINUTE, 89.5, EIGHT + HOUR)  # told at 9:25, as that of the hour that ended at 9
    street.restart()
    street.tick(EIGHT + 90 * MINUTE)
    [raised] = events(street)
    assert raised.alarm.value == 80.5
    assert why(raised)["background"] == 89.5
    assert why(raised)["subtracted"] == 89.5
    assert why(raised)["mean"] == 170


def test_of_the_background_no_more_than_its_cap_counts() -> None:
    street = street_of(JIANGSU)
    run(street, EIGHT, EIGHT + HOUR, pm10=240)
    city_says(street, EIGHT + 65 * MINUTE, 200, EIGHT + HOUR)
    street.tick(EIGHT + 70 * MINUTE)
    [raised] = events(street)
    assert (raised.alarm.value, why(raised)["background"], why(raised)["subtracted"]) == (90, 200, 150)


def test_a_city_that_corrects_itself_turns_the_verdict_and_the_first_one_stays() -> None:
    street = street_of(JIANGSU)
    run(street, EIGHT, EIGHT + HOUR, pm10=170)
    city_says(street, EIGHT + 61 * MINUTE, 60, EIGHT + HOUR)
    run(street, EIGHT + 61 * MINUTE, EIGHT + 2 * HOUR, pm10=50)
    city_says(street, EIGHT + 121 * MINUTE, 40, EIGHT + 2 * HOUR)
    street.tick(EIGHT + 130 * MINUTE)
    raised, returned = events(street)
    assert (raised.alarm.value, returned.kind) == (110, "returned")
    city_says(street, EIGHT + 140 * MINUTE, 140, EIGHT + HOUR + MINUTE)  # the mean of both is 100: 70 are left
    street.tick(EIGHT + 150 * MINUTE)
    amended = events(street)[-1]
    assert (amended.kind, amended.amends, len(events(street))) == ("amended", raised.alarm.occurrence, 3)
    assert why(amended)["value"] == 70
    assert raised.alarm.value == 110


def test_a_background_that_is_measured_counts_by_its_own_hour() -> None:
    own = Background(other=Other(device="city", quantity=PM10))
    street = Street(
        [SITE, plain("city", OPTIONS)],
        [rule("hour", "hour_mean", HourMean(quantity=PM10, limits=limit(80), background=own), devices=("site",))],
    )
    for at_ms in range(EIGHT, EIGHT + HOUR, MINUTE):
        street.json(at_ms, "site", pm10=170, t=START_MS + at_ms)
        if at_ms < EIGHT + 44 * MINUTE:
            street.json(at_ms, "city", pm10=50, t=START_MS + at_ms)
    street.tick(EIGHT + 70 * MINUTE)
    assert verdict(street, "hour") == UNKNOWN, "44 minutes are no hour, the city's neither"
    street.json(EIGHT + 71 * MINUTE, "city", pm10=50, t=START_MS + EIGHT + 45 * MINUTE)
    street.tick(EIGHT + 80 * MINUTE)
    assert verdict(street, "hour") == VIOLATED


def test_two_hours_of_a_day_may_exceed_in_hebei() -> None:
    hebei = rule("hour", "hour_mean", HourMean(quantity=PM10, limits=limit(80), allowed_per_day=2), devices=("site",))
    street = street_of(hebei)
    run(street, EIGHT, EIGHT + 3 * HOUR, pm10=90)
    street.tick(EIGHT + 2 * HOUR + 10 * MINUTE)
    assert not events(street)
    street.tick(EIGHT + 3 * HOUR + 10 * MINUTE)
    [raised] = events(street)
    assert (why(raised)["exceeding_of_day"], why(raised)["allowed"]) == (3, 2)


def test_an_hour_turns_by_late_readings_and_its_occurrence_is_amended() -> None:
    street = street_of(WUHAN)
    run(street, EIGHT, EIGHT + 45 * MINUTE, pm10=210)
    run(street, EIGHT + HOUR + 2 * MINUTE, EIGHT + 2 * HOUR, pm10=100)
    street.tick(EIGHT + 2 * HOUR + 10 * MINUTE)
    raised, returned = events(street)
    late(street, EIGHT + 2 * HOUR + 11 * MINUTE, EIGHT + 45 * MINUTE, EIGHT + HOUR, pm10=90)
    street.restart()
    street.tick(EIGHT + 2 * HOUR + 20 * MINUTE)
    amended = events(street)[-1]
    assert (amended.kind, amended.amends, returned.kind) == ("amended", raised.alarm.occurrence, "returned")
    first, second = tellings(street, "hour", EIGHT)
    assert (first.mean, first.revision, first.cause) == (210, 1, "closed")
    assert (second.mean, second.revision, second.cause) == (180, 2, "late")
    street.tick(MIDNIGHT + 5 * DAY)
    assert [(p.final, p.cause) for p in tellings(street, "hour", EIGHT)[2:]] == [(True, "final")]


# ------------------------------------------------------------------------------------- what is left out, and doubt


def test_what_is_left_out_is_counted_with_its_reason_and_humid_air_corrects_nothing() -> None:
    street = street_of(WUHAN)
    for at_ms in range(EIGHT, EIGHT + HOUR, MINUTE):
        minute = (at_ms - EIGHT) // MINUTE
        pm10 = 99_999 if minute < 5 else 100
        street.json(at_ms, "site", pm10=pm10, rh=86 if minute >= 50 else 84.9, t=START_MS + at_ms)
    line = street.outcomes[-1].lines[0]
    assert b'flags="rh_suspect"' in line
    assert b"pm10_ug_m3=100" in line
    street.tick(EIGHT + 70 * MINUTE)
    [hour] = tellings(street, "hour", EIGHT)
    assert (hour.valid, hour.mean, hour.count) == (55, 100, 55)
    assert (hour.left_out, hour.marked) == ({"range": 5}, {"rh_suspect": 10})
    street.restart()
    street.tick(MIDNIGHT + DAY + 30 * MINUTE)
    [day] = tellings(street, "day", MIDNIGHT)
    assert (day.left_out, day.marked, day.count) == ({"range": 5}, {"rh_suspect": 10}, 55)


# ------------------------------------------------------------------------------------------------- the day's budget

BUDGET = rule("lost", "day_budget", DayBudget(quantity=PM10, limits=limit(120)), devices=("site",))


def test_a_day_is_lost_hours_before_midnight() -> None:
    """2,892 µg/m³·h are 120.5 a day, which is rounded to 120; one more is lost."""
    street = street_of(BUDGET)
    run(street, MIDNIGHT, MIDNIGHT + 9 * HOUR, pm10=289)  # 2,601
    run(street, MIDNIGHT + 9 * HOUR, MIDNIGHT + 10 * HOUR, pm10=291)  # 2,892
    run(street, MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR, pm10=1)  # 2,893
    street.tick(MIDNIGHT + 10 * HOUR + 10 * MINUTE)
    assert (events(street), verdict(street, "lost")) == ([], NORMAL)
    street.tick(MIDNIGHT + 11 * HOUR + 10 * MINUTE)
    [raised] = events(street)
    assert why(raised)["sum"] == 2893
    assert why(raised)["hours"] == 11
    assert raised.alarm.value == 121
    run(street, MIDNIGHT + 11 * HOUR + 11 * MINUTE, MIDNIGHT + DAY, pm10=0)
    street.tick(MIDNIGHT + DAY + 30 * MINUTE)
    assert len(events(street)) == 1
    run(street, MIDNIGHT + DAY + 30 * MINUTE, MIDNIGHT + DAY + 3 * HOUR, pm10=10)
    assert told(events(street)[1:]) == [("returned", "lost@site", "RTN_UNACK")]


def test_a_day_that_is_lost_is_never_found_to_comply() -> None:
    """The least that the day's mean can be is never more than what it becomes."""
    day = rule("lost", "day_budget", DayBudget(quantity=PM10, limits=limit(50)), devices=("site",))
    street = street_of(day)
    run(street, MIDNIGHT, MIDNIGHT + 4 * HOUR, pm10=320)
    run(street, MIDNIGHT + 4 * HOUR, MIDNIGHT + DAY, every_ms=5 * MINUTE, pm10=0)
    street.tick(MIDNIGHT + DAY + 30 * MINUTE)
    assert [event.kind for event in events(street)][:1] == ["raised"]
    mean = tellings(street, "day", MIDNIGHT)[0].mean
    assert mean is not None
    assert mean > 50


# ------------------------------------------------------------------------------------------------------------ rate


def changes(rise: float | None, fall: float | None, said: Iterable[tuple[int, float]]) -> list[str]:
    fast = rule("fast", "rate", Rate(quantity=PM10, rise=rise, fall=fall, within_ms=10 * MINUTE), devices=("site",))
    street = street_of(fast)
    for minute, value in said:
        street.json(minute * MINUTE, "site", pm10=value, t=START_MS + minute * MINUTE)
        street.restart()
    return [f"{event.kind} {event.alarm.value:g}" for event in events(street)]


def test_water_that_rises_300_in_ten_minutes_rings_until_it_rises_no_more() -> None:
    assert changes(300, None, [(0, 100), (5, 300), (10, 400), (10, 401), (16, 590), (21, 700)]) == [
        "raised 301",
        "returned 301",
    ]


def test_what_was_longer_ago_is_not_compared_and_nothing_is_extrapolated() -> None:
    assert not changes(300, None, [(0, 100), (11, 500), (12, 650), (22, 790)])
    assert not changes(300, None, [(0, 100), (1, 390)])


def test_a_fall_is_the_other_way_round() -> None:
    assert changes(None, 300, [(0, 500), (5, 600), (9, 290), (9, 800)]) == ["raised -310", "returned -310"]


def test_a_reading_with_nothing_before_it_ends_no_alarm() -> None:
    assert changes(300, None, [(0, 100), (1, 500), (60, 500)]) == ["raised 400"]
    assert changes(300, None, [(0, 100), (1, 500), (60, 500), (61, 500)]) == ["raised 400", "returned 400"]
