"""Proof 4 for notifications: whenever the daemon is killed, people are told, and what may come twice says so."""

import random
import re
import threading
import time
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path

import msgspec
import pytest

from commands.socket import ask
from rules.flood import annunciated
from rules.records import Event
from tests.drills.gateway import Gateway
from tests.drills.test_feeds_kill import DEVICES_YAML
from tests.drills.test_kill import RULES, SOURCES
from tests.feed.notify_room import Answer, Got, Receiver, secret
from tests.load import Publisher
from tests.servers import Mosquitto, mosquitto, until

WATCHED = ("/duty", "", "/hook", "", "/duty")
"""Where the message of each life arrives that is its last; "" = it ends anywhere.

14 messages of priority 1 a minute go one by one, repeats included; more of them would wait for company.
"""
URGENT = RULES.replace("priority: 2", "priority: 1")
NOTIFY = """notify:
  nag: 24 h
  people: [{{name: 张三, mobile: "13800138000"}}]
  channels:
    - {{name: hook, kind: webhook, url: "{url}/hook", secret: {{file: {key}}}, per_minute: 1000}}
    - {{name: duty, kind: dingtalk, url: "{url}/duty", token: {{file: {key}}}, secret: {{file: {key}}}, people: [张三]}}
  routes:
    - {{name: all, channel: hook}}
    - {{name: urgent, channel: duty, priorities: [1, 2, 3, 4]}}
"""


def gateway_that_tells(folder: Path, broker: Mosquitto, url: str) -> Gateway:
    key = secret(folder, "key", "k")["file"]
    gateway = Gateway(folder / "gateway", SOURCES.format(port=broker.port), DEVICES_YAML, URGENT)
    main = gateway.configuration / "cityward.yaml"
    main.write_text(main.read_text() + NOTIFY.format(url=url, key=key))
    return gateway


def rung(gateway: Gateway) -> dict[int, str]:
    """Events that people must have been told of: by number, of which device."""
    decoder = msgspec.json.Decoder(Event)
    with gateway.book() as book:
        events = [decoder.decode(body) for _, body in book.events(0, 1_000_000)]
    return {event.number: event.alarm.subject for event in events if annunciated(event)}


class Phones:
    """What people's phones and programs got, and the moment at which the next thing arrives there."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.watched = ""

    def watch(self, path: str) -> None:
        """Hold the answer to what arrives there next: its sender is killed before he has it."""
        self.arrived.clear()
        self.watched = path

    def answer(self, got: Got) -> Answer:
        """Answer at once, where nobody watches."""
        if not self.watched or not got.path.startswith(self.watched):
            return Answer()
        self.watched = ""
        self.arrived.set()
        return Answer(hang_s=5)


@pytest.mark.timeout(120)
def test_killed_between_event_and_notification(tmp_path: Path) -> None:
    """Each device rings once, and is told once, or with the mark, wherever the process was killed.

    Some lives end when a message has arrived and its sender does not know yet, others anywhere after the reading.
    """
    dice, phones, devices = random.Random(7), Phones(), count()
    with mosquitto(tmp_path) as broker, Receiver(phones.answer) as server:
        gateway = gateway_that_tells(tmp_path, broker, server.url)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            with Publisher(broker.port) as publisher:
                for watched in WATCHED:
                    now = [next(devices) for _ in range(2 if watched else 1)]
                    phones.watch(watched)
                    publisher.publish([(b"dust/%d" % device, b'{"n": 1, "pm10": 500.5}') for device in now])
                    if watched:
                        assert phones.arrived.wait(30), "nobody was told anything"
                    else:
                        time.sleep(dice.uniform(0.0, 0.1))
                    gateway.kill()
                    gateway.start()
                    publisher.publish([(b"dust/%d" % device, b'{"n": 2, "pm10": 40.5}') for device in now])
                    gateway.wait_ready()
            rang = next(devices)
            until(lambda: len(rung(gateway)) == rang, what="all have rung")
            wanted = rung(gateway)
            until(lambda: all(of(server, "/duty", device) for device in wanted.values()), within_s=40, what="all told")
            until(lambda: waiting(gateway) == 0, within_s=40, what="everything was sent")
            hook = [got for got in server.got if got.path == "/hook"]
            ids: dict[str, bytes] = {}
            told: dict[int, set[str]] = {}
            for got in hook:
                name = got.headers["webhook-id"]
                assert ids.setdefault(name, got.body) == got.body  # the same id is the same message
                for number in numbers(got):
                    told.setdefault(number, set()).add(name)
            assert set(told) == set(wanted)
            assert all(len(names) == 1 for names in told.values())  # by its id each is known once
            assert len(hook) > len(ids)  # and it was needed
            for device in wanted.values():
                firsts = [body for body in of(server, "/duty", device) if "可能重复" not in body]
                assert len(firsts) <= 1, f"{device} came twice without the mark"
            assert any("可能重复" in got.body.decode() for got in server.got if got.path.startswith("/duty"))
            receipts = gateway.get(f"/api/v1/alarms/{next(iter(gateway.alarms()))}/receipts")["receipts"]
            assert {one["channel"] for one in receipts} == {"hook", "duty"}
        finally:
            gateway.end()


def of(server: Receiver, path: str, device: str) -> list[str]:
    """Return what has arrived somewhere about a device."""
    bodies = [got.body.decode() for got in server.got if got.path.startswith(path)]
    return [body for body in bodies if re.search(rf"\b{device}\b", body, re.ASCII)]


def waiting(gateway: Gateway) -> int:
    return sum(one["waiting"] for one in gateway.get("/api/v1/channels")["channels"])


def numbers(got: Got) -> list[int]:
    return [one["event"] for one in got.json["data"]["notices"] if one["event"] is not None]


def test_test_message_and_roles_over_a_running_daemon(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, Receiver() as server:
        gateway = gateway_that_tells(tmp_path, broker, server.url)
        gateway.start()
        try:
            gateway.wait_ready()
            request = urllib.request.Request(
                f"http://127.0.0.1:{gateway.port}/api/v1/channels/duty/test",
                b"{}",
                {"content-type": "application/json"},
            )
            with pytest.raises(urllib.error.HTTPError, match="403"):  # loopback administers nothing
                urllib.request.urlopen(request, timeout=10)  # noqa: S310 - our own daemon
            status, said = ask(gateway.state / "run" / "cityward.sock", "POST", "/api/v1/channels/duty/test")
            assert (status, said["status"], said["channel"]) == (200, "sent", "duty")
            status, said = ask(gateway.state / "run" / "cityward.sock", "POST", "/api/v1/channels/nobody/test")
            assert (status, said["type"]) == (404, "urn:cityward:problem:no-such-channel")
            assert any("测试消息" in got.body.decode() for got in server.got)
            gateway.stop()
        finally:
            gateway.end()
