"""The numbers of a backtest as tables in a terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from commands.backtest_numbers import Numbers
from commands.language import Words

if TYPE_CHECKING:
    from commands.backtest import Report

LISTED = 10
WIDTH = 100


def rows(found: Numbers, words: Words) -> list[tuple[str, str, str]]:
    """Name the numbers, with the target of ISA-18.2 where there is one: (what, number, target)."""
    return [
        (words("报警次数", "alarms raised"), str(found.raised), ""),
        (words("被抑制而未显示", "suppressed, not shown"), str(found.hidden), ""),
        (words("结束时仍存在", "standing at the end"), str(found.standing), ""),
        (words("修订次数", "amendments"), str(found.amended), ""),
        (words("每 10 分钟平均", "per 10 minutes, mean"), f"{found.per_10_min_mean:.3f}", words("约 1", "~1")),
        (words("10 分钟内最多", "per 10 minutes, most"), str(found.per_10_min_most), "≤ 10"),
        (words("超过 10 次的时段", "10-minute periods over 10"), f"{found.per_10_min_over_ten_pct:.2f} %", "< 1 %"),
        (words("处于报警泛滥的时间", "time in flood"), f"{found.in_flood_pct:.2f} %", "< 1 %"),
        (words("报警泛滥次数", "floods"), str(len(found.floods)), "0"),
        (words("抖动的报警", "chattering alarms"), str(len(found.chatter)), "0"),
        (words("持续一天以上的报警", "alarms standing a day or longer"), str(len(found.stale)), "< 5"),
        (words("一个班最多", "per shift, most"), str(max(found.by_shift.values(), default=0)), ""),
    ]


def show(report: "Report", words: Words) -> None:
    """Print everything."""
    console = Console()
    console.width = max(console.width, WIDTH)
    zone = ZoneInfo(report.zone)
    click.echo(
        words(
            f"{_time(report.from_ms, zone)} 至 {_time(report.to_ms, zone)}，来源 {report.source}，"
            f"{report.readings} 条读数，用时 {report.took_s:.1f} 秒",
            f"{_time(report.from_ms, zone)} to {_time(report.to_ms, zone)}, from the {report.source}: "
            f"{report.readings} readings in {report.took_s:.1f} s",
        )
    )
    mine, other = rows(report.rules, words), rows(report.against, words) if report.against else None
    table = _table(words("", ""), "--rules", *(["--against"] if other else []), words("目标", "target"))
    for at, (what, number, target) in enumerate(mine):
        table.add_row(what, number, *([other[at][1]] if other else []), target)
    console.print(table)
    by_rule = _table(words("规则", "rule"), "--rules", *(["--against"] if report.against else []))
    before = report.against.by_rule if report.against else {}
    for name in sorted({*report.rules.by_rule, *before}, key=lambda each: (-report.rules.by_rule.get(each, 0), each)):
        counts = [report.rules.by_rule.get(name, 0), *([before.get(name, 0)] if report.against else [])]
        by_rule.add_row(name, *map(str, counts))
    console.print(by_rule)
    if report.difference is not None:
        _differ(report, words, zone)
    for alarm, most in list(report.rules.chatter.items())[:LISTED]:
        click.echo(words(f"抖动：{alarm}，一分钟内 {most} 次", f"chatters: {alarm}, {most} times in a minute"))
    for flood in report.rules.floods[:LISTED]:
        span = f"{_time(flood.from_ms, zone)} – {_time(flood.to_ms, zone)}"
        click.echo(words(f"泛滥：{span}，{flood.alarms} 次报警", f"flood: {span}, {flood.alarms} alarms"))
    if report.poison:
        click.echo(words(f"{report.poison} 条记录无法判断", f"{report.poison} records could not be judged"), err=True)


def _differ(report: "Report", words: Words, zone: ZoneInfo) -> None:
    found = report.difference
    assert found is not None  # noqa: S101 - asked by the caller
    click.echo(
        words(
            f"与 --against 相比：新增 {len(found.added)}，减少 {len(found.removed)}，提前 {len(found.earlier)}，"
            f"推迟 {len(found.later)}，相同 {found.same}，合并或拆分 {found.joined}",
            f"Compared with --against: {len(found.added)} added, {len(found.removed)} removed, "
            f"{len(found.earlier)} earlier, {len(found.later)} later, {found.same} the same, "
            f"{found.joined} joined or split",
        )
    )
    for sign, activations in (("+", found.added), ("-", found.removed)):
        for each in activations[:LISTED]:
            click.echo(f"  {sign} {_time(each.from_ms, zone)}  {each.alarm}  {getattr(each.text, words.language)}")
        if len(activations) > LISTED:
            click.echo(f"  {sign} …")
    for moved in (found.earlier + found.later)[:LISTED]:
        click.echo(f"  ~ {_time(moved.from_ms, zone)}  {moved.alarm}  {moved.by_ms / 60_000:+.1f} min")


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for at, title in enumerate(titles):
        table.add_column(title, justify="right" if at else "left", no_wrap=True)
    return table


def _time(at_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, zone):%Y-%m-%d %H:%M}"


def times(found: Sequence[int], zone: ZoneInfo) -> list[str]:
    """Write moments as people read them."""
    return [_time(at_ms, zone) for at_ms in found]
