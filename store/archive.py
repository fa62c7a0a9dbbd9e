"""The archive: readings as compressed CSV, a folder for each day on which they came, a file for each family of devices.

    archive/2026-11-24/dust.csv.gz       arrived,device,time,how,flags, then the quantities (`rules.past.Row`)
    archive/2026-11-24/gateway.jsonl.gz  when links went up and down, when the gateway started and stopped

A reading stands once, in the day on which it came, in the order of coming: so a day that is over never changes, late
readings included, and a backtest meets them as the live gateway did. Texts are quoted and hold neither quotes nor
backslashes, numbers are JSON's: a line of CSV becomes JSON by filling in `null`, and is decoded at C speed.

`sizes.json` says how much of every file is whole: who reads beside the one who writes goes so far and no further.
"""

import gzip
import heapq
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

from msgspec import DecodeError, json

from rules.past import HEAD, Row, row_of
from rules.records import Status
from store.fs import Fs, replace

CSV, GATEWAY, SIZES = ".csv.gz", "gateway.jsonl.gz", "sizes.json"
LEVEL = 6  # zlib; 9 saves one more percent in twice the time
_PIECE = 1 << 20
_TOGETHER = 10_000  # rows of several files
_PLAIN = {**dict.fromkeys(range(32), " "), ord('"'): "'", ord("\\"): "/", ord(","): ";"}
_status = json.Decoder(Status)
_encode = json.Encoder().encode
_arrived = attrgetter("arrived")


class ArchiveError(Exception):
    """A file of the archive cannot be understood; the message says which, and why."""


def quoted(text: str) -> str:
    """Write a text so that it is both CSV and JSON."""
    return '"' + text.translate(_PLAIN) + '"'


def dates(directory: Path) -> list[str]:
    """Name the days that there are, oldest first."""
    try:
        return sorted(path.name for path in directory.iterdir() if path.is_dir() and path.name[:2].isdigit())
    except FileNotFoundError:
        return []


def size(directory: Path) -> int:
    """Return the bytes of all days."""
    return sum(sizes(directory).values())


def drop_oldest(directory: Path) -> int:
    """Delete the oldest day; return the bytes that gave back, 0 = there is none, or it cannot be deleted."""
    for date in dates(directory)[:1]:
        freed = 1
        for path in (directory / date).iterdir():
            with suppress(FileNotFoundError):
                freed += path.stat().st_size
        shutil.rmtree(directory / date, ignore_errors=True)
        return 0 if (directory / date).exists() else freed
    return 0


# ------------------------------------------------------------------------------------------------------- writing


class Writer:
    """Appends lines to the files of days. What was appended is durable after `close`; nothing before."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: dict[Path, list[str]] = {}
        self._headers: dict[Path, str] = {}
        self._columns: dict[tuple[str, str], list[tuple[Path, tuple[str, ...]]]] = {}

    def columns(self, date: str, family: str, wanted: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
        """Find or begin the file of a day and family that has these quantities; return it and its own."""
        known = self._columns.setdefault((date, family), [])
        if not known:
            folder = self._directory / date
            known += [(path, _header(path)[len(HEAD) :]) for path in sorted(folder.glob(f"{family}.*{CSV}"))]
        for path, columns in known:
            self._headers[path] = ",".join((*HEAD, *columns))
            if set(wanted) <= set(columns):
                return path, columns
        path = self._directory / date / f"{family}.{len(known) + 1}{CSV}"
        self._headers[path] = ",".join((*HEAD, *wanted))
        known.append((path, tuple(wanted)))
        return known[-1]

    def line(self, path: Path, line: str) -> None:
        """Append a line to a file."""
        self._waiting.setdefault(path, []).append(line)

    def note(self, date: str, status: Status) -> None:
        """Append what the gateway noticed of its links."""
        self._waiting.setdefault(self._directory / date / GATEWAY, []).append(_encode(status).decode())

    def close(self) -> list[Path]:
        """Write everything; return the files, each durable."""
        written = list(self._waiting)
        for path, lines in self._waiting.items():
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if path in self._headers and not path.exists():  # the day may have given way to something else meanwhile
                lines.insert(0, self._headers[path])
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            with os.fdopen(fd, "ab") as file:
                file.write(gzip.compress("".join(f"{line}\n" for line in lines).encode(), LEVEL, mtime=0))
                file.flush()
                os.fsync(file.fileno())
        self._waiting = {}
        return written


# ------------------------------------------------------------------------------------------------------- reading


def read(directory: Path, from_date: str, to_date: str, wanted: Iterable[str]) -> Iterator[list[Any]]:
    """Yield what came on some days, both included, in the order of coming: lists of rows, or of one Status.

    wanted  quantities that rows must have, also where no file of a day holds them
    Raises ArchiveError.
    """
    wanted = set(wanted)
    for date in dates(directory):
        if from_date <= date <= to_date:
            yield from _day(directory / date, wanted)


def sizes(directory: Path) -> dict[str, int]:
    """Return the bytes of every file, by `2026-11-24/dust.1.csv.gz`."""
    days = [directory / date for date in dates(directory)]
    return {f"{day.name}/{path.name}": path.stat().st_size for day in days for path in day.iterdir()}


def publish(fs: Fs, directory: Path, whole: dict[str, int]) -> None:
    """Say how much of every file is whole."""
    replace(fs, directory / SIZES, [_encode(whole)])


def _whole(path: Path) -> IO[bytes] | None:
    """Open what is whole of a file; None = nothing is. Raises OSError."""
    try:
        content = (path.parent.parent / SIZES).read_bytes()
    except FileNotFoundError:
        return path.open("rb")  # nobody has said anything: no daemon wrote it
    size = json.decode(content, type=dict[str, int]).get(f"{path.parent.name}/{path.name}", 0)
    with path.open("rb") as file:
        return BytesIO(file.read(size)) if size else None


def _day(folder: Path, wanted: set[str]) -> Iterator[list[Any]]:
    files = [_rows(path, wanted) for path in sorted(folder.glob(f"*{CSV}"))]
    statuses = list(_statuses(folder / GATEWAY))
    at = 0
    for piece in files[0] if len(files) == 1 else _merged(files):
        begin = 0
        while at < len(statuses) and piece and statuses[at].at_ms <= piece[-1].arrived:
            end = begin
            while end < len(piece) and piece[end].arrived < statuses[at].at_ms:
                end += 1
            if end > begin:
                yield piece[begin:end]
            yield [statuses[at]]
            begin, at = end, at + 1
        yield piece[begin:] if begin else piece
    yield from ([status] for status in statuses[at:])


def _merged(files: list[Iterator[list[Any]]]) -> Iterator[list[Any]]:
    def one_by_one(pieces: Iterator[list[Any]]) -> Iterator[Any]:
        for piece in pieces:
            yield from piece

    rows = heapq.merge(*map(one_by_one, files), key=_arrived)
    while piece := list(islice(rows, _TOGETHER)):
        yield piece


def _header(path: Path) -> tuple[str, ...]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return _columns(path, file.readline())


def _columns(path: Path, line: str) -> tuple[str, ...]:
    columns = tuple(line.rstrip("\n").split(","))
    if columns[: len(HEAD)] != HEAD:
        raise ArchiveError(f"{path}: its first line must begin with {','.join(HEAD)}")
    return columns


def _rows(path: Path, wanted: set[str]) -> Iterator[list[Any]]:
    """Yield the rows of a file, a piece at a time."""
    try:
        whole_file = _whole(path)
        if whole_file is None:
            return
        with whole_file, gzip.open(whole_file, "rb") as file:
            quantities = _columns(path, file.readline().decode())[len(HEAD) :]
            decode = json.Decoder(list[row_of(quantities, wanted)]).decode  # type: ignore[misc]  # made of the header
            rest = b""
            while piece := file.read(_PIECE):
                whole, _, rest = (rest + piece).rpartition(b"\n")
                if whole:
                    yield decode(_as_json(whole))
            if rest:
                yield decode(_as_json(rest))
    except (OSError, EOFError, DecodeError, KeyError) as error:
        raise ArchiveError(f"{path}: {error}") from error


def _as_json(lines: bytes) -> bytes:
    """Make JSON of lines of CSV: what is empty is null."""
    filled = (b"[" + lines.replace(b"\n", b"],[") + b"]").replace(b",,", b",null,").replace(b",,", b",null,")
    return b"[" + filled.replace(b",]", b",null]") + b"]"


def _statuses(path: Path) -> Iterator[Status]:
    try:
        whole = _whole(path)
        if whole is not None:
            with whole, gzip.open(whole, "rb") as file:
                for line in file:
                    yield _status.decode(line)
    except FileNotFoundError:
        return
    except (OSError, EOFError, DecodeError) as error:
        raise ArchiveError(f"{path}: {error}") from error


def line_of(row: Row, fields: dict[str, Any], columns: Sequence[str]) -> str:
    """Write a line: a row, and its values by quantity, as JSON writes them (texts through `quoted`)."""
    flags = "" if row.flags is None else quoted(row.flags)
    how = quoted(row.how) if row.how else ""
    head = f"{row.arrived},{quoted(row.device)},{row.time},{how},{flags}"
    return ",".join((head, *(fields.get(name, "") for name in columns)))
