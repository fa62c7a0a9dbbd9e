"""The laws of the fold, over days that chance made: restarts, groups, ticks and the journal change nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.frames import Batch
from rules import sections
from rules.judging import quieten
from rules.lines import ERASE
from rules.records import Config, Record, Tick
from rules.verdicts import NEVER_QUIET
from tests.rules.chance import Chance, days, fresh, made, memory_of, numbered, replay
from tests.rules.street import on_disk

Day = list[tuple[int, tuple[str, object]]]

LAW = settings(max_examples=40, deadline=None)


def lived(day: Day) -> Chance:
    chance = Chance()
    chance.live(day)
    return chance


@LAW
@given(day=days, cut=st.floats(0, 1))
def test_a_restart_from_the_snapshot_changes_nothing(day: Day, cut: float) -> None:
    chance = lived(day)
    log = numbered(chance.outcomes, chance.records)
    at = round(cut * len(log))
    before = fresh()
    outcomes = replay(before, log[:at])
    snapshot = on_disk(before)
    after = fresh()
    assert sections.read(after, snapshot) == set()
    assert memory_of(after) == memory_of(before)
    outcomes += replay(after, log[at:])
    assert made(outcomes) == made(chance.outcomes)
    assert memory_of(after) == memory_of(chance.fold)


@LAW
@given(day=days)
def test_the_journal_alone_makes_the_same_again(day: Day) -> None:
    """Of strangers the journal keeps nothing; what timers did when they spoke is made again by a tick."""
    chance = lived(day)
    journal = [kept for outcome in chance.outcomes for kept in outcome.known]
    again = fresh()
    outcomes = replay(again, journal)
    assert made(outcomes, frames=False) == made(chance.outcomes, frames=False)
    assert memory_of(again, strangers=False) == memory_of(chance.fold, strangers=False)
    firsts = [first for first, _ in journal]
    assert firsts == sorted(set(firsts))


@LAW
@given(day=days, group=st.integers(2, 7))
def test_groups_change_nothing(day: Day, group: int) -> None:
    chance = lived(day)
    fold = fresh()
    starts = range(0, len(chance.records), group)
    outcomes = [fold.take(chance.outcomes[i].first, chance.records[i : i + group]) for i in starts]
    assert made(outcomes) == made(chance.outcomes)
    assert memory_of(fold) == memory_of(chance.fold)


@LAW
@given(day=days)
def test_a_batch_is_its_frames_one_after_the_other(day: Day) -> None:
    chance = lived(day)
    log: list[tuple[int, Record]] = []
    for first, record in numbered(chance.outcomes, chance.records):
        if isinstance(record, Batch):
            log.extend(
                (first + i, Batch(record.source, record.at_ms, [frame])) for i, frame in enumerate(record.frames)
            )
        else:
            log.append((first, record))
    fold = fresh()
    outcomes = replay(fold, log)
    assert made(outcomes) == made(chance.outcomes)
    assert memory_of(fold) == memory_of(chance.fold)


NUMBERS = {"sequence", "occurrence", "number", "amends"}


def without_numbers(said: object) -> object:
    """Leave out the numbers of the records that made events."""
    if isinstance(said, dict):
        return {name: without_numbers(each) for name, each in said.items() if name not in NUMBERS}
    return [without_numbers(each) for each in said] if isinstance(said, list) else said


@LAW
@given(day=days, ticks=st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_ticks_in_between_change_nothing_but_numbers(day: Day, ticks: list[float]) -> None:
    """advance(a); advance(b) is advance(b)."""
    chance = lived([each for each in day if each[1][0] not in ("command", "permit", "status")])
    fold, outcomes, sequence, last_ms = fresh(), [], 1, chance.records[0].at_ms
    for record in chance.records:
        for part in sorted(ticks):
            outcomes.append(fold.take(sequence, [Tick(last_ms + round(part * (record.at_ms - last_ms)))]))
            sequence = outcomes[-1].last + 1
        outcomes.append(fold.take(sequence, [record]))
        sequence, last_ms = outcomes[-1].last + 1, record.at_ms
    these, those = made(outcomes, frames=False), made(chance.outcomes, frames=False)
    for name in ("events", "periods", "bays"):
        assert without_numbers(these[name]) == without_numbers(those[name])


@LAW
@given(day=days)
def test_quiet_bands_change_nothing(day: Day) -> None:
    """The events are the same when no value is ever quiet."""
    chance = lived(day)
    fold, outcomes = fresh(), []
    for first, record in numbered(chance.outcomes, chance.records):
        for track in fold.memory.world.reception.tracks.values():
            for judge in track.watches:
                judge.low, judge.high = NEVER_QUIET
            quieten(track)
        outcomes.append(fold.take(first, [record]))
    assert made(outcomes) == made(chance.outcomes)


@LAW
@given(day=days, lost=st.sets(st.sampled_from((*sections.VERSIONS, "windows")), min_size=1), other=st.booleans())
def test_a_section_that_cannot_be_read_is_named(day: Day, lost: set[str], other: bool) -> None:  # noqa: FBT001 - as drawn
    """Of another version, or not there; the caller then replays the journal from its beginning (no snapshot at all)."""
    chance = lived(day)
    parts = on_disk(chance.fold)
    for name in lost:
        if other:
            parts[name] = (99, b"of another time")
        else:
            del parts[name]
    missing = sections.read(fresh(), parts)
    assert missing == (lost if "fold" not in lost else {*sections.VERSIONS, "windows"})


@LAW
@given(day=days)
def test_nothing_is_lost(day: Day) -> None:
    """Every frame is one thing and one only, counted where it came in and where it went, also of what is no more."""
    chance = lived(day)
    memory = chance.fold.memory
    reception = memory.world.reception
    tracks = reception.tracks.values()
    former = reception.former
    refused = [each for outcome in chance.outcomes for each in outcome.refused]
    strangers = [each for outcome in chance.outcomes for each in outcome.strangers]
    frames = sum(outcome.last - outcome.first + 1 for outcome in chance.outcomes) - sum(
        not isinstance(record, Batch) for record in chance.records
    )
    nobody = sum(stranger[4].startswith("source:") for stranger in strangers)
    aside = memory.set_aside["lora"]
    in_doors = former["strangers"] + sum(door.strangers for door in reception.doors.values())
    received = former["received"] + sum(door.received for door in reception.doors.values())
    assert in_doors == len(strangers) - nobody
    assert received - aside == frames - nobody
    assert sum(count for name, count in former.items() if name.startswith("refused ")) + sum(
        sum(track.refused.values()) for track in tracks
    ) == len(refused)
    gone = sum(former[name] for name in ("decoded", "duplicates", "facts", "held")) + sum(
        count for name, count in former.items() if name.startswith("refused ")
    )
    assert received + memory.refiled == in_doors + aside + gone + sum(track.frames for track in tracks)
    readings = memory.made["readings"]
    lines = [line for outcome in chance.outcomes for line in outcome.lines if not line.startswith(ERASE)]
    means = sum(line.split(b",", 1)[0].endswith((b"dust_slot", b"dust_hour", b"dust_day")) for line in lines)
    alarms = sum(line.startswith(b"alarm,") for line in lines)
    assert (memory.made["means"], memory.made["alarms"]) == (means, alarms)
    assert readings == len(lines) - means - alarms
    asked = all(record.hash != "three" for record in chance.records if isinstance(record, Config))
    if asked and not memory.refiled:  # what a refile passes over is decoded, but no line
        decoded = former["decoded"] + former["readings"] + sum(track.decoded + track.readings for track in tracks)
        assert readings == decoded  # each reading of these days has something in it, and InfluxDB was always asked for
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
