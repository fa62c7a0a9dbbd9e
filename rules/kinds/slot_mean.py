"""Kind `slot_mean`: the mean of 15 minutes, from the full hour on, is over the limit.

Slots begin at :00, :15, :30 and :45. A slot's mean is weighted by time and needs 12 valid minutes of 15, or as many as
the rule says; with fewer nothing can be said, which is never compliance. It is not rounded; exceeding means more than
the limit. Background or deduction are taken off first (`rules.kinds.means`). Where a number of slots a day may exceed
(DB31/964-2016: one over 2.0 mg/m³, six over 1.0 mg/m³) only those beyond it violate, in the order of their time.

The alarm stands from the first slot that violates until one full slot is at or under `clear`. What comes late judges
its slot again; a verdict that turns is told as an amendment, and what was told stays.
"""

from rules.kinds.means import ClosedMean, MeanRule, judge, limit_of, others_of
from rules.verdicts import Kind, Said


class SlotMean(MeanRule, frozen=True, kw_only=True):
    """As `MeanRule`, of slots."""

    valid: int = 12


def step(_memory: None, given: ClosedMean, settings: SlotMean, _interval_ms: int) -> Said:
    """Judge one closing of a slot."""
    return judge(given, settings)


KIND = Kind(id="slot_mean", settings=SlotMean, needs="slot", start=None, step=step, limit=limit_of, others=others_of)
