"""Kind `hour_mean`: the mean of one hour is over the limit.

An hour's mean is weighted by time and needs 45 valid minutes of 60, or as many as the rule says; with fewer nothing can
be said, which is never compliance. It is not rounded; exceeding means more than the limit. The background of the same
hour or a deduction is taken off first (`rules.kinds.means`; DB32/4437-2022 and DB13/2934-2019: PM10 of the site minus
that of the city). Where some hours of a day may exceed (Hebei: two) only those beyond it violate, in the order of time.

The alarm stands from the first hour that violates until one full hour is at or under `clear` (Wuhan: over 200 until at
most 150). What comes late, the city's value as well, judges its hour again; a verdict that turns is told as an
amendment, and what was told stays.
"""

from rules.kinds.means import ClosedMean, MeanRule, judge, limit_of, others_of
from rules.verdicts import Kind, Said


class HourMean(MeanRule, frozen=True, kw_only=True):
    """As `MeanRule`, of hours."""

    valid: int = 45


def step(_memory: None, given: ClosedMean, settings: HourMean, _interval_ms: int) -> Said:
    """Judge one closing of an hour."""
    return judge(given, settings)


KIND = Kind(id="hour_mean", settings=HourMean, needs="hour", start=None, step=step, limit=limit_of, others=others_of)
