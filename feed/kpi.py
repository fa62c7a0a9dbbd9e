"""The figures by which ISA-18.2 (2016) and EEMUA 191 judge an alarm system, of one operator position. Pure.

What counts is what called for somebody: an *activation* is an event that `rules.flood.counted` counts.
Periods of 10 minutes are those of the wall clock, the empty ones included; a rolling minute is any, and so are the ten
minutes of "most" and of floods, as they are on the desk (`rules.flood`). Of time in which the gateway was off nothing
is known: it is in no share and no mean. One gateway serves one desk, so every figure is for one position. Times are
civil, Unix ms; spans hold their begin and not their end.
"""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from math import floor

from msgspec import Struct

from feed.activations import Activation
from feed.shifts import Shift
from rules.flood import FLOOD_ABOVE, FLOOD_BELOW, FLOOD_WINDOW_MS
from rules.records import Text

TEN_MIN_MS = FLOOD_WINDOW_MS
CHATTER, CHATTER_MS = 3, 60_000  # activations of one alarm in a rolling minute
FLEETING_MS = 60_000  # gone so soon, before anybody could answer
STALE_MS = 86_400_000
TOP = 10  # alarms that ring most

_HOUR, _DAY = 6, 144  # periods of 10 minutes
_P95 = 0.95


class Flood(Struct):
    """More alarms than somebody can answer. Civil time. alarms: with those by which it came to be one."""

    from_ms: int
    to_ms: int
    alarms: int


class Gap(Struct):
    """Nobody watched: the gateway was off. Civil time."""

    from_ms: int
    to_ms: int


class Load(Struct, kw_only=True):
    """How much rings: per 10 minutes of the wall clock, the empty ones included; None where nobody watched at all.

    per_10_min_mean          and per hour, per day: the same mean, times 6, times 144
    per_10_min_most          in any 10 minutes
    per_10_min_over_ten_pct  share of the periods with more than ten
    in_flood_pct             share of the time
    periods                  how many rang in each, from the one in which the span begins
    """

    per_10_min_mean: float | None
    per_hour_mean: float | None
    per_day_mean: float | None
    per_10_min_most: int
    per_10_min_over_ten_pct: float | None
    in_flood_pct: float | None
    floods: list[Flood]
    periods: list[int]


class Counted(Struct, kw_only=True):
    """An alarm and how often: how often it rang; most in a minute; how often it was fleeting. share_pct: of all."""

    alarm: str
    name: str
    text: Text
    priority: int
    count: int
    share_pct: float = 0.0


class Stale(Struct, kw_only=True):
    """An alarm that stood for a day or longer. until_ms: until then it is known to have; active: and it stood on."""

    alarm: str
    name: str
    text: Text
    priority: int
    since_ms: int
    until_ms: int
    active: bool


class Delay(Struct, kw_only=True):
    """How long it took, seconds; None where it never happened.

    count: how often; open: how often it is still waited for. What was over without it is in neither.
    """

    count: int
    open: int
    median_s: float | None
    p95_s: float | None


class OfShift(Struct, kw_only=True):
    """One shift, as far as it lies in the span. from_ms: its begin, or that of the span; so to_ms.

    per_10_min_mean: None = nobody watched
    """

    name: str
    from_ms: int
    to_ms: int
    alarms: int
    per_10_min_mean: float | None
    per_10_min_most: int
    to_acknowledge: Delay


class Kpi(Struct, kw_only=True):
    """The figures of a span. now_ms: up to then is known what became of its alarms.

    alarms      activations; by_priority: of them
    fleeting    gone within a minute, before anybody answered; of alarms that chatter they are not counted again, and
                what was withdrawn is none
    to_acknowledge  from each ring to the answer, which may be one to several rings
    chattering  three activations or more in a rolling minute; count: the most in one
    top         the ten that rang most, and their share
    unwatched   when the gateway was off: the figures say nothing of it
    unauthorised_suppressions  who tried without the right to it (`feed.kpi_audit`); None = it is not known
    """

    from_ms: int
    to_ms: int
    now_ms: int
    alarms: int
    load: Load
    by_priority: dict[int, int]
    by_priority_pct: dict[int, float]
    top: list[Counted]
    top_pct: float
    chattering: list[Counted]
    fleeting: list[Counted]
    stale: list[Stale]
    to_acknowledge: Delay
    to_return: Delay
    by_shift: list[OfShift]
    unwatched: list[Gap] = []
    unauthorised_suppressions: int | None = None

    @property
    def watched(self) -> bool:
        """Whether anything is known of the span."""
        return self.load.per_10_min_mean is not None


class Asked(Struct, kw_only=True):
    """What figures are wanted: of which span, with what is known by now, and by which shifts of the desk.

    unwatched  when the gateway was off: spans in their order, also such as lie outside
    """

    from_ms: int
    to_ms: int
    now_ms: int
    shifts: list[Shift] = []
    unwatched: list[tuple[int, int]] = []


def figures(activations: Iterable[Activation], asked: Asked) -> Kpi:
    """Work out the figures of a span; activations may lie before it (they can be stale) and behind it.

    Of what lies in the future, behind `now_ms`, there is nothing: the span ends there, and its last period with it.
    """
    from_ms, now_ms = asked.from_ms, asked.now_ms
    to_ms = max(from_ms, min(asked.to_ms, now_ms))
    all_of = sorted((each for each in activations if each.at_ms < to_ms), key=lambda each: (each.at_ms, each.alarm))
    rang = [each for each in all_of if each.at_ms >= from_ms]
    begins = [each.at_ms for each in rang]
    last = {each.alarm: each for each in rang}  # its newest words
    chatter = chattering((each.alarm, each.at_ms) for each in rang)
    fleeting = Counter(each.alarm for each in rang if _is_fleeting(each) and each.alarm not in chatter)
    most = Counter(each.alarm for each in rang).most_common(TOP)
    by_priority = dict(sorted(Counter(each.priority for each in rang).items()))
    return Kpi(
        from_ms=from_ms,
        to_ms=to_ms,
        now_ms=now_ms,
        alarms=len(rang),
        load=load(begins, from_ms, to_ms, asked.unwatched),
        by_priority=by_priority,
        by_priority_pct={priority: 100 * count / len(rang) for priority, count in by_priority.items()},
        top=[_counted(last[alarm], count, len(rang)) for alarm, count in most],
        top_pct=100 * sum(count for _, count in most) / len(rang) if rang else 0.0,
        chattering=[_counted(last[alarm], count) for alarm, count in chatter.items()],
        fleeting=[_counted(last[alarm], count, len(rang)) for alarm, count in fleeting.most_common()],
        stale=_stale(all_of, from_ms, to_ms, now_ms),
        to_acknowledge=to_acknowledge(rang, now_ms),
        to_return=_to_return(rang, now_ms),
        by_shift=[_of_shift(each, rang, begins, asked) for each in clipped(asked.shifts, from_ms, to_ms)],
        unwatched=[Gap(*each) for each in parts_of(asked.unwatched, from_ms, to_ms)],
    )


def load(begins: Sequence[int], from_ms: int, to_ms: int, unwatched: Iterable[tuple[int, int]] = ()) -> Load:
    """Work out how much rang; begins: when, ascending, all in the span."""
    first = from_ms // TEN_MIN_MS
    periods = [0] * max(1, -(-to_ms // TEN_MIN_MS) - first)
    for at_ms in begins:
        periods[at_ms // TEN_MIN_MS - first] += 1
    off = parts_of(unwatched, from_ms, to_ms)
    known = periods
    if off:
        known = [n for at, n in enumerate(periods, first) if n or _watched_ms(off, from_ms, to_ms, at * TEN_MIN_MS)]
    floods = list(floods_of(begins, to_ms))
    flooded_ms = sum(length_ms(each.from_ms, each.to_ms, off) for each in floods)
    mean = len(begins) / len(known) if known else None
    return Load(
        per_10_min_mean=mean,
        per_hour_mean=None if mean is None else mean * _HOUR,
        per_day_mean=None if mean is None else mean * _DAY,
        per_10_min_most=_most_within(begins, TEN_MIN_MS),
        per_10_min_over_ten_pct=100 * sum(count > FLOOD_ABOVE for count in known) / len(known) if known else None,
        in_flood_pct=100 * flooded_ms / max(length_ms(from_ms, to_ms, off), 1) if known else None,
        floods=floods,
        periods=periods,
    )


def parts_of(spans: Iterable[tuple[int, int]], from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """Return what of some spans lies in another."""
    parts = ((max(begin, from_ms), min(end, to_ms)) for begin, end in spans)
    return [(begin, end) for begin, end in parts if begin < end]


def length_ms(from_ms: int, to_ms: int, unwatched: Iterable[tuple[int, int]]) -> int:
    """Return how long somebody watched in a span; unwatched: spans that do not overlap."""
    return to_ms - from_ms - sum(end - begin for begin, end in parts_of(unwatched, from_ms, to_ms))


def _watched_ms(off: Iterable[tuple[int, int]], from_ms: int, to_ms: int, at_ms: int) -> int:
    return length_ms(max(from_ms, at_ms), min(to_ms, at_ms + TEN_MIN_MS), off)


def floods_of(begins: Iterable[int], to_ms: int) -> Iterator[Flood]:
    """Yield the floods, as the desk has them (`rules.flood.Flood`); begins: when something rang, ascending."""
    recent: deque[int] = deque()
    flood: Flood | None = None
    for at_ms in begins:
        if flood is not None and (ended_ms := recent[-FLOOD_BELOW] + FLOOD_WINDOW_MS) <= at_ms:
            flood.to_ms = ended_ms
            yield flood
            flood = None
        recent.append(at_ms)
        while recent[0] <= at_ms - FLOOD_WINDOW_MS:
            recent.popleft()
        if flood is not None:
            flood.alarms += 1
        elif len(recent) > FLOOD_ABOVE:
            flood = Flood(at_ms, at_ms, len(recent))
    if flood is not None:
        flood.to_ms = min(recent[-FLOOD_BELOW] + FLOOD_WINDOW_MS, to_ms)
        yield flood


def chattering(activations: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Find alarms that chatter, of (alarm, when) in order of time: the most activations in a rolling minute."""
    by_alarm: defaultdict[str, list[int]] = defaultdict(list)
    for alarm, at_ms in activations:
        by_alarm[alarm].append(at_ms)
    found = {alarm: _most_within(times, CHATTER_MS) for alarm, times in by_alarm.items()}
    return {alarm: most for alarm, most in found.items() if most >= CHATTER}


def _most_within(times: Sequence[int], within_ms: int) -> int:
    """Return the most that are less than so long apart; times: ascending."""
    return max((bisect_left(times, at_ms + within_ms) - at for at, at_ms in enumerate(times)), default=0)


def _is_fleeting(each: Activation) -> bool:
    if each.returned_ms is None or each.finding or each.withdrawn or each.returned_ms - each.at_ms >= FLEETING_MS:
        return False
    return each.acked_ms is None or each.acked_ms > each.returned_ms


def _counted(each: Activation, count: int, of_all: int = 0) -> Counted:
    share = 100 * count / of_all if of_all else 0.0
    return Counted(
        alarm=each.alarm, name=each.name, text=each.text, priority=each.priority, count=count, share_pct=share
    )


def _stale(activations: Sequence[Activation], from_ms: int, to_ms: int, now_ms: int) -> list[Stale]:
    """Find alarms that had stood for a day at some moment of the span, each once: the longest."""
    found: dict[str, Stale] = {}
    for each in activations:
        returned_ms = _known(each.returned_ms, now_ms)
        until_ms = now_ms if returned_ms is None else returned_ms
        begins_ms = each.since_ms + STALE_MS  # from here on it is stale
        if each.finding or begins_ms > until_ms or begins_ms >= to_ms or until_ms < from_ms:
            continue
        former = found.get(each.alarm)
        if former is None or until_ms - each.since_ms > former.until_ms - former.since_ms:
            found[each.alarm] = Stale(
                alarm=each.alarm, name=each.name, text=each.text, priority=each.priority,
                since_ms=each.since_ms, until_ms=until_ms, active=returned_ms is None,
            )  # fmt: skip
    return sorted(found.values(), key=lambda each: (each.since_ms, each.alarm))


def _known(at_ms: int | None, now_ms: int) -> int | None:
    return at_ms if at_ms is not None and at_ms <= now_ms else None


def to_acknowledge(rang: Iterable[Activation], now_ms: int) -> Delay:
    """Work out how long people took to answer; now_ms: up to then it is known whether they did."""
    return _delay(((each.at_ms, each.acked_ms, each.settled_ms) for each in rang), now_ms)


def _to_return(rang: Iterable[Activation], now_ms: int) -> Delay:
    fates = (
        (each.at_ms, None, each.returned_ms) if each.withdrawn else (each.at_ms, each.returned_ms, None)
        for each in rang
        if not each.finding
    )
    return _delay(fates, now_ms)


def _delay(fates: Iterable[tuple[int, int | None, int | None]], now_ms: int) -> Delay:
    """Work out delays; fates: when it began, when that happened which is waited for, when it was over without."""
    known = [(begin, _known(end, now_ms), _known(over, now_ms)) for begin, end, over in fates]
    took = sorted(max(end - begin, 0) / 1000 for begin, end, _ in known if end is not None)  # a clock may be set back
    return Delay(
        count=len(took), open=sum(end is None and over is None for _, end, over in known),
        median_s=percentile(took, 0.5), p95_s=percentile(took, _P95),
    )  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return a percentile of values in ascending order, linear between ranks; None of none."""
    if not values:
        return None
    rank = (len(values) - 1) * share
    at = floor(rank)
    return values[at] + (values[min(at + 1, len(values) - 1)] - values[at]) * (rank - at)


# ---------------------------------------------------------------------------------------------------------- shifts


def clipped(shifts: Iterable[Shift], from_ms: int, to_ms: int) -> Iterator[Shift]:
    """Yield every shift that has a part of the span, as far as it lies in it."""
    for name, at_ms, end_ms in ((each.name, each.from_ms, each.to_ms) for each in shifts):
        if at_ms < to_ms and end_ms > from_ms:
            yield Shift(name, max(at_ms, from_ms), min(end_ms, to_ms))


def count_in(begins: Sequence[int], shift: Shift) -> int:
    """Count what began in a shift; begins: ascending."""
    return bisect_left(begins, shift.to_ms) - bisect_left(begins, shift.from_ms)


def _of_shift(span: Shift, rang: Sequence[Activation], begins: Sequence[int], asked: Asked) -> OfShift:
    at, end = bisect_left(begins, span.from_ms), bisect_left(begins, span.to_ms)
    found = load(begins[at:end], span.from_ms, span.to_ms, asked.unwatched)
    return OfShift(
        name=span.name,
        from_ms=span.from_ms,
        to_ms=span.to_ms,
        alarms=end - at,
        per_10_min_mean=found.per_10_min_mean,
        per_10_min_most=found.per_10_min_most,
        to_acknowledge=to_acknowledge(rang[at:end], asked.now_ms),
    )
