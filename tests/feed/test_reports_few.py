"""Too little data are no compliance: neither in the ledger, nor in the ranking, nor in what a new version says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from feed.reports.make import table
from feed.reports.page import page
from feed.reports.shelf import ShelfReader
from feed.reports.words import Language
from tests.feed.streets import HOUR, RULES, City
from tests.feed.test_reports import DAY, EAST, TIMED, WEST, maker, report_of, rows_of

SITE = "云龙湖二期"
NONE = {"zh": "没有超标", "en": "No limit was exceeded"}


def part(city: City, site: str | None, language: Language, key: Sequence[str]) -> list[str]:
    """Return the lines of the CSV that begin with a title, to the next empty one."""
    rows = rows_of(table(report_of(city, site), language))
    at = next(at for at, row in enumerate(rows) if row and row[0].startswith(tuple(key)))
    end = next((end for end in range(at, len(rows)) if not any(rows[end])), len(rows))
    return [" ".join(row) for row in rows[at:end]]


def ledger(city: City, site: str | None, language: Language = "en") -> str:
    return "\n".join(part(city, site, language, ("Exceedances", "超标台账")))


def day_of(tmp_path: Path, hours: int, peak: float = 60.0, rules: str = RULES) -> City:
    """Make a city whose two gates speak for some hours of the day, and measure a peak at 3 o'clock."""
    city = City(tmp_path, rules=rules)

    def air(device: str, at_ms: int) -> dict[str, Any] | None:
        hour = (at_ms - city.ms(f"{DAY} 00:00")) // HOUR
        if device == WEST and hour >= hours:
            return None
        return {"pm10": peak if device == WEST and hour == 3 else 60.0, "tsp": 100.0}

    city.live(f"{DAY} 00:04", "2026-11-24 00:00", [EAST, WEST], air)
    city.wait("2026-11-24 07:30")
    return city


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_day_without_data_is_no_day_without_exceedances(tmp_path: Path, language: Language) -> None:
    city = day_of(tmp_path, 24)
    text = ledger(city, "老东门", language)  # it has said nothing at all
    assert NONE[language] not in text
    assert {"zh": "数据不足", "en": "too few data"}[language] in text.lower()
    assert NONE[language] not in page(report_of(city, "老东门"), language)
    assert NONE[language] in ledger(city, SITE, language), "where all was measured, that may be said"


def test_where_a_part_was_measured_the_rest_is_named(tmp_path: Path) -> None:
    text = ledger(day_of(tmp_path, 12), SITE)
    assert "Exceedances (0, as far as is known)" in text
    assert "云龙湖二期 西门 PM10, TSP" in text
    assert "东门" not in text
    assert NONE["en"] not in text


def test_what_exceeded_stands_there_and_may_not_be_all(tmp_path: Path) -> None:
    city = day_of(tmp_path, 12, peak=300.0)
    text = ledger(city, SITE)
    assert "Exceedances (1, as far as is known)" in text
    assert "云龙湖二期 西门 PM10, TSP" in text
    rank = part(city, None, "en", ("Ranking",))
    assert any(" 云龙湖二期 60.0 " in row and " ≥ 1 " in row for row in rank), rank
    (nothing,) = [row for row in rank if "老东门" in row]
    assert " too few data – – " in nothing, "no exceedances are known, which are not 0"


def test_where_no_rule_compares_with_a_limit_nothing_is_said_to_keep_one(tmp_path: Path) -> None:
    rules = "rules:\n" + RULES[RULES.index("  - id: silent") :]
    text = ledger(day_of(tmp_path, 24, rules=rules), SITE)
    assert NONE["en"] not in text
    assert "No rule compares" in text


def test_a_new_version_tells_no_mean_of_too_few_data(tmp_path: Path) -> None:
    """At first 10 hours were known, then 14, then all 24: the mean is told only of what is enough."""
    city = City(tmp_path, devices=TIMED)
    late: dict[int, list[int]] = {14: [], 24: []}

    def air(_: str, at_ms: int) -> dict[str, Any] | None:
        hour = (at_ms - city.ms(f"{DAY} 00:00")) // HOUR
        if hour >= 10:
            late[14 if hour < 14 else 24].append(at_ms)
            return None
        return {"t": at_ms, "pm10": 60.0}

    city.live(f"{DAY} 00:04", "2026-11-24 00:00", [WEST], air)
    city.wait("2026-11-24 07:30")
    make = maker(city, monthly=None)
    make.run(city.state, city.ms("2026-11-24 07:30"))
    said = []
    for upto, morning in ((14, "2026-11-24 10:00"), (24, "2026-11-24 12:00")):
        for at_ms in late[upto]:
            city.say(city.ms(morning), WEST, t=at_ms, pm10=80.0)
        city.wait(f"{morning[:11]}{int(morning[11:13]) + 1}:00")
        made = make.run(city.state, city.fold.memory.log_ms)
        with ShelfReader(city.state) as shelf:
            report = shelf.report(next(each for each in made if each.span == DAY and each.site == SITE))
        assert report is not None
        said.append([each.zh for each in report.revisions if "PM10 " in each.zh])
    mean = (10 * 60 + 14 * 80) / 24
    place = "云龙湖二期 西门 PM10"
    highest, few = f"{place} 最大小时均值", "数据不足"
    assert said[0] == [
        f"{highest}：≥ 60.0 → ≥ 80.0", f"{place} 出现于：00:00 → 10:00", f"{place} 有效：10/24 时 → 14/24 时",
        f"{place} 在线率：41.7 % → 58.3 %",
    ]  # fmt: skip
    assert said[1] == [
        f"{place} 平均：{few} → {mean:.1f}", f"{highest}：≥ 80.0 → 80.0", f"{place} 最小：{few} → 60.0",
        f"{place} 95 %：{few} → 80.0", f"{place} 有效：14/24 时 → 24/24 时", f"{place} 在线率：58.3 % → 100.0 %",
    ]  # fmt: skip


def test_of_what_was_before_the_gateway_there_is_no_report_and_nothing_was_to_come(tmp_path: Path) -> None:
    """It is started at noon, with the report of yesterday due at once, and that of last month."""
    city = City(tmp_path)
    city.live(f"{DAY} 12:04", f"{DAY} 12:19", [EAST], lambda *_: {"pm10": 60.0})
    assert maker(city).run(city.state, city.ms(f"{DAY} 12:19")) == []
    city.live(f"{DAY} 12:19", "2026-11-24 00:00", [EAST], lambda *_: {"pm10": 60.0})
    city.wait("2026-11-24 07:30")
    made = maker(city).run(city.state, city.ms("2026-11-24 07:30"))
    assert {each.span for each in made} == {DAY}
    (east,) = [each for each in report_of(city, SITE).series if (each.device, each.quantity) == (EAST, "pm10_ug_m3")]
    assert (east.online_pct, east.values.enough) == (100, False)
    before = report_of(city, SITE, "2026-11-22", f"{DAY} 07:30")
    assert {each.online_pct for each in before.units} == {None}
    assert "0.0 %" not in table(before, "zh")


def test_a_quiet_gateway_of_which_the_book_holds_nothing_has_its_reports(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.say(city.ms(f"{DAY} 12:00"), "mh-0114", tilt=1.0)
    make = maker(city, monthly=None)
    assert make.run(city.state, city.ms(f"{DAY} 12:15")) == []
    assert {each.span for each in make.run(city.state, city.ms("2026-11-24 07:30"))} == {DAY}
