"""`console:` as it stands in the example and in the docs means what they say."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.check import load
from feed.console_settings import DAY_MIN, EIGHT_HOURS, ConsoleSettings, MapSettings, ShiftSettings

MAIN = "gateway: {id: gw-1, time_zone: Asia/Shanghai}\n"


def of_yaml(directory: Path, written: str) -> ConsoleSettings:
    (directory / "cityward.yaml").write_text(MAIN + written, encoding="utf-8")
    loaded = load(directory)
    assert [problem.text("en") for problem in loaded.errors] == []
    assert loaded.compiled is not None
    return loaded.compiled.settings.console


def test_what_the_example_comments_out_is_right(root: Path, tmp_path: Path) -> None:
    text = (root / "deploy/example/cityward.yaml").read_text(encoding="utf-8")
    written = text[text.index("# console:") :].partition("\n\n")[0]
    console = of_yaml(tmp_path, "\n".join(line.removeprefix("# ") for line in written.splitlines()) + "\n")
    assert console.map is not None
    assert (console.map.crs, console.map.origin) == ("gcj02", "https://tiles.example")
    assert [(one.name, one.start_min, one.length_min) for one in console.shifts] == [
        ("白班", 480, 720), ("夜班", 1200, 720),
    ]  # fmt: skip


def test_what_the_docs_show_is_right(root: Path, tmp_path: Path) -> None:
    docs = (root / "docs/configuration.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(console:\n.*?)```", docs, re.DOTALL)
    assert of_yaml(tmp_path, shown).camera == "https://cameras.example/live/{label:camera}"


def test_without_a_word_three_shifts_fill_the_day(tmp_path: Path) -> None:
    console = of_yaml(tmp_path, "")
    assert console.shifts == EIGHT_HOURS
    assert sum(shift.length_min for shift in console.shifts) == DAY_MIN
    assert (console.name, console.map, console.camera) == (None, None, None)


@pytest.mark.parametrize(
    ("begins", "ends", "length"),
    [("00:00", "24:00", 1440), ("08:00", "08:00", 1440), ("22:30", "06:00", 450), ("24:00", "08:00", 480)],
)
def test_a_shift_by_the_clock(begins: str, ends: str, length: int) -> None:
    assert ShiftSettings.model_validate({"name": "x", "from": begins, "to": ends}).length_min == length


@pytest.mark.parametrize(
    "tiles",
    [
        "ftp://tiles.example/{z}/{x}/{y}.png", "https://tiles.example/{z}/{x}.png", "https:///{z}/{x}/{y}",
        "https://u:p@tiles.example/{z}/{x}/{y}", "https://tiles.example; script-src */{z}/{x}/{y}",
        "https://t{x}.example/{z}/{x}/{y}", "https://tiles.example/{z}/{x}/{y}/{w}", "/tiles/{z}/{x}/{y}", "{z}{x}{y",
        "https://地图.example/{z}/{x}/{y}.png",
    ],
)  # fmt: skip
def test_tiles_that_would_be_no_host_in_a_policy(tiles: str) -> None:
    """The host goes into a header: nothing may stand in it that means something there."""
    with pytest.raises(ValidationError):
        MapSettings(tiles=tiles, crs="wgs84", attribution="x")


def test_the_origin_of_tiles_has_its_port_and_no_user() -> None:
    tiles = MapSettings(tiles="http://10.1.2.3:8080/{z}/{y}/{x}?k=1", crs="wgs84", attribution="x")
    assert tiles.origin == "http://10.1.2.3:8080"
