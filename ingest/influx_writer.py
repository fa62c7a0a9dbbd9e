"""The view that writes lines to InfluxDB: a slow or dead server slows nobody and loses nothing.

In the good case lines go from memory to InfluxDB and nothing is written here. While InfluxDB lags, refuses or is away,
they go to the backlog, and from there to InfluxDB when it can again: one way at a time, so that what is written is
written in order. What waits in memory is bounded: beyond a dozen megabytes it goes to the backlog too.

Two threads: `run` owns all state and the disk; the poster does nothing but HTTP, which may hang for half a minute.
`take` hands a text over and goes on.

The position is the last sequence whose lines are safe: in InfluxDB, in the backlog, or counted as set aside or expired.
Position and counts are written to the disk together, seldom: what was posted since is made again by the replay after a
crash, posted again and counted then, and in InfluxDB it overwrites itself.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Protocol

from msgspec import structs

from ingest import influx_state
from ingest.influx import NO_ANSWER, Answer
from ingest.influx_halving import LINES_A_REQUEST, Delivered, deliver
from ingest.influx_memory import Body, Memory
from ingest.influx_state import State
from ingest.influx_trouble import Trouble
from rules.records import Event, Outcome
from store.backlog import Backlog
from store.fs import DiskFullError, Fs
from store.ledger import SinkCounts

FLUSH_S = 1.0
SAVE_S = 60.0
STOP_S = 3.0
MEMORY_BYTES = 12 << 20  # what 80,000 messages at once leave behind; through the backlog a message costs 0.5 µs more


class Writes(Protocol):
    """Where bodies go: `ingest.influx.Influx`."""

    def write(self, text: bytes) -> Answer:
        """Post a body; what goes wrong is in the answer."""
        ...


class InfluxWriter:
    """`open` it, then `run` it in a thread of its own; `take` is for the pipeline's thread."""

    def __init__(self, influx: Writes, folder: Path, trouble: Trouble, fs: Fs, *, budget_bytes: int) -> None:
        """folder: for position, counts, set-aside lines, and the backlog, which may take budget_bytes."""
        self._influx, self._folder, self._trouble, self._fs = influx, folder, trouble, fs
        self._budget_bytes = budget_bytes
        self._state = State()
        self._saved = b""  # what stands in the file
        self._unsaved = False  # lines passed since then without the backlog
        self._flushed_at = self._saved_at = monotonic()
        self._running = False
        self._changed = threading.Condition()  # guards all that follows, and the counts of the state
        self._memory = Memory()
        self._stored = 0  # lines in the backlog
        self._unseen = 0  # lines since `run` was woken
        self._last = 0  # of the newest group
        self._flight: Body | None = None  # what the poster works at
        self._back: Body | None = None  # what it brought back and is not in the backlog: the oldest of all
        self._job: Body | None = None
        self._result: Delivered | Answer | BaseException | None = None
        self._durable = 0
        self._settle_to, self._settle_by = 0, 0.0
        self._woken = False
        self._freed: int | None = 0  # None: somebody asks for room

    # ------------------------------------------------------------------------------------------- called by others

    def open(self) -> int:
        """Read position and counts, open the backlog; return the position. Outcomes up to it are not needed again.

        A replay that goes beyond it must begin a new outcome behind it: the lines of one that reaches across are
        written and counted all.
        Raises store.log.InUseError when another process has it open, msgspec.DecodeError when the file is damaged.
        """
        self._fs.make_dir(self._folder)
        self._state = state = influx_state.load(self._fs, self._folder)
        backlog = Backlog(self._fs, self._folder / "backlog", self._budget_bytes, expiring=self._expired)
        self._backlog = backlog
        self._stored = backlog.waiting_lines
        dropped = backlog.expired_lines - state.dropped  # after the state was written, like all differences here
        appended = self._stored - state.waiting + dropped
        state.taken += max(appended, 0)
        state.expired += dropped + max(-appended, 0)  # less than nothing: somebody has deleted the backlog
        state.position = max(state.position, backlog.last)
        self._save()
        self._last = state.position
        return self._durable

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:
        """Take over the lines of a group that is durable. Never blocks longer than it takes to join them.

        Before `run` has begun, while a start replays, nobody else empties the memory: then it goes to the backlog here.
        """
        del told
        lines = outcome.lines
        text = b"".join(lines)
        with self._changed:
            if outcome.last <= self._last:
                return  # made again by a replay, or nothing at all
            self._last = outcome.last
            if not lines:
                return
            self._memory.add(Body(outcome.last, len(lines), text))
            self._unseen += len(lines)
            if self._unseen >= LINES_A_REQUEST or self._memory.bytes > MEMORY_BYTES:
                self._wake()
        if not self._running and self._memory.bytes > MEMORY_BYTES:
            self._store_all()

    def position(self) -> int:
        """Return the durable position."""
        return self._durable

    def backlog_bytes(self) -> int:
        """Return how much waits on the disk."""
        return self._backlog.used_bytes

    def settle(self, last: int, timeout_s: float) -> bool:
        """Make the position at least `last`, durably, by InfluxDB or by the backlog; return whether it is.

        `last` must have been taken. Not for the pipeline's thread: it waits for the disk, and half of the time for
        InfluxDB.
        """
        with self._changed:
            self._settle_to, self._settle_by = max(last, self._settle_to), monotonic() + timeout_s / 2
            self._wake()
            return self._changed.wait_for(lambda: self._durable >= last, timeout_s)

    def free_oldest(self) -> int:
        """Give up the oldest of the backlog, for the disk is full; return how many bytes. For the pipeline's thread."""
        if not self._running:
            return self._backlog.free_oldest()
        with self._changed:
            self._freed = None
            self._wake()
            self._changed.wait_for(lambda: self._freed is not None, STOP_S)
            return self._freed or 0

    def counts(self) -> SinkCounts:
        """Count all lines taken so far."""
        with self._changed:
            state = self._state
            on_the_way = [each.lines for each in (self._flight, self._back) if each is not None and not each.stored]
            return SinkCounts(
                position=self._durable,
                written=state.written,
                waiting=self._stored + sum(on_the_way) + self._memory.lines,
                set_aside=dict(state.set_aside),
                expired=state.expired,
                devices={name: structs.replace(counts) for name, counts in state.devices.items()},
            )

    def _wake(self) -> None:
        self._unseen = 0
        self._woken = True
        self._changed.notify_all()

    # ------------------------------------------------------------------------------------------------ its thread

    def run(self, stop: threading.Event) -> None:
        """Write until stopped, then make safe what is left. What is raised is a defect or a dead disk."""
        self._running = True
        threading.Thread(target=self._post_all, name="influx-post", daemon=True).start()
        while not stop.is_set():
            self._turn(monotonic())
            self._rest()
        deadline = monotonic() + STOP_S
        with self._changed:
            self._settle_to, self._settle_by = self._last, deadline - STOP_S / 2
        while self._durable < self._last and monotonic() < deadline:
            self._turn(monotonic())
            self._rest()
        self._save()
        with self._changed:
            self._job = Body(0, 0, b"")  # the poster's end; in the middle of a post it ends with the process
            self._changed.notify_all()
        self._backlog.close()

    def _post_all(self) -> None:
        """Post one body after the other. The poster's thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._job is not None)
                job, self._job = self._job, None
            if job is None or not job.lines:
                return
            try:
                result: Delivered | Answer | BaseException = deliver(job.text, job.lines, self._influx.write)
            except BaseException as error:  # noqa: BLE001 - raised again by `run`: nobody watches this thread
                result = error
            with self._changed:
                self._result = result
                self._wake()

    def _turn(self, now: float) -> None:
        with self._changed:
            result, self._result = self._result, None
        if self._freed is None:
            self._freed = self._backlog.free_oldest()
            with self._changed:
                self._changed.notify_all()
        if result is not None:
            self._finish(result, now)
        due = self._due(now)
        if self._must_store(now, due=due):
            self._store_all()
        if self._flight is None and now >= self._trouble.retry_at:
            self._launch(due=due)
        with self._changed:
            if not self._memory.lines and self._back is None and (self._flight is None or self._flight.stored):
                self._state.position = self._last  # also of groups that made no lines
        if self._durable < self._settle_to <= self._state.position or now >= self._saved_at + SAVE_S:
            self._save()
        if now >= self._settle_by:
            self._settle_to = 0

    def _due(self, now: float) -> bool:
        """Tell whether what is in memory should go somewhere now."""
        if now >= self._flushed_at + FLUSH_S or self._settle_to > self._state.position:
            self._flushed_at = now
            return True
        return self._memory.lines >= LINES_A_REQUEST

    def _must_store(self, now: float, *, due: bool) -> bool:
        """Tell whether what is in memory goes to the backlog."""
        if self._back is not None:
            return True
        if not self._memory.lines and (self._flight is None or self._flight.stored):
            return False
        behind = self._stored > 0 or self._trouble.failing
        unsettled = self._settle_to > self._state.position and now >= self._settle_by
        return (behind and due) or unsettled or self._memory.bytes > MEMORY_BYTES

    def _rest(self) -> None:
        """Wait for the poster, for lines enough, or for the next thing that has its time."""
        now = monotonic()
        until = self._flushed_at + FLUSH_S
        if self._settle_to > self._durable:
            until = min(until, self._settle_by)
        if self._flight is None and (self._stored or self._back):
            until = min(until, self._trouble.retry_at)
        with self._changed:
            self._changed.wait_for(lambda: self._woken, max(until - now, 0.0))
            self._woken = False

    # ----------------------------------------------------------------------------------------------- to InfluxDB

    def _launch(self, *, due: bool) -> None:
        """Give the poster the oldest lines there are; those in memory only when they are due."""
        body = self._back
        if body is None and self._stored:
            body = self._oldest_stored()
        with self._changed:
            if body is None and due:
                body = self._memory.oldest()
                self._memory.forget(body)
            self._back = None
            self._flight = self._job = body
            self._changed.notify_all()

    def _finish(self, result: Delivered | Answer | BaseException, now: float) -> None:
        """Take note of what became of a body."""
        if isinstance(result, BaseException):
            raise result
        flight, state = self._flight, self._state
        assert flight is not None  # noqa: S101 - results come of flights
        if isinstance(result, Delivered) and result.aside:
            try:
                state.aside_end = influx_state.keep_aside(
                    self._fs, self._folder, state.aside_end, result.aside, datetime.now(UTC)
                )
            except DiskFullError as error:
                result = Answer(NO_ANSWER, f"no room for lines that are set aside: {error}")
        if isinstance(result, Answer):
            self._trouble.failed(result, now)
            with self._changed:
                self._flight, self._back = None, None if flight.stored else flight
            return
        self._trouble.worked()
        with self._changed:
            self._flight = None
            if flight.dropped:
                return  # and counted as expired
            state.count_aside(result.aside)
            state.count_erased(result.erased)
            state.written += flight.lines - len(result.aside)
            if not flight.stored:
                self._passed(flight)
                return
            state.posted = flight.last
            self._stored -= flight.lines
        self._save()
        head = self._backlog.peek()
        if head is not None and head[0].last == flight.last:
            with suppress(DiskFullError):  # then it may come again after a crash, and `posted` knows it
                self._backlog.done(head[0])

    def _passed(self, body: Body) -> None:
        """Move the position over lines that are not in the backlog: the state must be saved before any goes there."""
        self._state.taken += body.lines
        self._state.position = body.last
        self._unsaved = True

    # ---------------------------------------------------------------------------------------------- to the disk

    def _store_all(self) -> None:
        """Put everything that is not safe yet into the backlog, in order; the poster may be at work with the first."""
        safe = not self._unsaved or self._save()
        with self._changed:
            body = self._back or (self._flight if self._flight and not self._flight.stored else self._memory.oldest())
        while body is not None and (self._store(body) if safe else self._give_up(body)):
            safe = not self._unsaved
            with self._changed:
                self._back = None
                self._memory.forget(body)
                body = self._memory.oldest()

    def _store(self, body: Body) -> bool:
        """Put a body into the backlog; return False when the disk is full and it must stay in memory."""
        self._backlog.append(body.last, body.text)
        while True:
            try:
                self._backlog.commit()
            except DiskFullError:
                if self._backlog.free_oldest():
                    continue
                self._backlog.withdraw()
                return self._give_up(body)
            break
        with self._changed:
            body.stored = True
            self._stored += body.lines
            self._state.position = self._durable = body.last
            self._state.taken += body.lines
            self._changed.notify_all()
        return True

    def _give_up(self, body: Body) -> bool:
        """Where neither disk nor memory has room, lines expire; what the poster works at is not given up."""
        if self._memory.bytes <= MEMORY_BYTES or body is self._flight:
            return False
        devices = influx_state.devices_of(body.text)
        with self._changed:
            self._state.count_expired(body.lines, devices)
            self._passed(body)
        return True

    def _oldest_stored(self) -> Body | None:
        """Read the head of the backlog; None where the disk does not give back what should be there."""
        while (head := self._backlog.peek()) is not None:
            position, text = head
            lines = text.count(b"\n")
            if position.last > self._state.posted:
                return Body(position.last, lines, text, stored=True)
            with self._changed:  # done with before a crash, or on the disk twice: `open` has counted it too much
                self._stored -= lines
                self._state.taken -= lines
            self._backlog.done(position)
        with self._changed:
            self._state.expired += self._stored
            self._stored = 0
        return None

    def _expired(self, text: bytes) -> None:
        """Hear from the backlog that it gives up a body."""
        lines, devices = text.count(b"\n"), influx_state.devices_of(text)
        with self._changed:
            self._state.count_expired(lines, devices)
            self._stored -= lines
            if self._flight is not None and self._flight.text == text:
                self._flight.dropped = True

    def _save(self) -> bool:
        """Make position and counts durable; return False when the disk is full."""
        self._saved_at = monotonic()
        self._state.dropped = self._backlog.expired_lines
        position, content = self._state.position, influx_state.encode(self._state)
        if content != self._saved:
            try:
                influx_state.save(self._fs, self._folder, content)
            except DiskFullError:
                return False
            self._saved, self._unsaved = content, False
        with self._changed:
            self._durable = max(self._durable, position)
            self._changed.notify_all()
        return True
