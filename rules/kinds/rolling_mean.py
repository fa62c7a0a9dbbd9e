"""Kind `rolling_mean`: the mean of the last 24 hours is over the limit. An early warning, never a compliance value.

It is judged when an hour closes (and again when a late reading revises one), over the hours that closed last: the mean
of those that are valid. With fewer valid ones than `min_hours` nothing can be said. It is rounded and compared as a day
mean is, with the limit of the day in which the last hour lies.

It warns as soon as the mean is over the limit, and calms down when it has been at or under the limit (or under the
lower `clear`) for one full hour: at two closings in a row. What cannot be said in between calms nothing.
"""

from typing import Any

from msgspec import Struct

from rules.kinds.day_mean import rounded
from rules.packs import DatedLimit, limit_on
from rules.verdicts import ALWAYS_QUIET, NORMAL, UNKNOWN, VIOLATED, Kind, Said

_HOUR_MS = 3_600_000

Memory = tuple[bool, int]  # warned?; end of the hour since when the mean is at or under the limit, -1 = it is not


class RollingMean(Struct, frozen=True, kw_only=True):
    """hours: how many of the last are looked at; min_hours: how many of them must be valid.

    clear  at or under it the alarm ends; None = the limit
    whole  the mean is rounded to whole numbers before it is compared
    """

    quantity: str
    limits: tuple[DatedLimit, ...]
    hours: int = 24
    min_hours: int = 20
    clear: float | None = None
    whole: bool = True


class LastHours(Struct, frozen=True):
    """What is judged: the hours that closed last.

    end_ms  the end of the last of them, civil time (`windows.closed_ms`)
    date    the day in which the last of them lies
    mean    of the valid ones among the last `settings.hours` (`windows.last_hours`)
    valid   how many these are
    """

    end_ms: int
    date: str
    mean: float | None
    valid: int


def step(memory: Memory, given: LastHours, settings: RollingMean, _interval_ms: int) -> Said:
    """Judge the hours that closed last."""
    warned, calm_since = memory
    limit = limit_on(settings.limits, given.date)
    why: dict[str, Any] = {
        "mean": given.mean,
        "hours": given.valid,
        "hours_needed": settings.min_hours,
        "of": settings.hours,
    }
    if limit is not None:
        why |= {"limit": limit.value, "standard": limit.name, "source": limit.source}
    if limit is None or given.mean is None or given.valid < settings.min_hours:
        why["unknown"] = "no limit for this day" if limit is None else "too few valid hours"
        return Said((warned, -1), UNKNOWN, None, ALWAYS_QUIET, why)
    value = rounded(settings.quantity, given.mean) if settings.whole else given.mean
    why["value"] = value
    if value > limit.value:
        warned, calm_since = True, -1
    elif settings.clear is not None and value > settings.clear:
        calm_since = -1
    elif warned:
        calm_since = given.end_ms if calm_since < 0 else calm_since
        warned = given.end_ms - calm_since < _HOUR_MS
    return Said((warned, calm_since if warned else -1), VIOLATED if warned else NORMAL, None, ALWAYS_QUIET, why)


KIND = Kind(id="rolling_mean", settings=RollingMean, needs="rolling", start=(False, -1), step=step)
