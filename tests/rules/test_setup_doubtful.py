"""Options that are probably wrong: values in doubt count nowhere, and it is asked, once, by an alarm."""

from typing import Any

import msgspec

from devices.hj212 import build_packet, time_text
from devices.models.hj212_dust import Hj212Options
from devices.models.modbus_dust import ModbusOptions, encode
from devices.models.modbus_dust import shape as shape_of
from devices.registry import Device, Route, Source
from rules.kinds.threshold import Threshold
from tests.rules.street import HOUR, MINUTE, SITES, START_MS, Street, plain_events, rule, told

MN = "690000D5800028F889221AC0"
SITE = Device(
    id="site", model="hj212-dust", family="dust", address=f"mn:{MN}", name="东门", interval_ms=MINUTE, via=("sites",),
    options=Hj212Options(pm_unit="ug_m3"),
)  # fmt: skip
GATE = Source(name="gate", kind="serial", subject="line:gate", routes=(Route(filter="", envelope="modbus"),))
STATION = Device(
    id="dust-7", model="modbus-dust", family="dust", address="modbus:gate/3", interval_ms=MINUTE, via=("gate",),
    options=ModbusOptions(preset="aqyc-v2"),
)  # fmt: skip
HIGH = rule("dust", "threshold", Threshold(quantity="pm10_ug_m3", above=150.0), family="dust")


def hear(street: Street, ms: int, pm10: str, **rest: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - of build_packet
    text = time_text(START_MS + ms)
    cp = f"DataTime={text};{rest.pop('cp', f'a34002-Rtd={pm10},a34002-Flag=N')}"
    frame = build_packet(qn=f"{text}000", st="39", cn="2011", mn=MN, flag=5, cp=cp, **rest)
    return told(street.say(ms, (MN, frame), source="sites").events)


def test_a_wrong_unit_is_asked_about_once_and_ends_with_the_right_one() -> None:
    street = Street([SITE], [HIGH], sources=(SITES,))
    events = []
    for minute in range(1, 30):
        events += hear(street, minute * MINUTE, f"0.{100 + minute}")
        if minute == 15:
            street.restart()
    assert events == [("raised", "setup-doubtful@site", "UNACK")]
    text = street.alarm("setup-doubtful@site").text
    assert "东门 (site): it prints 0.101, with pm_unit ug_m3" in text.en
    assert "mg_m3: 101 µg/m³" in text.en
    assert "pm_unit ug_m3" in text.zh
    assert all("pm10_ug_m3=" not in line.decode() for outcome in street.outcomes for line in outcome.lines)
    right = msgspec.structs.replace(SITE, options=Hj212Options(pm_unit="mg_m3"))
    street.configure(HOUR, "two", [right], [HIGH], (SITES,))
    assert hear(street, HOUR + MINUTE, "0.160") == [
        ("returned", "setup-doubtful@site", "RTN_UNACK"),
        ("raised", "dust@site", "UNACK"),
    ]


def test_the_alarm_of_a_device_that_is_no_more_ends_with_it() -> None:
    street = Street([SITE], [HIGH], sources=(SITES,))
    for minute in range(1, 20):
        hear(street, minute * MINUTE, "0.160")
    outcome = street.configure(HOUR, "two", [], [HIGH], (SITES,))
    assert [event.alarm.id for event in outcome.events] == ["setup-doubtful@site"]
    assert street.alarm("setup-doubtful@site").over


def test_a_map_in_the_wrong_order_is_asked_about() -> None:
    street = Street([STATION], [HIGH], sources=(GATE,))

    def say(ms: int, *numbers: float) -> list[tuple[str, str, str]]:
        pm25, pm10, tsp = numbers
        values: Any = shape_of(STATION.options)
        frame = encode(values(pm25_ug_m3=pm25, pm10_ug_m3=pm10, tsp_ug_m3=tsp), STATION.options)[1]
        return told(street.say(ms, ("gate/3", frame), source="gate").events)

    assert not [event for minute in range(1, 11) for event in say(minute * MINUTE, 127, 71, 35 + minute % 2)]
    assert say(12 * MINUTE, 127, 71, 35) == [("raised", "setup-doubtful@dust-7", "UNACK")]
    assert "preset aqyc-v2" in street.alarm("setup-doubtful@dust-7").text.en
    assert say(13 * MINUTE, 128, 72, 36) == [], "not told anew for each number"
    assert say(14 * MINUTE, 35, 71, 127) == [("returned", "setup-doubtful@dust-7", "RTN_UNACK")]


def test_a_single_odd_reading_asks_nobody() -> None:
    street = Street([SITE], [HIGH], sources=(SITES,))
    assert not hear(street, MINUTE, "0.16")
    assert not [event for minute in range(2, 30) for event in hear(street, minute * MINUTE, "60")]


def test_packets_in_parts_and_learned_checksums_are_the_same_after_any_restart() -> None:
    """What a replay of the log makes is what was made, wherever a snapshot lay between."""

    def live(restart_at: int) -> list[Any]:
        street = Street([SITE], [HIGH], sources=(SITES,))
        step = 0
        for minute in range(1, 12):
            forms = "modbus" if minute % 4 else "hj212"
            for pno, cp in ((1, f"a34002-Rtd={100 + 20 * (minute % 5)},a34002-Flag=N"), (2, "LA-Rtd=55,LA-Flag=D")):
                hear(street, minute * MINUTE + pno, "", cp=cp, pnum=2, pno=pno, crc=forms)
                step += 1
                if step == restart_at:
                    street.restart()
        lines = [line for outcome in street.outcomes for line in outcome.lines]
        return [lines, plain_events(event for outcome in street.outcomes for event in outcome.events)]

    without = live(0)
    assert without[0]
    assert without[1]
    for restart_at in range(1, 22):
        assert live(restart_at) == without
