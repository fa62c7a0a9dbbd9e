"""What happened: every record that the gateway accepted, in the order of its sequence numbers.

A group is one commit: msgpack of the records as they came, each with the sequence number of its first frame. A sealed
segment knows which places (topics, MNs, slaves) it holds, so that the frames of one device are found without reading
everything: segments that do not hold the place are not opened, groups whose bytes do not are not decoded. (Measured: a
set of places a segment costs 0.03 µs a frame; finer would cost more than it saves to readers who are in no hurry.)
"""

import struct
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from msgspec import msgpack

from devices.frames import Batch
from rules.records import Command, Config, Record, Refile
from store import segment
from store.fs import Fs, read_whole, replace
from store.log import Log
from store.segment import SEGMENT_BYTES, Segment

_BUDGET = "budget"
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_place_of = itemgetter(0)
_encode_into = msgpack.Encoder().encode_into
_decode = msgpack.Decoder(list[tuple[int, Record]]).decode
_CONFIG = msgpack.encode("type") + msgpack.encode("config")  # in every group with a Config record
_COMMAND = msgpack.encode("type") + msgpack.encode("command")

Span = tuple[int, int]
"""First and last of some sequence numbers."""


class OvertakenError(Exception):
    """A reader was so slow that the journal forgot what it was about to read."""


def span(record: Record) -> int:
    """How many sequence numbers a record uses: a batch one for each frame, anything else one."""
    return len(record.frames) if type(record) is Batch else 1


class Journal:
    """The journal as its one writer sees it. `read` may be called from any thread.

    last       last sequence that is durable here; 0 = none
    forgotten  segments recycled or freed since the start
    """

    def __init__(
        self, fs: Fs, directory: Path, budget_bytes: int, *, at_least: int = 1, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        """Open the journal for writing; numbers go on behind its last record, and not below `at_least`.

        at_least  one more than any other store knows
        Raises store.log.InUseError when another process has it open.
        """
        self._fs, self._directory = fs, directory
        self._places: set[bytes] = set()
        self._waiting: list[tuple[int, Record]] = []
        self._body = bytearray()  # kept between commits, for memory that is new costs more than it holds
        self.forgotten = 0
        self.log = Log(
            fs,
            directory,
            budget_bytes,
            finder=self._finder,
            dropping=self._forget,
            segment_bytes=segment_bytes,
        )
        if self.log.active is not None:
            for _, record in _records(fs, directory, self.log.active.number):
                self._note(record)
        self.last = max((each.last for each in self.log.segments), default=0)
        self.next = max(at_least, self.last + 1)
        budget = str(self.log.budget_bytes).encode()
        if read_whole(fs, directory / _BUDGET) != budget:
            replace(fs, directory / _BUDGET, [budget])  # for whoever lists the journal without the configuration

    def reserve(self, records: Sequence[Record]) -> int:
        """Give numbers to records that are about to be judged; return the first. An empty batch is a mistake."""
        first = self.next
        for record in records:
            used = span(record)
            if not used:
                raise ValueError("an empty batch cannot have a sequence number")
            self.next += used
        return first

    def append(self, first: int, known: Sequence[tuple[int, Record]]) -> None:
        """Take records into the next commit, each with the sequence of its first frame; `first` as `reserve` gave it.

        Numbers may be missing between them: the frames of strangers are in the inbox.
        """
        if known and known[0][0] < max(first, self.last + 1):
            raise ValueError(f"sequence {known[0][0]} comes after {max(first, self.last + 1) - 1}")
        self._waiting.extend(known)

    def commit(self) -> int:
        """Make durable what was appended: one write, one fdatasync. Return the last durable sequence.

        Raises store.fs.DiskFullError (nothing is lost: free something, commit again), OSError when the disk fails.
        """
        if self._waiting:
            (first, earliest), (at, latest) = self._waiting[0], self._waiting[-1]
            last = at + span(latest) - 1
            items = sum(len(record.frames) for _, record in self._waiting if type(record) is Batch)
            _encode_into(self._waiting, self._body)
            self.log.write(
                self._body,
                first=first,
                last=last,
                records=len(self._waiting),
                items=items,
                from_ms=earliest.at_ms,
                to_ms=latest.at_ms,
            )
            for _, record in self._waiting:
                self._note(record)
            self._waiting = []
            self.last = last
        return self.last

    def read(
        self, after: int, *, upto: int | None = None, address: bytes | None = None, lost: list[Span] | None = None
    ) -> Iterator[tuple[int, Record]]:
        """As the function `read`, but never further than what is durable."""
        upto = self.last if upto is None else min(upto, self.last)
        return read(self._fs, self._directory, after, upto=upto, address=address, lost=lost)

    def first_config(self) -> str | None:
        """Return the hash of the oldest Config record that is still here; no other group is decoded."""
        for number, data in _loaded(self._fs, self._directory, 0, None):
            for _, record in _decoded(data, number, 0, _CONFIG):
                if isinstance(record, Config):
                    return record.hash
        return None

    def commands(self, after: int) -> Iterator[Command]:
        """Yield what people told the gateway behind a sequence; no other group is decoded."""
        for number, data in _loaded(self._fs, self._directory, after, None):
            for _, record in _decoded(data, number, after, _COMMAND):
                if isinstance(record, Command):
                    yield record

    @property
    def first(self) -> int:
        """The oldest sequence that is still here; 0 = nothing is."""
        return next((each.first for each in self.log.segments if each.groups), 0)

    def damage(self) -> tuple[int, int]:
        """Count segments given up since the start for an error of the disk, and damaged places. From any thread."""
        return self.log.condemned, sum(each.bad for each in self.log.segments)

    def free_oldest(self) -> int:
        """Delete the oldest segment; return the bytes that gave back, 0 = nothing is left to give."""
        return self.log.free_oldest()

    def forget_before(self, at_ms: int) -> None:
        """Delete the segments whose records are all older than a log time."""
        while len(self.log.closed) > 1 and self.log.closed[0].to_ms < at_ms:
            self.log.free_oldest()

    def close(self) -> None:
        """Close the files; what was not committed is not kept."""
        self.log.close()

    def _note(self, record: Record) -> None:
        if type(record) is Batch:
            self._places.update(map(_place_of, record.frames))
        elif type(record) is Refile:
            self._places.update(old.place for old in record.frames)

    def _finder(self) -> bytes:
        hashes = sorted({segment.crc32(place, 0) for place in self._places})
        self._places.clear()
        return struct.pack(f"<{len(hashes)}I", *hashes)

    def _forget(self, oldest: Segment) -> None:
        del oldest
        self.forgotten += 1


def read(  # noqa: PLR0913 - whatever a reader can ask for
    fs: Fs,
    directory: Path,
    after: int = 0,
    *,
    upto: int | None = None,
    address: bytes | None = None,
    lost: list[Span] | None = None,
) -> Iterator[tuple[int, Record]]:
    """Yield the records whose last sequence is above `after`, in order, each with the sequence of its first frame.

    It only reads, one segment in memory at a time, and works beside a daemon that writes; what comes last may then not
    be durable yet.
    upto     stop before records whose first sequence is above it
    address  only frames of this place (topic, MN, `gate/3`), each as a batch of its own; no other records. What was
             refiled comes where it was refiled, with the sequence and log time of its first coming
    lost     is given what the journal has lost, each before the record behind it: what came before its oldest record,
             and what damaged places held. Frames of strangers, which are in the inbox, may be among these numbers
    Raises OvertakenError when the journal forgets segments faster than they are read.
    """
    seen = after
    holes = None if lost is None else _Holes(fs, directory, after, lost)
    for number, data in _loaded(fs, directory, after, address):
        if holes is not None:
            holes.look(number, data)
        for sequence, record in _decoded(data, number, seen, address):
            if upto is not None and sequence > upto:
                return
            seen = sequence + span(record) - 1
            if address is None:
                yield sequence, record
            else:
                for at, batch in _of_place(sequence, record, address):
                    if type(record) is Refile or (at > after and (upto is None or at <= upto)):
                        yield at, batch


def groups_with(
    fs: Fs, directory: Path, after: int, *, upto: int, places: Sequence[bytes] | None
) -> Iterator[tuple[int, Record]]:
    """Yield the records behind `after` of groups in which the bytes of one of these places stand; None = of all groups.

    So the frames of a few devices are found in the traffic of many: what is not decoded costs its decompression only.
    Raises OvertakenError as `read` does.
    """
    for number, data in _loaded(fs, directory, after, None):
        for offset, header in segment.groups(data, number):
            if header.first > upto:
                return
            raw = segment.body_at(data, offset, header) if header.last > after else b""
            if raw and (places is None or any(place in raw for place in places)):
                yield from ((at, record) for at, record in _decode(raw) if at + span(record) - 1 > after and at <= upto)


class _Holes:
    """Looks for what the journal has lost, one segment after the other.

    A jump in the sequences alone is none: the frames of strangers are in the inbox, and a process that ends may leave
    numbers unused. So it must be where a damaged place is, a segment is missing, or the journal begins.
    """

    def __init__(self, fs: Fs, directory: Path, after: int, lost: list[Span]) -> None:
        self._fs, self._directory, self._seen, self._lost = fs, directory, after, lost
        self._oldest = min(segment.numbers(fs, directory), default=0)
        self._previous, self._torn = 0, False

    def look(self, number: int, data: bytes) -> None:
        """Look at a whole segment."""
        self._torn = self._torn or number == self._oldest or self._previous not in (0, number - 1)
        end = 0
        for offset, header in segment.groups(data, number):
            if (self._torn or offset not in (end, segment.begin_behind(end))) and header.first > self._seen + 1:
                self._lost.append((self._seen + 1, header.first - 1))
            self._torn, self._seen = False, max(self._seen, header.last)
            end = offset + segment.HEADER_BYTES + header.length
        index = segment.index_of(self._fs, self._directory, number)
        self._torn = self._torn or (index is not None and index.sums.last > self._seen)
        self._previous = number


def _of_place(sequence: int, record: Record, place: bytes) -> Iterator[tuple[int, Batch]]:
    """Yield the frames of one place, each as a batch of its own with the sequence of its first coming."""
    if type(record) is Batch:
        for at, frame in enumerate(record.frames, sequence):
            if frame[0] == place:
                yield at, Batch(record.source, record.at_ms, [frame])
    elif type(record) is Refile:
        for old in record.frames:
            if old.place == place:
                yield old.sequence, Batch(old.source, old.at_ms, [(old.place, old.payload, old.note)])


def _loaded(fs: Fs, directory: Path, after: int, address: bytes | None) -> Iterator[tuple[int, bytes]]:
    """Load the segments that can hold what is asked for, one at a time."""
    previous = 0
    for number in segment.numbers(fs, directory):
        index = segment.index_of(fs, directory, number) if after or address else None
        wanted = index is None or (index.sums.last > after and (address is None or may_hold(index.finder, address)))
        data = segment.load(fs, directory, number) if wanted else b""
        if data is None and previous:
            raise OvertakenError(f"segment {number} was forgotten while segment {previous} was read; begin again")
        if data is not None:
            previous = number
            yield number, data


def _decoded(data: bytes, number: int, seen: int, address: bytes | None) -> Iterator[tuple[int, Record]]:
    """Decode the groups of one segment, without what was seen and without groups that cannot hold the address."""
    for offset, header in segment.groups(data, number):
        if header.last <= seen:
            continue
        raw = segment.body_at(data, offset, header)
        if address is not None and address not in raw:
            continue
        for sequence, record in _decode(raw):
            if sequence + span(record) - 1 > seen:
                yield sequence, record


def _records(fs: Fs, directory: Path, number: int) -> Iterator[tuple[int, Record]]:
    return _decoded(segment.load(fs, directory, number) or b"", number, 0, None)


def may_hold(finder: bytes, address: bytes) -> bool:
    """Tell whether a sealed segment with this finder may hold frames of a place; False is certain."""
    wanted = segment.crc32(address, 0)
    return any(wanted == found for (found,) in struct.iter_unpack("<I", finder))


def budget_of(fs: Fs, directory: Path) -> int:
    """Tell how large the journal may become, as its writer noted it; 0 = there is none."""
    return int(read_whole(fs, directory / _BUDGET) or 0)


def bytes_per_hour(segments: Sequence[Segment]) -> float | None:
    """Tell how fast a journal grows, from its last day of log time; None while that is under a minute."""
    filled = [each for each in segments if each.groups]
    if not filled:
        return None
    newest = filled[-1].to_ms
    recent = [each for each in filled if each.to_ms > newest - _DAY_MS]
    hours = (newest - recent[0].from_ms) / _HOUR_MS
    return sum(each.end for each in recent) / hours if hours > 1 / 60 else None


def autonomy_hours(segments: Sequence[Segment], budget_bytes: int) -> float | None:
    """Tell for how many hours the budget lasts at the present rate; None while the rate is not known."""
    rate = bytes_per_hour(segments)
    return budget_bytes / rate if rate else None
