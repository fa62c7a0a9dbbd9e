"""A start: open the stores, put the fold back where it was, and tell it that time has passed.

Restart = snapshot + replay of what follows, mute up to the book's position. What a replay makes that the book or
InfluxDB do not have yet (the process died between two disks) is told and written now.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import msgspec

from devices.frames import Batch
from ingest.clock import Civil, Clock, judge_civil, now_civil_ms, ntp_says_so
from ingest.pipeline import View
from ingest.poison import Poison, blamed, holds_poison, sound_frames
from ingest.stores import Stores
from ingest.trial import try_first
from rules import sections
from rules.fold import Fold, Load
from rules.intake import PoisonError
from rules.records import Config, Record, Status
from store import snapshot
from store.crashes import SetAside
from store.journal import Span, span

log = logging.getLogger(__name__)

LOST = "journal lost"  # a cause of what was missed


def _poison_of(stores: Stores, aside: Iterable[int]) -> set[tuple[str, bytes, bytes]]:
    """Return the frames that are set aside: a sender that had no answer sends them again, with other numbers."""
    poison = set()
    for sequence in aside:
        for first, record in stores.journal.read(sequence - 1, upto=sequence):
            if isinstance(record, Batch) and first <= sequence < first + span(record):
                poison.add((record.source, *record.frames[sequence - first][:2]))
    return poison


class StoppedError(Exception):
    """Somebody stopped the process before it had started."""


def restore(
    stores: Stores, load: Load, views: Sequence[View], stop: threading.Event | None = None
) -> tuple[Fold, Poison]:
    """Make the fold again: snapshot, then what follows it in the journal; tell also which frames nobody may judge.

    What the journal has lost of that is counted in `stores`. Where it has lost its beginning, the fold begins with the
    configuration that the book says was in force then.
    Raises StoppedError when `stop` is set.
    """
    fold = Fold(load)
    poison = _poison_of(stores, stores.crashes.set_aside)
    found = snapshot.read(stores.fs, stores.directory / "snapshot")
    after = 0
    if found is not None:
        sequence, parts = found
        missing = sections.read(fold, parts)
        if missing and stores.journal.first <= 1:
            fold = Fold(load)  # the journal still has everything: it makes all sections again
        elif "fold" not in missing:
            after = sequence
    told = fold.memory.missed[LOST]
    lost: list[Span] = []
    for first, record in _sound(stores, poison, after, lost):
        if not fold.memory.hash and lost and lost[0][1] < first and not isinstance(record, Config):
            _begin(stores, fold, first, record)
        if stop is not None and stop.is_set():
            raise StoppedError
        if first in stores.crashes.suspects:
            why = try_first(partial(fold.take, first, [record]))
            if why:
                stores.crashes.blame(first, why, record.source if isinstance(record, Batch) else "")
                poison |= _poison_of(stores, [first])
                continue
        _replay(stores, fold, views, first, record)
    if not stores.journal.first and after + 1 < stores.journal.next:
        lost.append((after + 1, stores.journal.next - 1))
    _count(stores, lost, fold.memory.missed[LOST] - told)
    return fold, poison


def _count(stores: Stores, lost: list[Span], told: int) -> None:
    """Count what the journal has lost, without the frames of strangers; told: so many have been told already."""
    stores.lost = sum(last - first + 1 for first, last in lost) - stores.inbox.among(lost)
    stores.untold = max(stores.lost - told, 0)
    if stores.lost:
        log.warning("the journal has lost %d records: %s", stores.lost, ", ".join(f"{a} to {b}" for a, b in lost[:9]))


def _begin(stores: Stores, fold: Fold, first: int, record: Record) -> None:
    """Put in force what was in force before the oldest record that there is; its own record is lost."""
    config_hash = stores.book.accepted_before(stores.journal.first_config())
    if config_hash is not None:
        fold.take(first - 1, [Config(at_ms=record.at_ms, hash=config_hash)])


def _replay(stores: Stores, fold: Fold, views: Sequence[View], first: int, record: Record) -> None:
    try:
        with stores.crashes.judging(first, first + span(record) - 1, kept=True):
            outcome = fold.take(first, [record])
    except PoisonError as error:
        stores.crashes.blame(*blamed(error, record))
        raise
    told = stores.with_room(lambda: stores.book.tell(outcome))
    for view in views:
        view.take(told, outcome)


def _sound(stores: Stores, poison: Poison, after: int, lost: list[Span]) -> Iterator[tuple[int, Record]]:
    """Read the journal without what was set aside; one frame at a time while a culprit is looked for."""
    skip, suspects = stores.crashes.set_aside, stores.crashes.suspects
    for first, record in stores.journal.read(after, lost=lost):
        if not isinstance(record, Batch):
            if first not in skip:
                yield first, record
        elif (
            stores.crashes.careful
            or holds_poison(record, poison)
            or any(first <= suspect < first + span(record) for suspect in suspects)
        ):
            yield from sound_frames(first, record, poison)
        else:
            yield first, record


def first_words(stores: Stores, fold: Fold, clock: Clock, config_hash: str) -> list[Record]:
    """Say what a new process must say before anything else."""
    memory = fold.memory
    believed = Civil(memory.offset_ms, "", trusted=True)
    civil = judge_civil(clock.log_ms(), now_civil_ms(), believed, ntp=ntp_says_so)
    # Started comes first: whatever comes before it fires the timers of the time in which nobody listened.
    words: list[Record] = [Status(at_ms=0, subject="gateway", kind="started")]
    if memory.hash != config_hash:
        words.append(Config(at_ms=0, hash=config_hash))
    words.append(Status(at_ms=0, subject="gateway", kind="clock", data=msgspec.to_builtins(civil)))
    if stores.untold:
        words.append(Status(at_ms=0, subject="gateway", kind="missed", data={"count": stores.untold, "cause": LOST}))
    for each in stores.crashes.untold():
        data = {"sequence": each.sequence, "source": _source_of(stores, each), "why": each.why}
        words.append(Status(at_ms=0, subject="gateway", kind="set_aside", data=data))
    told = [msgspec.to_builtins(alarm, builtin_types=()) for alarm in stores.book.alarms()]
    words.append(Status(at_ms=0, subject="gateway", kind="reconciled", data={"alarms": told}))
    return words


def _source_of(stores: Stores, each: SetAside) -> str:
    """Find where a record that was set aside came from; a process that was killed could not say it."""
    if each.source:
        return each.source
    for first, record in stores.journal.read(each.sequence - 1):
        if isinstance(record, Batch) and first <= each.sequence < first + span(record):
            return record.source
        break
    return ""
