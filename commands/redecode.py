"""`cityward redecode`: what the journal has of a device is read again, after its map or its decoder was corrected."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import click
import msgspec

from commands.asking import good, pages
from commands.language import Words, language_option
from commands.socket import ask, directory_option
from commands.strangers import became
from config.load import socket_of
from config.problems import Language
from feed.behind import Refiled
from rules.records import Reread

LONG_S = 3600.0


@click.command
@click.option("--since", required=True, metavar="TIME", help="2026-11-20, or 2026-11-20T08:00+08:00.")
@click.option("--device", "names", multiple=True, help="This device; may be said several times.")
@click.option("--model", help="All devices of this model.")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON object: frames by device.")
@language_option
def command(  # noqa: PLR0913 - what may be said
    since: str, names: tuple[str, ...], model: str | None, directory: Path, *, as_json: bool, language: Language | None
) -> None:
    """Read again what the journal has of a device or of a model, as it is configured now.

    Readings of the span take the place of those that were there, in windows and in InfluxDB; verdicts on closed hours
    and days are amended. The journal forgets in days: what it has no longer stays as it is. Exit status 1 when of some
    device there were frames, and none could be read.
    """
    words = Words(language)
    if bool(names) == bool(model):
        raise click.UsageError(words("请给出 --device 或 --model", "say --device or --model"))
    from_when = _instant(since, words)
    socket = socket_of(directory)
    devices = names or tuple(_of_model(socket, model or "", words))
    counts: dict[str, Reread] = {}
    for device in devices:
        body = {"since": from_when.isoformat()}
        target = f"/api/v1/devices/{quote(device, safe='')}/redecode"
        try:
            answered = ask(socket, "POST", target, body, timeout_s=LONG_S)
        except click.ClickException as error:
            zh, en = "；该时段可能尚未补全，请重新运行", "; the span may not be whole: run it again"
            raise click.ClickException(error.message + words(zh, en)) from None
        counts |= msgspec.convert(good(answered, words), Refiled).reread
        if not as_json:
            told = became(counts[device], words)
            click.echo(words(f"{device}：重新解码 {told}", f"{device}: read again: {told}"))
    if as_json:
        frames = {device: reread.frames for device, reread in counts.items()}
        click.echo(msgspec.json.encode(Refiled(frames=frames, reread=counts)))
    if any(reread.none_read for reread in counts.values()):
        raise SystemExit(1)


def _instant(text: str, words: Words) -> datetime:
    """Read a time; without a zone it is this machine's."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise click.UsageError(
            words(
                f"--since {text}：请写成 2026-11-20 或 2026-11-20T08:00+08:00",
                f"--since {text}: write 2026-11-20, or 2026-11-20T08:00+08:00",
            )
        ) from None


def _of_model(socket: Path, model: str, words: Words) -> list[str]:
    found = [device["id"] for device in pages(socket, "devices", words) if device["model"] == model]
    if not found:
        raise click.ClickException(words(f"没有型号为 {model} 的设备", f"no device is of model {model}"))
    return found
