"""For tests of feeds: somebody who listens at a broker, a gateway's book to tell from, a receiver of webhooks."""

import hashlib
import hmac
import json
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from feed.failing import Report
from feed.feeds_around import Around
from feed.feeds_settings import MqttFeedSettings
from tests.feed.room import GATEWAY, Room
from tests.servers import until

ROOT = f"cityward/{GATEWAY}/v1"
SECRET = "shared with the scada"


@dataclass
class Message:
    """One message as it came."""

    topic: str
    payload: bytes
    retain: bool

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.payload)


class Listener:
    """Another system at the broker: hears everything under a root, and may publish."""

    def __init__(self, port: int, filters: tuple[str, ...] = ("#",), *, user: tuple[str, str] | None = None) -> None:
        self.messages: list[Message] = []
        self._subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=f"listener-{uuid.uuid4().hex[:8]}")
        self.client.on_message = self._hear
        self.client.on_connect = lambda client, *_: client.subscribe([(one, 1) for one in filters])
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.reconnect_delay_set(1, 1)
        if user is not None:
            self.client.username_pw_set(*user)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(10)

    def _hear(self, _: Client, __: object, message: MQTTMessage) -> None:
        self.messages.append(Message(message.topic, bytes(message.payload), message.retain))

    def on(self, topic: str) -> list[Message]:
        return [message for message in list(self.messages) if message.topic == topic]

    def states(self) -> dict[str, Message]:
        """Give the newest message of each topic of a state."""
        return {message.topic: message for message in list(self.messages) if message.topic.endswith("/state")}

    def standing(self) -> dict[str, Any]:
        """Give the states that stand there: topic -> the alarm."""
        return {topic: message.json["data"] for topic, message in self.states().items() if message.payload}

    def ids(self, topic: str) -> list[str]:
        return [message.json["id"] for message in self.on(topic)]

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def listener(port: int, *filters: str) -> Iterator[Listener]:
    heard = Listener(port, filters or ("#",))
    try:
        yield heard
    finally:
        heard.close()


def order(**other: object) -> dict[str, Any]:
    """Write a command as another system would."""
    given: dict[str, Any] = {
        "gateway": GATEWAY,
        "command_id": uuid.uuid4().hex,
        "kind": "ack",
        "alarm": "cover-tilted@mh-0114/tilt_deg",
        "occurrence": 101,
        "user": "张三",
        "time": datetime.now(UTC).isoformat(),
    }
    return given | other


def signed(given: dict[str, Any], secret: str = SECRET, key: str = "scada") -> bytes:
    text = json.dumps(given, ensure_ascii=False, indent=1)
    made = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return json.dumps({"key": key, "signed": text, "signature": made}).encode()


@dataclass
class Around_:  # noqa: N801 - what stands around, and what was reported
    """A room as a feed sees it."""

    room: Room
    reported: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    alive: bool = True

    @property
    def around(self) -> Around:
        def report(subject: str) -> Report:
            return lambda _, data: self.reported.append((subject, data))

        return Around(
            gateway=GATEWAY,
            state=self.room.state,
            report=report,
            submit=self.room.submit,
            civil_ms=self.room.civil_ms,
            alive=lambda: self.alive,
        )


def mqtt_settings(folder: Path, port: int, **other: object) -> MqttFeedSettings:
    secret = folder / "scada-key"
    secret.write_text(SECRET + "\n")
    given: dict[str, Any] = {
        "name": "city",
        "url": f"mqtt://127.0.0.1:{port}",
        "commands": [{"key": "scada", "secret": {"file": secret}}],
    }
    return MqttFeedSettings.model_validate(given | other)


@contextmanager
def running(work: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """Run a feed for the length of a `with`; what it raises fails the test."""
    stop = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work(stop)
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        if raised:
            raise raised[0]


@dataclass
class Post:
    """What a receiver got."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


class Receiver:
    """A receiver of webhooks: answers what `answer` says, and keeps every post."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.taken: list[Post] = []
        self.answer: Callable[[Post], tuple[int, dict[str, str], bytes]] = lambda _: (204, {}, b"")
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(ConnectionError):  # who posted was killed
                    super().handle()

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # who posted was killed
                    return
                post = Post({name.lower(): value for name, value in self.headers.items()}, body)
                receiver.posts.append(post)
                status, headers, said = receiver.answer(post)
                if status == 0:  # takes it, and breaks
                    self.close_connection = True
                    receiver.taken.append(post)
                    return
                if status < 300:
                    receiver.taken.append(post)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/hook?city=xz"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def numbers(self) -> list[int]:
        return [post.json["data"]["number"] for post in list(self.taken)]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    try:
        yield made
    finally:
        made.close()


def wait_for(condition: Callable[[], object], what: str = "") -> None:
    until(condition, within_s=20, what=what)


def desk(room: Room, query: str, file: str = "desk.sqlite") -> list[tuple[Any, ...]]:
    """Look into a file of the room, or change it, as another process would."""
    with closing(sqlite3.connect(room.state / file, timeout=10)) as db, db:
        return db.execute(query).fetchall()
