"""The journal read from its end: for what was said last, whoever looks need not read all that was said before."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import msgpack

from rules.records import Record
from store import segment
from store.fs import Fs

_decode = msgpack.Decoder(list[tuple[int, Record]]).decode


def backwards(fs: Fs, directory: Path) -> Iterator[tuple[int, Record]]:
    """Yield the records of a journal, the newest first, each with the sequence of its first frame.

    It only reads, one segment in memory at a time, beside a daemon that writes; what comes first may not be durable
    yet. It ends where the journal was cut off meanwhile. A record may come twice.
    """
    for number in reversed(segment.numbers(fs, directory)):
        data = segment.load(fs, directory, number)
        if data is None:
            return
        for offset, header in reversed(list(segment.groups(data, number))):
            yield from reversed(_decode(segment.body_at(data, offset, header)))
