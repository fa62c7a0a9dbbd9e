"""A journal that has lost its beginning, or records in its middle: the rest is judged, and what is gone is told."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.frames import Batch
from devices.registry import Registry
from ingest import pipeline as pipeline_module
from ingest.clock import Clock
from ingest.health import Health
from ingest.pipeline import Pipeline
from ingest.start import LOST, first_words, restore
from ingest.stores import Stores, open_stores
from rules import sections
from rules.kinds.state import State
from rules.records import Config, Status
from rules.ruleset import RuleSet
from store import segment, snapshot
from store.fs import OsFs
from store.ledger import Kept, ledger_picture
from tests.ingest.test_pipeline import Sender
from tests.rules.street import LORA, plain, rule

OPEN = rule("open", "state", State(quantity="cover_open", value=True), priority=1)
CONFIGS = {
    name: (Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(LORA,), devices=devices), RuleSet((OPEN,)))
    for name, devices in (("one", (plain("a"), plain("b"))), ("two", (plain("a"), plain("b"), plain("c"))))
}


class Life:
    """One process on a state directory; it ends as a kill -9 does, without a snapshot."""

    def __init__(self, state: Path, config: str) -> None:
        self.stores: Stores = open_stores(OsFs(), state, journal_bytes=64 << 20, inbox_bytes=16 << 20)
        fold, poison = restore(self.stores, CONFIGS.__getitem__, [])
        self.after_replay = sections.write(fold)
        if (self.stores.book.accepted() or ("",))[0] != config:
            self.stores.book.accept(config, b"")
        clock = Clock(fold.memory.log_ms, fold.memory.offset_ms)
        self.pipeline = Pipeline(fold, self.stores, clock, [], poison)
        self.deliver = self.pipeline.door(Sender(), "lora")
        for record in first_words(self.stores, fold, clock, config):
            self.pipeline.note(record)
        self.turn()
        self.health = Health(self.pipeline, clock, state, snapshot=lambda: None)
        self.health.look()
        self.turn()

    def turn(self) -> None:
        while self.pipeline.waiting():
            self.pipeline.turn()

    def say(self, device: str, count: int = 1, *, open_: bool = False) -> None:
        """Deliver readings, each a group of its own."""
        for _ in range(count):
            payload = b'{"open": %s}' % (b"true" if open_ else b"false")
            self.deliver(Batch("lora", 0, [(f"plain/{device}".encode(), payload, b"")]), lambda: None)
            self.turn()

    def end(self) -> None:
        self.stores.close()

    @property
    def memory(self) -> Any:  # noqa: ANN401 - a fold's memory
        return self.pipeline.fold.memory

    @property
    def alarms(self) -> set[str]:
        return {alarm.id for alarm in self.stores.book.alarms() if alarm.active}

    def received(self) -> int:
        ledger = ledger_picture(self.memory, Kept(), None, {})
        assert not ledger.unaccounted
        return ledger.frames.received


Live = Callable[[str], Life]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr(pipeline_module, "SMALL_GROUP_S", 0.03)
    lives: list[Life] = []

    def begin(config: str) -> Life:
        for life in lives:
            life.end()
        lives[:] = [Life(tmp_path, config)]
        return lives[0]

    yield begin
    for life in lives:
        life.end()


def damage(state: Path, *groups: int) -> None:
    """Flip a byte in some groups of the first segment."""
    path = segment.path_of(state / "journal", 1)
    data = bytearray(path.read_bytes())
    offsets = [offset for offset, _ in segment.groups(bytes(data), 1)]
    for group in groups:
        data[offsets[group] + segment.HEADER_BYTES + 3] ^= 1
    path.write_bytes(data)


def test_the_beginning_is_lost(live: Live, tmp_path: Path) -> None:
    life = live("one")
    life.say("a", 2)
    life.say("b", open_=True)
    life.say("stranger", 3)
    damage(tmp_path, 0)
    again = live("one")
    first = next(iter(again.stores.journal.read(0)))[0]
    assert first > 1
    assert again.received() == 3, "what the journal has is known to the ledger"
    assert again.memory.world.reception.tracks["a"].frames == 2
    assert again.memory.missed == {LOST: first - 1}
    assert again.alarms == {"open@b", "journal-trouble@gateway"}
    [trouble] = [alarm for alarm in again.stores.book.alarms() if alarm.rule == "journal-trouble"]
    assert f"{first - 1} records are lost" in trouble.text.en


def test_a_hole_in_the_middle_is_counted_without_the_strangers_in_it(live: Live, tmp_path: Path) -> None:
    life = live("one")
    life.say("a")
    life.say("stranger", 3)
    life.say("a", 2)
    life.say("b")
    groups = sum(1 for _ in segment.groups((segment.path_of(tmp_path / "journal", 1)).read_bytes(), 1))
    damage(tmp_path, groups - 4, groups - 2)
    again = live("one")
    assert again.memory.missed == {LOST: 2}
    assert again.received() == 2
    assert again.stores.lost == 2


def test_it_is_told_once(live: Live, tmp_path: Path) -> None:
    live("one").say("a", 2)
    damage(tmp_path, 0)
    lost = live("one").memory.missed[LOST]
    assert lost > 0
    assert live("one").memory.missed == {LOST: lost}
    life = live("one")
    parts = sections.write(life.pipeline.fold)
    snapshot.write(OsFs(), tmp_path / "snapshot", life.pipeline.fold.memory.out.last, parts)
    life = live("one")
    assert life.memory.missed == {LOST: lost}
    assert life.stores.lost == 0, "the snapshot knows better"


def test_what_was_not_durable_when_a_process_ended_is_no_loss(live: Live, tmp_path: Path) -> None:
    life = live("one")
    life.say("a")
    life.stores.inbox.append([(life.pipeline.journal.next + 5, "lora", 0, (b"plain/x", b"{}", b""), "plain/x")])
    life.stores.inbox.commit()
    live("one").say("a")
    assert live("one").memory.missed == {}


def test_nothing_is_left_of_the_journal(live: Live, tmp_path: Path) -> None:
    life = live("one")
    life.say("b", open_=True)
    told_to = life.stores.book.told_to()
    shutil.rmtree(tmp_path / "journal")
    life = live("one")
    assert life.memory.missed == {LOST: told_to}
    assert life.alarms >= {"open@b", "journal-trouble@gateway"}
    assert live("one").memory.missed == {LOST: told_to}


@pytest.mark.parametrize("later", ["one", "two"])
def test_the_rest_begins_with_the_configuration_of_then(live: Live, tmp_path: Path, later: str) -> None:
    """Frames of c came before anybody had registered it: they stay strangers, whatever was accepted afterwards."""
    life = live("one")
    life.say("c", 2)
    life.say("a", 3)
    damage(tmp_path, 0)
    first = live(later)
    first.say("c", 2)
    once = first.memory.world.reception.tracks["a"].frames
    assert once == 3
    again = live(later)
    again.say("a")
    assert again.memory.world.reception.tracks["a"].frames == once + 1
    assert again.received() == (6 if later == "two" else 4)


def test_restarts_are_equivalent(live: Live, tmp_path: Path) -> None:
    """However often it is killed: the fold over what the journal still has is the same, also under a later one."""
    life = live("one")
    life.say("a", 2)
    damage(tmp_path, 0)
    life = live("one")
    life.say("b", open_=True)
    before = life.alarms
    life.stores.book.accept("two", b"")
    life.pipeline.note(Config(at_ms=0, hash="two"))
    life.turn()
    life.say("c", 1)
    kept = sections.write(life.pipeline.fold)
    assert live("two").after_replay == kept
    assert live("two").alarms == before


def test_a_whole_journal_without_a_configuration_yet_begins_with_none(live: Live, tmp_path: Path) -> None:
    life = live("one")
    life.pipeline.note(Status(at_ms=0, subject="gateway", kind="stopped"))
    life.turn()
    kept = sections.write(life.pipeline.fold)
    again = live("one")
    assert again.after_replay == kept
    assert again.stores.lost == 0
