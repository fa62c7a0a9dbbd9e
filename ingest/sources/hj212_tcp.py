"""HJ 212 stations over TCP: we listen, they connect and send, and are answered when their data are on the disk.

Anybody may connect, so every link is bounded: in bytes that wait, in junk, in time without a message, in answers that
it does not fetch; and so is their number, altogether and from one address.
"""

import asyncio
import contextlib
import random
import re
import socket
import threading
from functools import partial
from time import monotonic
from typing import Any, Final

from devices.frames import Batch, Frame
from devices.hj212 import answer, parse
from devices.hj212_stream import Splitter
from devices.readings import Refusal
from ingest.sources import Deliver, Report
from ingest.sources.missed import Missed

READ_BYTES: Final = 16 * 1024
"""So much is read of one link in one turn of the loop; the largest packet known has 1,623 bytes."""
WAITING_BYTES: Final = 64 * 1024
"""A link with so many bytes on their way to the disk is not read; TCP then holds the station back."""
JUNK_BYTES: Final = 64 * 1024
"""A link that brings so much junk without one message is no station: it is cut."""
ANSWER_BYTES: Final = 16 * 1024
"""A station that leaves so many bytes of answers (each about 90) unread is cut; the kernel holds as many again."""

LISTEN_AGAIN_S: Final = 2.0
LOOK_S: Final = 0.2
DRAIN_S: Final = 0.5

_MN: Final = re.compile(rb"MN=([^;,&\s]{1,64})[;,]", re.IGNORECASE)


class Hj212Listener:
    """One TCP port. The place of its frames is the station's MN; the payload is the packet from `##` to CR LF.

    A packet that cannot be read (checksum, length) is delivered too if an MN stands in it: it is kept, counted and not
    answered, so that the station sends it again. Without an MN it is junk.

    host, port      where to listen; port 0 = any, see `bound`
    idle_s          a link on which no message came for so long is cut: the line was lost without a word
    links           the most links; when all are taken, the oldest that never brought a message gives way, else the new
                    one is turned away
    links_per_peer  the most from one address; stations behind one NAT have the same
    """

    window: int | None = None
    waits: bool = True

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
    ) -> None:
        self.name = name
        self.host = host
        self.port = port
        self.idle_s = idle_s
        self.links = links
        self.links_per_peer = links_per_peer
        self.bound: int | None = None
        self._report = report
        self._missed = Missed(report)
        self._open: dict[_Link, None] = {}  # in order of their coming
        self._counts = dict.fromkeys(
            ("received", "answered", "noise_bytes", "links", "turned_away", "cut_idle", "cut_junk", "cut_slow"), 0
        )

    def counts(self) -> dict[str, int]:
        """Frames delivered (`received`), answers sent, bytes of junk, links that are open, and why others were cut."""
        return dict(self._counts)

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        """Listen until `stop`; then answer what is on its way to the disk for up to half a second, and close."""
        asyncio.run(self._serve(deliver, stop))
        self._missed.tell()

    async def _serve(self, deliver: Deliver, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        defect: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(partial(self._trouble, defect))
        buffer = bytearray(READ_BYTES)  # one for all: it is emptied in the same turn in which it is filled
        server = None
        while server is None and not stop.is_set():
            try:
                server = await loop.create_server(lambda: _Link(self, deliver, loop, buffer), self.host, self.port)
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
        await self._drain()
        if defect.done():
            defect.result()

    @staticmethod
    async def _until(stop: threading.Event, wait_s: float) -> None:
        for _ in range(round(wait_s / LOOK_S)):
            if stop.is_set():
                break
            await asyncio.sleep(LOOK_S)

    def _trouble(self, defect: "asyncio.Future[None]", _loop: object, context: dict[str, Any]) -> None:
        """Tell troubles of the system (out of sockets, a route that vanished) from defects, which end the source."""
        error = context.get("exception")
        if isinstance(error, OSError):
            self._missed.add("links")
        elif not defect.done():
            defect.set_exception(error or RuntimeError(str(context["message"])))

    def _cut_idle(self) -> None:
        since = monotonic() - self.idle_s
        for link in [link for link in self._open if link.heard_at < since]:
            link.cut("cut_idle")
        self._missed.add("links", 0)

    async def _drain(self) -> None:
        """Read no more, let what was delivered be answered, then close."""
        for link in self._open:
            link.stop_reading()
        for _ in range(round(DRAIN_S / 0.01)):
            if not any(link.waiting for link in self._open):
                break
            await asyncio.sleep(0.01)
        for link in list(self._open):
            link.close()
        await asyncio.sleep(0)  # the loop closes them in its next turn

    # ------------------------------------------------------------------------------------------ what links tell us

    def admit(self, link: "_Link") -> bool:
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
        self._open[link] = None
        self._counts["links"] = len(self._open)
        return True

    def forget(self, link: "_Link") -> None:
        """Take note that a link is closed."""
        self._open.pop(link, None)
        self._counts["links"] = len(self._open)

    def count(self, what: str, count: int = 1) -> None:
        """Add to the counts."""
        self._counts[what] += count

    def noise(self, count: int) -> None:
        """Count bytes that belonged to no message."""
        self._counts["noise_bytes"] += count
        self._missed.add("noise_bytes", count)


class _Link(asyncio.BufferedProtocol):
    """One station's connection; all of it happens in the listener's loop.

    peer      address of the other end, without port
    heard_at  when the last message came, or the link was opened
    spoke     a message has come at all
    waiting   bytes that were delivered and are not on the disk yet
    """

    def __init__(
        self, listener: Hj212Listener, deliver: Deliver, loop: asyncio.AbstractEventLoop, buffer: bytearray
    ) -> None:
        self.peer = ""
        self.heard_at = monotonic()
        self.spoke = False
        self.waiting = 0
        self._listener = listener
        self._deliver = deliver
        self._loop = loop
        self._buffer = buffer
        self._splitter = Splitter()
        self._junk = 0
        self._ended = False
        self._stopping = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server has no others
        self._transport = transport
        self.peer = transport.get_extra_info("peername", ("",))[0]
        tcp = transport.get_extra_info("socket")
        for level, option, value in _SOCKET_OPTIONS:
            tcp.setsockopt(level, option, value)
        transport.set_write_buffer_limits(high=ANSWER_BYTES)
        if not self._listener.admit(self):
            transport.abort()

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        junk = self._splitter.junk
        frames: list[Frame] = []
        answers = []
        for packet in self._splitter.feed(bytes(memoryview(self._buffer)[:nbytes])):
            place, reply = _look_at(packet)
            if place:
                frames.append((place, packet, b""))
                if reply is not None:
                    answers.append(reply)
            else:
                self._splitter.junk += len(packet)
        self._take_note_of_junk(self._splitter.junk - junk, spoke=bool(frames))
        if frames:
            self._hand_over(frames, answers)

    def _take_note_of_junk(self, count: int, *, spoke: bool) -> None:
        self._junk = 0 if spoke else self._junk + count
        self._listener.noise(count)
        if self._junk > JUNK_BYTES:
            self.cut("cut_junk")

    def _hand_over(self, frames: list[Frame], answers: list[bytes]) -> None:
        self.heard_at = monotonic()
        self.spoke = True
        self._listener.count("received", len(frames))
        size = sum(len(payload) for _, payload, _ in frames)
        self.waiting += size
        if self.waiting >= WAITING_BYTES:
            self._transport.pause_reading()
        self._deliver(Batch(self._listener.name, 0, frames), partial(self._on_disk, size, answers))

    def _on_disk(self, size: int, answers: list[bytes]) -> None:
        """Come from the pipeline's thread: let the loop answer. After a stop there is no loop and nobody to answer."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._answer, size, answers)

    def _answer(self, size: int, answers: list[bytes]) -> None:
        held_back = self.waiting >= WAITING_BYTES
        self.waiting -= size
        if self._transport.is_closing():
            return
        if answers:
            self._listener.count("answered", len(answers))
            self._transport.write(b"".join(answers))
        if self._ended and not self.waiting:
            self._transport.close()
        elif held_back and self.waiting < WAITING_BYTES and not self._stopping:
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self.cut("cut_slow")

    def eof_received(self) -> bool:
        """Keep a link whose station sends no more open as long as it waits for answers."""
        self._ended = True
        return self.waiting > 0

    def connection_lost(self, _error: Exception | None) -> None:
        self._listener.forget(self)

    def stop_reading(self) -> None:
        """Take nothing more."""
        self._stopping = True
        self._transport.pause_reading()

    def close(self) -> None:
        """End it when what was written has gone out."""
        self._transport.close()

    def cut(self, why: str = "") -> None:
        """End it now, and count the reason."""
        if why and not self._transport.is_closing():
            self._listener.count(why)
        self._listener.forget(self)
        self._transport.abort()


_SOCKET_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BYTES),
    (socket.SOL_SOCKET, socket.SO_SNDBUF, ANSWER_BYTES),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),  # a station that lost its power says nothing: ask after it
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


def _look_at(packet: bytes) -> tuple[bytes, bytes | None]:
    """Find the MN (empty = none) and the answer that is due when the packet is on the disk."""
    found = parse(packet)
    if not isinstance(found, Refusal):
        return (found.mn or "").encode(), answer(found) if found.mn else None
    mn = _MN.search(packet)
    return (mn[1] if mn else b""), None
