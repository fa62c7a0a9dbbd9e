"""When slots of 15 minutes are told: as hours are, but for those series alone of which a rule judges slots.

A slot is told 10 min after its end, revised by what comes late, and final 48 h after its end. Slots begin at the full
hour wherever clocks differ from UTC by whole quarters, which is everywhere.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rules.periods import SLOT_MIN, SLOT_VALID_MINUTES, Bits, Ints, Slots
from rules.periods_closing import FINAL_MIN, HOUR_TOLD_MIN, Named, Tallies, Told, Touched, causes_of
from rules.records import Period

_ROWS = (FINAL_MIN + 2 * 60) // SLOT_MIN
VALID = SLOT_VALID_MINUTES


class SlotClosing:
    """The slots of some series.

    of      columns of these series among all; a column here is a place in it
    closed  first minute of the slot that closes next; all before are closed
    final   first minute of the first slot that late readings may still change
    """

    def __init__(self, of: Sequence[int]) -> None:
        self.of: Ints = np.array(of, np.int64)
        self.place = {column: place for place, column in enumerate(of)}
        self.closed = self.final = 0
        self.told = Told("slot", _ROWS, len(of))
        self._all: Ints = np.arange(len(of))

    def wake(self, minute: int) -> None:
        """Begin to close slots with the one in which this minute lies; what is closed already stays closed."""
        self.closed = max(self.closed, slot_of(minute))
        self.final = max(self.final, slot_of(minute - FINAL_MIN))

    def turn_back(self, now: int, slots_of: Callable[[int, Ints], Slots]) -> None:
        """Begin again at an earlier minute; what was told of the time after it is told anew, as a revision."""
        self.closed = min(self.closed, slot_of(now - HOUR_TOLD_MIN))
        self.final = min(self.final, slot_of(now - FINAL_MIN))
        for slot in range(self.final, self.closed, SLOT_MIN):
            if not self.told.has(slot // SLOT_MIN, slot):
                self._slot(slot, self._all, slots_of)

    def touches(self, first: int, last: int) -> list[int]:
        """Return the slots that are closed but not final from one minute to another."""
        return [slot for slot in range(slot_of(first), last + 1, SLOT_MIN) if self.final <= slot < self.closed]

    def tick(
        self,
        now: int,
        touched: Touched,
        slots_of: Callable[[int, Ints], Slots],
        series: Sequence[Named],
        tallies: Tallies,
    ) -> list[Period]:
        """Close and revise what is due at minute `now`; arguments as in `Closing.tick`, touched by place here."""
        changed: dict[int, Ints] = {}
        for slot in sorted(touched):
            changed[slot] = self._slot(slot, np.array(sorted(touched[slot]), np.int64), slots_of)
        while self.closed + SLOT_MIN + HOUR_TOLD_MIN <= now:
            changed[self.closed] = self._slot(self.closed, self._all, slots_of)
            self.closed += SLOT_MIN
        why = {slot: causes_of(self.told, slot // SLOT_MIN, changed[slot], touched.get(slot, {})) for slot in changed}
        while self.final + SLOT_MIN + FINAL_MIN <= now:
            row = self.told.row(self.final // SLOT_MIN, self.final)
            changed[self.final] = np.flatnonzero(self.told.revision[row])
            self.final += SLOT_MIN
        periods: list[Period] = []
        for slot in sorted(changed):
            row, final, causes = self.told.row(slot // SLOT_MIN, slot), slot < self.final, why.get(slot, {})
            periods += self.told.periods(
                row, changed[slot], series, slot + SLOT_MIN, tallies, final=final, causes=causes
            )
        return periods

    def _slot(self, slot: int, places: Ints, slots_of: Callable[[int, Ints], Slots]) -> Ints:
        slots = slots_of(slot, self.of[places])
        worth: Bits = slots.valid > 0  # that a slot was empty says its hour
        return self.told.put(self.told.row(slot // SLOT_MIN, slot), places, slots, worth)


def slot_of(minute: int) -> int:
    """Return the first minute of the slot in which a minute lies."""
    return minute // SLOT_MIN * SLOT_MIN
