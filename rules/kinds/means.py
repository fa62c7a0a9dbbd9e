"""What slot means and hour means have in common: background, deduction, the comparison with the limit of the date.

From the mean of the period the background of the same time is subtracted (the city's or the county's PM10, at most as
much of it as the standard lets count), or a fixed amount is, when a condition holds (DB32/4437-2022: 200 µg/m³ of TSP
when the city's AQI is 200 to 300 and PM is the primary pollutant). What is left is compared unrounded; exceeding means
more than the limit. A background that is missing is no background of 0: then nothing can be said (unknown). A missing
condition leaves two values possible; if both are on the same side of the limit the verdict stands, else it is unknown.
An index of HJ 633 is that of the mean rounded to a whole number, half to even, so by its numbers that is compared.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from rules.aqi import index_of
from rules.packs import DatedLimit, limit_on
from rules.records import Period
from rules.verdicts import ALWAYS_QUIET, NORMAL, UNKNOWN, VIOLATED, Said


class Other(Struct, frozen=True, kw_only=True):
    """Another series, of any device.

    hourly  None: it is measured like the rule's own, and its mean of the same period counts. begin, end: each of its
            readings is the mean of an hour already, told with the hour's begin, or at or after its end
    """

    device: str
    quantity: str
    hourly: Literal["begin", "end"] | None = None


class Background(Struct, frozen=True, kw_only=True):
    """What is subtracted; cap: of more than this only so much counts (DB13/2934-2019: 150)."""

    other: Other
    cap: float | None = None


class Band(Struct, frozen=True, kw_only=True):
    """The other series lies from low to high, both included; a truth is 0 or 1."""

    other: Other
    low: float
    high: float


class Deduct(Struct, frozen=True, kw_only=True):
    """value is subtracted while all bands hold."""

    value: float
    when: tuple[Band, ...]


class MeanRule(Struct, frozen=True, kw_only=True):
    """limits: the one whose dates hold the period counts.

    valid            least valid minutes
    clear            at or under it the alarm ends; None = the limit
    allowed_per_day  so many periods of a day may exceed without being a violation
    whole            the mean is rounded to a whole number before it is compared
    """

    quantity: str
    limits: tuple[DatedLimit, ...]
    valid: int
    clear: float | None = None
    allowed_per_day: int = 0
    background: Background | None = None
    deduct: Deduct | None = None
    whole: bool = False


class ClosedMean(Struct, frozen=True):
    """What is judged: a closed slot or hour, the day in which it begins, and what the others were meanwhile."""

    period: Period
    date: str
    others: Mapping[Other, float | None]


def others_of(settings: MeanRule) -> tuple[Other, ...]:
    """Return the series of others that a rule looks at."""
    background = (settings.background.other,) if settings.background else ()
    return (*background, *(band.other for band in settings.deduct.when)) if settings.deduct else background


def limit_of(settings: MeanRule) -> float | None:
    """Return the limit that its alarms show before they know a date: the newest."""
    return settings.limits[-1].value if settings.limits else None


def judge(given: ClosedMean, settings: MeanRule) -> Said:
    """Judge one closing of a period; `exceeded` is violated, how many may be is for the caller to count."""
    period = given.period
    limit = limit_on(settings.limits, given.date)
    why: dict[str, Any] = {
        "date": given.date, "span": period.span, "start_ms": period.start_ms, "mean": period.mean,
        "minutes": period.valid, "minutes_needed": settings.valid, "gap_min": period.gap_min, "readings": period.count,
        "left_out": period.left_out, "marked": period.marked, "revision": period.revision, "cause": period.cause,
        "final": period.final,
    }  # fmt: skip
    if limit is None:
        return _unknown(why, "no limit for this day")
    why |= {"limit": limit.value, "standard": limit.name, "source": limit.source}
    if period.mean is None or period.valid < settings.valid:
        return _unknown(why, "too few valid minutes")
    value = float(round(period.mean)) if settings.whole else period.mean
    why |= index_of(limit.name, settings.quantity, value, given.date)
    if settings.background is not None or settings.deduct is not None:
        why["others"] = [
            {
                "device": other.device,
                "quantity": other.quantity,
                "hourly": other.hourly,
                "value": given.others.get(other),
            }
            for other in others_of(settings)
        ]
    if settings.background is not None:
        measured = given.others.get(settings.background.other)
        why["background"] = measured
        if measured is None:
            return _unknown(why, "background missing")
        cap = settings.background.cap
        why["subtracted"] = measured if cap is None else min(measured, cap)
        value -= why["subtracted"]
    least = most = value
    if settings.deduct is not None:
        holds = _holds(settings.deduct, given.others)
        why |= {"condition": holds, "deduct": settings.deduct.value}
        least -= settings.deduct.value if holds is not False else 0.0
        most -= settings.deduct.value if holds else 0.0
    if (least > limit.value) != (most > limit.value):
        return _unknown(why, "condition missing")
    exceeded = least > limit.value
    why["value"] = _plain(least if exceeded else most)
    return Said(None, VIOLATED if exceeded else NORMAL, None, ALWAYS_QUIET, why)


def _unknown(why: dict[str, Any], cause: str) -> Said:
    return Said(None, UNKNOWN, None, ALWAYS_QUIET, {**why, "unknown": cause})


def _holds(deduct: Deduct, others: Mapping[Other, float | None]) -> bool | None:
    """Tell whether all bands hold; None = one is missing, and no other says no."""
    found = [
        None if (value := others.get(band.other)) is None else band.low <= value <= band.high for band in deduct.when
    ]
    if False in found:
        return False
    return None if None in found else True


def _plain(value: float) -> float:
    """Write a difference as means are told, to 1e-6."""
    return round(value, 6)
