"""The feed's endpoints, as docs/api.md describes them. All run on one asyncio loop; what waits: feed.http.beside."""

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from msgspec import Raw, Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from feed import audit_configuration
from feed.bays import bays_picture, permits_picture
from feed.behind import Reloaded
from feed.desk import Audited
from feed.devices import devices_picture
from feed.http import (
    audit,
    engineer,
    explain,
    handover,
    kpi,
    life,
    login,
    look,
    notify,
    openapi,
    page,
    people,
    problems,
    reports,
    wrong,
)
from feed.http.access import Actor
from feed.http.answer import answer
from feed.http.asking import look as ask_fold
from feed.http.beside import Beside, Once
from feed.http.gateway import Gateway
from feed.http.metrics import Metrics
from feed.http.problems import Problem, ProblemError
from feed.http.stream import EventStream, Streams
from feed.hub import ForgottenError, Hub
from feed.positions import PATTERN, Position, parse
from feed.wire import PAGE, alarms_page, events_page, json_of
from rules.fold import Fold

Limit = Annotated[int, Query(ge=1, le=PAGE)]
After = Annotated[str | None, Query(json_schema_extra={"pattern": f"^{PATTERN}$"})]  # told; `_number` looks at it


def build(gateway: Gateway) -> FastAPI:
    """Make the application."""
    app = FastAPI(
        title="Cityward feed",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # both pages load scripts from afar
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Response,
    )
    openapi.describe(app)
    _refusals(app)
    _reading(app, gateway)
    _streaming(app, gateway)
    life.add(app, gateway)
    _reloading(app, gateway)
    _looking(app, gateway)
    for room in (explain, engineer, kpi, reports, notify, login, people, audit, handover):
        room.add(app, gateway)
    look.add(app, gateway)  # the last: an alarm's id may hold slashes
    page.add(app)
    return app


def _reading(app: FastAPI, gateway: Gateway) -> None:
    hub = gateway.hub

    async def show(picture: Callable[[Fold], Struct]) -> bytes:
        return await ask_fold(gateway.behind, lambda fold: json_of(picture(fold)))

    @app.get("/api/v1/alarms", responses=openapi.answers("AlarmsPage"))
    async def alarms(after: str = "", limit: Limit = PAGE) -> Response:
        """Alarms that are active, unacknowledged or latched, by id."""
        page, following = hub.alarms(after, limit)
        return answer(alarms_page(hub.gateway, hub.position(), page, following))

    @app.get("/api/v1/events", responses=openapi.answers("EventsPage", 410))
    async def events(after: After = None, limit: Limit = PAGE) -> Response:
        """Events that follow a position; without one, from the oldest that is kept."""
        number = await _number(hub, after, absent=await hub.beginning())
        try:
            page = await hub.after(number, limit)
        except ForgottenError:
            raise ProblemError(_gone(hub)) from None
        position = hub.position(page[-1][0] if page else number)
        return answer(events_page(hub.gateway, position, hub.position(), [event for _, event in page]))

    @app.get("/api/v1/devices", responses=openapi.answers("DevicesPage"))
    async def devices(after: str = "", limit: Limit = PAGE) -> Response:
        """Give registered devices, by id."""
        return answer(await show(lambda fold: devices_picture(fold, hub.gateway, after, limit)))

    @app.get("/api/v1/bays", responses=openapi.answers("BaysPage"))
    async def bays(after: str = "", limit: Limit = PAGE) -> Response:
        """Give parking bays, by device: free, occupied, unknown."""
        return answer(await show(lambda fold: bays_picture(fold, hub.gateway, after, limit)))

    @app.get("/api/v1/permits", responses=openapi.answers("PermitsPage"))
    async def permits() -> Response:
        """Give the work permits that are in force."""
        return answer(await show(lambda fold: permits_picture(fold, hub.gateway)))


def _streaming(app: FastAPI, gateway: Gateway) -> None:
    hub = gateway.hub
    streams = Streams(hub, gateway.behind)
    metrics = Metrics(gateway.behind.vitals, lambda: hub.last, lambda: streams.open)

    @app.get("/api/v1/events/stream", responses=openapi.stream_answers())
    async def stream(request: Request, after: After = None) -> Response:
        """Events as they are told, after `Last-Event-ID`, else after the position given, else from now on."""
        most = streams.too_many(request.state.actor)
        if most is not None:
            raise ProblemError(problems.too_many_streams(most))
        known = request.headers.get("last-event-id") or after
        return EventStream(streams, await _number(hub, known, absent=hub.last), request.state.actor)

    @app.get("/metrics")
    async def read_metrics() -> Response:
        """Counters in Prometheus' text format."""
        return Response(metrics.text(), media_type=metrics.content_type)


def _reloading(app: FastAPI, gateway: Gateway) -> None:
    configured, audit = gateway.behind.configured, gateway.auditor.write
    one_at_a_time = Beside(1, "feed-reload")

    async def in_force(request: Request, what: str, change: Callable[[], Reloaded | None]) -> Reloaded | None:
        """Have it done, with a row of the audit trail before it and one behind it."""
        actor: Actor = request.state.actor
        row = Audited(who=actor.user, via=actor.via, what=what, status=audit_configuration.ASKED)
        before = configured()
        await audit(audit_configuration.asked(row, before))
        done = await one_at_a_time.work(change)
        await audit(audit_configuration.became(row, before, done, configured()))
        return done

    @app.post("/api/v1/reload", responses=openapi.answers("Reloaded", 403, 422))
    async def reload(request: Request) -> Response:
        """Put the configuration files in force, all or nothing."""
        done = await in_force(request, "reload", gateway.behind.reload)
        assert done is not None  # noqa: S101 - a reload says what became of it
        if done.accepted:
            return answer(done)
        raise ProblemError(problems.wrong_configuration(done.hash, done.problems))

    @app.post("/api/v1/reload/undo", responses=openapi.answers("Reloaded", 403, 409))
    async def undo(request: Request) -> Response:
        """Put the configuration in force that was in force before; the files stay."""
        done = await in_force(request, "undo", gateway.behind.undo)
        if done is None:
            raise ProblemError(problems.nothing_before())
        return answer(done)


def _looking(app: FastAPI, gateway: Gateway) -> None:
    drawn, verified = Once(1, "feed-ledger"), Once(1, "feed-verify")

    @app.get("/healthz")
    async def healthz() -> Response:
        """Whether the process lives: its pipeline went round within the last 30 s."""
        now = gateway.behind.vitals()
        return answer({"alive": now.alive, "idle_s": round(now.idle_s, 3)}, 200 if now.alive else 503)

    @app.get("/api/v1/ledger", responses=openapi.answers("Ledger"))
    async def ledger(*, devices: bool = False, verify: bool = False) -> Response:
        """Account for every frame and every line; `verify` asks InfluxDB too."""

        def work() -> bytes:
            return json_of(gateway.behind.ledger(devices=devices, verify=verify))

        return answer(await (verified if verify else drawn).once((devices,), work))

    @app.get("/readyz")
    async def readyz() -> Response:
        """Whether the alarms can be believed: the restart is over, and the process lives."""
        now = gateway.behind.vitals()
        ready = now.reconciled and now.alive
        return answer({"ready": ready}, 200 if ready else 503)


# ------------------------------------------------------------------------------------------------ small things


async def _number(hub: Hub, known: str | None, *, absent: int) -> int:
    """Read a reader's position; refuse it with a full picture when what follows it cannot be told."""
    if known is None:
        return absent
    position: Position | None = parse(known)
    if position is None:  # nobody gave it out
        zh, en = "应为 feedid-N，即上次得到的 position", "it must be a position, feedid-N, as it was given to you"
        raise ProblemError(problems.wrong_request([wrong.entry("after", zh, en)]))
    if not await hub.knows(position):
        raise ProblemError(_gone(hub))
    return position.number


def _gone(hub: Hub) -> Problem:
    page, following = hub.alarms()
    alarms = [Raw(alarm) for alarm in page]
    picture = {"gateway": hub.gateway, "position": hub.position(), "alarms": alarms, "next": following}
    return problems.position_gone(picture)


def _respond(problem: Problem) -> Response:
    return Response(problem.body(), problem.status, problem.headers, problems.MEDIA_TYPE)


def _refusals(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    async def refuse(_: Request, error: ProblemError) -> Response:
        return _respond(error.problem)

    @app.exception_handler(RequestValidationError)
    async def correct(_: Request, error: RequestValidationError) -> Response:
        return _respond(problems.wrong_request([wrong.explained(dict(one)) for one in error.errors()]))

    @app.exception_handler(HTTPException)
    async def web(request: Request, error: HTTPException) -> Response:
        path = request.url.path
        if error.status_code == 404:  # noqa: PLR2004 - HTTP
            return _respond(problems.no_such_page(path))
        if error.status_code == 405:  # noqa: PLR2004 - HTTP
            allowed = sorted((error.headers or {})["Allow"].split(", "))  # Starlette gives them in any order
            return _respond(problems.wrong_method(path, ", ".join(allowed)))
        return _respond(problems.wrong_request([wrong.entry("body", "无法读取", "it cannot be read")]))

    @app.exception_handler(Exception)
    async def defect(_: Request, __: Exception) -> Response:
        return _respond(problems.defect())
