"""`cityward rules`: the rules in force with what their numbers rest on, and tests of rules."""

from pathlib import Path
from typing import Any

import click
import msgspec

from commands.language import Words, language_option
from commands.rules_play import Played, play
from config.check import Loaded, load
from config.problems import Language
from config.rule_tests import read
from devices.registry import Device
from rules.ruleset import Rule, Scope
from rules.scope import in_scope

_USUAL = Path("/etc/cityward")


@click.group(name="rules")
def command() -> None:
    """Show the rules of a configuration and where their numbers come from; test them."""


# ------------------------------------------------------------------------------------------------------------ list


@command.command("list")
@click.argument("directory", type=click.Path(path_type=Path), default=_USUAL)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@language_option
def list_(directory: Path, *, as_json: bool, language: Language | None) -> None:
    """Show all rules of a DIRECTORY of configuration: kind, whom they judge, limits with source, clause and basis.

    Exits with 1 when the configuration is wrong; `cityward check` says in what.
    """
    words = Words(language)
    loaded = load(directory)
    if loaded.compiled is None:
        raise click.ClickException(_wrong(loaded, words))
    devices = loaded.compiled.registry.devices
    rules = loaded.compiled.ruleset.rules
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([_plain(rule, devices) for rule in rules]), indent=2))
        return
    for rule in rules:
        click.echo("\n".join(_told(rule, devices, words)))
    click.echo(words(f"{len(rules)} 条规则", f"{len(rules)} rules"), err=True)


def _wrong(loaded: Loaded, words: Words) -> str:
    first = loaded.errors[0].text(words.language)
    return words(f"配置有 {len(loaded.errors)} 处错误，第一处：{first}", f"{len(loaded.errors)} errors; first: {first}")


def _count(rule: Rule, devices: tuple[Device, ...]) -> int:
    return sum(in_scope(rule.scope, device) for device in devices)


def _plain(rule: Rule, devices: tuple[Device, ...]) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    plain["sources"] = [{name: getattr(each, name) for name in each.__struct_fields__} for each in rule.sources]
    return plain | {"unverified": rule.unverified, "devices": _count(rule, devices)}


def _told(rule: Rule, devices: tuple[Device, ...], words: Words) -> list[str]:
    quantity = getattr(rule.settings, "quantity", "")
    basis = {
        "compliance": words("有约束力", "compliance"),
        "reference": words("仅作参考", "reference"),
        None: "",
    }[rule.basis]
    count = _count(rule, devices)
    parts = [
        click.style(rule.id, bold=True),
        f"{rule.kind} {quantity}".strip(),
        _scope(rule.scope, words) + words(f"（{count} 台）", f" ({count} devices)"),
        words(f"优先级 {rule.priority}", f"priority {rule.priority}"),
        basis,
        words(f"规则包 {rule.pack}", f"pack {rule.pack}") if rule.pack else "",
    ]
    lines = ["  ".join(part for part in parts if part)]
    for each in rule.sources:
        mark = click.style(each.mark, fg="yellow") if each.mark.startswith("M") else each.mark
        lines.append(f"    {each.number}: {each.value}  {each.document}, {each.clause}  [{mark}]")
    if not any(each.number.startswith("limit") for each in rule.sources):
        lines += [f"    limit: {each.value:g}" for each in getattr(rule.settings, "limits", ())]
    return lines


def _scope(scope: Scope, words: Words) -> str:
    parts = [scope.family, *scope.devices, *(f"{key}={value}" for key, value in scope.labels.items()), scope.site]
    return ", ".join(part for part in parts if part) or words("全部设备", "all devices")


# ------------------------------------------------------------------------------------------------------------ test


@command.command("test")
@click.argument("files", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@language_option
def test(files: tuple[Path, ...], *, as_json: bool, language: Language | None) -> None:
    """Play the tests in FILES: what devices say, and what must have rung by when. See docs/configuration.md.

    Exit status 0 when all is as expected, 1 when something is not, 2 when a file or the configuration is wrong.
    """
    words = Words(language)
    status = 0
    found: list[dict[str, Any]] = []
    for file in files:
        played, problems = _played(file, words)
        failed = any(each.failures for each in played)
        status = max(status, 2 if problems else 1 if failed else 0)
        if as_json:
            found.append({"file": str(file), "problems": problems, "tests": msgspec.to_builtins(played)})
        else:
            _tell(file, problems, played, words)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"passed": status == 0, "files": found}), indent=2))
    raise SystemExit(status)


def _played(file: Path, words: Words) -> tuple[list[Played], list[str]]:
    """Play the tests of a file; or say what is wrong with it."""
    try:
        tests = read(file)
    except OSError as error:  # a pipe, a disk that fails
        return [], [f"{file}: {error.strerror or error}"]
    if tests.errors or tests.settings is None:
        return [], [problem.text(words.language) for problem in tests.errors]
    return [play(tests, number, words) for number in range(len(tests.settings.tests))], []


def _tell(file: Path, problems: list[str], played: list[Played], words: Words) -> None:
    for problem in problems:
        click.echo(problem)
    for test in played:
        for each in test.failures:
            wish = words(f"应为 {each.expected}，实为 {each.got}", f"expected {each.expected}, got {each.got}")
            click.echo(f"{file}:{each.line}:{each.column}: {test.name}, {each.at}: {wish}")
    good = sum(not test.failures for test in played)
    if problems:
        click.echo(words(f"{file}：有错，未测试", f"{file}: wrong, not tested"), err=True)
    else:
        click.echo(
            words(f"{file}：{len(played)} 项中 {good} 项通过", f"{file}: {good} of {len(played)} passed"), err=True
        )
