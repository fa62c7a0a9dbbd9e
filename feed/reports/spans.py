"""Days and months of a zone, and which reports are due. Pure."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from feed.reports.facts import Kind, Span
from feed.reports.settings import ReportsSettings
from rules.periods import MINUTE_MS, Calendar

CATCH_UP_DAYS, CATCH_UP_MONTHS = 31, 12
AGAIN_DAYS = 4  # a day is final 48 h after its end; then nothing of it is amended any more


def day(name: str, zone: str) -> Span:
    """Return a day, `2026-11-23`. Raises ValueError."""
    first = date.fromisoformat(name)
    return _span("day", name, first, first + timedelta(days=1), zone)


def month(name: str, zone: str) -> Span:
    """Return a month, `2026-11`. Raises ValueError."""
    first = date.fromisoformat(f"{name}-01")
    return _span("month", name, first, (first + timedelta(days=31)).replace(day=1), zone)


def before(span: Span, zone: str) -> Span:
    """Return the day or month before."""
    last = datetime.fromtimestamp(span.from_ms / 1000 - 1, ZoneInfo(zone)).date()
    return day(last.isoformat(), zone) if span.kind == "day" else month(f"{last:%Y-%m}", zone)


def year_before(span: Span, zone: str) -> Span:
    """Return the same month of the year before."""
    year, _, rest = span.name.partition("-")
    return month(f"{int(year) - 1:04}-{rest}", zone)


def days_of(span: Span, zone: str) -> Iterator[Span]:
    """Yield the days of a month; of a day, itself."""
    calendar, minute = Calendar(zone), span.from_ms // MINUTE_MS
    while minute * MINUTE_MS < span.to_ms:
        one = calendar.day(minute)
        yield Span(kind="day", name=one.date, from_ms=one.start * MINUTE_MS, to_ms=one.end * MINUTE_MS, hours=one.hours)
        minute = one.end


def hours_of(span: Span, zone: str) -> list[int]:
    """Return when each hour of a span begins, Unix ms: a day may have 23 or 25."""
    calendar = Calendar(zone)
    days = days_of(span, zone)
    return [hour * MINUTE_MS for one in days for hour in calendar.hours(calendar.day(one.from_ms // MINUTE_MS))]


def _span(kind: Kind, name: str, first: date, end: date, zone: str) -> Span:
    calendar, minutes = Calendar(zone), []
    for each in (first, end):
        noon = int(datetime.combine(each, time(12), ZoneInfo(zone)).timestamp()) // 60
        minutes.append(calendar.day(noon).start)
    days = [calendar.day(minutes[0])]
    while days[-1].end < minutes[1]:
        days.append(calendar.day(days[-1].end))
    return Span(
        kind=kind, name=name, from_ms=minutes[0] * MINUTE_MS, to_ms=minutes[1] * MINUTE_MS,
        hours=sum(each.hours for each in days),
    )  # fmt: skip


def due(settings: ReportsSettings, zone: str, now_ms: int, made: Collection[str]) -> list[Span]:
    """Return the days and months that there must be a report of by now, the oldest first.

    made  names of days and months that there are reports of. After a downtime those that were missed are made too, as
          far back as the newest that was made, and 31 days (12 months) at the most; where none was ever made, the last.
    """
    found: list[Span] = []
    now = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone))
    if settings.monthly is not None:
        at, _, clock = settings.monthly.partition(" ")
        last = now if (now.day, f"{now:%H:%M}") >= (int(at), clock) else now.replace(day=1) - timedelta(days=1)
        first = before(month(f"{last:%Y-%m}", zone), zone)
        found += _missed(first, zone, {name for name in made if len(name) == len("2026-11")}, CATCH_UP_MONTHS)
    if settings.daily is not None:
        last_day = now.date() - timedelta(days=1 if f"{now:%H:%M}" >= settings.daily else 2)
        newest = day(last_day.isoformat(), zone)
        found += _missed(newest, zone, {name for name in made if len(name) > len("2026-11")}, CATCH_UP_DAYS)
    return found


def _missed(newest: Span, zone: str, made: Collection[str], most: int) -> list[Span]:
    """Return those that were not made, of the newest back to the last that was."""
    found = [] if newest.name in made else [newest]
    while made and found and len(found) < most:
        former = before(found[-1], zone)
        if former.name in made or former.name < min(made):
            break
        found.append(former)
    return found[::-1]


def may_change(span: Span, now_ms: int) -> bool:
    """Whether something of it may still be amended, or was so lately that nobody has looked since."""
    return now_ms < span.to_ms + AGAIN_DAYS * 86_400_000
