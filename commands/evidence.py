"""The evidence view: copies what a verdict rests on into the book, before the journal forgets it.

A thread of its own looks for events that judge (rules.spans.PROVEN) behind its position, `proven_to` in the book. It
takes many together, lets one child read the frames of all of them in one pass, and gives the proofs to the pipeline's
thread, for the book has one writer; proofs and position are one transaction. So after any end of the process each proof
is there once, or is made again. Nothing waits for it: an event is told before its proof is made, seconds later.

The journal keeps within its budget whatever happens. Where it has recycled a part of a span before it was copied, or
while it was read, the proof says so, and is counted (`proofs` whose `complete` is 0). Only what the age of segments
would throw away is held back for it (`needed_from_ms`).
"""

import logging
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from commands.history import ChildError, spans_of
from commands.history_spans import Found, Spans, Want
from config import blob
from devices.registry import Device, Registry
from ingest.pipeline import Pipeline
from rules.fold import Fold
from rules.kinds.table import KINDS
from rules.packs.gateway import BUILT_IN
from rules.periods import MINUTE_MS, Calendar
from rules.records import Event, Outcome, Period
from rules.ruleset import Rule, RuleSet
from rules.spans import judges
from store.fs import DiskFullError
from store.proofs import UNREADABLE, Proof, ProofReader

log = logging.getLogger(__name__)

SETTLE_S = 1.0  # what happens together is proven together
PAUSE_S = 5.0  # between two children, while no full batch waits: each is half a second of CPU beside the hot path
RETRY_S = 10.0
STATUS_MS = 10 * 60_000  # what is no device is judged by a Status record, and by a timer not long after it
ANSWER_S = 30.0
TRIES = 3
BATCH = 200  # events of one child, which has 50 MiB of packed frames at the most
WRITTEN_BYTES = 64 << 10  # in one transaction, at the least: the pipeline waits for it some 3 ms
_LOOKED = 500  # events read from the book at a time
_HOUR_MS = 3_600_000

T = TypeVar("T")
Row = tuple[int, str, int, bool, bytes]
"""As `store.proofs.Proof.row` gives it."""


class _Known(Struct):
    """What the pipeline's thread says of the present."""

    hash: str
    registry: Registry
    ruleset: RuleSet
    offset_ms: int
    now_ms: int
    places: list[bytes] | None


class Proofs:
    """The view. `run` is its thread.

    incomplete  proofs in the book of which frames are missing
    """

    def __init__(self, pipeline: Pipeline, state: Path) -> None:
        self._pipeline, self._state = pipeline, state
        self._news = threading.Event()
        self._news.set()  # what a former process did not finish
        self._child: subprocess.Popen[bytes] | None = None
        self._needed_ms = 0
        self.incomplete = 0
        self._failed = 0  # how often the child has died; then events are taken one by one

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:
        """Note that there is something to prove. Never blocks."""
        del outcome
        if not self._news.is_set() and any(judges(event) for event in told):
            self._news.set()

    def needed_from_ms(self) -> int:
        """Tell from which log time on the journal is needed for a proof; far in the future = for none."""
        return 0 if self._news.is_set() and not self._needed_ms else self._needed_ms or 1 << 62

    def stop(self) -> None:
        """Let the thread, whose own stop is set, see it; end the child, if one reads."""
        self._news.set()
        child = self._child
        if child is not None:
            child.kill()

    def run(self, stop: threading.Event) -> None:
        """Prove what is told, until told to stop."""
        with ProofReader(self._state / "book.sqlite") as book:
            while not stop.is_set():
                self._news.wait()
                self.incomplete = book.incomplete()
                if not stop.wait(SETTLE_S):
                    self._news.clear()
                    stop.wait(self._catch_up(book, stop))

    def _catch_up(self, book: ProofReader, stop: threading.Event) -> float:
        """Prove a batch; return how long to wait before the next."""
        upto, events = self._due(book, 1 if self._failed else BATCH)
        if not events:
            self._needed_ms = 0
            return 0.0 if upto == book.proven_to() or self._write([], upto) else RETRY_S
        self._needed_ms = min(map(_evidence_ms, events))
        self._news.set()  # more may be behind them
        try:
            done = self._prove(book, events, upto)
        except ChildError:
            self._failed += not stop.is_set()
            return RETRY_S
        finally:
            self._child = None
        self._failed = 0 if done else self._failed
        if not done:
            return RETRY_S
        return PAUSE_S if len(events) < BATCH and not self._failed else 0.0

    @staticmethod
    def _due(book: ProofReader, most: int) -> tuple[int, list[Event]]:
        """Return the next events to be proven, and up to which number all are looked at then."""
        after, found = book.proven_to(), []
        while rows := book.events(after, _LOOKED):
            for number, body in rows:
                event = msgspec.json.decode(body, type=Event)
                if judges(event):
                    event.evidence = book.evidence(number)
                    found.append(event)
                after = number
                if len(found) == most:
                    return after, found
        return after, found

    def _write(self, rows: list[Row], upto: int) -> bool:
        """Have the book's writer store proofs; return whether there was room."""

        def question(_: Fold) -> bool:
            try:
                self._pipeline.book.prove(rows, upto)
            except DiskFullError:
                return False
            return True

        return self._answer(self._pipeline.ask(question)) or False

    @staticmethod
    def _answer(future: "Future[T]") -> T | None:
        """Wait for the pipeline; None where it does not answer: it stops, or waits for room."""
        try:
            return future.result(ANSWER_S)
        except TimeoutError:
            return None

    def _prove(self, book: ProofReader, events: list[Event], upto: int) -> bool:
        """Make the proofs of a batch and have them stored, as they come; return whether all are."""
        wanted = {event.alarm.device for event in events if event.alarm.device is not None}
        known = self._answer(self._pipeline.ask(lambda fold: _known(fold, wanted)))
        if known is None:
            return False
        configurations = _Configurations(book, known)
        rows: list[Row] = []
        founds = self._found(events, known, configurations)
        for event, found in zip(events, founds, strict=True):
            proof = _proof(event, found, known, configurations, _periods(book, event, configurations))
            if proof.missing:
                log.warning(
                    "event %d: the journal does not have all that it rests on (%s)", event.number, proof.missing
                )
            rows.append(proof.row())
            last = event is events[-1]
            if last or sum(len(row[-1]) for row in rows) >= WRITTEN_BYTES:
                if not self._write(rows, upto if last else event.number):
                    return False
                rows = []
        return True

    def _found(self, events: list[Event], known: _Known, configurations: "_Configurations") -> Iterator[Found | None]:
        """Have a child find what the journal has of each event; None for all where three children have died of it."""
        if self._failed >= TRIES:
            yield from [None] * len(events)
            return
        devices = {name: configurations.device(event, name) for event in events if (name := event.alarm.device)}
        present = tuple(device for device in devices.values() if device is not None)
        registry = blob.encode(msgspec.structs.replace(known.registry, devices=present), RuleSet())
        wants = [_want(event) for event in events]
        task = Spans(str(self._state / "journal"), registry, known.offset_ms, wants, known.places)
        yield from spans_of(task, self._begun)

    def _begun(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child


class _Configurations:
    """The configurations that events name, read once each."""

    def __init__(self, book: ProofReader, known: _Known) -> None:
        self._book, self.present = book, known.registry
        self._read: dict[str, tuple[Registry, RuleSet] | None] = {known.hash: (known.registry, known.ruleset)}

    def of(self, event: Event) -> tuple[Registry, RuleSet] | None:
        """Return registry and rules as they were at an event; None where the book has them no more."""
        config = event.evidence.config if event.evidence else ""
        if config not in self._read:
            content = self._book.configuration(config)
            try:
                self._read[config] = None if content is None else blob.decode(content)
            except msgspec.ValidationError:  # of a version of Cityward that had what this one has not
                self._read[config] = None
        return self._read[config]

    def version(self, event: Event) -> int:
        """Tell how many configurations were accepted up to the one of an event."""
        return self._book.version(event.evidence.config) if event.evidence else 0

    def device(self, event: Event, name: str) -> Device | None:
        """Return a device as it was registered at an event."""
        found = self.of(event)
        registry = found[0] if found else self.present
        return next((device for device in registry.devices if device.id == name), None)

    def rule(self, event: Event) -> Rule | None:
        """Return the rule of an event as it was."""
        found = self.of(event)
        of_ours = next((rule for rule in found[1].rules if rule.id == event.alarm.rule), None) if found else None
        return of_ours or BUILT_IN.get(event.alarm.rule)


def _known(fold: Fold, wanted: set[str]) -> _Known:
    """Look at the fold: where frames of some devices come from."""
    memory = fold.memory
    found: dict[str, list[bytes]] = {}
    for door in memory.world.reception.doors.values():
        for place, track in door.tracks.items():
            if track.device.id in wanted:
                found.setdefault(track.device.id, []).append(place)
    places = [place for of in found.values() for place in of] if found.keys() >= wanted else None
    now_ms = memory.log_ms + memory.offset_ms
    world = memory.world
    return _Known(memory.hash, world.registry, world.ruleset, memory.offset_ms, now_ms, places)


def _evidence_ms(event: Event) -> int:
    """Return the log time at which the span of an event begins."""
    return (event.evidence.from_ms if event.evidence else 0) or event.at_ms - STATUS_MS


def _want(event: Event) -> Want:
    """Say what an event rests on; of an amendment the frames that came after what it amends."""
    alarm = event.alarm
    from_ms, after = _evidence_ms(event), event.amends or 0
    return Want(event.number, alarm.subject, alarm.device is not None, alarm.quantity, from_ms, after, event.sequence)


def _periods(book: ProofReader, event: Event, configurations: _Configurations) -> list[Period]:
    """Read what was told of the slots, hours and days that a verdict on closed periods rests on."""
    device, quantity, evidence = event.alarm.device, event.alarm.quantity, event.evidence
    if device is None or quantity is None or evidence is None or not {"date", "mean", "start_ms"} & evidence.why.keys():
        return []
    offset_ms = event.t_ms - event.at_ms
    from_ms, to_ms = evidence.from_ms + offset_ms, event.t_ms
    date = evidence.why.get("date")
    if date is not None:
        calendar, minute = Calendar(configurations.present.time_zone), to_ms // MINUTE_MS
        day = calendar.day(minute)
        while day.date > str(date) and day.end * MINUTE_MS > from_ms:
            day = calendar.day(day.start - 1)
        from_ms, to_ms = day.start * MINUTE_MS, day.end * MINUTE_MS
    elif "start_ms" in evidence.why:
        from_ms = int(evidence.why["start_ms"]) // _HOUR_MS * _HOUR_MS
    rule = configurations.rule(event)
    others = KINDS[rule.kind].others(rule.settings) if rule is not None and rule.kind in KINDS else ()
    # What is published by the hour is a mean already: `why` has it, and our means of its readings say nothing.
    measured = [(other.device, other.quantity) for other in others if other.hourly is None]
    spans = ("day", "hour", "slot") if evidence.why.get("span") == "slot" else ("day", "hour")
    return [
        period
        for of, what in ((device, quantity), *measured)
        for span in spans
        for period in book.revisions(of, what, span, from_ms, to_ms)
        if period.told_ms <= event.t_ms  # it may be proven later
    ]


def _proof(
    event: Event, found: Found | None, known: _Known, configurations: _Configurations, periods: list[Period]
) -> Proof:
    rule = configurations.rule(event)
    plain = {} if rule is None else msgspec.to_builtins(rule)
    device = configurations.device(event, event.alarm.device) if event.alarm.device else None
    evidence = event.evidence
    proof = Proof(
        number=event.number, alarm=event.alarm.id, occurrence=event.amends or event.alarm.occurrence, kind=event.kind,
        made_ms=known.now_ms, offset_ms=known.offset_ms, gateway=known.registry.gateway,
        time_zone=known.registry.time_zone, config=evidence.config if evidence else "",
        version=configurations.version(event), rule=plain, rule_hash=_hash_of(plain) if plain else "",
        device=None if device is None else _described(device), periods=periods,
        from_ms=_evidence_ms(event) + known.offset_ms,
    )  # fmt: skip
    if found is None:
        proof.missing, proof.missing_to_ms = UNREADABLE, known.now_ms
        return proof
    proof.first, proof.last, proof.frames, proof.kept = found.first, found.last, found.frames, found.kept
    proof.packed, proof.digests, proof.record, proof.facts = found.packed, found.digests, found.record, found.facts
    if found.missing:
        proof.missing, proof.missing_to_ms = found.missing, found.missing_to_ms + known.offset_ms
    return proof


def _described(device: Device) -> dict[str, Any]:
    described: dict[str, Any] = msgspec.to_builtins(device)
    return described


def _hash_of(plain: dict[str, Any]) -> str:
    return sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
