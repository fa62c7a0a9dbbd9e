"""Real servers for tests, drills and bench: each with a folder of its own and a free port."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

DROP_IN = Path(__file__).resolve().parent.parent / "deploy/mosquitto/cityward.conf"


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def until(condition: Callable[[], object], *, within_s: float = 20.0, what: str = "") -> None:
    """Wait until `condition` holds; fail the test when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within_s} s: {what or condition}")
        time.sleep(0.01)


@dataclass
class Certificates:
    """A certificate authority of our own and a certificate for `localhost` and 127.0.0.1."""

    ca: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make them with openssl in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    ca = [*new, "-subj", "/CN=Test CA", "-keyout", str(folder / "ca.key"), "-out", str(found.ca)]
    subprocess.run(ca, check=True, capture_output=True)
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    signed = [*names, "-addext", "basicConstraints=CA:FALSE", "-CA", str(found.ca), "-CAkey", str(folder / "ca.key")]
    server = [*new, *signed, "-keyout", str(found.key), "-out", str(found.certificate)]
    subprocess.run(server, check=True, capture_output=True)
    return found


@dataclass
class Mosquitto:
    """A mosquitto on 127.0.0.1. It can be stopped, killed and started again; its database stays."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> str:
        """Return everything that it has logged, over all its starts."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            command = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self.folder / "mosquitto.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while True:
            assert self.process.poll() is None, f"mosquitto has ended: {self.log[-2000:]}"
            assert time.monotonic() < deadline, f"mosquitto does not listen: {self.log[-2000:]}"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.01)

    def stop(self) -> None:
        """End it cleanly: it saves its database."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def wait_subscribed(self, client_id: str, topic: str, *, qos: int = 1, times: int = 1) -> None:
        """Wait until `client_id` has subscribed to `topic` so many times, over all starts."""
        line = f"{client_id} {qos} {topic}\n"
        until(lambda: self.log.count(line) >= times, what=f"{client_id} subscribes to {topic}")


def start_mosquitto(
    folder: Path, extra: str = "", *, tls: Certificates | None = None, users: dict[str, str] | None = None
) -> Mosquitto:
    """Start a mosquitto with the drop-in of `deploy/mosquitto`, included as Debian's configuration includes it.

    extra  lines that come after the drop-in, and override it
    tls    encrypts the listener
    users  names and passwords; None = everybody may connect
    """
    port = free_port()
    (folder / "conf.d").mkdir(parents=True, exist_ok=True)
    shutil.copy(DROP_IN, folder / "conf.d/cityward.conf")
    lines = [
        "persistence true",
        f"persistence_location {folder}/",
        "user root",  # only where root runs the tests: else it could not write its database here
        "log_dest stderr",
        *(f"log_type {kind}" for kind in ("error", "warning", "notice", "information", "subscribe")),
        f"include_dir {folder}/conf.d",
        f"listener {port} 127.0.0.1",
    ]
    if tls is not None:
        lines += [f"certfile {tls.certificate}", f"keyfile {tls.key}"]
    if users is None:
        lines += ["allow_anonymous true"]
    else:
        passwords = folder / "passwords"
        passwords.write_text("".join(f"{name}:{password}\n" for name, password in users.items()), encoding="utf-8")
        passwords.chmod(0o600)
        tool = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
        subprocess.run([tool, "-U", str(passwords)], check=True, capture_output=True)
        lines += ["allow_anonymous false", f"password_file {passwords}"]
    (folder / "conf.d/extra.conf").write_text(f"{extra}\n", encoding="utf-8")
    (folder / "mosquitto.conf").write_text("\n".join([*lines, ""]), encoding="utf-8")
    broker = Mosquitto(folder, port)
    broker.start()
    return broker


@contextlib.contextmanager
def mosquitto(
    folder: Path, extra: str = "", *, tls: Certificates | None = None, users: dict[str, str] | None = None
) -> Iterator[Mosquitto]:
    """Run a mosquitto for the length of a `with`; see `start_mosquitto`."""
    broker = start_mosquitto(folder, extra, tls=tls, users=users)
    try:
        yield broker
    finally:
        broker.stop()
