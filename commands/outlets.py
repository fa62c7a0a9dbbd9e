"""The daemon's ways out beside HTTP and InfluxDB: MQTT feed, webhooks, notifications, reports. Each reads the book."""

import threading
import time
from concurrent.futures import Future
from typing import Any

from commands.crew import Crew
from config.schema import CitywardSettings
from feed.failing import Report
from feed.feeds import Feeds
from feed.feeds_around import Around
from feed.vitals import ALIVE_S
from ingest.pipeline import Pipeline, View
from rules.records import Answer, Command, Status


class Outlets:
    """All that are configured. `views` goes to the pipeline before it runs; then `begin`."""

    def __init__(self, settings: CitywardSettings) -> None:
        self._settings = settings
        self._running: Pipeline
        around = Around(
            gateway=settings.gateway.id,
            state=settings.state,
            report=self._report,
            submit=self._submit,
            alive=lambda: time.monotonic() - self._running.progress < ALIVE_S,
        )
        self._feeds = Feeds(settings.feeds, around)
        self.views: list[View] = [*self._feeds.views]

    def begin(self, crew: Crew, pipeline: Pipeline, stop: threading.Event) -> None:
        """Begin all; their threads end when `stop` is set."""
        self._running = pipeline
        self._feeds.begin(crew.hire, stop)

    def counts(self) -> dict[str, dict[str, int]]:
        """Count what each feed has done; from any thread."""
        return self._feeds.counts()

    def end(self, within_s: float) -> None:
        """Let them end well, once `stop` has been set."""
        self._feeds.end(within_s)

    def _submit(self, command: Command) -> "Future[Answer]":
        return self._running.submit(command)

    def _report(self, subject: str) -> Report:
        def report(kind: str, data: dict[str, Any]) -> None:
            self._running.note(Status(at_ms=0, subject=subject, kind=kind, data=data))

        return report
