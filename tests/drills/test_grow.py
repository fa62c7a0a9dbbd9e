"""Proof 5 of the device library: devices are added at 1,000 messages a second; the street is full of strangers.

No message is lost, nobody else's state is touched, and nobody registered suffers from addresses that nobody knows.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from devices.frames import Batch
from devices.tracks import columns
from rules.fold import Fold
from rules.records import Config, Event, Record, Refile
from tests.drills.gateway import ROOT, Gateway
from tests.drills.test_kill import RULES, SOURCES, told
from tests.load import Message, Publisher
from tests.servers import mosquitto, until

OLD, NEW, RATE = 200, 100, 1_000
HEAD = (
    "defaults: {crs: wgs84, interval: 10 s, model: plain, options: {family: dust, counter: n, "
    "fields: {pm10: pm10_ug_m3}}}\ndevices:\n"
)
DAY_MEANS = """  - id: day
    kind: rolling_mean
    for: all
    quantity: pm10_ug_m3
    limit: 10
    basis: reference
    priority: 3
TEXTS
"""


def devices(first: int, beyond: int) -> str:
    return HEAD + "".join(f"  - {{id: d{i}, address: 'topic:lora/{i}'}}\n" for i in range(first, beyond))


def traffic(stop: threading.Event) -> Iterator[Message]:
    """Every device in turn, those to come too; values stand over the limit for three turns of seven."""
    number = 0
    while not stop.is_set():
        device, turn = number % (OLD + NEW), number // (OLD + NEW)
        value = 500.5 if (device + turn) % 7 < 3 else 40.5
        yield b"dust/%d" % device, json.dumps({"n": turn, "pm10": value}).encode()
        number += 1


@pytest.mark.timeout(120)
def test_a_hundred_devices_are_added_at_a_thousand_messages_a_second(tmp_path: Path) -> None:
    rules = (RULES + DAY_MEANS).replace("above: 400\n", "above: 400\n    at_least: 2 of 3\n")
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(0, OLD), rules)
        gateway.start()
        stop = threading.Event()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            with Publisher(broker.port) as publisher:
                thread = threading.Thread(target=publisher.publish, args=(traffic(stop),), kwargs={"rate": RATE})
                thread.start()
                until(lambda: publisher.accepted > 3 * RATE, what="some seconds of traffic")
                (gateway.configuration / "devices.d" / "more.yaml").write_text(devices(OLD, OLD + NEW))
                command = [sys.executable, str(ROOT / "run_daemon.py"), "reload", str(gateway.configuration)]
                subprocess.run(command, check=True, cwd=ROOT, timeout=30, capture_output=True)
                then = publisher.accepted
                until(lambda: publisher.accepted > then + 2 * RATE, what="some more")
                stop.set()
                thread.join()
                accepted = publisher.accepted
            until(lambda: settled(gateway, accepted), what="all of it read, what strangers had said too")
            ledger = gateway.get("/api/v1/ledger")
            assert ledger["unaccounted"] == {}
            assert not any(ledger["missed"].values())
            assert gateway.stop() == 0
        finally:
            stop.set()
            gateway.end()

    wanted = {frame for frame, _ in zip(traffic(threading.Event()), range(accepted), strict=False)}
    records = list(gateway.records())
    live = [frame[:2] for _, record in records if isinstance(record, Batch) for frame in record.frames]
    again = [old for _, record in records if isinstance(record, Refile) for old in record.frames]
    assert set(live) | {(old.place, old.payload) for old in again} == wanted
    assert again, "what the hundred said before they were registered is read again"
    with gateway.book() as book:
        events = [msgspec.json.decode(body, type=Event) for _, body in book.events(0, 1_000_000)]
        load = gateway.load_from(book)
        whole, with_reload = folded(Fold(load), records)
        apart, without = folded(Fold(load), alone(records))
    assert [told(event) for event in events] == [told(event) for event in with_reload]
    mine = [told(event) for event in with_reload if is_old(event.alarm.device)]
    assert mine == [told(event) for event in without if is_old(event.alarm.device)]
    assert len(mine) > OLD
    assert remembered(whole) == remembered(apart)


def settled(gateway: Gateway, accepted: int) -> bool:
    """Tell whether the fold has everything, what strangers had said too: they are all registered now."""
    frames = gateway.get("/api/v1/ledger")["frames"]
    return bool(frames["received"] == accepted and frames["refiled"] == frames["strangers"] > 0)


def is_old(device: str | None) -> bool:
    return device is not None and int(device[1:]) < OLD


def alone(records: list[tuple[int, Record]]) -> Iterator[tuple[int, Record]]:
    """Leave out the reload, and all that the new devices said."""
    configs = 0
    for first, record in records:
        configs += isinstance(record, Config)
        if isinstance(record, Refile) or (isinstance(record, Config) and configs > 1):
            continue
        if not isinstance(record, Batch):
            yield first, record
            continue
        for at, frame in enumerate(record.frames, first):
            if int(frame[0].rpartition(b"/")[2]) < OLD:
                yield at, Batch(record.source, record.at_ms, [frame])


def folded(fold: Fold, records: Iterable[tuple[int, Record]]) -> tuple[Fold, list[Event]]:
    return fold, [event for first, record in records for event in fold.take(first, [record]).events]


def remembered(fold: Fold) -> dict[str, Any]:
    """Return what a fold remembers of the devices that were there all the time."""
    world = fold.memory.world
    tracks = [track for name, track in world.reception.tracks.items() if is_old(name)]
    judges = {judge.key: judge.state() for judge in world.judging.judges if judge.device and is_old(judge.subject)}
    assert len(tracks) == OLD
    assert len(judges) == 3 * OLD
    due = {key: world.judging.timers.due_ms(key) for key in judges if key[0] != "silent"}  # that one looks again, early
    return {"tracks": columns(tracks), "judges": judges, "due": due}


STRANGERS = 100_000
FLOOD = """budgets: {inbox: 16 MiB}
"""


@pytest.mark.timeout(120)
def test_a_hundred_thousand_unknown_addresses(tmp_path: Path) -> None:
    """They are bounded and counted; the registered device's alarm is told while they pour in."""
    with mosquitto(tmp_path) as broker:
        sources = SOURCES.format(port=broker.port) + FLOOD
        gateway = Gateway(tmp_path / "gateway", sources, devices(0, 10), RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            memory = rss_bytes(gateway)
            flood = ((b"dust/x%d" % n, b'{"n": 1, "pm10": 40, "more": "%064d"}' % n) for n in range(STRANGERS))
            with Publisher(broker.port) as many, Publisher(broker.port, client_id="one") as one:
                thread = threading.Thread(target=many.publish, args=(flood,))
                thread.start()
                waits = []
                for turn in range(10):
                    until(partial(reached, many, turn * STRANGERS // 20), what="the flood goes on")
                    one.publish([(b"dust/%d" % turn, b'{"n": 1, "pm10": 500}')])
                    began = time.monotonic()
                    until(partial(rings, gateway, f"high@d{turn}"), what="its alarm")
                    waits.append(time.monotonic() - began)
                thread.join()
            accepted = STRANGERS + 10
            until(lambda: gateway.get("/api/v1/ledger")["frames"]["received"] == accepted, what="all is taken in")
            ledger = gateway.get("/api/v1/ledger")
            assert ledger["frames"]["strangers"] == STRANGERS, "counted, every one"
            assert ledger["frames"]["decoded"] == 10
            assert ledger["unaccounted"] == {}
            assert not any(ledger["missed"].values())
            command = [sys.executable, str(ROOT / "run_daemon.py"), "inbox", "--json", "--directory"]
            done = subprocess.run([*command, str(gateway.configuration)], capture_output=True, timeout=60, check=True)
            inbox = json.loads(done.stdout)
            assert 1_000 < inbox["addresses"] <= 20_000
            assert inbox["refused"] == STRANGERS - inbox["addresses"], "what is not kept is said"
            assert sum(path.stat().st_size for path in (gateway.state / "inbox").iterdir()) <= 17 << 20
            assert rss_bytes(gateway) - memory < 64 << 20
            assert max(waits) < 5, waits
            assert gateway.stop() == 0
        finally:
            gateway.end()


def reached(publisher: Publisher, count: int) -> bool:
    return publisher.accepted >= count


def rings(gateway: Gateway, alarm: str) -> bool:
    return alarm in gateway.alarms()


def rss_bytes(gateway: Gateway) -> int:
    assert gateway.process is not None
    text = Path(f"/proc/{gateway.process.pid}/statm").read_text(encoding="ascii")
    return int(text.split()[1]) * 4096
