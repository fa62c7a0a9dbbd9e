"""`cityward plan` on a gateway at work says beforehand what the reload then does."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drills.gateway import Gateway
from tests.drills.test_late_registration import command
from tests.drills.test_running import edit
from tests.load import Publisher
from tests.servers import Mosquitto, free_port, mosquitto, until

SOURCES = """  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:{port}
      topics: [{{filter: dust/+, envelope: plain, address: topic 2}}]
  hj212:
    - {{name: sites, listen: "127.0.0.1:{other}"}}
"""
DEVICES = """defaults: {crs: wgs84, interval: 10 min, model: plain, options: {family: dust, fields: {pm10: pm10_ug_m3}}}
devices:
  - {id: a, address: "topic:lora/a"}
  - {id: b, address: "topic:lora/b"}
  - {id: c, address: "topic:lora/c", site: 云龙湖二期}
"""
RULES = """rules:
  - id: high
    kind: threshold
    for: all
    quantity: pm10_ug_m3
    basis: reference
    above: 400
    priority: 2
TEXTS
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as found:
        yield found


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Iterator[Gateway]:
    sources = SOURCES.format(port=broker.port, other=free_port())
    found = Gateway(tmp_path / "gateway", sources, DEVICES, RULES)
    found.start()
    try:
        found.wait_ready()
        broker.wait_subscribed("cityward-drill-lora", "dust/+")
        yield found
    finally:
        found.end()


def plan(gateway: Gateway, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(gateway, "plan", *words), capture_output=True, text=True, timeout=30, check=False)


def planned(gateway: Gateway) -> Any:  # noqa: ANN401 - JSON
    done = plan(gateway, "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(90)
def test_it_comes_true(gateway: Gateway, broker: Mosquitto) -> None:
    edit(gateway, "devices.d/all.yaml", "devices:\n", "devices:  # the same\n")
    same = plan(gateway, "--lang", "en")
    assert (same.returncode, same.stdout) == (0, "Nothing would change: the files are what is in force.\n"), same.stderr

    with Publisher(broker.port) as publisher:
        publisher.publish([(b"dust/%s" % name, b'{"pm10": 500}') for name in (b"a", b"b", b"c")])
    until(lambda: len(gateway.alarms()) == 3, what="three alarms")
    for old, new in (
        ('{id: a, address: "topic:lora/a"}', '{id: a, address: "topic:lora/a2"}'),  # another sensor in its place
        ('  - {id: b, address: "topic:lora/b"}\n', '  - {id: d, address: "topic:lora/d", interval: 5 min}\n'),
        ('"topic:lora/c", site: 云龙湖二期', '"topic:lora/c", site: 和平路, interval: 1 min'),
    ):
        edit(gateway, "devices.d/all.yaml", old, new)
    edit(gateway, "cityward.yaml", "id: drill", "id: drill2")
    edit(gateway, "cityward.yaml", "name: sites", "name: others")
    edit(gateway, "cityward.yaml", "dust/+", "dust/#")
    would = planned(gateway)
    assert (would["devices"]["added"], would["devices"]["removed"]) == (["d"], ["b"])
    changed = {each["id"]: each for each in would["devices"]["changed"]}
    assert changed.keys() == {"a", "c"}
    assert changed["a"]["anew"]
    assert changed["a"]["fields"] == {"address": ["topic:lora/a", "topic:lora/a2"]}
    assert (changed["c"]["anew"], changed["c"]["judged_anew"]) == (False, True)
    assert changed["c"]["fields"]["interval_ms"] == [600_000, 60_000]
    assert would["withdrawn"] == ["high@b"]
    sources = would["sources"]
    assert (sources["added"], [s["id"] for s in sources["changed"]], sources["removed"]) == (
        ["others"],
        ["lora"],
        ["sites"],
    )
    assert would["restart"] == ["gateway"]
    told = plan(gateway, "--lang", "zh")
    assert told.returncode == 3
    assert '~ 设备 a\n    address: "topic:lora/a" → "topic:lora/a2"\n    重新开始' in told.stdout
    assert "设备 +1 ~2 -1（1 台重新开始），规则 +0 ~0 -0，撤销报警 1，数据源 +1 ~1 -1。" in told.stdout
    assert len(gateway.alarms()) == 3, "nothing was done yet"

    reload = [*command(gateway, "reload")[:-2], str(gateway.configuration)]
    done = subprocess.run(reload, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert "gateway has changed: restart" in done.stdout
    until(lambda: not gateway.alarms().get(would["withdrawn"][0], {}).get("active"), what="it is withdrawn")
    states = {device["id"]: device["state"] for device in gateway.get("/api/v1/devices")["devices"]}
    assert states == {"a": "unheard", "c": "heard", "d": "unheard"}
    assert gateway.alarms()["high@a"]["active"]
    assert planned(gateway)["restart"] == ["gateway"], "that is still to be done"


def test_wrong_files(gateway: Gateway) -> None:
    edit(gateway, "devices.d/all.yaml", "model: plain", "model: plane")
    wrong = plan(gateway, "--lang", "en")
    assert wrong.returncode == 1
    assert "There is no model `plane`" in wrong.stderr
    assert "would be refused" in wrong.stderr
    gateway.end()
    edit(gateway, "devices.d/all.yaml", "model: plane", "model: plain")
    assert "no daemon listens" in plan(gateway).stderr
