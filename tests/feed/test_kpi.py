"""Proof 7 of the control room: the figures equal a slow computation that knows nothing of the quick one.

The slow one reads the list of events as ISA-18.2 is read: for every period it looks at every event.
"""

import math
import random
import statistics
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.activations import Activation, History, read
from feed.console_settings import EIGHT_HOURS
from feed.kpi import Asked, Kpi, clipped, figures, percentile
from feed.shifts import Shift, shifts_of
from rules.flood import Flood as RealFlood
from rules.flood import counted
from rules.records import Alarm, Event, Outcome, Text
from store.book import Book
from store.event_search import EventReader

DAY = 1_790_784_000_000  # 2026-10-01 00:00 there
SECOND, MINUTE, HOUR, H24 = 1000, 60_000, 3_600_000, 86_400_000


# --------------------------------------------------------------------------------------------- a city that is made up


class City:
    """A few alarms that live as alarms do, and the events that tell of it."""

    def __init__(self) -> None:
        self.now_ms = DAY
        self.events: list[Event] = []
        self.alarms: dict[str, Alarm] = {}

    def alarm(self, name: str) -> Alarm:
        if name not in self.alarms:
            self.alarms[name] = Alarm(
                id=f"rule-{name}@dev-{name}", rule=f"rule-{name}", subject=f"dev-{name}", device=f"dev-{name}",
                family="dust", name=f"站 {name}", priority=1 + ord(name) % 4, quantity=None, text=Text(name, name),
                ack_required=name != "c",
            )  # fmt: skip
        return self.alarms[name]

    def tell(self, kind: str, alarm: Alarm, *, same_record: bool = False, user: str = "") -> None:
        sequence = self.events[-1].sequence if same_record else len(self.events) + 1
        copy = Alarm(**{name: getattr(alarm, name) for name in Alarm.__struct_fields__})
        copy.suppressed = list(alarm.suppressed)
        self.events.append(
            Event(
                number=len(self.events) + 1, sequence=sequence, at_ms=self.now_ms, t_ms=self.now_ms, kind=kind,
                cause="reading", alarm=copy, user=user,
            )
        )  # fmt: skip

    def calm(self, alarm: Alarm) -> None:
        alarm.active, alarm.returned_ms = False, self.now_ms
        alarm.acknowledged = alarm.acknowledged or not alarm.ack_required

    def step(self, what: str, name: str, wait_s: int) -> None:
        self.now_ms += wait_s * SECOND
        alarm = self.alarm(name)
        if what in ("raise", "finding") and not alarm.active:
            alarm.active, alarm.acknowledged = True, False
            alarm.occurrence, alarm.since_ms, alarm.returned_ms = len(self.events) + 1, self.now_ms, None
            self.tell("raised", alarm)
            if what == "finding":
                self.calm(alarm)
                self.tell("returned", alarm, same_record=True)
        elif what == "return" and alarm.active:
            self.calm(alarm)
            self.tell("returned", alarm)
        elif what == "ack" and not alarm.acknowledged:
            alarm.acknowledged = True
            self.tell("acknowledged", alarm, user="张三")
        elif what == "again" and alarm.active:
            alarm.acknowledged, alarm.occurrence = False, len(self.events) + 1
            self.tell("reraised", alarm)
        elif what == "hide" and not alarm.suppressed:
            alarm.suppressed = ["cut_off"]
            self.tell("suppressed", alarm)
        elif what == "show" and alarm.suppressed:
            alarm.suppressed = []
            self.tell("unsuppressed", alarm)
        elif what == "withdraw" and (alarm.active or not alarm.acknowledged):
            alarm.active, alarm.acknowledged, alarm.returned_ms = False, True, alarm.returned_ms or self.now_ms
            self.tell("withdrawn", alarm)


WHATS = ["raise"] * 6 + ["return"] * 5 + ["ack"] * 3 + ["finding", "again", "hide", "show", "withdraw"]
PHASES = st.lists(
    st.tuples(st.sampled_from(["street", "chatter", "flood", "standing"]), st.integers(0, 1 << 32)), max_size=6
)


def city_of(phases: Sequence[tuple[str, int]]) -> City:
    """Let a city live through phases: usual life, an alarm that chatters, floods, alarms that stand for days."""
    city = City()
    for phase, seed in phases:
        dice = random.Random(seed)
        if phase == "street":
            for _ in range(dice.randint(1, 60)):
                city.step(dice.choice(WHATS), dice.choice("abcd"), dice.choice([0, 5, 55, 60, 600, 4000, 30_000]))
        elif phase == "chatter":
            for at in range(dice.randint(2, 12)):
                city.step(dice.choice(["raise", "finding"]), "b", dice.choice([10, 20, 29, 30, 40]))
                city.step("return", "b", dice.choice([0, 1, 10]))
                city.step("ack", "b", 1 if at % 3 == 0 else 0)
        elif phase == "flood":
            for _ in range(dice.randint(1, 8)):
                city.now_ms += 600_000 - (city.now_ms - DAY) % 600_000
                for at in range(dice.choice([3, 4, 5, 6, 10, 11, 12, 14])):
                    city.step("finding", chr(ord("e") + at), dice.choice([0, 1, 30]))
        else:
            city.step("raise", "a", 60)
            city.step(dice.choice(["ack", "again", "return"]), "a", dice.choice([60, 86_300, 86_400, 90_000]))
            city.step("return", dice.choice("ab"), dice.choice([60, 100, 86_339, 86_340, 200_000]))
    return city


# ----------------------------------------------------------------------------------------- the slow computation


def slow(events: list[Event], asked: Asked) -> dict[str, Any]:
    """Work the figures out event by event, period by period, second by second."""
    from_ms, now_ms = asked.from_ms, asked.now_ms
    to_ms = max(from_ms, min(asked.to_ms, now_ms))
    rang = [e for e in events if counted(e) and from_ms <= e.t_ms < to_ms]
    watched = [(from_ms, to_ms)]
    for off, on in asked.unwatched:
        watched = [part for a, b in watched for part in ((a, min(b, off)), (max(a, on), b)) if part[0] < part[1]]
    periods: list[int] = []
    at = from_ms - from_ms % 600_000
    while at < to_ms or (not periods and from_ms == to_ms):
        count = sum(1 for e in rang if at <= e.t_ms < at + 600_000)
        if count or from_ms == to_ms or any(a < at + 600_000 and b > at for a, b in watched):
            periods.append(count)
        at += 600_000
    rung = [e.t_ms for e in rang]
    names = sorted({e.alarm.id for e in rang})
    counts = {name: sum(e.alarm.id == name for e in rang) for name in names}
    chatter = {}
    for name in names:
        times = [e.t_ms for e in rang if e.alarm.id == name]
        most = max(sum(1 for t in times if begin <= t < begin + 60_000) for begin in times)
        if most >= 3:
            chatter[name] = most
    acks, returns, fleeting, stale = fates(events, asked, to_ms, chatter)
    return {
        "alarms": len(rang),
        "mean": sum(periods) / len(periods) if periods else None,
        "most": max((sum(begin <= t < begin + 600_000 for t in rung) for begin in rung), default=0),
        "over": 100 * len([count for count in periods if count > 10]) / len(periods) if periods else None,
        "flood": flooded_pct(rung, watched, to_ms) if periods else None,
        "top": sum(sorted(counts.values())[-10:]),
        "counts": sorted(counts.values())[-10:],
        "chatter": chatter,
        "fleeting": fleeting,
        "stale": stale,
        "ack": spread(acks),
        "return": spread(returns),
        "priorities": {p: n for p in (1, 2, 3, 4) if (n := sum(e.alarm.priority == p for e in rang))},
        "shifts": by_shift(rang, from_ms, to_ms),
    }


def flooded_pct(times: list[int], watched: list[tuple[int, int]], to_ms: int) -> float:
    """Look at every moment at which something rings, or is ten minutes old, whether it is a flood from here on."""
    moments = sorted({moment for t in times for moment in (t, t + 600_000) if moment < to_ms} | {to_ms})
    flood, flooded = False, 0
    for now, then in pairwise(moments):
        if sum(now - 600_000 < t < now for t in times) < 5:
            flood = False
        if sum(now - 600_000 < t <= now for t in times) > 10:
            flood = True
        if flood:
            flooded += sum(max(min(b, then) - max(a, now), 0) for a, b in watched)
    return 100 * flooded / (sum(b - a for a, b in watched) or 1)


def fates(
    events: list[Event], asked: Asked, to_ms: int, chatter: dict[str, int]
) -> tuple[list[float | None], list[float | None], dict[str, int], set[str]]:
    """Follow each alarm that rang through all that came after it."""
    from_ms, now_ms = asked.from_ms, asked.now_ms
    acks: list[float | None] = []
    returns: list[float | None] = []
    fleeting: dict[str, int] = {}
    stale: set[str] = set()
    for e in filter(counted, events):
        later = [f for f in events if f.number > e.number and f.alarm.id == e.alarm.id and f.t_ms <= now_ms]
        # Whoever answers an alarm answers all its rings that still wait; it waits no more when it says so itself.
        seen = next((f for f in later if f.alarm.acknowledged), None)
        acked = seen.t_ms if seen is not None and seen.kind == "acknowledged" else None
        gone = next((f for f in later if f.kind in ("returned", "withdrawn")), None)
        moment = gone is not None and gone.sequence == e.sequence
        until = now_ms if gone is None else gone.t_ms
        began = e.alarm.since_ms
        if not moment and until - began >= H24 and e.t_ms < to_ms and began + H24 < to_ms and until >= from_ms:
            stale.add(e.alarm.id)
        if not from_ms <= e.t_ms < to_ms:
            continue
        if seen is None or acked is not None:
            acks.append(None if acked is None else (acked - e.t_ms) / 1000)
        if moment or (gone is not None and gone.kind == "withdrawn"):
            continue
        returns.append(None if gone is None else (gone.t_ms - e.t_ms) / 1000)
        quick = gone is not None and gone.t_ms - e.t_ms < 60_000 and not (acked is not None and acked <= gone.t_ms)
        if quick and e.alarm.id not in chatter:
            fleeting[e.alarm.id] = fleeting.get(e.alarm.id, 0) + 1
    return acks, returns, fleeting, stale


def spread(took: list[float | None]) -> tuple[int, int, float | None, float | None]:
    known = sorted(each for each in took if each is not None)
    if not known:
        return 0, len(took), None, None
    median = statistics.median(known)
    p95 = known[0] if len(known) == 1 else statistics.quantiles(known, n=20, method="inclusive")[-1]
    return len(known), len(took) - len(known), median, p95


def by_shift(rang: list[Event], from_ms: int, to_ms: int) -> list[int]:
    """Shanghai has no summer time: a shift is eight hours from 00:00, 08:00, 16:00 on."""
    first = from_ms - (from_ms - DAY) % (8 * HOUR)
    return [
        sum(begin <= e.t_ms < begin + 8 * HOUR for e in rang)
        for begin in range(first, max(to_ms, first), 8 * HOUR)
        if begin < to_ms and begin + 8 * HOUR > from_ms
    ]


def shifts(from_ms: int, to_ms: int) -> list[Shift]:
    return shifts_of(EIGHT_HOURS, ZoneInfo("Asia/Shanghai"), from_ms, to_ms)


def assert_equal(found: Kpi, wanted: dict[str, Any]) -> None:
    def near(some: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(each if each is None else pytest.approx(each) for each in some)

    assert found.alarms == wanted["alarms"]
    load, mean = found.load, wanted["mean"]
    of_mean = None if mean is None else 6 * mean, None if mean is None else 144 * mean
    assert (load.per_10_min_mean, load.per_hour_mean, load.per_day_mean) == near((mean, *of_mean))
    assert load.per_10_min_most == wanted["most"]
    assert (load.per_10_min_over_ten_pct, load.in_flood_pct) == near((wanted["over"], wanted["flood"]))
    assert sorted(each.count for each in found.top) == wanted["counts"]
    assert found.top_pct == pytest.approx(100 * wanted["top"] / found.alarms if found.alarms else 0)
    assert {each.alarm: each.count for each in found.chattering} == wanted["chatter"]
    assert {each.alarm: each.count for each in found.fleeting} == wanted["fleeting"]
    assert {each.alarm for each in found.stale} == wanted["stale"]
    for delay, key in ((found.to_acknowledge, "ack"), (found.to_return, "return")):
        assert (delay.count, delay.open, delay.median_s, delay.p95_s) == near(wanted[key])
    assert found.by_priority == wanted["priorities"]
    assert [each.alarms for each in found.by_shift] == wanted["shifts"]
    assert sum(found.by_priority_pct.values()) == pytest.approx(100 if found.alarms else 0)


OFF = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 40)), max_size=3)


@given(PHASES, st.integers(-50, 100), st.integers(0, 120), st.integers(-20, 100), OFF)
@settings(max_examples=300, deadline=None)
def test_the_figures_equal_a_slow_computation(
    phases: list[tuple[str, int]], from_pct: int, span_pct: int, behind_pct: int, off: list[tuple[int, int]]
) -> None:
    city = city_of(phases)
    lasted_ms = city.now_ms - DAY + HOUR
    from_ms = DAY + lasted_ms * from_pct // 100
    to_ms = from_ms + lasted_ms * span_pct // 100
    unwatched: list[tuple[int, int]] = []
    for at_pct, for_pct in sorted(off):
        begin = DAY + lasted_ms * at_pct // 100
        if not unwatched or begin > unwatched[-1][1]:
            unwatched.append((begin, begin + lasted_ms * for_pct // 100))
    asked = Asked(
        from_ms=from_ms, to_ms=to_ms, now_ms=city.now_ms + lasted_ms * behind_pct // 100, shifts=shifts(from_ms, to_ms),
        unwatched=unwatched,
    )  # fmt: skip
    history = History()
    for event in city.events:
        history.take(event)
    assert_equal(figures(history.activations, asked), slow(city.events, asked))


@given(PHASES, st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_the_book_gives_the_same_as_all_its_events(phases: list[tuple[str, int]], from_pct: int) -> None:
    """Read from the middle on, alarms that began long before are there too, and nothing of the span is missing."""
    city = city_of(phases)
    from_ms = DAY + (city.now_ms - DAY) * from_pct // 100
    asked = Asked(
        from_ms=from_ms, to_ms=city.now_ms + 1, now_ms=city.now_ms + 1, shifts=shifts(from_ms, city.now_ms + 1)
    )
    with tempfile.TemporaryDirectory() as folder, book_of(city, Path(folder)) as book:
        assert_equal(figures(read(book, from_ms), asked), slow(city.events, asked))


def book_of(city: City, folder: Path) -> EventReader:
    with Book(folder / "book.sqlite") as book:
        book.tell(Outcome(first=1, last=10_000, events=city.events))
    return EventReader(folder / "book.sqlite")


# --------------------------------------------------------------------------------------------------------- stories


def rings(*times_s: float, name: str = "a") -> City:
    """Make a city in which one alarm rings at these seconds, each time for a second."""
    city = City()
    for at_s in times_s:
        for what, wait in (("raise", at_s), ("return", at_s + 1)):
            city.now_ms = DAY + int(wait * SECOND)
            city.step(what, name, 0)
    return city


def of(city: City, hours: float = 24, now_h: float | None = None, unwatched: Sequence[tuple[int, int]] = ()) -> Kpi:
    history = History()
    for event in city.events:
        history.take(event)
    now_ms, to_ms = DAY + int((hours if now_h is None else now_h) * HOUR), DAY + int(hours * HOUR)
    asked = Asked(from_ms=DAY, to_ms=to_ms, now_ms=now_ms, shifts=shifts(DAY, to_ms), unwatched=list(unwatched))
    return figures(history.activations, asked)


def test_a_quiet_day_is_full_of_empty_periods() -> None:
    found = of(rings(5, 3700))
    assert found.alarms == 2
    assert found.load.per_10_min_mean == pytest.approx(2 / 144)
    assert [each.count for each in found.fleeting] == [2]
    assert found.to_acknowledge.open == 2
    assert found.to_acknowledge.median_s is None


def test_nothing_at_all_is_nought_and_no_division_by_it() -> None:
    found = of(City())
    assert (found.alarms, found.load.per_10_min_most, found.top_pct, found.top) == (0, 0, 0.0, [])
    assert (found.to_acknowledge.median_s, found.to_return.p95_s) == (None, None)
    assert [each.alarms for each in found.by_shift] == [0, 0, 0]


def test_the_future_has_no_empty_periods() -> None:
    """Asked at 01:00 for the whole day: two alarms in six periods, not in 144."""
    assert of(rings(5, 1500), now_h=1).load.per_10_min_mean == pytest.approx(2 / 6)


def test_the_most_is_in_any_ten_minutes_not_in_those_of_the_clock() -> None:
    """Six before the hour, six after it: the desk was in flood mode, so the figures say that it was."""
    found = of(rings(*range(3590, 3602)), hours=2)
    assert max(found.load.periods) == 10
    assert found.load.per_10_min_most == 12
    assert found.load.per_10_min_over_ten_pct == 0
    (flood,) = found.load.floods
    live = RealFlood()
    for at_s in range(3590, 3602):
        live.ring(DAY + at_s * SECOND)
    assert live.look(flood.from_ms)[1] == flood.from_ms
    assert live.look(flood.to_ms - 1)[1] is not None
    assert live.look(flood.to_ms)[1] is None
    assert flood.alarms == 12
    assert found.load.in_flood_pct == pytest.approx(100 * (flood.to_ms - flood.from_ms) / (2 * HOUR))


def test_where_nobody_watched_there_are_no_figures() -> None:
    """Off from 06:00 on: two alarms in 36 periods, not in 144; of a shift that was off altogether nothing is said."""
    found = of(rings(5, 3700), unwatched=[(DAY + 6 * HOUR, DAY + 40 * HOUR)])
    assert found.load.per_10_min_mean == pytest.approx(2 / 36)
    assert [each.per_10_min_mean is None for each in found.by_shift] == [False, True, True]
    assert [(each.from_ms, each.to_ms) for each in found.unwatched] == [(DAY + 6 * HOUR, DAY + 24 * HOUR)]
    nothing = of(City(), unwatched=[(DAY - HOUR, DAY + 40 * HOUR)])
    load = nothing.load
    assert (load.per_10_min_mean, load.per_hour_mean, load.per_day_mean) == (None, None, None)
    assert (load.per_10_min_over_ten_pct, load.in_flood_pct) == (None, None)


def test_an_alarm_that_chatters_is_not_fleeting_too() -> None:
    found = of(rings(0, 20, 59))
    assert [(each.alarm, each.count) for each in found.chattering] == [("rule-a@dev-a", 3)]
    assert found.fleeting == []
    assert of(rings(0, 20, 60)).chattering == []


def test_what_stands_for_a_day_is_stale_and_what_stands_still_is_measured_to_now() -> None:
    city = City()
    city.step("raise", "a", 3600)
    assert of(city, hours=48, now_h=24.9).stale == []
    (stale,) = of(city, hours=48, now_h=26).stale
    assert (stale.active, stale.until_ms - stale.since_ms) == (True, 25 * HOUR)
    city.step("return", "a", 86_400)
    assert [each.active for each in of(city, hours=48).stale] == [False]


def test_an_hour_that_was_answered_late_counts_from_its_first_ring() -> None:
    city = City()
    city.step("raise", "a", 60)
    city.step("return", "a", 600)
    city.step("ack", "a", 300)
    found = of(city)
    assert (found.to_acknowledge.median_s, found.to_return.median_s, found.to_acknowledge.open) == (900, 600, 0)


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-01", 24)])
def test_the_shifts_of_a_day_on_which_clocks_are_changed_make_up_that_day(date: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime.fromisoformat(date).replace(tzinfo=zone)
    from_ms, to_ms = (int(each.timestamp() * 1000) for each in (begin, begin + timedelta(days=1)))
    spans = list(clipped(shifts_of(EIGHT_HOURS, zone, from_ms, to_ms), from_ms, to_ms))
    assert sum(each.to_ms - each.from_ms for each in spans) == hours * HOUR
    assert all(a.to_ms == b.from_ms for a, b in pairwise(spans))


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_a_percentile_lies_among_its_values(values: list[float], share: float) -> None:
    values.sort()
    found = percentile(values, share)
    assert found is not None
    assert values[0] - 1e-6 <= found <= values[-1] + 1e-6
    rank = math.floor((len(values) - 1) * share)
    assert found >= values[rank] - 1e-6


def test_activations_say_who_answered() -> None:
    city = rings(5)
    city.step("ack", "a", 100)
    history = History()
    for event in city.events:
        history.take(event)
    (one,) = history.activations
    assert isinstance(one, Activation)
    assert (one.acked_by, one.acked_ms) == ("张三", DAY + 106_000)
