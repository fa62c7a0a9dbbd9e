"""Kind `tamper`: patterns that dust monitors show when somebody helps them. It accuses nobody: it says go and look.

Water at the inlet: dust falls to half of what it was, while the humidity jumps by more than 15 points, both within ten
minutes (what fog cannons do). Plateau: of the highest values of the last 48 quarters of an hour at least eight stand
just under the limit (within 4 % of it), and not one of them over it. Gaps: the device falls silent for half an hour to
twelve hours at the same time of day on three of the last four days, and comes back by itself; time in which the gateway
did not listen is no such gap. Water stays noted for an hour, gaps for a day and a half, a plateau while it is there
(patterns: §5.3 of the project's standards survey).
"""

from statistics import median
from typing import Any

from msgspec import Struct

from rules.verdicts import NORMAL, UNKNOWN, VIOLATED, Due, Kind, Said, Together

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WATER, PLATEAU, GAPS = 1, 2, 4
REASONS = {WATER: "water", PLATEAU: "plateau", GAPS: "gaps"}
_RESTS_ON_S = {WATER: 600, PLATEAU: 43_200, GAPS: 345_600}
_LOOK_BACK_MS = 10 * MINUTE_MS
_DROP, _JUMP_POINTS, _LEAST = 0.5, 15.0, 50.0  # of the median before; humidity; µg/m³ before
_QUARTER_MS, _QUARTERS, _NEAR, _WALL = 15 * MINUTE_MS, 48, 0.96, 8
_ALL_QUARTERS = (1 << _QUARTERS) - 1
_SHORTEST_MS, _LONGEST_MS, _SAME_TIME_MS, _DAYS, _REMEMBERED_MS = (
    30 * MINUTE_MS,
    12 * HOUR_MS,
    90 * MINUTE_MS,
    3,
    4 * DAY_MS,
)

Recent = tuple[tuple[int, float, float | None], ...]  # the last ten minutes (time, dust, humidity), one a minute
Quarters = tuple[
    int, float, int, int
]  # the open one and its highest value; bits of the last: just under, over the limit
Heard = tuple[int, ...]  # log times at which the last gaps began; at the end that of the last reading
Memory = tuple[int, int, int, Recent, Quarters, Heard]
"""What is wrong (bits, -1 = nothing is known); log times to which water, and gaps, stay noted (-1 = not); and so on."""


class Tamper(Struct, frozen=True, kw_only=True):
    """Which patterns are looked for. limit: that a plateau stands under, in the unit of the quantity; None = none."""

    quantity: str
    limit: float | None = None
    water: bool = True
    gaps: bool = True


def step(memory: Memory, given: Together | Due, settings: Tamper, interval_ms: int) -> Said:
    """Look for each pattern."""
    wrong, water_ms, gaps_ms, recent, quarters, heard = memory
    before, at_ms = max(wrong, 0), given.at_ms
    if water_ms >= 0 and at_ms >= water_ms:
        wrong, water_ms = wrong & ~WATER, -1
    if gaps_ms >= 0 and at_ms >= gaps_ms:
        wrong, gaps_ms = wrong & ~GAPS, -1
    why: dict[str, Any] = {}
    if isinstance(given, Together):
        wrong, value, humidity = max(wrong, 0), given.values[0] or 0.0, given.values[1]
        if settings.water:
            recent, found = _water(recent, at_ms, value, humidity)
            wrong, water_ms = (wrong | WATER, at_ms + HOUR_MS) if found else (wrong, water_ms)
        if settings.limit is not None:
            quarters, found = _plateau(quarters, at_ms, value, settings.limit)
            wrong = wrong | PLATEAU if found else wrong & ~PLATEAU
        if settings.gaps:
            heard, found = _gaps(heard, given, interval_ms)
            wrong, gaps_ms = (wrong | GAPS, at_ms + 36 * HOUR_MS) if found else (wrong, gaps_ms)
        new = wrong & ~before
        if new:
            first = new & -new
            why = {"reason": REASONS[first], "values": list(given.values), "for_s": _RESTS_ON_S[first]}
    dues = [due for due in (water_ms, gaps_ms) if due >= 0]
    verdict = UNKNOWN if wrong < 0 else VIOLATED if wrong else NORMAL
    return Said((wrong, water_ms, gaps_ms, recent, quarters, heard), verdict, min(dues, default=None), why=why)


def _water(recent: Recent, at_ms: int, value: float, humidity: float | None) -> tuple[Recent, bool]:
    recent = recent[next((n for n, one in enumerate(recent) if one[0] >= at_ms - _LOOK_BACK_MS), len(recent)) :]
    damp = [one[2] for one in recent if one[2] is not None]
    found = False
    if damp and humidity is not None and humidity - min(damp) > _JUMP_POINTS:
        usual = median(one[1] for one in recent)
        found = usual >= _LEAST and value <= _DROP * usual
    if not recent or at_ms >= recent[-1][0] + MINUTE_MS:
        recent = (*recent, (at_ms, value, humidity))
    return recent, found


def _plateau(quarters: Quarters, at_ms: int, value: float, limit: float) -> tuple[Quarters, bool]:
    quarter, highest, near, over = quarters
    now = at_ms // _QUARTER_MS
    if now != quarter:
        if quarter >= 0:
            skipped = min(now - quarter - 1, _QUARTERS)
            near = (near << 1 | (_NEAR * limit <= highest <= limit)) << skipped & _ALL_QUARTERS
            over = (over << 1 | (highest > limit)) << skipped & _ALL_QUARTERS
        quarter, highest = now, value
    highest = max(highest, value)
    return (quarter, highest, near, over), near.bit_count() >= _WALL and not over and highest <= limit


def _gaps(heard: Heard, given: Together, interval_ms: int) -> tuple[Heard, bool]:
    """Add a gap that has just ended; tell whether it is one of several at the same time of day."""
    *begun, last_ms = heard or (given.at_ms,)
    begun = [one for one in begun if one > given.at_ms - _REMEMBERED_MS]
    gap_ms = given.at_ms - last_ms
    found = False
    if max(_SHORTEST_MS, 3 * interval_ms) <= gap_ms <= _LONGEST_MS and given.listening_ms <= last_ms:
        begun.append(last_ms)
        found = len({round((last_ms - one) / DAY_MS) for one in begun if _same_time(last_ms - one)}) >= _DAYS
    return (*begun, given.at_ms), found


def _same_time(apart_ms: int) -> bool:
    off_ms = apart_ms % DAY_MS
    return min(off_ms, DAY_MS - off_ms) <= _SAME_TIME_MS


KIND = Kind(
    id="tamper", settings=Tamper, needs="several", start=(-1, -1, -1, (), (-1, 0.0, 0, 0), ()), step=step, doubts=True,
    together=lambda settings: (settings.quantity, "humidity_pct"),
)  # fmt: skip
