"""Kind `implausible`: a monitor says what cannot be. It blames the instrument, not the air.

Out of range: the value lies outside of what the instrument can measure. A spike: a value far off the median of the last
60 minutes (by more than the given jump and more than 5 times their median deviation) that is gone after one or two
readings; it stays noted for an hour. Disorder: PM2.5 above PM10, or PM10 above TSP, by more than 5 µg/m³ and 10 %, for
three hours without a break (single inversions are noise: a national station had them in 9 % of its hours). Unit: the
median of an hour under 1 or over 5,000 µg/m³, which is mg/m³ or ng/m³ in disguise; nothing is converted.

Where a check is not asked for it is not made (reference: checks of §5.2 of the project's standards survey).
"""

from itertools import pairwise
from statistics import median
from typing import Any

from msgspec import Struct

from rules.verdicts import NORMAL, UNKNOWN, VIOLATED, Due, Kind, Said, Together

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DISORDERED_MS = 3 * HOUR_MS
RANGE, SPIKE, ORDER, UNIT = 1, 2, 4, 8
REASONS = {RANGE: "range", SPIKE: "spike", ORDER: "order", UNIT: "unit"}
_RESTS_ON_S = {RANGE: 0, SPIKE: 3600, ORDER: 10_800, UNIT: 3600}
_ENOUGH = 10  # values of the last hour, to say what is usual
_SPIKE_READINGS = 2
_DEVIATIONS = 5
_MG, _NG = 1.0, 5000.0  # µg/m³
_SPAN_MS = 45 * MINUTE_MS

Past = tuple[tuple[int, float], ...]
Memory = tuple[int, Past, int, int, int]
"""What is wrong (bits, -1 = nothing is known); values of the last hour, one a minute; readings that are far off in a
row; log time to which a spike stays noted; since when the order is wrong; -1 = not."""


class Implausible(Struct, frozen=True, kw_only=True):
    """All in the unit of the quantity. at_most: quantities that this one may not exceed, the next larger first."""

    quantity: str
    low: float | None = None
    high: float | None = None
    spike: float | None = None
    at_most: tuple[str, ...] = ()
    unit: bool = False


def step(memory: Memory, given: Together | Due, settings: Implausible, _interval_ms: int) -> Said:
    """Make the checks that are asked for."""
    wrong, past, far, noted_ms, since = memory
    why: dict[str, Any] = {}
    if isinstance(given, Due):
        if noted_ms >= 0 and given.at_ms >= noted_ms:
            wrong, noted_ms = wrong & ~SPIKE, -1
    else:
        before, at_ms, value = max(wrong, 0), given.at_ms, given.values[0] or 0.0
        wrong = before & SPIKE | _out_of_range(settings, value)
        if settings.spike is not None or settings.unit:
            was, past = far, past if not past or past[0][0] > at_ms - HOUR_MS else _of_last_hour(past, at_ms)
            far = far + 1 if settings.spike is not None and _is_far(past, value, settings.spike) else 0
            if far == 0 and 1 <= was <= _SPIKE_READINGS:
                wrong, noted_ms = wrong | SPIKE, at_ms + HOUR_MS
            if not 1 <= far <= _SPIKE_READINGS and (not past or at_ms >= past[-1][0] + MINUTE_MS):
                past = (*past, (at_ms, value))
            wrong |= UNIT if settings.unit and _is_other_unit(past, value) else 0
        if settings.at_most:
            since = (at_ms if since < 0 else since) if _disordered(given.values) else -1
            wrong |= ORDER if since >= 0 and at_ms - since >= DISORDERED_MS else 0
        new = wrong & ~before
        if new:
            first = new & -new
            why = {"reason": REASONS[first], "values": list(given.values), "for_s": _RESTS_ON_S[first]}
    verdict = UNKNOWN if wrong < 0 else VIOLATED if wrong else NORMAL
    return Said((wrong, past, far, noted_ms, since), verdict, noted_ms if noted_ms >= 0 else None, why=why)


def _out_of_range(settings: Implausible, value: float) -> int:
    under = settings.low is not None and value < settings.low
    return RANGE if under or (settings.high is not None and value > settings.high) else 0


def _of_last_hour(past: Past, at_ms: int) -> Past:
    first = next((n for n, one in enumerate(past) if one[0] > at_ms - HOUR_MS), len(past))
    return past[first:]


def _is_far(past: Past, value: float, jump: float) -> bool:
    """Tell whether a value is off what was usual; the deviation is only looked at when the jump is large enough."""
    if len(past) < _ENOUGH or abs(value - past[-1][1]) <= jump / 2:
        return False
    values = [one for _, one in past]
    middle = median(values)
    off = abs(value - middle)
    return off > jump and off > _DEVIATIONS * median(abs(one - middle) for one in values)


def _is_other_unit(past: Past, value: float) -> bool:
    if _MG <= value <= _NG or len(past) < _ENOUGH or past[-1][0] - past[0][0] < _SPAN_MS:
        return False
    return not _MG <= median(one for _, one in past) <= _NG


def _disordered(values: tuple[float | None, ...]) -> bool:
    """Tell whether a smaller fraction exceeds a larger one by more than 5 µg/m³ and 10 %."""
    known = [value for value in values if value is not None]
    return any(small > large + max(5.0, 0.1 * large) for small, large in pairwise(known))


KIND = Kind(
    id="implausible", settings=Implausible, needs="several", start=(-1, (), 0, -1, -1), step=step, doubts=True,
    together=lambda settings: (settings.quantity, *settings.at_most),
)  # fmt: skip
