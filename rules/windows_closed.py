"""What the windows say to those who ask: periods as they were told last, and means over hours that have closed."""

from collections.abc import Sequence

import numpy as np

from rules.minutes import Lent, Minutes
from rules.periods import (
    CENTI,
    HOUR_MIN,
    LONGEST_REACH_MIN,
    MINUTE_MS,
    SLOT_MIN,
    Day,
    Ints,
    Slots,
    hour_slots,
)
from rules.periods_closing import LATE, Closing, Tallies
from rules.records import Period
from rules.series import Series, Span, Wanted
from rules.slots_closing import VALID, SlotClosing
from rules.tallies import Tally

_ROWS = HOUR_MIN + LONGEST_REACH_MIN


class Closed:
    """All series, their minutes, and what has been told of them.

    series     in the order in which they were wanted
    by_device  those of each device, in that order
    left_out   readings that enter no mean; marked: that do, and are in doubt
    calendar   days and hours of the zone
    """

    def __init__(self, zone: str, wanted: Sequence[Wanted]) -> None:
        self.series = [Series(index, one) for index, one in enumerate(wanted)]
        self.by_device: dict[str, list[Series]] = {}
        for one in self.series:
            self.by_device.setdefault(one.device, []).append(one)
        self.left_out, self.marked = Tally(len(wanted)), Tally(len(wanted))
        self._minutes = Minutes(len(wanted))
        self._reach: Ints = np.array([one.reach for one in self.series], np.int64)
        self._closing = Closing(zone, len(wanted))
        self._slot_closing = SlotClosing([index for index, one in enumerate(wanted) if one.slots])
        self._slot_series = [self.series[column] for column in self._slot_closing.of.tolist()]
        self._between: dict[tuple[int, int, int], float | None] = {}  # until the next closing
        self._recent: dict[int, tuple[list[float], list[int]]] = {}  # by number of hours, until the next closing
        self.calendar = self._closing.calendar

    def last_hours(self, series: Series, count: int) -> tuple[float | None, int]:
        """Return the mean of those that are valid among the hours that closed last, and how many they are."""
        if count not in self._recent:
            self._recent[count] = self._closing.recent(count)
        means, valid = self._recent[count]
        return (means[series.index] if valid[series.index] else None), valid[series.index]

    def find(self, device: str, quantity: str) -> Series | None:
        """Return a series; None = nobody wants it."""
        return next((series for series in self.by_device.get(device, ()) if series.quantity == quantity), None)

    def hours_of_day(self, series: Series, day: Day) -> list[float]:
        """Return the means of the valid hours of a day, as they stand."""
        return self._closing.hours_of_day(day, series.index)

    def told(self, series: Series, span: Span, start: int) -> Period | None:
        """Return a slot, an hour or a day as it was told last; None where it was not, or is forgotten."""
        closing, slots = self._closing, self._slot_closing
        place: int | None = series.index
        if span == "slot":
            told, of, place = slots.told, self._slot_series, slots.place.get(series.index)
            number, end, final = start // SLOT_MIN, start + SLOT_MIN, start < slots.final
        elif span == "hour":
            told, of = closing.hours, self.series
            number, end, final = start // HOUR_MIN, start + HOUR_MIN, start < closing.final
        else:
            told, of, day = closing.days, self.series, self.calendar.day(start)
            number, end, final = day.number, day.end, start < closing.day_final
        if place is None or not told.has(number, start) or not told.revision[number % len(told.start), place]:
            return None
        tallies = Tallies(self.left_out, self.marked)
        index = np.array([place], np.int64)
        (period,) = told.periods(told.row(number, start), index, of, end, tallies, final=final, causes={place: LATE})
        return period

    def between(self, series: Series, first: int, end: int) -> float | None:
        """Return the mean of all readings from one minute until before another; None = there is none.

        For series of which each reading is the mean of an hour already: nothing is weighed.
        """
        key = (series.index, first, end)
        if key not in self._between:
            sums, counts = self._minutes.read(first, end, np.array([series.index]))
            count = int(counts.sum())
            self._between[key] = float(sums[counts > 0].sum()) / CENTI / count if count else None
        return self._between[key]

    def lend(self, series: Sequence[Series], first: int, end: int) -> Lent:
        """Return the minutes of some series, the open one among them, for another thread to read."""
        lent = self._minutes.lend(first, end, np.array([one.index for one in series], np.int64))
        lent.open = [(one.minute, one.sum, one.count) for one in series]
        return lent

    def closed_ms(self) -> int:
        """Return the end of the hour that was closed last."""
        return self._closing.closed * MINUTE_MS

    def _hour_slots(self, hour: int, index: Ints) -> Slots:
        sums, counts = self._minutes.read(hour, hour + _ROWS, index)
        return hour_slots(sums, counts, self._reach[index])

    def _quarter_slots(self, slot: int, index: Ints) -> Slots:
        sums, counts = self._minutes.read(slot, slot + SLOT_MIN + LONGEST_REACH_MIN, index)
        return hour_slots(sums, counts, self._reach[index], length=SLOT_MIN, least=VALID)
