"""Kind `tilt`: a cover is not in the position in which it rests. Each cover lies a little askew in a way of its own.

The rest position is learned: the median of the first five readings that lie within 5° of each other; until then nothing
is said. From then on what counts is by how much the tilt differs from it: n of the last m readings over `above`, or one
over `once`; it ends at `clear` after a delay. The rest position is never adapted by itself: a cover that sinks slowly
is one that sinks. It is learned anew when the rule is changed.
"""

from functools import cache
from math import isinf
from statistics import median

from msgspec import Struct, structs

from rules.kinds import threshold
from rules.kinds.threshold import Threshold
from rules.verdicts import NEVER_QUIET, UNKNOWN, Band, Due, Kind, Live, Said

LEARNED_OF = 5
_WITHIN_DEG = 5.0
_EDGE_DEG = 1e-9  # what floating point may add and take

Memory = tuple[
    int, int, int, float | None, tuple[float, ...]
]  # as of a threshold; rest position; what it is learned of


class Tilt(Struct, frozen=True, kw_only=True):
    """As of a threshold that is exceeded upwards; degrees off the rest position."""

    quantity: str
    above: float
    clear: float | None = None
    at_least: int = 1
    of: int = 1
    once: float | None = None
    on_delay_ms: int = 0
    off_delay_ms: int = 0


def step(memory: Memory, given: Live | Due, settings: Tilt, interval_ms: int) -> Said:
    """Learn the rest position; then judge by how much a reading is off it."""
    verdict, since, bits, rest, seen = memory
    off = 0.0
    if isinstance(given, Live):
        if rest is None:
            return _learn(given, (*seen, float(given.value))[-LEARNED_OF:])
        off = off_rest(given.value, rest)
        given = Live(given.at_ms, off)
    if rest is None:
        return Said(memory, UNKNOWN)
    said = threshold.step((verdict, since, bits), given, _amounts(settings), interval_ms)
    why = {**said.why, "rest_deg": rest}
    if isinstance(given, Live):
        why["off_rest_deg"] = round(off, 2)
    return Said((*said.memory, rest, ()), said.verdict, said.due_ms, _around(rest, said.quiet), why)


@cache
def _amounts(settings: Tilt) -> Threshold:
    """Say the same of amounts, which have no sign."""
    return Threshold(**{**structs.asdict(settings), "quantity": ""})


def off_rest(tilt: float, rest: float) -> float:
    """Return the degrees between two positions, the shorter way round."""
    return abs((tilt - rest + 180) % 360 - 180)


def _learn(given: Live, seen: tuple[float, ...]) -> Said:
    rest = None
    if len(seen) == LEARNED_OF and all(off_rest(one, seen[0]) <= _WITHIN_DEG for one in seen):
        rest, seen = median(seen), ()
    del given
    return Said((UNKNOWN, -1, 0, rest, seen), UNKNOWN)


def _around(rest: float, quiet: Band) -> Band:
    """Turn the band of amounts into one of tilts; one that reaches upwards has two sides and is given up."""
    low, high = quiet
    if not (isinf(low) and low < 0 and 0 < high < 180):  # noqa: PLR2004 - half a turn
        return NEVER_QUIET
    return (rest - high + _EDGE_DEG, rest + high - _EDGE_DEG)


KIND = Kind(
    id="tilt", settings=Tilt, needs="live", start=(UNKNOWN, -1, 0, None, ()), step=step,
    limit=lambda settings: settings.above,
)  # fmt: skip
