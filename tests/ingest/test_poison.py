"""Frames that nobody can judge: each ends two processes at the most, however many there are, and however they come."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from devices.frames import Batch
from devices.registry import Registry
from ingest.clock import Clock
from ingest.pipeline import Pipeline
from ingest.start import restore
from ingest.stores import Stores, open_stores
from ingest.trial import try_first
from rules.fold import Fold
from rules.intake import PoisonError
from rules.kinds.table import KINDS
from rules.kinds.threshold import Threshold
from rules.records import Config, Status
from rules.ruleset import RuleSet
from store.fs import OsFs
from tests.ingest.test_pipeline import Sender
from tests.rules.street import LORA, plain, rule

REGISTRY = Registry(
    gateway="gw", time_zone="Asia/Shanghai", sources=(LORA,), devices=tuple(plain(f"d{n}") for n in range(12))
)
RULES = RuleSet((rule("high", "threshold", Threshold(quantity="pm10_ug_m3", above=150)),))


@pytest.fixture(autouse=True)
def defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rule break on values of 600 and more."""
    sound = KINDS["threshold"]

    def step(memory: Any, given: Any, settings: Any, interval_ms: int) -> Any:  # noqa: ANN401 - as Kind.step
        if getattr(given, "value", 0) >= 600:
            raise ZeroDivisionError(f"value {given.value}")
        return sound.step(memory, given, settings, interval_ms)

    monkeypatch.setitem(KINDS, "threshold", replace(sound, step=step))


def frames(values: dict[int, float], others: float = 200) -> list[tuple[bytes, bytes, bytes]]:
    """Make a batch of one frame a device; most are over the limit, so that each that is judged raises an alarm."""
    return [(b"plain/d%d" % n, b'{"pm10": %g}' % values.get(n, others + n), b"") for n in range(12)]


class Lives:
    """One state directory, and the processes that run on it one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lives = 0

    def live(self, batch: list[tuple[bytes, bytes, bytes]]) -> bool:
        """Start, and take in what a broker brings that has had no answer; return whether it was acknowledged."""
        self.lives += 1
        stores = open_stores(OsFs(), self.folder, journal_bytes=64 << 20, inbox_bytes=16 << 20)
        acknowledged = threading.Event()
        try:
            fold, poison = restore(stores, lambda _: (REGISTRY, RULES), [])
            pipeline = Pipeline(fold, stores, Clock(fold.memory.log_ms, 0), [], poison)
            for record in self._first_words(stores, fold):
                pipeline.note(record)
            pipeline.door(Sender(), "lora")(Batch("lora", 0, batch), acknowledged.set)
            while not acknowledged.is_set() or pipeline.waiting():
                pipeline.turn()
            stores.crashes.told()
        except PoisonError:
            pass
        else:
            self.alarms = {alarm.subject for alarm in stores.book.alarms() if alarm.rule == "high"}
            self.set_aside = sum(pipeline.fold.memory.set_aside.values())
            stores.crashes.end()
        finally:
            stores.close()
        return acknowledged.is_set()

    def _first_words(self, stores: Stores, fold: Fold) -> Iterator[Status | Config]:
        yield Status(at_ms=0, subject="gateway", kind="started")
        if not fold.memory.hash:
            yield Config(at_ms=0, hash="one")
        for each in stores.crashes.untold():
            data = {"sequence": each.sequence, "source": each.source, "why": each.why}
            yield Status(at_ms=0, subject="gateway", kind="set_aside", data=data)

    def settle(self, batch: list[tuple[bytes, bytes, bytes]], lives: int) -> None:
        """Start again and again until the batch is acknowledged; it must be within so many lives."""
        for _ in range(lives):
            if self.live(batch):
                return
        pytest.fail(f"not acknowledged in {lives} lives")


@pytest.mark.parametrize("poisonous", [(5,), (0, 11), (2, 3, 7), tuple(range(12))], ids=len)
def test_every_poisonous_frame_of_a_batch_is_set_aside(tmp_path: Path, poisonous: tuple[int, ...]) -> None:
    lives = Lives(tmp_path)
    lives.settle(frames({n: 600 + n for n in poisonous}), 1 + len(poisonous))
    assert lives.alarms == {f"d{n}" for n in range(12) if n not in poisonous}
    assert lives.set_aside == 2 * len(poisonous), "once each, and once more each for the batch that came again"
    lives.settle(frames({}), 1)  # the devices themselves go on
    assert lives.alarms == {f"d{n}" for n in range(12)}


def test_a_second_poison_beside_one_that_is_known(tmp_path: Path) -> None:
    """The frame that came again and another that nobody knows: once they were judged, and never kept."""
    lives = Lives(tmp_path)
    lives.settle(frames({1: 601}, 100), 2)
    lives.settle(frames({1: 601, 4: 604, 8: 608}), 3)
    assert lives.lives == 5
    assert lives.alarms == {f"d{n}" for n in range(12) if n not in {1, 4, 8}}
    lives.settle(frames({1: 601, 4: 604, 8: 608}), 1)


# --------------------------------------------------------------------------------------------------------- the child


def test_a_child_lives_or_says_what_ended_it() -> None:
    def raises() -> None:
        raise PoisonError(7) from KeyError("x")

    here: list[int] = []
    assert try_first(lambda: here.append(1)) == ""
    assert here == [], "what the child did is gone with it"
    assert try_first(raises) == "KeyError('x')"
    assert "-9" in try_first(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert try_first(signal.pause, within_s=1) == "it did not end within 1 s"
