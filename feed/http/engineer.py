"""What field engineers ask, over the Unix socket or at the console: who is not registered, what was read wrongly."""

import asyncio
from typing import Annotated

from fastapi import FastAPI, Query, Request
from msgspec import structs
from starlette.responses import Response

from feed.bays import permits_picture
from feed.desk import Audited
from feed.frames import FramesPage, WalkView, walk_view, with_newest
from feed.http import openapi, problems
from feed.http.access import Actor
from feed.http.answer import answer
from feed.http.asking import look
from feed.http.beside import Beside, Once
from feed.http.bodies import CommissionBody, PermitBody, RedecodeBody
from feed.http.gateway import Gateway
from feed.http.problems import ProblemError
from feed.http.teller import Teller
from feed.wire import json_of
from rules.records import Command

LISTENERS = 8  # that wait at a time
STRANGERS = 50  # of a page: all models in all variants read the newest frames of each


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    behind, audit = gateway.behind, gateway.auditor.write
    strangers = Once(1, "feed-inbox")
    refiles = Beside(1, "feed-refile")  # the gateway does one after the other, too
    _hearing(app, gateway)
    _telling(app, gateway)

    @app.get("/api/v1/inbox", responses=openapi.answers("InboxPage", 403, 503))
    async def inbox(
        skip: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=STRANGERS)] = STRANGERS,
        address: str | None = None,
    ) -> Response:
        """Give strangers, the one that spoke last first."""
        try:
            page = await strangers.once(
                (skip, limit, address), lambda: json_of(behind.inbox(skip=skip, limit=limit, address=address))
            )
        except ValueError as error:
            raise ProblemError(problems.history_unread(str(error))) from None
        return answer(page)

    @app.get("/api/v1/configuration", responses=openapi.answers("InForce", 403))
    async def configuration() -> Response:
        """Give the configuration that is in force."""
        return answer(await asyncio.to_thread(lambda: json_of(behind.in_force())))

    @app.post("/api/v1/inbox/register", responses=openapi.answers("Refiled", 403, 503))
    async def register() -> Response:
        """Wait until what the inbox has of devices that are registered is in the log again."""
        try:
            done = await refiles.work(behind.register)
        except ValueError as error:
            raise ProblemError(problems.history_unread(str(error))) from None
        return answer(done)

    @app.post("/api/v1/devices/{device}/redecode", responses=openapi.answers("Refiled", 403, 404, 422))
    async def redecode(request: Request, device: str, body: RedecodeBody) -> Response:
        """Read what the journal has of a device again, as it is configured now; what was said is taken back first."""
        actor: Actor = request.state.actor
        asked = Audited(
            who=actor.user, via=actor.via, what="redecode", target=f"{device} since {body.since}", status=200
        )
        try:
            done = await refiles.work(lambda: behind.redecode(device, body.since_ms))
        except ValueError as error:  # a part of it may have been done
            await audit(structs.replace(asked, status=422, answer=str(error)))
            raise ProblemError(problems.not_redecoded(device, str(error))) from None
        if done is None:
            raise ProblemError(problems.no_such_device(device))
        await audit(structs.replace(asked, answer=f"{sum(done.frames.values())} frames"))
        return answer(done)


def _hearing(app: FastAPI, gateway: Gateway) -> None:
    behind = gateway.behind
    listening = Beside(LISTENERS, "feed-listen")
    children = Once(1, "feed-frames")

    async def heard(device: str, after: int | None, *, newest: bool) -> FramesPage:
        try:
            page = await listening.work(lambda: behind.frames(device, after))
        except ValueError as error:
            raise ProblemError(problems.too_many_listen(str(error))) from None
        if page is None:
            raise ProblemError(problems.no_such_device(device))
        if not newest:
            return page
        try:
            older = await children.once((device,), lambda: behind.past.frames(device))
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
        return answer(await heard(device, after, newest=newest))

    @app.get("/api/v1/devices/{device}/walk", responses=openapi.answers(WalkView, 403, 404, 422, 503))
    async def walk(device: str, since: Annotated[int, Query(ge=0)]) -> Response:
        """Say what a device has shown of what it must show, by the readings behind a `position` of its frames."""
        page = await heard(device, None, newest=True)
        if page.frames and page.frames[0].sequence > since:  # perhaps more than the journal gives at a time
            page = with_newest(await heard(device, since, newest=False), page.frames)
        return answer(walk_view(page, since))


def _telling(app: FastAPI, gateway: Gateway) -> None:
    teller = Teller(gateway.behind, gateway.auditor)

    @app.post("/api/v1/devices/{device}/commission", responses=openapi.answers("Commissioned", 403, 404, 422, 504))
    async def commission(request: Request, device: str, body: CommissionBody) -> Response:
        """Suppress the alarms of a device while somebody tries it; `for_s` 0 ends it, `comment` says how it went."""
        actor: Actor = request.state.actor
        asked = Command(
            at_ms=0, id=body.command_id, kind="commission", alarm=device, occurrence=0, for_ms=body.for_s * 1000,
            walk=body.walk, user=actor.user, via=actor.via, comment=body.comment,
        )  # fmt: skip
        said = await teller.tell(asked)
        if said.status == 422:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.another_command())
        if said.status != 200:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.no_such_device(device))
        return answer({"device": device, "for_s": body.for_s})

    @app.post("/api/v1/devices/{device}/permit", responses=openapi.answers("PermitsPage", 403, 404, 422, 504))
    async def permit(request: Request, device: str, body: PermitBody) -> Response:
        """Allow somebody to open a device until then; `until` null ends it. Answers with all permits in force."""
        actor: Actor = request.state.actor
        asked = Command(
            at_ms=0, id=body.command_id, kind="permit", alarm=device, occurrence=0, who=body.who,
            until_ms=body.until_ms, user=actor.user, via=actor.via, comment=body.why,
        )  # fmt: skip
        said = await teller.tell(asked)
        if said.status == 404:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.no_such_device(device))
        if said.status != 200:  # noqa: PLR2004 - HTTP
            raise ProblemError(problems.no_permit(said.detail) if said.asked else problems.another_command())
        return answer(await look(gateway.behind, lambda fold: json_of(permits_picture(fold, gateway.hub.gateway))))
