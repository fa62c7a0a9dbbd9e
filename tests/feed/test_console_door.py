"""People at the console: they log in, do what they may, and are sent away."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from feed.http.access import MAY, Role
from feed.http.doors import FeedError
from feed.people import IDLE_MS, SHIFT_MS
from tests.feed.console import PASSWORD, ROLES, Browser, ConsoleRoom
from tests.feed.room import DEADLINE_S, eventually, tilted

ALARM = "cover-tilted@mh-0114/tilt_deg"
NEW = "Another-horse-8"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        yield opened


def later(room: ConsoleRoom, ms: int) -> None:
    """Let time pass for people and sessions."""
    past = room.server.people._now_ms
    room.server.people._now_ms = lambda: past() + ms


@pytest.mark.parametrize("console", ["0.0.0.0", "127.0.0.1"])  # noqa: S104 - as it is by default
@pytest.mark.parametrize("ours", [True, False], ids=["the feed's", "another's"])
def test_a_console_whose_port_is_taken_is_a_sentence(tmp_path: Path, console: str, *, ours: bool) -> None:
    """By the feed itself, or by another program."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        if ours:
            other.close()
        room = ConsoleRoom(tmp_path, listen=f"{console}:{port}")
        room.settings = room.settings.model_copy(update={"listen": f"127.0.0.1:{port}"} if ours else {})
        room.server._settings = room.settings
        with pytest.raises(FeedError, match=rf"^http.console: cannot listen on {console}:{port} "):
            room.server.start()
        room.book.close()


def test_nobody_sees_anything_before_the_login(room: ConsoleRoom) -> None:
    somebody = Browser(room)
    assert somebody.get("/").status == 200
    assert somebody.get("/healthz").status == 200
    for path in ("/api/v1/alarms", "/api/v1/me", "/api/v1/events/stream", "/metrics", "/api/v1/openapi.json"):
        refused = somebody.get(path)
        assert (refused.status, refused.problem) == (401, "not-known")


@pytest.mark.parametrize("role", ROLES)
def test_who_has_logged_in_is_told_what_he_may(room: ConsoleRoom, role: Role) -> None:
    me = Browser(room).as_role(role).get("/api/v1/me").json
    assert me == {
        "user": role, "name": role.title(), "role": role, "door": "console", "may": sorted(MAY[role]),
        "language": "zh", "idle_s": None if role in ("viewer", "operator") else 1800, "must_change": False,
        "locked": False,
    }  # fmt: skip


def test_a_command_is_given_in_the_name_of_who_has_logged_in(room: ConsoleRoom) -> None:
    cover = tilted()
    room.tell(cover)
    operator = Browser(room).as_role("operator")
    body = {"user": "somebody else", "occurrence": cover.occurrence, "command_id": "c-1"}
    assert operator.post(f"/api/v1/alarms/{ALARM}/ack", body).status == 200
    trail = Browser(room).as_role("auditor").get("/api/v1/audit?what=ack").json["entries"]
    assert [(each["who"], each["via"], each["status"]) for each in trail] == [("operator", "https 127.0.0.1", 200)]


def test_a_wrong_password_says_nothing_of_who_there_is(room: ConsoleRoom) -> None:
    there, absent = Browser(room), Browser(room)
    wrong = [
        each.post("/api/v1/login", {"user": user, "password": "x"})
        for each, user in ((there, "admin"), (absent, "nobody"))
    ]
    assert [reply.status for reply in wrong] == [401, 401]
    assert wrong[0].body == wrong[1].body
    assert there.cookie == absent.cookie == ""


def test_who_guesses_waits_and_others_do_not(room: ConsoleRoom) -> None:
    thief = Browser(room)
    guesses = [thief.post("/api/v1/login", {"user": "operator", "password": f"guess {n}"}) for n in range(6)]
    assert [reply.status for reply in guesses] == [401] * 5 + [429]
    assert int(guesses[-1].headers["retry-after"]) >= 1
    assert thief.post("/api/v1/login", {"user": "operator", "password": PASSWORD}).status == 429
    Browser(room).as_role("engineer")


def test_names_are_the_same_however_they_are_typed(room: ConsoleRoom) -> None:
    somebody = Browser(room)
    assert somebody.post("/api/v1/login", {"user": " ＯPERATOR ", "password": PASSWORD}).status == 200
    assert somebody.get("/api/v1/me").json["user"] == "operator"


def test_a_logout_ends_the_session_also_for_a_thief_of_the_cookie(room: ConsoleRoom) -> None:
    operator, thief = Browser(room).as_role("operator"), Browser(room)
    thief.cookie = operator.cookie
    assert thief.get("/api/v1/alarms").status == 200
    assert operator.post("/api/v1/logout").status == 200
    assert operator.cookie == ""
    assert thief.get("/api/v1/alarms").status == 401
    assert thief.cookie == ""  # a browser is told to forget it


def test_a_login_ends_the_session_before_it(room: ConsoleRoom) -> None:
    operator, former = Browser(room).as_role("operator"), Browser(room)
    former.cookie = operator.cookie
    operator.as_role("operator")
    assert operator.cookie != former.cookie
    assert former.get("/api/v1/alarms").status == 401


def test_a_session_ends_with_the_shift(room: ConsoleRoom) -> None:
    operator = Browser(room).as_role("operator")
    later(room, SHIFT_MS - 60_000)
    assert operator.get("/api/v1/alarms").status == 200
    later(room, 60_000)
    assert operator.get("/api/v1/alarms").status == 401


def test_an_idle_engineer_is_locked_and_goes_on_with_his_password(room: ConsoleRoom) -> None:
    engineer, operator = Browser(room).as_role("engineer"), Browser(room).as_role("operator")
    later(room, IDLE_MS)
    assert operator.get("/api/v1/alarms").status == 200
    locked = engineer.get("/api/v1/alarms")
    assert (locked.status, locked.problem) == (423, "locked")
    assert engineer.get("/api/v1/me").json["locked"]
    assert engineer.post("/api/v1/me/unlock", {"password": "x"}).problem == "wrong-password"
    assert engineer.get("/api/v1/alarms").status == 423
    assert engineer.post("/api/v1/me/unlock", {"password": PASSWORD}).status == 200
    assert engineer.get("/api/v1/alarms").status == 200


def test_a_page_that_asks_by_itself_keeps_nobody_from_being_idle(room: ConsoleRoom) -> None:
    engineer = Browser(room).as_role("engineer")
    for _ in range(3):
        later(room, IDLE_MS // 3)
        engineer.get("/api/v1/alarms", {"x-cityward-idle": "1"})
    assert engineer.get("/api/v1/alarms").status == 423
    engineer.post("/api/v1/me/unlock", {"password": PASSWORD})
    for _ in range(3):
        later(room, IDLE_MS // 2)
        assert engineer.get("/api/v1/alarms").status == 200


def test_after_a_restart_sessions_go_on_and_engineers_are_asked_again(tmp_path: Path) -> None:
    with ConsoleRoom(tmp_path) as room:
        operator, engineer = Browser(room).as_role("operator"), Browser(room).as_role("engineer")
    with ConsoleRoom(tmp_path) as room:
        operator.room = engineer.room = room
        room.browsers += (operator, engineer)
        assert operator.get("/api/v1/alarms").status == 200
        assert engineer.get("/api/v1/alarms").status == 423


def test_a_one_time_password_opens_nothing_but_its_change(room: ConsoleRoom) -> None:
    admin = Browser(room).as_role("admin")
    made = admin.post("/api/v1/people", {"user": "张三", "name": "张三", "role": "operator"}).json
    somebody = Browser(room)
    assert somebody.post("/api/v1/login", {"user": "张三", "password": made["password"]}).json["must_change"]
    assert somebody.get("/api/v1/alarms").problem == "must-change"
    for new, word in (
        (made["password"], "weak-password"),
        ("short", "weak-password"),
        ("onlysmallletters"[:12], "weak-password"),
    ):
        assert somebody.post("/api/v1/me/password", {"old": made["password"], "new": new}).problem == word
    assert somebody.post("/api/v1/me/password", {"old": "wrong", "new": NEW}).problem == "wrong-password"
    former = somebody.cookie
    assert somebody.post("/api/v1/me/password", {"old": made["password"], "new": NEW}).status == 200
    assert somebody.cookie != former
    assert somebody.get("/api/v1/alarms").status == 200
    assert Browser(room).post("/api/v1/login", {"user": "张三", "password": made["password"]}).status == 401


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"disabled": True}, {"password": NEW}, {"reset": True}])
def test_another_role_or_password_or_being_disabled_ends_what_is_open(
    room: ConsoleRoom, change: dict[str, object]
) -> None:
    operator, admin = Browser(room).as_role("operator"), Browser(room).as_role("admin")
    assert admin.ask("PATCH", "/api/v1/people/operator", {"name": "王五"}).status == 200
    assert operator.get("/api/v1/me").json["name"] == "王五"
    assert admin.ask("PATCH", "/api/v1/people/operator", change).status == 200
    assert operator.get("/api/v1/alarms").status == 401


def test_the_last_administrator_stays(room: ConsoleRoom) -> None:
    admin = Browser(room).as_role("admin")
    for change in ({"disabled": True}, {"role": "viewer"}):
        assert admin.ask("PATCH", "/api/v1/people/admin", change).problem == "last-admin"
    assert admin.get("/api/v1/people").status == 200


def test_a_stream_ends_when_its_reader_has_logged_out(room: ConsoleRoom) -> None:
    operator = Browser(room).as_role("operator")
    raw = socket.create_connection(("127.0.0.1", room.server.console_port), timeout=DEADLINE_S)
    with operator.tls.wrap_socket(raw, server_hostname="gateway.example") as wire:
        cookie = f"Cookie: __Host-cityward={operator.cookie}\r\n"
        wire.sendall(f"GET /api/v1/events/stream HTTP/1.1\r\nHost: gateway.example\r\n{cookie}\r\n".encode())
        assert b"200 OK" in wire.recv(4096)
        operator.post("/api/v1/logout")
        room.tell(tilted())
        rest = b""
        try:
            while chunk := wire.recv(4096):
                rest += chunk
        except (ConnectionResetError, ssl.SSLEOFError):
            pass
    assert b"cover-tilted" not in rest


def test_one_login_cannot_take_all_streams(room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.http.stream.MOST_OF_ONE", 2)
    operator, engineer = Browser(room).as_role("operator"), Browser(room).as_role("engineer")
    wires = [following(room, operator) for _ in range(2)]
    assert operator.get("/api/v1/events/stream").problem == "too-many-streams"
    wires.append(following(room, engineer))  # another's is not taken
    for wire in wires[:2]:
        wire.close()
    eventually(lambda: b"cityward_streams 1.0" in room.get("/metrics").body)
    wires.append(following(room, operator))
    for wire in wires[2:]:
        wire.close()


def test_one_person_cannot_take_all_streams_however_often_he_logs_in(
    room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feed.http.stream.MOST_OF_ONE", 2)
    logins = [Browser(room).as_role("viewer") for _ in range(3)]
    wires = [following(room, each) for each in logins[:2]]
    assert logins[2].get("/api/v1/events/stream").problem == "too-many-streams"
    for wire in wires:
        wire.close()


def test_who_only_looks_leaves_some_streams_for_those_who_answer_alarms(
    room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feed.http.stream.MOST_STREAMS", 4)
    monkeypatch.setattr("feed.http.stream.KEPT", 2)
    viewer, operator = Browser(room).as_role("viewer"), Browser(room).as_role("operator")
    wires = [following(room, viewer) for _ in range(2)]
    assert viewer.get("/api/v1/events/stream").problem == "too-many-streams"
    wires += [following(room, operator) for _ in range(2)]
    assert operator.get("/api/v1/events/stream").problem == "too-many-streams"
    for wire in wires:
        wire.close()


def following(room: ConsoleRoom, browser: Browser) -> ssl.SSLSocket:
    """Open a stream, and leave it open."""
    raw = socket.create_connection(("127.0.0.1", room.server.console_port), timeout=DEADLINE_S)
    wire = browser.tls.wrap_socket(raw, server_hostname="gateway.example")
    cookie = f"Cookie: __Host-cityward={browser.cookie}\r\n"
    wire.sendall(f"GET /api/v1/events/stream HTTP/1.1\r\nHost: gateway.example\r\n{cookie}\r\n".encode())
    assert b"200 OK" in wire.recv(4096)
    return wire


def test_beside_a_console_loopback_may_only_see(room: ConsoleRoom) -> None:
    cover = tilted()
    room.tell(cover)
    assert room.get("/api/v1/alarms").status == 200
    assert room.command(ALARM, occurrence=cover.occurrence).problem == "not-allowed"
    me = room.get("/api/v1/me").json
    assert (me["door"], me["user"], me["may"]) == ("local", "", ["open", "see", "self"])


def test_an_operator_resets_with_his_password_and_an_engineer_without(room: ConsoleRoom) -> None:
    for role, password, word in (
        ("operator", None, "password-needed"),
        ("operator", "x", "wrong-password"),
        ("operator", PASSWORD, ""),
        ("engineer", None, ""),
    ):
        cover = tilted(f"mh-{role}", latched=True, acknowledged=True, active=False)
        room.tell(cover)
        body = {"occurrence": cover.occurrence, "command_id": f"{role}-{password}"} | (
            {"password": password} if password else {}
        )
        reply = Browser(room).as_role(role).post(f"/api/v1/alarms/{cover.id}/reset", body)
        assert (reply.status == 200) if not word else (reply.problem == word)


def test_twenty_at_once_log_in(room: ConsoleRoom) -> None:
    """One password is computed at a time: those who come together wait, and who comes too many is told when to come."""
    seen: list[int] = []

    def come() -> None:
        seen.append(Browser(room).post("/api/v1/login", {"user": "viewer", "password": PASSWORD}).status)

    crowd = [threading.Thread(target=come) for _ in range(20)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join(DEADLINE_S)
    assert set(seen) <= {200, 429}
    assert seen.count(200) >= 5
    eventually(lambda: Browser(room).post("/api/v1/login", {"user": "viewer", "password": PASSWORD}).status == 200)
