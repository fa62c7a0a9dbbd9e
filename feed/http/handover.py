"""交接班: the shift is handed over, with the lists as they are, signed by both."""

import hashlib
from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from devices.instants import rfc3339
from feed.desk import Audited
from feed.handovers import Handover, Handovers
from feed.http import openapi, problems_access
from feed.http.access import MAY, Actor
from feed.http.audit import After
from feed.http.auditor import as_json
from feed.http.gateway import Gateway
from feed.http.people_bodies import HandoverAlarm, HandoverBody, HandoversPage, HandoverView
from feed.http.problems import ProblemError
from feed.http.written import written
from feed.hub import Hub
from feed.wire import PAGE, AlarmView, json_of

JSON = "application/json"
MOST = 50
"""Of a page: one may hold some thousand alarms."""


class _Lists(msgspec.Struct):
    standing: list[HandoverAlarm]
    shelved: list[HandoverAlarm]
    out_of_service: list[HandoverAlarm]


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    handovers: Handovers = gateway.handovers

    @app.get("/api/v1/handovers", responses=openapi.answers(HandoversPage, 401, 403))
    async def past(after: After = "", limit: Annotated[int, Query(ge=1, le=MOST)] = 10) -> Response:
        """Give past handovers, the newest first."""
        rows = await written(lambda: handovers.before(int(after or 0), limit + 1))
        page = [_view(row) for row in rows[:limit]]
        following = str(page[-1].number) if len(rows) > limit else None
        return Response(json_of(HandoversPage(handovers=page, next=following)), media_type=JSON)

    @app.post("/api/v1/handovers", responses=openapi.answers(HandoverView, 401, 403, 422, 429))
    async def hand_over(request: Request, body: HandoverBody) -> Response:
        """Hand the shift over to who signs with his name and password; the lists are kept as they are now."""
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
        lists = _lists(gateway.hub)
        text = as_json(lists)
        row = await written(lambda: handovers.add(actor.user, taker.user, body.note, text))
        kept = {
            "took": taker.user, "standing": len(lists.standing), "shelved": len(lists.shelved),
            "out_of_service": len(lists.out_of_service), "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }  # fmt: skip
        await gateway.auditor.write(
            Audited(
                who=actor.user, via=actor.via, what="handover", target=str(row[0]), comment=body.note,
                after=as_json(kept), status=200,
            )
        )  # fmt: skip
        return Response(json_of(_view(row)), media_type=JSON)


def _lists(hub: Hub) -> _Lists:
    lists = _Lists([], [], [])
    after: str | None = ""
    while after is not None:
        page, after = hub.alarms(after, PAGE)
        for body in page:
            alarm = msgspec.json.decode(body, type=AlarmView)
            out, shelved = "out_of_service" in alarm.suppressed, "shelved" in alarm.suppressed
            each = HandoverAlarm(
                id=alarm.id, occurrence=alarm.occurrence, priority=alarm.priority, state=alarm.state,
                since=alarm.since, name=alarm.name, text=alarm.text, acked_by=alarm.acked_by, reason=alarm.reason,
                until=alarm.out_until if out else alarm.shelved_until,
            )  # fmt: skip
            (lists.out_of_service if out else lists.shelved if shelved else lists.standing).append(each)
    return lists


def _view(row: Handover) -> HandoverView:
    number, t_ms, gave, took, note, text = row
    lists = msgspec.json.decode(text, type=_Lists)
    return HandoverView(
        number=number, time=rfc3339(t_ms), gave=gave, took=took, note=note, standing=lists.standing,
        shelved=lists.shelved, out_of_service=lists.out_of_service,
    )  # fmt: skip
