"""How the control room stands: how many alarms of which priority, what is withheld, whether it is a flood. Pure.

Counted as events are told, for a count of 5,000 alarms must not be made anew whenever somebody looks.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from devices.instants import rfc3339
from rules.flood import Flood, counted
from rules.records import Alarm, Event

_WITHHELD = {"SHELVED": "shelved", "SUPPRESSED": "suppressed", "OUT_OF_SERVICE": "out_of_service"}


class Standing(Struct, frozen=True):
    """Alarms of one priority that stand. unacked: those that nobody has acknowledged; total: these too."""

    unacked: int
    total: int


class FloodState(Struct, frozen=True):
    """since: when it began, RFC 3339; null = there is none."""

    active: bool
    since: str | None


class ShiftNow(Struct, frozen=True):
    """The shift that sits here now, RFC 3339."""

    name: str
    since: str
    until: str


class Summary(Struct, frozen=True, kw_only=True):
    """The counters of the control room.

    position     all events up to here are counted
    standing     by priority, p1 to p4: what is shown among the alarms
    shelved, out_of_service  by people; suppressed: by design; maintenance: work to be planned
    last_10_min  alarms that called for somebody within the last 10 minutes
    shift        null = nobody's
    """

    gateway: str
    time: str
    position: str
    standing: dict[str, Standing]
    shelved: int
    suppressed: int
    out_of_service: int
    maintenance: int
    last_10_min: int
    flood: FloodState
    shift: ShiftNow | None


class Mark(NamedTuple):
    """What one event changes. place: priority and state, None = it stands no more; rings_ms: when it rang, 0 = not."""

    alarm: str
    place: tuple[int, str] | None
    rings_ms: int


def place_of(alarm: Alarm) -> tuple[int, str] | None:
    """Say where an alarm is counted."""
    if alarm.over:
        return None
    return alarm.priority, "MAINTENANCE" if alarm.suppressed == ["maintenance"] else alarm.state


def mark(event: Event) -> Mark:
    """Say what an event changes."""
    return Mark(event.alarm.id, place_of(event.alarm), event.t_ms if counted(event) else 0)


class Counts:
    """Where each alarm is counted; of one thread."""

    def __init__(self, alarms: Iterable[Alarm] = (), recent: Iterable[Event] = ()) -> None:
        """alarms: those that stand; recent: the events of the last hour, in their order."""
        self.flood = Flood()
        self._places = {alarm.id: place for alarm in alarms if (place := place_of(alarm)) is not None}
        for event in recent:
            if counted(event):
                self.flood.ring(event.t_ms)

    def take(self, change: Mark) -> None:
        """Count what an event changes."""
        if change.place is None:
            self._places.pop(change.alarm, None)
        else:
            self._places[change.alarm] = change.place
        if change.rings_ms:
            self.flood.ring(change.rings_ms)

    def summary(self, gateway: str, position: str, now_ms: int, shift: ShiftNow | None) -> Summary:
        """Add up; civil time."""
        counted = Counter(self._places.values())
        withheld: Counter[str] = Counter()
        standing = {priority: [0, 0] for priority in range(1, 5)}
        for (priority, state), count in counted.items():
            if state in _WITHHELD:
                withheld[_WITHHELD[state]] += count
            elif state == "MAINTENANCE":
                withheld["maintenance"] += count
            else:
                standing[priority][1] += count
                standing[priority][0] += count if state in ("UNACK", "RTN_UNACK") else 0
        rang, since_ms = self.flood.look(now_ms)
        return Summary(
            gateway=gateway, time=rfc3339(now_ms), position=position,
            standing={f"p{priority}": Standing(*counts) for priority, counts in standing.items()},
            shelved=withheld["shelved"], suppressed=withheld["suppressed"], out_of_service=withheld["out_of_service"],
            maintenance=withheld["maintenance"], last_10_min=rang,
            flood=FloodState(since_ms is not None, rfc3339(since_ms) if since_ms is not None else None), shift=shift,
        )  # fmt: skip
