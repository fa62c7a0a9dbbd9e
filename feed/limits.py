"""The limits of a rule, as a trend draws them. Pure."""

from typing import Any, Literal

from msgspec import Struct, to_builtins

from rules.kinds import rolling_mean
from rules.kinds.day_budget import DayBudget
from rules.kinds.day_mean import DayMean
from rules.kinds.means import MeanRule
from rules.kinds.rate import Rate
from rules.kinds.threshold import TILTS, Threshold
from rules.kinds.tilt import Tilt
from rules.packs import EVER
from rules.records import Text
from rules.ruleset import Rule

Of = Literal["value", "slot", "hour", "day", "hours", "change", "off_rest"]


class LimitView(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A limit that some rule compares with.

    kind      it is exceeded above it, or below
    of        what is compared: each value; the mean of a slot of 15 minutes, of an hour, of a day, of the last hours;
              change: by how much it changes in a time; off_rest: degrees off the position at rest
    clear     where the alarm ends; null = at the limit
    from, to  first and last day, 2026-03-01; null = no such
    """

    rule: str
    priority: int
    kind: Literal["above", "below"]
    of: Of
    value: float
    clear: float | None = None
    from_: str | None = None
    to: str | None = None
    name: str | None = None
    basis: str | None = None


def limits_of(rule: Rule) -> list[LimitView]:
    """Return what a rule compares a quantity with; none where it compares with no number."""
    settings = rule.settings

    def limit(kind: Literal["above", "below"], of: Of, value: float, **other: Any) -> LimitView:  # noqa: ANN401 - fields
        return LimitView(rule=rule.id, priority=rule.priority, kind=kind, of=of, value=value, basis=rule.basis, **other)

    if isinstance(settings, Threshold):
        return _thresholds(settings, limit)
    if isinstance(settings, Tilt):
        values = [settings.above, *([settings.once] if settings.once is not None else [])]
        return [limit("above", "off_rest", value, clear=settings.clear) for value in values]
    if isinstance(settings, Rate):
        if settings.rise is not None:
            return [limit("above", "change", settings.rise)]
        return [limit("below", "change", -(settings.fall or 0.0))]
    of = _mean_of(rule)
    if of is None:
        return []
    return [
        limit(
            "above", of, each.value, clear=getattr(settings, "clear", None),
            from_=None if each.from_date == EVER else each.from_date, to=each.to_date, name=each.name or None,
        )
        for each in settings.limits
    ]  # fmt: skip


def _thresholds(settings: Threshold, limit: Any) -> list[LimitView]:  # noqa: ANN401 - makes a LimitView of its rule
    upwards = settings.above is not None
    first = settings.above if upwards else settings.below
    kind = "above" if upwards else "below"
    found = [limit(kind, "value", first, clear=settings.clear)] if first is not None else []
    found += [limit(kind, "value", settings.once)] if settings.once is not None else []
    if settings.quantity in TILTS and upwards:  # its amount is compared
        found += [limit("below", "value", -each.value) for each in found]
    return found


def _mean_of(rule: Rule) -> Of | None:
    settings = rule.settings
    if isinstance(settings, DayMean | DayBudget):
        return "day"
    if isinstance(settings, rolling_mean.RollingMean):
        return "hours"
    if isinstance(settings, MeanRule):
        return "slot" if rule.kind == "slot_mean" else "hour"
    return None


class GuidanceView(Struct, frozen=True, kw_only=True):
    """What a rule tells the person who answers: what may be the cause, what will come of it, what to do, how soon."""

    cause: Text
    consequence: Text
    action: Text
    respond_within_s: int


class RuleView(Struct, frozen=True, kw_only=True):
    """The rule in force.

    settings  those of its kind, as compiled; sources: where its numbers come from, and how certain each is
    pack      the pack that it comes with; null = one's own, or built in
    """

    id: str
    kind: str
    priority: int
    latch: bool
    maintenance: bool
    basis: str | None
    quantity: str | None
    pack: str | None
    limits: list[LimitView]
    settings: dict[str, Any]
    sources: list[dict[str, str]]


def guidance_of(rule: Rule) -> GuidanceView:
    """Show what to do."""
    return GuidanceView(
        cause=rule.cause, consequence=rule.consequence, action=rule.action,
        respond_within_s=rule.respond_within_ms // 1000,
    )  # fmt: skip


def rule_view(rule: Rule) -> RuleView:
    """Show a rule."""
    names = ("number", "value", "document", "clause", "mark")
    return RuleView(
        id=rule.id, kind=rule.kind, priority=rule.priority, latch=rule.latch, maintenance=rule.maintenance,
        basis=rule.basis, quantity=getattr(rule.settings, "quantity", None) or None, pack=rule.pack or None,
        limits=limits_of(rule), settings=to_builtins(rule.settings),
        sources=[dict(zip(names, to_builtins(cited), strict=True)) for cited in rule.sources],
    )  # fmt: skip
