"""What a child reads for the console: what one device said last, and how one of its quantities went.

It reads the journal from its end and decodes what it finds of the device, in the order in which it came. After some
seconds it says what it has: a screen that waits for longer is closed.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from commands.newest import BATTERY, RADIO
from config import blob
from devices.frames import Batch, Frame
from devices.instants import rfc3339
from devices.readings import Facts, Refusal, Values
from devices.reception import Duplicate, Reading, Reception
from feed.frames import FrameView, frame_view
from feed.past import LastFrame, Minutes, Spoken
from rules import lines
from rules.periods import MINUTE_MS
from rules.records import Old, Record, Refile, Text
from store.backwards import groups_backwards
from store.fs import OsFs

LATEST = 40  # frames of a device that are looked at for what it said last
MOST = 50_000  # of a trend: a frame a second for 14 hours
_BREATH = 64  # groups between two breaths
_BREATH_S = 0.002
_AS_MEASURED = ("", "history", "minute")
"""Spans of readings that a trend shows: moments, and the minute means of stations that send nothing else."""


class SpokenOf(Struct, tag=True):
    """What did a device say last. registry: the sources and it, encoded by config.blob; places: [] = not known."""

    directory: str
    registry: bytes
    places: list[bytes]
    offset_ms: int
    within_s: float


class NewestOf(Struct, tag=True):
    """What were the newest frames of a device? Fields as those of SpokenOf."""

    directory: str
    registry: bytes
    places: list[bytes]
    offset_ms: int
    within_s: float


class MinutesOf(Struct, tag=True):
    """How did a quantity go? In so many minutes of civil time, from the one that begins with start_ms on."""

    directory: str
    registry: bytes
    places: list[bytes]
    offset_ms: int
    within_s: float
    quantity: str
    start_ms: int
    count: int


def spoken(task: SpokenOf) -> Iterator[Spoken]:
    """Say what the device said last."""
    found = _Found(task)
    found.read(0, LATEST, task.within_s)
    told: dict[str, Any] = {}
    facts: dict[str, str] = {}
    radio: dict[str, float] = {}
    last: LastFrame | None = None
    for old, said in found.decoded():
        values, flags = _values(said)
        told |= values
        if isinstance(said, Facts):
            facts |= {name: str(value) for name, value in said.facts.items()}
        radio |= found.radio(old)
        last = LastFrame(
            sequence=old.sequence, at=rfc3339(old.at_ms + task.offset_ms), source=old.source,
            place=old.place.decode("utf-8", "backslashreplace"), bytes=len(old.payload), what=_what(said),
            values=values, flags=flags,
        )  # fmt: skip
    radio |= {name: float(told[name]) for name in RADIO if name in told}
    yield Spoken(
        last_frame=last, values=told, battery={name: told[name] for name in BATTERY if name in told}, radio=radio,
        facts=facts, whole=found.whole,
    )  # fmt: skip


def newest(task: NewestOf) -> Iterator[list[FrameView]]:
    """Show its newest frames, the last one last."""
    found = _Found(task)
    found.read(0, LATEST, task.within_s)
    yield [frame_view(old, said, task.offset_ms) for old, said in found.decoded()][-LATEST:]


def minutes(task: MinutesOf) -> Iterator[Minutes]:
    """Say what each minute was."""
    found = _Found(task)
    found.read(task.start_ms - task.offset_ms, MOST, task.within_s)
    sums, counts = [0.0] * task.count, [0] * task.count
    for _, said in found.decoded():
        for reading in said if isinstance(said, list) else ():
            value = getattr(reading.values, task.quantity, None)
            at = (reading.t_ms - task.start_ms) // MINUTE_MS
            if isinstance(value, int | float) and reading.span in _AS_MEASURED and 0 <= at < task.count:
                sums[at] += value
                counts[at] += 1
    values = [round(total / count, 4) if count else None for total, count in zip(sums, counts, strict=True)]
    yield Minutes(start_ms=task.start_ms, values=values, note=found.note())


class _Found:
    """The newest frames of one device."""

    def __init__(self, task: SpokenOf | NewestOf | MinutesOf) -> None:
        registry, _ = blob.decode(task.registry)
        self._task = task
        self._reception = Reception(registry, lines.prefix)
        (self._device,) = registry.devices
        self._frames: dict[int, Old] = {}
        self._others: set[tuple[str, bytes]] = set()
        self._oldest_ms = 0
        self.whole = True

    def read(self, since_ms: int, most: int, within_s: float) -> None:
        """Read back to a log time, or so many frames, for so long at the most."""
        deadline = time.monotonic() + within_s
        groups = groups_backwards(OsFs(), Path(self._task.directory), since_ms=since_ms, places=self._task.places)
        for count, group in enumerate(groups):
            for sequence, record in group:
                self._oldest_ms = record.at_ms
                for old in _frames(sequence, record):
                    if old.sequence not in self._frames and self._is_its(old):
                        self._frames[old.sequence] = old
            if len(self._frames) >= most:
                self.whole = most == LATEST
                return
            if time.monotonic() > deadline:
                self.whole = False
                return
            if count % _BREATH == 0:
                time.sleep(_BREATH_S)  # the gateway's disk and cores are for the pipeline

    def _is_its(self, old: Old) -> bool:
        if (old.source, old.place) in self._others:
            return False
        door = self._reception.doors.get(old.source)
        if door is None:
            return False
        if old.place in door.tracks:
            return True
        track, envelope, opened, _ = self._reception.find(door, old.place, old.payload)
        if track is None and (envelope is None or opened is None):
            self._others.add((old.source, old.place))  # the place alone tells whose it is
        return track is not None

    def decoded(self) -> Iterator[tuple[Old, object]]:
        """Yield each frame, the oldest first, and what it says."""
        for _, old in sorted(self._frames.items()):
            door = self._reception.doors[old.source]
            frame: Frame = (old.place, old.payload, old.note)
            _, said = self._reception.receive(door, frame, old.at_ms + self._task.offset_ms, old.at_ms)
            yield old, said

    def radio(self, old: Old) -> dict[str, float]:
        """Say how a frame was received, where its envelope tells."""
        door = self._reception.doors[old.source]
        _, envelope, opened, _ = self._reception.find(door, old.place, old.payload)
        said: Any = opened or (envelope.open(old.place, old.payload) if envelope is not None else None)
        pairs = ((name, getattr(said, name, None)) for name in ("rssi_dbm", "snr_db"))
        return {name: float(value) for name, value in pairs if value is not None}

    def note(self) -> Text | None:
        """Say from when on there is nothing, where the time was over."""
        if self.whole:
            return None
        since = rfc3339(self._oldest_ms + self._task.offset_ms)
        return Text(
            f"更早的未及读完（自 {since} 起完整）", f"What is older was not read in time: complete from {since} on"
        )


def _frames(sequence: int, record: Record) -> list[Old]:
    if isinstance(record, Batch):
        return [Old(sequence + at, record.source, record.at_ms, *frame) for at, frame in enumerate(record.frames)]
    return record.frames if isinstance(record, Refile) else []


def _values(said: object) -> tuple[dict[str, Any], str | None]:
    """Return what a frame's newest reading says."""
    if not isinstance(said, list) or not said:
        return {}, None
    newest: Reading = max(said, key=lambda reading: reading.t_ms)
    values: Values = newest.values
    pairs = ((name, getattr(values, name)) for name in values.__struct_fields__ if name != "flags")
    return {name: value for name, value in pairs if value is not None}, values.flags


def _what(said: object) -> str:
    if isinstance(said, Refusal):
        return f"{said.reason}: {said.detail}"
    if isinstance(said, Duplicate):
        return "duplicate"
    return "facts" if isinstance(said, Facts) else "reading"


WAYS: dict[type, Callable[..., Iterator[object]]] = {SpokenOf: spoken, NewestOf: newest, MinutesOf: minutes}
