"""What must be remembered of a process that did not end cleanly, so that one record cannot stop the service for ever.

A log can hold the very record that ends the process which judges it. Two small files beside the journal tell the next
process what to do:

    crashes.json  durable: unclean ends in a row, how many processes each suspect has ended, what is set aside
    judging       the records that are being judged now. It is written without fsync, for it must outlive the process
                  and not the machine: a power cut is no record's fault

A record is blamed in two ways. When judging it raised, the pipeline says so (`blame`) and ends. When the process was
killed while it judged (out of memory, a hang that the watchdog ended, a crash in a library), the range is found in
`judging` at the next start: until these numbers are behind it, the pipeline is `careful`: it commits before it judges,
and judges one record at a time, so that the next end points at a single one. A record that has ended two processes is
set aside: replays skip it before they meet the Status record that says so.
"""

import struct
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field, json

from store.fs import DiskFullError, Fs, read_whole, replace, write_all
from store.segment import crc32

_ENDS = 2  # so many processes may a record end
_MARGIN = 1_000  # what was being judged may come again a little later, with other numbers
_RANGE = struct.Struct("<QQI")
_NOTHING = (1, 0)
KILLED = "the process was killed while it judged this record"


class _Memory(Struct, kw_only=True):
    """crashes.json."""

    running: bool = False
    ends: int = 0
    ended: dict[int, int] = field(default_factory=dict)
    aside: dict[int, str] = field(default_factory=dict)
    unreported: list[int] = field(default_factory=list)


class Crashes:
    """The memory of crashes as the pipeline uses it.

    ends          processes that have ended uncleanly, one after the other, before this one
    careful_upto  up to this sequence commit before judging and judge one record at a time; 0 = no need
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
        self.end()
        fs.fdatasync(self._fd)  # or else a power cut brings it back, and the same end counts twice
        self.careful_upto = 0
        if self._memory.running:
            self._memory.ends += 1
            if first <= last:
                self.careful_upto = last + _MARGIN
            if first == last:
                self._blame(first, KILLED)
        self._memory.running = True
        self._save()

    @property
    def ends(self) -> int:
        """Processes that have ended uncleanly, one after the other, before this one."""
        return self._memory.ends

    @property
    def aside(self) -> dict[int, str]:
        """Sequences that must not be judged, with the reason."""
        return self._memory.aside

    @property
    def unreported(self) -> list[tuple[int, str]]:
        """What is set aside and has no Status record yet: (sequence, why)."""
        return [(sequence, self._memory.aside[sequence]) for sequence in self._memory.unreported]

    def reported(self) -> None:
        """Say that the Status records of all that is set aside are durable."""
        if self._memory.unreported:
            self._memory.unreported = []
            self._save()

    def begin(self, first: int, last: int) -> None:
        """Say that the records of these sequences are about to be judged. Costs a write, no fsync."""
        bare = _RANGE.pack(first, last, 0)[:-4]
        write_all(self._fs, self._fd, (bare, crc32(bare, 0).to_bytes(4, "little")), 0)

    def end(self) -> None:
        """Say that they have been judged."""
        self.begin(*_NOTHING)

    def blame(self, sequence: int, why: str) -> None:
        """Remember durably that judging this record raised; the process must end then."""
        self.end()
        self._blame(sequence, why)
        self._save()

    def stopped(self) -> None:
        """Remember durably that this process ends cleanly: nobody is suspected any more."""
        self.end()
        self._memory.running = False
        self._memory.ends = 0
        self._memory.ended = {}
        self._save()

    def _blame(self, sequence: int, why: str) -> None:
        memory = self._memory
        memory.ended[sequence] = memory.ended.get(sequence, 0) + 1
        if memory.ended[sequence] >= _ENDS and sequence not in memory.aside:
            memory.aside[sequence] = why
            memory.unreported.append(sequence)

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
