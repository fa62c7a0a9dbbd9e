"""Asks the running daemon for its inbox."""

from pathlib import Path
from urllib.parse import urlencode

import msgspec

from commands.asking import good
from commands.language import Words
from commands.socket import ask
from config.load import socket_of
from feed.behind import InboxPage

LONG_S = 120.0


def inbox_of(directory: Path, address: str | None, words: Words) -> InboxPage:
    """Return the first page of strangers, or the one at an address. Ends the command when no daemon answers."""
    query = f"?{urlencode({'address': address})}" if address else ""
    answer = good(ask(socket_of(directory), "GET", f"/api/v1/inbox{query}", timeout_s=LONG_S), words)
    return msgspec.convert(answer, InboxPage)
