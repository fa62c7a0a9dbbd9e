"""A shortcut: what the fold remembered at a sequence, so that a start need not replay the whole journal.

A snapshot is a file of named sections, each with the version of its schema and a checksum of its own. Two generations
are kept. What cannot be read is as if it had never been written: a section is then rebuilt from the journal.

    CWS1, bytes of the table, CRC-32 of the table
    table     msgpack: sequence, [(name, version, bytes, CRC-32), ...]
    sections  one after the other
"""

import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import DecodeError, Struct, msgpack

from store.fs import Buffer, Fs, replace
from store.segment import crc32

_HEAD = struct.Struct("<4sII")
_MAGIC = b"CWS1"
_PREFIX = "snapshot-"
_GENERATIONS = 2


class _Section(Struct, array_like=True):
    name: str
    version: int
    length: int
    crc: int


class _Table(Struct, array_like=True):
    sequence: int
    sections: list[_Section]


_table = msgpack.Decoder(_Table).decode


def write(fs: Fs, directory: Path, sequence: int, sections: Mapping[str, tuple[int, Sequence[Buffer]]]) -> None:
    """Write what the fold remembered after a sequence, durably; the generation before the last is deleted.

    sections  name -> (version of its schema, bytes in parts); the bytes are not copied
    Raises DiskFullError: the generations that were there are there still.
    """
    fs.make_dir(directory)
    table = _Table(
        sequence,
        [
            _Section(name, version, sum(memoryview(part).nbytes for part in parts), _crc(parts))
            for name, (version, parts) in sections.items()
        ],
    )
    raw = msgpack.encode(table)
    head = _HEAD.pack(_MAGIC, len(raw), crc32(raw, 0))
    for name in fs.names(directory):
        if name.startswith(_PREFIX) and name.endswith(".new"):  # a crash left it half written
            fs.unlink(directory / name)
    path = directory / f"{_PREFIX}{sequence:020d}"
    replace(fs, path, [head, raw, *(part for _, parts in sections.values() for part in parts)])
    for name in _generations(fs, directory)[_GENERATIONS:]:
        with suppress(FileNotFoundError):
            fs.unlink(directory / name)


def _crc(parts: Sequence[Buffer]) -> int:
    found = 0
    for part in parts:
        found = crc32(part, found)
    return found


def read(fs: Fs, directory: Path) -> tuple[int, dict[str, tuple[int, bytes]]] | None:
    """Read the newest snapshot whose table is sound: (sequence, sections), without the sections that are damaged.

    None = there is none, or none that can be read.
    """
    for name in _generations(fs, directory):
        found = _read_one(fs, directory / name)
        if found is not None:
            return found
    return None


def newest(fs: Fs, directory: Path) -> int:
    """Return the sequence of the newest snapshot, sound or not; 0 = there is none."""
    return max((int(name.removeprefix(_PREFIX)) for name in _generations(fs, directory)), default=0)


def _generations(fs: Fs, directory: Path) -> list[str]:
    """Names of the snapshots, newest first."""
    try:
        names = fs.names(directory)
    except FileNotFoundError:
        return []
    return sorted((name for name in names if name.removeprefix(_PREFIX).isdecimal()), reverse=True)


def _read_one(fs: Fs, path: Path) -> tuple[int, dict[str, tuple[int, bytes]]] | None:
    fd = fs.open(path)
    try:
        head = fs.pread(fd, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            return None
        magic, length, crc = _HEAD.unpack(head)
        raw = fs.pread(fd, length, _HEAD.size) if magic == _MAGIC else b""
        if not raw or crc32(raw, 0) != crc:
            return None
        try:
            table = _table(raw)
        except DecodeError:
            return None  # of a later version of this file
        offset = _HEAD.size + length
        sections: dict[str, tuple[int, bytes]] = {}
        for section in table.sections:
            data = fs.pread(fd, section.length, offset)
            offset += section.length
            if len(data) == section.length and crc32(data, 0) == section.crc:
                sections[section.name] = (section.version, data)
        return table.sequence, sections
    finally:
        fs.close(fd)
