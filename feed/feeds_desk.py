"""What feeds remember, in the desk: how far each has come, which states it has put on a broker, what it set aside."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from feed.desk import no_room, open_desk
from feed.positions import Position

_SCHEMA = """
CREATE TABLE IF NOT EXISTS feed_marks (
    name      TEXT PRIMARY KEY,             -- of the feed, as in cityward.yaml
    feed      TEXT NOT NULL,                -- random id of the book's feed
    number    INTEGER NOT NULL,             -- of the last event that the other side has
    forgotten INTEGER NOT NULL DEFAULT 0    -- events that the book no longer had when they would have been sent
) STRICT;
CREATE TABLE IF NOT EXISTS feed_states (    -- topics on which a retained state may stand
    name  TEXT NOT NULL,
    topic TEXT NOT NULL,
    alarm TEXT NOT NULL,
    PRIMARY KEY (name, topic)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feed_aside (     -- events that a receiver has refused for good
    name   TEXT NOT NULL,
    feed   TEXT NOT NULL,
    number INTEGER NOT NULL,
    t_ms   INTEGER NOT NULL,                -- civil time
    status INTEGER NOT NULL,                -- of HTTP
    detail TEXT NOT NULL,                   -- what it said
    PRIMARY KEY (name, feed, number)
) STRICT, WITHOUT ROWID;
"""
_MARK = """
INSERT INTO feed_marks (name, feed, number, forgotten) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET feed = ?2, number = ?3, forgotten = forgotten + ?4
"""


class FeedsDesk:
    """The rooms of one feed. For its thread. Raises sqlite3.Error; see `feed.desk.no_room`."""

    def __init__(self, desk: Path, name: str) -> None:
        self._path, self._name = desk, name
        self._db: sqlite3.Connection | None = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_desk(self._path, _SCHEMA)
        return self._db

    def close(self) -> None:
        """Let the file go."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def position(self) -> Position | None:
        """Read how far the other side has come; None = it has never been sent anything."""
        query = "SELECT feed, number FROM feed_marks WHERE name = ?"
        row = self._open.execute(query, (self._name,)).fetchone()
        return Position(*row) if row else None

    def keep(self, position: Position, *, forgotten: int = 0) -> None:
        """Write how far the other side has come, and how many events it will never be sent."""
        self._open.execute(_MARK, (self._name, *position, forgotten))

    def forgotten(self) -> int:
        """Count the events that were no longer there to be sent."""
        row = self._open.execute("SELECT forgotten FROM feed_marks WHERE name = ?", (self._name,)).fetchone()
        return int(row[0]) if row else 0

    def states(self) -> dict[str, str]:
        """Read the topics on which a retained state may stand: topic -> alarm."""
        query = "SELECT topic, alarm FROM feed_states WHERE name = ?"
        return dict(self._open.execute(query, (self._name,)).fetchall())

    def state_put(self, states: Iterable[tuple[str, str]]) -> None:
        """Remember (topic, alarm) before states are put there: after a kill somebody must know of them."""
        rows = [(self._name, topic, alarm) for topic, alarm in states]
        self._all("INSERT OR REPLACE INTO feed_states VALUES (?, ?, ?)", rows)

    def state_gone(self, topics: Iterable[str]) -> None:
        """Forget topics from which the broker has taken the state."""
        self._all("DELETE FROM feed_states WHERE name = ? AND topic = ?", [(self._name, topic) for topic in topics])

    def aside(self, position: Position, status: int, detail: str) -> None:
        """Write down an event that was refused for good, and go on behind it, in one transaction."""
        t_ms = time.time_ns() // 1_000_000
        db = self._open
        db.execute("BEGIN IMMEDIATE")
        try:
            row = (self._name, *position, t_ms, status, detail[:500])
            db.execute("INSERT OR REPLACE INTO feed_aside VALUES (?, ?, ?, ?, ?, ?)", row)
            db.execute(_MARK, (self._name, *position, 0))
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def set_aside(self) -> int:
        """Count the events that were refused for good."""
        return int(self._open.execute("SELECT count(*) FROM feed_aside WHERE name = ?", (self._name,)).fetchone()[0])

    def _all(self, sql: str, rows: Sequence[tuple[str, ...]]) -> None:
        if not rows:
            return
        db = self._open
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(sql, rows)
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def forget_others(desk: Path, names: Iterable[str]) -> list[str]:
    """Forget the feeds that are configured no more; return their names. States on their brokers stay there.

    On a full disk none is forgotten: the next start does it.
    """
    try:
        db = open_desk(desk, _SCHEMA)
    except sqlite3.Error as error:
        if no_room(error):
            return []
        raise
    try:
        known = {name for (name,) in db.execute("SELECT name FROM feed_marks")}
        gone = sorted(known - set(names))
        for name in gone:
            for table in ("feed_marks", "feed_states", "feed_aside"):
                db.execute(f"DELETE FROM {table} WHERE name = ?", (name,))  # noqa: S608 - names of our own tables
    finally:
        db.close()
    return gone
