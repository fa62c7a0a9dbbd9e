"""A PM module that sends a frame by itself."""

import threading
from collections.abc import Callable

from commands.district.wire import Wire


class Plantower:
    """Sends what `frame` gives, once in `every_s`, whether anybody listens or not.

    sent  how many frames went out
    """

    def __init__(self, wire: Wire, frame: Callable[[], bytes], every_s: float = 1.0) -> None:
        self.sent = 0
        self._wire = wire
        self._frame = frame
        self._every_s = every_s

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`. Raises OSError when the line is gone."""
        while not stop.is_set():
            self._wire.write(self._frame())
            self.sent += 1
            stop.wait(self._every_s)
