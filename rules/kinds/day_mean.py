"""Kind `day_mean`: the mean of a natural day is over the limit of that day.

The day's mean is the mean of its valid hours; with fewer of them than `min_hours` nothing can be said (unknown, which
is never compliance). By GB 3095 the mean is rounded once, µg/m³ to whole numbers, half to even (HJ 633-2026 §4.2.2,
GB/T 8170), and only then compared; by a limit of your own it is compared as it is. Exceeding means more than the limit,
not as much as it. The limit is that of the day's date.

Each closing of a day is judged for itself, its revisions and its final closing too.
"""

from typing import Any

from msgspec import Struct

from rules.aqi import index_of
from rules.packs import DatedLimit, limit_on
from rules.periods import Day
from rules.records import Period
from rules.verdicts import ALWAYS_QUIET, NORMAL, UNKNOWN, VIOLATED, Kind, Said


class DayMean(Struct, frozen=True, kw_only=True):
    """limits: the one whose dates hold the day; min_hours: least valid hours, of a shorter day all that it has.

    whole  its mean is rounded to whole numbers before it is compared
    """

    quantity: str
    limits: tuple[DatedLimit, ...]
    min_hours: int = 20
    whole: bool = True


class ClosedDay(Struct, frozen=True):
    """What is judged: a closed day, and which day of the calendar it is (`windows.calendar.day`)."""

    period: Period
    day: Day


def rounded(quantity: str, mean: float) -> float:
    """Round a mean for comparison: µg/m³ to whole numbers, half to even; other units are compared as they are."""
    return float(round(mean)) if quantity.endswith("_ug_m3") else mean


def step(_memory: None, given: ClosedDay, settings: DayMean, _interval_ms: int) -> Said:
    """Judge one closing of a day."""
    period, day = given.period, given.day
    needed = min(settings.min_hours, day.hours)
    limit = limit_on(settings.limits, day.date)
    why: dict[str, Any] = {
        "date": day.date,
        "mean": period.mean,
        "hours": period.valid,
        "hours_needed": needed,
        "gap_h": period.gap_min,
        "readings": period.count,
        "left_out": period.left_out,
        "marked": period.marked,
        "revision": period.revision,
        "cause": period.cause,
        "final": period.final,
    }
    if limit is not None:
        why |= {"limit": limit.value, "standard": limit.name, "source": limit.source}
    if limit is None or period.mean is None or period.valid < needed:
        why["unknown"] = "no limit for this day" if limit is None else "too few valid hours"
        return Said(None, UNKNOWN, None, ALWAYS_QUIET, why)
    value = rounded(settings.quantity, period.mean) if settings.whole else period.mean
    why |= {"value": value, **index_of(limit.name, settings.quantity, value, day.date)}
    return Said(None, VIOLATED if value > limit.value else NORMAL, None, ALWAYS_QUIET, why)


KIND = Kind(id="day_mean", settings=DayMean, needs="day", start=None, step=step)
