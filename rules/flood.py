"""What the control room counts: which events ring, whether that is a flood, and what a flood is shown as.

`annunciated` is the one definition for sound, figures, notifications and flood.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rules.records import Alarm, Event

FLOOD_WINDOW_MS = 600_000
FLOOD_ABOVE, FLOOD_BELOW = 10, 5

_RINGING = frozenset({"raised", "reraised", "unshelved", "unsuppressed", "in_service"})


def annunciated(event: Event) -> bool:
    """Tell whether this event asks somebody for attention who was not asked before (ISA-18.2: annunciation).

    So does an alarm that nothing withholds any more, where it is active and unacknowledged.
    """
    return event.kind in _RINGING and event.alarm.state == "UNACK" and not event.alarm.shadow


class Flood:
    """Whether alarms come faster than a person can take them in, by events in their order; civil time.

    It begins when more than 10 rang within 10 minutes, and ends when fewer than 5 did (EEMUA 191, ISA-18.2 16.5.3).
    """

    def __init__(self) -> None:
        self._rang: deque[int] = deque()
        self._since_ms: int | None = None

    def take(self, event: Event) -> None:
        """Count an event if it rings."""
        if annunciated(event):
            self.ring(event.t_ms)

    def ring(self, t_ms: int) -> None:
        """Count an alarm that calls for somebody."""
        self.look(t_ms)
        self._rang.append(t_ms)
        if self._since_ms is None and len(self._rang) > FLOOD_ABOVE:
            self._since_ms = t_ms

    def look(self, t_ms: int) -> tuple[int, int | None]:
        """Return how many rang within 10 minutes before, and since when it is a flood; None = it is none."""
        if self._rang and self._rang[-1] > t_ms:  # the clock was set back: what rang later rang now
            self._rang = deque(min(rang_ms, t_ms) for rang_ms in self._rang)
        while self._rang and self._rang[0] <= t_ms - FLOOD_WINDOW_MS:
            self._rang.popleft()
        if len(self._rang) < FLOOD_BELOW:
            self._since_ms = None
        return len(self._rang), self._since_ms

    def active(self, t_ms: int) -> bool:
        """Tell whether it is a flood."""
        return self.look(t_ms)[1] is not None


class Card(NamedTuple):
    """What is shown as one in a flood: the id of the alarm that names the cause, and the alarms behind it, by id.

    cause may be over, or be the first of several of one rule at one site where nothing names a cause.
    """

    cause: str
    members: tuple[str, ...]


def cards(alarms: Iterable[Alarm]) -> list[Card]:
    """Group standing alarms by what names their cause, in the order of its id; priority 1 always stands alone."""
    standing = {alarm.id: alarm for alarm in sorted(alarms, key=lambda alarm: alarm.id)}
    named = {alarm.group for alarm in standing.values() if alarm.group is not None}
    found: dict[str, list[str]] = {}
    alike: dict[tuple[str, str], str] = {}
    for alarm in standing.values():
        cause = alarm.id
        if alarm.priority > 1 and alarm.group is not None:
            cause = _head(alarm, standing)
        elif alarm.priority > 1 and alarm.id not in named:
            cause = alike.setdefault((alarm.rule, alarm.site or ""), alarm.id)
        members = found.setdefault(cause, [])
        if cause != alarm.id:
            members.append(alarm.id)
    return [Card(cause, tuple(members)) for cause, members in sorted(found.items())]


def _head(alarm: Alarm, standing: Mapping[str, Alarm]) -> str:
    """Follow causes to the last that is named; one of priority 1 is one, and so is the first of a circle."""
    way = [alarm.id]
    while alarm.group is not None:
        if alarm.group in way:
            return min(way[way.index(alarm.group) :])
        way.append(alarm.group)
        if alarm.group not in standing or standing[alarm.group].priority == 1:
            break
        alarm = standing[alarm.group]
    return way[-1]
