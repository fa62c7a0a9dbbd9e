"""Nothing is changed that the audit trail does not know of, wherever the process is killed."""

import json
import os
import random
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click
import pytest

from commands.socket import ask
from feed.audit_export import verify
from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES
from tests.drills.test_running import edit
from tests.servers import free_port, until

SOURCES = """  hj212:
    - {{name: sites, listen: "127.0.0.1:{port}"}}
"""
DEVICES = """devices:
  - {id: a, model: hj212-dust, address: "mn:A1", interval: 1 min, options: {pm_unit: ug_m3}}
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    found = Gateway(tmp_path / "gateway", SOURCES.format(port=free_port()), DEVICES, RULES)
    found.start()
    try:
        found.wait_ready(60)
        yield found
    finally:
        found.end()


def trail(gateway: Gateway, *whats: str) -> list[dict[str, Any]]:
    names = ("who", "via", "what", "target", "before", "after", "status", "answer")
    query = f"select {', '.join(names)} from audit where what in ({', '.join('?' * len(whats))}) order by number"  # noqa: S608 - ours
    with closing(sqlite3.connect(gateway.state / "desk.sqlite")) as db:
        rows = db.execute(query, whats).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def told(gateway: Gateway, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask as root, or whoever runs the test, over the Unix socket."""
    return ask(gateway.state / "run" / "cityward.sock", method, f"/api/v1/{path}", body)[1]


def in_force(gateway: Gateway) -> str:
    return str(told(gateway, "GET", "configuration")["hash"])


def hashes(row: dict[str, Any]) -> tuple[str, str]:
    before, after = (json.loads(row[name])["hash"] if row[name] else "" for name in ("before", "after"))
    return before, after


@pytest.mark.timeout(240)
def test_however_the_rules_are_changed_the_trail_says_from_what_to_what(gateway: Gateway) -> None:
    first = in_force(gateway)
    assert [(row["via"], row["what"], *hashes(row)) for row in trail(gateway, "start")] == [
        ("start", "start", "", first)
    ]

    edit(gateway, "rules.d/all.yaml", "above: 400", "above: 410")
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGHUP)
    until(lambda: len(trail(gateway, "reload")) == 2, within_s=60, what="both rows of the reload")
    second = in_force(gateway)
    asked, done = trail(gateway, "reload")
    assert (asked["via"], asked["status"], hashes(asked)) == ("signal", 0, (first, ""))
    assert (done["via"], done["status"], hashes(done)) == ("signal", 200, (first, second))

    edit(gateway, "rules.d/all.yaml", "above: 410", "above: much")
    gateway.process.send_signal(signal.SIGHUP)
    until(lambda: len(trail(gateway, "reload")) == 4, within_s=60, what="the refusal")
    refused = trail(gateway, "reload")[-1]
    assert (refused["status"], refused["after"]) == (422, "")
    assert "much" in refused["answer"] or "all.yaml" in refused["answer"]

    edit(gateway, "rules.d/all.yaml", "above: much", "above: 420")
    assert gateway.stop(20) == 0
    gateway.start()
    gateway.wait_ready(60)
    third = in_force(gateway)
    assert [hashes(row) for row in trail(gateway, "start")][1:] == [(second, third)]

    edit(gateway, "rules.d/all.yaml", "above: 420", "above: 430")
    done_by_root = told(gateway, "POST", "reload")
    row = trail(gateway, "reload")[-1]
    assert (row["via"], row["status"]) == (f"socket:uid {os.getuid()}", 200)
    assert hashes(row) == (third, done_by_root["hash"])
    assert verify(gateway.state).breaks == []


@pytest.mark.timeout(240)
def test_who_took_a_configuration_back_is_known_also_when_the_process_died_of_it(gateway: Gateway) -> None:
    """Kill -9 as soon as the other configuration is in force: before its row is written, or behind it."""
    first = in_force(gateway)
    edit(gateway, "rules.d/all.yaml", "above: 400", "above: 410")
    second = str(told(gateway, "POST", "reload")["hash"])
    for _ in range(1):
        before = in_force(gateway)

        def undo() -> None:
            with suppress(click.ClickException, OSError):
                told(gateway, "POST", "reload/undo")

        thread = threading.Thread(target=undo)
        thread.start()
        until(lambda: in_force(gateway) != before, within_s=60)  # noqa: B023 - waited for here
        gateway.kill()
        thread.join(10)
        gateway.start()
        gateway.wait_ready(60)
        after = in_force(gateway)
        assert {before, after} <= {first, second}  # a start takes the files where they are other
        row = trail(gateway, "undo", "start", "reload")[-1]
        if row["what"] == "start":  # killed before the disk knew that the files were taken back
            assert (row["via"], hashes(row)[1]) == ("start", after)
        else:
            assert (row["what"], row["via"], row["status"]) == ("undo", f"socket:uid {os.getuid()}", 200)
            assert hashes(row) == (before, after)


@pytest.mark.timeout(240)
def test_a_role_that_was_changed_before_the_process_died_has_its_row(gateway: Gateway) -> None:
    told(gateway, "POST", "people", {"user": "vi", "name": "vi", "role": "viewer"})
    random.seed(7)
    for _ in range(3):
        enough = threading.Event()

        def changes() -> None:
            with suppress(click.ClickException, OSError):
                for number in range(2_000):
                    told(gateway, "PATCH", "people/vi", {"role": "operator" if number % 2 else "viewer"})
                    if number > 5:
                        enough.set()  # noqa: B023 - waited for here

        thread = threading.Thread(target=changes)
        thread.start()
        assert enough.wait(30)
        threading.Event().wait(random.uniform(0.0, 0.05))
        gateway.kill()
        thread.join(10)
        with closing(sqlite3.connect(gateway.state / "desk.sqlite")) as db:
            ((role,),) = db.execute("select role from people where user = 'vi'").fetchall()
        assert json.loads(trail(gateway, "person")[-1]["after"])["role"] == role
        gateway.start()
        gateway.wait_ready(60)
    assert verify(gateway.state).breaks == []
