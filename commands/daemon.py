"""The daemon put together: stores, fold, pipeline, sources, views, feed; how it starts, reloads and ends.

Every thread is hired by a crew. One that ends by itself, with an error or without, ends the process: nobody else would
notice that a source has died, and systemd starts the whole again from the log.
"""

import logging
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from commands import allocator, first_admin, keeping, kpi_child
from commands.crew import Crew
from commands.evidence import Proofs
from commands.in_force import configured, in_force, tell_of_start, undo
from commands.inside import Inside
from commands.outlets import Outlets
from commands.past import Past
from commands.sources import SourceSettings, all_sources, make_source, tell_of_devices
from commands.taps import Taps
from config import accepted, apart, blob
from config.apart import Told
from config.compiled import AT_START, Compiled
from devices.registry import Device, Registry
from feed import audit_missing
from feed.behind import Behind, Reloaded
from feed.http.server import FeedServer
from feed.hub import Hub
from feed.vitals import Latency, Vitals
from ingest import influx_state, influx_verify
from ingest.clock import Clock
from ingest.health import Health, notify
from ingest.influx import Influx
from ingest.influx_trouble import Trouble
from ingest.influx_writer import InfluxWriter
from ingest.pipeline import Pipeline, View
from ingest.refile import Refiler
from ingest.sources import Report, Source
from ingest.sources.replay import Replay
from ingest.start import StoppedError, first_words, restore
from ingest.stores import open_stores
from rules import bays
from rules.fold import Fold
from rules.records import Status
from rules.ruleset import RuleSet
from rules.sections import Sections
from store import snapshot
from store.fs import DiskFullError, OsFs
from store.ledger import Kept, Ledger, Verified, ledger_picture

log = logging.getLogger(__name__)

SOURCES_STOP_S = 1.0
PIPELINE_STOP_S = 1.5
SETTLE_S = 1.0
PICTURE_S = 5.0
FEED_STOP_S = 0.5
OUTLETS_STOP_S = 1.0
AUDITED_BACK = 200_000  # records before the end of the journal whose commands must stand in the audit trail


class Running:
    """A source at work."""

    def __init__(self, settings: SourceSettings, source: Source) -> None:
        self.settings, self.source = settings, source
        self.stop = threading.Event()
        self.thread: threading.Thread | None = None


class Daemon:
    """One gateway. `start`, then `wait`, then `stop`."""

    def __init__(self, compiled: Compiled, directory: Path | None) -> None:
        """directory: where the configuration files are, for reloads; None = there are none."""
        self.compiled, self.directory = compiled, directory
        self.settings = compiled.settings
        self.crew = Crew()
        self.sources: dict[str, Running] = {}
        self.reconciled = False
        self.reloading = threading.Lock()
        self._known: dict[str, tuple[Registry, RuleSet]] = {}

    # ------------------------------------------------------------------------------------------------------ start

    def start(self, past: Replay | None = None, stop: threading.Event | None = None) -> None:
        """Open, restore, and take in; a recorded past first. Raises what keeps it from that: StoppedError by `stop`."""
        settings, state, budgets = self.settings, self.settings.state, self.settings.budgets
        self.stores = open_stores(OsFs(), state, journal_bytes=budgets.journal, inbox_bytes=budgets.inbox)
        self._known[self.compiled.hash] = (self.compiled.registry, self.compiled.ruleset)
        self.hub = Hub(state / "book.sqlite", settings.gateway.id)
        self.writer = self._open_writer(state)
        self.kept = Kept()
        self.taps = Taps(self._look)
        views: list[View] = [self.hub, *([self.writer] if self.writer else [])]
        try:
            fold, poison = restore(self.stores, self._load, views, stop)
        except StoppedError:
            self.stores.crashes.end()
            self.stores.close()
            raise
        self._audit_what_is_missing(fold)
        self._accept(self.compiled)  # now, for a journal without its beginning begins with what was in force before
        self.clock = Clock(fold.memory.log_ms, fold.memory.offset_ms)
        self.outlets = Outlets(settings)
        views += [self.kept, self.taps, *self.outlets.views]
        self.pipeline = Pipeline(fold, self.stores, self.clock, views, poison)
        self.proofs = Proofs(self.pipeline, state)
        views.append(self.proofs)
        self.pipeline.replaying = past is not None
        for record in first_words(self.stores, fold, self.clock, self.compiled.hash):
            record.at_ms = past.begins_ms if past is not None else 0
            self.pipeline.note(record)
        self.pipeline.picture().add_done_callback(self._reconciled)
        self.crew.hire("pipeline", self.pipeline.run)
        self.refiler = Refiler(self.pipeline, self.stores.inbox)
        inside = Inside(self.pipeline, self.stores.inbox, self.refiler, state)
        self.feed = self._make_feed(inside)
        self._begin_writers()
        with self.reloading:  # who asks for a reload by now waits until all sources are there
            self._open_doors(past, inside)
        allocator.give_back()
        notify(f"READY=1\nSTATUS={len(self.compiled.registry.devices)} devices, http on port {self.feed.port}")

    def _open_doors(self, past: Replay | None, inside: Inside) -> None:
        self.feed.start()
        if self.settings.http.console is not None:
            first_admin.make(self.feed.people)
        self._stop_health = threading.Event()
        health = Health(self.pipeline, self.clock, self.settings.state, snapshot=self.take_snapshot)
        self.crew.hire("health", lambda: health.run(self._stop_health), self._stop_health)
        if past is not None:
            self.crew.ended.add_done_callback(lambda _: self._stop_health.set())  # nothing more becomes durable
            past.run(self.pipeline.door(past, "past"), self._stop_health)
            self.pipeline.replaying = False
        self.crew.hire("refile", lambda: self.refiler.run(self._stop_health), self._stop_health)
        self.refiler.register()  # what a former process did not finish
        inside.resume()
        self.upkeep = keeping.begin(self.crew, self.pipeline, self.proofs, self.settings, self._stop_health)
        for source in all_sources(self.compiled):
            self._open_source(source, self.compiled)
        self._known = {self.compiled.hash: self._known[self.compiled.hash]}  # what a replay needed is done with

    def _begin_writers(self) -> None:
        self._stop_writer = threading.Event()
        self._stop_outlets = threading.Event()
        if self.writer is not None:
            writer = self.writer
            self.crew.hire("influx", lambda: writer.run(self._stop_writer), self._stop_writer)
        self.outlets.begin(self.crew, self.pipeline, self._stop_outlets)

    def _make_feed(self, inside: Inside) -> FeedServer:
        behind = Behind(
            submit=self.pipeline.submit, ask=self.pipeline.ask, reload=self.reload, undo=lambda: undo(self),
            in_force=lambda: in_force(self), configured=lambda: configured(self), vitals=self.vitals,
            ledger=self.ledger, inbox=inside.inbox, register=inside.register, redecode=inside.redecode,
            frames=self.taps.frames, past=Past(self.pipeline, self.settings.state), console=self.settings.console,
            time_zone=self.settings.gateway.time_zone, civil_ms=self.pipeline.civil_ms,
            kpi=partial(
                kpi_child.ask, self.stores.directory / "book.sqlite", self.stores.directory / "desk.sqlite",
                self.settings.gateway.id,
            ),
        )  # fmt: skip
        feed = FeedServer(self.settings.http, self.settings.state, self.hub, behind, self._report("gateway"))
        feed.take_doors()  # at once: a start that fails for one that is taken tells nobody anything
        return feed

    def _reconciled(self, _picture: object) -> None:
        """Note that the first words are durable. Called on the pipeline's thread."""
        self.stores.crashes.told()
        self.reconciled = True

    def _audit_what_is_missing(self, fold: Fold) -> None:
        last = self.stores.journal.commands(max(self.stores.journal.last - AUDITED_BACK, 0))
        audit_missing.complete(self.stores.directory / "desk.sqlite", last, fold.memory.answers, fold.memory.offset_ms)
        tell_of_start(self, fold.memory.hash)

    def _load(self, config_hash: str) -> tuple[Registry, RuleSet]:
        if config_hash not in self._known:
            content = self.stores.book.configuration(config_hash)
            if content is None:
                raise KeyError(f"configuration {config_hash} is not in the book")
            self._known[config_hash] = blob.decode(content)
        return self._known[config_hash]

    def _accept(self, compiled: Compiled) -> None:
        """Keep what is in force, for a start at which the files are wrong."""
        before = self.stores.book.accepted()
        if before is None or before[0] != compiled.hash:
            content = blob.encode(compiled.registry, compiled.ruleset)
            self.stores.with_room(lambda: self.stores.book.accept(compiled.hash, content))
        self.stores.with_room(lambda: accepted.keep(self.stores.fs, self.stores.directory, compiled))

    def _open_writer(self, state: Path) -> InfluxWriter | None:
        if self.settings.influxdb is None:
            return None
        trouble = Trouble(self._report("gateway"))
        influx = Influx(self.settings.influxdb)
        writer = InfluxWriter(influx, state / "influx", trouble, OsFs(), budget_bytes=self.settings.budgets.backlog)
        writer.open()
        self.stores.free_backlog = writer.free_oldest
        return writer

    def _look(self, device: str) -> tuple[Device, Registry, int, tuple[str, ...], bool] | None:
        def question(fold: Fold) -> tuple[Device, Registry, int, tuple[str, ...], bool] | None:
            world = fold.memory.world
            track = world.reception.tracks.get(device)
            if track is None:
                return None
            judged = any(one.kind is not bays.KIND for one in track.watches)  # a bay is followed without any rule
            return track.device, world.registry, fold.memory.offset_ms, track.quantities, judged

        return self.pipeline.ask(question).result()

    def _report(self, subject: str) -> Report:
        def report(kind: str, data: dict[str, Any]) -> None:
            self.pipeline.note(Status(at_ms=0, subject=subject, kind=kind, data=data))

        return report

    # ---------------------------------------------------------------------------------------------------- sources

    def _open_source(self, settings: SourceSettings, compiled: Compiled) -> None:
        subject = next(s.subject for s in compiled.registry.sources if s.name == settings.name)
        drops = self.pipeline.fold.memory.drops
        source = make_source(
            settings, compiled.registry, self._report(subject), drops.get(subject), self.settings.state
        )
        running = Running(settings, source)
        deliver = self.pipeline.door(source, settings.name)
        running.thread = self.crew.hire(settings.name, lambda: source.run(deliver, running.stop), running.stop)
        self.sources[settings.name] = running

    def _close_source(self, name: str) -> None:
        running = self.sources.pop(name)
        running.stop.set()
        if running.thread is not None:
            running.thread.join(SOURCES_STOP_S)

    # ----------------------------------------------------------------------------------------------------- reload

    def reload(self) -> Reloaded:
        """Read the files again and put them in force, all or nothing."""
        with self.reloading:
            if self.directory is None:
                problems = ["this daemon was started without files"]
                return Reloaded(accepted=False, hash=self.compiled.hash, problems=problems)
            found = apart.finish(apart.begin(self.directory, gently=True))
            problems = [problem.en for problem in found.problems]
            if not found.blob:
                return self._refused(found.errors[0], problems)
            compiled, before = accepted.compiled_of(found), self.compiled.registry
            gone = accepted.vanished(self.directory, before, compiled.registry)
            if gone is not None:
                return self._refused(gone, [*problems, gone.en])
            self.refuse(bad=False)
            problems += accepted.fewer(before, compiled.registry)
            return self.put_in_force(compiled, found.blob, problems)

    def _refused(self, why: Told, problems: list[str]) -> Reloaded:
        self.refuse(bad=True, why_zh=why.zh, why_en=why.en)
        for problem in problems:
            log.warning("reload: %s", problem)
        log.error("reload refused: the former configuration %s stays in force", self.compiled.hash[:12])
        return Reloaded(accepted=False, hash=self.compiled.hash, problems=problems)

    def put_in_force(self, compiled: Compiled, content: bytes, problems: list[str]) -> Reloaded:
        """Put a configuration in force; content: its blob. Under the lock `reloading`."""
        self._known[compiled.hash] = (compiled.registry, compiled.ruleset)
        if compiled.hash != self.compiled.hash:
            self.pipeline.configure(compiled.hash, content).result()
        self._known = {compiled.hash: self._known[compiled.hash]}
        problems += self._apply(compiled)
        self.compiled = compiled
        self.differ()
        self.refiler.register()
        accepted.keep(self.stores.fs, self.stores.directory, compiled)
        allocator.give_back()
        for problem in problems:
            log.warning("reload: %s", problem)
        log.info("reload: configuration %s is in force, %d devices", compiled.hash[:12], len(compiled.registry.devices))
        return Reloaded(accepted=True, hash=compiled.hash, problems=problems, differs=bool(compiled.undone))

    def differ(self) -> None:
        """Say whether the files were taken back, and something else is in force."""
        self._report("gateway")("condition", {"name": "config-differs", "bad": bool(self.compiled.undone)})

    def refuse(self, *, bad: bool, why_zh: str = "", why_en: str = "") -> None:
        """Say whether the files are wrong, and something else is in force."""
        data = {"name": "config-refused", "bad": bad, "why_zh": why_zh, "why_en": why_en}
        self._report("gateway")("condition", data)

    def _apply(self, compiled: Compiled) -> list[str]:
        """Open, close and change sources; say what only a restart changes."""
        by_name = {settings.name: settings for settings in all_sources(compiled)}
        for name, running in list(self.sources.items()):
            if by_name.get(name) != running.settings:
                self._close_source(name)
            else:
                tell_of_devices(running.source, running.settings, compiled.registry)
        for name, settings in by_name.items():
            if name not in self.sources:
                self._open_source(settings, compiled)
        old, new = self.settings, compiled.settings
        changed = [name for name in AT_START if getattr(old, name) != getattr(new, name)]
        return [f"cityward.yaml: {name} has changed: restart the service for it" for name in changed]

    # -------------------------------------------------------------------------------------------------- while alive

    def vitals(self) -> Vitals:
        """Look at the gateway; from any thread."""
        memory = self.pipeline.fold.memory
        refused: dict[str, int] = {}
        for track in list(memory.world.reception.tracks.values()):
            for reason, count in list(track.refused.items()):
                refused[reason] = refused.get(reason, 0) + count
        buckets, sum_s = self.pipeline.latencies()
        return Vitals(
            idle_s=time.monotonic() - self.pipeline.progress,
            reconciled=self.reconciled,
            sources={name: running.source.counts() for name, running in list(self.sources.items())},
            refused=refused,
            latency=Latency(buckets=buckets, sum_s=sum_s),
            journal_bytes=self.stores.journal.log.file_bytes,
            backlog_bytes=None if self.writer is None else self.writer.backlog_bytes(),
            queue=self.pipeline.waiting(),
            incomplete=self.proofs.incomplete,
            feeds=self.outlets.counts(),
        )

    def ledger(self, *, devices: bool, verify: bool) -> Ledger:
        """Draw up the ledger; `verify` asks InfluxDB too, which may take minutes. From any thread."""
        ledger = self._ledger(devices=devices)
        if verify and self.settings.influxdb is not None:
            influx = Influx(self.settings.influxdb)
            ledger.verified = influx_verify.verify(influx, lambda: self._ledger(devices=True))
        elif verify:
            ledger.verified = Verified(problem="no InfluxDB is configured")
        return ledger

    def _ledger(self, *, devices: bool) -> Ledger:
        delivered = {name: running.source.counts()["received"] for name, running in list(self.sources.items())}

        folder = self.stores.directory / "influx"  # of a former InfluxDB, where none is configured any more

        def question(fold: Fold) -> Ledger:
            sink = influx_state.on_disk(self.stores.fs, folder) if self.writer is None else self.writer.counts()
            return ledger_picture(fold.memory, self.kept, sink, delivered, devices=devices)

        return self.pipeline.ask_durable(question).result()

    def take_snapshot(self) -> None:
        """Write what the fold remembers, once all its lines are in InfluxDB or in the backlog."""
        with suppress(TimeoutError):  # it waits for room on the disk: later, then
            self._write_snapshot(*self.pipeline.picture().result(PICTURE_S))

    def _write_snapshot(self, sequence: int, parts: Sections) -> None:
        if self.writer is None or self.writer.settle(sequence, SETTLE_S):
            with suppress(DiskFullError):  # it is a shortcut: without it a start takes longer
                snapshot.write(self.stores.fs, self.stores.directory / "snapshot", sequence, parts)

    def wait(self, stop: threading.Event) -> None:
        """Wait until somebody stops it, or a thread has ended by itself, whose error is raised."""
        while not stop.wait(0.2):
            if self.crew.ended.done():
                self.crew.ended.result()
            if not self.feed.running:
                raise RuntimeError("the feed's thread ended")

    # -------------------------------------------------------------------------------------------------------- stop

    def stop(self) -> bool:
        """Take in what has arrived, make it durable, and end; within 5 s. Return False when the pipeline hangs."""
        notify("STOPPING=1\nSTATUS=draining")
        self.crew.quitting = True
        self._stop_health.set()
        self.proofs.stop()
        self.upkeep.stop()
        for running in self.sources.values():
            running.stop.set()
        deadline = time.monotonic() + SOURCES_STOP_S
        for running in self.sources.values():
            if running.thread is not None:
                running.thread.join(max(0.0, deadline - time.monotonic()))
        self.pipeline.note(Status(at_ms=0, subject="gateway", kind="stopped"))
        picture = self.pipeline.picture()
        if not self.pipeline.stop(PIPELINE_STOP_S):
            return False  # what is on the disk is whole, and a restart goes on from there
        self._write_snapshot(*picture.result())
        self._stop_writer.set()
        self._stop_outlets.set()
        self.feed.stop(FEED_STOP_S)
        self.outlets.end(OUTLETS_STOP_S)
        self.stores.crashes.end()
        self.stores.close()
        return True
