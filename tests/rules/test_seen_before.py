"""Duplicates are taken out, and nothing else is; strangers change nothing; what a removed source leaves."""

import json
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.frames import Batch
from devices.sessions import BITS, Session, compare
from rules.kinds.silence import Silence
from rules.kinds.state import State
from tests.rules.street import (
    COUNTED,
    DAY,
    HOUR,
    LORA,
    MINUTE,
    OTHER,
    SECOND,
    START_MS,
    TIMED,
    Street,
    bay,
    plain,
    rule,
    told,
    uplink,
)

EUI = "00000000000000a1"
OPEN = rule("open", "state", State(quantity="cover_open", value=True))


class Counted:
    def __init__(self) -> None:
        self.counter, self.run, self.mask, self.missed = -1, 0, 0, 0
        self.old: Session | None = None


@given(st.lists(st.integers(0, 60), max_size=80))
@settings(max_examples=300)
def test_a_session_is_a_set_of_counters(counters: list[int]) -> None:
    """Within one session, and as far as it is remembered: a duplicate is what came before, and nothing else."""
    counted, seen, missed = Counted(), set[int](), 0
    for counter in counters:
        newest = max(seen, default=counter - 1)
        missed += max(counter - newest - 1, 0)
        said = compare(counted, counter, newer=None if counter > newest else False)
        assert (said == "duplicate") == (counter in seen)
        assert (said == "older") == (counter not in seen and counter < newest)
        seen.add(counter)
    assert counted.missed == missed


def test_two_sessions_and_what_is_too_old() -> None:
    counted = Counted()
    for counter in (*range(100), 105):
        assert compare(counted, counter, newer=True) == ""
    assert compare(counted, 0, newer=True) == ""  # it joined again
    assert compare(counted, 1, newer=True) == ""
    assert compare(counted, 105, newer=False) == "duplicate"  # of the session before, days late
    assert compare(counted, 103, newer=False) == "older"
    assert compare(counted, 103, newer=False) == "duplicate"
    assert compare(counted, 106, newer=False) == "older"
    assert compare(counted, 106, newer=False) == "duplicate"
    assert counted.counter == 1
    assert compare(counted, 2 + 3 * BITS, newer=True) == ""
    assert counted.missed == 5 + 3 * BITS


def test_a_counter_without_a_time_that_begins_again() -> None:
    counted = Counted()
    for counter in range(5000):
        compare(counted, counter, newer=None)
    assert compare(counted, 2, newer=None) == ""
    assert compare(counted, 3, newer=None) == ""
    for counter in range(4, 5000):
        compare(counted, counter, newer=None)
    assert compare(counted, 40, newer=None) == ""  # the first forty were lost
    assert compare(counted, 41, newer=None) == ""


def test_the_platform_delivers_twice() -> None:
    street = Street([bay()], [OPEN])
    frames = [uplink(EUI, 1, b"\x00", counter=n, time_ms=START_MS + n * MINUTE) for n in range(3)]
    street.say(0, *frames)
    assert len(street.outcomes[-1].lines) == 3
    assert not street.say(SECOND, *frames).lines
    track = street.fold.memory.world.reception.tracks["bay-1"]
    assert (track.frames, track.duplicates, track.decoded) == (6, 3, 3)
    street.restart()
    assert not street.say(2 * SECOND, *frames).lines
    joined = uplink(EUI, 1, b"\x01", counter=0, time_ms=START_MS + HOUR)
    assert len(street.say(HOUR, joined).lines) == 1
    assert not street.say(HOUR + SECOND, joined, *frames[1:]).lines


def test_with_its_own_time_the_same_reading_counts_once_and_two_of_one_moment_twice() -> None:
    street = Street([plain("a", TIMED)], [OPEN])
    assert street.json(0, "a", pm10=1, t=START_MS).lines
    assert not street.json(SECOND, "a", pm10=1, t=START_MS).lines
    assert street.json(2 * SECOND, "a", pm10=2, t=START_MS).lines  # of the same moment, but another
    for n in range(1, 127):
        street.json(n * 10 * SECOND, "a", pm10=n, t=START_MS + n * 10 * SECOND)
    assert not street.json(HOUR, "a", pm10=1, t=START_MS).lines  # the 128th before
    assert street.json(HOUR + SECOND, "a", pm10=500, t=START_MS + HOUR).lines
    assert street.json(HOUR + 2 * SECOND, "a", pm10=1, t=START_MS).lines  # too long ago to be remembered


def test_an_hourly_free_is_a_heartbeat() -> None:
    street = Street([plain("a"), plain("b")], [rule("quiet", "silence", Silence())])
    for hour in range(24):
        assert len(street.json(hour * HOUR, "a", open=False).lines) >= 1
    assert street.fold.memory.world.reception.tracks["a"].duplicates == 0


def test_only_the_brokers_own_word_makes_equal_bytes_a_duplicate() -> None:
    street = Street([plain("a"), plain("b")], [OPEN])
    street.json(0, "a", open=False)
    assert not street.json(SECOND, "a", b"D", open=False).lines  # delivered again after a reconnect
    assert street.json(2 * SECOND, "a", b"D", open=True).lines  # DUP, but the first delivery never reached us
    assert street.json(3 * SECOND, "b", b"D", open=False).lines  # the same bytes of another device
    street.restart()
    assert not street.json(4 * SECOND, "a", b"D", open=False).lines


def test_a_duplicate_never_rings_and_is_no_sign_of_life() -> None:
    street = Street([plain("a", TIMED)], [OPEN, rule("quiet", "silence", Silence())])
    street.json(0, "a", open=True, t=START_MS)
    street.json(SECOND, "a", open=False, t=START_MS + SECOND)
    assert not street.json(2 * MINUTE, "a", open=True, t=START_MS).events
    assert told(street.tick(3 * MINUTE + SECOND).events) == [("raised", "quiet@a", "UNACK")]


def test_a_counter_of_plain_json() -> None:
    street = Street([plain("a", COUNTED)], [OPEN])
    for seq in (1, 2, 3, 5):
        assert street.json(seq * SECOND, "a", pm10=1, seq=seq).lines
    assert not street.json(6 * SECOND, "a", pm10=1, seq=3).lines
    assert street.json(7 * SECOND, "a", pm10=1, seq=4).lines  # late, but new
    assert not street.json(8 * SECOND, "a", pm10=1, seq=4).lines
    assert street.fold.memory.world.reception.tracks["a"].missed == 1


# ------------------------------------------------------------------------------------------------------ strangers


def test_a_stranger_changes_nothing() -> None:
    street = Street([plain("a")], [OPEN, rule("quiet", "silence", Silence())])
    street.json(0, "a", open=False)
    before = street.fold.next_due_ms()
    outcome = street.json(SECOND, "nobody", open=True)
    assert (outcome.known, outcome.events, outcome.lines) == ([], [], [])
    [(sequence, source, at_ms, frame, address)] = outcome.strangers
    assert (sequence, source, at_ms, address) == (3, "lora", START_MS + SECOND, "topic:lora/nobody")
    assert frame == (b"plain/nobody", b'{"open": true}', b"")
    assert street.fold.next_due_ms() == before


def test_a_stranger_does_not_call_a_link_up() -> None:
    street = Street([plain("a")], [rule("quiet", "silence", Silence())])
    street.link(0, up=False)
    street.json(SECOND, "nobody", open=True)
    assert street.fold.memory.links.down_sources == {"lora"}
    street.json(2 * SECOND, "a", open=True)
    assert not street.fold.memory.links.down_sources


def test_known_and_strangers_part_and_timers_at_a_stranger_become_a_tick() -> None:
    street = Street([plain("a"), plain("b")], [rule("quiet", "silence", Silence())])
    street.json(0, "a", pm10=1)

    def frame(name: str) -> tuple[str, bytes]:
        return f"plain/{name}", json.dumps({"pm10": 1}).encode()

    outcome = street.say(HOUR, frame("x"), frame("a"), frame("b"), frame("y"), frame("z"), frame("b"))
    assert (outcome.first, outcome.last) == (3, 8)
    kept = [
        (first, len(record.frames) if isinstance(record, Batch) else type(record).__name__)
        for first, record in outcome.known
    ]
    assert kept == [(3, "Tick"), (4, 2), (8, 1)]
    assert [stranger[0] for stranger in outcome.strangers] == [3, 6, 7]
    link = "link-down@broker:lora"  # neither has spoken for an hour
    kinds = [event.kind for event in outcome.events]
    assert {event.alarm.id for event in outcome.events} == {link}
    assert (kinds[0], kinds[-1]) == ("raised", "returned")
    again = street.fresh()
    events = [event for first, record in street.log for event in again.take(first, [record]).events]
    assert events == [event for each in street.outcomes for event in each.events]


def test_what_comes_through_a_source_that_is_no_more_is_a_strangers() -> None:
    street = Street([plain("a", via=("lora", "other"))], [OPEN], sources=(LORA, OTHER))
    street.json(0, "a", b"", "other", open=False)  # its address belongs to the other broker
    assert street.outcomes[-1].strangers[0][4] == "topic:other/a"
    street.configure(SECOND, "less", [plain("a")], [OPEN])
    outcome = street.json(2 * SECOND, "a", b"", "other", open=True)
    assert outcome.strangers[0][4] == "source:other"
    assert street.fold.memory.world.reception.former["strangers"] == 1


def test_a_new_device_starts_with_its_next_frame_and_a_changed_one_anew() -> None:
    street = Street([plain("a")], [OPEN])
    street.json(0, "b", open=True)
    street.configure(SECOND, "two", [plain("a"), plain("b")], [OPEN])
    assert told(street.json(2 * SECOND, "b", open=True).events) == [("raised", "open@b", "UNACK")]
    street.configure(3 * SECOND, "moved", [plain("a"), plain("b", address="topic:lora/c")], [OPEN])
    assert street.json(4 * SECOND, "b", open=False).strangers
    assert told(street.json(5 * SECOND, "c", open=False).events) == [("returned", "open@b", "RTN_UNACK")]


def test_refused_frames_say_why_and_do_not_count_as_life() -> None:
    street = Street([plain("a")], [rule("quiet", "silence", Silence())])
    street.json(0, "a", pm10=1)
    [refused] = street.say(2 * MINUTE, ("plain/a", b"{")).refused
    assert (refused.device, refused.reason, refused.sequence) == ("a", "syntax", 3)
    [refused] = street.json(2 * MINUTE, "a", pm10=99_999).refused
    assert refused.reason == "range"
    assert told(street.tick(3 * MINUTE).events) == [("raised", "quiet@a", "UNACK")]


def test_one_insane_value_does_not_take_the_others_along() -> None:
    street = Street([plain("a")], [OPEN])
    outcome = street.json(0, "a", pm10=99_999, pm25=30, open=True)
    assert b'pm25_ug_m3=30.0,cover_open=true,flags="pm10_ug_m3:range"' in outcome.lines[0]
    assert told(outcome.events) == [("raised", "open@a", "UNACK")]


def test_a_day_of_repeats_changes_nothing_but_counts() -> None:
    """What a broker, a platform and a radio may do: repeat at will. Plain random with a fixed seed."""
    dice = Random(7)
    once, often = (Street([bay()], [rule("parked", "state", State(quantity="occupied", value=True))]) for _ in range(2))
    sent: list[tuple[str, bytes]] = []
    for n in range(400):
        at_ms = n * MINUTE
        frame = uplink(EUI, 1, bytes([dice.random() < 0.5]), counter=n, time_ms=START_MS + at_ms)
        once.say(at_ms, frame)
        often.say(at_ms, frame)
        sent.append(frame)
        often.say(at_ms, *dice.choices(sent, k=dice.randrange(4) + 1))
    assert [told(o.events) for o in once.outcomes if o.events] == [told(o.events) for o in often.outcomes if o.events]
    assert sum(len(o.lines) for o in once.outcomes) == sum(len(o.lines) for o in often.outcomes)
    assert often.fold.memory.world.reception.tracks["bay-1"].duplicates == often.next - once.next
    assert DAY > 400 * MINUTE
