"""What a report says of the series of devices: out of the hours that the book holds."""

from collections.abc import Iterable, Sequence

from devices.quantities import QUANTITIES
from devices.reception import Reception
from devices.registry import Device, Registry
from feed.kpi import length_ms, percentile
from feed.limits import limits_of
from feed.reports.facts import EXCEEDABLE, LimitLine, Series, Span, Values
from feed.reports.settings import REPORTED
from feed.reports.spans import before, days_of, hours_of, year_before
from rules import lines
from rules.records import Period
from rules.ruleset import Rule, RuleSet
from rules.scope import in_scope
from rules.world import AIR
from store.book import BookReader

DAY_HOURS = 20
"""Valid hours that the mean of a day needs (GB 3095-2026 table 4, PM10 and PM2.5; TSP: 24)."""

_P95 = 0.95
_HOUR_MS = 3_600_000


def reported(device: Device, quantities: Iterable[str]) -> list[str]:
    """Return what a report tells of a device, given what it measures."""
    return [name for name in REPORTED if name in quantities] if device.family in AIR else []


def quantities_of(registry: Registry) -> dict[str, tuple[str, ...]]:
    """Return what each device measures."""
    return {name: track.quantities for name, track in Reception(registry, lines.prefix).tracks.items()}


class Reader:
    """Reads series of a span.

    now_ms     what lies behind it has not happened yet
    unwatched  when nobody listened: nothing was to come then
    """

    def __init__(
        self, book: BookReader, ruleset: RuleSet, zone: str, now_ms: int, unwatched: Sequence[tuple[int, int]] = ()
    ) -> None:
        self._book, self._zone, self._now_ms, self._unwatched = book, zone, now_ms, unwatched
        self._rules = [rule for rule in ruleset.rules if rule.mode == "live"]

    def series(self, device: Device, quantity: str, span: Span) -> Series:
        """Say all that is known of a series."""
        whole = hours_of(span, self._zone)
        hours = [start for start in whole if start < self._now_ms]
        told = self._hours(device.id, quantity, span)
        counted = [told[start] for start in hours if start in told]
        readings = sum(each.count for each in counted)
        left_out = sum(sum(each.left_out.values()) for each in counted)
        expected, came = self._expected(device, hours, told)
        known = QUANTITIES[quantity]
        daily = [(day, self._day(day, told)) for day in days_of(span, self._zone)]
        points = (
            [(start, told[start].mean if start in told else None) for start in whole]
            if span.kind == "day"
            else [(day.from_ms, mean) for day, mean in daily]
        )
        return Series(
            device=device.id, name=device.name or device.id, quantity=quantity, zh=known.zh, en=known.en,
            unit=known.unit, values=self._values(span, told), starts=[start for start, _ in points],
            means=[mean for _, mean in points], readings=readings, left_out=left_out, expected=expected,
            online_pct=min(100.0, 100 * came / expected) if expected else None,
            valid_pct=100 * readings / (readings + left_out) if readings + left_out else None,
            limits=self._limits(device, quantity, span), revised=_revised(counted),
            judged=self._judged(device, quantity),
        )  # fmt: skip

    def _expected(self, device: Device, hours: Iterable[int], told: dict[int, Period]) -> tuple[float, float]:
        """Return how many readings there should have been while somebody listened, and how many of these there were."""
        expected = came = 0.0
        for start in hours:
            listened_ms = length_ms(start, start + _HOUR_MS, self._unwatched)
            if listened_ms > 0:
                wanted = listened_ms / device.interval_ms
                hour = told.get(start)
                received = 0 if hour is None else hour.count + sum(hour.left_out.values())
                expected, came = expected + wanted, came + min(received, max(wanted, 1))
        return expected, came

    def compared(self, series: Series, span: Span) -> Series:
        """Add what it was a month and a year before."""
        for name, other in (("before", before(span, self._zone)), ("year", year_before(span, self._zone))):
            told = self._hours(series.device, series.quantity, other)
            if told:
                setattr(series, name, self._values(other, told))
        return series

    def _hours(self, device: str, quantity: str, span: Span) -> dict[int, Period]:
        periods = self._book.periods(device, quantity, "hour", span.from_ms, span.to_ms)
        return {each.start_ms: each for each in periods}

    def _values(self, span: Span, told: dict[int, Period]) -> Values:
        hours = [each for _, each in sorted(told.items()) if each.mean is not None]
        if span.kind == "day":
            means = [each.mean or 0.0 for each in hours]
            parts = sum(start < self._now_ms for start in hours_of(span, self._zone))
        else:
            days = [self._day(day, told) for day in days_of(span, self._zone) if day.to_ms <= self._now_ms]
            means, parts = [mean for mean in days if mean is not None], len(days)
        highest = max(hours, key=lambda each: each.mean or 0.0, default=None)
        return Values(
            mean=sum(means) / len(means) if means else None,
            p95=percentile(sorted(means), _P95),
            lowest=min((each.mean for each in hours if each.mean is not None), default=None),
            highest=None if highest is None else highest.mean,
            highest_at_ms=None if highest is None else highest.start_ms,
            valid=len(means),
            parts=parts,
        )

    @staticmethod
    def _day(day: Span, told: dict[int, Period]) -> float | None:
        """Return the mean of a day that has enough valid hours."""
        means = [e.mean for at, e in told.items() if day.from_ms <= at < day.to_ms and e.mean is not None]
        return sum(means) / len(means) if len(means) >= min(DAY_HOURS, day.hours) else None

    def _judged(self, device: Device, quantity: str) -> bool:
        """Tell whether the ledger tells where it exceeded a limit."""
        if quantity not in EXCEEDABLE:
            return False
        rules = (rule for rule in self._rules if getattr(rule.settings, "quantity", "") == quantity)
        return any(limits_of(rule) and in_scope(rule.scope, device) for rule in rules)

    def _limits(self, device: Device, quantity: str, span: Span) -> list[LimitLine]:
        """Return the limits of the means that the chart shows: of hours, or of days."""
        of = "hour" if span.kind == "day" else "day"
        return [
            LimitLine(value=limit.value, name=limit.name or rule.id, basis=limit.basis)
            for rule in self._rules
            if _judges(rule, device, quantity)
            for limit in limits_of(rule)
            if limit.of == of and (limit.from_ or "") <= span.name and span.name <= (limit.to or "9999")
        ]


def _judges(rule: Rule, device: Device, quantity: str) -> bool:
    plain = getattr(rule.settings, "background", None) is None and getattr(rule.settings, "deduct", None) is None
    return getattr(rule.settings, "quantity", "") == quantity and plain and in_scope(rule.scope, device)


def _revised(periods: Sequence[Period]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in periods:
        if each.revision > 1 and each.cause not in ("closed", "final"):
            found[each.cause] = found.get(each.cause, 0) + 1
    return found
