"""The daemon that is measured: 10,000 devices in YAML, four rules for each, and what it tells of itself."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench.fold_speed import AIR, DEVICES, EVERY_MS, STATIONS
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
READY_S = 120.0

TEXTS = """
    priority: 3
    text: {zh: "{name} {value}", en: "{name} {value}"}
    cause: {zh: 原因, en: cause}
    consequence: {zh: 后果, en: consequence}
    action: {zh: 措施, en: action}
    respond_within: 2 h
"""

LIVE = {
    "plain": (
        "kind: threshold\n    quantity: pm25_ug_m3\n    basis: reference\n    above: 75\n    after: 5 min",
        "kind: threshold\n    quantity: pm10_ug_m3\n    basis: reference\n    above: 150\n    at_least: 2 of 2",
        "kind: threshold\n    quantity: battery_v\n    below: 3",
    ),
    "chirpstack": (
        "kind: threshold\n    quantity: tilt_deg\n    above: 15\n    at_least: 2 of 2\n    once_above: 30",
        "kind: state\n    quantity: moved\n    is: true",
        "kind: state\n    quantity: level_alarm\n    is: true",
    ),
}
MEANS = {"plain": tuple(map(str, AIR.fields.values())), "chirpstack": ("tilt_deg", "distance_mm", "temperature_c")}
LIMITS = {"battery_v": 4, "no2_ppm": 1}  # the others 75
FAMILY = {"plain": "dust", "chirpstack": "manhole"}
DEFAULTS = {
    "plain": "model: plain, options: {family: dust, time: {field: t, unit: s}, fields: {"
    + ", ".join(f"{name}: {quantity}" for name, quantity in AIR.fields.items())
    + "}}",
    "chirpstack": "model: dingtek-dc41x",
}


def debian_python() -> tuple[str, dict[str, str]]:
    """Return the interpreter that users have, and the environment in which it finds the packages of `.venv`."""
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    debian = Path("/usr/bin") / ours
    if not debian.exists():
        return sys.executable, {}
    return str(debian), {"PYTHONPATH": str(ROOT / ".venv" / "lib" / ours / "site-packages")}


class Gateway:
    """One configuration and the daemon on it. kind: plain or chirpstack."""

    name = "cityward"

    def __init__(self, folder: Path, state: Path, kind: str, mqtt: int, influx: str) -> None:
        """mqtt: port of the broker; influx: the value of `influxdb` in cityward.yaml."""
        self.etc, self.state, self.log = folder / "etc", state, folder / "daemon.log"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._python, self._environment = debian_python()
        main = f"""gateway: {{id: bench, time_zone: Asia/Shanghai}}
state: {self.state}
http: {{listen: 127.0.0.1:{self.port}}}
sources:
  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:{mqtt}
      topics:
        - {{filter: application/+/device/+/event/up, envelope: chirpstack-v4}}
        - {{filter: air/+/up, envelope: plain, address: topic 2}}
influxdb: {influx}
"""
        for name, text in (
            ("cityward.yaml", main),
            ("devices.d/all.yaml", _devices(kind)),
            ("rules.d/all.yaml", _rules(kind)),
        ):
            path = self.etc / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> float:
        """Start it; return the seconds until it was ready."""
        began = time.monotonic()
        self.run("run_daemon.py", "run", str(self.etc))
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() - began < READY_S, "not ready"
            try:
                if self.get("/readyz")["ready"]:
                    return time.monotonic() - began
            except OSError:
                time.sleep(0.01)

    def shrink(self) -> None:
        """Give the journal the least disk: from the next start on it recycles its segments, as it does after a week."""
        with (self.etc / "cityward.yaml").open("a") as file:
            file.write("budgets: {journal: 16 MiB}\n")

    def run(self, *arguments: str) -> None:
        """Start a process of the interpreter that is measured."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._python, *arguments], stdout=log, stderr=log, cwd=ROOT, env=os.environ | self._environment
            )

    def stop(self) -> None:
        """End it cleanly."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask its HTTP API. Raises OSError while nobody answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return json.loads(answer.read())

    def taken(self) -> tuple[int, int]:
        """Return frames that were received, ever, and lines that InfluxDB does not have yet."""
        ledger = self.get("/api/v1/ledger")
        assert not ledger["unaccounted"], ledger
        return ledger["frames"]["received"], ledger["lines"]["waiting"]


def _devices(kind: str) -> str:
    address = {"plain": "topic:lora/{:05}", "chirpstack": "eui:24e12412{:08x}"}[kind]
    lines = [
        f"defaults: {{crs: wgs84, district: 鼓楼区, interval: {EVERY_MS // 1000} s, {DEFAULTS[kind]}}}\ndevices:\n"
    ]
    for n in range(DEVICES):
        labels = ", labels: {kind: station}" if n < STATIONS else ""
        lines.append(f"  - {{id: d-{n:05}, address: '{address.format(n)}', site: site {n % 100}{labels}}}\n")
    return "".join(lines)


def _rules(kind: str) -> str:
    everyone, stations = f"{{family: {FAMILY[kind]}}}", "{labels: {kind: station}}"
    rules = [("silence", everyone, "kind: silence\n    after: 30 min")]
    rules += [(f"live-{n}", everyone, rule) for n, rule in enumerate(LIVE[kind])]
    rules += [
        (
            f"day-{quantity}",
            stations,
            f"kind: day_mean\n    quantity: {quantity}\n    basis: reference\n    limit: {LIMITS.get(quantity, 75)}",
        )
        for quantity in MEANS[kind]
    ]
    return "rules:\n" + "".join(f"  - id: {name}\n    for: {scope}\n    {rule}{TEXTS}" for name, scope, rule in rules)
