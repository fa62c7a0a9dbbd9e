"""Somebody stands beside a cover and lifts it to try it: the control room is not woken, and nothing is forgotten."""

import pytest

from rules.kinds.state import State
from rules.records import Command, Event, Outcome
from tests.rules.street import HOUR, MINUTE, SECOND, Street, plain, rule, told

OPEN = rule("open", "state", State(quantity="cover_open", value=True), latch=True)


@pytest.fixture
def street() -> Street:
    return Street([plain("a", interval_ms=6 * HOUR), plain("b", interval_ms=6 * HOUR)], [OPEN])


def commission(  # noqa: PLR0917 - what may be said of one
    street: Street, ms: int, for_ms: int, device: str = "a", name: str = "", walk: str = ""
) -> Outcome:
    record = Command(
        at_ms=0, id=name or f"w{ms}", kind="commission", alarm=device, occurrence=0, user="李工", for_ms=for_ms,
        walk=walk,
    )  # fmt: skip
    return street.at(ms, record)


def status(outcome: Outcome) -> int:
    [answer] = outcome.answers.values()
    return answer.status


def kinds(outcome: Outcome) -> list[tuple[str, str, str]]:
    return told(outcome.events)


def test_what_a_trial_raises_is_told_as_suppressed_and_is_over_with_it(street: Street) -> None:
    assert status(commission(street, 0, 90 * SECOND)) == 200
    assert kinds(street.json(SECOND, "a", open=True)) == [("raised", "open@a", "SUPPRESSED")]
    assert kinds(street.json(2 * SECOND, "b", open=True)) == [("raised", "open@b", "UNACK")]  # the neighbour's is real
    street.json(30 * SECOND, "a", open=False)
    alarm = street.alarm("open@a")
    assert (alarm.active, alarm.suppressed) == (False, ["commissioning"])
    ended = street.tick(91 * SECOND)
    assert kinds(ended) == [("unsuppressed", "open@a", "RTN_UNACK")]


def test_it_returns_by_itself_also_over_a_restart(street: Street) -> None:
    commission(street, 0, 5 * MINUTE)
    street.json(SECOND, "a", open=True)
    street.restart()
    assert street.alarm("open@a").suppressed == ["commissioning"]
    assert kinds(street.tick(6 * MINUTE)) == [("unsuppressed", "open@a", "UNACK")]  # it was left open: now it rings


def test_what_stands_already_is_part_of_the_trial(street: Street) -> None:
    street.json(0, "a", open=True)
    assert kinds(commission(street, SECOND, MINUTE)) == [("suppressed", "open@a", "SUPPRESSED")]
    assert kinds(commission(street, 2 * SECOND, 0)) == [("unsuppressed", "open@a", "UNACK")]
    assert street.tick(2 * MINUTE).events == []


@pytest.mark.parametrize(("device", "for_ms", "code"), [("nobody", 1, 404), ("a", 31 * MINUTE, 422), ("a", -1, 422)])
def test_what_is_refused(street: Street, device: str, for_ms: int, code: int) -> None:
    outcome = commission(street, 0, for_ms, device)
    assert (status(outcome), outcome.events) == (code, [])


def test_the_same_command_is_done_once(street: Street) -> None:
    commission(street, 0, MINUTE, name="once")
    street.json(SECOND, "a", open=True)
    events: list[Event] = commission(street, 30 * SECOND, MINUTE, name="once").events
    assert events == []
    assert kinds(street.tick(61 * SECOND)) == [("unsuppressed", "open@a", "UNACK")]


def test_who_ends_first_leaves_the_others_theirs(street: Street) -> None:
    commission(street, 0, 10 * MINUTE, walk="a's")
    commission(street, SECOND, MINUTE, walk="b's")
    commission(street, 2 * SECOND, 5 * MINUTE, walk="c's")
    street.json(3 * SECOND, "a", open=True)
    assert commission(street, 4 * SECOND, 0, walk="a's").events == []
    street.restart()
    assert street.tick(2 * MINUTE).events == []  # b's ran out by itself
    assert street.alarm("open@a").suppressed == ["commissioning"]
    street.json(3 * MINUTE, "a", open=False)
    assert kinds(commission(street, 4 * MINUTE, 0, walk="c's")) == [("unsuppressed", "open@a", "RTN_UNACK")]
    assert kinds(street.json(5 * MINUTE, "a", open=True)) == [("raised", "open@a", "UNACK")]
