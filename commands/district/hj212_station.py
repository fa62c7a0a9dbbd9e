"""An HJ 212 station: it connects, sends, waits for its answer and sends again."""

import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

from devices.hj212 import Packet, parse
from devices.hj212_stream import Splitter

TIMEOUT_S: Final = 10.0
TRIES: Final = 3
"""HJ 212-2017 table 1: over GPRS, CDMA, LTE an answer is awaited for 10 s, three times."""

_AGAIN_S: Final = 2.0
_LOOK_S: Final = 0.2
_READ_BYTES: Final = 4096


class Station:
    """Sends what `packet` gives once in `every_s`; a packet with Flag bit 0 until it is answered, at most three times.

    sent, answered, unanswered  how many packets went out, were answered, were given up
    """

    def __init__(self, host: str, port: int, packet: Callable[[], bytes], every_s: float) -> None:
        self.sent = self.answered = self.unanswered = 0
        self._to = (host, port)
        self._packet = packet
        self._every_s = every_s

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`; connect again when the link is lost."""
        while not stop.is_set():
            try:
                with socket.create_connection(self._to, timeout=TIMEOUT_S) as link:
                    link.settimeout(_LOOK_S)
                    while not stop.is_set():
                        self._send(link, self._packet(), stop)
                        stop.wait(self._every_s)
            except OSError:
                stop.wait(_AGAIN_S)

    def _send(self, link: socket.socket, data: bytes, stop: threading.Event) -> None:
        packet = parse(data)
        wanted = isinstance(packet, Packet) and bool((packet.flag or 0) & 1)
        for _ in range(TRIES):
            link.sendall(data)
            self.sent += 1
            if not wanted:
                return
            if _answered(link, packet, stop):
                self.answered += 1
                return
        self.unanswered += 1


def _answered(link: socket.socket, asked: object, stop: threading.Event) -> bool:
    splitter = Splitter()
    until = monotonic() + TIMEOUT_S
    while monotonic() < until and not stop.is_set():
        try:
            data = link.recv(_READ_BYTES)
        except TimeoutError:
            continue
        if not data:
            raise ConnectionResetError("the gateway has closed the link")
        for found in map(parse, splitter.feed(data)):
            if isinstance(found, Packet) and isinstance(asked, Packet) and found.qn == asked.qn:
                return True
    return False
