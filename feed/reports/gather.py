"""Gathers what a report says: series, exceedances, devices, figures of the alarm system. Reads the book alone."""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from devices.registry import Device, Registry
from feed.activations import Activation, History, events_from
from feed.console_settings import EIGHT_HOURS, ShiftSettings
from feed.kpi import Asked, figures, length_ms, to_acknowledge
from feed.reports.facts import Exceedance, Family, Ranked, Report, Series, Span, Unit
from feed.reports.ledger import Ledger
from feed.reports.series import Reader, quantities_of, reported
from feed.shifts import shifts_of
from rules.kinds.silence import limit_ms
from rules.records import Event
from rules.ruleset import Rule, RuleSet
from rules.scope import in_scope
from store.event_search import EventReader
from store.watched import Span as Gap

RANKED_BY = ("pm10_ug_m3", "pm25_ug_m3", "tsp_ug_m3", "noise_eq_db", "noise_db")


class Silences:
    """When devices were not heard: by their own alarm of silence, or as members of that of a link or of many.

    An alarm comes when a device has been silent for as long as it may be: its silence began so long before.

    begins_ms  where the events begin; what stood then counts from there
    unwatched  when nobody listened: that time is neither online nor silence
    """

    def __init__(self, registry: Registry, ruleset: RuleSet, begins_ms: int, unwatched: Sequence[Gap]) -> None:
        rules = [rule for rule in ruleset.rules if rule.kind == "silence" and rule.mode == "live"]
        self._rules = {rule.id: rule for rule in rules}
        self._devices = {device.id: device for device in registry.devices}
        self._begins_ms, self._unwatched = begins_ms, unwatched
        self._of: dict[str, dict[tuple[str, int], tuple[int, int | None]]] = {}  # (alarm, since) -> begin, end
        self._inside: dict[str, dict[str, int]] = {}  # alarm -> member -> since

    def take(self, event: Event) -> None:
        """Take the next event."""
        alarm = event.alarm
        if alarm.rule in self._rules and alarm.device is not None and alarm.since_ms and not alarm.shadow:
            until_ms = None if alarm.active else alarm.returned_ms or event.t_ms
            begun_ms = alarm.since_ms - self._allowed_ms(alarm.device, [self._rules[alarm.rule]])
            self._of.setdefault(alarm.device, {})[alarm.id, alarm.since_ms] = begun_ms, until_ms
        elif alarm.device is None and (alarm.members or alarm.id in self._inside):
            since_ms = event.t_ms if event.kind in ("raised", "members") else self._begins_ms
            inside = self._inside.setdefault(alarm.id, {})
            for member in alarm.members:
                self._member(member, alarm.id, inside.setdefault(member, since_ms), None)
            for member in inside.keys() - set(alarm.members):
                self._member(member, alarm.id, inside.pop(member), event.t_ms)

    def _member(self, device: str, alarm: str, since_ms: int, until_ms: int | None) -> None:
        begun_ms = since_ms - self._allowed_ms(device, self._rules.values())
        self._of.setdefault(device, {})[alarm, since_ms] = begun_ms, until_ms

    def _allowed_ms(self, name: str, rules: Iterable[Rule]) -> int:
        """Return how long a device may be quiet before that is an alarm."""
        device = self._devices.get(name)
        if device is None:
            return 0
        found = (limit_ms(rule.settings, device.interval_ms) for rule in rules if in_scope(rule.scope, device))
        return min(found, default=0)

    def online_pct(self, device: str, from_ms: int, to_ms: int) -> float | None:
        """Return the share of the time in which somebody listened that it was not silent; None = nobody did."""
        listened_ms = length_ms(from_ms, to_ms, self._unwatched)
        if to_ms <= from_ms or listened_ms <= 0:
            return None
        silent_ms, end_ms = 0, from_ms
        for since_ms, until_ms in sorted(self._of.get(device, {}).values(), key=lambda each: each[0]):
            begin_ms = max(since_ms, end_ms)
            end_ms = max(end_ms, min(to_ms if until_ms is None else until_ms, to_ms))
            if begin_ms < end_ms:
                silent_ms += length_ms(begin_ms, end_ms, self._unwatched)
        return 100 * (1 - silent_ms / listened_ms)


class Gathering:
    """Everything that several reports of one span need, read once.

    now_ms  up to then is known what became of alarms
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a gateway is
        self, book: EventReader, registry: Registry, ruleset: RuleSet, span: Span, now_ms: int,
        shifts: Sequence[ShiftSettings] = EIGHT_HOURS,
    ) -> None:  # fmt: skip
        self.span, self.now_ms, self._shifts = span, now_ms, shifts
        self._registry, self._zone, self._ruleset = registry, registry.time_zone, ruleset
        begins_ms = book.begins_ms()
        self._unwatched = book.unwatched(now_ms)
        unwatched = self._unwatched or [(0, now_ms if begins_ms is None else begins_ms)]
        self._reader = Reader(book, ruleset, self._zone, now_ms, unwatched)
        self._quantities = quantities_of(registry)
        history, ledger, self._silences = (
            History(book, span.from_ms),
            Ledger(book, self._zone, span.from_ms),
            Silences(registry, ruleset, span.from_ms, self._unwatched),
        )
        for event in events_from(book, span.from_ms):
            if event.t_ms < now_ms:
                history.take(event)
                self._silences.take(event)
            ledger.take(event)
        standing_now = book.alarms()
        history.stand(standing_now)
        for alarm in standing_now:
            if alarm.active and 0 < alarm.since_ms < span.from_ms:
                standing = Event(sequence=0, at_ms=0, t_ms=now_ms, kind="standing", cause="", alarm=alarm)
                self._silences.take(standing)
                ledger.take(standing)
        self._activations, self._exceedances = history.activations, ledger.rows(span)
        self._series: dict[str, list[Series]] = {}

    # ------------------------------------------------------------------------------------------------ of one report

    def sites(self) -> list[str]:
        """Return all sites that have devices."""
        return sorted({device.site for device in self._registry.devices if device.site})

    def site(self, site: str) -> Report:
        """Gather the report of a site."""
        devices = [device for device in self._registry.devices if device.site == site]
        return self._report(devices, site, site)

    def city(self, title: str, sites: Iterable[str]) -> Report:
        """Gather the report of all, with the ranking of sites."""
        found = self._report(list(self._registry.devices), None, title)
        by = next((name for name in RANKED_BY if any(each.quantity == name for each in found.series)), "")
        found.ranking_by, found.ranking = by, self._ranking(sites, by)
        return found

    def _report(self, devices: Sequence[Device], site: str | None, title: str) -> Report:
        ids = {device.id for device in devices}
        series = [each for device in devices for each in self._series_of(device)]
        rang = [each for each in self._activations if site is None or each.site == site or each.device in ids]
        units = [self._unit(device, rang) for device in devices]
        shifts = shifts_of(self._shifts, ZoneInfo(self._zone), self.span.from_ms, self.span.to_ms)
        asked = Asked(
            from_ms=self.span.from_ms, to_ms=self.span.to_ms, now_ms=self.now_ms, shifts=shifts,
            unwatched=self._unwatched,
        )  # fmt: skip
        return Report(
            gateway=self._registry.gateway,
            zone=self._zone,
            span=self.span,
            site=site,
            title=title,
            now_ms=self.now_ms,
            labels=_common(devices) if site is not None else {},
            series=series,
            exceedances=[each for each in self._exceedances if each.device in ids],
            families=self._families(units, rang),
            units=units,
            kpi=figures(rang, asked),
        )

    def _series_of(self, device: Device) -> list[Series]:
        if device.id not in self._series:
            found = [
                self._reader.series(device, quantity, self.span)
                for quantity in reported(device, self._quantities.get(device.id, ()))
            ]
            compare = self.span.kind == "month"
            self._series[device.id] = [self._reader.compared(e, self.span) if compare else e for e in found]
        return self._series[device.id]

    def _unit(self, device: Device, rang: Sequence[Activation]) -> Unit:
        series = self._series_of(device)
        shares = [each.online_pct for each in series if each.online_pct is not None]
        judged = any(rule.kind == "silence" and in_scope(rule.scope, device) for rule in self._ruleset.rules)
        online: float | None = max(shares, default=None)
        if not series and judged:
            end_ms = min(self.span.to_ms, self.now_ms)
            online = self._silences.online_pct(device.id, self.span.from_ms, end_ms)
        return Unit(
            id=device.id, name=device.name or device.id, model=device.model, family=device.family, site=device.site,
            online_pct=online, by="readings" if shares else "silence" if online is not None else "",
            alarms=sum(each.device == device.id for each in self._inside(rang)),
        )  # fmt: skip

    def _inside(self, rang: Iterable[Activation]) -> list[Activation]:
        return [each for each in rang if self.span.from_ms <= each.at_ms < self.span.to_ms]

    def _families(self, units: Sequence[Unit], rang: Sequence[Activation]) -> list[Family]:
        found = []
        for family in sorted({unit.family for unit in units}):
            some = [unit for unit in units if unit.family == family]
            shares = [unit.online_pct for unit in some if unit.online_pct is not None]
            ids = {unit.id for unit in some}
            own = [each for each in self._inside(rang) if each.device in ids]
            answered = to_acknowledge(own, self.now_ms)
            found.append(
                Family(
                    family=family, devices=len(some), online_pct=sum(shares) / len(shares) if shares else None,
                    alarms=len(own), unanswered=answered.open, median_s=answered.median_s, p95_s=answered.p95_s,
                )
            )  # fmt: skip
        return found

    # --------------------------------------------------------------------------------------------------- of the city

    def _ranking(self, sites: Iterable[str], by: str) -> list[Ranked]:
        """Rank sites by the mean of a quantity, the highest first; of what is not enough there is no place."""
        rows = [self._ranked(site, by) for site in sites]
        with_mean = sorted((row for row in rows if row.mean is not None), key=lambda row: (-(row.mean or 0), row.site))
        for row in with_mean:
            row.place = 1 + sum((other.mean or 0) > (row.mean or 0) for other in with_mean)
        return with_mean + sorted((row for row in rows if row.mean is None), key=lambda row: row.site)

    def _ranked(self, site: str, by: str) -> Ranked:
        devices = [device for device in self._registry.devices if device.site == site]
        series = [each for device in devices for each in self._series_of(device) if each.quantity == by]
        means = [each.values.mean for each in series if each.values.enough and each.values.mean is not None]
        ids = {device.id for device in devices}
        return Ranked(
            site=site, place=None, mean=sum(means) / len(means) if means else None,
            highest=max((e.values.highest for e in series if e.values.highest is not None), default=None),
            exceedances=_counted(self._exceedances, ids), online_pct=_mean([each.online_pct for each in series]),
            valid_pct=_mean([each.valid_pct for each in series]),
            doubtful=any(each.doubtful for device in devices for each in self._series_of(device)),
            least=not all(each.values.enough for each in series),
        )  # fmt: skip


def _counted(exceedances: Iterable[Exceedance], devices: set[str]) -> int:
    return sum(each.device in devices and not each.turned for each in exceedances)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known else None


def _common(devices: Sequence[Device]) -> dict[str, str]:
    """Return the labels that all devices of a site share."""
    found = dict(devices[0].labels) if devices else {}
    for device in devices:
        found = {name: value for name, value in found.items() if device.labels.get(name) == value}
    return found
