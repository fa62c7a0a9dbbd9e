"""Parking bays as the board shows them."""

from devices.models.plain import PlainOptions
from devices.registry import Device
from rules.kinds.state import State
from rules.records import Bay, Outcome
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, START_MS, Street, rule, told

BAY = PlainOptions(family="parking", fields={"occ": "occupied"})
OVERSTAY = rule("overstay", "state", State(quantity="occupied", value=True, on_delay_ms=DAY))


def street_of(*rules: object) -> Street:
    device = Device(
        id="p1", model="plain", family="parking", address="topic:lora/p1", interval_ms=HOUR, options=BAY, via=("lora",)
    )
    return Street([device], rules)  # type: ignore[arg-type]


def changes(*outcomes: Outcome) -> list[tuple[str, int]]:
    """State, and from when it holds in s after the start."""
    return [(bay.state, (bay.since_ms - START_MS) // SECOND) for outcome in outcomes for bay in outcome.bays]


def test_a_bay_is_followed_after_a_moment_and_dated_from_its_beginning() -> None:
    street = street_of()
    assert changes(street.json(0, "p1", occ=False)) == [("free", 0)]
    assert changes(street.json(MINUTE, "p1", occ=True)) == []
    outcome = street.tick(MINUTE + 10 * SECOND)
    assert changes(outcome) == [("occupied", 60)]
    assert outcome.bays == [
        Bay(sequence=outcome.first, at_ms=START_MS + 70_000, device="p1", state="occupied", since_ms=START_MS + 60_000)
    ]
    assert not [event for each in street.outcomes for event in each.events]


def test_a_detector_that_chatters_changes_nothing() -> None:
    street = street_of()
    street.json(0, "p1", occ=False)
    said = [street.json(MINUTE + n * 3 * SECOND, "p1", occ=n % 2 == 0) for n in range(20)]
    assert changes(*said, street.tick(HOUR)) == []


def test_a_bay_that_is_not_heard_of_is_unknown_and_a_heartbeat_keeps_it() -> None:
    street = street_of()
    street.json(0, "p1", occ=True)
    beats = [street.json(n * HOUR, "p1", occ=True) for n in range(1, 6)]
    assert changes(*beats) == []
    assert changes(street.tick(8 * HOUR - 1)) == []
    assert changes(street.tick(8 * HOUR)) == [("unknown", 8 * 3600)]
    assert changes(street.json(9 * HOUR, "p1", occ=False)) == [("free", 9 * 3600)]


def test_after_a_night_without_power_nobody_knows() -> None:
    street = street_of()
    street.json(0, "p1", occ=True)
    street.restart()
    assert changes(street.status(12 * HOUR, "started")) == [("unknown", 3 * 3600)]
    assert changes(street.json(12 * HOUR + MINUTE, "p1", occ=True)) == [("occupied", 12 * 3600 + 60)]


def test_overstay_is_an_alarm_and_the_bay_is_not() -> None:
    street = street_of(OVERSTAY)
    outcomes = [street.json(n * HOUR, "p1", occ=True) for n in range(26)]
    assert changes(*outcomes) == [("occupied", 0)]
    assert told(event for outcome in outcomes for event in outcome.events) == [("raised", "overstay@p1", "UNACK")]


def test_another_configuration_keeps_what_is_known() -> None:
    street = street_of()
    street.json(0, "p1", occ=True)
    device = street.fold.memory.world.registry.devices[0]
    assert changes(street.configure(MINUTE, "two", [device], [OVERSTAY])) == []
    assert changes(street.json(HOUR, "p1", occ=False), street.tick(HOUR + MINUTE)) == [("free", 3600)]


def test_what_is_due_when_another_configuration_comes_is_told() -> None:
    street = street_of()
    street.json(0, "p1", occ=False)
    street.json(SECOND, "p1", occ=True)
    device = street.fold.memory.world.registry.devices[0]
    assert changes(street.configure(MINUTE, "two", [device], [OVERSTAY])) == [("occupied", 1)]
