"""Kind `threshold`: a number is over (or under) a limit: n of the last m readings, or once far over it.

Tilt > 15° twice or > 30° once; PM10 > 500 µg/m³ for 5 min. It ends when the value is back at `clear`, after a delay.
The sign of a tilt only says to which side: its amount is compared, for a cover at -20° lies as badly as one at 20°.
"""

from math import inf, nextafter

from msgspec import Struct

from rules.verdicts import NEVER_QUIET, NORMAL, UNKNOWN, VIOLATED, Band, Due, Kind, Live, Said

TILTS = ("tilt_deg", "tilt_x_deg", "tilt_y_deg", "tilt_z_deg")

Memory = tuple[int, int, int]  # verdict; log time since when it is contradicted, -1 = it is not; bits: the last m over?


class Threshold(Struct, frozen=True, kw_only=True):
    """Exactly one of above and below. All in the unit of the quantity.

    clear        at or inside it the condition ends; None = the limit itself
    at_least, of  n of the last m readings
    once         a limit that one reading is enough for
    """

    quantity: str
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    at_least: int = 1
    of: int = 1
    once: float | None = None
    on_delay_ms: int = 0
    off_delay_ms: int = 0


def step(memory: Memory, given: Live | Due, settings: Threshold, _interval_ms: int) -> Said:
    """Count, wait, and compare."""
    verdict, since, bits = memory
    either_way = settings.quantity in TILTS
    if isinstance(given, Live):
        value = abs(given.value) if either_way else given.value
        if verdict == VIOLATED:
            against = _is_back(settings, value)
        else:
            over = _is_over(settings, value)
            bits = (bits << 1 | over) & (1 << settings.of) - 1
            far = settings.once is not None and (
                value > settings.once if settings.above is not None else value < settings.once
            )
            against = far or (over and bits.bit_count() >= settings.at_least)
            if not (over or far):
                verdict = NORMAL  # what is over, but not for long enough, proves nothing yet
        since = (given.at_ms if since < 0 else since) if against else -1
    delay = settings.off_delay_ms if verdict == VIOLATED else settings.on_delay_ms
    why = {}
    if since >= 0 and given.at_ms >= since + delay:
        why = {"readings_over": bits.bit_count(), "for_s": (given.at_ms - since) // 1000} if verdict != VIOLATED else {}
        verdict, since, bits = (NORMAL if verdict == VIOLATED else VIOLATED), -1, 0
    due = since + delay if since >= 0 else None
    quiet = _quiet(settings, verdict, since, bits)
    if either_way:
        quiet = (-quiet[1], quiet[1]) if quiet[0] < 0 else NEVER_QUIET
    return Said((verdict, since, bits), verdict, due, quiet, why)


def _is_over(settings: Threshold, value: float) -> bool:
    if settings.above is not None:
        return value > settings.above
    return settings.below is not None and value < settings.below


def _is_back(settings: Threshold, value: float) -> bool:
    if settings.above is not None:
        return value <= (settings.above if settings.clear is None else settings.clear)
    if settings.below is not None:
        return value >= (settings.below if settings.clear is None else settings.clear)
    return True


def _quiet(settings: Threshold, verdict: int, since: int, bits: int) -> Band:
    """Values that leave everything as it is: on the same side as the last one, as long as nothing is being counted."""
    limit = settings.above if settings.above is not None else settings.below
    if limit is None:
        return NEVER_QUIET
    upwards = settings.above is not None
    if verdict == VIOLATED:
        edge = limit if settings.clear is None else settings.clear
        inside = since >= 0  # back already, and waiting: stays so while it stays back
    elif since < 0 and bits == 0:
        both = (limit,) if settings.once is None else (limit, settings.once)
        edge, inside = (min(both) if upwards else max(both)), True
    elif since >= 0 and settings.of == 1 and settings.once is None:
        edge, inside = limit, False  # over, and waiting
    else:
        return NEVER_QUIET
    if inside == upwards:  # at or below the edge; for `below`, waiting at or above it
        if upwards:
            return (-inf, edge)
        return (-inf, nextafter(edge, -inf))
    return (nextafter(edge, inf), inf) if upwards else (edge, inf)


KIND = Kind(
    id="threshold",
    settings=Threshold,
    needs="live",
    start=(UNKNOWN, -1, 0),
    step=step,
    limit=lambda settings: settings.above if settings.above is not None else settings.below,
)
