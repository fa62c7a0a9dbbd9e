"""What InfluxDB has not taken: bodies of line protocol, ready to be posted, in the order in which they were made.

Written only while InfluxDB lags. The position of what has been posted lies beside the segments; a crash may post a body
twice, which changes nothing in InfluxDB, and loses none.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, json

from store import segment
from store.fs import DiskFullError, Fs, read_whole, replace
from store.log import Log
from store.segment import HEADER_BYTES, SEGMENT_BYTES, Header, Segment

_POSITION = "position"


class Position(NamedTuple):
    """Where a body stands; `last` is the sequence that it was appended with."""

    segment: int
    offset: int
    last: int


class _Cursor(Struct):
    """Everything before (segment, offset) is done with; expired: lines that were dropped for want of room, ever."""

    segment: int = 0
    offset: int = 0
    expired: int = 0


class Backlog:
    """The backlog as its one user sees it, who both fills and empties it.

    waiting_lines  lines that are durable and not done with
    last           highest sequence that a body here was appended with; 0 = not known
    """

    def __init__(
        self,
        fs: Fs,
        directory: Path,
        budget_bytes: int,
        *,
        expiring: Callable[[bytes], None] = lambda _: None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """Open the backlog, made where it is not there.

        expiring  is given each body that is dropped, oldest first, because the budget is full or room is made
        Raises store.log.InUseError when another process has it open.
        """
        self._fs, self._directory, self._expiring = fs, directory, expiring
        self._appended: list[tuple[int, bytes]] = []
        self._peeked: tuple[int, Header, bytes] | None = None
        self.waiting_lines = 0
        stored = read_whole(fs, directory / _POSITION)
        self._cursor = _Cursor() if stored is None else json.decode(stored, type=_Cursor)
        self._log = Log(fs, directory, budget_bytes, dropping=self._drop, segment_bytes=segment_bytes)
        self._retire()
        self.last = max((each.last for each in self._log.segments), default=0)
        self.waiting_lines = sum(self._waiting_in(each) for each in self._log.segments)

    @property
    def expired_lines(self) -> int:
        """Lines that were dropped because there was no room for them, since the backlog was made."""
        return self._cursor.expired

    @property
    def used_bytes(self) -> int:
        """Bytes that wait, as they stand on the disk."""
        segments = self._log.segments
        read = sum(min(each.end, self._cursor.offset) for each in segments if each.number == self._cursor.segment)
        return sum(each.end for each in segments) - read

    def append(self, last_sequence: int, body: bytes) -> None:
        """Take whole lines, each ending in a newline, into the next commit; `last_sequence`: up to where they reach."""
        self._appended.append((last_sequence, body))

    def commit(self) -> None:
        """Make durable what was appended, each body by itself. Raises store.fs.DiskFullError: commit again then."""
        while self._appended:
            last, body = self._appended[0]
            lines = body.count(b"\n")
            self._log.write(body, first=last, last=last, records=1, items=lines, from_ms=0, to_ms=0)
            del self._appended[0]
            self.waiting_lines += lines
            self.last = max(self.last, last)

    def withdraw(self) -> None:
        """Forget what was appended and could not be committed."""
        self._appended.clear()

    def peek(self) -> tuple[Position, bytes] | None:
        """Return the oldest body that waits; None = nothing waits."""
        if self._peeked is None:
            self._peeked = self._find()
        if self._peeked is None:
            self._cursor.expired += self.waiting_lines  # of groups that went bad on the disk
            self.waiting_lines = 0
            return None
        offset, header, body = self._peeked
        return Position(header.segment, offset, header.last), body

    def done(self, position: Position) -> None:
        """Say that the body that was peeked need not be kept. Raises DiskFullError, after which it may come again."""
        if self._peeked is None or (self._peeked[1].segment, self._peeked[0]) != position[:2]:
            return  # dropped meanwhile, and counted
        offset, header, _ = self._peeked
        self._peeked = None
        self.waiting_lines -= header.items
        self._cursor.segment, self._cursor.offset = header.segment, offset + HEADER_BYTES + header.length
        self._save()
        self._retire()

    def free_oldest(self) -> int:
        """Drop the oldest segment to make room; return the bytes that gave back, 0 = nothing is left to give."""
        freed = self._log.free_oldest()
        with suppress(DiskFullError):  # what is not there at the next start is known to have expired
            self._save()
        return freed

    def close(self) -> None:
        """Close the files; what was not committed is not kept."""
        self._log.close()

    def _find(self) -> tuple[int, Header, bytes] | None:
        """Find the first sound group from the cursor on."""
        cursor = self._cursor
        for each in self._log.segments:
            if each.number < cursor.segment:
                continue
            start = cursor.offset if each.number == cursor.segment else 0
            if start >= each.end:
                continue
            for at in {start, segment.begin_behind(start)}:
                found = self._read_at(each.number, at)
                if found is not None:
                    return found
            data = segment.load(self._fs, self._directory, each.number) or b""
            for offset, header in segment.groups(data, each.number):
                if offset >= start:
                    return offset, header, segment.body_at(data, offset, header)
        return None

    def _read_at(self, number: int, offset: int) -> tuple[int, Header, bytes] | None:
        """Read the group at an offset without the rest of its segment."""
        fd = self._fs.open(segment.path_of(self._directory, number))
        try:
            header = segment.header_at(self._fs.pread(fd, HEADER_BYTES, offset), 0, number)
            if header is None:
                return None
            data = self._fs.pread(fd, HEADER_BYTES + header.length, offset)
        finally:
            self._fs.close(fd)
        return (offset, header, segment.body_at(data, 0, header)) if segment.sound(data, 0, header) else None

    def _waiting_in(self, sums: Segment) -> int:
        if sums.number != self._cursor.segment:
            return sums.items if sums.number > self._cursor.segment else 0
        data = segment.load(self._fs, self._directory, sums.number) or b""
        return sum(
            header.items for offset, header in segment.groups(data, sums.number) if offset >= self._cursor.offset
        )

    def _drop(self, oldest: Segment) -> None:
        """Count and report what waits in a segment that is about to go."""
        data = segment.load(self._fs, self._directory, oldest.number) or b""
        for offset, header in segment.groups(data, oldest.number):
            if (oldest.number, offset) >= (self._cursor.segment, self._cursor.offset):
                self._expiring(segment.body_at(data, offset, header))
                self._cursor.expired += header.items
                self.waiting_lines -= header.items
        if self._cursor.segment <= oldest.number:
            self._cursor.segment, self._cursor.offset = oldest.number + 1, 0
            self._peeked = None
        with suppress(DiskFullError):  # it is about to make room
            self._save()

    def _retire(self) -> None:
        """Give the segments back that are wholly done with."""
        while self._log.closed and self._log.closed[0].number < self._first_needed():
            self._log.retire_oldest()

    def _first_needed(self) -> int:
        """Return the number of the first segment to keep: that of the cursor, and in any case the newest."""
        return min(self._cursor.segment, self._log.segments[-1].number)

    def _save(self) -> None:
        replace(self._fs, self._directory / _POSITION, [json.encode(self._cursor)])
