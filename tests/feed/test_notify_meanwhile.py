"""What happens to an alarm while people cannot be told of it: they are told what is so when they are."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from feed.notify.records import Language
from feed.notify.words import sms_fields
from rules.records import Alarm
from tests.feed.notify_room import Answer, Street, alarm, message, street
from tests.feed.test_notify_stories import BAN, DUTY, HOUR, MINUTE


def returns(one: Street, which: Alarm, *, user: str = "") -> None:
    """Let what rang be over, and be acknowledged by somebody."""
    which.active, which.returned_ms = False, one.room.now_ms
    one.room.tell(which, kind="returned")
    if user:
        which.acknowledged, which.acked_by = True, user
        one.room.tell(which, kind="acknowledged", user=user)


def test_what_was_shut_out_says_afterwards_what_is_so_then(tmp_path: Path) -> None:
    """Ten minutes later somebody has been there, and nobody else must run."""
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.says["duty"] = BAN
        first, second, third, last = [alarm(f"mh-{n}", 2) for n in (1, 2, 3, 4)]
        one.room.tell(first, second, third, last)
        one.room.run(40_000)
        assert one.texts() == ["**［二级］ 4 条报警：二级 4**"]
        one.says.clear()
        returns(one, first)
        returns(one, second, user="李四")
        third.acknowledged, third.acked_by = True, "王五"
        one.room.tell(third, kind="acknowledged", user="王五")
        one.room.run(11 * MINUTE, 10_000)
        again = one.bodies()[1:]
        assert [line for line in again[0].split("\n\n") if "mh-" in line] == [
            "［二级］ 井盖倾斜 34° mh-1 井盖 10:25:02 已恢复，未确认",
            "［二级］ 井盖倾斜 34° mh-3 井盖 10:25:02 王五 已确认",
            "［二级］ 井盖倾斜 34° mh-4 井盖 10:25:02 请 2 小时内处理",
        ]
        assert "3 条报警" in again[0]
        assert "可能重复" not in again[0]
        assert len(again) == 1
        assert one.room.states("mh-2") == [("told", "cancelled")]
        assert {one.room.states(name)[0] for name in ("mh-1", "mh-3", "mh-4")} == {("told", "sent")}


def test_what_is_over_before_anybody_could_be_told_is_not_told(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.says["duty"] = BAN
        over = alarm("mh-1")
        one.room.tell(over)
        one.room.run(2_000)
        one.says.clear()
        returns(one, over, user="李四")
        one.room.run(25 * HOUR, 10 * MINUTE)
        assert len([text for text in one.texts() if "mh-1" in text]) == 1
        assert one.room.states("mh-1") == [("told", "cancelled")]


def test_what_chatters_while_the_channel_is_shut_out_is_told_once_as_it_stands(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.says["duty"] = BAN
        for count in range(1, 6):
            rings = alarm("mh-1", count=count)
            one.room.tell(rings)
            one.room.run(30_000)
            if count < 5:
                returns(one, rings)
                one.room.run(30_000)
        one.says.clear()
        one.room.run(10 * MINUTE, 10_000)
        assert len(one.texts()) == 2
        assert one.texts()[1].startswith("[一级] 井盖倾斜 34° mh-1 井盖 10:29:02 第 5 次 请 2 小时内处理")


def test_what_chatters_takes_no_more_tokens_of_the_fallback_than_of_its_own_channel(tmp_path: Path) -> None:
    """It rings every ten seconds, and nobody answers: told once a minute, by whoever can."""
    with street(tmp_path, [DUTY], duty={"fallback": "boss"}, nag="24 h") as one:
        one.says["duty"] = BAN
        for count in range(1, 31):
            one.room.tell(alarm("mh-1", count=count))
            if count == 20:
                one.room.tell(alarm("mh-2"))  # it has a token at once
            one.room.run(10_000)
            assert ("mh-2" in "".join(one.texts("boss"))) == (count >= 20)
        one.room.run(MINUTE)
        told = [text for text in one.texts("boss") if "mh-1" in text]
        assert len(one.texts()) == 1
        assert 5 <= len(told) <= 6
        assert "第 30 次" in told[-1]
        assert all(text.endswith("（代 duty）") for text in told)


def test_others_than_those_who_were_told_hear_it_at_once(tmp_path: Path) -> None:
    """The fallback has told its own people of it; those for whom it stands in have heard nothing yet."""
    direct = {"name": "b", "channel": "boss", "people": ["王局"]}
    with street(tmp_path, [DUTY, direct], duty={"fallback": "boss"}, nag="24 h") as one:
        one.room.tell(alarm("mh-1"))
        one.room.run(50_000)
        one.says["duty"] = BAN
        one.room.run(MINUTE)
        one.room.tell(alarm("mh-1", count=2))
        one.room.run(5_000)
        mentioned = [
            got.json["text"]["mentioned_mobile_list"] for got in one.server.got if got.path.startswith("/boss")
        ]
        assert mentioned == [["13900139000"], ["13900139000"], ["13800138000"]]


def test_what_the_receiver_calls_unfit_takes_nobody_along(tmp_path: Path) -> None:
    """The name of a street that DingTalk does not let through, in a digest of eleven."""
    unfit = Answer(body=b'{"errcode":430102,"errmsg":"x"}')
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.server.answer = lambda got: unfit if "mh-07" in got.body.decode() else Answer()
        one.room.tell(*[alarm(f"mh-{n:02}", 2) for n in range(11)])
        one.room.run(10 * MINUTE, 10_000)
        states = {n: one.room.states(f"mh-{n:02}")[0][1] for n in range(11)}
        assert states == {n: "refused" if n == 7 else "sent" for n in range(11)}
        taken = "".join(body for body in one.bodies() if "mh-07" not in body)
        assert [n for n in range(11) if f"mh-{n:02}" not in taken] == [7]
        assert len(one.texts()) <= 10
        assert one.room.reports[0][2]["bad"] is True


@pytest.mark.parametrize(("arrived", "same"), [(True, True), (False, False)])
def test_a_program_that_may_have_it_gets_the_same_again_and_else_what_is_so(
    arrived: bool,  # noqa: FBT001 - a parameter
    same: bool,  # noqa: FBT001 - a parameter
    tmp_path: Path,
) -> None:
    with street(tmp_path, [DUTY | {"channel": "hook"}], nag="24 h") as one:
        one.says["hook"] = Answer(503 if arrived else 429, b"")
        over = alarm("mh-1")
        one.room.tell(over)
        one.room.work()
        one.says.clear()
        returns(one, over)
        one.room.run(3 * MINUTE)
        first, second = one.server.got
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert (first.body == second.body) == same
        assert second.json["data"]["notices"][0]["returned"] != same


def test_a_group_that_may_have_it_is_told_with_the_mark_what_is_so(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.says["duty"] = Answer(503, b"")
        over = alarm("mh-1")
        one.room.tell(over)
        one.room.run(2 * MINUTE)
        one.says.clear()
        returns(one, over)
        one.room.run(5 * MINUTE)
        assert one.texts()[-1] == "（可能重复）[一级] 井盖倾斜 34° mh-1 井盖 10:25:02 已恢复，未确认"
        assert all(text.count("可能重复") <= 1 for text in one.texts())


def test_an_acknowledgement_while_it_is_being_sent(tmp_path: Path) -> None:
    """What came of the attempt counts: sent is sent, and what was refused is not tried again."""
    with street(tmp_path, [DUTY], nag="24 h") as one:
        sent, refused = alarm("mh-1"), alarm("mh-2")
        for which, said in ((sent, Answer()), (refused, BAN)):
            one.says["duty"] = said
            one.room.tell(which)
            one.room.notifier.turn()
            assert one.room.notifier.arrive()
            returns(one, which, user="李四")
            one.room.notifier._follow()
            one.room.run(12 * MINUTE, MINUTE)
        assert (one.room.states("mh-1"), one.room.states("mh-2")) == ([("told", "sent")], [("told", "cancelled")])
        assert len(one.texts()) == 2


@pytest.mark.parametrize(
    ("language", "returned", "acked_by", "said"),
    [
        ("zh", True, None, "（已恢复，未确认）井盖倾斜 34°"),
        ("zh", True, "张三", "（已恢复，张三 已确认）井盖倾斜 34°"),
        ("en", False, "Li Si", "(acknowledged by Li Si) Cover tilted 34°"),
        ("en", False, None, "Cover tilted 34°"),
    ],
)
def test_an_sms_says_first_what_has_become_of_it(language: Language, returned: bool, acked_by: str, said: str) -> None:  # noqa: FBT001 - a parameter
    whole = message(language=language)
    notice = replace(whole.notices[0], returned=returned, acked_by=acked_by)
    assert sms_fields(replace(whole, notices=(notice,)))["text"] == said
