"""Days and hours of the world's zones; what minutes make of an hour and hours of a day."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pytest

from rules.periods import Calendar, day_slots, hour_slots, reach_min, told


def minute(zone: str, text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) // 60


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Shanghai", "2026-11-24", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
        ("Asia/Beirut", "2026-03-29", 23),  # midnight is skipped
        ("Australia/Lord_Howe", "2026-10-04", 23),  # 23 and a half
        ("Australia/Lord_Howe", "2026-04-05", 24),  # 24 and a half
        ("Pacific/Auckland", "2026-09-27", 23),
        ("Asia/Kathmandu", "2026-11-24", 24),
    ],
)
def test_a_day_begins_at_its_first_moment_and_has_its_hours(zone: str, day: str, hours: int) -> None:
    calendar = Calendar(zone)
    noon = minute(zone, day + " 12:00")
    today = calendar.day(noon)
    assert (today.date, today.hours) == (day, hours)
    assert calendar.day(today.start) == today
    assert calendar.day(today.end - 1) == today
    assert calendar.day(today.start - 1).end == today.start
    assert calendar.day(today.end).start == today.end
    assert calendar.day(today.end).number == today.number + 1
    listed = list(calendar.hours(today))
    assert (listed[0], len(listed)) == (today.start, hours)
    walked = [today.start]
    while (after := calendar.next_hour(walked[-1])) < today.end:
        walked.append(after)
    assert (walked, after) == (listed, today.end)
    assert {calendar.hour(m) for m in range(today.start, today.end)} == set(listed)
    assert calendar.last_hours(today.end, hours) == listed
    assert calendar.last_hours(today.start + 60, 2)[-1] == today.start


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError, match="Asia/Xuzhou"):
        Calendar("Asia/Xuzhou")


@pytest.mark.parametrize(
    ("interval_s", "minutes"), [(1, 0), (10, 0), (30, 1), (60, 1), (120, 2), (300, 5), (900, 15), (86_400, 15)]
)
def test_a_reading_reaches_back_its_interval_at_most_15_minutes(interval_s: int, minutes: int) -> None:
    assert reach_min(interval_s * 1000) == minutes


def test_an_hour_of_several_series_at_once() -> None:
    """Column 0: one value a minute. 1: every fifth. 2: nothing. 3: from minute 20. 4: below zero, and thirds."""
    sums, counts = np.zeros((75, 5), np.int32), np.zeros((75, 5), np.uint16)
    sums[:, 0], counts[:, 0] = 12050, 1
    sums[4::5, 1], counts[4::5, 1] = 700, 2
    sums[20:, 3], counts[20:, 3] = 100, 1
    sums[:, 4], counts[:, 4] = -1000, 3
    slots = hour_slots(sums, counts, np.array([1, 5, 5, 0, 1]))
    assert slots.valid.tolist() == [60, 60, 0, 40, 60]
    assert slots.gap.tolist() == [0, 0, 60, 20, 0]
    assert slots.mean.tolist() == [12_050_000_000, 350_000_000, 0, 0, -333_333_333]
    assert told(slots.mean).tolist() == [120.5, 3.5, 0, 0, -3.333333]


def test_a_day_is_the_mean_of_its_valid_hours() -> None:
    hours = np.array([[10_000_000], [99_000_000], [20_000_000], [0]])
    slots = day_slots(hours, np.array([[60], [44], [45], [0]]), np.array([[60], [44], [45], [0]]))
    assert (slots.valid.tolist(), slots.gap.tolist(), slots.mean.tolist()) == ([2], [1], [15_000_000])
