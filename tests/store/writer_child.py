"""A process that writes journal and book for real until it is killed: `python writer_child.py DIRECTORY`.

Prints `C n` when everything up to sequence n is committed to the journal, and `T n m` when it is told up to n and the
last event has number m. An event is raised for every 5th sequence.
"""

import sys
from pathlib import Path

from devices.frames import Batch
from rules.records import Alarm, Event, Evidence, Outcome
from store.book import Book
from store.fs import OsFs
from store.journal import Journal, read


def event_at(sequence: int) -> Event:
    alarm = Alarm(
        id=f"tilted@mh-{sequence % 7}",
        rule="tilted",
        subject=f"mh-{sequence % 7}",
        device=None,
        family=None,
        priority=1,
        occurrence=sequence,
        active=True,
        acknowledged=False,
    )
    return Event(
        sequence=sequence,
        at_ms=sequence,
        t_ms=sequence,
        kind="raised",
        cause="reading",
        alarm=alarm,
        evidence=Evidence(sequence=sequence, payload=b"x" * (sequence % 300)),
    )


def outcome_of(first: int, batch: Batch) -> Outcome:
    last = first + len(batch.frames) - 1
    events = [event_at(sequence) for sequence in range(first, last + 1) if sequence % 5 == 0]
    return Outcome(first=first, last=last, known=[(first, batch)], events=events)


def main(directory: Path) -> None:
    journal = Journal(OsFs(), directory / "journal", 10 << 20, segment_bytes=64 << 10)
    book = Book(directory / "book.sqlite")
    for first, record in read(OsFs(), directory / "journal"):  # what the last process committed and did not tell
        assert isinstance(record, Batch)
        book.tell(outcome_of(first, record))
    while True:
        batch = Batch("lora", journal.next, [(b"wells/%d" % n, b"p" * n, b"") for n in range(1 + journal.next % 9)])
        first = journal.reserve([batch])
        outcome = outcome_of(first, batch)
        journal.append(first, outcome.known)
        print("C", journal.commit(), flush=True)
        book.tell(outcome)
        print("T", outcome.last, book.last_event, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
