"""Power cuts, links and restarts: who is silent, and who cannot be heard."""

from devices.instants import rfc3339
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


def go_on(street: Street, ms: int, to_ms: int, names: tuple[str, ...] = NAMES) -> list[tuple[str, str, str]]:
    """Let them speak each minute."""
    return [each for at in range(ms, to_ms, MINUTE) for each in speak(street, at, names)]


def test_eight_hours_of_power_cut_are_no_flood() -> None:
    street = street_of()
    street.restart()
    assert not street.status(8 * HOUR, "started").events
    assert not street.tick(8 * HOUR + 10 * SECOND).events
    assert not street.link(8 * HOUR + 20 * SECOND, up=True).events
    assert go_on(street, 8 * HOUR + MINUTE, 8 * HOUR + 5 * MINUTE, NAMES[1:]) == [("raised", "quiet@d0", "UNACK")]


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
    assert not go_on(street, HOUR + MINUTE, HOUR + 3 * MINUTE, NAMES[15:])
    assert told(street.tick(HOUR + 3 * MINUTE).events) == [("raised", "many-silent@broker:lora", "UNACK")]


def test_a_short_break_of_a_link_tells_nobody() -> None:
    street = street_of()
    street.link(MINUTE, up=False)
    street.link(MINUTE + 20 * SECOND, up=True)
    speak(street, 2 * MINUTE)
    assert not [event for outcome in street.outcomes for event in outcome.events]


def test_who_was_silent_before_is_suppressed_while_nobody_could_hear_it() -> None:
    street = street_of()
    assert go_on(street, MINUTE, 4 * MINUTE, NAMES[1:]) == [("raised", "quiet@d0", "UNACK")]
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
    assert "lora" not in street.fold.memory.links.down_sources
    [event] = [each for each in street.tick(10 * MINUTE).events if each.kind == "raised"]
    assert event.alarm.id == "link-down@broker:lora"  # nobody speaks: as far as anybody can tell it is down again


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
    for hour in range(9):
        speak(street, hour * HOUR + MINUTE, NAMES[1 + hour % 3 :: 3])
    for day in range(1, 4):
        begin = day * 10 * HOUR
        street.status(begin - HOUR, "stopped")
        street.restart()
        street.status(begin, "started")
        street.link(begin, up=True)
        for hour in range(9):
            speak(street, begin + hour * HOUR + MINUTE, NAMES[1 + hour % 3 :: 3])
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
    go_on(street, MINUTE, 30 * MINUTE, NAMES[1:])
    assert street.alarm("quiet@d0").active
    street.link(30 * MINUTE, up=False)
    street.link(90 * MINUTE, up=True)
    events = go_on(street, 90 * MINUTE, 4 * HOUR, NAMES[1:])
    assert events == [("raised", "dead@d0", "UNACK")]


def test_a_new_device_is_not_late_from_its_first_day() -> None:
    street = street_of()
    go_on(street, MINUTE, 2 * MINUTE)
    devices = [*(plain(name) for name in NAMES), plain("new", interval_ms=HOUR)]
    street.configure(2 * MINUTE, "more", devices, [QUIET])
    assert not go_on(street, 3 * MINUTE, 3 * HOUR + 2 * MINUTE)
    assert told(street.tick(3 * HOUR + 2 * MINUTE).events) == [("raised", "quiet@new", "UNACK")]


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
    go_on(street, MINUTE, 3 * MINUTE, NAMES[1:])
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
    assert not [each for hour in range(5) for each in speak(street, DAY + hour * 20 * MINUTE, NAMES[hour % 2 :: 2])]


# ------------------------------------------------------------------------------------- whose silence: what carries it


def test_a_broker_that_delivers_nothing_any_more_is_one_alarm_though_its_link_is_up() -> None:
    street = street_of()
    go_on(street, MINUTE, 10 * MINUTE)
    # the last words came at 9 min; ten messages of 20 devices are due in half a minute, and 2 min is the least
    events = street.tick(HOUR).events
    assert (events[0].kind, events[0].alarm.id) == ("raised", "link-down@broker:lora")
    assert {event.alarm.id for event in events} == {"link-down@broker:lora"}
    assert events[0].at_ms == START_MS + 11 * MINUTE + 30 * SECOND
    assert "20 devices" in events[0].alarm.text.en
    assert "20 台设备" in events[0].alarm.text.zh
    street.tick(2 * HOUR)
    assert street.fold.memory.links.cut_off(street.fold.memory.world.registry.devices[0])
    [event] = street.json(2 * HOUR + MINUTE, "d3", pm10=1).events  # the first word ends it, and all count anew
    assert told([event]) == [("returned", "link-down@broker:lora", "RTN_UNACK")]
    assert go_on(street, 2 * HOUR + 2 * MINUTE, 2 * HOUR + 8 * MINUTE, NAMES[1:]) == [("raised", "quiet@d0", "UNACK")]


def test_a_radio_gateway_of_several_takes_most_devices_with_it() -> None:
    street = street_of()
    go_on(street, MINUTE, 5 * MINUTE)
    rest = NAMES[14:]  # 14 of 20 stop at 5 min
    events = go_on(street, 5 * MINUTE, 12 * MINUTE, rest)
    assert events == [("raised", "many-silent@broker:lora", "UNACK"), ("members", "many-silent@broker:lora", "UNACK")]
    alarm = street.alarm("many-silent@broker:lora")
    assert alarm.members == sorted(NAMES[:14])
    assert "14 of its 20" in alarm.text.en
    street.restart()
    assert not go_on(street, 12 * MINUTE, 20 * MINUTE, rest)
    events = go_on(street, 20 * MINUTE, 26 * MINUTE, NAMES[2:])  # all but two are back: those are silent by themselves
    assert ("returned", "many-silent@broker:lora", "RTN_UNACK") in events
    assert [each for each in events if each[0] == "raised"] == [
        ("raised", "quiet@d0", "UNACK"), ("raised", "quiet@d1", "UNACK")
    ]  # fmt: skip


def test_many_silent_says_soon_who_and_since_when() -> None:
    street = street_of()
    go_on(street, MINUTE, 5 * MINUTE)  # 14 of 20 are heard last at 4 min
    go_on(street, 5 * MINUTE, 7 * MINUTE, NAMES[14:])
    assert not street.tick(7 * MINUTE - SECOND).events
    [raised, members] = street.tick(7 * MINUTE + 6 * SECOND).events
    assert (raised.kind, raised.alarm.id, len(raised.alarm.members)) == ("raised", "many-silent@broker:lora", 1)
    assert raised.evidence is not None
    heard = raised.evidence.why["last_heard"]
    assert (sorted(heard), raised.evidence.why["devices"]) == (sorted(NAMES[:14]), 20)
    assert set(heard.values()) == {rfc3339(START_MS + 4 * MINUTE + raised.t_ms - raised.at_ms)}
    assert (members.kind, members.alarm.members) == ("members", sorted(NAMES[:14]))


def test_a_member_keeps_its_own_state() -> None:
    """Who was silent before, and seen to, is a member with its alarm; it needs nobody's attention a second time."""
    street = street_of()
    go_on(street, MINUTE, 5 * MINUTE, NAMES[1:])
    alarm = street.alarm("quiet@d0")
    street.command(5 * MINUTE, "ack", "quiet@d0", alarm.occurrence)
    events = go_on(street, 5 * MINUTE, 12 * MINUTE, NAMES[15:])
    assert ("suppressed", "quiet@d0", "SUPPRESSED") in events
    alarm = street.alarm("quiet@d0")
    assert (alarm.acknowledged, alarm.suppressed) == (True, ["cut_off"])
    assert "d0" in street.alarm("many-silent@broker:lora").members
    back = go_on(street, 12 * MINUTE, 15 * MINUTE)
    assert ("returned", "quiet@d0", "NORMAL") in back


def test_half_of_them_are_half_of_them() -> None:
    street = street_of()
    events = go_on(street, MINUTE, 8 * MINUTE, NAMES[10:])
    assert events == [("raised", f"quiet@{name}", "UNACK") for name in sorted(NAMES[:10])]


def test_silence_is_held_back_until_it_is_known_whose_it_is() -> None:
    """Two devices of 1 min and an hour: ten messages take nearly 10 min, and silence is 3 min."""
    street = Street([plain("a"), plain("b", interval_ms=HOUR)], [QUIET])
    street.link(0, up=True)
    street.json(0, "b", pm10=1)
    street.json(0, "a", pm10=1)
    assert not street.tick(9 * MINUTE).events  # it may be the broker
    assert told(street.json(9 * MINUTE + SECOND, "b", pm10=1).events) == []
    events = street.tick(30 * MINUTE).events  # but the broker lives: so it is the device
    assert ("raised", "quiet@a", "UNACK") in told(events)
    raised = next(event for event in events if event.alarm.id == "quiet@a")
    assert raised.evidence is not None
    assert raised.evidence.why["cause"] == "device"


def test_a_line_with_a_single_device_is_not_told_apart_from_it() -> None:
    street = Street([plain("a")], [QUIET])
    street.json(0, "a", pm10=1)
    assert told(street.tick(HOUR).events) == [("raised", "quiet@a", "UNACK")]


def test_without_a_rule_of_silence_nobody_looks() -> None:
    street = Street([plain(name) for name in NAMES])
    street.link(0, up=True)
    speak(street, 0)
    assert street.fold.next_due_ms() is None
