"""Shifts that were handed over (交接班): a room of the desk, append-only."""

import sqlite3
import threading
import time
from pathlib import Path

from feed.desk import no_room, open_desk

_SCHEMA = """
CREATE TABLE IF NOT EXISTS handovers (
    number INTEGER PRIMARY KEY,
    t_ms   INTEGER NOT NULL,  -- civil time, Unix ms
    gave   TEXT NOT NULL,     -- user
    took   TEXT NOT NULL,     -- user
    note   TEXT NOT NULL,
    lists  TEXT NOT NULL      -- JSON: standing, shelved, out_of_service
) STRICT;
CREATE TRIGGER IF NOT EXISTS handover_is_not_changed BEFORE UPDATE ON handovers
BEGIN SELECT RAISE(ABORT, 'handovers are append-only'); END;
CREATE TRIGGER IF NOT EXISTS handover_is_not_deleted BEFORE DELETE ON handovers
BEGIN SELECT RAISE(ABORT, 'handovers are append-only'); END;
"""

Handover = tuple[int, int, str, str, str, str]
"""As the table's columns."""


class Handovers:
    """All of them. Waits for the disk: not on the event loop."""

    def __init__(self, path: Path) -> None:
        """Open the room; where the disk is full, when something is to be written. Raises sqlite3.Error."""
        self._path = path
        self._turn = threading.Lock()
        self._db: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.Error as error:
            if not no_room(error):
                raise

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_desk(self._path, _SCHEMA)
        return self._db

    def add(self, gave: str, took: str, note: str, lists: str) -> Handover:
        """Keep one. Raises sqlite3.Error."""
        now_ms = time.time_ns() // 1_000_000
        with self._turn:
            asked = "INSERT INTO handovers (t_ms, gave, took, note, lists) VALUES (?, ?, ?, ?, ?)"
            number = self._open().execute(asked, (now_ms, gave, took, note, lists)).lastrowid or 0
        return number, now_ms, gave, took, note, lists

    def before(self, number: int, limit: int) -> list[Handover]:
        """Give those before a number (0 = all), the newest first. Raises sqlite3.Error."""
        with self._turn:
            asked = "SELECT * FROM handovers WHERE number < ? ORDER BY number DESC LIMIT ?"
            return self._open().execute(asked, (number or 1 << 62, limit)).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            if self._db is not None:
                self._db.close()
                self._db = None
