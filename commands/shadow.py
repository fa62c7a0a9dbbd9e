"""`cityward shadow`: what rules that are only tried (`mode: shadow`) would have rung."""

import sqlite3
import time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from commands.language import Words, language_option
from commands.shadow_days import lasting
from commands.socket import directory_option
from config import blob
from config.load import state_of
from config.problems import Language
from store.book import BookReader
from store.shadows import ShadowDay, days

DAY_MS = 86_400_000
WIDTH = 90


@click.command
@directory_option
@click.option("--days", "count", type=click.IntRange(1, 400), default=7, show_default=True, help="How far back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a rule and day.")
@language_option
def command(directory: Path, count: int, *, as_json: bool, language: Language | None) -> None:
    """Show, by rule and day, how often rules with `mode: shadow` would have rung, and for how long.

    Reads the book beside the daemon; the days are those of the gateway's zone.
    """
    words = Words(language)
    now_ms = time.time_ns() // 1_000_000
    try:
        with BookReader(state_of(directory) / "book.sqlite") as book:
            accepted = book.accepted()
            activations = book.activations(now_ms - (count + 1) * DAY_MS)  # from midnight; `days` leaves the rest out
    except sqlite3.OperationalError as error:
        raise click.ClickException(f"{state_of(directory) / 'book.sqlite'}: {error}") from None
    registry, ruleset = blob.decode(accepted[1]) if accepted else (None, None)
    found = days(activations, registry.time_zone if registry else "UTC", now_ms - (count - 1) * DAY_MS, now_ms)
    tried = [rule.id for rule in ruleset.rules if rule.mode == "shadow"] if ruleset else []
    if as_json:
        for each in found:
            click.echo(msgspec.json.encode(each))
        return
    if found:
        console = Console()
        console.width = max(console.width, WIDTH)
        console.print(_table(found, words))
    quiet = [rule for rule in tried if all(each.rule != rule for each in found)]
    if quiet:
        click.echo(words(f"本会一次也不报警：{'、'.join(quiet)}", f"would not have rung at all: {', '.join(quiet)}"))
    if not tried:
        click.echo(words("没有 mode: shadow 的规则。", "No rule has `mode: shadow`."))


def _table(found: list[ShadowDay], words: Words) -> Table:
    table = Table(box=None, pad_edge=False)
    titles = (
        words("规则", "rule"), words("日期", "day"), words("本会报警次数", "would have rung"),
        words("报警对象数", "alarms"), words("合计时长", "for"),
    )  # fmt: skip
    for title, right in zip(titles, (False, False, True, True, True), strict=True):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for each in found:
        table.add_row(each.rule, each.date, str(each.raised), str(each.alarms), lasting(each.active_s))
    return table
