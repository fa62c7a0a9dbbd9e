"""`cityward people` and `cityward audit`, as an administrator types them; and the first start with a console."""

import http.client
import json
import logging
import os
import pty
import re
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands import first_admin, keeping, main
from feed.audit_export import export
from feed.desk import system_ms
from feed.people import People
from tests.feed.console import PASSWORD, Browser, ConsoleRoom
from tests.servers import free_port, until


def cityward(*words: str) -> Result:
    return CliRunner(env={"LC_ALL": "C.UTF-8"}).invoke(main, words)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path / "state") as opened:
        etc = tmp_path / "etc"
        etc.mkdir()
        (etc / "cityward.yaml").write_text(f"state: {opened.state}\n")
        yield opened


@pytest.fixture
def etc(room: ConsoleRoom) -> tuple[str, str]:
    return "--directory", str(room.state.parent / "etc")


def test_people_are_listed_added_reset_and_disabled(room: ConsoleRoom, etc: tuple[str, str]) -> None:
    added = cityward("people", "add", "Zhang.San", "--name", "张三", "--role", "operator", *etc)
    password = added.output.split()[-1]
    somebody = Browser(room)
    assert somebody.post("/api/v1/login", {"user": "zhang.san", "password": password}).json["must_change"]
    listed = cityward("people", "list", *etc).output
    assert re.search(r"^zhang.san +operator +张三  one-time password$", listed, re.MULTILINE), listed
    assert cityward("people", "disable", "Zhang.San", *etc).output == "zhang.san is disabled\n"
    assert somebody.get("/api/v1/me").status == 401
    again = cityward("people", "reset", "zhang.san", *etc).output.split()[-1]
    assert again != password
    assert somebody.post("/api/v1/login", {"user": "zhang.san", "password": again}).status == 200
    trail = cityward("audit", "list", *etc).output
    assert trail.count("  person  zhang.san  200") == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("reset", "nobody"), "no user nobody"),
        (("disable", "admin"), "the last administrator"),
        (("add", "admin", "--role", "viewer"), "somebody is called admin already"),
        (("add", "a b", "--role", "viewer"), "body.user"),
    ],
)
def test_what_cannot_be_is_said(etc: tuple[str, str], words: tuple[str, ...], said: str) -> None:
    result = cityward("people", *words, *etc)
    assert result.exit_code == 1
    assert said in result.output


def test_the_trail_is_listed_exported_and_found_whole(room: ConsoleRoom, etc: tuple[str, str]) -> None:
    Browser(room).as_role("operator")
    Browser(room).post("/api/v1/login", {"user": "x\x1b[31m", "password": "x"})
    listed = cityward("audit", "list", *etc).output
    assert "operator  https 127.0.0.1  login  200" in listed
    assert "\x1b" not in listed
    export(room.state, "UTC", system_ms())
    whole = cityward("audit", "verify", *etc)
    assert (whole.exit_code, whole.output.split(",")[0]) == (0, "The audit trail is whole: 3 rows")
    lines = [json.loads(line) for line in cityward("audit", "export", *etc).output.splitlines()]
    assert [each["number"] for each in lines] == [1, 2, 3, 3]
    assert lines[2]["what"] == "export"
    assert lines[-1]["head"] == lines[-2]["hash"]
    assert len(cityward("audit", "export", "--after", "2", *etc).output.splitlines()) == 2
    next((room.state / "audit").glob("*.jsonl")).unlink()
    broken = cityward("audit", "verify", *etc)
    assert broken.exit_code == 1
    assert "was taken away: row 3 says that it was exported" in broken.output


def test_a_trail_that_somebody_has_changed_is_found(room: ConsoleRoom, etc: tuple[str, str]) -> None:
    Browser(room).as_role("operator")
    db = sqlite3.connect(room.state / "desk.sqlite")
    db.execute("drop trigger audit_is_not_changed")
    db.execute("update audit set who = 'nobody' where number = 1")
    db.commit()
    db.close()
    broken = cityward("audit", "verify", *etc)
    assert broken.exit_code == 1
    assert "row 1 " in broken.output


def test_an_export_that_cannot_be_written_is_said_and_made_up_for(
    room: ConsoleRoom, caplog: pytest.LogCaptureFixture
) -> None:
    Browser(room).as_role("operator")
    (room.state / "audit").write_text("no folder")
    keeping._export_audit(room.state, "UTC", system_ms())
    assert "the next export has it" in caplog.text
    (room.state / "audit").unlink()
    keeping._export_audit(room.state, "UTC", system_ms())
    assert len(list((room.state / "audit").glob("*.jsonl"))) == 1


def test_no_trail_is_said(tmp_path: Path) -> None:
    (tmp_path / "cityward.yaml").write_text(f"state: {tmp_path / 'nowhere'}\n")
    result = cityward("audit", "verify", "--directory", str(tmp_path))
    assert result.exit_code == 1
    assert "cannot be read" in result.output


# ------------------------------------------------------------------------------------------------ first start


def test_the_first_administrator_is_told_on_the_terminal_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    people = People(tmp_path / "desk.sqlite")
    theirs, ours = pty.openpty()
    with os.fdopen(ours, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        first_admin.make(people)
        first_admin.make(people)  # the next start
        monkeypatch.undo()
        told = os.read(theirs, 10_000).decode()
    os.close(theirs)
    (password,) = set(re.findall(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}", told))
    assert told.count(password) == 2  # in both languages
    assert caplog.text == ""
    assert people.people["admin"].must_change
    people.close()


def test_without_a_terminal_the_log_says_how_and_no_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    people = People(tmp_path / "desk.sqlite")
    with caplog.at_level(logging.INFO):
        first_admin.make(people)
    assert "cityward people reset admin" in caplog.text
    assert not re.search(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}", caplog.text)
    people.close()


def test_nobody_is_made_where_there_is_somebody(room: ConsoleRoom) -> None:
    before = dict(room.server.people.people)
    first_admin.make(room.server.people)
    assert room.server.people.people == before


def test_a_daemon_with_a_console_from_its_first_start_to_the_first_login(root: Path, tmp_path: Path) -> None:
    """The whole way: `cityward run`, `people reset admin`, login, a password of one's own, the alarms."""
    etc, port = tmp_path / "etc", free_port()
    etc.mkdir()
    (etc / "cityward.yaml").write_text(
        f"gateway: {{id: gw-1, time_zone: Asia/Shanghai}}\nstate: {tmp_path / 'state'}\n"
        f"http: {{listen: '127.0.0.1:{free_port()}', console: {{listen: '127.0.0.1:{port}'}}}}\n"
        f"sources: {{hj212: [{{name: sites, listen: '127.0.0.1:{free_port()}'}}]}}\n"
    )
    log = tmp_path / "log"
    with log.open("wb") as out:
        daemon = subprocess.Popen(
            [sys.executable, root / "run_daemon.py", "run", etc], stdout=out, stderr=out, cwd=root
        )
    try:
        until(lambda: "people reset admin" in log.read_text(), within_s=60)
        assert "SHA-256" in log.read_text()
        until(lambda: cityward("people", "list", "--directory", str(etc)).exit_code == 0, within_s=60)
        password = cityward("people", "reset", "admin", "--directory", str(etc)).output.split()[-1]
        assert password not in log.read_text()
        first_login(port, password)
    finally:
        daemon.terminate()
        daemon.wait(20)
    assert cityward("audit", "verify", "--directory", str(etc)).exit_code == 0


def first_login(port: int, password: str) -> None:
    """Log in with the one-time password, set one's own, and see the alarms."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    wire = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)

    def ask(method: str, path: str, body: object, cookie: str = "") -> str:
        headers = {"content-type": "application/json", "origin": f"https://127.0.0.1:{port}", "cookie": cookie}
        wire.request(method, path, json.dumps(body), headers)
        answer = wire.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        return (answer.headers["set-cookie"] or "").partition(";")[0]

    cookie = ask("POST", "/api/v1/login", {"user": "admin", "password": password})
    cookie = ask("POST", "/api/v1/me/password", {"old": password, "new": PASSWORD}, cookie)
    ask("GET", "/api/v1/alarms", {}, cookie)
    wire.close()
