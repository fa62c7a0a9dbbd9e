"""The feed's server: one thread with one asyncio loop, on a loopback TCP port and on a Unix socket."""

import asyncio
import ipaddress
import socket
import stat
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import uvicorn

from feed.behind import Behind
from feed.desk import Desk
from feed.http.app import Gateway, build
from feed.http.guard import Guard
from feed.http.peers import Connection
from feed.hub import Hub
from feed.settings import HttpSettings

SOCKET_MODE = 0o660  # the service's user and group: who may act as an operator
MOST_CONNECTIONS = 256
BACKLOG = 128


class FeedError(Exception):
    """The feed cannot be opened; says why and what to do."""


class FeedServer:
    """Answers HTTP until it is stopped.

    settings  where to listen
    state     the state directory: the desk, and the Unix socket unless the settings say otherwise
    hub       the view; give it to the pipeline too
    behind    the rest of the gateway
    """

    def __init__(self, settings: HttpSettings, state: Path, hub: Hub, behind: Behind) -> None:
        self.socket_path = settings.socket_path(state)
        self._settings = settings
        self._hub = hub
        self._desk = Desk(state / "desk.sqlite")
        self._gateway = Gateway(hub=hub, desk=self._desk, behind=behind)
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self.port = 0

    def start(self) -> None:
        """Listen and answer; returns when it does.

        Raises FeedError when an address is taken or not loopback, and what the book raises.
        """
        tcp = bind_tcp(self._settings.host, self._settings.port)
        self.port = tcp.getsockname()[1]
        try:
            self._sockets = [tcp, bind_socket(self.socket_path)]
        except FeedError:
            tcp.close()
            raise
        self._thread.start()
        self._started.result()

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
        if self._server is not None:
            self._server.should_exit = True

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            self._loop = asyncio.get_running_loop()
            await self._hub.start()
            app = Guard(build(self._gateway), self._hosts)
            self._server = _Uvicorn(_config(app), self._started)
            await self._server.serve(self._sockets)
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)  # start() raises it
        finally:
            for listening in self._sockets:
                listening.close()
            self.socket_path.unlink(missing_ok=True)
            await self._hub.stop()
            self._desk.close()

    def _hosts(self) -> frozenset[str]:
        host = self._settings.host
        return frozenset({"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host})


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, listening: "Future[None]") -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set_result(None)


def _config(app: Guard) -> uvicorn.Config:
    return uvicorn.Config(
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


def bind_tcp(host: str, port: int) -> socket.socket:
    """Take the TCP address. Raises FeedError when it is not loopback, or taken."""
    if not _is_loopback(host):
        raise FeedError(
            f"http.listen: {host} can be reached from outside, and the feed has no login yet (the console brings it). "
            f"Write 127.0.0.1:{port}; from afar use ssh -L {port}:127.0.0.1:{port}"
        )
    address = "127.0.0.1" if host == "localhost" else host
    tcp = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        tcp.bind((address, port))
    except OSError as error:
        tcp.close()
        raise FeedError(
            f"http.listen: cannot listen on {host}:{port} ({error.strerror}); is it running twice?"
        ) from None
    return tcp


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind_socket(path: Path) -> socket.socket:
    """Take the Unix socket, also from a process that has died. Raises FeedError when a living one has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        unix.bind(str(path))
        path.chmod(SOCKET_MODE)  # nobody can have connected yet: it does not listen
    except OSError as error:
        unix.close()
        raise FeedError(f"http.socket: cannot listen on {path} ({error.strerror or error})") from None
    except FeedError:
        unix.close()
        raise
    return unix


def _clear(path: Path) -> None:
    """Take away what a dead process has left there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FeedError(f"http.socket: {path} is there already and is no socket; name another path or move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FeedError(f"http.socket: another cityward answers on {path}; stop it first (systemctl stop cityward)")
