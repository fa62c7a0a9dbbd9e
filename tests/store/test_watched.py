"""When the gateway watched, and when nobody did."""

from pathlib import Path

import pytest

from rules.records import Alarm, Event, Outcome, Period, Text
from store.book import Book
from store.event_search import EventReader
from store.watched import GAP_MS

MINUTE, HOUR = 60_000, 3_600_000
NOON = 1_790_784_000_000


def hour(start_ms: int) -> Period:
    return Period(
        device="b", family="dust", quantity="pm10_ug_m3", span="hour", start_ms=start_ms, mean=1.0, valid=60, gap_min=0,
        revision=1, final=True, count=1, left_out={}, cause="closed",
    )  # fmt: skip


def unwatched(path: Path, now_ms: int) -> list[tuple[int, int]]:
    with EventReader(path) as reader:
        (always, first_ms), *found = reader.unwatched(now_ms)
        assert (always, first_ms) == (0, reader.begins_ms())
        return [(begin - NOON, end - NOON) for begin, end in found]


def begins_ms(path: Path) -> int | None:
    with EventReader(path) as reader:
        found = reader.begins_ms()
    return None if found is None else found - NOON


def test_a_restart_is_no_gap_and_a_night_is_one(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    with Book(path) as book:
        for minute in (0, 1, 2, 6, 500, 501):
            book.watch(NOON + minute * MINUTE)
    assert unwatched(path, NOON + 502 * MINUTE) == [(6 * MINUTE, 500 * MINUTE)]
    assert begins_ms(path) == 0


def test_whoever_looks_while_it_is_off_sees_that_too(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    with Book(path) as book:
        book.watch(NOON)
    assert unwatched(path, NOON + GAP_MS) == []
    assert unwatched(path, NOON + HOUR) == [(0, HOUR)]


def test_a_gateway_that_hangs_again_and_again_makes_one_span(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    for minute in range(60):
        with Book(path) as book:
            book.watch(NOON + minute * MINUTE)
            rows = book._db.execute("select * from watched").fetchall()
    assert rows == [(NOON, NOON + 59 * MINUTE)]


@pytest.mark.parametrize("back", [MINUTE, HOUR, 24 * HOUR])
def test_a_clock_that_is_set_back_makes_no_gap(tmp_path: Path, back: int) -> None:
    path = tmp_path / "book.sqlite"
    with Book(path) as book:
        for minute in (0, 1, 2):
            book.watch(NOON + minute * MINUTE)
        for minute in (0, 1, 2):
            book.watch(NOON - back + minute * MINUTE)
    assert unwatched(path, NOON - back + 3 * MINUTE) == []


def test_what_an_earlier_version_told_was_watched(tmp_path: Path) -> None:
    """Its book has events and hours from before anybody noted when the gateway watched."""
    path = tmp_path / "book.sqlite"
    alarm = Alarm(id="a@b", rule="a", subject="b", device="b", family="dust", name="b", priority=1, quantity=None,
                  text=Text("b", "b"))  # fmt: skip
    event = Event(sequence=1, at_ms=NOON, t_ms=NOON, kind="raised", cause="reading", alarm=alarm)
    with Book(path) as book:
        book.tell(Outcome(first=1, last=1, events=[event], periods=[hour(NOON - HOUR)]))
        assert begins_ms(path) == -HOUR
        with EventReader(path) as reader:
            assert reader.unwatched(NOON) == [], "nobody noted it"
        book.watch(NOON + 24 * HOUR)
        assert (begins_ms(path), unwatched(path, NOON + 24 * HOUR)) == (-HOUR, [])


def test_an_hour_that_had_begun_before_the_gateway_was_not_watched_from_its_begin(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    with Book(path) as book:
        book.watch(NOON + 59 * MINUTE)
        book.tell(Outcome(first=1, last=1, periods=[hour(NOON)]))
    assert begins_ms(path) == 59 * MINUTE


def test_what_the_book_forgets_it_does_not_know_to_have_been_watched(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    with Book(path) as book:
        for minute in (0, 1, 500, 501):
            book.watch(NOON + minute * MINUTE)
        book.tell(Outcome(first=1, last=1, periods=[hour(NOON)]))
        book.prune(events_before_ms=0, periods_before_ms=NOON + 500 * MINUTE + 1000)
        rows = book._db.execute("select * from watched").fetchall()
    assert rows == [(NOON + 500 * MINUTE + 1000, NOON + 501 * MINUTE)]
