"""A control room for tests: a real book, hub and server; alarms by the real alarm life; told when a test says so."""

# ruff: noqa: ANN401 - JSON is of any type

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from msgspec import Raw, structs

from devices.registry import Registry
from feed.behind import Behind, InboxPage, InForce, Listens, Refiled, Reloaded
from feed.console_settings import ConsoleSettings
from feed.desk import system_ms
from feed.follow import Follower
from feed.frames import FramesPage
from feed.http.server import FeedServer
from feed.hub import Hub
from feed.past import NoPast, ReadsPast
from feed.settings import HttpSettings
from feed.vitals import Vitals
from rules import answering
from rules.alarms import Moment
from rules.fold import Fold
from rules.memory import Memory
from rules.records import Alarm, Answer, Command, Event, Outcome, Text
from rules.ruleset import RuleSet
from store.book import Book
from store.ledger import Kept, ledger_picture

DEADLINE_S = 20.0
GATEWAY = "xz-gulou-01"
NOW_MS = 1_795_507_200_000  # 2026-11-24T08:00:00Z


def eventually(holds: Callable[[], object], what: str = "it") -> None:
    """Wait until something holds, and fail when it does not come true."""
    until = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until, f"{what} did not come true within {DEADLINE_S} s"
        time.sleep(0.01)


def tilted(device: str = "mh-0114", **other: Any) -> Alarm:
    """Make an alarm of a cover that is tilted."""
    given: dict[str, Any] = {
        "id": f"cover-tilted@{device}/tilt_deg",
        "rule": "cover-tilted",
        "subject": device,
        "device": device,
        "family": "manhole",
        "name": f"文化路 {device} 井盖",
        "priority": 1,
        "quantity": "tilt_deg",
        "unit": "°",
        "limit": 15.0,
        "value": 34.2,
        "text": Text("井盖倾斜 34°", "Cover tilted 34°"),
        "active": True,
        "acknowledged": False,
        "since_ms": NOW_MS,
    }
    return Alarm(**(given | other))


class Room:
    """Book, hub and server; `tell` stands where the pipeline would, on whatever thread calls it."""

    def __init__(
        self,
        state: Path,
        *,
        console: ConsoleSettings | None = None,
        past: ReadsPast | None = None,
        door: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.state = state
        self.console, self.past = console or ConsoleSettings(), past or NoPast()
        self.settings = HttpSettings(**({"listen": "127.0.0.1:0", "console": door} | settings))
        self.vitals = Vitals(idle_s=0.1, reconciled=True)
        self.reloaded = Reloaded(accepted=True, hash="3f9c", problems=[])
        self.fold = Fold(lambda _: (Registry(gateway=GATEWAY, time_zone="UTC"), RuleSet()))
        self.alarms = self.fold.memory.world.judging.alarms
        self.now_ms = system_ms
        self.views: list[Follower] = []  # what reads the book beside the hub
        self.listen: Listens = lambda device, _: (
            FramesPage(device=device, quantities=[], judged=False, frames=[], position=0) if device == "mh-1" else None
        )
        self.silent = False  # the pipeline takes commands and answers none
        self._answers: dict[str, Answer] = {}
        self._turn = threading.Lock()
        self._sequence = 100
        self.book = Book(state / "book.sqlite")
        self._open()

    def civil_ms(self) -> int:
        """Return the time that the gateway believes in; a test may put another clock there."""
        return self.now_ms()

    def _open(self) -> None:
        self.hub = Hub(self.state / "book.sqlite", GATEWAY)
        self.server = FeedServer(
            self.settings,
            self.state,
            self.hub,
            Behind(
                submit=self.submit,
                ask=self.ask,
                reload=lambda: self.reloaded,
                undo=lambda: None,
                in_force=lambda: InForce(
                    gateway=GATEWAY, hash="3f9c", before=None, differs=False, settings=Raw(b"{}"), content=b""
                ),
                vitals=lambda: self.vitals,
                ledger=lambda **_: ledger_picture(Memory(), Kept(), None, {}),
                inbox=lambda **_: InboxPage(gateway=GATEWAY, addresses=0, refused=0, strangers=[], next=None),
                register=lambda: Refiled(frames={}, reread={}),
                redecode=lambda device, since_ms: (
                    Refiled(frames={device: since_ms}, reread={}) if device == "mh-1" else None
                ),
                frames=self.listen,
                past=self.past,
                console=self.console,
                time_zone="Asia/Shanghai",
                civil_ms=self.civil_ms,
            ),
        )

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop(5)
        assert not self.server.running
        self.book.close()

    def restart(self) -> None:
        """Stop the server and start another on the same port and the same book."""
        self.settings = HttpSettings(listen=f"127.0.0.1:{self.server.port}")
        self.server.stop(5)
        self._open()
        self.server.start()

    # ------------------------------------------------------------------------------------------- as the pipeline

    def tell(self, *alarms: Alarm, kind: str = "raised") -> None:
        """Tell one event for each of these alarms, in one group."""
        with self._turn:
            for alarm in alarms:
                self._sequence += 1
                if kind == "raised" and not alarm.occurrence:
                    alarm.occurrence = self._sequence
                self.alarms.by_id[alarm.id] = alarm
                self.alarms.tell(kind, alarm, self._moment())
            self._hand_on()

    def many(self, count: int, *, groups_of: int = 1) -> None:
        """Tell so many events of ten covers that come and go."""
        for start in range(0, count, groups_of):
            self.tell(*[
                tilted(f"mh-{n % 10:04}", active=n // 10 % 2 == 0, value=float(n))
                for n in range(start, min(start + groups_of, count))
            ])  # fmt: skip

    def submit(self, command: Command) -> Future[Answer]:
        """Carry out a command as the fold does: the same id gets the same answer."""
        future: Future[Answer] = Future()
        with self._turn:
            if self.silent:
                return future
            self._sequence += 1
            if command.kind in ("permit", "commission"):
                command.at_ms = self.fold.memory.log_ms
                future.set_result(self.fold.take(self._sequence, [command]).answers[command.id])
                return future
            repeat = command.id in self._answers
            if not repeat:
                self._answers[command.id] = answering.answer(self.alarms, command, self._moment())
                self._answers[command.id].asked = command.content
            answer = self._answers[command.id]
            if answer.asked != command.content:
                answer = Answer(status=422, detail="another command had this id: nothing was done")
            elif repeat:
                answer = structs.replace(answer, repeat=True)
            self._hand_on(lambda: future.set_result(answer))
        return future

    def ask(self, question: Callable[[Fold], Any]) -> Future[Any]:
        """Put a question to the fold."""
        future: Future[Any] = Future()
        try:
            future.set_result(question(self.fold))
        except Exception as error:  # noqa: BLE001 - as the pipeline does
            future.set_exception(error)
        return future

    def _moment(self) -> Moment:
        return Moment(self._sequence, NOW_MS, NOW_MS + self._sequence, "reading")

    def _hand_on(self, acknowledge: Callable[[], None] = lambda: None) -> None:
        events, self.alarms.events = self.alarms.events, []
        outcome = Outcome(first=self._sequence, last=self._sequence, events=events)
        told: list[Event] = self.book.tell(outcome)
        acknowledge()
        self.hub.take(told, outcome)
        for view in self.views:
            view.take(told, outcome)

    # ------------------------------------------------------------------------------------------- as a client

    def get(self, path: str, headers: dict[str, str] | None = None) -> "Reply":
        """Ask over TCP."""
        return self.ask_http("GET", path, headers=headers)

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> "Reply":
        """Send JSON over TCP."""
        return self.ask_http(
            "POST", path, json.dumps(body).encode(), {"content-type": "application/json"} | (headers or {})
        )

    def ask_http(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        unix: bool = False,
    ) -> "Reply":
        """Send one request, over TCP or the Unix socket."""
        connection = self._connection(unix=unix)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def _connection(self, *, unix: bool) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=DEADLINE_S)
        if unix:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(DEADLINE_S)
            connection.sock.connect(str(self.server.socket_path))
        return connection

    def command(self, alarm: str, kind: str = "ack", **body: Any) -> "Reply":
        """Acknowledge or reset over TCP."""
        whole = {"user": "张三", "occurrence": 0, "command_id": "c-1"} | body
        return self.post(f"/api/v1/alarms/{alarm}/{kind}", whole)

    def alarm_ids(self) -> list[str]:
        """List the alarms that the API shows."""
        return [alarm["id"] for alarm in self.get("/api/v1/alarms").json["alarms"]]


@dataclass
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """Read the word of a problem; anything else is a defect of the API."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = self.json
        assert problem["status"] == self.status
        assert problem["detail"] == problem["text"]["en"]
        assert problem["text"]["zh"]
        return str(problem["type"].removeprefix("urn:cityward:problem:"))


@dataclass
class Sse:
    """A reader of the stream, as browsers read it: what has no empty line after it was never received.

    position  what it would send as Last-Event-ID
    """

    port: int
    position: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)

    def read(self, enough: Callable[[], bool], *, most_bytes: int | None = None, after: str = "") -> int:
        """Read until it is enough, or so many bytes came, or the other side ends; return the status."""
        until = time.monotonic() + DEADLINE_S
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as wire:
            resume = f"Last-Event-ID: {self.position}\r\n" if self.position else ""
            request = f"GET /api/v1/events/stream{after} HTTP/1.0\r\nHost: localhost\r\n{resume}\r\n"
            wire.sendall(request.encode())
            stream = wire.makefile("rb")
            status = int(stream.readline().split()[1])
            while stream.readline().strip():
                pass
            if status == 200:
                for block in _blocks(stream, most_bytes):
                    self._dispatch(block)
                    if enough():
                        break
                    assert time.monotonic() < until, "the stream did not bring what was waited for"
            return status

    def _dispatch(self, block: dict[str, str]) -> None:
        self.position = block.get("id", self.position)
        if block.get("event") == "alarm":
            self.events.append(json.loads(block["data"]))
        elif block.get("event") == "heartbeat":
            self.heartbeats.append(json.loads(block["data"]))

    @property
    def numbers(self) -> list[int]:
        """Numbers of the events, as they came."""
        return [event["number"] for event in self.events]


def _blocks(stream: Any, most_bytes: int | None) -> Iterator[dict[str, str]]:
    left = most_bytes if most_bytes is not None else 1 << 60
    block: dict[str, str] = {}
    while left > 0:
        line: bytes = stream.readline(min(left, 1 << 20))
        left -= len(line)
        if not line.endswith(b"\n"):
            return
        if line == b"\n":
            yield block
            block = {}
        else:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            block[name] = value
