"""Round trips of parking sensors, Decentlab and Elsys: whatever the format can carry comes back."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import catalogue
from devices.models import NoOptions, decentlab, elsys, nwave_nps, pni_placepod, tekzitel_tekzipark
from devices.models.decentlab import DecentlabOptions
from devices.readings import Facts, Refusal, Values
from tests.devices.test_round_trips import BITS, decoded, same, steps

INT8 = st.integers(-128, 127)
NWAVE_MINUTES = [*range(1, 90), *range(90, 240, 5), *range(240, 601, 60)]


@given(
    st.builds(
        pni_placepod.Bay, st.none() | BITS, st.none() | st.integers(0, 127), st.none() | steps(-60, 100, 0.1),
        st.none() | steps(0, 60, 0.01),
    ).filter(lambda bay: bay != pni_placepod.Bay())
)  # fmt: skip
def test_placepod(bay: pni_placepod.Bay) -> None:
    same(decoded("pni-placepod", bay), bay)


@given(BITS, BITS, BITS, steps(-60, 100), st.none() | st.tuples(INT8, INT8, INT8))
def test_tekzipark(
    occupied: bool,  # noqa: FBT001 - drawn
    obstructed: bool,  # noqa: FBT001 - drawn
    low: bool,  # noqa: FBT001 - drawn
    temperature: float,
    base: tuple[int, int, int] | None,
) -> None:
    bay = tekzitel_tekzipark.Bay(occupied, obstructed, low, temperature, *(base or (None, None, None)))
    same(decoded("tekzitel-tekzipark", bay), bay)


@given(BITS, st.none() | st.sampled_from(NWAVE_MINUTES).map(float), st.none() | st.binary(min_size=4, max_size=4))
def test_nwave_states_and_tags(occupied: bool, minutes: float | None, tag: bytes | None) -> None:  # noqa: FBT001 - drawn
    if tag is not None and not occupied:
        return  # the bay of such a tag is not known
    bay = nwave_nps.Bay(occupied, minutes, None if tag is None else tag.hex().upper())
    assert decoded("nwave-nps", bay) == bay


@given(BITS, st.integers(0, 255), INT8)
def test_nwave_heartbeats(occupied: bool, volts: int, step: int) -> None:  # noqa: FBT001 - drawn
    celsius, battery = step / 2 + 10, (2500 + 4 * volts) / 1000
    bay = nwave_nps.Bay(occupied, battery_v=battery, temperature_c=celsius)
    bay.battery_low = battery < (3.0 if celsius >= -5 else 2.9)
    same(decoded("nwave-nps", bay), bay)


@given(st.integers(0, 254), st.sampled_from([1, 10]))
def test_nwave_durations_grow_with_their_code(code: int, port: int) -> None:
    said = [
        nwave_nps.decode(bytes([status]) + bytes(4 * (port > 1)), port, NoOptions())
        for status in (code | 1, min(code + 2, 255) | 1)
    ]
    first, second = ((each.previous_state_min or 0) for each in said if isinstance(each, nwave_nps.Bay))
    assert first <= second <= 660


@st.composite
def decentlab_readings(draw: st.DrawFn, variant: str) -> tuple[DecentlabOptions, Values]:
    """Any words of any of the groups of a product, as they would be read."""
    options = msgspec.convert({"variant": variant}, DecentlabOptions)
    groups = decentlab._groups(options)
    flags = draw(st.integers(1, (1 << len(groups)) - 1))
    size = sum(len(group) for bit, group in enumerate(groups) if flags >> bit & 1)
    words = draw(st.lists(st.integers(0, 0xFFFF), min_size=size, max_size=size))
    frame = b"\2\0\1" + flags.to_bytes(2) + b"".join(word.to_bytes(2) for word in words)
    said = decentlab.decode(frame, 1, options)
    assert not isinstance(said, Refusal | list), said
    return options, Values() if isinstance(said, Facts) else said


@pytest.mark.parametrize("variant", get_args(decentlab.Variant))
@given(st.data())
def test_decentlab(variant: str, data: st.DataObject) -> None:
    options, values = data.draw(decentlab_readings(variant))
    named = {name: value for name, value in msgspec.structs.asdict(values).items() if value is not None}
    if not named:
        return
    port, frame = decentlab.encode(values, options)
    again = decentlab.decode(frame, port, options)
    assert isinstance(again, Values), again
    found = {name: value for name, value in msgspec.structs.asdict(again).items() if name in named}
    assert found == pytest.approx(named, rel=1e-9, abs=1e-9)
    assert decentlab.MODEL.family_for(options) in ("manhole", "weather", "dust")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"variant": "pr26", "pmin_bar": 3, "pmax_bar": 1}, "not less than"),
        ({"variant": "ctd10", "pmax_bar": 3}, "are of pr21 and pr26, not of ctd10"),
        ({"variant": "ctd11"}, "Invalid enum value 'ctd11'"),
        ({}, "missing required field `variant`"),
        ({"variant": "pr36", "kp": 0}, "> 0"),
    ],
)
def test_decentlab_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(options, DecentlabOptions)


SAID = {
    "temperature_c": steps(-60, 100, 0.1),
    "external_temperature_c": steps(-200, 900, 0.1),
    "humidity_pct": steps(0, 100),
    "pressure_hpa": steps(500, 1100, 0.001),
    "distance_mm": steps(0, 65_535),
    "water_detected": BITS,
    "illuminance_lux": steps(0, 65_535),
    "co2_ppm": steps(0, 50_000),
    "tvoc_ppb": steps(0, 65_535),
    "battery_v": steps(0, 60, 0.001),
    "movement_count": st.integers(0, 255),
    "motion_count": st.integers(0, 255),
}


@given(
    st.fixed_dictionaries({name: st.none() | values for name, values in SAID.items()}),
    st.none() | st.tuples(INT8, INT8, INT8),
    st.none() | st.tuples(steps(20, 150), steps(20, 150)),
    st.none() | st.tuples(steps(-60, 125, 0.1), steps(-60, 400, 0.1)),
    st.none() | st.tuples(steps(-90, 90, 0.0001), steps(-180, 180, 0.0001)).filter(any),
)
def test_elsys(
    single: dict[str, Any],
    lies: tuple[int, int, int] | None,
    sound: tuple[float, float] | None,
    infrared: tuple[float, float] | None,
    place: tuple[float, float] | None,
) -> None:
    x, y, z = (None, None, None) if lies is None else (step * 9.80665 / 63 for step in lies)
    peak, mean = sound or (None, None)
    inside, surface = infrared or (None, None)
    latitude, longitude = place or (None, None)
    values = elsys.Surroundings(
        acceleration_x_m_s2=x,
        acceleration_y_m_s2=y,
        acceleration_z_m_s2=z,
        noise_max_db=peak,
        noise_db=mean,
        device_temperature_c=inside,
        surface_temperature_c=surface,
        latitude_deg=latitude,
        longitude_deg=longitude,
        **single,
    )
    if values == elsys.Surroundings():
        assert isinstance(elsys.decode(elsys.encode(values, NoOptions())[1], 5, NoOptions()), Facts)
        return
    same(decoded("elsys", values), values)


def test_the_keys_of_a_device_go_nowhere() -> None:
    """Settings told after a start can hold the LoRaWAN keys; nothing of them may come out."""
    secrets = {1: 16, 2: 16, 3: 8, 4: 8, 5: 16, 6: 4}
    body = b"".join(bytes([setting]) + b"\xa5" * size for setting, size in secrets.items()) + b"\xf5\x1e\xfb\x0d\x56"
    said = catalogue.model("elsys").decode(bytes([0x3E, len(body)]) + body, 6, NoOptions())
    assert said == Facts({"product": 30, "firmware": 3414})
