"""deploy/grafana: every query of every dashboard gives rows, at a real InfluxDB and over a real /metrics."""

import csv
import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import yaml

from commands.district import files
from commands.district.city import MNS, PAST_MS, City
from config.check import load
from devices.frames import Batch
from rules.fold import Fold
from rules.records import Config, Record, Status
from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES, SOURCES
from tests.influxd import BUCKET, ORG, Server, running, why_not
from tests.load import Publisher
from tests.servers import free_port, mosquitto, until

FOLDER = Path(__file__).parents[2] / "deploy/grafana"
BEGINS_MS = 1_795_507_200_000  # 2026-11-24T08:00:00Z
HOUR_MS = 3_600_000
Query = tuple[str, str, str]
"""Dashboard, what asks, the query."""


def dashboards() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (FOLDER / "dashboards").glob("*.json")}


def queries(kind: str, key: str) -> list[Query]:
    """List the queries of one kind of source."""
    found: list[Query] = []
    for name, board in sorted(dashboards().items()):
        for panel in board["panels"]:
            found += [(name, panel["title"], t[key]) for t in panel["targets"] if t["datasource"]["type"] == kind]
        for note in board["annotations"]["list"]:
            if note["datasource"]["type"] == kind:
                found.append((name, note["name"], note["target"][key]))
        for variable in board["templating"]["list"]:
            if variable["datasource"]["type"] == kind:
                found.append((name, variable["name"], variable["query"][key]))
    return found


FLUX, PROMQL = queries("influxdb", "query"), queries("prometheus", "expr")


# ---------------------------------------------------------------------------------------------------- the files


def test_they_are_dashboards() -> None:
    boards = dashboards()
    assert set(boards) == {"dust", "manhole", "parking", "gateway"}
    sources = yaml.safe_load((FOLDER / "provisioning/datasources/cityward.yaml").read_text(encoding="utf-8"))
    known = {(one["type"], one["uid"]) for one in sources["datasources"]}
    assert len({board["uid"] for board in boards.values()}) == len(boards)
    for board in boards.values():
        assert board["annotations"]["list"], "alarms are marked"
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(place["x"] + place["w"] <= 24 for place in places)
        cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
        assert len(set(cells)) == len(cells), "no panel lies over another"
        used = [t["datasource"] for panel in board["panels"] for t in panel["targets"]]
        assert {(one["type"], one["uid"]) for one in used} <= known
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/cityward.yaml").read_text(encoding="utf-8"))
    assert provider["providers"][0]["type"] == "file"


# ----------------------------------------------------------------------------------------------------- InfluxDB


def street_lines(folder: Path) -> list[bytes]:
    """Fold three days of the simulated street, and a cover that tilts and is put back; return the lines."""
    files.write(
        folder / "etc", folder / "state", http=8480, mqtt=1883, hj212=9212, gate=folder / "gate",
        kiosk=folder / "kiosk", v5=True,
    )  # fmt: skip
    main = folder / "etc/cityward.yaml"
    with main.open("a", encoding="utf-8") as file:
        file.write(f"influxdb: {{url: 'http://127.0.0.1:1', org: o, bucket: b, token: {{file: {folder / 'token'}}}}}\n")
    compiled = load(folder / "etc").compiled
    assert compiled is not None
    fold = Fold(lambda _: (compiled.registry, compiled.ruleset))
    city = City(BEGINS_MS)
    start_ms = BEGINS_MS - PAST_MS

    def told() -> Iterator[Record]:
        yield Status(at_ms=start_ms, subject="gateway", kind="started", data={"listening_since_ms": None})
        yield Config(at_ms=start_ms, hash=compiled.hash)
        clock = {"offset_ms": 0, "source": "ntp", "trusted": True}
        yield Status(at_ms=start_ms, subject="gateway", kind="clock", data=clock)
        yield from city.past()
        for after_s in (30, 60, 90):
            at_ms = BEGINS_MS + after_s * 1000
            yield Batch("lora", at_ms, [city.cover(5, at_ms)])
            yield Batch("sites", at_ms, [(MNS[0].encode(), city.hj212(1, at_ms), b"")])

    lines, sequence = [], 1
    for record in told():
        outcome = fold.take(sequence, [record])
        sequence = outcome.last + 1
        lines += outcome.lines
    return lines


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if why_not():
        pytest.skip(why_not())
    folder = tmp_path_factory.mktemp("grafana")
    with running(folder / "influx") as server:
        lines = street_lines(folder)
        for start in range(0, len(lines), 5000):
            body = b"".join(lines[start : start + 5000])
            server.ask("POST", f"/api/v2/write?org={ORG}&bucket={BUCKET}&precision=ns", body, "text/plain")
        yield server


def as_grafana_sends(query: str) -> str:
    """Put in what Grafana does: the span, the width of a point, the bucket, the variables (All)."""
    option = (
        f'option v = {{defaultBucket: "{BUCKET}", windowPeriod: 5m, timeRangeStart: {rfc(BEGINS_MS - PAST_MS)},'
        f" timeRangeStop: {rfc(BEGINS_MS + HOUR_MS)}}}"
    )
    imports = [line for line in query.splitlines() if line.startswith("import ")]
    rest = "\n".join(line for line in query.splitlines() if not line.startswith("import "))
    return "\n".join([*imports, option, rest]).replace("${device:regex}", ".*")


def rfc(t_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t_ms / 1000))


def rows(server: Server, query: str) -> list[dict[str, str]]:
    table = server.ask("POST", f"/api/v2/query?org={ORG}", as_grafana_sends(query).encode(), "application/vnd.flux")
    found = []
    for part in table.replace("\r", "").split("\n\n"):
        found += list(csv.DictReader(part.splitlines()))
    assert not any("error" in row for row in found), found
    return found


@pytest.mark.timeout(1800)  # the first time InfluxDB is built
@pytest.mark.parametrize("query", FLUX, ids=lambda query: f"{query[0]}-{re.sub(r'[^A-Za-z0-9]+', '-', query[1])}")
def test_each_query_gives_rows_at_influxdb(influx: Server, query: Query) -> None:
    board, title, flux = query
    found = rows(influx, flux)
    if (board, title) in {("manhole", "恢复 returned"), ("parking", "恢复 returned")}:
        assert found == [], "nothing of it has happened on this street"
        return
    assert found, flux
    if "map(fn: (r) => ({time:" in flux:  # an annotation, as Grafana wants it
        assert {"time", "text", "tags"} <= set(found[0])
        assert all(row["text"].strip() and re.match(r"P[1-4],", row["tags"]) for row in found)


def test_an_event_that_is_written_twice_is_one_point(influx: Server, tmp_path: Path) -> None:
    [newest] = [q for board, title, q in FLUX if (board, title) == ("gateway", "最近的报警事件 newest events")]
    before = rows(influx, newest)
    again = [line for line in street_lines(tmp_path) if line.startswith(b"alarm,")]
    influx.ask("POST", f"/api/v2/write?org={ORG}&bucket={BUCKET}&precision=ns", b"".join(again), "text/plain")
    assert rows(influx, newest) == before
    assert len(before) == len(again)


# --------------------------------------------------------------------------------------------------- Prometheus


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip("no victoria-metrics here to ask in PromQL")
    port = free_port()
    with (folder / "vm.log").open("ab") as log:
        command = [program, f"-storageDataPath={folder / 'vm'}", f"-httpListenAddr=127.0.0.1:{port}"]
        command += ["-search.latencyOffset=0s"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{url}/health"), what="VictoriaMetrics")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own server
    except OSError:
        return False
    return True


@pytest.mark.timeout(180)
def test_each_expression_gives_a_value_over_real_metrics(tmp_path: Path) -> None:
    """A daemon that reads, refuses and writes; its /metrics at two moments, five minutes apart for the server."""
    devices = (
        "devices:\n  - {id: d0, model: plain, address: 'topic:lora/0', interval: 10 s,"
        " options: {family: dust, counter: n, fields: {pm10: pm10_ug_m3}}}\n"
    )
    with mosquitto(tmp_path) as broker, victoria_metrics(tmp_path) as url:
        sources = SOURCES.format(port=broker.port)
        sources += f"  hj212:\n    - {{name: sites, listen: 127.0.0.1:{free_port()}}}\n"
        gateway = Gateway(tmp_path / "gateway", sources, devices, RULES)
        token = tmp_path / "token"
        token.write_text("no")
        with (gateway.configuration / "cityward.yaml").open("a") as file:
            file.write(f"influxdb: {{url: 'http://127.0.0.1:1', org: o, bucket: b, token: {{file: {token}}}}}\n")
            file.write(f"feeds: {{mqtt: [{{name: city, url: 'mqtt://127.0.0.1:{broker.port}'}}]}}\n")
        try:
            gateway.start()
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            publisher = Publisher(broker.port)
            now_ms = time.time_ns() // 1_000_000
            plain = {"content-type": "text/plain"}  # else it is read as a form
            for turn in range(2):
                publisher.publish([
                    *((b"dust/0", b'{"n": %d, "pm10": %d}' % (turn * 50 + n, 500 - 460 * turn)) for n in range(50)),
                    (b"dust/0", b'{"n": %d, "pm10": "much"}' % turn),
                ])  # fmt: skip
                until(lambda turn=turn: frames(gateway) == 51 * (turn + 1), what="its frames")  # type: ignore[misc]
                with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/metrics") as answer:
                    text = answer.read()
                at_ms = now_ms - 240_000 * (1 - turn)
                body = urllib.request.Request(f"{url}/api/v1/import/prometheus?timestamp={at_ms}", text, plain)  # noqa: S310
                urllib.request.urlopen(body).close()  # noqa: S310
            publisher.close()
            urllib.request.urlopen(f"{url}/internal/force_flush").close()  # noqa: S310
            missing = set(PROMQL)
            deadline = time.monotonic() + 20
            while remaining(url, now_ms, missing) and time.monotonic() < deadline:
                time.sleep(0.2)
            assert not missing
        finally:
            gateway.end()


def frames(gateway: Gateway) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/metrics") as answer:
        found = re.search(rb'cityward_frames_total{source="lora"} (\d+)', answer.read())
    return int(found[1]) if found else 0


def remaining(url: str, now_ms: int, missing: set[Query]) -> set[Query]:
    """Ask for all that has given nothing yet, and take out what does now."""
    for query in list(missing):
        asked = urlencode({"query": query[2], "time": now_ms / 1000, "nocache": 1}, quote_via=quote)
        with urllib.request.urlopen(f"{url}/api/v1/query?{asked}") as answer:  # noqa: S310
            if json.loads(answer.read())["data"]["result"]:
                missing.discard(query)
    return missing
