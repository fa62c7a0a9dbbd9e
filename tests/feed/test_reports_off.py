"""What a report says of time in which the gateway was off: nothing, and that in its heading."""

import pytest

from feed.reports.facts import Report
from feed.reports.make import table
from feed.reports.page import page
from feed.reports.sections import heading
from feed.reports.sending import messages
from feed.reports.shelf import ShelfReader
from feed.reports.words import Language, sayer
from rules.records import Status
from tests.feed.streets import HOUR, MINUTE, City
from tests.feed.test_reports import COVERS, maker, report_of, rows_of

SEWERS = (
    COVERS.replace("topic:lora/mh-4}", "topic:lora/mh-4}\n  - {id: mh-5, address: topic:lora/mh-5}")
    + """
  - id: dust-07
    address: topic:lora/dust-07
    site: 云龙湖二期
    interval: 5 min
    options: {family: dust, fields: {pm10: pm10_ug_m3, tsp: tsp_ug_m3}}
"""
)


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Make a gateway that is started at 21:59:05 on the 20th, and off from 10:20 on the 22nd to 09:00 on the 25th.

    One cover never says a word.
    """
    city = City(tmp_path_factory.mktemp("off"), devices=SEWERS)

    def run(since: str, until: str) -> None:
        for at_ms in range(city.ms(since), city.ms(until), MINUTE):
            city.book.watch(at_ms)
            if at_ms % (5 * MINUTE) == 4 * MINUTE:
                city.say(at_ms, "dust-07", pm10=60.0, tsp=90.0)
            if at_ms % HOUR == 0:
                for cover in ("mh-1", "mh-2", "mh-3", "mh-4"):
                    city.say(at_ms, cover, a=1.0)
        city.book.watch(city.ms(until))

    run("2026-11-20 21:59", "2026-11-22 10:20")
    city.take(city.ms("2026-11-25 09:00"), Status(at_ms=0, subject="gateway", kind="started"))
    run("2026-11-25 09:00", "2026-11-26 07:30")
    return city


def of_off(city: City, day: str, language: Language = "zh") -> tuple[Report, list[list[str]]]:
    report = report_of(city, None, day, "2026-11-26 07:30")
    return report, rows_of(table(report, language))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_day_on_which_the_gateway_was_off_does_not_look_perfect(off: City, language: Language) -> None:
    report, rows = of_off(off, "2026-11-24", language)
    label, words = {"zh": ("网关未运行", "整个时段"), "en": ("Gateway off", "all the time")}[language]
    (line,) = [row for row in rows if row[:1] == [label]]
    assert line[1].startswith(words)
    assert f'<dd class="off">{words}' in page(report, language)
    assert {each.online_pct for each in report.units} == {None}
    assert {each.online_pct for each in report.families} == {None}
    begins = [at for at, row in enumerate(rows) if row[:1] in (["指标"], ["figure"], ["班次"], ["shift"])]
    for at in begins:
        end = next(end for end in range(at, len(rows)) if not rows[end])
        assert {row[1] for row in rows[at + 1 : end]} == {"–"}
    for row in rows:
        if row[:1] in (["井盖"], ["manhole"], ["mh-1"], ["dust-07"]):
            assert "0" not in row, row
            assert not any(cell.startswith("100") for cell in row), row
    assert not any("没有超标" in cell or "No limit" in cell for row in rows for cell in row)


def test_of_a_day_on_which_it_was_off_for_hours_that_is_said_and_the_rest_is_counted(off: City) -> None:
    report, rows = of_off(off, "2026-11-22")
    (line,) = [row for row in rows if row[:1] == ["网关未运行"]]
    assert line[1].startswith("10:20–24:00（共 13.7 小时）")
    online = {each.id: each.online_pct for each in report.units}
    assert online["mh-1"] == 100  # of the time in which somebody listened
    assert online["mh-5"] == 0
    assert online["dust-07"] == pytest.approx(100, abs=1)
    assert [each.per_10_min_mean is None for each in report.kpi.by_shift] == [False, False, True]
    assert dict(heading(report, sayer("en")))["Gateway off"].startswith("10:20–24:00 (13.7 h in all)")


def test_what_never_said_a_word_is_not_online_before_its_alarm_comes(off: City) -> None:
    """The gateway began at 21:59: nobody heard that cover since, though its alarm came three hours later."""
    first, _ = of_off(off, "2026-11-20")
    (never,) = [each for each in first.units if each.id == "mh-5"]
    assert (never.online_pct, never.by) == (0, "silence")
    (pm10,) = [each for each in first.series if each.quantity == "pm10_ug_m3"]
    assert pm10.expected == pytest.approx(121 / 5)
    assert pm10.online_pct == pytest.approx(100, abs=4)
    month = report_of(off, None, "2026-11", "2026-11-26 07:30")
    assert {each.online_pct for each in month.units if each.id == "mh-5"} == {0}


def test_who_is_told_of_a_report_hears_that_nobody_watched(off: City) -> None:
    make = maker(off, monthly=None)
    made = [each for now in ("2026-11-25 09:15", "2026-11-26 07:30") for each in make.run(off.state, off.ms(now))]
    with ShelfReader(off.state) as shelf:
        said = [each.text for each in messages(shelf, made, "徐州")]
    assert ["网关未运行：整个时段。" in text.zh for text in said] == [True, False]
    assert ["网关未运行：9.0 小时。" in text.zh for text in said] == [False, True]
    assert "Gateway off: all the time. Exceedances: 0" in said[0].en
