"""Proof 6: bad requests at the console are refused, change nothing, and are written down; as far as there is room."""

# ruff: noqa: ANN401 - JSON is of any type

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feed.people_throttle import BURST, EACH_S, Budget, Throttle, network
from tests.feed.console import BY, PASSWORD, Browser, ConsoleRoom
from tests.feed.room import DEADLINE_S, eventually, tilted

ALARM = "cover-tilted@mh-0114/tilt_deg"
ACK = f"/api/v1/alarms/{ALARM}/ack"
EVIL = "https://evil.example"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        opened.tell(tilted())
        yield opened


def trail(room: ConsoleRoom) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(room.state / "desk.sqlite")
    rows = db.execute("select who, what, target, status, answer from audit order by number").fetchall()
    db.close()
    return rows


def command(room: ConsoleRoom) -> dict[str, Any]:
    return {"occurrence": room.alarms.by_id[ALARM].occurrence, "command_id": "c-1"}


def raw(room: ConsoleRoom, sent: str) -> int:
    """Send these very bytes over TLS; return the status."""
    tls = Browser(room).tls
    with (
        socket.create_connection(("127.0.0.1", room.server.console_port), timeout=DEADLINE_S) as plain,
        tls.wrap_socket(plain, server_hostname="gateway.example") as wire,
    ):
        wire.sendall(sent.encode("latin-1"))
        return int(wire.makefile("rb").readline().split()[1])


def by(
    role: str, path: str = ACK, body: Any = None, method: str = "POST", **headers: str | None
) -> Callable[[ConsoleRoom], int]:
    """Send a command as somebody who has logged in, but for one thing."""

    def send(room: ConsoleRoom) -> int:
        who = Browser(room).as_role(role) if role else Browser(room)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if method == "GET" else command(room) if body is None else body
        return who.ask(method, path, content, named).status

    return send


def written(request: str, *headers: str, body: str = "") -> Callable[[ConsoleRoom], int]:
    """Send a request written out, with the cookie of an operator."""

    def send(room: ConsoleRoom) -> int:
        operator = Browser(room).as_role("operator")
        cookie = f"Cookie: __Host-cityward={operator.cookie}"
        lines = [f"{request} HTTP/1.1", *(header.replace("COOKIE", cookie) for header in headers)]
        return raw(room, "\r\n".join([*lines, "", body]))

    return send


def after_logout(room: ConsoleRoom) -> int:
    operator, thief = Browser(room).as_role("operator"), Browser(room)
    thief.cookie = operator.cookie
    operator.post("/api/v1/logout")
    return thief.post(ACK, command(room)).status


def replayed_login_form(room: ConsoleRoom) -> int:
    """Send what a form of another site sends that logs its visitor in as somebody else."""
    body = f"user=operator&password={PASSWORD}".encode()
    kind = {"content-type": "application/x-www-form-urlencoded", "origin": EVIL, "sec-fetch-site": "cross-site"}
    return Browser(room).ask("POST", "/api/v1/login", body, {**kind}).status


def expired_token(room: ConsoleRoom) -> int:
    secret, _ = room.server.people.issue(
        name="old", kind="api", scopes=["answer"], ip="", expires_ms=int(time.time() * 1000) - 1, by=BY
    )
    return Browser(room).post(ACK, command(room), {"authorization": f"Bearer {secret}"}).status


def wall_from_elsewhere(room: ConsoleRoom) -> int:
    secret, _ = room.server.people.issue(name="wall", kind="wall", scopes=["see"], ip="192.0.2.7", expires_ms=0, by=BY)
    assert Browser(room).post("/api/v1/login", {"token": secret}).status == 401
    return Browser(room).get("/api/v1/alarms", {"authorization": f"Bearer {secret}"}).status


def wall_that_commands(room: ConsoleRoom) -> int:
    secret, _ = room.server.people.issue(name="wall", kind="wall", scopes=["see"], ip="", expires_ms=0, by=BY)
    return Browser(room).post(ACK, command(room), {"authorization": f"Bearer {secret}"}).status


def api_token_at_the_login(room: ConsoleRoom) -> int:
    later_ms = int(time.time() * 1000) + 3_600_000
    secret, _ = room.server.people.issue(name="api", kind="api", scopes=["see"], ip="", expires_ms=later_ms, by=BY)
    return Browser(room).post("/api/v1/login", {"token": secret}).status


HOST = "Host: gateway.example"
JSON = "Content-Type: application/json"
POST = (f"POST {ACK}", HOST, JSON)
LENGTH = "Content-Length: 2"
OURS = "Origin: https://gateway.example"
CHUNKED, CHUNK = "Transfer-Encoding: chunked", "0\r\n\r\n"
FORM = "application/x-www-form-urlencoded"
BAD: dict[str, tuple[Callable[[ConsoleRoom], int], int]] = {
    "no cookie": (by(""), 401),
    "forged cookie": (by("", cookie="__Host-cityward=" + "A" * 43), 401),
    "cookie of another name": (by("", cookie="cityward=" + "A" * 43), 401),
    "cookie planted beside ours": (written(*POST, LENGTH, "COOKIE; __Host-cityward=x", body="{}"), 401),
    "two cookie headers": (written(*POST, LENGTH, "COOKIE", "COOKIE", body="{}"), 400),
    "stolen cookie after the logout": (after_logout, 401),
    "foreign origin": (by("operator", origin=EVIL), 403),
    "origin without TLS": (by("operator", origin="http://gateway.example"), 403),
    "origin null": (by("operator", origin="null"), 403),
    "two origins": (
        written(*POST, LENGTH, "COOKIE", OURS, f"Origin: {EVIL}", body="{}"),
        400,
    ),
    "script of another site": (by("operator", origin=None, sec_fetch_site="cross-site"), 403),
    "script of a neighbour": (by("operator", origin=None, sec_fetch_site="same-site"), 403),
    "form of another site": (by("operator", body=b"occurrence=1", content_type=FORM), 415),
    "form that is JSON by chance": (by("operator", content_type="text/plain"), 415),
    "replayed login form": (replayed_login_form, 403),
    "oversized body": (by("operator", body=b" " * 20_000), 413),
    "body that says it is small": (by("operator", content_length="999999999999999999"), 413),
    "body in chunks": (written(*POST, "COOKIE", CHUNKED, body=CHUNK), 411),
    "chunks and a length": (
        written(*POST, LENGTH, "COOKIE", CHUNKED, body=CHUNK), 411,
    ),
    "two lengths": (written(*POST, LENGTH, "Content-Length: 9", "COOKIE", body="{}"), 400),
    "wrong host": (by("operator", host="evil.example"), 421),
    "wrong host in the target": (written(f"GET {EVIL}/api/v1/alarms", HOST, "COOKIE"), 421),
    "two hosts": (written("GET /api/v1/alarms", HOST, "Host: evil.example", "COOKIE"), 400),
    "no HTTP": (lambda room: raw(room, "\x05\x01\x00\r\n\r\n"), 400),
    "dots in the path": (by("operator", "/static/../../etc/shadow", method="GET"), 404),
    "coded dots in the path": (by("operator", "/api/v1/%2e%2e/%2e%2e/desk.sqlite", method="GET"), 404),
    "two slashes": (by("operator", "//api/v1/people", method="GET"), 404),
    "NUL in the path": (by("operator", "/api/v1/people%00", method="GET"), 404),
    "expired token": (expired_token, 401),
    "forged token": (by("", authorization="Bearer cw_" + "A" * 43), 401),
    "token of another scheme": (by("operator", authorization="Basic b3BlcmF0b3I6eA=="), 401),
    "wall screen elsewhere": (wall_from_elsewhere, 401),
    "wall screen that commands": (wall_that_commands, 403),
    "program's token at the login": (api_token_at_the_login, 401),
    "viewer that commands": (by("viewer"), 403),
    "operator that makes people": (by("operator", "/api/v1/people", {"user": "x", "name": "x", "role": "admin"}), 403),
    "admin that commands": (by("admin"), 403),
    "no JSON": (by("operator", body=b"{not json"), 400),
    "a field too much": (by("operator", body={"occurrence": 1, "command_id": "c", "role": "admin"}), 400),
    "wrong method": (by("operator", method="PUT"), 405),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_and_written_down(room: ConsoleRoom, name: str) -> None:
    send, status = BAD[name]
    assert send(room) == status
    eventually(lambda: any(row[1] in ("refused", "login") and row[3] == status for row in trail(room)), "the audit")
    assert not any(row[1] == "ack" for row in trail(room))
    assert room.get("/api/v1/alarms").json["alarms"][0]["state"] == "UNACK"


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 20


def test_a_refused_one_is_written_down_with_who_it_was(room: ConsoleRoom) -> None:
    BAD["viewer that commands"][0](room)
    assert trail(room)[-1][:4] == ("viewer", "refused", f"POST {ACK}", 403)


def test_a_page_that_is_opened_before_the_login_is_no_attempt(room: ConsoleRoom) -> None:
    assert Browser(room).get("/api/v1/me").status == 401
    assert trail(room) == []


def test_whoever_tried_a_password_is_written_down_and_the_password_is_not(room: ConsoleRoom) -> None:
    Browser(room).post("/api/v1/login", {"user": "operator", "password": "Guess-for-audit-1"})
    assert trail(room)[-1][:4] == ("operator", "login", "", 401)
    assert "Guess-for-audit-1" not in json.dumps(trail(room))


def test_refusals_do_not_fill_the_disk(room: ConsoleRoom) -> None:
    thief = Browser(room)
    for _ in range(BURST + 30):
        assert thief.post(ACK, {}, {"cookie": "__Host-cityward=x"}).status == 401
    assert len(trail(room)) == BURST
    Browser(room).as_role("operator")  # what is done is always written down
    assert [row[1] for row in trail(room)][BURST:] == ["login"]


def test_what_was_not_written_down_is_counted() -> None:
    budget = Budget()
    spent = [budget.spend("192.0.2.1", 0.0) for _ in range(BURST + 5)]
    assert spent == [0] * BURST + [None] * 5
    assert budget.spend("192.0.2.2", 0.0) == 0  # another one's attempts are
    assert budget.spend("192.0.2.1", EACH_S) == 5
    assert budget.spend("192.0.2.1", EACH_S) is None
    assert (budget.unwritten(), budget.unwritten()) == (1, 0)


def test_a_flood_from_everywhere_is_bounded_too() -> None:
    budget = Budget()
    day_s = 86_400
    rows = sum(budget.spend(f"2001:db8:{n:x}::1", n * day_s / 50_000) is not None for n in range(50_000))
    assert 200 < rows <= 200 + day_s / 60 + 1
    assert rows + budget.unwritten() == 50_000


@pytest.mark.parametrize(
    ("address", "place"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8::1:2", "2001:db8::"), ("::ffff:192.0.2.1", "192.0.2.1"), ("?", "?")],
)
def test_a_place_is_an_address_or_the_network_of_one_house(address: str, place: str) -> None:
    assert network(address) == place


def test_guesses_wait_longer_and_longer_and_are_forgotten_by_the_right_one() -> None:
    throttle, now_s, waits = Throttle(), 0.0, []
    for _ in range(20):
        wait_s = throttle.wait_s("admin", "192.0.2.1", now_s)
        waits.append(wait_s)
        now_s += wait_s
        throttle.wrong("admin", "192.0.2.1", now_s)
    assert waits[:5] == [0.0] * 5
    assert waits[5:] == sorted(waits[5:])
    assert waits[-1] == 900.0
    assert throttle.wait_s("admin", "192.0.2.9", now_s) == 0.0  # he himself, at his own desk
    throttle.right("admin", "192.0.2.1")
    assert throttle.wait_s("admin", "192.0.2.1", now_s + 900) == 0.0


def test_wrong_guesses_are_forgiven_in_time() -> None:
    """Twenty desks behind one address mistype something each hour, for a year: nobody waits."""
    throttle = Throttle()
    for hour in range(365 * 24):
        assert throttle.wait_s("operator", "192.0.2.1", hour * 3600.0) == 0.0
        throttle.wrong("operator", "192.0.2.1", hour * 3600.0)


def test_guesses_of_many_names_from_one_place_wait_too() -> None:
    throttle = Throttle()
    for n in range(20):
        assert throttle.wait_s(f"user-{n}", "192.0.2.1", 0.0) == 0.0
        throttle.wrong(f"user-{n}", "192.0.2.1", 0.0)
    assert throttle.wait_s("another", "192.0.2.1", 0.0) > 0


def test_a_house_of_people_who_log_in_rightly_never_waits() -> None:
    throttle = Throttle()
    for n in range(500):
        assert throttle.wait_s(f"user-{n}", "192.0.2.1", 0.0) == 0.0
        throttle.wrong(f"user-{n}", "192.0.2.1", 0.0)
        throttle.right(f"user-{n}", "192.0.2.1")
