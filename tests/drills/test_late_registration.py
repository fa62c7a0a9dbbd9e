"""Proof 4 of the device library: a device speaks for a day before anybody registers it. Nothing of that is lost."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rules.records import Event, Refile
from tests.drills.gateway import ROOT, Gateway
from tests.drills.test_kill import RULES, told
from tests.influxd import Server, running
from tests.load import Message, Publisher
from tests.servers import mosquitto, until

FRAMES = 1_000
NOW_MS = int(time.time() * 1000)
SOURCES = """  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:{port}
      topics: [{{filter: dust/+, envelope: plain, address: topic 2}}]
influxdb: {{url: "{url}", org: city, bucket: sensing, token: {{file: {token}}}}}
"""
HEAD = (
    "defaults: {crs: wgs84, interval: 2 min, model: plain, options: {family: dust, "
    "fields: {pm10: pm10_ug_m3, n: battery_v}, time: {field: t, unit: ms}}}\ndevices:\n"
)
KNOWN = HEAD + "  - {id: known, address: 'topic:lora/known'}\n"


def command(gateway: Gateway, *words: str) -> list[str]:
    return [sys.executable, str(ROOT / "run_daemon.py"), *words, "--directory", str(gateway.configuration)]


def cityward(gateway: Gateway, *words: str) -> str:
    done = subprocess.run(command(gateway, *words), capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def past() -> Iterator[Message]:
    """One message each minute of the last thousand; the last ones are over the limit."""
    for n in range(FRAMES):
        t_ms = NOW_MS - (FRAMES - n) * 60_000
        yield b"dust/late", json.dumps({"n": n % 50, "pm10": 500 if n > 990 else 40, "t": t_ms}).encode()


def times(server: Server, field: str = "pm10_ug_m3") -> list[int]:
    """Return the points of the late device that have a field, in ns."""
    flux = (
        'from(bucket: "sensing") |> range(start: 2000-01-01T00:00:00Z) '
        f'|> filter(fn: (r) => r._measurement == "dust" and r.device == "late" and r._field == "{field}")'
        " |> map(fn: (r) => ({_value: int(v: r._time)})) |> group() |> sort()"
    )
    table = server.ask("POST", "/api/v2/query?org=city", flux.encode(), "application/vnd.flux")
    return [int(line.rsplit(",", 1)[1]) for line in table.split() if line.startswith(",_result,")]


def correct_the_map(gateway: Gateway, server: Server) -> Any:  # noqa: ANN401 - JSON
    """Put quantity and unit right (it is TSP, in tens), and read again what it said in the last two hours."""
    path = gateway.configuration / "devices.d" / "late.yaml"
    path.write_text(path.read_text().replace("pm10: pm10_ug_m3", "pm10: {quantity: tsp_ug_m3, factor: 10}"))
    directory = [*command(gateway, "reload")[:-2], str(gateway.configuration)]
    subprocess.run(directory, check=True, cwd=ROOT, timeout=30)
    since = datetime.fromtimestamp((NOW_MS - 2 * 3_600_000) / 1000, UTC).isoformat()
    told = json.loads(cityward(gateway, "redecode", "--device", "late", "--since", since, "--json"))
    assert told["frames"]["late"] >= FRAMES  # all came a minute ago; what they say of earlier is passed over
    if server.influx:
        until(lambda: len(times(server, "tsp_ug_m3")) == 120, what="the corrected values")
        assert len(times(server)) == FRAMES - 120  # what was wrong is gone
    return gateway.get("/api/v1/ledger?devices=true&verify=true" if server.influx else "/api/v1/ledger")


@pytest.mark.timeout(600)
def test_registered_a_day_late(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, running(tmp_path / "influxd") as server:
        sources = SOURCES.format(port=broker.port, url=server.url, token=server.settings().token.file)
        gateway = Gateway(tmp_path / "gateway", sources, KNOWN, RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            with Publisher(broker.port) as publisher:
                publisher.publish(iter([(b"dust/known", b'{"n": 1, "pm10": 40}')]))
                publisher.publish(past())
            until(lambda: gateway.get("/api/v1/ledger")["frames"]["strangers"] == FRAMES, what="all in the inbox")
            [stranger] = json.loads(cityward(gateway, "inbox", "--json"))["strangers"]
            assert (stranger["address"], stranger["frames"]) == ("topic:lora/late", FRAMES)
            assert stranger["guesses"][0]["options"]["fields"]["pm10"] == "pm10_ug_m3"
            adopt = ["inbox", "adopt", "topic:lora/late", "--model", "plain", "--id", "late", "--interval", "2 min"]
            adopt += ["--option", "time={field: t, unit: ms}"]
            with subprocess.Popen(command(gateway, *adopt), cwd=ROOT, stderr=subprocess.DEVNULL) as adopting:
                until((gateway.configuration / "devices.d" / "late.yaml").exists, what="the new file")
                until(lambda: any(d["id"] == "late" for d in gateway.get("/api/v1/devices")["devices"]), what="late")
                gateway.kill()  # in the middle of it, or just before, or just after
                adopting.wait(30)
            gateway.start()
            gateway.wait_ready()
            until(lambda: gateway.get("/api/v1/ledger")["frames"]["refiled"] == FRAMES, what="all refiled")
            until(lambda: len(gateway.alarms()) == 1, what="its newest word")
            alarm = gateway.alarms()["high@late"]
            with Publisher(broker.port, client_id="again") as publisher:
                publisher.publish(islice(past(), 990, None))  # somebody sends the end of it once more
            until(lambda: gateway.get("/api/v1/ledger")["frames"]["duplicates"] == FRAMES - 990, what="repeats")
            ledger = gateway.get("/api/v1/ledger?devices=true&verify=true" if server.influx else "/api/v1/ledger")
            held = times(server) if server.influx else []
            corrected = correct_the_map(gateway, server)
            gateway.stop()
        finally:
            gateway.end()
    assert ledger["unaccounted"] == {}
    assert alarm["value"] == 500
    if server.influx:
        assert ledger["verified"]["missing"] == ledger["verified"]["more"] == {}
        assert [ns // 1_000_000 for ns in held] == [NOW_MS - (FRAMES - n) * 60_000 for n in range(FRAMES)]
        assert corrected["verified"]["missing"] == {}  # other options: its counts began anew, its points did not
    assert corrected["unaccounted"] == {}
    parts = [record for _, record in gateway.records() if isinstance(record, Refile)]
    kept = [old.sequence for part in parts if part.why == "registered" for old in part.frames]
    assert len(set(kept)) == FRAMES
    with gateway.book() as book:
        events = [msgspec.json.decode(body, type=Event) for _, body in book.events(0, 1_000)]
    assert [told(event) for event in gateway.folded()] == [told(event) for event in events]
    assert [event.kind for event in events if event.alarm.id == "high@late"] == ["raised", "withdrawn"]
