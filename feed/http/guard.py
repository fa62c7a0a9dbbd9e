"""The door of the feed: what no page of a stranger's may do to us over a browser that stands inside.

There is no login yet, so TCP is loopback only, and a browser on this machine is the way in that is left: by a name
that a stranger's DNS points here (Host is checked), by a form or script of another site (Origin, Sec-Fetch-Site and
the content type are checked; there is no CORS). Over the Unix socket the kernel says who asks (SO_PEERCRED).
"""

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from feed.http.peers import Peer
from feed.http.problems import MEDIA_TYPE, Problem
from rules.records import Text

MOST_BODY = 16_384  # bytes; the longest command has a comment of 1,000 characters

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types cityward",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

SAFE = frozenset({"GET", "HEAD"})

Headers = MutableMapping[str, str]


def host_of(authority: str) -> str:
    """Take the port off `127.0.0.1:8480`, `[::1]:8480`, `localhost`."""
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0].lower()


def refusal(method: str, headers: Headers, hosts: frozenset[str]) -> Problem | None:
    """Say why a request over TCP is not let in, or None.

    headers  names in lower case
    hosts    by which this gateway may be called, without ports
    """
    host = headers.get("host", "")
    if host_of(host) not in hosts:
        return _foreign_host(host, hosts)
    if method in SAFE:
        return None
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site", "none")
    if (origin is not None and origin != f"http://{host}") or site not in {"none", "same-origin"}:
        return _foreign_page(origin or site)
    return None


def not_json(headers: Headers) -> Problem | None:
    """415, or None when the body says that it is JSON."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return None
    return Problem(
        status=415,
        word="json-only",
        text=Text(zh="请求须带 Content-Type: application/json", en="send it as Content-Type: application/json"),
    )


def oversized(headers: Headers) -> Problem | None:
    """411 or 413, or None when the body says that it is small."""
    if "transfer-encoding" in headers:
        return Problem(
            status=411,
            word="length-required",
            text=Text(zh="请求须带 Content-Length", en="send the body with a Content-Length, not in chunks"),
        )
    length = headers.get("content-length", "0")
    if len(length) > len(str(MOST_BODY)) or int(length) > MOST_BODY:  # h11 let digits through only
        return Problem(
            status=413,
            word="too-large",
            text=Text(zh=f"请求体不得超过 {MOST_BODY} 字节", en=f"the body may have {MOST_BODY} bytes at the most"),
        )
    return None


def _foreign_host(host: str, hosts: Iterable[str]) -> Problem:
    known = ", ".join(sorted(hosts))
    return Problem(
        status=421,
        word="foreign-host",
        text=Text(
            zh=f"本网关不以“{host}”为名；请用 {known} 访问（远程请用 ssh -L）",
            en=f"this gateway is not called {host!r}: use {known} (from afar: ssh -L)",
        ),
    )


def _foreign_page(origin: str) -> Problem:
    return Problem(
        status=403,
        word="foreign-page",
        text=Text(
            zh=f"拒绝来自其他网页（{origin}）的操作；请在网关自己的页面上操作",
            en=f"refused: it comes from a page of another site ({origin}); use the gateway's own page",
        ),
    )


async def send_problem(problem: Problem, send: Send) -> None:
    """Answer with a problem, outside of the application."""
    body = problem.body()
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **problem.headers}
    await send({"type": "http.response.start", "status": problem.status, "headers": _encoded(headers.items())})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class Guard:
    """ASGI: refuses at the door, and adds the security headers to every answer."""

    def __init__(self, app: Starlette, hosts: Callable[[], frozenset[str]]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer why not."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                present = {name for name, _ in headers}
                added = [pair for pair in _SECURITY if pair[0] not in present]
                message = {**message, "headers": headers + added}
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        scope = _without_origin(scope, headers)
        peer: Peer = scope["state"]["peer"]
        problem = oversized(headers)
        if problem is None and not peer.over_socket:
            problem = refusal(scope["method"], headers, self._hosts())
            if problem is None and scope["method"] not in SAFE and self._answers(scope):
                problem = not_json(headers)
        if problem is not None:
            await send_problem(problem, send_safely)
            return
        await self._app(scope, receive, send_safely)

    def _answers(self, scope: Scope) -> bool:
        """Whether an endpoint would run: else the application says what is wrong with path or method."""
        return any(route.matches(scope)[0] is Match.FULL for route in self._app.routes)


def _without_origin(scope: Scope, headers: Headers) -> Scope:
    """Take `http://HOST` off a target that names it, as proxies write it; it goes before the header (RFC 9112 §3.2.2).

    headers  get the host that was named
    """
    target: bytes = scope["raw_path"]
    if not target.lower().startswith(b"http://"):
        return scope
    host, _, path = target[len(b"http://") :].partition(b"/")
    headers["host"] = host.decode("latin-1")
    return {**scope, "path": unquote("/" + path.decode("latin-1")), "raw_path": b"/" + path}


_SECURITY: Any = _encoded(SECURITY_HEADERS.items())
