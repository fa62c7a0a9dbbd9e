"""What devices said, for the console: asked of a child that reads the journal beside the daemon."""

import subprocess
import threading
from pathlib import Path

from msgspec import msgpack

from commands.history import ChildError, ask, registry_of
from commands.history_device import MinutesOf, NewestOf, SpokenOf
from devices.registry import Registry
from feed.frames import FrameView
from feed.past import Minutes, Spoken
from ingest.pipeline import Pipeline
from rules.fold import Fold

SPOKEN_S = 1.5
MINUTES_S = 6.0
GRACE_S = 10.0  # a child that says nothing for so much longer is ended


class Past:
    """Called on threads of the feed; see feed.past.ReadsPast."""

    def __init__(self, pipeline: Pipeline, state: Path) -> None:
        self._pipeline, self._directory = pipeline, str(state / "journal")

    def spoken(self, device: str) -> Spoken:
        """Look for what a device said last."""
        known = self._known(device)
        if known is None:
            return Spoken()
        return msgpack.decode(_only(SpokenOf(self._directory, *known, SPOKEN_S), SPOKEN_S), type=Spoken)

    def frames(self, device: str) -> list[FrameView]:
        """Look for its newest frames."""
        known = self._known(device)
        if known is None:
            return []
        return msgpack.decode(_only(NewestOf(self._directory, *known, SPOKEN_S), SPOKEN_S), type=list[FrameView])

    def minutes(self, device: str, quantity: str, start_ms: int, count: int) -> Minutes:
        """Read a quantity of a device."""
        known = self._known(device)
        if known is None:
            return Minutes(start_ms=start_ms, values=[None] * count)
        task = MinutesOf(self._directory, *known, MINUTES_S, quantity, start_ms, count)
        return msgpack.decode(_only(task, MINUTES_S), type=Minutes)

    def _known(self, device: str) -> tuple[bytes, list[bytes], int] | None:
        """Return the device with all sources, its places, the offset of civil time; None = it is gone, or unheard."""

        def question(fold: Fold) -> tuple[Registry, list[bytes], int] | None:
            reception = fold.memory.world.reception
            track = reception.tracks.get(device)
            if track is None or not track.frames:
                return None
            places = [place for door in reception.doors.values() for place, of in door.tracks.items() if of is track]
            return fold.memory.world.registry, places, fold.memory.offset_ms

        known = self._pipeline.ask(question).result()
        return None if known is None else (registry_of(known[0], device), *known[1:])


def _only(task: SpokenOf | NewestOf | MinutesOf, within_s: float) -> bytes:
    """Return the one piece that the child says. Raises ValueError."""
    timers: list[threading.Timer] = []

    def begun(child: "subprocess.Popen[bytes]") -> None:
        timers.append(threading.Timer(within_s + GRACE_S, child.kill))
        timers[0].start()

    try:
        (piece,) = ask(task, begun)
    except ChildError as error:
        raise ValueError(str(error)) from error
    finally:
        for timer in timers:
            timer.cancel()
    return piece
