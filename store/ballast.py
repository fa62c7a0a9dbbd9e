"""Room that a book keeps for itself, so that on a full disk an alarm can still say so.

A file of zeros beside the book, which is thrown out in two parts: at first a part, for a segment of the journal,
without which there is no event; then the rest, for the book.
"""

import os
from contextlib import suppress
from pathlib import Path

LOG_BYTES = 4 << 20  # of the write-ahead log: then SQLite brings it into the book and begins it anew
REST_BYTES = LOG_BYTES  # enough for a full write-ahead log and its checkpoint
BALLAST_BYTES = REST_BYTES + (2 << 20)  # and before that for a small segment of the journal


def keep(book: Path) -> bool:
    """Put the ballast of a book there, or back; return whether there is room for it."""
    path = _of(book)
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write(bytes(BALLAST_BYTES - size))
    except OSError:
        with suppress(FileNotFoundError):
            os.truncate(path, size)
        return False
    return True


def throw(book: Path) -> int:
    """Throw a part of a book's ballast out; return how many bytes that gave, 0 = nothing is left."""
    path = _of(book)
    size = path.stat().st_size if path.exists() else 0
    if size > REST_BYTES:
        os.truncate(path, REST_BYTES)
        return size - REST_BYTES
    path.unlink(missing_ok=True)
    return size


def _of(book: Path) -> Path:
    return book.with_name(book.name + ".ballast")
