"""HJ 212 stations over time: what is learned of them, packets in parts, and units that cannot be right."""

from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.frames import Frame
from devices.hj212 import CrcForm, build_packet, crc_hj212, time_text
from devices.models.hj212_dust import Hj212Options, Key
from devices.readings import Facts, Refusal
from devices.reception import Duplicate, Received, Reception
from devices.registry import Device, Registry, Route, Source
from devices.stations import OPEN, PART_CHARS, WAIT_MS

NOW = 1_790_000_000_000
MN = "010000A8900016F000169DC0"


class Said(NamedTuple):
    """One reading."""

    t_ms: int
    live: bool
    span: str
    values: Any


class Listener:
    """A reception with one station; `now_ms` goes on by hand."""

    def __init__(self, **options: object) -> None:
        self.options = msgspec.convert({"pm_unit": "ug_m3", **options}, Hj212Options)
        device = Device(
            id="dust-1", model="hj212-dust", family="dust", address=f"mn:{MN}", interval_ms=60_000, options=self.options
        )
        source = Source(name="sites", kind="hj212", subject="hj212:sites", routes=(Route(filter="", envelope="hj212"),))
        self.registry = Registry(gateway="g", time_zone="Asia/Shanghai", sources=(source,), devices=(device,))
        self.reception = Reception(self.registry, lambda _device: b"")
        self.now_ms = NOW

    def hear(self, payload: bytes, place: str = MN) -> Received:
        frame: Frame = (place.encode(), payload, b"")
        _, said = self.reception.receive(self.reception.doors["sites"], frame, self.now_ms, self.now_ms)
        return said

    def readings(self, payload: bytes) -> list["Said"]:
        said = self.hear(payload)
        assert isinstance(said, list), said
        return [Said(each.t_ms, each.live, each.span, each.values) for each in said]

    def reading(self, payload: bytes) -> "Said":
        [said] = self.readings(payload)
        return said

    def restart(self) -> None:
        """Take everything over by the snapshot's way."""
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.reception.state()))
        self.reception = Reception(self.registry, lambda _device: b"")
        self.reception.restore(state)

    @property
    def facts(self) -> dict[str, Any]:
        return self.reception.stations.facts(self.registry.devices[0])


def packet(cp: str, *, at_ms: int = NOW, cn: str = "2011", qn: int = 0, **rest: object) -> bytes:
    """Make a packet of the station; qn: added to its request number."""
    cp = f"DataTime={time_text(at_ms)};{cp}"
    return build_packet(qn=f"{time_text(at_ms)}{qn:03d}", st="39", cn=cn, mn=MN, cp=cp, **{"flag": 5, **rest})  # type: ignore[arg-type]


PM = "a34002-Rtd={},a34002-Flag=N"


# ------------------------------------------------------------------------------------------------------- checksums


@pytest.mark.parametrize("form", ["hj212", "hj212_le", "modbus", "modbus_le"])
def test_the_form_of_the_checksum_is_learned_and_told(form: CrcForm) -> None:
    station = Listener()
    assert station.facts == {"crc": None, "crc_learned": True}
    for number in range(3):
        station.reading(packet(PM.format(50 + number), crc=form))
    assert station.facts == {"crc": form, "crc_learned": True}
    other: CrcForm = "modbus" if form == "hj212" else "hj212"
    said = station.hear(packet(PM.format(60), crc=other))
    assert isinstance(said, Refusal)
    assert said.reason == "checksum"
    assert said.detail == f"has the form {other}; this station's was {form} so far"


def test_a_station_with_new_firmware_is_believed_at_the_third_packet() -> None:
    station = Listener()
    for number in range(5):
        station.reading(packet(PM.format(50 + number)))
    told = [station.hear(packet(PM.format(60 + number), crc="modbus")) for number in range(3)]
    assert [isinstance(said, Refusal) for said in told] == [True, True, False]
    assert station.facts["crc"] == "modbus"


def test_a_form_that_is_set_is_not_learned() -> None:
    station = Listener(crc="modbus_le")
    for number in range(4):
        assert isinstance(station.hear(packet(PM.format(50 + number))), Refusal)
    station.reading(packet(PM.format(60), crc="modbus_le", surplus=6))
    assert station.facts == {"crc": "modbus_le", "crc_learned": False, "length_counts_more": 6}


def test_a_station_that_cannot_count_its_checksum_is_read_when_that_is_said() -> None:
    wrong = packet(PM.format(50))[:-6] + b"BEEF\r\n"
    assert isinstance(Listener().hear(wrong), Refusal)
    assert Listener(crc="off").reading(wrong).values.pm10_ug_m3 == 50


# ------------------------------------------------------------------------------------------------- who it says it is


def test_mn_and_pw_are_those_that_are_registered() -> None:
    station = Listener(pw="654321")
    refused = station.hear(packet(PM.format(50)))
    assert refused == Refusal("not_mine", "its PW is not the registered one")
    assert station.reading(packet(PM.format(50), pw="654321"))
    frame = packet(PM.format(50), pw="654321").replace(MN.encode(), b"X" * 24)
    other = build_packet(qn="1", st="39", cn="2011", pw="654321", mn="X" * 24, flag=5, cp=PM.format(50))
    assert isinstance(station.hear(frame), Refusal)
    said = station.hear(other)
    assert isinstance(said, Refusal)
    assert said.detail == f"MN {'X' * 24}; registered is mn:{MN}"


def test_a_key_is_named_never_written() -> None:
    assert Listener(key={"credential": "hj212-dust-1"}).options.key == Key(credential="hj212-dust-1")
    with pytest.raises(msgspec.ValidationError, match="either `credential` or `file`"):
        Listener(key={})


# ------------------------------------------------------------------------------------------------------------ parts

PARTS = ["a34001-Rtd=90,a34001-Flag=N", "a34002-Rtd=80,a34002-Flag=N", "a34004-Rtd=35,a34004-Flag=D;LA-Rtd=55"]


@given(st.permutations([1, 2, 3]), st.booleans())
def test_parts_are_one_reading_in_any_order_and_over_a_restart(order: list[int], restart: bool) -> None:  # noqa: FBT001 - drawn
    station = Listener()
    told = []
    for pno in order:
        said = station.hear(packet(PARTS[pno - 1], flag=7, pnum=3, pno=pno))
        told.append(said)
        if restart:
            station.restart()
    assert [isinstance(said, Facts) for said in told] == [True, True, False]
    assert isinstance(told[-1], list)
    [reading] = told[-1]
    values: Any = reading.values
    assert (values.tsp_ug_m3, values.pm10_ug_m3, values.pm25_ug_m3, values.noise_db) == (90, 80, None, 55)
    assert values.flags == "pm25_ug_m3:D"
    assert reading.t_ms == NOW // 1000 * 1000


def test_data_time_may_stand_in_the_first_part_only() -> None:
    station = Listener()
    station.hear(packet(PARTS[0], flag=7, pnum=2, pno=1, cn="2051"))
    second = build_packet(
        qn=f"{time_text(NOW)}000", st="39", cn="2051", mn=MN, flag=7, pnum=2, pno=2, cp="a34002-Avg=80,a34002-Flag=N"
    )
    reading = station.reading(second)
    assert (reading.values.pm10_ug_m3, reading.span, reading.t_ms) == (80, "minute", NOW // 1000 * 1000)


def test_parts_of_two_packets_are_not_mixed() -> None:
    station = Listener()
    station.hear(packet(PARTS[0], flag=7, pnum=2, pno=1, at_ms=NOW - 60_000))
    station.hear(packet(PARTS[0].replace("90", "95"), flag=7, pnum=2, pno=1))
    first = station.reading(packet(PARTS[1], flag=7, pnum=2, pno=2, at_ms=NOW - 60_000))
    second = station.reading(packet(PARTS[1], flag=7, pnum=2, pno=2))
    assert [r.values.tsp_ug_m3 for r in (first, second)] == [90, 95]


def test_a_part_that_is_sent_again_is_a_duplicate_also_when_the_packet_is_whole() -> None:
    station = Listener()
    one, two = (packet(PARTS[n - 1], flag=7, pnum=2, pno=n) for n in (1, 2))
    again = packet(PARTS[0], flag=7, pnum=2, pno=1, qn=5)
    assert isinstance(station.hear(one), Facts)
    assert isinstance(station.hear(one), Duplicate)
    assert isinstance(station.hear(two), list)
    assert isinstance(station.hear(again), Duplicate), "another QN: the same part all the same"
    assert isinstance(station.hear(two), Duplicate)


def test_a_part_that_never_comes_costs_only_itself() -> None:
    station = Listener()
    station.hear(packet(PARTS[0], flag=7, pnum=2, pno=1))
    station.now_ms += WAIT_MS + 1
    old, new = station.readings(packet(PM.format(70), at_ms=station.now_ms))
    assert (old.values.tsp_ug_m3, old.values.flags) == (90, "incomplete late")
    assert (new.values.pm10_ug_m3, new.values.flags) == (70, None)


def test_parts_that_wait_are_bounded() -> None:
    station = Listener()
    long = "x" * 900
    for number in range(500):
        station.hear(packet(f"n={number}{long}", flag=7, pnum=1 + number % 9, pno=1, at_ms=NOW + number * 1000))
        memory = station.reception.stations.known["dust-1"]
        assert len(memory.open) <= OPEN + 1
        assert sum(len(part) for each in memory.open for part in each.parts.values()) <= PART_CHARS + 1000
    for number in range(200):
        station.hear(packet(f"n={number}{long}", flag=7, pnum=9999, pno=1 + number))
        memory = station.reception.stations.known["dust-1"]
        assert sum(len(part) for each in memory.open for part in each.parts.values()) <= PART_CHARS + 1000


@pytest.mark.parametrize(("pnum", "pno"), [(2, 0), (2, 3), (1, 1), (None, None)])
def test_numbers_that_number_no_parts_are_passed_over(pnum: int | None, pno: int | None) -> None:
    assert Listener().reading(packet(PM.format(70), flag=7, pnum=pnum, pno=pno)).values.pm10_ug_m3 == 70


# --------------------------------------------------------------------------------------------- said more than once


def test_the_same_data_under_another_number_are_a_duplicate_and_others_of_the_minute_are_not() -> None:
    station = Listener()
    assert station.reading(packet(PM.format(70)))
    assert isinstance(station.hear(packet(PM.format(70), qn=7)), Duplicate)
    assert station.reading(packet(PM.format(71), qn=7)), "a station that cuts DataTime to the minute"
    hour = packet("a34002-Avg=70,a34002-Flag=N", cn="2061")
    assert station.reading(hour).span == "hour", "beside the real-time data of the same time"
    assert isinstance(station.hear(hour), Duplicate)


def test_what_is_sent_again_is_history_with_its_own_time() -> None:
    station = Listener()
    head = build_packet(qn="1", st="39", cn="2011", mn=MN, flag=9, cp="").decode()[6:].split("CP=")[0]
    cp = f"DataTime={time_text(NOW - 7_200_000)};{PM.format(70)}"
    data = f"{head}RF=1;CP=&&{cp}&&".encode()
    frame = b"##%04d%s%04X\r\n" % (len(data), data, crc_hj212(data))
    reading = station.reading(frame)
    assert (reading.live, reading.t_ms) == (False, (NOW - 7_200_000) // 1000 * 1000)
    assert isinstance(station.hear(packet(PM.format(70), at_ms=NOW - 7_200_000)), Duplicate), "it had come before"


def test_a_time_that_is_none_is_arrival_and_doubted() -> None:
    station = Listener()
    frame = build_packet(qn="1", st="39", cn="2011", mn=MN, flag=5, cp="DataTime=20269921;" + PM.format(70))
    reading = station.reading(frame)
    assert (reading.t_ms, reading.values.flags) == (NOW, "clock")


# ------------------------------------------------------------------------------------------------------------ units


@pytest.mark.parametrize(
    ("unit", "printed", "meant"),
    [
        ("ug_m3", "0.160", "mg_m3: 160 µg/m³"),
        ("ug_m3", "75600", "ng_m3: 75.6 µg/m³"),
        ("mg_m3", "92", "ug_m3: 92 µg/m³"),
        ("ng_m3", "92", "ug_m3: 92 µg/m³"),
    ],
)
def test_numbers_that_cannot_be_in_the_unit_are_held_back_and_it_is_asked(unit: str, printed: str, meant: str) -> None:
    station = Listener(pm_unit=unit)
    values = station.reading(packet(PM.format(printed) + ";LA-Rtd=55,LA-Flag=N")).values
    assert (values.pm10_ug_m3, values.noise_db) == (None, 55)
    assert values.flags == "pm10_ug_m3:unit"
    assert meant in station.facts["unit_en"]
    assert unit in station.facts["unit_zh"]
    station.restart()
    assert meant in station.facts["unit_en"]


def test_a_station_that_has_shown_its_unit_may_say_what_is_rare() -> None:
    station = Listener()
    for number in range(20):
        station.reading(packet(PM.format(40 + number)))
    assert "unit_en" not in station.facts
    assert station.reading(packet(PM.format(4000))).values.pm10_ug_m3 == 4000, "a sand storm"
    assert station.reading(packet(PM.format(0.2))).values.pm10_ug_m3 == 0.2, "after the rain"


def test_zero_says_nothing_of_the_unit() -> None:
    station = Listener()
    assert station.reading(packet(PM.format("0.0"))).values.pm10_ug_m3 == 0
    assert "unit_en" not in station.facts
