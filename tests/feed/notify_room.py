# ruff: noqa: ANN401 - whatever JSON and settings hold
"""Receivers of notifications as real servers on sockets, and a notifier whose clock the test turns."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from feed.console_settings import EIGHT_HOURS
from feed.notify.decide import About
from feed.notify.notifier import Clocks, Notifier
from feed.notify.records import Addressee, Message, Notice
from feed.notify.senders import plan_of
from feed.notify.settings import AnyChannel, NotifySettings
from rules.records import Alarm, Event, Outcome, Text
from store.book import Book

NOW_MS = 1_795_487_102_000  # 2026-11-24 10:25:02 in Shanghai
ZONE = ZoneInfo("Asia/Shanghai")
GATEWAY = "xz-gulou-01"
CHANNEL: TypeAdapter[AnyChannel] = TypeAdapter(AnyChannel)


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = 0.0

    @property
    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


@dataclass
class Answer:
    """What is answered. hang_s: after so long only; drip: byte by byte."""

    status: int = 200
    body: bytes = b'{"errcode":0,"errmsg":"ok"}'
    headers: dict[str, str] = field(default_factory=dict)
    hang_s: float = 0.0
    cut: bool = False


class Receiver:
    """A real HTTP server that keeps what it is sent. answer: given a request."""

    def __init__(self, answer: Callable[[Got], Answer] = lambda _: Answer()) -> None:
        self.got: list[Got] = []
        self.answer = answer
        self.clock: Callable[[], float] = time.monotonic
        room = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                got = Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body, room.clock())
                room.got.append(got)
                said = room.answer(got)
                room.wait.wait(said.hang_s) if said.hang_s else None
                if said.cut:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(said.body)))
                self.end_headers()
                with suppress(OSError):  # who asked was killed
                    self.wfile.write(said.body)

            def log_message(self, *_: object) -> None:
                pass

        self.wait = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """End it."""
        self.wait.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def secret(folder: Path, name: str, text: str) -> dict[str, str]:
    """Write a secret; return how settings name it."""
    path = folder / name
    path.write_text(text + "\n", encoding="utf-8")
    return {"file": str(path)}


def channel(**keys: Any) -> AnyChannel:
    """Make the settings of a channel."""
    return CHANNEL.validate_python(keys)


def message(number: int = 1, **keys: Any) -> Message:
    """Make a message of so many notices."""
    notices = tuple(
        Notice(
            kind="alarm", text=Text("井盖倾斜 34°", "Cover tilted 34°"), priority=1, alarm=f"cover-tilted@mh-{n}",
            name=f"文化路{n}号", t_ms=NOW_MS,
        )
        for n in range(number)
    )  # fmt: skip
    whole: dict[str, Any] = {
        "id": "m-1", "gateway": GATEWAY, "language": "zh", "t_ms": NOW_MS, "title": "[一级] 井盖倾斜 34° 文化路0号",
        "lines": ("[一级] 井盖倾斜 34° 文化路0号", "处置：派员围护 *加急*"), "clock": "10:25:02", "notices": notices,
        "people": (Addressee(name="张三", mobile="13800138000", email="zhang@example.cn", feishu="ou_1"),),
    }  # fmt: skip
    return Message(**(whole | keys))


def alarm(name: str, priority: int = 1, /, **keys: Any) -> Alarm:
    """Make an alarm that has just rung."""
    whole: dict[str, Any] = {
        "id": f"cover-tilted@{name}", "rule": "cover-tilted", "subject": name, "device": name, "family": "manhole",
        "name": f"{name} 井盖", "site": "文化路", "priority": priority,
        "text": Text("井盖倾斜 34°", "Cover tilted 34°"),
        "occurrence": 7, "active": True, "acknowledged": False, "since_ms": NOW_MS, "respond_within_ms": 7_200_000,
    }  # fmt: skip
    return Alarm(**(whole | keys))


class Told:
    """A book, a notifier on it, and a clock that the test turns."""

    def __init__(self, folder: Path, settings: dict[str, Any], **abouts: About) -> None:
        self.folder, self.now_ms, self.steady_ms, self.boot = folder, NOW_MS, 1_000_000, "boot-1"
        folder.mkdir(exist_ok=True)
        self.book = Book(folder / "book.sqlite")
        self.settings = NotifySettings.model_validate(settings)
        self.abouts: dict[str, About] = abouts
        self.reports: list[tuple[str, str, dict[str, Any]]] = []
        self._sequence = 0
        self.notifier = self.open()

    def open(self) -> Notifier:
        """Make the notifier, as a start does."""
        plan = plan_of(self.settings, ZONE, EIGHT_HOURS)
        clocks = Clocks(lambda: self.now_ms, lambda: self.steady_ms, lambda: self.boot)
        self.notifier = Notifier(plan, GATEWAY, self.folder, clocks, self._describe, self._report)
        if self.notifier.box.fact("daily") is None:
            self.notifier.box.keep({"daily": self.now_ms})  # no daily message unless a test asks for it
        self.notifier.start()
        return self.notifier

    def _describe(self, alarms: Any) -> dict[str, About]:
        return {one.id: self.abouts.get(one.subject, About(action=Text("派员围护", "Fence it off"))) for one in alarms}

    def _report(self, subject: str, kind: str, data: dict[str, Any]) -> None:
        self.reports.append((subject, kind, data))

    def tell(self, *alarms: Alarm, kind: str = "raised", user: str = "") -> None:
        """Have events told, at this moment."""
        self._sequence += 1
        events = [
            Event(
                sequence=self._sequence, at_ms=self.now_ms, t_ms=self.now_ms, kind=kind, cause="", alarm=one, user=user
            )
            for one in alarms
        ]
        self.book.tell(Outcome(first=self._sequence, last=self._sequence, events=events))

    def pass_ms(self, ms: int) -> None:
        """Let time go by."""
        self.now_ms += ms
        self.steady_ms += ms

    def work(self) -> None:
        """Do all that there is to do now, and wait for what is under way."""
        while self.notifier.turn() == 0.0 or self.notifier.arrive():
            pass

    def run(self, ms: int, step_ms: int = 1000) -> None:
        """Let time go by in steps, and do what there is to do."""
        for _ in range(ms // step_ms):
            self.work()
            self.pass_ms(step_ms)
        self.work()

    def states(self, name: str) -> list[tuple[str, str]]:
        """Read the receipts of an alarm: what, status."""
        return [(one.what, one.status) for one in self.notifier.box.receipts(f"cover-tilted@{name}")]

    def close(self) -> None:
        """Let the files go."""
        self.notifier.box.close()
        self.notifier.follower.close()
        self.book.close()


@contextmanager
def told(folder: Path, settings: dict[str, Any]) -> Iterator[Told]:
    """Have a notifier for a test."""
    room = Told(folder, settings)
    try:
        yield room
    finally:
        room.close()


class Street:
    """A notifier with two groups and a webhook, and what they were sent. `says`: what a channel answers."""

    def __init__(self, room: Told, server: Receiver) -> None:
        self.room, self.server = room, server
        self.says: dict[str, Answer] = {}

    def texts(self, channel: str = "duty") -> list[str]:
        """First lines of what arrived."""
        return [one.splitlines()[0] for one in self.bodies(channel)]

    def bodies(self, channel: str = "duty") -> list[str]:
        """Texts of what arrived."""
        found = []
        for got in self.server.got:
            if got.path.startswith(f"/{channel}"):
                body = got.json
                part = body.get("text") or body.get("markdown") or body["data"]
                found.append(str(part.get("content") or part.get("text")))
        return found

    def answer(self, got: Got) -> Answer:
        """Answer as is said, else well."""
        return self.says.get(got.path.split("/")[1].split("?")[0], Answer())


@contextmanager
def street(folder: Path, routes: list[dict[str, Any]], **more: Any) -> Iterator[Street]:
    """Have the street: groups duty (DingTalk) and boss (WeCom), and a webhook, with what is set differently."""
    key = secret(folder, "s", "x")
    with Receiver() as server:
        channels = [
            {"name": "duty", "kind": "dingtalk", "url": f"{server.url}/duty", "token": key, "secret": key},
            {"name": "boss", "kind": "wecom", "url": f"{server.url}/boss", "key": key, "people": ["王局"]},
            {"name": "hook", "kind": "webhook", "url": f"{server.url}/hook", "secret": key},
        ]  # fmt: skip
        for one in channels:
            one.update(more.pop(str(one["name"]), {}))
        people = [{"name": "张三", "mobile": "13800138000"}, {"name": "王局", "mobile": "13900139000"}]
        settings = {"console": "https://gw:8443", "people": people, "channels": channels, "routes": routes, **more}
        with told(folder / "state", settings) as room:
            made = Street(room, server)
            server.answer = made.answer
            yield made
