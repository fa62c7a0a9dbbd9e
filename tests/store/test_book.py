"""The book: every event has its number, no number is missing, nothing is told twice."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from rules.records import Alarm, Event, Evidence, Outcome, Period
from store import ballast as ballast_module
from store.book import Book, BookReader
from store.fs import DiskFullError, OsFs
from store.journal import read, span
from tests.store.losing_fs import SECTOR
from tests.store.writer_child import event_at

CHILD = Path(__file__).with_name("writer_child.py")


def outcome(*sequences: int, last: int | None = None, periods: list[Period] | None = None) -> Outcome:
    end = last if last is not None else max(sequences)
    return Outcome(first=1, last=end, events=[event_at(each) for each in sequences], periods=periods or [])


def hour(start_ms: int, revision: int, mean: float | None = 1.0) -> Period:
    return Period(
        device="dust-1",
        family="dust",
        quantity="pm10_ug_m3",
        span="hour",
        start_ms=start_ms,
        mean=mean,
        valid=60,
        gap_min=1,
        revision=revision,
        final=False,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "book.sqlite"


def test_events_are_numbered_and_read_back(path: Path) -> None:
    book = Book(path)
    assert (book.last_event, book.oldest_event, book.told_to(), book.events(0, 10)) == (0, 0, 0, [])
    told = book.tell(outcome(3, 3, 8, last=12))
    assert [(each.number, each.alarm.event) for each in told] == [(1, 1), (2, 2), (3, 3)]
    assert told[0].evidence == Evidence(sequence=3, payload=b"xxx")
    told += book.tell(outcome(13))
    with BookReader(path) as reader:
        events = reader.events(0, 10)
        assert [number for number, _ in events] == [1, 2, 3, 4]
        for (_, body), event in zip(events, told, strict=True):
            assert reader.evidence(event.number) == event.evidence
            event.evidence = None
            assert msgspec.json.decode(body, type=Event) == event
        assert [number for number, _ in reader.events(1, 2)] == [2, 3]
        assert (reader.last_event, reader.oldest_event, reader.told_to()) == (4, 1, 13)
        assert len(reader.feed_id) > 8
        assert reader.feed_id == Book(path).feed_id
        assert reader.evidence(99) is None


def test_a_replay_tells_nothing_twice(path: Path) -> None:
    book = Book(path)
    book.tell(outcome(3, 8, last=10))
    for again in (book, Book(path)):
        assert again.tell(outcome(3, 8, last=10)) == []
        assert again.tell(outcome(3, 8, last=9)) == []
    reopened = Book(path)
    told = reopened.tell(outcome(3, 8, 11, 12, last=15))  # cut into other groups than the first time
    assert [(each.number, each.sequence) for each in told] == [(3, 11), (4, 12)]
    assert [(each.number, each.sequence) for each in reopened.tell(outcome(16, 20), muted_upto=18)] == [(5, 20)]


def test_nothing_to_tell_costs_nothing(path: Path) -> None:
    book = Book(path)
    before = path.with_name(path.name + "-wal").stat().st_size
    assert book.tell(Outcome(first=1, last=50)) == []
    assert path.with_name(path.name + "-wal").stat().st_size == before
    assert [each.number for each in book.tell(outcome(7, last=7))] == [1]


def alarm(name: str, *, active: bool = False, acknowledged: bool = True, latched: bool = False) -> Event:
    event = event_at(1)
    event.alarm = Alarm(
        id=name,
        rule="r",
        subject=name,
        device=None,
        family=None,
        priority=2,
        active=active,
        acknowledged=acknowledged,
        latched=latched,
    )
    return event


def test_alarms_that_stand_are_those_that_somebody_must_know(path: Path) -> None:
    book = Book(path)
    events = [
        alarm("d-normal"),
        alarm("c-latched", latched=True),
        alarm("b-unseen", acknowledged=False),
        alarm("a-active", active=True),
        alarm("e-was", active=True),
        alarm("e-was"),
    ]
    book.tell(Outcome(first=1, last=1, events=events))
    with BookReader(path) as reader:
        assert [(each.id, each.event) for each in reader.alarms()] == [
            ("a-active", 4),
            ("b-unseen", 3),
            ("c-latched", 2),
        ]


def test_a_period_is_replaced_by_its_revision_and_never_by_an_older_one(path: Path) -> None:
    book = Book(path)
    book.tell(Outcome(first=1, last=1, periods=[hour(0, 1), hour(3_600_000, 1)]))
    book.tell(Outcome(first=2, last=2, periods=[hour(0, 2, mean=None)]))
    book.tell(Outcome(first=1, last=3, periods=[hour(0, 1), hour(7_200_000, 1)]))  # a replay, and something new
    found = book.periods("dust-1", "pm10_ug_m3", "hour", 0, 7_200_000)
    assert found == [hour(0, 2, mean=None), hour(3_600_000, 1)]
    assert book.told_to() == 3
    assert book.tell(Outcome(first=1, last=2, periods=[hour(0, 2, mean=None)])) == []
    assert book.told_to() == Book(path).told_to() == 3


def test_configurations_and_positions(path: Path) -> None:
    book = Book(path)
    assert book.accepted() is None
    book.accept("aa", b"one")
    book.accept("bb", b"two")
    book.accept("aa", b"one")
    assert book.accepted() == ("aa", b"one")
    assert book.configuration("bb") == b"two"
    assert book.configuration("cc") is None


def test_a_configuration_takes_little_room_and_one_of_an_earlier_version_is_read(path: Path) -> None:
    """A list of devices that changes each night is kept each night."""
    with Book(path) as book:
        book.accept("aa", b"\x92" + b"manhole cover " * 10_000)
        assert book._one("select length(body) from configurations") < 10_000
        book._write([("insert into configurations values (?, ?, ?)", [("bb", 2, b"\x92 not packed")])])
        assert book.configuration("aa") == b"\x92" + b"manhole cover " * 10_000
        assert book.accepted() == ("bb", b"\x92 not packed")


def test_what_was_accepted_before(path: Path) -> None:
    book = Book(path)
    assert book.accepted_before(None) is None
    book.accept("aa", b"one")
    assert book.accepted_before("aa") == "aa"
    book.accept("bb", b"two")
    book.accept("cc", b"three")
    assert [book.accepted_before(each) for each in ("bb", "cc", None)] == ["aa", "bb", "cc"]
    book.accept("aa", b"one")
    assert book.accepted_before("bb") == "aa"


def test_the_oldest_is_pruned_a_little_at_a_time_and_numbers_go_on(path: Path) -> None:
    book = Book(path)
    for start in range(0, 100, 10):
        book.tell(outcome(*range(start + 1, start + 11), periods=[hour(start, 1)]))
    deleted = 0
    while step := book.prune(events_before_ms=61, periods_before_ms=45, limit=7):
        assert step <= 7
        deleted += step
    assert deleted == 60 + 5
    assert (book.oldest_event, book.last_event) == (61, 100)
    assert book.evidence(60) is None
    assert book.evidence(61) is not None
    while book.prune(events_before_ms=1000, periods_before_ms=0):
        pass
    assert (book.oldest_event, book.last_event) == (0, 100)
    assert len(book.alarms()) == 7
    book.close()
    assert [each.number for each in Book(path).tell(outcome(200))] == [101]


def test_readers_read_while_the_writer_writes(path: Path) -> None:
    book = Book(path)
    with BookReader(path) as reader:
        for sequence in range(1, 50):
            book.tell(outcome(sequence))
            assert reader.last_event == reader.events(sequence - 1, 5)[0][0] == sequence


def test_a_full_disk_is_said_and_the_ballast_goes_in_two_parts(path: Path) -> None:
    book = Book(path)
    book.tell(outcome(1))
    ballast = path.with_name(path.name + ".ballast")
    assert ballast.exists()
    pages = book._one("pragma page_count")
    book._db.execute(f"pragma max_page_count = {pages}")
    many = outcome(*range(2, 200))
    with pytest.raises(DiskFullError):
        book.tell(many)
    assert (book.told_to(), book.last_event, book.oldest_event) == (1, 1, 1)
    assert book.has_ballast
    assert book.throw_ballast() == ballast_module.BALLAST_BYTES - ballast_module.REST_BYTES
    assert book.throw_ballast() == ballast_module.REST_BYTES
    assert book.throw_ballast() == 0
    assert not ballast.exists()
    book._db.execute("pragma max_page_count = 100000")
    assert [each.number for each in book.tell(many)] == list(range(2, 200))
    book.keep_ballast()
    assert book.has_ballast
    assert ballast.stat().st_size == ballast_module.BALLAST_BYTES


def test_on_a_disk_that_is_full_the_ballast_makes_room(tmp_path: Path) -> None:
    """A real one: 14 MB of memory in a mount namespace of its own, filled to the last byte."""
    script = f"""
set -e
mount -t tmpfs -o size=14m none {tmp_path}
{sys.executable} - <<'END'
from pathlib import Path
from store.book import Book
from store.fs import DiskFullError
from tests.store.test_book import outcome
book = Book(Path("{tmp_path}/book.sqlite"))
book.tell(outcome(1))
book.close()
def fill():
    with open("{tmp_path}/filler", "wb", buffering=0) as filler:
        try:
            while True: filler.write(bytes(4096))
        except OSError: pass
fill()
book = Book(Path("{tmp_path}/book.sqlite"))
assert not book.has_ballast, "a start needs some of it already"
last = 1
while True:
    try:
        book.tell(outcome(*range(last + 1, last + 50)))
        last += 49
    except DiskFullError:
        if not book.throw_ballast(): break
assert last > 1000, last
assert book.last_event == last
assert [n for n, _ in book.events(0, 10**6)] == list(range(1, last + 1))
Path("{tmp_path}/filler").unlink()
book.keep_ballast()
assert book.has_ballast
assert book.tell(outcome(last + 1))[0].number == last + 1
print("survived")
END
"""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    if "Operation not permitted" in done.stderr or "unshare failed" in done.stderr:
        pytest.skip("only root may mount a small disk")
    assert done.stdout == "survived\n", done.stderr


@pytest.mark.parametrize("seed", range(20))
def test_a_write_ahead_log_that_is_torn_leaves_the_book_before_or_after(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite writes through no file system of ours: so its files are copied around a `tell` and torn by hand.

    What `tell` adds to the log may reach the disk in any part until its fsync. Every such part gives the book as it was
    before, or as it is after, and the replay then brings it to the same end. (Checkpoints are left to SQLite's own
    tests: https://www.sqlite.org/testing.html, section 3.)
    """
    monkeypatch.setattr(ballast_module, "LOG_BYTES", 1 << 20)  # enough here
    dice = random.Random(seed)
    path = tmp_path / "book.sqlite"
    wal = tmp_path / "book.sqlite-wal"
    book = Book(path)
    book._db.execute("pragma wal_autocheckpoint = 0")
    last = end = 0
    for step in range(12):
        before, told_before = wal.read_bytes(), book.told_to()
        more = outcome(*range(last + 1, last + dice.randrange(2, 30)), periods=[hour(step, 1)])
        book.tell(more)
        after = wal.read_bytes()
        assert len(after) == len(before), "its length is written beforehand"
        begin, former_end, end = first_difference(before, after), end, len(after.rstrip(b"\0"))
        assert begin >= former_end, "what was written stays"
        for _ in range(4):
            image = tmp_path / f"image-{step}"
            shutil.rmtree(image, ignore_errors=True)
            image.mkdir()
            shutil.copy(path, image)
            (image / wal.name).write_bytes(torn(before, after, begin, end, dice))
            left = Book(image / path.name)
            assert left.told_to() in {told_before, more.last}
            assert left._one("pragma integrity_check") == "ok"
            left.tell(outcome(*range(last + 1, more.last + 1), periods=[hour(step, 1)]))
            assert left.events(0, 10**6) == book.events(0, 10**6)
            assert left.alarms() == book.alarms()
            left.close()
        last = more.last


def first_difference(one: bytes, other: bytes) -> int:
    low, high = 0, len(one)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle)
    return low


def torn(before: bytes, after: bytes, begin: int, end: int, dice: random.Random) -> bytes:
    """Return the log with only some of the sectors that were written from `begin` to `end`, and perhaps cut off."""
    image = bytearray(before)
    chance = dice.choice((0.0, 0.5, 0.95, 1.0))
    for at in range(begin // SECTOR * SECTOR, end, SECTOR):
        if dice.random() < chance:
            image[at : at + SECTOR] = after[at : at + SECTOR]
    return bytes(image[: dice.choice((len(after), dice.randrange(begin, end + 1)))])


def test_kill_minus_nine(tmp_path: Path) -> None:
    """Killed at random moments, a process loses nothing that it said was durable, and tells nothing twice."""
    dice = random.Random(2)
    committed = told = number = 0
    for life in range(12):
        with subprocess.Popen(
            [sys.executable, str(CHILD), str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        ) as child:
            assert child.stdout is not None
            said = [child.stdout.readline() for _ in range(dice.randrange(1, 60))]
            time.sleep(dice.random() * 0.005)  # not to wait for anything: to hit any moment
            child.kill()
            said += child.stdout.read().splitlines(keepends=True)
        for line in said:
            match line.split() if line.endswith("\n") else []:
                case ["C", last]:
                    committed = int(last)
                case ["T", last, event]:
                    told, number = int(last), int(event)
        kept = list(read(OsFs(), tmp_path / "journal"))
        assert kept[-1][0] + span(kept[-1][1]) - 1 >= committed, life
        assert [sequence for sequence, _ in kept][1:] == [sequence + span(record) for sequence, record in kept][:-1]
        with BookReader(tmp_path / "book.sqlite") as book:
            assert book.last_event >= number
            assert book.told_to() >= told - 9  # groups without an event do not move it
            events = [msgspec.json.decode(body, type=Event) for _, body in book.events(0, 10**6)]
            assert [each.number for each in events] == list(range(1, len(events) + 1))
            assert [each.sequence for each in events] == [5 * n for n in range(1, len(events) + 1)]
    assert number > 50


def test_a_reader_of_no_book_says_so(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        BookReader(tmp_path / "none.sqlite")
