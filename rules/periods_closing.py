"""When hours and days are told: provisional 10 min (a day 30 min) after their end, final 48 h after it.

In between, whatever comes late makes a revision, at the next full 10 minutes, which says its cause. What was told stays
in memory as long as it can change; a period that is told twice the same is no revision. A series that has been dumb for
a day tells no more empty hours, and no more empty days after one; with its next reading it goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rules.periods import (
    HOUR_MIN,
    MINUTE_MS,
    SLOT_VALID_MINUTES,
    VALID_MINUTES,
    Bits,
    Calendar,
    Day,
    Ints,
    Slots,
    day_slots,
    told,
)
from rules.records import Period
from rules.tallies import Tally

TICK_MIN = 10
HOUR_TOLD_MIN = 10  # after its end
DAY_TOLD_MIN = 30
FINAL_MIN = 48 * 60
_DUMB_MIN = 24 * 60
_LONG_AGO = -(1 << 40)

CLOSED, LATE, CLOCK, FINAL = "closed", "late", "clock", "final"
LEAST = {"slot": SLOT_VALID_MINUTES, "hour": VALID_MINUTES, "day": 1}
"""Valid parts without which a period has no mean."""

Arrays = dict[str, npt.NDArray[Any]]


class Named(Protocol):
    """What a period says of its series besides numbers."""

    index: int
    device: str
    family: str
    quantity: str


Touched = dict[int, dict[int, str]]
"""First minute of a period -> the series of which something came after its closing, with the cause."""


class Tallies(NamedTuple):
    """What of the readings is told with a period besides their mean; by series, not by column."""

    left_out: Tally
    marked: Tally


class Told:
    """What was last told of the slots (hours, days) that can still change: [row, series]."""

    def __init__(self, span: Literal["slot", "hour", "day"], rows: int, series: int) -> None:
        self.span = span
        self.start = np.full(rows, -1, np.int64)  # first minute of the period that a row is about
        self.mean = np.zeros((rows, series), np.int64)
        self.valid = np.zeros((rows, series), np.uint8)
        self.gap = np.zeros((rows, series), np.uint8)
        self.count = np.zeros((rows, series), np.uint32 if span == "day" else np.uint16)
        self.revision = np.zeros((rows, series), np.uint16)  # 0 = never told

    def row(self, number: int, start: int) -> int:
        """Return the row of a period; empty it first if it was about another."""
        row = number % len(self.start)
        if self.start[row] != start:
            self.start[row] = start
            for array in (self.mean, self.valid, self.gap, self.count, self.revision):
                array[row] = 0
        return row

    def has(self, number: int, start: int) -> bool:
        """Tell whether something is known of a period."""
        return bool(self.start[number % len(self.start)] == start)

    def put(self, row: int, index: Ints, slots: Slots, worth: Bits) -> Ints:
        """Remember what the series in `index` say now; return those of which it must be told.

        worth  where a first telling is worth it
        """
        at = (row, index)
        same = (self.mean[at] == slots.mean) & (self.valid[at] == slots.valid) & (self.gap[at] == slots.gap)
        tell = index[np.where(self.revision[at] > 0, ~same, worth)]
        self.mean[at], self.valid[at], self.gap[at] = slots.mean, slots.valid, slots.gap
        self.count[at] = np.minimum(slots.count, np.iinfo(self.count.dtype).max)
        self.revision[row, tell] += 1
        return tell

    def periods(  # noqa: PLR0913 - all that is said of a period
        self, row: int, index: Ints, series: Sequence[Named], end: int, tallies: Tallies, *, final: bool,
        causes: dict[int, str],
    ) -> Iterator[Period]:  # fmt: skip
        """Say what a row holds of some series.

        end     the minute after the period
        causes  of those that have changed; the others are told because they are final
        """
        start = int(self.start[row])
        at = (row, index)
        numbers = (told(self.mean[at]), self.valid[at], self.gap[at], self.revision[at], self.count[at])
        numbers_of = (array.tolist() for array in numbers)
        columns = np.array([named.index for named in series], np.int64)[index]
        left_out, marked = (tally.between(start, end, columns) for tally in tallies)
        for column, mean, valid, gap, revision, count, left, doubts in zip(
            index.tolist(), *numbers_of, left_out, marked, strict=True
        ):
            named = series[column]
            yield Period(
                device=named.device,
                family=named.family,
                quantity=named.quantity,
                span=self.span,
                start_ms=start * MINUTE_MS,
                mean=mean if valid >= LEAST[self.span] else None,
                valid=valid,
                gap_min=gap,
                revision=revision,
                final=final,
                count=count,
                left_out=left,
                marked=doubts,
                cause=causes.get(column, FINAL),
            )

    def arrays(self) -> Arrays:
        """Return what a snapshot keeps for each series."""
        names = ("mean", "valid", "gap", "count", "revision")
        return {f"{self.span}.{name}": getattr(self, name) for name in names}


def causes_of(periods: Told, number: int, index: Ints, touched: dict[int, str]) -> dict[int, str]:
    """Say why each of those that have changed has."""
    revisions = periods.revision[number % len(periods.start), index].tolist()
    return {
        column: touched.get(column) or (CLOSED if revision == 1 else CLOCK)
        for column, revision in zip(index.tolist(), revisions, strict=True)
    }


class Closing:
    """The hours and days of all series, and the next moment at which something of them is due.

    closed     first minute of the hour that closes next; all before are closed
    final      first minute of the first hour that late readings may still change
    day        the natural day that closes next
    day_final  the first day that late readings may still change
    heard      [series] first minute of the last hour in which anything was valid
    """

    def __init__(self, zone: str, series: int) -> None:
        self.calendar = Calendar(zone)
        self.closed = self.final = self.day = self.day_final = 0
        self.heard = np.full(series, _LONG_AGO, np.int64)
        self.hours = Told("hour", 80, series)  # a day of 25 h is final 48 h after its end: 73 h
        self.days = Told("day", 5, series)
        self._all: Ints = np.arange(series)

    def wake(self, minute: int) -> None:
        """Begin to close hours with the one in which this minute lies; what is closed already stays closed."""
        calendar = self.calendar
        self.closed = max(self.closed, calendar.hour(minute))
        self.final = max(self.final, calendar.hour(minute - FINAL_MIN))
        self.day = max(self.day, calendar.day(minute).start)
        self.day_final = max(self.day_final, calendar.day(minute - FINAL_MIN).start)

    def turn_back(self, now: int, slots_of: Callable[[int, Ints], Slots]) -> None:
        """Begin again at an earlier minute. What was told of the time before it is worked out from the minutes again.

        After a jump of days the first hours of a day that is not final may be gone: then that day is not revised.
        """
        calendar = self.calendar
        self.closed, self.final = (
            min(self.closed, calendar.hour(now - HOUR_TOLD_MIN)),
            min(self.final, calendar.hour(now - FINAL_MIN)),
        )
        self.day = min(self.day, calendar.day(now - DAY_TOLD_MIN).start)
        self.day_final = min(self.day_final, calendar.day(now - FINAL_MIN).start)
        self.heard = np.minimum(self.heard, self.closed)
        hour, forgotten = self.final, False
        while hour < self.closed:
            if self.hours.start[hour // HOUR_MIN % len(self.hours.start)] != hour:
                self._hour(hour, self._all, slots_of, closes=False)
                forgotten = True
            hour = calendar.next_hour(hour)
        if forgotten:
            self.day_final = min(self.day, calendar.day(self.final).end)

    def touches(self, first: int, last: int) -> list[int]:
        """Return the hours that are closed but not final among those from one minute to another."""
        hours = {self.calendar.hour(first), self.calendar.hour(last)}
        return [hour for hour in hours if self.final <= hour < self.closed]

    def tick(
        self,
        now: int,
        touched: Touched,
        slots_of: Callable[[int, Ints], Slots],
        series: Sequence[Named],
        tallies: Tallies,
    ) -> list[Period]:
        """Close and revise what is due at minute `now`.

        touched   hours that late readings have changed
        slots_of  (hour, series) -> what their minutes make
        """
        changed: dict[int, Ints] = {}
        for hour in sorted(touched):
            changed[hour] = self._hour(hour, np.array(sorted(touched[hour]), np.int64), slots_of, closes=False)
        while self.closed + HOUR_MIN + HOUR_TOLD_MIN <= now:
            changed[self.closed] = self._hour(self.closed, self._all, slots_of, closes=True)
            self.closed = self.calendar.next_hour(self.closed)
        days = self._changed_days(changed, now)
        why = {hour: causes_of(self.hours, hour // HOUR_MIN, changed[hour], touched.get(hour, {})) for hour in changed}
        of_days: dict[Day, dict[int, str]] = {}
        for hour in sorted(touched):
            of_days.setdefault(self.calendar.day(hour), {}).update(touched[hour])
        why_days = {day: causes_of(self.days, day.number, index, of_days.get(day, {})) for day, index in days.items()}
        for hour in self._past_hours(now):
            changed[hour] = self._told(self.hours, hour // HOUR_MIN, hour)
        for day in self._past_days(now):
            days[day] = self._told(self.days, day.number, day.start)
        periods: list[Period] = []
        for hour in sorted(changed):
            row, final = self.hours.row(hour // HOUR_MIN, hour), hour < self.final
            causes = why.get(hour, {})
            periods += self.hours.periods(
                row, changed[hour], series, hour + HOUR_MIN, tallies, final=final, causes=causes
            )
        for day in sorted(days, key=lambda day: day.start):
            row, final = self.days.row(day.number, day.start), day.start < self.day_final
            causes = why_days.get(day, {})
            periods += self.days.periods(row, days[day], series, day.end, tallies, final=final, causes=causes)
        return periods

    def _hour(self, hour: int, index: Ints, slots_of: Callable[[int, Ints], Slots], *, closes: bool) -> Ints:
        slots = slots_of(hour, index)
        worth: Bits = slots.valid > 0
        heard = np.where(worth, hour, _LONG_AGO)
        if closes:
            worth |= self._heard_between(hour - _DUMB_MIN, hour, index)
        self.heard[index] = np.maximum(self.heard[index], heard)
        return self.hours.put(self.hours.row(hour // HOUR_MIN, hour), index, slots, worth)

    def _changed_days(self, changed: dict[int, Ints], now: int) -> dict[Day, Ints]:
        """Work the closed days out again whose hours have changed, and those that close now."""
        affected: dict[Day, list[Ints]] = {}
        for hour, index in changed.items():
            day = self.calendar.day(hour)
            if self.day_final <= day.start < self.day:
                affected.setdefault(day, []).append(index)
        found = {day: self._day(day, np.unique(np.concatenate(index)), closes=False) for day, index in affected.items()}
        while (day := self.calendar.day(self.day)).end + DAY_TOLD_MIN <= now:
            found[day] = self._day(day, self._all, closes=True)
            self.day = day.end
        return found

    def _day(self, day: Day, index: Ints, *, closes: bool) -> Ints:
        slots = self._mean_of_hours(self.calendar.hours(day), index)
        worth: Bits = slots.valid > 0
        if closes:
            worth |= self._heard_between(day.start - _DUMB_MIN, day.end, index)
        return self.days.put(self.days.row(day.number, day.start), index, slots, worth)

    def _mean_of_hours(self, hours: Sequence[int], index: Ints) -> Slots:
        starts = np.array(hours)
        rows = starts // HOUR_MIN % len(self.hours.start)
        known = (self.hours.start[rows] == starts)[:, None]
        of = self.hours
        counts = of.count[rows][:, index].astype(np.int64) * known
        return day_slots(of.mean[rows][:, index] * known, of.valid[rows][:, index] * known, counts)

    def hours_of_day(self, day: Day, column: int) -> list[float]:
        """Return the means of the valid hours of a day, as they stand, of one series."""
        hours = self.hours
        rows = [
            hour // HOUR_MIN % len(hours.start)
            for hour in self.calendar.hours(day)
            if hours.has(hour // HOUR_MIN, hour)
        ]
        good = [row for row in rows if hours.valid[row, column] >= VALID_MINUTES]
        means: list[float] = told(hours.mean[good, column]).tolist()
        return means

    def _heard_between(self, first: int, end: int, index: Ints) -> Bits:
        found: Bits = (first <= self.heard[index]) & (self.heard[index] < end)
        return found

    def _past_hours(self, now: int) -> Iterator[int]:
        while self.final + HOUR_MIN + FINAL_MIN <= now:
            yield self.final
            self.final = self.calendar.next_hour(self.final)

    def _past_days(self, now: int) -> Iterator[Day]:
        while (day := self.calendar.day(self.day_final)).end + FINAL_MIN <= now:
            yield day
            self.day_final = day.end

    @staticmethod
    def _told(periods: Told, number: int, start: int) -> Ints:
        row = periods.row(number, start)
        found: Ints = np.flatnonzero(periods.revision[row])
        return found

    def recent(self, count: int) -> tuple[list[float], list[int]]:
        """Return mean and number of the valid ones among the hours that closed last, for every series."""
        slots = self._mean_of_hours(self.calendar.last_hours(self.closed, count), self._all)
        return told(slots.mean).tolist(), slots.valid.tolist()
