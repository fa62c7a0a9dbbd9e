"""A child of the daemon that reads history in bulk: at nice 10, with a memory limit, so that the daemon stays small.

It reads inbox or journal beside the daemon that writes them, and says what it found on its standard output, as pieces
of msgpack with their lengths before them.
"""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from msgspec import DecodeError, Struct, msgpack

from commands import history_device
from commands.history_device import MinutesOf, NewestOf, SpokenOf
from commands.history_spans import Found, Spans, collect
from config import blob, child
from devices.envelopes import Envelope, Uplink
from devices.frames import Batch, Frame
from devices.guesses import guesses
from devices.instants import rfc3339
from devices.reception import Reception
from devices.registry import Registry
from feed.strangers import StrangerFrame, StrangerView
from rules import lines
from rules.records import Old, Refile
from rules.ruleset import RuleSet
from store import inbox, journal
from store.fs import OsFs

MEMORY_BYTES = 1 << 30
LENGTH_BYTES = 4
PIECE = 500  # frames
NEWEST = 5  # frames of a stranger that are looked at
_RUN = "from commands.history import main; main()"


class Row(Struct, array_like=True):
    """A stranger as the inbox counts it."""

    address: str
    frames: int
    first_ms: int
    last_ms: int


class Strangers(Struct, tag=True):
    """Look at the newest frames of some addresses. registry: encoded by config.blob; its sources say who opens them."""

    directory: str
    registry: bytes
    offset_ms: int
    rows: list[Row]


class FramesOf(Struct, tag=True):
    """Find the frames of the one device in the registry, from a log time on and up to a sequence number."""

    directory: str
    registry: bytes
    since_ms: int
    upto: int


Task = Strangers | FramesOf | Spans | SpokenOf | NewestOf | MinutesOf


class ChildError(Exception):
    """The child did not come to its end."""


# ---------------------------------------------------------------------------------------------------- the daemon


def ask(task: Task, begun: Callable[[subprocess.Popen[bytes]], None] = lambda _: None) -> Iterator[bytes]:
    """Have a child do a task; yields the pieces that it says. Raises ChildError when it does not come to its end.

    begun  is given the child, for whoever may have to end it
    """
    try:
        reader = child.start(_RUN, stdin=subprocess.PIPE)
    except OSError as error:  # no memory, no descriptors
        raise ChildError(f"no process was made that reads history: {error}") from error
    begun(reader)
    with reader:
        asking, answers = cast("IO[bytes]", reader.stdin), cast("IO[bytes]", reader.stdout)
        try:
            with suppress(BrokenPipeError), asking:
                asking.write(msgpack.encode(task))
            while head := answers.read(LENGTH_BYTES):
                yield answers.read(int.from_bytes(head, "little"))
        finally:
            answers.close()  # it ends with its next word, when nobody listens any more
    if reader.returncode:
        raise ChildError(f"the process that reads history died ({reader.returncode}); journalctl -u cityward says why")


def strangers_of(task: Strangers) -> list[StrangerView]:
    """Look at strangers. Raises ChildError."""
    return [view for piece in ask(task) for view in msgpack.decode(piece, type=list[StrangerView])]


def frames_of(task: FramesOf) -> Iterator[Old]:
    """Find old frames, as they are read. Raises ChildError in between."""
    for piece in ask(task):
        yield from msgpack.decode(piece, type=list[Old])


def spans_of(task: Spans, begun: Callable[[subprocess.Popen[bytes]], None]) -> Iterator[Found]:
    """Find the frames of spans, each span when all are read. Raises ChildError in between."""
    for piece in ask(task, begun):
        yield msgpack.decode(piece, type=Found)


# ----------------------------------------------------------------------------------------------------- the child


def main() -> None:
    """Be the child."""
    child.give_way()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        task = msgpack.decode(sys.stdin.buffer.read(), type=Task)
    except DecodeError:  # the daemon was killed before it had said what it wants
        return
    ways: dict[type, Callable[..., Iterator[object]]] = {Strangers: _look, FramesOf: _find, Spans: collect}
    ways |= history_device.WAYS
    with suppress(BrokenPipeError):
        for answer in ways[type(task)](task):
            piece = msgpack.encode(answer)
            sys.stdout.buffer.write(len(piece).to_bytes(LENGTH_BYTES, "little") + piece)
            sys.stdout.buffer.flush()


def _look(task: Strangers) -> Iterator[list[StrangerView]]:
    registry, _ = blob.decode(task.registry)
    reception = Reception(registry, lines.prefix)
    found = inbox.newest(OsFs(), Path(task.directory), [row.address for row in task.rows], NEWEST)
    for row in task.rows:
        if found[row.address]:
            yield [_view(reception, row, found[row.address], task.offset_ms)]


def _view(reception: Reception, row: Row, rows: list[inbox.Stranger], offset_ms: int) -> StrangerView:
    opened = [_opened(reception, source, frame) for _, source, _, frame, _ in rows]
    uplinks = [uplink for _, uplink in opened if uplink is not None]
    platform = next((envelope.id for envelope, _ in reversed(opened) if envelope is not None), "")
    newest = uplinks[-1] if uplinks else None
    source = rows[-1][1]
    door = reception.doors.get(source)
    return StrangerView(
        address=row.address,
        frames=row.frames,
        first=rfc3339(row.first_ms + offset_ms),
        last=rfc3339(row.last_ms + offset_ms),
        source=source,
        transport=door.source.kind if door else "",
        platform=platform,
        rssi_dbm=newest.rssi_dbm if newest else None,
        snr_db=newest.snr_db if newest else None,
        guesses=guesses(uplinks),
        newest=[_frame(at_ms + offset_ms, source, frame) for _, source, at_ms, frame, _ in rows],
    )


def _opened(reception: Reception, source: str, frame: Frame) -> tuple[Envelope | None, Uplink | None]:
    """Open a stranger's frame as its source's routes say."""
    door = reception.doors.get(source)
    if door is None:
        return None, None
    place, payload, _ = frame
    _, envelope, opened, _ = reception.find(door, place, payload)
    if envelope is not None and opened is None:
        opened = envelope.open(place, payload)
    return envelope, opened if isinstance(opened, Uplink) else None


def _frame(at_ms: int, source: str, frame: Frame) -> StrangerFrame:
    place, payload, _ = frame
    try:
        text: str | None = payload.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and not text.strip().isprintable():
        text = None
    return StrangerFrame(
        at=rfc3339(at_ms), source=source, place=place.decode("utf-8", "backslashreplace"),
        payload_hex=payload.hex(), text=text,
    )  # fmt: skip


def _find(task: FramesOf) -> Iterator[list[Old]]:
    """Read the journal, and keep what finds its way to the device; what was refiled counts where it came first."""
    registry, _ = blob.decode(task.registry)
    reception = Reception(registry, lines.prefix)
    others: set[tuple[str, bytes]] = set()
    found: dict[int, Old] = {}
    for sequence, record in journal.read(OsFs(), Path(task.directory), upto=task.upto):
        if isinstance(record, Batch):
            came = [Old(sequence + i, record.source, record.at_ms, *frame) for i, frame in enumerate(record.frames)]
        elif isinstance(record, Refile):
            came = record.frames
        else:
            continue
        for old in came:
            if old.at_ms >= task.since_ms and old.sequence not in found and _is_its(reception, old, others):
                found[old.sequence] = old
    ordered = [found[sequence] for sequence in sorted(found)]
    for start in range(0, len(ordered), PIECE):
        yield ordered[start : start + PIECE]


def _is_its(reception: Reception, old: Old, others: set[tuple[str, bytes]]) -> bool:
    """Tell whether a frame is of the one device; others: places that are known to be of another."""
    if (old.source, old.place) in others:
        return False
    door = reception.doors.get(old.source)
    if door is None:
        return False
    if old.place in door.tracks:
        return True
    track, envelope, opened, _ = reception.find(door, old.place, old.payload)
    if track is None and (envelope is None or opened is None):
        others.add((old.source, old.place))  # the place alone tells whose it is
    return track is not None


def registry_of(registry: Registry, device: str | None = None) -> bytes:
    """Encode the sources of a registry, and one device or none."""
    devices = tuple(each for each in registry.devices if each.id == device)
    alone = Registry(gateway=registry.gateway, time_zone=registry.time_zone, sources=registry.sources, devices=devices)
    return blob.encode(alone, RuleSet())
