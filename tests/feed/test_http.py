"""The API over real connections."""

import http.client
import os
import pwd
import re
import socket
import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from feed.behind import Reloaded
from feed.desk import Audited
from feed.http.doors import FeedError, bind_socket, bind_tcp
from feed.http.server import FeedServer
from feed.vitals import Latency, Vitals
from tests.feed.room import GATEWAY, Reply, Room, eventually, tilted

ALARM = "cover-tilted@mh-0114/tilt_deg"
ME = pwd.getpwuid(os.getuid()).pw_name


def audit(room: Room) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(room.state / "desk.sqlite")
    rows = db.execute("select who, via, what, target, command, comment, status from audit order by number").fetchall()
    db.close()
    return rows


# ------------------------------------------------------------------------------------------------------ alarms


def test_an_alarm_comes_and_goes(room: Room) -> None:
    cover = tilted()
    room.tell(cover)
    eventually(lambda: room.alarm_ids() == [ALARM])
    cover.active = False
    room.tell(cover, kind="returned")
    eventually(lambda: room.get("/api/v1/alarms").json["alarms"][0]["state"] == "RTN_UNACK")
    assert room.command(ALARM, occurrence=cover.occurrence).status == 200
    eventually(lambda: room.alarm_ids() == [])


def test_what_was_told_before_the_start_is_shown(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.tell(tilted("a"), tilted("b"))
    with room:
        page = room.get("/api/v1/alarms").json
        assert [alarm["device"] for alarm in page["alarms"]] == ["a", "b"]
        assert page["position"] == f"{room.book.feed_id}-2"
        assert page["gateway"] == GATEWAY


def test_pages_give_every_alarm_once(room: Room) -> None:
    room.tell(*[tilted(f"mh-{n:04}") for n in range(25)])
    eventually(lambda: len(room.alarm_ids()) == 25)
    seen, path = [], "/api/v1/alarms?limit=10"
    for size in (10, 10, 5):
        page = room.get(path).json
        seen += [alarm["device"] for alarm in page["alarms"]]
        assert len(page["alarms"]) == size
        path = f"/api/v1/alarms?limit=10&after={page['next']}"
    assert page["next"] is None
    assert seen == [f"mh-{n:04}" for n in range(25)]


def test_events_by_pages_until_nothing_is_missing(room: Room) -> None:
    room.many(25)
    eventually(lambda: room.hub.last == 25)
    numbers, position = [], ""
    while True:
        page = room.get(f"/api/v1/events?limit=10{position and '&after=' + position}").json
        numbers += [event["number"] for event in page["events"]]
        position = page["position"]
        if position == page["last"]:
            break
    assert numbers == list(range(1, 26))
    assert room.get(f"/api/v1/events?after={position}").json["events"] == []


@pytest.mark.parametrize("after", ["elsewhere-3", "{feed}-26"])
def test_a_foreign_position_gets_a_full_picture(room: Room, after: str) -> None:
    room.many(25)
    eventually(lambda: room.hub.last == 25)
    after = after.format(feed=room.hub.feed)
    for path in (f"/api/v1/events?after={after}", f"/api/v1/events/stream?after={after}"):
        gone = room.get(path)
        assert (gone.status, gone.problem) == (410, "position-gone")
        fresh = room.get("/api/v1/alarms").json
        assert {name: gone.json[name] for name in fresh} == fresh
    assert room.get("/api/v1/events/stream", {"Last-Event-ID": after}).status == 410
    assert room.get(f"/api/v1/events?after={gone.json['position']}").json["events"] == []


@pytest.mark.parametrize("after", ["5", "", "nonsense", "-3", "a-03", "%00"])
def test_what_was_never_a_position_is_a_wrong_request(room: Room, after: str) -> None:
    """A 410 would send a whole picture to a program that has only mistyped something."""
    for path in (f"/api/v1/events?after={after}", f"/api/v1/events/stream?after={after}"):
        refused = room.get(path)
        assert (refused.status, refused.problem) == (400, "wrong-request")
        assert refused.json["errors"][0]["where"] == "after"
    if after not in ("", "%00"):
        assert room.get("/api/v1/events/stream", {"Last-Event-ID": after}).status == 400


@pytest.mark.parametrize("keep", [10, 0])
def test_a_position_is_too_old_when_the_book_has_moved_on(room: Room, keep: int) -> None:
    room.many(25)
    room.book._db.execute("delete from events where number <= ?", (25 - keep,))
    room.restart()  # with nothing in memory
    feed = room.hub.feed
    assert room.get(f"/api/v1/events?after={feed}-{24 - keep}").problem == "position-gone"
    page = room.get(f"/api/v1/events?after={feed}-{25 - keep}").json
    assert len(page["events"]) == keep
    assert room.get("/api/v1/events").json == page


# ---------------------------------------------------------------------------------------------------- commands


def test_an_acknowledgement_is_answered_and_audited(room: Room) -> None:
    cover = tilted(latched=True)
    room.tell(cover)
    answer = room.command(ALARM, occurrence=cover.occurrence, comment="去看过了")
    assert (answer.status, answer.json["state"]) == (200, "ACKED")
    assert audit(room) == [("张三", "http 127.0.0.1", "ack", f"{ALARM}#{cover.occurrence}", "c-1", "去看过了", 200)]
    event = room.get("/api/v1/events").json["events"][-1]
    assert (event["kind"], event["user"], event["comment"]) == ("acknowledged", "张三", "去看过了")


def test_the_slash_of_an_id_may_be_encoded(room: Room) -> None:
    cover = tilted()
    room.tell(cover)
    assert room.command("cover-tilted%40mh-0114%2Ftilt_deg", occurrence=cover.occurrence).status == 200


def test_an_older_occurrence_is_a_conflict(room: Room) -> None:
    cover = tilted()
    room.tell(cover)
    refused = room.command(ALARM, occurrence=cover.occurrence - 1)
    assert (refused.status, refused.problem) == (409, "changed-since")
    assert audit(room)[0][-1] == 409


def test_a_latch_is_reset_when_the_condition_has_gone(room: Room) -> None:
    cover = tilted(latched=True, acknowledged=True)
    room.tell(cover)
    refused = room.command(ALARM, "reset", occurrence=cover.occurrence, command_id="early")
    assert (refused.status, refused.problem) == (422, "still-there")
    cover.active = False
    room.tell(cover, kind="returned")
    assert room.command(ALARM, "reset", occurrence=cover.occurrence, command_id="later").json["state"] == "NORMAL"
    eventually(lambda: room.alarm_ids() == [])


@pytest.mark.parametrize("alarm", ["never@anything", "a" * 600, "%00@%ff", "报警@x"])
def test_no_such_alarm(room: Room, alarm: str) -> None:
    assert (
        room.command(alarm.encode().decode("latin-1") if alarm.isascii() else "%E6%8A%A5@x").problem == "no-such-alarm"
    )


def test_the_same_command_twice_is_done_once(room: Room) -> None:
    cover = tilted()
    room.tell(cover)
    first = room.command(ALARM, occurrence=cover.occurrence)
    assert room.command(ALARM, occurrence=cover.occurrence).json == first.json
    eventually(lambda: room.hub.last == 2)


@pytest.mark.parametrize(
    ("kind", "other"),
    [("reset", {}), ("ack", {"user": "李四"}), ("ack", {"comment": "去看过了"}), ("ack", {"occurrence": 1})],
)
def test_the_id_of_another_command_does_nothing_and_says_so(room: Room, kind: str, other: dict[str, Any]) -> None:
    cover = tilted(latched=True)
    room.tell(cover)
    assert room.command(ALARM, occurrence=cover.occurrence).status == 200
    cover.active = False
    room.tell(cover, kind="returned")
    refused = room.command(ALARM, kind, **({"occurrence": cover.occurrence} | other))
    assert (refused.status, refused.problem) == (422, "another-command")
    assert room.get("/api/v1/alarms").json["alarms"][0]["state"] == "LATCHED"
    assert [row[-1] for row in audit(room)] == [200, 422]


def test_a_pipeline_that_does_not_answer_is_said_to_be_silent(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.http.asking.ANSWER_S", 0.05)
    room.silent = True
    late = room.command(ALARM)
    assert (late.status, late.problem) == (504, "no-answer-yet")
    assert audit(room)[0][-1] == 504


def test_a_broken_desk_does_not_undo_what_has_happened(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Audited) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(room.server._desk, "audit", full)
    cover = tilted()
    room.tell(cover)
    assert room.command(ALARM, occurrence=cover.occurrence).status == 200


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.occurrence"),
        ({"occurrence": "7", "command_id": "c", "user": "a"}, "body.occurrence"),
        ({"occurrence": -1, "command_id": "c", "user": "a"}, "body.occurrence"),
        ({"occurrence": 10**30, "command_id": "c", "user": "a"}, "body.occurrence"),
        ({"occurrence": 7, "command_id": "", "user": "a"}, "body.command_id"),
        ({"occurrence": 7, "command_id": "c", "user": "a\nb"}, "body.user"),
        ({"occurrence": 7, "command_id": "c", "user": "\ud800"}, "body.user"),
        ({"occurrence": 7, "command_id": "c", "user": "a", "comment": "x" * 1001}, "body.comment"),
        ({"occurrence": 7, "command_id": "c", "user": "a", "comment": "\udfff"}, "body.comment"),
        ({"occurrence": 7, "command_id": "c", "user": "a", "shelve": True}, "body.shelve"),
        ({"occurrence": 7, "command_id": "c"}, "user"),
        ([], "body"),
        (None, "body"),
    ],
)
def test_a_wrong_command_is_told_where(room: Room, body: object, where: str) -> None:
    wrong = room.post(f"/api/v1/alarms/{ALARM}/ack", body)
    assert (wrong.status, wrong.problem) == (400, "wrong-request")
    assert where in [error["where"] for error in wrong.json["errors"]]
    for error in wrong.json["errors"]:
        assert error["text"]["en"] == error["what"]
        assert re.search(r"[一-鿿]", error["text"]["zh"])
        assert error["text"]["zh"] in wrong.json["text"]["zh"]
        assert error["text"]["en"] not in wrong.json["text"]["zh"]
    target = f"POST /api/v1/alarms/{ALARM}/ack"
    assert audit(room) == [("", "http 127.0.0.1", "refused", target, "", "", 400)]


# -------------------------------------------------------------------------------------------- the Unix socket


def test_over_the_socket_the_os_user_is_the_actor(room: Room) -> None:
    cover = tilted()
    room.tell(cover)
    body = b'{"user": "somebody else", "occurrence": %d, "command_id": "c"}' % cover.occurrence
    headers = {"content-type": "application/json"}
    answer = room.ask_http("POST", f"/api/v1/alarms/{ALARM}/ack", body, headers, unix=True)
    assert answer.status == 200
    assert audit(room)[0][:2] == (ME, f"socket:uid {os.getuid()}")


def test_the_socket_is_for_the_service_and_its_group(room: Room) -> None:
    assert stat.S_IMODE(room.server.socket_path.stat().st_mode) == 0o660


def test_reload_over_the_socket_only(room: Room) -> None:
    assert room.post("/api/v1/reload", {}).problem == "socket-only"
    done = room.ask_http("POST", "/api/v1/reload", unix=True)
    assert (done.status, done.json) == (200, {"accepted": True, "hash": "3f9c", "problems": [], "differs": False})
    room.reloaded = Reloaded(accepted=False, hash="3f9c", problems=["rules.d/a.yaml:3:5: no such kind"])
    refused = room.ask_http("POST", "/api/v1/reload", unix=True)
    assert (refused.status, refused.problem) == (422, "wrong-configuration")
    assert refused.json["problems"] == ["rules.d/a.yaml:3:5: no such kind"]
    done_by = [(row[0], row[2], row[-1]) for row in audit(room)]
    assert done_by == [
        ("", "refused", 403), (ME, "reload", 0), (ME, "reload", 200), (ME, "reload", 0), (ME, "reload", 422)
    ]  # fmt: skip


def test_a_socket_that_a_dead_process_left_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "run" / "s.sock"
    bind_socket(path).close()  # closed without being removed
    bind_socket(path).close()


def test_a_socket_that_is_answered_is_not_taken(room: Room) -> None:
    with pytest.raises(FeedError, match="another cityward answers"):
        bind_socket(room.server.socket_path)
    assert room.ask_http("GET", "/healthz", unix=True).status == 200


def test_what_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(FeedError, match="is no socket"):
        bind_socket(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "gateway.example"])  # noqa: S104 - refused
def test_without_login_only_loopback(host: str) -> None:
    with pytest.raises(FeedError, match="no login here"):
        bind_tcp(host, 8480)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_loopback_has_many_names(host: str) -> None:
    bind_tcp(host, 0).close()


def test_a_port_that_is_taken_is_named(room: Room, tmp_path: Path) -> None:
    other = Room(tmp_path / "other", listen=f"127.0.0.1:{room.server.port}")
    with pytest.raises(FeedError, match=str(room.server.port)):
        other.server.start()
    other.server.stop(1)
    other.book.close()


def test_a_feed_without_a_book_does_not_start(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.book.close()
    for file in tmp_path.glob("book*"):
        file.unlink()
    with pytest.raises(sqlite3.OperationalError):
        room.server.start()
    eventually(lambda: not room.server.running)


# ----------------------------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::2]"])
def test_a_foreign_name_is_not_ours(room: Room, host: str) -> None:
    assert room.get("/api/v1/alarms", {"Host": host}).problem == "foreign-host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]:8480"])
def test_our_names(room: Room, host: str) -> None:
    assert room.get("/api/v1/alarms", {"Host": host}).status == 200


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"Origin": "http://evil.example"}, "foreign-page"),
        ({"Origin": "null"}, "foreign-page"),
        ({"Origin": "http://127.0.0.1:1"}, "foreign-page"),  # another program on this machine
        ({"Origin": "https://127.0.0.1:{port}"}, "foreign-page"),
        ({"Sec-Fetch-Site": "cross-site"}, "foreign-page"),
        ({"Sec-Fetch-Site": "same-site"}, "foreign-page"),
        ({"content-type": "text/plain"}, "json-only"),
        ({"content-type": "application/x-www-form-urlencoded"}, "json-only"),
        ({"Content-Length": "16385"}, "too-large"),
        ({"Content-Length": "9" * 20}, "too-large"),
        ({"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}, "no-such-alarm"),
        ({"content-type": "application/json; charset=utf-8"}, "no-such-alarm"),
    ],
)
def test_who_may_command(room: Room, headers: dict[str, str], word: str) -> None:
    headers = {name: value.format(port=room.server.port) for name, value in headers.items()}
    assert (
        room.post("/api/v1/alarms/a@b/ack", {"user": "a", "occurrence": 1, "command_id": "c"}, headers).problem == word
    )


def test_a_body_in_chunks_is_refused(room: Room) -> None:
    connection = room._connection(unix=False)
    connection.request("POST", "/api/v1/alarms/a@b/ack", iter([b"{}"]), {"content-type": "application/json"})
    assert connection.getresponse().status == 411
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("GET", "/api/v1/nothing", "no-such-page"),
        ("GET", "/../../etc/passwd", "no-such-page"),
        ("GET", "/static/app.js", "no-such-page"),
        ("GET", "/docs", "no-such-page"),
        ("DELETE", "/api/v1/alarms", "wrong-method"),
        ("GET", "/api/v1/reload", "wrong-method"),
        ("GET", "/api/v1/alarms?limit=501", "wrong-request"),
        ("GET", "/api/v1/alarms?limit=x", "wrong-request"),
        ("GET", "/api/v1/events?limit=0", "wrong-request"),
    ],
)
def test_every_refusal_is_a_problem(room: Room, method: str, path: str, word: str) -> None:
    headers = {"content-type": "application/json"} if method != "GET" else {}
    assert room.ask_http(method, path, headers=headers).problem == word


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/events", "GET"),
        ("PUT", "/", "GET, HEAD"),
        ("POST", "/api/v1/alarms", "GET"),
        ("GET", "/api/v1/reload", "POST"),
        ("DELETE", f"/api/v1/alarms/{ALARM}/reset", "POST"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}], ids=["bare", "json"])
def test_a_wrong_method_is_told_the_right_one(
    room: Room, method: str, path: str, allowed: str, headers: dict[str, str]
) -> None:
    refused = room.ask_http(method, path, headers=headers)
    assert (refused.status, refused.problem) == (405, "wrong-method")
    assert refused.headers["allow"] == allowed
    assert refused.json["detail"].endswith(f"takes {allowed} only")


def test_a_foreign_page_may_not_even_ask_for_the_method(room: Room) -> None:
    assert room.ask_http("DELETE", "/api/v1/events", headers={"Origin": "http://evil.example"}).status == 403


@pytest.mark.parametrize(
    ("sent", "status", "word"),
    [
        (b"GET /api/v1/alarms HTTP/1.1\r\n\r\n", 400, "broken-http"),
        (b"GET /api/v1/alarms HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, "broken-http"),
        (b"no http at all\r\n\r\n", 400, "broken-http"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n", 400, "broken-http"),
        (b"GET http://localhost:8480/api/v1/alarms?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n", 200, ""),
        (b"GET http://127.0.0.1 HTTP/1.1\r\nHost: x\r\n\r\n", 200, ""),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, "foreign-host"),
        (b"GET http:%2f%2flocalhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "no-such-page"),
    ],
)
def test_the_first_lines_of_a_request(room: Room, sent: bytes, status: int, word: str) -> None:
    with socket.create_connection(("127.0.0.1", room.server.port), timeout=10) as wire:
        wire.sendall(sent)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        reply = Reply(answer.status, headers, answer.read())
    assert reply.status == status
    assert not word or reply.problem == word


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_long_path_is_not_sent_back(room: Room, method: str) -> None:
    path = "/x/" + "y" * 100_000 if method == "GET" else f"/api/v1/alarms/{'y' * 100_000}/ack"
    assert len(room.ask_http(method, path).body) < 2_000


def test_every_answer_is_guarded(room: Room) -> None:
    for path in ("/", "/app.js", "/api/v1/alarms", "/nothing", "/metrics"):
        headers = room.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert not any(name.startswith("access-control") for name in headers)
        assert "server" not in headers


# ------------------------------------------------------------------------------------------------ how it is


def test_health_readiness_and_metrics(room: Room) -> None:
    room.tell(tilted())
    assert (room.get("/healthz").status, room.get("/readyz").status) == (200, 200)
    room.vitals = Vitals(idle_s=31, reconciled=True)
    assert (room.get("/healthz").status, room.get("/readyz").status) == (503, 503)
    room.vitals = Vitals(
        idle_s=0,
        reconciled=False,
        sources={"lora": {"received": 7, "dropped": 2}},
        refused={"checksum": 3},
        latency=Latency(buckets=((0.005, 1), (float("inf"), 4)), sum_s=0.5),
        journal_bytes=4096,
        backlog_bytes=17,
        queue=5,
    )
    assert (room.get("/healthz").status, room.get("/readyz").status) == (200, 503)
    lines = room.get("/metrics").body.decode().splitlines()
    for line in (
        'cityward_frames_total{source="lora"} 7.0',
        'cityward_door_total{source="lora",what="dropped"} 2.0',
        'cityward_refused_total{reason="checksum"} 3.0',
        "cityward_events_total 1.0",
        'cityward_latency_seconds_bucket{le="+Inf"} 4.0',
        "cityward_journal_bytes 4096.0",
        "cityward_backlog_bytes 17.0",
        "cityward_queue_records 5.0",
        "cityward_ready 0.0",
    ):
        assert line in lines
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


def test_a_defect_is_a_problem_too(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Vitals:
        raise RuntimeError("nobody expected this")

    monkeypatch.delattr(room, "vitals")
    monkeypatch.setattr(Room, "vitals", property(broken), raising=False)
    assert room.get("/healthz").problem == "defect"


def test_a_stop_does_not_wait_for_those_who_read(room: Room) -> None:
    wire = socket.create_connection(("127.0.0.1", room.server.port))
    wire.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert wire.recv(4096)
    stopping = threading.Thread(target=room.server.stop, args=(5,))
    stopping.start()
    stopping.join(3)
    assert not stopping.is_alive()
    assert not room.server.running
    assert not room.server.socket_path.exists()
    wire.close()
    room.tell(tilted())  # the pipeline goes on


def test_stop_without_start(tmp_path: Path) -> None:
    room = Room(tmp_path)
    server: FeedServer = room.server
    server.stop(1)
    assert not server.running
    room.book.close()
