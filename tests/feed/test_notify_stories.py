"""Who is told, when, and what becomes of it: routes, ladder, quiet hours, nag, fallback, repeats, daily message."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from feed.notify.decide import About
from feed.notify.outbox import Outbox
from rules.records import Text
from tests.feed.notify_room import Answer, alarm, street

MINUTE = 60_000
HOUR = 60 * MINUTE


DUTY = {"name": "duty", "channel": "duty", "people": ["张三"]}


def test_the_words_of_one_alarm(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY]) as one:
        one.room.tell(alarm("mh-1", name="文化路12号 污水井盖"))
        one.room.work()
        (body,) = one.bodies()
        assert body.splitlines() == [
            "[一级] 井盖倾斜 34° 文化路12号 污水井盖 10:25:02 请 2 小时内处理",
            "地点：文化路",
            "处置：派员围护",
            "https://gw:8443/#/desk/cover-tilted%40mh-1",
            "@13800138000",
        ]
        assert one.room.states("mh-1") == [("told", "sent")]


def test_the_same_in_english(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], duty={"language": "en"}) as one:
        one.room.tell(alarm("mh-1", name="12 Wenhua Rd"))
        one.room.work()
        assert one.texts() == ["[P1] Cover tilted 34° 12 Wenhua Rd 10:25:02 respond within 2 h"]


@pytest.mark.parametrize(
    ("route", "matches"),
    [
        ({}, True),
        ({"for": "all"}, True),
        ({"for": {"family": "manhole", "site": "文化路"}, "priorities": [1]}, True),
        ({"for": {"family": "dust"}}, False),
        ({"for": {"site": "别处"}}, False),
        ({"for": {"district": "鼓楼区", "labels": {"owner": "排水处"}}}, True),
        ({"for": {"district": "云龙区"}}, False),
        ({"for": {"labels": {"owner": "供电局"}}}, False),
        ({"for": {"rules": ["cover-tilted"]}}, True),
        ({"for": {"rules": ["battery-low"]}}, False),
        ({"priorities": [2, 3]}, False),
        ({"shifts": ["早班"]}, True),
        ({"shifts": ["夜班"]}, False),
        ({"for": {"family": "gateway"}}, False),
    ],
)
def test_routes(route: dict[str, Any], matches: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    with street(tmp_path, [DUTY | route]) as one:
        one.room.abouts["mh-1"] = About(district="鼓楼区", labels={"owner": "排水处"})
        one.room.tell(alarm("mh-1"))
        one.room.work()
        assert bool(one.texts()) == matches


LADDER = DUTY | {"then": [{"channel": "boss"}, {"channel": "hook"}]}


def test_the_ladder_of_what_nobody_acknowledges(tmp_path: Path) -> None:
    with street(tmp_path, [LADDER], nag="24 h") as one:
        one.room.tell(alarm("mh-1"))
        one.room.run(59 * MINUTE, MINUTE)
        assert (len(one.texts()), one.texts("boss")) == (1, [])
        one.room.run(2 * MINUTE, MINUTE)  # half of two hours
        assert one.texts("boss")[0].startswith("[一级] [升级 1：无人确认] 井盖倾斜 34°")
        assert "须于 12:25:02 前处理" in one.texts("boss")[0]
        assert one.texts("hook") == []
        one.room.run(60 * MINUTE, MINUTE)
        assert "已超时" in one.texts("hook")[0]
        steps = ["escalation-2", "escalation-1", "told"]
        assert one.room.states("mh-1") == [(step, "sent") for step in steps]


def test_an_acknowledgement_ends_the_ladder_and_a_return_is_said(tmp_path: Path) -> None:
    with street(tmp_path, [LADDER], nag="24 h") as one:
        first, second = alarm("mh-1"), alarm("mh-2")
        one.room.tell(first, second)
        one.room.work()
        first.acknowledged = True
        one.room.tell(first, kind="acknowledged", user="李四")
        second.active, second.returned_ms = False, 1
        one.room.tell(second, kind="returned")
        one.room.run(61 * MINUTE, MINUTE)
        (escalated,) = one.texts("boss")
        assert "mh-2" in escalated
        assert "已恢复，未确认" in escalated
        receipt = next(each for each in one.room.notifier.box.receipts(first.id) if each.what == "escalation-1")
        assert (receipt.status, receipt.error) == ("cancelled", "acknowledged by 李四")


def test_a_second_activation_begins_no_second_ladder(tmp_path: Path) -> None:
    with street(tmp_path, [LADDER], nag="24 h") as one:
        for _ in range(5):
            one.room.tell(alarm("mh-1"))
            one.room.run(2 * MINUTE, MINUTE)
        one.room.run(70 * MINUTE, MINUTE)
        assert (len(one.texts()), len(one.texts("boss"))) == (5, 1)


@pytest.mark.parametrize("withheld", ["shelved", "out_of_service", "cut_off", "commissioning", "work_permit"])
def test_what_is_withheld_is_not_told(withheld: str, tmp_path: Path) -> None:
    with street(tmp_path, [LADDER], nag="5 min") as one:
        hidden = alarm("mh-1", 2, suppressed=[withheld])
        one.room.tell(hidden)
        seen = alarm("mh-2", 2)
        one.room.tell(seen)
        one.room.work()
        seen.suppressed = [withheld]  # before it was told
        one.room.tell(seen, kind="suppressed")
        one.room.run(20 * MINUTE, MINUTE)
        assert one.server.got == []
        assert {status for _, status in one.room.states("mh-2")} == {"cancelled"}


def test_maintenance_rings_nobody(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="5 min") as one:
        one.room.tell(alarm("mh-1", 4, acknowledged=True))
        one.room.run(20 * MINUTE, MINUTE)
        assert one.server.got == []


def test_quiet_hours_keep_for_the_morning_what_is_not_urgent(tmp_path: Path) -> None:
    quiet = DUTY | {"quiet": {"from": "10:00", "to": "12:00"}}
    with street(tmp_path, [quiet], nag="24 h") as one:
        one.room.tell(alarm("mh-1", 1), alarm("mh-2", 2), alarm("mh-3", 3))
        one.room.run(90 * MINUTE, MINUTE)
        assert len(one.texts()) == 1
        assert "mh-1" in one.texts()[0]
        one.room.run(10 * MINUTE, MINUTE)
        assert one.texts()[1] == "**［二级］ 2 条报警：二级 1，三级 1**"
        assert "mh-2" in one.bodies()[1]
        assert "mh-3" in one.bodies()[1]


def test_people_are_reminded_with_the_count(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY]) as one:
        one.room.tell(alarm("mh-1", 1), alarm("mh-2", 2))
        one.room.run(44 * MINUTE, MINUTE)
        reminders = [text for text in one.texts() if "[提醒]" in text]
        assert len(reminders) == 2
        assert reminders[0].startswith("[提醒] 2 条报警无人确认：一级 1，二级 1；最早的已 15 分钟")


def test_the_daily_message_comes_once_also_after_a_downtime(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], daily="11:00") as one:
        one.room.run(34 * MINUTE, MINUTE)
        assert one.texts() == []
        one.room.run(4 * MINUTE, MINUTE)
        assert [text for text in one.texts() if "每日报到" in text] == ["[每日报到] xz-gulou-01 运行正常 2026-11-24"]
        assert len(one.texts("boss")) == len(one.texts("hook")) == 1
        one.room.notifier.box.close()
        one.room.notifier.follower.close()
        one.room.pass_ms(26 * HOUR)
        one.room.open()
        one.room.run(2 * MINUTE, MINUTE)
        assert one.texts()[1:] == ["[每日报到] xz-gulou-01 运行正常 2026-11-25"]


BAN = Answer(body=b'{"errcode":130101,"errmsg":"send too fast"}')


def test_a_channel_that_fails_is_told_by_the_others_and_its_fallback_takes_over(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], duty={"fallback": "boss"}) as one:
        one.says["duty"] = BAN
        one.room.tell(alarm("mh-1"))
        one.room.run(3_000)
        assert len(one.texts()) == 1
        assert one.texts("boss")[0].endswith("（代 duty）")
        assert one.room.states("mh-1") == [("told", "sent"), ("told", "moved")]
        (subject, kind, data) = one.room.reports[-1]
        assert (subject, kind, data["name"], data["bad"]) == ("channel:duty", "condition", "channel-failing", True)
        assert "130101" in data["why_en"]
        failing = alarm("x", 2, rule="channel-failing", subject="channel:duty", device=None, family=None, site=None)
        one.room.tell(failing)
        one.room.run(60_000)
        assert len(one.texts()) == 1  # ten minutes long nothing is tried
        assert len(one.texts("boss")) == 2
        assert len(one.texts("hook")) == 1
        one.says.clear()
        one.room.run(11 * MINUTE, 10_000)
        one.room.tell(alarm("mh-9", 2))
        one.room.run(2 * MINUTE)
        assert one.room.reports[-1][2]["bad"] is False


def test_without_a_fallback_it_waits_and_a_ban_outlives_a_restart(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.says["duty"] = BAN
        one.room.tell(alarm("mh-1"))
        one.room.run(60_000)
        one.says.clear()
        one.room.notifier.box.close()
        one.room.notifier.follower.close()
        one.room.open()
        one.room.run(8 * MINUTE, 10_000)
        assert len(one.texts()) == 1
        one.room.run(2 * MINUTE, 10_000)
        assert len(one.texts()) == 2
        assert one.room.states("mh-1") == [("told", "sent")]
        assert "可能重复" not in one.texts()[1]  # it was refused, so it cannot have arrived


def test_what_may_have_arrived_is_sent_again_and_says_so(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY, DUTY | {"name": "h", "channel": "hook"}], nag="24 h") as one:
        one.says = {"duty": Answer(503, b""), "hook": Answer(503, b"")}
        one.room.tell(alarm("mh-1"))
        one.room.work()
        one.says.clear()
        one.room.run(2 * MINUTE)
        assert one.texts()[1].startswith("（可能重复）[一级] 井盖倾斜")
        first, second = (got for got in one.server.got if got.path.startswith("/hook"))
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        repeats = {each.channel: each.repeat for each in one.room.notifier.box.receipts("cover-tilted@mh-1")}
        assert repeats == {"duty": True, "hook": False}


@pytest.mark.parametrize("moment", ["decided", "sent"])
def test_a_process_that_dies_in_between_tells_it_all_the_same(moment: str, tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.room.tell(alarm("mh-1"))
        if moment == "decided":
            one.room.notifier._follow()
        else:
            one.room.notifier.turn()
            assert one.room.notifier.arrive()
            assert len(one.texts()) == 1
        one.room.notifier.box.close()
        one.room.notifier.follower.close()
        one.room.open()
        one.room.run(30_000)
        assert len(one.texts()) == (1 if moment == "decided" else 2)
        assert one.texts()[-1].startswith("（可能重复）") == (moment == "sent")


def test_what_is_older_than_a_day_is_not_told_any_more(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="9 d") as one:
        one.room.tell(alarm("mh-1"))
        one.room.pass_ms(25 * HOUR)
        one.room.tell(alarm("mh-2"))
        one.room.run(1_000)
        assert [text for text in one.texts() if "井盖倾斜" in text and "mh-1" in text] == []
        assert any("mh-2" in text for text in one.texts())


def test_nothing_of_the_past_is_told_at_the_first_start(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.room.notifier.box.close()
        one.room.notifier.follower.close()
        (one.room.folder / "desk.sqlite").unlink()
        one.room.tell(alarm("mh-1"))
        one.room.open()
        one.room.run(60_000)
        assert one.server.got == []


def test_a_test_message_takes_its_turn(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY]) as one:
        desk = Outbox(one.room.folder / "desk.sqlite")
        assert desk.ask_for_test("duty", "test/1", "管理员")
        assert not desk.ask_for_test("nobody", "test/2", "管理员")
        one.room.run(1_000)
        assert one.texts() == ["[测试] 管理员 发送的测试消息，无须处理"]
        assert desk.result("test/1") == ("sent", "errcode 0 ok")
        desk.close()


def test_a_full_disk_is_no_end(tmp_path: Path) -> None:
    """sqlite3 calls a lock that lasts an error of operation: nothing of the event is lost by it."""
    with street(tmp_path, [DUTY]) as one:
        one.room.tell(alarm("mh-1", text=Text("井盖打开", "Cover open")))
        other = sqlite3.connect(one.room.folder / "desk.sqlite", isolation_level=None)
        one.room.notifier.box.rows("PRAGMA busy_timeout = 10")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            one.room.notifier.turn()
        other.execute("COMMIT")
        other.close()
        one.room.work()
        assert len(one.texts()) == 1
