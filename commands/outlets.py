"""The daemon's ways out beside HTTP and InfluxDB: MQTT feed, webhooks, notifications, reports. Each reads the book."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from typing import Any
from zoneinfo import ZoneInfo

from commands.crew import Crew
from config.schema import CitywardSettings
from feed.failing import Report
from feed.feeds import Feeds
from feed.feeds_around import Around
from feed.notify.decide import About
from feed.notify.notifier import Clocks, Notifier
from feed.notify.senders import plan_of
from feed.notify.settings import NotifySettings
from feed.vitals import ALIVE_S
from ingest.pipeline import Pipeline, View
from rules.fold import Fold
from rules.packs.gateway import BUILT_IN
from rules.records import Alarm, Answer, Command, Status, Text

ANSWER_S = 5.0


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
            civil_ms=self._civil_ms,
            alive=lambda: time.monotonic() - self._running.progress < ALIVE_S,
        )
        self._feeds = Feeds(settings.feeds, around)
        self.views: list[View] = [*self._feeds.views]
        self._notifier = None if settings.notify is None else self._tells(settings, settings.notify)
        self._telling: threading.Thread | None = None
        if self._notifier is not None:
            self.views.append(self._notifier.follower)

    def begin(self, crew: Crew, pipeline: Pipeline, stop: threading.Event) -> None:
        """Begin all; their threads end when `stop` is set."""
        self._running = pipeline
        self._feeds.begin(crew.hire, stop)
        notifier = self._notifier
        if notifier is not None:
            self._telling = crew.hire("notify", lambda: notifier.run(stop), stop)

    def counts(self) -> dict[str, dict[str, int]]:
        """Count what each feed has done; from any thread."""
        return self._feeds.counts()

    def end(self, within_s: float) -> None:
        """Let them end well, once `stop` has been set."""
        until = time.monotonic() + within_s
        if self._notifier is not None:
            self._notifier.follower.wake()
        self._feeds.end(within_s)
        if self._telling is not None:  # what is under way is else sent again, as perhaps arrived
            self._telling.join(max(0.0, until - time.monotonic()))

    def _tells(self, settings: CitywardSettings, notify: NotifySettings) -> Notifier:
        plan = plan_of(notify, ZoneInfo(settings.gateway.time_zone), settings.console.shifts)
        clocks = Clocks(self._civil_ms)
        return Notifier(plan, settings.gateway.id, settings.state, clocks, self._describe, self._report_of)

    def _describe(self, alarms: Sequence[Alarm]) -> dict[str, About] | None:
        """Ask the fold for what its registry and rules say of alarms; None = it does not answer."""
        if not alarms:
            return {}
        try:
            return self._running.ask(lambda fold: {alarm.id: _about(fold, alarm) for alarm in alarms}).result(ANSWER_S)
        except (TimeoutError, CancelledError):
            return None

    def _report_of(self, subject: str, kind: str, data: dict[str, Any]) -> None:
        self._running.note(Status(at_ms=0, subject=subject, kind=kind, data=data))

    def _civil_ms(self) -> int:
        return self._running.civil_ms()

    def _submit(self, command: Command) -> "Future[Answer]":
        return self._running.submit(command)

    def _report(self, subject: str) -> Report:
        def report(kind: str, data: dict[str, Any]) -> None:
            self._running.note(Status(at_ms=0, subject=subject, kind=kind, data=data))

        return report


def _about(fold: Fold, alarm: Alarm) -> About:
    world = fold.memory.world
    judge = world.judging.judges.get((alarm.rule, alarm.subject))
    rule = BUILT_IN.get(alarm.rule) if judge is None else judge.rule
    track = None if alarm.device is None else world.reception.tracks.get(alarm.device)
    return About(
        district=None if track is None else track.device.district,
        labels={} if track is None else track.device.labels,
        action=Text("", "") if rule is None else rule.action,
    )
