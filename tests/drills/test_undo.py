"""`reload --undo` on a gateway at work: back to what was in force, whatever the files say, and it stays so."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES
from tests.drills.test_running import active, cityward, edit
from tests.servers import free_port, until

SOURCES = """  hj212:
    - {{name: sites, listen: "127.0.0.1:{port}"}}
"""
DEVICES = """devices:
  - {id: a, model: hj212-dust, address: "mn:A1", interval: 1 min, options: {pm_unit: ug_m3}}
"""
MORE = """  - {id: b, model: hj212-dust, address: "mn:B1", interval: 1 min, options: {pm_unit: ug_m3}}
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    found = Gateway(tmp_path / "gateway", SOURCES.format(port=free_port()), DEVICES, RULES)
    found.start()
    try:
        found.wait_ready()
        yield found
    finally:
        found.end()


def names(gateway: Gateway) -> list[str]:
    return [device["id"] for device in gateway.get("/api/v1/devices")["devices"]]


@pytest.mark.timeout(90)
def test_back_and_forth(gateway: Gateway) -> None:
    nothing = cityward(gateway, "reload", "--undo", "--lang", "en")
    assert nothing.returncode == 1
    assert "no configuration before this one" in nothing.stderr

    file = gateway.configuration / "devices.d" / "all.yaml"
    file.write_text(DEVICES + MORE, encoding="utf-8")
    assert cityward(gateway, "reload").returncode == 0
    assert names(gateway) == ["a", "b"]

    undone = cityward(gateway, "reload", "--undo", "--lang", "en")
    assert undone.returncode == 0, undone.stderr
    assert "say otherwise and are not in force" in undone.stdout
    assert names(gateway) == ["a"]
    assert file.read_text(encoding="utf-8") == DEVICES + MORE, "files are not touched"
    until(lambda: active(gateway, "config-differs@gateway"), what="an alarm says so")

    assert gateway.stop() == 0
    gateway.start()  # the files that were taken back do not come in by the back door
    gateway.wait_ready()
    assert names(gateway) == ["a"]
    assert active(gateway, "config-differs@gateway")

    again = cityward(gateway, "reload", "--undo", "--lang", "en")
    assert again.returncode == 0, again.stderr
    assert "otherwise" not in again.stdout
    assert names(gateway) == ["a", "b"], "undone twice is done again"
    until(lambda: not active(gateway, "config-differs@gateway"), what="it is over")

    assert cityward(gateway, "reload", "--undo").returncode == 0
    edit(gateway, "devices.d/all.yaml", "interval: 1 min", "interval: 2 min")
    gateway.kill()
    gateway.start()  # changed files count, as at any start
    gateway.wait_ready()
    assert names(gateway) == ["a", "b"]
    until(lambda: not active(gateway, "config-differs@gateway"), what="it is over")

    edit(gateway, "devices.d/all.yaml", "interval: 2 min", "interval: two minutes")
    assert cityward(gateway, "reload").returncode == 1
    undone = cityward(gateway, "reload", "--undo")
    assert undone.returncode == 0, "also when the files are wrong by now"
    assert names(gateway) == ["a"]

    with sqlite3.connect(gateway.state / "desk.sqlite") as desk:
        rows = desk.execute(
            "select what, status from audit where status and what != 'start' order by number"
        ).fetchall()
    assert rows == [("undo", 409), ("reload", 200), ("undo", 200), ("undo", 200), ("undo", 200), ("reload", 422),
                    ("undo", 200)]  # fmt: skip
