"""The door of the feed: who is let in, and what no page of a stranger's may do to us over a browser that is.

Each request is looked at before any endpoint: is it whole and small, does it call us by a name of ours (a stranger's
DNS may point here), is it sent by our own page (Origin, Sec-Fetch-Site, the content type; there is no CORS), who asks,
and may he (feed.http.access). What is refused is written into the audit trail, and so is what an endpoint was asked to
change and has not written down itself.

Over the Unix socket the kernel says who asks (SO_PEERCRED). The console knows people by a cookie, programs by a token.
"""

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.routing import Match, Route
from starlette.types import Message, Receive, Scope, Send

from feed.desk import Audited
from feed.http import problems_access
from feed.http.access import ASKS, WHILE_LOCKED, Action, Actor
from feed.http.auditor import Auditor, Visit, visit
from feed.http.knowing import Knowing
from feed.http.peers import Peer
from feed.http.problems import MEDIA_TYPE, SHOWN, Problem
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


def security_headers(tiles: str | None) -> dict[str, str]:
    """Return the headers of every answer; images may come from the host of the map tiles too, where there is one."""
    policy = SECURITY_HEADERS["content-security-policy"]
    if tiles is not None:
        policy = policy.replace("img-src 'self'", f"img-src 'self' {tiles}")
    return SECURITY_HEADERS | {"content-security-policy": policy}


SAFE = frozenset({"GET", "HEAD"})
ONCE = frozenset({
    "authorization", "content-length", "content-type", "cookie", "host", "last-event-id", "origin", "sec-fetch-site"
})  # fmt: skip
"""Headers of which a second one is a trick."""

Headers = MutableMapping[str, str]


def host_of(authority: str) -> str:
    """Take the port off `127.0.0.1:8480`, `[::1]:8480`, `localhost`."""
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0].lower()


def refusal(method: str, scheme: str, headers: Headers, hosts: frozenset[str]) -> Problem | None:
    """Say why a request over TCP is not let in, or None.

    scheme   http or https
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
    if (origin is not None and origin.lower() != f"{scheme}://{host.lower()}") or site not in {"none", "same-origin"}:
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
            zh=f"本网关不以“{host}”为名；请用 {known} 访问（控制台的名称见 http.console.names）",
            en=f"this gateway is not called {host!r}: use {known} (names of the console: http.console.names)",
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

    def __init__(
        self,
        app: Starlette,
        hosts: Callable[[Peer], frozenset[str]],
        knowing: Knowing,
        auditor: Auditor,
        tiles: str | None = None,
    ) -> None:
        """Make a door.

        hosts  by which this gateway may be called by this one, without ports
        tiles  scheme, host and port of the map tiles that the page may show; None = of nobody's
        """
        self._headers = _encoded(security_headers(tiles).items())
        self._app = app
        self._hosts = hosts
        self._knowing = knowing
        self._auditor = auditor
        self._telling: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer why not. What is to be written down is on the disk before the answer leaves."""
        actor: Actor | None = None

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                if actor is not None:
                    await self._settle(scope, actor, message["status"])
                headers = list(message["headers"])
                present = {name for name, _ in headers}
                added = [pair for pair in self._headers if pair[0] not in present]
                message = {**message, "headers": headers + added}
            elif message.get("more_body") and actor and not self._knowing.may_go_on(actor):
                scope["state"]["cut"]()  # a stream whose reader has logged out, or has been sent away
                return
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        scope = _without_origin(scope, headers)
        peer: Peer = scope["state"]["peer"]
        here = visit.set(Visit())
        try:
            found = self._look(scope, headers, peer)
            if isinstance(found, Problem):
                await self._refused(scope, scope["state"].get("actor"), found.status, found.text.en)
                await send_problem(found, send_safely)
                return
            actor = scope["state"]["actor"] = found
            await self._app(scope, receive, send_safely)
        finally:
            visit.reset(here)

    def _look(self, scope: Scope, headers: Headers, peer: Peer) -> Problem | Actor:
        """Say who is let in, or why not; `scope["state"]["actor"]`: who was known, also when he is refused."""
        names = [name.decode("latin-1") for name, _ in scope["headers"]]
        twice = next((name for name in names if name in ONCE and names.count(name) > 1), None)
        problem = problems_access.doubled(twice) if twice else oversized(headers)
        if problem is None and not peer.over_socket:
            scheme = "https" if peer.door == "console" else "http"
            problem = refusal(scope["method"], scheme, headers, self._hosts(peer))
        if problem is not None:
            return problem
        endpoint, action = self._asked(scope)
        known = self._knowing.actor(peer, headers, path=endpoint, action=action)
        if isinstance(known, Problem):
            return known
        scope["state"]["actor"] = known
        if endpoint is None:  # the application says what is wrong with path or method
            return known
        problem = _not_now(known, endpoint, action, self._knowing)
        if problem is None and not peer.over_socket and scope["method"] not in SAFE and not _bare(scope, headers):
            problem = not_json(headers)
        return problem or known

    def _asked(self, scope: Scope) -> tuple[str | None, Action | None]:
        """Find the endpoint that would run, as the application has it, and what it asks for."""
        for route in self._app.routes:
            if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
                method = "GET" if scope["method"] == "HEAD" else scope["method"]
                is_file = "/api/" not in route.path and not route.include_in_schema
                return route.path, ASKS.get((method, route.path), "open" if is_file else None)
        return None, None

    async def _settle(self, scope: Scope, actor: Actor, status: int) -> None:
        """Write down what no endpoint has: what was to be changed, and tricks with the path."""
        tricky = status == 404 and _tricky(scope)  # noqa: PLR2004 - HTTP
        if (scope["method"] in SAFE and not tricky) or visit.get().audited:
            return
        if status < 400:  # noqa: PLR2004 - HTTP
            await self._auditor.write(_entry(scope, actor, "request", status, ""))
        else:
            await self._refused(scope, actor, status, "")

    async def _refused(self, scope: Scope, actor: Actor | None, status: int, answer: str) -> None:
        nobody = status == 401 and not _shows(scope)  # noqa: PLR2004 - a page that is opened before the login
        if not (nobody and scope["method"] in SAFE):
            peer: Peer = scope["state"]["peer"]
            await self._auditor.refused(_entry(scope, actor, "refused", status, answer), peer.address)

    def broken(self, peer: Peer) -> None:
        """Write down that somebody sent what is no HTTP."""
        entry = Audited(who=peer.user or "", via=peer.via, what="refused", status=400, answer="no HTTP/1.1")
        task = asyncio.get_running_loop().create_task(self._auditor.refused(entry, peer.address))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


def _not_now(actor: Actor, path: str, action: Action | None, knowing: Knowing) -> Problem | None:
    """Say why somebody who is known, or nobody, may not do this, or None."""
    if action is None:
        return problems_access.not_allowed(actor, None)
    if not actor.may(action):
        nobody = actor.door == "console" and not actor.user
        return problems_access.not_known(shown=False) if nobody else problems_access.not_allowed(actor, action)
    if action == "open" or path in WHILE_LOCKED:
        return None
    return knowing.pending(actor)


def _entry(scope: Scope, actor: Actor | None, what: str, status: int, answer: str) -> Audited:
    peer: Peer = scope["state"]["peer"]
    path = scope["path"] if len(scope["path"]) <= SHOWN else f"{scope['path'][:SHOWN]}…"
    who = actor.user if actor else peer.user or ""
    via = actor.via if actor else peer.via
    return Audited(who=who, via=via, what=what, target=f"{scope['method']} {path}", status=status, answer=answer)


def _shows(scope: Scope) -> bool:
    """Whether the request shows a cookie or a token."""
    return any(name in (b"cookie", b"authorization") for name, _ in scope["headers"])


def _tricky(scope: Scope) -> bool:
    """Whether a path is one that no honest client writes."""
    path: str = scope["path"]
    return ".." in path or "//" in path or "\\" in path or not path.isprintable()


def _bare(scope: Scope, headers: Headers) -> bool:
    """Whether it is a DELETE without a body, which no form of another site can send, nor a script without our leave."""
    return scope["method"] == "DELETE" and headers.get("content-length", "0") == "0"


def _without_origin(scope: Scope, headers: Headers) -> Scope:
    """Take `http://HOST` off a target that names it, as proxies write it; it goes before the header (RFC 9112 §3.2.2).

    headers  get the host that was named
    """
    target: bytes = scope["raw_path"]
    scheme = f"{scope['scheme']}://".encode()
    if not target.lower().startswith(scheme):
        return scope
    host, _, path = target[len(scheme) :].partition(b"/")
    headers["host"] = host.decode("latin-1")
    return {**scope, "path": unquote("/" + path.decode("latin-1")), "raw_path": b"/" + path}
