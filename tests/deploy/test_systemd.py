"""The service under a real systemd: installed, started, killed, hung, stopped, taken off."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import free_port, until

UNIT = Path(__file__).parents[2] / "deploy/cityward.service"
SCRIPT = Path(__file__).parent / "boot.sh"

CONFIGURATION = """gateway: {{id: boot, time_zone: Asia/Shanghai}}
http: {{listen: 127.0.0.1:{http}}}
sources:
  hj212:
    - {{name: sites, listen: 127.0.0.1:{hj212}}}
"""


def test_the_unit_exposes_little() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=16", str(UNIT)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


class Machine:
    """A booted systemd; commands are run inside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen([SCRIPT, folder], start_new_session=True)
        self.leader = 0
        until(self._booted, within_s=60, what=f"systemd boots; see {folder / 'console'}")

    def _booted(self) -> bool:
        assert self.process.poll() is None, (self.folder / "console").read_text()
        if not self.leader:
            nspawn = _child(self.process.pid, "systemd-nspawn")
            self.leader = _child(nspawn, "systemd") if nspawn else 0
        return bool(self.leader) and self.run("systemctl", "is-system-running", check=False) in ("running", "degraded")

    def run(self, *command: str, check: bool = True, more: dict[str, str] | None = None) -> str:
        """Run a command inside, with more in its environment; return what it prints."""
        inside = [
            "nsenter",
            "-t",
            str(self.leader),
            "-a",
            "env",
            *(f"{k}={v}" for k, v in (more or {}).items()),
            *command,
        ]
        done = subprocess.run(inside, capture_output=True, text=True, check=False, timeout=120)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def show(self, name: str) -> str:
        """Return a property of the service."""
        return self.run("systemctl", "show", "cityward", "-p", name, "--value")

    def end(self) -> None:
        """Power off, whatever happened."""
        if self.leader:
            self.run("systemctl", "poweroff", "--force", check=False)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait(10)


def _child(parent: int, name: str) -> int:
    """Find a descendant by its name; 0 = there is none."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    parents = {int(pid): int(ppid) for pid, ppid, _ in rows}
    for pid, _, comm in rows:
        above = int(pid)
        while comm == name and above in parents and above != parent:
            above = parents[above]
        if above == parent and comm == name and int(pid) != parent:
            return int(pid)
    return 0


@pytest.fixture
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))  # /tmp may be in memory, which no overlay can lie on
    machine = Machine(folder)
    try:
        yield machine
    finally:
        machine.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(280)
def test_a_gateway_s_life(machine: Machine, root: Path) -> None:
    pip = {
        k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy"))
    }
    port = free_port()
    machine.run(str(root / "deploy/install"), more=pip)
    configuration = CONFIGURATION.format(http=port, hj212=free_port())
    machine.run("sh", "-c", f"rm -r /etc/cityward/*.d; cat > /etc/cityward/cityward.yaml <<'X'\n{configuration}X")
    machine.run("cityward", "check", "/etc/cityward")
    machine.run("sh", "-c", "mkdir -p /run/systemd/system/cityward.service.d; printf '[Service]\\nWatchdogSec=6\\n' "
                "> /run/systemd/system/cityward.service.d/short.conf; systemctl daemon-reload")  # fmt: skip

    machine.run("systemctl", "start", "cityward")  # returns when it says READY
    assert machine.show("ActiveState") == "active"
    assert "accepted" in machine.run("ls", "/var/lib/cityward")
    assert machine.run("stat", "-c", "%U", "/var/lib/cityward/book.sqlite") == "cityward"
    machine.run("systemctl", "reload", "cityward")

    machine.run("kill", "-9", machine.show("MainPID"))
    until(lambda: running(machine, restarts=1), within_s=30, what="started again after kill -9")

    machine.run("kill", "-STOP", machine.show("MainPID"))  # it hangs
    until(lambda: running(machine, restarts=2), within_s=60, what="started again by the watchdog")

    # Only the pipeline hangs: nothing is written any more, while every other thread goes on.
    machine.run(str(root / ".venv/bin/python"), str(Path(__file__).parent / "hang.py"), machine.show("MainPID"))
    until(lambda: running(machine, restarts=3), within_s=60, what="started again though only the pipeline hung")

    began = time.monotonic()
    machine.run("systemctl", "stop", "cityward")
    assert time.monotonic() - began < 5
    assert machine.show("Result") == "success"
    machine.run(str(root / "deploy/uninstall"))
    assert machine.run("ls", "/var/lib/cityward/book.sqlite", "/etc/cityward/cityward.yaml")
    assert machine.run("sh", "-c", "ls /opt/cityward 2>&1 || true").startswith("ls:")


def running(machine: Machine, *, restarts: int) -> bool:
    return machine.show("ActiveState") == "active" and int(machine.show("NRestarts")) >= restarts
