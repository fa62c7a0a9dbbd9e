"""HJ 212 over TCP: stations call us, or we call a logger; they send, and are answered when it is on the disk.

Anybody may connect, so every link is bounded: in bytes that wait, in junk, in time without a message, in answers that
it does not fetch; and so is their number, altogether and from one address.
"""

import asyncio
import random
import threading
from collections.abc import Callable
from typing import Final

from ingest.sources import Report
from ingest.sources.hj212_desk import Desk
from ingest.sources.hj212_link import LOOK_S, Link, Links

LISTEN_AGAIN_S: Final = 2.0
CONNECT_S: Final = 10.0
CONNECT_AGAIN_S: Final = (1.0, 60.0)
"""First and longest pause before a logger is called again; between them it doubles."""


class Hj212Listener(Links):
    """One TCP port. The place of its frames is the station's MN; the payload is the packet from `##` to CR LF.

    A packet that cannot be read (checksum, length) is delivered too if an MN stands in it: it is kept, counted and not
    answered, so that the station sends it again. Without an MN it is junk.

    host, port      where to listen; port 0 = any, see `bound`
    idle_s          a link on which no message came for so long is cut: the line was lost without a word
    links           the most links; when all are taken, the oldest that never brought a message gives way, else the new
                    one is turned away
    links_per_peer  the most from one address; stations behind one NAT have the same
    """

    def __init__(  # noqa: PLR0913 - bounds are named where a listener is made
        self,
        name: str,
        host: str,
        port: int,
        report: Report,
        *,
        idle_s: float = 900.0,
        links: int = 500,
        links_per_peer: int = 250,
        desk: Desk | None = None,
    ) -> None:
        super().__init__(name, report, desk, idle_s)
        self.host = host
        self.port = port
        self.links = links
        self.links_per_peer = links_per_peer
        self.bound: int | None = None
        self._counts["turned_away"] = 0

    async def _serve(self, make: Callable[[], Link], stop: threading.Event, defect: "asyncio.Future[None]") -> None:
        loop = asyncio.get_running_loop()
        server = None
        while server is None and not stop.is_set():
            try:
                server = await loop.create_server(make, self.host, self.port)
            except OSError as error:
                self._report("link", {"up": False, "why": f"{self.host}:{self.port}: {error}"})
                await self._until(stop, LISTEN_AGAIN_S * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
        if server is None:
            return
        self.bound = server.sockets[0].getsockname()[1]
        self._report("link", {"up": True, "why": ""})
        while not stop.is_set() and not defect.done():
            await asyncio.sleep(LOOK_S)
            self._cut_idle()
        server.close()

    def admit(self, link: "Link") -> bool:
        """Make room for a new link, or say that there is none."""
        rivals = [other for other in self._open if other.peer == link.peer]
        crowded = len(rivals) >= self.links_per_peer
        if not crowded:
            rivals = list(self._open)
        if crowded or len(rivals) >= self.links:
            mute = next((other for other in rivals if not other.spoke), None)
            self.count("turned_away")
            self._missed.add("links")
            if mute is None:
                return False
            mute.cut()
        return super().admit(link)


class Hj212Client(Links):
    """A logger that does not call: we do, at `host:port`, and again whenever it is lost.

    The link is told up by the first packet, and down when it is lost, or brings none for `idle_s`.
    """

    def __init__(  # noqa: PLR0913 - a place and a bound
        self, name: str, host: str, port: int, report: Report, *, idle_s: float = 900.0, desk: Desk | None = None
    ) -> None:
        super().__init__(name, report, desk, idle_s)
        self.host = host
        self.port = port
        self._up: bool | None = None
        self._pause_s = CONNECT_AGAIN_S[0]

    async def _serve(self, make: Callable[[], Link], stop: threading.Event, defect: "asyncio.Future[None]") -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set() and not defect.done():
            why = "it was closed, or brought no packet"
            try:
                async with asyncio.timeout(CONNECT_S):
                    await loop.create_connection(make, self.host, self.port)
            except OSError as error:  # TimeoutError is one
                why = str(error) or "no answer"
            while self._open and not stop.is_set() and not defect.done():
                await asyncio.sleep(LOOK_S)
                self._cut_idle()
            if stop.is_set() or defect.done():
                break
            self._tell(up=False, why=f"{self.host}:{self.port}: {why}")
            await self._until(stop, self._pause_s * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
            self._pause_s = min(2 * self._pause_s, CONNECT_AGAIN_S[1])

    def heard(self, count: int) -> None:
        """Take note of packets: now it is a link."""
        super().heard(count)
        self._pause_s = CONNECT_AGAIN_S[0]
        self._tell(up=True)

    def _tell(self, *, up: bool, why: str = "") -> None:
        if up is not self._up:
            self._up = up
            self._report("link", {"up": up, "why": why})
