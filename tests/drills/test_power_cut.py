"""Proof 6: eight hours without power are no flood of alarms; a restart knows what an uninterrupted run would know."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from config import blob
from devices.registry import Registry
from ingest.start import StoppedError, restore
from ingest.stores import open_stores
from rules import sections
from rules.ruleset import RuleSet
from store.fs import OsFs
from tests.drills.gateway import ROOT, Gateway
from tests.drills.test_kill import DEVICES, RULES, SOURCES, devices, wait_for_all
from tests.load import Publisher
from tests.servers import Mosquitto, mosquitto, until

HOURS = 8
HOUR_MS = 3_600_000

# The machine's clock eight hours later, for this process.
LATER = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
now_ns = time.time_ns
time.time_ns = lambda: now_ns() + {HOURS} * 3600 * 10**9
time.time = lambda: time.time_ns() / 1e9
from commands import main
main()
"""


def speak(broker: Mosquitto, turn: int, high: frozenset[int] = frozenset()) -> None:
    """Let every device say something."""
    with Publisher(broker.port) as publisher:
        publisher.publish(
            (b"dust/%d" % device, json.dumps({"n": turn, "pm10": 500.5 if device in high else 40.5}).encode())
            for device in range(DEVICES)
        )


def test_eight_hours_without_power_are_no_flood(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(), RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            speak(broker, 0, frozenset({3, 4}))
            wait_for_all(gateway, DEVICES)
            until(lambda: set(gateway.alarms()) == {"high@d3", "high@d4"}, what="two alarms")
            gateway.kill()

            gateway.program = tmp_path / "later.py"
            gateway.program.write_text(LATER, encoding="utf-8")
            gateway.start()
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+", times=2)
            speak(broker, 1, frozenset({3}))
            until(lambda: not gateway.alarms().get("high@d4", {"active": False})["active"], what="one is over")
            wait_for_all(gateway, 2 * DEVICES)
            assert gateway.stop() == 0
        finally:
            gateway.end()
    times = [record.at_ms for _, record in gateway.records()]
    assert times[-1] - times[0] > HOURS * HOUR_MS  # it did notice that time has passed
    with gateway.book() as book:
        told = [json.loads(body) for _, body in book.events(0, 10_000)]
    assert sorted((event["kind"], event["alarm"]["id"]) for event in told) == [
        ("raised", "high@d3"),
        ("raised", "high@d4"),
        ("returned", "high@d4"),
    ]


def test_snapshot_and_the_journal_behind_it_are_the_journal_from_the_beginning(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(), RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            speak(broker, 0, frozenset({3, 4}))
            wait_for_all(gateway, DEVICES)
            assert gateway.stop() == 0  # a snapshot
            gateway.start()
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+", times=2)
            speak(broker, 1, frozenset({3, 5}))
            wait_for_all(gateway, 2 * DEVICES)
            gateway.kill()
        finally:
            gateway.end()
    short, replayed = restored(gateway)
    shutil.rmtree(gateway.state / "snapshot")
    whole, all_of_it = restored(gateway)
    with pytest.raises(StoppedError):
        restored(gateway, stopped=True)  # also a long replay ends at once
    assert short == whole
    assert 0 < replayed < all_of_it


def restored(gateway: Gateway, *, stopped: bool = False) -> tuple[dict[str, object], int]:
    """Restore the fold as a start does; return what it remembers, and how many records that took."""
    stores = open_stores(OsFs(), gateway.state, journal_bytes=1 << 28, inbox_bytes=1 << 26)

    def load(config_hash: str) -> tuple[Registry, RuleSet]:
        content = stores.book.configuration(config_hash)
        assert content is not None
        return blob.decode(content)

    counter, stop = Counter(), threading.Event()
    if stopped:
        stop.set()
    try:
        fold, _ = restore(stores, load, [counter], stop)
    finally:
        stores.crashes.end()
        stores.close()
    return dict(sections.write(fold)), counter.outcomes


class Counter:
    """A view that counts."""

    def __init__(self) -> None:
        self.outcomes = 0

    def take(self, told: object, outcome: object) -> None:
        """Count."""
        del told, outcome
        self.outcomes += 1
