"""What a Modbus slave is asked, what its map may say, and what no answer is."""

from typing import Any

import msgspec
import pytest

from devices.models import modbus_dust
from devices.models.modbus_dust import ModbusOptions
from devices.readings import Refusal
from devices.registers import (
    PRESETS,
    Register,
    RegisterMap,
    read_exchange,
    read_register,
    reads,
    requests,
    scaled,
    with_crc,
    write_register,
)


def at(address: int, kind: str = "u16") -> Register:
    return msgspec.convert({"address": address, "quantity": "pm25_ug_m3", "type": kind}, Register)


@pytest.mark.parametrize(
    ("registers", "asked"),
    [
        ([at(5)], [(5, 1)]),
        ([at(7), at(5)], [(5, 3)]),
        ([at(5, "u32"), at(15)], [(5, 11)]),  # a gap of 8 is read over
        ([at(5, "u32"), at(16)], [(5, 2), (16, 1)]),
        ([at(n) for n in range(0, 130, 5)], [(0, 96), (100, 26)]),
    ],
)
def test_registers_that_stand_together_are_asked_for_together(
    registers: list[Register], asked: list[tuple[int, int]]
) -> None:
    assert reads(RegisterMap(registers=tuple(registers))) == asked


def test_the_request_of_the_captured_exchange() -> None:
    assert with_crc(bytes.fromhex("010301fb0003")).hex() == "010301fb000375c6"
    assert [request.hex() for request in requests(PRESETS["kuanke-wind"], 0x23)] == ["2304000700018689"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "say either `preset` or `registers`"),
        ({"preset": "500-block", "registers": [{"address": 1, "quantity": "pm25_ug_m3"}]}, "say either"),
        ({"preset": "500block"}, "no preset '500block'; did you mean 500-block?"),
        ({"registers": [{"address": 1, "quantity": "pm2_ug_m3"}]}, "did you mean pm25_ug_m3?"),
        ({"registers": [{"address": 1, "quantity": "cover_open"}]}, "no number that is measured"),
        ({"registers": [{"address": 65535, "quantity": "pm25_ug_m3", "type": "u32"}]}, "addresses go from 0 to 65535"),
        ({"registers": [{"address": 1, "quantity": "pm25_ug_m3", "factor": 0}]}, "makes every value 0"),
        ({"registers": [{"address": a, "quantity": "pm25_ug_m3"} for a in (1, 2)]}, "stands in two registers"),
        ({"function": "6", "preset": "boling"}, "Invalid enum value"),
        ({"preset": "boling", "request_hex": "0x01"}, "hexadecimal"),
    ],
)
def test_what_is_wrong_with_a_map_is_said(written: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(written, ModbusOptions, strict=False)
    assert said in str(caught.value)


REQUEST = bytes.fromhex("010301fb000375c6")
RESPONSE = bytes.fromhex("0103060005000f03fb9c05")


@pytest.mark.parametrize(
    ("request_", "response", "reason"),
    [
        (REQUEST[:-1], RESPONSE, "not_mine"),
        (REQUEST[:-1] + b"\x00", RESPONSE, "not_mine"),
        (with_crc(bytes.fromhex("010601fb0003")), RESPONSE, "not_mine"),
        (REQUEST, b"", "length"),
        (REQUEST, RESPONSE[:-2], "length"),
        (REQUEST, RESPONSE + b"\x00", "length"),
        (REQUEST, REQUEST, "length"),  # our own echo
        (REQUEST, RESPONSE[:-1] + b"\x00", "checksum"),
        (REQUEST, with_crc(bytes.fromhex("0103040005000f")), "length"),
        (REQUEST, with_crc(bytes.fromhex("0203060005000f03fb")), "not_mine"),
        (REQUEST, with_crc(bytes.fromhex("0104060005000f03fb")), "not_mine"),
        (REQUEST, with_crc(bytes.fromhex("018302")), "incomplete"),
    ],
)
def test_what_is_no_answer(request_: bytes, response: bytes, reason: str) -> None:
    said = read_exchange(request_, response)
    assert isinstance(said, Refusal)
    assert said.reason == reason


def test_scales() -> None:
    assert scaled(281, 0.1) == 28.1
    assert scaled(-35, 0.1) == -3.5
    assert scaled(281, 0.3) == pytest.approx(84.3)
    assert scaled(3, -0.5) == -1.5


def test_a_hint_names_the_map_that_has_the_order_wrong() -> None:
    options = ModbusOptions(preset="aqyc-v2")
    values = modbus_dust.shape(options)(pm25_ug_m3=127.0, pm10_ug_m3=71.0, tsp_ug_m3=35.0)  # type: ignore[call-arg]
    zh, en = modbus_dust.hint(values, options) or ("", "")
    assert "preset aqyc-v2" in zh
    assert en == (
        "PM2.5 127, PM10 71, TSP 35: PM2.5 cannot be more than PM10, nor PM10 more than TSP. "
        "The map (preset aqyc-v2) probably has their order wrong; PM2.5 35, PM10 71, TSP 127 would be possible."
    )
    right = modbus_dust.shape(options)(pm25_ug_m3=36.0, pm10_ug_m3=35.0, tsp_ug_m3=35.0)  # type: ignore[call-arg]
    assert modbus_dust.hint(right, options) is None, "two channels of one instrument disagree a little"


@pytest.mark.parametrize("unit", ["mg/m³", "mg/m3"])
def test_a_register_in_another_unit_is_converted(unit: str) -> None:
    register = Register(address=0, quantity="tsp_ug_m3", factor=0.1, unit=unit)
    assert read_register(register, 0, b"\x00\x03") == pytest.approx(300)
    assert write_register(register, 300.0) == b"\x00\x03"
    with pytest.raises(ValueError, match="hPa cannot be made µg/m³"):
        Register(address=0, quantity="tsp_ug_m3", unit="hPa")
