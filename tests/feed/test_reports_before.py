"""Reports of what had begun before their time, and goes on: the ledger, the figures."""

from pathlib import Path
from typing import Any

import pytest

from feed.activations import read
from feed.kpi import Asked, figures
from feed.reports.facts import Exceedance, Report
from rules.records import Command
from store.event_search import EventReader
from tests.feed.streets import HOUR, City
from tests.feed.test_reports import EAST, WEST, report_of

SITE = "云龙湖二期"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Let three days go by: the east gate exceeds over a midnight, the west gate for more than two days.

    Both are answered on the day on which they rang.
    """
    city = City(tmp_path_factory.mktemp("before"))
    answers = {f"pm10-hour@{EAST}": "2026-11-22 22:30", f"pm10-hour@{WEST}": "2026-11-21 12:00"}

    def answer(at_ms: int) -> None:
        for name, when in [*answers.items()]:
            if at_ms >= city.ms(when):
                city.ack(at_ms, city.alarm(name), comment="已洒水")
                del answers[name]

    def air(device: str, at_ms: int) -> dict[str, Any]:
        hour = (at_ms - city.ms("2026-11-21 00:00")) // HOUR
        if device == EAST:
            return {"pm10": 300.0 if hour == 47 else 200.0 if 45 <= hour < 50 else 60.0}
        return {"pm10": 250.0 if hour == 39 else 180.0 if hour >= 10 else 60.0}

    city.answer = answer  # type: ignore[method-assign]
    city.live("2026-11-21 00:04", "2026-11-24 00:00", [EAST, WEST], air)
    city.wait("2026-11-24 07:30")
    return city


def of_day(city: City, day: str, now: str) -> Report:
    return report_of(city, SITE, day, f"{now} 07:30")


def rows(report: Report) -> dict[str, Exceedance]:
    found = {each.device: each for each in report.exceedances}
    assert len(found) == len(report.exceedances)
    return found


DAYS = [("2026-11-22", "2026-11-23"), ("2026-11-23", "2026-11-24")]


@pytest.mark.parametrize(("day", "now"), DAYS)
def test_an_exceedance_that_began_before_the_day_is_told_from_its_begin_with_its_answer(
    city: City, day: str, now: str
) -> None:
    found = rows(of_day(city, day, now))
    east = found[EAST]
    assert (east.from_ms, east.to_ms) == (city.ms("2026-11-22 21:00"), city.ms("2026-11-23 02:00"))
    assert (east.peak, east.by, east.reply, east.minutes) == (300.0, "张三", "已洒水", 24)
    west = found[WEST]
    assert west.from_ms == city.ms("2026-11-21 10:00")
    assert (west.peak, west.by, west.reply) == (250.0, "张三", "已洒水")
    assert west.rang_ms == city.ms("2026-11-21 11:10")
    assert west.minutes == 54


@pytest.mark.parametrize(("day", "now"), DAYS)
def test_what_stands_since_before_the_span_is_stale_as_the_figures_of_the_api_say(
    city: City, day: str, now: str
) -> None:
    report = of_day(city, day, now)
    assert [each.alarm for each in report.kpi.stale] == [f"pm10-hour@{WEST}"]
    assert report.kpi.stale == [each for each in of_api(city, day, now) if each.alarm == f"pm10-hour@{WEST}"]
    assert report.kpi.alarms == sum(each.alarms for each in report.units)


def of_api(city: City, day: str, now: str) -> list[Any]:
    from_ms, to_ms, now_ms = city.ms(f"{day} 00:00"), city.ms(f"{day} 00:00") + 24 * HOUR, city.ms(f"{now} 07:30")
    with EventReader(city.state / "book.sqlite") as book:
        return list(figures(read(book, from_ms), Asked(from_ms=from_ms, to_ms=to_ms, now_ms=now_ms)).stale)


def test_what_stands_and_nothing_was_told_of_since_is_told_from_its_begin(tmp_path: Path) -> None:
    city = City(tmp_path)
    dusty_ms = city.ms("2026-11-22 20:00")
    city.live(
        "2026-11-22 12:04", "2026-11-24 00:00", [EAST], lambda _, at_ms: {"pm10": 170.0 if at_ms >= dusty_ms else 50.0}
    )
    city.wait("2026-11-24 07:30")
    (row,) = of_day(city, "2026-11-23", "2026-11-24").exceedances
    assert (row.from_ms, row.acked_ms, row.minutes) == (city.ms("2026-11-22 20:00"), None, None)
    assert row.rang_ms == city.ms("2026-11-22 21:10")


def test_one_answer_answers_all_that_rang_since_the_last(tmp_path: Path) -> None:
    city = City(tmp_path)

    def answer(at_ms: int) -> None:
        if at_ms == city.ms("2026-11-23 12:34"):
            city.ack(at_ms, city.alarm(f"pm10-hour@{EAST}"), comment="已洒水")

    def air(_: str, at_ms: int) -> dict[str, Any]:
        return {"pm10": 200.0 if (at_ms - city.ms("2026-11-23 00:00")) // HOUR in (9, 11) else 60.0}

    city.answer = answer  # type: ignore[method-assign]
    city.live("2026-11-23 00:04", "2026-11-24 00:00", [EAST], air)
    city.wait("2026-11-24 07:30")
    found = of_day(city, "2026-11-23", "2026-11-24").exceedances
    assert [(each.by, each.reply, each.minutes) for each in found] == [("张三", "已洒水", 144), ("张三", "已洒水", 24)]


@pytest.mark.parametrize("told_in_span", [False, True])
def test_who_shelves_it_today_changes_nothing_of_yesterday(tmp_path: Path, *, told_in_span: bool) -> None:
    city = City(tmp_path)
    city.say(city.ms("2026-11-20 07:00"), "mh-0114", tilt=1.0)
    city.say(city.ms("2026-11-20 08:00"), "mh-0114", tilt=30.0)
    if told_in_span:
        city.ack(city.ms("2026-11-22 12:00"), city.alarm("cover-tilted@mh-0114"))
    city.wait("2026-11-23 23:00")
    before = of_api(city, "2026-11-22", "2026-11-24")
    assert "cover-tilted@mh-0114" in {each.alarm for each in before}
    alarm = city.alarm("cover-tilted@mh-0114")
    shelve = Command(
        at_ms=0, id="s", kind="shelve", alarm=alarm.id, occurrence=alarm.occurrence, for_ms=HOUR, user="王", comment="x"
    )
    assert city.take(city.ms("2026-11-23 23:01"), shelve).events
    assert of_api(city, "2026-11-22", "2026-11-24") == before
    assert "cover-tilted@mh-0114" in {each.alarm for each in report_of(city, None, "2026-11-22").kpi.stale}
