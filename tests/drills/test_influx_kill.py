"""Proof 3 over the whole daemon: whenever it is killed, InfluxDB holds the readings of the journal, each once."""

import csv
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.fold import Fold
from tests.drills.gateway import ROOT, Gateway
from tests.drills.test_kill import SOURCES, wait_for_all
from tests.influxd import BUCKET, ORG, Server, running, why_not
from tests.load import Message, Publisher
from tests.servers import mosquitto, until

pytestmark = [
    pytest.mark.timeout(1800),  # the first time InfluxDB is built
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]

DEVICES, RATE, KILLS = 40, 1_000, 10
INFLUX = """influxdb: {{url: {url}, org: {org}, bucket: {bucket}, token: {{file: {token}}}}}
"""
DEVICES_YAML = (
    "defaults: {crs: wgs84, interval: 10 s, model: plain, "
    "options: {family: dust, counter: n, fields: {pm10: pm10_ug_m3}}}\ndevices:\n"
    + "".join(f"  - {{id: d{i}, address: 'topic:lora/{i}'}}\n" for i in range(DEVICES))
)
RULES = """rules:
  - id: high
    kind: threshold
    for: all
    quantity: pm10_ug_m3
    basis: reference
    above: 900
    priority: 2
TEXTS
"""
LINE = re.compile(rb"dust,device=(d\d+),\S* pm10_ug_m3=([\d.]+)\S* (\d+)\n")

Reading = tuple[str, int, float]
"""Device, time in ns, value."""


def traffic(stop: threading.Event) -> Iterator[Message]:
    number = 0
    while not stop.is_set():
        device, turn = number % DEVICES, number // DEVICES
        yield b"dust/%d" % device, b'{"n": %d, "pm10": %d.25}' % (turn, turn % 1000)
        number += 1


def of_the_journal(gateway: Gateway) -> list[Reading]:
    """Fold the journal once; return the readings of the lines that come of it."""
    with gateway.book() as book:
        fold = Fold(gateway.load_from(book))
        text = b"".join(line for first, record in gateway.records() for line in fold.take(first, [record]).lines)
    return sorted((name.decode(), int(ns), float(value)) for name, value, ns in LINE.findall(text))


def in_influxdb(server: Server) -> list[Reading]:
    """Ask for every point."""
    flux = (
        f'from(bucket: "{BUCKET}") |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)'
        ' |> filter(fn: (r) => r._measurement == "dust" and r._field == "pm10_ug_m3")'
        " |> map(fn: (r) => ({device: r.device, ns: int(v: r._time), value: r._value})) |> group()"
    )
    table = server.ask("POST", f"/api/v2/query?org={ORG}", flux.encode(), "application/vnd.flux")
    rows = csv.DictReader(line for line in table.splitlines() if line)
    return sorted((row["device"], int(row["ns"]), float(row["value"])) for row in rows)


def test_killed_while_it_writes(tmp_path: Path) -> None:
    dice = random.Random(9)
    with mosquitto(tmp_path) as broker, running(tmp_path / "influx") as server:
        settings = server.settings()
        token = settings.token.file
        sources = SOURCES.format(port=broker.port) + INFLUX.format(url=server.url, org=ORG, bucket=BUCKET, token=token)
        gateway = Gateway(tmp_path / "gateway", sources, DEVICES_YAML, RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            stop = threading.Event()
            with Publisher(broker.port) as publisher:
                thread = threading.Thread(target=publisher.publish, args=(traffic(stop),), kwargs={"rate": RATE})
                thread.start()
                for kill in range(KILLS):
                    if kill in {3, 7}:  # it writes to the backlog then, and catches up after that
                        server.kill()
                    if kill in {5, 8}:
                        server.start()
                    time.sleep(dice.uniform(0.5, 1.8))  # also while it starts
                    if kill == KILLS // 2:
                        gateway.stop()  # a snapshot, and nothing that waits in memory
                    else:
                        gateway.kill()
                    gateway.start()
                stop.set()
                thread.join()
                accepted = publisher.accepted
            gateway.wait_ready()
            wait_for_all(gateway, accepted)
            until(lambda: gateway.get("/api/v1/ledger")["lines"]["waiting"] == 0, what="nothing waits any more")
            command = [sys.executable, str(ROOT / "run_daemon.py"), "ledger", "--verify", "--state", str(gateway.state)]
            verified = subprocess.run(command, capture_output=True, text=True, check=False)
            assert verified.returncode == 0, verified.stdout + verified.stderr
            gateway.stop()
            held, kept = in_influxdb(server), of_the_journal(gateway)
        finally:
            gateway.end()
    assert len(kept) == accepted > KILLS * RATE // 2
    assert held == kept
