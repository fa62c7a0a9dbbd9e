"""The stores that the pipeline owns."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from ingest import influx_state
from store import archive, snapshot
from store.book import Book
from store.crashes import Crashes
from store.fs import DiskFullError, Fs
from store.inbox import Inbox
from store.journal import Journal

log = logging.getLogger(__name__)

T = TypeVar("T")


class Stores(Struct):
    """Everything durable that the pipeline owns.

    lost    records that a replay did not find: the journal gave them up, or they are damaged
    untold  those of them of which no Status record speaks yet
    """

    fs: Fs
    directory: Path
    journal: Journal
    inbox: Inbox
    book: Book
    crashes: Crashes
    free_backlog: Callable[[], int] = lambda: 0  # of whoever owns the backlog
    lost: int = 0
    untold: int = 0

    def with_room(self, write: Callable[[], T]) -> T:
        """Write; on a full disk give up the oldest of what is least worth, until there is room.

        In this order: archived readings; what strangers said; lines that InfluxDB has not taken, for the journal can
        make them again; what the journal remembers longest; at the very last the book's ballast, so that an alarm can
        say it.
        Raises DiskFullError when nothing is left to give up.
        """
        ways = {
            "archive": lambda: archive.drop_oldest(self.directory / "archive"),
            "inbox": self.inbox.free_oldest,
            "backlog": self.free_backlog,
            "journal": self.journal.free_oldest,
            "ballast": self.book.throw_ballast,
        }
        while True:
            try:
                return write()
            except DiskFullError:
                gave = next((name for name, way in ways.items() if way()), None)
                if gave is None:
                    raise
                log.warning("the disk is full: %s gives way", gave)

    def close(self) -> None:
        """Let go; the next process may open them."""
        self.journal.close()
        self.inbox.close()
        self.book.close()


def open_stores(fs: Fs, directory: Path, *, journal_bytes: int, inbox_bytes: int) -> Stores:
    """Open or make the stores. Raises store.log.InUseError when another daemon runs on them."""
    fs.make_dir(directory)
    inbox = Inbox(fs, directory / "inbox", inbox_bytes)
    book = Book(directory / "book.sqlite")
    sink = influx_state.on_disk(fs, directory / "influx")
    known = (inbox.last, book.told_to(), snapshot.newest(fs, directory / "snapshot"), sink.position if sink else 0)
    journal = Journal(fs, directory / "journal", journal_bytes, at_least=1 + max(known))
    return Stores(fs, directory, journal, inbox, book, Crashes(fs, directory / "crashes"))
