"""Starts on a disk that somebody else has filled: the gateway comes up, takes in what it can, and says so."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.gateway import Gateway
from tests.servers import until

SOURCES = "  serial:\n    - {name: line, port: /dev/null-not-there, line: 9600 8N1, protocol: plantower-pms}\n"
DEVICES = "devices:\n  - {id: d1, model: plantower-pms, address: line:line, interval: 1 min}\n"
RULES = "rules: []\n"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """24 MB of memory as the disk of the state directory."""
    gateway = Gateway(tmp_path, SOURCES, DEVICES, RULES)
    gateway.state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(gateway.state)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield gateway
    gateway.end()
    subprocess.run(["umount", "-l", str(gateway.state)], check=True)


def fill(gateway: Gateway) -> None:
    """Write until there is no room left."""
    with (gateway.state / "filler").open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


def comes_up(gateway: Gateway) -> None:
    gateway.start()
    gateway.wait_ready()
    until(lambda: "disk-full@gateway" in gateway.alarms(), what="the alarm")
    fill(gateway)
    until(lambda: "under 1 MiB left" in gateway.alarms()["disk-full@gateway"]["text"]["en"], what="its words")
    assert gateway.alarms()["disk-full@gateway"]["active"]


@pytest.mark.timeout(120)
def test_it_comes_up_on_a_full_disk_after_a_clean_stop_and_after_a_kill(gateway: Gateway) -> None:
    gateway.start()
    gateway.wait_ready()
    assert gateway.stop() == 0
    fill(gateway)
    comes_up(gateway)
    fill(gateway)
    gateway.kill()
    fill(gateway)
    comes_up(gateway)
    fill(gateway)
    gateway.stop()
    fill(gateway)
    comes_up(gateway)
    assert "Traceback" not in gateway.log.read_text(encoding="utf-8")
    assert "disk-full: under 1 MiB left" in gateway.log.read_text(encoding="utf-8")
