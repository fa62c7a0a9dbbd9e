"""Proof 4 for notifications: whenever the daemon is killed, people are told, and what may come twice says so."""

import json
import random
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from commands.socket import ask
from rules.flood import annunciated
from rules.records import Event
from tests.drills.gateway import Gateway
from tests.drills.test_feeds_kill import DEVICES_YAML, Traffic
from tests.drills.test_kill import RULES, SOURCES
from tests.feed.notify_room import Answer, Got, Receiver, secret
from tests.servers import Mosquitto, mosquitto, until

KILLS = 3  # what chatters is told once a minute, so each further one costs a minute
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
    """Events that people must have been told of: by number, of which alarm."""
    decoder = msgspec.json.Decoder(Event)
    with gateway.book() as book:
        events = [decoder.decode(body) for _, body in book.events(0, 1_000_000)]
    return {event.number: event.alarm.id for event in events if annunciated(event)}


def counted(number: int, alarm: str, notices: list[dict[str, Any]]) -> bool:
    """Whether an activation was told, or counted in the telling of a later one that nobody had answered before."""
    return any(
        one["alarm"] == alarm and (one["event"] == number or (one["event"] > number and one["count"] > 1))
        for one in notices
    )


@pytest.mark.timeout(400)
def test_killed_between_event_and_notification(tmp_path: Path) -> None:
    dice = random.Random(7)
    answered = threading.Event()

    def answer(got: Got) -> Answer:
        answered.set()  # it has arrived: kill now, before anybody notes that
        return Answer(hang_s=0.05)

    with mosquitto(tmp_path) as broker, Receiver(answer) as server:
        gateway = gateway_that_tells(tmp_path, broker, server.url)
        gateway.start()
        try:
            gateway.wait_ready()
            traffic = Traffic(broker)
            try:
                for kill in range(KILLS):
                    answered.clear()
                    assert answered.wait(90), "nobody was told anything"
                    if kill % 2:
                        time.sleep(dice.uniform(0.0, 0.3))
                    gateway.kill()
                    gateway.start()
                    gateway.wait_ready()
                traffic.stop()
            finally:
                traffic.stop()
            channels = {one["name"]: one for one in gateway.get("/api/v1/channels")["channels"]}
            assert set(channels) == {"hook", "duty"}
            until(lambda: waiting(gateway) == 0, within_s=90, what="everything was sent")
            last = max(rung(gateway))
            until(lambda: last in {n for got in server.got if got.path == "/hook" for n in numbers(got)}, within_s=100)
            wanted = rung(gateway)
            ids: dict[str, bytes] = {}
            told: dict[int, set[str]] = {}
            for got in [got for got in server.got if got.path == "/hook"]:
                name = got.headers["webhook-id"]
                assert ids.setdefault(name, got.body) == got.body  # the same id is the same message
                for number in numbers(got):
                    told.setdefault(number, set()).add(name)
            assert set(told) <= set(wanted)
            notices = [one for got in server.got if got.path == "/hook" for one in got.json["data"]["notices"]]
            assert [number for number, alarm in wanted.items() if not counted(number, alarm, notices)] == []
            assert all(len(names) == 1 for names in told.values())  # by its id each is known once
            alarm = next(iter(gateway.alarms()))
            receipts = gateway.get(f"/api/v1/alarms/{alarm}/receipts")["receipts"]
            assert {one["channel"] for one in receipts} == {"hook", "duty"}
            repeated = [got for got in server.got if got.path.startswith("/duty") and "可能重复" in got.body.decode()]
            firsts = [got for got in server.got if got.path.startswith("/duty") and got not in repeated]
            arrived = Counter(title(got) for got in firsts)
            made = messages(gateway)
            # The same alarm may ring twice in a second: then two messages say the same, and each may come once.
            assert all(count <= made[one] for one, count in arrived.items()), "a message came twice without its mark"
        finally:
            gateway.end()


def title(got: Got) -> str:
    body = got.json
    return str(body["markdown"]["title"] if "markdown" in body else body["text"]["content"].splitlines()[0])


def messages(gateway: Gateway) -> Counter[str]:
    """Titles of the messages that were made for the group."""
    desk = sqlite3.connect(gateway.state / "desk.sqlite")
    rows = desk.execute("SELECT body FROM notify_messages WHERE channel = 'duty'").fetchall()
    desk.close()
    return Counter(json.loads(body)["title"] for (body,) in rows)


def waiting(gateway: Gateway) -> int:
    channels = {one["name"]: one for one in gateway.get("/api/v1/channels")["channels"]}
    return int(channels["hook"]["waiting"])


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
