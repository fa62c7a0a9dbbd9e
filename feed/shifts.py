"""Which shift sits in the control room, and until when. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from feed.console_settings import ShiftSettings


class Shift(Struct, frozen=True):
    """A shift of one day: from_ms to to_ms, its end outside; civil time."""

    name: str
    from_ms: int
    to_ms: int


def shifts_of(settings: Sequence[ShiftSettings], zone: ZoneInfo, from_ms: int, to_ms: int) -> list[Shift]:
    """Return the shifts of which any part lies in a span of civil time, in their order.

    They begin and end by the clock on the wall: where clocks change one is an hour longer, or shorter.
    """
    found = []
    day = datetime.fromtimestamp(from_ms / 1000, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(to_ms / 1000, zone).date()
    while day <= last:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)  # adding to it moves the clock on the wall
        for each in settings:
            begins = midnight + timedelta(minutes=each.start_min)
            ends = begins + timedelta(minutes=each.length_min)
            shift = Shift(each.name, int(begins.timestamp() * 1000), int(ends.timestamp() * 1000))
            if shift.from_ms < to_ms and shift.to_ms > from_ms:
                found.append(shift)
        day += timedelta(days=1)
    return sorted(found, key=lambda shift: shift.from_ms)


def shift_at(settings: Sequence[ShiftSettings], zone: ZoneInfo, t_ms: int) -> Shift | None:
    """Return the shift of a moment; None = nobody's."""
    return next(iter(shifts_of(settings, zone, t_ms, t_ms + 1)), None)
