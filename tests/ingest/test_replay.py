"""The replay source: in order, with its own times, never far ahead of the disk, and over when all of it is durable."""

import threading
from collections.abc import Callable

import pytest

from devices.frames import Batch
from ingest.sources.replay import AHEAD, Replay
from tests.servers import until

COUNT = AHEAD * 3


def batches(count: int = COUNT) -> list[Batch]:
    return [Batch("lora", 1_000 + n, [(b"topic", b"%d" % n, b""), (b"topic", b"again", b"")]) for n in range(count)]


class Disk:
    """Takes what is delivered; it is durable when `commit` is called."""

    def __init__(self) -> None:
        self.taken: list[Batch] = []
        self.waiting: list[Callable[[], None]] = []

    def deliver(self, batch: Batch, acknowledge: Callable[[], None]) -> None:
        self.taken.append(batch)
        self.waiting.append(acknowledge)

    def commit(self, count: int) -> None:
        for _ in range(count):
            self.waiting.pop(0)()

    def wait_for(self, count: int) -> None:
        until(lambda: len(self.taken) == count, within_s=5, what=f"{count} batches")


def start(replay: Replay, disk: Disk, stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=replay.run, args=(disk.deliver, stop), daemon=True)
    thread.start()
    return thread


def test_at_most_fifty_wait_for_the_disk_and_it_ends_with_the_last_commit() -> None:
    disk, told = Disk(), list[int]()
    replay = Replay(batches(), 1_000, told.append)
    thread = start(replay, disk, threading.Event())
    durable = 0
    while durable < COUNT - 1:
        disk.wait_for(min(COUNT, durable + AHEAD))
        thread.join(0.001)
        assert len(disk.taken) <= durable + AHEAD
        disk.commit(step := min(7, COUNT - 1 - durable))
        durable += step
    thread.join(0.05)
    assert thread.is_alive(), "it ends before the last batch is durable"
    disk.commit(1)
    thread.join(5)
    assert not thread.is_alive()
    assert disk.taken == batches()
    assert told == list(range(1, COUNT + 1))
    assert replay.counts() == {"received": 2 * COUNT}


def test_stopped_it_delivers_no_more() -> None:
    disk, stop = Disk(), threading.Event()
    thread = start(Replay(batches(), 1_000), disk, stop)
    disk.wait_for(AHEAD)
    stop.set()
    disk.commit(1)
    thread.join(5)
    assert not thread.is_alive()
    assert len(disk.taken) == AHEAD


def test_an_empty_past_is_over_at_once() -> None:
    disk = Disk()
    start(Replay([], 0), disk, threading.Event()).join(5)
    assert disk.taken == []


@pytest.mark.parametrize("count", [COUNT, AHEAD], ids=["on the way", "for the last commit"])
def test_it_does_not_wait_for_a_disk_that_never_comes(count: int) -> None:
    """The pipeline has died: whoever stops the replay is not kept waiting."""
    disk, stop = Disk(), threading.Event()
    thread = start(Replay(batches(count), 1_000), disk, stop)
    disk.wait_for(AHEAD)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert len(disk.taken) == AHEAD
