"""`cityward backtest`: what other rules would have rung, with the whole life of their alarms."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from commands import backtest_page, backtest_run, backtest_table
from commands.backtest_numbers import Difference, Numbers, difference, numbers
from commands.backtest_run import Activation, Played, Told
from commands.language import Words, language_option
from commands.socket import directory_option
from config.apart import FOLDERS, MAIN
from config.check import load
from config.compiled import Compiled
from config.load import state_of
from config.problems import Language
from store import archive
from store.archive import ArchiveError
from store.journal import OvertakenError

NICE = 10
STEP_MS = 600_000  # of the progress bar

Source = Literal["journal", "archive", "csv"]


class Report(Struct):
    """All that a backtest found. from_ms, to_ms: civil time; readings: judged, those of the 50 h before included."""

    source: str
    from_ms: int
    to_ms: int
    zone: str
    readings: int
    took_s: float
    rules: Numbers
    activations: list[Activation]
    against: Numbers | None = None
    difference: Difference | None = None
    poison: int = 0


@click.command
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), required=True, help="Rules to be tried.")
@click.option("--against", type=click.Path(path_type=Path), help="Rules to compare them with.")
@click.option("--from", "since", required=True, metavar="TIME", help="2026-10-01, or 2026-10-01T08:00+08:00.")
@click.option("--to", "until", metavar="TIME", help="Up to here, this moment not included; now, if unsaid.")
@click.option("--source", type=click.Choice(["journal", "archive", "csv"]), help="The archive where there is one.")
@click.option("--csv", "tables", type=click.Path(path_type=Path, exists=True), multiple=True, help="device,time,…")
@directory_option
@click.option("--shifts", default="08:00,16:00,00:00", show_default=True, help="When the shifts of the desk begin.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with charts.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, every activation with it.")
@language_option
def command(  # noqa: PLR0913, PLR0917 - what may be said
    rules_dir: Path, against: Path | None, since: str, until: str | None, source: Source | None,
    tables: tuple[Path, ...], directory: Path, shifts: str, html: Path | None, *, as_json: bool,
    language: Language | None,
) -> None:  # fmt: skip
    """Judge the past by other rules: what would have rung, when, and for how long.

    --rules and --against are whole configurations, or folders of rules alone (as rules.d), which are then judged with
    the devices of --directory. Nothing is told to anybody, and the running gateway is not disturbed.
    """
    words = Words(language)
    with suppress(PermissionError):
        os.nice(NICE)
    compiled = [_compiled(each, directory, words) for each in (rules_dir, against) if each is not None]
    name = compiled[0].registry.time_zone
    zone = ZoneInfo(name)
    from_ms = _instant(since, zone, words)
    to_ms = _instant(until, zone, words) if until else time.time_ns() // 1_000_000
    if from_ms >= to_ms:
        raise click.UsageError(words("--from 须早于 --to", "--from must be before --to"))
    state = state_of(directory)
    source = source or ("csv" if tables else "archive" if archive.dates(state / "archive") else "journal")
    if (source == "csv") != bool(tables):
        raise click.UsageError(words("--source csv 和 --csv 文件须同时给出", "--source csv and --csv FILE go together"))
    parts = _shifts(shifts, words)
    sets = [Played(each, from_ms, to_ms) for each in compiled]
    began = time.monotonic()
    with _bar(from_ms - backtest_run.WARM_MS, to_ms, words) as told:
        try:
            if source == "csv":
                readings = backtest_run.play_csv(sets, tables, from_ms, to_ms, told)
            elif source == "archive":
                readings = backtest_run.play_archive(sets, state / "archive", zone, from_ms, to_ms, told)
            else:
                readings = backtest_run.play_journal(sets, state / "journal", from_ms, to_ms, told)
        except (ArchiveError, OvertakenError, OSError) as error:
            raise click.ClickException(str(error)) from None
    if not readings:
        click.echo(words("警告：这段时间没有任何数据。", "Warning: there are no data of that time."), err=True)
    counted = [numbers(each.activations, from_ms, to_ms, zone, parts) for each in sets]
    report = Report(
        source=source, from_ms=from_ms, to_ms=to_ms, zone=name, readings=readings, took_s=time.monotonic() - began,
        rules=counted[0], activations=sets[0].activations, poison=sets[0].poison,
    )  # fmt: skip
    if against is not None:
        report.against = counted[1]
        report.difference = difference(sets[0].activations, sets[1].activations, to_ms)
    if html is not None:
        html.write_text(backtest_page.page(report, words), encoding="utf-8")
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    else:
        backtest_table.show(report, words)


def _compiled(directory: Path, devices: Path, words: Words) -> Compiled:
    """Compile a configuration; a folder of rules alone with the devices of another."""
    if not directory.is_dir():
        raise click.ClickException(words(f"{directory} 不是目录", f"{directory} is no directory"))
    if (directory / MAIN).exists():
        return _load(directory, words, {})
    with tempfile.TemporaryDirectory() as temporary:
        whole = Path(temporary)
        places = {MAIN: devices / MAIN, FOLDERS[0]: devices / FOLDERS[0], FOLDERS[1]: directory}
        for name, place in places.items():
            (whole / name).symlink_to(place.resolve())
        return _load(whole, words, {str(whole / name): str(place) for name, place in places.items()})


def _load(directory: Path, words: Words, places: dict[str, str]) -> Compiled:
    loaded = load(directory)
    for problem in loaded.problems:
        text = problem.text(words.language)
        for name, place in places.items():
            text = text.replace(name, place)
        click.echo(text, err=True)
    if loaded.compiled is None:
        raise click.ClickException(words("规则有误，未回测。", "the rules are wrong: nothing was judged."))
    return loaded.compiled


def _instant(text: str, zone: ZoneInfo, words: Words) -> int:
    """Read a time; without a zone it is the gateway's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            words(f"{text}：请写成 2026-10-01 或 2026-10-01T08:00+08:00", f"{text}: write 2026-10-01")
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)


def _shifts(text: str, words: Words) -> Sequence[str]:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        try:
            datetime.strptime(part, "%H:%M")  # noqa: DTZ007 - only whether it can be read
        except ValueError:
            raise click.UsageError(
                words(f"--shifts {part}：请写成 08:00,20:00", "--shifts: write 08:00,20:00")
            ) from None
    return parts


@contextmanager
def _bar(from_ms: int, to_ms: int, words: Words) -> Iterator[Told]:
    """Show how far it is, on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(words("回测", "backtest"), total=to_ms - from_ms)
        shown = 0

        def told(at_ms: int) -> None:
            nonlocal shown
            if at_ms - from_ms >= shown + STEP_MS:
                shown = at_ms - from_ms
                progress.update(task, completed=shown)

        yield told
        progress.update(task, completed=to_ms - from_ms)
