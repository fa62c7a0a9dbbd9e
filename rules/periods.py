"""Slots, hours and natural days: where they begin in the gateway's zone, and what the minutes of a series make of them.

A reading stands for the minutes since the device's previous one, at most its interval and 15 min. So a minute without
a reading is filled by the next minute in which the device spoke, if that is within reach: the interval with the minute
of the reading itself, and one more where that closes the whole gap, for a clock that trembles about the full minute
leaves single minutes empty. And no period has more valid minutes than its own readings can stand for. The mean of an
hour is the mean of its valid minutes, each with weight 1: weighted by time, not by packets. An hour is valid with at
least 45 valid minutes (GB 3095-2026 table 4 says so for gases; for dust it is convention), a slot of 15 minutes with at
least 12.

All this is a function of which reading fell in which minute, and of nothing else: not of the order in which they came.

Fixed point: a reading is a whole number of 0.01 of its unit, a mean a whole number of 1e-8. Sums of whole numbers do
not depend on their order, and a mean is told to 1e-6, so that a mean that is exactly 120.5 is told as 120.5.
"""

from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from msgspec import Struct

MINUTE_MS = 60_000
HOUR_MIN = 60
VALID_MINUTES = 45
SLOT_MIN = 15  # slots begin at the full hour: DB32/4437-2022
SLOT_VALID_MINUTES = 12
LONGEST_REACH_MIN = 15

CENTI = 100  # a reading is kept in 0.01 of its unit
MEAN_PER_CENTI = 1_000_000  # a mean in 1e-8 of it
MEAN_PER_TOLD = 100  # and told to 1e-6
TOLD = 1_000_000

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


class Day(Struct, frozen=True, dict=True):
    """One natural day of a zone. Minutes are civil time: Unix ms // 60000.

    date        2026-11-24
    start, end  first minute, and first minute of the next day
    """

    date: str
    start: int
    end: int

    @property
    def hours(self) -> int:
        """How many whole hours the day has: 24, and 23 or 25 where clocks are changed.

        Where clocks are changed by half an hour (Lord Howe) the half hour that is left over belongs to none of them.
        """
        return (self.end - self.start) // HOUR_MIN

    @cached_property
    def number(self) -> int:
        """The number of the day; consecutive days have consecutive numbers."""
        return date.fromisoformat(self.date).toordinal()


class Calendar:
    """Days and hours of an IANA zone.

    Raises ZoneInfoNotFoundError for a name that does not exist.
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._zone = ZoneInfo(zone)
        self._last = Day("1970-01-01", 0, 0)

    def day(self, minute: int) -> Day:
        """Return the natural day in which a minute lies."""
        if not self._last.start <= minute < self._last.end:
            today = datetime.fromtimestamp(minute * 60, self._zone).date()
            self._last = Day(today.isoformat(), self._midnight(today), self._midnight(today + timedelta(days=1)))
        return self._last

    def _midnight(self, day: date) -> int:
        # Where clocks skip midnight, or have it twice, fold=0 gives the first moment of the day.
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()) // 60

    def hour(self, minute: int) -> int:
        """Return the first minute of the hour in which a minute lies."""
        day = self.day(minute)
        number = min((minute - day.start) // HOUR_MIN, day.hours - 1)
        return day.start + number * HOUR_MIN

    def next_hour(self, hour: int) -> int:
        """Return the first minute of the hour after the one that begins with this minute."""
        day = self.day(hour)
        after = hour + HOUR_MIN
        return after if after + HOUR_MIN <= day.end else day.end

    def hours(self, day: Day) -> range:
        """Return the first minutes of a day's hours."""
        return range(day.start, day.start + day.hours * HOUR_MIN, HOUR_MIN)

    def last_hours(self, end: int, count: int) -> list[int]:
        """Return the first minutes of the hours before the one that begins with `end`, oldest first."""
        found: list[int] = []
        while len(found) < count:
            day = self.day(end - 1)
            hours = [hour for hour in self.hours(day) if hour < end]
            found[:0] = hours[-(count - len(found)) :]
            end = day.start
        return found


class Slots(Struct):
    """What one slot, hour or day says of many series, one entry a series.

    mean   in 1e-8 of the unit; 0 where there is none
    valid  valid minutes of the slot or hour; valid hours of the day
    gap    longest run of invalid ones
    count  readings in it
    """

    mean: Ints
    valid: Ints
    gap: Ints
    count: Ints


def means(sums: npt.NDArray[Any], counts: npt.NDArray[Any]) -> Ints:
    """Divide sums of centi-units by counts, to the nearest 1e-8; 0 where nothing was counted."""
    divisor = np.maximum(counts, 1).astype(np.int64)
    return _divide(sums.astype(np.int64) * np.where(counts > 0, MEAN_PER_CENTI, 0), divisor)


def _divide(dividend: Ints, divisor: Ints) -> Ints:
    """Divide to the nearest whole number, half up."""
    found: Ints = (2 * dividend + divisor) // (2 * divisor)
    return found


def hour_slots(
    sums: npt.NDArray[Any], counts: npt.NDArray[Any], reach: Ints, *, length: int = HOUR_MIN, least: int = VALID_MINUTES
) -> Slots:
    """Work out an hour (or a slot) from its minutes and those after it that may reach back into it.

    sums, counts  [length to length + 15 minutes, series]; count 0 and sum not 0 = the device spoke, but not of this
    reach         for how many minutes a series' reading stands
    length, least  minutes that it has, and how many of them must be valid
    """
    series = len(reach)
    total, valid, run, gap, value = (np.zeros(series, np.int64) for _ in range(5))
    behind = _minutes_behind(sums[:length], counts[:length])
    far = np.full(series, LONGEST_REACH_MIN + 1)  # minutes to the next one in which the device spoke
    measured = np.zeros(series, np.bool_)  # was there a value in that one?
    for row in range(len(sums) - 1, -1, -1):
        counted = counts[row] > 0
        spoke = counted | (sums[row] != 0)
        far = np.where(spoke, 0, far + 1)
        value = np.where(spoke, means(sums[row], counts[row]), value)
        measured = np.where(spoke, counted, measured)
        if row < length:
            closes = far + behind[row] - 1 <= reach  # the whole gap, as far as it lies in this period
            good = measured & (far <= np.where(closes, reach, np.maximum(reach - 1, 0)))
            total += value * good
            valid += good
            run = (run + 1) * ~good
            np.maximum(gap, run, out=gap)
    counted = counts[:length].sum(axis=0, dtype=np.int64)
    mean = _divide(total, np.maximum(valid, 1))
    valid = np.minimum(valid, counted * np.maximum(reach, 1))
    return Slots(np.where(valid >= least, mean, 0), valid, gap, counted)


def _minutes_behind(sums: npt.NDArray[Any], counts: npt.NDArray[Any]) -> list[Ints]:
    """Tell of each minute how many lie between it and the last one before it in which the device spoke, itself too."""
    found, behind = [], np.zeros(sums.shape[1], np.int64)
    for row in range(len(sums)):
        behind = np.where((counts[row] > 0) | (sums[row] != 0), 0, behind + 1)
        found.append(behind)
    return found


def day_slots(hours: npt.NDArray[Any], valid_minutes: npt.NDArray[Any], counts: npt.NDArray[Any]) -> Slots:
    """Work out a day from its hours, [hours, series]: the mean of those that are valid, the readings of all."""
    good = valid_minutes >= VALID_MINUTES
    valid = good.sum(axis=0, dtype=np.int64)
    total = (hours * good).sum(axis=0, dtype=np.int64)
    run, gap = np.zeros_like(valid), np.zeros_like(valid)
    for row in good:
        run = (run + 1) * ~row
        np.maximum(gap, run, out=gap)
    return Slots(_divide(total, np.maximum(valid, 1)), valid, gap, counts.sum(axis=0, dtype=np.int64))


def told(mean: Ints) -> npt.NDArray[np.float64]:
    """Turn means into numbers for people: to 1e-6, in the unit of the quantity."""
    found: npt.NDArray[np.float64] = _divide(mean, np.full_like(mean, MEAN_PER_TOLD)) / TOLD
    return found


def reach_min(interval_ms: int) -> int:
    """Tell for how many whole minutes a reading stands: its interval, to the nearest minute, at most 15."""
    return min((interval_ms + MINUTE_MS // 2) // MINUTE_MS, LONGEST_REACH_MIN)
