"""Puts old frames into the log again: those that the inbox has of a device that is registered now, or the journal's.

It only reads and submits; what it means is decided in the fold (rules.refile). One refile at a time, in parts that are
judged in a few milliseconds, each durable before the next is read: history never keeps the present waiting. What a
crash interrupts is begun again: the fold knows up to where the inbox's frames were taken.
"""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Literal

from msgspec import Struct

from ingest.pipeline import Pipeline
from rules.fold import Fold
from rules.records import Old, Refile, Reread
from store.inbox import Inbox

PART = 200
IDLE_S = 0.2


class RefileError(Exception):
    """It did not come to its end: old frames cannot be read, or the configuration changed meanwhile. Begin again."""


class _Wanted(Struct, frozen=True):
    """A device whose frames the inbox has; after: those up to this sequence are in the log already."""

    device: str
    addresses: tuple[str, ...]
    after: int


Said = dict[str, Reread]
"""By device."""


class Refiler:
    """One thread's work. The calls may come from any thread."""

    def __init__(self, pipeline: Pipeline, inbox: Inbox) -> None:
        self._pipeline, self._inbox = pipeline, inbox
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Said], Future[Said]]] = queue.SimpleQueue()
        self._registered: dict[str, Reread] = {}  # by this process; those of a former one are in the log as well
        self._numbers = itertools.count(time.time_ns() // 1_000_000)

    # ------------------------------------------------------------------------------------------ called by others

    def register(self) -> Future[Said]:
        """Refile what the inbox has of devices that are registered; what became of the frames of each since."""
        return self._enqueue(self._register)

    def redecode(self, device: str, frames: Iterable[Old], from_ms: int, to_ms: int) -> Future[Said]:
        """Read the frames of a device again; readings of the span are taken back first. The future may RefileError."""
        return self._enqueue(lambda: {device: self._refile(device, frames, "redecode", from_ms=from_ms, to_ms=to_ms)})

    def _enqueue(self, job: Callable[[], Said]) -> Future[Said]:
        done: Future[Said] = Future()
        self._jobs.put((job, done))
        return done

    # ------------------------------------------------------------------------------------------------ its thread

    def run(self, stop: threading.Event) -> None:
        """Work until stopped."""
        self._stop = stop
        while not stop.is_set():
            try:
                job, done = self._jobs.get(timeout=IDLE_S)
            except queue.Empty:
                continue
            try:
                done.set_result(job())
            except (RefileError, CancelledError) as error:
                done.set_exception(error)
        while not self._jobs.empty():
            self._jobs.get()[1].cancel()

    def _register(self) -> Said:
        said = {}
        for wanted in self._pipeline.ask(self._wanted).result():
            found = itertools.chain.from_iterable(map(self._old, wanted.addresses))
            frames = sorted(found, key=lambda old: old.sequence)
            new = [old for old in frames if old.sequence > wanted.after]
            if new:
                reread = self._refile(wanted.device, new, "registered")
                if wanted.after and wanted.device in self._registered:
                    self._registered[wanted.device].add(reread)
                else:
                    self._registered[wanted.device] = reread
            said[wanted.device] = self._registered.get(wanted.device) or Reread(frames=len(frames))
        return said

    def _wanted(self, fold: Fold) -> list[_Wanted]:
        """Find whose frames the inbox has. On the pipeline's thread, which owns both."""
        memory = fold.memory
        by_device: dict[str, list[str]] = {}
        for address in self._inbox.known:
            track = memory.world.reception.registered(address)
            if track is not None:
                by_device.setdefault(track.device.id, []).append(address)
        return [
            _Wanted(device, tuple(addresses), memory.registered.get(device, ("", 0))[1])
            for device, addresses in sorted(by_device.items())
        ]

    def _old(self, address: str) -> Iterator[Old]:
        for sequence, source, at_ms, frame in self._inbox.read(address):
            yield Old(sequence, source, at_ms, *frame)

    def _refile(
        self, device: str, frames: Iterable[Old], why: Literal["registered", "redecode"], **span: int
    ) -> Reread:
        """Submit part by part; return what became of the frames."""
        name = f"{why}-{next(self._numbers)}"
        parts = _parts(frames)
        reread, number, part = Reread(), 0, next(parts, [])
        while not self._stop.is_set():
            following = next(parts, None)
            record = Refile(
                at_ms=0, refile=name, part=number, last=following is None, device=device, why=why, frames=part, **span
            )
            answer = self._pipeline.submit(record).result()
            if answer.status != 200:  # noqa: PLR2004 - OK
                raise RefileError(answer.detail)
            reread.add(answer.reread or Reread(frames=len(part)))
            number += 1
            if following is None:
                return reread
            part = following
        raise RefileError("the gateway stops")


def _parts(frames: Iterable[Old]) -> Iterator[list[Old]]:
    found = iter(frames)
    while part := list(itertools.islice(found, PART)):
        yield part
