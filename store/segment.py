"""The form of a segment file, and how it is read: one form for journal, inbox and backlog.

A store of this form is a folder of segments `0000000001.seg`, `0000000002.seg` ... without holes in their numbers; the
oldest go, new ones come. A segment is written once from its beginning; behind what was written stands whatever the file
held before, zeros or the segment it was in an earlier life. So every checksum is seeded with the number of the segment.

    group    one commit: a header, and a compressed body that its store understands
    index    behind the last group of a segment that is full: the sums of its headers, and what helps to find things
    pointer  the last bytes of the file: where the index stands

    header   64 bytes, little-endian
             CWG1 or CWI1, number of the segment, first and last sequence, records, items, length of the body and
             what it was before compression, log time of the first and last record (ms), CRC-32 of body and of header
    pointer  CWP1, number of the segment, offset, CRC-32

A group begins where the one before it ends, or on the next page (4 KiB) where less than 1 KiB of this one is left: the
system writes whole pages, and a page that two groups share is written twice.

A group that is torn is no group; what stands before it is untouched. A group that went bad later is passed over: the
next sound one is searched for, and the gap is counted. Two groups may hold the same sequences, for a group whose fsync
failed is written again into another segment: readers pass over what they have seen.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, msgpack

from store.fs import Buffer, Fs

try:
    from isal.isal_zlib import compress as _compress
    from isal.isal_zlib import crc32 as _crc32
    from isal.isal_zlib import decompress as _decompress
except ImportError:  # no wheel for this processor: the same format, slower
    from zlib import compress as _compress
    from zlib import crc32 as _crc32
    from zlib import decompress as _decompress

GROUP, INDEX, POINTER = b"CWG1", b"CWI1", b"CWP1"
_HEADER = struct.Struct("<4sIQQIIIIqqII")
_POINTER = struct.Struct("<4sIQI")
HEADER_BYTES, POINTER_BYTES = _HEADER.size, _POINTER.size
SUFFIX = ".seg"
SEGMENT_BYTES = 8 << 20
PAGE_BYTES = 4096
SKIPPED_BYTES = 1024  # at the most: costs 3 % of a journal of small groups, and saves a tenth of what is written
_RAW = -15  # wbits of zlib: no header and no Adler-32

crc32 = _crc32  # (data, seed)


class Header(NamedTuple):
    """What a group or an index says of itself.

    records, items    how many records; how many of what counts in this store: frames, lines
    length, raw       bytes of the body as it stands there, and decompressed
    from_ms, to_ms    log time of the first and the last record
    body_crc          of the body as it stands there
    """

    magic: bytes
    segment: int
    first: int
    last: int
    records: int
    items: int
    length: int
    raw: int
    from_ms: int
    to_ms: int
    body_crc: int


class Segment(Struct, kw_only=True):
    """The sums of one segment file; `first` > `last` = nothing in it.

    size    bytes of the file
    end     offset behind the last group
    sealed  it has an index and is never written again
    bad     places where damaged groups were passed over
    """

    number: int
    size: int
    end: int = 0
    sealed: bool = False
    bad: int = 0
    groups: int = 0
    first: int = 1
    last: int = 0
    records: int = 0
    items: int = 0
    from_ms: int = 0
    to_ms: int = 0

    def add(self, offset: int, header: Header) -> None:
        """Take a group into the sums."""
        if not self.groups:
            self.first, self.from_ms = header.first, header.from_ms
        self.bad += offset not in (self.end, begin_behind(self.end))
        self.end = offset + HEADER_BYTES + header.length
        self.groups += 1
        self.last, self.to_ms = header.last, header.to_ms
        self.records += header.records
        self.items += header.items


class Index(Struct, array_like=True):
    """What stands behind the last group of a sealed segment: its sums, and what its store wants to find again."""

    sums: Segment
    finder: bytes


def begin_behind(end: int) -> int:
    """Tell where a group begins behind one that ends there."""
    left = -end % PAGE_BYTES
    return end + left if left <= SKIPPED_BYTES else end


def compress(raw: Buffer) -> bytes:
    """Compress as raw DEFLATE, at the level that costs least time; the checksum is ours."""
    return _compress(raw, 1, _RAW)


def pack(header: Header) -> bytes:
    """Make the 64 bytes that stand before a body."""
    bare = _HEADER.pack(*header, 0)[:-4]
    return bare + crc32(bare, header.segment).to_bytes(4, "little")


def header_at(data: Buffer, offset: int, number: int) -> Header | None:
    """Read the header at an offset; None where no sound header of this segment stands."""
    if offset + HEADER_BYTES > len(data):
        return None
    *fields, crc = _HEADER.unpack_from(data, offset)
    header = Header(*fields)
    if header.segment != number or header.magic not in (GROUP, INDEX):
        return None
    return header if crc == crc32(memoryview(data)[offset : offset + HEADER_BYTES - 4], number) else None


def sound(data: Buffer, offset: int, header: Header) -> bool:
    """Tell whether the body behind a header is the one that was written."""
    body = memoryview(data)[offset + HEADER_BYTES : offset + HEADER_BYTES + header.length]
    return len(body) == header.length and crc32(body, header.segment) == header.body_crc


def body_at(data: Buffer, offset: int, header: Header) -> bytes:
    """Decompress the body behind a header."""
    start = offset + HEADER_BYTES
    return _decompress(memoryview(data)[start : start + header.length], _RAW, max(header.raw, 1))


def groups(data: bytes, number: int) -> Iterator[tuple[int, Header]]:
    """Walk through the groups of a whole segment: (offset, header), all sound. A jump in the offsets is damage."""
    mark = GROUP + number.to_bytes(4, "little")
    offset = 0
    while offset >= 0:
        header = header_at(data, offset, number)
        if header is not None and header.magic == GROUP and sound(data, offset, header):
            yield offset, header
            offset += HEADER_BYTES + header.length
        else:
            offset = data.find(mark, offset + 1)


def pack_pointer(number: int, offset: int) -> bytes:
    """Make the last bytes of a sealed segment."""
    bare = _POINTER.pack(POINTER, number, offset, 0)[:-4]
    return bare + crc32(bare, number).to_bytes(4, "little")


def path_of(directory: Path, number: int) -> Path:
    """Name of a segment's file."""
    return directory / f"{number:010d}{SUFFIX}"


def numbers(fs: Fs, directory: Path) -> list[int]:
    """Numbers of all segments of a folder, oldest first; none where there is no folder."""
    try:
        names = fs.names(directory)
    except FileNotFoundError:
        return []
    stems = [name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)]
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def load(fs: Fs, directory: Path, number: int) -> bytes | None:
    """Read a whole segment; None when it has gone, which the oldest do at any time."""
    path = path_of(directory, number)
    try:
        fd = fs.open(path)
    except FileNotFoundError:
        return None
    try:
        data = fs.pread(fd, fs.size(fd), 0)
    finally:
        fs.close(fd)
    # A recycled file keeps its bytes until it is overwritten. That its name still stands says they are the ones meant.
    return data if path.name in fs.names(directory) else None


def index_of(fs: Fs, directory: Path, number: int) -> Index | None:
    """Read the index of a sealed segment; None where there is none."""
    try:
        fd = fs.open(path_of(directory, number))
    except FileNotFoundError:
        return None
    try:
        size = fs.size(fd)
        tail = fs.pread(fd, POINTER_BYTES, max(size - POINTER_BYTES, 0))
        if len(tail) < POINTER_BYTES:
            return None
        offset = _POINTER.unpack(tail)[2]
        if tail != pack_pointer(number, offset):
            return None
        data = fs.pread(fd, size - POINTER_BYTES - offset, offset)
    finally:
        fs.close(fd)
    header = header_at(data, 0, number)
    if header is None or header.magic != INDEX or not sound(data, 0, header):
        return None
    return _INDEX.decode(body_at(data, 0, header))


def sums_of(data: bytes, number: int) -> Segment:
    """Sum a whole segment up by walking through its groups."""
    sums = Segment(number=number, size=len(data))
    for offset, header in groups(data, number):
        sums.add(offset, header)
    return sums


def survey(fs: Fs, directory: Path, number: int) -> Segment | None:
    """Sum a segment up, from its index where it has one. None when it has gone."""
    index = index_of(fs, directory, number)
    if index is not None:
        return index.sums
    data = load(fs, directory, number)
    return None if data is None else sums_of(data, number)


def listing(fs: Fs, directory: Path) -> list[Segment]:
    """Sum all segments of a store up, oldest first; reads only, also while the store is being written."""
    found = (survey(fs, directory, number) for number in numbers(fs, directory))
    return [sums for sums in found if sums is not None]


_INDEX = msgpack.Decoder(Index)
