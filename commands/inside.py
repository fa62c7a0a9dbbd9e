"""What the daemon does for the feed's engineers: shows the inbox, puts old frames into the log again."""

import logging
from collections.abc import Iterator
from pathlib import Path

from commands.history import ChildError, FramesOf, Row, Strangers, frames_of, registry_of, strangers_of
from devices.registry import Registry
from feed.behind import InboxPage, Refiled
from ingest.pipeline import Pipeline
from ingest.refile import RefileError, Refiler
from rules.fold import Fold
from rules.records import Old, Reread
from store.inbox import Inbox

log = logging.getLogger(__name__)

EARLY_MS = 5 * 60_000  # what stands at a time may have come a little before it: clocks run ahead
LATEST_MS = 1 << 60


class Inside:
    """Called on threads of the feed; whatever touches fold or inbox is asked of the pipeline."""

    def __init__(self, pipeline: Pipeline, inbox: Inbox, refiler: Refiler, state: Path) -> None:
        self._pipeline, self._inbox, self._refiler, self._state = pipeline, inbox, refiler, state

    def inbox(self, *, skip: int, limit: int, address: str | None) -> InboxPage:
        """Show strangers; see feed.behind.ShowsInbox."""

        def question(fold: Fold) -> tuple[Registry, int, list[Row]]:
            reception = fold.memory.world.reception
            rows = [
                Row(name, known.frames, known.first_ms, known.last_ms)
                for name, known in self._inbox.known.items()
                if reception.registered(name) is None and address in (None, name)
            ]
            return fold.memory.world.registry, fold.memory.offset_ms, rows

        registry, offset_ms, rows = self._pipeline.ask_durable(question).result()
        rows.sort(key=lambda row: (-row.last_ms, row.address))
        page = rows[skip : skip + limit]
        task = Strangers(str(self._state / "inbox"), registry_of(registry), offset_ms, page)
        try:
            strangers = strangers_of(task) if page else []
        except ChildError as error:
            raise ValueError(str(error)) from error
        following = skip + len(page)
        return InboxPage(
            gateway=registry.gateway,
            addresses=len(rows),
            refused=self._inbox.refused,
            strangers=strangers,
            next=following if following < len(rows) else None,
        )

    def register(self) -> Refiled:
        """Wait until the inbox's frames of registered devices are in the log again; see feed.behind.Behind."""
        try:
            return _refiled(self._refiler.register().result())
        except RefileError as error:  # a reload came between; it has begun again what is to be done
            raise ValueError(str(error)) from error

    def redecode(self, device: str, since_ms: int) -> Refiled | None:
        """Read a device's frames again; see feed.behind.Redecodes."""
        task = self._frames_of(device, since_ms)
        if task is None:
            return None
        try:
            return _refiled(self._refiler.redecode(device, _found(task), since_ms, LATEST_MS).result())
        except RefileError as error:
            raise ValueError(str(error)) from error

    def resume(self) -> None:
        """Begin again what a former process redecoded half: it had taken back what was said, and not said all."""

        def question(fold: Fold) -> list[tuple[str, int]]:
            refiles = fold.memory.refiles.items()
            return [(name, each.redecoding_ms) for name, each in refiles if each.redecoding_ms is not None]

        for device, since_ms in self._pipeline.ask(question).result():
            task = self._frames_of(device, since_ms)
            if task is not None:
                log.warning("the redecode of %s was interrupted; it begins again", device)
                self._refiler.redecode(device, _found(task), since_ms, LATEST_MS)

    def _frames_of(self, device: str, since_ms: int) -> FramesOf | None:
        def question(fold: Fold) -> tuple[Registry, int, int]:
            return fold.memory.world.registry, fold.memory.offset_ms, fold.memory.out.last

        registry, offset_ms, upto = self._pipeline.ask_durable(question).result()
        if all(each.id != device for each in registry.devices):
            return None
        return FramesOf(
            str(self._state / "journal"), registry_of(registry, device), since_ms - offset_ms - EARLY_MS, upto
        )


def _refiled(said: dict[str, Reread]) -> Refiled:
    return Refiled(frames={device: each.frames for device, each in said.items()}, reread=said)


def _found(task: FramesOf) -> Iterator[Old]:
    try:
        yield from frames_of(task)
    except ChildError as error:
        raise RefileError(str(error)) from error
