"""An engineer stands beside a cover, lifts it and closes it: `cityward walk` on the real daemon."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest

from commands.socket import ask
from devices.models.dingtek_dc41x import MODEL, Cover
from tests.drills.gateway import ROOT, Gateway
from tests.load import Publisher
from tests.rules.street import uplink
from tests.servers import Mosquitto, mosquitto, until

EUI = "24e124126a148401"
SOURCES = """  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:{port}
      topics: [{{filter: application/+/device/+/event/up, envelope: chirpstack-v4}}]
"""
DEVICES = f"devices:\n  - {{id: mh-1, model: dingtek-dc41x, address: 'eui:{EUI}', interval: 6 h}}\n"
RULES = """rules:
  - id: tilted
    kind: threshold
    for: {family: manhole}
    quantity: tilt_deg
    above: 15
    priority: 1
    latch: true
TEXTS
"""


class Street:
    """A gateway with one cover."""

    def __init__(self, gateway: Gateway, broker: Mosquitto) -> None:
        self.gateway, self.broker, self.counter = gateway, broker, 0

    def says(self, said: Cover | bytes) -> None:
        """Let the cover, or whatever else is there, say something."""
        self.counter += 1
        port, payload = (1, said) if isinstance(said, bytes) else MODEL.encode(said, MODEL.options())
        topic, message = uplink(EUI, port or 3, payload, counter=self.counter, time_ms=int(time.time() * 1000))
        with Publisher(self.broker.port, client_id=f"p{self.counter}") as publisher:
            publisher.publish(iter([(topic.encode(), message)]))

    def walk(self, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(ROOT / "run_daemon.py"), "walk", "mh-1", "--directory"]
        command += [str(self.gateway.configuration), *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(ROOT / "run_daemon.py"), *words, "--lang", "en", "--directory"]
        command.append(str(self.gateway.configuration))
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)

    def reload(self, devices: str) -> None:
        (self.gateway.configuration / "devices.d/all.yaml").write_text(devices, encoding="utf-8")
        command = [sys.executable, str(ROOT / "run_daemon.py"), "reload", str(self.gateway.configuration)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def suppressed(self) -> bool:
        alarm = self.gateway.alarms().get("tilted@mh-1")
        return bool(alarm and alarm["suppressed"] == ["commissioning"])


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), DEVICES, RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "application/+/device/+/event/up")
            yield Street(gateway, broker)
        finally:
            gateway.end()


def listening(street: Street, walk: "subprocess.Popen[str]") -> None:
    """Wait until the walk has said what to do first."""
    assert walk.stdout is not None
    line = walk.stdout.readline()
    assert "lift the cover now" in line, line + walk.stdout.read()


@pytest.mark.timeout(120)
def test_a_cover_is_lifted_and_closed(street: Street) -> None:
    walk = street.walk("--lang", "en", "--timeout", "60")
    listening(street, walk)
    street.says(Cover(tilt_deg=40.0, moved=True, distance_mm=1250.0))
    until(street.suppressed, what="the alarm, suppressed")
    street.says(Cover(tilt_deg=1.0, moved=False, distance_mm=1250.0))
    told, _ = walk.communicate(timeout=70)
    assert walk.returncode == 0, told
    for words in ("PASS opened", "PASS closed", "PASS level", "PASS radio", "PASS battery", "PASS alarm"):
        assert words in told, told
    until(lambda: not street.suppressed(), what="it is an alarm again")
    assert street.gateway.alarms()["tilted@mh-1"]["state"] == "RTN_UNACK"


@pytest.mark.timeout(120)
def test_what_is_not_shown_fails_and_says_what(street: Street) -> None:
    walk = street.walk("--json", "--timeout", "6")
    while walk.poll() is None:  # whenever the walk begins, it hears one
        street.says(Cover(tilt_deg=2.0, distance_mm=900.0, battery_low=True))
        time.sleep(0.5)
    told, _ = walk.communicate(timeout=40)
    result = json.loads(told)
    assert walk.returncode == 1
    assert result["shown"] == {"opened": None, "closed": None, "level": True, "battery": False, "radio": True}


def test_nobody_of_that_name(street: Street) -> None:
    command = [sys.executable, str(ROOT / "run_daemon.py"), "walk", "mh-9", "--lang", "zh"]
    command += ["--directory", str(street.gateway.configuration)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
    assert done.returncode == 1
    assert "没有设备 mh-9" in done.stderr


@pytest.mark.timeout(120)
def test_a_walk_begins_anew_and_as_the_device_is_configured_now(street: Street) -> None:
    walk = street.walk("--lang", "en", "--timeout", "60")
    listening(street, walk)
    for cover in (Cover(tilt_deg=40.0, moved=True, distance_mm=1250.0), Cover(tilt_deg=1.0, distance_mm=1250.0)):
        street.says(cover)
    told, _ = walk.communicate(timeout=70)
    assert walk.returncode == 0, told  # the alarm as well, though both frames came with the first look

    again = street.walk("--json", "--timeout", "5")
    told, _ = again.communicate(timeout=40)
    assert again.returncode == 1
    assert json.loads(told)["frames"] == 0

    bay = DEVICES.replace("dingtek-dc41x", "bosch-tps110").replace("6 h", "24 h")
    street.reload(bay)
    walk = street.walk("--lang", "en", "--timeout", "60")
    assert walk.stdout is not None
    assert "drive a car onto the bay" in walk.stdout.readline()
    street.says(bytes([1]))
    street.says(bytes([0]))
    told, _ = walk.communicate(timeout=70)
    assert walk.returncode == 0, told


@pytest.mark.timeout(120)
def test_who_opens_a_page_later_finds_in_the_journal_what_came_before(street: Street) -> None:
    """As the console asks: the newest that are kept, then what comes, each once; and a stop waits for no listener."""
    socket, path = street.gateway.state / "run/cityward.sock", "/api/v1/devices/mh-1/frames"
    street.says(Cover(tilt_deg=1.0, distance_mm=1250.0))
    street.says(b"\x01")
    until(lambda: street.gateway.get("/api/v1/devices/mh-1")["counted"]["frames"] == 2, what="both are in")
    until(lambda: len(ask(socket, "GET", f"{path}?newest=true")[1]["frames"]) == 2, what="both are on the disk")
    status, page = ask(socket, "GET", f"{path}?newest=true")
    assert status == 200, page
    read, refused = page["frames"]
    assert (read["readings"][0]["values"]["tilt_deg"], read["readings"][0]["live"]) == (1.0, True)
    assert refused["refused"]
    assert page["position"] >= refused["sequence"]
    street.says(Cover(tilt_deg=40.0, moved=True, distance_mm=1250.0))
    heard: list[dict[str, Any]] = []
    while not heard:
        status, page = ask(socket, "GET", f"{path}?after={page['position']}")
        assert status == 200, page
        heard += page["frames"]
    assert [frame["readings"][0]["values"]["tilt_deg"] for frame in heard] == [40.0]

    begun, last = threading.Event(), heard[-1]["sequence"]

    def listen() -> None:
        with suppress(click.ClickException):  # the daemon has stopped
            ask(socket, "GET", f"{path}?after={last - 1}")  # is answered at once
            while True:
                ask(socket, "GET", f"{path}?after={last}")
                begun.set()

    waiting = threading.Thread(target=listen)
    waiting.start()
    assert begun.wait(20)
    assert street.gateway.stop(10) == 0
    waiting.join(20)
    assert "Traceback" not in street.gateway.log.read_text(encoding="utf-8")


@pytest.mark.timeout(120)
def test_a_device_that_is_removed_ends_its_walk(street: Street) -> None:
    walk = street.walk("--lang", "en", "--timeout", "60")
    listening(street, walk)
    street.reload(DEVICES.replace("mh-1", "mh-2"))
    told, _ = walk.communicate(timeout=20)
    assert walk.returncode == 1
    assert "mh-1 is not registered any more" in told


@pytest.mark.timeout(120)
def test_who_takes_the_wrong_model_is_told_so(street: Street) -> None:
    """Frames that nobody can read are not "in": adopt and redecode count them, say why, and fail."""
    street.reload("devices: []\n")
    for _ in range(3):
        street.says(b"\x01")
    until(lambda: street.gateway.get("/api/v1/ledger")["frames"]["strangers"] == 3, what="all in the inbox")
    adopted = street.run("inbox", "adopt", f"eui:{EUI}", "--model", "dingtek-dc41x", "--id", "pk-1")
    assert adopted.returncode == 1
    assert "3 frames: 3 refused (" in adopted.stdout
    assert "not like dingtek-dc41x" in adopted.stderr
    path = street.gateway.configuration / "devices.d" / "pk-1.yaml"
    for model, code, words in (("bosch-tps110", 0, "3 with readings"), ("dingtek-dc41x", 1, "3 refused (")):
        path.write_text(path.read_text().replace("dingtek-dc41x", model).replace("bosch-tps110", model))
        street.reload("devices: []\n")
        again = street.run("redecode", "--device", "pk-1", "--since", "2026-01-01")
        assert again.returncode == code, again.stdout + again.stderr
        assert words in again.stdout
