"""A flood: 5,000 alarms in 60 s beside 1,000 readings a second, before 20 browsers and one that is too slow.

`nice .venv/bin/python -m bench.flood` starts a broker and the daemon with 10,000 devices and their windows, and prints
how long the urgent ones took to a stream, from just before the publisher's socket; memory of the daemon at its peak,
its CPU, what /summary took meanwhile, and whether anything was missing on any stream. No InfluxDB is written to.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import drain, fold_speed
from bench.gateway import ROOT, TEXTS, Gateway
from bench.process import cpu_s, peak_mb, rss_mb
from tests.load import Message, Publisher
from tests.servers import Mosquitto, mosquitto

RATE = 1_000.0
SECONDS = 60
ALARMS = 5_000
URGENT_ONE_IN = 50
BROWSERS = 20
SLOW_S = 75.0  # so long it takes nothing; the server cuts it 30 s after the kernel's buffers are full
ROUNDS = 8
SUMMARIES_S = 0.5  # 20 browsers that look each 10 s

URGENT = "  - id: urgent\n    for: {family: dust}\n    kind: threshold\n    quantity: battery_v\n    below: 2" + (
    TEXTS.replace("priority: 3", "priority: 1")
)


def traffic(alarms: int, seconds: int) -> tuple[list[Message], list[Message], set[str]]:
    """Make a round of all devices, then the flood; and the ids of its urgent alarms.

    One reading in so many is of a battery that is low, each of another device; one in fifty of these of one that is
    almost empty, which is urgent as well.
    """
    _, _, batches = fold_speed.plain(ROUNDS, time.time_ns() // 1_000_000 - (seconds + 20) * 1_000)
    messages = ((topic, payload) for batch in batches for topic, payload, _ in batch.frames)
    quiet = [next(messages) for _ in range(fold_speed.DEVICES)]
    every = int(RATE * seconds) // alarms
    rung: set[str] = set()
    urgent: set[str] = set()
    flood = []
    for number in range(int(RATE * seconds)):
        topic, payload = next(messages)
        device = f"d-{topic.decode().split('/')[1]}"
        if len(rung) < min(alarms, number // every + 1) and device not in rung:
            low = b"1.9" if len(rung) % URGENT_ONE_IN == 0 else b"2.5"
            head, _, tail = payload.partition(b'"bat":')
            payload = head + b'"bat":' + low + b"," + tail.partition(b",")[2]
            rung.add(device)
            if low == b"1.9":
                urgent.add(f"urgent@{device}")
        flood.append((topic, payload))
    assert len(rung) == alarms, f"{len(rung)} alarms"
    return quiet, flood, urgent


class Summaries(threading.Thread):
    """Looks at /summary again and again, as browsers do."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(daemon=True)
        self.took_ms: list[float] = []
        self.last: dict[str, Any] = {}
        self.stop = threading.Event()
        self._gateway = gateway

    def run(self) -> None:
        while not self.stop.wait(SUMMARIES_S):
            began = time.perf_counter()
            self.last = self._gateway.get("/api/v1/summary")
            self.took_ms.append((time.perf_counter() - began) * 1000)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def run(gateway: Gateway, broker: Mosquitto, alarms: int, seconds: int) -> dict[str, Any]:
    """Let it come; return what it was like."""
    quiet, flood, urgent = traffic(alarms, seconds)
    drain.cityward(gateway, broker, quiet)  # every device has been heard
    command = [sys.executable, "-m", "tests.streams", str(gateway.port), str(BROWSERS), str(SLOW_S)]
    readers = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert readers.stdin is not None
    assert readers.stdout is not None
    summaries = Summaries(gateway)
    summaries.start()
    time.sleep(2)
    sent: dict[str, float] = {}

    def stamped() -> Iterator[Message]:
        for topic, payload in flood:
            if b'"bat":1.9' in payload:
                sent[f"urgent@d-{topic.decode().split('/')[1]}"] = time.perf_counter()
            yield topic, payload

    before_mb, cpu, began = rss_mb(gateway.pid), cpu_s(gateway.pid), time.monotonic()
    with Publisher(broker.port) as publisher:
        publisher.publish(stamped(), rate=RATE)
    took_s = time.monotonic() - began
    cpu = cpu_s(gateway.pid) - cpu
    last = int(gateway.get("/api/v1/summary")["position"].rpartition("-")[2])
    deadline = time.monotonic() + SLOW_S + 30
    while time.monotonic() < deadline:
        readers.stdin.write("\n")
        readers.stdin.flush()
        if int(readers.stdout.readline()) >= last:
            break
        time.sleep(0.5)
    summaries.stop.set()
    said, _ = readers.communicate()
    streams = json.loads(said.splitlines()[-1])
    *browsers, slow = streams
    late = [(at - sent[alarm]) * 1000 for stream in browsers for alarm, at in stream["urgent"].items() if alarm in sent]
    complete = [stream["gapless"] and stream["last"] >= last for stream in streams]
    return {
        "alarms": alarms, "events": last, "seconds": round(took_s, 1), "urgent": len(urgent),
        "urgent_on_every_stream": all(urgent <= stream["urgent"].keys() for stream in streams),
        "urgent_ms": {str(p): round(percentile(late, p), 1) for p in (50, 95, 99, 100)},
        "nothing_missing": all(complete), "slow": {k: slow[k] for k in ("cuts", "statuses", "numbers", "gapless")},
        "heartbeats": min(stream["heartbeats"] for stream in browsers),
        "rss_before_mb": round(before_mb, 1), "rss_mb": round(rss_mb(gateway.pid), 1),
        "peak_mb": round(peak_mb(gateway.pid), 1), "cpu_percent": round(100 * cpu / took_s, 1),
        "summary_ms": {str(p): round(percentile(summaries.took_ms, p), 1) for p in (50, 95, 100)},
        "standing": summaries.last["standing"], "flood": summaries.last["flood"],
    }  # fmt: skip


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alarms", type=int, default=ALARMS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mosquitto(folder / "broker", drain.BROKER) as broker:
            gateway = Gateway(folder, folder / "state", "plain", broker.port, "none")
            settings = gateway.etc / "cityward.yaml"
            settings.write_text(settings.read_text().replace("influxdb: none\n", ""))
            with (gateway.etc / "rules.d/all.yaml").open("a") as rules:
                rules.write(URGENT)
            try:
                gateway.start()
                broker.wait_subscribed("cityward-bench-lora", "air/+/up")
                print(json.dumps(run(gateway, broker, arguments.alarms, arguments.seconds), indent=1))
            finally:
                gateway.kill()


if __name__ == "__main__":
    main()
