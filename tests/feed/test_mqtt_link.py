"""The MQTT feed at brokers that are strict, old, frozen or not there: it says why, and goes on when they let it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feed import mqtt_feed
from feed.failing import Failing
from feed.mqtt_feed import MqttFeed
from tests.feed.feeds_room import ROOT, Around_, Listener, listener, mqtt_settings, running, wait_for
from tests.feed.room import Room, tilted
from tests.servers import Mosquitto, free_port, make_certificates, mosquitto

ACL = """acl_file {folder}/acl
"""
RIGHTS = """user cityward
topic write cityward/xz-gulou-01/v1/#
topic read cityward/xz-gulou-01/v1/alarm/cmd
user reader
topic read #
topic write cityward/xz-gulou-01/v1/alarm/cmd
"""


def impatient(outside: Around_, settings: Any) -> MqttFeed:  # noqa: ANN401 - settings of a feed
    """Make a feed that tries again at once, and tells people at once."""
    feed = MqttFeed(settings, outside.around)
    feed._failing = Failing(outside.around.report("feed:city"), "feed-failing", pause_s=(0.05, 0.1), down_s=0.0)
    outside.room.views = [feed.follower]
    return feed


def told(outside: Around_) -> list[str]:
    return [data["why_en"] for _, data in outside.reported if data["bad"]]


def strict_broker(folder: Path, rights: str) -> Callable[..., Any]:
    folder.mkdir()
    (folder / "acl").write_text(rights)
    (folder / "acl").chmod(0o600)
    tls = make_certificates(folder / "tls")
    users = {"cityward": "feed pass", "reader": "reader pass"}
    return lambda: mosquitto(folder, ACL.format(folder=folder), users=users, tls=tls)


def hears(room: Room, broker: Mosquitto, heard: Listener) -> None:
    room.tell(tilted())
    wait_for(heard.standing, "the state")
    wait_for(lambda: heard.on(f"{ROOT}/alarm/events"), "the event")
    assert broker.port


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_encrypted_with_a_user_of_few_rights(room: Room, tmp_path: Path, protocol: str) -> None:
    """The rights that docs/feeds.md names are enough."""
    outside = Around_(room)
    folder = tmp_path / "broker"
    with strict_broker(folder, RIGHTS)() as broker:
        (tmp_path / "password").write_text("feed pass\n")
        settings = mqtt_settings(
            tmp_path, broker.port, url=f"mqtts://localhost:{broker.port}", ca_file=folder / "tls/ca.pem",
            username="cityward", password={"file": tmp_path / "password"}, protocol=protocol,
        )  # fmt: skip
        with running(impatient(outside, settings).run):
            broker.wait_subscribed("cityward-xz-gulou-01-feed-city", f"{ROOT}/alarm/cmd")
            room.tell(tilted())
            wait_for(lambda: [data["bad"] for _, data in outside.reported] == [False], "the broker has it")
        assert told(outside) == []


@pytest.mark.filterwarnings(  # paho leaves a socket whose handshake failed to the garbage collector
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "wrong"}, "check username, password"),
        ({"ca": "other"}, "certificate verify failed"),
        ({"rights": "user reader\ntopic read #\n"}, "give this user the right to publish"),
        ({"scheme": "mqtt"}, ""),  # a TLS port in clear: whatever the broker says then
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_refused_and_told_why(room: Room, tmp_path: Path, change: dict[str, str], says: str) -> None:
    outside = Around_(room)
    folder = tmp_path / "broker"
    with strict_broker(folder, change.get("rights", RIGHTS))() as broker:
        (tmp_path / "password").write_text(change.get("password", "feed pass"))
        ca = make_certificates(tmp_path / "other").ca if "ca" in change else folder / "tls/ca.pem"
        scheme = change.get("scheme", "mqtts")
        given: dict[str, Any] = {"username": "cityward", "password": {"file": tmp_path / "password"}}
        given |= {"ca_file": ca} if scheme == "mqtts" else {}
        settings = mqtt_settings(tmp_path, broker.port, url=f"{scheme}://localhost:{broker.port}", **given)
        with running(impatient(outside, settings).run):
            wait_for(lambda: told(outside), "people are told")
        assert says in told(outside)[0]


def test_a_broker_that_comes_later(room: Room, tmp_path: Path) -> None:
    outside, port = Around_(room), free_port()
    settings = mqtt_settings(tmp_path, port)
    with running(impatient(outside, settings).run):
        wait_for(lambda: told(outside))
        assert "refused" in told(outside)[0]
        room.tell(tilted())
        (tmp_path / "broker").mkdir()
    assert [data["bad"] for _, data in outside.reported] == [True]


def test_a_broker_that_freezes_is_left_and_found_again(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that acknowledges nothing is none; nothing is missing afterwards."""
    monkeypatch.setattr(mqtt_feed, "ACKNOWLEDGED_S", 0.5)
    outside = Around_(room)
    with mosquitto(tmp_path / "broker") as broker, listener(broker.port) as heard:
        with running(impatient(outside, mqtt_settings(tmp_path, broker.port)).run):
            hears(room, broker, heard)
            os.kill(broker.pid, signal.SIGSTOP)
            room.tell(tilted("mh-2"))
            wait_for(lambda: told(outside), "it is told")
            assert "acknowledged nothing" in told(outside)[0]
            os.kill(broker.pid, signal.SIGCONT)
            wait_for(lambda: len(heard.standing()) == 2)
            wait_for(lambda: outside.reported[-1][1]["bad"] is False)
        numbers = {message.json["data"]["number"] for message in heard.on(f"{ROOT}/alarm/events")}
        assert numbers == {1, 2}


def test_a_status_again_and_again_while_the_pipeline_gets_on(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it hangs nobody hears that all is well."""
    monkeypatch.setattr(mqtt_feed, "STATUS_S", 0.1)
    outside = Around_(room)
    with (
        mosquitto(tmp_path / "broker") as broker,
        listener(broker.port) as heard,
        running(impatient(outside, mqtt_settings(tmp_path, broker.port)).run),
    ):
        wait_for(lambda: len(heard.on(f"{ROOT}/status")) >= 4)
        ids = heard.ids(f"{ROOT}/status")
        assert len(set(ids)) == len(ids)
        outside.alive = False
        room.tell(tilted())
        wait_for(heard.standing)
        time.sleep(0.3)  # what was under way
        before = len(heard.on(f"{ROOT}/status"))
        room.tell(tilted("mh-2"))
        wait_for(lambda: len(heard.standing()) == 2)
        time.sleep(0.3)
        assert len(heard.on(f"{ROOT}/status")) == before


def test_a_flood_goes_through(room: Room, tmp_path: Path) -> None:
    """5,000 alarms at once: all states, all events, in order."""
    outside = Around_(room)
    with mosquitto(tmp_path / "broker") as broker, listener(broker.port) as heard:
        with running(impatient(outside, mqtt_settings(tmp_path, broker.port)).run):
            wait_for(lambda: heard.on(f"{ROOT}/status"))
            began = time.monotonic()
            for start in range(0, 5000, 500):
                room.tell(*[tilted(f"mh-{n:04}") for n in range(start, start + 500)])
            wait_for(lambda: len(heard.on(f"{ROOT}/alarm/events")) >= 5000, "all events")
            took_s = time.monotonic() - began
        numbers = [message.json["data"]["number"] for message in heard.on(f"{ROOT}/alarm/events")]
        assert numbers == list(range(1, 5001))
        assert len(heard.standing()) == 5000
        print(f"5,000 events and states in {took_s:.1f} s")
