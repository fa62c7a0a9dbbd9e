"""What must be remembered of a process that did not end cleanly, so that one record cannot stop the service for ever.

A log can hold the very record that ends the process which judges it. Two small files beside the journal tell the next
process what to do:

    crashes.json  durable: unclean ends in a row, how many processes each suspect has ended, what is set aside
    judging       the records that are being judged now. It is written without fsync, for it must outlive the process
                  and not the machine: a power cut is no record's fault

A record is blamed in two ways. When judging it raised, the pipeline says so (`blame`) and ends. When the process was
killed while it judged (out of memory, a hang that the watchdog ended, a crash in a library), the range is found in
`judging` at the next start: until these numbers are behind it, the pipeline is `careful`: it commits before it judges,
and judges one record at a time, one frame of a batch, so that the next end points at a single one. A record that has
ended two processes is set aside: replays skip it before they meet the Status record that says so.

    with crashes.judging(first, last):      # around every call of the fold, in a replay as well: 3 µs
        outcome = fold.take(first, records)
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct, field, json

from store.fs import DiskFullError, Fs, read_whole, replace
from store.segment import crc32

_ENDS = 2  # so many processes may a record end
_MARGIN = 1_000  # what was being judged may come again a little later, with other numbers
_RANGE = struct.Struct("<QQI")
_NOTHING = (1, 0)
KILLED = "the process was killed while it judged this record"


class SetAside(Struct, frozen=True):
    """A record that is not judged any more."""

    sequence: int
    source: str
    why: str


class _Memory(Struct, kw_only=True):
    """crashes.json."""

    running: bool = False
    ends: int = 0
    ended: dict[int, int] = field(default_factory=dict)
    aside: dict[int, SetAside] = field(default_factory=dict)
    untold: list[int] = field(default_factory=list)


class Crashes:
    """The memory of crashes as the pipeline uses it.

    careful  commit before judging, and judge one record at a time; ends by itself when the danger is behind
    """

    def __init__(self, fs: Fs, directory: Path) -> None:
        """Begin a process: draw conclusions from how the one before it ended."""
        self._fs = fs
        fs.make_dir(directory)
        self._path = directory / "crashes.json"
        stored = read_whole(fs, self._path)
        self._memory = _Memory() if stored is None else json.decode(stored, type=_Memory)
        self._fd = fs.open(directory / "judging", write=True, create=True)
        first, last = self._judging()
        self._note(*_NOTHING)
        fs.fdatasync(self._fd)  # or else a power cut brings it back, and the same end counts twice
        self.careful = self._memory.running and first <= last
        self._careful_upto = last + _MARGIN
        if self._memory.running:
            self._memory.ends += 1
            if first == last:
                self._blame(SetAside(first, "", KILLED))
        self._memory.running = True
        self._save()

    @property
    def ends(self) -> int:
        """How many processes have ended uncleanly, one after the other, before this one."""
        return self._memory.ends

    @property
    def set_aside(self) -> dict[int, SetAside]:
        """What must not be judged, by sequence."""
        return self._memory.aside

    def untold(self) -> list[SetAside]:
        """Return what is set aside and has no durable Status record yet; source "" = not known."""
        return [self._memory.aside[sequence] for sequence in self._memory.untold]

    def told(self) -> None:
        """Say that the Status records of all that is set aside are durable."""
        if self._memory.untold:
            self._memory.untold = []
            self._save()

    @contextmanager
    def judging(self, first: int, last: int) -> Iterator[None]:
        """Say that the records of these sequences are being judged. Costs two writes, no fsync."""
        if self.careful and first > self._careful_upto:
            self.careful = False
        self._note(first, last)
        yield
        self._note(*_NOTHING)  # not when it raised: then `blame` says which record it was

    def blame(self, sequence: int, why: str, source: str = "") -> None:
        """Remember durably that judging this record raised; the process must end then."""
        self._note(*_NOTHING)
        self._blame(SetAside(sequence, source, why))
        self._save()

    def end(self) -> None:
        """Remember durably that this process ends cleanly: nobody is suspected any more."""
        self._note(*_NOTHING)
        self._memory.running = False
        self._memory.ends = 0
        self._memory.ended = {}
        self._save()
        self._fs.close(self._fd)

    def _blame(self, suspect: SetAside) -> None:
        memory = self._memory
        sequence = suspect.sequence
        memory.ended[sequence] = memory.ended.get(sequence, 0) + 1
        if memory.ended[sequence] >= _ENDS and sequence not in memory.aside:
            memory.aside[sequence] = suspect
            memory.untold.append(sequence)

    def _note(self, first: int, last: int) -> None:
        bare = _RANGE.pack(first, last, 0)[:-4]
        self._fs.pwritev(self._fd, (bare, crc32(bare, 0).to_bytes(4, "little")), 0)

    def _judging(self) -> tuple[int, int]:
        """Read what the process before was judging when it ended."""
        data = self._fs.pread(self._fd, _RANGE.size, 0)
        if len(data) < _RANGE.size:
            return _NOTHING
        first, last, crc = _RANGE.unpack(data)
        return (first, last) if crc32(data[:-4], 0) == crc else _NOTHING

    def _save(self) -> None:
        with suppress(DiskFullError):  # no reason not to start; at worst a record ends one process more
            replace(self._fs, self._path, [json.encode(self._memory)])
