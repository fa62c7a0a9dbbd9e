"""The desk: the feed's own SQLite file. Here the audit trail: every change by a person or token, append-only, chained.

The journal says the same for as long as it reaches back; the desk keeps it for good. Each row carries the SHA-256 of
the former row's hash and of itself (`chained`), so that a row that is changed, taken out or put in breaks the chain
from there on. Who cuts off the end leaves no break, but the daily export tells; each export is a row, too
(feed/audit_export.py).
"""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from msgspec import Struct

_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    number  INTEGER PRIMARY KEY,  -- in order
    t_ms    INTEGER NOT NULL,     -- civil time, Unix ms
    who     TEXT NOT NULL,        -- user
    via     TEXT NOT NULL,        -- from where: https 10.1.2.3, http 127.0.0.1, socket:uid 1000
    what    TEXT NOT NULL,        -- ack, reset, reload, redecode, login, person, refused
    target  TEXT NOT NULL,        -- alarm id and occurrence: cover-tilted@mh-0114#7311
    command TEXT NOT NULL,        -- id of the command, made by the client
    comment TEXT NOT NULL,
    status  INTEGER NOT NULL,     -- what it was told: 200, 404, 409 ...
    answer  TEXT NOT NULL,        -- and in words
    before  TEXT NOT NULL DEFAULT '',  -- JSON
    after   TEXT NOT NULL DEFAULT '',  -- JSON
    hash    TEXT NOT NULL DEFAULT ''   -- of the row before, and of this one
) STRICT;
CREATE INDEX IF NOT EXISTS audit_by_who ON audit (who);  -- most may see only what they did themselves
CREATE INDEX IF NOT EXISTS audit_of_configurations ON audit (number) WHERE what IN ('reload', 'undo', 'start');
"""
_APPEND_ONLY = """
CREATE TRIGGER IF NOT EXISTS audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""
_ADDED = ("before", "after", "hash")  # by the version that brought the console

COLUMNS = (
    "number", "t_ms", "who", "via", "what", "target", "command", "comment", "before", "after", "status", "answer"
)  # fmt: skip
"""What of a row is chained, in this order."""

BEGINNING = "0" * 64
"""What stands before the first row."""

Row = tuple[int | str, ...]


class Audited(Struct, frozen=True, kw_only=True):
    """One change of state by a person or program, or the attempt at one. before, after: JSON."""

    who: str
    via: str
    what: str
    target: str = ""
    command: str = ""
    comment: str = ""
    before: str = ""
    after: str = ""
    status: int
    answer: str = ""


class Doer(Struct, frozen=True, kw_only=True):
    """Who changes something, and from where: as in Audited."""

    who: str
    via: str


def chained(former: str, row: Row) -> str:
    """Give the hash of a row: SHA-256 in hex of the former hash, a line feed and the row as a JSON array, in UTF-8.

    row  as COLUMNS; the JSON has no blanks, and what is not ASCII stands as it is
    """
    body = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{former}\n{body}".encode()).hexdigest()


def open_desk(path: Path, schema: str) -> sqlite3.Connection:
    """Open the desk for one of its rooms, whose tables are made where they are not there; one thread at a time.

    Autocommit: what must be together stands between BEGIN IMMEDIATE and COMMIT. Another writer is waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if file.exists():
            file.chmod(0o600)  # people, and what they did; an earlier version let the group read. SQLite does likewise
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(schema)
    return db


def read_desk(path: Path) -> sqlite3.Connection:
    """Open the desk to look at it only. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=10)


def rows_of(db: sqlite3.Connection, after: int = 0) -> Iterator[tuple[Row, str]]:
    """Yield the rows that follow a number, in order, each with its hash."""
    columns = ", ".join(COLUMNS)
    asked = f"SELECT {columns}, hash FROM audit WHERE number > ? ORDER BY number"  # noqa: S608 - our own names
    for *row, own in db.execute(asked, (after,)):
        yield tuple(row), own


def passes(error: sqlite3.Error) -> bool:
    """Whether it is to be tried again: the disk is full, or another writer held the desk for long."""
    return error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_BUSY)


def system_ms() -> int:
    """Return what the system's clock says, Unix ms: for programs beside the daemon, which knows better."""
    return time.time_ns() // 1_000_000


class Room:
    """One room of the desk: some tables, and a connection of its own. Any thread; one at a time. Raises sqlite3.Error.

    Opened when it is first needed; the disk may be full before.
    """

    schema: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._turn = threading.RLock()

    def _opened(self, db: sqlite3.Connection) -> None:
        """Do what has to be done before anybody else uses the room."""

    def open(self) -> sqlite3.Connection:
        """Open the room if it is not; return its connection, for who has the turn."""
        with self._turn:
            if self._db is None:
                db = open_desk(self.path, self.schema)
                try:
                    self._opened(db)
                except BaseException:
                    db.close()
                    raise
                self._db = db
            return self._db

    def try_to_open(self) -> None:
        """Open the room now, unless that has to wait."""
        try:
            self.open()
        except sqlite3.Error as error:
            if not passes(error):
                raise

    def rows(self, asked: str, values: Sequence[object] = ()) -> list[Any]:
        """Read."""
        with self._turn:
            return self.open().execute(asked, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all of it, on the disk at the end, or nothing."""
        with self._turn:
            db = self.open()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # SQLite has undone it itself where the disk is full
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let the file go."""
        with self._turn:
            if self._db is not None:
                self._db.close()
                self._db = None


class Trail(Room):
    """A room whose changes are rows of the audit trail: a change and its row are one transaction. now_ms: civil time.

    So there is no moment at which the process can die between them.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int] = system_ms) -> None:
        super().__init__(path)
        self._now_ms = now_ms

    def _opened(self, db: sqlite3.Connection) -> None:
        db.executescript(_SCHEMA)
        _chain(db)
        db.executescript(_APPEND_ONLY)

    def note(self, db: sqlite3.Connection, entry: Audited) -> None:
        """Write the row of a change, within its transaction."""
        _append(db, entry, self._now_ms())


class Desk(Trail):
    """The audit trail itself, for what is changed elsewhere."""

    schema = ""

    def __init__(self, path: Path, now_ms: Callable[[], int] = system_ms) -> None:
        super().__init__(path, now_ms)
        self.try_to_open()

    def audit(self, entry: Audited) -> None:
        """Write it down; on the disk when this returns.

        Raises sqlite3.Error: the disk is full or broken.
        """
        with self.transaction() as db:
            self.note(db, entry)


def _append(db: sqlite3.Connection, entry: Audited, now_ms: int) -> None:
    last = db.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    number, former = last or (0, BEGINNING)
    row: Row = (
        number + 1, now_ms, entry.who, entry.via, entry.what, entry.target, entry.command,
        entry.comment, entry.before, entry.after, entry.status, entry.answer,
    )  # fmt: skip
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    db.execute(f"INSERT INTO audit ({', '.join(COLUMNS)}, hash) VALUES ({marks})", (*row, chained(former, row)))  # noqa: S608 - our own names


def _chain(db: sqlite3.Connection) -> None:
    """Give the rows of a version that knew no chain their hashes: the chain begins at the first of them."""
    db.execute("BEGIN IMMEDIATE")
    there = {name for _, name, *_ in db.execute("PRAGMA table_info(audit)")}
    missing = [name for name in _ADDED if name not in there]
    if missing:
        db.execute("DROP TRIGGER IF EXISTS audit_is_not_changed")
        for name in missing:
            db.execute(f"ALTER TABLE audit ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
        former = BEGINNING
        for row, _ in list(rows_of(db)):
            former = chained(former, row)
            db.execute("UPDATE audit SET hash = ? WHERE number = ?", (former, row[0]))
    db.execute("COMMIT")
