"""Events are found by whatever is asked, as a slow look at all of them finds them; also what is pruned is gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.records import Alarm, Event, Outcome, Text
from store.book import Book
from store.event_search import EventReader, Search

NAMES = ("文化路12号", 'a "quoted" 100%', "back\\slash_under", "ÄÖ äö", "")
KINDS = ("raised", "returned", "acknowledged")
EVENTS = 120


def event(number: int) -> Event:
    alarm = Alarm(
        id=f"rule-{number % 3}@dev-{number % 7}", rule=f"rule-{number % 3}", subject=f"dev-{number % 7}",
        device=None if number % 7 == 0 else f"dev-{number % 7}", family="manhole", name=NAMES[number % 5],
        site=("东区", "west", None)[number % 3], priority=number % 4 + 1,
        text=Text(f"倾斜 {number}", f"Tilted {number}"),
    )  # fmt: skip
    return Event(
        sequence=number, at_ms=number, t_ms=1_000_000 + number * 1_000 - (5_000 if number == 60 else 0),
        kind=KINDS[number % 3], cause="reading", alarm=alarm, user="张三" if number % 11 == 0 else "",
        comment="已派人 sent" if number % 13 == 0 else "",
    )  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Book, EventReader, list[Event]]]:
    path = tmp_path_factory.mktemp("book") / "book.sqlite"
    writer = Book(path)
    events = [event(number) for number in range(1, EVENTS + 1)]
    writer.tell(Outcome(first=1, last=EVENTS, events=events))
    with EventReader(path) as reader:
        yield writer, reader, events
    writer.close()


def holds(one: Event, search: Search) -> bool:
    alarm = one.alarm
    needle = search.text.translate(_LOWER)
    words = (alarm.id, alarm.site or "", alarm.name, alarm.text.zh, alarm.text.en, one.comment, one.user)
    return (
        (search.before is None or one.number < search.before)
        and (search.from_ms is None or one.t_ms >= search.from_ms)
        and (search.to_ms is None or one.t_ms < search.to_ms)
        and search.alarm in (None, alarm.id)
        and search.device in (None, alarm.device)
        and search.site in (None, alarm.site)
        and (not search.kinds or one.kind in search.kinds)
        and (not search.priorities or alarm.priority in search.priorities)
        and any(needle in word.translate(_LOWER) for word in words)
    )


_LOWER = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # of other letters SQLite knows no case

SEARCHES = st.builds(
    Search,
    before=st.none() | st.integers(1, EVENTS + 5),
    from_ms=st.none() | st.integers(990_000, 1_125_000),
    to_ms=st.none() | st.integers(990_000, 1_125_000),
    alarm=st.none() | st.sampled_from(["rule-1@dev-1", "rule-0@dev-0", "nothing@nobody"]),
    device=st.none() | st.sampled_from(["dev-1", "dev-0"]),
    site=st.none() | st.sampled_from(["东区", "west", "north"]),
    kinds=st.lists(st.sampled_from([*KINDS, "reset"]), max_size=2),
    priorities=st.lists(st.integers(1, 4), max_size=2),
    text=st.sampled_from(
        ["", "文化", '"', "%", "_", "\\", "TILTED 1", "ä", "Ä", "sent", "张", "DEV-3", "active", "{", "0", "\n"]
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEARCHES, st.integers(1, 130))
def test_it_finds_what_a_slow_look_finds(book: Any, search: Search, limit: int) -> None:  # noqa: ANN401 - the fixture
    _, reader, events = book
    found = [number for number, _ in reader.search(search, limit)]
    assert found == [one.number for one in reversed(events) if holds(one, search)][:limit]


def test_what_is_pruned_is_found_no_more(tmp_path: Path) -> None:
    with Book(tmp_path / "book.sqlite") as book:
        book.tell(Outcome(first=1, last=EVENTS, events=[event(number) for number in range(1, EVENTS + 1)]))
        assert book.prune(events_before_ms=101, periods_before_ms=0) == 100
        with EventReader(tmp_path / "book.sqlite") as reader:
            assert [number for number, _ in reader.search(Search(), 500)] == list(range(120, 100, -1))
        assert book._one("select count(*) from told") == 20


def test_a_book_that_an_older_version_wrote_meanwhile_is_made_whole(tmp_path: Path) -> None:
    """Going back to the version before and forward again leaves no event that cannot be found."""
    path = tmp_path / "book.sqlite"
    with Book(path) as book:
        book.tell(Outcome(first=1, last=50, events=[event(number) for number in range(1, 51)]))
        for number in range(51, 61):
            later = event(number)
            later.number = number
            book._db.execute("insert into events values (?, ?, ?)", (number, number, msgspec.json.encode(later)))
    Book(path).close()
    with EventReader(path) as reader:
        assert len(reader.search(Search(), 100)) == 60
        (newest,) = reader.search(Search(alarm="rule-0@dev-4"), 1)
        assert newest[0] == 60
        alarm = reader.alarm("rule-1@dev-1")
        assert alarm is not None
        assert alarm.id == "rule-1@dev-1"
        assert reader.alarm("nothing@nobody") is None
