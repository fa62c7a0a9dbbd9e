"""The daemon's ways out beside HTTP and InfluxDB: MQTT feed, webhooks, notifications, reports. Each reads the book."""

import threading

from commands.crew import Crew
from config.schema import CitywardSettings
from ingest.pipeline import Pipeline, View


class Outlets:
    """All that are configured. `views` goes to the pipeline before it runs; then `begin`."""

    def __init__(self, settings: CitywardSettings) -> None:
        self._settings = settings
        self.views: list[View] = []

    def begin(self, crew: Crew, pipeline: Pipeline, stop: threading.Event) -> None:
        """Begin all; their threads end when `stop` is set."""
