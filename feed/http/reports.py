"""Reports that were made: their list, the page, the table."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import FastAPI, Path, Query
from msgspec import Struct
from starlette.responses import Response

from devices.instants import rfc3339
from feed.http import openapi
from feed.http.answer import answer
from feed.http.gateway import Gateway
from feed.http.problems import Problem, ProblemError
from feed.reports.page import CSP
from feed.reports.shelf import Kept, ShelfReader
from feed.wire import json_of
from rules.records import Text

_TYPES = {"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8"}
_WHY = {"": Text("", ""), "amended": Text("数据有修订", "data were amended")}


class ReportView(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A report that was made. site: null = the city; why: of a version after the first; html, csv: where they are."""

    id: str
    kind: Literal["day", "month"]
    site: str | None
    span: str
    from_: str
    to: str
    version: int
    made: str
    why: Text
    html: str
    csv: str


class ReportsPage(Struct, frozen=True, kw_only=True):
    """Reports, the newest first; of each the newest version first."""

    gateway: str
    reports: list[ReportView]


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    state = gateway.hub.book.parent

    @app.get("/api/v1/reports", responses=openapi.answers(ReportsPage))
    async def reports(
        kind: Literal["day", "month"] | None = None,
        site: Annotated[str | None, Query(max_length=200, description="empty = the city")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    ) -> Response:
        """List reports that were made."""

        def read() -> bytes:
            with ShelfReader(state) as shelf:
                found = shelf.all(kind, site, limit=limit)
            return json_of(ReportsPage(gateway=gateway.hub.gateway, reports=[_view(each) for each in found]))

        return answer(await gateway.looked(read))

    @app.get("/api/v1/reports/{file}", responses=_answers())
    async def report(file: Annotated[str, Path(max_length=100)]) -> Response:
        """Give a report: ID.html is a page to be read and printed, ID.csv a table."""
        name, _, suffix = file.rpartition(".")

        def read() -> tuple[Kept, bytes] | None:
            if suffix not in _TYPES:
                return None
            with ShelfReader(state) as shelf:
                kept = shelf.find(name)
                if kept is None:
                    return None
                try:
                    return kept, shelf.path(kept.id, suffix).read_bytes()
                except FileNotFoundError:
                    return None

        found = await gateway.looked(read)
        if found is None:
            raise ProblemError(_no_such_report())
        kept, body = found
        shown = quote(f"{kept.site or gateway.hub.gateway} {kept.span} v{kept.version}.{suffix}", safe="")
        way = "inline" if suffix == "html" else "attachment"
        headers = {"content-disposition": f"{way}; filename=\"{kept.id}.{suffix}\"; filename*=UTF-8''{shown}"}
        if suffix == "html":
            headers["content-security-policy"] = f"{CSP}; frame-ancestors 'none'"
        return Response(body, headers=headers, media_type=_TYPES[suffix])


def _view(kept: Kept) -> ReportView:
    return ReportView(
        id=kept.id, kind=kept.kind, site=kept.site or None, span=kept.span, from_=rfc3339(kept.from_ms),
        to=rfc3339(kept.to_ms), version=kept.version, made=rfc3339(kept.made_ms),
        why=_WHY.get(kept.why, Text(kept.why, kept.why)), html=f"/api/v1/reports/{kept.id}.html",
        csv=f"/api/v1/reports/{kept.id}.csv",
    )  # fmt: skip


def _no_such_report() -> Problem:
    text = Text(zh="没有这份报告；见 /api/v1/reports", en="there is no such report: /api/v1/reports lists them")
    return Problem(status=404, word="no-such-report", text=text)


def _answers() -> openapi.Answers:
    described = openapi.answers(ReportsPage, 404)
    described[200] = {
        "description": "the page, or the table",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in _TYPES.values()},
    }
    return described
