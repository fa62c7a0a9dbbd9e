"""What was told: events with numbers without a gap, alarms, periods, evidence; and the accepted configurations.

One SQLite file in WAL mode with synchronous=FULL: a transaction that was committed survives a power cut. One thread
writes (`Book`); others read with connections of their own (`BookReader`). Rows hold JSON, encoded once when told.
"""

import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from msgspec import json

from rules.records import Alarm, Event, Evidence, Outcome, Period
from store import ballast, shadows, told, watched
from store.fs import DiskFullError
from store.shadows import Activation

PAGE_BYTES = 1024  # of a new book; an event changes seven pages, and writes them all
_PACKED = b"\x78"  # what zlib writes begins so, and no configuration does: a msgpack array
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)

_SCHEMA = (
    """
create table if not exists facts (name text primary key, value any) without rowid;
create table if not exists events (number integer primary key, at_ms integer not null, body blob not null);
create table if not exists evidence (number integer primary key, body blob not null);
create table if not exists alarms (id text primary key, standing integer not null, body blob not null) without rowid;
create index if not exists standing_alarms on alarms (id) where standing;
create table if not exists periods (
  device text, quantity text, span text, start_ms integer, revision integer not null, body blob not null,
  primary key (device, quantity, span, start_ms)
) without rowid;
create index if not exists periods_by_start on periods (start_ms);
create table if not exists revisions (
  device text, quantity text, span text, start_ms integer, revision integer not null, body blob not null,
  primary key (device, quantity, span, start_ms, revision)
) without rowid;
create index if not exists revisions_by_start on revisions (start_ms);
create table if not exists proofs (
  number integer primary key, alarm text not null, occurrence integer not null, complete integer not null,
  body blob not null
);
create index if not exists incomplete_proofs on proofs (number) where not complete;
create table if not exists configurations (hash text primary key, accepted integer not null, body blob not null);
"""
    + shadows.SCHEMA
    + told.SCHEMA
    + watched.SCHEMA
)
_KEEP_FORMER = """
insert or ignore into revisions select * from periods
where device = ? and quantity = ? and span = ? and start_ms = ? and revision < ?
"""  # what was told first is never rewritten
_UPSERT_PERIOD = """
insert into periods values (?, ?, ?, ?, ?, ?) on conflict do update
set revision = excluded.revision, body = excluded.body where excluded.revision > periods.revision
"""

_alarm = json.Decoder(Alarm).decode
_period = json.Decoder(Period).decode
_evidence = json.Decoder(Evidence).decode
_encode = json.Encoder().encode


def _whole(body: bytes) -> bytes:
    """Undo the compression of a configuration; versions before 2026-11-24 knew none."""
    return zlib.decompress(body) if body[:1] == _PACKED else body


class BookReader:
    """The book for reading, beside its writer. One thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        """Open a book that exists; raises sqlite3.OperationalError where there is none."""
        while True:  # on a full disk, with no daemon there, even reading needs room for what SQLite puts beside it
            self._db = _connect(path, "ro")
            try:
                self._db.execute("select 1 from sqlite_master")
                break
            except sqlite3.Error as error:
                self._db.close()
                if error.sqlite_errorcode not in _FULL or not ballast.throw(path):
                    raise

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def feed_id(self) -> str:
        """The random id of this feed: letters and digits, made once with the book."""
        return str(self._fact("feed_id"))

    @property
    def last_event(self) -> int:
        """Number of the last event ever told; 0 = none."""
        return int(self._fact("last_event") or 0)

    @property
    def oldest_event(self) -> int:
        """Number of the oldest event that is kept; 0 = none is."""
        return int(self._one("select min(number) from events") or 0)

    def told_to(self) -> int:
        """Up to which sequence everything has been told that there was to tell."""
        return int(self._fact("told_to") or 0)

    def proven_to(self) -> int:
        """Return the number of the event up to which every proof that was due is here."""
        return int(self._fact("proven_to") or 0)

    def events(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Read the events that follow a number, without their evidence: (number, JSON of rules.records.Event)."""
        rows = self._db.execute(
            "select number, body from events where number > ? order by number limit ?", (after, limit)
        )
        return rows.fetchall()

    def evidence(self, number: int) -> Evidence | None:
        """Read what an event rests on."""
        body = self._one("select body from evidence where number = ?", number)
        return None if body is None else _evidence(body)

    def alarms(self) -> list[Alarm]:
        """Read all alarms that stand (`not over`), as last told, in the order of their ids."""
        rows = self._db.execute("select body from alarms where standing order by id")
        return [_alarm(body) for (body,) in rows]

    def alarm(self, alarm: str) -> Alarm | None:
        """Read one alarm as last told, also when it is over; None = nothing was ever told of it."""
        body = self._one("select body from alarms where id = ?", alarm)
        return None if body is None else _alarm(body)

    def periods(self, device: str, quantity: str, span: str, from_ms: int, to_ms: int) -> list[Period]:
        """Read the newest revisions of one series' hours or days that begin in [from_ms, to_ms), civil time."""
        rows = self._db.execute(
            "select body from periods where device = ? and quantity = ? and span = ? and start_ms >= ? and start_ms < ?"
            " order by start_ms",
            (device, quantity, span, from_ms, to_ms),
        )
        return [_period(body) for (body,) in rows]

    def activations(self, from_ms: int) -> list[Activation]:
        """Read when rules that are only tried would have rung since then, or would still ring; civil time."""
        rows = self._db.execute(
            "select alarm, rule, priority, from_ms, to_ms from shadows"
            " where from_ms >= ? or to_ms >= ? or to_ms is null order by from_ms",
            (from_ms, from_ms),
        )
        return [Activation(*row) for row in rows]

    def accepted(self) -> tuple[str, bytes] | None:
        """Read the configuration that was accepted last: (hash, what was given to `accept`)."""
        row: tuple[str, bytes] | None = self._db.execute(
            "select hash, body from configurations order by accepted desc limit 1"
        ).fetchone()
        return None if row is None else (row[0], _whole(row[1]))

    def accepted_before(self, config_hash: str | None) -> str | None:
        """Return the hash of what was accepted before a configuration, or the last of all; None where nothing was."""
        found: str | None = self._one(
            "select hash from configurations where hash is not ?1 order by"
            " accepted < (select accepted from configurations where hash = ?1) desc, accepted desc limit 1",
            config_hash,
        )
        return found or config_hash

    def configuration(self, config_hash: str) -> bytes | None:
        """Read an accepted configuration."""
        body: bytes | None = self._one("select body from configurations where hash = ?", config_hash)
        return None if body is None else _whole(body)

    def _fact(self, name: str) -> Any:  # noqa: ANN401 - whatever SQLite holds
        return self._one("select value from facts where name = ?", name)

    def _one(self, question: str, *values: Any) -> Any:  # noqa: ANN401 - whatever SQLite holds
        row = self._db.execute(question, values).fetchone()
        return None if row is None else row[0]


class Book(BookReader):
    """The book for its one writer, which is made where it is not there.

    A full disk raises store.fs.DiskFullError; what was to be written can be written again. Any other failure raises
    sqlite3.Error, and the process had better end.

    has_ballast  nothing of it was thrown out
    """

    def __init__(self, path: Path) -> None:
        """Open or make the book."""
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._path = path
        while True:
            try:
                self._open(path)
                break
            except sqlite3.Error as error:
                if error.sqlite_errorcode not in _FULL or not self.throw_ballast():
                    raise
        self._told_to = super().told_to()
        self._last_event = super().last_event
        self.keep_ballast()

    def _open(self, path: Path) -> None:
        """Open the file; that needs a little room, for what SQLite puts beside it."""
        self._db = _connect(path, "rwc")
        self._db.execute(f"pragma page_size = {PAGE_BYTES}")
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)
        (page_bytes,) = self._db.execute("pragma page_size").fetchone()
        self._db.execute(f"pragma wal_autocheckpoint = {ballast.LOG_BYTES // page_bytes}")
        _lengthen(path.with_name(path.name + "-wal"))
        told.fill(self._db)
        if self._fact("feed_id") is None:
            self._write([("insert into facts values ('feed_id', ?)", [(secrets.token_hex(6),)])])
        if self._fact("proven_to") is None:  # what a version told that knew no proofs has none
            self._write([("insert into facts values ('proven_to', ?)", [(super().last_event,)])])

    def told_to(self) -> int:
        """Up to which sequence everything has been told that there was to tell."""
        return self._told_to

    def tell(self, outcome: Outcome, *, muted_upto: int = 0) -> list[Event]:
        """Give the events of an outcome their numbers and store what it tells, in one transaction; return those told.

        Sets `number` of each event and `event` of its alarm. Events up to a sequence that has been told, or up to
        `muted_upto`, are passed over: a replay tells nothing twice. Nothing to tell costs no fsync, and `told_to` stays
        where it is, for a replay of what told nothing tells nothing.
        """
        if outcome.last <= self._told_to:
            return []
        floor = max(self._told_to, muted_upto)
        events = [event for event in outcome.events if event.sequence > floor]
        tried = [event for event in outcome.shadows if event.sequence > floor]
        if not events and not outcome.periods and not tried:
            return []
        for number, event in enumerate(events, self._last_event + 1):
            event.number = event.alarm.event = number
        last_event = self._last_event + len(events)
        self._write(
            [
                ("insert into events values (?, ?, ?)", [_event_row(event) for event in events]),
                (told.INSERT, told.rows(events)),
                (
                    "insert into evidence values (?, ?)",
                    [(event.number, _encode(event.evidence)) for event in events if event.evidence is not None],
                ),
                ("insert or replace into alarms values (?, ?, ?)", _alarm_rows(events)),
                (
                    _KEEP_FORMER,
                    [(p.device, p.quantity, p.span, p.start_ms, p.revision) for p in outcome.periods if p.revision > 1],
                ),
                (
                    _UPSERT_PERIOD,
                    [(p.device, p.quantity, p.span, p.start_ms, p.revision, _encode(p)) for p in outcome.periods],
                ),
                *shadows.steps(tried),
                (
                    "insert or replace into facts values (?, ?)",
                    [("told_to", outcome.last), ("last_event", last_event)],
                ),
            ]
        )
        self._told_to, self._last_event = outcome.last, last_event
        return events

    def prove(self, proofs: Iterable[tuple[int, str, int, bool, bytes]], upto: int) -> None:
        """Store proofs (`store.proofs.Proof.row`), and that all events up to a number have theirs, in one go."""
        self._write(
            [
                ("insert or replace into proofs values (?, ?, ?, ?, ?)", list(proofs)),
                ("insert or replace into facts values ('proven_to', ?)", [(upto,)]),
            ]
        )

    def accept(self, config_hash: str, blob: bytes) -> None:
        """Store a configuration that was accepted; it is now the last one."""
        accepted = self._one("select coalesce(max(accepted), 0) + 1 from configurations")
        self._write(
            [("insert or replace into configurations values (?, ?, ?)", [(config_hash, accepted, zlib.compress(blob))])]
        )

    def prune(self, *, events_before_ms: int, periods_before_ms: int, limit: int = 500) -> int:
        """Delete the oldest: events by log time, periods by civil time. Return how many; fewer than `limit` = done."""
        rows = self._db.execute("select number, at_ms from events order by number limit ?", (limit,))
        old = [(number,) for number, at_ms in rows if at_ms < events_before_ms]
        periods = self._db.execute(
            "select device, quantity, span, start_ms from periods where start_ms < ? order by start_ms limit ?",
            (periods_before_ms, limit - len(old)),
        ).fetchall()
        if old or periods:
            self._write(
                [
                    ("delete from events where number = ?", old),
                    ("delete from evidence where number = ?", old),
                    ("delete from proofs where number = ?", old),
                    (told.DELETE, old),
                    ("delete from shadows where to_ms < ?", [(events_before_ms,)]),
                    ("delete from periods where device = ? and quantity = ? and span = ? and start_ms = ?", periods),
                    ("delete from revisions where device = ? and quantity = ? and span = ? and start_ms = ?", periods),
                    (watched.FORGET, [(periods_before_ms,)]),
                    (watched.SHORTEN, [(periods_before_ms,)]),
                ]
            )
        return len(old) + len(periods)

    def watch(self, now_ms: int) -> None:
        """Note that the gateway watches, civil time; to be called more often than `watched.GAP_MS`."""
        steps = (watched.BEGIN, watched.FORGET_FUTURE, watched.GO_ON, watched.RESUME)
        self._write([(step, [(now_ms,)]) for step in steps])

    def keep_ballast(self) -> None:
        """Put the ballast back where it was thrown out and there is room for it.

        The last event of all, which says that the disk is full, needs room that nobody else can take.
        """
        self.has_ballast = ballast.keep(self._path)

    def throw_ballast(self) -> int:
        """Make the last room that there is on a full disk; return how many bytes, 0 = nothing is left."""
        self.has_ballast = False
        return ballast.throw(self._path)

    def _write(self, steps: Iterable[tuple[str, list[Any]]]) -> None:
        """Carry out one transaction."""
        try:
            self._db.execute("begin immediate")
            for sql, rows in steps:
                self._db.executemany(sql, rows)
            self._db.execute("commit")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._db.execute("rollback")
            if error.sqlite_errorcode in _FULL:
                raise DiskFullError(str(error)) from error
            raise


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )


def _lengthen(write_ahead_log: Path) -> None:
    """Write zeros behind the log up to the length that it will have: a commit that lengthens a file costs more.

    (Measured on ext4: 4 ms instead of 1, and 28 KB of the file system's own journal.) To SQLite they are frames of an
    earlier life of the log: without its salt they mean nothing (file format, section 4.1).
    """
    with suppress(OSError), write_ahead_log.open("ab") as log:  # no room: then it grows as it is needed
        log.write(bytes(max(0, ballast.LOG_BYTES + ballast.LOG_BYTES // 16 - log.tell())))
        log.flush()
        os.fsync(log.fileno())


def _event_row(event: Event) -> tuple[int, int, bytes]:
    evidence, event.evidence = event.evidence, None
    try:
        return event.number, event.at_ms, _encode(event)
    finally:
        event.evidence = evidence


def _alarm_rows(events: Iterable[Event]) -> list[tuple[str, bool, bytes]]:
    """Only the last state of each alarm is kept."""
    alarms = {event.alarm.id: event.alarm for event in events}
    return [(a.id, not a.over, _encode(a)) for a in alarms.values()]
