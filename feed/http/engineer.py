"""What field engineers ask: who is not registered, and what was read wrongly. All of it over the Unix socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from feed.behind import Behind
from feed.desk import Audited
from feed.http import openapi, problems
from feed.http.bodies import RedecodeBody
from feed.http.peers import Peer
from feed.http.problems import ProblemError
from feed.wire import json_of

JSON = "application/json"
STRANGERS = 50  # of a page: all models in all variants read the newest frames of each

Audit = Callable[[Audited], Awaitable[None]]


def add(app: FastAPI, behind: Behind, audit: Audit) -> None:
    """Add the endpoints."""

    @app.get("/api/v1/inbox", responses=openapi.answers("InboxPage", 403))
    async def inbox(
        request: Request,
        skip: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=STRANGERS)] = STRANGERS,
        address: str | None = None,
    ) -> Response:
        """Give strangers, the one that spoke last first; over the Unix socket only."""
        _engineer(request)
        page = await asyncio.to_thread(behind.inbox, skip=skip, limit=limit, address=address)
        return Response(json_of(page), media_type=JSON)

    @app.get("/api/v1/configuration", responses=openapi.answers("InForce", 403))
    async def configuration(request: Request) -> Response:
        """Give the configuration that is in force; over the Unix socket only."""
        _engineer(request)
        return Response(await asyncio.to_thread(lambda: json_of(behind.in_force())), media_type=JSON)

    @app.post("/api/v1/inbox/register", responses=openapi.answers("Refiled", 403))
    async def register(request: Request) -> Response:
        """Wait until what the inbox has of devices that are registered is in the log again."""
        _engineer(request)
        return Response(json_of(await asyncio.to_thread(behind.register)), media_type=JSON)

    @app.post("/api/v1/devices/{device}/redecode", responses=openapi.answers("Refiled", 403, 404, 422))
    async def redecode(request: Request, device: str, body: RedecodeBody) -> Response:
        """Read what the journal has of a device again, as it is configured now; what was said is taken back first."""
        peer = _engineer(request)
        try:
            done = await asyncio.to_thread(behind.redecode, device, body.since_ms)
        except ValueError as error:
            raise ProblemError(problems.not_redecoded(device, str(error))) from None
        if done is None:
            raise ProblemError(problems.no_such_device(device))
        what = f"since {body.since}: {sum(done.frames.values())} frames"
        await audit(Audited(who=peer.user or "", via=peer.via, what="redecode", target=device, status=200, answer=what))
        return Response(json_of(done), media_type=JSON)


def _engineer(request: Request) -> Peer:
    peer: Peer = request.state.peer
    if peer.user is None:
        raise ProblemError(problems.socket_only())
    return peer
