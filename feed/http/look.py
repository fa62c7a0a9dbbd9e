"""What the console looks at: how things stand, devices, trends, itself. Alarms and the journal: feed.http.look_alarms.

What the fold is asked is short; what reads the book does so on threads of its own, what reads the journal is a child.
"""

import asyncio
from collections.abc import Callable
from statistics import median
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Path, Query
from msgspec import Struct
from starlette.responses import Response

from devices.instants import rfc3339
from feed import device_view, trend
from feed.behind import Behind
from feed.console_settings import ConsoleSettings
from feed.device_view import DeviceDetail, Known
from feed.http import look_alarms, openapi, problems
from feed.http.answer import answer
from feed.http.asking import look
from feed.http.beside import Once
from feed.http.gateway import Gateway
from feed.http.problems import ProblemError
from feed.hub import Hub
from feed.shifts import shift_at
from feed.summary import ShiftNow, Summary
from feed.trend import Trend
from feed.wire import json_of
from rules.fold import Fold

SHELVE_OPTIONS_S = [900, 3_600, 14_400, 43_200]
"""15 min, 1 h, 4 h, 12 h; to the end of the shift is for the console to work out (`/summary` tells it)."""
CHILDREN = 2  # at a time: each is a process beside the hot path

Device = Annotated[str, Path(max_length=64)]


class MapView(Struct, frozen=True):
    """Map tiles. tiles: URL template; center: longitude, latitude (WGS 84) amid the devices; null = none has any."""

    tiles: str
    crs: str
    attribution: str
    center: tuple[float, float] | None


class ShiftTimes(Struct, frozen=True, rename={"from_": "from"}):
    """A shift, by the clock on the wall."""

    name: str
    from_: str
    to: str


class ConsoleView(Struct, frozen=True, kw_only=True):
    """What the console must know of itself. camera: there are links to cameras."""

    gateway: str
    gateway_name: str
    time_zone: str
    map: MapView | None
    shifts: list[ShiftTimes]
    shelve_options_s: list[int]
    camera: bool


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    _console(app, gateway.hub, gateway.behind)
    _devices(app, gateway.hub, gateway.behind, Once(CHILDREN, "look-children"))
    look_alarms.add(app, gateway)


def _console(app: FastAPI, hub: Hub, behind: Behind) -> None:
    settings, zone = behind.console, ZoneInfo(behind.time_zone)

    @app.get("/api/v1/summary", responses=openapi.answers(Summary))
    async def summary() -> Response:
        """Counters: what stands, by priority; what is withheld; whether it is a flood; whose shift it is."""
        now_ms = behind.civil_ms()
        found = shift_at(settings.shifts, zone, now_ms)
        shift = None if found is None else ShiftNow(found.name, rfc3339(found.from_ms), rfc3339(found.to_ms))
        return answer(hub.counts.summary(hub.gateway, hub.position(), now_ms, shift))

    @app.get("/api/v1/console", responses=openapi.answers(ConsoleView))
    async def console() -> Response:
        """Give what the console must know of itself: name, map, shifts, how long an alarm can be shelved."""
        center = None
        if settings.map is not None:
            center = await look(behind, _center)
        return answer(console_view(hub.gateway, behind.time_zone, settings, center))


def console_view(
    gateway: str, time_zone: str, settings: ConsoleSettings, center: tuple[float, float] | None
) -> ConsoleView:
    """Show the settings of the control room."""
    tiles = settings.map
    return ConsoleView(
        gateway=gateway, gateway_name=settings.name or gateway, time_zone=time_zone,
        map=None if tiles is None else MapView(tiles.tiles, tiles.crs, tiles.attribution, center),
        shifts=[ShiftTimes(shift.name, shift.from_, shift.to) for shift in settings.shifts],
        shelve_options_s=SHELVE_OPTIONS_S, camera=settings.camera is not None,
    )  # fmt: skip


def _center(fold: Fold) -> tuple[float, float] | None:
    places = [device.at for device in fold.memory.world.registry.devices if device.at is not None]
    if not places:
        return None
    return median(at[0] for at in places), median(at[1] for at in places)


def _devices(app: FastAPI, hub: Hub, behind: Behind, children: Once) -> None:
    @app.get("/api/v1/devices/{device}", responses=openapi.answers(DeviceDetail, 404, 503))
    async def device(device: Device) -> Response:
        """Give one device: state, last frame, battery, radio, verdicts with their cause, today's coverage."""
        camera, now_ms = behind.console.camera, behind.civil_ms()

        def question(fold: Fold) -> Known | None:
            return device_view.known(fold, hub.gateway, device, camera, now_ms)

        found = await look(behind, question)
        if found is None:
            raise ProblemError(problems.no_such_device(device))

        def work() -> bytes:
            return json_of(device_view.completed(found, behind.past.spoken(device)))

        return answer(await _read(children, ("spoken", device), work))

    @app.get("/api/v1/devices/{device}/trend", responses=openapi.answers(Trend, 404, 503))
    async def past(
        device: Device,
        quantity: Annotated[str, Query(max_length=64)],
        minutes: Annotated[int, Query(ge=1, le=1440)] = 15,
    ) -> Response:
        """Give the last minutes of a quantity, gaps as null, with the limits that are compared with it."""
        now_ms = behind.civil_ms()

        def question(fold: Fold) -> trend.Asked | None:
            return trend.asked(fold, hub.gateway, device, quantity, minutes, now_ms)

        found = await look(behind, question)
        if found is None:
            raise ProblemError(problems.no_such_quantity(device, quantity))
        if found.lent is not None:
            lent = found.lent
            return answer(await asyncio.to_thread(lambda: json_of(trend.of_windows(found, lent))))

        def work() -> bytes:
            return json_of(trend.of_journal(found, behind.past.minutes(device, quantity, found.start_ms, found.count)))

        return answer(await _read(children, ("trend", device, quantity, minutes), work))


async def _read(children: Once, key: tuple[object, ...], work: Callable[[], bytes]) -> bytes:
    try:
        return await children.once(key, work)
    except ValueError as error:
        raise ProblemError(problems.journal_unread(str(error))) from None
