"""Rules that come with Cityward. `gateway` are built in; `*.yaml` are packs that an engineer chooses, read by `config`.

A limit has dates: what was allowed last year judges last year's days.
"""

from collections.abc import Iterable

from msgspec import Struct

# What an alarm says where a limit does not bind (GB 3095 on the boundary of a site) but is only compared with.
REFERENCE_ZH = "（参考限值，非执法依据）"
REFERENCE_EN = " (reference limit, not a basis for enforcement)"
# And where nobody has compared its number with the text of the standard (mark M).
UNVERIFIED_ZH = "（限值未经标准原文核对）"
UNVERIFIED_EN = " (limit not compared with the text of the standard)"

_MIN_HOURS = {"pm10_ug_m3": 20, "pm25_ug_m3": 20, "tsp_ug_m3": 24}
"""Least valid hours of a day: GB 3095-2026 table 4 (V1). TSP needs 24 h of sampling."""


EVER = "0001-01-01"  # the first day of a limit without dates


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


def min_hours(quantity: str) -> int:
    """Return how many valid hours a day's mean of a quantity needs (GB 3095-2026 table 4)."""
    return _MIN_HOURS.get(quantity, 20)


def limit_on(dated: Iterable[DatedLimit], date: str) -> DatedLimit | None:
    """Return the limit that holds on a day, 2026-11-24."""
    for limit in dated:
        if limit.from_date <= date and (limit.to_date is None or date <= limit.to_date):
            return limit
    return None
