"""The replay source: recorded batches at full speed, each with its own arrival time.

While it runs no other source is open (`Pipeline.replaying`), and log time goes on from the clock afterwards. Tests, and
the demo's past, use it.
"""

import threading
from collections.abc import Callable, Iterable

from devices.frames import Batch
from ingest.sources import Deliver

AHEAD = 50  # batches that may wait for their commit: the past must not lie in memory
LOOK_S = 0.2
"""How long it waits for the disk before it looks whether it is to stop."""


class Replay:
    """Delivers batches whose `at_ms` is their arrival, in order; then it ends.

    begins_ms  arrival of the first
    told       called with the number of batches that are durable, now and then
    """

    window = None
    waits = False

    def __init__(self, batches: Iterable[Batch], begins_ms: int, told: Callable[[int], None] = lambda _: None) -> None:
        self.begins_ms = begins_ms
        self._batches, self._told = batches, told
        self._room = threading.Semaphore(AHEAD)
        self._received = self._durable = 0

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        """Deliver all; return when all of it is durable, or `stop` is set."""
        for batch in self._batches:
            if not self._has_room(stop):
                return
            self._received += len(batch.frames)
            deliver(batch, self._acknowledge)
        for _ in range(AHEAD):
            if not self._has_room(stop):
                return

    def _has_room(self, stop: threading.Event) -> bool:
        """Wait until something more is durable; False when `stop` was set meanwhile."""
        while not self._room.acquire(timeout=LOOK_S):
            if stop.is_set():
                return False
        return not stop.is_set()

    def _acknowledge(self) -> None:
        self._durable += 1
        self._told(self._durable)
        self._room.release()

    def counts(self) -> dict[str, int]:
        """Frames delivered."""
        return {"received": self._received}
