"""Rules on means as the core knows them."""

from collections.abc import Sequence
from math import ceil

from msgspec import Struct

from config.schema import (
    DayBudgetRule,
    DayMeanRule,
    HourMeanRule,
    MeanRule,
    PeriodMeanRule,
    RollingMeanRule,
    SlotMeanRule,
)
from config.schema_means import BackgroundSettings, BandSettings
from rules.kinds.day_budget import DayBudget
from rules.kinds.day_mean import DayMean
from rules.kinds.hour_mean import HourMean
from rules.kinds.means import Background, Band, Deduct, Other
from rules.kinds.rolling_mean import RollingMean
from rules.kinds.slot_mean import SlotMean
from rules.packs import DatedLimit, min_hours

DAY_HOURS = 24
_ROUNDED = ("GB 3095", "HJ 633")
"""Documents by which a day's mean is rounded to whole numbers (HJ 633-2026 §4.2.2); others say nothing of it."""


def mean(own: MeanRule, limits: tuple[DatedLimit, ...]) -> Struct:
    """Make the settings of a mean's rule."""
    least = min_hours(own.quantity)
    whole = all(limit.name.startswith(_ROUNDED) for limit in limits)
    match own:
        case RollingMeanRule():
            hours = ceil(own.hours * least / DAY_HOURS)
            return RollingMean(
                quantity=own.quantity, limits=limits, hours=own.hours, min_hours=hours, clear=own.clear, whole=whole
            )
        case DayMeanRule():
            needed = own.valid.n if own.valid else least
            return DayMean(quantity=own.quantity, limits=limits, min_hours=needed, whole=whole)
        case DayBudgetRule():
            return DayBudget(quantity=own.quantity, limits=limits, whole=whole)
        case SlotMeanRule() | HourMeanRule():
            kind = SlotMean if isinstance(own, SlotMeanRule) else HourMean
            return kind(
                quantity=own.quantity,
                limits=limits,
                valid=own.valid.n,
                clear=own.clear,
                allowed_per_day=own.allowed_per_day,
                background=_background(own.background),
                deduct=_deduct(own),
                whole=all(limit.name.startswith("HJ 633") for limit in limits),
            )
    raise TypeError(f"no kind of rule: {own!r}")


def others(own: MeanRule) -> Sequence[tuple[tuple[str | int, ...], BackgroundSettings | BandSettings]]:
    """Return what a rule says of other series, and where."""
    if not isinstance(own, PeriodMeanRule):
        return ()
    found: list[tuple[tuple[str | int, ...], BackgroundSettings | BandSettings]] = []
    if own.background is not None:
        found.append((("background",), own.background))
    if own.deduct is not None:
        found += [(("deduct", "when", index), band) for index, band in enumerate(own.deduct.when)]
    return found


def _other(own: BackgroundSettings | BandSettings) -> Other:
    return Other(device=own.device, quantity=own.quantity, hourly=own.hourly)


def _background(own: BackgroundSettings | None) -> Background | None:
    return None if own is None else Background(other=_other(own), cap=own.cap)


def _deduct(own: PeriodMeanRule) -> Deduct | None:
    if own.deduct is None:
        return None
    return Deduct(value=own.deduct.amount, when=tuple(_band(each) for each in own.deduct.when))


def _band(own: BandSettings) -> Band:
    if own.is_ is not None:
        truth = float(own.is_)
        return Band(other=_other(own), low=truth, high=truth)
    return Band(other=_other(own), low=own.from_ or 0.0, high=own.to or 0.0)
