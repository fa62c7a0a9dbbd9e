"""What an encoder says, its decoder reads: whatever the format can carry comes back."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import catalogue, hj212
from devices.models import Model, honeywell_hpma, nova_sds, sensirion_sps30
from devices.models.bosch_tps110 import Bay
from devices.models.ctwing_manhole import Cover as CtwingCover
from devices.models.ctwing_parking import Bay as CtwingBay
from devices.models.dingtek_dc41x import Cover
from devices.models.dingtek_do20x import Bay as DingtekBay
from devices.models.hj212_dust import Hj212Options, Station, packet
from devices.models.modbus_dust import ModbusOptions
from devices.models.plain import PlainOptions, decode, opener
from devices.models.plantower_pms import Particles, PlantowerOptions
from devices.plausible import disordered
from devices.quantities import QUANTITIES
from devices.readings import Values, range_check
from devices.registers import PRESETS, Register, requests

BITS = st.booleans()


def steps(low: float, high: float, step: float = 1.0) -> st.SearchStrategy[float]:
    return st.integers(round(low / step), round(high / step)).map(lambda n: n * step)


def decoded(model: str, values: Values, options: msgspec.Struct | None = None) -> Values:
    kind: Model = catalogue.model(model)
    options = kind.options() if options is None else options
    port, payload = kind.encode(values, options)
    said = kind.decode(payload, port, options)
    if isinstance(said, list):
        [(_, said, _)] = said
    assert isinstance(said, Values), said
    assert range_check(type(said))(said)
    return said


def same(one: Values, other: Values) -> None:
    assert told(one) == pytest.approx(told(other), rel=1e-9, abs=1e-9)


def told(values: Values) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(values).items() if value is not None}


@given(BITS, st.none() | steps(-60, 100))
def test_bosch(occupied: bool, temperature: float | None) -> None:  # noqa: FBT001 - drawn
    same(decoded("bosch-tps110", bay := Bay(occupied, temperature)), bay)


@given(st.builds(Cover, steps(-180, 180), BITS, steps(0, 65535), BITS, BITS, steps(-60, 100)))
def test_dingtek(cover: Cover) -> None:
    same(decoded("dingtek-dc41x", cover), cover)


COUNTS = st.none() | st.integers(-65536, 65536)
SIGNAL = {"rsrp_dbm": steps(-160, -20, 0.1), "sinr_db": st.none() | steps(-40, 60, 0.1)}
CELL = {"battery_v": st.none() | steps(1.1, 10, 0.01), "battery_pct": st.none() | steps(0, 100)}


@given(
    st.builds(
        CtwingBay, BITS, st.none(), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.integers(0, 4_294_967_295),
        **SIGNAL, **CELL, rssi_dbm=st.none() | steps(-160, -1),
    )
)  # fmt: skip
def test_ctwing_parking(bay: CtwingBay) -> None:
    same(decoded("ctwing-parking", bay), bay)


PLACE = st.tuples(steps(0.1, 90, 0.1), steps(0.1, 180, 0.1)) | st.just((None, None))


@given(
    st.builds(CtwingCover, BITS, BITS, st.none() | steps(-180, 360), BITS, battery_low=BITS, **SIGNAL, **CELL), PLACE
)
def test_ctwing_manhole(cover: CtwingCover, place: tuple[float | None, float | None]) -> None:
    cover.latitude_deg, cover.longitude_deg = place
    same(decoded("ctwing-manhole", cover), cover)


AXIS = steps(-2000, 2000, 0.1)


@given(
    st.builds(
        DingtekBay, BITS, AXIS, AXIS, AXIS, BITS, st.none() | steps(0, 9998), BITS, steps(0, 60, 0.01), BITS,
        steps(-60, 100), steps(0, 100),
    )
)  # fmt: skip
def test_dingtek_parking(bay: DingtekBay) -> None:
    same(decoded("dingtek-do20x", bay), bay)


PM = steps(0, 10_000)


@given(st.tuples(PM, PM, PM, PM, PM, PM).filter(any), steps(-60, 100, 0.1), steps(0, 100, 0.1))
@pytest.mark.parametrize("variant", ["pms5003", "pms5003t", "pms3003", "sen0177"])
def test_plantower(variant: str, particles: tuple[float, ...], temperature: float, humidity: float) -> None:
    values = Particles(*particles)
    if variant == "pms5003t":
        values.temperature_c, values.humidity_pct = temperature, humidity
    same(decoded("plantower-pms", values, msgspec.convert({"variant": variant}, PlantowerOptions)), values)


@given(st.tuples(*6 * [steps(0, 9_999, 0.1)]).filter(all))
def test_nova(numbers: tuple[float, ...]) -> None:
    low, high = sorted(numbers[:2])
    fine = nova_sds.Air(pm25_ug_m3=low if low < 6500 else 6500.0, pm10_ug_m3=min(high, 6500.0))
    same(decoded("nova-sds", fine), fine)
    whole = nova_sds.Air(tsp_ug_m3=float(round(high) + 1))
    same(decoded("nova-sds", whole, msgspec.convert({"variant": "sds198"}, nova_sds.NovaOptions)), whole)


@given(st.lists(steps(0.001, 9_999, 0.001), min_size=10, max_size=10))
def test_sps30(numbers: list[float]) -> None:
    numbers[-1] /= 100
    names: dict[str, Any] = dict(zip(sensirion_sps30._FIELDS, numbers, strict=True))
    said = sensirion_sps30.Particles(**names)
    read = decoded("sensirion-sps30", said)
    assert told(read) == pytest.approx(told(said), abs=1e-4, rel=1e-6)


@given(st.tuples(PM, PM, PM, PM).filter(all))
@pytest.mark.parametrize("variant", ["hpma115s0", "hpma115c0"])
def test_honeywell(variant: str, numbers: tuple[float, ...]) -> None:
    pm1, pm25, pm4, pm10 = numbers
    values = honeywell_hpma.Particles(pm25_ug_m3=pm25, pm10_ug_m3=pm10)
    if variant == "hpma115c0":
        values.pm1_ug_m3, values.pm4_ug_m3 = pm1, pm4
    same(decoded("honeywell-hpma", values, msgspec.convert({"variant": variant}, honeywell_hpma.HpmaOptions)), values)


KINDS = {"u16": (0, 0xFFFF), "s16": (-0x8000, 0x7FFF), "u32": (0, 0xFFFFFFFF), "s32": (-(1 << 31), (1 << 31) - 1)}


@st.composite
def maps(draw: st.DrawFn) -> tuple[tuple[Register, ...], list[float]]:
    """Any map that one request reads, and values that its registers can carry."""
    names = draw(
        st.lists(st.sampled_from([n for n, q in QUANTITIES.items() if q.low is not None]), min_size=1, unique=True)
    )
    registers, values, address = [], [], draw(st.integers(0, 60_000))
    for name in names:
        kind: Any = draw(st.sampled_from([*KINDS, "f32"]))
        whole = QUANTITIES[name].type == "int"  # a count has no tenths
        factor = 1.0 if whole else draw(st.sampled_from([1.0, 0.1, 0.01, 10.0, -0.5]))
        words: Any = draw(st.sampled_from(["big", "little"]))
        register = Register(address=address, quantity=name, type=kind, factor=factor, words=words)
        registers.append(register)
        low, high = KINDS.get(kind, (-1000, 1000))
        values.append(draw(st.integers(low, high)) * factor)
        address = register.end + draw(st.integers(0, 1))
    return tuple(registers), values


@settings(max_examples=200)
@given(maps())
def test_modbus_with_any_map(drawn: tuple[tuple[Register, ...], list[float]]) -> None:
    registers, numbers = drawn
    options = ModbusOptions(registers=registers)
    kind = catalogue.model("modbus-dust")
    said: dict[str, Any] = dict(zip((each.quantity for each in registers), numbers, strict=True))
    values = kind.values_for(options)(**said)
    if len(requests(options.map, 1)) > 1:
        return
    _, payload = kind.encode(values, options)
    read = kind.decode(payload, None, options)
    assert isinstance(read, Values), read
    assert bool(read.flags) == bool(disordered(values))
    read.flags = None
    same(read, values)


@pytest.mark.parametrize("preset", PRESETS)
def test_modbus_presets_ask_once_and_read_what_they_ask_for(preset: str) -> None:
    options = ModbusOptions(preset=preset)
    assert len(requests(options.map, 1)) == 1
    said: dict[str, Any] = {each.quantity: QUANTITIES[each.quantity].high for each in options.map.registers}
    said |= {"noise_db": 61.5, "illuminance_lux": 70_000.0} if preset.startswith("500-block") else {}
    said |= {"wind_speed_m_s": 89.9} if preset == "500-block" else {}
    values = catalogue.model("modbus-dust").values_for(options)(**said)
    same(decoded("modbus-dust", values, options), values)


STATION = {
    name: st.none() | steps(max(quantity.low or 0, -60), min(quantity.high or 0, 10_000), 0.1)
    for name, quantity in QUANTITIES.items()
    if name in Station.__struct_fields__ and quantity.low is not None and name not in ("rssi_dbm", "snr_db")
}


@given(
    st.fixed_dictionaries(STATION),
    st.sampled_from(["ug_m3", "mg_m3", "ng_m3"]),
    st.integers(946_700_000_000, 4_102_400_000_000),
)
def test_hj212(drawn: dict[str, Any], unit: str, at_ms: int) -> None:
    values, options = Station(**drawn), msgspec.convert({"pm_unit": unit}, Hj212Options)
    if values == Station():
        return
    same(decoded("hj212-dust", values, options), values)
    frame = packet(values, options, mn="690000D5800028F889221AC0", at_ms=at_ms, cn="2061")
    said = catalogue.model("hj212-dust").decode(frame, None, options)
    assert isinstance(said, list)
    [(time_ms, hour, span)] = said
    assert (time_ms, span) == (at_ms // 1000 * 1000, "hour")
    same(hour, values)
    opened = hj212.parse(frame)
    assert isinstance(opened, hj212.Packet)
    assert opened.mn == "690000D5800028F889221AC0"


FIELDS: dict[str, Any] = {
    "pm25": "pm25_ug_m3",
    "deep.er.temp": {"quantity": "temperature_c", "factor": 0.1},
    "f": {"quantity": "device_temperature_c", "factor": 0.55, "offset": -17.5},
    "PM10(μg/m³)": "pm10_ug_m3",
    "open": "cover_open",
    "signal": "rssi_dbm",  # a field that all readings have
}


SAID = st.tuples(
    st.none() | PM,
    st.none() | steps(-60, 100, 0.1),
    st.none() | steps(-60, 125, 0.1),
    st.none() | PM,
    st.none() | BITS,
    st.none() | steps(-160, 20),
)


@given(SAID.filter(lambda said: any(value is not None for value in said)))
def test_plain(drawn: tuple[float | bool | None, ...]) -> None:
    options = msgspec.convert({"fields": FIELDS}, PlainOptions)
    kind = catalogue.model("plain")
    quantities: dict[str, Any] = dict(zip((m.quantity for m in options.members.values()), drawn, strict=True))
    values = kind.values_for(options)(**quantities)
    same(decoded("plain", values, options), values)
    _, payload = kind.encode(values, options)
    fast = opener(options)(payload)
    said = decode(payload, None, options)
    assert isinstance(said, list)
    assert fast == (-1, said[0][0], said[0][1]), "the fast and the careful way read the same"
