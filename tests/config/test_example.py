"""The example that is shipped is right, and means what it says."""

import shutil
from pathlib import Path

import pytest

from config.blob import decode, encode
from config.check import load
from config.compiled import Compiled
from devices.frames import Batch
from devices.registry import Device, Source
from rules.fold import Fold
from rules.kinds.day_mean import DayMean
from rules.kinds.rolling_mean import RollingMean
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.records import Config
from rules.ruleset import Rule

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


@pytest.fixture(scope="module")
def example(root: Path) -> Compiled:
    loaded = load(root / "deploy" / "example")
    assert [problem.text("en") for problem in loaded.problems] == []
    assert loaded.compiled is not None
    return loaded.compiled


def device(example: Compiled, name: str) -> Device:
    return next(device for device in example.registry.devices if device.id == name)


def rule(example: Compiled, name: str) -> Rule:
    return next(rule for rule in example.ruleset.rules if rule.id == name)


def test_a_cover(example: Compiled) -> None:
    cover = device(example, "mh-0114")
    assert (cover.model, cover.family, cover.address) == ("dingtek-dc41x", "manhole", "eui:24e124126a148401")
    assert cover.name == "文化路12号 污水井盖"
    assert cover.at == (117.1859, 34.2610)
    assert (cover.district, cover.site) == ("鼓楼区", None)
    assert cover.labels == {"code": "3203020102000114", "owner": "排水处"}
    assert cover.tags == ("owner",)
    assert cover.interval_ms == 6 * HOUR_MS
    assert cover.via == ("lora",), "the other broker has no envelope of LoRaWAN"


def test_a_point_read_off_a_gaode_map_is_moved(example: Compiled) -> None:
    at = device(example, "mh-0115").at
    assert at is not None
    assert at == pytest.approx((117.1862, 34.2610), abs=0.0005)


def test_stations_on_lines_and_links(example: Compiled) -> None:
    dust = device(example, "dust-07")
    assert (dust.address, dust.via, dust.interval_ms) == ("modbus:gate/3", ("gate",), MINUTE_MS)
    assert dust.options.preset == "500-block"
    assert [one.quantity for one in device(example, "dust-08").options.map.registers] == [
        "pm25_ug_m3", "pm10_ug_m3", "temperature_c",
    ]  # fmt: skip
    assert device(example, "kiosk-1").via == ("kiosk",)
    assert device(example, "dust-21").via == ("sites",)


def test_a_device_of_its_own_json(example: Compiled) -> None:
    well = device(example, "well-7")
    assert (well.family, well.address, well.via) == ("level", "topic:lora/7", ("lora",))


def test_sources_as_the_core_sees_them(example: Compiled) -> None:
    sources: dict[str, Source] = {source.name: source for source in example.registry.sources}
    assert {name: (one.kind, one.subject) for name, one in sources.items()} == {
        "lora": ("mqtt", "broker:lora"),
        "old": ("mqtt", "broker:old"),
        "gate": ("serial", "line:gate"),
        "kiosk": ("serial", "line:kiosk"),
        "sites": ("hj212", "hj212:sites"),
    }
    assert [(one.filter, one.envelope, one.address) for one in sources["lora"].routes] == [
        ("application/+/device/+/event/up", "chirpstack-v4", ""),
        ("wells/+/report", "plain", "topic 2"),
    ]
    assert [sources[name].routes[0].envelope for name in ("gate", "kiosk", "sites")] == ["modbus", "line", "hj212"]
    assert example.registry.influx


def test_rules_of_every_kind(example: Compiled) -> None:
    assert rule(example, "manhole-full").settings == State(
        quantity="level_alarm", value=True, on_delay_ms=10 * MINUTE_MS, off_delay_ms=30 * MINUTE_MS
    )
    assert rule(example, "silent").settings == Silence(intervals=3.0)
    assert rule(example, "cover-tilted").settings == Threshold(
        quantity="tilt_deg", above=15, clear=10, at_least=2, of=2, once=30
    )
    assert rule(example, "pm10-high").settings == Threshold(
        quantity="pm10_ug_m3", above=500, clear=400, on_delay_ms=5 * MINUTE_MS
    ), "0.5 mg/m³ are 500 µg/m³"
    assert rule(example, "well-high").settings.above == 2500, "2.5 m are 2500 mm"
    day = rule(example, "pm10-day").settings
    assert isinstance(day, DayMean)
    assert [(limit.from_date, limit.value) for limit in day.limits] == [
        ("2016-01-01", 150), ("2026-03-01", 120), ("2031-01-01", 100),
    ]  # fmt: skip
    trend = rule(example, "pm10-trend").settings
    assert isinstance(trend, RollingMean)
    assert (trend.hours, trend.min_hours, [limit.value for limit in trend.limits]) == (24, 20, [100])


def test_what_a_rule_says(example: Compiled) -> None:
    tilted = rule(example, "cover-tilted")
    assert (tilted.priority, tilted.latch, tilted.respond_within_ms) == (1, True, 2 * HOUR_MS)
    assert tilted.text.en == "Cover tilted {value}°"
    assert tilted.action.zh == "派员到场围护并复位"
    assert rule(example, "pm10-day").basis == "reference"


def test_the_settings_name_secrets_and_hold_none(example: Compiled) -> None:
    broker = example.settings.sources.mqtt[0]
    assert broker.password is not None
    assert broker.password.credential == "mqtt-password"
    assert broker.broker == ("broker.example", 8883)
    assert example.settings.sources.mqtt[1].broker == ("10.20.0.7", 1883)
    assert example.settings.sources.serial[0].setting == (4800, 8, "N", 1)
    assert example.settings.budgets.journal == 4 << 30


def test_the_hash_is_of_what_is_meant_not_of_how_it_is_written(example: Compiled, root: Path, tmp_path: Path) -> None:
    directory = tmp_path / "etc"
    shutil.copytree(root / "deploy" / "example", directory)
    for path in directory.rglob("*.yaml"):
        path.write_text("# another comment\n\n" + path.read_text())
    (directory / "devices.d" / "gulou.yaml").rename(directory / "devices.d" / "鼓楼.yaml")
    again = load(directory).compiled
    assert again is not None
    assert again.hash == example.hash

    rules = directory / "rules.d" / "manhole.yaml"
    rules.write_text(rules.read_text().replace("above: 15", "above: 16"))
    changed = load(directory).compiled
    assert changed is not None
    assert changed.hash != example.hash


def test_a_flood_rings_by_the_example(example: Compiled) -> None:
    """What an engineer wrote, through the book's bytes, judges a message of the well: 3.1 m are over `once_above`."""
    blob = encode(example.registry, example.ruleset)
    fold = Fold(lambda _hash: decode(blob))
    frame = (b"wells/7/report", b'{"level": 3100, "bat": 3.6, "t": 1795506000}', b"")
    out = fold.take(1, [Config(at_ms=1_795_506_000_000, hash=example.hash), Batch("lora", 1_795_506_001_000, [frame])])
    assert [(event.kind, event.alarm.id, event.alarm.value, event.alarm.limit) for event in out.events] == [
        ("raised", "well-high@well-7", 3100.0, 2500.0)
    ]
    assert out.events[0].alarm.text.en == "奎河 7号 水位: water level 3100 mm, over 2500"
    assert out.lines
    assert out.lines[0].startswith("level,device=well-7,district=鼓楼区,model=plain ".encode())
    assert b"water_level_mm=3100.0" in out.lines[0]
