"""An account of what a source missed, told now and then."""

from time import monotonic
from typing import Final

from ingest.sources import Report

TELL_EVERY_S: Final = 60.0
"""A noisy line must not fill the journal."""


class Missed:
    """Counts by cause what did not become a frame and reports it as `missed`, at most once a minute.

    Causes are plain words: `noise_bytes` (then bytes are counted), `no_answer` (polls), `links` (links turned away).
    For one thread.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._counts: dict[str, int] = {}
        self._told_at = -TELL_EVERY_S

    def add(self, cause: str, count: int = 1) -> None:
        """Count what was missed now; 0 is nothing. Tells, when it is time."""
        if count:
            self._counts[cause] = self._counts.get(cause, 0) + count
        if self._counts and monotonic() - self._told_at >= TELL_EVERY_S:
            self.tell()

    def tell(self) -> None:
        """Report what has not been told yet."""
        self._told_at = monotonic()
        for cause, count in self._counts.items():
            self._report("missed", {"count": count, "cause": cause})
        self._counts.clear()
