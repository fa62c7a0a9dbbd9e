"""Reports: what an official reads of a site, recomputed by hand from what its stations said.

The city is made up in YAML, judged by the real fold and told to a real book (`tests.feed.streets`).
"""

import csv
import io
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from feed.reports import spans
from feed.reports.facts import Report
from feed.reports.make import Maker, table
from feed.reports.page import CSP, page
from feed.reports.settings import ReportsSettings
from feed.reports.shelf import Shelf, ShelfReader
from feed.reports.words import Language
from rules.flood import annunciated
from rules.records import Tick
from tests.feed.streets import DUST, HOUR, MINUTE, REPORTS, City

DAY = "2026-11-23"
EAST, WEST = "dust-07", "dust-08"


def at_hour(city: City, at_ms: int) -> int:
    return (at_ms - city.ms(f"{DAY} 00:00")) // HOUR


def pm10(hour: int) -> float:
    """Say what the east gate measured in an hour: from 9 to 12 o'clock it was dusty."""
    return 180.0 + hour if 9 <= hour < 12 else 60.0 + hour


def air(city: City, device: str, at_ms: int) -> dict[str, Any] | None:
    """East speaks all day; west not before noon; the other site says nothing at all."""
    hour = at_hour(city, at_ms)
    if device == WEST and hour < 12:
        return None
    shift = 0.0 if device == EAST else 20.0
    return {"pm10": pm10(hour) - shift, "pm25": 30.5, "tsp": 2 * pm10(hour), "noise": 55.0 + hour % 3, "wind": 2.0}


def maker(city: City, **settings: str | None) -> Maker:
    given: dict[str, str | None] = {"daily": "07:30", "monthly": "1 08:00", "city": "徐州市鼓楼区", **settings}
    return Maker(
        book=city.state / "book.sqlite", registry=city.registry, ruleset=city.ruleset,
        settings=ReportsSettings.model_validate(given),
    )  # fmt: skip


def report_of(city: City, site: str | None, span: str = DAY, now: str = "2026-11-24 07:30") -> Report:
    zone = str(city.zone)
    one = spans.day(span, zone) if len(span) > 7 else spans.month(span, zone)
    (report,) = maker(city).gather(one, city.ms(now), [site])
    return report


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


# A reading stands for the minutes since the one before: said at 4, 9, 14 ... minutes, no reading is of two hours.


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Let a day of the city go by: somebody answers 24 minutes after the ring, and one cover opens."""
    city = City(tmp_path_factory.mktemp("city"))

    def answer(at_ms: int) -> None:
        alarm = city.fold.memory.world.judging.alarms.by_id.get(f"pm10-hour@{EAST}")
        if alarm is not None and not alarm.acknowledged and at_ms - alarm.since_ms >= 24 * MINUTE:
            city.ack(at_ms, alarm, comment="已开雾炮，覆盖裸土")
        if at_hour(city, at_ms) == 15 and at_ms % HOUR == 4 * MINUTE:
            city.say(at_ms, "mh-0114", tilt=34.2)

    city.answer = answer  # type: ignore[method-assign]
    city.live(f"{DAY} 00:04", "2026-11-24 00:00", [EAST, WEST], lambda device, at_ms: air(city, device, at_ms))
    city.wait("2026-11-24 07:30")
    return city


# -------------------------------------------------------------------------------------------------- a day of a site


def test_the_values_of_a_day_are_those_that_one_works_out_by_hand(city: City) -> None:
    report = report_of(city, "云龙湖二期")
    (series,) = [each for each in report.series if (each.device, each.quantity) == (EAST, "pm10_ug_m3")]
    means = [pm10(hour) for hour in range(24)]
    assert series.means == pytest.approx(means)
    values = series.values
    assert values.mean == pytest.approx(statistics.mean(means))
    assert values.p95 == pytest.approx(statistics.quantiles(means, n=20, method="inclusive")[-1])
    assert (values.lowest, values.highest, values.valid, values.parts) == (60.0, 191.0, 24, 24)
    assert values.highest_at_ms == city.ms(f"{DAY} 11:00")
    assert (series.readings, series.expected, series.online_pct, series.valid_pct) == (288, 288, 100, 100)


def test_an_exceedance_is_told_with_its_peak_and_with_what_was_done(city: City) -> None:
    (row,) = report_of(city, "云龙湖二期").exceedances
    assert (row.from_ms, row.to_ms) == (city.ms(f"{DAY} 09:00"), city.ms(f"{DAY} 12:00"))
    assert (row.peak, row.limit, row.basis) == (191.0, 150.0, "reference")
    assert (row.by, row.reply) == ("张三", "已开雾炮，覆盖裸土")
    assert row.minutes == 24
    assert row.rang_ms == city.ms(f"{DAY} 10:10")  # ten minutes after the hour had ended


def test_the_mean_of_a_day_over_its_limit_is_of_that_day_though_it_is_told_after_midnight(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.live(f"{DAY} 00:04", "2026-11-24 00:00", [EAST], lambda *_: {"pm10": 50.0, "tsp": 320.0}, every_ms=5 * MINUTE)
    city.wait("2026-11-24 07:30")
    (row,) = report_of(city, "云龙湖二期").exceedances
    assert (row.from_ms, row.to_ms) == (city.ms(f"{DAY} 00:00"), city.ms("2026-11-24 00:00"))
    assert (row.peak, row.limit, row.basis, row.minutes) == (320.0, 300.0, "compliance", None)
    assert report_of(city, "云龙湖二期", "2026-11-24", "2026-11-25 07:30").exceedances == []
    cells = [row for row in rows_of(table(report_of(city, "云龙湖二期"), "zh")) if row and row[0] == "00:00"]
    assert cells[0][:2] == ["00:00", "24:00"]
    assert cells[0][6:] == ["未回复", "–"]


def test_where_too_little_was_measured_no_mean_is_told_and_the_highest_is_a_least(city: City) -> None:
    report = report_of(city, "云龙湖二期")
    (series,) = [each for each in report.series if (each.device, each.quantity) == (WEST, "pm10_ug_m3")]
    assert (series.values.valid, series.values.parts, series.values.enough) == (12, 24, False)
    assert series.online_pct == 50
    row = next(row for row in rows_of(table(report, "zh")) if row[:2] == ["云龙湖二期 西门", "PM10 µg/m³"])
    assert row[2:7] == ["数据不足", "≥ 63.0", "23:00", "数据不足", "数据不足"]


def test_no_data_are_not_nought(city: City) -> None:
    report = report_of(city, "老东门")
    for row in rows_of(table(report, "zh")):
        if row and row[0] == "老东门 3 号楼" and len(row) > 6:
            assert row[2:] == ["数据不足", "–", "–", "数据不足", "数据不足", "0/24 时", "0.0 %", "–"]
    text = page(report, "zh")
    assert "数据不足" in text
    assert not re.search(r">0\.0</td>", text)


COVERS = """
defaults: {model: plain, interval: 1 h, options: {family: manhole, fields: {a: tilt_deg}}}
devices:
  - {id: mh-1, address: topic:lora/mh-1}
  - {id: mh-2, address: topic:lora/mh-2}
  - {id: mh-3, address: topic:lora/mh-3}
  - {id: mh-4, address: topic:lora/mh-4}
"""


def test_a_cover_is_online_while_it_is_not_known_to_be_silent(tmp_path: Path) -> None:
    """One says nothing from 9 to 18, as its alarm says three hours later; then all, and the link's alarm has them."""
    city = City(tmp_path, devices=COVERS)
    for hour in range(48):
        for cover in ("mh-1", "mh-2", "mh-3", "mh-4"):
            if not (cover == "mh-1" and 10 <= hour < 18) and not 36 <= hour < 46:
                city.say(city.ms("2026-11-22 00:00") + hour * HOUR, cover, a=1.0)
        city.take(city.ms("2026-11-22 00:59") + hour * HOUR, Tick(0))
    city.wait("2026-11-24 07:30")
    first = {each.id: each for each in report_of(city, None, "2026-11-22").units}
    assert {each.by for each in first.values()} == {"silence"}
    assert first["mh-2"].online_pct == 100
    assert first["mh-1"].online_pct == pytest.approx(100 * (1 - (18 - 9) / 24), abs=0.5)
    second = {each.id: each.online_pct for each in report_of(city, None, "2026-11-23").units}
    for share in second.values():
        assert share == pytest.approx(100 * (1 - (22 - 11 + 24 - 23) / 24), abs=0.5)  # none after 23, too
    (family,) = report_of(city, None, "2026-11-22").families
    assert (family.family, family.devices) == ("manhole", 4)
    assert family.online_pct == pytest.approx(100 * (1 - 9 / 24 / 4), abs=0.5)


@pytest.mark.parametrize(("language", "name"), [("zh", "夜班"), ("en", "Night shift")])
def test_the_shifts_that_nobody_named_are_called_in_the_language_of_the_page(
    city: City, language: Language, name: str
) -> None:
    rows = rows_of(table(report_of(city, None), language))
    assert any(row and row[0].startswith(f"{name} 00:00") for row in rows)


def test_the_city_ranks_its_sites_and_gives_no_place_where_too_little_was_measured(city: City) -> None:
    report = report_of(city, None)
    assert report.title == "徐州市鼓楼区"
    assert [(each.site, each.place, each.exceedances) for each in report.ranking] == [
        ("云龙湖二期", 1, 1),
        ("老东门", None, 0),
    ]
    assert report.ranking[0].mean == pytest.approx(statistics.mean(pm10(hour) for hour in range(24)))
    of_day = [e for e in city.events() if annunciated(e) and e.t_ms < city.ms("2026-11-24 00:00")]
    assert report.kpi.alarms == len(of_day) > 5
    assert {e.id: e.alarms for e in report.units} == {
        e.id: sum(o.alarm.device == e.id for o in of_day) for e in report.units
    }


# ------------------------------------------------------------------------------------------------- page and table


def test_the_page_needs_nothing_else_and_holds_both_languages(city: City) -> None:
    text = page(report_of(city, "云龙湖二期"), "zh")
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(?!#)", text)
    assert CSP.replace("'", "&#x27;") in text
    assert text.index('id="en"') < text.index('id="zh"')  # the rule that hides one looks ahead
    for words in (
        "施工许可证号",
        "320302202603150101",
        "已开雾炮，覆盖裸土",
        "24 分钟",
        "24 min",
        "盖章",
        "在线率 = ",
        "Online rate = ",
    ):
        assert words in text
    assert page(report_of(city, "云龙湖二期"), "en").index('id="zh"') < page(report_of(city, "云龙湖二期"), "en").index(
        'id="en"'
    )
    both = page(report_of(city, "云龙湖二期"), "both")
    assert "<nav>" not in both
    assert both.index('id="zh"') < both.index('id="en"')


def test_excel_opens_the_table(city: City) -> None:
    text = table(report_of(city, "云龙湖二期"), "zh")
    assert text.encode().startswith(b"\xef\xbb\xbf")
    assert "\r\n" in text
    rows = rows_of(text)
    hours = rows[next(at for at, row in enumerate(rows) if row[:1] == ["小时"]) + 1 :][:24]
    assert [row[0] for row in hours] == [f"{DAY} {hour:02}:00" for hour in range(24)]
    assert [float(row[1]) for row in hours] == pytest.approx([pm10(hour) for hour in range(24)])


NASTY = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', '=HYPERLINK("http://x")', "+1+1", "@SUM(A1)"]


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_a_name_and_no_program(name: str, tmp_path: Path) -> None:
    quoted = "'" + name.replace("'", "''") + "'"
    devices = DUST.replace("老东门 3 号楼", "NAME").replace("老东门", "NAME").replace("NAME", quoted)
    devices = devices.replace("江苏建工", quoted).replace("permit:", f"{quoted}: x, permit:")
    city = City(tmp_path, devices=devices)
    city.live(f"{DAY} 00:04", f"{DAY} 02:00", ["dust-11"], lambda *_: {"pm10": 200.0})
    city.wait("2026-11-24 07:30")
    for site in (name, "云龙湖二期", None):
        report = report_of(city, site)
        text = page(report, "both")
        assert "<script" not in text
        assert "<img" not in text
        for row in rows_of(table(report, "zh")):
            assert not any(cell[:1] in ("=", "+", "@") for cell in row), row


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_may_have_23_or_25_hours(date: str, hours: int, tmp_path: Path) -> None:
    city = City(tmp_path, zone="Europe/Berlin")
    begin = city.ms(f"{date} 00:00")
    for at_ms in range(begin + 4 * MINUTE, begin + hours * HOUR, 5 * MINUTE):
        city.say(at_ms, EAST, pm10=100.0 + (at_ms - begin) // HOUR)
    for hour in range(10):
        city.take(begin + (hours + hour) * HOUR, Tick(0))
    span = spans.day(date, "Europe/Berlin")
    assert (span.hours, span.to_ms - span.from_ms) == (hours, hours * HOUR)
    (report,) = maker(city).gather(span, begin + (hours + 8) * HOUR, ["云龙湖二期"])
    (series,) = [each for each in report.series if (each.device, each.quantity) == (EAST, "pm10_ug_m3")]
    assert (series.values.valid, series.values.parts) == (hours, hours)
    assert series.values.mean == pytest.approx(100 + (hours - 1) / 2)
    assert series.means == pytest.approx([100 + hour for hour in range(hours)])


# ------------------------------------------------------------------------------------------------------- a month


def test_a_month_is_compared_with_the_one_before(tmp_path: Path) -> None:
    city = City(tmp_path, devices=DUST.replace("interval: 5 min", "interval: 15 min"))
    november = city.ms("2026-11-01 00:00")

    def measured(device: str, at_ms: int) -> dict[str, Any] | None:
        day = (at_ms - november) // (24 * HOUR)
        if device == WEST and 3 <= day < 12:
            return None  # nine days of November are missing: 21 of 30 are not enough
        return {"pm10": 80.0 if day < 0 else 100.0 + day}

    city.live("2026-10-01 00:14", "2026-12-01 00:00", [EAST, WEST], measured, every_ms=15 * MINUTE)
    city.wait("2026-12-01 08:00")
    report = report_of(city, None, "2026-11", "2026-12-01 08:00")
    east, west = (
        next(e for e in report.series if (e.device, e.quantity) == (one, "pm10_ug_m3")) for one in (EAST, WEST)
    )
    days = [100.0 + day for day in range(30)]
    assert east.means == pytest.approx(days)
    assert east.values.mean == pytest.approx(statistics.mean(days))
    assert east.values.p95 == pytest.approx(statistics.quantiles(days, n=20, method="inclusive")[-1])
    assert east.before is not None
    assert east.before.mean == pytest.approx(80)
    assert east.year is None
    assert (west.values.valid, west.values.parts, west.values.enough) == (21, 30, False)
    row = next(row for row in rows_of(table(report, "zh")) if row[:2] == ["云龙湖二期 东门", "PM10 µg/m³"])
    assert row[-2:] == ["+43.1 %", "–"]  # 114.5 over 80
    assert [(each.site, each.place) for each in report.ranking] == [("云龙湖二期", 1), ("老东门", None)]


# ------------------------------------------------------------------------------------- what is due, and versions


def due(settings: ReportsSettings, now: str, *made: str) -> list[str]:
    from datetime import datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    now_ms = int(datetime.fromisoformat(now).replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
    return [span.name for span in spans.due(settings, "Asia/Shanghai", now_ms, made)]


BOTH = ReportsSettings(daily="07:30", monthly="1 08:00")


@pytest.mark.parametrize(
    ("now", "made", "wanted"),
    [
        ("2026-11-24 07:29", [], ["2026-10", "2026-11-22"]),
        ("2026-11-24 07:30", [], ["2026-10", "2026-11-23"]),
        ("2026-11-24 09:00", ["2026-10", "2026-11-23"], []),
        ("2026-11-27 09:00", ["2026-10", "2026-11-23"], ["2026-11-24", "2026-11-25", "2026-11-26"]),
        ("2026-11-27 07:00", ["2026-10", "2026-11-23"], ["2026-11-24", "2026-11-25"]),
        ("2026-12-01 07:59", ["2026-10", "2026-11-30"], []),
        ("2026-12-01 08:00", ["2026-10", "2026-11-30"], ["2026-11"]),
        ("2027-02-01 08:00", ["2026-10", "2027-01-31"], ["2026-11", "2026-12", "2027-01"]),
        ("2026-11-24 07:30", ["2026-10", "2026-11-21", "2026-11-23"], []),
    ],
)
def test_what_was_missed_is_due(now: str, made: list[str], wanted: list[str]) -> None:
    assert due(BOTH, now, *made) == wanted


def test_after_a_long_downtime_the_last_month_of_days_is_made() -> None:
    found = due(ReportsSettings(daily="07:30"), "2026-11-24 08:00", "2026-05-01")
    assert (len(found), found[0], found[-1]) == (31, "2026-10-24", "2026-11-23")


def test_three_days_of_downtime_cost_no_report(tmp_path: Path) -> None:
    city = City(tmp_path)
    make = maker(city, monthly=None)
    city.live(f"{DAY} 00:04", "2026-11-24 00:00", [EAST], lambda *_: {"pm10": 90.0})
    city.wait("2026-11-24 07:30")
    first = make.run(city.state, city.ms("2026-11-24 07:30"))
    assert [(each.span, each.site, each.version) for each in first] == [
        (DAY, "云龙湖二期", 1), (DAY, "老东门", 1), (DAY, "", 1),
    ]  # fmt: skip
    assert make.run(city.state, city.ms("2026-11-24 07:31")) == []
    city.wait("2026-11-27 09:00")
    missed = make.run(city.state, city.ms("2026-11-27 09:00"))
    assert [each.span for each in missed if not each.site] == ["2026-11-24", "2026-11-25", "2026-11-26"]
    assert all(each.version == 1 for each in missed)
    with ShelfReader(city.state) as shelf:
        assert len(shelf.all()) == 12
        assert [each.span for each in shelf.all(site="")] == ["2026-11-26", "2026-11-25", "2026-11-24", DAY]
        csv_text = shelf.path("day-2026-11-25-city-v1", "csv").read_text(encoding="utf-8")
    assert "数据不足" in csv_text


TIMED = DUST.replace("      family: dust\n", "      family: dust\n      time: {field: t, unit: ms}\n")


def test_amended_data_give_a_second_version_and_leave_the_first_as_it_was(tmp_path: Path) -> None:
    """Half a day of the west gate lay in its logger, and comes on the next morning, after the report."""
    city = City(tmp_path, devices=TIMED)
    late: list[int] = []

    def measured(_: str, at_ms: int) -> dict[str, Any] | None:
        hour = at_hour(city, at_ms)
        if 6 <= hour < 14:
            late.append(at_ms)
            return None
        return {"t": at_ms, "pm10": 60.0}

    city.live(f"{DAY} 00:04", "2026-11-24 07:30", [WEST], measured)
    make = maker(city, monthly=None)
    first = make.run(city.state, city.ms("2026-11-24 07:30"))
    with ShelfReader(city.state) as shelf:
        files = {each.id: shelf.path(each.id, "html").read_bytes() for each in first}
    for at_ms in late:
        city.say(city.ms("2026-11-24 10:00"), WEST, t=at_ms, pm10=180.0)
    city.wait("2026-11-25 07:30")
    again = make.run(city.state, city.ms("2026-11-25 07:30"))
    assert [(each.span, each.site, each.version, each.why) for each in again] == [
        (DAY, "云龙湖二期", 2, "amended"), (DAY, "", 2, "amended"),
        ("2026-11-24", "云龙湖二期", 1, ""), ("2026-11-24", "老东门", 1, ""), ("2026-11-24", "", 1, ""),
    ]  # fmt: skip
    with ShelfReader(city.state) as shelf:
        assert all(shelf.path(name, "html").read_bytes() == body for name, body in files.items())
        new, of_city = shelf.report(again[0]), shelf.report(again[1])
        text = shelf.path(again[0].id, "html").read_text(encoding="utf-8")
    assert new is not None
    told = [each.zh for each in new.revisions]
    assert "云龙湖二期 西门 PM10 平均：数据不足 → 100.0" in told
    assert "云龙湖二期 西门 PM10 有效：16/24 时 → 24/24 时" in told
    assert "云龙湖二期 西门 PM10 在线率：66.7 % → 100.0 %" in told
    assert of_city is not None
    ranked = [each.en for each in of_city.revisions if each.en.startswith("云龙湖二期, ")]
    assert ranked[:3] == [
        "云龙湖二期, place: – → 1",
        "云龙湖二期, mean: too few data → 100.0",
        "云龙湖二期, highest hour: ≥ 60.0 → ≥ 180.0",
    ]  # fmt: skip
    assert "云龙湖二期, exceedances: – → ≥ 8" in ranked
    assert any(line.startswith("新增超标：06:00 云龙湖二期 西门 PM10 小时均值") for line in told)
    assert "与第 1 版的不同" in text
    assert "迟到数据" in text
    assert make.run(city.state, city.ms("2026-11-25 07:31")) == []
    city.wait("2026-11-27 07:30")  # all is final by now, and nothing has changed
    assert {each.version for each in make.run(city.state, city.ms("2026-11-27 07:30"))} == {1}


def test_an_hour_that_a_revision_brings_under_its_limit_stays_in_the_ledger_as_turned(tmp_path: Path) -> None:
    """Of one hour only the dusty three quarters came in time: 160 over 150. The rest comes late, and it is 130."""
    city = City(tmp_path, devices=TIMED)

    def measured(_: str, at_ms: int) -> dict[str, Any] | None:
        if at_hour(city, at_ms) != 9:
            return {"t": at_ms, "pm10": 60.0}
        return {"t": at_ms, "pm10": 160.0} if at_ms % HOUR < 45 * MINUTE else None

    city.live(f"{DAY} 00:04", f"{DAY} 20:00", [WEST], measured)
    (row,) = report_of(city, "云龙湖二期", now=f"{DAY} 20:00").exceedances
    assert (row.peak, row.turned, row.amended) == (160.0, False, 0)
    for minute in (49, 54, 59):
        city.say(city.ms(f"{DAY} 20:00"), WEST, t=city.ms(f"{DAY} 09:{minute}"), pm10=40.0)
    city.wait(f"{DAY} 21:00")
    (row,) = report_of(city, "云龙湖二期", now=f"{DAY} 21:00").exceedances
    assert (row.turned, row.amended) == (True, 1)
    report = report_of(city, "云龙湖二期", now=f"{DAY} 21:00")
    assert "经修订未超标" in page(report, "zh")
    ranked = {each.site: each.exceedances for each in report_of(city, None, now=f"{DAY} 21:00").ranking}
    assert ranked["云龙湖二期"] == 0


def test_an_exceedance_over_midnight_stands_in_both_days(tmp_path: Path) -> None:
    city = City(tmp_path)
    midnight = city.ms("2026-11-24 00:00")
    city.live(
        f"{DAY} 12:04", "2026-11-24 07:30", [EAST],
        lambda _, at_ms: {"pm10": 200.0 if -2 * HOUR <= at_ms - midnight < 3 * HOUR else 60.0},
    )  # fmt: skip
    for day, now in ((DAY, "2026-11-24 07:30"), ("2026-11-24", "2026-11-24 07:30")):
        (row,) = report_of(city, "云龙湖二期", day, now).exceedances
        assert row.to_ms == city.ms("2026-11-24 03:00")
    first = report_of(city, "云龙湖二期", DAY, "2026-11-24 07:30").exceedances[0]
    assert first.from_ms == city.ms(f"{DAY} 22:00")


def test_devices_that_came_and_went_are_told(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.live(f"{DAY} 00:04", f"{DAY} 02:00", [EAST], lambda *_: {"pm10": 90.0})
    city.wait("2026-11-24 07:30")
    maker(city, monthly=None).run(city.state, city.ms("2026-11-24 07:30"))
    path = city.etc / "devices.d/all.yaml"
    text = (
        path.read_text(encoding="utf-8")
        .replace("id: dust-08", "id: dust-09")
        .replace("东门\n    site", "正门\n    site")
    )
    path.write_text(text.replace("dust-08", "dust-09"), encoding="utf-8")
    city.configure()
    city.wait("2026-11-25 07:30")
    made = maker(city, monthly=None).run(city.state, city.ms("2026-11-25 07:30"))
    with ShelfReader(city.state) as shelf:
        report = shelf.report(next(each for each in made if each.span == "2026-11-24" and each.site == "云龙湖二期"))
    assert report is not None
    assert report.changed is not None
    assert [each.zh for each in report.changed] == [
        "新增 云龙湖二期 西门（dust-09，plain）", "移除 云龙湖二期 西门（dust-08）",
        "dust-07 名称：云龙湖二期 东门 → 云龙湖二期 正门",
    ]  # fmt: skip


def test_reports_are_kept_as_long_as_is_said(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.live(f"{DAY} 00:04", f"{DAY} 02:00", [EAST], lambda *_: {"pm10": 60.0})
    make = maker(city, monthly=None, keep="31 d")
    assert len(make.run(city.state, city.ms("2026-11-24 07:30"))) == 3
    make.run(city.state, city.ms("2026-12-26 07:30"))
    with Shelf(city.state) as shelf:
        assert DAY not in {each.span for each in shelf.all()}
        assert not list(shelf.folder.glob(f"day-{DAY}-*"))


@pytest.mark.parametrize("name", ["../desk", "day-2026-11-23-city-v1/../../x", "day-2026-11-23-city-v0", "", "x.html"])
def test_what_is_no_id_is_no_path(name: str, tmp_path: Path) -> None:
    with ShelfReader(tmp_path) as shelf, pytest.raises(ValueError, match=re.escape(f"{name}.html")):
        shelf.path(name, "html")


def test_reports_want_hours_that_no_rule_asks_for(tmp_path: Path) -> None:
    """PM2.5, noise and wind are in the book because there are reports; without `reports:` they are not."""
    for reports, wanted in ((REPORTS, True), ("", False)):
        folder = tmp_path / str(wanted)
        folder.mkdir()
        city = City(folder, reports=reports)
        city.live(f"{DAY} 00:04", f"{DAY} 03:00", [EAST], lambda *_: {"pm10": 90.0, "pm25": 40.0, "wind": 3.0})
        city.wait(f"{DAY} 04:00")
        begin, end = city.ms(f"{DAY} 00:00"), city.ms("2026-11-24 00:00")
        for quantity in ("pm25_ug_m3", "wind_speed_m_s"):
            assert bool(city.book.periods(EAST, quantity, "hour", begin, end)) is wanted
        assert city.book.periods(EAST, "pm10_ug_m3", "hour", begin, end)
