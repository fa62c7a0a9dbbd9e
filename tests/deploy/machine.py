"""A machine of its own: this one's files under a layer in memory, a network of its own, and a real systemd."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import until

CHECKOUT, WHEELS = Path("/srv/checkout"), Path("/srv/wheels")  # where they are inside
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# In a mount namespace of its own, so that all of it goes away with the last process. nspawn refuses to use a running
# system's /, and asks a systemd that is on /run to register the machine: so an overlay, and a /run that is empty.
BOOT = """
set -eu
for group in "${@:5}"; do echo 0 > "$group/cgroup.procs"; done
mount -t tmpfs tmpfs /run
mkdir /run/systemd /run/layer
mount -t tmpfs tmpfs /run/layer
cd /run/layer
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
rm -rf root/opt/cityward root/etc/cityward root/var/lib/cityward root/etc/mosquitto/conf.d root/var/lib/mosquitto
mkdir root/etc/mosquitto/conf.d
install -d -o mosquitto root/var/lib/mosquitto
: > root/etc/fstab
exec systemd-nspawn --quiet --directory=root --register=no --keep-unit --private-network --console=read-only \\
  --bind-ro="$1:$2" --bind-ro="$3:$4" --boot systemd.unit=basic.target
"""


@dataclass
class Machine:
    """Booted. `run` and `get` work inside."""

    leader: int

    def run(self, *command: str, given: str | None = None, check: bool = True) -> str:
        """Run a command as root; return what it printed."""
        done = self.attempt(*command, given=given)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout.strip()

    def attempt(self, *command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as root that may fail."""
        enter = ["nsenter", "--target", str(self.leader), "--all", "--wdns=/"]
        variables = {
            "PATH": SYSTEM_PATH, "HOME": "/", "LANG": "C.UTF-8", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS),
        }  # fmt: skip
        return subprocess.run([*enter, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              input=given, env=variables, check=False, timeout=100)  # fmt: skip

    def write(self, path: str, text: str) -> None:
        """Write a file, and the folders above it."""
        self.run("install", "-D", "-m", "600" if "credentials" in path else "644", "/dev/stdin", path, given=text)

    def show(self, name: str) -> str:
        """Return a property of the service."""
        return self.run("systemctl", "show", "cityward", "--property", name, "--value")

    def python(self, program: str, *arguments: str) -> str:
        """Run a program with the Python and the packages of the tests, but in the machine's network."""
        enter = ["nsenter", "--target", str(self.leader), "--net"]
        done = subprocess.run([*enter, sys.executable, "-c", program, *arguments], text=True, capture_output=True,
                              check=True, timeout=60)  # fmt: skip
        return done.stdout

    def get(self, path: str) -> dict[str, Any]:
        """Ask the feed; empty when nobody answers."""
        program = (
            "import sys, urllib.request, urllib.error\n"
            "try: print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())\n"
            "except urllib.error.HTTPError as error: print(error.read().decode())\n"
            "except OSError: print('{}')\n"
        )
        answer: dict[str, Any] = json.loads(
            self.python(program, f"http://127.0.0.1:8480{urllib.parse.quote(path, '/?=')}")
        )
        return answer


@contextlib.contextmanager
def booted(checkout: Path, wheels: Path, console: Path) -> Iterator[Machine]:
    """Boot it for the length of a `with`. Nothing is written to this machine, and nothing of it is left."""
    groups = _control_groups()
    # A PID namespace besides nspawn's: all its processes go with the first one, and that goes with the tests.
    command = ["setpriv", "--pdeathsig=KILL"]
    command += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private"]
    binds = [str(checkout), str(CHECKOUT), str(wheels), str(WHEELS)]
    with console.open("wb") as log:
        process = subprocess.Popen(
            [*command, "bash", "-c", BOOT, "boot", *binds, *map(str, groups)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": SYSTEM_PATH},
        )  # fmt: skip
    try:
        yield Machine(_leader(process, console))
    finally:
        for child in _children(process.pid):  # else it would be an orphan, and nobody's to wait for
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        for group in groups:
            until(lambda group=group: _removed(group), what=f"{group} is empty")  # type: ignore[misc]


def _leader(process: subprocess.Popen[bytes], console: Path) -> int:
    def up() -> int:
        assert process.poll() is None, console.read_text(errors="replace")
        for nspawn in _children(process.pid):
            for leader in _children(nspawn):
                if Path(f"/proc/{leader}/comm").read_text() == "systemd\n":
                    state = Machine(leader).attempt("systemctl", "is-system-running")
                    if state.stdout.strip() in {"running", "degraded"}:
                        return leader
        return 0

    until(up, within_s=30, what="systemd boots")
    return up()


def _control_groups() -> list[Path]:
    """Make a group below our own in every hierarchy that systemd uses, so that machines do not share theirs."""
    top = Path("/sys/fs/cgroup")
    of_v2 = "unified" if (top / "unified").is_dir() else "."
    groups = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "name=systemd"}:
            groups.append(
                top / ("systemd" if controllers else of_v2) / path.lstrip("/") / f"cityward-test-{os.getpid()}"
            )
            groups[-1].mkdir()
    return groups


def _removed(group: Path) -> bool:
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):  # its processes are still ending
            Path(folder).rmdir()
    return not group.exists()


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def wheels_of(root: Path) -> Path:
    """Return a folder with the packages of requirements/run.txt for this system's own Python; fetched once."""
    lock = root / "requirements/run.txt"
    folder = root / ".venv/wheels"
    have = folder / "requirements.txt"
    if not have.exists() or have.read_bytes() != lock.read_bytes():
        version = subprocess.run(["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=True,
                                 capture_output=True, text=True, env={"PATH": SYSTEM_PATH}).stdout.strip()  # fmt: skip
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        which = ["--no-deps", "--only-binary=:all:", "--python-version", version, "-r", str(lock), "-d", str(folder)]
        subprocess.run([*pip, *which], check=True, timeout=100, env=os.environ)
        have.write_bytes(lock.read_bytes())
    return folder
