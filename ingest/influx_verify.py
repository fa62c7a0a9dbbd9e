"""Asks InfluxDB itself how many readings of each device it holds, and compares with what was written."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from ingest.influx import Influx
from rules.lines import is_reading
from store.ledger import DeviceCounts, Ledger, Lines, Verified

WAIT_S = 30.0
LOOK_S = 0.2
DAY_MS = 86_400_000

Held = Mapping[tuple[str, str], int]
"""(measurement, device) -> points"""


def verify(influx: Influx, picture: Callable[[], Ledger], *, wait_s: float = WAIT_S) -> Verified:
    """Compare InfluxDB with the ledger; `picture` draws it up with its devices, while life goes on.

    It takes as long as InfluxDB needs to count its points: not for a thread on which anything waits.
    """
    before = now = picture()
    deadline = time.monotonic() + wait_s
    while _passed(now.lines) < sum(before.lines.made.values()):
        if time.monotonic() > deadline:
            return Verified(
                problem=f"{now.lines.waiting} lines still wait for InfluxDB; ask again when it has caught up"
            )
        time.sleep(LOOK_S)
        now = picture()
    until_ms = int(time.time() * 1000) + DAY_MS
    try:
        held = influx.points(until_ms)
        after = picture()
        doubtful = _compare(before, after, held).missing
        exact = {
            (measurement, device): influx.points_of(measurement, device, until_ms)
            for measurement, device in held
            if device in doubtful
        }
    except OSError as error:
        return Verified(problem=str(error))
    return _compare(before, after, {**held, **exact})


def _passed(lines: Lines) -> int:
    """Lines that do not wait any more; they are written in order."""
    return lines.written + sum(lines.set_aside.values()) + lines.expired


def _compare(before: Ledger, after: Ledger, held: Held) -> Verified:
    """Compare: what was made before InfluxDB was asked must be there, what was made since may be."""
    points: defaultdict[str, int] = defaultdict(int)
    for (measurement, name), count in held.items():
        if is_reading(measurement):
            points[name] += count
    result = Verified()
    for name, first in (before.devices or {}).items():
        last = (after.devices or {}).get(name, first)
        least = max(_written(first, last) - after.lines.not_asked, 0)
        most = _written(last, first)
        result.expected += least
        result.held += points[name]
        if points[name] < least:
            result.missing[name] = least - points[name]
        elif points[name] > most:
            result.more[name] = points[name] - most
    return result


def _written(made: DeviceCounts, lost: DeviceCounts) -> int:
    return made.readings - lost.lines_set_aside - lost.lines_expired - lost.lines_erased
