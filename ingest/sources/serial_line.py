"""A serial line: opened, listened to, lost and opened again; and on one of them a PM module that talks by itself.

What a pulled adapter raises depends on the call that meets it: `SerialException`, a plain OSError, and from flushing
`termios.error`, which is no OSError (pyserial issue 417). All of them mean: close, wait, open again.
"""

import random
import select
import termios
import threading
from abc import ABC, abstractmethod
from time import monotonic
from typing import Final

from serial import Serial

from devices.frames import Batch
from ingest.settings import Line
from ingest.sources import Deliver, Report
from ingest.sources.missed import Missed

REOPEN_S: Final = (0.25, 5.0)
"""First and longest pause before a lost line is opened again; between them it doubles."""

STOP_LOOK_S: Final = 0.25
"""No wait is longer, so that a stop is noticed."""


class SerialLine(ABC):
    """What all serial lines share: one thread, a port that heals, an account of what was missed.

    The link is told up by the first frame that makes sense and down when the port is gone or nothing sensible comes:
    an adapter that is there, on a cable that is not, carries nothing.
    """

    window: int | None = None
    waits: bool = False

    def __init__(self, name: str, port: str, line: Line, report: Report) -> None:
        self.name = name
        self.port = port
        self.line = line
        self._report = report
        self._up: bool | None = None
        self._counts = {"received": 0, "noise_bytes": 0, "opened": 0}
        self._missed = Missed(report)

    def counts(self) -> dict[str, int]:
        """Frames delivered (`received`), bytes that belonged to no frame, how often the port was opened.

        A polled line adds requests sent (`asked`), those without answer, and those answered by an exception.
        """
        return dict(self._counts)

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        """Keep the port open and talk on it until `stop`."""
        pause_s = REOPEN_S[0]
        while not stop.is_set():
            received = self._counts["received"]
            try:
                with self._open() as port:
                    self._counts["opened"] += 1
                    self._talk(port, deliver, stop)
            except (OSError, termios.error) as error:
                self._set_link(up=False, why=f"{self.port}: {error}")
            if self._counts["received"] > received:
                pause_s = REOPEN_S[0]
            stop.wait(pause_s * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
            pause_s = min(2 * pause_s, REOPEN_S[1])
        self._missed.tell()

    @abstractmethod
    def _talk(self, port: Serial, deliver: Deliver, stop: threading.Event) -> None:
        """Speak the line's protocol until `stop`; raise OSError or termios.error when the port is lost."""

    def _open(self) -> Serial:
        try:
            return Serial(
                self.port,
                baudrate=self.line.baud,
                bytesize=self.line.data_bits,
                parity=self.line.parity,
                stopbits=self.line.stop_bits,
                timeout=0,  # `_read` waits
                write_timeout=1,
                exclusive=True,  # two programs on one line each get half of the bytes
            )
        except ValueError as error:  # pyserial's word for a speed that the adapter cannot do
            raise OSError(str(error)) from error

    def _read(self, port: Serial, wait_s: float) -> bytes:
        """Return what is there, waiting at most `wait_s` (and never longer than a stop may) for the first byte."""
        if not select.select([port.fileno()], [], [], min(wait_s, STOP_LOOK_S))[0]:
            return b""
        data: bytes = port.read(port.in_waiting or 1)  # raises when the other end is gone
        return data

    def _deliver(self, deliver: Deliver, place: str, payloads: list[bytes]) -> None:
        self._counts["received"] += len(payloads)
        self._set_link(up=True)
        deliver(Batch(self.name, 0, [(place.encode(), payload, b"") for payload in payloads]), _nobody_waits)

    def _set_link(self, *, up: bool, why: str = "") -> None:
        if up is not self._up:
            self._up = up
            self._report("link", {"up": up, "why": why})

    def _noise(self, count: int) -> None:
        self._counts["noise_bytes"] += count
        self._missed.add("noise_bytes", count)


def _nobody_waits() -> None:
    """Nobody on a serial line hears of an acknowledgement."""


class PlantowerLine(SerialLine):
    """A line on which one PM module sends a frame by itself, about once a second; every frame is delivered.

    The place of its frames is the line's name. Silence of `silent_s` means that the line is down.
    """

    def __init__(self, name: str, port: str, line: Line, report: Report, *, silent_s: float = 30.0) -> None:
        super().__init__(name, port, line, report)
        self.silent_s = silent_s

    def _talk(self, port: Serial, deliver: Deliver, stop: threading.Event) -> None:
        buffer = bytearray()
        heard = monotonic()
        while not stop.is_set():
            data = self._read(port, STOP_LOOK_S)
            if data:
                stop.wait(GATHER_S)
                data += self._read(port, 0)
            buffer += data
            frames, noise = plantower_frames(buffer)
            self._noise(noise)
            if frames:
                heard = monotonic()
                self._deliver(deliver, self.name, frames)
            elif monotonic() - heard >= self.silent_s:
                self._set_link(up=False, why=f"no frame for {self.silent_s:g} s")


GATHER_S: Final = 0.03
"""The first byte of a frame wakes us; the others (32 bytes take 33 ms at 9600 baud) are read together after this."""

_HEAD: Final = b"BM"
_LENGTHS: Final = (20, 28, 36)
"""Bytes after the length field: PMS3003, PMS5003 and its kin, PMS5003ST (Plantower data manuals, appendix I)."""


def plantower_frames(buffer: bytearray) -> tuple[list[bytes], int]:
    """Cut whole frames out of what a line brought: `42 4D`, length u16, data, sum of all before it u16.

    What cannot be the beginning of a frame is thrown away, one byte after a false head, so that a head inside noise
    never costs the frame behind it. Leaves less than one frame in `buffer`; returns the frames and how many bytes
    were thrown away.
    """
    frames = []
    at = noise = 0
    while (head := buffer.find(_HEAD, at)) >= 0:
        noise += head - at
        at = head
        length = int.from_bytes(buffer[at + 2 : at + 4], "big")
        end = at + 4 + length
        if len(buffer) < at + 4 or (length in _LENGTHS and len(buffer) < end):
            break  # more is to come
        if length in _LENGTHS and sum(buffer[at : end - 2]) & 0xFFFF == int.from_bytes(buffer[end - 2 : end], "big"):
            frames.append(bytes(buffer[at:end]))
            at = end
        else:
            noise += 1
            at += 1
    else:
        end = max(at, len(buffer) - buffer.endswith(_HEAD[:1]))
        noise += end - at
        at = end
    del buffer[:at]
    return frames, noise
