"""A serial line: opened, listened to, lost and opened again; and on some of them one PM module.

What a pulled adapter raises depends on the call that meets it: `SerialException`, a plain OSError, and from flushing
`termios.error`, which is no OSError (pyserial issue 417). All of them mean: close, wait, open again.
"""

import random
import select
import termios
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from time import monotonic
from typing import Final

from serial import Serial

from devices.frames import Batch
from devices.talkers import Talker, cut
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


class TalkerLine(SerialLine):
    """A line with one PM module that sends by itself, or is asked once in `poll_s`; every measurement is delivered.

    The place of its frames is the line's name. Nothing sensible for `silent_s`, when asked for two and a half rounds at
    least, means that the line is down.

    A module that is asked is first told to be asked (`begin`), and again whenever it did not answer: it may have been
    replaced, or have lost its power and what it was told.
    """

    def __init__(  # noqa: PLR0913 - a line and what is on it
        self,
        name: str,
        port: str,
        line: Line,
        report: Report,
        *,
        talker: Talker,
        poll_s: float | None = None,
        silent_s: float = 30.0,
        settle_s: float = 2.0,
    ) -> None:
        super().__init__(name, port, line, report)
        self.talker = talker
        self.poll_s = poll_s
        self.silent_s = silent_s if poll_s is None else max(silent_s, 2.5 * poll_s)
        self.settle_s = settle_s
        if poll_s is not None:
            self._counts |= {"asked": 0, "no_answer": 0}

    def _talk(self, port: Serial, deliver: Deliver, stop: threading.Event) -> None:
        buffer = bytearray()
        heard = monotonic()
        round_ = None if self.poll_s is None else _Round(heard)
        while not stop.is_set():
            if round_ is not None:
                self._ask(port, round_)
            data = self._read(port, STOP_LOOK_S if round_ is None else max(0.0, round_.due - monotonic()))
            if data:
                stop.wait(GATHER_S)
                data += self._read(port, 0)
            buffer += data
            frames, noise = cut(self.talker, buffer)
            self._noise(noise)
            if frames:
                heard = monotonic()
                if round_ is not None:
                    round_.answered = True
                self._deliver(deliver, self.name, frames)
            elif monotonic() - heard >= self.silent_s:
                self._set_link(up=False, why=self._silence())

    def _ask(self, port: Serial, round_: "_Round") -> None:
        """Ask when it is time; tell it to be asked, and let it settle, when it did not answer."""
        now = monotonic()
        if now < round_.due or self.poll_s is None:
            return
        if round_.answered or round_.told:
            port.write(self.talker.ask)
            self._counts["asked"] += 1
            round_.due = max(round_.due, now - self.poll_s) + self.poll_s if round_.answered else now + self.poll_s
            round_.answered = round_.told = False
        else:
            if self._counts["asked"]:
                self._counts["no_answer"] += 1
                self._missed.add("no_answer")
            port.write(self.talker.begin)
            round_.told = True
            round_.due = now + self.settle_s

    def _silence(self) -> str:
        if self.poll_s is not None:
            return f"no answer for {self.silent_s:g} s"
        return f"no frame for {self.silent_s:g} s (one that only answers needs `poll` at its line)"


@dataclass
class _Round:
    """When the module is told or asked next; whether it was told to be asked, and answered since the last question."""

    due: float
    told: bool = False
    answered: bool = False


GATHER_S: Final = 0.03
"""The first byte of a frame wakes us; the others (32 bytes take 33 ms at 9600 baud) are read together after this."""
