"""HJ 212 on a serial line: a logger that is wired to the gateway (RS232, RS485), spoken to as over TCP."""

import threading
from functools import partial
from queue import SimpleQueue
from time import monotonic
from typing import Final

from serial import Serial

from devices.frames import Batch
from devices.hj212_stream import Splitter
from ingest.settings import Line
from ingest.sources import Deliver, Report
from ingest.sources.hj212_desk import Desk, Reply
from ingest.sources.serial_line import STOP_LOOK_S, SerialLine

ANSWER_LOOK_S: Final = 0.02
"""While something is on its way to the disk, we look this often whether it may be answered."""


class Hj212Line(SerialLine):
    """A line on which loggers send packets. The place of its frames is the station's MN, as over TCP.

    silent_s  no packet for so long means that the line is down
    """

    waits = True

    def __init__(  # noqa: PLR0913 - a line and what is on it
        self,
        name: str,
        port: str,
        line: Line,
        report: Report,
        *,
        silent_s: float = 900.0,
        desk: Desk | None = None,
    ) -> None:
        super().__init__(name, port, line, report)
        self.silent_s = silent_s
        self.desk = desk or Desk(report)
        self._counts["answered"] = 0

    def _talk(self, port: Serial, deliver: Deliver, stop: threading.Event) -> None:
        splitter = Splitter()
        kept: SimpleQueue[list[Reply]] = SimpleQueue()
        waiting = 0
        heard = monotonic()
        while not stop.is_set():
            junk = splitter.junk
            looked = [self.desk.look_at(packet) for packet in splitter.feed(self._read(port, self._wait_s(waiting)))]
            self._noise(splitter.junk - junk + sum(len(each.payload) for each in looked if not each.place))
            frames = [(each.place, each.payload, b"") for each in looked if each.place]
            if frames:
                heard = monotonic()
                waiting += 1
                self._counts["received"] += len(frames)
                self._set_link(up=True)
                replies = [reply for each in looked for reply in each.replies]
                deliver(Batch(self.name, 0, frames), partial(kept.put, replies))
            elif monotonic() - heard >= self.silent_s:
                self._set_link(up=False, why=f"no packet for {self.silent_s:g} s")
            while not kept.empty():
                replies = kept.get()
                waiting -= 1
                self._counts["answered"] += len(replies)
                port.write(self.desk.written(replies))

    @staticmethod
    def _wait_s(waiting: int) -> float:
        return ANSWER_LOOK_S if waiting else STOP_LOOK_S
