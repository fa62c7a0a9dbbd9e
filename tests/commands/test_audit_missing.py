"""What somebody changed stands in the audit trail also when the process died before it could write that down."""

import json
import time
from pathlib import Path

import pytest

from feed import audit_missing
from feed.audit_export import verify
from feed.audit_missing import complete
from feed.desk import Audited, Desk, read_desk, rows_of
from rules.records import Answer, Command
from tests.commands.test_explain import ALARM, made


def shelving(name: str, via: str = "https 10.1.2.3") -> Command:
    return Command(
        at_ms=0, id=name, kind="shelve", alarm=ALARM, occurrence=0, for_ms=600_000, user="李四", via=via, comment="检修"
    )


def trail(desk: Path) -> list[dict[str, object]]:
    names = ("who", "via", "what", "target", "command", "comment", "status")
    db = read_desk(desk)
    try:
        rows: list[dict[str, object]] = [dict(zip(names, [*row[2:8], row[10]], strict=True)) for row, _ in rows_of(db)]
        return [row for row in rows if row["what"] != "start"]
    finally:
        db.close()


def test_a_change_whose_row_is_missing_has_one_after_the_next_start(tmp_path: Path) -> None:
    """The pipeline has the command, and nobody writes a row: as after kill -9 between the two disks."""
    desk = tmp_path / "state" / "desk.sqlite"
    daemon = made(tmp_path)
    daemon.start()
    begins_ms = time.time_ns() // 1_000_000
    assert daemon.pipeline.submit(shelving("c-1")).result(10).status == 200
    assert trail(desk) == []
    daemon.stop()
    expected = {
        "who": "李四", "via": "https 10.1.2.3", "what": "shelve", "target": f"{ALARM}#0", "command": "c-1",
        "comment": "检修", "status": 200,
    }  # fmt: skip
    for _ in range(2):
        daemon = made(tmp_path)
        daemon.start()
        daemon.stop()
        assert trail(desk) == [expected]
    db = read_desk(desk)
    query = "SELECT answer, t_ms, before, after FROM audit WHERE what = 'shelve'"
    ((answer, at_ms, before, after),) = db.execute(query).fetchall()
    db.close()
    assert "carried out 20" in answer
    assert at_ms >= begins_ms
    assert json.loads(before) == {"state": "NORMAL"}
    assert json.loads(after)["state"] == "SHELVED"
    assert json.loads(after)["shelved_until"].startswith("20")
    assert verify(tmp_path / "state") is not None


@pytest.mark.parametrize(
    ("command", "row", "missing"),
    [
        (shelving("c-1"), ("https 10.9.9.9", "c-1"), False),  # he tried again from elsewhere
        (shelving("c-1"), ("https 10.1.2.3", "c-2"), True),
        (shelving("hub:c-1", "mqtt city key hub"), ("mqtt city key hub", "c-1"), False),
        (shelving("hub:c-1", "mqtt city key hub"), ("mqtt city key other", "c-1"), True),
    ],
)
def test_what_has_a_row_gets_no_second(command: Command, row: tuple[str, str], missing: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    path = tmp_path / "desk.sqlite"
    desk = Desk(path)
    desk.audit(Audited(who="李四", via=row[0], what="shelve", command=row[1], status=200))
    desk.close()
    answers = {command.id: (0, Answer(status=200, asked=command.content))}
    written = complete(path, [command], answers, 0)
    assert [(one.via, one.command) for one in written] == ([(command.via, "c-1")] if missing else [])


def test_a_row_far_back_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has tried passwords since, 20,000 of them."""
    monkeypatch.setattr(audit_missing, "LATEST", 2)
    desk = Desk(tmp_path / "desk.sqlite")
    command = shelving("c-1")
    desk.audit(Audited(who="李四", via=command.via, what="shelve", command="c-1", status=200))
    for _ in range(3):
        desk.audit(Audited(who="", via="https 10.1.2.3", what="login", status=403))
    desk.close()
    assert complete(desk.path, [command], {"c-1": (0, Answer(status=200, asked=command.content))}, 0) == []


def test_of_two_commands_with_one_id_only_the_first_was_carried_out(tmp_path: Path) -> None:
    first, second = shelving("c-1"), shelving("c-1")
    second.comment = "别的"
    answers = {"c-1": (0, Answer(status=200, asked=first.content))}
    (one,) = complete(tmp_path / "desk.sqlite", [first, second], answers, 0)
    assert one.comment == "检修"
