"""What waits keeps nobody else waiting, and nobody waits for ever."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from feed.desk import read_desk
from tests.feed.console import PASSWORD, Browser, ConsoleRoom
from tests.feed.room import Reply, Room, eventually, tilted

SLOW = {
    "ledger": ("GET", "/api/v1/ledger"),
    "verify": ("GET", "/api/v1/ledger?verify=true"),
    "inbox": ("GET", "/api/v1/inbox"),
    "kpi": ("GET", "/api/v1/kpi"),
    "register": ("POST", "/api/v1/inbox/register"),
    "redecode": ("POST", "/api/v1/devices/mh-1/redecode"),
    "reload": ("POST", "/api/v1/reload"),
}
EACH = 6


def behind(room: Room, **other: Callable[..., Any]) -> None:
    """Put something else behind the endpoints; before the server starts."""
    gateway = room.server._gateway
    room.server._gateway = replace(gateway, behind=replace(gateway.behind, **other))


def ask(room: Room, method: str, path: str) -> Reply:
    body = b'{"since": "2026-11-24T00:00:00Z"}' if path.endswith("redecode") else b"{}"
    headers = {"content-type": "application/json"}
    return room.ask_http(method, path, body if method == "POST" else None, headers, unix=True)


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[tuple[ConsoleRoom, threading.Event, set[str]]]:
    """Make a gateway of which nothing that may take long comes to its end, until it is told to; what has begun."""
    room = ConsoleRoom(tmp_path)
    go_on, begun = threading.Event(), set[str]()
    kept = room.server._gateway.behind

    def slow(name: str, then: Callable[..., Any]) -> Callable[..., Any]:
        def work(*args: Any, **given: Any) -> Any:  # noqa: ANN401 - whatever it is
            begun.add("verify" if given.get("verify") else name)
            go_on.wait(30)
            return then(*args, **given)

        return work

    behind(
        room, ledger=slow("ledger", kept.ledger), inbox=slow("inbox", kept.inbox), kpi=slow("kpi", lambda _: b"{}"),
        register=slow("register", kept.register), redecode=slow("redecode", kept.redecode),
        reload=slow("reload", kept.reload),
    )  # fmt: skip
    with room:
        yield room, go_on, begun
        go_on.set()


def test_who_acknowledges_or_logs_in_waits_for_no_slow_question(
    stuck: tuple[ConsoleRoom, threading.Event, set[str]],
) -> None:
    room, go_on, begun = stuck
    cover = tilted()
    room.tell(cover)
    answers: list[int] = []

    def answered(method: str, path: str) -> None:
        answers.append(ask(room, method, path).status)

    asking = [threading.Thread(target=answered, args=asked) for asked in SLOW.values() for _ in range(EACH)]
    for one in asking:
        one.start()
    eventually(lambda: len(begun) == len(SLOW) - 1, "that each kind is at work (register and redecode are one)")
    operator = Browser(room).as_role("operator")
    body = {"occurrence": cover.occurrence, "command_id": "c-1"}
    assert operator.post(f"/api/v1/alarms/{cover.id}/ack", body).status == 200
    assert operator.get(f"/api/v1/alarms/{cover.id}/explain").status in {200, 404}
    assert operator.post("/api/v1/me/unlock", {"password": PASSWORD}).status == 200
    assert not answers, "and all that time nothing of it had come to its end"
    go_on.set()
    for one in asking:
        one.join(30)
    assert answers == [200] * len(asking)


def test_reloads_come_one_after_the_other(tmp_path: Path) -> None:
    room = Room(tmp_path)
    at_work, most = threading.Semaphore(1), []

    def reload() -> Any:  # noqa: ANN401 - as the room has it
        most.append(at_work.acquire(blocking=False))
        threading.Event().wait(0.02)
        at_work.release()
        return room.reloaded

    behind(room, reload=reload)
    with room:
        asking = [threading.Thread(target=ask, args=(room, *SLOW["reload"])) for _ in range(5)]
        for one in asking:
            one.start()
        for one in asking:
            one.join(20)
    assert most == [True] * 5


def rows(room: Room) -> list[tuple[str, str, int]]:
    with closing(read_desk(room.state / "desk.sqlite")) as db:
        return db.execute("SELECT what, target, status FROM audit ORDER BY number").fetchall()


@pytest.mark.parametrize(
    ("what", "body", "target"),
    [
        ("commission", {"for_s": 60}, "mh-1 for 60 s"),
        (
            "permit",
            {"who": "李四", "why": "清淤", "until": "2099-01-01T08:00:00+08:00"},
            "mh-1 for 李四 until 2099-01-01T00:00:00.000Z",
        ),
        ("permit", {"who": "李四", "why": "", "until": None}, "mh-1 for 李四 ended"),
    ],
)
def test_a_command_to_a_device_that_nobody_answers_is_audited_too(
    room: Room, monkeypatch: pytest.MonkeyPatch, what: str, body: dict[str, Any], target: str
) -> None:
    monkeypatch.setattr("feed.http.asking.ANSWER_S", 0.05)
    room.silent = True
    told = {"command_id": "c-1"} | body
    headers = {"content-type": "application/json"}
    late = room.ask_http("POST", f"/api/v1/devices/mh-1/{what}", json.dumps(told).encode(), headers, unix=True)
    assert (late.status, late.problem) == (504, "no-answer-yet")
    assert rows(room) == [(what, target, 504)]


def test_a_gateway_that_stops_says_so(tmp_path: Path) -> None:
    """The pipeline has ended before the feed: it cancels what it is asked then."""

    def over(*_: Any) -> Future[Any]:  # noqa: ANN401 - whatever is asked
        future: Future[Any] = Future()
        future.cancel()
        return future

    def waits(*_: Any, **__: Any) -> Any:  # noqa: ANN401 - the same
        return over().result()

    room = Room(tmp_path)
    behind(room, submit=over, ask=over, ledger=waits, register=waits, inbox=waits, frames=waits, reload=waits)
    with room:
        told = room.command("cover-tilted@mh-0114/tilt_deg")
        assert (told.status, told.problem) == (503, "stopping")
        assert rows(room) == [("ack", "cover-tilted@mh-0114/tilt_deg#0", 503)]
        for path in ("devices", "devices/mh-1", "ledger", "inbox", "devices/mh-1/frames"):
            asked = ask(room, "GET", f"/api/v1/{path}")
            assert (asked.status, asked.problem) == (503, "stopping"), path
            assert asked.headers["retry-after"]
        for path in ("inbox/register", "reload"):
            assert ask(room, "POST", f"/api/v1/{path}").problem == "stopping", path
