"""The hub: the feed's view of the pipeline, and what all its readers read.

The pipeline's thread hands over each numbered event, encoded once; everything else happens on the feed's asyncio loop.
A reader is nothing but a position. It asks for what follows, and gets it from the last thousand events in memory or,
further back, from the book; so no reader has a queue, none can slow another, and between catching up and live there
is no seam at which an event could be lost or come twice.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from feed.positions import Position
from feed.summary import Counts, Mark, mark
from feed.wire import PAGE, News, alarm_json, news, shown
from rules.records import Event, Outcome
from store.event_search import EventReader, Search

RECENT = 1_000  # events kept in memory: a minute of a flood; 1 MB
FLOOD_MS = 3_600_000  # so far back is looked for a flood that goes on
MOST_OF_A_FLOOD = 2_000  # events

T = TypeVar("T")


class ForgottenError(LookupError):
    """The book has no longer the event with this number; who needs it needs a full picture."""


_event = msgspec.json.Decoder(Event).decode


class Hub:
    """What was told, for all that read the feed.

    book     path of the book file; it is read in a thread of the hub's own, with a connection of that thread
    gateway  id of the gateway, which goes with every event

    Attributes, of the loop: last, the number of the last event; feed, the feed's random id; counts, what stands;
    closed; broken, which raises what keeps it from going on: whoever serves it must end then, for nothing moves here.
    """

    def __init__(self, book: Path, gateway: str) -> None:
        self.gateway = gateway
        self.feed = ""
        self.last = 0
        self.closed = False
        self.book = book
        self.counts = Counts()
        self._reader: EventReader | None = None
        self._thread = ThreadPoolExecutor(1, "feed-book")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loading: list[tuple[News, Mark]] | None = []  # while the book is read; None = it was
        self._task: asyncio.Task[None] | None = None
        self.broken: asyncio.Future[None]  # from `start` on
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=RECENT)  # consecutive, up to `last`
        self._alarms: dict[str, bytes] = {}
        self._order: list[str] | None = None
        self._news: asyncio.Future[None] | None = None

    # ------------------------------------------------------------------------------------- the pipeline's thread

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:  # noqa: ARG002 - events are all that is fed
        """Hand over newly numbered events; never blocks."""
        loop = self._loop
        if not told or loop is None:
            return
        batch = [(news(event, self.gateway), mark(event)) for event in told]
        with suppress(RuntimeError):  # the loop has just been closed: the feed stops
            loop.call_soon_threadsafe(self._arrive, batch)

    # ---------------------------------------------------------------------------------------------- the loop

    async def start(self) -> None:
        """Begin: from here on nothing told is missed. Raises what the book raises."""
        self._loop = asyncio.get_running_loop()
        self._news = self._loop.create_future()
        self.broken = self._loop.create_future()
        await self._load()

    async def stop(self) -> None:
        """End all streams and let the book go."""
        self.closed = True
        self._loop = None
        self.wake()
        if self._reader is not None:
            await self._read(EventReader.close)
        self._thread.shutdown(wait=False)

    @property
    def news(self) -> asyncio.Future[None]:
        """Done when something has arrived after this was asked for, or the hub closes."""
        if self._news is None:
            raise RuntimeError("the hub has not started")
        return self._news

    def position(self, number: int | None = None) -> str:
        """Write a position; of the last event where no number is given."""
        return str(Position(self.feed, self.last if number is None else number))

    async def knows(self, position: Position | None) -> bool:
        """Whether all that follows this position can be told; if not, the reader needs a full picture."""
        if position is None or position.feed != self.feed or position.number > self.last:
            return False
        return position.number >= await self.beginning()

    async def beginning(self) -> int:
        """Give the number after which every event is kept."""
        oldest = await self._read(lambda book: book.oldest_event)
        return oldest - 1 if oldest else self.last

    async def after(self, number: int, limit: int = PAGE) -> list[tuple[int, bytes]]:
        """Give events that follow this number, encoded, in order and without a gap, `limit` of them at the most.

        Raises ForgottenError when the book no longer has the next one.
        """
        if number >= self.last:
            return []
        first = self._recent[0][0] if self._recent else self.last + 1
        if number + 1 >= first:
            start = number + 1 - first
            return list(islice(self._recent, start, start + limit))
        last, gateway = self.last, self.gateway

        def kept(book: EventReader) -> list[tuple[int, bytes]]:
            found = [news(_event(body), gateway) for given, body in book.events(number, limit) if given <= last]
            return [(one.number, one.event_json) for one in found]

        events = await self._read(kept)
        if not events or events[0][0] != number + 1:
            raise ForgottenError(number + 1)
        return events

    def alarms(self, after: str = "", limit: int = PAGE) -> tuple[list[bytes], str | None]:
        """Give a page of the alarms that are active, unacknowledged or latched, by id; and the `after` of the next."""
        if self._order is None:
            self._order = sorted(self._alarms)
        following = [one for one in self._order if one > after] if after else self._order
        page = following[:limit]
        return [self._alarms[one] for one in page], page[-1] if len(following) > limit else None

    def alarm(self, alarm: str) -> bytes | None:
        """Give one of these alarms, encoded; None = it is not among them."""
        return self._alarms.get(alarm)

    # ---------------------------------------------------------------------------------------------- inside

    async def _read(self, question: Callable[[EventReader], T]) -> T:
        def answer() -> T:
            if self._reader is None:
                self._reader = EventReader(self.book)
            return question(self._reader)

        return await asyncio.get_running_loop().run_in_executor(self._thread, answer)

    async def _load(self) -> None:
        """Take everything from the book, then what has arrived meanwhile."""
        self.feed, self.last, self._alarms, self.counts = await self._read(_picture)
        self._order = None
        self._recent.clear()
        waiting, self._loading = self._loading or [], None
        self._arrive(waiting)

    def _arrive(self, batch: list[tuple[News, Mark]]) -> None:
        if self._loading is not None:
            self._loading += batch
            return
        fresh = [one for one in batch if one[0].number > self.last]  # the rest came with the book
        if fresh and fresh[0][0].number != self.last + 1:
            # Something was told that did not come through here. The book knows it.
            self._loading = fresh
            self._task = asyncio.get_running_loop().create_task(self._load())
            self._task.add_done_callback(self._loaded)
            return
        for one, change in fresh:
            self.counts.take(change)
            self.last = one.number
            self._recent.append((one.number, one.event_json))
            if one.shown:
                if one.alarm not in self._alarms:
                    self._order = None
                self._alarms[one.alarm] = one.alarm_json
            elif self._alarms.pop(one.alarm, None) is not None:
                self._order = None
        self.wake()

    def _loaded(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.broken.done():
            self.broken.set_exception(error)

    def wake(self) -> None:
        """Let all that wait for news look again."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
            self._news = self._news.get_loop().create_future()


def _picture(book: EventReader) -> tuple[str, int, dict[str, bytes], Counts]:
    # The number first: an alarm that changes between the two is changed once more by its own event, which is whole.
    last = book.last_event
    alarms = [alarm for alarm in book.alarms() if shown(alarm)]
    recent = [_event(body) for _, body in book.search(Search(before=last + 1), MOST_OF_A_FLOOD)]
    since_ms = recent[0].t_ms - FLOOD_MS if recent else 0
    counts = Counts(alarms, [event for event in reversed(recent) if event.t_ms > since_ms])
    return book.feed_id, last, {alarm.id: alarm_json(alarm) for alarm in alarms}, counts
