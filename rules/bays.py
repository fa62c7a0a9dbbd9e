"""Parking bays: free, occupied, or unknown. What the board shows; no alarm, and nothing of the feed.

A change counts when it has held for ten seconds without being contradicted; it is then dated from where it began. A bay
of which nothing was heard for three of its detector's intervals is unknown, whatever the reason: a board that shows it
as free would send drivers to it. The first report after that says what it is at once.

Every detector that reports `occupied` and is of the family `parking` is a bay; no rule has to be written for it.
"""

from typing import Literal

from msgspec import Struct

from rules.records import Text
from rules.ruleset import Rule, Scope
from rules.verdicts import NEVER_QUIET, NORMAL, Due, Kind, Live, Said

FREE, OCCUPIED, UNKNOWN = 0, 1, 2
STATES: tuple[Literal["free", "occupied", "unknown"], ...] = ("free", "occupied", "unknown")
DEBOUNCE_MS = 10_000
INTERVALS = 3

Memory = tuple[int, int, int, int]
"""State; log time since when; log time since when the opposite is reported, -1 = it is not; log time to look whether
the detector still speaks, -1 = it does not."""


class BaySettings(Struct, frozen=True, kw_only=True):
    """Nothing can be set."""

    quantity: str = "occupied"


def step(memory: Memory, given: Live | Due, settings: BaySettings, interval_ms: int) -> Said:
    """Follow what is reported, after a moment; forget what is not repeated."""
    del settings
    state, since, other, look = memory
    if isinstance(given, Live):
        reported = OCCUPIED if given.value else FREE
        if state == UNKNOWN:
            state, since, other, look = reported, given.at_ms, -1, given.at_ms + INTERVALS * interval_ms
        elif reported == state:
            other = -1
        elif other < 0:
            other = given.at_ms
    else:
        if other >= 0 and given.at_ms >= other + DEBOUNCE_MS:
            state, since, other = 1 - state, other, -1
        if look >= 0 and given.at_ms >= look:
            look = max(given.last_sign_ms + INTERVALS * interval_ms, look)
            if given.at_ms >= look:
                state, since, other, look = UNKNOWN, given.at_ms, -1, -1
    dues = [due for due in (other + DEBOUNCE_MS if other >= 0 else -1, look) if due >= 0]
    now = state if other < 0 else 1 - state
    quiet = NEVER_QUIET if state == UNKNOWN else (now, now)
    return Said((state, since, other, look), NORMAL, min(dues, default=None), quiet)


KIND = Kind(id="bay", settings=BaySettings, needs="live", start=(UNKNOWN, 0, -1, -1), step=step)

_NONE = Text("", "")
RULE = Rule(
    id="bay/state", kind=KIND.id, scope=Scope(family="parking"), settings=BaySettings(), priority=4, text=_NONE,
    cause=_NONE, consequence=_NONE, action=_NONE, respond_within_ms=0,
)  # fmt: skip
"""Not a rule that anybody writes: what bays are judged by, in the manner of all others."""
