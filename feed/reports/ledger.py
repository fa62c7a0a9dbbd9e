"""The ledger of exceedances: each time that a limit was exceeded, how high, and what people did about it.

Which periods exceeded is known from what the verdicts rest on (`Evidence.why`), for an alarm is told when a period has
closed: the mean of a day half an hour after midnight. Alarms of readings begin and end when they are told.
"""

from typing import Any

from feed.activations import since_raised
from feed.reports.facts import EXCEEDABLE, Exceedance, Span
from feed.reports.spans import day
from rules.flood import annunciated
from rules.records import Event
from store.event_search import EventReader

_LENGTH_MS = {"slot": 900_000, "hour": 3_600_000}


class Ledger:
    """Takes events in order, from the begin of a span (`begins_ms`) up to now.

    What had begun before then is looked up in the book.
    """

    def __init__(self, book: EventReader, zone: str, begins_ms: int) -> None:
        self._book, self._zone, self._begins_ms = book, zone, begins_ms
        self._rows: list[Exceedance] = []
        self._seen: set[str] = set()  # alarms
        self._unanswered: dict[str, list[Exceedance]] = {}
        self._open: dict[str, Exceedance] = {}
        self._known: dict[tuple[str, int], Exceedance] = {}
        self._span: dict[tuple[str, int], str] = {}  # slot, hour: whose means are compared as they are

    def take(self, event: Event) -> None:
        """Take the next event of any alarm; what is no exceedance is passed over."""
        alarm = event.alarm
        if alarm.quantity not in EXCEEDABLE or alarm.limit is None or alarm.device is None or alarm.shadow:
            return
        if alarm.id not in self._seen:
            self._seen.add(alarm.id)
            if self._from_before(event):
                for earlier in since_raised(self._book, alarm.id, event.number or None):
                    self._take(earlier)
        self._take(event)

    def _from_before(self, event: Event) -> bool:
        return 0 < event.alarm.since_ms < self._begins_ms

    def _take(self, event: Event) -> None:
        alarm = event.alarm
        row = self._known.get((alarm.id, alarm.occurrence))
        if event.kind in ("raised", "reraised"):
            row = self._raised(event)
        elif row is None and event.kind != "amended" and self._from_before(event):
            row = self._begun(event)
        if event.kind == "amended" and event.amends is not None:
            self._amended(event, self._known.get((alarm.id, event.amends)))
        elif row is not None:
            self._went_on(event, row)

    def _raised(self, event: Event) -> Exceedance:
        alarm = event.alarm
        row = self._open.get(alarm.id)
        if row is None or (event.kind == "raised" and row.occurrence != alarm.occurrence):
            why = self._why(event)
            row = self._add(event, self._begin(event, why))
            if _of_a_day(why):
                row.to_ms = day(str(why["date"]), self._zone).to_ms
            if "others" not in why and why.get("span") in _LENGTH_MS:
                self._span[row.alarm, row.occurrence] = str(why["span"])
        self._known[alarm.id, alarm.occurrence] = row
        return row

    def _begun(self, event: Event) -> Exceedance:
        """Make the row of what began before the book remembers: how it began nobody knows any more."""
        alarm = event.alarm
        row = self._add(event, alarm.since_ms)
        if alarm.acked_ms is not None:
            row.acked_ms, row.by = alarm.acked_ms, alarm.acked_by
        return row

    def _add(self, event: Event, from_ms: int) -> Exceedance:
        alarm = event.alarm
        row = _row(event, from_ms)
        self._rows.append(row)
        self._unanswered.setdefault(alarm.id, []).append(row)
        self._open[alarm.id] = self._known[alarm.id, alarm.occurrence] = row
        return row

    def _went_on(self, event: Event, row: Exceedance) -> None:
        alarm = event.alarm
        if annunciated(event) and row.rang_ms is None:
            row.rang_ms, row.withheld = event.t_ms, []
        answers = [row]
        if event.kind in ("acknowledged", "reset"):  # one answer answers all that rang since the last
            answers = self._unanswered.pop(alarm.id, answers)
            for each in answers:
                _answered(each, event)
        if event.user and event.comment:
            for each in answers:
                each.reply = "; ".join(filter(None, (each.reply, event.comment)))
        if event.kind in ("returned", "withdrawn"):
            self._open.pop(alarm.id, None)
            if row.to_ms is None:
                row.to_ms = self._end(event, row)
        value = _number(alarm.value)
        if value is not None and alarm.active and (row.peak is None or value > row.peak):
            row.peak = value

    def _end(self, event: Event, row: Exceedance) -> int:
        start = self._why(event).get("start_ms")
        length_ms = _LENGTH_MS.get(self._span.get((row.alarm, row.occurrence), ""))
        if isinstance(start, int) and start > row.from_ms:  # the first period that did not exceed
            return start
        if length_ms and row.rang_ms in (None, event.t_ms):  # over the moment that it was told
            return row.from_ms + length_ms
        return event.t_ms

    def _amended(self, event: Event, row: Exceedance | None) -> None:
        if row is None:
            return
        why = self._why(event)
        row.amended += 1
        value, limit = _number(why.get("value")), _number(why.get("limit")) or row.limit
        same = why.get("start_ms") is None or int(why["start_ms"]) == row.from_ms
        if same:
            row.turned = value is None or value <= limit
        if value is not None and not row.turned:
            row.peak = value if same else max(value, row.peak or value)

    def _why(self, event: Event) -> dict[str, Any]:
        evidence = self._book.evidence(event.number)
        return {} if evidence is None else evidence.why

    def _begin(self, event: Event, why: dict[str, Any]) -> int:
        start = why.get("start_ms")
        if isinstance(start, int):
            return start
        if _of_a_day(why):
            return day(str(why["date"]), self._zone).from_ms
        return event.alarm.since_ms

    def rows(self, span: Span) -> list[Exceedance]:
        """Return those of which a part lies in a span, by begin."""
        inside = [e for e in self._rows if e.from_ms < span.to_ms and (e.to_ms is None or e.to_ms > span.from_ms)]
        for row in inside:
            self._raise_peak(row, span.to_ms)
        return sorted(inside, key=lambda e: (e.from_ms, e.alarm))

    def _raise_peak(self, row: Exceedance, end_ms: int) -> None:
        """Take the highest of its periods for its peak: an alarm tells only the first value."""
        span = self._span.get((row.alarm, row.occurrence))
        if span is None or row.peak is None or row.turned:
            return
        periods = self._book.periods(row.device, row.quantity, span, row.from_ms, row.to_ms or end_ms)
        row.peak = max([row.peak, *(each.mean for each in periods if each.mean is not None)])


def _answered(row: Exceedance, event: Event) -> None:
    if row.acked_ms is None:
        row.acked_ms, row.by = event.t_ms, event.user
        row.minutes = None if row.rang_ms is None else max(event.t_ms - row.rang_ms, 0) / 60_000


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _row(event: Event, from_ms: int) -> Exceedance:
    alarm = event.alarm
    return Exceedance(
        alarm=alarm.id,
        occurrence=alarm.occurrence,
        device=alarm.device or "",
        name=alarm.name,
        quantity=alarm.quantity or "",
        text=alarm.text,
        priority=alarm.priority,
        from_ms=from_ms,
        to_ms=None,
        peak=_number(alarm.value),
        limit=alarm.limit or 0.0,
        unit=alarm.unit,
        basis=alarm.basis,
        rang_ms=None,
        withheld=list(alarm.suppressed),
    )


def _of_a_day(why: dict[str, Any]) -> bool:
    """Tell whether a verdict is on the mean of a day."""
    return "date" in why and "hours_needed" in why and "start_ms" not in why
