"""Power cuts, links and restarts: who is silent, and who cannot be heard."""

from rules import sections
from rules.kinds.silence import Silence
from rules.ruleset import Rule
from tests.rules.street import (
    DAY,
    HOUR,
    LORA,
    MINUTE,
    OTHER,
    SECOND,
    START_MS,
    Street,
    bay,
    on_disk,
    plain,
    rule,
    told,
    uplink,
)

QUIET = rule("quiet", "silence", Silence(intervals=3))
NAMES = tuple(f"d{i}" for i in range(20))


def street_of(*rules: Rule, interval_ms: int = MINUTE) -> Street:
    street = Street([plain(name, interval_ms=interval_ms) for name in NAMES], rules or (QUIET,))
    street.link(0, up=True)
    speak(street, 0)
    return street


def speak(street: Street, ms: int, names: tuple[str, ...] = NAMES) -> list[tuple[str, str, str]]:
    return [each for name in names for each in told(street.json(ms, name, pm10=1).events)]


def test_eight_hours_of_power_cut_are_no_flood() -> None:
    street = street_of()
    street.restart()
    assert not street.status(8 * HOUR, "started").events
    assert not street.tick(8 * HOUR + 10 * SECOND).events
    assert not street.link(8 * HOUR + 20 * SECOND, up=True).events
    assert not speak(street, 8 * HOUR + MINUTE, NAMES[1:])
    assert told(street.tick(8 * HOUR + 4 * MINUTE).events)[0] == ("raised", "quiet@d0", "UNACK")


def test_a_power_cut_that_ends_with_another_configuration_is_no_flood_either() -> None:
    street = street_of()
    street.restart()
    street.status(8 * HOUR, "started")
    stricter = rule("quiet", "silence", Silence(intervals=2))
    street.configure(8 * HOUR, "two", [plain(name) for name in NAMES], [stricter, rule("more", "silence", Silence())])
    street.link(8 * HOUR + SECOND, up=True)
    speak(street, 8 * HOUR + MINUTE)
    assert not [event for outcome in street.outcomes for event in outcome.events]


def test_a_link_that_never_comes_back_is_one_alarm_with_all_inside() -> None:
    street = street_of()
    street.status(8 * HOUR, "started")
    street.link(8 * HOUR, up=False)
    [event] = street.tick(8 * HOUR + 30 * SECOND).events
    assert told([event]) == [("raised", "link-down@broker:lora", "UNACK")]
    assert event.alarm.members == sorted(NAMES)
    assert not street.tick(20 * HOUR).events


def test_a_link_that_is_down_is_one_alarm_and_silence_counts_anew() -> None:
    street = street_of()
    street.link(MINUTE, up=False)
    assert told(street.tick(2 * MINUTE).events) == [("raised", "link-down@broker:lora", "UNACK")]
    events = street.tick(HOUR).events
    assert [event.kind for event in events] == ["members"]
    assert events[0].alarm.members == sorted(NAMES)
    events = street.link(HOUR, up=True).events
    assert told(events) == [("returned", "link-down@broker:lora", "RTN_UNACK")]
    assert events[0].alarm.members == []
    assert not street.tick(HOUR + 3 * MINUTE - 1).events
    assert len(street.tick(HOUR + 3 * MINUTE).events) == len(NAMES)


def test_a_short_break_of_a_link_tells_nobody() -> None:
    street = street_of()
    street.link(MINUTE, up=False)
    street.link(MINUTE + 20 * SECOND, up=True)
    speak(street, 2 * MINUTE)
    assert not [event for outcome in street.outcomes for event in outcome.events]


def test_who_was_silent_before_is_suppressed_while_nobody_could_hear_it() -> None:
    street = street_of()
    speak(street, 3 * MINUTE - 1, NAMES[1:])
    assert told(street.tick(3 * MINUTE).events) == [("raised", "quiet@d0", "UNACK")]
    assert told(street.link(4 * MINUTE, up=False).events) == [("suppressed", "quiet@d0", "SUPPRESSED")]
    assert street.alarm("quiet@d0").suppressed == ["cut_off"]
    [event] = street.tick(5 * MINUTE).events
    assert event.alarm.members == ["d0"]
    street.tick(30 * MINUTE)
    events = street.link(HOUR, up=True).events
    assert told(events) == [("unsuppressed", "quiet@d0", "UNACK"), ("returned", "link-down@broker:lora", "RTN_UNACK")]
    assert speak(street, HOUR + MINUTE) == [("returned", "quiet@d0", "RTN_UNACK")]


def test_a_link_that_is_heard_is_up() -> None:
    """A frame says it sooner than the source does."""
    street = street_of()
    street.link(MINUTE, up=False)
    street.json(2 * MINUTE, "d0", pm10=1)
    assert "broker:lora" not in street.fold.memory.links.down_sources
    assert len(street.tick(10 * MINUTE).events) == len(NAMES)  # all are silent, as far as anybody can tell


def test_a_frame_ends_the_alarm_of_a_link() -> None:
    """Whoever reports links may have missed that this one came up; a stranger proves nothing."""
    street = street_of(rule("quiet", "silence", Silence(intervals=60)))
    street.link(MINUTE, up=False)
    assert told(street.tick(2 * MINUTE).events) == [("raised", "link-down@broker:lora", "UNACK")]
    assert not street.json(3 * MINUTE, "nobody", pm10=1).events
    [event] = street.json(4 * MINUTE, "d0", pm10=1).events
    assert (event.alarm.id, event.kind, event.cause) == ("link-down@broker:lora", "returned", "reading")
    street.link(5 * MINUTE, up=False)
    street.json(5 * MINUTE + SECOND, "d0", pm10=1)
    assert not [event for event in street.tick(6 * MINUTE).events if event.alarm.rule == "link-down"]


def test_daily_restarts_do_not_hide_a_dead_device() -> None:
    """Covers report each 6 h and may be quiet for 18 h; the gateway starts anew every 10 h, off for an hour."""
    street = street_of(interval_ms=6 * HOUR)
    for day in range(1, 4):
        begin = day * 10 * HOUR
        street.status(begin - HOUR, "stopped")
        street.restart()
        street.status(begin, "started")
        street.link(begin, up=True)
        speak(street, begin + MINUTE, NAMES[1:])
        speak(street, begin + 6 * HOUR, NAMES[1:])
    [event] = [event for outcome in street.outcomes for event in outcome.events]
    assert told([event]) == [("raised", "quiet@d0", "UNACK")]
    assert event.at_ms == START_MS + 19 * HOUR  # 18 h of listening, and one off


def test_two_ways_to_a_device() -> None:
    street = Street([plain("a", via=("lora", "other"))], [QUIET], sources=(LORA, OTHER))
    street.json(0, "a", pm10=1)
    street.link(0, up=False)
    assert told(street.tick(3 * MINUTE).events)[-1] == ("raised", "quiet@a", "UNACK")  # the other way is open
    street.link(4 * MINUTE, up=False, subject="broker:other")
    assert street.alarm("quiet@a").suppressed == ["cut_off"]
    street.tick(6 * MINUTE)
    assert street.alarm("link-down@broker:lora").members == ["a"]
    street.link(7 * MINUTE, up=True, subject="broker:other")
    assert not street.alarm("quiet@a").suppressed
    assert street.tick(9 * MINUTE).events[-1].alarm.members == []


def test_two_rules_of_silence_are_each_their_own() -> None:
    """The link comes back while the first has rung and the second has not."""
    street = street_of(QUIET, rule("dead", "silence", Silence(intervals=None, after_ms=2 * HOUR)))
    speak(street, 5 * MINUTE, NAMES[1:])
    assert street.alarm("quiet@d0").active
    street.link(30 * MINUTE, up=False)
    street.link(90 * MINUTE, up=True)
    events = [each for each in told(street.tick(4 * HOUR).events) if each[1] == "dead@d0"]
    assert events == [("raised", "dead@d0", "UNACK")]


def test_a_new_device_is_not_late_from_its_first_day() -> None:
    street = street_of()
    devices = [*(plain(name) for name in NAMES), plain("new", interval_ms=HOUR)]
    street.configure(2 * MINUTE, "more", devices, [QUIET])
    assert not [e for e in street.tick(3 * HOUR).events if e.alarm.id == "quiet@new"]
    assert [e.alarm.id for e in street.tick(3 * HOUR + 2 * MINUTE).events] == ["quiet@new"]


def test_a_device_that_can_be_reached_again_by_its_new_way() -> None:
    street = Street([plain("a")], [QUIET], sources=(LORA, OTHER))
    street.json(0, "a", pm10=1)
    street.tick(5 * MINUTE)
    street.link(6 * MINUTE, up=False)
    street.tick(6 * MINUTE + 40 * SECOND)
    assert street.alarm("quiet@a").suppressed == ["cut_off"]
    moved = [plain("a", via=("other",))]
    events = street.configure(7 * MINUTE, "moved", moved, [QUIET], sources=(LORA, OTHER)).events
    assert told(events) == [("unsuppressed", "quiet@a", "UNACK")]


def test_what_the_broker_remembered_is_no_sign_of_life() -> None:
    street = street_of()
    speak(street, 2 * MINUTE, NAMES[1:])
    street.json(2 * MINUTE, "d0", b"R", pm10=1)
    assert told(street.tick(3 * MINUTE).events) == [("raised", "quiet@d0", "UNACK")]


def test_what_is_sent_later_tells_when_it_lived() -> None:
    """What the platform held back for half an hour says that the bay was alive then."""
    street = Street([bay()], [QUIET])
    street.say(HOUR, uplink("00000000000000a1", 1, b"\x01", time_ms=START_MS + HOUR // 2))
    assert street.fold.memory.world.reception.tracks["bay-1"].seen_ms == START_MS + HOUR // 2


def test_a_section_that_is_lost_makes_no_flood() -> None:
    street = street_of(interval_ms=HOUR)
    parts = on_disk(street.fold)
    del parts["reception"]
    street.fold = street.fresh()
    assert sections.read(street.fold, parts) == {"reception"}
    street.status(DAY, "started")
    street.link(DAY, up=True)
    assert not street.tick(DAY + 2 * HOUR).events
