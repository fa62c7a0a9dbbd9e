"""What the platform behind a source says the time is: a witness of civil time, beside the gateway's own clock.

A message comes after its platform's time by however long it was on its way, never before: so the newest of a minute is
the best, and one whose minutes agree is a witness. What a broker kept for hours and sends at once is not: those times
run towards now.
"""

from collections.abc import Iterable

MINUTE_MS = 60_000
LISTENED_MIN = 5
ENOUGH_MIN = 3  # of these, with a message in each
AGREED_MS = 60_000
SEVERAL = 2


class PlatformClock:
    """Highest offset (civil = log + offset) heard in each of the last minutes of log time."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        self._minutes: dict[int, int] = {}

    def note(self, log_ms: int, t_ms: int) -> None:
        """Take the platform's time of a message that came at a log time; less than 0 = it is no word of now."""
        if t_ms < 0:
            return
        minute, offset_ms = log_ms // MINUTE_MS, t_ms - log_ms
        known = self._minutes.get(minute)
        if known is None:
            self._minutes = {at: offset for at, offset in self._minutes.items() if at > minute - LISTENED_MIN}
        if known is None or offset_ms > known:
            self._minutes[minute] = offset_ms

    def offset_ms(self, log_ms: int) -> int | None:
        """Say what the offset has been for some minutes; None = not known, or not the same. From any thread."""
        since = log_ms // MINUTE_MS - LISTENED_MIN
        offsets = [offset for at, offset in dict(self._minutes).items() if at > since]
        if len(offsets) < ENOUGH_MIN or max(offsets) - min(offsets) > AGREED_MS:
            return None
        return max(offsets)


def agreed(offsets_ms: Iterable[int]) -> int | None:
    """Find what more than half of the witnesses, two at least, agree on within a minute; None = nothing."""
    known = sorted(offsets_ms)
    most = max(len(known) // 2 + 1, SEVERAL)
    for one in reversed(known):
        if sum(0 <= one - other <= AGREED_MS for other in known) >= most:
            return one
    return None
