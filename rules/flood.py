"""What the control room counts: which events ring, and whether that is a flood.

`annunciated` is the one definition for who is told; `counted` for figures and flood.
"""

from collections import deque

from rules.records import Event

FLOOD_WINDOW_MS = 600_000
FLOOD_ABOVE, FLOOD_BELOW = 10, 5

_RINGING = frozenset({"raised", "reraised", "unshelved", "unsuppressed", "in_service"})


def annunciated(event: Event) -> bool:
    """Tell whether this event asks somebody for attention who was not asked before (ISA-18.2: annunciation).

    So does an alarm that nothing withholds any more, where it is active and unacknowledged.
    """
    return event.kind in _RINGING and event.alarm.state == "UNACK" and not event.alarm.shadow


def counted(event: Event) -> bool:
    """Tell whether it is an alarm in the figures: it rings, and not for somebody took back what he had done to it."""
    by_hand = event.cause == "command" and event.kind in {"unshelved", "in_service"}
    return annunciated(event) and not by_hand


class Flood:
    """Whether alarms come faster than a person can take them in, by events in their order; civil time.

    It begins when more than 10 rang within 10 minutes, and ends when fewer than 5 did (EEMUA 191, ISA-18.2 16.5.3).
    """

    def __init__(self) -> None:
        self._rang: deque[int] = deque()
        self._since_ms: int | None = None

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
