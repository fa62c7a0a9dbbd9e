"""SMS: what stands in one, whom it is written to, and one number that is none."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from feed.notify.outbox import Outbox
from feed.notify.settings import PersonSettings
from tests.feed.notify_room import Answer, Got, alarm
from tests.feed.test_notify_fallback import LI, SMS, WANG, post

MINUTE = 60_000
OK = Answer(body=b'{"Code":"OK","BizId":"1^0"}')


def test_a_sign_of_life_has_no_priority(tmp_path: Path) -> None:
    with post(tmp_path, [WANG], [SMS], sms={"people": ["王队长"]}, mail={}, daily="10:26") as one:
        one.room.run(2 * MINUTE, MINUTE)
        ((_, text),) = one.numbers()
        assert text.startswith("[每日报到] xz-gulou-01 运行正常")


def test_a_variable_for_which_there_is_nothing_is_not_empty(tmp_path: Path) -> None:
    """A variable has 1 to 35 characters: an alarm without a site would be refused."""
    with post(tmp_path, [WANG], [SMS], sms={"people": ["王队长"], "parameters": {"what": "{site}"}}, mail={}) as one:
        one.room.tell(alarm("mh-1", site=None))
        one.room.work()
        assert one.numbers() == [("13900139000", "-")]


def test_a_test_message_goes_to_everybody_and_says_of_the_worst_how_it_went(tmp_path: Path) -> None:
    with post(tmp_path, [WANG, LI], [SMS], sms={"people": ["王队长", "李四"]}, mail={}) as one:
        one.sms.answer = lambda got: Answer(503, b"") if "13700137000" in got.path else OK
        desk = Outbox(one.room.folder / "desk.sqlite")
        assert desk.result("test/1") is None
        assert desk.ask_for_test("sms", "test/1", "管理员")
        one.room.work()
        assert one.numbers()[0] == ("13900139000", "[测试] 管理员 发送的测试消息，无须处理")
        assert desk.result("test/1") == ("taken", "HTTP 503")
        one.sms.answer = lambda _: OK
        one.room.run(2 * MINUTE)
        assert one.numbers()[-1][0] == "13700137000"
        assert one.numbers()[-1][1].startswith("(repeat?)")
        assert desk.result("test/1") == ("sent", "BizId 1^0")
        desk.close()


@pytest.mark.parametrize("mobile", ["12345", "139", "1390013900", "12900139000", "+012345678", "0516-83712345"])
def test_a_number_that_is_none_is_told_when_it_is_written(mobile: str) -> None:
    with pytest.raises(ValidationError, match="mobile"):
        PersonSettings(name="王队长", mobile=mobile)


def test_one_number_that_is_none_keeps_the_alarm_from_nobody_else(tmp_path: Path) -> None:
    people = [WANG, LI | {"language": "zh"}, {"name": "张三", "mobile": "19900000000"}]

    def answer(got: Got) -> Answer:
        numbers = parse_qs(urlsplit(got.path).query)["PhoneNumbers"][0]
        return Answer(body=b'{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}') if "19900000000" in numbers else OK

    names = [str(one["name"]) for one in people]
    with post(tmp_path, people, [SMS], sms={"people": names}, mail={}) as one:
        one.sms.answer = answer
        one.room.tell(alarm("mh-1"))
        one.room.run(5_000)
        asked = [number for number, _ in one.numbers()]
        assert asked == ["13900139000,13700137000,19900000000", "13900139000", "13700137000", "19900000000"]
        (receipt,) = one.room.notifier.box.receipts("cover-tilted@mh-1")
        assert (receipt.status, receipt.to) == ("sent", names)
        found = one.room.notifier.box.rows("SELECT detail FROM notify_messages")
        assert json.dumps(found, ensure_ascii=False) == '[["not to 张三: isv.MOBILE_NUMBER_ILLEGAL"]]'
