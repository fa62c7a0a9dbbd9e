"""The one thread that owns all state: what arrived is judged at once, made durable together, then told and acknowledged.

`turn` is the whole story. Nothing leaves before the disk: an acknowledgement, an event, a line or an answer leaves only
when the group that caused it is durable.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from store.book import Book
from store.crashes import Crashes
from store.inbox import Inbox

from devices.frames import Batch
from ingest.clock import Clock
from ingest.sources import Acknowledge, Source
from rules.fold import Fold, PoisonError
from rules.records import Answer, Command, Config, Event, Outcome, Record, Status, Tick
from store.journal import Journal

T = TypeVar("T")

GROUP_S = 0.1  # a group stays open that long
SMALL_GROUP_S = 1.0  # or that long, while few records wait: small gateways with SD cards live longer
SMALL = 50
ANSWER_S = 0.02  # after a frame whose sender waits
GROUP_BYTES = 256 * 1024
IDLE_S = 1.0
TICK_S = 0.05  # timers that are due one after the other share a tick


class View(Protocol):
    """A reader of outcomes with a durable position. `take` never blocks; what it misses it reads from its store."""

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:
        """Read what a group made; called when it is durable."""


class Group:
    """What one commit makes durable together."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.acknowledgements: list[Acknowledge] = []
        self.answers: list[tuple[str, Future[Answer]]] = []
        self.records = 0
        self.bytes = 0
        self.urgent = False
        self.closes_at = float("inf")
        self.opened_at = 0.0
        self.waiting: dict[str, int] = {}
        self.configured: list[Future[None]] = []

    def add(self, outcome: Outcome) -> None:
        """Take what one call of the fold made."""
        if not self.outcomes:
            self.opened_at = time.monotonic()
        self.outcomes.append(outcome)
        self.records += outcome.last - outcome.first + 1
        self.urgent = self.urgent or bool(outcome.events)

    def deadline(self) -> float:
        """Tell when it must close."""
        wait_s = SMALL_GROUP_S if self.records < SMALL else GROUP_S
        return min(self.closes_at, self.opened_at + wait_s)

    def full(self, now: float) -> bool:
        """Tell whether it closes now."""
        return bool(self.outcomes) and (self.urgent or self.bytes >= GROUP_BYTES or now >= self.deadline())

    def merged(self) -> Outcome:
        """One outcome of all; the lists of the first are extended, for nobody else holds them."""
        first, *others = self.outcomes
        for other in others:
            first.last = other.last
            first.known += other.known
            first.strangers += other.strangers
            first.lines += other.lines
            first.refused += other.refused
            first.events += other.events
            first.periods += other.periods
            first.answers.update(other.answers)
        return first


class Pipeline:
    """Owner of fold, journal, inbox and book. Everything else speaks to it through `deliver`, `submit`, `note`, `ask`."""

    def __init__(  # noqa: PLR0913 - it owns that many
        self,
        fold: Fold,
        journal: Journal,
        inbox: Inbox,
        book: Book,
        clock: Clock,
        crashes: Crashes,
        views: Sequence[View],
    ) -> None:
        self.fold, self.journal, self.inbox, self.book, self.clock = fold, journal, inbox, book, clock
        self.crashes, self.views = crashes, views
        self.progress = time.monotonic()  # what the watchdog looks at
        self.replaying = False  # while a replay brings its own times, no other source is open
        self.committed = 0
        self._arrivals: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._windows: dict[str, int] = {}
        self._last_ms = fold.log_ms
        self._ticked = 0.0

    # ----------------------------------------------------------------------------------------- called by others

    def door(self, source: Source, name: str) -> Callable[[Batch, Acknowledge], None]:
        """Return what a source delivers through."""
        if source.window is not None:
            self._windows[name] = source.window
        kind = "waiting batch" if source.waits else "batch"

        def deliver(batch: Batch, acknowledge: Acknowledge) -> None:
            self._arrivals.put((kind, batch, acknowledge))

        return deliver

    def note(self, status: Status) -> None:
        """Take what the gateway noticed about itself."""
        self._arrivals.put(("record", status, None))

    def configure(self, config_hash: str) -> Future[None]:
        """Put an accepted configuration in force."""
        done: Future[None] = Future()
        self._arrivals.put(("config", Config(at_ms=0, hash=config_hash), done))
        return done

    def submit(self, command: Command) -> Future[Answer]:
        """Carry out what a person told the gateway; answered when it is durable."""
        answer: Future[Answer] = Future()
        self._arrivals.put(("command", command, answer))
        return answer

    def ask(self, question: Callable[[Fold], T]) -> Future[T]:
        """Ask the fold something, between two records."""
        answer: Future[T] = Future()
        self._arrivals.put(("question", question, answer))
        return answer

    def stop(self) -> None:
        """Take what has arrived, make it durable, and end."""
        self._stop.set()
        self._arrivals.put(("stop", None, None))

    # ------------------------------------------------------------------------------------------------ its thread

    def run(self) -> None:
        """Turn until stopped; what is raised is fatal."""
        while not self._stop.is_set() or not self._arrivals.empty():
            self.turn()

    def turn(self) -> None:
        """Take one group from arrival to acknowledgement."""
        group = Group()
        while not group.full(time.monotonic()):
            self.progress = time.monotonic()
            arrived = self._arrived(group)
            if arrived is None:
                if not group.outcomes:
                    return
                break
            self._take(group, *arrived)
        self._close(group)

    def _close(self, group: Group) -> None:
        outcome = group.merged()
        self.inbox.append(outcome.strangers)
        self.journal.append(outcome.first, outcome.known)
        if outcome.strangers:
            self.inbox.commit()
        self.committed = self.journal.commit()
        told = self.book.tell(outcome)
        for acknowledge in group.acknowledgements:
            acknowledge()
        for name, answer in group.answers:
            answer.set_result(outcome.answers[name])
        for done in group.configured:
            done.set_result(None)
        for view in self.views:
            view.take(told, outcome)
        self.progress = time.monotonic()

    def _arrived(self, group: Group) -> tuple[str, Any, Any] | None:
        """Wait for what comes next: an arrival, a timer that is due, the group's end (None)."""
        now = time.monotonic()
        wait_s = max(0.0, group.deadline() - now) if group.outcomes else IDLE_S
        due_ms = None if self.replaying else self.fold.next_due_ms()
        if due_ms is not None:
            due_s = max((due_ms - self.clock.log_ms()) / 1000, self._ticked + TICK_S - now, 0.0)
            wait_s = min(wait_s, due_s)
        try:
            return self._arrivals.get(timeout=wait_s) if wait_s else self._arrivals.get_nowait()
        except queue.Empty:
            if due_ms is None or due_ms > self.clock.log_ms() or time.monotonic() < self._ticked + TICK_S:
                return None
            self._ticked = time.monotonic()
            return "record", Tick(at_ms=0), None

    def _take(self, group: Group, kind: str, what: Any, then: Any) -> None:
        """Judge one arrival. What raises is a defect: it is made durable, blamed, and ends the process."""
        if kind == "question":
            then.set_result(what(self.fold))
            return
        if kind == "stop":
            group.urgent = True
            return
        what.at_ms = self._last_ms = self._stamp(what)
        first = self.journal.reserve([what])
        try:
            outcome = self.fold.take(first, [what])
        except Exception as error:
            self._keep_unjudged(group, first, what, error)
            raise
        group.add(outcome)
        if kind in ("batch", "waiting batch"):
            self._count(group, what, then, waits=kind == "waiting batch")
        elif kind == "command":
            group.answers.append((what.id, then))
            group.urgent = True
        elif kind == "config":
            group.configured.append(then)
            group.urgent = True

    def _stamp(self, record: Record) -> int:
        """Log time: a replay brings its own; it never goes back."""
        if self.replaying:
            return max(self._last_ms, record.at_ms)
        return max(self._last_ms, self.clock.log_ms())

    def _count(self, group: Group, batch: Batch, acknowledge: Acknowledge, *, waits: bool) -> None:
        group.acknowledgements.append(acknowledge)
        group.bytes += sum([len(frame[1]) for frame in batch.frames])
        if waits:
            group.closes_at = min(group.closes_at, time.monotonic() + ANSWER_S)
        window = self._windows.get(batch.source)
        if window is not None:  # the sender stands still when its window is full
            waiting = group.waiting[batch.source] = group.waiting.get(batch.source, 0) + len(batch.frames)
            group.urgent = group.urgent or waiting >= window

    def _keep_unjudged(self, group: Group, first: int, record: Record, error: Exception) -> None:
        """Keep what was taken, tell nobody, and remember which record it was."""
        if group.outcomes:
            taken = group.merged()
            self.journal.append(taken.first, taken.known)
            self.inbox.append(taken.strangers)
            self.inbox.commit()
        self.journal.append(first, [(first, record)])
        self.journal.commit()
        sequence = error.sequence if isinstance(error, PoisonError) else first
        self.crashes.blame(sequence, repr(error.__cause__ or error))
