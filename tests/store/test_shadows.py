"""What rules that are only tried would have rung, by rule and day; in the book it stands once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rules.records import Alarm, Event, Outcome, Text
from store.book import Book, BookReader
from store.shadows import Activation, ShadowDay, days

SHANGHAI = "Asia/Shanghai"
HOUR = 3_600_000


def at(text: str, zone: str = SHANGHAI) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def event(sequence: int, kind: str, t_ms: int, occurrence: int, alarm: str = "tried@dust-1") -> Event:
    told = Alarm(
        id=alarm, rule=alarm.partition("@")[0], subject="dust-1", device="dust-1", family="dust", priority=2,
        occurrence=occurrence, shadow=True, text=Text("", ""),
    )  # fmt: skip
    return Event(sequence=sequence, at_ms=t_ms, t_ms=t_ms, kind=kind, cause="reading", alarm=told)


def outcome(*events: Event) -> Outcome:
    return Outcome(first=1, last=max(each.sequence for each in events), shadows=list(events))


def test_no_number_of_the_feed_is_used_and_a_replay_adds_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite")
    first = outcome(event(5, "raised", at("2026-10-01T08:00"), 5), event(6, "returned", at("2026-10-01T09:30"), 5))
    assert book.tell(first) == []
    assert (book.last_event, book.told_to()) == (0, 6)
    book.tell(first)
    # A crash between two groups: the replay makes the old ones again, together with a new one.
    book.tell(Outcome(first=1, last=9, shadows=[*first.shadows, event(9, "raised", at("2026-10-02T01:00"), 9)]))
    book.close()
    with BookReader(tmp_path / "book.sqlite") as reader:
        assert reader.activations(0) == [
            Activation("tried@dust-1", "tried", 2, at("2026-10-01T08:00"), at("2026-10-01T09:30")),
            Activation("tried@dust-1", "tried", 2, at("2026-10-02T01:00"), None),
        ]
        assert len(reader.activations(at("2026-10-01T10:00"))) == 1


def test_an_activation_that_became_more_urgent_is_two(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite")
    book.tell(outcome(event(5, "raised", 1000, 5), event(7, "reraised", 4000, 7), event(8, "returned", 9000, 7)))
    assert [(each.from_ms, each.to_ms) for each in book.activations(0)] == [(1000, 4000), (4000, 9000)]
    book.close()


def test_a_night_belongs_to_two_days() -> None:
    night = Activation("a@1", "a", 2, at("2026-10-01T23:00"), at("2026-10-02T02:00"))
    still = Activation("a@2", "a", 2, at("2026-10-02T20:00"), None)
    found = days([night, still], SHANGHAI, at("2026-10-01T12:00"), at("2026-10-02T21:00"))
    assert found == [ShadowDay("a", "2026-10-01", 1, 3600, 1), ShadowDay("a", "2026-10-02", 1, 3 * 3600, 2)]
    assert days([night, still], SHANGHAI, at("2026-10-02T00:00"), at("2026-10-02T21:00")) == found[1:]


def test_days_of_23_and_25_hours() -> None:
    zone = "Europe/Berlin"
    for date, hours in (("2026-03-29", 23), ("2026-10-25", 25)):
        following = (datetime.fromisoformat(date) + timedelta(days=1)).date().isoformat()
        whole = Activation("a@1", "a", 2, at(date, zone), at(following, zone))
        assert days([whole], zone, whole.from_ms, at(following, zone)) == [ShadowDay("a", date, 1, hours * 3600, 1)]


def test_a_finding_that_lasts_no_time_counts() -> None:
    moment = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)
    assert days([Activation("d@1", "d", 1, moment, moment)], "UTC", moment, moment + HOUR) == [
        ShadowDay("d", "2026-10-01", 1, 0, 1)
    ]
