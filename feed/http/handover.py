"""交接班: the shift is handed over, with the lists as both have seen them, signed by both."""

import asyncio
import hashlib
import time
import zlib
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Request
from msgspec import Raw, Struct
from starlette.responses import Response

from devices.instants import rfc3339
from feed.desk import Audited
from feed.handovers import Counted, Handover
from feed.http import openapi, problems_access
from feed.http.access import MAY, Actor
from feed.http.answer import answer
from feed.http.audit import After
from feed.http.auditor import as_json
from feed.http.gateway import Gateway
from feed.http.people_bodies import (
    HandoverAlarm,
    HandoverBody,
    HandoverLists,
    HandoverNow,
    HandoverRow,
    HandoversPage,
    HandoverView,
)
from feed.http.problems import Problem, ProblemError
from feed.wire import PAGE, AlarmView, json_of
from rules.records import Text

MOST = 50  # of a page
SHOWN_S = 90.0  # so long lists that were shown can be signed; the page reads them again each 30 s
MOST_SHOWN = 32


class Shown:
    """Lists that were shown to be signed, by the SHA-256 of their text; on the loop."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, bytes]] = {}

    def keep(self, sha256: str, packed: bytes) -> None:
        """Remember them for a while."""
        now_s = time.monotonic()
        fresh = {one: kept for one, kept in self._kept.items() if kept[0] > now_s - SHOWN_S and one != sha256}
        newest = list(fresh.items())[1 - MOST_SHOWN :]
        self._kept = dict(newest) | {sha256: (now_s, packed)}

    def find(self, sha256: str) -> str | None:
        """Give their text; None = nobody was shown such, or too long ago."""
        at_s, packed = self._kept.get(sha256, (0.0, b""))
        return zlib.decompress(packed).decode() if packed and time.monotonic() - at_s < SHOWN_S else None


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    _handing_over(app, gateway)
    _past(app, gateway)


def _handing_over(app: FastAPI, gateway: Gateway) -> None:
    shown = Shown()

    @app.get("/api/v1/handovers/now", responses=openapi.answers(HandoverNow, 401, 403))
    async def now(request: Request) -> Response:
        """Give the lists as they are, to be looked at and then signed by their `sha256`, within 90 s."""
        lists, text = await _now(gateway)

        def made() -> tuple[str, bytes, bytes]:
            sha256 = _sha256(text)
            body = json_of(HandoverNow(sha256=sha256, **_fields(lists)))
            return sha256, zlib.compress(text.encode(), 1), body

        sha256, packed, body = await asyncio.to_thread(made)
        actor: Actor = request.state.actor
        if actor.may("handover"):  # others only look
            shown.keep(sha256, packed)
        return answer(body)

    @app.post("/api/v1/handovers", responses=openapi.answers(HandoverView, 401, 403, 409, 422, 429))
    async def hand_over(request: Request, body: HandoverBody) -> Response:
        """Hand the shift over to who signs with his name and password; the lists are kept as they were seen."""
        actor: Actor = request.state.actor
        taker = await _taker(gateway, request, body)
        text = shown.find(body.seen) if body.seen else (await _now(gateway))[1]
        if text is None:
            raise ProblemError(_other_lists())

        def signed() -> bytes:
            row = _row(actor, taker, body.note, text)
            return _whole(gateway.handovers.add(actor.user, taker, body.note, text, row))

        return answer(await gateway.written(signed))


def _past(app: FastAPI, gateway: Gateway) -> None:
    handovers = gateway.handovers

    @app.get("/api/v1/handovers", responses=openapi.answers(HandoversPage, 401, 403))
    async def past(after: After = "", limit: Annotated[int, Query(ge=1, le=MOST)] = 10) -> Response:
        """Give past handovers, the newest first, without their lists."""
        rows = await gateway.looked(lambda: handovers.before(int(after or 0), limit + 1))
        page = [_counted(row) for row in rows[:limit]]
        following = str(page[-1].number) if len(rows) > limit else None
        return answer(HandoversPage(handovers=page, next=following))

    @app.get("/api/v1/handovers/{number}", responses=openapi.answers(HandoverView, 401, 403, 404))
    async def one(number: Annotated[int, Path(ge=1, le=2**53 - 1)]) -> Response:
        """Give one with its lists as they were."""

        def read() -> bytes | None:
            row = handovers.find(number)
            return None if row is None else _whole(row)

        body = await gateway.looked(read)
        if body is None:
            raise ProblemError(_no_such_handover(number))
        return answer(body)


def _row(actor: Actor, taker: str, note: str, text: str) -> Audited:
    lists = msgspec.json.decode(text, type=_Kept)
    kept = {
        "took": taker, "standing": len(lists.standing), "shelved": len(lists.shelved),
        "out_of_service": len(lists.out_of_service), "sha256": _sha256(text),
    }  # fmt: skip
    return Audited(who=actor.user, via=actor.via, what="handover", comment=note, after=as_json(kept), status=200)


async def _taker(gateway: Gateway, request: Request, body: HandoverBody) -> str:
    """Give the user who takes the shift. Raises ProblemError: it is nobody who may, or not he."""
    actor: Actor = request.state.actor
    if body.user == actor.user:
        zh, en = "交班人和接班人须是两个人", "who gives the shift cannot take it"
        raise ProblemError(problems_access.cannot_be("same-person", zh, en))
    taker = await gateway.passwords.known(body.user, body.password, request.state.peer.address)
    if taker is None:
        raise ProblemError(problems_access.wrong_password(missing=False))
    if "handover" not in MAY[taker.role]:
        zh, en = "接班人须是操作员或工程师", "who takes the shift must be an operator or engineer"
        raise ProblemError(problems_access.cannot_be("not-on-duty", zh, en))
    return taker.user


async def _now(gateway: Gateway) -> tuple[HandoverLists, str]:
    """Give the lists as they are, and their text. All alarms are taken at once; thousands are read on a thread."""
    bodies: list[bytes] = []
    after: str | None = ""
    while after is not None:
        page, after = gateway.hub.alarms(after, PAGE)
        bodies += page
    event, as_of = gateway.hub.last, rfc3339(gateway.behind.civil_ms())

    def read() -> tuple[HandoverLists, str]:
        lists = _lists([msgspec.json.decode(body, type=AlarmView) for body in bodies])
        lists.event, lists.as_of = event, as_of
        return lists, as_json(lists)

    return await asyncio.to_thread(read)


def _lists(alarms: list[AlarmView]) -> HandoverLists:
    lists = HandoverLists(standing=[], shelved=[], out_of_service=[])
    for alarm in sorted(alarms, key=lambda each: (each.state == "SUPPRESSED", each.priority, each.since or "")):
        out, shelved = "out_of_service" in alarm.suppressed, "shelved" in alarm.suppressed
        each = HandoverAlarm(
            id=alarm.id, occurrence=alarm.occurrence, priority=alarm.priority, state=alarm.state,
            since=alarm.since, name=alarm.name, text=alarm.text, acked_by=alarm.acked_by, reason=alarm.reason,
            until=alarm.out_until if out else alarm.shelved_until,
        )  # fmt: skip
        (lists.out_of_service if out else lists.shelved if shelved else lists.standing).append(each)
    return lists


class _Kept(Struct):
    """The text of HandoverLists, whose alarms are handed on as they stand there."""

    standing: list[Raw]
    shelved: list[Raw]
    out_of_service: list[Raw]
    as_of: str | None = None
    event: int | None = None


def _whole(row: Handover) -> bytes:
    """Write a HandoverView. Thousands of alarms are no more than copied."""
    number, t_ms, gave, took, note, text = row
    lists: Any = msgspec.json.decode(text, type=_Kept)
    view = HandoverView(number=number, time=rfc3339(t_ms), gave=gave, took=took, note=note, **_fields(lists))
    return json_of(view)


def _counted(row: Counted) -> HandoverRow:
    number, t_ms, gave, took, note, standing, shelved, out = row
    return HandoverRow(
        number=number, time=rfc3339(t_ms), gave=gave, took=took, note=note, standing=standing, shelved=shelved,
        out_of_service=out,
    )  # fmt: skip


def _fields(lists: HandoverLists) -> dict[str, Any]:
    return {name: getattr(lists, name) for name in HandoverLists.__struct_fields__}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _no_such_handover(number: int) -> Problem:
    zh, en = (
        f"没有第 {number} 次交接班；清单见 /api/v1/handovers",
        f"no handover {number}: /api/v1/handovers lists them",
    )
    return Problem(status=404, word="no-such-handover", text=Text(zh, en))


def _other_lists() -> Problem:
    zh, en = (
        "所示清单已过时：请看过新的清单再签名",
        "the lists that were shown are too old: look at the new ones, then sign",
    )
    return Problem(status=409, word="other-lists", text=Text(zh, en))
