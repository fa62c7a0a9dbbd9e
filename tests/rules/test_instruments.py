"""Instruments that cannot be right: stuck, implausible, helped along, at odds with their own magnetic field."""

from dataclasses import dataclass
from math import inf

import pytest

from devices.models.plain import PlainOptions
from devices.registry import Device
from rules.kinds.implausible import Implausible
from rules.kinds.magnetic import Magnetic
from rules.kinds.stuck import Stuck
from rules.kinds.tamper import Tamper
from rules.kinds.threshold import Threshold
from rules.records import Event
from tests.rules.street import DAY, HOUR, MINUTE, SECOND, START_MS, Street, rule, told

PM10 = "pm10_ug_m3"
DUST = PlainOptions(
    family="dust",
    fields={"pm25": "pm25_ug_m3", "pm10": PM10, "tsp": "tsp_ug_m3", "hum": "humidity_pct", "temp": "temperature_c"},
)
AXES = ("x", "y", "z", "base_x", "base_y", "base_z")
BAY = PlainOptions(
    family="parking", fields={"occ": "occupied", **{axis: f"magnetic_{axis}_counts" for axis in AXES}}
)  # fmt: skip


def device(options: PlainOptions, interval_ms: int = MINUTE) -> Device:
    return Device(
        id="a", model="plain", family=options.family, address="topic:lora/a", interval_ms=interval_ms, options=options,
        via=("lora",),
    )  # fmt: skip


@dataclass
class Monitor:
    """One dust monitor; each reading a minute after the one before, unless `apart_ms` says otherwise."""

    street: Street
    ms: int = 0

    def say(self, apart_ms: int = MINUTE, **values: float | None) -> list[Event]:
        self.ms += apart_ms
        return self.street.json(self.ms, "a", **values).events


def monitor(*rules: object, options: PlainOptions = DUST) -> Monitor:
    return Monitor(Street([device(options)], rules))  # type: ignore[arg-type]


def reason(event: Event) -> object:
    assert event.evidence is not None
    return event.evidence.why.get("reason")


# ---------------------------------------------------------------------------------------------------------- stuck


def test_the_same_number_for_half_an_hour_is_no_measurement() -> None:
    one = monitor(rule("same", "stuck", Stuck(quantity=PM10, after_ms=30 * MINUTE)))
    events = [event for _ in range(40) for event in one.say(pm10=87)]
    [event] = events
    assert (told(events), reason(event)) == ([("raised", "same@a", "UNACK")], "stuck")
    assert event.evidence is not None
    assert event.evidence.why["same_for_s"] >= 1800
    assert told(one.say(pm10=88)) == [("returned", "same@a", "RTN_UNACK")]


def test_who_falls_silent_is_not_stuck() -> None:
    one = monitor(rule("same", "stuck", Stuck(quantity=PM10, after_ms=30 * MINUTE)))
    one.say(pm10=87)
    one.say(pm10=87)
    assert not one.street.tick(5 * HOUR).events
    one.ms = 5 * HOUR
    assert told(one.say(pm10=87)) == []


def test_a_gateway_that_was_off_saw_nothing_repeated() -> None:
    one = monitor(rule("same", "stuck", Stuck(quantity=PM10, after_ms=30 * MINUTE)))
    one.say(pm10=87)
    one.street.restart()
    one.street.status(HOUR, "started")
    one.street.link(HOUR, up=True)
    one.ms = HOUR
    for _ in range(10):
        assert not one.say(pm10=87)


def test_small_changes_and_clean_air() -> None:
    settings = Stuck(quantity=PM10, after_ms=30 * MINUTE, tolerance=1, ignore_up_to=5)
    one = monitor(rule("same", "stuck", settings))
    assert not [event for n in range(90) for event in one.say(pm10=3 + n % 2)]
    events = [event for n in range(40) for event in one.say(pm10=50 + n % 2)]
    assert told(events) == [("raised", "same@a", "UNACK")]
    assert told(one.say(pm10=4)) == [("returned", "same@a", "RTN_UNACK")]


def test_a_bay_that_is_occupied_for_a_week_has_a_deaf_detector() -> None:
    one = monitor(rule("deaf", "stuck", Stuck(quantity="occupied", after_ms=7 * DAY)), options=BAY)
    events = [event for _ in range(8 * 24) for event in one.say(HOUR, occ=True)]
    assert told(events) == [("raised", "deaf@a", "UNACK")]


# ---------------------------------------------------------------------------------------------------- implausible


def test_beyond_its_range() -> None:
    one = monitor(rule("sane", "implausible", Implausible(quantity=PM10, low=0, high=1000)))
    assert not one.say(pm10=1000)
    events = one.say(pm10=1001)
    assert (told(events), reason(events[0])) == ([("raised", "sane@a", "UNACK")], "range")
    assert events[0].alarm.text.zh == "a 1001"
    assert told(one.say(pm10=999)) == [("returned", "sane@a", "RTN_UNACK")]


@pytest.mark.parametrize(("high_for", "rings"), [(1, True), (2, True), (3, False), (30, False)])
def test_a_spike_is_gone_after_two_readings_and_a_dusty_hour_is_not(high_for: int, rings: bool) -> None:  # noqa: FBT001 - a table
    one = monitor(rule("sane", "implausible", Implausible(quantity=PM10, spike=200)))
    for n in range(30):
        one.say(pm10=60 + n % 7)
    high = [event for n in range(high_for) for event in one.say(pm10=700 + n)]
    after = [event for n in range(5) for event in one.say(pm10=61 + n)]
    assert not high
    assert [(event.kind, reason(event)) for event in after] == ([("raised", "spike")] if rings else [])
    if rings:
        assert told(one.street.tick(one.ms + HOUR).events) == [("returned", "sane@a", "RTN_UNACK")]


def test_in_gusty_air_a_jump_must_be_larger() -> None:
    one = monitor(rule("sane", "implausible", Implausible(quantity=PM10, spike=200)))
    for n in range(40):
        one.say(pm10=100 + n * 37 % 160)  # median 180, median deviation 40
    assert not [event for value in (370, 100, 200) for event in one.say(pm10=value)]
    assert [reason(event) for value in (700, 100) for event in one.say(pm10=value)] == ["spike"]


def test_a_smaller_fraction_above_a_larger_one_for_three_hours() -> None:
    settings = Implausible(quantity="pm25_ug_m3", at_most=(PM10, "tsp_ug_m3"))
    one = monitor(rule("order", "implausible", settings))
    quarter = 15 * MINUTE
    wrong = {"pm25": 30, "pm10": 130, "tsp": 110}
    assert not [event for _ in range(11) for event in one.say(quarter, **wrong)]
    assert not one.say(quarter, pm25=30, pm10=120, tsp=115)  # within a tenth: no inversion, and the count is gone
    events = [event for _ in range(13) for event in one.say(quarter, **wrong)]
    assert [(event.kind, reason(event), event.at_ms) for event in events] == [("raised", "order", START_MS + one.ms)]
    assert told(one.say(quarter, pm25=30, pm10=60, tsp=110)) == [("returned", "order@a", "RTN_UNACK")]


def test_a_fraction_that_is_not_there_is_not_compared() -> None:
    settings = Implausible(quantity="pm25_ug_m3", at_most=(PM10, "tsp_ug_m3"))
    one = monitor(rule("order", "implausible", settings))
    assert not [event for _ in range(20) for event in one.say(15 * MINUTE, pm25=100, tsp=120)]
    events = [event for _ in range(13) for event in one.say(15 * MINUTE, pm25=130, tsp=100)]
    assert [reason(event) for event in events] == ["order"]


@pytest.mark.parametrize("value", [0.08, 7000.0])
def test_another_unit_in_disguise(value: float) -> None:
    one = monitor(rule("unit", "implausible", Implausible(quantity=PM10, unit=True)))
    events = [event for n in range(70) for event in one.say(pm10=value * (1 + n % 3 / 10))]
    assert [reason(event) for event in events] == ["unit"]


def test_a_clean_minute_is_no_other_unit() -> None:
    one = monitor(rule("unit", "implausible", Implausible(quantity=PM10, unit=True)))
    assert not [event for n in range(90) for event in one.say(pm10=(0.5, 12.0, 20.0)[n % 3])]


# --------------------------------------------------------------------------------------------------------- tamper


def test_water_at_the_inlet() -> None:
    one = monitor(rule("helped", "tamper", Tamper(quantity=PM10)))
    for n in range(15):
        one.say(pm10=300 + n, hum=50)
    assert not one.say(pm10=280, hum=68)  # damp, but as dusty as before
    events = one.say(pm10=90, hum=75)
    assert (told(events), reason(events[0])) == ([("raised", "helped@a", "UNACK")], "water")
    for _ in range(50):
        assert not one.say(pm10=90, hum=80)
    assert told(one.street.tick(one.ms + 21 * MINUTE).events) == [("returned", "helped@a", "RTN_UNACK")]


@pytest.mark.parametrize(("dust", "humidity"), [(90, 60), (200, 80), (90, None)])
def test_rain_alone_and_wind_alone_are_no_tampering(dust: float, humidity: float | None) -> None:
    one = monitor(rule("helped", "tamper", Tamper(quantity=PM10)))
    for n in range(15):
        one.say(pm10=300 + n, hum=50)
    assert not one.say(pm10=dust, hum=humidity)


def test_a_wall_just_under_the_limit() -> None:
    one = monitor(rule("wall", "tamper", Tamper(quantity=PM10, limit=500, water=False, gaps=False)))
    events = [event for n in range(60) for event in one.say(5 * MINUTE, pm10=(350, 420, 495)[n % 3])]
    assert [(event.kind, reason(event)) for event in events] == [("raised", "plateau")]
    assert told(one.say(pm10=520)) == [("returned", "wall@a", "RTN_UNACK")]  # a value over it: nobody holds it down


def test_an_honest_busy_day_is_no_wall() -> None:
    one = monitor(rule("wall", "tamper", Tamper(quantity=PM10, limit=500, water=False, gaps=False)))
    assert not [event for n in range(120) for event in one.say(5 * MINUTE, pm10=400 + n * 37 % 140)]


def nights(one: Monitor, days: int, *, off: bool) -> list[Event]:
    events = []
    for _ in range(days):
        for quarter in range(96):
            if not (off and 88 <= quarter < 94):
                events += one.say(0, pm10=80 + quarter % 5)
            one.ms += 15 * MINUTE
    return events


def test_somebody_pulls_the_plug_every_night() -> None:
    one = Monitor(Street([device(DUST, 5 * MINUTE)], [rule("plug", "tamper", Tamper(quantity=PM10))]))
    events = nights(one, 4, off=True)
    assert [(event.kind, reason(event)) for event in events] == [("raised", "gaps")]
    assert 2 * DAY < events[0].at_ms - START_MS < 3 * DAY  # in the third night
    assert [event.kind for event in nights(one, 2, off=False)] == ["returned"]


def test_a_gateway_that_is_off_every_night_accuses_nobody() -> None:
    street = Street([device(DUST, 5 * MINUTE)], [rule("plug", "tamper", Tamper(quantity=PM10))])
    events = []
    for day in range(5):
        for quarter in range(88):
            events += street.json(day * DAY + quarter * 15 * MINUTE, "a", pm10=80 + quarter % 5).events
        street.status(day * DAY + 23 * HOUR + 50 * MINUTE, "started")
        street.link(day * DAY + 23 * HOUR + 50 * MINUTE, up=True)
    assert not events


# ------------------------------------------------------------------------------------------------------- magnetic

FIELD = rule("field", "magnetic", Magnetic(quantity="magnetic_z_counts", vehicle=100, drift=60, full_scale=2000))


def at_rest(one: Monitor, count: int = 6, **more: float) -> None:
    for _ in range(count):
        assert not one.say(HOUR, occ=False, x=10, y=20, z=400, **more)


def test_a_vehicle_that_the_detector_does_not_report() -> None:
    one = monitor(FIELD, options=BAY)
    at_rest(one)
    assert not [event for _ in range(2) for event in one.say(HOUR, occ=False, x=10, y=20, z=600)]
    at_rest(one, 1)  # twice is not three times in a row
    events = [event for _ in range(4) for event in one.say(HOUR, occ=False, x=10, y=20, z=600)]
    assert [(event.kind, reason(event)) for event in events] == [("raised", "disagrees")]


def test_an_occupied_bay_with_the_field_of_an_empty_one() -> None:
    one = monitor(FIELD, options=BAY)
    at_rest(one)
    events = [event for _ in range(3) for event in one.say(HOUR, occ=True, x=12, y=20, z=410)]
    assert [reason(event) for event in events] == ["disagrees"]
    assert not monitor(FIELD, options=BAY).say(HOUR, occ=True, x=12, y=20, z=410)  # nothing is learned yet


def test_a_vehicle_that_is_reported_is_nobodys_concern() -> None:
    one = monitor(FIELD, options=BAY)
    at_rest(one)
    assert not [event for _ in range(9) for event in one.say(HOUR, occ=True, x=200, y=-90, z=700)]


def test_the_end_of_the_scale() -> None:
    one = monitor(FIELD, options=BAY)
    events = [event for _ in range(3) for event in one.say(HOUR, occ=True, x=2047, y=0, z=0)]
    assert [reason(event) for event in events] == ["saturated"]


def test_a_baseline_that_wanders() -> None:
    one = monitor(FIELD, options=BAY)
    base = {"base_x": 10, "base_y": 20, "base_z": 400}
    at_rest(one, 6, **base)
    events = [
        event for _ in range(3) for event in one.say(HOUR, occ=False, x=10, y=20, z=470, **base | {"base_z": 470})
    ]
    assert [reason(event) for event in events] == ["drifted"]
    back = one.say(HOUR, occ=False, x=10, y=20, z=400, **base)
    assert told(back) == [("returned", "field@a", "RTN_UNACK")]


# -------------------------------------------------------------------------------------------------------- suspect


def test_an_alarm_whose_instrument_is_in_doubt_says_so_and_rings_as_loudly() -> None:
    over = rule("over", "threshold", Threshold(quantity=PM10, above=150), priority=1)
    hot = rule("hot", "threshold", Threshold(quantity="temperature_c", above=40))
    one = monitor(over, hot, rule("same", "stuck", Stuck(quantity=PM10, after_ms=30 * MINUTE)))
    [raised] = one.say(pm10=200, temp=20)
    assert raised.alarm.suspect is None
    events = [event for _ in range(40) for event in one.say(pm10=200, temp=20)]
    assert told(events) == [("raised", "same@a", "UNACK"), ("amended", "over@a", "UNACK")]
    alarm = events[1].alarm
    assert (alarm.suspect, alarm.priority, alarm.occurrence) == ("sensor", 1, raised.alarm.occurrence)
    assert alarm.suspect_why is not None
    assert alarm.suspect_why.zh == "same：数值长时间不变"
    [heat] = one.say(pm10=200, temp=50)
    assert heat.alarm.suspect is None  # its thermometer is another thing
    one.street.restart()
    assert one.street.alarm("over@a").suspect == "sensor"
    assert told(one.say(pm10=201, temp=50)) == [("returned", "same@a", "RTN_UNACK"), ("amended", "over@a", "UNACK")]


def test_an_alarm_that_comes_later_has_the_tag_from_its_beginning() -> None:
    over = rule("over", "threshold", Threshold(quantity=PM10, above=1500))
    one = monitor(over, rule("a-sane", "implausible", Implausible(quantity=PM10, high=1000)))
    events = one.say(pm10=2000)
    assert [(event.alarm.rule, event.alarm.suspect) for event in events] == [("a-sane", None), ("over", "sensor")]


def test_a_stuck_number_is_quiet_while_it_is_stuck() -> None:
    one = monitor(rule("same", "stuck", Stuck(quantity=PM10, after_ms=30 * MINUTE)))
    one.say(SECOND, pm10=87)
    judge = one.street.fold.memory.world.judging.judges["same", "a"]
    assert (judge.low, judge.high) == (87, 87)
    assert judge.high < inf
