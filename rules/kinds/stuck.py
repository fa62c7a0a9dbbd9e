"""Kind `stuck`: a number, or a truth, stays the same for longer than it can while the device goes on reporting it.

A dust monitor that says 87.0 µg/m³ for an hour does not measure; a bay that is occupied for weeks has a deaf detector.
Values that differ by no more than the tolerance are the same; values up to `ignore_up_to` (clean air at the limit of
detection) may stay as they are. Only time in which the device was heard counts: who is silent is silent, not stuck.

While the value stays the same nothing can change but by time, so every repetition is quiet.
"""

from math import inf, nextafter

from msgspec import Struct

from rules.verdicts import NORMAL, UNKNOWN, VIOLATED, Band, Due, Kind, Live, Said

Memory = tuple[
    int, float, int, int
]  # verdict; the value; log time since when it is the same; log time to look, -1 = no

_LOOK_MS = 60_000


class Stuck(Struct, frozen=True, kw_only=True):
    """tolerance, ignore_up_to: in the unit of the quantity (of a truth: 0 and none)."""

    quantity: str
    after_ms: int
    tolerance: float = 0.0
    ignore_up_to: float | None = None


def step(memory: Memory, given: Live | Due, settings: Stuck, interval_ms: int) -> Said:
    """Compare with the value before, or look whether it was repeated for long enough."""
    verdict, value, since, look = memory
    why = {}
    if isinstance(given, Live):
        low, high = _same(settings, value)
        if verdict == UNKNOWN or not low <= given.value <= high:
            verdict, value, since, look = NORMAL, given.value, given.at_ms, given.at_ms + settings.after_ms
            if settings.ignore_up_to is not None and value <= settings.ignore_up_to:
                look = -1
    elif look >= 0:
        since = max(since, given.listening_ms)
        held_ms = given.last_sign_ms - since
        if held_ms >= settings.after_ms:
            verdict, look = VIOLATED, -1
            why = {"value": value, "same_for_s": held_ms // 1000, "reason": "stuck"}
        else:
            look = given.at_ms + max(settings.after_ms - max(held_ms, 0), interval_ms, _LOOK_MS)
    return Said((verdict, value, since, look), verdict, look if look >= 0 else None, _same(settings, value), why)


def _same(settings: Stuck, value: float) -> Band:
    if settings.ignore_up_to is not None and value <= settings.ignore_up_to:
        return (-inf, settings.ignore_up_to)
    low = value - settings.tolerance
    if settings.ignore_up_to is not None:
        low = max(low, nextafter(settings.ignore_up_to, inf))  # to come down to there is a change
    return (low, value + settings.tolerance)


KIND = Kind(id="stuck", settings=Stuck, needs="live", start=(UNKNOWN, 0.0, -1, -1), step=step, doubts=True)
