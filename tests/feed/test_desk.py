import sqlite3
from pathlib import Path

import pytest

from feed.desk import Audited, Desk


def entry(number: int) -> Audited:
    return Audited(
        who="张三", via="http 127.0.0.1", what="ack", target=f"a@b#{number}", command=f"c{number}", status=200
    )


def test_the_trail_is_kept_in_order_and_over_a_restart(tmp_path: Path) -> None:
    for number in range(3):
        desk = Desk(tmp_path / "desk.sqlite")
        desk.audit(entry(number))
        desk.close()
    with sqlite3.connect(tmp_path / "desk.sqlite") as db:
        rows = db.execute(
            "select number, who, what, target, status, t_ms > 1.7e12 from audit order by number"
        ).fetchall()
    db.close()
    assert rows == [(n + 1, "张三", "ack", f"a@b#{n}", 200, 1) for n in range(3)]


@pytest.mark.parametrize("change", ["delete from audit", "update audit set who = 'nobody'"])
def test_nobody_rewrites_the_trail(tmp_path: Path, change: str) -> None:
    desk = Desk(tmp_path / "desk.sqlite")
    desk.audit(entry(1))
    desk.close()
    db = sqlite3.connect(tmp_path / "desk.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(change)
    db.close()
