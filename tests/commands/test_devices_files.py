"""`cityward devices import` and `export`: an installer's list, as Excel saves it, as people write it."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from commands import main
from config import csv_columns, csv_list
from config.check import load
from config.yaml import parse
from devices.registry import Device


@pytest.fixture
def directory(root: Path, tmp_path: Path) -> Path:
    shutil.copytree(root / "deploy" / "example", tmp_path / "etc")
    return tmp_path / "etc"


def cityward(directory: Path, *words: object, language: str = "en") -> Result:
    arguments = [*map(str, words), "--directory", str(directory), "--lang", language]
    return CliRunner().invoke(main, ["devices", *arguments])


def devices(directory: Path) -> dict[str, Device]:
    loaded = load(directory)
    assert loaded.compiled is not None, [problem.text("en") for problem in loaded.problems]
    return {device.id: device for device in loaded.compiled.registry.devices}


LIST = """鼓楼区井盖安装清单,,,,,,,,,,
编号,型号,地址,名称,经度（°）,纬度,坐标系,工地,上报周期,标签.owner,选项.variant
mh-0200,dingtek-dc41x,24-E1-24-12-6A-14-84-AA,文化路20号 污水井盖,117.1859,34.2610,WGS-84,,6小时,排水处,
t-1,milesight-iot,EUI：24:E1:24:12:6A:14:84:AB,"倾角, 东侧",117.1860,34.2611,高德,云龙湖二期,360 分钟,no,em310-tilt
,,,,,,,,,,
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_list_from_excel_in_china(directory: Path, tmp_path: Path, encoding: str) -> None:
    before = devices(directory)
    file = tmp_path / "清单.csv"
    file.write_bytes(LIST.replace("\n", "\r\n").encode(encoding))
    done = cityward(directory, "import", file, language="zh")
    assert done.exit_code == 0, done.stderr
    assert "2 台设备已写入" in done.stdout
    assert "cityward plan" in done.stdout
    after = devices(directory)
    assert {name: after[name] for name in before} == before
    cover, tilt = after["mh-0200"], after["t-1"]
    assert (cover.address, cover.name, cover.at) == ("eui:24e124126a1484aa", "文化路20号 污水井盖", (117.1859, 34.261))
    assert (cover.interval_ms, cover.labels) == (6 * 3_600_000, {"owner": "排水处"})
    assert (tilt.address, tilt.name, tilt.site) == ("eui:24e124126a1484ab", "倾角, 东侧", "云龙湖二期")
    assert (tilt.interval_ms, tilt.labels, tilt.options.variant) == (6 * 3_600_000, {"owner": "no"}, "em310-tilt")
    assert tilt.at is not None
    assert 0.003 < 117.1860 - tilt.at[0] < 0.01, "read off a Gaode map"
    text = (directory / "devices.d" / "清单.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    assert "    name: 文化路20号 污水井盖\n" in text
    again = cityward(directory, "import", file)
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    other = cityward(directory, "import", file, "--out", "more")
    assert other.exit_code == 1
    assert "row 3, 编号: The device id `mh-0200` was already used at" in other.stderr
    assert not (directory / "devices.d" / "more.yaml").exists()


FAULTS = """id,model,IMEI,name,lon,lat,crs,interval,options.variant,owner
a-1,dingtek-dc41x,8.61E+14,x,117.1,34.2,wgs84,6 h,,
a-2,milesight-iot,863703030668235,,34.2610,117.1859,bd09,6 h,em310-tlt,
a-2,milesite-iot,863703030668235,,117.2,,bd09,6,,
,dingtek-dc41x,86370303066823,,E117.1,N34.2,,6 h,,
a-5,dingtek-dc41x,863703030668236,#N/A,117°11′,34.2,mars,6 h,,,surplus
"""


def test_every_fault_is_named_by_row_and_column_all_at_once(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(FAULTS, encoding="utf-8")
    files = sorted(path.name for path in (directory / "devices.d").iterdir())
    done = cityward(directory, "import", tmp_path / "list.csv")
    assert done.exit_code == 1
    assert sorted(path.name for path in (directory / "devices.d").iterdir()) == files, "nothing was written"
    told = done.stderr
    for row, column, what in (
        (1, "owner", "Call labels of your own `labels.owner`"),
        (2, "IMEI", "Excel has shortened a long number to `8.61E+14`"),
        (3, "lon", "swapped"),
        (3, "options.variant", "em310-tlt"),
        (4, "id", "The device id `a-2` was already used at row 3"),
        (4, "model", "Did you mean `milesight-iot`?"),
        (4, "IMEI", "The address `imei:863703030668235` already belongs to device `a-2` at row 3"),
        (4, "lat", "Longitude and latitude belong together"),
        (4, "interval", "has no unit"),
        (5, "id", "is missing"),
        (5, "IMEI", "86370303066823"),
        (6, "name", "`#N/A` is an error of Excel"),
        (6, "lon", "`117°11′` is no number of degrees"),
        (6, "crs", "mars"),
    ):
        lines = [line for line in told.splitlines() if line.startswith(f"row {row}, {column}: ")]
        assert len(lines) == 1, (row, column, told)
        assert what in lines[0]
    assert "row 6: `surplus` stands under no header." in told
    assert told.splitlines()[-1] == f"{len(told.splitlines()) - 1} faults; nothing was written."
    chinese = cityward(directory, "import", tmp_path / "list.csv", language="zh").stderr
    assert "第 2 行“IMEI”：`8.61E+14` 是被 Excel 改坏的长数字" in chinese
    faults = json.loads(cityward(directory, "import", tmp_path / "list.csv", "--json").stdout)["faults"]
    assert {"row", "column", "zh", "en"} <= faults[0].keys()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04rest", "This is no CSV file"),
        ("id,model\r\n".encode("utf-16"), "This is no CSV file"),
        (b"\xff\xff\xff\x00", "neither UTF-8 nor GB 18030"),
        (b"", "None of the first 5 rows has headers"),
        (b"a,b\nc,d\n", "None of the first 5 rows has headers"),
        (b"id,model,address\n", "There are no devices below the headers"),
        (b'id,model,address\na,"plain,x\n', "The quotes do not match"),
        ("id,编号,model\na,b,plain\n".encode(), "This is the same as id"),
        (b"id;model;IMEI;MN;interval\na;plain;863703030668235;X1;6 h\n", "A device has one address"),
        (b'id,model,address,interval\na,dingtek-dc41x,"eui:1\n2",6 h\n', "line break"),
        (b"id,model,address,lon,lat,crs,interval\na,plain,topic:lora/1,117.1,x,wgs84,6 h\n", "for example `34.2610`"),
        (b"id,model,address,options.fields,interval\na,plain,topic:lora/1,{x},6 h\n", "This is no JSON"),
    ],
)  # fmt: skip
def test_files_that_are_none(directory: Path, tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    done = cityward(directory, "import", tmp_path / "list.csv")
    assert done.exit_code == 1
    assert what in done.stderr
    assert len(list((directory / "devices.d").iterdir())) == 1


def test_wrong_files_are_named_and_nothing_is_written(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    rules = directory / "rules.d" / "dust.yaml"
    rules.write_text(rules.read_text().replace("priority: 3", "priority: 9"))
    done = cityward(directory, "import", tmp_path / "list.csv")
    assert done.exit_code == 1
    assert f"{rules}:" in done.stderr
    assert cityward(directory, "export").exit_code == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_exported_is_imported_again(directory: Path, tmp_path: Path, language: str) -> None:
    """All kinds of devices; a name that a spreadsheet would compute, an id that it would take for a number."""
    (directory / "devices.d" / "more.yaml").write_text(
        "defaults: {crs: wgs84, interval: 90 s}\ndevices:\n"
        "  - {id: '000123', model: dingtek-dc41x, address: 'eui:0000000000000001', name: '=1+1', labels: {b: \"'\"}}\n"
        "  - {id: 3-4, model: milesight-iot, address: 'imei:863703030668235', options: {variant: at101}, at: [-1, 5]}\n"
        "  - {id: x, model: milesight-iot, address: 'imei:863703030668236', name: '名: #1, \"x\"', labels: {a: 'no'}}\n"
        "  - {id: y, model: decentlab, address: 'eui:0000000000000002', options: {variant: pr26, pmin_bar: -1}}\n",
        encoding="utf-8",
    )
    before = devices(directory)
    exported = cityward(directory, "export", "--out", tmp_path / "out.csv", language=language)
    assert exported.exit_code == 0, exported.stderr
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "else Excel in China takes it for GBK"
    head = next(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert head[0] == ("编号" if language == "zh" else "id")
    for path in (directory / "devices.d").iterdir():
        path.unlink()
    done = cityward(directory, "import", tmp_path / "out.csv")
    assert done.exit_code == 0, done.stderr
    assert devices(directory) == before


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "), max_size=12)


@given(TEXT)
def test_any_text_goes_through_a_spreadsheet_and_yaml(text: str) -> None:
    text = text.strip()
    assert csv_columns.plain(csv_columns.guarded(text)) == text
    assert parse("f", f"a: {csv_list.scalar(text)}\n".encode()).data == {"a": text}


@given(st.binary(max_size=200))
def test_no_bytes_are_too_much(content: bytes) -> None:
    csv_list.read(b"id,model,address\n" + content)
    csv_list.read(content)
