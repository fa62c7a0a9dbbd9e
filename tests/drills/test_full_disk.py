"""A real small disk that fills up: what is given up, in which order, and that an alarm still says it."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from devices.frames import Batch
from devices.registry import Registry
from ingest import health as health_module
from ingest import influx_writer
from ingest import pipeline as pipeline_module
from ingest.clock import Clock
from ingest.health import Health
from ingest.influx import NO_ANSWER, Answer
from ingest.influx_trouble import Trouble
from ingest.influx_writer import InfluxWriter
from ingest.pipeline import Pipeline
from ingest.stores import Stores
from rules.fold import Fold
from rules.kinds.state import State
from rules.records import Config
from rules.ruleset import RuleSet
from store.backlog import Backlog
from store.book import Book
from store.crashes import Crashes
from store.fs import OsFs
from store.inbox import Inbox
from store.journal import Journal
from tests.ingest.test_pipeline import Sender
from tests.rules.street import LORA, plain, rule
from tests.servers import until

SEGMENT = 1 << 20
REGISTRY = Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(LORA,), devices=(plain("d"),), influx=True)
RULES = RuleSet((rule("open", "state", State(quantity="cover_open", value=True), priority=1),))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """40 MB of memory as a disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


class NoInflux:
    """It is down."""

    def write(self, text: bytes) -> Answer:
        del text
        return Answer(NO_ANSWER, "down")


class Gateway:
    """Stores with small segments, a pipeline, and a writer whose InfluxDB is down."""

    def __init__(self, folder: Path) -> None:
        fs = OsFs()
        self.stores = Stores(
            fs,
            folder,
            Journal(fs, folder / "journal", 12 * SEGMENT, segment_bytes=SEGMENT),
            Inbox(fs, folder / "inbox", 8 * SEGMENT, segment_bytes=SEGMENT),
            Book(folder / "book.sqlite"),
            Crashes(fs, folder / "crashes"),
        )
        trouble = Trouble(lambda _kind, _data: None, pause_s=(0.01, 0.05))
        self.writer = InfluxWriter(NoInflux(), folder / "influx", trouble, fs, budget_bytes=8 * SEGMENT)
        self.writer.open()
        self.stores.free_backlog = self.writer.free_oldest
        fold = Fold(lambda _: (REGISTRY, RULES))
        clock = Clock(0, 0)
        self.pipeline = Pipeline(fold, self.stores, clock, [self.writer])
        self.health = Health(self.pipeline, clock, folder, snapshot=lambda: None)
        self.stop = threading.Event()
        self.threads = [
            threading.Thread(target=self.pipeline.run),
            threading.Thread(target=self.writer.run, args=(self.stop,)),
        ]
        for thread in self.threads:
            thread.start()
        self.pipeline.note(Config(at_ms=0, hash="one"))

    def send(self, *payloads: bytes, place: bytes = b"plain/d") -> threading.Event:
        """Deliver a batch; the event is its acknowledgement."""
        done = threading.Event()
        self.pipeline.door(Sender(window=1), "lora")(
            Batch("lora", 0, [(place, payload, b"") for payload in payloads]), done.set
        )
        return done

    def end(self) -> None:
        """End it; a full disk does not hold it up in a test."""
        assert self.pipeline.stop(10)
        self.stop.set()
        for thread in self.threads:
            thread.join(10)
        self.stores.close()


def payload(number: int, size: int = 200_000) -> bytes:
    """Make a reading that cannot be compressed away."""
    noise = b"".join(b"%08x" % (hash((number, n)) & 0xFFFFFFFF) for n in range(size // 8))
    return b'{"pm10": %d, "x": "%s"}' % (number, noise)


def fill(disk: Path, name: str) -> None:
    """Write until there is no room left."""
    with (disk / name).open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


def live(gateway: Gateway) -> None:
    """Fill inbox, backlog and journal a little."""
    for number in range(18):
        assert gateway.send(payload(number), place=b"plain/stranger-%d" % number).wait(10)
    small = [b'{"pm10": %d.%d}' % (number % 997, number % 89) for number in range(60_000)]
    for at in range(0, len(small), 2_000):
        assert gateway.send(*small[at : at + 2_000]).wait(10)
    for number in range(18):
        assert gateway.send(payload(number)).wait(10)
    last = gateway.pipeline.fold.memory.out.last
    until(lambda: gateway.writer.settle(last, 1), what="the lines are in the backlog")


@pytest.mark.timeout(90)
def test_the_order_of_giving_up(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pipeline_module, "FULL_DISK_S", 0.05)
    monkeypatch.setattr(health_module, "LEAST_FREE_BYTES", 1 << 20)
    monkeypatch.setattr(health_module, "FREE_AGAIN_BYTES", 8 << 20)
    monkeypatch.setattr(influx_writer, "Backlog", partial(Backlog, segment_bytes=SEGMENT // 8))
    monkeypatch.setattr(influx_writer, "MEMORY_BYTES", 100_000)
    gateway = Gateway(small_disk / "state")
    try:
        live(gateway)
        waited = gateway.writer.counts()
        fill(small_disk, "filler")
        taken, number = [], 1000
        while not gateway.pipeline.full_disk:  # each needs a larger segment than the last; others take what is left
            number += 1
            assert number < 1030, "it never stops"
            taken.append(gateway.send(payload(number, 3_000_000 + (number - 1000) * 400_000)))
            fill(small_disk, f"filler{number}")
            deadline = time.monotonic() + 10
            while not taken[-1].wait(0.01) and not gateway.pipeline.full_disk:
                assert time.monotonic() < deadline, "neither acknowledged nor full"
        gave = [message.split()[4] for message in caplog.messages if message.endswith("gives way")]
        assert list(dict.fromkeys(gave)) == ["inbox", "backlog", "journal", "ballast"], gave
        assert "topic:lora/stranger-0" not in gateway.stores.inbox.known
        counts = gateway.writer.counts()
        assert counts.expired > 0
        assert counts.expired + counts.waiting >= waited.waiting, "each is counted"
        assert not taken[-1].is_set()
        assert [done.is_set() for done in taken[:-1]] == [True] * (len(taken) - 1)
        [alarm] = gateway.stores.book.alarms()
        assert (alarm.id, alarm.active) == ("disk-full@gateway", True)
        gateway.health.look()
        for filler in small_disk.glob("filler*"):
            filler.unlink()
        assert taken[-1].wait(10), "what waited is acknowledged when there is room"
        gateway.health.look()
        until(lambda: gateway.stores.book.has_ballast, what="the ballast is back")
        gateway.health.look()
        until(lambda: not gateway.pipeline.ask_durable(lambda _: gateway.stores.book.alarms()[0].active).result(5))
        records = [record for _, record in gateway.stores.journal.read(0) if isinstance(record, Batch)]
        assert records[-1].frames[-1][1] == payload(number, 3_000_000 + (number - 1000) * 400_000)
        assert gateway.send(b'{"open": true}').wait(10)
    finally:
        for filler in small_disk.glob("filler*"):
            filler.unlink()
        gateway.end()
    assert shutil.disk_usage(small_disk).free > 0
