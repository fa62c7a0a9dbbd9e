"""`cityward report` by hand, and the daemon's child that makes what is due."""

import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import main
from commands.kpi_child import ask
from commands.report_child import Reporter, Task, run
from feed.desk import system_ms
from feed.kpi import Asked
from feed.reports.sending import Said
from feed.reports.settings import ReportsSettings
from feed.reports.shelf import Kept, ShelfReader
from tests.feed.room import eventually
from tests.feed.streets import City


@pytest.fixture
def city(tmp_path: Path) -> City:
    city = City(tmp_path)
    city.say(city.ms("2026-10-31 12:00"), "dust-07", pm10=90.0)
    city.live("2026-11-23 00:04", "2026-11-24 00:00", ["dust-07"], lambda *_: {"pm10": 90.0})
    city.wait("2026-11-24 07:30")
    city.book.close()
    return city


def test_a_report_is_written_by_hand(city: City, tmp_path: Path) -> None:
    arguments = [
        "report",
        str(city.etc),
        "--day",
        "2026-11-23",
        "--site",
        "云龙湖二期",
        "--output",
        str(tmp_path / "out"),
    ]
    done = CliRunner().invoke(main, [*arguments, "--lang", "zh"])
    assert done.exit_code == 0, done.output
    page, table = (Path(line) for line in done.output.splitlines())
    assert (page.name, table.name) == ("云龙湖二期-2026-11-23.html", "云龙湖二期-2026-11-23.csv")
    assert "320302202603150101" in page.read_text(encoding="utf-8")
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")
    month = CliRunner().invoke(main, ["report", str(city.etc), "--month", "2026-11", "--output", str(tmp_path / "out")])
    assert month.exit_code == 0, month.output
    assert "徐州市鼓楼区-2026-11.html" in month.output


def by_hand(city: City, folder: Path, *more: str, lang: str = "en_US.UTF-8") -> tuple[str, str]:
    """Return page and table."""
    arguments = ["report", str(city.etc), "--day", "2026-11-23", "--output", str(folder), *more]
    done = CliRunner().invoke(main, arguments, env={"LANG": lang, "LC_ALL": lang})
    assert done.exit_code == 0, done.output
    page, table = (Path(line).read_text(encoding="utf-8") for line in done.output.splitlines())
    return page, table


def test_what_is_made_by_hand_is_no_version_that_is_kept(city: City, tmp_path: Path) -> None:
    """Two of the same day may differ, and neither is version 1."""
    page, table = by_hand(city, tmp_path)
    assert "版本,手工生成，非存档版本" in table
    assert "<dd>made by hand, none that is kept</dd>" in page
    assert '<span class="version">手工生成</span>' in page
    assert "第 1 版" not in page


def test_its_language_is_that_of_reports_whatever_shell_it_is_asked_from(city: City, tmp_path: Path) -> None:
    page, table = by_hand(city, tmp_path)
    assert '<html lang="zh-CN">' in page
    assert "在线率" in table
    page, table = by_hand(city, tmp_path, "--lang", "en", lang="zh_CN.UTF-8")
    assert '<html lang="en">' in page
    assert "online rate" in table.lower()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--site", "南门"], "there is no site 南门. There are: 云龙湖二期, 老东门"),
        (["--day", "23.11.2026"], "write --day 2026-11-23"),
        (["--day", "2026-11-23", "--month", "2026-11"], "not both"),
        (["--day", "2199-01-01"], "2199-01-01 has not begun yet"),
        (["--month", "2199-01"], "2199-01 has not begun yet"),
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], said: str, city: City) -> None:
    done = CliRunner().invoke(main, ["report", str(city.etc), "--lang", "en", *arguments])
    assert done.exit_code != 0
    assert said in done.output


def test_without_a_book_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "cityward.yaml").write_text(f"state: {tmp_path}/none\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["report", str(tmp_path), "--lang", "en"])
    assert done.exit_code == 1
    assert "there is no book" in done.output


def test_a_child_makes_what_is_due(city: City) -> None:
    """The real child, as the daemon starts it: what is due today depends on the clock, so the last days are made."""
    settings = city.compiled.settings
    assert settings.reports is not None
    told: list[Said] = []
    reporter = Reporter(settings, settings.reports.model_copy(update={"send": ("mail",)}), told.extend, system_ms)
    assert reporter.make(threading.Event()) == 0
    with ShelfReader(city.state) as shelf:
        made = [each.id for each in shelf.all()]
    assert len(made) == 6  # yesterday and the last month, two sites and the city
    reporter.send()
    assert sorted(report for each in told for report in each.reports) == sorted(made)
    assert len(told) == 2  # one message a span
    assert all("徐州市鼓楼区" in each.text.zh and "2 个场所" in each.text.zh for each in told)
    reporter.send()
    assert len(told) == 2
    assert reporter.make(threading.Event()) == 0
    with ShelfReader(city.state) as shelf:
        assert [each.id for each in shelf.all()] == made


def test_a_clock_that_the_gateway_does_not_believe_makes_no_reports_and_throws_none_away(city: City) -> None:
    """The system's clock said 2099 for a minute: it is not asked."""
    settings = city.compiled.settings
    assert settings.reports is not None
    believed_ms = city.ms("2026-11-24 07:30")
    reporter = Reporter(settings, settings.reports, None, lambda: believed_ms)
    assert reporter.make(threading.Event()) == 0
    assert {(each.span, each.made_ms) for each in listed(city)} == {
        ("2026-11-23", believed_ms),
        ("2026-10", believed_ms),
    }


def test_the_reporter_makes_them_by_itself_and_ends_when_it_is_told(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a start, without waiting for the hour: what was missed meanwhile is made."""
    monkeypatch.setattr("commands.report_child.FIRST_S", 0.0)
    monkeypatch.setattr("commands.report_child.LOOK_S", 0.01)
    settings, stop = city.compiled.settings, threading.Event()
    assert settings.reports is not None
    reporter = Reporter(settings, settings.reports, None, system_ms)
    thread = threading.Thread(target=lambda: reporter.run(stop))
    thread.start()
    try:
        eventually(lambda: len(listed(city)) == 6 and all(each.sent_ms for each in listed(city)), "all reports")
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def listed(city: City) -> list[Kept]:
    with ShelfReader(city.state) as shelf:
        return shelf.all()


def test_a_child_that_is_ended_in_between_leaves_nothing_half_done(city: City) -> None:
    """What it had made stays; the next one makes the rest."""
    settings = city.compiled.settings
    assert settings.reports is not None
    stop = threading.Event()
    stop.set()
    assert Reporter(settings, settings.reports, None, system_ms).make(stop) != 0
    task = Task(
        str(city.state), settings.reports.model_dump_json(), settings.console.model_dump_json(by_alias=True),
        city.ms("2026-11-24 07:30"),
    )  # fmt: skip
    run(task)
    with ShelfReader(city.state) as shelf:
        assert {each.span for each in shelf.all()} == {"2026-11-23", "2026-10"}


def test_only_months_are_made_where_only_they_are_wanted(tmp_path: Path) -> None:
    city = City(tmp_path, reports='reports: {monthly: "1 08:00", language: both}')
    city.say(city.ms("2026-10-31 12:00"), "dust-07", pm10=90.0)
    city.wait("2026-11-01 01:00")
    city.book.close()
    settings = city.compiled.settings
    assert settings.reports == ReportsSettings(monthly="1 08:00", language="both")
    reporter = Reporter(settings, settings.reports, None, system_ms)
    assert reporter.make(threading.Event()) == 0
    with ShelfReader(city.state) as shelf:
        assert {each.kind for each in shelf.all()} == {"month"}


def test_figures_come_from_a_child(city: City) -> None:
    from_ms = city.ms("2026-11-23 00:00")
    began = time.monotonic()
    book, desk = city.state / "book.sqlite", city.state / "desk.sqlite"
    body = ask(book, desk, "gw", Asked(from_ms=from_ms, to_ms=from_ms + 90 * 86_400_000, now_ms=from_ms * 2))
    assert b'"alarms":' in body
    assert time.monotonic() - began < 30
    with pytest.raises(ValueError, match="died"):
        ask(city.state / "none.sqlite", desk, "gw", Asked(from_ms=0, to_ms=1, now_ms=1))
