"""The console for tests: a Room with the door for other desks open, and browsers that stand there."""

# ruff: noqa: ANN401 - JSON is of any type

import http.client
import json
import ssl
from pathlib import Path
from typing import Any, Self, get_args

from feed.desk import Doer
from feed.http.access import Role
from feed.people import Person
from feed.people_passwords import hashed
from tests.feed.room import DEADLINE_S, Reply, Room

PASSWORD = "Correct-horse-7"
BY = Doer(who="admin", via="a test")
_HASH = hashed(PASSWORD)
ROLES: tuple[Role, ...] = get_args(Role)


class ConsoleRoom(Room):
    """A room whose console listens on a free port of loopback; each role has a person of its name."""

    def __init__(self, state: Path, **console: Any) -> None:
        super().__init__(state, door={"listen": "127.0.0.1:0", "names": ["gateway.example"]} | console)
        self.browsers: list[Browser] = []
        for role in ROLES:
            if role not in self.server.people.people:
                person = Person(user=role, name=role.title(), role=role, password=_HASH)
                self.server.people._write(person, None)  # none that the audit trail tells of

    def __exit__(self, *_: object) -> None:
        for browser in self.browsers:
            browser.close()
        super().__exit__()


class Browser:
    """Somebody at the console. Keeps the cookie; sends what a browser sends with a request of our own page."""

    def __init__(self, room: ConsoleRoom, host: str = "gateway.example") -> None:
        self.room, self.host = room, host
        room.browsers.append(self)
        self.cookie = ""
        self._wire: http.client.HTTPSConnection | None = None
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def as_role(self, role: str) -> Self:
        """Log in as the person of this role."""
        reply = self.post("/api/v1/login", {"user": role, "password": PASSWORD})
        assert reply.status == 200, reply.body
        return self

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str | None] | None = None) -> Reply:
        """Send one request; a header that is None is left out."""
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: dict[str, str | None] = {"host": self.host}
        if content is not None:
            sent["content-type"] = "application/json"
        if method != "GET":
            sent |= {"origin": f"https://{self.host}", "sec-fetch-site": "same-origin"}
        if self.cookie:
            sent["cookie"] = f"__Host-cityward={self.cookie}"
        sent |= headers or {}
        given = {name: value for name, value in sent.items() if value is not None}
        try:
            reply = self._send(method, path, content, given)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):  # it was idle for too long
            self.close()
            reply = self._send(method, path, content, given)
        self._keep(reply.headers.get("set-cookie", ""))
        return reply

    def _send(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Reply:
        port = self.room.server.console_port
        if self._wire is not None and self._wire.port != port:
            self.close()
        if self._wire is None:
            self._wire = http.client.HTTPSConnection("127.0.0.1", port, timeout=DEADLINE_S, context=self.tls)
        self._wire.request(method, path, content, headers)
        answer = self._wire.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def close(self) -> None:
        """Let the connection go."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _keep(self, told: str) -> None:
        """Keep a cookie as browsers do: with this prefix it must have these three, and no Domain."""
        if told:
            pair, *attributes = told.split("; ")
            assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(attributes)
            assert not any(each.startswith("Domain") for each in attributes)
            name, _, value = pair.partition("=")
            assert name == "__Host-cityward"
            self.cookie = value

    def get(self, path: str, headers: dict[str, str | None] | None = None) -> Reply:
        """GET."""
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, headers: dict[str, str | None] | None = None) -> Reply:
        """POST JSON."""
        return self.ask("POST", path, {} if body is None else body, headers)
