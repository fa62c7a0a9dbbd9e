"""Which rings were answered, which still wait, and which need no answer any more."""

from hypothesis import given, settings

from feed.activations import History
from rules.flood import counted
from tests.feed.test_kpi import PHASES, City, city_of, of, rings


def test_one_answer_answers_every_ring_since_the_last() -> None:
    """An alarm that rang three times unanswered waits no more, and each ring is measured from itself."""
    city = rings(60, 300, 600)
    city.step("ack", "a", 299)
    found = of(city)
    assert (found.alarms, found.to_acknowledge.count, found.to_acknowledge.open) == (3, 3, 0)
    assert (found.to_acknowledge.median_s, found.to_return.count) == (600, 3)


def test_what_became_more_urgent_before_it_was_answered_is_answered_with_it() -> None:
    city = City()
    for what, wait_s in (("raise", 60), ("again", 60), ("ack", 60)):
        city.step(what, "a", wait_s)
    found = of(city)
    assert (found.alarms, found.to_acknowledge.count, found.to_acknowledge.open) == (2, 2, 0)
    assert found.to_acknowledge.median_s == 90


def test_what_needs_no_answer_any_more_is_neither_answered_nor_open() -> None:
    city = rings(60, name="c")  # ack_required: false
    city.step("raise", "a", 600)
    city.step("withdraw", "a", 600)
    found = of(city)
    assert (found.alarms, found.to_acknowledge.count, found.to_acknowledge.open) == (2, 0, 0)


@given(PHASES)
@settings(max_examples=100, deadline=None)
def test_what_is_open_is_what_waits_in_the_list_of_alarms(phases: list[tuple[str, int]]) -> None:
    city = city_of(phases)
    history = History()
    for event in city.events:
        history.take(event)
    waits = {each.alarm for each in history.activations if each.acked_ms is None and each.settled_ms is None}
    rang = {event.alarm.id for event in city.events if counted(event)}
    assert waits <= {alarm.id for alarm in city.alarms.values() if not alarm.acknowledged}
    shown = {alarm.id for alarm in city.alarms.values() if alarm.state == "UNACK"}
    assert shown & rang <= waits


def test_what_is_withdrawn_within_a_minute_was_neither_fleeting_nor_over() -> None:
    city = City()
    city.step("raise", "a", 60)
    city.step("withdraw", "a", 5)
    found = of(city)
    assert (found.alarms, found.fleeting) == (1, [])
    assert (found.to_return.count, found.to_return.open) == (0, 0)
