"""Who may use the console: people, their sessions, and the tokens of programs and wall screens. Rooms of the desk.

Everything stands in memory and is written through: who asks is found without a look at the disk. What opens a door
(session, token) is 256 random bits of which only the SHA-256 is kept, so that the file opens none.
"""

import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from devices.instants import rfc3339
from feed.desk import Audited, Doer, Trail, system_ms
from feed.http.access import Action, Role
from feed.wire import json_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
    user        TEXT PRIMARY KEY,  -- login name, folded: one spelling each
    name        TEXT NOT NULL,     -- for people: 张三
    role        TEXT NOT NULL,
    language    TEXT NOT NULL,     -- zh or en
    password    TEXT NOT NULL,     -- argon2id
    must_change INTEGER NOT NULL,  -- the password is one that an administrator gave
    disabled    INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    hash     TEXT PRIMARY KEY,  -- SHA-256 of what the cookie holds
    user     TEXT NOT NULL,     -- "" = of a wall screen
    token    TEXT NOT NULL,     -- hash of the wall's token, else ""
    ends_ms  INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tokens (
    hash       TEXT PRIMARY KEY,  -- SHA-256 of the token
    name       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,     -- api, wall
    scopes     TEXT NOT NULL,     -- actions, as JSON
    ip         TEXT NOT NULL,     -- "" = from anywhere
    expires_ms INTEGER NOT NULL,  -- 0 = never
    made_ms    INTEGER NOT NULL,
    made_by    TEXT NOT NULL
) STRICT;
"""

SHIFT_MS = 12 * 3_600_000
"""A session ends after the longest shift, whatever happens."""
IDLE_MS = 30 * 60_000
IDLE_ROLES: frozenset[Role] = frozenset({"engineer", "admin", "auditor"})
"""Whose session locks when nobody has touched it for so long; an operator watches, and touches nothing all night."""
MOST_SESSIONS = 10
"""Of one person; the oldest gives way."""
MOST_PEOPLE, MOST_TOKENS = 1_000, 200

log = logging.getLogger(__name__)

TokenKind = Literal["api", "wall"]
Language = Literal["zh", "en"]


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who may log in."""

    user: str
    name: str
    role: Role
    language: Language = "zh"
    password: str
    must_change: bool = False
    disabled: bool = False

    def told(self) -> dict[str, object]:
        """Give what others may know of him."""
        return {
            "user": self.user, "name": self.name, "role": self.role, "language": self.language,
            "must_change": self.must_change, "disabled": self.disabled,
        }  # fmt: skip


class Token(Struct, frozen=True, kw_only=True):
    """What a program, or a wall screen, shows instead of a password."""

    hash: str
    name: str
    kind: TokenKind
    scopes: tuple[Action, ...]
    ip: str
    expires_ms: int
    made_ms: int
    made_by: str

    def holds(self, now_ms: int) -> bool:
        """Whether it has not expired."""
        return not self.expires_ms or now_ms < self.expires_ms

    def told(self) -> dict[str, Any]:
        """Give what others may know of it."""
        return {
            "name": self.name, "kind": self.kind, "scopes": list(self.scopes), "ip": self.ip,
            "expires": rfc3339(self.expires_ms) if self.expires_ms else None, "made": rfc3339(self.made_ms),
            "made_by": self.made_by,
        }  # fmt: skip


class Session(Struct, kw_only=True):
    """A login. Of a person, or of a wall screen by its token. seen_ms: somebody touched it last; in memory only."""

    hash: str
    user: str
    token: str
    ends_ms: int
    seen_ms: int
    locked: bool = False


class PeopleError(ValueError):
    """It cannot be: says why in both languages. word: the kind, for programs."""

    def __init__(self, word: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.word, self.zh, self.en = word, zh, en


def secret_hash(secret: str) -> str:
    """Give what is kept of a session or token."""
    return hashlib.sha256(secret.encode()).hexdigest()


class People(Trail):
    """All of them. What changes something waits for the disk: not on the event loop. What looks does not wait.

    A change of people or tokens is a row of the audit trail, by who makes it.
    """

    schema = _SCHEMA

    def __init__(self, path: Path, now_ms: Callable[[], int] = system_ms) -> None:
        """Open the desk's rooms. Raises sqlite3.Error. now_ms: civil time."""
        super().__init__(path, now_ms)
        self.people: dict[str, Person] = {}
        self.tokens: dict[str, Token] = {}  # by hash
        self.sessions: dict[str, Session] = {}  # by hash
        self.try_to_open()

    def _opened(self, db: sqlite3.Connection) -> None:
        super()._opened(db)
        for user, name, role, language, password, must_change, disabled in db.execute("SELECT * FROM people"):
            self.people[user] = Person(
                user=user, name=name, role=role, language=language, password=password,
                must_change=bool(must_change), disabled=bool(disabled),
            )  # fmt: skip
        for row in db.execute("SELECT * FROM tokens"):
            given = dict(zip(Token.__struct_fields__, row, strict=True))
            scopes = msgspec.json.decode(given.pop("scopes"), type=tuple[Action, ...])
            self.tokens[row[0]] = Token(scopes=scopes, **given)
        for hash_, user, token, ends_ms in db.execute("SELECT * FROM sessions"):
            session = Session(hash=hash_, user=user, token=token, ends_ms=ends_ms, seen_ms=self._now_ms())
            person = self.people.get(user)
            session.locked = person is not None and person.role in IDLE_ROLES  # nobody knows who sits there by now
            self.sessions[hash_] = session

    # ------------------------------------------------------------------------------------------------ looking

    def session(self, secret: str) -> Session | None:
        """Find the session that a cookie names, if it still holds; one that has idled too long is locked."""
        session = self.sessions.get(secret_hash(secret))
        return session if session is not None and self.holds(session.hash) else None

    def token(self, secret: str) -> Token | None:
        """Find a token that has not expired."""
        token = self.tokens.get(secret_hash(secret))
        return token if token is not None and token.holds(self._now_ms()) else None

    def holds(self, hash_: str) -> bool:
        """Whether a session, or a token, still lets in; a session that has idled too long does not."""
        now_ms = self._now_ms()
        session = self.sessions.get(hash_)
        if session is None:
            token = self.tokens.get(hash_)
            return token is not None and token.holds(now_ms)
        if now_ms >= session.ends_ms:
            return False
        if session.token:
            return self.holds(session.token)
        person = self.people.get(session.user)
        if person is None or person.disabled:
            return False
        if person.role in IDLE_ROLES and now_ms - session.seen_ms >= IDLE_MS:
            session.locked = True
        return True

    def streams(self, hash_: str) -> bool:
        """Whether what a session or token has opened may go on: it still lets in, and is not locked."""
        if not self.holds(hash_):
            return False
        session = self.sessions.get(hash_)
        return session is None or not session.locked

    def touch(self, session: Session) -> None:
        """Note that somebody is there."""
        session.seen_ms = self._now_ms()

    # ----------------------------------------------------------------------------------------------- sessions

    def begin(self, *, user: str = "", token: Token | None = None) -> tuple[str, Session]:
        """Begin a session of a person, or of a wall screen; return what its cookie holds. Old ones are cleared away."""
        secret = secrets.token_urlsafe(32)
        now_ms = self._now_ms()
        ends_ms = now_ms + SHIFT_MS if token is None else token.expires_ms or 1 << 62
        session = Session(
            hash=secret_hash(secret), user=user, token=token.hash if token else "", ends_ms=ends_ms, seen_ms=now_ms
        )
        with self._turn:
            over = [each.hash for each in self.sessions.values() if not self.holds(each.hash)]
            same = [each for each in self.sessions.values() if (each.user, each.token) == (user, session.token)]
            same.sort(key=lambda each: each.seen_ms)
            self._end([*over, *(each.hash for each in same[: max(0, len(same) - MOST_SESSIONS + 1)])])
            with _as_well_as_it_goes():
                kept = (session.hash, user, session.token, ends_ms)
                self.open().execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", kept)
            self.sessions[session.hash] = session
        return secret, session

    def end(self, *hashes: str) -> None:
        """End sessions."""
        with self._turn:
            self._end(hashes)

    def _end(self, hashes: Iterable[str]) -> None:
        for one in hashes:
            self.sessions.pop(one, None)
            with _as_well_as_it_goes():
                self.open().execute("DELETE FROM sessions WHERE hash = ?", (one,))

    # ------------------------------------------------------------------------------------------------- people

    def add(self, person: Person, by: Doer) -> None:
        """Add somebody. Raises PeopleError when the name is taken."""
        with self._turn:
            if person.user in self.people:
                zh, en = f"已有用户 {person.user}", f"somebody is called {person.user} already"
                raise PeopleError("taken", zh, en)
            if len(self.people) >= MOST_PEOPLE:
                raise PeopleError("too-many", f"最多 {MOST_PEOPLE} 人", f"{MOST_PEOPLE} people at the most")
            self._write(person, _row(by, "person", person.user, after=person.told()))

    def change(
        self, user: str, by: Doer, what: Literal["person", "password"] = "person", **changes: object
    ) -> tuple[Person, Person]:
        """Change something about somebody; return how he was and how he is.

        Another role, another password or being disabled ends his sessions. what: as the audit trail calls it; a
        password: he has set his own. Raises KeyError where there is nobody of this name, PeopleError when no
        administrator would be left.
        """
        with self._turn:
            before = self.people[user]
            after = structs.replace(before, **changes)
            others = [each for each in self.people.values() if each.user != user]
            if _administers(before) and not _administers(after) and not any(map(_administers, others)):
                zh, en = "这是最后一名管理员；请先另设一名", "this is the last administrator: make another one first"
                raise PeopleError("last-admin", zh, en)
            over: list[str] = []
            if (before.role, before.password, before.disabled) != (after.role, after.password, after.disabled):
                over = [each.hash for each in self.sessions.values() if each.user == user]
            told = after.told() | ({"password": "another"} if before.password != after.password else {})
            self._write(after, _row(by, what, user, before=before.told(), after=told), over)
        return before, after

    def rehash(self, person: Person, password: str) -> None:
        """Keep the same password under today's parameters; sessions go on. Not if it has been changed meanwhile."""
        with self._turn:
            if self.people.get(person.user) == person:
                self._write(structs.replace(person, password=password), None)

    def _write(self, person: Person, row: Audited | None, over: Iterable[str] = ()) -> None:
        """Keep somebody, with the row that tells of it, and end sessions."""
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    person.user, person.name, person.role, person.language, person.password,
                    int(person.must_change), int(person.disabled),
                ),
            )  # fmt: skip
            if row is not None:
                self.note(db, row)
            _delete_sessions(db, over)
        self.people[person.user] = person
        self._forget(over)

    def _forget(self, over: Iterable[str]) -> None:
        for one in over:
            self.sessions.pop(one, None)

    # ------------------------------------------------------------------------------------------------- tokens

    def issue(  # noqa: PLR0913 - what a token is
        self, *, name: str, kind: TokenKind, scopes: Iterable[Action], ip: str, expires_ms: int, by: Doer
    ) -> tuple[str, Token]:
        """Make a token; return it, for this once, with what is kept. Raises PeopleError when its name is taken."""
        secret = f"cw_{secrets.token_urlsafe(32)}"
        token = Token(
            hash=secret_hash(secret), name=name, kind=kind, scopes=tuple(sorted(scopes)), ip=ip,
            expires_ms=expires_ms, made_ms=self._now_ms(), made_by=by.who,
        )  # fmt: skip
        with self._turn:
            if any(each.name == name for each in self.tokens.values()):
                raise PeopleError("taken", f"已有令牌 {name}", f"a token is called {name} already")
            if len(self.tokens) >= MOST_TOKENS:
                raise PeopleError("too-many", f"最多 {MOST_TOKENS} 个令牌", f"{MOST_TOKENS} tokens at the most")
            row = list(structs.astuple(token))
            row[3] = msgspec.json.encode(token.scopes).decode()
            with self.transaction() as db:
                db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
                self.note(db, _row(by, "token", name, after=token.told()))
            self.tokens[token.hash] = token
        return secret, token

    def withdraw(self, name: str, by: Doer) -> Token:
        """Take a token back; what it has opened ends. Raises KeyError where there is none of this name."""
        with self._turn:
            token = next((each for each in self.tokens.values() if each.name == name), None)
            if token is None:
                raise KeyError(name)
            over = [each.hash for each in self.sessions.values() if each.token == token.hash]
            with self.transaction() as db:
                db.execute("DELETE FROM tokens WHERE hash = ?", (token.hash,))
                self.note(db, _row(by, "token", name, before=token.told()))
                _delete_sessions(db, over)
            del self.tokens[token.hash]
            self._forget(over)
        return token


def _row(
    by: Doer, what: str, target: str, *, before: dict[str, object] | None = None, after: dict[str, object] | None = None
) -> Audited:
    return Audited(
        who=by.who, via=by.via, what=what, target=target, status=200,
        before=json_of(before).decode() if before else "", after=json_of(after).decode() if after else "",
    )  # fmt: skip


def _delete_sessions(db: sqlite3.Connection, hashes: Iterable[str]) -> None:
    db.executemany("DELETE FROM sessions WHERE hash = ?", [(one,) for one in hashes])


@contextmanager
def _as_well_as_it_goes() -> Iterator[None]:
    """Let a session begin and end also where the disk is full: that is when somebody must log in."""
    try:
        yield
    except sqlite3.Error as error:
        log.error("a session is not on the disk (%s): a restart will not know of it", error)  # noqa: TRY400


def _administers(person: Person) -> bool:
    return person.role == "admin" and not person.disabled
