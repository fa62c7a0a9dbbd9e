"""The audit trail as files: one a day under state/audit, each with the chain's head; and whether the chain is whole.

A file has the rows since the one before it, one JSON object a line, and at last `{"head": HASH, "number": N}`. Kept
elsewhere, they prove that nobody has cut off or rewritten the trail since. Beside it stand the handovers of these rows,
`handover-N.json`, byte for byte what the SHA-256 in the row is of.
"""

import hashlib
import json
import os
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from devices.instants import rfc3339
from feed.desk import BEGINNING, COLUMNS, Row, chained, read_desk, rows_of

FOLDER = "audit"


class Verified(Struct, kw_only=True):
    """What was found. breaks: the chain's, and of the exports; none = nobody has touched it since they were made."""

    rows: int = 0
    head: str = BEGINNING
    exports: int = 0
    breaks: list[str] = []


def verify(state: Path) -> Verified:
    """Look at the whole chain, and whether it holds what was exported. Raises sqlite3.Error, OSError."""
    found = Verified(breaks=[])
    heads = _heads(state / FOLDER, found)
    db = read_desk(state / "desk.sqlite")
    try:
        former, number = BEGINNING, 0
        for row, own in rows_of(db):
            number += 1
            if row[0] != number:
                found.breaks.append(f"rows {number} to {int(row[0]) - 1} are missing")
                number = int(row[0])
            wanted = chained(former, row)
            if own != wanted:
                found.breaks.append(
                    f"row {number} ({rfc3339(int(row[1]))}) does not fit: it, or one before it, was changed"
                )
            for file, head in heads.pop(number, []):
                if head != own:
                    found.breaks.append(f"row {number} is another one than {file} says")
            if row[_WHAT] == "handover" and not _as_signed(db, row):
                found.breaks.append(f"row {number}: handover {row[_TARGET]} is not as it was signed")
            former = own
            found.rows, found.head = found.rows + 1, own
    finally:
        db.close()
    for lost, files in sorted(heads.items()):
        names = ", ".join(name for name, _ in files)
        found.breaks.append(f"the trail ends at row {number}, but {names} ends at row {lost}: its end was cut off")
    return found


_WHAT, _TARGET, _AFTER = (COLUMNS.index(name) for name in ("what", "target", "after"))


def _lists(db: sqlite3.Connection, row: Row) -> bytes:
    """Find the lists of the handover that a row tells of; empty: there is none."""
    there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'handovers'").fetchone()
    found = db.execute("SELECT lists FROM handovers WHERE number = ?", (row[_TARGET],)).fetchone() if there else None
    return str(found[0]).encode() if found else b""


def _as_signed(db: sqlite3.Connection, row: Row) -> bool:
    signed = json.loads(str(row[_AFTER]) or "{}").get("sha256", "")
    return bool(hashlib.sha256(_lists(db, row)).hexdigest() == signed)


def _heads(folder: Path, found: Verified) -> dict[int, list[tuple[str, str]]]:
    """Read the head of each export, by the number of its row."""
    heads: dict[int, list[tuple[str, str]]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        found.exports += 1
        try:
            last = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])
            heads.setdefault(int(last["number"]), []).append((file.name, str(last["head"])))
        except (ValueError, KeyError, IndexError, TypeError):
            found.breaks.append(f"{file.name} is no export, or was cut off")
    return heads


def export(state: Path, zone: str, now_ms: int | None = None) -> Path | None:
    """Write what has come since the last export, as the day that has just ended; None: nothing has.

    Raises sqlite3.Error, OSError: then the next one has it.
    """
    now = datetime.fromtimestamp((now_ms or time.time_ns() // 1_000_000) / 1000, ZoneInfo(zone))
    day = (now - timedelta(days=1)).date().isoformat()
    folder = state / FOLDER
    file = folder / f"{day}.jsonl"
    if file.exists():
        return None
    after = max(_heads(folder, Verified(breaks=[])), default=0)
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    if not _write(state / "desk.sqlite", after, fresh):
        fresh.unlink()
        return None
    fresh.replace(file)
    return file


def _write(desk: Path, after: int, file: Path) -> bool:
    last: tuple[Row, str] | None = None
    db = read_desk(desk)
    try:
        with file.open("w", encoding="utf-8") as out:
            for last in rows_of(db, after):
                out.write(f"{line_of(*last)}\n")
                if last[0][_WHAT] == "handover":
                    file.with_name(f"handover-{last[0][_TARGET]}.json").write_bytes(_lists(db, last[0]))
            if last is not None:
                out.write(f"{json.dumps({'head': last[1], 'number': last[0][0]})}\n")
            out.flush()
            os.fsync(out.fileno())
    finally:
        db.close()
    return last is not None


def line_of(row: Row, own: str) -> str:
    """Write a row as JSON, as it is chained, with its hash."""
    named: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return json.dumps({**named, "hash": own}, ensure_ascii=False, separators=(",", ":"))
