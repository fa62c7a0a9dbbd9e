"""Proof 6: every endpoint for every role, door and token: allowed, or refused as one who may not; nothing between."""

# ruff: noqa: ANN401 - what is handed through is of any type

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from feed.http import access, page
from feed.http.access import ASKS, MAY, SCOPES, SOCKET_GROUP, WHILE_LOCKED, Action, Role
from feed.http.app import build
from feed.http.peers import Connection
from feed.people import IDLE_MS
from tests.feed.console import BY, ROLES, Browser, ConsoleRoom
from tests.feed.room import Reply, Room

# §5.4 of the reference, and what follows from it, written down once more by hand: (action, who may).
MATRIX: dict[str, str] = {
    "open": "viewer operator engineer admin auditor",
    "login": "viewer operator engineer admin auditor",
    "self": "viewer operator engineer admin auditor",
    "session": "viewer operator engineer admin auditor",
    "see": "viewer operator engineer admin auditor",
    "answer": "operator engineer",
    "reset": "operator engineer",
    "shelve": "operator engineer",
    "shelve_urgent": "engineer",
    "handover": "operator engineer",
    "engineer": "engineer",
    "administer": "admin",
    "audit_own": "operator engineer auditor",
    "audit": "auditor",
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path_factory.mktemp("state")) as opened:
        yield opened


def routes(room: Room) -> list[Route]:
    app = build(room.server._gateway)
    found = [route for route in app.routes if isinstance(route, Route)]
    assert len(found) == len(app.routes), "a route that the guard does not see"
    return found


def endpoints(room: Room) -> list[tuple[str, str]]:
    """Every method and path of the application but the files of the page."""
    files = page.page_files()
    return [
        (method, route.path)
        for route in routes(room)
        for method in sorted((route.methods or set()) - {"HEAD"})
        if isinstance(route, APIRoute) or route.path not in files
    ]


def asks(room: Room) -> dict[tuple[str, str], Action]:
    """Say what each endpoint asks for."""
    return {one: ASKS[one] for one in endpoints(room)}


def real(path: str) -> str:
    """Put something into the path that is nowhere: what is asked for is not found, but somebody was let in."""
    return re.sub(r"\{[^}]*\}", "nowhere@nothing", path)


def let_in(reply: Reply) -> bool:
    """Whether he got past the guard: refused is 401 or 403 by the words of the door, and nothing else."""
    if reply.status in (401, 403) and reply.problem != "wrong-login":
        assert reply.problem in ("not-known", "not-allowed", "socket-only"), reply.body
        return False
    assert reply.status != 423
    assert reply.status < 500 or reply.status == 503, reply.body
    return True


def knock(who: "Browser | Room", method: str, path: str, **other: Any) -> bool:
    """Ask, and say whether one is let in. What would go on for ever is looked at only in its head."""
    if path.endswith("/stream"):
        path += "?after=nonsense"  # a 400 of the endpoint itself
    headers = (
        {"content-type": "application/json", **other.pop("headers", {})}
        if method != "GET"
        else other.pop("headers", {})
    )
    body = None if method == "GET" else b"{}"
    if isinstance(who, Room):
        return let_in(who.ask_http(method, real(path), body, headers, **other))
    return let_in(who.ask(method, real(path), body, headers))


def test_the_table_of_roles_is_that_of_the_reference() -> None:
    assert set(MATRIX) == set(get_args(Action))
    for action, roles in MATRIX.items():
        assert {role for role in get_args(Role) if action in MAY[role]} == set(roles.split()), action
    assert set(ROLES) == set(get_args(Role))


def test_every_endpoint_is_in_the_table_and_the_table_names_none_else(room: ConsoleRoom) -> None:
    assert sorted(endpoints(room)) == sorted(ASKS)


def test_files_of_the_page_are_the_only_ones_outside_the_api(room: ConsoleRoom) -> None:
    files = page.page_files()
    plain = {route.path for route in routes(room) if not isinstance(route, APIRoute)}
    assert plain - set(files) == {"/api/v1/openapi.json"}
    assert not [path for path in files if "/api/" in path]


def test_an_endpoint_that_nobody_has_put_into_the_table_is_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ASKS, ("GET", "/api/v1/alarms"))
    with ConsoleRoom(tmp_path) as room:
        assert Browser(room).as_role("engineer").get("/api/v1/alarms").status == 403
        assert room.get("/api/v1/alarms").status == 403
        assert room.ask_http("GET", "/api/v1/alarms", unix=True).status == 403


@pytest.mark.parametrize("role", ROLES)
def test_every_endpoint_for_every_role(room: ConsoleRoom, role: Role) -> None:
    person = Browser(room).as_role(role)
    wrong = []
    for method, path in endpoints(room):
        if knock(person, method, path) != (ASKS[method, path] in MAY[role]):
            wrong.append((method, path))
        if not person.cookie:  # a logout
            person.as_role(role)
    assert wrong == []


def test_every_endpoint_before_the_login(room: ConsoleRoom) -> None:
    nobody = Browser(room)
    got_in = {one for one in endpoints(room) if knock(nobody, *one)}
    assert got_in == {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/api/v1/login")}
    assert nobody.post("/api/v1/login", {"user": "nobody", "password": "x"}).problem == "wrong-login"


def test_every_endpoint_at_loopback(room: ConsoleRoom, tmp_path: Path) -> None:
    beside = {one for one in endpoints(room) if knock(room, *one)}
    assert beside == {one for one, action in asks(room).items() if action in ("open", "self", "see")}
    with Room(tmp_path) as alone:
        got_in = {one for one in endpoints(alone) if knock(alone, *one)}
    assert got_in == {
        one for one, action in asks(room).items() if action in ("open", "self", "see", "answer", "reset", "shelve")
    }


@pytest.mark.parametrize("group", [False, True], ids=["owner", "group"])
def test_every_endpoint_over_the_socket(room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch, *, group: bool) -> None:
    """The service's own user and root may everything that needs no login; others who may open it are engineers."""
    if group:
        made = Connection.connection_made

        def by_another(self: Connection, transport: Any) -> None:
            made(self, transport)
            if self.peer.over_socket:
                self.app_state["peer"] = type(self.peer)(
                    user="colleague", via="socket:uid 4711", door="socket", uid=4711
                )

        monkeypatch.setattr(Connection, "connection_made", by_another)
    got_in = {one for one in endpoints(room) if knock(room, *one, unix=True)}
    of_people = {"login", "session", "handover"}
    may = SOCKET_GROUP if group else set(get_args(Action)) - of_people
    assert got_in == {one for one, action in asks(room).items() if action in may}
    assert not of_people & set(may)


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_every_endpoint_for_every_scope_of_a_token(room: ConsoleRoom, scope: Action) -> None:
    later_ms = int(time.time() * 1000) + 3_600_000
    secret, token = room.server.people.issue(
        name=f"t-{scope}", kind="api", scopes=[scope], ip="", expires_ms=later_ms, by=BY
    )
    program = Browser(room)
    bearer = {"authorization": f"Bearer {secret}", "origin": None, "sec-fetch-site": None}
    may = {one for one, action in asks(room).items() if action in {"open", "self", scope}}
    assert {one for one in endpoints(room) if knock(program, *one, headers=bearer)} == may
    if scope == "answer":  # the same at loopback
        assert {
            one for one in endpoints(room) if knock(room, *one, headers={"authorization": f"Bearer {secret}"})
        } == may
    assert program.cookie == ""
    room.server.people.withdraw(token.name, BY)


def test_every_endpoint_for_a_wall_screen(room: ConsoleRoom) -> None:
    admin, wall = Browser(room).as_role("admin"), Browser(room)
    secret = admin.post("/api/v1/tokens", {"name": "wall", "kind": "wall", "ip": "127.0.0.1"}).json["token"]
    assert wall.post("/api/v1/login", {"token": secret}).json["may"] == ["open", "see", "self"]
    may = {one for one, action in asks(room).items() if action in ("open", "see", "self")}
    assert {one for one in endpoints(room) if knock(wall, *one)} == may
    assert admin.ask("DELETE", "/api/v1/tokens/wall").status == 200
    assert wall.get("/api/v1/alarms").status == 401


def test_every_endpoint_while_locked(tmp_path: Path) -> None:
    with ConsoleRoom(tmp_path) as room:
        engineer = Browser(room).as_role("engineer")
        now = room.server.people._now_ms
        room.server.people._now_ms = lambda: now() + IDLE_MS
        locked = set()
        for method, path in endpoints(room):
            if path in WHILE_LOCKED:
                continue
            asked = path + ("?after=nonsense" if path.endswith("/stream") else "")
            body = None if method == "GET" else b"{}"
            if engineer.ask(method, real(asked), body).status == 423:
                locked.add((method, path))
        may = {one for one, action in asks(room).items() if action in MAY["engineer"] and action != "open"}
        assert locked == {one for one in may if one[1] not in WHILE_LOCKED}


def test_nobody_is_let_in_by_a_method_that_means_the_same(room: ConsoleRoom) -> None:
    """HEAD is a GET to the guard; anything else that the application does not know is a 405."""
    nobody = Browser(room)
    for path in {path for method, path in endpoints(room) if method == "GET"} - {"/healthz", "/readyz"}:
        with contextlib.suppress(socket.timeout):
            assert nobody.ask("HEAD", real(path)).status in (401, 405)
    assert set(access.NOBODY) == {"open", "login"}
