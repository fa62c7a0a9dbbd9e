"""Who asks: out of connection, cookie and token, for the guard. Looks nothing up on the disk."""

import os
from collections.abc import Mapping
from ipaddress import ip_address

from msgspec import structs

from feed.http import problems_access
from feed.http.access import (
    LOCAL,
    LOCAL_BESIDE_CONSOLE,
    MAY,
    NOBODY,
    OF_A_TOKEN,
    SOCKET_GROUP,
    SOCKET_OWNER,
    Action,
    Actor,
)
from feed.http.peers import Peer
from feed.http.problems import Problem
from feed.people import People, Session, Token

COOKIE = "__Host-cityward"
"""The prefix has browsers take it over TLS only, for this host and no other (RFC 6265bis §4.1.3.2)."""
IDLE = "x-cityward-idle"
"""A header of the console: nobody has touched the page for a minute, it asks by itself."""
Headers = Mapping[str, str]
_NO_TOUCH = frozenset({"open", "self", "login"})


class Knowing:
    """Knows who asks. console: there is one, so that loopback may only see."""

    def __init__(self, people: People, *, console: bool) -> None:
        self._people = people
        self._local = LOCAL_BESIDE_CONSOLE if console else LOCAL

    def actor(self, peer: Peer, headers: Headers, *, path: str | None, action: Action | None) -> Actor | Problem:
        """Say who asks; 401 when he shows what does not hold, unless what he asks for is open to all."""
        if peer.user is not None:
            owner = peer.uid in (0, os.getuid())
            return Actor(user=peer.user, door="socket", via=peer.via, actions=SOCKET_OWNER if owner else SOCKET_GROUP)
        bearer = headers.get("authorization")
        if bearer is not None and action != "open":
            return self._by_token(peer, bearer)
        if peer.door == "local":
            return Actor(user="", door="local", via=peer.via, actions=self._local)
        secret = _cookie(headers)
        nobody = Actor(user="", door="console", via=peer.via, actions=NOBODY)
        if not secret:
            return nobody
        session = self._people.session(secret)
        known = None if session is None else self.of_session(peer, session)
        if known is None or session is None:
            return nobody if action in ("open", "login") or path is None else _stale()
        if IDLE not in headers and action not in _NO_TOUCH and not session.locked and not _streams(path):
            self._people.touch(session)
        return known

    def _by_token(self, peer: Peer, bearer: str) -> Actor | Problem:
        scheme, _, secret = bearer.partition(" ")
        token = self._people.token(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None or not from_there(token, peer):
            return problems_access.not_known(shown=True)
        return _of_token(token, peer, token.hash)

    def of_session(self, peer: Peer, session: Session) -> Actor | None:
        """Say whose session it is; None: of a wall screen that stands elsewhere, or whose token is gone."""
        if session.token:
            token = self._people.tokens.get(session.token)  # it may have been withdrawn just now
            return _of_token(token, peer, session.hash) if token and from_there(token, peer) else None
        person = self._people.people[session.user]
        return Actor(
            user=person.user, name=person.name, role=person.role, door="console", via=peer.via,
            actions=MAY[person.role], session=session.hash,
        )  # fmt: skip

    def pending(self, actor: Actor) -> Problem | None:
        """Say what a person has to do first: unlock, or set a password of his own."""
        session = self._people.sessions.get(actor.session)
        if session is None or session.token:
            return None
        if session.locked:
            return problems_access.locked()
        return problems_access.must_change() if self._people.people[session.user].must_change else None

    def may_go_on(self, actor: Actor) -> bool:
        """Whether a stream of this one may go on."""
        return not actor.session or self._people.streams(actor.session)


def _of_token(token: Token, peer: Peer, session: str) -> Actor:
    return Actor(
        user=f"token:{token.name}", name=token.name, door=peer.door, via=f"{peer.via} token",
        actions=OF_A_TOKEN.union(token.scopes), session=session,
    )  # fmt: skip


def from_there(token: Token, peer: Peer) -> bool:
    """Whether somebody is where his token may be used from."""
    try:
        return not token.ip or ip_address(token.ip) == ip_address(peer.address)
    except ValueError:  # he has gone already, and nobody knows from where he was
        return False


def _streams(path: str | None) -> bool:
    return path is not None and path.endswith("/stream")


def _cookie(headers: Headers) -> str:
    """Find our cookie; none where it stands there twice, for one of the two is planted."""
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    found = [value for name, _, value in pairs if name == COOKIE]
    return found[0] if len(found) == 1 else ""


def cookie(secret: str) -> str:
    """Write Set-Cookie; "" = take it away. No Max-Age: it goes with the browser, and at the latest with the shift."""
    gone = "" if secret else "; Max-Age=0"
    return f"{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Strict{gone}"


def _stale() -> Problem:
    problem = problems_access.not_known(shown=True)
    return structs.replace(problem, headers={**problem.headers, "set-cookie": cookie("")})
