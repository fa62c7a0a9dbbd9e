"""`cityward devices` on a gateway at work: who is silent, low on battery, hardly heard; and who nobody can judge."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from devices.models.dingtek_dc41x import MODEL, Cover
from tests.drills.gateway import Gateway
from tests.drills.test_late_registration import command
from tests.load import Message, Publisher
from tests.rules.street import uplink
from tests.servers import mosquitto, until

SOURCES = """  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:{port}
      topics:
        - {{filter: application/+/device/+/event/up, envelope: chirpstack-v4}}
        - {{filter: wells/+, envelope: plain, address: topic 2}}
    - name: gone
      url: mqtt://127.0.0.1:1
      topics: [{{filter: far/+, envelope: plain, address: topic 2}}]
"""
DEVICES = """defaults: {interval: 6 h}
devices:
  - {id: good, model: dingtek-dc41x, address: "eui:0000000000000001"}
  - {id: flat, model: dingtek-dc41x, address: "eui:0000000000000002", name: 文化路 井盖}
  - {id: deep, model: dingtek-dc41x, address: "eui:0000000000000003"}
  - {id: never, model: dingtek-dc41x, address: "eui:0000000000000004"}
  - {id: well, model: plain, address: "topic:lora/w", options: {fields: {level: water_level_mm, bat: battery_v}}}
  - {id: far, model: plain, address: "topic:gone/w", options: {fields: {level: water_level_mm, bat: battery_v}}}
"""


def cover(number: int, counter: int, *, low: bool = False, rssi: int = -70) -> Message:
    values = Cover(tilt_deg=1.0, distance_mm=500.0, battery_low=low, level_alarm=False, moved=False, temperature_c=9.0)
    port, payload = MODEL.encode(values, MODEL.options())
    topic, message = uplink(f"{number:016x}", port or 3, payload, counter=counter, time_ms=int(time.time() * 1000))
    return topic.encode(), message.replace(b"-70", str(rssi).encode())


def devices(gateway: Gateway, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(gateway, "devices", *words), capture_output=True, text=True, timeout=30, check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def shown(gateway: Gateway, *words: str) -> Any:  # noqa: ANN401 - JSON
    found = json.loads(devices(gateway, *words, "--json").stdout)
    return {each["id"]: each for each in found["devices"]}, found["unknown"]


def test_a_list_is_put_in_force_at_once(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), DEVICES, "rules: []\n")
        (tmp_path / "list.csv").write_text("id,model,eui,interval\nnew,elsys,00-00-00-00-00-00-00-0A,6小时\n")
        late = subprocess.run(
            command(gateway, "devices", "import", str(tmp_path / "list.csv"), "--out", "early", "--reload"),
            capture_output=True, text=True, timeout=30, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        early = gateway.configuration / "devices.d" / "early.yaml"
        assert late.returncode == 1
        assert f"{early} is written, but nobody has put it in force: no daemon listens" in late.stderr
        early.unlink()
        gateway.start()
        try:
            gateway.wait_ready()
            done = devices(gateway, "import", str(tmp_path / "list.csv"), "--reload", "--json")
            path = gateway.configuration / "devices.d" / "list.yaml"
            assert json.loads(done.stdout) == {"file": str(path), "devices": 1, "in_force": True}
            assert "new" in {device["id"] for device in gateway.get("/api/v1/devices")["devices"]}
        finally:
            gateway.end()


@pytest.mark.timeout(90)
def test_a_tour_is_planned(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), DEVICES, "rules: []\n")
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "wells/+")
            with Publisher(broker.port) as publisher:
                publisher.publish([cover(2, 1), cover(3, 1, rssi=-70)])  # as it was at first
                publisher.publish([cover(1, 1), cover(2, 2, low=True), cover(3, 2, rssi=-118)])
                publisher.publish([(b"wells/w", b'{"level": 1200, "bat": 3.1}'), (b"wells/stranger", b'{"level": 1}')])
                publisher.publish((b"wells/w", b'{"level": %d}' % n) for n in range(300))
            until(lambda: len([d for d in gateway.get("/api/v1/devices")["devices"] if d["last_heard"]]) == 4)

            everything, _ = shown(gateway)
            assert list(everything) == ["deep", "far", "flat", "good", "never", "well"]
            assert everything["good"]["battery"]["rssi_dbm"] == -70
            assert everything["well"]["battery"]["battery_v"] == 3.1, "said once, 300 frames ago"

            silent, unknown = shown(gateway, "--silent")
            assert (set(silent), unknown) == ({"never"}, {"silent": 1})
            battery, unknown = shown(gateway, "--battery")
            assert (set(battery), unknown) == ({"flat"}, {"battery_is_low": 3})
            weak, unknown = shown(gateway, "--weak")
            assert (set(weak), unknown) == ({"deep"}, {"weak": 3})
            assert set(shown(gateway, "--weak", "--battery")[0]) == {"deep", "flat"}

            told = devices(gateway, "--battery")
            assert "flat  heard" in told.stdout
            assert "low  -70 dBm 7.5 dB SNR  文化路 井盖" in told.stdout
            assert "1 of 6 devices" in told.stderr
            assert "of 2 more the battery is not known" in told.stderr
            assert "1 more say volts only, which are not judged; the lowest: well 3.1 V" in told.stderr
            assert "1 more are cut off" in devices(gateway, "--silent").stderr
            assert "deep  正常" in devices(gateway, "--weak", "--lang", "zh").stdout
        finally:
            gateway.end()
