"""`cityward inbox adopt`: registers somebody who spoke, and has his frames read."""

from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import yaml

from commands import new_file
from commands.asking import good
from commands.language import Words, language_option
from commands.socket import ask, directory_option
from commands.strangers import LONG_S, became, inbox_of
from config import apart
from config.load import socket_of
from config.problems import Language
from config.quotes import read_as
from devices.catalogue import MODELS
from devices.guesses import ASKED
from devices.instants import rfc3339_ms
from feed.behind import Refiled
from feed.strangers import StrangerView
from rules.records import Reread

INTERVALS = ("1 min", "2 min", "5 min", "10 min", "15 min", "30 min", "1 h", "2 h", "6 h", "12 h", "24 h")
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440)


@click.command
@click.argument("address")
@click.option("--model", required=True, help="What it is: see the guesses.")
@click.option("--id", "device", required=True, help="Its id, for ever: mh-0114.")
@click.option("--name", help="For people: 文化路12号 污水井盖.")
@click.option("--at", nargs=2, type=float, help="Longitude and latitude.", metavar="LON LAT")
@click.option("--crs", type=click.Choice(["wgs84", "gcj02", "bd09", "cgcs2000"]), help="Of --at.")
@click.option("--site", help="The premises that it supervises.")
@click.option("--district", help="Where it stands.")
@click.option("--interval", help="How often it reports at the least; else as its frames came.")
@click.option("--option", "pairs", multiple=True, metavar="NAME=VALUE", help="Option of the model: variant=em310-tilt.")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Say what was done as one JSON object.")
@language_option
def adopt(  # noqa: PLR0913, PLR0917 - what may be said of a device
    address: str,
    model: str,
    device: str,
    directory: Path,
    pairs: tuple[str, ...],
    language: Language | None,
    *,
    as_json: bool,
    **said: Any,  # noqa: ANN401 - as it stands in YAML
) -> None:
    """Register ADDRESS as a device: write a new file in devices.d/, reload, and read the frames that the inbox kept.

    Nothing is changed when the new file would be wrong. What came before is in InfluxDB, windows and reports then, with
    its true time; it rings nothing old. Exit status 1 when there were frames, and none could be read.
    """
    words = Words(language)
    path = new_file.path_of(directory, device, "--id", words)
    page = inbox_of(directory, address, words)
    if not page.strangers:
        raise click.ClickException(
            words(
                f"收件箱中没有 {address}；`cityward inbox` 列出所有地址",
                f"{address} is not in the inbox; `cityward inbox` shows who is",
            )
        )  # fmt: skip
    stranger = page.strangers[0]
    options = {**_options(stranger, model, words), **dict(_pair(pair) for pair in pairs)}
    _need(model, options, words)
    _doubt(stranger, model, words)
    entry: dict[str, Any] = {"id": device, "model": model, "address": address}
    entry |= {"options": options} if options else {}
    said["interval"] = said["interval"] or interval_of(stranger)
    entry |= {name: list(value) if name == "at" else value for name, value in said.items() if value}
    new_file.write(path, file_of(entry), "--id", words)
    _check(path, directory, words)
    new_file.put_in_force(path, directory, words)
    answer = good(ask(socket_of(directory), "POST", "/api/v1/inbox/register", timeout_s=LONG_S), words)
    reread = msgspec.convert(answer, Refiled).reread.get(device)
    if reread is None:
        raise click.ClickException(
            words(
                f"{path} 已写入，但 {device} 未生效：请 reload",
                f"{path} is written, but {device} is not in force: reload",
            )
        )
    if as_json:
        said = {"device": device, "file": str(path), "frames": reread.frames, "reread": reread}
        click.echo(msgspec.json.encode(said))
    else:
        click.echo(_told(device, path, reread, words))
    if reread.none_read:
        raise SystemExit(1)


def _told(device: str, path: Path, reread: Reread, words: Words) -> str:
    registered = words(f"已登记 {device}（{path}）", f"{device} is registered ({path})")
    before = words(f"此前 {became(reread, words)}", f"from before: {became(reread, words)}")
    following = words(f"下一步：cityward walk {device}", f"Next: cityward walk {device}")
    if reread.none_read:
        following = words(
            f"型号或选项可能有误：改正 {path}，reload，再 cityward redecode --device {device}",
            f"Model or options may be wrong: correct {path}, reload, then cityward redecode --device {device}",
        )
    return words(f"{registered}；{before}。{following}", f"{registered}; {before}. {following}")


def _need(model: str, options: dict[str, Any], words: Words) -> None:
    """End the command where the model needs an option that nobody gave."""
    if model not in MODELS:
        return  # the check of the new file says which models there are
    for option in msgspec.structs.fields(MODELS[model].options):
        if option.required and option.name not in options:
            choice = get_args(option.type)
            one = " | ".join(choice) if choice and all(isinstance(each, str) for each in choice) else "…"
            raise click.UsageError(
                words(
                    f"型号 {model} 需要选项 {option.name}：--option {option.name}={one}",
                    f"{model} needs the option {option.name}: --option {option.name}={one}",
                )
            )


def _doubt(stranger: StrangerView, model: str, words: Words) -> None:
    """Warn where other models read the newest frames, and this one is not among the best."""
    best = ", ".join(dict.fromkeys(guess.model for guess in stranger.guesses))
    if best and all(guess.model != model for guess in stranger.guesses):
        click.echo(
            words(
                f"注意：最新的帧更像 {best}，而不是 {model}",
                f"mind: the newest frames look like {best}, not like {model}",
            ),
            err=True,
        )


def file_of(entry: dict[str, Any]) -> str:
    """Write the file of one device; `id` is its first key."""
    text = yaml.safe_dump({"devices": [entry]}, allow_unicode=True, sort_keys=False)
    device = entry["id"]
    if read_as(device):  # PyYAML gives quotes only to what YAML 1.1 reads otherwise
        text = text.replace(f"id: {device}\n", f'id: "{device}"\n', 1)
    return text


def _options(stranger: StrangerView, model: str, words: Words) -> dict[str, Any]:
    """Take the options of the best guess of this model, the first of several that are as good; says which there are."""
    found = [guess for guess in stranger.guesses if guess.model == model]
    best = [g for g in found if (g.readings, g.facts, ASKED in g.options) == (found[0].readings, found[0].facts, False)]
    if len(best) > 1 and len({len(guess.values) for guess in best}) == 1:
        some = ", ".join(f"{name}={value}" for guess in best for name, value in guess.options.items())
        click.echo(
            words(f"以下几种都能解码，取第一种：{some}", f"all of these read it, the first is taken: {some}"), err=True
        )
    return {name: value for name, value in best[0].options.items() if name != ASKED} if best else {}


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--option {text}: write NAME=VALUE")
    return name, yaml.safe_load(value) if value[:1] in "{[" else value


def interval_of(stranger: StrangerView) -> str:
    """Say how often it reports, from how its frames came: a usual step that is half as long again."""
    span_min = (rfc3339_ms(stranger.last) - rfc3339_ms(stranger.first)) / 60_000
    each_min = 1.5 * span_min / max(stranger.frames - 1, 1)
    if stranger.frames < 2:  # noqa: PLR2004 - one frame says nothing
        return INTERVALS[-1]
    return next((name for name, step in zip(INTERVALS, _MINUTES, strict=True) if each_min <= step), INTERVALS[-1])


def _check(path: Path, directory: Path, words: Words) -> None:
    """Check all files with the new one, before a daemon that rings when it refuses them; else away with it."""
    try:
        errors = apart.finish(apart.begin(directory)).errors
    except KeyboardInterrupt:
        path.unlink()
        raise
    if errors:
        path.unlink()
        raise click.ClickException("\n".join(getattr(problem, words.language) for problem in errors))
