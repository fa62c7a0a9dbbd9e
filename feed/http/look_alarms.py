"""One alarm with all around it, its history, and the journal of all alarms."""

from collections.abc import Callable
from typing import Annotated, TypeVar, cast

import msgspec
from fastapi import FastAPI, Path, Query
from msgspec import Raw, Struct
from starlette.responses import Response

from feed.alarm_detail import AlarmDetail, Around, around
from feed.http import openapi, problems
from feed.http.answer import answer
from feed.http.asking import look
from feed.http.beside import Beside
from feed.http.gateway import Gateway
from feed.http.problems import ProblemError
from feed.http.times import Instant, milliseconds
from feed.hub import Hub
from feed.wire import PAGE, AlarmView, EventView, alarm_json, json_of, news
from rules.fold import Fold
from rules.records import Event
from store.event_search import EventReader, Search

READERS = 2  # threads that look into the book
LONGEST_ID = 512

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=PAGE)]
Before = Annotated[int | None, Query(ge=1, le=2**53 - 1)]
Word = Annotated[str | None, Query(min_length=1, max_length=LONGEST_ID)]
Alarm = Annotated[str, Path(max_length=LONGEST_ID)]

_event = msgspec.json.Decoder(Event).decode


class JournalPage(Struct, frozen=True, kw_only=True):
    """Events, the newest first. `next`: the `before` of the page that follows; null = this is the last one."""

    gateway: str
    events: list[EventView]
    next: int | None


class Looker:
    """Looks into the book, on threads of its own."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._threads = Beside(READERS, "look")

    async def read(self, question: Callable[[EventReader], T]) -> T:
        """Put a question to the book."""

        def ask() -> T:
            with EventReader(self._hub.book) as book:
                return question(book)

        return await self._threads.work(ask)

    async def page(self, search: Search, limit: int) -> bytes:
        """Look for events; encoded one by one, so that no one call holds the interpreter for long."""
        gateway, last = self._hub.gateway, self._hub.last

        def question(book: EventReader) -> bytes:
            rows = book.search(search, limit + 1)  # one more tells whether a page follows
            events = [Raw(news(_event(body), gateway).event_json) for number, body in rows[:limit] if number <= last]
            following = rows[limit - 1][0] if len(rows) > limit else None
            return json_of(JournalPage(gateway=gateway, events=cast("list[EventView]", events), next=following))

        return await self.read(question)


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    hub, behind = gateway.hub, gateway.behind
    looker = Looker(hub)
    _journal(app, looker)

    @app.get("/api/v1/alarms/{alarm:path}/history", responses=openapi.answers(JournalPage))
    async def history(alarm: Alarm, before: Before = None, limit: Limit = 100) -> Response:
        """Give the events of one alarm, the newest first; none = it never rang, or that is kept no more."""
        return answer(await looker.page(Search(alarm=alarm, before=before), limit))

    @app.get("/api/v1/alarms/{alarm:path}", responses=openapi.answers(AlarmDetail, 404))
    async def detail(alarm: Alarm) -> Response:
        """Give one alarm with what to do about it, its rule in force, its device, a camera and a permit."""
        camera = behind.console.camera

        def question(fold: Fold) -> Around:
            return around(fold, alarm, camera)

        found = await look(behind, question)
        body = hub.alarm(alarm) or await looker.read(lambda book: _told(book, alarm))
        if body is None and found.alarm is None:
            raise ProblemError(problems.no_such_alarm(alarm[: problems.SHOWN], "nothing is known of it"))
        view = found.alarm if body is None else cast("AlarmView", Raw(body))
        whole = {name: getattr(found, name) for name in Around.__struct_fields__} | {"alarm": view}
        return answer(AlarmDetail(gateway=hub.gateway, **whole))


def _journal(app: FastAPI, looker: Looker) -> None:
    @app.get("/api/v1/journal", responses=openapi.answers(JournalPage))
    async def journal(  # noqa: PLR0913, PLR0917 - whatever can be looked for
        from_: Annotated[Instant | None, Query(alias="from")] = None,
        to: Instant | None = None,
        alarm: Word = None,
        device: Word = None,
        site: Word = None,
        kind: Annotated[list[Annotated[str, Query(max_length=32)]], Query(max_length=32)] = [],  # noqa: B006 - FastAPI copies it
        priority: Annotated[list[Annotated[int, Query(ge=1, le=4)]], Query(max_length=4)] = [],  # noqa: B006 - the same
        text: Annotated[str, Query(max_length=200)] = "",
        before: Before = None,
        limit: Limit = PAGE,
    ) -> Response:
        """Look for events, the newest first. All that is given must hold; `kind` and `priority` may be given often."""
        search = Search(
            before=before, from_ms=_ms(from_), to_ms=_ms(to), alarm=alarm, device=device, site=site, kinds=kind,
            priorities=priority, text=text.strip(),
        )  # fmt: skip
        return answer(await looker.page(search, limit))


def _ms(time: Instant | None) -> int | None:
    return None if time is None else milliseconds(time)


def _told(book: EventReader, alarm: str) -> bytes | None:
    found = book.alarm(alarm)
    return None if found is None else alarm_json(found)
