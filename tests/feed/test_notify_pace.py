"""Proof 5: no channel's budget is ever exceeded, priority 1 goes first, and nothing that was due is left out."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.notify import pace, words
from feed.notify.pace import free_at, pick, reserved
from feed.notify.records import Notice, Row
from feed.notify.settings import NotifySettings
from rules.records import Text
from tests.feed.notify_room import GATEWAY, NOW_MS, ZONE, Answer, Got, Receiver, Told, alarm, secret, told

STYLE = words.Style(GATEWAY, ZONE, "https://gateway.example:8443")


def most_in(times: list[float], span: float) -> int:
    """Count the most that lie in any span."""
    return max((sum(1 for other in times if at <= other < at + span) for at in times), default=0)


@given(st.lists(st.tuples(st.integers(0, 9_000), st.booleans(), st.integers(0, 14_000)), max_size=120))
@settings(deadline=None, max_examples=150)
def test_no_window_holds_more_than_the_receiver_takes(wishes: list[tuple[int, bool, int]]) -> None:
    """Whenever somebody wants to send, and however long a request is under way before it arrives."""
    windows = ((60_000, 20), (1_000, 3))
    now, sends, arrived, plain = 0, list[int](), list[float](), list[float]()
    for pause, urgent, way in wishes:
        now = free_at(windows, sends, now + pause, urgent=urgent)
        arrived.append(now + way)
        if not urgent:
            plain.append(now + way)
        now += way
        sends.append(now)  # the last moment at which it may have arrived
    assert most_in(arrived, 60_000) <= 20
    assert most_in(arrived, 1_000) <= 3
    assert most_in(plain, 60_000) <= 20 - reserved(20)


def a_row(number: int, priority: int, due_ms: int, name: str = "") -> Row:
    notice = Notice(
        kind="alarm", text=Text(f"报警 {number % 7}", "Alarm"), priority=priority, alarm=f"r@d{number}", t_ms=due_ms,
        name=name or f"设备{number}", site=f"工地{number % 3}",
    )  # fmt: skip
    wait_ms = 0 if priority == 1 else 30_000
    return Row(id=number, key=str(number), channel="c", language="zh", due_ms=due_ms, wait_ms=wait_ms, notice=notice)


rows_of = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 200_000)), min_size=1, max_size=80)


@given(rows_of, st.integers(300, 4_000))
@settings(deadline=None, max_examples=120)
def test_everything_that_is_due_is_told_once_and_priority_1_first(rows: list[tuple[int, int]], most: int) -> None:
    waiting = [a_row(number, priority, due) for number, (priority, due) in enumerate(rows, 1)]
    gone: list[Row] = []
    now, urgent_before = 0, list[int]()
    for _ in range(2_000):
        picked = pick(waiting, urgent_before, now, now)
        if picked is None:
            break
        if not picked.rows or picked.at_ms > now:
            assert picked.at_ms > now
            now = picked.at_ms
            continue
        title, lines, taken = words.compose(picked.rows, "zh", now, STYLE, most)
        assert taken
        assert len(taken) == 1 or sum(len(line.encode()) for line in lines) <= most
        text = "\n".join(lines)
        assert len(taken) == 1 or all(row.notice.name in text for row in taken)
        due_1 = [row for row in waiting if row.urgent and row.due_ms <= now]
        assert not due_1 or taken[0].urgent, "something went before an alarm of priority 1"
        assert all(row.due_ms <= now for row in taken)
        if any(row.urgent for row in taken):
            urgent_before.append(now)
        ids = {row.id for row in taken}
        waiting = [row for row in waiting if row.id not in ids]
        gone += taken
        assert title
    assert Counter(row.id for row in gone) == Counter(range(1, len(rows) + 1))


def test_less_urgent_ones_wait_for_each_other_but_not_longer() -> None:
    first, second = a_row(1, 2, 0), a_row(2, 3, 29_000)
    assert pick([first], [], 1_000, 1_000) == pace.Pick(30_000, [first])
    picked = pick([first, second], [], 30_000, 30_000)
    assert picked is not None
    assert picked.at_ms <= 30_000
    assert [row.id for row in picked.rows] == [1, 2]


def channels(folder: Path, url: str) -> list[dict[str, Any]]:
    one = secret(folder, "s", "x")
    return [
        {"name": "ding", "kind": "dingtalk", "url": f"{url}/ding", "token": one, "secret": one},
        {"name": "wecom", "kind": "wecom", "url": f"{url}/wecom", "key": one},
        {"name": "feishu", "kind": "feishu", "url": f"{url}/feishu", "hook": one, "secret": one},
        {"name": "hook", "kind": "webhook", "url": f"{url}/hook", "secret": one, "per_minute": 10},
    ]


BUDGETS = {"ding": 20, "wecom": 20, "feishu": 100, "hook": 10}


def everything(folder: Path, url: str) -> dict[str, Any]:
    routes = [{"name": f"r-{one['name']}", "channel": one["name"]} for one in channels(folder, url)]
    return {"channels": channels(folder, url), "routes": routes}


def answer(got: Got) -> Answer:
    return Answer(body=b'{"code":0}') if got.path.startswith("/feishu") else Answer()


def text_of(got: Got) -> str:
    body = got.json
    found = body.get("text") or body.get("markdown") or body.get("content") or body["data"]
    return str(found.get("content") or found.get("text"))


@pytest.mark.parametrize("restarts", [False, True])
def test_500_alarms_in_a_minute(restarts: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    """Proof 5, over real connections; also when the process is killed and started again all the while."""
    with Receiver(answer) as server, told(tmp_path / "state", everything(tmp_path, server.url)) as room:
        server.clock = lambda: room.now_ms
        names = {n: f"mh-{n:03}" for n in range(500)}
        for second in range(60):
            for n in range(second * 500 // 60, (second + 1) * 500 // 60):
                room.tell(alarm(names[n], 1 if n % 50 == 49 else 2 + n % 3, text=Text(f"井盖倾斜 {n}°", f"tilted {n}")))
            room.work()
            if restarts and second % 5 == 4:
                room.notifier.box.close()
                room.notifier.follower.close()
                room.open()
            room.pass_ms(1000)
        room.run(40 * 60_000 if not restarts else 15 * 60_000, 1000)
        for name, budget in BUDGETS.items():
            mine = [got for got in server.got if got.path.startswith(f"/{name}")]
            assert most_in([got.at for got in mine], 60_000) <= budget, name
            text = "\n".join(text_of(got) for got in mine)
            missing = [one for one in names.values() if one not in text]
            assert missing == [], (name, len(missing))
            for n in range(49, 500, 50):  # within seconds of its own, long before what came before it
                at = NOW_MS + n * 60_000 // 500
                first = next(got for got in mine if names[n] in text_of(got))
                assert first.at - at < (8_000 if name != "hook" else 15_000), (name, n, first.at - at)
        assert most_in([got.at for got in server.got if got.path.startswith("/feishu")], 1000) <= 5


def test_a_flood_of_priority_1_is_merged(tmp_path: Path) -> None:
    with Receiver(answer) as server, told(tmp_path / "state", everything(tmp_path, server.url)) as room:
        server.clock = lambda: room.now_ms
        for second in range(60):
            room.tell(*[alarm(f"mh-{second:02}-{n}", 1) for n in range(3)])
            room.work()
            room.pass_ms(1000)
        room.run(60_000)
        mine = [got for got in server.got if got.path.startswith("/ding")]
        assert most_in([got.at for got in mine], 60_000) <= 20
        merged = [got for got in mine if got.json["msgtype"] == "markdown"]
        assert merged
        assert len(mine) - len(merged) >= 10  # the first ones went one by one
        text = "\n".join(text_of(got) for got in mine)
        assert all(f"mh-{second:02}-{n}" in text for second in range(60) for n in range(3))
        assert mine[-1].at - NOW_MS <= 60_000 + 25_000


def test_another_boot_waits_rather_than_guesses(tmp_path: Path) -> None:
    """Steady time begins anew with a boot: then nobody knows how long ago the last sends were."""
    with Receiver(answer) as server, told(tmp_path / "state", everything(tmp_path, server.url)) as room:
        server.clock = lambda: room.now_ms
        for n in range(14):
            room.tell(alarm(f"a-{n}", 1))
            room.work()
        room.notifier.box.close()
        room.steady_ms, room.boot = 5_000, "boot-2"
        room.pass_ms(5_000)
        room.open()
        for n in range(14):
            room.tell(alarm(f"b-{n}", 1))
            room.run(1_000)
        room.run(120_000)
        mine = [got for got in server.got if got.path.startswith("/ding")]
        assert most_in([got.at for got in mine], 60_000) <= 20
        assert all(f"b-{n}" in "".join(text_of(got) for got in mine) for n in range(14))


def test_a_clock_that_is_set_breaks_no_budget(tmp_path: Path) -> None:
    with Receiver(answer) as server, told(tmp_path / "state", everything(tmp_path, server.url)) as room:
        server.clock = lambda: room.steady_ms
        for n in range(40):
            room.tell(alarm(f"a-{n}", 1))
            room.now_ms += 3_600_000 if n == 20 else 0
            room.run(500, 500)
        room.run(90_000)
        mine = [got.at for got in server.got if got.path.startswith("/ding")]
        assert most_in(mine, 60_000) <= 20


def test_the_body_is_json(tmp_path: Path) -> None:
    with Receiver(answer) as server, told(tmp_path / "state", everything(tmp_path, server.url)) as room:
        room.tell(alarm("mh-1"))
        room.work()
        assert len(server.got) == 4
        assert all(json.loads(got.body) for got in server.got)
        assert isinstance(room, Told)


@pytest.mark.parametrize("other", ["k", "another-file", "renamed"])
def test_two_channels_of_one_robot_share_its_budget(other: str, tmp_path: Path) -> None:
    """One group, two channels: the one mentions the shift, the other falls back elsewhere.

    Its key may stand in two files, and a channel may get another name: the robot counts all of them.
    """
    keys = [secret(tmp_path, "k", "x"), secret(tmp_path, other, "x")]
    with Receiver() as server:
        robot = {"kind": "wecom", "url": server.url}
        whole = {
            "channels": [
                {"name": name, **robot, "key": key} for name, key in zip(("shift", "boss"), keys, strict=True)
            ],
            "routes": [{"name": name, "channel": name} for name in ("shift", "boss")],
            "nag": "24 h",
        }
        with told(tmp_path / "state", whole) as room:
            server.clock = lambda: room.now_ms
            for n in range(14):
                room.tell(alarm(f"w-{n:02}", 1))
                room.run(500, 500)
                if other == "renamed" and n % 5 == 4:
                    room.notifier.box.close()
                    room.notifier.follower.close()
                    room.settings = renamed(room.settings, f"shift-{n}")
                    room.open()
            room.run(120_000)
            assert most_in([got.at for got in server.got], 60_000) <= 20
            text = "".join(text_of(got) for got in server.got)
            assert all(text.count(f"w-{n:02} ") >= (2 if other != "renamed" else 1) for n in range(14))


def renamed(settings: NotifySettings, name: str) -> NotifySettings:
    """Give the first channel another name."""
    channel, *others = settings.channels
    route, *routes = settings.routes
    return settings.model_copy(
        update={
            "channels": (channel.model_copy(update={"name": name}), *others),
            "routes": (route.model_copy(update={"channel": name}), *routes),
        }
    )
