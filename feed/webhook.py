"""A webhook: each event one POST, in order, until the receiver has taken it.

The position moves with each event, after its answer, and is on the disk within a second; so a process that was killed
posts again what it posted in that second, with the same ids. Nothing overtakes an event that the receiver cannot take,
for order is part of what is told; one that it says it does not want is set aside after a while, counted, and kept in
the desk by its number.
"""

import logging
import sqlite3
import threading
import time

from feed import cloudevents
from feed.desk import passes
from feed.failing import Failing
from feed.feeds_around import Around
from feed.feeds_desk import FeedsDesk
from feed.feeds_settings import WebhookSettings
from feed.follow import Follower
from feed.positions import Position
from feed.webhook_post import Poster, Reply
from rules.records import Event
from store.settings import without_query

ASIDE_S = 600.0  # an event that is refused for so long, and
ASIDE_TRIES = 5  # so often, is set aside
KEEP_S = 1.0  # in a flood an fsync for each event would cost more than the post
IDLE_S = 0.5
OF_THE_GATEWAY = "gateway"  # as a family: alarms of no device

log = logging.getLogger(__name__)


class Webhook:
    """One receiver. Give `follower` to the pipeline as a view, then let a thread `run` it."""

    def __init__(
        self, settings: WebhookSettings, around: Around, *, failing: Failing | None = None, aside_s: float = ASIDE_S
    ) -> None:
        self.follower = Follower(around.state / "book.sqlite")
        self._settings, self._gateway, self._civil_ms = settings, around.gateway, around.civil_ms
        self._memory = FeedsDesk(around.state / "desk.sqlite", settings.name)
        self._failing = failing or Failing(around.report(f"feed:{settings.name}"), "feed-failing")
        self._aside_s = aside_s
        self._poster = Poster(settings)
        self._position = self._kept = Position("", 0)
        self._kept_s = 0.0
        self._lost = {"forgotten": 0, "set_aside": 0}

    def counts(self) -> dict[str, int]:
        """Give its position, and how many events the receiver will not get, by why; from any thread."""
        return {"position": self._position.number, **self._lost}

    def run(self, stop: threading.Event) -> None:
        """Post until `stop` is set. What is raised is a defect."""
        begun = False
        try:
            while not stop.is_set():
                try:
                    if not begun:
                        self._begin()
                        begun = True
                    self._turn(stop)
                except sqlite3.Error as error:
                    if not passes(error):
                        raise
                    why = f"the desk cannot be written now: {error}"
                    stop.wait(self._failing.failed(why, why, time.monotonic()))
        finally:
            self._poster.close()
            self.follower.close()
            self._memory.close()

    def _begin(self) -> None:
        """Find out where to go on: behind what the receiver has, or, at first, behind what has been told already."""
        book = self.follower.book
        feed, last = book.feed_id, book.last_event
        position = self._memory.position()
        if position is None or (position.feed == feed and position.number > last):  # or an older book was put back
            position = Position(feed, last)
        elif position.feed != feed:  # another book: all that it says is new
            position = Position(feed, max(book.oldest_event - 1, 0))
        self._memory.keep(position)
        self._position = self._kept = position
        self._lost = {"forgotten": self._memory.forgotten(), "set_aside": self._memory.set_aside()}

    def _turn(self, stop: threading.Event) -> None:
        feed, number = self._position
        events = self.follower.after(number, IDLE_S)
        if events and events[0].number != number + 1:
            lost = events[0].number - 1 - number
            log.warning("feed %s: the book has forgotten %d events before they were sent", self._settings.name, lost)
            self._position = Position(feed, events[0].number - 1)
            self._memory.keep(self._position, forgotten=lost)
            self._lost["forgotten"] += lost
        for event in events:
            if self.wants(event) and not self._deliver(event, stop):
                break
            self._position = Position(feed, event.number)
            if time.monotonic() > self._kept_s + KEEP_S:
                self._keep()
        self._keep()

    def _keep(self) -> None:
        self._kept_s = time.monotonic()
        if self._kept != self._position:
            self._memory.keep(self._position)
            self._kept = self._position

    def wants(self, event: Event) -> bool:
        """Whether the receiver is to hear of it."""
        settings, alarm = self._settings, event.alarm
        return (
            (settings.priorities is None or alarm.priority in settings.priorities)
            and (settings.families is None or (alarm.family or OF_THE_GATEWAY) in settings.families)
            and (settings.sites is None or alarm.site in settings.sites)
        )

    def _deliver(self, event: Event, stop: threading.Event) -> bool:
        """Post until it is taken or set aside; return False when it is to stop before."""
        position = Position(self._position.feed, event.number)
        body = cloudevents.of_event(event, position.feed, self._gateway)
        refused_s, tries = None, 0
        while not stop.is_set():
            reply = self._poster.post(body, str(position), self._civil_ms() // 1000)
            now_s = time.monotonic()
            if reply.meaning == "taken":
                self._failing.worked()
                return True
            pause_s = self._failed(reply, now_s)
            self._keep()  # it may take long
            if reply.meaning == "refused":
                refused_s, tries = refused_s or now_s, tries + 1
                if tries >= ASIDE_TRIES and now_s - refused_s >= self._aside_s:
                    log.error("feed %s: %s is set aside: %d %s", self._settings.name, position, *_said(reply))
                    self._memory.aside(position, self._civil_ms(), *_said(reply))
                    self._lost["set_aside"] += 1
                    return True
            stop.wait(pause_s)
        return False

    def _failed(self, reply: Reply, now_s: float) -> float:
        status, detail = _said(reply)
        why = f"{without_query(self._settings.url)}: {status or '-'} {detail}"
        if why != self._failing.why:
            log.warning("feed %s: %s", self._settings.name, why)
        return self._failing.failed(why, why, now_s, retry_after_s=reply.retry_after_s)


def _said(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.detail
