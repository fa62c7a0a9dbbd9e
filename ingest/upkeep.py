"""What must be thrown away now and then. APScheduler only says when; the pipeline, which owns the stores, does it.

Late jobs are no matter here (APScheduler 3 skips a run that is a second late and counts on wall time: it must never
judge anything), and a clock that jumps costs at most one clean-up.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress

from apscheduler.schedulers.background import BackgroundScheduler

from ingest.pipeline import Pipeline
from ingest.settings import KeepSettings
from rules.fold import Fold
from store.fs import DiskFullError

AT_ONCE = 500  # rows in one go between two records


class Upkeep:
    """The hourly clean-up of book and journal.

    keep            how long the book keeps what
    journal_age_ms  how old the journal may become; None = any age
    needed_ms       gives the log time from which on somebody still needs the journal
    """

    def __init__(
        self,
        pipeline: Pipeline,
        keep: KeepSettings,
        *,
        journal_age_ms: int | None = None,
        needed_ms: Callable[[], int] = lambda: 1 << 62,
    ) -> None:
        self._pipeline, self._keep, self._journal_age_ms = pipeline, keep, journal_age_ms
        self._needed_ms = needed_ms
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._scheduler.add_job(self.clean, "cron", minute=17, misfire_grace_time=600, coalesce=True)

    def each_day(self, zone: str, job: Callable[[], None]) -> None:
        """Have something done shortly after midnight of a zone."""
        self._scheduler.add_job(job, "cron", minute=5, hour=0, timezone=zone, misfire_grace_time=3600, coalesce=True)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._scheduler.start()

    def stop(self) -> None:
        """End without waiting for a job."""
        self._scheduler.shutdown(wait=False)

    def clean(self) -> None:
        """Ask the pipeline to throw old events and periods away, a few at a time; then old segments of the journal."""
        with suppress(CancelledError):  # the gateway stops
            self._clean()

    def _clean(self) -> None:
        while self._pipeline.ask(self._prune).result() >= AT_ONCE:
            pass
        age_ms, journal = self._journal_age_ms, self._pipeline.journal
        if age_ms is not None:
            needed_ms = self._needed_ms()
            self._pipeline.ask(lambda fold: journal.forget_before(min(fold.memory.log_ms - age_ms, needed_ms))).result()

    def _prune(self, fold: Fold) -> int:
        memory = fold.memory
        book = self._pipeline.book
        book.keep_ballast()
        try:
            return book.prune(
                events_before_ms=memory.log_ms - self._keep.events,
                periods_before_ms=memory.log_ms + memory.offset_ms - self._keep.periods,
                limit=AT_ONCE,
            )
        except DiskFullError:  # deleting needs room, too: the next hour does it
            return 0
