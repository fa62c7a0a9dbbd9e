"""When alarms called for somebody, and what became of it: out of the book's events, for figures and reports."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from rules.flood import counted
from rules.records import Alarm, Event, Text
from store.event_search import EventReader, Search

PAGE = 500  # events read at once

_event = msgspec.json.Decoder(Event).decode


class Activation(Struct, kw_only=True):
    """One time that an alarm called for somebody.

    at_ms        when it did; since_ms: when its condition began, which may have been before
    acked_ms     when somebody answered it: one answer is one to all that rang since the last; None = nobody has
    settled_ms   when it needed an answer no more, and nobody had answered: it returned and asks for none, its rule or
                 device went, its shelving ended when it had returned
    returned_ms  when its condition went after that, or its rule or device did; None = it stands, as far as is known
    withdrawn    it was the rule or the device that went
    finding      of a closed period: it was over the moment that it was told
    """

    alarm: str
    occurrence: int
    rule: str
    priority: int
    text: Text
    at_ms: int
    since_ms: int
    site: str | None = None
    device: str | None = None
    name: str = ""
    family: str | None = None
    acked_ms: int | None = None
    acked_by: str = ""
    comment: str = ""
    settled_ms: int | None = None
    returned_ms: int | None = None
    withdrawn: bool = False
    finding: bool = False

    @property
    def waits(self) -> bool:
        """Whether it waits for an answer."""
        return self.acked_ms is None and self.settled_ms is None


class History:
    """Activations, out of events in the order of their numbers.

    begins_ms  where the events begin; of what stood then already the book is asked, from its begin on
    """

    def __init__(self, book: EventReader | None = None, begins_ms: int = 0) -> None:
        self.activations: list[Activation] = []
        self._book, self._begins_ms = book, begins_ms
        self._seen: set[str] = set()  # alarms
        self._waiting: defaultdict[str, list[Activation]] = defaultdict(list)  # for an acknowledgement, or an end
        self._sequence: dict[str, int] = {}  # of the record that raised it last

    def take(self, event: Event) -> None:
        """Take the next event."""
        if event.alarm.id not in self._seen:
            self._look_back(event.alarm, event.number)
        self._take(event)

    def stand(self, alarms: Iterable[Alarm]) -> None:
        """Add those that stand after the last event and began before the first, and nothing was told of since."""
        for alarm in alarms:
            if alarm.active and alarm.id not in self._seen:
                self._look_back(alarm, None)

    def _look_back(self, alarm: Alarm, number: int | None) -> None:
        """Take what was told of an alarm before an event (None: all), from its begin on, if that was before."""
        self._seen.add(alarm.id)
        if self._book is None or not 0 < alarm.since_ms < self._begins_ms:
            return
        earlier = since_raised(self._book, alarm.id, number)
        for event in earlier:
            self._take(event)
        forgotten = not earlier or earlier[0].kind != "raised"
        if forgotten and not alarm.suppressed and (alarm.returned_ms or self._begins_ms) >= self._begins_ms:
            self._rings(alarm, alarm.since_ms)  # it is taken for rung unless it is withheld now

    def _rings(self, alarm: Alarm, at_ms: int) -> None:
        self.activations.append(activation(alarm, at_ms))
        self._waiting[alarm.id].append(self.activations[-1])

    def _take(self, event: Event) -> None:
        alarm = event.alarm
        if counted(event):
            self._rings(alarm, event.t_ms)
            self._sequence[alarm.id] = event.sequence
            return
        waiting = self._waiting[alarm.id]
        if alarm.acknowledged:
            _answer([each for each in waiting if each.waits], event)
        if event.kind in ("returned", "withdrawn"):
            for each in waiting:
                if each.returned_ms is None:
                    each.returned_ms, each.withdrawn = event.t_ms, event.kind == "withdrawn"
                    each.finding = event.kind == "returned" and self._sequence.get(alarm.id) == event.sequence
        self._waiting[alarm.id] = [each for each in waiting if each.waits or each.returned_ms is None]


def _answer(waiting: Iterable[Activation], event: Event) -> None:
    """Note who answered them, or that they need none any more: a person answers, not another configuration."""
    answered = event.kind in ("acknowledged", "reset") and event.cause != "config"
    for each in waiting:
        if answered:
            each.acked_ms, each.acked_by, each.comment = event.t_ms, event.user, event.comment
        else:
            each.settled_ms = event.t_ms


def activation(alarm: Alarm, at_ms: int) -> Activation:
    """Make one, of which nothing has become yet."""
    return Activation(
        alarm=alarm.id, occurrence=alarm.occurrence, rule=alarm.rule, priority=alarm.priority, text=alarm.text,
        at_ms=at_ms, since_ms=alarm.since_ms, site=alarm.site, device=alarm.device, name=alarm.name,
        family=alarm.family,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ out of the book


def events_from(book: EventReader, from_ms: int) -> Iterator[Event]:
    """Yield what was told from a civil time on, up to now, without evidence."""
    number = book.before(from_ms)
    while rows := book.events(number, PAGE):
        yield from (_event(body) for _, body in rows)
        number = rows[-1][0]


def since_raised(book: EventReader, alarm: str, number: int | None) -> list[Event]:
    """Return what was told of an alarm before an event with a number, without evidence; None: up to now.

    It begins with the newest `raised`, if the book still has one.
    """
    found: list[Event] = []
    while rows := book.search(Search(alarm=alarm, before=number), PAGE):
        for _, body in rows:
            found.append(_event(body))
            if found[-1].kind == "raised":
                return found[::-1]
        number = rows[-1][0]
    return found[::-1]


def read(book: EventReader, from_ms: int) -> list[Activation]:
    """Read the activations since a civil time, and those before of what stood then, or stands still."""
    history = History(book, from_ms)
    for event in events_from(book, from_ms):
        history.take(event)
    history.stand(book.alarms())
    return history.activations
