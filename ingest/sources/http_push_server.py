"""The connections of a port that platforms push to.

uvicorn reads HTTP and calls us, as in the feed; taking connections in is ours, for its server bounds neither how many
there are nor how long one may take to say what it wants.
"""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from ingest.sources import Deliver

HEAD_BYTES: Final = 16 * 1024
BODY_BYTES: Final = 64 * 1024
"""A push of a platform has a few hundred bytes, a batch of IoTDA some thousand."""
CONNECTIONS: Final = 256
IDLE_S: Final = 30.0
LOOK_S: Final = 0.2
DRAIN_S: Final = 0.5
_QUIET = logging.getLogger("cityward.push")
_QUIET.setLevel(logging.CRITICAL + 1)  # what strangers send is counted, not logged; our own defects end the process

Answer = tuple[int, bytes] | tuple[int, bytes, int]
"""Status, body, and after how many seconds to come again."""


class Request(NamedTuple):
    """A whole request, as it came."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Owner(Protocol):
    """Whose connections they are; read_s: a head, a body, a TLS handshake may take so long."""

    read_s: float

    def count(self, what: str, cause: str = "") -> None:
        """Add to the counts; cause: it is told as missed, too."""

    def open_now(self, count: int) -> None:
        """Say how many connections there are."""

    async def answer(self, deliver: Deliver, request: Request) -> Answer:
        """Say what is answered."""


class _Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with a time for each head, and without a log: there is a token in the URL."""

    def __init__(self, server: "Server") -> None:
        super().__init__(server.config, server.state, {})
        self.logger = _QUIET
        self.access_log = False
        self.served = False
        self._server = server
        self._late: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is being answered, or its body read."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.app_state = {"connection": self}
        self._server.opened(self)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._in_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)
        self._server.closed(self)

    def send_400_response(self, msg: str) -> None:
        self._server.owner.count("refused_http")
        super().send_400_response(msg)

    def cut(self, why: str) -> None:
        """End it now, and count the reason."""
        self._server.owner.count(why)
        self.transport.abort()

    def _watch(self) -> None:
        if self.busy:
            self._in_time()
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(self._server.owner.read_s, self.cut, "cut_slow")

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Server:
    """Connections, from `serve` to its end."""

    def __init__(self, owner: Owner, deliver: Deliver, tls: ssl.SSLContext | None) -> None:
        self.owner = owner
        self.state = ServerState()
        self.config = uvicorn.Config(
            self._app, http=_Connection, ws="none", lifespan="off", interface="asgi3", log_config=None,
            access_log=False, proxy_headers=False, server_header=False, date_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES, timeout_keep_alive=int(IDLE_S),
        )  # fmt: skip
        self._deliver = deliver
        self._tls = tls
        self._open: dict[_Connection, None] = {}  # in order of their coming
        self._greeting: dict[asyncio.Task[None], None] = {}
        self._defect: BaseException | None = None

    async def serve(self, listening: socket.socket, stop: threading.Event) -> None:
        """Take connections in until `stop`, or a defect, which is raised."""
        asyncio.get_running_loop().set_exception_handler(self._trouble)
        listening.settimeout(0)
        taking = asyncio.create_task(self._take_in(listening))
        while not stop.is_set() and self._defect is None and not taking.done():
            await asyncio.wait([taking], timeout=LOOK_S)
        taking.cancel()
        for greeting in list(self._greeting):
            greeting.cancel()
        await asyncio.gather(taking, *self._greeting, return_exceptions=True)
        await self._drain()
        if self._defect is not None:
            raise self._defect
        if not taking.cancelled():
            taking.result()

    async def _take_in(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, _ = await loop.sock_accept(listening)
            except OSError:  # out of descriptors, or it is gone already
                self.owner.count("turned_away", "connections")
                await asyncio.sleep(LOOK_S)
                continue
            if len(self._open) + len(self._greeting) >= CONNECTIONS and not self._made_room():
                connected.close()
                continue
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body of an answer are two writes
            greeting = loop.create_task(self._greet(connected))
            self._greeting[greeting] = None
            greeting.add_done_callback(partial(self._greeted, connected))

    def _greeted(self, connected: socket.socket, greeting: "asyncio.Task[None]") -> None:
        self._greeting.pop(greeting, None)
        if greeting.cancelled():
            connected.close()

    def _made_room(self) -> bool:
        """Cut the oldest that never brought a message; False = all have."""
        self.owner.count("turned_away", "connections")
        mute = next((each for each in self._open if not each.served), None)
        if mute is not None:
            mute.transport.abort()
            self.closed(mute)
        elif self._greeting:
            greeting = next(iter(self._greeting))
            del self._greeting[greeting]
            greeting.cancel()
        else:
            return False
        return True

    async def _greet(self, connected: socket.socket) -> None:
        """Make a connection of a socket; with TLS its handshake comes first."""
        patience = None if self._tls is None else self.owner.read_s
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Connection(self), connected, ssl=self._tls, ssl_handshake_timeout=patience
            )
        except OSError:  # no TLS, no certificate, gone, too slow
            self.owner.count("refused_tls")

    def opened(self, connection: _Connection) -> None:
        """Take note of a connection."""
        self._open[connection] = None
        self.owner.open_now(len(self._open))

    def closed(self, connection: _Connection) -> None:
        """Take note of its end."""
        self._open.pop(connection, None)
        self.owner.open_now(len(self._open))

    async def _drain(self) -> None:
        """Read no more, let what was delivered be answered, then close."""
        for connection in list(self._open):
            if connection.busy:
                connection.cycle.keep_alive = False
            else:
                connection.transport.abort()
        for _ in range(round(DRAIN_S / 0.01)):
            if not any(each.busy for each in self._open):
                break
            await asyncio.sleep(0.01)
        for connection in list(self._open):
            connection.transport.abort()
        await asyncio.sleep(0)  # the loop closes them in its next turn

    def _trouble(self, _loop: object, context: dict[str, Any]) -> None:
        """Tell troubles of the network from defects, which end the source."""
        error = context.get("exception")
        if not isinstance(error, OSError):
            self._defect = self._defect or error or RuntimeError(str(context["message"]))

    # ------------------------------------------------------------------------------------------------- a request

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        except Exception as error:
            self._defect = self._defect or error
            raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = len(scope["raw_path"]) + len(scope["query_string"])
        if line + sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
            self.owner.count("refused_size", "too big")
            await _say(send, 431, b"too big a head\n", close=True)
            return
        body = await self._body(receive)
        if not isinstance(body, bytes):
            await _say(send, *body, close=True)
            return
        request = Request(scope["method"], scope["path"], scope["query_string"], scope["headers"], body)
        answer = await self.owner.answer(self._deliver, request)
        if answer[0] < 400:  # noqa: PLR2004 - it is known
            scope["state"]["connection"].served = True
        await _say(send, *answer)

    async def _body(self, receive: Receive) -> bytes | Answer:
        """Read a body, or say why not."""
        body = b""
        more = True
        try:
            async with asyncio.timeout(self.owner.read_s):
                while more:
                    message = await receive()
                    body += message.get("body", b"")
                    more = message["type"] == "http.request" and message.get("more_body", False)
                    if len(body) > BODY_BYTES:
                        self.owner.count("refused_size", "too big")
                        return 413, b"too big: %d bytes at the most\n" % BODY_BYTES
        except TimeoutError:
            self.owner.count("refused_slow", "too slow")
            return 408, b"too slow\n"
        if message["type"] != "http.request":
            return 400, b""  # gone: nobody reads it
        return body


async def _say(send: Callable[..., Any], status: int, body: bytes, again_s: int = 0, *, close: bool = False) -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"text/plain; charset=utf-8")]
    headers += [(b"x-content-type-options", b"nosniff")]
    headers += [(b"retry-after", b"%d" % again_s)] if again_s else []
    headers += [(b"connection", b"close")] if close else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
