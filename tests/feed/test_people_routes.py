"""People, tokens and handovers, as administrators and shifts use them."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import argon2
import pytest

from feed import people_passwords
from feed.audit_export import export, verify
from feed.desk import system_ms
from feed.http import handover
from feed.people import MOST_SESSIONS, Person
from rules.records import Alarm, Text
from tests.feed.console import BY, PASSWORD, Browser, ConsoleRoom
from tests.feed.room import NOW_MS, eventually, tilted


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        yield opened


@pytest.fixture
def admin(room: ConsoleRoom) -> Browser:
    return Browser(room).as_role("admin")


def soon(hours: int = 1) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def trail(room: ConsoleRoom, what: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = Browser(room).as_role("auditor").get(f"/api/v1/audit?what={what}").json["entries"]
    return entries


# ----------------------------------------------------------------------------------------------------- people


def test_somebody_is_added_changed_and_disabled_and_the_audit_says_all(room: ConsoleRoom, admin: Browser) -> None:
    made = admin.post("/api/v1/people", {"user": "Li.Si", "name": "李四", "role": "viewer", "password": PASSWORD})
    assert made.json == {
        "user": "li.si", "name": "李四", "role": "viewer", "language": "zh", "must_change": True, "disabled": False,
        "password": None,
    }  # fmt: skip
    assert admin.ask("PATCH", "/api/v1/people/li.si", {"role": "engineer", "language": "en"}).status == 200
    assert admin.ask("PATCH", "/api/v1/people/li.si", {"disabled": True}).json["disabled"]
    assert [each["user"] for each in admin.get("/api/v1/people").json["people"]].count("li.si") == 1
    last, change, first = trail(room, "person")
    assert (first["who"], first["target"], first["before"]) == ("admin", "li.si", "")
    assert json.loads(change["before"])["role"] == "viewer"
    assert json.loads(change["after"])["role"] == "engineer"
    assert json.loads(last["after"])["disabled"] is True
    assert PASSWORD not in json.dumps([first, change, last])
    assert "argon2" not in json.dumps([first, change, last])


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"user": "operator", "name": "x", "role": "viewer"}, 422, "taken"),
        ({"user": "OPERATOR", "name": "x", "role": "viewer"}, 422, "taken"),
        ({"user": "x", "name": "x", "role": "king"}, 400, "wrong-request"),
        ({"user": "token:x", "name": "x", "role": "viewer"}, 400, "wrong-request"),
        ({"user": "a b", "name": "x", "role": "viewer"}, 400, "wrong-request"),
        ({"user": "x" * 65, "name": "x", "role": "viewer"}, 400, "wrong-request"),
        ({"user": "x", "name": "\n", "role": "viewer"}, 400, "wrong-request"),
        ({"user": "zhangsan", "name": "x", "role": "viewer", "password": "Short-1"}, 422, "weak-password"),
        ({"user": "zhangsan", "name": "x", "role": "viewer", "password": "Zhangsan-2026"}, 422, "weak-password"),
        ({"user": "zhangsan", "name": "x", "role": "viewer", "password": "aA1aA1aA1aA1"}, 422, "weak-password"),
        ({"user": "zhangsan", "name": "x", "role": "viewer", "password": "y" * 129}, 400, "wrong-request"),
    ],
)
def test_who_cannot_be_added(admin: Browser, body: dict[str, str], status: int, word: str) -> None:
    refused = admin.post("/api/v1/people", body)
    assert (refused.status, refused.problem) == (status, word)


def test_nobody_of_that_name(admin: Browser) -> None:
    assert admin.ask("PATCH", "/api/v1/people/nobody", {"disabled": True}).problem == "no-such-person"


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("Abcdefgh-1", True),
        ("abcdefgh-1", True),
        ("abcdefghi1", False),
        ("long enough to be good", True),
        ("短短短短短短Aa1b", True),
    ],
)
def test_what_a_password_is_like(password: str, *, good: bool) -> None:
    assert (people_passwords.weakness(password, "somebody") is None) == good


def test_one_time_passwords_are_good_and_never_the_same() -> None:
    made = {people_passwords.one_time() for _ in range(100)}
    assert len(made) == 100
    assert all(people_passwords.weakness(each, "somebody") is None for each in made)


def test_passwords_are_kept_as_argon2id_with_the_parameters_of_owasp() -> None:
    assert people_passwords.hashed("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_older_hash_is_made_anew_at_the_login(room: ConsoleRoom) -> None:
    older = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    room.server.people.add(Person(user="old", name="old", role="viewer", password=older), BY)
    somebody = Browser(room)
    assert somebody.post("/api/v1/login", {"user": "old", "password": PASSWORD}).status == 200
    assert "m=19456" in room.server.people.people["old"].password
    assert somebody.get("/api/v1/alarms").status == 200


def test_the_file_opens_no_door(room: ConsoleRoom, admin: Browser) -> None:
    """Whoever reads the desk finds neither cookie nor token nor password in it."""
    token = admin.post("/api/v1/tokens", {"name": "t", "scopes": ["see"], "expires": soon()}).json["token"]
    content = b"".join(file.read_bytes() for file in room.state.glob("desk.sqlite*"))
    for secret in (admin.cookie, token, PASSWORD):
        assert secret.encode() not in content
    assert hashlib.sha256(token.encode()).hexdigest().encode() in content


def test_a_person_has_so_many_sessions(room: ConsoleRoom) -> None:
    browsers = [Browser(room).as_role("viewer") for _ in range(MOST_SESSIONS + 1)]
    assert [each.get("/api/v1/me").status for each in browsers] == [401] + [200] * MOST_SESSIONS


def test_who_is_there_is_known_when_the_disk_is_full(room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is when somebody must log in; but nobody is changed."""
    admin = Browser(room).as_role("admin")

    class Full:
        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(room.server.people, "_db", Full())
    assert Browser(room).as_role("operator").get("/api/v1/alarms").status == 200
    refused = admin.ask("PATCH", "/api/v1/people/operator", {"disabled": True})
    assert (refused.status, refused.problem) == (503, "not-written")
    assert not room.server.people.people["operator"].disabled


def test_who_logs_in_when_the_disk_is_full_keeps_his_former_hash(
    room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("feed.people_passwords.outdated", lambda _: True)
    monkeypatch.setattr(room.server.people, "rehash", full)
    assert Browser(room).as_role("operator").get("/api/v1/alarms").status == 200


# ----------------------------------------------------------------------------------------------------- tokens


def test_a_program_uses_its_token_and_needs_no_cookie(room: ConsoleRoom, admin: Browser) -> None:
    made = admin.post("/api/v1/tokens", {"name": "platform", "scopes": ["see", "answer"], "expires": soon()}).json
    shown = admin.get("/api/v1/tokens").json["tokens"]
    assert [(each["name"], each["token"], each["made_by"]) for each in shown] == [("platform", None, "admin")]
    cover = tilted()
    room.tell(cover)
    program = Browser(room)
    bearer: dict[str, str | None] = {"authorization": f"Bearer {made['token']}", "origin": None, "sec-fetch-site": None}
    body = {"occurrence": cover.occurrence, "command_id": "c"}
    assert program.post(f"/api/v1/alarms/{cover.id}/ack", body, bearer).json["acked_by"] == "token:platform"
    assert program.get("/api/v1/me", bearer).json["user"] == "token:platform"
    assert trail(room, "ack")[0]["via"] == "https 127.0.0.1 token"
    assert admin.ask("DELETE", "/api/v1/tokens/platform").status == 200
    assert program.get("/api/v1/alarms", bearer).status == 401
    assert [each["after"] == "" for each in trail(room, "token")] == [True, False]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "t", "scopes": ["see"]}, 422),
        ({"name": "t", "scopes": ["see"], "expires": soon(-1)}, 422),
        ({"name": "t", "scopes": ["see"], "expires": soon(24 * 800)}, 422),
        ({"name": "t", "scopes": [], "expires": soon()}, 422),
        ({"name": "t", "scopes": ["administer"], "expires": soon()}, 400),
        ({"name": "t", "scopes": ["handover"], "expires": soon()}, 400),
        ({"name": "t", "scopes": ["everything"], "expires": soon()}, 400),
        ({"name": "t", "scopes": ["see"], "expires": "tomorrow"}, 400),
        ({"name": "t", "kind": "wall", "ip": "nowhere"}, 400),
        ({"name": "a/b", "scopes": ["see"], "expires": soon()}, 400),
    ],
)
def test_a_token_that_cannot_be(admin: Browser, body: dict[str, object], status: int) -> None:
    assert admin.post("/api/v1/tokens", body).status == status
    assert admin.get("/api/v1/tokens").json["tokens"] == []


def test_a_wall_screen_stays_for_months_and_sees_only(room: ConsoleRoom, admin: Browser) -> None:
    made = admin.post("/api/v1/tokens", {"name": "wall", "kind": "wall", "scopes": ["engineer"]}).json
    assert (made["scopes"], made["expires"]) == (["see"], None)
    wall = Browser(room)
    assert wall.post("/api/v1/login", {"token": made["token"]}).json["user"] == "token:wall"
    past = room.server.people._now_ms
    room.server.people._now_ms = lambda: past() + 90 * 86_400_000
    assert wall.get("/api/v1/alarms").status == 200
    assert wall.post("/api/v1/logout").status == 403  # its screen has no keys


@pytest.mark.parametrize(("address", "status"), [("2001:db8:0::1", 200), ("2001:db8::2", 401), ("?", 401)])
def test_a_token_holds_at_its_address_however_that_is_written(
    room: ConsoleRoom, admin: Browser, monkeypatch: pytest.MonkeyPatch, address: str, status: int
) -> None:
    """Of who has gone already nobody knows where he was: `?`."""
    secret = admin.post("/api/v1/tokens", {"name": "wall", "kind": "wall", "ip": "2001:db8::1"}).json["token"]
    monkeypatch.setattr("feed.http.peers.plain_address", lambda _: address)
    assert Browser(room).post("/api/v1/login", {"token": secret}).status == status
    assert Browser(room).get("/api/v1/alarms", {"authorization": f"Bearer {secret}"}).status == status


def test_a_token_ends_by_itself(room: ConsoleRoom) -> None:
    people = room.server.people
    secret, _ = people.issue(
        name="t", kind="wall", scopes=["see"], ip="", expires_ms=int(time.time() * 1000) + 60_000, by=BY
    )
    wall = Browser(room)
    assert wall.post("/api/v1/login", {"token": secret}).status == 200
    past = people._now_ms
    people._now_ms = lambda: past() + 60_000
    assert wall.get("/api/v1/alarms").status == 401
    assert wall.get("/api/v1/alarms", {"authorization": f"Bearer {secret}", "cookie": None}).status == 401


# ------------------------------------------------------------------------------------------------------ audit


def test_operators_see_what_they_did_themselves_and_auditors_everything(room: ConsoleRoom) -> None:
    operator, auditor = Browser(room).as_role("operator"), Browser(room).as_role("auditor")
    own = operator.get("/api/v1/audit?who=auditor").json["entries"]
    assert {each["who"] for each in own} == {"operator"}
    everything = auditor.get("/api/v1/audit").json["entries"]
    assert [each["who"] for each in everything] == ["auditor", "operator"]
    assert [each["who"] for each in auditor.get("/api/v1/audit?who=operator").json["entries"]] == ["operator"]


def test_the_audit_by_pages_gives_every_row_once(room: ConsoleRoom) -> None:
    auditor = Browser(room).as_role("auditor")
    for _ in range(6):
        Browser(room).as_role("viewer")
    numbers, after = [], ""
    while True:
        page = auditor.get(f"/api/v1/audit?limit=3&after={after}").json
        numbers += [each["number"] for each in page["entries"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert numbers == list(range(7, 0, -1))
    assert auditor.get("/api/v1/audit?after=x").status == 400


# --------------------------------------------------------------------------------------------------- handover


def counted(handover: dict[str, Any]) -> dict[str, Any]:
    """Give a handover as it stands in the list: how long its lists are, and no more."""
    kept = {name: value for name, value in handover.items() if name not in {"as_of", "event"}}
    return {name: len(value) if isinstance(value, list) else value for name, value in kept.items()}


def test_a_shift_is_handed_over_with_the_lists_as_they_are(room: ConsoleRoom) -> None:
    room.tell(
        tilted("a"), tilted("b", suppressed=["shelved"], reason="雨后再看"),
        tilted("c", suppressed=["out_of_service", "shelved"], reason="WO-7"), tilted("d", acknowledged=True),
    )  # fmt: skip
    eventually(lambda: room.hub.last == 4)
    operator = Browser(room).as_role("operator")
    signed = {"user": "engineer", "password": PASSWORD, "note": "云龙湖工地夜里会再响"}
    made = operator.post("/api/v1/handovers", signed)
    assert made.status == 200, made.body
    lists = {
        name: [each["id"][len("cover-tilted@") :] for each in made.json[name]]
        for name in ("standing", "shelved", "out_of_service")
    }
    assert lists == {
        "standing": ["a/tilt_deg", "d/tilt_deg"],
        "shelved": ["b/tilt_deg"],
        "out_of_service": ["c/tilt_deg"],
    }
    assert (made.json["gave"], made.json["took"], made.json["note"]) == ("operator", "engineer", signed["note"])
    room.tell(tilted("a", active=False, acknowledged=True), kind="returned")
    viewer = Browser(room).as_role("viewer")
    assert viewer.get("/api/v1/handovers/1").json == made.json  # nothing changes it
    assert viewer.get("/api/v1/handovers").json == {"handovers": [counted(made.json)], "next": None}
    assert viewer.get("/api/v1/handovers/2").problem == "no-such-handover"
    row = trail(room, "handover")[0]
    assert (row["who"], row["comment"]) == ("operator", signed["note"])
    kept = sqlite3.connect(room.state / "desk.sqlite").execute("select lists from handovers").fetchone()[0]
    assert json.loads(row["after"])["sha256"] == hashlib.sha256(kept.encode()).hexdigest()


def test_what_both_have_seen_is_what_is_kept(room: ConsoleRoom) -> None:
    """However much changes while the second one types his password, in a flood too."""
    room.tell(tilted("a", priority=3), tilted("b", priority=1), tilted("c", suppressed=["design"], priority=1))
    eventually(lambda: room.hub.last == 3)
    operator = Browser(room).as_role("operator")
    seen = operator.get("/api/v1/handovers/now").json
    assert [each["id"] for each in seen["standing"]] == [f"cover-tilted@{one}/tilt_deg" for one in "bac"]
    assert seen["event"] == 3
    room.tell(tilted("a", active=False, acknowledged=True), kind="returned")
    room.tell(tilted("e"))
    eventually(lambda: room.hub.last == 5)
    signed = {"user": "engineer", "password": PASSWORD, "seen": seen["sha256"]}
    made = operator.post("/api/v1/handovers", signed).json
    assert {name: made[name] for name in seen if name != "sha256"} == {
        name: seen[name] for name in seen if name != "sha256"
    }
    assert json.loads(trail(room, "handover")[0]["after"])["sha256"] == seen["sha256"]
    assert operator.get("/api/v1/handovers/1").json == made
    now = operator.get("/api/v1/handovers/now").json
    assert [each["id"] for each in now["standing"]] == [f"cover-tilted@{one}/tilt_deg" for one in "bec"]


def test_lists_that_are_too_old_are_not_signed(room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    room.tell(tilted("a"))
    operator = Browser(room).as_role("operator")
    signed = {"user": "engineer", "password": PASSWORD}
    assert operator.post("/api/v1/handovers", signed | {"seen": "0" * 64}).problem == "other-lists"
    assert operator.post("/api/v1/handovers", signed | {"seen": "x"}).status == 400
    seen = operator.get("/api/v1/handovers/now").json["sha256"]
    with monkeypatch.context() as later:
        later.setattr(handover, "SHOWN_S", -1.0)
        refused = operator.post("/api/v1/handovers", signed | {"seen": seen})
    assert (refused.status, refused.problem) == (409, "other-lists")
    assert operator.get("/api/v1/handovers").json["handovers"] == []
    assert operator.post("/api/v1/handovers", signed | {"seen": seen}).status == 200


def test_a_shift_of_thousands_of_alarms_is_handed_over(room: ConsoleRoom) -> None:
    room.tell(*[tilted(f"x-{n}", priority=n % 4 + 1) for n in range(5_000)])
    eventually(lambda: room.hub.last == 5_000)
    operator = Browser(room).as_role("operator")
    seen = [operator.get("/api/v1/handovers/now").json for _ in range(2)]
    assert [len(each["standing"]) for each in seen] == [5_000, 5_000]
    signed = {"user": "engineer", "password": PASSWORD, "seen": seen[0]["sha256"]}
    made = operator.post("/api/v1/handovers", signed).json
    assert len(made["standing"]) == 5_000
    listed = operator.get("/api/v1/handovers")
    assert listed.json["handovers"] == [counted(made)]
    assert len(listed.body) < 1_000, "a list of handovers is short however many alarms they had"
    assert operator.get("/api/v1/handovers/1").json == made


def test_a_handover_of_alarms_without_a_device_is_read_again(room: ConsoleRoom) -> None:
    """An alarm of the gateway, of a link or of the disk has no device, and so no name."""
    lost = Alarm(
        id="lost-session@broker:lora", rule="lost-session", subject="broker:lora", device=None, family=None, priority=3,
        active=True, since_ms=NOW_MS, text=Text("会话丢失", "Session lost"),
    )  # fmt: skip
    room.tell(tilted("a"), lost)
    eventually(lambda: room.hub.last == 2)
    operator = Browser(room).as_role("operator")
    made = operator.post("/api/v1/handovers", {"user": "engineer", "password": PASSWORD})
    assert made.status == 200, made.body
    assert [each["name"] for each in made.json["standing"]] == ["文化路 a 井盖", None], made.body
    assert operator.get("/api/v1/handovers/1").json == made.json
    assert len(trail(room, "handover")) == 1


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"user": "operator", "password": PASSWORD}, 422, "same-person"),
        ({"user": "engineer", "password": "wrong"}, 403, "wrong-password"),
        ({"user": "nobody", "password": PASSWORD}, 403, "wrong-password"),
        ({"user": "viewer", "password": PASSWORD}, 422, "not-on-duty"),
        ({"user": "engineer", "password": PASSWORD, "note": "x" * 4001}, 400, "wrong-request"),
    ],
)
def test_a_handover_that_is_not_signed_by_two(room: ConsoleRoom, body: dict[str, str], status: int, word: str) -> None:
    refused = Browser(room).as_role("operator").post("/api/v1/handovers", body)
    assert (refused.status, refused.problem) == (status, word)
    assert Browser(room).as_role("viewer").get("/api/v1/handovers").json["handovers"] == []


def test_a_handover_is_exported_and_is_as_it_was_signed(room: ConsoleRoom) -> None:
    room.tell(tilted("a"))
    eventually(lambda: room.hub.last == 1)
    Browser(room).as_role("operator").post("/api/v1/handovers", {"user": "engineer", "password": PASSWORD})
    export(room.state, "UTC", system_ms())
    assert json.loads((room.state / "audit" / "handover-1.json").read_text())["standing"][0]["name"] == "文化路 a 井盖"
    assert verify(room.state).breaks == []
    db = sqlite3.connect(room.state / "desk.sqlite")
    db.execute("drop trigger handover_is_not_changed")
    db.execute("update handovers set lists = replace(lists, '文化路', '解放路')")
    db.commit()
    db.close()
    assert verify(room.state).breaks == ["row 2: handover 1 is not as it was signed"]
    kept = room.state / "audit" / "handover-1.json"
    kept.write_text(kept.read_text().replace("文化路", "解放路"))
    assert verify(room.state).breaks[1:] == ["handover-1.json is not as it was signed, or is not there"]


def test_nobody_rewrites_a_handover(room: ConsoleRoom) -> None:
    Browser(room).as_role("operator").post("/api/v1/handovers", {"user": "engineer", "password": PASSWORD})
    db = sqlite3.connect(room.state / "desk.sqlite")
    for change in ("delete from handovers", "update handovers set note = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(change)
    db.close()


# ------------------------------------------------------------------------------------- a change and its row


def kept_of_it(room: ConsoleRoom) -> list[list[tuple[Any, ...]]]:
    db = sqlite3.connect(room.state / "desk.sqlite")
    try:
        tables = ("people", "tokens", "handovers")
        return [db.execute(f"select * from {table}").fetchall() for table in tables]  # noqa: S608 - our own names
    finally:
        db.close()


@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        ("admin", "POST", "people", {"user": "li", "name": "李", "role": "viewer"}),
        ("admin", "PATCH", "people/viewer", {"role": "operator"}),
        ("admin", "POST", "tokens", {"name": "t2", "kind": "wall"}),
        ("admin", "DELETE", "tokens/t1", None),
        ("operator", "POST", "handovers", {"user": "engineer", "password": PASSWORD}),
        ("operator", "POST", "me/password", {"old": PASSWORD, "new": "Another-horse-8"}),
    ],
)
def test_what_the_trail_cannot_tell_of_is_not_changed(
    room: ConsoleRoom, role: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """A change and its row are one: whatever ends the process, or fills the disk, leaves both or neither."""
    room.server.people.issue(name="t1", kind="wall", scopes=["see"], ip="", expires_ms=0, by=BY)
    browser = Browser(room).as_role(role)
    assert browser.get("/api/v1/handovers").status == 200  # their room is open
    before, people = kept_of_it(room), dict(room.server.people.people)
    full = sqlite3.connect(room.state / "desk.sqlite")
    full.execute("create trigger full before insert on audit begin select raise(abort, 'the disk is full'); end")
    refused = browser.ask(method, f"/api/v1/{path}", body)
    assert (refused.status, refused.problem) == (503, "not-written")
    assert (kept_of_it(room), room.server.people.people) == (before, people)
    assert [token.name for token in room.server.people.tokens.values()] == ["t1"]
    full.execute("drop trigger full")
    full.close()
    assert browser.ask(method, f"/api/v1/{path}", body).status == 200
    assert kept_of_it(room) != before


def test_who_got_no_answer_signs_the_same_handover_again(room: ConsoleRoom) -> None:
    room.tell(tilted("a"))
    operator = Browser(room).as_role("operator")
    seen = operator.get("/api/v1/handovers/now").json["sha256"]
    signed = {"user": "engineer", "password": PASSWORD, "note": "夜里会再响", "seen": seen}
    first, again = operator.post("/api/v1/handovers", signed), operator.post("/api/v1/handovers", signed)
    assert first.json == again.json
    assert len(trail(room, "handover")) == 1
    assert operator.post("/api/v1/handovers", signed | {"note": "别的"}).json["number"] == 2
    assert verify(room.state).breaks == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update handovers set took = 'viewer'", "row 2: handover 1 is not as it was signed"),
        ("update handovers set gave = 'viewer'", "row 2: handover 1 is not as it was signed"),
        ("update handovers set note = 'alles ruhig'", "row 2: handover 1 is not as it was signed"),
        ("update handovers set t_ms = t_ms - 3600000", "row 2: handover 1 is not as it was signed"),
        ("update handovers set number = 9", "row 2: handover 1 is not as it was signed"),
        ("insert into handovers select 2, t_ms, gave, took, note, lists from handovers", "handover 2 was put in"),
    ],
)
def test_whoever_meddles_with_a_handover_is_found_out(room: ConsoleRoom, change: str, said: str) -> None:
    operator = Browser(room).as_role("operator")
    assert operator.post("/api/v1/handovers", {"user": "engineer", "password": PASSWORD}).status == 200
    assert verify(room.state).breaks == []
    db = sqlite3.connect(room.state / "desk.sqlite", isolation_level=None)
    db.execute("drop trigger handover_is_not_changed")
    db.execute(change)
    db.close()
    assert verify(room.state).breaks[0].startswith(said)
