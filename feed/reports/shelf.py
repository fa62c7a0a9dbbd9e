"""Where reports are kept: files under `reports` of the state directory, an index in the desk. None is ever changed.

A report has three files: the page, the table, and what both were made of, by which the next version says what changed.
They are on the disk before the index names them. A new version stands beside the one before.
"""

import os
import re
import sqlite3
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct, json

from feed.desk import open_desk, read_desk
from feed.reports.facts import Kind, Report, Span, decode

FOLDER = "reports"
SUFFIXES = ("html", "csv", "json")
_ID = re.compile(r"(day-\d{4}-\d\d-\d\d|month-\d{4}-\d\d)-(city|s[0-9a-f]{10})-v[1-9][0-9]{0,4}", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS reports (
    id       TEXT PRIMARY KEY,
    kind     TEXT NOT NULL,      -- day, month
    site     TEXT NOT NULL,      -- '' = the city
    span     TEXT NOT NULL,      -- 2026-11-23, 2026-11
    from_ms  INTEGER NOT NULL,
    to_ms    INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    made_ms  INTEGER NOT NULL,
    why      TEXT NOT NULL,      -- '' = scheduled; amended
    measured TEXT NOT NULL,      -- SHA-256 of what a new version is made for when it changes
    sent_ms  INTEGER             -- handed to the senders; NULL = not yet
) STRICT;
CREATE INDEX IF NOT EXISTS reports_by_span ON reports (kind, site, span, version);
CREATE TABLE IF NOT EXISTS reports_since (at_ms INTEGER NOT NULL) STRICT;
"""
_COLUMNS = "id, kind, site, span, from_ms, to_ms, version, made_ms, why, measured, sent_ms"


class Kept(Struct, frozen=True):
    """A report as the index has it."""

    id: str
    kind: Kind
    site: str
    span: str
    from_ms: int
    to_ms: int
    version: int
    made_ms: int
    why: str
    measured: str
    sent_ms: int | None = None

    def as_span(self) -> Span:
        """Return the day or month; without its number of hours."""
        return Span(kind=self.kind, name=self.span, from_ms=self.from_ms, to_ms=self.to_ms, hours=0)


class ShelfReader:
    """Reports for whoever reads them. One thread at a time."""

    def __init__(self, state: Path) -> None:
        """Open the index; where nobody has ever kept a report, it is empty."""
        self.folder = state / FOLDER
        self._db: sqlite3.Connection | None = None
        path = state / "desk.sqlite"
        if path.exists():
            self._db = read_desk(path)
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'reports'").fetchone():
                self.close()
                self._db = None

    def close(self) -> None:
        """Let the index go."""
        if self._db is not None:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, where: str, *values: object) -> list[Kept]:
        if self._db is None:
            return []
        return [Kept(*row) for row in self._db.execute(f"SELECT {_COLUMNS} FROM reports WHERE {where}", values)]  # noqa: S608 - ours

    def all(self, kind: Kind | None = None, site: str | None = None, *, limit: int = 1000) -> list[Kept]:
        """Return reports, the newest span first, of each the newest version first; site: '' = the city."""
        return self._rows(
            "(?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR site = ?2)"
            " ORDER BY from_ms DESC, kind DESC, site, version DESC LIMIT ?3",
            kind, site, limit,
        )  # fmt: skip

    def find(self, report: str) -> Kept | None:
        """Find a report by its id."""
        return next(iter(self._rows("id = ?", report)), None)

    def newest(self, kind: Kind, span: str, site: str) -> Kept | None:
        """Return the newest version of a report."""
        where = "kind = ? AND span = ? AND site = ? ORDER BY version DESC LIMIT 1"
        return next(iter(self._rows(where, kind, span, site)), None)

    def before(self, kind: Kind, site: str, from_ms: int) -> Kept | None:
        """Return the newest version of the last report before a time."""
        where = "kind = ? AND site = ? AND from_ms < ? ORDER BY from_ms DESC, version DESC LIMIT 1"
        return next(iter(self._rows(where, kind, site, from_ms)), None)

    def path(self, report: str, suffix: str) -> Path:
        """Return where a file is. Raises ValueError for what is no id: it is part of a path."""
        if _ID.fullmatch(report) is None or suffix not in SUFFIXES:
            raise ValueError(f"{report}.{suffix}")
        return self.folder / f"{report}.{suffix}"

    def report(self, kept: Kept) -> Report | None:
        """Read what a report was made of; None = its file is gone, or of another version of this program."""
        try:
            return decode(self.path(kept.id, "json").read_bytes())
        except (OSError, ValueError):  # msgspec's errors are ValueErrors
            return None


class Shelf(ShelfReader):
    """Reports for the one who makes them."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._writing = self._db = open_desk(state / "desk.sqlite", _SCHEMA)

    def since_ms(self, now_ms: int) -> int:
        """Return when it was first asked this: since when reports are made here."""
        with self._writing:
            self._writing.execute(
                "INSERT INTO reports_since SELECT ? WHERE NOT EXISTS (SELECT 1 FROM reports_since)", (now_ms,)
            )
        ((since_ms,),) = self._writing.execute("SELECT at_ms FROM reports_since")
        return int(since_ms)

    def keep(self, report: Report, html: str, csv: str) -> Kept:
        """Keep a report of which there is no such version yet."""
        span, site = report.span, report.site or ""
        name = f"s{sha256(site.encode()).hexdigest()[:10]}" if site else "city"
        kept = Kept(
            id=f"{span.kind}-{span.name}-{name}-v{report.version}", kind=span.kind, site=site, span=span.name,
            from_ms=span.from_ms, to_ms=span.to_ms, version=report.version, made_ms=report.now_ms, why=report.why,
            measured=digest(report),
        )  # fmt: skip
        for suffix, body in (("html", html.encode()), ("csv", csv.encode()), ("json", json.encode(report))):
            _write(self.path(kept.id, suffix), body)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        values = tuple(getattr(kept, name) for name in Kept.__struct_fields__)
        self._writing.execute(f"INSERT INTO reports ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - ours
        return kept

    def unsent(self) -> list[Kept]:
        """Return reports that were not handed to the senders, the oldest first."""
        return self._rows("sent_ms IS NULL ORDER BY made_ms, id")

    def sent(self, report: str, now_ms: int) -> None:
        """Note that a report was handed to the senders."""
        self._writing.execute("UPDATE reports SET sent_ms = ? WHERE id = ?", (now_ms, report))

    def forget(self, before_ms: int) -> None:
        """Throw reports away whose span ended before a time; the index last, for it knows the files."""
        for each in self._rows("to_ms < ?", before_ms):
            for suffix in SUFFIXES:
                self.path(each.id, suffix).unlink(missing_ok=True)
            self._writing.execute("DELETE FROM reports WHERE id = ?", (each.id,))


def digest(report: Report) -> str:
    """Return what changes when a new version is to be made."""
    return sha256(report.measured()).hexdigest()


def _write(path: Path, body: bytes) -> None:
    """Put a file on the disk whole, or not at all."""
    half = path.with_name(f".{path.name}")
    with half.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)
