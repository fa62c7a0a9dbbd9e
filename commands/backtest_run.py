"""What rules would have rung: a fold of its own for each rule set, fed with the past as the live one was.

From the journal the fold takes the records as they came, people's answers included; from an archive or CSV it takes
readings, and what the gateway noticed of its links (`rules.past`). It begins 50 h early, so that windows are full.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from config.compiled import Compiled
from devices.registry import Registry
from rules.fold import Fold
from rules.intake import PoisonError
from rules.kinds.table import KINDS
from rules.packs.gateway import LINK, MANY
from rules.past import HEAD, Past, Row, row_of
from rules.records import Config, Event, Outcome, Record, Status, Text
from rules.ruleset import RuleSet
from store import archive, journal
from store.archive import ArchiveError
from store.fs import OsFs

WARM_MS = 50 * 3_600_000  # what windows remember
_BEGINS, _ENDS = ("raised", "reraised"), ("returned", "withdrawn")
_TOGETHER = 10_000  # rows of CSV

Told = Callable[[int], None]
"""Is told the civil time that has been reached, ms."""


class Activation(Struct, kw_only=True):
    """One time that an alarm would have begun. Civil time.

    to_ms   None while it stood at the end
    rings   it would have been shown among the others: it was not suppressed (cut off, permitted work, maintenance ...)
    amended  how often what was told of it would have been amended
    """

    alarm: str
    rule: str
    priority: int
    from_ms: int
    to_ms: int | None = None
    rings: bool = True
    value: float | bool | None = None
    text: Text
    amended: int = 0


class Played:
    """One rule set and what it would have done.

    poison  records that it cannot judge
    """

    def __init__(self, compiled: Compiled, from_ms: int, to_ms: int) -> None:
        registry = structs.replace(compiled.registry, influx=False)
        self.loaded: tuple[Registry, RuleSet] = registry, compiled.ruleset
        self.hash = compiled.hash
        self.activations: list[Activation] = []
        self.poison = 0
        self._from_ms, self._to_ms = from_ms, to_ms
        self._standing: dict[str, Activation] = {}
        self._told: dict[tuple[str, int], Activation] = {}  # by alarm and occurrence: a finding is over at once
        self._signs = {rule.id for rule in compiled.ruleset.rules if KINDS[rule.kind].needs == "sign"}
        self._signs |= {LINK.id, MANY.id}
        self._over = False

    def load(self, _hash: str) -> tuple[Registry, RuleSet]:
        """Give the one configuration that there is."""
        return self.loaded

    def end(self, fold: Fold, to_ms: int) -> None:
        """Let time go on to the end: days close. That nothing was heard behind the end of the data is no silence."""
        self._over = True
        end_ms = max(to_ms - fold.memory.offset_ms, fold.memory.log_ms)
        self.heed(fold.take(fold.memory.out.last + 1, [Status(at_ms=end_ms, subject="gateway", kind="stopped")]))

    def take(self, fold: Fold, first: int, record: Record) -> None:
        """Judge one record of the journal."""
        try:
            self.heed(fold.take(first, [record]))
        except PoisonError:
            self.poison += 1

    def heed(self, outcome: Outcome) -> None:
        """Note what rang, and what rules that are only tried would have rung."""
        for event in outcome.events:
            self._event(event)
        for event in outcome.shadows:
            self._event(event)

    def _event(self, event: Event) -> None:
        alarm = event.alarm
        standing = self._standing.get(alarm.id)
        if event.kind in _BEGINS and self._over and alarm.rule in self._signs:
            return
        if event.kind in _BEGINS:
            if standing is not None:
                standing.to_ms = event.t_ms
            self._standing[alarm.id] = begun = Activation(
                alarm=alarm.id, rule=alarm.rule, priority=alarm.priority, from_ms=event.t_ms,
                rings=not alarm.suppressed, value=alarm.value, text=alarm.text,
            )  # fmt: skip
            self._told[alarm.id, alarm.occurrence] = begun
            if self._from_ms <= event.t_ms < self._to_ms:
                self.activations.append(begun)
        elif event.kind in _ENDS and standing is not None:
            standing.to_ms = event.t_ms
            del self._standing[alarm.id]
        elif event.kind == "amended":
            about = standing if event.amends is None else self._told.get((alarm.id, event.amends))
            if about is not None:
                about.amended += 1
        elif event.kind == "unsuppressed" and standing is not None:
            standing.rings = True


# ------------------------------------------------------------------------------------- readings: archive and CSV


def play_archive(sets: Sequence[Played], directory: Path, zone: Any, from_ms: int, to_ms: int, told: Told) -> int:  # noqa: ANN401, PLR0913, PLR0917 - a ZoneInfo; whom, where, when
    """Let rule sets judge what an archive holds; return how many readings that was. Raises ArchiveError."""
    first, last = (datetime.fromtimestamp(ms / 1000, zone).date().isoformat() for ms in (from_ms - WARM_MS, to_ms - 1))
    if not any(first <= date <= last for date in archive.dates(directory)):
        raise ArchiveError(f"{directory} holds nothing of {first} to {last}")
    return _play(sets, lambda wanted: archive.read(directory, first, last, wanted), from_ms, to_ms, told)


def play_csv(sets: Sequence[Played], paths: Sequence[Path], from_ms: int, to_ms: int, told: Told) -> int:
    """Let rule sets judge tables of somebody else's: `device`, `time`, quantities. Raises ArchiveError."""
    return _play(sets, lambda wanted: _pieces(paths, wanted), from_ms, to_ms, told)


def _play(
    sets: Sequence[Played], read: Callable[[set[str]], Iterator[list[Any]]], from_ms: int, to_ms: int, told: Told
) -> int:
    folds = [Past(each.load, each.hash, from_ms - WARM_MS) for each in sets]
    wanted = {
        name for fold in folds for track in fold.memory.world.reception.tracks.values() for name in track.quantities
    }
    count = 0
    for piece in read(wanted):
        if not piece:
            continue
        note = isinstance(piece[0], Status)
        rows = piece if note else _within(piece, from_ms - WARM_MS, to_ms)
        for each, fold in zip(sets, folds, strict=True):
            each.heed(fold.note(rows) if note else fold.rows(rows))
        if not note and rows:
            count += len(rows)
            told(rows[-1].arrived)
    for each, fold in zip(sets, folds, strict=True):
        each.end(fold, to_ms)
    return count


def _within(rows: list[Any], from_ms: int, to_ms: int) -> list[Any]:
    if rows[0].arrived >= from_ms and rows[-1].arrived < to_ms:
        return rows
    return [row for row in rows if from_ms <= row.arrived < to_ms]


def _pieces(paths: Sequence[Path], wanted: set[str]) -> Iterator[list[Any]]:
    rows = sorted((row for path in paths for row in _table(path, wanted)), key=lambda row: row.arrived)
    for start in range(0, len(rows), _TOGETHER):
        yield rows[start : start + _TOGETHER]


def _table(path: Path, wanted: set[str]) -> Iterator[Row]:
    """Read a table: columns `device` and `time` (ms or RFC 3339), `arrived` where it differs, quantities by name."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or ()
        unknown = [name for name in names if name not in wanted and name not in HEAD]
        absent = [name for name in ("device", "time") if name not in names]
        if absent or unknown:
            what = f"no column {', '.join(absent)}" if absent else f"no device says {', '.join(unknown)}"
            raise ArchiveError(f"{path}:1: {what}; write device,time, then quantities as in pm10_ug_m3")
        make: Any = row_of([name for name in names if name not in HEAD], wanted)
        for number, line in enumerate(reader, 2):
            try:
                at_ms = _instant(line["time"])
                yield make(
                    arrived=_instant(line.get("arrived") or line["time"]), device=line["device"], time=at_ms,
                    how=line.get("how") or None, flags=line.get("flags") or None,
                    **{name: _value(line[name]) for name in names if name not in HEAD and line[name]},
                )  # fmt: skip
            except (ValueError, TypeError) as error:
                raise ArchiveError(f"{path}:{number}: {error}") from None


def _instant(text: str) -> int:
    if text.isdecimal():
        return int(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone: write 2026-11-20T08:00:00+08:00")
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _value(text: str) -> float | bool:
    return text == "true" if text in ("true", "false") else float(text)


# ----------------------------------------------------------------------------------------------------- the journal


def play_journal(sets: Sequence[Played], directory: Path, from_ms: int, to_ms: int, told: Told) -> int:
    """Let rule sets judge what a journal holds; return how many frames that was."""
    folds = [Fold(each.load) for each in sets]
    before = _Before()
    begun, count = False, 0
    for first, record in journal.read(OsFs(), directory):
        civil_ms = record.at_ms + before.offset_ms
        if civil_ms < from_ms - WARM_MS:
            before.note(record)
            continue
        if civil_ms >= to_ms:
            break
        if not begun:
            begun = True
            for each, fold in zip(sets, folds, strict=True):
                each.heed(fold.take(max(first - 1, 1), before.records(record.at_ms, each.hash)))
        if isinstance(record, Config) or getattr(record, "kind", "") == "reconciled":
            continue
        before.note(record)
        for each, fold in zip(sets, folds, strict=True):
            each.take(fold, first, record)
        count += len(getattr(record, "frames", ()))
        told(civil_ms)
    for each, fold in zip(sets, folds, strict=True):
        if begun:
            each.end(fold, to_ms)
    return count


class _Before:
    """What the gateway knew of its clock and its links."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self._links: dict[str, Status] = {}

    def note(self, record: Record) -> None:
        if isinstance(record, Status) and record.kind == "clock":
            self.offset_ms = record.data["offset_ms"]
        elif isinstance(record, Status) and record.kind == "link":
            self._links[record.subject] = record

    def records(self, at_ms: int, config_hash: str) -> list[Record]:
        """Say it to a fold that begins."""
        clock = {"offset_ms": self.offset_ms, "source": "journal", "trusted": True}
        return [
            Config(at_ms=at_ms, hash=config_hash),
            Status(at_ms=at_ms, subject="gateway", kind="clock", data=clock),
            *(structs.replace(link, at_ms=at_ms) for link in self._links.values()),
        ]
