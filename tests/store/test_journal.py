"""The journal keeps what it said it keeps, whatever happens to the machine."""

import errno
import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from devices.frames import Batch
from rules.records import Command, Config, Record, Status, Tick
from store import segment
from store.fs import DiskFullError, Fs, OsFs
from store.journal import Journal, OvertakenError, autonomy_hours, budget_of, read, span
from store.log import InUseError
from tests.store.losing_fs import LosingFs

HERE = Path("/state/journal")
SMALL = 8 << 10  # bytes of a segment, so that a test goes through many

Kept = list[tuple[int, Record]]


def some_record(dice: random.Random, at_ms: int) -> Record:
    match dice.randrange(8):
        case 0:
            return Tick(at_ms)
        case 1:
            return Config(at_ms=at_ms, hash=dice.randbytes(8).hex())
        case 2:
            return Status(at_ms=at_ms, subject="broker:lora", kind="link", data={"up": dice.random() < 0.5, "why": "x"})
        case 3:
            return Command(at_ms=at_ms, id="c1", kind="ack", alarm="tilted@mh-1", occurrence=7, user="王")
        case _:
            places = [b"wells/%d/report" % dice.randrange(6) for _ in range(dice.randrange(1, 8))]
            return Batch("lora", at_ms, [(place, dice.randbytes(dice.randrange(60)), b"") for place in places])


def some_group(dice: random.Random, at_ms: int) -> list[Record]:
    return [some_record(dice, at_ms) for _ in range(dice.randrange(1, 5))]


def put(journal: Journal, dice: random.Random, records: Sequence[Record]) -> Kept:
    """Append records as the pipeline does; some frames may be a stranger's, so that numbers are missing."""
    first = journal.reserve(records)
    known: Kept = []
    for record in records:
        known.append((first, record))
        first += span(record)
    if len(known) > 1 and dice.random() < 0.2:
        del known[dice.randrange(len(known))]
    journal.append(known[0][0], known)
    return known


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    dice = random.Random(1)
    journal = Journal(OsFs(), tmp_path / "journal", 1 << 20, segment_bytes=64 << 10)
    kept: Kept = []
    for group in range(200):
        kept += put(journal, dice, some_group(dice, 1000 + group))
        assert journal.commit() == journal.last == kept[-1][0] + span(kept[-1][1]) - 1
    assert list(journal.read(0)) == kept
    assert list(read(OsFs(), tmp_path / "journal")) == kept
    middle = kept[len(kept) // 2][0]
    assert list(journal.read(middle)) == [each for each in kept if each[0] + span(each[1]) - 1 > middle]
    assert list(journal.read(0, upto=middle)) == [each for each in kept if each[0] <= middle]
    journal.close()

    again = Journal(OsFs(), tmp_path / "journal", 1 << 20, segment_bytes=64 << 10)
    assert list(again.read(0)) == kept
    assert again.next == again.last + 1 == kept[-1][0] + span(kept[-1][1])


def test_what_is_not_committed_is_not_read(tmp_path: Path) -> None:
    journal = Journal(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL)
    put(journal, random.Random(1), [Tick(1)])
    assert list(journal.read(0)) == []
    assert journal.last == 0
    journal.commit()
    assert list(journal.read(0)) == [(1, Tick(1))]


def test_numbers_go_on_above_what_any_store_knows(tmp_path: Path) -> None:
    journal = Journal(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL, at_least=500)
    assert journal.reserve([Tick(1), Batch("lora", 1, [(b"a", b"b", b"")] * 3)]) == 500
    assert journal.reserve([Tick(1)]) == 504
    with pytest.raises(ValueError, match="empty batch"):
        journal.reserve([Batch("lora", 1, [])])


def test_one_commit_is_one_flush() -> None:
    fs = LosingFs()
    journal = Journal(fs, HERE, 1 << 20)
    put(journal, random.Random(1), [Tick(1)])
    journal.commit()
    before = fs.syncs
    for _ in range(20):
        put(journal, random.Random(1), [Tick(1)])
        journal.commit()
    assert fs.syncs - before == 20
    journal.commit()
    assert fs.syncs - before == 20, "nothing to make durable"


def test_a_second_daemon_is_refused(tmp_path: Path) -> None:
    first = Journal(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL)
    with pytest.raises(InUseError, match="another cityward"):
        Journal(OsFs(), tmp_path, 1 << 20)
    first.close()
    Journal(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL).close()


def test_frames_of_one_place_are_found_without_reading_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(3)
    journal = Journal(OsFs(), tmp_path, 1 << 20, segment_bytes=32 << 10)
    expected = []
    for group in range(2000):
        rare = group in {137, 1900}
        place = b"wells/rare/report" if rare else b"wells/%d/report" % (group % 7)
        batch = Batch("lora", group, [(b"wells/x/report", dice.randbytes(30), b""), (place, dice.randbytes(50), b"")])
        first = journal.reserve([batch])
        journal.append(first, [(first, batch)])
        journal.commit()
        if rare:
            expected.append((first + 1, Batch("lora", group, [batch.frames[1]])))
    assert len(journal.log.segments) > 5
    loaded: list[int] = []
    load = segment.load

    def counting_load(fs: Fs, directory: Path, number: int) -> bytes | None:
        loaded.append(number)
        return load(fs, directory, number)

    monkeypatch.setattr(segment, "load", counting_load)
    assert list(journal.read(0, address=b"wells/rare/report")) == expected
    assert len(loaded) <= 3  # two that hold it, and the one that is being written
    assert list(journal.read(expected[0][0], address=b"wells/rare/report")) == expected[1:]
    assert list(journal.read(0, address=b"wells/nobody/report")) == []


def test_the_oldest_is_forgotten_when_the_budget_is_full() -> None:
    fs = LosingFs()
    dice = random.Random(4)
    journal = Journal(fs, HERE, 6 * SMALL, segment_bytes=SMALL)
    kept: Kept = []
    for group in range(900):
        kept += put(journal, dice, some_group(dice, group * 1000))
        journal.commit()
        assert sum(len(file.seen) for path, file in fs.names_seen.items() if path.name != "budget") <= 6 * SMALL
    assert journal.forgotten > 3
    assert journal.first > 1
    assert list(journal.read(0)) == [each for each in kept if each[0] >= journal.first]
    assert list(journal.read(0, upto=journal.first)) == [each for each in kept if each[0] == journal.first]

    segments = segment.listing(fs, HERE)
    assert [each.number for each in segments] == list(range(segments[0].number, segments[-1].number + 1))
    assert segments[0].number == journal.forgotten + 1
    assert sum(each.records for each in segments) == len(list(journal.read(0)))
    assert budget_of(fs, HERE) == 6 * SMALL
    hours = autonomy_hours(segments, 6 * SMALL)
    assert hours is not None
    stored = (segments[-1].to_ms - segments[0].from_ms) / 3_600_000
    assert stored < hours < 1.4 * stored  # a budget of six holds between five and six segments of records

    journal.forget_before(segments[2].to_ms + 1)
    assert journal.first == segments[3].first


def test_a_group_larger_than_a_segment_is_kept() -> None:
    fs = LosingFs()
    journal = Journal(fs, HERE, 10 * SMALL, segment_bytes=SMALL)
    large = Batch("lora", 1, [(b"a", random.Random(1).randbytes(3 * SMALL), b"")])
    kept: Kept = []
    for record in (Tick(1), large, Tick(2)):
        first = journal.reserve([record])
        journal.append(first, [(first, record)])
        kept.append((first, record))
        journal.commit()
    assert list(journal.read(0)) == kept


def test_a_full_disk_is_said_and_loses_nothing() -> None:
    fs = LosingFs()
    dice = random.Random(5)
    fs.room = 5 * SMALL + SMALL // 2
    journal = Journal(fs, HERE, 1 << 20, segment_bytes=SMALL)
    kept: Kept = []
    freed = 0
    for group in range(900):
        kept += put(journal, dice, some_group(dice, group))
        try:
            journal.commit()
        except DiskFullError:
            freed += journal.free_oldest()
            journal.commit()
    assert freed > SMALL
    assert list(journal.read(0)) == [each for each in kept if each[0] >= journal.first]
    while journal.free_oldest():
        pass
    assert journal.last == kept[-1][0] + span(kept[-1][1]) - 1
    assert len(segment.listing(fs, HERE)) == 1


def test_a_segment_whose_fsync_failed_is_never_written_again() -> None:
    fs = LosingFs()
    dice = random.Random(6)
    journal = Journal(fs, HERE, 1 << 20, segment_bytes=SMALL)
    kept = put(journal, dice, some_group(dice, 1))
    journal.commit()
    bad = journal.log.active
    assert bad is not None
    path = segment.path_of(HERE, bad.number)
    fs.fail = lambda operation, where: errno.EIO if operation == "sync" and where == path else None
    kept += put(journal, dice, some_group(dice, 2))
    journal.commit()
    assert journal.log.condemned == 1
    written: list[str] = []
    fs.before = lambda operation, where: written.append(operation) if where == path else None
    for group in range(300):
        kept += put(journal, dice, some_group(dice, group))
        journal.commit()
    assert not written
    assert list(journal.read(0)) == kept, "the group that stands in both segments is read once"
    assert list(read(fs.after_power_loss(dice), HERE)) == kept


def test_a_disk_that_fails_twice_ends_the_commit() -> None:
    fs = LosingFs()
    journal = Journal(fs, HERE, 1 << 20, segment_bytes=SMALL)
    put(journal, random.Random(1), [Tick(1)])
    journal.commit()
    put(journal, random.Random(1), [Tick(2)])
    fs.fail = lambda operation, _: errno.EIO if operation == "sync" else None
    with pytest.raises(OSError, match="sync fails"):
        journal.commit()
    assert journal.last == 1


def test_a_group_does_not_begin_at_the_end_of_a_page() -> None:
    fs = LosingFs()
    dice = random.Random(8)
    journal = Journal(fs, HERE, 1 << 20, segment_bytes=64 << 10)
    kept: Kept = []
    for group in range(80):
        kept += put(journal, dice, some_group(dice, group))
        journal.commit()
    journal.close()
    data = bytes(fs.names_seen[segment.path_of(HERE, 1)].seen)
    end = skipped = 0
    for offset, header in segment.groups(data, 1):
        assert -offset % segment.PAGE_BYTES > segment.SKIPPED_BYTES or offset % segment.PAGE_BYTES == 0
        skipped += offset != end
        end = offset + segment.HEADER_BYTES + header.length
    assert skipped > 3
    again = Journal(fs, HERE, 1 << 20, segment_bytes=64 << 10)
    assert list(again.read(0)) == kept
    assert [each.bad for each in again.log.segments] == [0] * len(again.log.segments), "to skip is no damage"


def test_damage_in_the_middle_costs_its_group_only() -> None:
    fs = LosingFs()
    dice = random.Random(7)
    journal = Journal(fs, HERE, 1 << 20, segment_bytes=64 << 10)
    groups = []
    for group in range(30):
        groups.append(put(journal, dice, some_group(dice, group)))
        journal.commit()
    journal.close()
    file = fs.names_seen[segment.path_of(HERE, 1)]
    offsets = [offset for offset, _ in segment.groups(bytes(file.seen), 1)]
    file.seen[offsets[10] + 3] ^= 1  # a header
    file.seen[offsets[20] + segment.HEADER_BYTES + 5] ^= 1  # a body
    left = [each for at, group in enumerate(groups) if at not in {10, 20} for each in group]

    again = Journal(fs, HERE, 1 << 20, segment_bytes=64 << 10)
    assert list(again.read(0)) == left
    assert again.log.active is not None
    assert again.log.active.bad == 2
    left += put(again, dice, some_group(dice, 99))
    again.commit()
    assert list(again.read(0)) == left


def test_every_bit_of_a_group_is_guarded() -> None:
    fs = LosingFs()
    journal = Journal(fs, HERE, 1 << 20, segment_bytes=SMALL)
    put(journal, random.Random(1), [Status(at_ms=1, subject="gateway", kind="started")])
    journal.commit()
    data = bytearray(fs.names_seen[segment.path_of(HERE, 1)].seen)
    [(_, header)] = list(segment.groups(bytes(data), 1))
    for bit in range(8 * (segment.HEADER_BYTES + header.length)):
        data[bit // 8] ^= 1 << bit % 8
        assert list(segment.groups(bytes(data), 1)) == []
        data[bit // 8] ^= 1 << bit % 8


def test_a_slow_reader_is_told_that_it_was_overtaken() -> None:
    fs = LosingFs()
    dice = random.Random(8)
    journal = Journal(fs, HERE, 4 * SMALL, segment_bytes=SMALL)

    def fill(segments: int) -> None:
        until = journal.log.segments[-1].number + segments if journal.log.segments else segments
        while not journal.log.segments or journal.log.segments[-1].number < until:
            put(journal, dice, some_group(dice, 1))
            journal.commit()

    fill(4)
    reading = read(fs, HERE)
    next(reading)
    fill(6)
    with pytest.raises(OvertakenError, match="begin again"):
        list(reading)


class Life:
    """One life of a daemon, up to a kill, a power cut or a disk that fails.

    promised   what `commit` returned for, or what an opened journal had
    under_way  a group that is being written, or was when the life before ended
    """

    def __init__(self, fs: LosingFs, promised: Kept, under_way: Kept, dice: random.Random) -> None:
        self.fs, self.promised, self.under_way, self.dice = fs, promised, under_way, dice
        self.changes_left = dice.randrange(1, 120)
        bad_syncs = dice.choice((0.0, 0.0, 0.02))
        fs.fail = lambda operation, _: errno.EIO if operation == "sync" and dice.random() < bad_syncs else None
        fs.room = dice.choice((1 << 40, 5 * SMALL))
        fs.before = self.disk_changes

    def disaster(self) -> LosingFs:
        return self.fs.after_kill() if self.dice.random() < 0.3 else self.fs.after_power_loss(self.dice)

    def disk_changes(self, _operation: str, _path: Path) -> None:
        self.changes_left -= 1
        if self.changes_left % 7 == 0:
            check(self.disaster(), self.promised, self.under_way, self.dice)
        if not self.changes_left:
            raise KeyboardInterrupt

    def live(self) -> None:
        journal = Journal(self.fs, HERE, 5 * SMALL, segment_bytes=SMALL)
        self.promised, self.under_way = list(journal.read(0)), []
        while True:
            self.under_way = put(journal, self.dice, some_group(self.dice, journal.next))
            try:
                journal.commit()
            except DiskFullError:
                journal.free_oldest()
                journal.commit()
            self.promised += self.under_way
            self.under_way = []


@pytest.mark.parametrize("seed", range(60))
def test_any_crash_at_any_moment(seed: int) -> None:
    """What a kill or a power cut leaves holds all that was promised and nothing invented, and the journal goes on.

    Disks fail and run full on the way; the next life begins with what the last one left.
    """
    dice = random.Random(seed)
    life = Life(LosingFs(), [], [], dice)
    for _ in range(6):
        with pytest.raises((KeyboardInterrupt, OSError)):
            life.live()
        life = Life(life.disaster(), life.promised, life.under_way, dice)
        check(life.fs, life.promised, life.under_way, dice)


def check(image: LosingFs, promised: Kept, under_way: Kept, dice: random.Random) -> None:
    """Read an image, and write on in a copy of it."""
    found = list(read(image, HERE))
    assert_holds(found, promised, under_way)
    copy = image.after_kill()
    again = Journal(copy, HERE, 5 * SMALL, segment_bytes=SMALL)
    assert list(again.read(0)) == found
    more = put(again, dice, some_group(dice, 1))
    again.commit()
    after = list(read(copy.after_power_loss(dice), HERE))
    assert_holds(after, found + more, [])
    assert after[-len(more) :] == more


def assert_holds(found: Kept, promised: Kept, under_way: Kept) -> None:
    """All of the promised but the oldest, which may have been recycled; then, at most, the whole group under way."""
    everything = promised + under_way
    complete = found[-len(under_way) :] == under_way and under_way != []
    tail = everything if complete else promised
    assert found == tail[len(tail) - len(found) :]
    if promised:
        assert found, "a durable journal is never empty"


def test_what_isal_wrote_zlib_reads_and_the_other_way_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway whose processor has no isal wheel reads the journal of one that has."""
    kept: Kept = []
    for life, library in enumerate((segment, zlib, segment)):
        with monkeypatch.context() as patch:
            if library is zlib:
                patch.setattr(segment, "_compress", zlib.compress)
                patch.setattr(segment, "_decompress", zlib.decompress)
                patch.setattr(segment, "crc32", zlib.crc32)
            journal = Journal(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL)
            assert list(journal.read(0)) == kept
            for group in range(60):
                kept += put(journal, random.Random(life), some_group(random.Random(group), group))
                journal.commit()
            assert list(journal.read(0)) == kept
            journal.close()
