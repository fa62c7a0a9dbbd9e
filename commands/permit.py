"""`cityward permit`: somebody may open a cover until then; its opening is logged and rings nobody, its overrun does."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import click
import msgspec

from commands.language import Words, language_option
from commands.socket import ask, directory_option
from config.load import socket_of, zone_of
from config.problems import Language
from devices.units import DURATION_MS


@click.command
@click.argument("device", required=False)
@click.option("--who", default="", help="Who opens it: name, crew, telephone.")
@click.option(
    "--until",
    default="",
    metavar="TIME",
    help="2026-11-24T18:00, 18:00 (today), in the gateway's zone, or from now: 3 h.",
)
@click.option("--why", default="", help="What is done there.")
@click.option("--end", is_flag=True, help="End it now; what is still open rings.")
@directory_option
@language_option
def command(  # noqa: PLR0913 - what may be said
    device: str | None, who: str, until: str, why: str, directory: Path, *, end: bool, language: Language | None
) -> None:
    """Allow somebody to open a cover; without DEVICE: list the permits that are in force.

    Alarms of its opening are logged meanwhile and ring nobody; gas, water and silence ring as ever. What is still open
    when the permit ends rings. It is kept in the audit trail.
    """
    words = Words(language)
    socket, zone = socket_of(directory), zone_of(directory)
    if device is None:
        _list(socket, zone, words)
        return
    if end == bool(until) or (not end and not who):
        raise click.UsageError(words("请给出 --who 和 --until，或 --end", "say --who and --until, or --end"))
    when = None if end else _instant(until, zone, words)
    body = {
        "who": who, "why": why, "until": when.isoformat() if when else None, "command_id": str(uuid.uuid4())
    }  # fmt: skip
    status, answer = ask(socket, "POST", f"/api/v1/devices/{quote(device, safe='')}/permit", body)
    if status != 200:  # noqa: PLR2004 - OK
        raise click.ClickException(str(answer.get("text", {}).get(words.language, answer.get("detail", status))))
    if when is None:
        click.echo(words(f"{device}：许可已结束", f"{device}: the permit has ended"))
    else:
        shown = _shown(when, zone)
        click.echo(words(f"{device}：{who} 可开启至 {shown}", f"{device}: {who} may open it until {shown}"))


def _list(socket: Path, zone: ZoneInfo, words: Words) -> None:
    status, page = ask(socket, "GET", "/api/v1/permits")
    if status != 200:  # noqa: PLR2004 - OK
        raise click.ClickException(msgspec.json.encode(page).decode())
    permits: list[dict[str, Any]] = page["permits"]
    for one in permits:
        until = _shown(datetime.fromisoformat(one["until"]), zone)
        click.echo(f"{one['device']}  {one['who']}  → {until}  {one['why']}")
    if not permits:
        click.echo(words("没有作业许可", "there is no permit"))


def _shown(when: datetime, zone: ZoneInfo) -> str:
    return f"{when.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"


def _instant(text: str, zone: ZoneInfo, words: Words) -> datetime:
    """Read a time; without a zone it is the gateway's, whatever the clock of this machine shows."""
    number, _, unit = text.strip().partition(" ")
    if unit in DURATION_MS and number.isdigit():
        return datetime.now(UTC) + timedelta(milliseconds=int(number) * DURATION_MS[unit])
    today = f"{datetime.now(zone):%Y-%m-%d}T"
    try:
        when = datetime.fromisoformat(today + text if len(text) <= len("18:00:00") else text)
    except ValueError:
        raise click.UsageError(
            words(
                f"--until {text}：请写成 18:00、2026-11-24T18:00 或 3 h",
                f"--until {text}: write 18:00, 2026-11-24T18:00 or 3 h",
            )
        ) from None
    return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
