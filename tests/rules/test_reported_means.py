"""A station's own hours and days stand beside ours: an alarm asks why they differ, and no rule judges by them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from devices.models.hj212_dust import Station, packet
from rules.kinds.hour_mean import HourMean
from rules.packs import DatedLimit
from tests.rules.chance import MN, STATION
from tests.rules.street import DAY, HOUR, MINUTE, SITES, START_MS, Street, periods_of, rule, told

EIGHT = int(datetime(2026, 11, 20, 8, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000) - START_MS
HOURLY = rule(
    "hour",
    "hour_mean",
    HourMean(quantity="pm10_ug_m3", limits=(DatedLimit(from_date="2020-01-01", value=150, name="site"),)),
)
RAISED, RETURNED = ("raised", "means-differ@site", "UNACK"), ("returned", "means-differ@site", "RTN_UNACK")


def say(street: Street, ms: int, at_ms: int, pm10: float, cn: str = "2011", *, flags: str | None = None) -> None:
    values = Station(pm10_ug_m3=pm10, flags=flags)
    street.say(ms, (MN, packet(values, STATION.options, mn=MN, at_ms=START_MS + at_ms, cn=cn)), source="sites")


def street_of(pm10: float, hours: int = 1) -> Street:
    street = Street([STATION], [HOURLY], sources=(SITES,))
    for ms in range(EIGHT, EIGHT + hours * HOUR, MINUTE):
        say(street, ms, ms, pm10)
    return street


def events(street: Street) -> list[tuple[str, str, str]]:
    return told(event for outcome in street.outcomes for event in outcome.events)


@pytest.mark.parametrize(
    ("ours", "theirs", "differ"),
    [(100, 100, False), (100, 110, False), (100, 112, True), (20, 25, False), (20, 25.1, True)],
)
def test_an_hour_is_compared_when_ours_closes(ours: float, theirs: float, differ: bool) -> None:  # noqa: FBT001 - a table
    street = street_of(ours)
    say(street, EIGHT + 61 * MINUTE, EIGHT, theirs, "2061")
    assert not events(street)
    street.restart()
    street.tick(EIGHT + 70 * MINUTE)
    assert events(street) == ([RAISED] if differ else [])
    [hour] = [p for p in periods_of(street.outcomes) if p.start_ms == START_MS + EIGHT and p.span == "hour"]
    assert hour.mean == ours, "what the station says of itself enters no mean of ours"
    reported = [
        line for outcome in street.outcomes for line in outcome.lines if line.startswith(b"dust_reported_hour,")
    ]
    assert len(reported) == 1


def test_an_hour_that_is_told_later_is_compared_at_once_and_agreement_ends_it() -> None:
    street = street_of(100, hours=2)
    street.tick(EIGHT + 2 * HOUR + 10 * MINUTE)
    say(street, EIGHT + 131 * MINUTE, EIGHT, 300, "2061")
    assert events(street) == [RAISED]
    assert "300" in street.alarm("means-differ@site").text.zh
    say(street, EIGHT + 132 * MINUTE, EIGHT + HOUR, 101, "2061")
    assert events(street) == [RAISED, RETURNED]


def test_a_day_is_compared_too() -> None:
    midnight = EIGHT - 8 * HOUR
    street = street_of(100, hours=2)
    say(street, midnight + DAY + MINUTE, midnight, 150, "2031")
    street.tick(midnight + DAY + 30 * MINUTE)
    assert events(street) == [RAISED]


def test_what_is_flagged_or_of_another_time_is_not_compared() -> None:
    street = street_of(100)
    say(street, EIGHT + 61 * MINUTE, EIGHT, 300, "2061", flags="pm10_ug_m3:T")
    say(street, EIGHT + 62 * MINUTE, EIGHT + 5 * MINUTE, 300, "2061")
    street.tick(EIGHT + 80 * MINUTE)
    assert not events(street)
