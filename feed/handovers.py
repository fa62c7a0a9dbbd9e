"""Shifts that were handed over (交接班): a room of the desk, append-only."""

from feed.desk import Room

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


class Handovers(Room):
    """All of them. Waits for the disk: not on the event loop."""

    schema = _SCHEMA

    def add(self, now_ms: int, gave: str, took: str, note: str, lists: str) -> Handover:
        """Keep one. now_ms: civil time."""
        asked = "INSERT INTO handovers (t_ms, gave, took, note, lists) VALUES (?, ?, ?, ?, ?)"
        with self.transaction() as db:
            number = db.execute(asked, (now_ms, gave, took, note, lists)).lastrowid or 0
        return number, now_ms, gave, took, note, lists

    def before(self, number: int, limit: int) -> list[Handover]:
        """Give those before a number (0 = all), the newest first."""
        asked = "SELECT * FROM handovers WHERE number < ? ORDER BY number DESC LIMIT ?"
        return self.rows(asked, (number or 1 << 62, limit))
