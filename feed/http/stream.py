"""Server-sent events: what was told after a position, then what is told from now on, for as long as it is read."""

import asyncio
import time
from collections import Counter

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devices.instants import rfc3339
from feed.behind import Behind
from feed.http.access import Actor
from feed.hub import ForgottenError, Hub
from feed.wire import json_of

HEARTBEAT_S = 10.0
LOOK_S = 1.0
STALLED_S = 30.0  # a reader that takes nothing for so long is cut; it comes back with its Last-Event-ID
MOST_STREAMS = 64
MOST_OF_ONE = 12  # of one person or token: a page has one for all its tabs
KEPT = 16  # of all: for those who answer alarms, and for the gateway itself

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back until a buffer is full
]


class Streams:
    """All streams that are open."""

    def __init__(self, hub: Hub, behind: Behind) -> None:
        self.hub, self.civil_ms = hub, behind.civil_ms
        self.open = 0
        self.of: Counter[str] = Counter()  # by who reads: person or token
        self._vitals = behind.vitals
        self._alive = False
        self._looked_at = float("-inf")

    def too_many(self, actor: Actor) -> int | None:
        """Return how many there may be, where one more of this reader would be too many; None: he may."""
        most = MOST_STREAMS if actor.may("answer") or actor.door != "console" else MOST_STREAMS - KEPT
        if self.open >= most:
            return most
        reader = _reader(actor)
        return MOST_OF_ONE if reader and self.of[reader] >= MOST_OF_ONE else None

    def alive(self) -> bool:
        """Tell whether the pipeline makes progress; looked at once a second for all streams, for a look costs."""
        now = time.monotonic()
        if now >= self._looked_at + LOOK_S:
            self._alive, self._looked_at = self._vitals().alive, now
        return self._alive


def _reader(actor: Actor) -> str:
    """Name who reads, however often he has logged in; "" = nobody whom a door has let in by name."""
    return actor.user if actor.session else ""


class EventStream(Response):
    """One reader's stream, from a position on."""

    def __init__(self, streams: Streams, number: int, actor: Actor) -> None:
        super().__init__()
        self._streams = streams
        self._number = number
        self._reader = _reader(actor)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Feed until the reader goes, stalls, or the hub closes."""
        gone = asyncio.ensure_future(_gone(receive))
        self._streams.open += 1
        self._streams.of[self._reader] += 1
        try:
            async with asyncio.timeout(None) as patience:
                await self._feed(send, gone, patience)
        except (TimeoutError, ForgottenError):  # forgotten: so slow that the book has moved on; it gets 410 next time
            scope["state"]["cut"]()
            await asyncio.sleep(0)  # until the server has noticed
        finally:
            self._streams.open -= 1
            self._streams.of[self._reader] -= 1
            if not self._streams.of[self._reader]:
                del self._streams.of[self._reader]
            gone.cancel()

    async def _feed(self, send: Send, gone: "asyncio.Future[None]", patience: asyncio.Timeout) -> None:
        hub, loop = self._streams.hub, asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        # An id without data tells nobody anything, but a browser that reconnects before the first event resumes here.
        chunk = f"retry: 2000\nid: {hub.position(self._number)}\n\n".encode()
        beat_at = loop.time()
        while not hub.closed and not gone.done():
            news = hub.news
            events = await hub.after(self._number)
            chunk += b"".join(b"id: %s-%d\nevent: alarm\ndata: %s\n\n" % (hub.feed.encode(), *one) for one in events)
            self._number = events[-1][0] if events else self._number
            if loop.time() >= beat_at:
                beat_at = loop.time() + HEARTBEAT_S
                chunk += self._heartbeat()
            if chunk:
                patience.reschedule(loop.time() + STALLED_S)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                patience.reschedule(None)
                chunk = b""
            elif self._number >= hub.last:
                await asyncio.wait((gone, news), timeout=beat_at - loop.time(), return_when=asyncio.FIRST_COMPLETED)
        await send({"type": "http.response.body", "body": b""})

    def _heartbeat(self) -> bytes:
        """Say that the gateway lives. If its pipeline hangs this must not be said, for then nothing is watched."""
        if not self._streams.alive():
            return b""
        return b"event: heartbeat\ndata: %s\n\n" % json_of(
            {"last": self._streams.hub.position(), "time": rfc3339(self._streams.civil_ms())}
        )


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
