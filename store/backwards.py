"""The journal read from its end: for what was said last, whoever looks need not read all that was said before."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import msgpack

from rules.records import Record
from store import segment
from store.fs import Fs
from store.journal import may_hold

_decode = msgpack.Decoder(list[tuple[int, Record]]).decode


def backwards(fs: Fs, directory: Path) -> Iterator[tuple[int, Record]]:
    """Yield the records of a journal, the newest first, each with the sequence of its first frame.

    It only reads, one segment in memory at a time, beside a daemon that writes; what comes first may not be durable
    yet. It ends where the journal was cut off meanwhile. A record may come twice.
    """
    for group in groups_backwards(fs, directory):
        yield from group


def groups_backwards(
    fs: Fs, directory: Path, *, since_ms: int = 0, places: Sequence[bytes] = ()
) -> Iterator[list[tuple[int, Record]]]:
    """Yield the records of one group after the other, all newest first, as `backwards` does.

    since_ms  log time: groups that are older as a whole do not come
    places    only groups in which the bytes of one of these stand; in the stead of others comes an empty list
    """
    for number in reversed(segment.numbers(fs, directory)):
        index = segment.index_of(fs, directory, number)
        if index is not None and index.sums.groups and index.sums.to_ms < since_ms:
            return
        if index is not None and places and not any(may_hold(index.finder, place) for place in places):
            yield []
            continue
        data = segment.load(fs, directory, number)
        if data is None:
            return
        for offset, header in reversed(list(segment.groups(data, number))):
            if header.to_ms < since_ms:
                return
            raw = segment.body_at(data, offset, header)
            wanted = not places or any(place in raw for place in places)
            yield _decode(raw)[::-1] if wanted else []
