"""State, threshold and silence on one device each; and the law of the quiet band."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.judging import Judge, quieten
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.ruleset import Rule
from rules.verdicts import NEVER_QUIET
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, Street, bay, plain, plain_events, rule, told, uplink

EUI = "00000000000000a1"


def parked(street: Street, ms: int, *, occupied: bool, counter: int) -> list[tuple[str, str, str]]:
    frame = uplink(EUI, 2, bytes([occupied]), counter=counter, time_ms=street.outcomes[0].known[0][1].at_ms + ms)
    return told(street.say(ms, frame).events)


def test_a_bay_that_is_occupied_for_26_hours() -> None:
    street = Street([bay()], [rule("parked", "state", State(quantity="occupied", value=True, on_delay_ms=24 * HOUR))])
    assert not parked(street, 0, occupied=True, counter=0)
    for hour in range(1, 24):
        assert not parked(street, hour * HOUR, occupied=True, counter=hour)
    [event] = street.tick(26 * HOUR).events
    assert (event.kind, event.alarm.id, event.cause) == ("raised", "parked@bay-1", "timer")
    assert event.at_ms == street.outcomes[0].known[0][1].at_ms + 24 * HOUR  # as of its due time
    assert parked(street, 27 * HOUR, occupied=False, counter=24) == [("returned", "parked@bay-1", "RTN_UNACK")]


def test_a_bay_that_was_free_for_a_moment_counts_anew() -> None:
    street = Street([bay()], [rule("parked", "state", State(quantity="occupied", value=True, on_delay_ms=24 * HOUR))])
    parked(street, 0, occupied=True, counter=0)
    parked(street, 23 * HOUR, occupied=False, counter=1)
    parked(street, 23 * HOUR + MINUTE, occupied=True, counter=2)
    assert not street.tick(46 * HOUR).events
    assert told(street.tick(48 * HOUR).events) == [("raised", "parked@bay-1", "UNACK")]


def test_an_off_delay_bridges_a_gap() -> None:
    settings = State(quantity="cover_open", value=True, off_delay_ms=5 * MINUTE)
    street = Street([plain("a")], [rule("open", "state", settings)])
    assert told(street.json(0, "a", open=True).events) == [("raised", "open@a", "UNACK")]
    assert not street.json(MINUTE, "a", open=False).events
    assert not street.json(5 * MINUTE, "a", open=True).events
    assert not street.json(6 * MINUTE, "a", open=False).events
    assert told(street.tick(11 * MINUTE).events) == [("returned", "open@a", "RTN_UNACK")]


def run(settings: Threshold, values: Sequence[tuple[int, float]], until_s: int = 0) -> list[tuple[int, str]]:
    """Seconds and values; what happened, and when."""
    street = Street([plain("a")], [rule("r", "threshold", settings)])
    begin = street.outcomes[0].known[0][1].at_ms
    for second, value in values:
        street.json(second * SECOND, "a", pm10=value)
    street.tick(until_s * SECOND if until_s else values[-1][0] * SECOND)
    return [((event.at_ms - begin) // SECOND, event.kind) for outcome in street.outcomes for event in outcome.events]


def test_twice_over_or_once_far_over() -> None:
    settings = Threshold(quantity="pm10_ug_m3", above=15, at_least=2, of=2, once=30)
    assert run(settings, [(1, 20), (2, 10), (3, 20)]) == []
    assert run(settings, [(1, 20), (2, 16)]) == [(2, "raised")]
    assert run(settings, [(1, 31)]) == [(1, "raised")]
    assert run(settings, [(1, 15), (2, 15)]) == []  # as much as the limit is not over it


def test_two_of_the_last_three() -> None:
    settings = Threshold(quantity="pm10_ug_m3", above=15, at_least=2, of=3)
    assert run(settings, [(1, 20), (2, 10), (3, 20)]) == [(3, "raised")]
    assert run(settings, [(1, 20), (2, 10), (3, 10), (4, 20)]) == []


def test_it_ends_where_clear_says() -> None:
    settings = Threshold(quantity="pm10_ug_m3", above=150, clear=120, off_delay_ms=10 * SECOND)
    assert run(settings, [(1, 151), (2, 130), (3, 120), (5, 121), (6, 110)], 20) == [(1, "raised"), (16, "returned")]


def test_it_has_to_last() -> None:
    settings = Threshold(quantity="pm10_ug_m3", above=150, on_delay_ms=MINUTE)
    assert run(settings, [(1, 200), (30, 160), (50, 150), (60, 200)], 119) == []
    assert run(settings, [(1, 200), (30, 160)], 62) == [(61, "raised")]


def test_below_a_limit() -> None:
    settings = Threshold(quantity="pm10_ug_m3", below=10, clear=12)
    assert run(settings, [(1, 10), (2, 9.99), (3, 11), (4, 12)]) == [(2, "raised"), (4, "returned")]


numbers = st.sampled_from((0.0, 5.0, 10.0, 10.01, 15.0, 20.0, 30.0, 31.0, 50.0))
limits = st.sampled_from((5.0, 10.0, 15.0, 20.0))
delays = st.sampled_from((0, SECOND, MINUTE))


@st.composite
def thresholds(draw: st.DrawFn) -> Threshold:
    limit, of = draw(limits), draw(st.integers(1, 4))
    upwards = draw(st.booleans())
    clear, once = draw(st.none() | limits), draw(st.none() | numbers)
    return Threshold(
        quantity="pm10_ug_m3", above=limit if upwards else None, below=None if upwards else limit,
        clear=None if clear is None else (min if upwards else max)(clear, limit), once=once,
        at_least=draw(st.integers(1, of)), of=of, on_delay_ms=draw(delays), off_delay_ms=draw(delays),
    )  # fmt: skip


@st.composite
def states(draw: st.DrawFn) -> State:
    return State(quantity="cover_open", value=draw(st.booleans()), on_delay_ms=draw(delays), off_delay_ms=draw(delays))


steps = st.sampled_from((0, 1, SECOND, 30 * SECOND, MINUTE, 2 * MINUTE))
days = st.lists(st.tuples(steps, numbers, st.booleans()), min_size=1, max_size=20)


def judged(rules: list[Rule], day: Sequence[tuple[int, float, bool]], *, quiet: bool) -> list[Any]:
    street = Street([plain("a")], rules)
    at_ms = 0
    for step, number, truth in day:
        at_ms += step
        street.json(at_ms, "a", pm10=number, open=truth)
        if not quiet:
            track = street.fold.memory.world.reception.tracks["a"]
            for judge in track.watches:
                judge.low, judge.high = NEVER_QUIET
            quieten(track)
    street.tick(at_ms + 10 * MINUTE)
    return plain_events(event for outcome in street.outcomes for event in outcome.events)


@settings(max_examples=300, deadline=None)
@given(first=thresholds(), second=thresholds(), third=states(), day=days)
def test_nothing_in_a_quiet_band_could_have_changed_anything(
    first: Threshold, second: Threshold, third: State, day: list[tuple[int, float, bool]]
) -> None:
    rules = [rule("a", "threshold", first), rule("b", "threshold", second), rule("c", "state", third)]
    assert judged(rules, day, quiet=True) == judged(rules, day, quiet=False)


@settings(max_examples=300, deadline=None)
@given(kind=st.one_of(thresholds(), states()), day=days, probe=numbers)
def test_a_value_inside_the_band_leaves_the_memory_alone(
    kind: Threshold | State, day: list[tuple[int, float, bool]], probe: float
) -> None:
    street = Street([plain("a")], [rule("r", "threshold" if isinstance(kind, Threshold) else "state", kind)])
    at_ms = 0
    for step, number, truth in day:
        at_ms += step
        street.json(at_ms, "a", pm10=number, open=truth)
    judge: Judge = street.fold.memory.world.judging.judges["r", "a"]
    value = probe if isinstance(kind, Threshold) else float(probe > 15)
    if judge.low <= value <= judge.high:
        frame = {"pm10": value} if isinstance(kind, Threshold) else {"open": bool(value)}
        before = (judge.memory, judge.verdict, street.fold.next_due_ms())
        judge.low, judge.high = NEVER_QUIET  # let it be judged all the same
        quieten(street.fold.memory.world.reception.tracks["a"])
        street.json(at_ms, "a", **frame)
        assert (judge.memory, judge.verdict, street.fold.next_due_ms()) == before


def test_bands_are_quiet_most_of_the_time() -> None:
    """A law that held because nothing is ever quiet would be worth nothing."""
    street = Street([plain("a")], [rule("r", "threshold", Threshold(quantity="pm10_ug_m3", above=150, clear=120))])
    street.json(0, "a", pm10=100)
    judge = street.fold.memory.world.judging.judges["r", "a"]
    assert (judge.low <= 0, judge.high) == (True, 150)
    street.json(1, "a", pm10=200)
    assert (judge.low <= 121, judge.high >= 10_000) == (True, True)


def test_silence_by_its_interval_and_by_a_time() -> None:
    rules = [rule("three", "silence", Silence()), rule("day", "silence", Silence(intervals=None, after_ms=DAY))]
    street = Street([plain("a")], rules)
    street.json(0, "a", pm10=1)
    assert not street.tick(3 * MINUTE - 1).events
    [event] = street.tick(3 * MINUTE).events
    why = {"cause": "device", "quiet_for_s": 180, "last_heard_s": 180}
    assert (event.alarm.id, event.evidence and event.evidence.why) == ("three@a", why)
    assert told(street.tick(DAY).events) == [("raised", "day@a", "UNACK")]
    events = street.json(DAY + SECOND, "a", pm10=1).events
    assert told(events) == [("returned", "day@a", "RTN_UNACK"), ("returned", "three@a", "RTN_UNACK")]
