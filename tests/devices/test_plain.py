"""JSON of any device: what an engineer may write, and what never becomes a number."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.models.plain import PlainOptions, decode, opener, read, read_message
from devices.readings import Refusal, without_insane


def options(**written: Any) -> PlainOptions:  # noqa: ANN401 - as YAML gives it
    return msgspec.convert(written, PlainOptions, strict=False)


AIR = options(fields={"pm25": "pm25_ug_m3", "temp": {"quantity": "temperature_c", "factor": "0.1", "offset": "-40"}})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"fields": {}}, "`fields` is empty"),
        ({"fields": {"a": "pm25"}}, "a: no quantity 'pm25'; did you mean pm25_ug_m3?"),
        ({"fields": {"a": "pm25_ug_m3", "b": "pm25_ug_m3"}}, "b: pm25_ug_m3 is read from a already"),
        ({"fields": {"a": {"quantity": "pm25_ug_m3", "factor": "0"}}}, "takes no such factor"),
        ({"fields": {"a": {"quantity": "cover_open", "factor": "2"}}}, "takes no such factor"),
        ({"fields": {"a": {"quantity": "pressure_hpa", "unit": "mg/m³"}}}, "unit 'mg/m³' does not become hPa"),
        ({"fields": {"a": {"quantity": "cover_open", "text": "true"}}}, "cover_open is no number"),
        ({"fields": {"a": {"quantity": "pm25_ug_m3", "faktor": "2"}}}, "unknown field `faktor`"),
        ({"fields": {"a": "pm25_ug_m3"}, "counter": "a"}, "a: used twice"),
        ({"fields": {'a"': "pm25_ug_m3"}}, "no quotes"),
        ({"fields": {"a": "pm25_ug_m3"}, "time": {"field": "t", "unit": "min"}}, "Invalid enum value 'min'"),
        ({"fields": {"a": "pm25_ug_m3"}, "family": "Dust 2"}, "regex"),
    ],
)
def test_what_is_wrong_with_options_is_said(written: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        options(**written)
    assert said in str(caught.value)


def test_a_scaled_value_has_no_digits_that_nobody_sent() -> None:
    tenths = options(fields={"temp": {"quantity": "temperature_c", "factor": "0.1"}})
    assert msgspec.structs.asdict(opener(tenths)(b'{"temp":281}')[2])["temperature_c"] == 28.1


@pytest.mark.parametrize(
    ("quantity", "unit", "printed", "expected"),
    [
        ("pressure_hpa", "kPa", 101.3, 1013.0),
        ("pm25_ug_m3", "mg/m3", 0.035, 35.0),
        ("distance_mm", "cm", 12.5, 125.0),
        ("magnetic_x_ut", "mGs", 164, 16.4),
        ("temperature_c", "℃", 21.5, 21.5),
    ],
)
def test_what_is_printed_in_another_unit(quantity: str, unit: str, printed: float, expected: float) -> None:
    other = options(fields={"a": {"quantity": quantity, "unit": unit}})
    payload = json.dumps({"a": printed}).encode()
    assert getattr(opener(other)(payload)[2], quantity) == pytest.approx(expected)
    careful = read_message(payload, other)
    assert not isinstance(careful, Refusal)
    assert getattr(careful[2], quantity) == pytest.approx(expected)


def test_a_factor_and_a_unit() -> None:
    tenths = options(fields={"p": {"quantity": "pressure_hpa", "unit": "kPa", "factor": "0.1", "offset": "-1"}})
    assert opener(tenths)(b'{"p":1013}')[2].pressure_hpa == pytest.approx(1003)  # type: ignore[attr-defined]


PADDED = options(fields={"t": {"quantity": "temperature_c", "text": "true"}, "n": "vehicle_count"})


@pytest.mark.parametrize(("text", "expected"), [("+27.90", 27.9), ("-03.5", -3.5), ("071", 71.0), (" 60 ", 60.0)])
def test_a_number_in_a_text_where_that_is_said(text: str, expected: float) -> None:
    """As codec plug-ins of Huawei's platform print them (reference/devices.md §4)."""
    assert opener(PADDED)(json.dumps({"t": text}).encode())[2].temperature_c == expected  # type: ignore[attr-defined]
    assert opener(PADDED)(b'{"t":21.5}')[2].temperature_c == 21.5  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "\0\0\0\0\0", "1e5", "NaN", "1700 mm", "0x10", "NoSensor", "1_000"])
def test_a_text_with_no_plain_number_in_it_stays_a_text(text: str) -> None:
    assert isinstance(read({"t": text}, None, PADDED), Refusal)


def test_values_that_a_platform_sends() -> None:
    said = read({"t": "+27.90", "n": 3}, 4, PADDED)
    assert isinstance(said, list)
    [(time_ms, values, span)] = said
    assert (time_ms, span, values.temperature_c, values.vehicle_count) == (-1, "", 27.9, 3)  # type: ignore[attr-defined]
    assert isinstance(read({"n": "3"}, None, PADDED), Refusal)


def test_an_insane_value_is_taken_out_and_named_the_others_stay() -> None:
    counter, time_ms, values = opener(AIR)(b'{"pm25":-3,"temp":600}')
    assert (counter, time_ms) == (-1, -1)
    assert msgspec.structs.asdict(values) == {
        "pm25_ug_m3": None, "temperature_c": 20.0, "rssi_dbm": None, "snr_db": None, "flags": "pm25_ug_m3:range",
    }  # fmt: skip


@pytest.mark.parametrize("factor", [0.1, 0.3, 3, -7, 1e-3])
@pytest.mark.parametrize("offset", [0, -17.77, 100])
def test_the_range_on_the_wire_is_never_wider_than_the_sane_one(factor: float, offset: float) -> None:
    """At the very edge, where 100.00000000000001 % would come out."""
    made = options(fields={"h": {"quantity": "humidity_pct", "factor": factor, "offset": offset}})
    for edge in (0, 100):
        number = (edge - offset) / factor
        for step in (-3e-13, -1e-14, 0, 1e-14, 3e-13):
            _, _, values = opener(made)(json.dumps({"h": number * (1 + step) + step}).encode())
            assert not without_insane(values)


@pytest.mark.parametrize(
    ("unit", "said", "ms"),
    [
        ("s", "1700000000", 1_700_000_000_000),
        ("s", "1700000000.123", 1_700_000_000_123),
        ("ms", "1700000000123", 1_700_000_000_123),
        ("rfc3339", '"2023-11-14T22:13:20.123Z"', 1_700_000_000_123),
        ("rfc3339", '"2023-11-15T06:13:20+08:00"', 1_700_000_000_000),
        ("s", "0", -1),  # never set
        ("s", "1700000000123", -1),  # ms where s was said
        ("ms", "1700000000", -1),
        ("s", '"1700000000"', -1),
        ("rfc3339", "1700000000", -1),
        ("rfc3339", '"1970-01-01T00:00:07Z"', -1),
        ("rfc3339", '"soon"', -1),
        ("s", "null", -1),
        ("s", "true", -1),
    ],
)
def test_times(unit: str, said: str, ms: int) -> None:
    timed = options(fields={"pm25": "pm25_ug_m3"}, time={"field": "t", "unit": unit})
    payload = b'{"pm25":1,"t":%s}' % said.encode()
    opened = read_message(payload, timed)
    assert not isinstance(opened, Refusal)
    assert (opened[1], opener(timed)(payload)[1]) == (ms, ms)
    assert opener(timed)(b'{"pm25":1}')[1] == -1


@pytest.mark.parametrize(("said", "counter"), [("0", 0), ("7", 7), ("4294967296", 4_294_967_296), ("null", -1)])
def test_counters(said: str, counter: int) -> None:
    counted = options(fields={"pm25": "pm25_ug_m3"}, counter="n")
    assert opener(counted)(b'{"pm25":1,"n":%s}' % said.encode())[0] == counter


@pytest.mark.parametrize("said", ["-1", "1.5", '"7"', "true"])
def test_what_is_no_counter_refuses_the_message(said: str) -> None:
    counted = options(fields={"pm25": "pm25_ug_m3"}, counter="n")
    assert isinstance(decode(b'{"pm25":1,"n":%s}' % said.encode(), None, counted), Refusal)


@pytest.mark.parametrize(("said", "truth"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_truths(said: str, truth: bool) -> None:  # noqa: FBT001 - a table
    cover = options(family="manhole", fields={"open": "cover_open"})
    values = opener(cover)(b'{"open":%s}' % said.encode())[2]
    assert msgspec.structs.asdict(values)["cover_open"] is truth


@pytest.mark.parametrize("said", ["2", "1.0", '"true"', '"open"', "[]"])
def test_what_is_no_truth(said: str) -> None:
    cover = options(fields={"open": "cover_open"})
    assert isinstance(decode(b'{"open":%s}' % said.encode(), None, cover), Refusal)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
DEEP = options(
    fields={
        "a": "pm25_ug_m3",
        "a.b": "temperature_c",
        "b": "cover_open",
        "x.y": {"quantity": "tilt_deg", "factor": "0.5"},
    },
    time={"field": "t", "unit": "ms"},
    counter="n",
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first draws are slow on a loaded machine
@given(
    st.dictionaries(st.sampled_from(["a", "a.b", "b", "x", "x.y", "t", "n"]), ANY | st.integers(-200, 200), max_size=7)
)
def test_the_fast_way_reads_what_the_careful_way_reads(message: dict[str, Any]) -> None:
    payload = json.dumps(message).encode()
    careful = read_message(payload, DEEP)
    if isinstance(careful, Refusal):
        with pytest.raises(ValueError, match=r"."):
            opener(DEEP)(payload)
        return
    taken = without_insane(careful[2])
    careful[2].flags = " ".join(f"{name}:range" for name in taken) or None
    assert opener(DEEP)(payload) == careful
