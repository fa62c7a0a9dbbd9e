"""`cityward check`: everything that is wrong in a configuration, at once."""

from pathlib import Path

import click

from commands.language import language_of_system, language_option
from config import apart
from config.check import Loaded, load
from config.problems import Language


@click.command
@click.argument("directory", type=click.Path(path_type=Path), default=Path("/etc/cityward"))
@language_option
def command(directory: Path, language: Language | None) -> None:
    """Check a directory of configuration: cityward.yaml, devices.d/, rules.d/.

    Prints every problem as FILE:LINE:COLUMN, what is wrong and what to write instead, and exits with 1 when one of them
    is an error; else a summary.
    """
    language = language or language_of_system()
    loaded = load(directory)
    for problem in loaded.problems:
        click.echo(problem.text(language))
    if loaded.compiled is not None and not apart.has_devices(directory):
        folder = directory / "devices.d"
        told = {
            "zh": f"警告：{folder} 中没有任何设备文件；有设备在用时，重新加载会被拒绝。",
            "en": f"Warning: {folder} has no file of devices; while devices are in force a reload refuses that.",
        }
        click.echo(told[language])
    click.echo(_summary(loaded, language), err=loaded.compiled is None)
    if loaded.compiled is None:
        raise SystemExit(1)


def _summary(loaded: Loaded, language: Language) -> str:
    if loaded.compiled is None:
        count = len(loaded.errors)
        return f"{count} 处错误。" if language == "zh" else f"{count} error{'s' if count > 1 else ''}."
    registry, rules = loaded.compiled.registry, loaded.compiled.ruleset.rules
    counts = len(registry.devices), len(rules), len(registry.sources)
    if language == "zh":
        return "配置正确：{} 台设备，{} 条规则，{} 个数据源。".format(*counts)
    return "All is right: {} devices, {} rules, {} sources.".format(*counts)
