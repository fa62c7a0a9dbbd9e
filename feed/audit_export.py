"""The audit trail as files: one a day under state/audit, each with the chain's head; and whether the chain is whole.

A file has the rows since the one before it, one JSON object a line, and at last `{"head": HASH, "number": N}`. Kept
elsewhere, they prove that nobody has cut off or rewritten the trail since. Each export is a row of the trail itself
(`export`, with its name and SHA-256), which the next file has: so a file that is taken away is missed, the last one
too. Beside them stand the handovers of their rows, `handover-N.json`, byte for byte what the SHA-256 in the row is of.
"""

import hashlib
import json
import os
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from devices.instants import rfc3339
from feed.desk import BEGINNING, COLUMNS, Audited, Desk, Row, chained, read_desk, rows_of

FOLDER = "audit"
EXPORT = "export"
"""What a row says that tells of an export; target: the name of the file; after: its SHA-256, and its last row."""


SIGNING_MS = 60_000
"""So much later at the most stands the row of a handover: in one transaction, but an earlier version wrote it after."""


class Verified(Struct, kw_only=True):
    """What was found. breaks: the chain's, and of the exports; none = nobody has touched it since they were made."""

    rows: int = 0
    head: str = BEGINNING
    exports: int = 0
    breaks: list[str] = []


def verify(state: Path) -> Verified:
    """Look at the whole chain, whether it holds what was exported, whether each export is there, and at its rows.

    Also whether each handover is as its row says, and has one. Raises sqlite3.Error, OSError.
    """
    found = Verified(breaks=[])
    heads = _heads(state / FOLDER, found)
    db = read_desk(state / "desk.sqlite")
    try:
        db.execute("BEGIN")  # the gateway may write meanwhile: all of it as it is now
        number = _look_at_the_chain(state, db, heads, found)
        for lost, files in sorted(heads.items()):
            names = ", ".join(name for name, _ in files)
            found.breaks.append(f"the trail ends at row {number}, but {names} ends at row {lost}: its end was cut off")
        told = {str(each) for (each,) in db.execute("SELECT target FROM audit WHERE what = 'handover'")}
        put_in = [each for each in _handovers(db) if each not in told]
        found.breaks += [f"handover {each} was put in: no row of the trail tells of it" for each in put_in]
        _look_into_exports(state / FOLDER, db, found.breaks)
    finally:
        db.close()
    return found


def _look_at_the_chain(
    state: Path, db: sqlite3.Connection, heads: dict[int, list[tuple[str, str]]], found: Verified
) -> int:
    """Look at each row, and return the last one's number. heads: of exports; those that were met are taken out."""
    former, number = BEGINNING, 0
    for row, own in rows_of(db):
        number += 1
        if row[0] != number:
            found.breaks.append(f"rows {number} to {int(row[0]) - 1} are missing")
            number = int(row[0])
        if own != chained(former, row):
            found.breaks.append(
                f"row {number} ({rfc3339(int(row[1]))}) does not fit: it, or one before it, was changed"
            )
        for file, head in heads.pop(number, []):
            if head != own:
                found.breaks.append(f"row {number} is another one than {file} says")
        if row[_WHAT] == "handover" and not _as_signed(row, db):
            found.breaks.append(f"row {number}: handover {row[_TARGET]} is not as it was signed")
        if row[_WHAT] == EXPORT:
            _look_for(state / FOLDER / Path(str(row[_TARGET])).name, row, found.breaks)
        former = own
        found.rows, found.head = found.rows + 1, own
    return number


def _look_for(file: Path, row: Row, breaks: list[str]) -> None:
    """Look whether the export that a row tells of is there, as it was."""
    if not file.exists():
        breaks.append(f"{file.name} was taken away: row {row[0]} says that it was exported")
    elif _digest(file) != _sha256(row):
        breaks.append(f"{file.name} was changed: it is not what row {row[0]} says was exported")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _look_into_exports(folder: Path, db: sqlite3.Connection, breaks: list[str]) -> None:
    """Look at each row of each export."""
    for file in sorted(folder.glob("*.jsonl")):
        try:
            _look_into(file, db, breaks)
        except (ValueError, KeyError, TypeError, AttributeError):
            breaks.append(f"{file.name} has a line that is no row of the trail")


def _look_into(file: Path, db: sqlite3.Connection, breaks: list[str]) -> None:
    """Look at the rows of an export, the first one of which follows the trail's.

    Raises ValueError, KeyError, TypeError, AttributeError: a line is not what it must be.
    """
    number = 0
    former: str | None = None
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            named: dict[str, Any] = json.loads(line)
            if "head" in named:
                if (named["head"], named["number"]) != (former, number):
                    breaks.append(f"the last line of {file.name} does not belong to its row {number}")
                continue
            row: Row = tuple(named[column] for column in COLUMNS)
            if not number:
                number = int(row[0]) - 1
                former = _hash_of(db, number)
            number += 1
            if row[0] != number:
                breaks.append(f"rows {number} to {int(row[0]) - 1} are missing in {file.name}")
                number = int(row[0])
            if former is not None and named["hash"] != chained(former, row):
                breaks.append(f"row {number} in {file.name} does not fit: it, or one before it, was changed")
            former = str(named["hash"])
            if row[_WHAT] == "handover" and not _signed(row, _content(_beside(file, row))):
                breaks.append(f"{_beside(file, row).name} is not as it was signed, or is not there")


def _hash_of(db: sqlite3.Connection, number: int) -> str | None:
    """Find the hash of a row of the trail; None: it has no such row."""
    found = db.execute("SELECT hash FROM audit WHERE number = ?", (number,)).fetchone() if number else (BEGINNING,)
    return None if found is None else str(found[0])


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _beside(file: Path, row: Row) -> Path:
    """Name the file of the handover that a row tells of, beside the export of that row."""
    return file.with_name(f"handover-{row[_TARGET]}.json")


_WHO, _WHAT, _TARGET, _COMMENT, _AFTER = (COLUMNS.index(name) for name in ("who", "what", "target", "comment", "after"))


def _handovers(db: sqlite3.Connection) -> list[str]:
    """Give the numbers of all that are kept."""
    return [str(number) for (number,) in db.execute("SELECT number FROM handovers")] if _any_kept(db) else []


def _any_kept(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'handovers'").fetchone() is not None


def _as_signed(row: Row, db: sqlite3.Connection) -> bool:
    """Whether a handover is the one that its row tells of: when, who gave and who took, what they noted, the lists."""
    query = "SELECT t_ms, gave, took, note FROM handovers WHERE number = ?"
    kept = db.execute(query, (row[_TARGET],)).fetchone() if _any_kept(db) else None
    if kept is None or abs(kept[0] - int(row[1])) > SIGNING_MS:
        return False
    return kept[1:] == (row[_WHO], _told_of(row, "took"), row[_COMMENT]) and _signed(row, _lists(db, row))


def _lists(db: sqlite3.Connection, row: Row) -> bytes:
    """Find the lists of the handover that a row tells of; empty: there is none."""
    query = "SELECT lists FROM handovers WHERE number = ?"
    found = db.execute(query, (row[_TARGET],)).fetchone() if _any_kept(db) else None
    return str(found[0]).encode() if found else b""


def _signed(row: Row, lists: bytes) -> bool:
    """Whether these lists are those that the row of a handover was signed with."""
    return hashlib.sha256(lists).hexdigest() == _sha256(row)


def _sha256(row: Row) -> str:
    return _told_of(row, "sha256")


def _told_of(row: Row, name: str) -> str:
    """Read what a row tells of beside its columns; empty: somebody has changed the row."""
    try:
        return str(json.loads(str(row[_AFTER]))[name])
    except (ValueError, KeyError, TypeError):
        return ""


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


def export(state: Path, zone: str, now_ms: int) -> Path | None:
    """Write what has come since the last export, as the day that has just ended by civil time; None: nothing has.

    Raises sqlite3.Error, OSError: then the next one has it.
    """
    now = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone))
    day = (now - timedelta(days=1)).date().isoformat()
    folder = state / FOLDER
    file = folder / f"{day}.jsonl"
    _own_up(state, now_ms)
    told = _told(state)
    if file.exists() or file.name in told:
        return None
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    if not _write(state / "desk.sqlite", max(told.values(), default=0), fresh):
        fresh.unlink()
        return None
    fresh.replace(file)
    _own_up(state, now_ms)
    return file


def _told(state: Path) -> dict[str, int]:
    """Read which exports the trail tells of: name, and number of the last row that is in it."""
    db = read_desk(state / "desk.sqlite")
    try:
        number = "CAST(coalesce(json_extract(after, '$.number'), 0) AS INTEGER)"
        asked = f"SELECT target, {number} FROM audit WHERE what = ? AND json_valid(after)"  # noqa: S608 - our own words
        return dict(db.execute(asked, (EXPORT,)))
    finally:
        db.close()


def _own_up(state: Path, now_ms: int) -> None:
    """Tell the trail of each export that it does not know: a new one, or one behind which the process was killed.

    What does not end as the trail does at that row is none of ours: `verify` says so.
    """
    told, heads = _told(state), _heads(state / FOLDER, Verified(breaks=[]))
    db, desk = read_desk(state / "desk.sqlite"), Desk(state / "desk.sqlite", lambda: now_ms)
    try:
        for number, name, head in sorted((n, *file) for n, files in heads.items() for file in files):
            if name not in told and _hash_of(db, number) == head:
                after = json.dumps({"sha256": _digest(state / FOLDER / name), "number": number})
                desk.audit(Audited(who="", via="gateway", what=EXPORT, target=name, after=after, status=200))
    finally:
        desk.close()
        db.close()


def _write(desk: Path, after: int, file: Path) -> bool:
    """Write the rows behind a number; whether there is any but those that tell of exports."""
    last: tuple[Row, str] | None = None
    anything = False
    db = read_desk(desk)
    try:
        with file.open("w", encoding="utf-8") as out:
            for last in rows_of(db, after):
                anything = anything or last[0][_WHAT] != EXPORT
                out.write(f"{line_of(*last)}\n")
                if last[0][_WHAT] == "handover":
                    _beside(file, last[0]).write_bytes(_lists(db, last[0]))
            if last is not None:
                out.write(f"{json.dumps({'head': last[1], 'number': last[0][0]})}\n")
            out.flush()
            os.fsync(out.fileno())
    finally:
        db.close()
    return anything


def line_of(row: Row, own: str) -> str:
    """Write a row as JSON, as it is chained, with its hash."""
    named: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return json.dumps({**named, "hash": own}, ensure_ascii=False, separators=(",", ":"))
