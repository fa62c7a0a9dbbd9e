"""`cityward plan`: what the files would change if they were reloaded now."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from commands.asking import in_force, pages
from commands.language import Words, language_option
from commands.socket import directory_option
from config import accepted, apart
from config.differences import Changed, Differences, Part, differences
from config.load import socket_of
from config.problems import Language

CHANGES = 3  # exit code; 2 is of a command line that is not understood
LISTED = 40  # of a kind
SHOWN = 60  # characters of a value


@click.command
@directory_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, whole.")
@language_option
def command(directory: Path, *, as_json: bool, language: Language | None) -> None:
    """Show what a reload of the files would do to what is in force, without doing it.

    Devices and rules that come, change and go; what would be forgotten of them; standing alarms that would be
    withdrawn; sources that are opened, closed or opened again; what only a restart changes.

    Exit code: 0 = nothing would change, 3 = something would, 1 = the files are wrong or no daemon answers.
    """
    words = Words(language)
    found = apart.finish(apart.begin(directory))
    for problem in found.problems:
        click.echo(getattr(problem, words.language), err=True)
    if not found.blob:
        raise click.ClickException(
            words("配置有误，重新加载将被拒绝。", "the files are wrong: a reload would be refused.")
        )
    socket = socket_of(directory)
    old, taken_back = in_force(socket, words)
    standing = [(each["id"], each["rule"], each["subject"]) for each in pages(socket, "alarms", words)]
    would = differences(old, accepted.compiled_of(found), standing)
    if as_json:
        click.echo(msgspec.json.encode({"in_force": old.hash, "files": found.hash, "taken_back": taken_back, **{
            name: getattr(would, name) for name in would.__struct_fields__
        }}))  # fmt: skip
    else:
        if taken_back:
            click.echo(words("这些文件已被 reload --undo 撤回。", "These files were taken back by reload --undo."))
        click.echo("\n".join(_told(would, words)))
    if would.any:
        raise SystemExit(CHANGES)


def _told(would: Differences, words: Words) -> Iterator[str]:
    if not would.any:
        yield words("没有变化：文件与生效的配置一致。", "Nothing would change: the files are what is in force.")
        return
    forgotten = words("其状态与报警将清除", "its state and alarms go")
    yield from _part(would.devices, words("设备", "device"), words, forgotten)
    yield from _part(would.rules, words("规则", "rule"), words, words("其报警将撤销", "its alarms are withdrawn"))
    yield from _part(would.sources, words("数据源", "source"), words, words("将关闭", "is closed"))
    for name in would.withdrawn[:LISTED]:
        yield f"! {words('报警将撤销', 'alarm is withdrawn')}: {name}"
    yield from _rest(would.withdrawn, words)
    for name in would.restart:
        yield f"! cityward.yaml: {name}: " + words("须重启服务才生效", "only a restart of the service changes it")
    yield _summary(would, words)


def _part(part: Part, kind: str, words: Words, removed: str) -> Iterator[str]:
    for name in part.added[:LISTED]:
        yield click.style(f"+ {kind} {name}", fg="green")
    yield from _rest(part.added, words)
    for changed in part.changed[:LISTED]:
        yield click.style(f"~ {kind} {changed.id}", fg="yellow")
        yield from _changed(changed, words)
    yield from _rest(part.changed, words)
    for name in part.removed[:LISTED]:
        yield click.style(f"- {kind} {name}", fg="red") + f"  {removed}"
    yield from _rest(part.removed, words)


def _rest(all_of_them: list[Any], words: Words) -> Iterator[str]:
    rest = len(all_of_them) - LISTED
    if rest > 0:
        yield words(f"  … 另有 {rest} 项；用 --json 查看全部", f"  … and {rest} more; --json shows all")


def _changed(changed: Changed, words: Words) -> Iterator[str]:
    for name, (before, after) in changed.fields.items():
        yield f"    {name}: {_shown(before)} → {_shown(after)}"
    if changed.anew:
        yield words(
            "    重新开始：此前的最后通信时间、计数器和去重记录将清除",
            "    begins anew: when it was last heard, its counters and duplicates are forgotten",
        )
    if changed.judged_anew:
        yield words("    重新判断：从其后的读数起", "    is judged anew, from the readings that follow")


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _summary(would: Differences, words: Words) -> str:
    def counted(part: Part) -> str:
        return f"+{len(part.added)} ~{len(part.changed)} -{len(part.removed)}"

    anew = sum(changed.anew for changed in would.devices.changed)
    counts = counted(would.devices), anew, counted(would.rules), len(would.withdrawn), counted(would.sources)
    return words(
        "设备 {}（{} 台重新开始），规则 {}，撤销报警 {}，数据源 {}。",
        "Devices {} ({} begin anew), rules {}, alarms withdrawn {}, sources {}.",
    ).format(*counts)
