"""From the frame to InfluxDB and back by count: the real fold, the real writer, the real InfluxDB."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices import catalogue
from devices.frames import Batch
from devices.registry import Device, Registry, Route, Source
from ingest import influx_writer
from ingest.influx import Influx
from ingest.influx_trouble import Trouble
from ingest.influx_verify import verify
from ingest.influx_writer import InfluxWriter
from rules.fold import Fold
from rules.records import Config
from rules.ruleset import RuleSet
from store.fs import OsFs
from store.ledger import Kept, Ledger, ledger_picture
from tests.influxd import BUCKET, ORG, Server, running, why_not

pytestmark = [
    pytest.mark.timeout(1800),  # the first time InfluxDB is built
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]

AIR = catalogue.model("plain").options(family="dust", fields={"pm10": "pm10_ug_m3", "temp": "temperature_c"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("influxd")) as one:
        yield one


class Gateway:
    def __init__(self, folder: Path, server: Server) -> None:
        routes = (Route(filter="+", envelope="plain", address="topic 1"),)
        devices = [
            Device(
                id=name, model="plain", family="dust", address=f"topic:lora/{name}", interval_ms=60_000,
                options=AIR, via=("lora",),
            )
            for name in ("both", "either", "odd one, really")
        ]  # fmt: skip
        source = Source(name="lora", kind="mqtt", subject="broker:lora", routes=routes)
        registry = Registry(gateway="gw", time_zone="UTC", sources=(source,), devices=tuple(devices), influx=True)
        self.fold = Fold(lambda _: (registry, RuleSet()))
        self.kept = Kept()
        self.server = server
        trouble = Trouble(lambda _kind, _data: None, pause_s=(0.02, 0.1))
        self.writer = InfluxWriter(Influx(server.settings()), folder, trouble, OsFs(), budget_bytes=64 << 20)
        self.writer.open()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.writer.run, args=(self.stop,))
        self.thread.start()
        self.now_ms = int(time.time() * 1000) - 3_600_000
        self.next, self.delivered = 1, 0
        self._take(Config(at_ms=self.now_ms, hash="one"))

    def _take(self, record: Batch | Config) -> None:
        outcome = self.fold.take(self.next, [record])
        self.next = outcome.last + 1
        self.kept.take([], outcome)
        self.writer.take([], outcome)

    def hear(self, device: str, **values: float) -> None:
        self.now_ms += 100
        self.delivered += 1
        self._take(Batch("lora", self.now_ms, [(device.encode(), json.dumps(values).encode(), b"")]))

    def ledger(self) -> Ledger:
        delivered = {"lora": self.delivered}
        return ledger_picture(self.fold.memory, self.kept, self.writer.counts(), delivered, devices=True)


@pytest.fixture
def gateway(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr(influx_writer, "FLUSH_S", 0.05)
    one = Gateway(tmp_path / "influx", server)
    yield one
    one.stop.set()
    one.thread.join()


def test_influxdb_holds_what_was_made_and_says_so_when_it_does_not(server: Server, gateway: Gateway) -> None:
    for n in range(300):
        gateway.hear("both", pm10=float(n), temp=20.5)
        gateway.hear("either", **({"pm10": float(n)} if n % 2 else {"temp": 3.5}))  # no field is in all of its points
        gateway.hear("odd one, really", pm10=1.0)
    influx = Influx(server.settings())
    found = verify(influx, gateway.ledger)
    assert gateway.ledger().unaccounted == {}
    assert (found.problem, found.expected, found.held, found.missing, found.more) == ("", 900, 900, {}, {})

    extra = f"dust,device=both,model=plain pm10_ug_m3=1 {time.time_ns()}\n".encode()
    assert influx.write(extra).meaning == "written"
    gone = {"start": "1970-01-01T00:00:00Z", "stop": "2100-01-01T00:00:00Z", "predicate": 'device="odd one, really"'}
    server.ask("POST", f"/api/v2/delete?org={ORG}&bucket={BUCKET}", json.dumps(gone).encode())
    gateway.hear("odd one, really", pm10=2.0)
    found = verify(influx, gateway.ledger)
    assert (found.missing, found.more) == ({"odd one, really": 300}, {"both": 1})
    influx.close()


def test_while_lines_wait_nothing_can_be_compared(server: Server, gateway: Gateway) -> None:
    server.kill()
    gateway.hear("both", pm10=1.0)
    influx = Influx(server.settings())
    try:
        assert "1 lines still wait" in verify(influx, gateway.ledger, wait_s=0.3).problem
    finally:
        server.start()
    gateway.writer.settle(gateway.next - 1, 20)
    influx.close()


def test_an_influxdb_that_cannot_be_asked(server: Server, gateway: Gateway) -> None:
    gateway.hear("both", pm10=1.0)
    settings = server.settings().model_copy(update={"bucket": "no such bucket"})
    assert "no such bucket" in verify(Influx(settings), gateway.ledger).problem
