"""Starts as the fold sees them: what the book says, records that cannot be judged, the gateway's own conditions."""

from typing import Any

import msgspec
import pytest

from rules import sections
from rules.intake import PoisonError
from rules.kinds.state import State
from rules.records import Alarm, Config
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, Street, on_disk, plain, rule, told

OPEN = rule("open", "state", State(quantity="cover_open", value=True), latch=True)


def book_of(street: Street) -> list[dict[str, Any]]:
    alarms = street.fold.memory.world.judging.alarms.by_id.values()
    plain_data: list[dict[str, Any]] = msgspec.to_builtins(list(alarms))
    return plain_data


def forgotten(street: Street) -> Street:
    """Begin without a snapshot and without a journal: only the book is left."""
    street.fold = street.fresh()
    street.at(HOUR, Config(at_ms=0, hash="one"))
    return street


@pytest.fixture
def street() -> Street:
    street = Street([plain("a"), plain("b")], [OPEN])
    street.json(SECOND, "a", open=True)
    street.json(2 * SECOND, "b", open=True)
    street.command(3 * SECOND, "ack", "open@b", street.alarm("open@b").occurrence)
    return street


def test_where_book_and_fold_agree_nothing_is_told(street: Street) -> None:
    told_before = book_of(street)
    street.restart()
    assert not street.status(HOUR, "reconciled", alarms=told_before).events
    assert book_of(street) == told_before


def test_what_only_the_book_remembers_goes_on(street: Street) -> None:
    told_before = book_of(street)
    forgotten(street)
    assert not street.status(HOUR, "reconciled", alarms=told_before).events
    assert street.alarm("open@b").state == "ACKED"
    assert told(street.json(2 * HOUR, "b", open=False).events) == [("returned", "open@b", "LATCHED")]
    occurrence = street.alarm("open@a").occurrence
    assert street.command(2 * HOUR, "ack", "open@a", occurrence)[0] == 200


def test_what_people_did_comes_from_the_book_and_the_condition_from_the_fold(street: Street) -> None:
    told_before = book_of(street)
    again = street.fresh()
    for first, record in street.log[:3]:  # the acknowledgement is missing in what the journal still has
        again.take(first, [record])
    street.fold = again
    assert street.alarm("open@b").state == "UNACK"
    assert not street.status(HOUR, "reconciled", alarms=told_before).events
    assert street.alarm("open@b").state == "ACKED"


def test_what_the_book_has_not_heard_is_told_now(street: Street) -> None:
    told_before = [alarm for alarm in book_of(street) if alarm["id"] != "open@a"]
    assert told(street.status(HOUR, "reconciled", alarms=told_before).events) == [("raised", "open@a", "UNACK")]


def test_what_has_returned_meanwhile_is_told_now(street: Street) -> None:
    told_before = book_of(street)
    street.json(4 * SECOND, "a", open=False)
    assert told(street.status(HOUR, "reconciled", alarms=told_before).events) == [("returned", "open@a", "RTN_UNACK")]


def test_an_alarm_of_the_book_without_a_rule_is_withdrawn(street: Street) -> None:
    told_before = book_of(street)
    foreign = msgspec.structs.replace(msgspec.convert(told_before[0], Alarm), id="old@a", rule="old", subject="a")
    told_before.append(msgspec.to_builtins(foreign))
    assert told(street.status(HOUR, "reconciled", alarms=told_before).events) == [("withdrawn", "old@a", "NORMAL")]


# -------------------------------------------------------------------------------------- what cannot be judged


def test_a_frame_on_which_a_rule_raises_is_named(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(*_given: object) -> None:
        raise ZeroDivisionError

    judge = street.fold.memory.world.judging.judges["open", "b"]
    monkeypatch.setattr(judge, "kind", msgspec.structs.replace(judge.kind, step=step))
    with pytest.raises(PoisonError) as caught:
        street.say(HOUR, ("plain/a", b'{"open": true}'), ("plain/b", b'{"open": false}'))
    assert caught.value.sequence == street.next + 1
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_record_that_was_set_aside_is_counted_and_told(street: Street) -> None:
    events = street.status(HOUR, "set_aside", sequence=7, source="lora", why="division by zero").events
    assert told(events) == [
        ("raised", "record-set-aside@gateway", "UNACK"), ("returned", "record-set-aside@gateway", "RTN_UNACK"),
    ]  # fmt: skip
    assert "7: division by zero" in events[0].alarm.text.en
    assert street.fold.memory.set_aside == {"lora": 1}
    assert street.fold.memory.world.reception.doors["lora"].received == 3


# ------------------------------------------------------------------------------------------- its own conditions


def test_conditions_drops_and_what_was_missed(street: Street) -> None:
    full = {"name": "disk-full", "why_zh": "剩余 0", "why_en": "0 left"}
    [event] = street.status(HOUR, "condition", **full, bad=True).events
    assert told([event]) == [("raised", "disk-full@gateway", "UNACK")]
    assert (event.alarm.text.zh, event.alarm.text.en) == ("磁盘已满：剩余 0", "Disk full: 0 left")
    assert not street.status(HOUR + 1, "condition", **full, bad=True).events
    occurrence = event.alarm.occurrence
    worse = full | {"why_zh": "停止确认", "why_en": "nothing is acknowledged"}
    [event] = street.status(HOUR + 1, "condition", **worse, bad=True).events
    assert told([event]) == [("amended", "disk-full@gateway", "UNACK")]
    assert (event.alarm.text.en, event.alarm.occurrence) == ("Disk full: nothing is acknowledged", occurrence)
    assert told(street.status(HOUR + 2, "condition", **full, bad=False).events) == [
        ("returned", "disk-full@gateway", "RTN_UNACK")
    ]
    events = street.status(HOUR + 3, "drops", "broker:lora", dropped=12, total=12).events
    assert "12" in events[0].alarm.text.en
    [lost, _] = street.status(HOUR + 3, "session_lost", "broker:lora").events
    assert told([lost]) == [("raised", "session-lost@broker:lora", "UNACK")]
    street.status(HOUR + 4, "missed", "hj212:sites", count=5, cause="line noise")
    assert street.fold.memory.missed == {"broker-dropped": 12, "session-lost": 1, "line noise": 5}


def test_a_link_that_is_down_for_another_reason_says_so_a_minute_later(street: Street) -> None:
    street.link(HOUR, up=True)
    street.status(HOUR, "link", "broker:lora", up=False, why="connection refused")
    assert told(street.tick(HOUR + 30 * SECOND).events) == [("raised", "link-down@broker:lora", "UNACK")]
    for second in (40, 41, 42):  # attempts that fail in one way and another
        assert not street.status(HOUR + second * SECOND, "link", "broker:lora", up=False, why=f"{second}").events
    street.restart()
    [event] = street.tick(HOUR + 100 * SECOND).events
    assert told([event]) == [("amended", "link-down@broker:lora", "UNACK")]
    assert event.alarm.text.en == "Link down: 42"
    assert not street.tick(HOUR + 200 * SECOND).events


def test_a_cover_that_is_taken_out_and_put_back_rings_with_its_next_reading(street: Street) -> None:
    """Its alarm was withdrawn with it; what it says after it has come back is judged afresh (DESIGN, section 4)."""
    registry, rules = street.configs["one"]
    street.configs["two"] = (msgspec.structs.replace(registry, devices=registry.devices[:1]), rules)
    out = street.at(HOUR, Config(at_ms=0, hash="two"))
    assert ("withdrawn", "open@b", "NORMAL") in told(out.events)
    assert not street.at(HOUR + MINUTE, Config(at_ms=0, hash="one")).events
    assert told(street.json(HOUR + 2 * MINUTE, "b", open=True).events) == [("raised", "open@b", "UNACK")]


def test_a_clock_in_doubt_rings_after_ten_minutes(street: Street) -> None:
    street.status(HOUR, "clock", offset_ms=0, source="system", trusted=False)
    assert not street.tick(HOUR + 9 * MINUTE).events
    assert told(street.tick(HOUR + 10 * MINUTE).events) == [("raised", "clock-doubtful@gateway", "UNACK")]
    street.restart()
    events = street.status(HOUR + 11 * MINUTE, "clock", offset_ms=3 * HOUR, source="ntp", trusted=True).events
    assert told(events) == [("returned", "clock-doubtful@gateway", "RTN_UNACK")]
    assert events[0].t_ms - events[0].at_ms == 3 * HOUR


def test_an_empty_batch_is_nothing(street: Street) -> None:
    outcome = street.say(DAY)
    assert (outcome.first, outcome.last, outcome.known) == (street.next, street.next - 1, [])


def test_a_snapshot_of_another_configuration_that_is_not_known_any_more_fails_loudly(street: Street) -> None:
    parts = on_disk(street.fold)
    del street.configs["one"]
    with pytest.raises(KeyError):
        sections.read(street.fresh(), parts)


def test_what_an_older_version_raised_says_how_soon_it_wants_an_answer(street: Street) -> None:
    for name in ("open@a", "open@b"):
        street.alarm(name).respond_within_ms = 0
    told_before = book_of(street)
    street.restart()
    events = street.status(HOUR, "reconciled", alarms=told_before).events
    assert told(events) == [("amended", "open@a", "UNACK"), ("amended", "open@b", "ACKED")]
    assert {event.alarm.respond_within_ms for event in events} == {HOUR}
    assert not street.status(2 * HOUR, "reconciled", alarms=book_of(street)).events, "once"
