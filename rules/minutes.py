"""The minutes of all series for 50 h: the newest as they lie in memory, older ones packed, all of them exact.

A cell is the sum and the count of the readings of one series in one minute; count 0 and sum `SPOKE` = the device spoke,
but not of this. Two to three hours are plain arrays, one row a minute, one column a series: all that is usual happens
there. What is older is packed in pieces of one hour and 64 series, for it is only ever read when a late reading or a
clock that was set back asks: 1.4 bytes a cell where numbers of one or two digits after the point tremble at random,
instead of 6; nothing where nothing was heard. A late reading opens the piece it falls into; it is packed again when the
next hour begins.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.periods import HOUR_MIN, Ints

KEPT_MIN = 50 * 60
OPEN_HOURS = 3
OPEN_MIN = OPEN_HOURS * HOUR_MIN
SPOKE = 1  # the sum of a cell that counts nothing

_TOGETHER = 64  # series in a piece
_MOST_OPENED = 64  # pieces: 1.5 MB
_LEVEL = 1
_LARGEST, _MOST = (1 << 31) - 1, (1 << 16) - 1  # of a sum, of a count

Cells = tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]]
"""Sums and counts, [minute, series]."""


class Minutes:
    """The cells of so many series. An hour here is one of Unix time, minute // 60, whatever the zone.

    head        the newest minute that there is; -1 = none yet
    first_open  the first minute of those that are plain arrays
    sum_at, count_at  the cells of these, flat: `minute % OPEN_MIN * width + column`
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.head = -1
        self.first_open = _first_open(-1)
        self.sums = np.zeros((OPEN_MIN, width), np.int32)
        self.counts = np.zeros((OPEN_MIN, width), np.uint16)
        self.sum_at = self.sums.reshape(-1).data
        self.count_at = self.counts.reshape(-1).data
        self.packed: dict[int, list[bytes]] = {}  # hour -> pieces, b"" where all is empty
        self._opened: dict[tuple[int, int], Cells] = {}  # hour, number of the piece

    # --------------------------------------------------------------------------------------------------- time goes on

    def advance(self, minute: int) -> None:
        """Make empty minutes up to this one, and forget those that are 50 h older."""
        first = _first_open(minute)
        if first > self.first_open:
            self._close()
            for hour in self._open_hours():
                if hour * HOUR_MIN < first:
                    self._put(hour, self._rows(hour))
                    self._clear_rows(hour)
            for hour in [hour for hour in self.packed if (hour + 1) * HOUR_MIN <= minute - KEPT_MIN + 1]:
                del self.packed[hour]
            self.first_open = first
        self.head = minute

    def turn_back(self, minute: int) -> None:
        """Forget everything after this minute, which is before the head."""
        self._close()
        for hour in self._open_hours():
            self._put(hour, self._rows(hour))
            self._clear_rows(hour)
        self.first_open = (self.head // HOUR_MIN + 1) * HOUR_MIN  # for the moment all is packed
        oldest = self.head - KEPT_MIN + 1
        for hour in list(self.packed):
            first = hour * HOUR_MIN
            if not oldest <= first <= first + HOUR_MIN - 1 <= minute:
                sums, counts = self.hour(hour)
                gone = [row for row in range(HOUR_MIN) if not oldest <= first + row <= minute]
                sums[gone], counts[gone] = 0, 0
                self._put(hour, (sums, counts))
        self.head, self.first_open = minute, _first_open(minute)
        self._take_out()

    def _open_hours(self) -> range:
        first = self.first_open // HOUR_MIN
        return range(first, first + OPEN_HOURS)

    def _rows(self, hour: int) -> Cells:
        row = hour * HOUR_MIN % OPEN_MIN
        return self.sums[row : row + HOUR_MIN], self.counts[row : row + HOUR_MIN]

    def _clear_rows(self, hour: int) -> None:
        for rows in self._rows(hour):
            rows[...] = 0

    # ------------------------------------------------------------------------------------------------------- cells

    def has(self, minute: int) -> bool:
        """Tell whether there is still such a minute."""
        return self.head - KEPT_MIN < minute <= self.head

    def add(self, minute: int, column: int, total: int, count: int) -> None:
        """Add to a cell. Where the sum would not fit into its 32 bits the cell keeps its mean as one reading."""
        sum_at, count_at, at = self._cell(minute, column)
        if count_at[at]:
            total += sum_at[at]
            count += count_at[at]
        if abs(total) > _LARGEST or count > _MOST:
            total, count = round(total / count), 1
        sum_at[at] = total
        count_at[at] = count

    def speak(self, minute: int, column: int) -> None:
        """Note that the device spoke, though not of this."""
        sum_at, count_at, at = self._cell(minute, column)
        if not count_at[at]:
            sum_at[at] = SPOKE

    def clear(self, first: int, end: int, columns: Sequence[int]) -> None:
        """Empty cells: as if nothing had been said from one minute until before another."""
        for minute in range(max(first, self.head - KEPT_MIN + 1), min(end, self.head + 1)):
            for column in columns:
                sum_at, count_at, at = self._cell(minute, column)
                sum_at[at] = count_at[at] = 0

    def _cell(self, minute: int, column: int) -> tuple[Any, Any, int]:
        if minute >= self.first_open:
            return self.sum_at, self.count_at, minute % OPEN_MIN * self.width + column
        hour, row = divmod(minute, HOUR_MIN)
        piece, column = divmod(column, _TOGETHER)
        sums, counts = self._open(hour, piece)
        return sums.reshape(-1).data, counts.reshape(-1).data, row * sums.shape[1] + column

    def read(self, first: int, end: int, index: Ints) -> Cells:
        """Return the cells from one minute until before another of some series; empty where there are none."""
        sums = np.zeros((end - first, len(index)), np.int32)
        counts = np.zeros((end - first, len(index)), np.uint16)
        oldest, newest = max(first, self.head - KEPT_MIN + 1), min(end, self.head + 1)
        for hour in range(oldest // HOUR_MIN, (newest - 1) // HOUR_MIN + 1) if oldest < newest else ():
            begins = hour * HOUR_MIN
            low, high = max(oldest, begins), min(newest, begins + HOUR_MIN)
            for where, (some_sums, some_counts), columns in self._parts(hour, index):
                from_ = slice(low - begins, high - begins)
                sums[low - first : high - first, where] = some_sums[from_, columns]
                counts[low - first : high - first, where] = some_counts[from_, columns]
        return sums, counts

    def lend(self, first: int, end: int, index: Ints) -> "Lent":
        """Return what `read` would, still packed: to be unpacked by whoever wants it, on a thread of his own."""
        hours = range(max(first, self.head - KEPT_MIN + 1) // HOUR_MIN, min(end - 1, self.head) // HOUR_MIN + 1)
        laid, packed = {}, {}
        for hour in hours:
            if hour * HOUR_MIN >= self.first_open:
                sums, counts = self._rows(hour)
                laid[hour] = sums[:, index], counts[:, index]  # copies
            elif hour in self.packed or self._opened:
                packed[hour] = {
                    piece: self._lent_piece(hour, piece) for piece in {int(at) // _TOGETHER for at in index}
                }
        return Lent(first, end, self.head, index, laid, packed)

    def _lent_piece(self, hour: int, piece: int) -> bytes:
        opened = self._opened.get((hour, piece))
        if opened is not None:
            return pack(*opened)
        return self.packed[hour][piece] if hour in self.packed else b""

    def _parts(self, hour: int, index: Ints) -> Iterator[tuple[Any, Cells, Ints]]:
        """Give the cells of an hour in as few parts as they lie: which of the index, cells, their columns."""
        if hour * HOUR_MIN >= self.first_open:
            yield slice(None), self._rows(hour), index
            return
        pieces = index // _TOGETHER
        for piece in np.unique(pieces).tolist():
            cells = self._peek(hour, piece)
            if cells is not None:
                where = pieces == piece
                yield where, cells, index[where] % _TOGETHER

    # ------------------------------------------------------------------------------------------------------- pieces

    def hour(self, hour: int) -> Cells:
        """Return a copy of all cells of an hour."""
        sums, counts = self.read(hour * HOUR_MIN, (hour + 1) * HOUR_MIN, np.arange(self.width))
        return sums, counts

    def _peek(self, hour: int, piece: int) -> Cells | None:
        """Return the cells of a piece, not to be changed; None = all empty."""
        opened = self._opened.get((hour, piece))
        if opened is None and hour in self.packed and self.packed[hour][piece]:
            return unpack(self.packed[hour][piece])
        return opened

    def _open(self, hour: int, piece: int) -> Cells:
        """Return the cells of a piece, to be changed."""
        cells = self._opened.get((hour, piece))
        if cells is None:
            if len(self._opened) >= _MOST_OPENED:
                self._pack_again(*next(iter(self._opened)))
            width = min(_TOGETHER, self.width - piece * _TOGETHER)
            cells = self._peek(hour, piece) or (
                np.zeros((HOUR_MIN, width), np.int32), np.zeros((HOUR_MIN, width), np.uint16),
            )  # fmt: skip
            self._opened[hour, piece] = cells
        return cells

    def _pack_again(self, hour: int, piece: int) -> None:
        pieces = self.packed.setdefault(hour, [b""] * -(-self.width // _TOGETHER))
        pieces[piece] = pack(*self._opened.pop((hour, piece)))
        if not any(pieces):
            del self.packed[hour]

    def _close(self) -> None:
        for hour, piece in list(self._opened):
            self._pack_again(hour, piece)

    def _put(self, hour: int, cells: Cells) -> None:
        """Pack an hour in place of what it was."""
        sums, counts = cells
        starts = range(0, self.width, _TOGETHER)
        pieces = [pack(sums[:, at : at + _TOGETHER], counts[:, at : at + _TOGETHER]) for at in starts]
        self.packed.pop(hour, None)
        if any(pieces):
            self.packed[hour] = pieces

    def _take_out(self) -> None:
        """Lay the newest hours open."""
        for hour in self._open_hours():
            if hour in self.packed:
                pieces = self.packed[hour]
                for piece, data in enumerate(pieces):
                    if data:
                        sums, counts = unpack(data)
                        at = piece * _TOGETHER
                        my_sums, my_counts = self._rows(hour)
                        my_sums[:, at : at + _TOGETHER], my_counts[:, at : at + _TOGETHER] = sums, counts
                del self.packed[hour]

    # ------------------------------------------------------------------------------------------------------- snapshot

    def pieces(self) -> dict[int, list[bytes]]:
        """Return what is packed, by hour: with `sums` and `counts` all that there is."""
        self._close()
        return dict(sorted(self.packed.items()))

    def restore(self, head: int, packed: dict[int, list[bytes]]) -> None:
        """Put a state back into one that is empty; `sums` and `counts` are copied by the caller."""
        self.head, self.first_open, self.packed = head, _first_open(head), packed

    def take_columns(self, old: "Minutes", into: Sequence[int], out_of: Sequence[int]) -> None:
        """Take over these columns of another, whose cells stay as they are; this one is empty."""
        self.head, self.first_open = old.head, old.first_open
        self.sums[:, into], self.counts[:, into] = old.sums[:, out_of], old.counts[:, out_of]
        columns = np.array(out_of, np.int64)
        for hour in old.pieces():
            sums = np.zeros((HOUR_MIN, self.width), np.int32)
            counts = np.zeros((HOUR_MIN, self.width), np.uint16)
            sums[:, into], counts[:, into] = old.read(hour * HOUR_MIN, (hour + 1) * HOUR_MIN, columns)
            self._put(hour, (sums, counts))


class Lent:
    """Cells of some series, as `Minutes.lend` gives them; nothing changes them any more."""

    def __init__(  # noqa: PLR0913, PLR0917 - of one caller
        self, first: int, end: int, head: int, index: Ints, laid: dict[int, Cells],
        packed: dict[int, dict[int, bytes]],
    ) -> None:  # fmt: skip
        self.first, self.end, self.head = first, end, head
        self._index, self._laid, self._packed = index, laid, packed
        self.open: list[tuple[int, int, int]] = []  # of each series: the open minute, sum and count of its readings

    def cells(self) -> Cells:
        """Return the cells, [minute, series]; empty where there are none."""
        width = len(self._index)
        sums = np.zeros((self.end - self.first, width), np.int32)
        counts = np.zeros((self.end - self.first, width), np.uint16)
        oldest, newest = max(self.first, self.head - KEPT_MIN + 1), min(self.end, self.head + 1)
        for hour in sorted({*self._laid, *self._packed}):
            begins = hour * HOUR_MIN
            low, high = max(oldest, begins), min(newest, begins + HOUR_MIN)
            if low < high:
                here = slice(low - begins, high - begins)
                some_sums, some_counts = self._laid.get(hour) or self._unpacked(hour)
                sums[low - self.first : high - self.first] = some_sums[here]
                counts[low - self.first : high - self.first] = some_counts[here]
        for column, (minute, total, count) in enumerate(self.open):
            if count and self.first <= minute < self.end:
                row = minute - self.first
                sums[row, column] = int(sums[row, column]) * (counts[row, column] > 0) + total
                counts[row, column] += count
        return sums, counts

    def _unpacked(self, hour: int) -> Cells:
        sums = np.zeros((HOUR_MIN, len(self._index)), np.int32)
        counts = np.zeros((HOUR_MIN, len(self._index)), np.uint16)
        pieces = self._index // _TOGETHER
        for piece, data in self._packed[hour].items():
            if data:
                where = pieces == piece
                some_sums, some_counts = unpack(data)
                sums[:, where] = some_sums[:, self._index[where] % _TOGETHER]
                counts[:, where] = some_counts[:, self._index[where] % _TOGETHER]
        return sums, counts


def _first_open(head: int) -> int:
    return (head // HOUR_MIN - OPEN_HOURS + 1) * HOUR_MIN


def pack(sums: npt.NDArray[Any], counts: npt.NDArray[Any]) -> bytes:
    """Pack cells, series by series: what is over the least sum, in the largest step that fits, byte by byte."""
    if not (sums.any() or counts.any()):
        return b""
    by_series = sums.T.astype(np.int64)
    least = by_series.min(axis=1)
    by_series -= least[:, None]
    step = np.maximum(np.gcd.reduce(by_series, axis=1), 1)
    by_series //= step[:, None]
    planes = by_series.astype("<u4").reshape(-1, 1).view(np.uint8).T
    of_counts = counts.T.astype("<u2").reshape(-1, 1).view(np.uint8).T
    parts = (least.astype("<i4"), step.astype("<u4"), planes, of_counts)
    return zlib.compress(b"".join(part.tobytes() for part in parts), _LEVEL)


def unpack(packed: bytes) -> Cells:
    """Give the cells back."""
    raw = np.frombuffer(zlib.decompress(packed), np.uint8)
    width = len(raw) // (8 + 6 * HOUR_MIN)
    cells = width * HOUR_MIN
    least = raw[: 4 * width].view("<i4").astype(np.int64)
    step = raw[4 * width : 8 * width].view("<u4").astype(np.int64)
    planes = np.ascontiguousarray(raw[8 * width : 8 * width + 4 * cells].reshape(4, cells).T)
    by_series = planes.view("<u4").reshape(width, HOUR_MIN) * step[:, None] + least[:, None]
    of_counts = np.ascontiguousarray(raw[8 * width + 4 * cells :].reshape(2, cells).T)
    counts = of_counts.view("<u2").reshape(width, HOUR_MIN)
    return np.ascontiguousarray(by_series.T, np.int32), np.ascontiguousarray(counts.T, np.uint16)
