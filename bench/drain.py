"""A queue of QoS 1 messages in the broker, drained into InfluxDB: messages a second, CPU, memory.

The process is stopped (SIGSTOP) while the broker's queue fills, and goes on when it is full: only draining counts.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from bench.gateway import Gateway
from bench.process import cpu_s, peak_mb
from bench.telegraf import Telegraf
from tests.influxd import Server
from tests.load import Message, Publisher
from tests.servers import Mosquitto, mosquitto

LIMIT_S = 300.0
IDLE_S = 1.5  # Telegraf flushes once a second
BUSY_S = 0.005  # of 0.05 s
BROKER = """max_queued_messages 1000000
max_queued_bytes 4000000000
max_inflight_messages 5000
autosave_interval 0
"""


class Drained(Struct):
    """per_s: messages a second; cpu_us a message; peak_mb: the most memory it had."""

    per_s: float
    cpu_us: float
    peak_mb: float


def _drain(pid: int, broker: Mosquitto, messages: Sequence[Message], drained: Callable[[], bool]) -> Drained:
    """Measure until the process is idle and `drained`: a process that is asked meanwhile would count its answers."""
    os.kill(pid, signal.SIGSTOP)
    with Publisher(broker.port) as publisher:
        assert publisher.publish(messages) == len(messages)
    before, began = cpu_s(pid), time.monotonic()
    os.kill(pid, signal.SIGCONT)
    cpu, busy_at = before, began
    while time.monotonic() - busy_at < IDLE_S or not drained():
        time.sleep(0.05)
        now = cpu_s(pid)
        if now - cpu > BUSY_S:
            busy_at, cpu_then = time.monotonic(), now
        cpu = now
        assert time.monotonic() - began < LIMIT_S, "not drained"
    return Drained(len(messages) / (busy_at - began), (cpu_then - before) / len(messages) * 1e6, peak_mb(pid))


def cityward(gateway: Gateway, broker: Mosquitto, messages: Sequence[Message]) -> Drained:
    """Measure the daemon, which must run and be subscribed."""
    before, _ = gateway.taken()

    def drained() -> bool:
        received, waiting = gateway.taken()
        return received - before >= len(messages) and not waiting

    return _drain(gateway.pid, broker, messages, drained)


def telegraf(folder: Path, kind: str, influx: Server, messages: Sequence[Message]) -> Drained:
    """Measure a new Telegraf with a broker of its own."""
    topic = "air/+/up" if kind == "plain" else "application/+/device/+/event/up"
    with mosquitto(folder / "broker", BROKER) as broker:
        peer = Telegraf(folder, kind, broker.port, influx)
        peer.start()
        try:
            broker.wait_subscribed("telegraf", topic)
            return _drain(peer.pid, broker, messages, lambda: peer.written() >= len(messages))
        finally:
            peer.stop()
