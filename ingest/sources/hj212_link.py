"""TCP connections with HJ 212 stations and loggers, bounded in everything: who sends is not to be trusted."""

import asyncio
import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Final

from devices.frames import Batch, Frame
from devices.hj212_stream import Splitter
from ingest.sources import Deliver, Report
from ingest.sources.hj212_desk import Desk, Reply
from ingest.sources.missed import Missed

READ_BYTES: Final = 16 * 1024
"""So much is read of one link in one turn of the loop; the largest packet known has 1,623 bytes."""
WAITING_BYTES: Final = 64 * 1024
"""A link with so many bytes on their way to the disk is not read; TCP then holds the station back."""
JUNK_BYTES: Final = 64 * 1024
"""A link that brings so much junk without one message is no station: it is cut."""
ANSWER_BYTES: Final = 16 * 1024
"""A station that leaves so many bytes of answers (each about 90) unread is cut; the kernel holds as many again."""


LOOK_S: Final = 0.2
DRAIN_S: Final = 0.5


class Links(ABC):
    """What a listener and a client have in common: an event loop of their own, counts, and a desk."""

    window: int | None = None
    waits: bool = True

    def __init__(self, name: str, report: Report, desk: Desk | None, idle_s: float) -> None:
        self.name = name
        self.desk = desk or Desk(report)
        self.idle_s = idle_s
        self._report = report
        self._missed = Missed(report)
        self._counts = dict.fromkeys(
            ("received", "answered", "noise_bytes", "links", "cut_idle", "cut_junk", "cut_slow"), 0
        )
        self._open: dict[Link, None] = {}  # in order of their coming

    def counts(self) -> dict[str, int]:
        """Frames delivered (`received`), answers sent, bytes of junk, links that are open, and why others were cut."""
        return dict(self._counts)

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        """Serve until `stop`; then answer what is on its way to the disk for up to half a second, and close."""
        asyncio.run(self._run(deliver, stop))
        self._missed.tell()

    async def _run(self, deliver: Deliver, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        defect: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(partial(self._trouble, defect))
        buffer = bytearray(READ_BYTES)  # one for all: it is emptied in the same turn in which it is filled
        await self._serve(lambda: Link(self, deliver, loop, buffer), stop, defect)
        await self._drain()
        if defect.done():
            defect.result()

    @abstractmethod
    async def _serve(self, make: "Callable[[], Link]", stop: threading.Event, defect: "asyncio.Future[None]") -> None:
        """Have links, until `stop` or a defect."""

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

    def admit(self, link: "Link") -> bool:
        """Make room for a new link, or say that there is none."""
        self._open[link] = None
        self._counts["links"] = len(self._open)
        return True

    def forget(self, link: "Link") -> None:
        """Take note that a link is closed."""
        self._open.pop(link, None)
        self._counts["links"] = len(self._open)

    def heard(self, count: int) -> None:
        """Take note of packets."""
        self.count("received", count)

    def count(self, what: str, count: int = 1) -> None:
        """Add to the counts."""
        self._counts[what] += count

    def noise(self, count: int) -> None:
        """Count bytes that belonged to no message."""
        self._counts["noise_bytes"] += count
        self._missed.add("noise_bytes", count)


class Link(asyncio.BufferedProtocol):
    """One station's connection; all of it happens in its owner's loop.

    peer      address of the other end, without port
    heard_at  when the last message came, or the link was opened
    spoke     a message has come at all
    waiting   bytes that were delivered and are not on the disk yet
    """

    def __init__(self, owner: Links, deliver: Deliver, loop: asyncio.AbstractEventLoop, buffer: bytearray) -> None:
        self.peer = ""
        self.heard_at = monotonic()
        self.spoke = False
        self.waiting = 0
        self._owner = owner
        self._deliver = deliver
        self._loop = loop
        self._buffer = buffer
        self._splitter = Splitter()
        self._junk = 0
        self._ended = False
        self._stopping = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server has no others
        self._transport = transport
        self.peer = transport.get_extra_info("peername", ("",))[0]
        tcp = transport.get_extra_info("socket")
        for level, option, value in _SOCKET_OPTIONS:
            tcp.setsockopt(level, option, value)
        transport.set_write_buffer_limits(high=ANSWER_BYTES)
        if not self._owner.admit(self):
            transport.abort()

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Give room for what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        junk = self._splitter.junk
        frames: list[Frame] = []
        answers: list[Reply] = []
        for packet in self._splitter.feed(bytes(memoryview(self._buffer)[:nbytes])):
            looked = self._owner.desk.look_at(packet)
            if looked.place:
                frames.append((looked.place, looked.payload, b""))
                answers += looked.replies
            else:
                self._splitter.junk += len(packet)
        self._take_note_of_junk(self._splitter.junk - junk, spoke=bool(frames))
        if frames:
            self._hand_over(frames, answers)

    def _take_note_of_junk(self, count: int, *, spoke: bool) -> None:
        self._junk = 0 if spoke else self._junk + count
        self._owner.noise(count)
        if self._junk > JUNK_BYTES:
            self.cut("cut_junk")

    def _hand_over(self, frames: list[Frame], answers: list[Reply]) -> None:
        self.heard_at = monotonic()
        self.spoke = True
        self._owner.heard(len(frames))
        size = sum(len(payload) for _, payload, _ in frames)
        self.waiting += size
        if self.waiting >= WAITING_BYTES:
            self._transport.pause_reading()
        self._deliver(Batch(self._owner.name, 0, frames), partial(self._on_disk, size, answers))

    def _on_disk(self, size: int, answers: list[Reply]) -> None:
        """Come from the pipeline's thread: let the loop answer. After a stop there is no loop and nobody to answer."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._answer, size, answers)

    def _answer(self, size: int, answers: list[Reply]) -> None:
        held_back = self.waiting >= WAITING_BYTES
        self.waiting -= size
        if self._transport.is_closing():
            return
        if answers:
            self._owner.count("answered", len(answers))
            self._transport.write(self._owner.desk.written(answers))
        if self._ended and not self.waiting:
            self._transport.close()
        elif held_back and self.waiting < WAITING_BYTES and not self._stopping:
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Cut a station that fetches no answers."""
        self.cut("cut_slow")

    def eof_received(self) -> bool:
        """Keep a link whose station sends no more open as long as it waits for answers."""
        self._ended = True
        return self.waiting > 0

    def connection_lost(self, _error: Exception | None) -> None:
        """End."""
        self._owner.forget(self)

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
            self._owner.count(why)
        self._owner.forget(self)
        self._transport.abort()


_SOCKET_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BYTES),
    (socket.SOL_SOCKET, socket.SO_SNDBUF, ANSWER_BYTES),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),  # a station that lost its power says nothing: ask after it
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
