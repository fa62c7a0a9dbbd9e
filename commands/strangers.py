"""Asks the running daemon for its inbox; says what became of old frames."""

from pathlib import Path
from urllib.parse import urlencode

import msgspec

from commands.asking import good
from commands.language import Words, visible
from commands.socket import ask
from config.load import socket_of
from feed.behind import InboxPage
from rules.records import Reread

LONG_S = 120.0


def became(reread: Reread, words: Words) -> str:
    """Say what became of old frames: "3 frames: 1 with readings, 2 refused (syntax: too short)"."""
    refused = sum(reread.refused.values())
    parts = [
        (reread.readings, "帧有数值", "with readings"),
        (reread.facts, "帧只有状态", "with facts only"),
        (reread.repeats, "帧重复", "repeats"),
        (reread.held, "帧时间有误", "held for their time"),
        (refused, "帧无法解码", "refused"),
    ]
    several = words("，", ", ").join(f"{count} {words(zh, en)}" for count, zh, en in parts if count)
    why = words(f"（{visible(reread.why)}）", f" ({visible(reread.why)})") if refused and reread.why else ""
    frames = words(f"{reread.frames} 帧", f"{reread.frames} frames")
    return frames + (words("：", ": ") + several + why if several else "")


def inbox_of(directory: Path, address: str | None, words: Words) -> InboxPage:
    """Return the first page of strangers, or the one at an address. Ends the command when no daemon answers."""
    query = f"?{urlencode({'address': address})}" if address else ""
    answer = good(ask(socket_of(directory), "GET", f"/api/v1/inbox{query}", timeout_s=LONG_S), words)
    return msgspec.convert(answer, InboxPage)
