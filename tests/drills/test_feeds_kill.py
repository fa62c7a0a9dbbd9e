"""Proof 4 for the feeds: whenever the daemon is killed, other systems miss nothing, and know what came twice."""

import random
import threading
import time
from pathlib import Path

import pytest

from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES, SOURCES
from tests.feed.feeds_room import Listener, listener, order, receiver, signed, wait_for
from tests.load import Publisher
from tests.servers import Mosquitto, mosquitto, until

DEVICES, KILLS = 20, 6
ROOT = "cityward/drill/v1"
EVENTS, STATUS = f"{ROOT}/alarm/events", f"{ROOT}/status"
FEEDS = """feeds:
  mqtt:
    - name: city
      url: mqtt://127.0.0.1:{port}
      commands: [{{key: scada, secret: {{file: {secret}}}}}]
  webhooks:
    - {{name: platform, url: "{url}", secret: {{file: {secret}}}}}
"""
DEVICES_YAML = (
    "defaults: {crs: wgs84, interval: 10 s, model: plain, "
    "options: {family: dust, counter: n, fields: {pm10: pm10_ug_m3}}}\ndevices:\n"
    + "".join(f"  - {{id: d{i}, address: 'topic:lora/{i}'}}\n" for i in range(DEVICES))
)


def gateway_with_feeds(folder: Path, broker: Mosquitto, url: str) -> Gateway:
    secret = folder / "secret"
    secret.write_text("shared with the scada")
    gateway = Gateway(folder / "gateway", SOURCES.format(port=broker.port), DEVICES_YAML, RULES)
    main = gateway.configuration / "cityward.yaml"
    text = main.read_text() + FEEDS.format(port=broker.port, url=url, secret=secret)
    main.write_text(text)
    return gateway


class Traffic:
    """Readings that let alarms begin and end, from a thread, until it is told to stop."""

    def __init__(self, broker: Mosquitto) -> None:
        self._publisher = Publisher(broker.port)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        turn = 0
        while not self._stop.wait(0.05):
            turn += 1
            readings = [
                (b"dust/%d" % device, b'{"n": %d, "pm10": %d.5}' % (turn, 500 if (turn + device) % 7 < 3 else 40))
                for device in range(turn % 4, DEVICES, 4)
            ]
            self._publisher.publish(readings)

    def stop(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self._publisher.close()


def numbers(heard: Listener) -> list[int]:
    return [message.json["data"]["number"] for message in heard.on(EVENTS)]


@pytest.mark.timeout(240)
def test_killed_between_event_and_other_systems(tmp_path: Path) -> None:
    """Every event of the book is with the broker's listener and the webhook's receiver; what came twice has one id."""
    dice = random.Random(4)
    with mosquitto(tmp_path) as broker, receiver() as there, listener(broker.port, f"{ROOT}/#") as heard:
        gateway = gateway_with_feeds(tmp_path, broker, there.url)
        gateway.start()
        gateway.wait_ready()
        broker.wait_subscribed("cityward-drill-lora", "dust/+")
        traffic = Traffic(broker)
        try:
            for _ in range(KILLS):
                time.sleep(dice.uniform(0.4, 1.2))  # whatever it is doing
                gateway.kill()
                gateway.start()
                gateway.wait_ready()
            wait_for(lambda: sum(m.json["data"]["why"] == "lost" for m in heard.on(STATUS)) == KILLS, "its last wills")
            traffic.stop()
            gateway.get("/api/v1/events")
            with gateway.book() as book:
                wait_for(lambda: numbers(heard)[-1:] == [book.last_event], "the last event at the broker")
                last = [book.last_event]
                until(lambda: there.numbers()[-1:] == last, within_s=60, what="the last event at the receiver")
                told = list(range(1, book.last_event + 1))
                standing = {alarm.id for alarm in book.alarms()}
            assert len(told) > 100
            for came, ids in (
                (numbers(heard), heard.ids(EVENTS)),
                (there.numbers(), [post.json["id"] for post in there.taken]),
            ):
                assert sorted(set(came)) == told
                assert len(set(ids)) == len(told)
                assert list(dict.fromkeys(came)) == told, "in order, but for what was sent again"
            with listener(broker.port, f"{ROOT}/#") as newcomer:
                wait_for(lambda: {alarm["id"] for alarm in newcomer.standing().values()} == standing)
                assert newcomer.on(STATUS)[-1].json["data"]["online"] is True
        finally:
            traffic.stop()
            gateway.end()


@pytest.mark.timeout(120)
def test_killed_between_command_and_reply(tmp_path: Path) -> None:
    """Who got no reply sends the same again: it is done once, and the reply says how the alarm stands."""
    with mosquitto(tmp_path) as broker, receiver() as there, listener(broker.port, f"{ROOT}/#") as heard:
        gateway = gateway_with_feeds(tmp_path, broker, there.url)
        try:
            gateway.start()
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-feed-city", f"{ROOT}/alarm/cmd")
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            publisher = Publisher(broker.port)
            publisher.publish([(b"dust/1", b'{"n": 1, "pm10": 500.5}')])
            wait_for(heard.standing, "the alarm")
            [alarm] = heard.standing().values()
            given = order(gateway="drill", alarm=alarm["id"], occurrence=alarm["occurrence"])
            heard.send(f"{ROOT}/alarm/cmd", signed(given))
            wait_for(lambda: gateway.alarms()[alarm["id"]]["acknowledged"])
            gateway.kill()
            wait_for(lambda: heard.on(STATUS)[-1].json["data"]["why"] == "lost", "the last will")
            gateway.start()
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-feed-city", f"{ROOT}/alarm/cmd", times=2)
            heard.send(f"{ROOT}/alarm/cmd", signed(given))

            def replies() -> list[int]:
                return [m.json["data"]["status"] for m in heard.on(f"{ROOT}/alarm/cmd/reply")]

            before = len(replies())
            wait_for(lambda: len(replies()) > before or replies()[-1:] == [200], "a reply")
            assert set(replies()) == {200}
            kinds = {message.json["id"]: message.json["data"]["kind"] for message in heard.on(EVENTS)}
            assert list(kinds.values()).count("acknowledged") == 1
            assert [state["state"] for state in heard.standing().values()] == ["ACKED"]
            publisher.close()
            assert gateway.stop() == 0
            wait_for(lambda: heard.on(STATUS)[-1].json["data"]["why"] == "stopped", "a clean goodbye")
        finally:
            gateway.end()
