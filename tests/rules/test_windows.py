"""What stations say, and what becomes of it: hours, days, revisions. Told as stories, on the clock of Xuzhou."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from rules.records import Period
from rules.series import Wanted
from rules.windows import NEVER_MS, Windows

PM10 = "pm10_ug_m3"
MINUTE = 60_000
HOUR = 60 * MINUTE


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    """`2026-11-24 08:00` on the wall -> civil ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


class Street:
    """Some stations and their windows, driven as the fold drives them."""

    def __init__(
        self,
        interval_ms: int = MINUTE,
        *,
        zone: str = "Asia/Shanghai",
        stations: Sequence[str] = ("east",),
        quantities: Sequence[str] = (PM10,),
    ) -> None:
        wanted = [Wanted(station, quantity, interval_ms, "dust") for station in stations for quantity in quantities]
        self.windows = Windows(zone, wanted)
        self.told: list[Period] = []

    def wait(self, until_ms: int) -> None:
        while self.windows.due_ms <= until_ms:
            self.told += self.windows.close(self.windows.due_ms)

    def hear(self, t_ms: int, *values: float | None, station: str = "east") -> None:
        """Take a live reading."""
        self.wait(t_ms)
        series = self.windows.by_device[station]
        if series[0].minute != t_ms // MINUTE:
            self.windows.roll(series, t_ms)
        for one, value in zip(series, values, strict=True):
            if value is not None:
                one.sum += round(value * 100)
                one.count += 1

    def run(self, start_ms: int, end_ms: int, every_ms: int, value: float, station: str = "east") -> None:
        for t_ms in range(start_ms, end_ms, every_ms):
            self.hear(t_ms, value, station=station)

    def late(self, now_ms: int, t_ms: int, *values: float | None, station: str = "east") -> bool:
        self.wait(now_ms)
        return self.windows.add_late(self.windows.by_device[station], t_ms, values, now_ms)

    def of(self, span: str, start_ms: int, station: str = "east") -> list[Period]:
        return [p for p in self.told if (p.device, p.span, p.start_ms) == (station, span, start_ms)]


def test_a_sensor_that_speaks_every_ten_seconds_is_weighed_by_time() -> None:
    """It shouts in the last ten minutes, six times a minute; before it spoke once a minute."""
    street = Street()
    street.run(at("2026-11-24 08:00:05"), at("2026-11-24 08:50"), MINUTE, 60)
    street.run(at("2026-11-24 08:50"), at("2026-11-24 09:00"), 10_000, 120)
    street.wait(at("2026-11-24 09:10"))
    assert street.of("hour", at("2026-11-24 08:00")) == [
        Period(
            device="east",
            family="dust",
            quantity=PM10,
            span="hour",
            start_ms=at("2026-11-24 08:00"),
            mean=70,  # (50 x 60 + 10 x 120) / 60 minutes; by packets it would be 92.7
            valid=60,
            gap_min=0,
            revision=1,
            final=False,
            count=50 + 60,
        )
    ]


def test_an_hour_is_told_ten_minutes_after_its_end_and_a_day_at_half_past_midnight() -> None:
    street = Street()
    street.run(at("2026-11-24 00:00"), at("2026-11-24 09:05"), MINUTE, 80)
    hour, day = at("2026-11-24 08:00"), at("2026-11-24 00:00")
    street.wait(at("2026-11-24 09:10") - 1)
    assert not street.of("hour", hour)
    street.wait(at("2026-11-24 09:10"))
    assert [p.revision for p in street.of("hour", hour)] == [1]
    street.run(at("2026-11-24 09:05"), at("2026-11-25 00:30"), MINUTE, 80)
    assert not street.of("day", day)
    street.wait(at("2026-11-25 00:30"))
    (told,) = street.of("day", day)
    assert (told.mean, told.valid, told.gap_min, told.final) == (80, 24, 0, False)


@pytest.mark.parametrize(("interval_min", "first"), [(5, 0), (15, 4), (3, 1)])
def test_a_station_of_long_cycles_has_valid_hours(interval_min: int, first: int) -> None:
    street = Street(interval_min * MINUTE)
    start = at("2026-11-24 07:00") + first * MINUTE
    street.run(start, at("2026-11-24 10:00"), interval_min * MINUTE, 95.5)
    street.wait(at("2026-11-24 10:00"))
    (told,) = street.of("hour", at("2026-11-24 08:00"))
    assert (told.mean, told.valid, told.gap_min) == (95.5, 60, 0)


def test_a_station_whose_minute_trembles_loses_no_minutes() -> None:
    """Each minute, half a second before or after the full one: some minutes hold two readings and some none."""
    street = Street()
    start = at("2026-11-24 08:00:01")
    for minute in range(125):
        street.hear(start + minute * MINUTE + (500 if minute % 3 else -1500), 50)
    street.wait(at("2026-11-24 10:10"))
    assert [p.valid for p in street.of("hour", at("2026-11-24 09:00"))] == [60]


def test_a_reading_of_a_fifteen_minute_cycle_may_reach_into_an_hour_that_is_told_already() -> None:
    street = Street(15 * MINUTE)
    street.run(at("2026-11-24 07:57"), at("2026-11-24 08:58"), 15 * MINUTE, 40)
    street.hear(at("2026-11-24 09:12"), 100)
    street.hear(at("2026-11-24 09:27"), 40)
    street.wait(at("2026-11-24 09:30"))
    first, second = street.of("hour", at("2026-11-24 08:00"))
    assert (first.valid, first.mean, first.revision) == (58, 40, 1)
    assert (second.valid, second.mean, second.revision) == (60, 42, 2)


def test_a_power_cut_leaves_a_gap_that_nothing_fills() -> None:
    street = Street()
    street.run(at("2026-11-24 08:00"), at("2026-11-24 08:20"), MINUTE, 50)
    street.run(at("2026-11-24 08:34"), at("2026-11-24 10:00"), MINUTE, 50)
    street.wait(at("2026-11-24 10:10"))
    (told,) = street.of("hour", at("2026-11-24 08:00"))
    assert (told.valid, told.gap_min, told.mean) == (46, 14, 50)


@pytest.mark.parametrize(("minutes", "mean"), [(44, None), (45, 50.0)])
def test_an_hour_needs_45_valid_minutes(minutes: int, mean: float | None) -> None:
    street = Street(10_000)
    start = at("2026-11-24 08:00")
    street.run(start, start + minutes * MINUTE, MINUTE, 50)
    street.wait(at("2026-11-24 09:10"))
    (told,) = street.of("hour", start)
    assert (told.valid, told.mean, told.gap_min) == (minutes, mean, 60 - minutes)


def test_what_comes_after_a_gap_does_not_make_up_for_it() -> None:
    """44 readings, then nothing, then the next hour's: its first reading is no 45th of this one."""
    street = Street()
    start = at("2026-11-24 08:00")
    street.run(start, start + 44 * MINUTE, MINUTE, 300)
    street.run(start + 60 * MINUTE, start + 75 * MINUTE, MINUTE, 10)
    street.wait(at("2026-11-24 09:30"))
    (told,) = street.of("hour", start)
    assert (told.valid, told.mean, told.gap_min) == (44, None, 16)


@pytest.mark.parametrize(("every", "valid"), [(1, 60), (2, 30), (3, 20)])
def test_a_station_that_is_to_speak_each_minute_and_speaks_less_is_valid_for_less(every: int, valid: int) -> None:
    street = Street()
    start = at("2026-11-24 08:00")
    street.run(start, start + 75 * MINUTE, every * MINUTE, 50)
    street.wait(at("2026-11-24 09:30"))
    (told,) = street.of("hour", start)
    assert (told.valid, told.mean) == (valid, 50 if valid >= 45 else None)


def test_what_the_station_withholds_is_not_filled() -> None:
    """It speaks every minute, but its PM10 is flagged as faulty for ten of them; its interval would reach that far."""
    street = Street(15 * MINUTE, quantities=(PM10, "humidity_pct"))
    start = at("2026-11-24 08:00")
    for minute in range(75):
        street.hear(start + minute * MINUTE, None if 20 <= minute < 30 else 50, 70)
    street.wait(at("2026-11-24 09:30"))
    valid = {p.quantity: (p.valid, p.gap_min) for p in street.of("hour", start)}
    assert valid == {PM10: (50, 10), "humidity_pct": (60, 0)}


def test_a_day_that_comes_late_is_a_revision_of_its_hours_and_of_the_day() -> None:
    street = Street()
    day = at("2026-11-24 00:00")
    street.run(day, at("2026-11-24 03:00"), MINUTE, 100)
    now = at("2026-11-25 09:05")
    street.wait(now)
    (told,) = street.of("day", day)
    assert (told.valid, told.mean, told.gap_min) == (3, 100, 21)
    for minute in range(3 * 60, 24 * 60):
        assert street.late(now + minute, day + minute * MINUTE, 140)
    street.wait(at("2026-11-25 09:09"))
    assert len(street.of("day", day)) == 1, "amended at the next full ten minutes, not with every reading"
    street.wait(at("2026-11-25 09:10"))
    told = street.of("day", day)[-1]
    assert (told.valid, told.mean, told.revision, told.final) == (24, 135, 2, False)
    assert [p.revision for p in street.of("hour", day + 5 * HOUR)] == [1, 2]
    assert [p.revision for p in street.of("hour", day + HOUR)] == [1]


def test_after_48_hours_a_period_is_final_and_what_comes_then_is_too_late() -> None:
    street = Street()
    hour = at("2026-11-24 08:00")
    street.run(hour, at("2026-11-26 09:00"), MINUTE, 100)
    assert street.late(at("2026-11-26 08:59"), hour + 20_000, 160)
    street.wait(at("2026-11-26 09:00"))
    assert [(p.revision, p.final, p.mean) for p in street.of("hour", hour)] == [(1, False, 100), (2, True, 100.5)]
    assert not street.late(at("2026-11-26 09:01"), hour + HOUR - 1, 160)
    street.run(at("2026-11-26 09:01"), at("2026-11-27 00:30"), MINUTE, 100)
    told = street.of("day", at("2026-11-24 00:00"))[-1]
    assert (told.final, told.valid) == (True, 16)
    assert [p.final for p in street.of("hour", hour)] == [False, True]


def test_nothing_new_is_no_revision() -> None:
    """The same value comes again, late: the mean is what it was."""
    street = Street()
    hour = at("2026-11-24 08:00")
    street.run(hour, at("2026-11-24 09:30"), MINUTE, 100)
    street.late(at("2026-11-24 09:31"), hour + 5000, 100)
    street.wait(at("2026-11-24 10:00"))
    assert len(street.of("hour", hour)) == 1


def test_a_silent_station_tells_empty_hours_for_a_day_and_then_no_more() -> None:
    street = Street(stations=("east", "west"))
    start = at("2026-11-24 00:10")
    for minute in range(5 * 24 * 60):
        street.hear(start + minute * MINUTE, 50, station="east")
        if minute < 50:
            street.hear(start + minute * MINUTE, 50, station="west")
    empty = [p for p in street.told if p.device == "west" and p.span == "hour" and not p.valid and not p.final]
    assert len(empty) == 24
    days = [(p.valid, p.mean) for p in street.told if p.device == "west" and p.span == "day" and not p.final]
    assert days == [(1, 50), (0, None)]


def test_a_gateway_that_hears_nothing_has_nothing_to_do() -> None:
    street = Street()
    assert street.windows.due_ms == NEVER_MS
    street.hear(at("2026-11-24 08:00"), 50)
    street.wait(at("2026-12-24 08:00"))
    assert street.windows.due_ms == NEVER_MS
    assert [p.final for p in street.of("day", at("2026-11-24 00:00"))] == [False, True]
    street.hear(at("2026-12-24 08:00"), 50)
    assert street.windows.due_ms == at("2026-12-24 08:10")
    assert Windows("Asia/Shanghai", []).due_ms == NEVER_MS


@pytest.mark.parametrize(
    ("day", "next_day", "hours"), [("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25)]
)
def test_where_clocks_are_changed_a_day_has_the_hours_that_it_has(day: str, next_day: str, hours: int) -> None:
    zone = "Europe/Berlin"
    street = Street(zone=zone)
    start, end = at(day, zone), at(next_day, zone)
    street.run(start, end + HOUR, MINUTE, 20)
    (told,) = street.of("day", start)
    assert (told.valid, told.gap_min, told.mean) == (hours, 0, 20)
    assert len([p for p in street.told if p.span == "hour" and p.start_ms < end and p.start_ms >= start]) == hours


def test_hours_are_those_of_the_wall_clock() -> None:
    zone = "Asia/Kathmandu"  # UTC+05:45
    street = Street(zone=zone)
    street.run(at("2026-11-24 08:00", zone), at("2026-11-24 10:30", zone), MINUTE, 20)
    assert [p.valid for p in street.of("hour", at("2026-11-24 09:00", zone))] == [60]


def test_a_clock_that_jumps_forward_closes_what_is_due_in_order_and_keeps_what_was_measured() -> None:
    street = Street()
    street.run(at("2026-11-24 08:00"), at("2026-11-24 09:05"), MINUTE, 70)
    street.hear(at("2026-11-26 08:00"), 70)
    hours = [p.start_ms for p in street.told if p.span == "hour" and not p.final]
    assert hours == sorted(hours)
    assert [(p.valid, p.mean) for p in street.of("hour", at("2026-11-24 08:00"))] == [(60, 70)]


def test_a_boot_in_1970_costs_nothing() -> None:
    street = Street()
    street.run(at("1970-01-02 08:00"), at("1970-01-02 09:30"), MINUTE, 70)
    street.run(at("2026-11-24 08:00"), at("2026-11-24 09:30"), MINUTE, 70)
    assert len(street.told) < 200
    assert [p.mean for p in street.of("hour", at("2026-11-24 08:00"))] == [70]


def test_hours_that_were_closed_too_early_close_again_as_revisions() -> None:
    street = Street()
    street.run(at("2026-11-24 07:00"), at("2026-11-24 09:30"), MINUTE, 70)
    street.windows.turn_back(at("2026-11-24 08:29:59"))
    assert street.windows.due_ms == at("2026-11-24 08:30")
    street.run(at("2026-11-24 08:30"), at("2026-11-24 10:30"), MINUTE, 100)
    assert [(p.revision, p.mean) for p in street.of("hour", at("2026-11-24 08:00"))] == [(1, 70), (2, 85)]
    assert [(p.revision, p.mean) for p in street.of("hour", at("2026-11-24 07:00"))] == [(1, 70)]
    assert [(p.revision, p.mean) for p in street.of("hour", at("2026-11-24 09:00"))] == [(1, 100)]


def test_a_clock_of_2099_that_no_station_saw_costs_nothing() -> None:
    """The day goes on as if nothing had been: its hours are worked out from the minutes again."""
    street = Street()
    day = at("2026-11-24 00:00")
    street.run(day, day + 12 * HOUR, MINUTE, 70)
    street.wait(at("2099-01-01 00:00"))
    street.windows.turn_back(day + 12 * HOUR)
    street.run(day + 12 * HOUR, day + 25 * HOUR, MINUTE, 90)
    told = street.of("day", day)[-1]
    assert (told.valid, told.mean) == (24, 80)
    assert street.late(day + 25 * HOUR, day + 5 * HOUR, 190)
    street.wait(day + 26 * HOUR)
    assert [p.mean for p in street.of("hour", day + 5 * HOUR)][-1] == 71


def test_a_clock_that_is_corrected_by_seconds_loses_nothing() -> None:
    street = Street()
    for minute in range(75):
        street.hear(at("2026-11-24 08:00") + minute * MINUTE, 70)
        street.windows.turn_back(at("2026-11-24 08:00") + minute * MINUTE - 500)
    assert [(p.valid, p.mean) for p in street.of("hour", at("2026-11-24 08:00"))] == [(60, 70)]


def test_a_clock_of_2099_poisons_nothing() -> None:
    street = Street()
    street.run(at("2099-11-24 07:00"), at("2099-11-24 09:30"), MINUTE, 70)
    street.windows.turn_back(at("2026-11-24 08:00"))
    assert street.windows.due_ms == at("2026-11-24 08:10")
    street.run(at("2026-11-24 08:00"), at("2026-11-24 09:30"), MINUTE, 100)
    assert [(p.revision, p.mean) for p in street.of("hour", at("2026-11-24 08:00"))] == [(1, 100)]


def test_a_minute_may_hold_any_number_of_the_largest_values() -> None:
    street = Street(quantities=("water_level_mm",))
    hour = at("2026-11-24 08:00")
    for minute in range(65):
        for second in range(60):
            street.hear(hour + minute * MINUTE + second * 1000, 500_000)
    for _ in range(100):
        assert street.late(at("2026-11-24 09:05"), hour + MINUTE, 500_000)
    street.wait(at("2026-11-24 09:10"))
    assert [p.mean for p in street.of("hour", hour)] == [500_000]


def test_the_last_24_hours_look_over_midnight_and_over_gaps() -> None:
    street = Street()
    series = street.windows.by_device["east"][0]
    assert street.windows.last_hours(series, 24) == (None, 0)
    street.run(at("2026-11-24 12:00"), at("2026-11-25 00:00"), MINUTE, 50)
    street.run(at("2026-11-25 03:00"), at("2026-11-25 09:10"), MINUTE, 110)
    street.wait(at("2026-11-25 09:10"))
    assert street.windows.closed_ms() == at("2026-11-25 09:00")
    assert street.windows.last_hours(series, 24) == (70, 18)
    assert street.windows.last_hours(series, 6) == (110, 6)
    for minute in range(180):
        street.late(at("2026-11-25 09:15"), at("2026-11-25 00:00") + minute * MINUTE, 70)
    street.wait(at("2026-11-25 09:20"))
    assert street.windows.last_hours(series, 24) == (70, 21)


def test_a_new_configuration_keeps_the_windows_of_what_remains() -> None:
    street = Street(stations=("east", "west"))
    start = at("2026-11-24 08:00")
    for minute in range(30):
        street.hear(start + minute * MINUTE, 50, station="east")
        street.hear(start + minute * MINUTE, 90, station="west")
    old = street.windows
    street.windows = Windows("Asia/Shanghai", [Wanted(name, PM10, MINUTE, "dust") for name in ("gate", "west")])
    street.windows.inherit(old)
    for minute in range(30, 75):
        street.hear(start + minute * MINUTE, 90, station="west")
        street.hear(start + minute * MINUTE, 10, station="gate")
    told = {(p.device, p.valid, p.mean) for p in street.told if p.start_ms == start}
    assert told == {("west", 60, 90), ("gate", 30, None)}


def test_a_snapshot_of_another_version_is_not_read() -> None:
    windows = Street().windows
    version, parts = windows.sections()
    content = b"".join(parts)
    assert windows.restore(version, content)
    assert not windows.restore(version + 1, content)


def test_another_zone_keeps_the_minutes_and_begins_its_own_hours() -> None:
    street = Street()
    start = at("2026-11-24 08:00")
    street.run(start, start + 40 * MINUTE, MINUTE, 50)
    old = street.windows
    street.windows = Windows("Asia/Kathmandu", [Wanted("east", PM10, MINUTE, "dust")])
    street.windows.inherit(old)
    street.run(start + 40 * MINUTE, start + 3 * HOUR, MINUTE, 50)
    (told,) = street.of("hour", start + 15 * MINUTE)  # 06:00 in Kathmandu
    assert (told.valid, told.mean) == (60, 50)
