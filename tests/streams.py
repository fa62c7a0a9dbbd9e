"""Many browsers' streams at once, read by one loop: what came on which, and when; one of them may be too slow.

`python -m tests.streams PORT COUNT SLOW_S` reads until its standard input ends, then says what it saw, as JSON: in a
process of its own, so that reading takes no time from whoever publishes.
"""

import json
import re
import selectors
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

_ID = re.compile(rb"^id: ([0-9a-z]+)-([0-9]+)$", re.MULTILINE)
_RAISED = re.compile(rb'"kind":"(?:re)?raised"')
_ALARM = re.compile(rb'"alarm":\{"id":"([^"]+)"')
URGENT = b'"priority":1,'


@dataclass
class Stream:
    """One browser. slow_s: it does not read for so long, then goes on with what it had.

    numbers  of the events, as they came
    urgent   when the first event of each alarm of priority 1 came, time.perf_counter
    cuts     how often its connection was ended by the other side; statuses: of the answers
    """

    port: int
    slow_s: float = 0.0
    position: str | None = None
    numbers: list[int] = field(default_factory=list)
    urgent: dict[str, float] = field(default_factory=dict)
    cuts: int = 0
    statuses: list[int] = field(default_factory=list)
    heartbeats: int = 0
    _rest: bytes = b""
    _head: bool = True
    _sock: socket.socket | None = None
    resumes_at: float = 0.0

    def connect(self, selector: selectors.BaseSelector) -> None:
        """Open the stream, after what it has."""
        sock = socket.socket()
        if self.slow_s:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(10)
        sock.connect(("127.0.0.1", self.port))
        resume = f"Last-Event-ID: {self.position}\r\n" if self.position else ""
        sock.sendall(f"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n{resume}\r\n".encode())
        sock.settimeout(0)
        self._sock, self._rest, self._head = sock, b"", True
        selector.register(sock, selectors.EVENT_READ, self)

    def read(self, selector: selectors.BaseSelector) -> None:
        """Take what has come; open it again where the other side has ended it."""
        assert self._sock is not None
        try:
            data = self._sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        except BlockingIOError:
            return
        at = time.perf_counter()
        if not data:
            selector.unregister(self._sock)
            self._sock.close()
            self.cuts += 1
            self.connect(selector)
            return
        self._take(data, at)
        if self.slow_s and self.numbers and not self.resumes_at:
            self.resumes_at = time.monotonic() + self.slow_s
            selector.unregister(self._sock)

    def wake(self, selector: selectors.BaseSelector) -> None:
        """Read again, where it has slept for long enough."""
        if self.resumes_at and time.monotonic() > self.resumes_at and self._sock is not None:
            self.slow_s, self.resumes_at = 0.0, 0.0
            selector.register(self._sock, selectors.EVENT_READ, self)

    def close(self) -> None:
        """Close the page."""
        if self._sock is not None:
            self._sock.close()

    def _take(self, data: bytes, at: float) -> None:
        self._rest += data
        if self._head:
            head, found, rest = self._rest.partition(b"\r\n\r\n")
            if not found:
                return
            self.statuses.append(int(head.split()[1]))
            self._rest, self._head = rest, False
        *blocks, self._rest = self._rest.split(b"\n\n")
        for block in blocks:
            self._block(block, at)

    def _block(self, block: bytes, at: float) -> None:
        known = _ID.search(block)
        if known is not None:
            self.position = known[0][4:].decode()
        if b"event: heartbeat" in block:
            self.heartbeats += 1
        elif b"event: alarm" in block and known is not None:
            self.numbers.append(int(known[2]))
            if URGENT in block and _RAISED.search(block):
                alarm = _ALARM.search(block)
                assert alarm is not None
                self.urgent.setdefault(alarm[1].decode(), at)


def read(streams: list[Stream], stop: threading.Event) -> None:
    """Read all of them until told to stop."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            stream.connect(selector)
        while not stop.is_set():
            for key, _ in selector.select(0.1):
                key.data.read(selector)
            for stream in streams:
                stream.wake(selector)
        for stream in streams:
            stream.close()


def main() -> None:
    """Read in a process of its own: see the module. A line on standard input asks how far the slowest is."""
    port, count, slow_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    streams = [Stream(port) for _ in range(count)] + ([Stream(port, slow_s)] if slow_s else [])
    stop = threading.Event()
    reader = threading.Thread(target=read, args=(streams, stop))
    reader.start()
    with suppress(KeyboardInterrupt):
        for _ in sys.stdin:
            print(min((stream.numbers or [0])[-1] for stream in streams), flush=True)
    stop.set()
    reader.join()
    said: list[dict[str, Any]] = [
        {
            "numbers": len(stream.numbers), "first": (stream.numbers or [0])[0], "last": (stream.numbers or [0])[-1],
            "gapless": stream.numbers == list(range(1, len(stream.numbers) + 1)), "urgent": stream.urgent,
            "cuts": stream.cuts, "statuses": stream.statuses, "heartbeats": stream.heartbeats,
        }
        for stream in streams
    ]  # fmt: skip
    print(json.dumps(said))


if __name__ == "__main__":
    main()
