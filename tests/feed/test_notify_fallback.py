# ruff: noqa: ANN401 - whatever settings hold
"""What a fallback takes over is lent to it: whoever can is first tells it, and nobody is forgotten between the two."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.feed.notify_room import Answer, Got, Receiver, Told, alarm, secret, street, told
from tests.feed.test_notify_senders import MailServer

MINUTE = 60_000
DUTY = {"name": "duty", "channel": "duty", "people": ["张三"]}
DOWN = Answer(500, b"")
BAN = Answer(body=b'{"errcode":130101,"errmsg":"send too fast"}')


def test_one_hiccup_and_a_dead_fallback_do_not_keep_priority_1_from_a_channel_that_works(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], duty={"fallback": "boss"}, nag="24 h") as one:
        one.says = {"duty": DOWN, "boss": DOWN}
        one.room.tell(alarm("mh-1"))
        one.room.work()
        assert one.room.states("mh-1") == [("told", "taken"), ("told", "taken")]
        del one.says["duty"]
        one.room.run(2 * MINUTE)
        assert "mh-1" in one.texts()[-1]
        assert one.texts()[-1].startswith("（可能重复）")  # nobody knows what the one of the hiccup did
        assert one.room.states("mh-1") == [("told", "cancelled"), ("told", "sent")]
        before = len(one.texts("boss"))
        one.says.clear()
        one.room.run(10 * MINUTE, 10_000)
        assert len(one.texts("boss")) == before
        assert len(one.texts()) == 2
        messages = one.room.notifier.box.rows("SELECT state FROM notify_messages ORDER BY made_ms, channel DESC")
        assert messages == [("sent",), ("cancelled",)]  # nothing is left of what was lent


def test_what_waits_unsent_is_lent_too_and_told_once(tmp_path: Path) -> None:
    """The channel is shut out when it rings; the fallback fails once, and tells it before the channel is back."""
    with street(tmp_path, [DUTY], duty={"fallback": "boss"}, nag="24 h") as one:
        one.says["duty"] = BAN
        one.room.tell(alarm("mh-1"))
        one.room.run(MINUTE)
        one.says["boss"] = DOWN
        one.room.tell(alarm("mh-2"), alarm("mh-3", 3))
        one.room.run(2 * MINUTE)
        one.says.clear()
        one.room.run(20 * MINUTE, 5_000)
        for name in ("mh-1", "mh-2", "mh-3"):
            assert one.room.states(name) == [("told", "sent"), ("told", "moved")]
        assert [("mh-2" in text, "mh-3" in text) for text in one.texts()] == [(False, False)]


def test_what_the_fallback_refuses_its_own_channel_tells_when_it_is_back(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], duty={"fallback": "boss"}, nag="24 h") as one:
        one.says = {"duty": DOWN, "boss": Answer(body=b'{"errcode":45002,"errmsg":"content size exceed"}')}
        one.room.tell(alarm("mh-1"))
        one.room.work()
        one.says.clear()
        one.room.run(2 * MINUTE)
        assert one.room.states("mh-1") == [("told", "refused"), ("told", "sent")]


def test_what_is_refused_goes_to_the_fallback_and_is_not_tried_again(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], duty={"fallback": "boss"}, nag="24 h") as one:
        one.says["duty"] = Answer(body=b'{"errcode":460101,"errmsg":"message too long"}')
        one.room.tell(alarm("mh-1"))
        one.room.run(30 * MINUTE, 10_000)
        assert one.room.states("mh-1") == [("told", "sent"), ("told", "refused")]
        assert len(one.texts()) == 1


def test_a_fallback_that_is_told_anyway_is_told_once_and_reminded_once(tmp_path: Path) -> None:
    both = [{"name": "duty", "channel": "duty"}, {"name": "boss", "channel": "boss"}]
    with street(tmp_path, both, duty={"fallback": "boss"}, boss={"people": []}, nag="5 min") as one:
        one.says["duty"] = BAN
        one.room.tell(alarm("mh-1"), alarm("mh-2", 2))
        one.room.run(MINUTE)
        assert len(one.texts("boss")) == 2
        one.room.run(5 * MINUTE, 5_000)
        assert ["[提醒] 2 条" in text for text in one.texts("boss")] == [False, False, True]
        one.says.clear()
        one.room.run(10 * MINUTE, 10_000)
        assert dict(states(one.room, "mh-1")) == {"duty": "sent", "boss": "sent"}


def states(room: Told, name: str) -> list[tuple[str, str]]:
    """Read what became of an alarm: channel, status."""
    return [(one.channel, one.status) for one in room.notifier.box.receipts(f"cover-tilted@{name}")]


def test_two_channels_of_one_fallback_do_not_leave_each_other_without_it(tmp_path: Path) -> None:
    """What it has of the one stands for the other only until the one tells the alarm itself."""
    both = [{"name": "duty", "channel": "duty"}, {"name": "hook", "channel": "hook"}]
    lent = {"fallback": "boss"}
    with street(tmp_path, both, duty=lent, hook=lent, boss={"people": []}, nag="24 h") as one:
        one.says = {"duty": DOWN, "hook": DOWN, "boss": DOWN}
        one.room.tell(alarm("mh-1"))
        one.room.run(3_000)
        assert [channel for channel, _ in states(one.room, "mh-1")].count("boss") == 1
        del one.says["duty"]
        one.room.run(2 * MINUTE)
        del one.says["boss"]
        one.room.run(10 * MINUTE, 5_000)
        assert "（代 hook）" in one.texts("boss")[-1]
        assert sorted(states(one.room, "mh-1")) == [
            ("boss", "cancelled"), ("boss", "sent"), ("duty", "sent"), ("hook", "moved"),
        ]  # fmt: skip


def test_an_acknowledgement_ends_both(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY | {"then": [{"channel": "duty"}]}], duty={"fallback": "boss"}, nag="24 h") as one:
        one.says = {"duty": DOWN, "boss": DOWN}
        rings = alarm("mh-1", respond_within_ms=4 * MINUTE)
        one.room.tell(rings)
        one.room.run(3 * MINUTE)
        rings.acknowledged, rings.acked_by, rings.active = True, "李四", False
        one.room.tell(rings, kind="acknowledged", user="李四")
        one.says.clear()
        one.room.run(30 * MINUTE, 10_000)
        assert {status for _, status in one.room.states("mh-1")} == {"cancelled"}
        assert len(one.room.states("mh-1")) == 4


# ------------------------------------------------------------------------------------- channels that write to people


WANG = {"name": "王队长", "mobile": "13900139000", "email": "wang@example.cn"}
LI = {"name": "李四", "mobile": "13700137000", "language": "en"}


class Post:
    """An SMS account, and a mail server."""

    def __init__(self, room: Told, sms: Receiver, mails: MailServer) -> None:
        self.room, self.sms, self.mails = room, sms, mails

    def numbers(self) -> list[tuple[str, str]]:
        """Who was written to by SMS, and what."""
        asked = [parse_qs(urlsplit(got.path).query) for got in self.sms.got]
        return [(one["PhoneNumbers"][0], json.loads(one["TemplateParam"][0])["what"]) for one in asked]


@contextmanager
def post(folder: Path, people: list[dict[str, Any]], routes: list[dict[str, Any]], **keys: Any) -> Iterator[Post]:
    """Have both, with a notifier; sms, mail: what is set differently."""
    key = secret(folder, "s", "x")
    mails = MailServer(None, starttls=False, answers={})
    with Receiver(lambda _: Answer(body=b'{"Code":"OK","BizId":"1"}')) as sms:
        channels = [
            {
                "name": "sms", "kind": "aliyun_sms", "url": sms.url, "key_id": "LTAI", "key_secret": key,
                "sign_name": "城管", "template": "SMS_1", "parameters": {"what": "{priority}{text}"},
            } | keys.pop("sms"),
            {
                "name": "mail", "kind": "smtp", "server": f"127.0.0.1:{mails.port}", "security": "none",
                "from": "gw@example.cn",
            } | keys.pop("mail"),
        ]  # fmt: skip
        whole = {"people": people, "channels": channels, "routes": routes, "nag": "24 h", **keys}
        try:
            with told(folder / "state", whole) as room:
                yield Post(room, sms, mails)
        finally:
            mails.close()


SMS = {"name": "r", "channel": "sms"}


def test_the_ladder_climbs_in_both_languages(tmp_path: Path) -> None:
    both = ["王队长", "李四"]
    route = SMS | {"then": [{"channel": "sms"}]}
    with post(tmp_path, [WANG, LI], [route], sms={"people": both}, mail={"people": ["王队长"]}) as one:
        one.room.tell(alarm("mh-1"))
        one.room.run(61 * MINUTE, MINUTE)
        assert one.numbers() == [
            ("13900139000", "一级井盖倾斜 34°"),
            ("13700137000", "P1Cover tilted 34°"),
            ("13900139000", "一级井盖倾斜 34°"),
            ("13700137000", "P1Cover tilted 34°"),
        ]


@pytest.mark.parametrize("names", [["李四"], ["李四", "王队长"]], ids=["none", "some"])
def test_the_fallback_writes_to_whom_it_can_reach(names: list[str], tmp_path: Path) -> None:
    """To those for whom it stands in, as far as it reaches them; where it reaches none, to its own people."""
    people = [LI | {"language": "zh"}, WANG]
    with post(tmp_path, people, [SMS], sms={"people": names, "fallback": "mail"}, mail={"people": ["王队长"]}) as one:
        one.sms.answer = lambda _: DOWN
        one.room.tell(alarm("mh-1"))
        one.room.run(3_000)
        assert [to for to, _ in one.mails.mails] == [["wang@example.cn"]]
        one.sms.answer = lambda _: Answer(body=b'{"Code":"OK"}')
        one.room.run(5 * MINUTE)
        assert {status for _, status in one.room.states("mh-1")} == {"sent", "moved"}


def test_where_the_fallback_reaches_nobody_the_channel_itself_goes_on(tmp_path: Path) -> None:
    with post(tmp_path, [LI], [SMS], sms={"people": ["李四"], "fallback": "mail"}, mail={"people": ["李四"]}) as one:
        answers = iter([DOWN])

        def answer(_: Got) -> Answer:
            return next(answers, Answer(body=b'{"Code":"OK"}'))

        one.sms.answer = answer
        one.room.tell(alarm("mh-1"))
        one.room.run(MINUTE)
        assert one.room.states("mh-1") == [("told", "sent")]
        assert [number for number, _ in one.numbers()] == ["13700137000"] * 2
        assert one.mails.mails == []
