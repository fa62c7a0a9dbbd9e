"""Many rows: priority 1 is not behind them, and nothing that is done each second reads them all."""

import re
import sqlite3
import time
from pathlib import Path

from feed.notify import reminders
from feed.notify.outbox import PAGE, Outbox
from feed.notify.records import Notice, Row
from rules.records import Text
from tests.feed.notify_room import NOW_MS, Answer, Told, alarm, street

MINUTE = 60_000
DUTY = {"name": "duty", "channel": "duty", "people": ["张三"]}
MANY = 5_000


def a_row(number: int, due_ms: int, priority: int = 3) -> Row:
    notice = Notice(
        kind="alarm", text=Text("井盖倾斜 34°", "Cover tilted"), priority=priority, alarm=f"cover-tilted@w-{number}",
        name=f"w-{number}", t_ms=due_ms,
    )  # fmt: skip
    return Row(key=f"of before/{number}", channel="duty", language="zh", due_ms=due_ms, wait_ms=30_000, notice=notice)


def test_priority_1_goes_before_5000_that_wait_longer(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.room.notifier.box.put([a_row(n, NOW_MS - MINUTE) for n in range(MANY)])
        one.room.tell(alarm("mh-1", 1))
        one.room.work()
        assert "mh-1" in one.texts()[0]
        assert one.texts()[1].startswith("**［三级］ ")


def test_what_is_due_later_is_not_read_but_awaited(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "desk.sqlite")
    later = [a_row(n, NOW_MS + MINUTE + n) for n in range(MANY)]
    box.put([*later, *[a_row(10_000 + n, NOW_MS + 2 * MINUTE + n, 1) for n in range(MANY)]])
    assert [row.due_ms for row in box.waiting("duty", NOW_MS)] == [NOW_MS + 2 * MINUTE, NOW_MS + MINUTE]
    later_1 = a_row(99_999, NOW_MS + 9 * MINUTE, 1)
    box.put([later_1])
    due = box.waiting("duty", NOW_MS + 3 * MINUTE)
    assert due.pop(PAGE).key == later_1.key
    assert (len(due), {row.urgent for row in due}) == (PAGE, {True})
    box.close()


def statements(one: Told) -> set[str]:
    """Have a full life told, and return what the desk was asked meanwhile."""
    asked = set[str]()
    db = one.notifier.box._db
    assert db is not None
    db.set_trace_callback(asked.add)
    return asked


def test_nothing_reads_all_that_was_ever_told(tmp_path: Path) -> None:
    """Two years of rows are kept, and who writes the desk keeps everybody else waiting."""
    ladder = DUTY | {"then": [{"channel": "boss"}]}
    with street(tmp_path, [ladder], nag="5 min", daily="11:00", duty={"fallback": "boss"}) as one:
        asked = statements(one.room)
        rings = alarm("mh-1", 1)
        one.room.tell(rings, alarm("mh-2", 3))
        one.says["duty"] = Answer(503, b"")
        one.room.run(3 * MINUTE, 5_000)
        one.says.clear()
        rings.count = 2
        one.room.tell(rings)
        one.room.run(6 * MINUTE, 5_000)
        rings.acknowledged, rings.acked_by = True, "李四"
        one.room.tell(rings, kind="acknowledged", user="李四")
        one.room.run(90 * MINUTE, MINUTE)
        box = one.room.notifier.box
        box.channels(), box.receipts(rings.id), box.result("x")
        reading = sqlite3.connect(tmp_path / "state" / "desk.sqlite")
        plans = {
            (sql, step)
            for sql in asked if "notify_rows" in sql and not sql.startswith("--")
            for *_, step in reading.execute(f"EXPLAIN QUERY PLAN {sql}")
        }  # fmt: skip
        reading.close()
    assert len({sql for sql, _ in plans}) > 10
    assert [each for each in plans if re.match(r"SCAN (notify_rows|r)$", each[1])] == []


def test_reminders_of_5000_alarms_are_counted_at_once(tmp_path: Path) -> None:
    """They are counted each minute, on the one core that everything else needs."""
    with street(tmp_path, [DUTY, DUTY | {"name": "again", "priorities": [2]}], nag="5 min") as one:
        alarms = [alarm(f"w-{n}", 2) for n in range(MANY)]
        begins = time.process_time()
        (row,) = reminders.nags(alarms, {}, one.room.notifier._plan, {}, NOW_MS + 10 * MINUTE)
        assert time.process_time() - begins < 0.15
        assert row.notice.text.zh.startswith("[提醒] 5000 条")
