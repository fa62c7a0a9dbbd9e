"""The desk: the feed's own SQLite file. For now the audit trail: every change of state by a person, append-only.

The journal says the same for as long as it reaches back; the desk keeps it for good.
"""

import sqlite3
import time
from pathlib import Path

from msgspec import Struct

_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    number  INTEGER PRIMARY KEY,  -- in order
    t_ms    INTEGER NOT NULL,     -- civil time, Unix ms
    who     TEXT NOT NULL,        -- user
    via     TEXT NOT NULL,        -- from where: http 127.0.0.1, socket:uid 1000
    what    TEXT NOT NULL,        -- ack, reset, reload, redecode
    target  TEXT NOT NULL,        -- alarm id and occurrence: cover-tilted@mh-0114#7311
    command TEXT NOT NULL,        -- id of the command, made by the client
    comment TEXT NOT NULL,
    status  INTEGER NOT NULL,     -- what it was told: 200, 404, 409 ...
    answer  TEXT NOT NULL         -- and in words
) STRICT;
CREATE TRIGGER IF NOT EXISTS audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""


class Audited(Struct, frozen=True, kw_only=True):
    """One change of state by a person, or the attempt at one."""

    who: str
    via: str
    what: str
    target: str = ""
    command: str = ""
    comment: str = ""
    status: int
    answer: str = ""


def open_desk(path: Path, schema: str) -> sqlite3.Connection:
    """Open the desk for one of its rooms, whose tables are made where they are not there; one thread at a time.

    Autocommit: what must be together stands between BEGIN IMMEDIATE and COMMIT. Another writer is waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(schema)
    return db


_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)


class Desk:
    """The open desk. One thread at a time; it may be another than the one that made it."""

    def __init__(self, path: Path) -> None:
        """Open the file; where the disk is full, when something is to be written."""
        self._path = path
        self._db: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.Error as error:
            if error.sqlite_errorcode not in _FULL:
                raise

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_desk(self._path, _SCHEMA)
        return self._db

    def audit(self, entry: Audited) -> None:
        """Write it down; on the disk when this returns.

        Raises sqlite3.Error: the disk is full or broken.
        """
        self._open().execute(
            "INSERT INTO audit (t_ms, who, via, what, target, command, comment, status, answer)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time_ns() // 1_000_000,
                entry.who,
                entry.via,
                entry.what,
                entry.target,
                entry.command,
                entry.comment,
                entry.status,
                entry.answer,
            ),
        )

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
