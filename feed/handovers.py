"""Shifts that were handed over (交接班): a room of the desk, append-only."""

from msgspec import structs

from feed.desk import Audited, Trail

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

LISTS = ("standing", "shelved", "out_of_service")
Handover = tuple[int, int, str, str, str, str]
"""As the table's columns."""
Counted = tuple[int, int, str, str, str, int, int, int]
"""The same, with how long each of the LISTS is in their stead."""


class Handovers(Trail):
    """All of them, each with its row of the audit trail. Waits for the disk: not on the event loop."""

    schema = _SCHEMA

    def add(self, gave: str, took: str, note: str, lists: str, row: Audited) -> Handover:
        """Keep one, with the row that tells of it, whose target is then its number.

        The same once more, of the same lists (they have their time) is what somebody sends who got no answer: it is
        the one that is kept.
        """
        signed = (gave, took, note, lists)
        with self.transaction() as db:
            last: Handover | None = db.execute("SELECT * FROM handovers ORDER BY number DESC LIMIT 1").fetchone()
            if last is not None and last[2:] == signed:
                return last
            t_ms = self._now_ms()
            asked = "INSERT INTO handovers (t_ms, gave, took, note, lists) VALUES (?, ?, ?, ?, ?)"
            number = db.execute(asked, (t_ms, *signed)).lastrowid or 0
            self.note(db, structs.replace(row, target=str(number)))
        return number, t_ms, *signed

    def before(self, number: int, limit: int) -> list[Counted]:
        """Give those before a number (0 = all), the newest first."""
        counts = ", ".join(f"json_array_length(lists, '$.{name}')" for name in LISTS)
        asked = f"SELECT number, t_ms, gave, took, note, {counts} FROM handovers WHERE number < ? ORDER BY number DESC"  # noqa: S608 - our own words
        return self.rows(f"{asked} LIMIT ?", (number or 1 << 62, limit))

    def find(self, number: int) -> Handover | None:
        """Give one with its lists; None = there is none of this number."""
        rows: list[Handover] = self.rows("SELECT * FROM handovers WHERE number = ?", (number,))
        return rows[0] if rows else None
