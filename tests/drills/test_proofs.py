"""Whenever the process dies, each verdict that was told has its proof, once, with the frame that raised it."""

import random
import threading
import time
from pathlib import Path

import msgspec
import pytest

from rules.records import Event
from rules.spans import PROVEN
from store.proofs import ProofReader
from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES, SOURCES, devices, traffic
from tests.load import Publisher
from tests.servers import mosquitto, until

RATE, KILLS = 1_000, 6


@pytest.mark.timeout(180)
def test_killed_while_it_proves(tmp_path: Path) -> None:
    dice = random.Random(6)
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
                for _ in range(KILLS):
                    time.sleep(dice.uniform(1.0, 4.0))  # also while a child reads
                    gateway.kill()
                    gateway.start()
                gateway.wait_ready()
                stop.set()
                thread.join()
            with ProofReader(gateway.state / "book.sqlite") as book:
                until(lambda: book.proven_to() == book.last_event, within_s=90, what="all is proven")
            gateway.stop()
        finally:
            gateway.end()
    with ProofReader(gateway.state / "book.sqlite") as book:
        events = [msgspec.json.decode(body, type=Event) for _, body in book.events(0, 1_000_000)]
        judged = [event for event in events if event.kind in PROVEN]
        assert len(judged) > 20
        for event in judged:
            proof = book.proof(event.number)
            assert proof is not None
            assert (proof.alarm, proof.missing) == (event.alarm.id, "")
            if event.alarm.device is not None and event.cause == "reading":
                assert event.sequence in [frame.sequence for frame in proof.unpacked()]
        assert {n for (n,) in book._db.execute("select number from proofs")} == {event.number for event in judged}
