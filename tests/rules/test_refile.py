"""Frames that came before somebody registered their device, and frames that were read by a wrong map: read again."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device
from rules.kinds.day_mean import DayMean
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.lines import ERASE
from rules.packs import DatedLimit
from rules.records import Event, Old, Outcome, Refile, Reread
from rules.ruleset import Rule
from tests.rules.street import COUNTED, DAY, FIELDS, HOUR, MINUTE, START_MS, TIMED, Street, plain, rule

LIMIT = (DatedLimit(from_date="2020-01-01", value=120, name="GB", source="V1"),)
DAILY = rule("day", "day_mean", DayMean(quantity="pm10_ug_m3", limits=LIMIT))
OPEN = rule("open", "state", State(quantity="cover_open", value=True))
QUIET = rule("quiet", "silence", Silence(intervals=3))
MIDNIGHT_MS = int(datetime(2026, 11, 20, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000) - START_MS
NEIGHBOUR = plain("a", TIMED, interval_ms=5 * MINUTE)
LATE = plain("b", TIMED, interval_ms=5 * MINUTE)


def inbox_of(street: Street) -> list[Old]:
    """Read the inbox."""
    return [
        Old(sequence, source, at_ms, *frame)
        for outcome in street.outcomes
        for sequence, source, at_ms, frame, _ in outcome.strangers
    ]


def journal_of(street: Street, place: bytes) -> list[Old]:
    """Read what the journal has of one place."""
    return [
        Old(first + i, record.source, record.at_ms, *frame)
        for first, record in street.log
        if isinstance(record, Batch)
        for i, frame in enumerate(record.frames)
        if frame[0] == place
    ]


def refile(street: Street, ms: int, frames: list[Old], *, size: int = 100, **about: object) -> list[Outcome]:
    """Put frames into the log again, `size` at a time."""
    cuts = range(0, max(len(frames), 1), size)
    whole: dict[str, Any] = {"device": "b", "why": "registered"} | about
    return [
        street.at(
            ms,
            Refile(at_ms=0, refile="r1", part=part, last=cut == cuts[-1], frames=frames[cut : cut + size], **whole),
        )
        for part, cut in enumerate(cuts)
    ]


def lines_of(street: Street, device: str) -> list[bytes]:
    tag = f",device={device},".encode()
    return sorted(
        {line for outcome in street.outcomes for line in outcome.lines if tag in line and line.startswith(b"dust,")}
    )


def events_of(street: Street, name: str) -> list[Event]:
    return [event for outcome in street.outcomes for event in outcome.events if event.alarm.rule == name]


def day(street: Street, *, pm10: float = 130) -> None:
    """Live through a natural day in which both devices speak, with one repeat and one frame that nobody can read."""
    for at_ms in range(MIDNIGHT_MS, MIDNIGHT_MS + DAY, 5 * MINUTE):
        street.json(at_ms, "a", pm10=50, t=START_MS + at_ms)
        street.json(at_ms + 1, "b", pm10=pm10, t=START_MS + at_ms)
    street.json(MIDNIGHT_MS + DAY - 1, "b", pm10=pm10, t=START_MS + MIDNIGHT_MS + DAY - 5 * MINUTE)
    street.say(MIDNIGHT_MS + DAY - 1, ("plain/b", b"{"))
    street.tick(MIDNIGHT_MS + DAY + HOUR)


def test_what_came_before_registration_is_there_as_if_it_had_been_registered() -> None:
    late, always = Street([NEIGHBOUR], [DAILY]), Street([NEIGHBOUR, LATE], [DAILY])
    day(late)
    day(always)
    assert lines_of(late, "b") == []
    late.configure(MIDNIGHT_MS + DAY + HOUR, "two", [NEIGHBOUR, LATE], [DAILY])
    outcomes = refile(late, MIDNIGHT_MS + DAY + HOUR, inbox_of(late))
    assert [outcome.answers[f"r1/{part}"].status for part, outcome in enumerate(outcomes)] == [200, 200, 200]
    assert lines_of(late, "b") == lines_of(always, "b")
    late.tick(MIDNIGHT_MS + DAY + 2 * HOUR)
    always.tick(MIDNIGHT_MS + DAY + 2 * HOUR)
    raised = [event for event in events_of(late, "day") if event.kind == "raised"]
    assert [(event.alarm.id, event.alarm.value) for event in raised] == [("day@b", 130)]
    hours = {(p.start_ms, p.mean, p.valid) for outcome in late.outcomes for p in outcome.periods if p.device == "b"}
    wanted = {(p.start_ms, p.mean, p.valid) for outcome in always.outcomes for p in outcome.periods if p.device == "b"}
    assert hours == wanted
    track = late.fold.memory.world.reception.tracks["b"]
    assert (track.duplicates, track.refused, track.decoded) == (1, {"syntax": 1}, 288)
    assert late.fold.memory.refiled == 290
    assert track.seen_ms == START_MS + MIDNIGHT_MS + DAY - 5 * MINUTE + 1


def test_the_newest_word_of_a_new_device_rings_and_is_marked_late_but_nothing_older() -> None:
    street = Street([NEIGHBOUR], [OPEN])
    for number, is_open in enumerate((True, False, True)):
        street.json(number * HOUR, "b", open=is_open, t=START_MS + number * HOUR)
        street.json(number * HOUR, "c", open=not is_open, t=START_MS + number * HOUR)
    devices = [NEIGHBOUR, LATE, plain("c", TIMED)]
    street.configure(5 * HOUR, "two", devices, [OPEN])
    frames = inbox_of(street)
    refile(street, 5 * HOUR, [old for old in frames if old.place == b"plain/b"], size=1)
    refile(street, 5 * HOUR, [old for old in frames if old.place == b"plain/c"], device="c")
    [event] = events_of(street, "open")
    assert (event.kind, event.alarm.id, event.alarm.late) == ("raised", "open@b", True)
    assert event.evidence is not None
    assert event.evidence.payload == frames[-2].payload


def test_a_device_that_has_spoken_since_is_judged_by_what_it_says_now() -> None:
    street = Street([NEIGHBOUR], [OPEN])
    street.json(0, "b", open=True, t=START_MS)
    street.configure(HOUR, "two", [NEIGHBOUR, LATE], [OPEN])
    street.json(HOUR, "b", open=False, t=START_MS + HOUR)
    refile(street, HOUR + MINUTE, inbox_of(street))
    assert events_of(street, "open") == []


def corrected(factor: float) -> Device:
    fields = FIELDS | {"pm10": {"quantity": "pm10_ug_m3", "factor": factor}}
    options = msgspec.convert({"family": "dust", "fields": fields, "time": {"field": "t", "unit": "ms"}}, PlainOptions)
    return plain("b", options, interval_ms=5 * MINUTE)


def test_a_corrected_map_takes_the_place_of_what_was_said() -> None:
    rules: list[Rule] = [DAILY]
    street = Street([NEIGHBOUR, corrected(10)], rules)
    day(street, pm10=20)  # read as 200
    [raised, _] = events_of(street, "day")
    assert raised.alarm.value == 200
    wrong = lines_of(street, "b")
    street.configure(MIDNIGHT_MS + DAY + 2 * HOUR, "two", [NEIGHBOUR, corrected(1)], rules)
    frames = journal_of(street, b"plain/b")
    from_ms = START_MS + MIDNIGHT_MS
    outcomes = refile(
        street, MIDNIGHT_MS + DAY + 2 * HOUR, frames, why="redecode", from_ms=from_ms, to_ms=from_ms + DAY
    )
    order = outcomes[0].lines[0]
    assert order.startswith(ERASE)
    assert msgspec.json.decode(order.removeprefix(ERASE)) == {
        "device": "b", "from_ms": from_ms, "to_ms": from_ms + DAY,
    }  # fmt: skip
    right = sorted(line for outcome in outcomes for line in outcome.lines if line.startswith(b"dust,"))
    assert [line.split()[-1] for line in right] == [line.split()[-1] for line in wrong]  # the same points
    assert all(b"pm10_ug_m3=20.0" in line for line in right)
    street.tick(MIDNIGHT_MS + DAY + 3 * HOUR)
    amended = events_of(street, "day")[-1]
    assert (amended.kind, amended.amends, amended.alarm.value) == ("amended", raised.alarm.occurrence, 20)
    days = [p for outcome in street.outcomes for p in outcome.periods if (p.device, p.span) == ("b", "day")]
    assert [(p.mean, p.revision) for p in days] == [(200, 1), (20, 2)]


def test_what_lies_outside_the_span_is_passed_over() -> None:
    street = Street([NEIGHBOUR, LATE], [DAILY])
    day(street)
    frames = journal_of(street, b"plain/b")
    noon = START_MS + MIDNIGHT_MS + 12 * HOUR
    outcomes = refile(street, MIDNIGHT_MS + DAY + 2 * HOUR, frames, why="redecode", from_ms=noon, to_ms=noon + HOUR)
    lines = [line for outcome in outcomes for line in outcome.lines if line.startswith(b"dust,")]
    assert len(lines) == 12
    street.tick(MIDNIGHT_MS + DAY + 3 * HOUR)
    days = [p for outcome in street.outcomes for p in outcome.periods if (p.device, p.span) == ("b", "day")]
    assert [(p.mean, p.revision) for p in days] == [(130, 1)]  # the same again is no revision


def test_a_part_that_comes_twice_or_out_of_turn_changes_nothing() -> None:
    street = Street([NEIGHBOUR], [DAILY])
    day(street)
    street.configure(MIDNIGHT_MS + DAY + HOUR, "two", [NEIGHBOUR, LATE], [DAILY])
    frames = inbox_of(street)
    at_ms = MIDNIGHT_MS + DAY + HOUR

    def part(number: int, *, last: bool = False, name: str = "r1", device: str = "b") -> int:
        record = Refile(
            at_ms=0, refile=name, part=number, last=last, device=device, why="registered", frames=frames[:10]
        )
        outcome = street.at(at_ms, record)
        assert not outcome.lines or outcome.answers[record.id].status == 200
        return outcome.answers[record.id].status

    assert part(0, device="nobody") == 404
    assert part(1) == 409
    assert part(0) == 200
    assert part(0, device="a", name="r0") == 200
    assert part(2) == 409
    assert part(1, name="other") == 409
    street.restart()
    assert part(1) == 200
    assert part(1) == 409
    assert part(2, last=True) == 200
    assert part(3) == 409


def test_repeats_among_the_old_frames_are_repeats_still() -> None:
    street = Street([NEIGHBOUR])
    for counter in (7, 8, 8, 7, 9):
        street.json(counter * MINUTE, "b", pm10=1, seq=counter)
    device = plain("b", COUNTED)
    street.configure(HOUR, "two", [NEIGHBOUR, device])
    refile(street, HOUR, inbox_of(street), size=2)
    street.json(HOUR + 1, "b", pm10=1, seq=9)  # the broker says it once more: it is known
    street.json(HOUR + 2, "b", pm10=1, seq=10)
    track = street.fold.memory.world.reception.tracks["b"]
    assert (track.duplicates, track.decoded, track.missed) == (3, 4, 0)


def test_nobody_missed_a_device_before_it_was_registered() -> None:
    street = Street([])
    street.json(0, "b", pm10=1, t=START_MS)
    street.configure(HOUR, "two", [LATE], [QUIET])
    refile(street, HOUR, inbox_of(street))
    street.tick(HOUR + 15 * MINUTE - 1)
    assert events_of(street, "quiet") == []
    street.tick(HOUR + 15 * MINUTE)
    assert [event.alarm.id for event in events_of(street, "quiet")] == ["quiet@b"]


def test_what_became_of_old_frames_is_said() -> None:
    street = Street([])
    for counter, said in ((7, {"pm10": 1}), (8, {"pm10": 2}), (8, {"pm10": 2}), (9, {"pm10": "x"})):
        street.json(counter * MINUTE, "b", seq=counter, **said)
    street.configure(HOUR, "two", [plain("b", COUNTED)])
    reread = Reread()
    for outcome in refile(street, HOUR, inbox_of(street), size=2):
        for answer in outcome.answers.values():
            assert answer.reread is not None
            reread.add(answer.reread)
    assert (reread.frames, reread.readings, reread.repeats, sum(reread.refused.values())) == (4, 2, 1, 1)
    assert "pm10" in reread.why
    assert not reread.none_read


def test_a_redecode_that_was_interrupted_is_known_after_a_restart() -> None:
    """It has taken back what was said: somebody must begin it again."""
    street = Street([NEIGHBOUR, LATE])
    street.json(0, "b", pm10=1, t=START_MS)
    frames = journal_of(street, b"plain/b")
    record = Refile(
        at_ms=0, refile="r1", part=0, last=False, device="b", why="redecode", from_ms=START_MS - HOUR, frames=frames
    )
    street.at(HOUR, record)
    street.restart()
    assert street.fold.memory.refiles["b"].redecoding_ms == START_MS - HOUR
    refile(street, HOUR, frames, why="redecode", from_ms=START_MS - HOUR)
    assert street.fold.memory.refiles == {}
