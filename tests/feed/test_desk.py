"""The audit trail: kept in order, never changed, and where it is, the chain breaks."""

import hashlib
import json
import sqlite3
import stat
from pathlib import Path

import pytest

from devices.instants import rfc3339
from feed.audit_export import export, verify
from feed.desk import BEGINNING, COLUMNS, Audited, Desk, system_ms

DAY_MS = 86_400_000

# The table as it was before the chain.
OLD = """
CREATE TABLE audit (number INTEGER PRIMARY KEY, t_ms INTEGER NOT NULL, who TEXT NOT NULL, via TEXT NOT NULL,
    what TEXT NOT NULL, target TEXT NOT NULL, command TEXT NOT NULL, comment TEXT NOT NULL, status INTEGER NOT NULL,
    answer TEXT NOT NULL) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""


def entry(number: int) -> Audited:
    return Audited(
        who="张三", via="http 127.0.0.1", what="ack", target=f"a@b#{number}", command=f"c{number}", status=200,
        before='{"a":1}', after='{"a":"\\""}',
    )  # fmt: skip


def fill(state: Path, count: int, start: int = 0) -> None:
    desk = Desk(state / "desk.sqlite")
    for number in range(start, start + count):
        desk.audit(entry(number))
    desk.close()


def meddle(state: Path, *statements: str) -> None:
    """Do what nobody may, with SQLite's own shell, so to speak."""
    db = sqlite3.connect(state / "desk.sqlite")
    db.execute("DROP TRIGGER IF EXISTS audit_is_not_changed")
    db.execute("DROP TRIGGER IF EXISTS audit_is_not_deleted")
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_the_trail_is_kept_in_order_and_over_a_restart(tmp_path: Path) -> None:
    for number in range(3):
        fill(tmp_path, 1, number)
    with sqlite3.connect(tmp_path / "desk.sqlite") as db:
        rows = db.execute(
            "select number, who, what, target, status, t_ms > 1.7e12 from audit order by number"
        ).fetchall()
    db.close()
    assert rows == [(n + 1, "张三", "ack", f"a@b#{n}", 200, 1) for n in range(3)]
    assert verify(tmp_path).breaks == []


@pytest.mark.parametrize("change", ["delete from audit", "update audit set who = 'nobody'"])
def test_nobody_rewrites_the_trail(tmp_path: Path, change: str) -> None:
    fill(tmp_path, 1)
    db = sqlite3.connect(tmp_path / "desk.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(change)
    db.close()


def test_what_one_has_done_is_found_in_a_trail_that_is_never_pruned(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk.sqlite")
    found = desk.rows("EXPLAIN QUERY PLAN SELECT * FROM audit WHERE who = 'li' ORDER BY number DESC LIMIT 9")
    assert [step for *_, step in found] == ["SEARCH audit USING INDEX audit_by_who (who=?)"]
    desk.close()


def test_the_desk_is_nobody_else_s(tmp_path: Path) -> None:
    (tmp_path / "desk.sqlite").touch(0o640)  # as of a version before
    desk = Desk(tmp_path / "desk.sqlite")
    desk.audit(entry(0))
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    desk.close()


def test_the_chain_is_as_the_page_says(tmp_path: Path) -> None:
    """Worked out here as docs/access.md describes it, for those who check it with a program of their own."""
    fill(tmp_path, 3)
    db = sqlite3.connect(tmp_path / "desk.sqlite")
    former = "0" * 64
    names = "number, t_ms, who, via, what, target, command, comment, before, after, status, answer"
    asked = f"select {names}, hash from audit order by number"  # noqa: S608 - written above
    for *row, own in db.execute(asked):
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        former = hashlib.sha256((former + "\n" + text).encode("utf-8")).hexdigest()
        assert own == former
    db.close()
    assert verify(tmp_path).head == former


@pytest.mark.parametrize("column", [*COLUMNS[1:], "hash"])
def test_a_changed_row_is_found(tmp_path: Path, column: str) -> None:
    fill(tmp_path, 5)
    value = "7" if column in ("t_ms", "status") else "'x'"
    meddle(tmp_path, f"update audit set {column} = {value} where number = 3")  # noqa: S608 - our own names
    first = verify(tmp_path).breaks[0]
    assert first.startswith("row 3 ")


def test_a_changed_row_whose_hash_is_made_right_is_found_at_the_next(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    other = tmp_path / "other"
    desk = Desk(other / "desk.sqlite")
    for number in (0, 1, 7):
        desk.audit(entry(number))
    desk.close()
    names = ", ".join((*COLUMNS, "hash"))
    meddle(
        tmp_path,
        f"attach '{other / 'desk.sqlite'}' as forged",
        "delete from audit where number = 3",
        f"insert into audit ({names}) select {names} from forged.audit where number = 3",  # noqa: S608 - our own names
    )
    assert verify(tmp_path).breaks


def test_a_row_that_was_taken_out_or_put_in_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    meddle(tmp_path, "delete from audit where number = 2")
    assert verify(tmp_path).breaks[0] == "rows 2 to 2 are missing"
    names = ", ".join((*COLUMNS[1:], "hash"))
    meddle(tmp_path, f"insert into audit (number, {names}) select 2, {names} from audit where number = 1")  # noqa: S608 - our own names
    assert verify(tmp_path).breaks[0].startswith("row 2 ")


def test_rows_of_a_version_without_a_chain_are_its_beginning(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "desk.sqlite")
    db.executescript(OLD)
    for number in range(1, 4):
        db.execute("insert into audit values (?, 1700000000000, '张三', 'v', 'ack', 't', 'c', '', 200, '')", (number,))
    db.commit()
    db.close()
    fill(tmp_path, 2)
    fill(tmp_path, 1)
    found = verify(tmp_path)
    assert (found.rows, found.breaks) == (6, [])
    db = sqlite3.connect(tmp_path / "desk.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("update audit set who = 'nobody'")
    db.close()


# ---------------------------------------------------------------------------------------------------- exports


def test_each_day_has_what_came_since_the_day_before(tmp_path: Path) -> None:
    now_ms = 1_795_507_200_000  # 2026-11-24T08:00Z
    fill(tmp_path, 3)
    first = export(tmp_path, "Asia/Shanghai", now_ms)
    assert first == tmp_path / "audit" / "2026-11-23.jsonl"
    assert export(tmp_path, "Asia/Shanghai", now_ms) is None  # once a day
    assert export(tmp_path, "Asia/Shanghai", now_ms + DAY_MS) is None  # nothing has come
    fill(tmp_path, 2, 3)
    second = export(tmp_path, "Asia/Shanghai", now_ms + 2 * DAY_MS)
    assert second is not None
    lines = [[json.loads(line) for line in file.read_text().splitlines()] for file in (first, second)]
    assert [[each["number"] for each in one] for one in lines] == [[1, 2, 3, 3], [4, 5, 6, 6]]
    assert lines[1][-1] == {"head": lines[1][-2]["hash"], "number": 6}
    assert (lines[1][0]["what"], lines[1][0]["target"]) == ("export", first.name)  # each has the one before it
    assert lines[1][0]["t_ms"] == now_ms
    assert lines[0][0]["who"] == "张三"
    found = verify(tmp_path)
    assert (found.exports, found.breaks) == (2, [])


def test_what_was_cut_off_at_the_end_is_told_by_an_export(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    export(tmp_path, "UTC", system_ms())
    meddle(tmp_path, "delete from audit where number > 3")
    assert "its end was cut off" in verify(tmp_path).breaks[0]


def test_a_trail_that_was_rewritten_whole_is_told_by_an_export(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    export(tmp_path, "UTC", system_ms())
    for file in tmp_path.glob("desk.sqlite*"):
        file.unlink()
    fill(tmp_path, 3, 7)
    assert "is another one than" in verify(tmp_path).breaks[0]


def test_an_export_that_is_none_is_told(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    export(tmp_path, "UTC", system_ms())
    (tmp_path / "audit" / "2026-01-01.jsonl").write_text("")
    assert verify(tmp_path).breaks == ["2026-01-01.jsonl is no export, or was cut off"]


def test_a_trail_without_rows_is_whole(tmp_path: Path) -> None:
    Desk(tmp_path / "desk.sqlite").close()
    assert (verify(tmp_path).head, export(tmp_path, "UTC", system_ms())) == (BEGINNING, None)
    assert list((tmp_path / "audit").iterdir()) == []


def edited(file: Path, line: int, old: str, new: str) -> None:
    lines = file.read_text().splitlines(keepends=True)
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new)
    file.write_text("".join(lines))


@pytest.mark.parametrize(
    ("line", "old", "new", "told"),
    [
        (2, "张三", "李四", "row 6 in {file} does not fit: it, or one before it, was changed"),
        (1, "张三", "李四", "row 5 in {file} does not fit: it, or one before it, was changed"),
        (3, '"hash":"', '"hash":"0', "row 7 in {file} does not fit: it, or one before it, was changed"),
        (1, '"status":200,', "", "{file} has a line that is no row of the trail"),
        (1, "{", "", "{file} has a line that is no row of the trail"),
    ],
)
def test_a_changed_row_of_an_export_is_found(tmp_path: Path, line: int, old: str, new: str, told: str) -> None:
    """An auditor keeps the files, and reads them."""
    now_ms = 1_795_507_200_000
    fill(tmp_path, 3)
    export(tmp_path, "UTC", now_ms)
    fill(tmp_path, 3, 3)
    second = export(tmp_path, "UTC", now_ms + DAY_MS)
    assert second is not None
    assert verify(tmp_path).breaks == []
    edited(second, line, old, new)
    assert verify(tmp_path).breaks[:2] == [changed(second, 8), told.format(file=second.name)]


def changed(file: Path, row: int) -> str:
    return f"{file.name} was changed: it is not what row {row} says was exported"


def test_a_row_that_was_taken_out_of_an_export_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    file = export(tmp_path, "UTC", system_ms())
    assert file is not None
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:1] + lines[2:]))
    assert verify(tmp_path).breaks[1] == f"rows 2 to 2 are missing in {file.name}"
    file.write_text("".join(lines[:3] + lines[4:]))
    assert verify(tmp_path).breaks == [
        changed(file, 5),
        f"the last line of {file.name} does not belong to its row 3",
    ]


def days(state: Path, count: int) -> list[Path]:
    """Let people work for so many days; return what was exported."""
    files = []
    for day in range(count):
        fill(state, 2, 2 * day)
        files.append(export(state, "UTC", 1_795_507_200_000 + day * DAY_MS))
    return [file for file in files if file is not None]


@pytest.mark.parametrize("gone", [{0}, {1}, {2}, {1, 2}, {0, 1, 2}])
def test_exports_that_were_taken_away_are_missed(tmp_path: Path, gone: set[int]) -> None:
    """Somebody did something on a day, and the file of that day is no more: the last one, or all of them."""
    files = days(tmp_path, 3)
    assert (len(files), verify(tmp_path).breaks) == (3, [])
    for day in gone:
        files[day].unlink()
    rows = (3, 6, 9)  # two of people, and one of the export
    missed = [f"{files[day].name} was taken away: row {rows[day]} says that it was exported" for day in sorted(gone)]
    assert verify(tmp_path).breaks == missed
    if gone == {0, 1, 2}:
        (tmp_path / "audit").rmdir()
        assert verify(tmp_path).breaks == missed
    fill(tmp_path, 2, 6)
    after = export(tmp_path, "UTC", 1_795_507_200_000 + 3 * DAY_MS)
    assert after is not None
    assert json.loads(after.read_text().splitlines()[0])["number"] == rows[2]  # what is gone is not made again
    assert verify(tmp_path).breaks == missed
    assert export(tmp_path, "UTC", 1_795_507_200_000 + 2 * DAY_MS) is None


def test_who_takes_an_export_away_and_its_row_breaks_the_chain(tmp_path: Path) -> None:
    files = days(tmp_path, 3)
    files[1].unlink()
    meddle(tmp_path, "delete from audit where number = 6")
    assert verify(tmp_path).breaks[0] == "rows 6 to 6 are missing"
    meddle(tmp_path, "update audit set after = 'x' where number = 3")
    assert verify(tmp_path).breaks[:2] == [
        f"row 3 ({moment(tmp_path, 3)}) does not fit: it, or one before it, was changed",
        changed(files[0], 3),
    ]
    fill(tmp_path, 1, 6)
    assert export(tmp_path, "UTC", 1_795_507_200_000 + 3 * DAY_MS) is not None  # it goes on all the same


def moment(state: Path, row: int) -> str:
    db = sqlite3.connect(state / "desk.sqlite")
    ((t_ms,),) = db.execute("select t_ms from audit where number = ?", (row,)).fetchall()
    db.close()
    return rfc3339(t_ms)


def test_an_export_behind_which_the_process_was_killed_is_told_by_the_next_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are the exports of a version that told the trail of none."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    fill(tmp_path, 2)
    with monkeypatch.context() as killed:
        killed.setattr(Desk, "audit", die)
        with pytest.raises(KeyboardInterrupt):
            export(tmp_path, "UTC", 1_795_507_200_000)
    (first,) = (tmp_path / "audit").glob("*.jsonl")
    assert verify(tmp_path).breaks == []
    bogus = tmp_path / "audit" / "2026-01-01.jsonl"
    bogus.write_text('{"head": "00", "number": 2}\n{"head": "00", "number": 7000000}\n')  # it moves no position
    assert export(tmp_path, "UTC", 1_795_507_200_000 + DAY_MS) is None  # nobody has changed anything
    bogus.unlink()
    assert verify(tmp_path).breaks == []
    first.unlink()
    assert verify(tmp_path).breaks == [f"{first.name} was taken away: row 3 says that it was exported"]
