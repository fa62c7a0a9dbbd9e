"""`cityward devices import` and `export`: the installer's list into YAML, and what is registered as such a list."""

from pathlib import Path

import click
import msgspec

from commands import new_file
from commands.language import Words, language_option
from commands.socket import directory_option
from config import csv_check, csv_export, csv_list
from config.check import load
from config.csv_list import Read
from config.problems import Language
from config.schemas import path_of

SHOWN = 200  # faults; nobody mends more at once


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", metavar="NAME", help="Name of the new file, devices.d/NAME.yaml; else that of the list.")
@click.option("--reload", is_flag=True, help="Put it in force at once.")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Say what was done, or what is wrong, as one JSON object.")
@language_option
def import_list(  # noqa: PLR0913 - what may be said
    file: Path, out: str | None, directory: Path, *, reload: bool, as_json: bool, language: Language | None
) -> None:
    """Make a new file in devices.d/ of a list of devices: CSV, in UTF-8 or GB 18030.

    Headers: 编号 id, 型号 model, 地址 address (or EUI, IMEI, MN), 名称 name, 经度 longitude, 纬度 latitude, 坐标系 crs,
    工地 site, 区 district, 周期 interval, 标签 tags; 标签.X labels.X and 选项.X options.X for labels and options.

    Every fault is named by row and column, all at once, and then nothing is written. Exit code: 1 where there is one.
    """
    words = Words(language)
    name = (out or file.stem).removesuffix(".yaml").strip()
    path = new_file.path_of(directory, name, "--out", words)
    found = csv_list.read(file.read_bytes())
    text = ""
    if found.lines:
        head = f"# yaml-language-server: $schema={path_of('devices')}\n#\n# {' '.join(file.name.split())}\n\ndevices:\n"
        text = csv_check.check(found, directory, name, head)
    _tell(found, words, as_json=as_json)
    new_file.write(path, text, "--out", words)
    if reload:
        new_file.put_in_force(path, directory, words)
    if as_json:
        click.echo(msgspec.json.encode({"file": str(path), "devices": found.devices, "in_force": reload}))
    elif reload:
        click.echo(
            words(
                f"{found.devices} 台设备已写入 {path} 并生效。", f"{found.devices} devices are in {path}, and in force."
            )
        )
    else:
        click.echo(
            words(
                f"{found.devices} 台设备已写入 {path}，尚未生效。下一步：cityward plan，然后 cityward reload",
                f"{found.devices} devices are in {path}, not in force yet. Next: cityward plan, then cityward reload",
            )
        )


def _tell(found: Read, words: Words, *, as_json: bool) -> None:
    """Tell what is wrong; end the command when something is."""
    wrong = [fault for fault in found.faults if not fault.warning]
    if as_json and wrong:
        click.echo(msgspec.json.encode({"faults": found.faults}))
    elif not as_json:
        for fault in found.faults[:SHOWN]:
            click.echo(fault.text(words.language), err=True)
        if len(found.faults) > SHOWN:
            rest = len(found.faults) - SHOWN
            click.echo(words(f"… 另有 {rest} 处", f"… and {rest} more"), err=True)
    if wrong:
        count = len(wrong)
        click.echo(words(f"{count} 处错误，未写入任何文件。", f"{count} faults; nothing was written."), err=True)
        raise SystemExit(1)


@click.command("export")
@click.option("--out", "file", type=click.Path(path_type=Path, dir_okay=False), help="Else to standard output.")
@directory_option
@language_option
def export_list(file: Path | None, directory: Path, language: Language | None) -> None:
    """Write all devices of the files as a list that a spreadsheet opens and `devices import` reads.

    CSV in UTF-8 with a mark; places in WGS 84. Needs no running daemon.
    """
    words = Words(language)
    loaded = load(directory)
    if loaded.compiled is None:
        for problem in loaded.errors:
            click.echo(problem.text(words.language), err=True)
        raise click.ClickException(words("配置有误，未导出。", "the files are wrong: nothing was written."))
    content = csv_export.written(loaded.compiled.registry.devices, chinese=words.language == "zh")
    if file is None:
        click.echo(content, nl=False)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    count = len(loaded.compiled.registry.devices)
    click.echo(words(f"{count} 台设备已导出到 {file}。", f"{count} devices are in {file}."))
