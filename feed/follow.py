"""A reader of the feed on a thread of its own: events in order, from a position that it keeps itself."""

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rules.records import Event, Outcome
from store.book import BookReader

PAGE = 200  # events read at once

_event = msgspec.json.Decoder(Event).decode


class Follower:
    """Reads the book; the pipeline only wakes it. A view: give it to the pipeline.

    `after` belongs to one thread; `take` and `wake` may be called from any.
    """

    def __init__(self, book: Path) -> None:
        self._path = book
        self._book: BookReader | None = None
        self._news = threading.Event()

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:  # noqa: ARG002 - events are all that is fed
        """Wake the reader."""
        if told:
            self._news.set()

    def wake(self) -> None:
        """Let `after` return at once, so that its thread can look whether it is to stop."""
        self._news.set()

    def pause(self, wait_s: float) -> None:
        """Wait until there is something to read, or for a time."""
        if self._news.wait(wait_s):
            self._news.clear()

    def after(self, number: int, wait_s: float) -> list[Event]:
        """Give the events that follow a number, without evidence; wait for one, and give none where none comes.

        Where the book no longer has the next one, the first that it gives has a higher number.
        """
        book = self.book
        rows = book.events(number, PAGE)
        if not rows and self._news.wait(wait_s):
            self._news.clear()
            rows = book.events(number, PAGE)
        return [_event(body) for _, body in rows]

    @property
    def book(self) -> BookReader:
        """The book, for the thread that reads."""
        if self._book is None:
            self._book = BookReader(self._path)
        return self._book

    def close(self) -> None:
        """Let the book go."""
        if self._book is not None:
            self._book.close()
            self._book = None
