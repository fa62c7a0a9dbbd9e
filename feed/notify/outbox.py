"""The outbox: what is to be told, what was sent, and what became of it; own tables of the desk.

An event, the rows that follow from it and the position behind it are one transaction; so are a message, its rows and
its token. An attempt is written down before it is made: after a kill in between it counts, and may have arrived.

Until a row is sent it follows its alarm, also in a message that was tried: what is sent says what is so then.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from feed.desk import Room
from feed.notify.decide import Decision
from feed.notify.outbox_rows import as_json, insert, lend_copy, people_of, ring, row_of, told
from feed.notify.outbox_tables import SCHEMA, URGENT
from feed.notify.records import ChannelState, Message, Open, Receipt, Row

KEPT_MS = 731 * 86_400_000
PAGE = 1_000
_COLUMNS = "id, key, channel, language, people, due_ms, wait_ms, why, notice"
_HOUR_MS = 3_600_000
_message = msgspec.json.Decoder(Message).decode


class Outbox(Room):
    """The room of the desk for telling people. Raises sqlite3.Error."""

    schema = SCHEMA

    # --------------------------------------------------------------------------------------------------- position

    def fact(self, name: str) -> object:
        """Read something that is remembered."""
        found = self.rows("SELECT value FROM notify_facts WHERE name = ?", (name,))
        return found[0][0] if found else None

    def keep(self, facts: dict[str, object]) -> None:
        """Remember something."""
        with self.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO notify_facts VALUES (?, ?)", list(facts.items()))

    def take(self, decisions: Iterable[tuple[str, Decision]], number: int, now_ms: int, *, raised: int) -> None:
        """Put in what follows from events (alarm, decision), in order, and the position behind them, in one go.

        raised: how many of them asked for attention.
        """
        with self.transaction() as db:
            for alarm, decision in decisions:
                self._follow(db, alarm, decision, now_ms)
            db.execute("INSERT OR REPLACE INTO notify_facts VALUES ('number', ?)", (number,))
            db.execute(
                "INSERT INTO notify_facts VALUES ('raised', ?1) ON CONFLICT DO UPDATE SET value = value + ?1", (raised,)
            )

    def put(self, rows: Iterable[Row]) -> None:
        """Put rows in; those whose key is known already are there already."""
        with self.transaction() as db:
            for row in rows:
                insert(db, row)

    def remind(self, rows: Iterable[Row]) -> None:
        """Put reminders in; those that did not get away, and count what stood before, are forgotten."""
        with self.transaction() as db:
            nag = "state = 'open' AND trying = 0 AND json_extract(body, '$.notices[0].kind') = 'nag'"
            for (message,) in db.execute(f"SELECT id FROM notify_messages WHERE {nag}").fetchall():  # noqa: S608 - ours
                db.execute("DELETE FROM notify_rows WHERE message = ?", (message,))
                db.execute("DELETE FROM notify_messages WHERE id = ?", (message,))
            db.execute("DELETE FROM notify_rows WHERE state = 'waiting' AND json_extract(notice, '$.kind') = 'nag'")
            for row in rows:
                insert(db, row)

    @staticmethod
    def _follow(db: sqlite3.Connection, alarm: str, decision: Decision, now_ms: int) -> None:
        for why, step in ((decision.end_all, 0), (decision.end_steps, 1)):
            if why:
                db.execute(
                    "UPDATE notify_rows SET state = 'cancelled', done_ms = ?, detail = ?"
                    " WHERE alarm = ? AND step >= ? AND state IN ('waiting', 'taken')",
                    (now_ms, why, alarm, step),
                )
        if decision.stands is not None:
            db.execute(
                "UPDATE notify_rows SET notice = json_set(notice, '$.returned', json(?), '$.acked_by', ?)"
                " WHERE alarm = ? AND state IN ('waiting', 'taken')",
                (as_json(decision.stands.returned), decision.stands.acked_by, alarm),
            )
        for row in decision.rows:
            ladder = (
                "SELECT 1 FROM notify_rows"
                " WHERE alarm = ? AND step = ? AND channel = ? AND language = ? AND state IN ('waiting', 'taken')"
            )
            if row.notice.step and db.execute(ladder, (alarm, row.notice.step, row.channel, row.language)).fetchone():
                continue  # nobody has acknowledged it since the last activation: that ladder goes on
            ring(db, row, now_ms)

    # ---------------------------------------------------------------------------------------------------- waiting

    def waiting(self, channel: str, now_ms: int) -> list[Row]:
        """Read what waits for a channel and is due, `PAGE` of it: alarms of priority 1 first; and who is due next."""
        found = list[Row]()
        for urgent in (1, 0):
            query = (
                f"SELECT {_COLUMNS} FROM notify_rows WHERE channel = ? AND state = 'waiting' AND {URGENT} = ?"  # noqa: S608 - our own words
                " AND due_ms {} ? ORDER BY due_ms, id LIMIT ?"
            )
            asked = (("<=", max(0, PAGE - len(found))), (">", 1))
            found += [
                row_of(row)
                for than, most in asked
                for row in self.rows(query.format(than), (channel, urgent, now_ms, most))
            ]
        return found

    def open_messages(self, channel: str) -> list[Open]:
        """Read the messages of a channel that are not done with and tell anything still, priority 1 first."""
        query = (
            "SELECT body, tries, maybe, made_ms FROM notify_messages m WHERE channel = ? AND state = 'open'"
            " AND EXISTS (SELECT 1 FROM notify_rows r WHERE r.message = m.id AND r.state = 'taken')"
            " ORDER BY urgent DESC, made_ms, id"
        )
        return [
            Open(message=_message(body), tries=tries, maybe=bool(maybe), made_ms=made_ms)
            for body, tries, maybe, made_ms in self.rows(query, (channel,))
        ]

    def lend(self, rows: Sequence[Row], copies: Iterable[Row], now_ms: int) -> bool:
        """Have rows told by another channel, too: `copies`, whose keys are theirs, `>` and more; whether any is now."""
        with self.transaction() as db:
            open_keys = {copy.key.rpartition(">")[0] for copy in copies if not lend_copy(db, copy, now_ms)}
            lent = [(row.id,) for row in rows if row.key not in open_keys]
            db.executemany(
                "UPDATE notify_rows SET notice = json_set(notice, '$.lent', json('true')) WHERE id = ?", lent
            )
            return bool(lent)

    def rows_of(self, message: str) -> list[Row]:
        """Read the rows of a message that is not done with, without those that nobody has to be told of any more."""
        query = f"SELECT {_COLUMNS} FROM notify_rows WHERE message = ? AND state = 'taken' ORDER BY id"  # noqa: S608 - our own words
        return [row_of(found) for found in self.rows(query, (message,))]

    def halve(self, message: str) -> None:
        """Let the later half of the rows of a message wait again."""
        rows = self.rows_of(message)
        with self.transaction() as db:
            sql = "UPDATE notify_rows SET state = 'waiting', message = NULL WHERE id = ?"
            db.executemany(sql, [(row.id,) for row in rows[(len(rows) + 1) // 2 :]])

    def expire(self, before_ms: int, now_ms: int) -> None:
        """Give up what should have been told before a time, and messages of which nothing is to be told any more."""
        with self.transaction() as db:
            db.execute(
                "UPDATE notify_messages AS m SET state = 'cancelled', done_ms = ? WHERE state = 'open' AND NOT trying"
                " AND NOT EXISTS (SELECT 1 FROM notify_rows r WHERE r.message = m.id AND r.state = 'taken')",
                (now_ms,),
            )
            old = [
                one
                for (one,) in db.execute(
                    "SELECT id FROM notify_messages WHERE state = 'open' AND made_ms < ?", (before_ms,)
                )
            ]
            for message in old:
                db.execute("UPDATE notify_messages SET state = 'expired', done_ms = ? WHERE id = ?", (now_ms, message))
                sql = "UPDATE notify_rows SET state = 'expired', done_ms = ? WHERE message = ? AND state = 'taken'"
                db.execute(sql, (now_ms, message))
            db.execute(
                "UPDATE notify_rows SET state = 'expired', done_ms = ? WHERE state = 'waiting' AND due_ms < ?",
                (now_ms, before_ms),
            )

    # ----------------------------------------------------------------------------------------------------- sending

    def sends(self, receiver: str) -> list[tuple[int, bool]]:
        """Read the tokens of a robot or account that are taken: (steady time, of priority 1), in order."""
        query = "SELECT at_ms, urgent FROM notify_tokens WHERE receiver = ? ORDER BY at_ms"
        return [(at_ms, bool(urgent)) for at_ms, urgent in self.rows(query, (receiver,))]

    def begin(  # noqa: PLR0913 - an attempt
        self, message: Message, channel: str, rows: Sequence[int], *, receiver: str, until_ms: int, now_ms: int,
        repeat: bool,
    ) -> int:  # fmt: skip
        """Write down that an attempt is made, with its token; return the token.

        rows    that are in the message; of one that was tried before, those that are no more in it wait again;
                none = it is sent as it was
        repeat  it goes with the mark
        """
        with self.transaction() as db:
            if rows:
                db.execute(
                    "INSERT INTO notify_messages VALUES (?1, ?2, ?3, ?4, 'open', 0, 0, 0, 0, ?5, NULL, '')"
                    " ON CONFLICT DO UPDATE SET urgent = ?3, body = ?4",
                    (message.id, channel, message.urgent, as_json(message), now_ms),
                )
                still = "iif(state = 'taken', 'waiting', state)"
                sql = f"UPDATE notify_rows SET state = {still}, message = NULL WHERE message = ?"  # noqa: S608 - our own words
                db.execute(sql, (message.id,))
                db.executemany(
                    "UPDATE notify_rows SET state = 'taken', message = ? WHERE id = ?",
                    [(message.id, one) for one in rows],
                )
            db.execute(
                "UPDATE notify_messages SET tries = tries + 1, trying = 1, repeated = repeated OR ? WHERE id = ?",
                (repeat, message.id),
            )
            cursor = db.execute(
                "INSERT INTO notify_tokens (receiver, at_ms, urgent) VALUES (?, ?, ?)",
                (receiver, until_ms, message.urgent),
            )
            return int(cursor.lastrowid or 0)

    def finish(  # noqa: PLR0913 - what became of it, and of the channel
        self, message: str, token: int, at_ms: int, *, state: str, maybe: bool, detail: str, now_ms: int,
        channel: ChannelState,
    ) -> None:  # fmt: skip
        """Write down what became of an attempt. state: open = it will be tried again."""
        with self.transaction() as db:
            db.execute("UPDATE notify_tokens SET at_ms = ? WHERE number = ?", (at_ms, token))
            db.execute("DELETE FROM notify_tokens WHERE at_ms < ?", (at_ms - _HOUR_MS,))
            done_ms = None if state == "open" else now_ms
            db.execute(
                "UPDATE notify_messages SET state = ?, trying = 0, maybe = maybe OR ?, detail = ?, done_ms = ?"
                " WHERE id = ?",
                (state, maybe, detail, done_ms, message),
            )
            rows = "taken" if state == "open" else state  # what was cancelled meanwhile is so, unless it was sent
            db.execute(
                "UPDATE notify_rows SET state = ?1, detail = ?2, done_ms = ?3"
                " WHERE message = ?4 AND (state = 'taken' OR ?1 = 'sent')",
                (rows, detail, done_ms, message),
            )
            if state == "sent":
                keys = db.execute("SELECT key FROM notify_rows WHERE message = ?", (message,)).fetchall()
                for (key,) in keys:
                    told(db, key, channel.name, now_ms)
            _keep(db, channel)

    def wake(self, boot: str, steady_ms: int) -> None:
        """After a start: attempts that were being made may have arrived; of another boot nobody knows the time.

        Then each token counts as taken now: that waits too long rather than too short.
        """
        same = self.fact("boot") == boot
        with self.transaction() as db:
            db.execute("UPDATE notify_messages SET maybe = 1, trying = 0 WHERE trying = 1")
            if not same:
                db.execute("UPDATE notify_tokens SET at_ms = ?", (steady_ms,))
                for (body,) in db.execute("SELECT body FROM notify_channels").fetchall():
                    state = msgspec.json.decode(body, type=ChannelState)
                    if state.blocked_until_ms:
                        state.blocked_until_ms = steady_ms + 600_000
                        _keep(db, state)
            db.execute("INSERT OR REPLACE INTO notify_facts VALUES ('boot', ?)", (boot,))

    # ----------------------------------------------------------------------------------------------------- looking

    def channel(self, name: str) -> ChannelState:
        """Read how a channel stands."""
        found = self.rows("SELECT body FROM notify_channels WHERE name = ?", (name,))
        return msgspec.json.decode(found[0][0], type=ChannelState) if found else ChannelState(name=name)

    def channels(self) -> list[tuple[ChannelState, int, int]]:
        """Read how all channels stand: with how many rows wait, and when the first of them is due (0 = none)."""
        found = []
        for (body,) in self.rows("SELECT body FROM notify_channels ORDER BY name"):
            state = msgspec.json.decode(body, type=ChannelState)
            ((waiting, due_ms),) = self.rows(
                "SELECT count(*), coalesce(min(due_ms), 0) FROM notify_rows"
                " WHERE channel = ? AND state IN ('waiting', 'taken')",
                (state.name,),
            )
            found.append((state, int(waiting), int(due_ms)))
        return found

    def keep_channel(self, state: ChannelState) -> None:
        """Write down how a channel stands."""
        with self.transaction() as db:
            _keep(db, state)

    def ask_for_test(self, channel: str, key: str, user: str) -> bool:
        """Ask for a test message, whose rows have this key and their language; whether there is such a channel."""
        if not self.channel(channel).kind or not self.channel(channel).active:
            return False
        with self.transaction() as db:
            db.execute("INSERT INTO notify_asked VALUES (?, ?, ?)", (key, channel, user))
        return True

    def asked(self) -> list[tuple[str, str, str]]:
        """Read which test messages are asked for: key, channel, user."""
        return self.rows("SELECT key, channel, user FROM notify_asked")

    def answered(self, key: str) -> None:
        """Forget that a test message was asked for."""
        with self.transaction() as db:
            db.execute("DELETE FROM notify_asked WHERE key = ?", (key,))

    def result(self, key: str) -> tuple[str, str] | None:
        """Read what became of a test message: of its parts, one in each language, the one that is not sent.

        Its state, and what was said; None = there is none yet.
        """
        query = (
            "SELECT state, detail FROM notify_rows WHERE key > ? AND key < ?"
            " ORDER BY state = 'sent', state IN ('waiting', 'taken') DESC LIMIT 1"
        )
        return next(iter(self.rows(query, (f"{key}/", f"{key}0"))), None)

    def receipts(self, alarm: str, limit: int = 200) -> list[Receipt]:
        """Read what became of the tellings of an alarm, the newest first."""
        query = (
            "SELECT coalesce(r.done_ms, r.due_ms), r.channel, r.people, r.step, r.state, r.detail, r.why,"
            " coalesce(m.repeated, 0) FROM notify_rows r LEFT JOIN notify_messages m ON m.id = r.message"
            " WHERE r.alarm = ? ORDER BY r.id DESC LIMIT ?"
        )
        return [
            Receipt(
                time=time_ms, channel=channel, to=[one.name for one in people_of(people)],
                what=f"escalation-{step}" if step else "told", status=state,
                error="" if state in ("sent", "waiting") else detail, why=why, repeat=bool(repeat),
            )
            for time_ms, channel, people, step, state, detail, why, repeat in self.rows(query, (alarm, limit))
        ]  # fmt: skip

    def prune(self, now_ms: int) -> None:
        """Forget what was done with two years ago."""
        with self.transaction() as db:
            for table in ("notify_rows", "notify_messages"):
                db.execute(f"DELETE FROM {table} WHERE done_ms < ?", (now_ms - KEPT_MS,))  # noqa: S608 - our own tables


def _keep(db: sqlite3.Connection, state: ChannelState) -> None:
    db.execute("INSERT OR REPLACE INTO notify_channels VALUES (?, ?)", (state.name, as_json(state)))
