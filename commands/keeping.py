"""What a daemon keeps beside its work, and for how long: proofs of verdicts, the archive, reports; old things go."""

import logging
import sqlite3
import threading
from pathlib import Path

from commands import shadow_days
from commands.archive_child import Archivist, Task
from commands.crew import Crew
from commands.evidence import Proofs
from commands.report_child import Reporter
from commands.report_telling import teller
from config.schema import CitywardSettings
from feed import audit_export
from ingest.pipeline import Pipeline
from ingest.upkeep import Upkeep

log = logging.getLogger(__name__)


def begin(crew: Crew, pipeline: Pipeline, proofs: Proofs, settings: CitywardSettings, stop: threading.Event) -> Upkeep:
    """Begin all of it; its threads end when `stop` is set, the upkeep when it is stopped."""
    crew.hire("evidence", lambda: proofs.run(stop), stop)
    upkeep = Upkeep(
        pipeline, settings.keep, journal_age_ms=settings.budgets.journal_age, needed_ms=proofs.needed_from_ms
    )
    zone = settings.gateway.time_zone
    upkeep.each_day(zone, lambda: shadow_days.tell(settings.state / "book.sqlite", zone))
    upkeep.each_day(zone, lambda: _export_audit(settings.state, zone, pipeline.civil_ms()))
    upkeep.start()
    if settings.reports is not None:
        reporter = Reporter(settings, settings.reports, teller(settings), pipeline.civil_ms)
        crew.hire("reports", lambda: reporter.run(stop), stop)
    if settings.archive is not None:
        state, budget, stores = str(settings.state), settings.archive.budget, pipeline.stores

        def task() -> Task:
            return Task(state, stores.journal.last, budget, sorted(stores.crashes.set_aside))

        archivist = Archivist(task)
        crew.hire("archive", lambda: archivist.run(stop), stop)
    return upkeep


def _export_audit(state: Path, zone: str, now_ms: int) -> None:
    try:
        audit_export.export(state, zone, now_ms)
    except (sqlite3.Error, OSError) as error:
        log.error("the audit trail was not exported (%s): the next export has it", error)  # noqa: TRY400
