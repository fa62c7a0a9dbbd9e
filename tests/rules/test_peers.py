"""A monitor beside those of its neighbourhood."""

import msgspec

from devices.registry import Device
from rules.kinds.peer import Peer
from rules.records import Event
from tests.rules.street import HOUR, MINUTE, START_MS, TIMED, Street, plain, rule, told

PM10 = "pm10_ug_m3"
PEER = rule("odd", "peer", Peer(quantity=PM10))
FIRST_HOUR = HOUR - START_MS % HOUR  # ms after the start at which a full hour begins


def group_of(count: int, **more: str) -> list[Device]:
    return [msgspec.structs.replace(plain(f"d{n}", TIMED), **more) for n in range(count)]


def hours(street: Street, begin: int, count: int, odd: float, names: int = 6) -> list[Event]:
    """Let each say its usual value each minute, d0 the odd one."""
    events = []
    for minute in range(count * 60):
        ms = FIRST_HOUR + (begin * 60 + minute) * MINUTE
        for n in range(names):
            value = odd if n == 0 else 80 + 3 * n
            events += street.json(ms + n, f"d{n}", pm10=value, t=START_MS + ms + n).events
    return events


def test_three_hours_far_off_all_others() -> None:
    street = Street(group_of(6), [PEER])
    assert not hours(street, 0, 3, 300)
    events = hours(street, 3, 1, 300)  # in it the third hour closes
    assert told(events) == [("raised", "odd@d0", "UNACK")]
    why = events[0].evidence and events[0].evidence.why
    assert why
    assert (why["median"], why["members"], why["hours"], why["mean"]) == (89, 5, 3, 300)
    assert why["others_of_group"] == {f"d{n}": 80 + 3 * n for n in range(1, 6)}  # so that anybody can work it out again
    assert told(hours(street, 4, 2, 90)) == [("returned", "odd@d0", "RTN_UNACK")]


def test_half_of_what_all_others_measure_is_as_odd() -> None:
    street = Street(group_of(6), [PEER])
    assert told(hours(street, 0, 4, 20)) == [("raised", "odd@d0", "UNACK")]


def test_all_rise_together() -> None:
    street = Street(group_of(6), [PEER])
    hours(street, 0, 1, 80)
    events = []
    for minute in range(5 * 60):
        ms = FIRST_HOUR + (60 + minute) * MINUTE
        for n in range(6):
            events += street.json(ms + n, f"d{n}", pm10=400 + 3 * n, t=START_MS + ms + n).events
    assert not events


def test_too_few_others_prove_nothing() -> None:
    street = Street(group_of(4), [PEER])
    assert not hours(street, 0, 5, 300, names=4)


def test_only_those_of_the_same_site_are_compared() -> None:
    devices = [*group_of(3, site="一号"), *(msgspec.structs.replace(d, site="二号") for d in group_of(8)[3:])]
    rules = [rule("odd", "peer", Peer(quantity=PM10, among="site"))]
    street = Street(devices, rules)
    assert not hours(street, 0, 5, 300, names=8)


def test_a_restart_between_the_hours_counts_on() -> None:
    street = Street(group_of(6), [PEER])
    hours(street, 0, 2, 300)
    street.restart()
    assert told(hours(street, 2, 2, 300)) == [("raised", "odd@d0", "UNACK")]
