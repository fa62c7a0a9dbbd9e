"""A gateway at work: reloads, clean stops, wrong files, a second daemon, a broker that hangs. Nothing is lost."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.frames import Batch
from tests.drills.gateway import ROOT, Gateway
from tests.drills.test_kill import RULES, SOURCES, devices, traffic, wait_for_all
from tests.load import Publisher
from tests.servers import Mosquitto, mosquitto, until


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as found:
        yield found


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Iterator[Gateway]:
    found = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(), RULES)
    found.start()
    try:
        found.wait_ready()
        broker.wait_subscribed("cityward-drill-lora", "dust/+")  # what it has never subscribed to nobody keeps for it
        yield found
    finally:
        found.end()


def cityward(gateway: Gateway, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run_daemon.py"), *words, str(gateway.configuration)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT, check=False)


def edit(gateway: Gateway, name: str, old: str, new: str) -> None:
    path = gateway.configuration / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def active(gateway: Gateway, alarm: str) -> bool:
    found = gateway.alarms().get(alarm)
    return bool(found and found["active"])


@pytest.mark.timeout(90)
def test_reloads_and_a_clean_stop_under_load_lose_nothing(gateway: Gateway, broker: Mosquitto) -> None:
    stop = threading.Event()
    with Publisher(broker.port) as publisher:
        thread = threading.Thread(target=publisher.publish, args=(traffic(stop),), kwargs={"rate": 2_000})
        thread.start()
        until(lambda: "high@d0" in gateway.alarms(), what="the first alarm")
        edit(gateway, "rules.d/all.yaml", "above: 400", "above: 300")
        told = cityward(gateway, "reload")
        assert told.returncode == 0, told.stdout + told.stderr
        edit(
            gateway,
            "cityward.yaml",
            "address: topic 2}]",
            "address: topic 2}]\n      inflight: 50\n      protocol: 3.1.1",
        )
        told = cityward(gateway, "reload")  # the source is closed and opened again
        assert told.returncode == 0, told.stdout + told.stderr
        broker.wait_subscribed("cityward-drill-lora", "dust/+", times=2)

        edit(gateway, "rules.d/all.yaml", "above: 300", "above: high")
        refused = cityward(gateway, "reload")
        assert refused.returncode == 1
        assert "all.yaml:" in refused.stdout
        until(lambda: active(gateway, "config-refused@gateway"), what="an alarm says so")

        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < 5
        gateway.start()  # with files that are still wrong
        gateway.wait_ready()
        assert active(gateway, "config-refused@gateway")
        edit(gateway, "rules.d/all.yaml", "above: high", "above: 300")
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: not active(gateway, "config-refused@gateway"), what="it is over")
        stop.set()
        thread.join()
        accepted = publisher.accepted
    wait_for_all(gateway, accepted)
    assert gateway.get("/api/v1/ledger")["unaccounted"] == {}
    assert gateway.stop() == 0
    wanted = {frame for frame, _ in zip(traffic(threading.Event()), range(accepted), strict=False)}
    kept = [frame[:2] for _, record in gateway.records() if isinstance(record, Batch) for frame in record.frames]
    assert wanted - set(kept) == set()
    with gateway.book() as book:
        numbers = [number for number, _ in book.events(0, 1_000_000)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_second_daemon_says_that_there_is_one(gateway: Gateway) -> None:
    second = cityward(gateway, "run")
    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    assert str(gateway.state) in second.stderr
    gateway.get("/readyz")  # the first one does not mind


def test_wrong_files_and_nothing_was_ever_accepted(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, SOURCES.format(port=1), devices(), RULES.replace("above: 400", "above: high"))
    edit(gateway, "devices.d/all.yaml", "topic:lora/7'", "topic:nowhere/7'")
    refused = cityward(gateway, "run")
    assert refused.returncode == 1
    assert "rules.d/all.yaml:" in refused.stderr
    assert "devices.d/all.yaml:" in refused.stderr
    assert "nothing was ever accepted" in refused.stderr


def test_it_stops_while_its_broker_hangs(gateway: Gateway, broker: Mosquitto) -> None:
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)
    try:
        assert gateway.stop() == 0
        gateway.start()
        gateway.wait_ready()  # the rest of the gateway needs no broker
        assert gateway.stop() == 0
    finally:
        broker.process.send_signal(signal.SIGCONT)


def test_what_the_broker_drops_while_we_are_away_is_said(tmp_path: Path) -> None:
    with mosquitto(tmp_path, "sys_interval 1\nmax_queued_messages 10") as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(), RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            until(lambda: any("drops" in repr(record) for _, record in gateway.records()), what="the counter is known")
            assert gateway.stop() == 0
            with Publisher(broker.port) as publisher:
                publisher.publish((b"dust/1", json.dumps({"n": n, "pm10": 40.5}).encode()) for n in range(200))
            gateway.start()
            gateway.wait_ready()
            until(lambda: "broker-dropped@broker:lora" in gateway.alarms(), what="an alarm of what was dropped")
            assert gateway.get("/api/v1/ledger")["missed"]["broker-dropped"] > 100
            assert gateway.stop() == 0
        finally:
            gateway.end()
