"""Kind `rate`: a number rises (or falls) by more than so much within a time. Water in a well: 300 mm in 10 minutes.

A reading is compared with the lowest (for a fall: the highest) of those that came within that time before it. It is not
extrapolated: 200 mm in 5 minutes are no 400 mm in 10. It ends with the first reading that is within the limit again. A
reading with nothing to compare it with says nothing, and ends nothing.
"""

from msgspec import Struct

from rules.verdicts import NEVER_QUIET, NORMAL, UNKNOWN, VIOLATED, Due, Kind, Live, Said

_MOST = 100  # readings that are remembered: of more within the time every second one goes

Memory = tuple[int, tuple[int, ...], tuple[float, ...]]  # verdict; times and values, each a new extreme for those after


class Rate(Struct, frozen=True, kw_only=True):
    """Exactly one of rise and fall, in the unit of the quantity, within `within_ms`."""

    quantity: str
    rise: float | None = None
    fall: float | None = None
    within_ms: int


def step(memory: Memory, given: Live | Due, settings: Rate, _interval_ms: int) -> Said:
    """Compare with the extreme of the time before, and remember."""
    verdict, times, values = memory
    if isinstance(given, Due):
        return Said(memory, verdict, None, NEVER_QUIET)
    sign = 1.0 if settings.rise is not None else -1.0
    limit = settings.rise if settings.rise is not None else settings.fall or 0.0
    new = sign * given.value
    first = next((i for i, at in enumerate(times) if at >= given.at_ms - settings.within_ms), len(times))
    kept = [(at, value) for at, value in zip(times[first:], values[first:], strict=True)]
    why = {}
    if kept:
        since_ms, least = kept[0]
        change = new - least
        verdict = VIOLATED if change > limit else NORMAL
        why = {
            "change": round(sign * change, 6),
            "from": sign * least,
            "in_s": (given.at_ms - since_ms) // 1000,
            "limit": limit,
        }
    elif verdict != VIOLATED:
        verdict = UNKNOWN
    while kept and kept[-1][1] >= new:
        kept.pop()
    kept.append((given.at_ms, new))
    if len(kept) > _MOST:
        kept = kept[::2]
    return Said(
        (verdict, tuple(at for at, _ in kept), tuple(value for _, value in kept)), verdict, None, NEVER_QUIET, why
    )


KIND = Kind(
    id="rate",
    settings=Rate,
    needs="live",
    start=(UNKNOWN, (), ()),
    step=step,
    limit=lambda settings: settings.rise if settings.rise is not None else settings.fall,
)
