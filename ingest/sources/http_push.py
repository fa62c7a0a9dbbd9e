"""Platforms that push over HTTP (CTWing AEP, Huawei, OneNET): what they send is kept, and answered with 200 then.

Everybody on the internet finds this port: so all is bounded, connections, heads, bodies, their time, and how many
messages a second one path may bring; and who is not known by token, signature or certificate leaves but a count.

What belongs to a request's meaning is here; connections and their bounds are in `http_push_server`.
"""

import asyncio
import contextlib
import math
import socket
import ssl
import threading
from time import monotonic
from typing import Final

from devices.frames import Batch
from ingest.push_settings import HttpPushSettings, PushTls
from ingest.sources import Deliver, Report
from ingest.sources.http_push_keys import Asked, Gate, asked, gate
from ingest.sources.http_push_server import CONNECTIONS, Answer, Request, Server
from ingest.sources.missed import Missed

WAITING: Final = 512
"""So many pushes may be on their way to the disk; who comes then is told to come again."""
LISTEN_AGAIN_S: Final = 2.0


class HttpPush:
    """One TCP port. The place of its frames is the path, the payload the body as it came (OneNET's, made plain).

    Answered: 200 when it is on the disk. 401 unknown, 404 no such path, 405 no POST, 408 too slow, 413 too big, 429 too
    many, 503 when the gateway cannot take it or has not stored it in time: then what comes again is a duplicate.

    bound       the port, once it listens
    read_s      a request may take so long to come, its head and its body each; a TLS handshake, too
    answer_s    the disk may take so long; OneNET waits for 5 s, Huawei for 15 s
    rate_per_s  messages a second on one path, and twice as many at once
    """

    window: int | None = None
    waits: bool = True

    def __init__(
        self,
        settings: HttpPushSettings,
        report: Report,
        *,
        read_s: float = 10.0,
        answer_s: float = 4.0,
        rate_per_s: float = 500.0,
    ) -> None:
        self.name = settings.name
        self.bound: int | None = None
        self.read_s = read_s
        self._settings = settings
        self._answer_s = answer_s
        self._report = report
        self._missed = Missed(report)
        self._rates = {path.path: _Rate(rate_per_s) for path in settings.paths}
        self._gates: dict[str, Gate] = {}
        self._waiting = 0
        self._counts = dict.fromkeys(
            (
                "received", "connections", "turned_away", "cut_slow", "unanswered",
                *(f"refused_{why}" for why in ("token", "path", "http", "size", "slow", "rate", "busy", "key", "tls")),
            ),
            0,
        )  # fmt: skip

    def counts(self) -> dict[str, int]:
        """Frames delivered (`received`), connections that are open, and what was refused, by reason.

        unanswered: the disk took too long, so the sender was told to come again.
        """
        return dict(self._counts)

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        """Serve until `stop`; then answer what is on its way to the disk for up to half a second, and close."""
        while not stop.is_set():
            try:
                self._gates = {path.path: gate(path) for path in self._settings.paths}
                tls = None if self._settings.tls is None else _context(self._settings.tls)
                host, port = self._settings.endpoint
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                listening = socket.create_server((host, port), family=family, backlog=CONNECTIONS)
            except (OSError, ValueError) as error:  # a secret, a certificate, the port
                self._report("link", {"up": False, "why": f"{self._settings.listen}: {error}"})
                stop.wait(LISTEN_AGAIN_S)
                continue
            with listening:
                self.bound = listening.getsockname()[1]
                self._report("link", {"up": True, "why": ""})
                asyncio.run(Server(self, deliver, tls).serve(listening, stop))
        self._missed.tell()

    # ------------------------------------------------------------------------------------------ what happens here

    def count(self, what: str, cause: str = "") -> None:
        """Add to the counts; cause: it is told as missed, too."""
        self._counts[what] += 1
        self._missed.add(f"push: {cause}" if cause else "", int(bool(cause)))

    def open_now(self, count: int) -> None:
        """Say how many connections there are."""
        self._counts["connections"] = count

    async def answer(self, deliver: Deliver, request: Request) -> Answer:
        """Judge a whole request, keep what it brings, and say what is answered."""
        door = self._gates.get(request.path)
        if door is None:
            self.count("refused_path")
            return 404, b"no such path\n"
        try:
            known = door.known(told := asked(request.method, request.query, request.headers, request.body))
        except ValueError:  # far too many parameters
            known = False
        if not known:
            self.count("refused_token", "unknown sender")
            return 401, b"no token or signature, or a wrong one\n"
        if request.method != "POST":
            return self._no_push(door, told)
        full = self._full(request.path)
        if full is not None:
            return full
        try:
            body = door.plain(request.body)
        except (ValueError, LookupError):
            self.count("refused_key", "wrong key")
            return 401, b"not encrypted by the key that is set\n"
        return await self._keep(deliver, request.path, body)

    def _full(self, path: str) -> Answer | None:
        wait_s = self._rates[path].wait_s(monotonic())
        if wait_s:
            self.count("refused_rate", "too many")
            return 429, b"too many\n", math.ceil(wait_s)
        if self._waiting >= WAITING:
            self.count("refused_busy", "busy")
            return 503, b"busy\n", 5
        return None

    def _no_push(self, door: Gate, request: Asked) -> Answer:
        message = request.query.get("msg")
        if request.method == "GET" and door.echoes and message is not None:
            return 200, message.encode()
        self.count("refused_http")
        return 405, b"POST\n"

    async def _keep(self, deliver: Deliver, path: str, body: bytes) -> Answer:
        """Deliver, and wait until it is on the disk."""
        loop = asyncio.get_running_loop()
        kept = loop.create_future()

        def on_disk() -> None:  # in the pipeline's thread; after a stop there is no loop and nobody to answer
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done)

        def done() -> None:
            self._waiting -= 1
            if not kept.done():
                kept.set_result(None)

        self._waiting += 1
        self._counts["received"] += 1
        deliver(Batch(self.name, 0, [(path.encode(), body, b"")]), on_disk)
        try:
            async with asyncio.timeout(self._answer_s):
                await kept
        except TimeoutError:
            self.count("unanswered")
            return 503, b"it is not on the disk yet\n", 5
        return 200, b"{}\n"


class _Rate:
    """A bucket of tokens: `rate_per_s` come in, one message takes one, twice as many are kept."""

    def __init__(self, rate_per_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._most = self._tokens = 2 * rate_per_s
        self._at = 0.0

    def wait_s(self, now: float) -> float:
        """Take one: 0, or the time until there is one."""
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate_per_s)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate_per_s
        self._tokens -= 1
        return 0.0


def _context(tls: PushTls) -> ssl.SSLContext:
    """Read the certificates. Raises OSError when a file is absent or is none of its kind."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(tls.certificate, tls.key.path)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        files = ", ".join(str(file) for file in (tls.certificate, tls.key.path, tls.client_ca) if file)
        raise OSError(f"{files}: {error}") from error
    return context
