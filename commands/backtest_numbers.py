"""How many alarms that would have been: per 10 minutes and shift, floods, chatter; and how two rule sets differ.

The numbers are those of ISA-18.2 (2016) and EEMUA 191, counted so that they can be defended: activations that would
have been shown, in wall-clock periods of 600 s, the empty ones included.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta, tzinfo

from msgspec import Struct

from commands.backtest_run import Activation

TEN_MIN_MS = 600_000
FLOOD_BEGINS, FLOOD_ENDS = 10, 5  # alarms in 10 minutes: a flood begins above the one, ends below the other
CHATTER, CHATTER_MS = 3, 60_000  # activations of one alarm in a rolling minute
STALE_MS = 86_400_000


class Flood(Struct):
    """More alarms than somebody can answer. Civil time."""

    from_ms: int
    to_ms: int
    alarms: int


class Numbers(Struct):
    """What a rule set would have done.

    raised         activations that ring; hidden: that do not, because they are suppressed
    standing       of them, active at the end
    per_10_min     mean, most, and share of periods with more than ten, %
    in_flood_pct   share of the time
    chatter        alarm -> most activations in a minute, of three or more
    stale          alarms that stood for a day or longer
    """

    raised: int
    hidden: int
    standing: int
    amended: int
    by_rule: dict[str, int]
    by_priority: dict[int, int]
    per_10_min_mean: float
    per_10_min_most: int
    per_10_min_over_ten_pct: float
    by_shift: dict[str, int]
    by_day: dict[str, int]
    floods: list[Flood]
    in_flood_pct: float
    chatter: dict[str, int]
    stale: list[str]
    most_active: dict[str, int]


class Moved(Struct):
    """The same alarm at another time: how much later (earlier: negative), ms."""

    alarm: str
    from_ms: int
    against_ms: int

    @property
    def by_ms(self) -> int:
        """How much later."""
        return self.from_ms - self.against_ms


class Difference(Struct):
    """How rules differ from what they are compared with. An activation is the same one when both stand together.

    joined  activations of either that stand together with one of the other's that another stands together with already:
            what was one is several, or what were several is one
    """

    added: list[Activation]
    removed: list[Activation]
    earlier: list[Moved]
    later: list[Moved]
    same: int
    joined: int = 0


def numbers(
    activations: Sequence[Activation], from_ms: int, to_ms: int, zone: tzinfo, shifts: Sequence[str]
) -> Numbers:
    """Count. shifts: when each begins, `08:00`."""
    ringing = sorted((each for each in activations if each.rings), key=lambda each: each.from_ms)
    begins = [each.from_ms for each in ringing]
    first = from_ms // TEN_MIN_MS
    buckets = [0] * max(1, -(-to_ms // TEN_MIN_MS) - first)
    for at_ms in begins:
        buckets[at_ms // TEN_MIN_MS - first] += 1
    floods = list(_floods(buckets, first))
    by_alarm: defaultdict[str, list[int]] = defaultdict(list)
    for each in ringing:
        by_alarm[each.alarm].append(each.from_ms)
    chatter = {alarm: most for alarm, times in by_alarm.items() if (most := _most_in_a_minute(times)) >= CHATTER}
    return Numbers(
        raised=len(ringing),
        hidden=len(activations) - len(ringing),
        standing=sum(each.to_ms is None or each.to_ms >= to_ms for each in ringing),
        amended=sum(each.amended for each in activations),
        by_rule=dict(Counter(each.rule for each in ringing).most_common()),
        by_priority=dict(sorted(Counter(each.priority for each in ringing).items())),
        per_10_min_mean=len(ringing) / len(buckets),
        per_10_min_most=max(buckets),
        per_10_min_over_ten_pct=100 * sum(count > FLOOD_BEGINS for count in buckets) / len(buckets),
        by_shift={name: bisect_left(begins, end) - bisect_left(begins, at) for name, at, end in
                  _shifts(from_ms, to_ms, zone, shifts)},
        by_day={name: bisect_left(begins, end) - bisect_left(begins, at) for name, at, end in
                _shifts(from_ms, to_ms, zone, ["00:00"])},
        floods=floods,
        in_flood_pct=100 * sum(flood.to_ms - flood.from_ms for flood in floods) / (len(buckets) * TEN_MIN_MS),
        chatter=chatter,
        stale=sorted({each.alarm for each in ringing if (each.to_ms or to_ms) - each.from_ms >= STALE_MS}),
        most_active=dict(Counter(each.alarm for each in ringing).most_common(10)),
    )  # fmt: skip


def _floods(buckets: Sequence[int], first: int) -> Iterator[Flood]:
    flood: Flood | None = None
    for number, count in enumerate(buckets, first):
        if flood is None and count > FLOOD_BEGINS:
            flood = Flood(number * TEN_MIN_MS, number * TEN_MIN_MS, 0)
        if flood is not None and count < FLOOD_ENDS:
            yield flood
            flood = None
        elif flood is not None:
            flood.alarms, flood.to_ms = flood.alarms + count, (number + 1) * TEN_MIN_MS
    if flood is not None:
        yield flood


def _most_in_a_minute(times: Sequence[int]) -> int:
    return max(bisect_left(times, at + CHATTER_MS) - at_index for at_index, at in enumerate(times))


def _shifts(from_ms: int, to_ms: int, zone: tzinfo, shifts: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield name, begin and end of every shift that has a part of the span."""
    day = datetime.fromtimestamp(from_ms / 1000, zone).date() - timedelta(days=1)
    begins: list[datetime] = []
    while not begins or begins[-1].timestamp() * 1000 < to_ms:
        begins += [datetime.combine(day, time.fromisoformat(begin), zone) for begin in sorted(shifts)]
        day += timedelta(days=1)
    for begin, end in zip(begins, [*begins[1:], begins[-1]], strict=True):
        at_ms, end_ms = int(begin.timestamp() * 1000), int(end.timestamp() * 1000)
        if at_ms < to_ms and end_ms > from_ms:
            name = f"{begin:%Y-%m-%d}" if len(shifts) == 1 else f"{begin:%Y-%m-%d %H:%M}"
            yield name, max(at_ms, from_ms), min(end_ms, to_ms)


def difference(rules: Sequence[Activation], against: Sequence[Activation], to_ms: int) -> Difference:
    """Compare two rule sets over the same past; suppressed activations count too."""
    found = Difference([], [], [], [], 0)
    others: defaultdict[str, list[Activation]] = defaultdict(list)
    for each in sorted(against, key=lambda one: one.from_ms):
        others[each.alarm].append(each)
    matched: dict[str, int] = {}  # alarm -> until when the other's last matched activation stands
    for each in sorted(rules, key=lambda one: one.from_ms):
        waiting = others[each.alarm]
        while waiting and _end(waiting[0], to_ms) < each.from_ms:
            found.removed.append(waiting.pop(0))
        if not waiting or waiting[0].from_ms > _end(each, to_ms):
            if matched.get(each.alarm, -1) >= each.from_ms:
                found.joined += 1
            else:
                found.added.append(each)
            continue
        other = waiting.pop(0)
        matched[each.alarm] = _end(other, to_ms)
        while waiting and waiting[0].from_ms <= _end(each, to_ms):
            matched[each.alarm] = max(matched[each.alarm], _end(waiting.pop(0), to_ms))
            found.joined += 1
        moved = Moved(each.alarm, each.from_ms, other.from_ms)
        if moved.by_ms:
            (found.later if moved.by_ms > 0 else found.earlier).append(moved)
        else:
            found.same += 1
    found.removed += [each for rest in others.values() for each in rest]
    found.removed.sort(key=lambda one: one.from_ms)
    return found


def _end(each: Activation, to_ms: int) -> int:
    return to_ms if each.to_ms is None else each.to_ms
