"""`cityward report`: a report by hand, out of the book; works beside the daemon, and without it."""

import re
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from commands.language import Words, language_option
from commands.report_child import maker_of
from config.check import load
from config.load import state_of
from config.problems import Language
from feed.console_settings import ConsoleSettings
from feed.reports import spans
from feed.reports.facts import Report, Span
from feed.reports.make import Maker, table
from feed.reports.page import page
from feed.reports.settings import ReportsSettings


@click.command
@click.argument("directory", type=click.Path(path_type=Path), default=Path("/etc/cityward"))
@click.option("--day", help="Of a day: 2026-11-23. Yesterday, if nothing is said.")
@click.option("--month", help="Of a month: 2026-11.")
@click.option("--site", help="Of this site; if unsaid, of the city.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder; this one if unsaid."
)
@language_option
def command(  # noqa: PLR0913 - options of a command
    *, directory: Path, day: str | None, month: str | None, site: str | None, output: Path, language: Language | None
) -> None:
    """Write the report of a day or a month: a page to be printed, and a table for Excel. DIRECTORY: the configuration.

    It is made of what the book holds now, and says that it was made by hand and is no version that is kept; what the
    service keeps (`reports:` of cityward.yaml) is not touched. Without --lang it is in the language of `reports:`.
    """
    words = Words(language)
    if day and month:
        raise click.UsageError(words("--day 和 --month 只写一个", "--day or --month, not both"))
    maker = _maker(directory, words)
    zone, now_ms = maker.registry.time_zone, time.time_ns() // 1_000_000
    span = _span(day, month, zone, words)
    if span.from_ms >= now_ms:
        raise click.UsageError(words(f"{span.name} 尚未开始", f"{span.name} has not begun yet"))
    if site is not None and site not in maker.sites():
        known = words("、", ", ").join(maker.sites()) or words("没有", "none")
        raise click.ClickException(
            words(f"没有场所 {site}。已有：{known}", f"there is no site {site}. There are: {known}")
        )
    try:
        (report,) = maker.gather(span, now_ms, [site])
    except sqlite3.Error as error:
        raise click.ClickException(words(f"记录簿读取失败：{error}", f"the book cannot be read: {error}")) from None
    report.version = 0
    shown = language or maker.settings.language
    output.mkdir(parents=True, exist_ok=True)
    for suffix, body in (("html", page(report, shown)), ("csv", table(report, "en" if shown == "en" else "zh"))):
        path = output / f"{_file_name(report)}.{suffix}"
        path.write_text(body, encoding="utf-8", newline="")
        click.echo(str(path))


def _maker(directory: Path, words: Words) -> Maker:
    loaded = load(directory)
    settings = loaded.compiled.settings if loaded.compiled is not None else None
    state = state_of(directory)
    reports = (settings.reports if settings else None) or ReportsSettings(daily="07:30")
    try:
        maker = maker_of(state, reports, settings.console if settings else ConsoleSettings())
    except sqlite3.OperationalError:
        maker = None
    if maker is None:
        raise click.ClickException(
            words(
                f"{state} 中没有可读的记录簿；请指明配置目录，或用 sudo",
                f"there is no book in {state} that may be read: name the directory of its configuration, or use sudo",
            )
        )
    return maker


def _span(day: str | None, month: str | None, zone: str, words: Words) -> Span:
    yesterday = datetime.now(ZoneInfo(zone)).date() - timedelta(days=1)
    try:
        return spans.month(month, zone) if month else spans.day(day or yesterday.isoformat(), zone)
    except ValueError:
        raise click.UsageError(
            words("请写成 --day 2026-11-23 或 --month 2026-11", "write --day 2026-11-23 or --month 2026-11")
        ) from None


def _file_name(report: Report) -> str:
    """Make a name of a file: letters of any script, digits, and what is harmless between them."""
    return re.sub(r"[^\w-]+", "_", f"{report.title}-{report.span.name}").strip("_")
