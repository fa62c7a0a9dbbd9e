"""Asks the running daemon for its inbox."""

from pathlib import Path
from urllib.parse import urlencode

import click
import msgspec

from commands.socket import ask
from config.load import socket_of
from feed.behind import InboxPage

LONG_S = 120.0


def inbox_of(directory: Path, address: str | None) -> InboxPage:
    """Return the first page of strangers, or the one at an address. Ends the command when no daemon answers."""
    query = f"?{urlencode({'address': address})}" if address else ""
    status, answer = ask(socket_of(directory), "GET", f"/api/v1/inbox{query}", timeout_s=LONG_S)
    if status != 200:  # noqa: PLR2004 - OK
        raise click.ClickException(str(answer.get("detail", answer)))
    return msgspec.convert(answer, InboxPage)
