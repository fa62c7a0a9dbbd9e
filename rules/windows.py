"""The minutes of every series that some rule or report wants, for 50 h; slots, hours and days are made of them.

The open minute lives in the `Series`, where the fold adds to it without a call. When a reading of another minute comes,
`roll` puts it among the `Minutes`. Cells only add up, so it does not matter when an open minute is put away, in what
order readings come, or how records are grouped.

Civil time throughout; the fold has the offset to log time. Nothing is due while nothing is heard of any series.
"""

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from devices.plausible import HUMID, PARTICLES
from rules.minutes import OPEN_MIN, SPOKE, Minutes
from rules.periods import CENTI, MINUTE_MS
from rules.periods_closing import FINAL_MIN, LATE, TICK_MIN, Arrays, Tallies, Touched
from rules.records import Period
from rules.reported import Reported
from rules.series import Series, Wanted
from rules.slots_closing import slot_of
from rules.tallies import Kept
from rules.windows_closed import Closed

NEVER_MS = 1 << 62
VERSION = 3

_SLEEP_MIN = FINAL_MIN + 26 * 60  # after the last reading: then the last day that has any is final
_SLOT_TICK_MIN = 5  # slots end 10 min before one of these
_FEW_MIN = 5  # a smaller step of civil time is a correction, not a jump
_FITS = 40  # so many readings of the largest quantity (500,000) in 0.01 fit into 32 bits


class _State(Struct):
    """What a snapshot keeps besides the arrays. pieces: bytes of each that lies behind them, by hour."""

    zone: str
    series: list[tuple[str, str]]
    head: int
    pieces: dict[int, list[int]]
    due_ms: int
    touched: Touched
    touched_slots: Touched
    closing: tuple[int, int, int, int]
    hours: list[int]
    days: list[int]
    slot_of: list[int]
    slot_closing: tuple[int, int]
    slots: list[int]
    left_out: Kept
    marked: Kept
    news: list[tuple[int, int]]
    reported: list[tuple[str, int, int, float]]


class Windows(Closed):
    """All series: what comes into them, and what closes.

    due_ms     civil time at which `close` must be called next; NEVER_MS while nothing was heard
    reported   what stations say of hours and days that have not closed yet
    news       (column of a series that rules on others look at, first minute of a quarter) with new readings
    """

    def __init__(self, zone: str, wanted: Sequence[Wanted]) -> None:
        super().__init__(zone, wanted)
        self.due_ms = NEVER_MS
        self._touched: Touched = {}
        self._touched_slots: Touched = {}
        self._tick_min = _SLOT_TICK_MIN if self._slot_series else TICK_MIN
        self.reported = Reported()
        self.news: set[tuple[int, int]] = set()

    # ------------------------------------------------------------------------------------------------ readings

    def roll(self, device_series: Sequence[Series], t_ms: int, now_ms: int = 0) -> None:
        """Open the minute of a live reading in all series of its device, and put away the one that was open.

        It is written down that the device spoke in the new minute: a series that gets no value in it has none there,
        and is not filled from later. now_ms: nothing is due before it, also where the reading is a little older.
        """
        minute = t_ms // MINUTE_MS
        minutes = self._minutes
        if minute > minutes.head:
            self._advance(minute, now_ms // MINUTE_MS)
        self._put_away(device_series)
        sums, counts = minutes.sum_at, minutes.count_at
        base = minute % OPEN_MIN * minutes.width
        usual = minute >= minutes.first_open
        for series in device_series:
            if usual:
                at = base + series.index
                if not counts[at]:
                    sums[at] = SPOKE
            elif minutes.has(minute):
                minutes.speak(minute, series.index)
            series.minute = minute

    def add_late(
        self,
        device_series: Sequence[Series],
        t_ms: int,
        values: Sequence[float | None],
        now_ms: int,
        cause: str = LATE,
    ) -> bool:
        """Put a reading that came late into its minute; False = too late, its hour is final.

        values  one for each series, None = the reading has none
        """
        minute = t_ms // MINUTE_MS
        minutes = self._minutes
        newest = max(minute, now_ms // MINUTE_MS)
        if newest > minutes.head:
            self._advance(newest)
        if not minutes.has(minute) or minute < self._closing.final:
            return False
        for series, value in zip(device_series, values, strict=True):
            if value is not None:
                minutes.add(minute, series.index, round(value * CENTI), 1)
            else:
                minutes.speak(minute, series.index)
        self._touch(device_series, minute, cause)
        return True

    def mark(self, device_series: Sequence[Series], t_ms: int, values: object) -> None:
        """Note that particles were counted in humid air."""
        for series in device_series:
            if series.quantity in PARTICLES and getattr(values, series.quantity) is not None:
                self.marked.add(t_ms // MINUTE_MS, series.index, HUMID)

    def takes(self, t_ms: int) -> bool:
        """Tell whether a reading of then can still enter a mean."""
        minute = t_ms // MINUTE_MS
        return self._minutes.has(minute) and minute >= self._closing.final

    def empty(self, device_series: Sequence[Series], from_ms: int, to_ms: int, cause: str = LATE) -> None:
        """Empty the cells of a span that late readings may still change: what they held will be said anew."""
        self._put_away(device_series)
        first, end = max(from_ms // MINUTE_MS, self._closing.final), min(to_ms // MINUTE_MS, self._minutes.head + 1)
        columns = [series.index for series in device_series]
        self._minutes.clear(first, end, columns)
        for tally in (self.left_out, self.marked):
            tally.clear(first, end, columns)
        for minute in range(first, end):
            self._touch(device_series, minute, cause)

    def _touch(self, device_series: Sequence[Series], minute: int, cause: str = LATE) -> None:
        """Note which closed hours and slots have to be worked out again, and why."""
        first, places = minute - device_series[0].reach, self._slot_closing.place
        for hour in self._closing.touches(first, minute):
            self._touched.setdefault(hour, {}).update({series.index: cause for series in device_series})
        here = [places[series.index] for series in device_series if series.index in places] if places else ()
        for slot in self._slot_closing.touches(first, minute) if here else ():
            self._touched_slots.setdefault(slot, {}).update(dict.fromkeys(here, cause))
        self.news.update((series.index, slot_of(minute)) for series in device_series if series.referred)

    def _advance(self, minute: int, now: int = 0) -> None:
        """Make empty minutes up to this one."""
        self._minutes.advance(minute)
        if self.due_ms == NEVER_MS and self.series:
            self._closing.wake(minute)
            self._slot_closing.wake(minute)
            self.due_ms = self._next_tick(max(minute, now))

    def _next_tick(self, minute: int) -> int:
        return (minute // self._tick_min + 1) * self._tick_min * MINUTE_MS

    def turn_back(self, now_ms: int) -> None:
        """Civil time was set back: what is written for later than now did not happen then.

        Hours that were closed too early close again, as revisions. A correction of a few minutes changes nothing, for
        devices' clocks run ahead as well.
        """
        now = now_ms // MINUTE_MS
        head = self._minutes.head
        if head < 0 or max(head, self._closing.closed) - now <= _FEW_MIN:
            return
        if head > now:
            self._minutes.turn_back(now)
        for series in self.series:
            if series.minute > now:
                series.minute, series.sum, series.count = -1, 0, 0
        self._put_away(self.series)
        for tally in (self.left_out, self.marked):
            tally.turn_back(now)
        self._closing.turn_back(now, self._hour_slots)
        self._slot_closing.turn_back(now, self._quarter_slots)
        self._recent.clear()
        self.due_ms = self._next_tick(now)

    # ----------------------------------------------------------------------------------------- hours and days

    def close(self, upto_ms: int) -> list[Period]:
        """Do all that is due until then, in order: slots, hours, revisions, days, and what becomes final."""
        periods: list[Period] = []
        tallies = Tallies(self.left_out, self.marked)
        while self.due_ms <= upto_ms:
            self._recent.clear()
            self._between.clear()
            self._put_away(self.series)
            now = self.due_ms // MINUTE_MS
            slots, self._touched_slots = self._touched_slots, {}
            if self._slot_series:
                periods += self._slot_closing.tick(now, slots, self._quarter_slots, self._slot_series, tallies)
            if now % TICK_MIN == 0:
                touched, self._touched = self._touched, {}
                periods += self._closing.tick(now, touched, self._hour_slots, self.series, tallies)
                for tally in tallies:
                    tally.forget(self._closing.day_final)
                self.reported.forget(self._closing.day_final)
            asleep = now >= self._minutes.head + _SLEEP_MIN
            self.due_ms = NEVER_MS if asleep else (now + self._tick_min) * MINUTE_MS
        return periods

    def _put_away(self, of: Sequence[Series]) -> None:
        """Put open minutes among the others; they stay open, and what still comes is added."""
        minutes = self._minutes
        sums, counts = minutes.sum_at, minutes.count_at
        closed = max(self._closing.closed, self._slot_closing.closed)
        for series in of:
            count = series.count
            if count:
                minute = series.minute
                if minutes.has(minute):
                    at = minute % OPEN_MIN * minutes.width + series.index
                    if minute < minutes.first_open or counts[at] or count > _FITS:
                        minutes.add(minute, series.index, series.sum, count)
                    else:
                        sums[at] = series.sum
                        counts[at] = count
                    if minute - series.reach < closed or series.referred:
                        self._touch((series,), minute)
                series.sum = series.count = 0

    # ------------------------------------------------------------------------------------------------ snapshot

    def sections(self) -> tuple[int, list[bytes]]:
        """Return version and content for the snapshot: a short head, arrays, pieces; these are not copied."""
        self._put_away(self.series)
        head = msgspec.msgpack.encode(self._state())
        arrays = (array.tobytes() for array in self._arrays().values())
        pieces = chain.from_iterable(self._minutes.pieces().values())
        return VERSION, [len(head).to_bytes(8, "little"), head, *arrays, *pieces]

    def restore(self, version: int, content: bytes) -> bool:
        """Take over a snapshot, series by series; one that was not there starts empty. False = of another version."""
        if version != VERSION:
            return False
        start = 8 + int.from_bytes(content[:8], "little")
        state = msgspec.msgpack.decode(content[8:start], type=_State)
        arrays: Arrays = {}
        for name, mine in self._arrays().items():
            shape = (*mine.shape[:-1], len(state.slot_of if name.startswith("slot.") else state.series))
            arrays[name] = np.frombuffer(content, mine.dtype, int(np.prod(shape)), start).reshape(shape)
            start += arrays[name].nbytes
        packed: dict[int, list[bytes]] = {}
        for hour, lengths in state.pieces.items():
            ends = list(accumulate(lengths, initial=start))
            packed[hour] = [content[begin:end] for begin, end in pairwise(ends)]
            start = ends[-1]
        minutes = Minutes(len(state.series))
        minutes.restore(state.head, packed)
        minutes.sums[:], minutes.counts[:] = arrays.pop("sums"), arrays.pop("counts")
        self._take_over(state, arrays, minutes)
        return True

    def inherit(self, old: "Windows") -> None:
        """Take over the series that remain when the configuration changes; new ones start empty. Ends the old ones."""
        old._put_away(old.series)  # noqa: SLF001 - of the same class
        state = old._state()  # noqa: SLF001
        self._take_over(state, old._arrays(), old._minutes)  # noqa: SLF001

    def _arrays(self) -> Arrays:
        opened: npt.NDArray[Any] = np.array([series.minute for series in self.series], np.int64)
        closing = self._closing
        minutes: Arrays = {"opened": opened, "sums": self._minutes.sums, "counts": self._minutes.counts}
        told = closing.hours.arrays() | closing.days.arrays() | self._slot_closing.told.arrays()
        return minutes | {"heard": closing.heard} | told

    def _state(self) -> _State:
        closing = self._closing
        return _State(
            zone=closing.calendar.zone,
            series=[(series.device, series.quantity) for series in self.series],
            head=self._minutes.head,
            pieces={hour: [len(piece) for piece in pieces] for hour, pieces in self._minutes.pieces().items()},
            due_ms=self.due_ms,
            touched=self._touched,
            touched_slots=self._touched_slots,
            closing=(closing.closed, closing.final, closing.day, closing.day_final),
            hours=closing.hours.start.tolist(),
            days=closing.days.start.tolist(),
            slot_of=self._slot_closing.of.tolist(),
            slot_closing=(self._slot_closing.closed, self._slot_closing.final),
            slots=self._slot_closing.told.start.tolist(),
            left_out=self.left_out.state(),
            marked=self.marked.state(),
            news=sorted(self.news),
            reported=self.reported.state(),
        )

    def _take_over(self, state: _State, arrays: Arrays, minutes: Minutes) -> None:
        """Copy the columns of the series that are in both."""
        self._recent.clear()
        columns = {key: column for column, key in enumerate(state.series)}
        here = [series for series in self.series if (series.device, series.quantity) in columns]
        into = [series.index for series in here]
        out_of = [columns[series.device, series.quantity] for series in here]
        closing = self._closing
        same_zone = state.zone == closing.calendar.zone
        same_series = into == out_of == list(range(minutes.width)) and len(into) == len(self.series)
        if same_series:
            self._minutes = minutes
        else:
            self._minutes.take_columns(minutes, into, out_of)
        new = {column: index for index, column in zip(into, out_of, strict=True)}
        places = self._slot_places(state, new)
        for name, mine in self._arrays().items():
            if name in ("sums", "counts"):
                continue
            if name.startswith("slot."):
                mine[..., list(places.values())] = arrays[name][..., list(places)]
            elif same_zone or "." not in name:  # hours and days of another zone are others
                if same_series:
                    mine[...] = arrays[name]
                else:
                    mine[..., into] = arrays[name][..., out_of]
        for series, column in zip(here, out_of, strict=True):
            series.minute = int(arrays["opened"][column])
        self.due_ms = state.due_ms if self.series else NEVER_MS
        self._touched = _renamed(state.touched, new)
        self._touched_slots = _renamed(state.touched_slots, places)
        self.news = {(new[column], quarter) for column, quarter in state.news if column in new}
        self.left_out.restore(state.left_out, new)
        self.marked.restore(state.marked, new)
        self.reported.restore(state.reported, new)
        self._take_over_times(state, same_zone=same_zone)

    def _slot_places(self, state: _State, new: dict[int, int]) -> dict[int, int]:
        """Return the place here of each place there among the series that have slots."""
        places = self._slot_closing.place
        found = {old: new.get(column, -1) for old, column in enumerate(state.slot_of)}
        return {old: places[column] for old, column in found.items() if column in places}

    def _take_over_times(self, state: _State, *, same_zone: bool) -> None:
        """Go on where the other was: what closes next, and what the rows are about."""
        closing, slots = self._closing, self._slot_closing
        closing.closed, closing.final, closing.day, closing.day_final = state.closing
        slots.closed, slots.final = state.slot_closing
        slots.told.start[:] = state.slots
        if same_zone:
            closing.hours.start[:] = state.hours
            closing.days.start[:] = state.days
        elif state.head >= 0:
            calendar = closing.calendar
            closing.closed, closing.final = calendar.hour(closing.closed), calendar.hour(closing.final)
            closing.day, closing.day_final = calendar.day(closing.day).start, calendar.day(closing.day_final).start


def _renamed(touched: Touched, new: dict[int, int]) -> Touched:
    """Give columns the numbers that they have here."""
    return {start: {new[old]: why for old, why in of.items() if old in new} for start, of in touched.items()}
