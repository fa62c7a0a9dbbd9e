"""The figures of the alarm system as the API shows them."""

from pathlib import Path

from msgspec import Struct

from devices.instants import rfc3339
from feed.activations import read
from feed.kpi import Asked, Counted, Delay, Kpi, figures
from feed.kpi_audit import unauthorised
from feed.wire import json_of
from rules.records import Text
from store.event_search import EventReader

TARGETS: dict[str, list[float | None]] = {
    "per_10_min_mean": [1.0, 2.0],
    "per_hour_mean": [6.0, 12.0],
    "per_day_mean": [150.0, 300.0],
    "per_10_min_over_ten_pct": [1.0, None],
    "per_10_min_most": [10.0, None],
    "in_flood_pct": [1.0, None],
    "top_pct": [5.0, None],
    "chattering": [0.0, None],
    "fleeting": [0.0, None],
    "stale": [5.0, None],
    "unauthorised_suppressions": [0.0, None],
}
"""Of ISA-18.2 and EEMUA 191: what is to be aimed at, and the most that can be managed (None: it names none)."""
BELOW = ("per_10_min_over_ten_pct", "in_flood_pct", "stale")
"""Of them those that are to be less than what is aimed at (< 1 %, < 5 on any day); the others may reach it."""


MIX = {1: "< 1", 2: "5", 3: "15", 4: "80"}
"""The mix of priorities that is aimed at, about: % of the alarms."""


class FloodView(Struct, kw_only=True):
    """A flood. alarms: with those by which it came to be one."""

    since: str
    until: str
    alarms: int


class GapView(Struct, kw_only=True):
    """The gateway was off."""

    since: str
    until: str


class StaleView(Struct, kw_only=True):
    """An alarm that stood for a day or longer. until: null = it stands."""

    alarm: str
    name: str
    text: Text
    priority: int
    since: str
    until: str | None
    hours: float


class ShiftView(Struct, kw_only=True):
    """A shift, as far as it lies in the span."""

    name: str
    since: str
    until: str
    alarms: int
    per_10_min_mean: float | None
    per_10_min_most: int
    to_acknowledge: Delay


class KpiView(Struct, kw_only=True, rename={"from_": "from"}):
    """The figures of a span, for one operator position; the words are those of `feed.kpi`.

    unwatched    when the gateway was off: no mean and no share counts that; null = it was off all the time
    below        figures that are to be less than their target; the others may reach it
    from, to     the span, as far as it has passed; now: up to then it is known what became of its alarms
    targets      figure -> [what is to be aimed at, the most that can be managed or null]
    periods      alarms in each 10 minutes of the wall clock, from the one in which the span begins
    by_priority  of the alarms; mix: what is aimed at, %
    """

    gateway: str
    from_: str
    to: str
    now: str
    unwatched: list[GapView]
    alarms: int
    per_10_min_mean: float | None
    per_hour_mean: float | None
    per_day_mean: float | None
    per_10_min_most: int
    per_10_min_over_ten_pct: float | None
    in_flood_pct: float | None
    floods: list[FloodView]
    periods: list[int]
    by_priority: dict[str, int]
    by_priority_pct: dict[str, float]
    top: list[Counted]
    top_pct: float
    chattering: list[Counted]
    fleeting: list[Counted]
    stale: list[StaleView]
    to_acknowledge: Delay
    to_return: Delay
    by_shift: list[ShiftView]
    unauthorised_suppressions: int | None
    targets: dict[str, list[float | None]]
    below: list[str]
    mix: dict[str, str]


def picture(book: Path, desk: Path, gateway: str, asked: Asked) -> bytes:
    """Read book and desk and encode the figures. Reads every event of the span and what came after it."""
    with EventReader(book) as reader:
        asked.unwatched = reader.unwatched(asked.now_ms)
        found = figures(read(reader, asked.from_ms), asked)
    found.unauthorised_suppressions = unauthorised(desk, found.from_ms, found.to_ms)
    return json_of(view(found, gateway))


def view(found: Kpi, gateway: str) -> KpiView:
    """Show figures."""
    load = found.load
    return KpiView(
        gateway=gateway,
        from_=rfc3339(found.from_ms),
        to=rfc3339(found.to_ms),
        now=rfc3339(found.now_ms),
        unwatched=[GapView(since=rfc3339(each.from_ms), until=rfc3339(each.to_ms)) for each in found.unwatched],
        alarms=found.alarms,
        per_10_min_mean=load.per_10_min_mean,
        per_hour_mean=load.per_hour_mean,
        per_day_mean=load.per_day_mean,
        per_10_min_most=load.per_10_min_most,
        per_10_min_over_ten_pct=load.per_10_min_over_ten_pct,
        in_flood_pct=load.in_flood_pct,
        floods=[
            FloodView(since=rfc3339(each.from_ms), until=rfc3339(each.to_ms), alarms=each.alarms)
            for each in load.floods
        ],
        periods=load.periods,
        by_priority={str(priority): count for priority, count in found.by_priority.items()},
        by_priority_pct={str(priority): share for priority, share in found.by_priority_pct.items()},
        top=found.top,
        top_pct=found.top_pct,
        chattering=found.chattering,
        fleeting=found.fleeting,
        stale=[
            StaleView(
                alarm=each.alarm, name=each.name, text=each.text, priority=each.priority, since=rfc3339(each.since_ms),
                until=None if each.active else rfc3339(each.until_ms),
                hours=(each.until_ms - each.since_ms) / 3_600_000,
            )
            for each in found.stale
        ],
        to_acknowledge=found.to_acknowledge,
        to_return=found.to_return,
        by_shift=[
            ShiftView(
                name=each.name, since=rfc3339(each.from_ms), until=rfc3339(each.to_ms), alarms=each.alarms,
                per_10_min_mean=each.per_10_min_mean, per_10_min_most=each.per_10_min_most,
                to_acknowledge=each.to_acknowledge,
            )
            for each in found.by_shift
        ],
        unauthorised_suppressions=found.unauthorised_suppressions,
        targets=TARGETS,
        below=list(BELOW),
        mix={str(priority): share for priority, share in MIX.items()},
    )  # fmt: skip
