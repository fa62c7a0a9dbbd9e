"""The feed's server: one thread with one asyncio loop, on a loopback TCP port, a Unix socket, and the console's port.

The console has a uvicorn of its own beside the other two, on the same loop: with TLS, and with connections of its own,
so that who fills those keeps nobody off the gateway itself.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import uvicorn

from feed.behind import Behind
from feed.desk import Desk
from feed.handovers import Handovers
from feed.http.answering import Answering, AnsweringTls
from feed.http.app import build
from feed.http.auditor import Auditor
from feed.http.doors import BACKLOG, Names, bind_console, bind_socket, bind_tcp
from feed.http.gateway import Gateway
from feed.http.guard import Guard
from feed.http.knowing import Knowing
from feed.http.passwords import Passwords
from feed.http.peers import Connection
from feed.http.tls import Certificate
from feed.http.written import DeskThread
from feed.hub import Hub
from feed.people import People
from feed.settings import HttpSettings

MOST_CONNECTIONS = 256
READERS = 2  # of the desk, at a time
LOOK_S = 5.0  # at the certificate
SETTLE_EACH = 720  # of these: once an hour refusals are told that were only counted

GOODBYE_S = 0.01  # until what was cut is closed

Report = Callable[[str, dict[str, Any]], None]


class FeedServer:
    """Answers HTTP until it is stopped.

    settings  where to listen
    state     the state directory: the desk, and the Unix socket unless the settings say otherwise
    hub       the view; give it to the pipeline too
    behind    the rest of the gateway
    report    is told a Status of the gateway: its kind and data

    Attributes: port, console_port (0 = none), people.
    """

    def __init__(
        self,
        settings: HttpSettings,
        state: Path,
        hub: Hub,
        behind: Behind,
        report: Report = lambda _kind, _data: None,
    ) -> None:
        self.socket_path = settings.socket_path(state)
        self._settings, self._state = settings, state
        self._hub = hub
        self._report = report
        self._desk = Desk(state / "desk.sqlite", behind.civil_ms)
        self.people = People(self._desk.path, behind.civil_ms)
        self._auditor = Auditor(self._desk)
        self._gateway = Gateway(
            hub=hub, desk=self._desk, behind=behind, people=self.people, passwords=Passwords(self.people),
            knowing=Knowing(self.people, console=settings.console is not None), auditor=self._auditor,
            handovers=Handovers(self._desk.path, behind.civil_ms), written=DeskThread(1, "feed-desk"),
            looked=DeskThread(READERS, "feed-desk-read"),
        )  # fmt: skip
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[Answering] = []
        self._certificate: Certificate | None = None
        self.port = self.console_port = 0

    def take_doors(self) -> None:
        """Take the addresses; who calls meanwhile waits until it answers.

        Raises FeedError when an address is taken or not loopback, OSError when the console's certificate cannot be
        kept.
        """
        console = self._settings.console
        try:
            self._take(bind_tcp(self._settings.host, self._settings.port))
            self.port = self._sockets[0].getsockname()[1]
            if console is not None:
                self._certificate = Certificate(console, self._state, self._tell_of_certificate)
                self._take(bind_console(*console.at))
                self.console_port = self._sockets[1].getsockname()[1]
            self._take(bind_socket(self.socket_path))
        except BaseException:
            for taken in self._sockets:
                taken.close()
            raise

    def start(self) -> None:
        """Answer at the doors, which are taken if they are not yet; returns when it does.

        Raises what `take_doors` raises, and what the book raises.
        """
        if not self._sockets:
            self.take_doors()
        self._thread.start()
        self._started.result()

    def _take(self, listening: socket.socket) -> None:
        self._sockets.append(listening)

    def _tell_of_certificate(self, why: str) -> None:
        self._report("condition", {"name": "certificate-refused", "bad": bool(why), "why_zh": why, "why_en": why})

    def stop(self, timeout_s: float) -> None:
        """End the streams, finish what is being answered, close. Safe when it has not started."""
        if self._loop is None or not self._thread.is_alive():
            return
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._begin_stop)
        self._thread.join(timeout_s)

    @property
    def running(self) -> bool:
        """Whether the thread lives; a feed that has died by itself must end the process."""
        return self._thread.is_alive()

    def _begin_stop(self) -> None:
        self._hub.closed = True
        self._hub.wake()
        for server in self._servers:
            server.should_exit = True

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            self._loop = asyncio.get_running_loop()
            await self._hub.start()
            names, console = Names(self._settings), self._certificate
            tiles = self._gateway.behind.console.map
            guard = Guard(
                build(self._gateway), names.of, self._gateway.knowing, self._auditor, tiles.origin if tiles else None
            )
            tcp, *with_tls, unix = self._sockets
            self._servers = [Answering(_config(guard), [tcp, unix], self._listening)]
            if console is not None:
                tls = _config(guard, console)
                self._servers.append(AnsweringTls(tls, with_tls, self._listening, MOST_CONNECTIONS))
            async with asyncio.TaskGroup() as group:
                beside = [group.create_task(self._now_and_then()), group.create_task(self._watch_hub())]
                answering = [group.create_task(each.answer()) for each in self._servers]
                await asyncio.wait(answering, return_when=asyncio.FIRST_COMPLETED)
                self._begin_stop()
                for task in beside:
                    task.cancel()
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)  # start() raises it
        finally:
            for listening in self._sockets:
                listening.close()
            for server in self._servers:
                for connection in tuple(server.server_state.connections):
                    connection.transport.abort()
            await asyncio.sleep(GOODBYE_S)
            self.socket_path.unlink(missing_ok=True)
            await self._hub.stop()
            self._gateway.passwords.close()
            await self._auditor.close()
            await self._gateway.written.close()
            await self._gateway.looked.close()
            self._gateway.handovers.close()
            self.people.close()
            self._desk.close()

    def _listening(self) -> None:
        if all(each.started for each in self._servers):
            self._started.set_result(None)

    async def _watch_hub(self) -> None:
        """End all of it with the hub: a page that stands still, while its heart beats, would lie."""
        await self._hub.broken

    async def _now_and_then(self) -> None:
        for turn in count(1):
            await asyncio.sleep(LOOK_S)
            if self._certificate is not None:
                await asyncio.to_thread(self._certificate.look)
            if turn % SETTLE_EACH == 0:
                await self._auditor.settle()


def _config(app: Guard, certificate: Certificate | None = None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,  # the daemon's
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        backlog=BACKLOG,
        timeout_graceful_shutdown=2,
    )
    config.load()
    if certificate is not None:
        config.ssl = certificate.context
    return config
