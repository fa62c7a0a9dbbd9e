"""Asks the running daemon what is in force and how it stands with devices and alarms, for several commands."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from commands.language import Words
from commands.socket import ask
from config import blob
from config.compiled import Compiled
from config.schema import CitywardSettings

_OK = 200


def good(answered: tuple[int, dict[str, Any]], words: Words) -> dict[str, Any]:
    """Return a good answer; end the command with what the daemon says otherwise."""
    status, answer = answered
    if status != _OK:
        raise click.ClickException(str(answer.get("text", {}).get(words.language, answer.get("detail", status))))
    return answer


def in_force(socket: Path, words: Words) -> tuple[Compiled, bool]:
    """Return the configuration that the daemon works with, and whether its files were taken back."""
    answer = good(ask(socket, "GET", "/api/v1/configuration"), words)
    settings = CitywardSettings.model_validate_json(json.dumps(answer["settings"]))
    return Compiled(settings, *blob.decode(b64decode(answer["content"])), answer["hash"]), answer["differs"]


def pages(socket: Path, what: str, words: Words) -> Iterator[dict[str, Any]]:
    """Yield all that there is: `devices`, `alarms`."""
    after: str | None = ""
    while after is not None:
        page = good(ask(socket, "GET", f"/api/v1/{what}?after={quote(after, safe='')}"), words)
        yield from page[what]
        after = page["next"]
