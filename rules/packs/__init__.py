"""Limits that come with Cityward. A limit has dates: what was allowed last year judges last year's days."""

from collections.abc import Iterable

from msgspec import Struct

from rules.packs import gb3095

# What an alarm says where a limit does not bind (GB 3095 on the boundary of a site) but is only compared with.
REFERENCE_ZH = "（参考限值，非执法依据）"
REFERENCE_EN = " (reference limit, not a basis for enforcement)"
# And where nobody has compared its number with the text of the standard (mark M).
UNVERIFIED_ZH = "（限值未经标准原文核对）"
UNVERIFIED_EN = " (limit not compared with the text of the standard)"

STANDARDS = {"gb3095-2026-class1": 1, "gb3095-2026-class2": 2}
"""Standards by their names in YAML, with their class; the edition before judges the days of its time."""


class DatedLimit(Struct, frozen=True, kw_only=True):
    """A limit and the days on which it holds.

    from_date, to_date  first and last day, 2026-03-01; None = until further notice
    value               in the unit of its quantity; only more than this exceeds it
    name                of the standard: GB 3095-2026 二级
    source              clause and mark of certainty: V1 read in the standard, V2 in a secondary page; "" = neither
    """

    from_date: str
    to_date: str | None = None
    value: float
    name: str
    source: str = ""


def limits(standard: str, quantity: str) -> tuple[DatedLimit, ...]:
    """Return the limits that a standard sets to the day mean of a quantity, oldest first; () = none.

    Raises ValueError for a standard that is not in STANDARDS.
    """
    if standard not in STANDARDS:
        raise ValueError(f"no standard {standard!r} here; there are {', '.join(STANDARDS)}")
    return tuple(
        DatedLimit(from_date=dates[0], to_date=dates[1], value=value, name=name, source=source)
        for its_class, its_quantity, dates, value, name, source in gb3095.LIMITS
        if (its_class, its_quantity) == (STANDARDS[standard], quantity)
    )


def min_hours(quantity: str) -> int:
    """Return how many valid hours a day's mean of a quantity needs (GB 3095-2026 table 4)."""
    return gb3095.MIN_HOURS.get(quantity, 20)


def limit_on(dated: Iterable[DatedLimit], date: str) -> DatedLimit | None:
    """Return the limit that holds on a day, 2026-11-24."""
    for limit in dated:
        if limit.from_date <= date and (limit.to_date is None or date <= limit.to_date):
            return limit
    return None
