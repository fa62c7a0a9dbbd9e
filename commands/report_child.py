"""Makes the reports that are due in a child at nice 10, at the times of cityward.yaml and after a downtime.

APScheduler only says when; which are due is found out from what was made. So a night without a gateway, a clock that
jumps, or a child that dies cost no report: the next run makes it.
"""

import logging
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler
from msgspec import Struct, msgpack

from config import blob, child
from config.schema import CitywardSettings
from feed.console_settings import ConsoleSettings
from feed.desk import passes
from feed.reports.make import Maker
from feed.reports.sending import Said, messages
from feed.reports.settings import ReportsSettings
from feed.reports.shelf import Kept, Shelf
from store.book import BookReader

MEMORY_BYTES = 1 << 30
FIRST_S = 900.0  # after a start: what was sent meanwhile has come then
AGAIN_S = 3600.0  # after a child that died
LOOK_S = 2.0
log = logging.getLogger(__name__)
_RUN = "from commands.report_child import main; main()"


class Task(Struct):
    """Make what is due by a civil time. settings, console: JSON of `reports` and `console`."""

    state: str
    settings: str
    console: str
    now_ms: int


# ---------------------------------------------------------------------------------------------------- the daemon


class Reporter:
    """Has a child make the reports. tell: puts messages into the outbox of notify; None = nobody is told.

    now_ms: civil time.
    The outbox must know a message by its key, for it may be put in twice: it is noted as told afterwards.
    """

    def __init__(
        self,
        settings: CitywardSettings,
        reports: ReportsSettings,
        tell: Callable[[Sequence[Said]], None] | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings, self._reports, self._tell, self._now_ms = settings, reports, tell, now_ms
        self._due = threading.Event()
        self._scheduler = BackgroundScheduler(timezone=settings.gateway.time_zone)
        monthly = (reports.monthly or "").rpartition(" ")[2]
        for clock in {reports.daily or monthly, monthly or reports.daily}:
            hour, minute = str(clock).split(":")
            self._scheduler.add_job(
                self._due.set, "cron", hour=int(hour), minute=int(minute), misfire_grace_time=3600, coalesce=True
            )

    def run(self, stop: threading.Event) -> None:
        """Go on until stopped; the child's own words are in the log."""
        self._scheduler.start()
        next_s = time.monotonic() + FIRST_S
        while not stop.wait(LOOK_S):
            if not self._due.is_set() and time.monotonic() < next_s:
                continue
            self._due.clear()
            next_s = float("inf")
            why = self._work(stop)
            if why and not stop.is_set():
                log.warning("reports: %s; another try in an hour", why)
                next_s = time.monotonic() + AGAIN_S
        self._scheduler.shutdown(wait=False)

    def _work(self, stop: threading.Event) -> str:
        """Make and send; return what kept it from that, "" = nothing."""
        try:
            status = self.make(stop)
            if status:
                return f"the child died ({status})"
            if not stop.is_set():
                self.send()
        except OSError as error:  # no memory, no descriptors
            return f"no child was made: {error}"
        except sqlite3.Error as error:
            if not passes(error):
                raise
            return f"they were not sent, the desk cannot be written now: {error}"
        return ""

    def make(self, stop: threading.Event) -> int:
        """Have a child make them; return its exit status. It is ended when `stop` is set: what is made stays."""
        task = Task(
            str(self._settings.state),
            self._reports.model_dump_json(by_alias=True),
            self._settings.console.model_dump_json(by_alias=True),
            self._now_ms(),
        )
        worker = child.start(_RUN, stdin=subprocess.PIPE)
        given: bytes | None = msgpack.encode(task)
        while not stop.is_set():
            try:
                said, _ = worker.communicate(given, timeout=0.5)
            except subprocess.TimeoutExpired:
                given = None  # it has been handed over
                continue
            for made in msgpack.decode(said, type=list[str]) if said else []:
                log.info("report %s is made", made)
            return worker.returncode
        worker.kill()
        worker.communicate()
        return worker.returncode

    def send(self) -> None:
        """Tell of what nobody was told of yet, and note it."""
        settings = self._settings
        with Shelf(settings.state) as shelf:
            waiting = shelf.unsent()
            if self._tell is not None and waiting and self._reports.send:
                city = self._reports.city or settings.console.name or settings.gateway.id
                self._tell(list(messages(shelf, waiting, city, address(settings))))
            for each in waiting:
                shelf.sent(each.id, self._now_ms())


def address(settings: CitywardSettings) -> str:
    """Return where people find the console; "" = there is none."""
    if settings.notify is not None and settings.notify.console is not None:
        return settings.notify.console.rstrip("/")
    console = settings.http.console
    if console is None or not console.names:
        return ""
    return f"https://{console.names[0]}:{console.listen.rpartition(':')[2]}"


# ----------------------------------------------------------------------------------------------------- the child


def main() -> None:
    """Be the child."""
    child.give_way()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    task = msgpack.decode(sys.stdin.buffer.read(), type=Task)
    made = run(task)
    sys.stdout.buffer.write(msgpack.encode([each.id for each in made]))


def run(task: Task) -> list[Kept]:
    """Make what is due."""
    state = Path(task.state)
    maker = maker_of(
        state, ReportsSettings.model_validate_json(task.settings), ConsoleSettings.model_validate_json(task.console)
    )
    return [] if maker is None else maker.run(state, task.now_ms)


def maker_of(state: Path, settings: ReportsSettings, console: ConsoleSettings) -> Maker | None:
    """Make what makes reports, with the configuration in force; None = none was ever accepted."""
    path = state / "book.sqlite"
    with BookReader(path) as book:
        found = book.accepted()
    if found is None:
        return None
    registry, ruleset = blob.decode(found[1])
    return Maker(book=path, registry=registry, ruleset=ruleset, settings=settings, shifts=console.shifts)
