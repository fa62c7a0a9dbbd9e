"""Who is not registered: the frames of addresses that no device has, kept until somebody registers them.

A journal with a budget of its own, in which nothing is recycled: what it has no room for is refused and counted, so
that a flood of unknown devices never pushes out what came before it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, msgpack

from devices.frames import Frame
from store import segment
from store.fs import Fs
from store.log import Log
from store.segment import SEGMENT_BYTES, Segment

BUDGET_BYTES = 256 << 20
FRAMES_AN_ADDRESS = 2_000
ADDRESSES = 20_000  # bounds what counting them takes in memory: 4 MB

Stranger = tuple[int, str, int, Frame, str]
"""sequence, source, log time in ms, frame, address; as rules.records.Outcome has it"""

_WITHOUT_LIMIT = 1 << 62
_ROW_BYTES = 16  # what a frame takes beside its own bytes, at most a little more


class Known(Struct, array_like=True):
    """What is kept of one address."""

    frames: int
    first_ms: int
    last_ms: int


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(list[Stranger]).decode
_counts = msgpack.Decoder(dict[str, Known]).decode


class Inbox:
    """The inbox as its one writer sees it. `read` may be called from any thread.

    known    addresses with what is kept of each
    refused  frames that were not taken, since the start
    last     last sequence that is durable here; 0 = none
    """

    def __init__(
        self, fs: Fs, directory: Path, budget_bytes: int = BUDGET_BYTES, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        """Open the inbox, made where it is not there. Raises store.log.InUseError when another process has it open."""
        self._fs, self._directory = fs, directory
        self._budget_bytes = max(budget_bytes - segment_bytes, segment_bytes)  # one segment is the spare
        self._waiting: list[Stranger] = []
        self._waiting_bytes = 0
        self._here: dict[str, Known] = {}  # what the segment holds that is being written
        self.known: dict[str, Known] = {}
        self.refused = 0
        self._log = Log(
            fs,
            directory,
            _WITHOUT_LIMIT,
            finder=self._finder,
            dropping=self._subtract,
            segment_bytes=segment_bytes,
        )
        for each in self._log.segments:
            for address, some in self._counts_of(each.number).items():
                _count(self.known, address, some)
        if self._log.active is not None:
            self._here = self._counts_of(self._log.active.number)
        self.last = max((each.last for each in self._log.segments), default=0)

    def append(self, strangers: Sequence[Stranger]) -> int:
        """Take frames into the next commit; return how many were refused because their address or the inbox is full."""
        refused = 0
        room = self._budget_bytes - self._used_bytes() - self._waiting_bytes
        for stranger in strangers:
            _, source, at_ms, frame, address = stranger
            known = self.known.get(address)
            size = sum(map(len, frame)) + len(source) + len(address) + _ROW_BYTES
            if (
                (known is None and len(self.known) >= ADDRESSES)
                or (known is not None and known.frames >= FRAMES_AN_ADDRESS)
                or size > room
            ):
                refused += 1
                continue
            self._waiting.append(stranger)
            self._waiting_bytes += size
            room -= size
            _count(self.known, address, Known(1, at_ms, at_ms))
        self.refused += refused
        return refused

    def commit(self) -> int:
        """Make durable what was appended; return the last durable sequence. Raises as store.journal.Journal.commit."""
        if self._waiting:
            first, last = self._waiting[0], self._waiting[-1]
            self._log.write(
                _encode(self._waiting),
                first=first[0],
                last=last[0],
                records=len(self._waiting),
                items=len(self._waiting),
                from_ms=first[2],
                to_ms=last[2],
            )
            for _, _, at_ms, _, address in self._waiting:
                _count(self._here, address, Known(1, at_ms, at_ms))
            self._waiting, self._waiting_bytes, self.last = [], 0, last[0]
        return self.last

    def read(self, address: str) -> Iterator[tuple[int, str, int, Frame]]:
        """Yield the durable frames of one address in order: sequence, source, log time in ms, frame."""
        upto, seen = self.last, 0
        for number in segment.numbers(self._fs, self._directory):
            index = segment.index_of(self._fs, self._directory, number)
            if index is not None and address not in _counts(index.finder):
                continue
            for sequence, source, at_ms, frame, whose in self._rows(number):
                if whose == address and seen < sequence <= upto:
                    seen = sequence
                    yield sequence, source, at_ms, frame

    def among(self, spans: Sequence[tuple[int, int]]) -> int:
        """Count the frames whose sequence lies in one of these spans, their ends included."""
        rows = (row for each in self._log.segments for row in self._rows(each.number))
        return sum(any(first <= row[0] <= last for first, last in spans) for row in rows) if spans else 0

    def free_oldest(self) -> int:
        """Delete the oldest segment; return the bytes that gave back, 0 = nothing is left to give."""
        return self._log.free_oldest()

    def close(self) -> None:
        """Close the files; what was not committed is not kept."""
        self._log.close()

    def _used_bytes(self) -> int:
        active = self._log.active
        return self._log.file_bytes - (active.size - active.end if active else 0)

    def _rows(self, number: int) -> Iterator[Stranger]:
        return _rows(self._fs, self._directory, number)

    def _counts_of(self, number: int) -> dict[str, Known]:
        index = segment.index_of(self._fs, self._directory, number)
        if index is not None:
            return _counts(index.finder)
        counts: dict[str, Known] = {}
        for _, _, at_ms, _, address in self._rows(number):
            _count(counts, address, Known(1, at_ms, at_ms))
        return counts

    def _finder(self) -> bytes:
        raw = _encode(self._here)
        self._here = {}
        return raw

    def _subtract(self, oldest: Segment) -> None:
        for address, some in self._counts_of(oldest.number).items():
            known = self.known.get(address)
            if known is not None:
                known.frames -= some.frames
                if known.frames <= 0:
                    del self.known[address]


def _count(counts: dict[str, Known], address: str, some: Known) -> None:
    known = counts.get(address)
    if known is None:
        counts[address] = Known(some.frames, some.first_ms, some.last_ms)
    else:
        known.frames += some.frames
        known.first_ms = min(known.first_ms, some.first_ms)
        known.last_ms = max(known.last_ms, some.last_ms)


def _rows(fs: Fs, directory: Path, number: int) -> Iterator[Stranger]:
    data = segment.load(fs, directory, number) or b""
    for offset, header in segment.groups(data, number):
        yield from _decode(segment.body_at(data, offset, header))


def newest(fs: Fs, directory: Path, addresses: Sequence[str], count: int) -> dict[str, list[Stranger]]:
    """Read the newest frames of some addresses, the last one last. It only reads, beside a daemon that writes."""
    found: dict[str, deque[Stranger]] = {address: deque(maxlen=count) for address in addresses}
    for number in segment.numbers(fs, directory):
        index = segment.index_of(fs, directory, number)
        if index is not None and found.keys().isdisjoint(_counts(index.finder)):
            continue
        for stranger in _rows(fs, directory, number):
            if stranger[4] in found:
                found[stranger[4]].append(stranger)
    return {address: list(rows) for address, rows in found.items()}
