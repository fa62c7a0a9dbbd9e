"""Covers: the position in which each rests, openings that somebody was allowed, batteries that are no alarm."""

import pytest

from devices.models.plain import PlainOptions
from devices.registry import Device
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.kinds.tilt import Tilt, off_rest
from rules.records import Answer, Command, Event, Outcome
from rules.ruleset import Rule
from tests.rules.street import HOUR, MINUTE, SECOND, START_MS, Street, plain_events, rule, told

COVER = PlainOptions(
    family="manhole",
    fields={"tilt": "tilt_deg", "open": "cover_open", "gas": "methane_pct_lel", "low": "battery_low"},
)  # fmt: skip
TILT = rule("tilted", "tilt", Tilt(quantity="tilt_deg", above=15, clear=5, at_least=2, of=2, once=30))
OPEN = rule("open", "state", State(quantity="cover_open", value=True), latch=True, priority=1)
GAS = rule("gas", "threshold", Threshold(quantity="methane_pct_lel", above=20), priority=1)


def cover(name: str) -> Device:
    return Device(
        id=name, model="plain", family="manhole", address=f"topic:lora/{name}", interval_ms=6 * HOUR, options=COVER,
        via=("lora",),
    )  # fmt: skip


def street_of(*rules: Rule) -> Street:
    return Street([cover("a"), cover("b")], rules)


def tilts(street: Street, at: int, *values: float) -> list[Event]:
    return [event for n, value in enumerate(values) for event in street.json(at + n * MINUTE, "a", tilt=value).events]


# ----------------------------------------------------------------------------------------------------------- tilt


def test_a_cover_that_lies_askew_is_judged_by_how_it_lies() -> None:
    street = street_of(TILT)
    assert not tilts(street, 0, 20, 21, 20, 22, 21)  # over 15° from the horizontal, and as it always lies
    assert not tilts(street, HOUR, 30, 20, 34, 21, 40, 22)  # once each
    events = tilts(street, 2 * HOUR, 40, 41)
    assert told(events) == [("raised", "tilted@a", "UNACK")]
    assert events[0].evidence is not None
    assert events[0].evidence.why["rest_deg"] == 21
    assert events[0].evidence.why["off_rest_deg"] == 20
    assert told(tilts(street, 3 * HOUR, 30, 27, 23)) == [("returned", "tilted@a", "RTN_UNACK")]
    assert told(tilts(street, 4 * HOUR, 60)) == [("raised", "tilted@a", "UNACK")]  # far off: once is enough


def test_nothing_is_said_before_the_rest_position_is_known() -> None:
    street = street_of(TILT)
    assert not tilts(street, 0, 2, 3, 90, 2, 3)  # somebody was at it
    assert not tilts(street, HOUR, 90, 90, 2, 3, 2, 3, 2)  # five alike, at last
    assert told(tilts(street, 2 * HOUR, 90)) == [("raised", "tilted@a", "UNACK")]


def test_a_cover_that_sinks_slowly_rings_and_a_restart_learns_nothing_anew() -> None:
    street = street_of(TILT)
    tilts(street, 0, *([1] * 5))
    assert not tilts(street, HOUR, *range(1, 16))
    street.restart()
    assert told(tilts(street, 2 * HOUR, 17, 18)) == [("raised", "tilted@a", "UNACK")]


def test_angles_wrap() -> None:
    assert off_rest(179, -179) == 2
    assert off_rest(350, 10) == 20
    street = street_of(TILT)
    tilts(street, 0, 179, 180, -179, -180, 179)
    assert not tilts(street, HOUR, -175, -174, 172, 170)
    assert told(tilts(street, 2 * HOUR, -160, -160)) == [("raised", "tilted@a", "UNACK")]


def test_a_cover_at_rest_is_quiet() -> None:
    street = street_of(TILT)
    tilts(street, 0, *([10] * 5))
    judge = street.fold.memory.world.judging.judges["tilted", "a"]
    street.json(HOUR, "a", tilt=10)
    assert (round(judge.low, 3), round(judge.high, 3)) == (-5, 25)


# ---------------------------------------------------------------------------------------------------- work permits


def permit(street: Street, ms: int, until_ms: int, device: str = "a", name: str = "") -> Outcome:
    record = Command(
        at_ms=0, id=name or f"p{ms}", kind="permit", alarm=device, occurrence=0, user="值班员", who="排水处 张三",
        until_ms=START_MS + until_ms if until_ms else 0, comment="清淤",
    )  # fmt: skip
    return street.at(ms, record)


def answer(outcome: Outcome) -> Answer:
    [only] = outcome.answers.values()
    return only


def test_an_authorised_opening_is_logged_and_does_not_ring() -> None:
    street = street_of(OPEN, GAS)
    assert answer(permit(street, 0, 2 * HOUR)).status == 200
    opened = street.json(MINUTE, "a", open=True).events
    assert told(opened) == [("raised", "open@a", "SUPPRESSED")]
    assert opened[0].alarm.suppressed == ["work_permit"]
    assert opened[0].evidence is not None
    assert opened[0].evidence.why["permit"] == {
        "who": "排水处 张三",
        "why": "清淤",
        "until_ms": START_MS + 2 * HOUR,
        "by": "值班员",
    }
    assert told(street.json(2 * MINUTE, "b", open=True).events) == [("raised", "open@b", "UNACK")]  # not this one
    closed = street.json(HOUR, "a", open=False).events
    assert told(closed) == [("returned", "open@a", "SUPPRESSED"), ("acknowledged", "open@a", "NORMAL")]
    assert (closed[1].user, closed[1].comment) == ("排水处 张三", "清淤")
    assert not street.tick(3 * HOUR).events


def test_gas_rings_with_or_without_a_permit() -> None:
    street = street_of(OPEN, GAS)
    permit(street, 0, 2 * HOUR)
    assert told(street.json(MINUTE, "a", open=True, gas=30).events) == [
        ("raised", "gas@a", "UNACK"),
        ("raised", "open@a", "SUPPRESSED"),
    ]


def test_its_overrun_rings_also_after_a_restart() -> None:
    street = street_of(OPEN)
    permit(street, 0, 2 * HOUR)
    street.json(MINUTE, "a", open=True)
    alarm = street.alarm("open@a")
    street.command(HOUR, "ack", "open@a", alarm.occurrence)
    street.restart()
    assert street.fold.memory.world.judging.permits["a"].who == "排水处 张三"
    [event] = street.tick(2 * HOUR).events
    assert told([event]) == [("unsuppressed", "open@a", "UNACK")]  # acknowledged once, and yet
    assert (event.user, event.comment, event.cause) == ("排水处 张三", "清淤", "timer")


def test_a_permit_without_a_snapshot_is_made_again_from_the_journal() -> None:
    street = street_of(OPEN)
    permit(street, 0, 2 * HOUR)
    street.json(MINUTE, "a", open=True)
    fold = street.fresh()
    events = [event for first, record in street.log for event in fold.take(first, [record]).events]
    assert plain_events(events) == plain_events(e for outcome in street.outcomes for e in outcome.events)


def test_what_stands_open_already_is_covered_and_a_permit_can_be_ended() -> None:
    street = street_of(OPEN)
    street.json(0, "a", open=True)
    assert told(permit(street, MINUTE, HOUR).events) == [("suppressed", "open@a", "SUPPRESSED")]
    assert not permit(street, 2 * MINUTE, 2 * HOUR).events  # prolonged
    assert not street.tick(90 * MINUTE).events
    assert told(permit(street, 91 * MINUTE, 0).events) == [("unsuppressed", "open@a", "UNACK")]
    assert not street.tick(3 * HOUR).events


def test_a_permit_of_a_device_that_is_gone_goes_with_it() -> None:
    street = street_of(OPEN)
    permit(street, 0, HOUR)
    street.configure(MINUTE, "two", [cover("b")], [OPEN])
    assert street.fold.memory.world.judging.permits == {}
    assert not street.tick(2 * HOUR).events


@pytest.mark.parametrize(
    ("device", "until_ms", "code"), [("nobody", HOUR, 404), ("a", -HOUR, 422), ("a", 200 * HOUR, 422)]
)
def test_what_is_refused(device: str, until_ms: int, code: int) -> None:
    street = street_of(OPEN)
    outcome = permit(street, 0, until_ms, device)
    assert (answer(outcome).status, outcome.events) == (code, [])


# ----------------------------------------------------------------------------------------------------- maintenance


def test_a_flat_battery_is_work_to_be_planned_and_rings_nobody() -> None:
    low = rule("battery", "state", State(quantity="battery_low", value=True), priority=4, maintenance=True)
    street = street_of(low)
    [raised] = street.json(SECOND, "a", low=True).events
    assert (raised.alarm.state, raised.alarm.suppressed, raised.alarm.acknowledged) == (
        "SUPPRESSED",
        ["maintenance"],
        True,
    )
    [returned] = street.json(HOUR, "a", low=False).events
    assert (returned.alarm.state, returned.alarm.over) == ("NORMAL", True)
    assert told(street.json(2 * HOUR, "a", low=True).events) == [("raised", "battery@a", "SUPPRESSED")]
