"""What became of telling people: receipts of an alarm, how channels stand, a test message."""

import asyncio
import time
from pathlib import Path
from secrets import token_hex

from fastapi import FastAPI, Request
from msgspec import Struct
from starlette.responses import Response

from devices.instants import rfc3339
from feed.desk import Audited
from feed.http import openapi
from feed.http.access import Actor
from feed.http.answer import answer
from feed.http.gateway import Gateway
from feed.http.problems import SHOWN, Problem, ProblemError
from feed.notify.notifier import ask_for_test
from feed.notify.outbox import Outbox
from rules.records import Text

ANSWER_S = 12.0


class ReceiptView(Struct, frozen=True, kw_only=True):
    """What became of one telling of one alarm.

    what    told, or escalation-N
    status  waiting, taken (being sent), sent, refused, expired; cancelled: nobody has to be told any more; moved: its
            fallback told it
    repeat  it was sent again though it may have arrived before
    """

    time: str
    channel: str
    to: list[str]
    what: str
    status: str
    error: str | None
    why: str
    repeat: bool


class ReceiptsPage(Struct, frozen=True, kw_only=True):
    """Receipts of an alarm, the newest first."""

    gateway: str
    alarm: str
    receipts: list[ReceiptView]


class ChannelView(Struct, frozen=True, kw_only=True):
    """How a channel stands. waiting: what is not sent yet, and since when the first of it is due."""

    name: str
    kind: str
    failing: bool
    failures: int
    sent: str | None
    failed: str | None
    error: str | None
    waiting: int
    waiting_since: str | None


class ChannelsPage(Struct, frozen=True, kw_only=True):
    """All channels."""

    gateway: str
    channels: list[ChannelView]


class TestedChannel(Struct, frozen=True, kw_only=True):
    """What became of a test message: sent, or waiting, refused, moved."""

    channel: str
    status: str
    error: str | None


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    name, desk = gateway.hub.gateway, gateway.hub.book.parent / "desk.sqlite"

    @app.get("/api/v1/alarms/{alarm:path}/receipts", responses=openapi.answers(ReceiptsPage))
    async def receipts(alarm: str) -> Response:
        """Say who was told of an alarm, over which channel, and what became of it."""
        views = await gateway.looked(lambda: _receipts(desk, alarm))
        return answer(ReceiptsPage(gateway=name, alarm=alarm, receipts=views))

    @app.get("/api/v1/channels", responses=openapi.answers(ChannelsPage))
    async def channels() -> Response:
        """Say how the channels stand; of none where nobody is to be told."""
        return answer(ChannelsPage(gateway=name, channels=await gateway.looked(lambda: _channels(desk))))

    @app.post("/api/v1/channels/{channel}/test", responses=openapi.answers(TestedChannel, 404))
    async def test(request: Request, channel: str) -> Response:
        """Send a test message; it takes its turn like any other. Answers when it is sent, or after 12 s."""
        actor: Actor = request.state.actor
        key = f"test/{token_hex(8)}"
        found = await gateway.written(lambda: ask_for_test(desk, channel, key, actor.user or "-"))
        if found:
            status, said = await _result(gateway, desk, key)
        else:
            status, said = "404", "there is no such channel"
        entry = Audited(
            who=actor.user or "-", via=actor.via, what="test-channel", target=channel[:SHOWN],
            status=200 if found else 404, answer=f"{status} {said}".strip(),
        )  # fmt: skip
        await gateway.auditor.write(entry)
        if not found:
            raise ProblemError(_no_such_channel(channel[:SHOWN]))
        return answer(TestedChannel(channel=channel, status=status, error=said or None))


def _receipts(desk: Path, alarm: str) -> list[ReceiptView]:
    box = Outbox(desk)
    try:
        return [
            ReceiptView(
                time=rfc3339(one.time), channel=one.channel, to=one.to, what=one.what, status=one.status,
                error=one.error or None, why=one.why, repeat=one.repeat,
            )
            for one in box.receipts(alarm)
        ]  # fmt: skip
    finally:
        box.close()


def _channels(desk: Path) -> list[ChannelView]:
    box = Outbox(desk)
    try:
        return [
            ChannelView(
                name=state.name, kind=state.kind, failing=state.failing, failures=state.failures,
                sent=rfc3339(state.sent_ms) if state.sent_ms else None,
                failed=rfc3339(state.failed_ms) if state.failed_ms else None,
                error=state.detail or None, waiting=waiting, waiting_since=rfc3339(due_ms) if due_ms else None,
            )
            for state, waiting, due_ms in box.channels() if state.active
        ]  # fmt: skip
    finally:
        box.close()


async def _result(gateway: Gateway, desk: Path, key: str) -> tuple[str, str]:
    """Wait until the message was tried; return what became of it, and what was said."""

    def look() -> tuple[str, str] | None:
        box = Outbox(desk)
        try:
            return box.result(key)
        finally:
            box.close()

    deadline = time.monotonic() + ANSWER_S
    found = await gateway.looked(look)
    while time.monotonic() < deadline and (found is None or (found[0] in ("waiting", "taken") and not found[1])):
        await asyncio.sleep(0.2)
        found = await gateway.looked(look)
    return found or ("waiting", "")


def _no_such_channel(channel: str) -> Problem:
    return Problem(
        status=404,
        word="no-such-channel",
        text=Text(
            zh=f"没有通知渠道 {channel}；见 /api/v1/channels", en="there is no such channel: read /api/v1/channels"
        ),
    )
