"""How many readings of each series were left out of its means, or were in doubt, by reason: quarter by quarter.

What is left out for a reason is named with the period that lacks it (GB 3095-2026 §6.4: deletions need a reason). Kept
as long as a day can change; nothing where nothing was left out.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from rules.periods import SLOT_MIN, Ints

_MOST_REASONS = 16  # in a quarter of an hour: a flag is a word of the device, which may print what it likes
_OTHER = "other"
_MOST = (1 << 16) - 1

Kept = list[tuple[int, str, list[int], list[int]]]
"""First minute of a quarter, reason, columns, counts."""


class Tally:
    """Counts for so many series."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._of: dict[int, dict[str, npt.NDArray[np.uint16]]] = {}

    def add(self, minute: int, column: int, reason: str, count: int = 1) -> None:
        """Count readings of a minute."""
        of = self._of.setdefault(minute // SLOT_MIN * SLOT_MIN, {})
        if reason not in of:
            reason = reason if len(of) < _MOST_REASONS else _OTHER
            of.setdefault(reason, np.zeros(self.width, np.uint16))
        counts = of[reason]
        counts[column] = min(int(counts[column]) + count, _MOST)

    def between(self, first: int, end: int, index: Ints) -> list[dict[str, int]]:
        """Return the counts of some series from one full quarter until before another."""
        found: list[dict[str, int]] = [{} for _ in range(len(index))]
        for reasons in self._quarters(first, end):
            for reason, counts in reasons.items():
                some = counts[index]
                for at in np.flatnonzero(some).tolist():
                    found[at][reason] = found[at].get(reason, 0) + int(some[at])
        return found

    def _quarters(self, first: int, end: int) -> Iterator[dict[str, npt.NDArray[np.uint16]]]:
        if self._of:
            for quarter in range(first, end, SLOT_MIN):
                if quarter in self._of:
                    yield self._of[quarter]

    def clear(self, first: int, end: int, columns: Sequence[int]) -> None:
        """Forget some series of a span: what it held will be said anew. Quarters that are cut stay."""
        for reasons in self._quarters(-(-first // SLOT_MIN) * SLOT_MIN, end // SLOT_MIN * SLOT_MIN):
            for counts in reasons.values():
                counts[list(columns)] = 0

    def forget(self, before: int) -> None:
        """Forget all that is before a minute."""
        for quarter in [quarter for quarter in self._of if quarter < before]:
            del self._of[quarter]

    def turn_back(self, minute: int) -> None:
        """Forget what is after a minute."""
        for quarter in [quarter for quarter in self._of if quarter > minute]:
            del self._of[quarter]

    def state(self) -> Kept:
        """Return what a snapshot keeps."""
        return [
            (quarter, reason, np.flatnonzero(counts).tolist(), counts[counts > 0].tolist())
            for quarter, reasons in sorted(self._of.items())
            for reason, counts in sorted(reasons.items())
        ]

    def restore(self, kept: Iterable[tuple[int, str, list[int], list[int]]], new: dict[int, int]) -> None:
        """Put a state back; new: the column here of each column there."""
        for quarter, reason, columns, counts in kept:
            here = [(new[column], count) for column, count in zip(columns, counts, strict=True) if column in new]
            if here:
                into, numbers = zip(*here, strict=True)
                of = self._of.setdefault(quarter, {})
                of.setdefault(reason, np.zeros(self.width, np.uint16))[list(into)] = numbers
