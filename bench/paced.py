"""1,000 messages a second: from the publisher's stamp to the event in a reader of the stream; CPU; disk."""

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct

from bench.disk import Disk
from bench.fold_speed import DEVICES
from bench.gateway import Gateway
from bench.process import cpu_s
from tests.load import Message, Publisher
from tests.servers import Mosquitto

RATE = 1000.0
ONE_IN = 50  # messages that raise an alarm at once: a battery that is low
DAY_S = 86_400
WARM_S = 10


class Paced(Struct):
    """What a stretch was like.

    latencies_ms  of every event that a message caused, sorted
    cpu_percent   of a core
    gb_a_day      to the disk; None = not known
    """

    latencies_ms: list[float]
    cpu_percent: float
    gb_a_day: float | None

    def percentile(self, percent: float) -> float:
        """Return a percentile of the latencies."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(len(self.latencies_ms) * percent / 100))]


class _Reader(threading.Thread):
    """Reads the stream and notes when each device's battery rang."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.heard: dict[str, float] = {}
        link = http.client.HTTPConnection("127.0.0.1", port)
        link.request("GET", "/api/v1/events/stream")
        self._stream = link.getresponse()

    def run(self) -> None:
        while line := self._stream.readline():
            at = time.perf_counter()
            if line.startswith(b"data: {") and b'"live-2"' in line:
                event = json.loads(line[6:])
                if event["kind"] == "raised":
                    self.heard[event["alarm"]["device"]] = at


def run(gateway: Gateway, disk: Disk, broker: Mosquitto, messages: Sequence[Message], *, ring: bool) -> Paced:
    """Publish all at the rate; ring: change one in fifty plain messages into a low battery."""
    sys.setswitchinterval(0.0005)
    reader = _Reader(gateway.port)
    reader.start()
    sent: dict[str, float] = {}

    def stamped() -> Iterator[Message]:
        for number, (topic, payload) in enumerate(messages):
            if ring and number % ONE_IN == number // DEVICES % ONE_IN:
                head, _, tail = payload.partition(b'"bat":')
                device = f"d-{topic.decode().split('/')[1]}"
                if device not in sent:
                    sent[device] = time.perf_counter()
                    yield topic, head + b'"bat":2.5,' + tail.partition(b",")[2]
                    continue
            yield topic, payload

    pid, paced = gateway.pid, stamped()
    with Publisher(broker.port) as publisher:
        # A start writes a spare segment, which later ones are made of: not what a day is made of.
        publisher.publish(islice(paced, int(WARM_S * RATE)), rate=RATE)
        written, cpu, began = disk.written_bytes(), cpu_s(pid), time.monotonic()
        publisher.publish(paced, rate=RATE)
        took_s = time.monotonic() - began
    cpu, now = cpu_s(pid) - cpu, disk.written_bytes()
    gb_a_day = None if now is None or written is None else (now - written) / took_s * DAY_S / 1e9
    deadline = time.monotonic() + 5
    while ring and len(reader.heard) < len(sent) and time.monotonic() < deadline:
        time.sleep(0.05)
    late = [(at - sent[device]) * 1000 for device, at in reader.heard.items() if device in sent]
    assert not ring or len(late) >= 0.98 * len(sent), f"{len(late)} events of {len(sent)} low batteries"
    return Paced(sorted(late), 100 * cpu / took_s, gb_a_day)
