"""What feeds remember, in the desk: how far each has come, which states it has put on a broker, what it set aside."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from feed.desk import Room, passes
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


class FeedsDesk(Room):
    """The room of one feed."""

    schema = _SCHEMA

    def __init__(self, desk: Path, name: str) -> None:
        super().__init__(desk)
        self._name = name

    def position(self) -> Position | None:
        """Read how far the other side has come; None = it has never been sent anything."""
        query = "SELECT feed, number FROM feed_marks WHERE name = ?"
        found = self.rows(query, (self._name,))
        return Position(*found[0]) if found else None

    def keep(self, position: Position, *, forgotten: int = 0) -> None:
        """Write how far the other side has come, and how many events it will never be sent."""
        with self.transaction() as db:
            db.execute(_MARK, (self._name, *position, forgotten))

    def forgotten(self) -> int:
        """Count the events that were no longer there to be sent."""
        found = self.rows("SELECT forgotten FROM feed_marks WHERE name = ?", (self._name,))
        return int(found[0][0]) if found else 0

    def states(self) -> dict[str, str]:
        """Read the topics on which a retained state may stand: topic -> alarm."""
        query = "SELECT topic, alarm FROM feed_states WHERE name = ?"
        return dict(self.rows(query, (self._name,)))

    def state_put(self, states: Iterable[tuple[str, str]]) -> None:
        """Remember (topic, alarm) before states are put there: after a kill somebody must know of them."""
        rows = [(self._name, topic, alarm) for topic, alarm in states]
        self._all("INSERT OR REPLACE INTO feed_states VALUES (?, ?, ?)", rows)

    def state_gone(self, topics: Iterable[str]) -> None:
        """Forget topics from which the broker has taken the state."""
        self._all("DELETE FROM feed_states WHERE name = ? AND topic = ?", [(self._name, topic) for topic in topics])

    def aside(self, position: Position, t_ms: int, status: int, detail: str) -> None:
        """Write down an event that was refused for good, and go on behind it. t_ms: civil time."""
        row = (self._name, *position, t_ms, status, detail[:500])
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO feed_aside VALUES (?, ?, ?, ?, ?, ?)", row)
            db.execute(_MARK, (self._name, *position, 0))

    def set_aside(self) -> int:
        """Count the events that were refused for good."""
        return int(self.rows("SELECT count(*) FROM feed_aside WHERE name = ?", (self._name,))[0][0])

    def _all(self, sql: str, rows: Sequence[tuple[str, ...]]) -> None:
        if rows:
            with self.transaction() as db:
                db.executemany(sql, rows)


def forget_others(desk: Path, names: Iterable[str]) -> list[str]:
    """Forget the feeds that are configured no more; return their names. States on their brokers stay there.

    Where that has to wait none is forgotten: the next start does it.
    """
    with closing(FeedsDesk(desk, "")) as room:
        try:
            gone = sorted({name for (name,) in room.rows("SELECT name FROM feed_marks")} - set(names))
            with room.transaction() as db:
                for table in ("feed_marks", "feed_states", "feed_aside"):
                    db.executemany(f"DELETE FROM {table} WHERE name = ?", [(name,) for name in gone])  # noqa: S608 - names of our own tables
        except sqlite3.Error as error:
            if not passes(error):
                raise
            return []
    return gone
