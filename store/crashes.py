"""What must be remembered of a process that did not end cleanly, so that one record cannot stop the service for ever.

A log can hold the very record that ends the process which judges it. Two small files beside the journal tell the next
process what to do:

    crashes.json  durable: unclean ends in a row, how many processes each suspect has ended, what is set aside
    judging       the records that are being judged now. It is memory that is shared with the file, without fsync, for
                  it must outlive the process and not the machine: a power cut is no record's fault. (A write
                  costs 0.8 µs more for each batch, and lets go of the interpreter twice.)

A record is blamed in two ways. When judging it raised, the pipeline says so (`blame`) and ends. When the process was
killed while it judged (out of memory, a hang that the watchdog ended, a crash in a library), the range is found in
`judging` at the next start: until these numbers are behind it, the pipeline is `careful`: it commits before it judges,
and judges one record at a time, one frame of a batch, so that the next end points at a single one. What has ended one
process is a suspect: a replay lets a child judge it first (`ingest.trial`). A record that has ended two processes, the
child counts, is set aside: replays skip it before they meet the Status record that says so.

    with crashes.judging(first, last, kept=True):      # around every call of the fold, in a replay as well: 2 µs
        outcome = fold.take(first, records)
"""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct, field, json

from store.fs import DiskFullError, Fs, read_whole, replace, write_all
from store.segment import crc32

_ENDS = 2  # so many processes may a record end
_MARGIN = 1_000  # what was being judged may come again a little later, with other numbers
CAREFUL_S = 120.0  # or after a while: a station that had no answer asks again for a minute or so
_RANGE = struct.Struct("<QQ?I")
_NOTHING = (1, 0, False)
KILLED = "the process was killed while it judged this record"


def _packed(first: int, last: int, kept: bool) -> bytes:  # noqa: FBT001 - with the two numbers one thing
    bare = _RANGE.pack(first, last, kept, 0)[:-4]
    return bare + crc32(bare, 0).to_bytes(4, "little")


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

    def __init__(self, fs: Fs, directory: Path, *, careful_s: float = CAREFUL_S) -> None:
        """Begin a process: draw conclusions from how the one before it ended.

        careful_s  how long it is careful at least, if it is at all
        """
        self._fs = fs
        fs.make_dir(directory)
        self._path = directory / "crashes.json"
        stored = read_whole(fs, self._path)
        self._memory = _Memory() if stored is None else json.decode(stored, type=_Memory)
        self._fd = fs.open(directory / "judging", write=True, create=True)
        first, last, kept = self._judging()
        write_all(fs, self._fd, (_packed(*_NOTHING),), 0)
        fs.fdatasync(self._fd)  # or else a power cut brings it back, and the same end counts twice
        self._now = fs.share(self._fd, _RANGE.size)
        self.careful = self._memory.running and first <= last
        self._careful_upto, self._careful_until = last + _MARGIN, time.monotonic() + careful_s
        if self._memory.running:
            self._memory.ends += 1
            if first == last and kept:  # the number of what was not on the disk goes to something else
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

    @property
    def suspects(self) -> frozenset[int]:
        """What has ended one process, by sequence: the next that it ends is the last."""
        return frozenset(self._memory.ended.keys() - self._memory.aside.keys())

    def untold(self) -> list[SetAside]:
        """Return what is set aside and has no durable Status record yet; source "" = not known."""
        return [self._memory.aside[sequence] for sequence in self._memory.untold]

    def told(self) -> None:
        """Say that the Status records of all that is set aside are durable."""
        if self._memory.untold:
            self._memory.untold = []
            self._save()

    @contextmanager
    def judging(self, first: int, last: int, *, kept: bool) -> Iterator[None]:
        """Say that the records of these sequences are being judged.

        kept  they are in the journal: the next process will find them by these numbers
        """
        if self.careful and first > self._careful_upto and time.monotonic() > self._careful_until:
            self.careful = False
        self._note(first, last, kept)
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

    def _note(self, first: int, last: int, kept: bool) -> None:  # noqa: FBT001 - with the two numbers one thing
        self._now[:] = _packed(first, last, kept)

    def _judging(self) -> tuple[int, int, bool]:
        """Read what the process before was judging when it ended."""
        data = self._fs.pread(self._fd, _RANGE.size, 0)
        if len(data) < _RANGE.size:
            return _NOTHING
        first, last, kept, crc = _RANGE.unpack(data)
        return (first, last, kept) if crc32(data[:-4], 0) == crc else _NOTHING

    def _save(self) -> None:
        with suppress(DiskFullError):  # no reason not to start; at worst a record ends one process more
            replace(self._fs, self._path, [json.encode(self._memory)])
