"""Packs: every number says where it comes from, and is the one that was looked up; how they are chosen and changed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import check, packs, yaml
from config.compiled import Compiled
from config.schema_rule import LEGAL, RuleSettings
from config.yaml import Document
from rules import aqi
from rules.judging import text
from rules.kinds.table import KINDS
from rules.packs import UNVERIFIED_EN, UNVERIFIED_ZH
from rules.ruleset import Rule

NO_NUMBERS = {"for", "kind", "quantity", "standard", "is", *RuleSettings.model_fields}
OF_LAW = {"threshold", "slot_mean", "hour_mean", "day_mean", "day_budget", "rolling_mean"}
MARK = re.compile(r"V[123]|C|E|M 0\.[0-9]+")
PATHS = sorted(packs.FOLDER.glob("*.yaml"))

MAIN = """gateway: {id: gw-1, time_zone: Asia/Shanghai}
sources:
  mqtt:
    - name: city
      url: mqtts://broker.example
      topics: [{filter: city/+, envelope: plain, address: topic 2}]
"""
FIELDS = (
    "{pm10: pm10_ug_m3, pm25: pm25_ug_m3, tsp: tsp_ug_m3, aqi: aqi, pm: pm_is_primary, tilt: tilt_deg, o2: o2_pct, "
    "occupied: occupied}"
)


def device(name: str, family: str = "dust") -> str:
    options = f"{{family: {family}, fields: {FIELDS}}}"
    return f'  - {{id: {name}, model: plain, address: "topic:city/{name}", interval: 1 min, options: {options}}}\n'


DEVICES = "devices:\n" + "".join(
    device(*each)
    for each in (("dust-1",), ("city", "weather"), ("county", "weather"), ("mh-1", "manhole"), ("bay-1", "parking"))
)


def write(directory: Path, standards: str, rules: str = "", devices: str = DEVICES) -> check.Loaded:
    for folder in ("devices.d", "rules.d"):
        (directory / folder).mkdir()
    (directory / "cityward.yaml").write_text(f"{MAIN}standards: {standards}\n")
    (directory / "devices.d/a.yaml").write_text(devices)
    (directory / "rules.d/a.yaml").write_text(rules)
    return check.load(directory)


def right(loaded: check.Loaded) -> Compiled:
    assert [problem.text("en") for problem in loaded.problems] == []
    assert loaded.compiled is not None
    return loaded.compiled


def wrong(loaded: check.Loaded) -> list[tuple[str, str, int, str]]:
    return [(Path(one.file).parent.name, Path(one.file).name, one.line, one.code) for one in loaded.problems]


def rule_of(compiled: Compiled, name: str) -> Rule:
    return next(rule for rule in compiled.ruleset.rules if rule.id == name)


def numbers(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every scalar with a digit in it below a key, with its path."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from numbers(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for below in value:
            yield from numbers(below, path)
    elif (
        isinstance(value, str)
        and re.search(r"[0-9]", value)
        and not path.endswith(("quantity", "device", "hourly", "at_most"))
    ):
        yield path, value


def rules_of(document: Document) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document.data["rules"]
    return found


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_number_says_where_it_comes_from(path: Path) -> None:
    for rule in rules_of(yaml.read(path)):
        sources = rule.get("sources", {})
        for cited in (*sources.values(), *rule.get("limits", ())):
            assert cited["document"], rule["id"]
            assert cited["clause"], rule["id"]
            assert MARK.fullmatch(cited["mark"]), rule["id"]
        own = {key: value for key, value in rule.items() if key not in NO_NUMBERS and key != "limits"}
        for key, value in numbers(own):
            assert any(key == name or key.startswith(f"{name}.") for name in sources), (rule["id"], key, value)
        if rule.get("quantity") in LEGAL and rule["kind"] in OF_LAW:
            assert rule["basis"] in ("compliance", "reference"), rule["id"]


def test_all_of_them_together_are_right_and_of_kinds_that_there_are(tmp_path: Path) -> None:
    chosen = ", ".join(f"{{pack: {name}, accept_unverified: true}}" for name in packs.names())
    compiled = right(write(tmp_path, f"[{chosen}]"))
    assert len(compiled.ruleset.rules) == sum(len(rules_of(yaml.read(path))) for path in PATHS)
    assert {rule.pack for rule in compiled.ruleset.rules} == set(packs.names())
    assert {rule.kind for rule in compiled.ruleset.rules} <= KINDS.keys()


# --------------------------------------------------------------------------------------------- the reference


def raw(pack: str, rule: str) -> dict[str, Any]:
    return next(each for each in rules_of(yaml.read(packs.FOLDER / f"{pack}.yaml")) if each["id"] == rule)


SITE = [
    ("db32-4437-2022", "db32-4437-tsp-slot", "limit", ("JS-DB32/4437-2022", "TSP_15min")),
    ("db32-4437-2022", "db32-4437-tsp-slot", "deduct.amount", ("JS-DB32/4437-2022", "TSP_deduct", "value")),
    ("db32-4437-2022", "db32-4437-pm10-hour", "limit", ("JS-DB32/4437-2022", "PM10_1h_minus_city")),
    ("db13-2934-2019", "db13-2934-pm10-hour", "limit", ("HE-DB13/2934-2019", "PM10_1h_minus_county")),
    ("db13-2934-2019", "db13-2934-pm10-hour", "background.cap", ("HE-DB13/2934-2019", "background_cap")),
    ("db13-2934-2019", "db13-2934-pm10-hour", "allowed_per_day", ("HE-DB13/2934-2019", "max_exceed_per_day")),
    ("db31-964-2016", "db31-964-tsp-2000", "limit", ("SH-DB31/964-2016", "TSP_15min", 0, "gt")),
    ("db31-964-2016", "db31-964-tsp-2000", "allowed_per_day", ("SH-DB31/964-2016", "TSP_15min", 0, "max_per_day")),
    ("db31-964-2016", "db31-964-tsp-1000", "limit", ("SH-DB31/964-2016", "TSP_15min", 1, "gt")),
    ("db31-964-2016", "db31-964-tsp-1000", "allowed_per_day", ("SH-DB31/964-2016", "TSP_15min", 1, "max_per_day")),
    ("wuhan-2017", "wuhan-2017-pm10-warn", "limit", ("Wuhan-2017", "PM10_1h_warn")),
    ("wuhan-2017", "wuhan-2017-pm10-act", "limit", ("Wuhan-2017", "PM10_1h_act")),
    ("wuhan-2017", "wuhan-2017-pm10-act", "clear", ("Wuhan-2017", "clear_at_or_below")),
    ("who-2021", "who-2021-pm25-day", "limit", ("WHO-2021", "PM2.5")),
    ("who-2021", "who-2021-pm10-day", "limit", ("WHO-2021", "PM10")),
    ("manhole-default", "manhole-methane", "above", ("gas", "CH4_alarm_pctLEL", "v")),
    ("manhole-default", "manhole-h2s", "above", ("gas", "H2S_mg_m3", "ppm_25C")),
    ("manhole-default", "manhole-co", "above", ("gas", "CO_mg_m3", "ppm_25C", 1)),
    ("manhole-default", "manhole-oxygen-low", "below", ("gas", "O2_pct", "low")),
    ("manhole-default", "manhole-oxygen-rich", "above", ("gas", "O2_pct", "rich")),
]


@pytest.mark.parametrize(("pack", "rule", "key", "steps"), SITE, ids=str)
def test_the_numbers_are_those_of_the_reference(
    shared: Path, pack: str, rule: str, key: str, steps: tuple[str | int, ...]
) -> None:
    facts = json.loads((shared / "reference/limits.json").read_text())
    listed = {each["id"]: each for each in (*facts["site"], *facts["international"])}
    found: Any = {"gas": facts["gas"], **listed}
    statuses = []
    for step in steps:
        found = found[step]
        statuses += [found["status"]] if isinstance(found, dict) and "status" in found else []
    assert float(packs.number(raw(pack, rule), key)) == found
    sources = raw(pack, rule)["sources"]
    mark = next(cited["mark"] for name, cited in sources.items() if key == name or key.startswith(f"{name}."))
    assert mark in re.split(r", ", statuses[-1])


def test_the_numbers_of_hj_633_are_where_the_index_passes_a_level() -> None:
    for rule in rules_of(yaml.read(packs.FOLDER / "hj633-2026.yaml")):
        index = int(rule["sources"]["limit"]["clause"].rpartition(" ")[2])
        limit = float(rule["limit"])
        for date in ("2026-02-28", "2026-11-24"):
            assert aqi.iaqi(rule["quantity"], limit, date) == index
            assert aqi.iaqi(rule["quantity"], limit + 1, date) > index


# ------------------------------------------------------------------------------------------ chosen and changed


def test_what_is_from_memory_must_be_accepted_and_its_alarms_say_so(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    loaded = write(tmp_path / "a", "[db31-964-2016]")
    assert wrong(loaded) == [("a", "cityward.yaml", 7, "unverified")]
    told = loaded.problems[0].text("en")
    assert "db31-964-tsp-1000, db31-964-tsp-2000" in told
    assert "{pack: db31-964-2016, accept_unverified: true}" in told
    rule = rule_of(
        right(write(tmp_path / "b", "[{pack: db31-964-2016, accept_unverified: true}]")), "db31-964-tsp-2000"
    )
    assert rule.unverified
    said = text(rule, {"name": "A", "value": "2500", "limit": "2000"})
    assert said.zh.endswith(UNVERIFIED_ZH)
    assert said.en.endswith(UNVERIFIED_EN)


CHANGES = """changes:
  - rule: gb3095-class2-pm10-day
    basis: compliance
    limit: 110
    sources: {limit: {document: 市政府令 1 号, clause: 第三条, mark: V1}}
  - {rule: gb3095-class2-pm25-day, for: {devices: [dust-1]}, priority: 2}
  - {rule: gb3095-class2-tsp-day, off: true}
"""


def test_an_engineer_changes_what_he_names_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    shipped = right(write(tmp_path / "a", "[gb3095-2026-class2]"))
    changed = right(write(tmp_path / "b", "[gb3095-2026-class2]", CHANGES))
    gone = {rule.id for rule in shipped.ruleset.rules} - {rule.id for rule in changed.ruleset.rules}
    assert gone == {"gb3095-class2-tsp-day"}
    pm10 = rule_of(changed, "gb3095-class2-pm10-day")
    assert (pm10.basis, [limit.value for limit in pm10.settings.limits]) == ("compliance", [110])
    assert [(each.value, each.document, each.mark) for each in pm10.sources] == [("110", "市政府令 1 号", "V1")]
    pm25, before = rule_of(changed, "gb3095-class2-pm25-day"), rule_of(shipped, "gb3095-class2-pm25-day")
    assert (pm25.scope.devices, pm25.priority) == (("dust-1",), 2)
    assert (pm25.settings, pm25.sources, pm25.text) == (before.settings, before.sources, before.text)


def test_a_number_that_was_compared_with_the_standard_is_no_longer_from_memory(tmp_path: Path) -> None:
    checked = "{document: DB31/964-2016, clause: 4.2, mark: V1}"
    rules = "changes:\n" + "".join(
        f"  - {{rule: db31-964-tsp-{n}, sources: {{limit: {checked}, allowed_per_day: {checked}}}}}\n"
        for n in (1000, 2000)
    )
    compiled = right(write(tmp_path, "[db31-964-2016]", rules))
    assert not any(rule.unverified for rule in compiled.ruleset.rules)


def test_a_number_of_his_own_has_not_the_source_of_the_pack_s(tmp_path: Path) -> None:
    compiled = right(write(tmp_path, "[wuhan-2017]", "changes: [{rule: wuhan-2017-pm10-act, limit: 180}]\n"))
    assert [each.number for each in rule_of(compiled, "wuhan-2017-pm10-act").sources] == ["clear"]


def test_what_is_wrong_with_changes_stands_where_they_stand(tmp_path: Path) -> None:
    rules = """changes:
  - {rule: wuhan-2017-pm10-act, priority: 9}
  - {rule: wuhan-2017-pm10-act, priority: 1}
  - {rule: wuhan-2017-pm10-wran, priority: 1}
  - {rule: wuhan-2017-pm10-warn, id: mine, kind: slot_mean}
  - {rule: gb3095-class2-pm10-day, limit: 5 °}
  - {rule: gb3095-class2-pm25-day, prioriti: 1}
  - {rule: gb3095-class2-tsp-day, off: true, priority: 1}
  - {rule: gb3095-class2-pm10-24h, sources: {limt: {document: a, clause: b, mark: V1}}}
  - {rule: gb3095-class2-pm25-24h, sources: {hours: {document: a, clause: b, mark: sure}}}
"""
    loaded = write(tmp_path, "[gb3095-2026-class2, wuhan-2017]", rules)
    assert wrong(loaded) == [
        ("rules.d", "a.yaml", 2, "less_than_equal"),
        ("rules.d", "a.yaml", 3, "change_twice"),
        ("rules.d", "a.yaml", 4, "change_rule"),
        ("rules.d", "a.yaml", 5, "change_id"),
        ("rules.d", "a.yaml", 5, "change_id"),
        ("rules.d", "a.yaml", 6, "limit_unit"),
        ("rules.d", "a.yaml", 7, "unknown_key"),
        ("rules.d", "a.yaml", 8, "change_off"),
        ("rules.d", "a.yaml", 9, "source_number"),
        ("rules.d", "a.yaml", 10, "mark"),
    ]
    assert loaded.compiled is None


def test_a_rule_of_one_s_own_does_not_take_the_id_of_a_pack_s(tmp_path: Path) -> None:
    own = raw("wuhan-2017", "wuhan-2017-pm10-warn") | {"limit": 140, "sources": {}}
    loaded = write(tmp_path, "[wuhan-2017]", json.dumps({"rules": [own]}, ensure_ascii=False))
    assert [one.code for one in loaded.problems] == ["rule_of_pack"]
    assert "changes" in loaded.problems[0].text("en")


def test_what_a_pack_needs_and_nobody_has(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    only = "devices:\n" + device("dust-1")
    assert wrong(write(tmp_path / "a", "[db13-2934-2019]", devices=only)) == [("a", "cityward.yaml", 7, "pack_needs")]
    named = "changes: [{rule: db13-2934-pm10-hour, background: {device: dust-1, quantity: pm10_ug_m3, cap: 150}}]\n"
    right(write(tmp_path / "b", "[db13-2934-2019]", named, devices=only))
    right(
        write(tmp_path / "c", "[db13-2934-2019, who-2021]", "changes: [{rule: db13-2934-pm10-hour, off: true}]\n", only)
    )


def test_a_pack_for_which_there_is_nothing_is_told(tmp_path: Path) -> None:
    loaded = write(tmp_path, "[manhole-default]", devices="devices:\n" + device("dust-1"))
    assert wrong(loaded) == [(tmp_path.name, "cityward.yaml", 7, "pack_matches_nothing")]
    assert loaded.compiled is not None


def test_gases_that_no_cover_measures_are_no_fault_of_a_pack(tmp_path: Path) -> None:
    assert rule_of(right(write(tmp_path, "[manhole-default]")), "manhole-h2s").settings.above == 7.18


def test_devices_that_an_engineer_names_must_be_able_to_say_it(tmp_path: Path) -> None:
    rules = "changes: [{rule: manhole-h2s, for: {devices: [mh-1]}}]\n"
    loaded = write(tmp_path, "[manhole-default]", rules)
    assert wrong(loaded) == [("rules.d", "a.yaml", 1, "not_delivered")]


def test_it_is_chosen_by_its_name_once(tmp_path: Path) -> None:
    loaded = write(tmp_path, "[gb3095-2026-clas2, who-2021, who-2021]")
    assert [one.code for one in loaded.problems] == ["pack", "pack_twice"]
    assert loaded.problems[0].parameters["guess"] == "gb3095-2026-class2"
