"""The one thread that owns all state: what arrived is judged at once, made durable together, then told, acknowledged.

`turn` is the whole story. Nothing leaves before the disk: an acknowledgement, an event, a line or an answer leaves only
when the group that caused it is durable.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import accumulate
from math import inf
from typing import Any, Protocol, TypeVar

from devices.frames import Batch
from ingest.clock import Clock
from ingest.poison import Poison, blamed, holds_poison, sound_frames
from ingest.sources import Acknowledge, Deliver, Source
from ingest.stores import Stores
from rules import sections
from rules.fold import Fold
from rules.intake import PoisonError
from rules.records import Answer, Command, Config, Event, Outcome, Record, Refile, Status, Tick
from store.fs import DiskFullError
from store.journal import span

T = TypeVar("T")

GROUP_S = 0.1  # a group stays open that long
SMALL_GROUP_S = 1.0  # or that long, while few records wait: small gateways with SD cards live longer
SMALL = 50
ANSWER_S = 0.02  # after a frame whose sender waits
GROUP_BYTES = 256 * 1024
IDLE_S = 1.0
TICK_S = 0.05  # timers that are due one after the other share a tick
QUEUED = 5_000  # batches that may wait: more than any window, so it holds up nobody but senders without one (QoS 0)
FULL_DISK_S = 1.0
NO_ROOM = {
    "name": "disk-full",
    "bad": True,
    "why_zh": "旧数据已全部让出仍无空间，停止确认",
    "why_en": "no room though all old data were given up; nothing is acknowledged any more",
}
LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, inf)

Picture = tuple[int, sections.Sections]
"""What the fold remembers after a sequence that is durable."""


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
        self.journaled = False  # the pipeline was careful: what is in it is on the disk already
        self.closes_at = float("inf")
        self.opened_at = 0.0
        self.waiting: dict[str, int] = {}
        self.configured: list[Future[None]] = []
        self.questions: list[tuple[Callable[[Fold], Any], Future[Any]]] = []

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
        return self.urgent or (bool(self.outcomes) and (self.bytes >= GROUP_BYTES or now >= self.deadline()))

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
            first.shadows += other.shadows
            first.periods += other.periods
            first.bays += other.bays
            first.answers.update(other.answers)
        return first


class Pipeline:
    """Owner of fold, journal, inbox and book. Everything else speaks to it through the calls of the first part."""

    def __init__(
        self, fold: Fold, stores: Stores, clock: Clock, views: Sequence[View], poison: Poison = frozenset()
    ) -> None:
        self.fold, self.clock, self.views, self.poison = fold, clock, views, poison
        self.journal, self.inbox, self.book, self.crashes = stores.journal, stores.inbox, stores.book, stores.crashes
        self.stores = stores
        self.progress = time.monotonic()  # what the watchdog looks at
        self.replaying = False  # while a replay brings its own times, no other source is open
        self.full_disk = False  # it waits for room: nothing is acknowledged
        self._can_tell = stores.book.has_ballast  # of a disk that is full
        self._arrivals: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self._stop, self._ended = threading.Event(), threading.Event()
        self._windows: dict[str, int] = {}
        self._last_ms = fold.memory.log_ms
        self._last = fold.memory.out.last
        self._ticked = 0.0
        self._latencies = [0] * len(LATENCY_S)
        self._latency_sum_s = 0.0

    # ----------------------------------------------------------------------------------------- called by others

    def door(self, source: Source, name: str) -> Deliver:
        """Return what a source delivers through."""
        if source.window is not None:
            self._windows[name] = source.window
        kind = "waiting batch" if source.waits else "batch"

        def deliver(batch: Batch, acknowledge: Acknowledge) -> None:
            while self._arrivals.qsize() > QUEUED and not self._stop.is_set():
                time.sleep(0.01)
            self._arrivals.put((kind, batch, acknowledge))

        return deliver

    def note(self, record: Record) -> None:
        """Take what the gateway noticed about itself."""
        self._arrivals.put(("record", record, None))

    def configure(self, config_hash: str, content: bytes) -> Future[None]:
        """Accept a configuration and put it in force."""
        self._arrivals.put(("accepted", partial(self.book.accept, config_hash, content), None))
        return self._promised("config", Config(at_ms=0, hash=config_hash))

    def submit(self, command: Command | Refile) -> Future[Answer]:
        """Carry out what a person told the gateway, or take a part of a refile; answered when it is durable."""
        return self._promised("command", command)

    def civil_ms(self) -> int:
        """Return civil time as it is believed, Unix ms; from any thread."""
        return self.clock.log_ms() + self.fold.memory.offset_ms

    def ask(self, question: Callable[[Fold], T]) -> Future[T]:
        """Ask the fold something, between two records; what it knows may be ahead of the disk.

        What the question raises is the asker's: the pipeline goes on.
        """
        return self._promised("question", question)

    def ask_durable(self, question: Callable[[Fold], T]) -> Future[T]:
        """Ask the fold something between two groups: what it knows is on the disk and told. Raises as `ask` does."""
        return self._promised("durable question", question)

    def picture(self) -> Future[Picture]:
        """Ask for all that the fold remembers after a sequence that is durable and told."""
        return self.ask_durable(lambda fold: (self._last, sections.write(fold)))

    def waiting(self) -> int:
        """Count what waits for the pipeline."""
        return self._arrivals.qsize()

    def latencies(self) -> tuple[tuple[tuple[float, int], ...], float]:
        """From a group's opening until what it caused was told: cumulative counts by bound in seconds; their sum."""
        return tuple(zip(LATENCY_S, accumulate(self._latencies), strict=True)), self._latency_sum_s

    def stop(self, timeout_s: float) -> bool:
        """Take what has arrived, make it durable, and end; return whether it did in time.

        What is asked later is not answered: its future is cancelled.
        """
        self._stop.set()
        self._arrivals.put(("stop", None, None))
        return self._ended.wait(timeout_s)

    def _promised(self, kind: str, what: object) -> Future[Any]:
        answer: Future[Any] = Future()
        self._arrivals.put((kind, what, answer))
        if self._ended.is_set():
            self._let_go()
        return answer

    def _let_go(self) -> None:
        """Cancel what came after the end: nobody else would tell those who wait for it."""
        with suppress(queue.Empty):
            while True:
                _, _, then = self._arrivals.get_nowait()
                if isinstance(then, Future):
                    then.cancel()

    # ------------------------------------------------------------------------------------------------ its thread

    def run(self) -> None:
        """Turn until stopped; what is raised is fatal."""
        while not self._stop.is_set() or not self._arrivals.empty():
            self.turn()
        self._ended.set()
        self._let_go()

    def turn(self) -> None:
        """Take one group from arrival to acknowledgement."""
        group = Group()
        while not group.full(time.monotonic()):
            self.progress = time.monotonic()
            arrived = self._arrived(group)
            if arrived is None:
                break
            self._take(group, *arrived)
        if group.outcomes:
            self._close(group)
        for question, answer in group.questions:
            self._answer(question, answer)

    def _close(self, group: Group) -> None:
        """Make it durable; then, and only then, tell, acknowledge and hand on."""
        outcome = group.merged()
        self.inbox.append(outcome.strangers)
        if not group.journaled:
            self.journal.append(outcome.first, outcome.known)
        self._when_there_is_room(self.inbox.commit)
        self._when_there_is_room(self.journal.commit)
        told = self._when_there_is_room(lambda: self.book.tell(outcome))
        self._last = outcome.last
        for acknowledge in group.acknowledgements:
            acknowledge()
        for name, answer in group.answers:
            answer.set_result(outcome.answers[name])
        for done in group.configured:
            done.set_result(None)
        for view in self.views:
            view.take(told, outcome)
        self.progress = time.monotonic()
        if told:
            took_s = self.progress - group.opened_at
            self._latencies[next(i for i, bound in enumerate(LATENCY_S) if took_s <= bound)] += 1
            self._latency_sum_s += took_s

    def _when_there_is_room(self, write: Callable[[], T]) -> T:
        """Write; when the disk is full and nothing is left to give up, wait: nothing is acknowledged."""
        while True:
            try:
                result = self.stores.with_room(write)
            except DiskFullError:
                self.full_disk = True
                self.progress = time.monotonic()  # it waits, it does not hang
                time.sleep(FULL_DISK_S)
            else:
                self.full_disk = False
                return result

    def _arrived(self, group: Group) -> tuple[str, Any, Any] | None:
        """Wait for what comes next: an arrival, a timer that is due, the group's end (None)."""
        if self._can_tell != self.book.has_ballast:
            self._can_tell = self.book.has_ballast
            if not self._can_tell:  # before all arrivals, while there is room for it
                return "record", Status(at_ms=0, subject="gateway", kind="condition", data=NO_ROOM), None
        now = time.monotonic()
        wait_s = max(0.0, group.deadline() - now) if group.outcomes else IDLE_S
        if self.replaying and group.outcomes:
            wait_s = 0.0  # the past comes as fast as it is taken
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

    def _take(self, group: Group, kind: str, what: Any, then: Any) -> None:  # noqa: ANN401 - by kind, see the callers
        """Take one arrival by its kind."""
        if kind == "question":
            self._answer(what, then)
        elif kind == "accepted":
            self._when_there_is_room(what)
        elif kind in ("durable question", "stop"):
            if then is not None:
                group.questions.append((what, then))
            group.urgent = True
        else:
            what.at_ms = self._last_ms = self._stamp(what)
            self._judge(group, what)
            if kind == "command":
                group.answers.append((what.id, then))
                group.urgent = True
            elif kind == "config":
                group.configured.append(then)
                group.urgent = True
            elif isinstance(what, Batch):
                self._count(group, what, then, waits=kind == "waiting batch")

    def _answer(self, question: Callable[[Fold], T], answer: Future[T]) -> None:
        try:
            found = question(self.fold)
        except Exception as error:  # noqa: BLE001 - raised where somebody waits for it: a look ends no pipeline
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def _judge(self, group: Group, record: Record) -> None:
        """Judge one record. What raises is a defect: the record is made durable, blamed, and the process ends.

        While a culprit of the last process may come again, it is committed before it is judged, alone in its group.
        """
        first = self.journal.reserve([record])
        careful = self.crashes.careful
        apart = careful or (isinstance(record, Batch) and holds_poison(record, self.poison))
        if apart:
            group.add(Outcome(first=first, last=first - 1, known=[(first, record)]))
        if careful:
            group.urgent = group.journaled = True
            self.journal.append(first, [(first, record)])
            self._when_there_is_room(self.journal.commit)
        try:
            if apart:
                self._judge_apart(group, first, record)
            else:
                with self.crashes.judging(first, first + span(record) - 1, kept=False):
                    group.add(self.fold.take(first, [record]))
        except PoisonError as error:
            if not apart:
                group.add(Outcome(first=first, last=first, known=[(first, record)]))
            self._keep_unjudged(group)
            self.crashes.blame(*blamed(error, record))
            raise

    def _judge_apart(self, group: Group, first: int, record: Record) -> None:
        """Judge a record that is kept as it came: frame by frame, without what is set aside, which is counted."""
        parts = sound_frames(first, record, self.poison) if isinstance(record, Batch) else [(first, record)]
        for at, part in parts:
            with self.crashes.judging(at, at, kept=group.journaled):
                outcome = self.fold.take(at, [part])
            outcome.known, outcome.strangers = [], []
            group.add(outcome)
        last = first + span(record) - 1
        group.add(Outcome(first=last + 1, last=last))  # also when nothing of it was sound
        if isinstance(record, Batch):
            for index, (place, payload, _) in enumerate(record.frames):
                if (record.source, place, payload) in self.poison:
                    data = {"sequence": first + index, "source": record.source, "why": "it came again"}
                    self.note(Status(at_ms=0, subject="gateway", kind="set_aside", data=data))

    def _keep_unjudged(self, group: Group) -> None:
        """Keep what was taken, the record that raised with it; tell nobody."""
        if not group.journaled:
            taken = group.merged()
            self.journal.append(taken.first, taken.known)
            self.inbox.append(taken.strangers)
            self._when_there_is_room(self.inbox.commit)
            self._when_there_is_room(self.journal.commit)

    def _stamp(self, record: Record) -> int:
        """Give log time: a replay brings its own; it never goes back."""
        return max(self._last_ms, record.at_ms if self.replaying else self.clock.log_ms())

    def _count(self, group: Group, batch: Batch, acknowledge: Acknowledge, *, waits: bool) -> None:
        group.acknowledgements.append(acknowledge)
        group.bytes += sum([len(frame[1]) for frame in batch.frames])
        if waits:
            group.closes_at = min(group.closes_at, time.monotonic() + ANSWER_S)
        window = self._windows.get(batch.source)
        if window is not None:  # the sender stands still when its window is full
            waiting = group.waiting[batch.source] = group.waiting.get(batch.source, 0) + len(batch.frames)
            group.urgent = group.urgent or waiting >= window
