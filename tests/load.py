"""Traffic for a broker: QoS 1 over a plain socket, fast enough to be no part of what is measured.

By hand: `python -m tests.load --port 1883 --count 200000 --rate 5000 --devices 1000`.
"""

import argparse
import json
import select
import socket
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Self

Message = tuple[bytes, bytes]
"""topic, payload."""

WINDOW = 5000
"""Messages that may wait for their PUBACK: fewer than there are packet identifiers."""


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | (128 if size else 0))
        if not size:
            return bytes(out)


def publish_packet(topic: bytes, payload: bytes, mid: int, *, v5: bool = False, flags: int = 2) -> bytes:
    """Encode a PUBLISH; flags 2 = QoS 1 (MQTT 3.1.1 §3.3)."""
    head = len(topic).to_bytes(2, "big") + topic + (mid.to_bytes(2, "big") if flags & 6 else b"")
    body = head + (b"\0" if v5 else b"") + payload
    return bytes([0x30 | flags]) + _length(len(body)) + body


class Publisher:
    """A connection that publishes with QoS 1 and counts what the broker has accepted.

    accepted  messages for which the PUBACK has come
    """

    def __init__(
        self, port: int, *, client_id: str = "load", user: tuple[str, str] | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.accepted = 0
        self._sent = 0
        self._rest = b""
        self._sock = socket.create_connection((host, port), 10)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fields = [client_id, *(user or ())]
        body = b"\0\x04MQTT\x04" + bytes([0xC2 if user else 0x02]) + b"\0\0"
        body += b"".join(len(text.encode()).to_bytes(2, "big") + text.encode() for text in fields)
        self._sock.sendall(b"\x10" + _length(len(body)) + body)
        answer = self._sock.recv(4, socket.MSG_WAITALL)
        if answer[3:] != b"\0":
            raise ConnectionError(f"the broker refuses: {answer.hex()}")
        self._sock.settimeout(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye."""
        with self._sock:
            self._sock.settimeout(10)
            self._sock.sendall(b"\xe0\0")

    def publish(self, messages: Iterable[Message], *, rate: float | None = None, retain: bool = False) -> int:
        """Publish all, `rate` a second (None = as fast as it goes), wait for all PUBACKs; return how many came.

        Raises ConnectionError when the broker ends the connection; `accepted` holds then.
        """
        source = iter(messages)
        before, began, handed = self.accepted, time.perf_counter(), 0
        out = memoryview(b"")
        exhausted = False
        while not exhausted or out or self._sent > self.accepted:
            wait_s = 10.0
            if not out and not exhausted:
                free = WINDOW - (self._sent - self.accepted)
                due = 1000 if rate is None else int((time.perf_counter() - began) * rate) + 1 - handed
                wait_s = 10.0 if free <= 0 else 0.0 if rate is None else max(0.0, 0.002 * (due <= 0))
                some = list(islice(source, max(0, min(free, due, 1000))))
                exhausted = len(some) < min(free, due, 1000)
                handed += len(some)
                out = memoryview(b"".join(self._packets(some, 3 if retain else 2)))
            readable, writable, _ = select.select([self._sock], [self._sock] if out else [], [], wait_s)
            if readable:
                self._take()
            if writable:
                out = out[self._sock.send(out) :]
        return self.accepted - before

    def _packets(self, messages: list[Message], flags: int) -> Iterator[bytes]:
        for topic, payload in messages:
            yield publish_packet(topic, payload, self._sent % 65535 + 1, flags=flags)
            self._sent += 1

    def _take(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError(f"the broker has ended the connection after {self.accepted} messages")
        data = self._rest + data
        whole = len(data) // 4
        if any(kind != 0x40 for kind in data[: whole * 4 : 4]):
            raise ConnectionError(f"not only PUBACKs: {data[:40].hex()}")
        self.accepted += whole
        self._rest = data[whole * 4 :]


def readings(count: int, devices: int, topic: str = "bench/{device}/report") -> Iterator[Message]:
    """Make plain JSON readings of so many devices in turn, about 120 bytes each, with a counter each."""
    for number in range(count):
        device, turn = number % devices, number // devices
        values = {"counter": turn, "t": 1_760_000_000_000 + number, "pm10_ugm3": 40 + number % 50, "pm2_5_ugm3": 20.5}
        payload = {"id": f"dev-{device:05}", **values, "temperature_c": 12.5, "humidity_pct": 61.0}
        yield topic.format(device=f"{device:05}").encode(), json.dumps(payload, separators=(",", ":")).encode()


def main() -> None:
    """Publish readings to a broker and print how many it has accepted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=None)
    args = parser.parse_args()
    with Publisher(args.port) as publisher:
        print(publisher.publish(readings(args.count, args.devices), rate=args.rate))


if __name__ == "__main__":
    main()
