"""The real daemon as a process of its own, for drills: started, killed, asked."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from config import blob
from devices.registry import Registry
from rules.fold import Fold, Load
from rules.records import Event, Record
from rules.ruleset import RuleSet
from store import journal
from store.book import BookReader
from store.fs import OsFs
from tests.servers import free_port

ROOT = Path(__file__).parents[2]

TEXTS = """
    text: {zh: "{name} 报警 {value}", en: "{name} alarm {value}"}
    cause: {zh: 原因, en: cause}
    consequence: {zh: 后果, en: consequence}
    action: {zh: 措施, en: action}
    respond_within: 2 h
"""


class Gateway:
    """One configuration, one state directory, and the daemon that runs on them.

    program  what is run instead of run_daemon.py: to put a defect into it
    """

    def __init__(self, folder: Path, sources: str, devices: str, rules: str, *, program: Path | None = None) -> None:
        self.configuration, self.state = folder / "etc", folder / "state"
        self.port = free_port()
        self.program = program or ROOT / "run_daemon.py"
        self.log = folder / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        main = (
            f"gateway: {{id: drill, time_zone: Asia/Shanghai}}\nstate: {self.state}\n"
            f"http: {{listen: 127.0.0.1:{self.port}}}\nsources:\n{sources}"
        )
        for name, text in (
            ("cityward.yaml", main),
            ("devices.d/all.yaml", devices),
            ("rules.d/all.yaml", rules.replace("TEXTS", TEXTS.strip("\n"))),
        ):
            path = self.configuration / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start the daemon; it is not waited for."""
        self.starts += 1
        with self.log.open("ab") as log:
            command = [sys.executable, str(self.program), "run", str(self.configuration)]
            self.process = subprocess.Popen(command, stderr=log, stdout=log, cwd=ROOT)

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, within_s: float = 5.0) -> int:
        """End it cleanly; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def end(self) -> None:
        """See to it that it does not run any more."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def ended(self, within_s: float = 20.0) -> int:
        """Wait until it has ended by itself; return its exit status."""
        assert self.process is not None
        return self.process.wait(within_s)

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask its HTTP API. Raises OSError while nobody answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.loads(answer.read())

    def wait_ready(self, within_s: float = 20.0) -> None:
        """Wait until /readyz says so."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")[-3000:]
            try:
                if self.get("/readyz")["ready"]:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"not ready: {self.log.read_text(encoding='utf-8')[-3000:]}")

    def alarms(self) -> dict[str, Any]:
        """Return the alarms that the feed shows, by id."""
        return {alarm["id"]: alarm for alarm in self.get("/api/v1/alarms")["alarms"]}

    # -------------------------------------------------------------------------------- what is left on the disk

    def records(self) -> Iterable[tuple[int, Record]]:
        """Read its journal from the beginning."""
        return journal.read(OsFs(), self.state / "journal", 0)

    def book(self) -> BookReader:
        """Read its book."""
        return BookReader(self.state / "book.sqlite")

    def load_from(self, book: BookReader) -> Load:
        """Give what a fold loads its configurations with."""

        def load(config_hash: str) -> tuple[Registry, RuleSet]:
            content = book.configuration(config_hash)
            assert content is not None
            return blob.decode(content)

        return load

    def folded(self) -> list[Event]:
        """Fold its journal once, uninterrupted; return the events."""
        with self.book() as book:
            fold = Fold(self.load_from(book))
            return [event for first, record in self.records() for event in fold.take(first, [record]).events]
