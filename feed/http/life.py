"""What people tell an alarm: seen, reset, shelved, out of service, a word for its history. As docs/alarm-life.md."""

from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from feed.http import openapi, problems, wrong
from feed.http.access import Action, Actor
from feed.http.answer import answer
from feed.http.asking import look
from feed.http.bodies import CommandBody, OutOfServiceBody, ResetBody, ShelveBody
from feed.http.gateway import Gateway
from feed.http.problems import ProblemError
from feed.http.problems_access import not_allowed
from feed.http.teller import Teller
from feed.wire import alarm_json
from rules.answering import STILL_THERE
from rules.fold import Fold
from rules.records import Answer, Command

LONGEST_ID = 512  # of an alarm: rule, subject and quantity
URGENT = 1  # the priority that only an engineer withholds

_ANSWERS = openapi.answers("AlarmView", 404, 409, 422, 504)
_WITHHELD = openapi.answers("AlarmView", 403, 404, 409, 422, 504)


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints that change an alarm."""
    desk = _Desk(gateway)

    @app.post("/api/v1/alarms/{alarm:path}/ack", responses=_ANSWERS)
    async def ack(request: Request, alarm: str, body: CommandBody) -> Response:
        """Say that somebody has seen this activation."""
        return await desk.tell(Command(kind="ack", **_of(request, alarm, body)))

    @app.post("/api/v1/alarms/{alarm:path}/reset", responses=openapi.answers("AlarmView", 403, 404, 409, 422, 429, 504))
    async def reset(request: Request, alarm: str, body: ResetBody) -> Response:
        """End a latched alarm whose condition has gone; an operator at the console enters his password again."""
        await gateway.passwords.confirm(request, body.password)
        return await desk.tell(Command(kind="reset", **_of(request, alarm, body)))

    @app.post("/api/v1/alarms/{alarm:path}/comment", responses=_ANSWERS)
    async def comment(request: Request, alarm: str, body: CommandBody) -> Response:
        """Say something for its history."""
        return await desk.tell(Command(kind="comment", **_of(request, alarm, body)))

    @app.post("/api/v1/alarms/{alarm:path}/shelve", responses=_WITHHELD)
    async def shelve(request: Request, alarm: str, body: ShelveBody) -> Response:
        """Withhold it for a time, 12 h at most, or until its condition has gone; the comment is the reason."""
        asked = Command(
            kind="shelve", for_ms=(body.for_s or 0) * 1000, one_shot=body.one_shot, **_of(request, alarm, body)
        )
        if await desk.urgent(alarm):
            await desk.demand(request, "shelve_urgent", asked)
        return await desk.tell(asked)

    @app.post("/api/v1/alarms/{alarm:path}/unshelve", responses=_ANSWERS)
    async def unshelve(request: Request, alarm: str, body: CommandBody) -> Response:
        """End a shelving at once: the alarm is what it was, as its facts are now."""
        return await desk.tell(Command(kind="unshelve", **_of(request, alarm, body)))

    @app.post("/api/v1/alarms/{alarm:path}/out-of-service", responses=_WITHHELD)
    async def out_of_service(request: Request, alarm: str, body: OutOfServiceBody) -> Response:
        """Withhold it while somebody works on it, until a planned end; the comment is the work order."""
        asked = Command(kind="out_of_service", until_ms=body.until_ms, **_of(request, alarm, body))
        return await desk.tell(asked)

    @app.post("/api/v1/alarms/{alarm:path}/in-service", responses=_WITHHELD)
    async def in_service(request: Request, alarm: str, body: CommandBody) -> Response:
        """Put it in service again: it asks for attention if it is active."""
        return await desk.tell(Command(kind="in_service", **_of(request, alarm, body)))


class _Desk:
    """Tells commands, and answers as alarms do."""

    def __init__(self, gateway: Gateway) -> None:
        self._behind = gateway.behind
        self._teller = Teller(gateway.behind, gateway.auditor)

    async def tell(self, asked: Command) -> Response:
        """Have a command carried out; answer with the alarm."""
        return _answered(await self._teller.tell(asked), asked.alarm)

    async def urgent(self, alarm: str) -> bool:
        """Tell whether an alarm is of priority 1, also one that never rang."""

        def question(fold: Fold) -> bool:
            world = fold.memory.world
            known = world.judging.alarms.by_id.get(alarm) or fold.memory.links.judged(alarm, world)
            return known is not None and known.priority == URGENT

        return await look(self._behind, question)

    async def demand(self, request: Request, action: Action, asked: Command) -> None:
        """Refuse who may not, where the endpoint alone could not tell what it asks for. Raises ProblemError."""
        actor: Actor = request.state.actor
        if not actor.may(action):
            raise await self._teller.refuse(asked, not_allowed(actor, action))


def _of(request: Request, alarm: str, body: CommandBody) -> dict[str, Any]:
    """Give what all commands have. Raises ProblemError: nobody says who he is; no alarm has such an id."""
    actor: Actor = request.state.actor
    if len(alarm) > LONGEST_ID:
        raise ProblemError(problems.no_such_alarm(alarm[:LONGEST_ID] + "…", "its id is too long"))
    user = actor.user or body.user
    if not user:
        raise ProblemError(problems.wrong_request([wrong.entry("user", "请写明操作人", "say who you are")]))
    return {
        "at_ms": 0,  # the pipeline's log time
        "id": body.command_id,
        "alarm": alarm,
        "occurrence": body.occurrence,
        "user": user,
        "via": actor.via,
        "comment": body.comment,
    }


def _answered(said: Answer, alarm: str) -> Response:
    if said.status == 200 and said.alarm is not None:  # noqa: PLR2004 - HTTP
        return answer(alarm_json(said.alarm))
    if said.status == 404:  # noqa: PLR2004 - HTTP
        raise ProblemError(problems.no_such_alarm(alarm, said.detail))
    if said.status == 422 and said.alarm is None:  # noqa: PLR2004 - HTTP
        raise ProblemError(problems.another_command())
    if said.status == 422:  # noqa: PLR2004 - HTTP
        if said.why is None or said.why == STILL_THERE:  # None: of a version that knew no other
            raise ProblemError(problems.still_there(alarm))
        raise ProblemError(problems.not_now(said.why))
    raise ProblemError(problems.changed_since(said.detail))
