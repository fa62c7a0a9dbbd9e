"""Kind `day_budget`: the day can no longer comply, said hours before midnight and provable from the hours that stand.

A day's mean is the mean of its valid hours, of at most as many as the day has (24, or 23 and 25 where clocks change).
No hour can be less than 0. So with the hours that stand adding up to S the day's mean will be at least S / 24, however
clean the rest of it is. When that, rounded as the day's mean will be, is more than the limit of the date, the day is
lost: it exceeds, or it has too few hours and proves nothing.

Until then nothing is lost, which is not compliance. It ends with the day, whose own mean is then judged by `day_mean`;
or when late readings make hours that stood smaller.
"""

from typing import Any

from msgspec import Struct

from rules.kinds.day_mean import rounded
from rules.packs import DatedLimit, limit_on
from rules.verdicts import ALWAYS_QUIET, NORMAL, UNKNOWN, VIOLATED, Kind, Said


class DayBudget(Struct, frozen=True, kw_only=True):
    """limits: the one whose dates hold the day; whole: its mean is rounded to whole numbers before it is compared."""

    quantity: str
    limits: tuple[DatedLimit, ...]
    whole: bool = True


class DaySoFar(Struct, frozen=True):
    """What is judged: the means of a day's valid hours that have closed; of: how many hours the day has."""

    date: str
    of: int
    hours: tuple[float, ...]


def step(_memory: None, given: DaySoFar, settings: DayBudget, _interval_ms: int) -> Said:
    """Judge a day at the closing of one of its hours."""
    limit = limit_on(settings.limits, given.date)
    total = round(sum(given.hours), 6)
    why: dict[str, Any] = {"date": given.date, "hours": len(given.hours), "of": given.of, "sum": total}
    if limit is None or not given.hours:
        why["unknown"] = "no limit for this day" if limit is None else "no valid hour yet"
        return Said(None, UNKNOWN, None, ALWAYS_QUIET, why)
    least = total / given.of
    left = given.of - len(given.hours)
    why |= {
        "limit": limit.value, "standard": limit.name, "source": limit.source, "mean_at_least": round(least, 6),
        "value": rounded(settings.quantity, least) if settings.whole else round(least, 6),
        "rest_may_be": round(max(limit.value * given.of - total, 0) / left, 6) if left else None,
    }  # fmt: skip
    lost = (rounded(settings.quantity, least) if settings.whole else least) > limit.value
    return Said(None, VIOLATED if lost else NORMAL, None, ALWAYS_QUIET, why)


KIND = Kind(
    id="day_budget", settings=DayBudget, needs="day_hours", start=None, step=step,
    limit=lambda settings: settings.limits[-1].value if settings.limits else None,
)  # fmt: skip
