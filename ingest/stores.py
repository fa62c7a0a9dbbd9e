"""The stores that the pipeline owns."""

from pathlib import Path

from msgspec import Struct

from ingest import influx_state
from store import snapshot
from store.book import Book
from store.crashes import Crashes
from store.fs import Fs
from store.inbox import Inbox
from store.journal import Journal


class Stores(Struct):
    """Everything durable that the pipeline owns."""

    fs: Fs
    directory: Path
    journal: Journal
    inbox: Inbox
    book: Book
    crashes: Crashes

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
