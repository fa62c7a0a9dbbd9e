"""The audit trail, for those who may read it."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from devices.instants import rfc3339
from feed.desk import COLUMNS, read_desk
from feed.http import openapi
from feed.http.access import Actor
from feed.http.answer import answer
from feed.http.gateway import Gateway
from feed.http.people_bodies import AuditEntry, AuditPage
from feed.wire import PAGE

After = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]
Word = Annotated[str, Query(max_length=64)]


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoint."""

    @app.get("/api/v1/audit", responses=openapi.answers(AuditPage, 401, 403))
    async def audit(
        request: Request,
        after: After = "",
        limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
        who: Word = "",
        what: Word = "",
    ) -> Response:
        """Give the audit trail, the newest first; operators and engineers see what they did themselves."""
        actor: Actor = request.state.actor
        whose = who if actor.may("audit") else actor.user
        page = await gateway.looked(lambda: _page(gateway, int(after or 0), limit, whose, what))
        return answer(page)


def _page(gateway: Gateway, after: int, limit: int, who: str, what: str) -> AuditPage:
    asked = [("number < ?", after), ("who = ?", who), ("what = ?", what)]
    given = [(clause, value) for clause, value in asked if value]
    where = f" WHERE {' AND '.join(clause for clause, _ in given)}" if given else ""
    query = f"SELECT {', '.join(COLUMNS)}, hash FROM audit{where} ORDER BY number DESC LIMIT ?"  # noqa: S608 - our own words
    db = read_desk(gateway.desk.path)
    try:
        rows = db.execute(query, [*(value for _, value in given), limit + 1]).fetchall()
    finally:
        db.close()
    named = [dict(zip((*COLUMNS, "hash"), row, strict=True)) for row in rows[:limit]]
    entries = [AuditEntry(time=rfc3339(each.pop("t_ms")), **each) for each in named]
    return AuditPage(entries=entries, next=str(entries[-1].number) if len(rows) > limit else None)
