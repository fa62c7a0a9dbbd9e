"""How many alarms that would have been: per 10 minutes and shift, floods, chatter; and how two rule sets differ.

The numbers are those of ISA-18.2 (2016) and EEMUA 191, counted so that they can be defended: activations that would
have been shown, in wall-clock periods of 600 s, the empty ones included.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from commands.backtest_run import Activation
from feed import kpi
from feed.console_settings import ShiftSettings
from feed.kpi import STALE_MS, Flood
from feed.shifts import shifts_of

_DATE = "%Y-%m-%d"


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
    activations: Sequence[Activation], from_ms: int, to_ms: int, zone: ZoneInfo, shifts: Sequence[str]
) -> Numbers:
    """Count. shifts: when each begins, `08:00`."""
    ringing = sorted((each for each in activations if each.rings), key=lambda each: each.from_ms)
    begins = [each.from_ms for each in ringing]
    load = kpi.load(begins, from_ms, to_ms)

    def by(times: Sequence[str], form: str) -> dict[str, int]:
        parts = shifts_of(_shifts(times), zone, from_ms, to_ms)
        return {
            f"{datetime.fromtimestamp(each.from_ms / 1000, zone):{form}}": kpi.count_in(begins, each) for each in parts
        }

    return Numbers(
        raised=len(ringing),
        hidden=len(activations) - len(ringing),
        standing=sum(each.to_ms is None or each.to_ms >= to_ms for each in ringing),
        amended=sum(each.amended for each in activations),
        by_rule=dict(Counter(each.rule for each in ringing).most_common()),
        by_priority=dict(sorted(Counter(each.priority for each in ringing).items())),
        per_10_min_mean=load.per_10_min_mean or 0.0,
        per_10_min_most=load.per_10_min_most,
        per_10_min_over_ten_pct=load.per_10_min_over_ten_pct or 0.0,
        by_shift=by(shifts, _DATE if len(shifts) == 1 else f"{_DATE} %H:%M"),
        by_day=by(["00:00"], _DATE),
        floods=load.floods,
        in_flood_pct=load.in_flood_pct or 0.0,
        chatter=kpi.chattering((each.alarm, each.from_ms) for each in ringing),
        stale=sorted({each.alarm for each in ringing if (each.to_ms or to_ms) - each.from_ms >= STALE_MS}),
        most_active=dict(Counter(each.alarm for each in ringing).most_common(kpi.TOP)),
    )


def _shifts(begins: Sequence[str]) -> list[ShiftSettings]:
    """Make shifts that follow one another, each named for its begin."""
    times = sorted(begins)
    pairs = zip(times, [*times[1:], times[0]], strict=True)
    return [ShiftSettings.model_validate({"name": begin, "from": begin, "to": end}) for begin, end in pairs]


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
