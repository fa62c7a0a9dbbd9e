"""Makes the reports that are due, and new versions of those whose data were amended since."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from devices.registry import Registry
from feed.console_settings import EIGHT_HOURS, ShiftSettings
from feed.reports import spans
from feed.reports.facts import Report, Span
from feed.reports.gather import Gathering
from feed.reports.otherwise import changes, revisions
from feed.reports.page import Shown, page
from feed.reports.sections import heading, sections
from feed.reports.settings import ReportsSettings
from feed.reports.shelf import Kept, Shelf, digest
from feed.reports.table import csv_of
from feed.reports.words import Language, sayer
from rules.ruleset import RuleSet
from store.event_search import EventReader

AMENDED = "amended"


class Maker(Struct, frozen=True, kw_only=True):
    """Whose reports are made, and how."""

    book: Path
    registry: Registry
    ruleset: RuleSet
    settings: ReportsSettings
    shifts: Sequence[ShiftSettings] = EIGHT_HOURS

    @property
    def city(self) -> str:
        """What the whole is called."""
        return self.settings.city or self.registry.gateway

    def sites(self) -> list[str]:
        """Return the sites that have reports of their own."""
        own = sorted({device.site for device in self.registry.devices if device.site})
        wanted = self.settings.sites
        return own if wanted is None else [site for site in own if site in wanted]

    def gather(self, span: Span, now_ms: int, sites: Iterable[str | None]) -> Iterator[Report]:
        """Gather reports of a span; None = of the city."""
        with EventReader(self.book) as book:
            found = Gathering(book, self.registry, self.ruleset, span, now_ms, self.shifts)
            for site in sites:
                yield found.city(self.city, self.sites()) if site is None else found.site(site)

    def _known(self, due: Iterable[Span], since_ms: int) -> list[Span]:
        """Return those of which something can be known: of what was before all that the book holds there is no report.

        since_ms  since when reports are made: of what comes then there are reports, though the book holds nothing yet
        """
        with EventReader(self.book) as book:
            begins_ms = book.begins_ms()
        begins_ms = since_ms if begins_ms is None else min(begins_ms, since_ms)
        return [span for span in due if span.to_ms > begins_ms]

    def run(self, state: Path, now_ms: int, told: Callable[[Kept], None] = lambda _: None) -> list[Kept]:
        """Make what is due by now, the city's report last: where it stands the others do."""
        with Shelf(state) as shelf:
            made: list[Kept] = []
            kept = shelf.all(site="", limit=1_000_000)
            zone = self.registry.time_zone
            due = self._known(
                spans.due(self.settings, zone, now_ms, {each.span for each in kept}), shelf.since_ms(now_ms)
            )
            names = {each.name for each in due}
            changeable = {each.span: each.as_span() for each in kept if spans.may_change(each.as_span(), now_ms)}
            again = [span for name, span in sorted(changeable.items()) if name not in names]
            for span in [*again, *due]:
                for report in self.gather(_whole(span, zone), now_ms, [*self.sites(), None]):
                    one = _version(shelf, report)
                    if one is not None:
                        made.append(keep(shelf, one, self.settings.language))
                        told(made[-1])
            shelf.forget(now_ms - self.settings.keep)
            return made


def _whole(span: Span, zone: str) -> Span:
    return span if span.hours else getattr(spans, span.kind)(span.name, zone)


def _version(shelf: Shelf, report: Report) -> Report | None:
    """Give a report its version, with what is otherwise than before; None where nothing is."""
    span, site = report.span, report.site or ""
    former = shelf.newest(span.kind, span.name, site)
    if former is not None:
        old = shelf.report(former)
        if old is not None:
            _devices_of_then(report, old)
        if former.measured == digest(report):
            return None
        report.version, report.why = former.version + 1, AMENDED
        report.revisions = revisions(report, old) if old is not None else []
    before = shelf.before(span.kind, site, span.from_ms)
    last = shelf.report(before) if before is not None else None
    report.changed = changes(report.units, last.units) if last is not None else None
    return report


def _devices_of_then(report: Report, old: Report) -> None:
    """Keep what a former version said of devices that are gone; leave out those that have said nothing of that time.

    So registering or removing a device amends no report, and a late registration does, by what it brings.
    """
    known, here = {unit.id for unit in old.units}, {unit.id for unit in report.units}
    heard = {each.device for each in report.series if each.readings or each.left_out}
    stays = known | heard
    gone = known - here
    report.series = [each for each in report.series if each.device in stays]
    report.series += [each for each in old.series if each.device in gone]
    report.units = [each for each in report.units if each.id in stays] + [e for e in old.units if e.id in gone]
    report.exceedances += [each for each in old.exceedances if each.device in gone]
    report.exceedances.sort(key=lambda each: (each.from_ms, each.alarm))


def keep(shelf: Shelf, report: Report, language: Shown) -> Kept:
    """Keep a report."""
    return shelf.keep(report, page(report, language), table(report, "en" if language == "en" else "zh"))


def table(report: Report, language: Language) -> str:
    """Write a report as CSV."""
    say = sayer(language)
    return csv_of(heading(report, say), sections(report, say, whole=True))
