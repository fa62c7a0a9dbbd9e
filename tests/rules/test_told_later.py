"""What a device kept while nobody heard it: at its time, never as of now."""

from devices.models.milesight_iot import MilesightOptions
from devices.registry import Device
from rules.kinds.state import State
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, START_MS, Street, rule, told, uplink

EUI = "24e124136c000001"
WET = rule("wet", "state", State(quantity="water_detected", value=True))
DRY_NOW, WET_NOW = bytes.fromhex("050000"), bytes.fromhex("050001")


def leak_sensor() -> Device:
    return Device(
        id="well-1", model="milesight-iot", family="manhole", address=f"eui:{EUI}", interval_ms=DAY,
        options=MilesightOptions(variant="em300-mld"), via=("lora",),
    )  # fmt: skip


def kept(ms: int, *, wet: bool) -> bytes:
    """Return a history channel."""
    return b"\x20\xce" + ((START_MS + ms) // 1000).to_bytes(4, "little") + b"\0\0\0" + bytes([wet])


def frame(ms: int, counter: int, data: bytes) -> tuple[str, bytes]:
    return uplink(EUI, 85, data, counter=counter, time_ms=START_MS + ms)


def test_history_beside_what_is_now_rings_nothing() -> None:
    """It was wet an hour ago and is dry: the message of now, with both in it, is no alarm."""
    street = Street([leak_sensor()], [WET])
    street.say(0, frame(0, 1, DRY_NOW))
    said = street.say(2 * HOUR, frame(2 * HOUR, 2, DRY_NOW + kept(HOUR, wet=True)))
    assert not said.events
    now, before = said.lines
    assert f" {(START_MS + 2 * HOUR) // 1000}".encode() in now
    assert b"late" not in now
    assert b'flags="late"' in before
    assert f" {(START_MS + HOUR) // 1000}".encode() in before


def test_history_alone_is_the_newest_word_until_something_newer_is_known() -> None:
    """After an outage it tells first what it kept: the last of it is its state. What it said since is not undone."""
    street = Street([leak_sensor()], [WET])
    street.say(0, frame(0, 1, DRY_NOW))
    told_again = kept(3 * HOUR, wet=True) + kept(4 * HOUR, wet=True)
    said = street.say(5 * HOUR, frame(5 * HOUR, 2, told_again))
    assert told(said.events) == [("raised", "wet@well-1", "UNACK")]
    assert told(street.say(6 * HOUR, frame(6 * HOUR, 3, DRY_NOW)).events) == [("returned", "wet@well-1", "RTN_UNACK")]
    assert not street.say(7 * HOUR, frame(7 * HOUR, 4, kept(2 * HOUR, wet=True))).events


def test_history_of_equal_age_each_time_keeps_its_own_time() -> None:
    """One entry every ten minutes, each 50 min old: that is an outage made good, no wrong clock."""
    street = Street([leak_sensor()], [WET])
    for step in range(6):
        at = step * 10 * MINUTE
        [line] = street.say(at, frame(at, step, kept(at - 50 * MINUTE, wet=False))).lines
        assert b'flags="late"' in line
        assert f" {(START_MS + at - 50 * MINUTE) // 1000}".encode() in line


def test_a_device_without_the_time_tells_nothing_of_the_past() -> None:
    """Its clock begins in 1970: the reading is flagged and stands at its arrival, and rings nothing."""
    street = Street([leak_sensor()], [WET])
    said = street.say(SECOND, frame(SECOND, 1, kept(-START_MS + 271_000, wet=True)))
    assert not said.events
    assert b'flags="clock"' in said.lines[0]
