"""When a group closes, and what leaves only then: a real fold on real stores."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

from devices.frames import Batch
from devices.registry import Registry
from ingest import pipeline as module
from ingest.clock import Clock
from ingest.pipeline import Pipeline
from ingest.sources import Deliver
from ingest.stores import Stores, open_stores
from rules.fold import Fold
from rules.kinds.state import State
from rules.records import Command, Config, Event, Outcome
from rules.ruleset import RuleSet
from store.fs import DiskFullError, OsFs
from tests.rules.street import LORA, SITES, plain, rule

REGISTRY = Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(LORA, SITES), devices=(plain("d"),))
RULES = RuleSet((rule("open", "state", State(quantity="cover_open", value=True), priority=1),))


class Sender:
    """A source as the pipeline sees it."""

    def __init__(self, *, window: int | None = None, waits: bool = False) -> None:
        self.window, self.waits = window, waits

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        return {}


class Watcher:
    """A view that remembers when it was told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:
        del told
        self.outcomes.append(outcome)


class Gateway:
    """A pipeline at work."""

    def __init__(self, folder: Path) -> None:
        self.stores: Stores = open_stores(OsFs(), folder, journal_bytes=64 << 20, inbox_bytes=16 << 20)
        self.watcher = Watcher()
        fold = Fold(lambda _: (REGISTRY, RULES))
        self.pipeline = Pipeline(fold, self.stores, Clock(0, 0), [self.watcher])
        self.thread = threading.Thread(target=self.pipeline.run)
        self.thread.start()
        self.pipeline.note(Config(at_ms=0, hash="one"))
        self.pipeline.ask_durable(lambda _: None).result(5)

    def send(self, sender: Sender, *payloads: bytes, source: str = "lora") -> Callable[[float], float]:
        """Deliver a batch; return what waits for its acknowledgement and tells how long that took."""
        done = threading.Event()
        began = time.monotonic()
        batch = Batch(source, 0, [(b"plain/d", payload, b"") for payload in payloads])
        self.pipeline.door(sender, source)(batch, done.set)

        def took(within_s: float) -> float:
            assert done.wait(within_s), "never acknowledged"
            return time.monotonic() - began

        return took


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path)
    yield gateway
    assert gateway.pipeline.stop(10)
    gateway.thread.join(5)
    gateway.stores.close()


def test_a_lonely_message_waits_for_others_but_not_for_ever(gateway: Gateway) -> None:
    took_s = gateway.send(Sender(), b'{"pm10": 1}')(5)
    assert took_s > module.GROUP_S
    [config, outcome] = gateway.watcher.outcomes
    assert (config.last, outcome.first, outcome.last) == (1, 2, 2)
    assert gateway.stores.journal.last == 2


def test_an_event_waits_for_nobody(gateway: Gateway) -> None:
    assert gateway.send(Sender(), b'{"open": true}')(5) < module.SMALL_GROUP_S / 2
    assert [event.alarm.id for event in gateway.watcher.outcomes[-1].events] == ["open@d"]
    assert [alarm.id for alarm in gateway.stores.book.alarms()] == ["open@d"]


def test_who_waits_for_an_answer_has_it_soon(gateway: Gateway) -> None:
    assert gateway.send(Sender(waits=True), b"##", source="sites")(5) < module.SMALL_GROUP_S / 2


def test_a_full_window_closes_the_group(gateway: Gateway) -> None:
    assert gateway.send(Sender(window=3), *[b'{"pm10": %d}' % n for n in range(3)])(5) < module.SMALL_GROUP_S / 2


def test_much_is_not_kept_waiting(gateway: Gateway) -> None:
    payload = b'{"pm10": 1, "x": "' + b"x" * module.GROUP_BYTES + b'"}'
    assert gateway.send(Sender(), payload)(5) < module.SMALL_GROUP_S / 2


def test_a_command_is_answered_when_it_is_on_the_disk(gateway: Gateway) -> None:
    gateway.send(Sender(), b'{"open": true}')(5)
    [alarm] = gateway.stores.book.alarms()
    command = Command(at_ms=0, id="c1", kind="ack", alarm=alarm.id, occurrence=alarm.occurrence, user="王")
    answer = gateway.pipeline.submit(command).result(5)
    assert answer.status == 200
    assert gateway.stores.journal.last == 3
    assert gateway.stores.book.alarms()[0].acknowledged


@pytest.mark.parametrize("way", ["ask", "ask_durable"])
def test_what_a_question_raises_is_told_to_who_asked(gateway: Gateway, way: str) -> None:
    ask = getattr(gateway.pipeline, way)
    with pytest.raises(ZeroDivisionError):
        ask(lambda _: 1 / 0).result(5)
    assert ask(lambda fold: fold.memory.world.registry.gateway).result(5) == "gw", "the pipeline goes on"


def test_who_asks_a_pipeline_that_has_ended_does_not_wait_for_ever(gateway: Gateway) -> None:
    command = Command(at_ms=0, id="late", kind="ack", alarm="open@d", occurrence=0, user="王")
    assert gateway.pipeline.stop(10)
    late: list[Future[Any]] = [
        gateway.pipeline.submit(command),
        gateway.pipeline.ask(lambda _: None),
        gateway.pipeline.picture(),
        gateway.pipeline.configure("two", b""),
    ]
    for each in late:
        with pytest.raises(CancelledError):
            each.result(5)


def test_a_configuration_that_the_book_does_not_take_is_not_put_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = open_stores(OsFs(), tmp_path, journal_bytes=64 << 20, inbox_bytes=16 << 20)
    pipeline = Pipeline(Fold(lambda _: (REGISTRY, RULES)), stores, Clock(0, 0), [])

    def broken(_hash: str, _content: bytes) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(stores.book, "accept", broken)
    put_in_force = pipeline.configure("two", b"")
    with pytest.raises(sqlite3.DatabaseError):
        pipeline.run()
    assert not put_in_force.done()
    assert stores.journal.last == 0
    stores.close()


def test_a_full_disk_holds_acknowledgements_back_and_loses_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FULL_DISK_S", 0.02)
    commit, full, tried = gateway.stores.journal.commit, threading.Event(), threading.Event()
    full.set()

    def commit_or_not() -> int:
        if full.is_set():
            tried.set()
            raise DiskFullError(28, "no space")
        return commit()

    monkeypatch.setattr(gateway.stores.journal, "commit", commit_or_not)
    took = gateway.send(Sender(), b'{"open": true}')
    assert tried.wait(5)
    with pytest.raises(AssertionError, match="never acknowledged"):
        took(0.1)
    assert gateway.pipeline.full_disk
    full.clear()
    took(5)
    assert gateway.stores.journal.last == 2
    assert not gateway.pipeline.full_disk
