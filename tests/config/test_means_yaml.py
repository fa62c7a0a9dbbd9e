"""Rules on means, from YAML to what the core is given."""

import shutil
from pathlib import Path

from config.check import load
from rules.kinds.day_budget import DayBudget
from rules.kinds.day_mean import DayMean
from rules.kinds.hour_mean import HourMean
from rules.kinds.means import Background, Band, Deduct, Other
from rules.kinds.rate import Rate
from rules.kinds.rolling_mean import RollingMean
from rules.kinds.slot_mean import SlotMean

RIGHT = Path(__file__).resolve().parent.parent / "wrong_yaml" / "right"
CITY = """
devices:
  - id: city
    model: plain
    address: topic:lora/city
    interval: 1 h
    options: {family: air, fields: {pm10: pm10_ug_m3, aqi: aqi, pm: pm_is_primary}}
"""
COMMON = """
    priority: 2
    text: {zh: 报警, en: Alarm}
    cause: {zh: 断电, en: No power}
    consequence: {zh: 状态未知, en: State unknown}
    action: {zh: 检查供电, en: Check the power}
    respond_within: 24 h
"""
MAIN = """
gateway: {id: xz-1, time_zone: Asia/Shanghai}
sources:
  mqtt:
    - name: lora
      url: mqtt://broker.example
      topics:
        - {filter: application/+/device/+/event/up, envelope: chirpstack-v4}
        - {filter: air/+, envelope: plain, address: topic 2}
  serial:
    - {name: gate, port: /dev/ttyUSB0, line: 4800 8N1, protocol: modbus-rtu, poll: 60 s}
"""


def settings(tmp_path: Path, *rules: str) -> list[object]:
    directory = tmp_path / "etc"
    shutil.copytree(RIGHT, directory)
    (directory / "cityward.yaml").write_text(MAIN)
    (directory / "devices.d" / "city.yaml").write_text(CITY)
    head = "  - id: r{}\n    for: {{family: dust}}\n    quantity: pm10_ug_m3\n"
    text = "".join(head.format(number) + rule + COMMON for number, rule in enumerate(rules))
    (directory / "rules.d" / "right.yaml").write_text("rules:\n" + text)
    loaded = load(directory)
    assert loaded.problems == [], [problem.text("en") for problem in loaded.problems]
    assert loaded.compiled is not None
    return [rule.settings for rule in loaded.compiled.ruleset.rules]


def test_each_key_means_what_it_says(tmp_path: Path) -> None:
    slot, hour, day, strict, budget, rolling, rate = settings(
        tmp_path,
        "    kind: slot_mean\n    limit: 0.5 mg/m³\n    basis: compliance\n    valid: 13 of 15\n"
        "    deduct: {amount: 200, when: [{device: city, quantity: aqi, hourly: end, from: 200, to: 300},"
        " {device: city, quantity: pm_is_primary, hourly: end, is: true}]}",
        "    kind: hour_mean\n    limit: 80\n    clear: 70\n    basis: compliance\n    allowed_per_day: 2\n"
        "    background: {device: city, quantity: pm10_ug_m3, hourly: begin, cap: 150}",
        "    kind: day_mean\n    standard: gb3095-2026-class2\n    basis: reference",
        "    kind: day_mean\n    limit: 120\n    basis: compliance\n    valid: 18 of 24",
        "    kind: day_budget\n    standard: gb3095-2026-class2\n    basis: reference",
        "    kind: rolling_mean\n    limit: 120\n    clear: 100\n    basis: reference",
        "    kind: rate\n    rise: 200 µg/m³\n    within: 10 min\n    basis: reference",
    )
    assert isinstance(slot, SlotMean)
    assert (slot.valid, slot.limits[0].value, slot.clear, slot.background) == (13, 500, None, None)
    aqi, primary = (Other(device="city", quantity=name, hourly="end") for name in ("aqi", "pm_is_primary"))
    bands = (Band(other=aqi, low=200, high=300), Band(other=primary, low=1, high=1))
    assert slot.deduct == Deduct(value=200, when=bands)
    assert isinstance(hour, HourMean)
    assert (hour.valid, hour.clear, hour.allowed_per_day) == (45, 70, 2)
    city = Other(device="city", quantity="pm10_ug_m3", hourly="begin")
    assert hour.background == Background(other=city, cap=150)
    assert isinstance(day, DayMean)
    assert (day.min_hours, day.whole) == (20, True)
    assert isinstance(strict, DayMean)
    assert (strict.min_hours, strict.whole) == (18, False), "one's own limit is compared with what was measured"
    assert isinstance(budget, DayBudget)
    assert budget.whole
    assert isinstance(rolling, RollingMean)
    assert (rolling.clear, rolling.whole) == (100, False)
    assert rate == Rate(quantity="pm10_ug_m3", rise=200, within_ms=600_000)
