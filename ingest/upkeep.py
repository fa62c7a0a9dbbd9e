"""What must be thrown away now and then. APScheduler only says when; the pipeline, which owns the stores, does it.

Late jobs are no matter here (APScheduler 3 skips a run that is a second late and counts on wall time: it must never
judge anything), and a clock that jumps costs at most one clean-up.
"""

from apscheduler.schedulers.background import BackgroundScheduler

from ingest.pipeline import Pipeline
from rules.fold import Fold

DAY_MS = 86_400_000
EVENTS_KEPT_MS = 400 * DAY_MS  # a year and a month: what a yearly report looks back to
PERIODS_KEPT_MS = 400 * DAY_MS
AT_ONCE = 500  # rows in one go between two records


class Upkeep:
    """The hourly clean-up of book and journal. journal_age_ms: how old that may become; None = any age."""

    def __init__(self, pipeline: Pipeline, *, journal_age_ms: int | None = None) -> None:
        self._pipeline, self._journal_age_ms = pipeline, journal_age_ms
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._scheduler.add_job(self.clean, "cron", minute=17, misfire_grace_time=600, coalesce=True)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._scheduler.start()

    def stop(self) -> None:
        """End without waiting for a job."""
        self._scheduler.shutdown(wait=False)

    def clean(self) -> None:
        """Ask the pipeline to throw old events and periods away, a few at a time; then old segments of the journal."""
        while self._pipeline.ask(self._prune).result() >= AT_ONCE:
            pass
        age_ms, journal = self._journal_age_ms, self._pipeline.journal
        if age_ms is not None:
            self._pipeline.ask(lambda fold: journal.forget_before(fold.memory.log_ms - age_ms)).result()

    def _prune(self, fold: Fold) -> int:
        memory = fold.memory
        book = self._pipeline.book
        book.keep_ballast()
        return book.prune(
            events_before_ms=memory.log_ms - EVENTS_KEPT_MS,
            periods_before_ms=memory.log_ms + memory.offset_ms - PERIODS_KEPT_MS,
            limit=AT_ONCE,
        )
