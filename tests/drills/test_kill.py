"""Proof 1: nothing that the broker accepted is lost, and nothing is told twice, whenever the process dies."""

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.frames import Batch
from rules.records import Event
from tests.drills.gateway import Gateway
from tests.load import Message, Publisher
from tests.servers import mosquitto

DEVICES, RATE, KILLS = 1_000, 5_000, 20

SOURCES = """  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:{port}
      topics: [{{filter: dust/+, envelope: plain, address: topic 2}}]
"""
RULES = """rules:
  - id: high
    kind: threshold
    for: all
    quantity: pm10_ug_m3
    basis: reference
    above: 400
    priority: 2
TEXTS
  - id: silent
    kind: silence
    for: all
    after: 10 min
    priority: 4
TEXTS
"""


def devices() -> str:
    head = (
        "defaults: {crs: wgs84, interval: 10 s, model: plain, "
        "options: {family: dust, counter: n, fields: {pm10: pm10_ug_m3}}}\ndevices:\n"
    )
    return head + "".join(f"  - {{id: d{i}, address: 'topic:lora/{i}'}}\n" for i in range(DEVICES))


def traffic(stop: threading.Event) -> Iterator[Message]:
    """Every device in turn, until told; one reading of fifty is over the limit."""
    number = 0
    while not stop.is_set():
        device, turn = number % DEVICES, number // DEVICES
        value = 500.5 if (device + turn) % 50 == 0 else 40.5
        yield b"dust/%d" % device, json.dumps({"n": turn, "pm10": value}).encode()
        number += 1


def told(event: Event) -> tuple[object, ...]:
    return (
        event.sequence,
        event.at_ms,
        event.kind,
        event.cause,
        event.alarm.id,
        event.alarm.occurrence,
        event.alarm.state,
    )


@pytest.mark.timeout(240)
def test_killed_twenty_times(tmp_path: Path) -> None:
    dice = random.Random(20)
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(), RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            stop = threading.Event()
            with Publisher(broker.port) as publisher:
                thread = threading.Thread(target=publisher.publish, args=(traffic(stop),), kwargs={"rate": RATE})
                thread.start()
                for kill in range(KILLS):
                    time.sleep(dice.uniform(0.3, 2.2))  # also while it starts
                    if kill % 5 == 4:
                        gateway.stop()  # a snapshot, for the starts that follow
                    else:
                        gateway.kill()
                    gateway.start()
                stop.set()
                thread.join()
                accepted = publisher.accepted
            gateway.wait_ready()
            wait_for_all(gateway, accepted)
            assert "being dropped" not in broker.log  # what mosquitto says once for each client whose queue is full
            gateway.stop()
        finally:
            gateway.end()

    wanted = {frame for frame, _ in zip(traffic(threading.Event()), range(accepted), strict=False)}
    kept = {frame[:2] for _, record in gateway.records() if isinstance(record, Batch) for frame in record.frames}
    assert accepted > KILLS * RATE // 2
    assert wanted - kept == set()

    with gateway.book() as book:
        rows = book.events(0, 1_000_000)
    events = [msgspec.json.decode(body, type=Event) for _, body in rows]
    assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
    assert len({told(event) for event in events}) == len(events) > 1_000
    assert [told(event) for event in events] == [told(event) for event in gateway.folded()]


def wait_for_all(gateway: Gateway, accepted: int) -> None:
    """Wait until it holds everything, as long as it takes more in."""
    before, deadline = -1, time.monotonic()
    while (now := held(gateway)) < accepted:
        if now > before:
            before, deadline = now, time.monotonic() + 15
        assert time.monotonic() < deadline, f"{now} of {accepted}: {gateway.get('/api/v1/ledger')}"
        time.sleep(0.05)


def held(gateway: Gateway) -> int:
    """Count the frames that the fold knows, over all its lives."""
    samples = gateway.get("/api/v1/ledger")["frames"]
    return int(samples["received"] - samples["duplicates"])
