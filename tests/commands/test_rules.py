"""`cityward rules`: stories of all packs, what is said when a wish does not come true, and the list of rules."""

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands import main
from config import packs, yaml

STORIES = Path(__file__).resolve().parent.parent / "rules_t"
SILENT = """rules:
  - id: silent
    kind: silence
    for: all
    priority: 3
    text: {zh: "{name} 无数据", en: "{name} is silent"}
    cause: {zh: 断电, en: No power}
    consequence: {zh: 状态未知, en: State unknown}
    action: {zh: 检查供电, en: Check the power}
    respond_within: 24 h
"""
OWN = (
    SILENT
    + """standards: [wuhan-2017]
devices: [{id: dust-1, family: dust}]
tests:
  - name: an hour of dust
    start: 2026-11-24 08:00
    series: [{device: dust-1, quantity: pm10_ug_m3, every: 1 min, values: 210x60}]
    expect:
"""
)


def rules(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)], prog_name="cityward")


def write(directory: Path, *expected: str, text: str = OWN) -> Path:
    path = directory / "a.yaml"
    path.write_text(text + "".join(f"      - {line}\n" for line in expected))
    return path


@pytest.mark.parametrize("name", packs.names())
def test_the_story_of_a_pack_has_all_its_rules_in_it_and_comes_true(name: str) -> None:
    story = STORIES / f"{name}.yaml"
    result = rules("test", story)
    assert result.exit_code == 0, result.output
    text = story.read_text()
    for rule in yaml.read(packs.FOLDER / f"{name}.yaml").data["rules"]:
        assert f"{rule['id']}@" in text, f"no story tells of {rule['id']}"


def test_what_is_otherwise_is_told_with_its_place(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "{at: 75 min, alarm: wuhan-2017-pm10-act@dust-1, value: 211, limit: 200}",
        "{at: 75 min, alarm: wuhan-2017-pm10-warn@dust-1, is: never}",
        "{at: 30 min, alarms: [silent@dust-1]}",
        "{at: 2026-11-24 09:15, verdict: wuhan-2017-pm10-act@dust-1, is: normal}",
        "{at: 75 min, alarm: wuhan-2017-pm10-act@dust-1, times: 2}",
        "{at: 75 min, alarm: wuhan-2017-pm10-act@dust-1, text: x}",
        "{at: 75 min, alarm: wuhan-2017-pm10-act@dust-1, is: active, times: 1, value: 210}",
    )
    result = rules("test", "--lang", "en", path)
    assert result.exit_code == 1
    told = result.stdout.splitlines()
    assert told == [
        f"{path}:18:9: an hour of dust, 75 min: expected wuhan-2017-pm10-act@dust-1 value: 211, got 210",
        told[1],
        f"{path}:20:9: an hour of dust, 30 min: expected active: silent@dust-1, got none",
        f"{path}:21:9: an hour of dust, 2026-11-24 09:15: expected wuhan-2017-pm10-act@dust-1 normal, got violated",
        f"{path}:22:9: an hour of dust, 75 min: expected wuhan-2017-pm10-act@dust-1 times: 2, got 1",
        told[5],
    ]
    assert told[1].endswith("expected wuhan-2017-pm10-warn@dust-1 never, got active (value 210.0, limit 150.0)")
    assert told[5].startswith(
        f"{path}:23:9: an hour of dust, 75 min: expected wuhan-2017-pm10-act@dust-1 text: x, got "
    )
    assert "0 of 1 passed" in result.stderr
    chinese = rules("test", "--lang", "zh", path).output
    assert "应为" in chinese


def test_the_result_as_json(tmp_path: Path) -> None:
    path = write(tmp_path, "{at: 75 min, alarm: wuhan-2017-pm10-act@dust-1, is: never}")
    result = rules("test", "--json", path, STORIES / "wuhan-2017.yaml")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [said["passed"], *(file["file"] for file in said["files"])] == [
        False, str(path), str(STORIES / "wuhan-2017.yaml"),
    ]  # fmt: skip
    first = said["files"][0]["tests"][0]
    assert first["name"] == "an hour of dust"
    assert first["failures"][0]["line"] == 18
    assert first["failures"][0]["expected"] == "wuhan-2017-pm10-act@dust-1 never"
    assert said["files"][1]["tests"][0]["failures"] == []


@pytest.mark.parametrize(
    ("expected", "line", "sentence"),
    [
        ("{at: 75 min, alarm: wuhan-2017-pm10-akt@dust-1}", 18, "There is no rule `wuhan-2017-pm10-akt`"),
        ("{at: 75 min, alarm: silent@dust-2}", 18, "No device `dust-2` is registered"),
        ("{at: 75, alarm: silent@dust-1}", 18, "`75` is no moment"),
        ("{at: 2026-11-24 07:59, alarm: silent@dust-1}", 18, "is before the test begins"),
        ("{at: 75 min, alarm: silent@dust-1, is: violated}", 18, "`is: violated` is not possible here"),
        ("{at: 75 min, verdict: silent@dust-1}", 18, "is not possible here"),
        ("{at: 75 min, alarms: [], value: 3}", 18, "`value` goes with `alarm` only"),
        ("{at: 75 min, alarm: silent@dust-1, alarms: []}", 18, "Exactly one of alarm, alarms, verdict"),
        ("{at: 75 min}", 18, "Exactly one of alarm, alarms, verdict"),
    ],
)
def test_a_wrong_file_is_not_played(tmp_path: Path, expected: str, line: int, sentence: str) -> None:
    path = write(tmp_path, expected)
    result = rules("test", "--lang", "en", path)
    assert result.exit_code == 2
    told = result.stdout.splitlines()
    assert len(told) == 1, told
    assert told[0].startswith(f"{path}:{line}:")
    assert sentence in told[0]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("80x", "`80x` is no series of values"),
        ("truex3", "`pm10_ug_m3` cannot be `true`"),
        ("5x0", "`5x0` is no series of values"),
        ("_+1x3", "`_+1x3` is no series of values"),
        ("20000", "can never be met"),
        ("1x2000000", "at most `1000000`"),
        ("''", "is no series of values"),
    ],
)
def test_values_that_no_device_says(tmp_path: Path, values: str, sentence: str) -> None:
    path = write(tmp_path, "{at: 0, alarms: []}", text=OWN.replace("210x60", values))
    result = rules("test", "--lang", "en", path)
    assert result.exit_code == 2
    assert sentence in result.stdout


def test_values_are_steps_repetitions_and_gaps(tmp_path: Path) -> None:
    """100+5x3 is 100, 105, 110; what is not said makes a device silent after three of its intervals."""
    path = write(
        tmp_path,
        "{at: 20 min, alarms: []}",
        "{at: 24 min, alarms: [silent@dust-1]}",
        "{at: 25 min, alarms: []}",
        text=OWN.replace("210x60", "100+5x3 90-1.5x18 _x4 80"),
    )
    assert rules("test", path).output == rules("test", path).output
    assert rules("test", path).exit_code == 0, rules("test", path).output


def test_without_devices_the_configuration_around_the_file_is_tested(root: Path, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    shutil.copytree(root / "deploy" / "example", etc)
    result = rules("test", etc / "rules.t" / "example.yaml")
    assert result.exit_code == 0, result.output
    rule = etc / "rules.d" / "manhole.yaml"
    rule.write_text(rule.read_text().replace("above: 15", "above: 20"))
    result = rules("test", "--lang", "en", etc / "rules.t" / "example.yaml")
    assert result.exit_code == 1
    assert "cover-tilted@mh-0114" in result.stdout


def test_a_file_that_tests_nothing(tmp_path: Path) -> None:
    text = "tests: [{name: a, start: 2026-11-24 08:00, expect: [{at: 0, alarms: []}]}]\n"
    result = rules("test", "--lang", "en", write(tmp_path, text=text))
    assert (result.exit_code, "There is no configuration to test" in result.stdout) == (2, True)


def test_what_is_no_file_is_told_and_the_others_are_played(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    result = rules("test", "--json", tmp_path / "pipe.yaml", STORIES / "wuhan-2017.yaml")
    assert result.exit_code == 2
    first, second = json.loads(result.stdout)["files"]
    assert "pipe.yaml" in first["problems"][0]
    assert [test["failures"] for test in second["tests"]] == [[]]


# ------------------------------------------------------------------------------------------------------------ list


def etc(directory: Path) -> Path:
    shutil.copytree(Path(__file__).resolve().parent.parent / "wrong_yaml" / "right", directory / "etc")
    main_file = directory / "etc" / "cityward.yaml"
    main_file.write_text(main_file.read_text() + "standards: [wuhan-2017]\n")
    return directory / "etc"


def test_the_list_says_what_the_numbers_rest_on(tmp_path: Path) -> None:
    result = rules("list", "--lang", "en", etc(tmp_path))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("wuhan-2017-pm10-act"))
    assert lines[at].split("  ") == [
        "wuhan-2017-pm10-act", "hour_mean pm10_ug_m3", "dust (1 devices)", "priority 2", "reference", "pack wuhan-2017",
    ]  # fmt: skip
    assert lines[at + 1 : at + 3] == [
        "    clear: 150  武汉市 2017（新华网）, 直至不高于150  [V2]",
        "    limit: 200  武汉市 2017（新华网）, 大于200 现场检查、停工  [V2]",
    ]
    assert any(line.startswith("silent  silence  all devices (3 devices)") for line in lines)


def test_the_list_as_json(tmp_path: Path) -> None:
    result = rules("list", "--json", etc(tmp_path))
    act = next(rule for rule in json.loads(result.stdout) if rule["id"] == "wuhan-2017-pm10-act")
    assert (act["basis"], act["pack"], act["devices"], act["unverified"]) == ("reference", "wuhan-2017", 1, False)
    assert act["sources"][1]["clause"] == "大于200 现场检查、停工"
    assert act["settings"]["clear"] == 150


def test_no_list_of_what_is_wrong(tmp_path: Path) -> None:
    directory = etc(tmp_path)
    (directory / "rules.d" / "b.yaml").write_text("rules: [{}]\n")
    result = rules("list", "--lang", "en", directory)
    assert result.exit_code == 1
    assert "b.yaml:1" in result.output
