"""What tests of sources need: a source in its thread, and cables that can be pulled."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

from devices.frames import Batch, Frame
from ingest.sources import Acknowledge, Source


def until(condition: Callable[[], object], what: str, timeout_s: float = 15) -> None:
    """Wait until it holds."""
    end = monotonic() + timeout_s
    while not condition():
        assert monotonic() < end, f"not in {timeout_s} s: {what}"
        sleep(0.005)


class Heard:
    """What a source delivered and reported."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.acknowledge: list[Acknowledge] = []
        self.at_once = True

    def deliver(self, batch: Batch, acknowledge: Acknowledge) -> None:
        self.batches.append(batch)
        if self.at_once:
            acknowledge()
        else:
            self.acknowledge.append(acknowledge)

    def report(self, kind: str, data: dict[str, Any]) -> None:
        self.reports.append((kind, data))

    @property
    def frames(self) -> list[Frame]:
        return [frame for batch in list(self.batches) for frame in batch.frames]

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload, _ in self.frames]

    @property
    def links(self) -> list[bool]:
        return [data["up"] for kind, data in list(self.reports) if kind == "link"]

    def why(self) -> str:
        """Say why the link was told last."""
        return str([data["why"] for kind, data in list(self.reports) if kind == "link"][-1])

    def missed(self, cause: str) -> int:
        return sum(data["count"] for kind, data in list(self.reports) if kind == "missed" and data["cause"] == cause)


@contextmanager
def running(source: Source, heard: Heard) -> Iterator[threading.Event]:
    """Let a source run; at the end it must stop soon, and must not have died."""
    stop = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            source.run(heard.deliver, stop)
        except BaseException as error:
            raised.append(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
        assert thread.is_alive() or stop.is_set(), "the source died"
    finally:
        began = monotonic()
        stop.set()
        thread.join(10)
    assert not raised
    assert monotonic() - began < 2, "a stop takes a second; on a busy machine perhaps two"


@contextmanager
def device(run: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let a simulated device run."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


class Cable:
    """A serial line between two names, by socat; it can be pulled out and plugged in again."""

    def __init__(self, folder: Path) -> None:
        self.ours = folder / "ttyUSB0"
        self.theirs = folder / "device"
        self._socat: subprocess.Popen[bytes] | None = None

    def plug(self) -> None:
        ends = [f"pty,raw,echo=0,link={end}" for end in (self.ours, self.theirs)]
        self._socat = subprocess.Popen(["socat", *ends])
        until(lambda: self.ours.exists() and self.theirs.exists(), "socat has made its links")

    def pull(self) -> None:
        assert self._socat is not None
        self._socat.terminate()  # takes the links away, as udev does
        self._socat.wait(10)
        self._socat = None

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        if self._socat is not None:
            self.pull()
