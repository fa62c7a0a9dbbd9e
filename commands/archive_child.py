"""Writes the archive: a child at nice 10 takes the journal up to a sequence, as readings, into the files of days.

It is a fold without rules, with a snapshot of its own beside the days: so which frames came before, what is live and
what is late are what the daemon found, and it goes on exactly where the child before it stopped. The snapshot also
holds how long every file was: what a child that died had appended is cut off first, and each reading stands once.

What was registered late comes as history on the day on which it was refiled; what was read again after a correction
(`redecode`) is not taken, for the archive keeps what was judged.
"""

import logging
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast
from zoneinfo import ZoneInfo

from msgspec import Struct, msgpack, structs

from config import blob, child
from devices.frames import Batch
from devices.reception import Reading
from devices.registry import Registry
from rules import lines, sections
from rules.fold import Fold
from rules.intake import PoisonError
from rules.past import HEAD, LATE, NEWEST, SPANS, Row
from rules.records import Config, Record, Refile, Status
from rules.ruleset import RuleSet
from store import archive, journal, snapshot
from store.book import BookReader
from store.fs import OsFs

MEMORY_BYTES = 1 << 30
EACH_S = 3600.0
FIRST_S = 300.0  # after a start, when the first things are done
LEAST_FREE_BYTES = 256 << 20  # twice what rings: the archive gives way before anybody notices
AT_ONCE = 200_000  # readings that are made durable together
KEPT = ("link", "started", "stopped")  # what the gateway noticed that silence is judged by
log = logging.getLogger(__name__)
_RUN = "from commands.archive_child import main; main()"
_BLANK = re.compile(rb"(?<!\\) ")
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)')


class Task(Struct):
    """Take the journal of a state directory up to a sequence. aside: sequences that nobody may judge."""

    state: str
    upto: int
    budget_bytes: int
    aside: list[int]


# ---------------------------------------------------------------------------------------------------- the daemon


class Archivist:
    """Has a child write the archive once an hour. task: makes what the child is to do."""

    def __init__(self, task: Callable[[], Task]) -> None:
        self._task = task

    def run(self, stop: threading.Event) -> None:
        """Go on until stopped; the child's own words are in the log."""
        wait_s = FIRST_S
        while not stop.wait(wait_s):
            wait_s = EACH_S
            try:
                status: int | str = self.write(self._task(), stop)
            except OSError as error:  # no memory, no descriptors
                status = str(error)
            if status and not stop.is_set():
                log.warning("archive: its child died (%s); it goes on where that one began, in an hour", status)

    def write(self, task: Task, stop: threading.Event) -> int:
        """Have it written; return the exit status of the child, which is ended when `stop` is set: nothing is lost."""
        with child.start(_RUN, stdin=subprocess.PIPE) as writer:
            with suppress(BrokenPipeError), cast("IO[bytes]", writer.stdin) as asking:
                asking.write(msgpack.encode(task))
            while not stop.is_set():
                with suppress(subprocess.TimeoutExpired):
                    return writer.wait(0.5)
            writer.kill()
            return writer.wait()


# ----------------------------------------------------------------------------------------------------- the child


def main() -> None:
    """Be the child."""
    child.give_way()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    write(msgpack.decode(sys.stdin.buffer.read(), type=Task))


def write(task: Task) -> int:
    """Write what the journal has more than the archive; return how many readings. Then the oldest days give way."""
    directory, fs = Path(task.state) / "archive", OsFs()
    fs.make_dir(directory)
    try:
        owner = fs.lock(directory)
    except BlockingIOError:
        return 0  # the child of a daemon that has ended is still at it
    try:
        return _write(task, directory)
    finally:
        fs.close(owner)


def _write(task: Task, directory: Path) -> int:
    written = _Archiving(Path(task.state), set(task.aside)).go_on(task.upto)
    while archive.size(directory) > task.budget_bytes or shutil.disk_usage(directory).free < LEAST_FREE_BYTES:
        if not archive.drop_oldest(directory):
            break
    return written


class _Archiving:
    """The archive's own fold, and its files."""

    def __init__(self, state: Path, aside: set[int]) -> None:
        self._state, self._aside, self._fs = state, aside, OsFs()
        self._directory = state / "archive"
        self._fold, self._after = self._begin()
        self._fold.memory.unusual = {}
        self._writer = archive.Writer(self._directory)
        self._heads: dict[bytes, tuple[str, str, str]] = {}
        self._columns: dict[str, list[str]] = {}
        self._hash = ""

    def _begin(self) -> tuple[Fold, int]:
        """Go on from the snapshot; cut off what was appended after it."""
        found = snapshot.read(self._fs, self._directory / "state")
        sizes: dict[str, int] = {}
        fold, after = Fold(self._load), 0
        if found is not None:
            after, parts = found
            sizes = msgpack.decode(parts.pop("files")[1], type=dict[str, int])
            if sections.read(fold, parts) - {"windows"}:
                fold = Fold(self._load)  # of another version: what was remembered of duplicates is forgotten
        for date in archive.dates(self._directory):
            for path in (self._directory / date).iterdir():
                kept = sizes.get(f"{date}/{path.name}", 0)
                if not kept:
                    path.unlink()
                elif path.stat().st_size > kept:
                    os.truncate(path, kept)
        return fold, after

    def _load(self, config_hash: str) -> tuple[Registry, RuleSet]:
        """Give a configuration without its rules; its lines are what is archived."""
        with BookReader(self._state / "book.sqlite") as book:
            content = book.configuration(config_hash)
        if content is None:
            raise KeyError(f"configuration {config_hash} is not in the book")
        registry, _ = blob.decode(content)
        return structs.replace(registry, influx=True), RuleSet()

    def go_on(self, upto: int) -> int:
        """Take the journal."""
        written = waiting = 0
        lost: list[journal.Span] = []
        began = self._after
        for first, record in journal.read(self._fs, self._state / "journal", self._after, upto=upto, lost=lost):
            if not self._fold.memory.hash and not isinstance(record, Config):
                self._in_force(first, record)
            for at, part in self._sound(first, record):
                waiting += self._take(at, part)
            self._after = first + journal.span(record) - 1
            if waiting >= AT_ONCE:
                self._keep()
                written, waiting = written + waiting, 0
        self._keep()
        if began and lost:  # before it began there was nothing to lose
            records = sum(last - first + 1 for first, last in lost)
            print(f"archive: the journal lost {records} records before they were archived", file=sys.stderr)  # noqa: T201
        return written + waiting

    def _in_force(self, first: int, record: Record) -> None:
        """Put in force what was in force before the oldest record that there is."""
        oldest = next(
            (r.hash for _, r in journal.read(self._fs, self._state / "journal") if isinstance(r, Config)), None
        )
        with BookReader(self._state / "book.sqlite") as book:
            config_hash = book.accepted_before(oldest)
        if config_hash is not None:
            self._fold.take(first - 1, [Config(at_ms=record.at_ms, hash=config_hash)])

    def _sound(self, first: int, record: Record) -> list[tuple[int, Record]]:
        """Leave out what nobody may judge."""
        numbers = range(first, first + journal.span(record))
        if self._aside.isdisjoint(numbers):
            return [(first, record)]
        if not isinstance(record, Batch):
            return []
        frames = zip(numbers, record.frames, strict=True)
        return [(at, Batch(record.source, record.at_ms, [frame])) for at, frame in frames if at not in self._aside]

    def _take(self, first: int, record: Record) -> int:
        """Judge a record; return how many readings it brought."""
        memory = self._fold.memory
        unusual: dict[int, Reading] = {}
        memory.unusual = unusual
        try:
            made = self._fold.take(first, [record]).lines
        except PoisonError as error:
            print(f"archive: record {error.sequence} cannot be judged, and is left out", file=sys.stderr)  # noqa: T201
            return 0
        if memory.hash != self._hash:
            self._hash = memory.hash
            self._learn()
        arrived_ms = record.at_ms + memory.offset_ms
        if isinstance(record, Status) and record.kind in KEPT:
            self._writer.note(self._date(arrived_ms), structs.replace(record, at_ms=arrived_ms))
        late = isinstance(record, Refile)
        if isinstance(record, Refile) and record.why != "registered":
            return 0
        return sum(self._reading(line, unusual.get(at), arrived_ms, late=late) for at, line in enumerate(made))

    def _learn(self) -> None:
        """Note how the lines of every device begin, and what its family says."""
        columns: dict[str, dict[str, None]] = {}
        self._heads = {}
        for track in self._fold.memory.world.reception.tracks.values():
            device = track.device
            columns.setdefault(device.family, {}).update(dict.fromkeys(track.quantities))
            for span in ("", *SPANS):
                head = lines.of_span(track.prefix, "reported_" + span) if span else track.prefix
                self._heads[head] = device.id, device.family, span
        self._columns = {family: [name for name in names if name not in HEAD] for family, names in columns.items()}
        self._zone = ZoneInfo(self._fold.memory.world.registry.time_zone)

    def _reading(self, line: bytes, unusual: Reading | None, arrived_ms: int, *, late: bool) -> int:
        """Append one reading, as its line says it; 0 = the line is none."""
        blank = _BLANK.search(line)
        known = self._heads.get(line[: blank.end()]) if blank else None
        if known is None or blank is None:
            return 0  # of an alarm, or an order to the sink
        device, family, span = known
        told, _, stamp = line[blank.end() :].decode().rpartition(" ")
        fields = dict(_FIELD.findall(told)) if '"' in told else dict(part.split("=", 1) for part in told.split(","))
        flags = fields.pop("flags", None)
        words = [span] if span else []
        if late:
            words.append(LATE)
        elif unusual is not None and not unusual.live:
            words.append(NEWEST if unusual.newest else LATE)
        row = Row(arrived_ms, device, int(stamp) // 1_000_000, " ".join(words) or None, flags and flags[1:-1])
        path, columns = self._writer.columns(self._date(arrived_ms), family, self._columns[family])
        values = {name: _value(value) for name, value in fields.items()}
        self._writer.line(path, archive.line_of(row, values, columns))
        return 1

    def _date(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, self._zone).date().isoformat()

    def _keep(self) -> None:
        """Make it durable: first the files, then how long they are, with what the fold remembers."""
        if not (self._directory / archive.SIZES).exists():  # else a reader would take what is half written for whole
            archive.publish(self._fs, self._directory, archive.sizes(self._directory))
        self._writer.close()
        sizes = archive.sizes(self._directory)
        parts: dict[str, Any] = {**sections.write(self._fold), "files": (1, [msgpack.encode(sizes)])}
        snapshot.write(self._fs, self._directory / "state", self._after, parts)
        archive.publish(self._fs, self._directory, sizes)


def _value(written: str) -> str:
    """Write a value of a line as a value of a row."""
    return archive.quoted(written[1:-1]) if written[:1] == '"' else written.removesuffix(".0")
