"""bench/run: everything of DESIGN §11 that needs real servers, one after the other; a table and a JSON file."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from bench import drain, fold_speed, paced
from bench.disk import disk
from bench.gateway import ROOT, Gateway, debian_python
from bench.process import machine, rss_mb
from bench.table import table
from tests.influxd import BUCKET, ORG, Server, running, why_not
from tests.load import Message
from tests.servers import mosquitto

TRAFFIC = {"plain": fold_speed.plain, "chirpstack": fold_speed.chirpstack}
WARM = 2 * fold_speed.DEVICES
SUBSCRIBED = "cityward-bench-lora 1 air/+/up\n"
TOPIC = {"plain": "air/+/up", "chirpstack": "application/+/device/+/event/up"}


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def traffic(kind: str, counts: Sequence[int]) -> list[list[Message]]:
    """Make messages that begin some minutes ago: so many for each part, one part after the other."""
    rounds = sum(counts) // fold_speed.DEVICES + 1
    queued_ms = counts[0] + counts[1]  # 1,000 a second
    _, _, batches = TRAFFIC[kind](rounds, time.time_ns() // 1_000_000 - queued_ms)
    messages = ((topic, payload) for batch in batches for topic, payload, _ in batch.frames)
    return [list(islice(messages, count)) for count in counts]


def child(gateway: Gateway, what: str) -> dict[str, Any]:
    """Run a part of bench.past in the interpreter that is measured."""
    gateway.run("-m", "bench.past", what, str(gateway.etc))
    assert gateway.process is not None
    status = gateway.process.wait(300)
    gateway.process = None
    said = gateway.log.read_text().splitlines()
    assert status == 0, said[-20:]
    done: dict[str, Any] = json.loads(said[-1])
    return done | {"per_s": done["messages"] / done["s"]}


def measure(kind: str, folder: Path, server: Server, count: int, paced_s: int) -> dict[str, Any]:
    """Take one kind of traffic through all of it."""
    result: dict[str, Any] = {}
    with mosquitto(folder / "broker", drain.BROKER) as broker, disk(folder) as own:
        gateway = Gateway(folder, own.folder / "state", kind, broker.port, sink(server))
        try:
            say(f"{kind}: first start")
            result["first_start_s"] = gateway.start()
            result["rss_start_mb"] = rss_mb(gateway.pid)
            broker.wait_subscribed("cityward-bench-lora", TOPIC[kind])
            first, queued, rings, after, last = traffic(kind, (WARM, count, *3 * (int(paced_s * paced.RATE),)))
            drain.cityward(gateway, broker, first)  # every device has been heard
            say(f"{kind}: {count} messages in the queue")
            result["cityward"] = vars_of(drain.cityward(gateway, broker, queued))
            gateway.kill()
            say("start after kill -9")
            result["start_killed_s"] = gateway.start()
            say(f"1,000 messages a second for {paced_s} s")
            if kind == "plain":
                late = paced.run(gateway, own, broker, rings, ring=True)
                result["latency_ms"] = {name: late.percentile(float(name)) for name in ("50", "99", "99.9")}
                result["latency_ms"]["events"] = len(late.latencies_ms)
            pace = paced.run(gateway, own, broker, after, ring=False)
            result["cpu_percent"] = pace.cpu_percent
            result["rss_mb"] = rss_mb(gateway.pid)
            gateway.stop()
            say("the journal again, without a snapshot")
            shutil.rmtree(gateway.state / "snapshot")
            result["replay"] = child(gateway, "restore")
            result["start_without_snapshot_s"] = gateway.start()
            gateway.stop()
            gateway.shrink()
            gateway.start()
            say("the disk")
            result["gb_a_day"] = paced.run(gateway, own, broker, last, ring=False).gb_a_day
        finally:
            gateway.kill()
    for peer in ("plain",) if kind == "plain" else ("chirpstack", "chirpstack-fast"):
        say(f"{peer}: Telegraf")
        result["telegraf" + peer.removeprefix(kind)] = vars_of(drain.telegraf(folder / peer, peer, server, queued))
    return result


def measure_full(folder: Path, server: Server) -> dict[str, Any]:
    """Fill all windows with 50 hours, then start, take a little, and look at the memory."""
    result: dict[str, Any] = {}
    with mosquitto(folder / "broker", drain.BROKER) as broker, disk(folder) as own:
        gateway = Gateway(folder, own.folder / "state", "plain", broker.port, sink(server))
        try:
            say("50 hours of the past through the replay source")
            result["fill"] = child(gateway, "fill")
            say("start after a clean stop")
            before = broker.log.count(SUBSCRIBED)  # the child may end before it has subscribed
            result["start_s"] = gateway.start()
            broker.wait_subscribed("cityward-bench-lora", TOPIC["plain"], times=before + 1)
            queued, after = traffic("plain", (10 * fold_speed.DEVICES, 20 * int(paced.RATE)))
            drain.cityward(gateway, broker, queued)
            paced.run(gateway, own, broker, after, ring=False)
            result["rss_mb"] = rss_mb(gateway.pid)
            gateway.stop()
            sizes = [file.stat().st_size for file in (gateway.state / "snapshot").iterdir()]
            result["snapshot_mb"] = max(sizes) / 1e6
        finally:
            gateway.kill()
    return result


def sink(server: Server) -> str:
    """Return the value of `influxdb` in cityward.yaml."""
    return f"{{url: {server.url}, org: {ORG}, bucket: {BUCKET}, token: {{file: {server.settings().token.file}}}}}"


def vars_of(drained: drain.Drained) -> dict[str, float]:
    """Write it as JSON wants it."""
    return {name: getattr(drained, name) for name in drained.__struct_fields__}


def main() -> int:
    """Measure what is asked."""
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="messages in the queue")
    parser.add_argument("--seconds", type=int, default=60, help="of 1,000 messages a second")
    parser.add_argument("--kind", choices=("plain", "chirpstack"), action="append", help="only this traffic")
    args = parser.parse_args()
    if why_not():
        print(why_not().partition(":")[0] + ": there is nothing to measure beside")
        return 1
    load = Path("/proc/loadavg").read_text().split()[0]
    results: dict[str, Any] = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "machine": machine(),
        "python": f"{debian_python()[0]} {sys.version.split()[0]}",
        "count": args.count,
        "load_before": float(load),
    }
    with tempfile.TemporaryDirectory(prefix="cityward-bench-") as name, running(Path(name) / "influx") as server:
        for kind in args.kind or ("plain", "chirpstack"):
            results[kind] = measure(kind, Path(name) / kind, server, args.count, args.seconds)
        results["full"] = measure_full(Path(name) / "full", server)
    kept = ROOT / "bench" / "results" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))
    say(f"kept in {kept.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
