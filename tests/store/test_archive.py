"""The archive: tables that a spreadsheet reads, and that are read again exactly."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.stores import open_stores
from rules.past import LATE, Row
from rules.records import Status
from store import archive
from store.archive import ArchiveError, Writer
from store.fs import DiskFullError, OsFs

DUST = ("pm10_ug_m3", "noise_db")


def fill(directory: Path, date: str, *rows: tuple[Row, dict[str, str]], family: str = "dust") -> None:
    writer = Writer(directory)
    path, columns = writer.columns(date, family, DUST)
    for row, values in rows:
        writer.line(path, archive.line_of(row, values, columns))
    writer.close()


def arrivals(directory: Path, wanted: set[str] | None = None) -> list[int]:
    pieces = archive.read(directory, "2026-10-01", "2026-10-31", wanted or set())
    return [one.at_ms if isinstance(one, Status) else one.arrived for piece in pieces for one in piece]


def test_a_spreadsheet_and_a_backtest_read_the_same(tmp_path: Path) -> None:
    rows = [
        (Row(1000, "dust-1", 900, None, None), {"pm10_ug_m3": "35.5", "noise_db": "61"}),
        (Row(1001, "dust-2", 901, LATE, "late noise_db:D"), {"pm10_ug_m3": "1e-05"}),
        (Row(1002, "dust-1", 902, None, None), {}),
    ]
    fill(tmp_path, "2026-10-01", *rows[:2])
    fill(tmp_path, "2026-10-01", rows[2])
    (path,) = (tmp_path / "2026-10-01").iterdir()
    with gzip.open(path, "rt", newline="") as file:
        table = list(csv.DictReader(file))
    assert [each["device"] for each in table] == ["dust-1", "dust-2", "dust-1"]
    assert table[1]["flags"] == "late noise_db:D"
    assert table[2]["noise_db"] == ""
    (read,) = archive.read(tmp_path, "2026-10-01", "2026-10-01", {"pm10_ug_m3", "wind_speed_m_s"})
    assert [(r.arrived, r.device, r.time, r.how, r.flags) for r in read] == [
        (row.arrived, row.device, row.time, row.how, row.flags) for row, _ in rows
    ]
    assert [(r.pm10_ug_m3, r.noise_db, r.wind_speed_m_s) for r in read] == [
        (35.5, 61.0, None),
        (1e-05, None, None),
        (None, None, None),
    ]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_whatever_a_text_holds_the_line_stays_one(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    directory = tmp_path_factory.mktemp("archive")
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    fill(directory, "2026-10-01", *((Row(at, "dust-1", at, None, text or None), {}) for at, text in enumerate(clean)))
    (read,) = archive.read(directory, "2026-10-01", "2026-10-01", set())
    assert [row.arrived for row in read] == list(range(len(texts)))
    for row, text in zip(read, clean, strict=True):
        assert (row.flags or "") == archive.quoted(text)[1:-1]


def test_families_and_what_the_gateway_noticed_come_in_their_order(tmp_path: Path) -> None:
    fill(tmp_path, "2026-10-01", *((Row(at, "dust-1", at, None, None), {}) for at in (10, 30, 50)))
    fill(tmp_path, "2026-10-01", *((Row(at, "m-1", at, None, None), {}) for at in (20, 30, 60)), family="manhole")
    writer = Writer(tmp_path)
    for at in (5, 30, 99):
        writer.note("2026-10-01", Status(at_ms=at, subject="broker:lora", kind="link", data={"up": True, "why": ""}))
    writer.close()
    fill(tmp_path, "2026-10-02", (Row(120, "dust-1", 120, None, None), {}))
    assert arrivals(tmp_path) == [5, 10, 20, 30, 30, 30, 50, 60, 99, 120]


def test_a_new_quantity_begins_a_file_of_its_own(tmp_path: Path) -> None:
    fill(tmp_path, "2026-10-01", (Row(10, "dust-1", 10, None, None), {"noise_db": "1"}))
    writer = Writer(tmp_path)
    path, columns = writer.columns("2026-10-01", "dust", ["noise_db"])
    assert (path.name, columns) == ("dust.1.csv.gz", DUST)
    path, columns = writer.columns("2026-10-01", "dust", ["noise_db", "wind_speed_m_s"])
    assert (path.name, columns) == ("dust.2.csv.gz", ("noise_db", "wind_speed_m_s"))
    writer.line(path, archive.line_of(Row(20, "dust-2", 20, None, None), {"wind_speed_m_s": "3.5"}, columns))
    writer.close()
    assert arrivals(tmp_path, {"wind_speed_m_s"}) == [10, 20]


def test_a_day_that_gave_way_while_it_was_written_begins_anew(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    path, columns = writer.columns("2026-10-01", "dust", DUST)
    writer.line(path, archive.line_of(Row(10, "dust-1", 10, None, None), {}, columns))
    writer.close()
    assert archive.drop_oldest(tmp_path) > 0
    writer.line(path, archive.line_of(Row(20, "dust-1", 20, None, None), {}, columns))
    writer.close()
    assert arrivals(tmp_path) == [20]


def test_the_oldest_day_gives_way(tmp_path: Path) -> None:
    assert archive.drop_oldest(tmp_path / "none") == 0
    for date in ("2026-10-02", "2026-10-01"):
        fill(tmp_path, date, (Row(10, "dust-1", 10, None, None), {}))
    before = archive.size(tmp_path)
    freed = archive.drop_oldest(tmp_path)
    assert archive.dates(tmp_path) == ["2026-10-02"]
    assert archive.size(tmp_path) == before - freed + 1


def test_it_gives_way_before_anything_else(tmp_path: Path) -> None:
    stores = open_stores(OsFs(), tmp_path, journal_bytes=64 << 20, inbox_bytes=16 << 20)
    for date in ("2026-10-01", "2026-10-02"):
        fill(tmp_path / "archive", date, (Row(10, "dust-1", 10, None, None), {}))
    ballast = (tmp_path / "book.sqlite.ballast").stat().st_size
    fails = iter([True, True, False])

    def write() -> list[str]:
        if next(fails):
            raise DiskFullError("no room")
        return archive.dates(tmp_path / "archive")

    assert stores.with_room(write) == []
    assert (tmp_path / "book.sqlite.ballast").stat().st_size == ballast
    stores.close()


def test_who_reads_beside_the_writer_reads_what_is_whole(tmp_path: Path) -> None:
    fill(tmp_path, "2026-10-01", (Row(10, "dust-1", 10, None, None), {}))
    archive.publish(OsFs(), tmp_path, archive.sizes(tmp_path))
    fill(tmp_path, "2026-10-01", (Row(20, "dust-1", 20, None, None), {}))
    fill(tmp_path, "2026-10-02", (Row(30, "dust-1", 30, None, None), {}))
    assert arrivals(tmp_path) == [10]
    archive.publish(OsFs(), tmp_path, archive.sizes(tmp_path))
    assert arrivals(tmp_path) == [10, 20, 30]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "2026-10-01", *((Row(at, "dust-1", at, None, None), {}) for at in range(1000)))
    (path,) = (tmp_path / "2026-10-01").iterdir()
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArchiveError, match=r"2026-10-01/dust\.1\.csv\.gz"):
        arrivals(tmp_path)
    path.write_bytes(gzip.compress(b"time,value\n1,2\n"))
    with pytest.raises(ArchiveError, match="its first line must begin with arrived,device,time,how,flags"):
        arrivals(tmp_path)
