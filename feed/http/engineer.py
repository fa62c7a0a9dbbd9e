"""What field engineers ask, over the Unix socket or at the console: who is not registered, what was read wrongly."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import FastAPI, Query, Request
from msgspec import structs
from starlette.responses import Response

from feed.bays import permits_picture
from feed.behind import Behind
from feed.desk import Audited
from feed.frames import FramesPage, WalkView, walk_view, with_newest
from feed.http import openapi, problems
from feed.http.access import Actor
from feed.http.bodies import CommissionBody, PermitBody, RedecodeBody
from feed.http.problems import ProblemError
from feed.wire import json_of
from rules.records import Command

JSON = "application/json"
LISTENERS = 8  # that wait at a time, on threads of their own: logins and the audit trail need the others
STRANGERS = 50  # of a page: all models in all variants read the newest frames of each

Audit = Callable[[Audited], Awaitable[None]]


def add(app: FastAPI, behind: Behind, audit: Audit, gateway: str) -> None:
    """Add the endpoints."""
    _hearing(app, behind)
    _trying(app, behind, audit)
    _permits(app, behind, audit, gateway)

    @app.get("/api/v1/inbox", responses=openapi.answers("InboxPage", 403, 503))
    async def inbox(
        skip: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=STRANGERS)] = STRANGERS,
        address: str | None = None,
    ) -> Response:
        """Give strangers, the one that spoke last first."""
        try:
            page = await asyncio.to_thread(behind.inbox, skip=skip, limit=limit, address=address)
        except ValueError as error:
            raise ProblemError(problems.history_unread(str(error))) from None
        return Response(json_of(page), media_type=JSON)

    @app.get("/api/v1/configuration", responses=openapi.answers("InForce", 403))
    async def configuration() -> Response:
        """Give the configuration that is in force."""
        return Response(await asyncio.to_thread(lambda: json_of(behind.in_force())), media_type=JSON)

    @app.post("/api/v1/inbox/register", responses=openapi.answers("Refiled", 403, 503))
    async def register() -> Response:
        """Wait until what the inbox has of devices that are registered is in the log again."""
        try:
            done = await asyncio.to_thread(behind.register)
        except ValueError as error:
            raise ProblemError(problems.history_unread(str(error))) from None
        return Response(json_of(done), media_type=JSON)

    @app.post("/api/v1/devices/{device}/redecode", responses=openapi.answers("Refiled", 403, 404, 422))
    async def redecode(request: Request, device: str, body: RedecodeBody) -> Response:
        """Read what the journal has of a device again, as it is configured now; what was said is taken back first."""
        actor: Actor = request.state.actor
        asked = Audited(
            who=actor.user, via=actor.via, what="redecode", target=f"{device} since {body.since}", status=200
        )
        try:
            done = await asyncio.to_thread(behind.redecode, device, body.since_ms)
        except ValueError as error:  # a part of it may have been done
            await audit(structs.replace(asked, status=422, answer=str(error)))
            raise ProblemError(problems.not_redecoded(device, str(error))) from None
        if done is None:
            raise ProblemError(problems.no_such_device(device))
        await audit(structs.replace(asked, answer=f"{sum(done.frames.values())} frames"))
        return Response(json_of(done), media_type=JSON)


def _hearing(app: FastAPI, behind: Behind) -> None:
    listening = ThreadPoolExecutor(LISTENERS, "feed-listen")
    one_at_a_time = asyncio.Semaphore(1)  # child that reads the journal

    async def heard(device: str, after: int | None, *, newest: bool) -> FramesPage:
        loop = asyncio.get_running_loop()
        try:
            page = await loop.run_in_executor(listening, behind.frames, device, after)
        except ValueError as error:
            raise ProblemError(problems.too_many_listen(str(error))) from None
        if page is None:
            raise ProblemError(problems.no_such_device(device))
        if not newest:
            return page
        try:
            async with one_at_a_time:
                older = await loop.run_in_executor(listening, behind.past.frames, device)
        except ValueError as error:
            raise ProblemError(problems.journal_unread(str(error))) from None
        return with_newest(page, older)

    @app.get("/api/v1/devices/{device}/frames", responses=openapi.answers("FramesPage", 403, 404, 422, 503))
    async def frames(
        device: str, after: Annotated[int | None, Query(ge=0)] = None, *, newest: bool = False
    ) -> Response:
        """Give the frames of a device as they come, decoded; waits a few seconds for one.

        Without `after` it answers at once: its `position` is where to ask for what comes from now on. With `newest`
        there come first those that the journal has, up to 40.
        """
        return Response(json_of(await heard(device, after, newest=newest)), media_type=JSON)

    @app.get("/api/v1/devices/{device}/walk", responses=openapi.answers(WalkView, 403, 404, 422, 503))
    async def walk(device: str, since: Annotated[int, Query(ge=0)]) -> Response:
        """Say what a device has shown of what it must show, by the readings behind a `position` of its frames."""
        page = await heard(device, None, newest=True)
        if page.frames and page.frames[0].sequence > since:  # perhaps more than the journal gives at a time
            page = with_newest(await heard(device, since, newest=False), page.frames)
        return Response(json_of(walk_view(page, since)), media_type=JSON)


def _trying(app: FastAPI, behind: Behind, audit: Audit) -> None:
    @app.post("/api/v1/devices/{device}/commission", responses=openapi.answers("Commissioned", 403, 404, 422))
    async def commission(request: Request, device: str, body: CommissionBody) -> Response:
        """Suppress the alarms of a device while somebody tries it; `for_s` 0 ends it, `comment` says how it went."""
        actor: Actor = request.state.actor
        asked = Command(
            at_ms=0, id=body.command_id, kind="commission", alarm=device, occurrence=0, for_ms=body.for_s * 1000,
            walk=body.walk, user=actor.user, via=actor.via, comment=body.comment,
        )  # fmt: skip
        answer = await asyncio.wrap_future(behind.submit(asked))
        await audit(
            Audited(
                who=asked.user, via=asked.via, what="commission", target=f"{device} for {body.for_s} s",
                command=asked.id, comment=asked.comment, status=answer.status, answer=answer.detail,
            )
        )  # fmt: skip
        if answer.status == 422:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.another_command())
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.no_such_device(device))
        return Response(json_of({"device": device, "for_s": body.for_s}), media_type=JSON)


def _permits(app: FastAPI, behind: Behind, audit: Audit, gateway: str) -> None:
    @app.post("/api/v1/devices/{device}/permit", responses=openapi.answers("PermitsPage", 403, 404, 422))
    async def permit(request: Request, device: str, body: PermitBody) -> Response:
        """Allow somebody to open a device until then; `until` null ends it. Answers with all permits in force."""
        actor: Actor = request.state.actor
        asked = Command(
            at_ms=0, id=body.command_id, kind="permit", alarm=device, occurrence=0, who=body.who,
            until_ms=body.until_ms, user=actor.user, via=actor.via, comment=body.why,
        )  # fmt: skip
        answer = await asyncio.wrap_future(behind.submit(asked))
        until = "ended" if body.until is None else f"until {body.until.isoformat()}"
        await audit(
            Audited(
                who=asked.user, via=asked.via, what="permit", target=f"{device} for {body.who} {until}",
                command=asked.id, comment=asked.comment, status=answer.status, answer=answer.detail,
            )
        )  # fmt: skip
        if answer.status == 404:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.no_such_device(device))
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.no_permit(answer.detail) if answer.asked else problems.another_command())
        page = await asyncio.wrap_future(behind.ask(lambda fold: permits_picture(fold, gateway)))
        return Response(json_of(page), media_type=JSON)
