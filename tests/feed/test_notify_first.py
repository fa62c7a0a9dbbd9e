"""A new alarm of priority 1 waits for nothing older: not for reminders, nor for what is never taken."""

import threading
import time
from pathlib import Path

from rules.records import Text
from tests.feed.notify_room import Answer, alarm, street
from tests.servers import until

MINUTE = 60_000
DUTY = {"name": "duty", "channel": "duty", "people": ["张三"]}
NOT_UNDERSTOOD = Answer(body=b'{"thanks":"for nothing"}')


def test_a_reminder_that_fails_goes_behind_a_new_alarm_and_counts_anew(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="5 min") as one:
        one.room.tell(*[alarm(f"mh-{n}", 1) for n in range(3)])
        one.room.run(4 * MINUTE)
        one.says["duty"] = Answer(429, b"", {"retry-after": "20"})
        one.room.run(MINUTE + 5_000)
        assert "[提醒] 3 条" in one.texts()[-1]
        one.room.tell(alarm("mh-9", 1))
        one.says.clear()
        before = len(one.texts())
        one.room.run(2 * MINUTE)
        new = one.texts()[before:]
        assert "mh-9" in new[0]
        assert [text for text in new if "[提醒]" in text] == [new[1]]
        assert new[1].startswith("[提醒] 4 条报警无人确认：一级 4；最早的已 ")


def test_a_reminder_of_what_was_acknowledged_meanwhile_is_not_sent(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="5 min") as one:
        seen = alarm("mh-1", 1)
        one.room.tell(seen)
        one.room.run(4 * MINUTE)
        one.says["duty"] = Answer(429, b"", {"retry-after": "120"})
        one.room.run(MINUTE + 5_000)
        seen.acknowledged = True
        one.room.tell(seen, kind="acknowledged", user="李四")
        one.says.clear()
        before = len(one.texts())
        one.room.run(10 * MINUTE, 10_000)
        assert one.texts()[before:] == []


def test_a_reminder_that_may_have_arrived_is_no_flood(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="15 min") as one:
        one.room.tell(alarm("mh-1", 1))
        one.room.run(14 * MINUTE)
        one.says["duty"] = NOT_UNDERSTOOD
        one.room.run(15 * MINUTE)
        assert len([text for text in one.texts() if "[提醒]" in text]) == 1


def test_reminders_take_no_token_that_is_reserved(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="5 min", duty={"per_minute": 4}) as one:
        one.room.tell(alarm("mh-1", 1))
        one.room.run(4 * MINUTE + 30_000)
        one.room.tell(*[alarm(f"mh-{n}", 1) for n in range(2, 5)])
        one.room.run(MINUTE)  # three of four tokens are gone: the last is for an alarm
        assert [text for text in one.texts() if "[提醒]" in text] == []
        before = len(one.texts())
        one.room.tell(alarm("mh-5", 1))
        one.room.run(2_000)
        assert "mh-5" in one.texts()[before]


def test_what_a_receiver_never_understands_does_not_keep_what_is_new(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        answer = one.answer
        one.server.answer = lambda got: NOT_UNDERSTOOD if b"mh-poison" in got.body else answer(got)
        one.room.tell(alarm("mh-poison", 1))
        one.room.run(10 * MINUTE, 5_000)
        one.room.tell(alarm("mh-2", 1))
        one.room.run(2 * MINUTE + 10_000, 5_000)
        assert "mh-2" in "".join(one.texts())
        one.room.run(10 * MINUTE, 5_000)
        assert "mh-poison" in one.texts()[-1]  # it is tried all the same


def test_the_shift_that_comes_is_reminded_and_climbs_the_ladder(tmp_path: Path) -> None:
    """It rings at 15:40; half of its time is over at 16:40, and the shift changes at 16:00."""
    early = {"name": "early", "channel": "duty", "shifts": ["早班"], "then": [{"channel": "duty"}]}
    middle = {"name": "middle", "channel": "boss", "shifts": ["中班"], "then": [{"channel": "hook"}]}
    with street(tmp_path, [early, middle], nag="15 min") as one:
        one.room.pass_ms(5 * 60 * MINUTE + 15 * MINUTE)
        one.room.tell(alarm("mh-1", 1, since_ms=one.room.now_ms))
        one.room.run(19 * MINUTE, MINUTE)
        assert len(one.texts()) == 2  # told, and reminded once
        one.room.run(3 * MINUTE, MINUTE)
        assert ["[提醒]" in text for text in one.texts("boss")] == [True]
        one.room.run(60 * MINUTE, MINUTE)
        assert len(one.texts()) == 2  # they have gone home
        assert "升级 1" in one.texts("hook")[0]
        assert "shift 中班" in one.room.notifier.box.receipts("cover-tilted@mh-1")[0].why


def test_who_comes_hears_at_once_what_stands_however_short_it_has(tmp_path: Path) -> None:
    """It rings at 15:58, and the shift changes at 16:00: nobody of the next one has heard of it."""
    early = {"name": "early", "channel": "duty", "shifts": ["早班"]}
    middle = {"name": "middle", "channel": "boss", "shifts": ["中班"]}
    with street(tmp_path, [early, middle, {"name": "all", "channel": "hook"}], nag="15 min") as one:
        one.room.pass_ms(5 * 60 * MINUTE + 33 * MINUTE)
        one.room.tell(alarm("mh-1", 1, since_ms=one.room.now_ms))
        one.room.run(3 * MINUTE, 10_000)
        assert ["最早的已 2 分钟" in text for text in one.texts("boss")] == [True]
        one.room.run(9 * MINUTE, 10_000)
        assert (len(one.texts()), len(one.texts("boss")), len(one.texts("hook"))) == (1, 1, 1)
        one.room.run(9 * MINUTE, 10_000)
        assert (len(one.texts()), len(one.texts("boss")), len(one.texts("hook"))) == (1, 2, 2)


def test_a_step_for_whose_time_no_route_is_there_goes_to_who_heard_first(tmp_path: Path) -> None:
    early = {"name": "early", "channel": "duty", "shifts": ["早班"], "then": [{"channel": "boss"}]}
    with street(tmp_path, [early], nag="24 h") as one:
        one.room.pass_ms(5 * 60 * MINUTE + 15 * MINUTE)
        one.room.tell(alarm("mh-1", 1, since_ms=one.room.now_ms))
        one.room.run(62 * MINUTE, MINUTE)
        assert "升级 1" in one.texts("boss")[0]


def test_after_quiet_hours_the_ladder_begins_with_the_first_telling(tmp_path: Path) -> None:
    """It rings at 10:25 of a quiet morning; half of its hour would be over long before anybody hears of it."""
    route = DUTY | {"quiet": {"from": "10:00", "to": "12:00"}, "then": [{"channel": "boss"}, {"channel": "hook"}]}
    with street(tmp_path, [route], nag="24 h") as one:
        one.room.tell(alarm("mh-1", 2, respond_within_ms=60 * MINUTE))
        one.room.run(96 * MINUTE, MINUTE)  # 12:01
        assert (len(one.texts()), one.texts("boss"), one.texts("hook")) == (1, [], [])
        one.room.run(26 * MINUTE, MINUTE)  # 12:27
        assert (one.texts("boss"), one.texts("hook")) == ([], [])
        one.room.run(5 * MINUTE, MINUTE)
        assert (len(one.texts("boss")), one.texts("hook")) == (1, [])
        one.room.run(30 * MINUTE, MINUTE)
        assert len(one.texts("hook")) == 1


def test_a_channel_that_hangs_keeps_no_other_waiting(tmp_path: Path) -> None:
    """As it runs: on its own thread, by the clock on the wall. The hanging one is tried first, and all the time."""
    stop = threading.Event()
    with street(tmp_path, [DUTY, {"name": "hook", "channel": "hook"}], nag="24 h") as one:
        one.says["duty"] = Answer(hang_s=60)
        running = threading.Thread(target=one.room.notifier.run, args=(stop,))
        running.start()
        try:
            for n in range(3):
                begins_s = time.monotonic()
                one.room.tell(alarm(f"mh-{n}", 1))
                one.room.notifier.follower.wake()
                until(lambda n=n: len(one.texts("hook")) > n, within_s=9)  # type: ignore[misc]
                assert time.monotonic() - begins_s < 3
            until(lambda: len(one.texts()) == 1)
        finally:
            stop.set()
            one.server.wait.set()
            one.room.notifier.follower.wake()
            running.join(20)
        assert not running.is_alive()


def test_the_fallback_is_reminded_instead_and_nothing_piles_up(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="5 min", duty={"fallback": "hook"}) as one:
        one.says["duty"] = Answer(body=b'{"errcode":130101,"errmsg":"send too fast"}')
        one.room.tell(*[alarm(f"mh-{n}", 1) for n in range(3)])
        one.room.run(9 * MINUTE + 30_000)
        instead = [text for text in one.texts("hook") if "[提醒]" in text]
        assert instead == ["[提醒] 3 条报警无人确认：一级 3；最早的已 5 分钟 （代 duty）"]
        one.says.clear()
        before = len(one.texts())
        one.room.run(5 * MINUTE)
        assert [text.split("；")[0] for text in one.texts()[before:]] == ["[提醒] 3 条报警无人确认：一级 3"]


def test_what_waits_says_who_has_acknowledged_it_and_what_is_over_is_not_told(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        over, stands, auto = alarm("mh-1", 2), alarm("mh-2", 2), alarm("mh-3", 2)
        one.room.tell(over, stands, auto)
        one.room.work()
        for seen in (over, stands):
            seen.acknowledged, seen.acked_by = True, "李四"
            one.room.tell(seen, kind="acknowledged", user="李四")
        over.active = auto.active = False
        one.room.tell(over, auto, kind="returned")
        one.room.run(40_000)
        (told,) = one.bodies()
        assert "mh-1" not in told
        assert "mh-2 井盖 10:25:02 李四 已确认" in told
        assert "mh-3 井盖 10:25:02 已恢复，未确认" in told
        assert "内处理" not in told
        assert one.room.states("mh-1") == [("told", "cancelled")]


def test_many_of_the_same_say_until_when_to_respond(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h", duty={"language": "en"}) as one:
        one.room.tell(
            *[alarm(f"w-{n}", 2, name=f"w-{n}", text=Text(f"w-{n}：低", f"w-{n}: bat high 20")) for n in "12"]
        )
        one.room.run(40_000)
        (told,) = one.bodies()
        assert "］ bat high 20 ×2: w-1, w-2 10:25:02 respond within 2 h" in told


def test_an_alarm_that_chatters_is_counted_and_takes_no_token_of_others(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        for count in range(1, 9):
            one.room.tell(alarm("mh-1", 1, count=count))
            one.room.run(1_000)
        assert len(one.texts()) == 1
        one.room.run(60_000)
        assert ["第 8 次" in text for text in one.texts()] == [False, True]
        one.room.tell(alarm("mh-1", 1, count=1))  # somebody has acknowledged it meanwhile
        one.room.run(1_000)
        assert len(one.texts()) == 3


def test_what_becomes_more_urgent_is_told_at_once(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY], nag="24 h") as one:
        one.room.tell(alarm("mh-1", 2, count=1))
        one.room.run(35_000)
        one.room.tell(alarm("mh-1", 2, count=2))
        one.room.run(5_000)
        assert len(one.texts()) == 1
        one.room.tell(alarm("mh-1", 1, count=3))
        one.room.run(2_000)
        assert one.texts()[1].startswith("[一级]")
        one.room.run(120_000)
        assert len(one.texts()) == 2
