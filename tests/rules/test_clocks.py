"""Clocks that are wrong, of devices and of the gateway, and what comes late: it rings, and poisons nothing."""

from typing import Any

from devices.hj212 import build_packet, time_text
from devices.models.hj212_dust import Station, packet
from rules.kinds.day_mean import DayMean
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.packs import DatedLimit
from tests.rules.chance import MN, STATION
from tests.rules.street import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SITES,
    START_MS,
    TIMED,
    Street,
    bay,
    periods_of,
    plain,
    rule,
    told,
    uplink,
)

EUI = "00000000000000a1"
LIMIT = (DatedLimit(from_date="2020-01-01", value=120, name="limit"),)
OPEN = rule("open", "state", State(quantity="cover_open", value=True))
DUST = rule("dust", "threshold", Threshold(quantity="pm10_ug_m3", above=150))
MEAN = rule("mean", "day_mean", DayMean(quantity="pm10_ug_m3", limits=LIMIT, min_hours=1))
PARKED = rule("parked", "state", State(quantity="occupied", value=True))
YEAR_2099_MS = 73 * 365 * DAY


def lines_of(street: Street) -> list[str]:
    return [line.decode() for line in street.outcomes[-1].lines if line.startswith((b"dust,", b"parking,"))]


def time_ms(line: str) -> int:
    return int(line.rsplit(" ", 1)[1]) // 1_000_000


def test_a_cover_whose_clock_is_a_day_off_rings_at_once() -> None:
    street = Street([plain("cover", TIMED)], [OPEN])
    street.json(0, "cover", open=False, t=START_MS - DAY)
    [event] = street.json(HOUR, "cover", open=True, t=START_MS + HOUR - DAY).events
    assert (event.kind, event.alarm.late) == ("raised", False)
    assert event.t_ms == START_MS + HOUR  # the time of the event is the gateway's
    [line, *_] = lines_of(street)
    assert 'flags="clock"' in line
    assert time_ms(line) == START_MS + HOUR  # as far off as before: its clock is wrong, the reading is of now


def test_a_device_in_2099_for_a_minute_poisons_nothing() -> None:
    street = Street([plain("a", TIMED)], [DUST, MEAN])
    for second in range(0, 600, 10):
        wrong = 300 <= second < 360
        at_ms = second * SECOND
        street.json(at_ms, "a", pm10=100, t=START_MS + at_ms + (YEAR_2099_MS if wrong else 0))
        assert ('flags="clock"' in lines_of(street)[0]) == wrong
        assert time_ms(lines_of(street)[0]) == START_MS + at_ms
    assert told(street.json(610 * SECOND, "a", pm10=200, t=START_MS + 610 * SECOND).events) == [
        ("raised", "dust@a", "UNACK")
    ]
    street.tick(2 * HOUR)
    assert periods_of(street.outcomes)[0].mean is None  # 10 min are no hour
    assert street.fold.memory.world.reception.tracks["a"].last_ms == START_MS + 610 * SECOND


def day_with(*, clock: bool) -> Street:
    """Hear a station for two days; in between, perhaps, the gateway is in 2099 for a minute."""
    street = Street([plain("a", TIMED), bay()], [DUST, MEAN, PARKED, rule("quiet", "silence", Silence())])
    street.link(0, up=True)
    for minute in range(2 * 24 * 60):
        at_ms = minute * MINUTE
        if clock and minute in (600, 601):
            street.status(at_ms, "clock", offset_ms=YEAR_2099_MS if minute == 600 else 0, source="ntp", trusted=True)
        street.json(at_ms + SECOND, "a", pm10=130, t=START_MS + at_ms + SECOND)
    return street


def test_the_gateway_in_2099_for_a_minute_poisons_nothing() -> None:
    right, wrong = day_with(clock=False), day_with(clock=True)
    assert not [
        event for event in told(e for o in wrong.outcomes for e in o.events) if event[1].startswith(("quiet", "dust"))
    ]
    after = [street.json(49 * HOUR, "a", pm10=200, t=START_MS + 49 * HOUR).events for street in (right, wrong)]
    assert told(after[0])[-1] == told(after[1])[-1] == ("raised", "dust@a", "UNACK")
    lines = [lines_of(street) for street in (right, wrong)]
    assert [time_ms(line) for line in lines[0]] == [time_ms(line) for line in lines[1]]
    means: list[dict[int, Any]] = [
        {p.start_ms: p.mean for p in periods_of(street.outcomes) if p.span == "hour" and p.mean is not None}
        for street in (right, wrong)
    ]
    early = {start: mean for start, mean in means[0].items() if start < START_MS + 9 * HOUR}
    late = {start: mean for start, mean in means[0].items() if start > START_MS + 12 * HOUR}
    for start, mean in (early | late).items():
        assert means[1][start] == mean
    wrong.restart()
    events = wrong.json(50 * HOUR, "a", pm10=100, t=START_MS + 50 * HOUR).events
    assert ("returned", "dust@a", "RTN_UNACK") in told(events)


def test_a_platform_in_the_future_is_not_believed() -> None:
    street = Street([bay()], [PARKED])
    assert told(street.say(0, uplink(EUI, 1, b"\x01", time_ms=START_MS + YEAR_2099_MS)).events) == [
        ("raised", "parked@bay-1", "UNACK")
    ]
    assert time_ms(lines_of(street)[0]) == START_MS


# ------------------------------------------------------------------------------------------------------- history


def test_what_the_broker_remembered_is_history() -> None:
    street = Street([plain("a")], [OPEN])
    [event] = street.json(0, "a", b"R", open=True).events  # nothing later is known: it rings, and says that it is late
    assert event.alarm.late
    assert 'flags="late"' in lines_of(street)[0]
    assert street.fold.memory.world.reception.tracks["a"].seen_ms == 0


def test_what_a_platform_held_back_rings_when_it_is_the_newest_word() -> None:
    street = Street([bay()], [PARKED])
    [event] = street.say(DAY, uplink(EUI, 1, b"\x01", counter=5, time_ms=START_MS + DAY - HOUR)).events
    assert (event.kind, event.alarm.late) == ("raised", True)
    assert time_ms(lines_of(street)[0]) == START_MS + DAY - HOUR


def test_what_is_older_than_the_newest_word_changes_nothing_but_the_past() -> None:
    street = Street([bay()], [PARKED])
    street.say(DAY, uplink(EUI, 1, b"\x00", counter=7, time_ms=START_MS + DAY))
    assert not street.say(DAY + SECOND, uplink(EUI, 1, b"\x01", counter=6, time_ms=START_MS + DAY - HOUR)).events
    line = (
        'parking,device=bay-1,model=bosch-tps110 occupied=true,rssi_dbm=-70.0,snr_db=7.5,flags="late" '
        f"{(START_MS + DAY - HOUR) * 1_000_000 + 24}\n"
    )
    assert lines_of(street) == [line]


def test_what_an_hj212_station_sends_again_is_history() -> None:
    """RF=1 (HJ 212-2025) in the place of any other doubt; the packet before it was the newer one."""
    street = Street([STATION], [DUST], sources=(SITES,))

    def say(ms: int, at_ms: int, pm10: float, *, again: bool = False) -> list[tuple[str, str, str]]:
        data = packet(Station(pm10_ug_m3=pm10), STATION.options, mn=MN, at_ms=START_MS + at_ms)
        if again:
            text = time_text(START_MS + at_ms)
            data = build_packet(
                qn=f"{text}000",
                st="39",
                cn="2011",
                mn=MN,
                flag=5,
                cp=f"DataTime={text};RF=1;a34002-Rtd={pm10},a34002-Flag=N",
            )
        return told(street.say(ms, (MN, data), source="sites").events)

    assert not say(10 * MINUTE, 10 * MINUTE, 100)
    assert not say(11 * MINUTE, MINUTE, 500, again=True)
    assert "late" in lines_of(street)[0]
    assert say(12 * MINUTE, 12 * MINUTE, 500) == [("raised", "dust@site", "UNACK")]


def test_a_station_of_minute_means_is_judged_by_them() -> None:
    street = Street([STATION], [DUST], sources=(SITES,))

    def mean(ms: int, pm10: float) -> list[tuple[str, str, str]]:
        data = packet(Station(pm10_ug_m3=pm10), STATION.options, mn=MN, at_ms=START_MS + ms - MINUTE, cn="2051")
        return told(street.say(ms, (MN, data), source="sites").events)

    def moment(ms: int, pm10: float) -> list[tuple[str, str, str]]:
        data = packet(Station(pm10_ug_m3=pm10), STATION.options, mn=MN, at_ms=START_MS + ms)
        return told(street.say(ms, (MN, data), source="sites").events)

    assert mean(MINUTE, 500) == [("raised", "dust@site", "UNACK")]
    assert moment(2 * MINUTE, 100) == [("returned", "dust@site", "RTN_UNACK")]
    assert not mean(3 * MINUTE, 500)  # its readings of the moment judge it now
    assert street.outcomes[-1].lines[0].startswith(b"dust_reported_minute,device=site")
    street.status(4 * MINUTE, "clock", offset_ms=YEAR_2099_MS, source="ntp", trusted=True)
    moment(5 * MINUTE, 100)
    street.status(6 * MINUTE, "clock", offset_ms=0, source="ntp", trusted=True)
    assert mean(30 * MINUTE, 500) == [("raised", "dust@site", "UNACK")]
