"""What the gateway notices about itself: clock, disk, its own pulse; and what must be done now and then."""

import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import msgspec

from devices.platform_clock import agreed
from ingest.clock import Civil, Clock, judge_civil, now_civil_ms, ntp_says_so
from ingest.pipeline import Pipeline
from rules.records import Status
from store.fs import DiskFullError

log = logging.getLogger(__name__)

LOOK_S = 1.0
ALIVE_S = 20.0  # a pipeline that has not gone round for so long hangs; it rests for a second at the most
SNAPSHOT_S = 600.0
NTP_S = 30.0
WATCH_S = 60.0
LEAST_FREE_BYTES = 128 << 20
FREE_AGAIN_BYTES = 160 << 20


def notify(message: str) -> None:
    """Tell systemd (sd_notify(3)); nothing happens where there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as systemd:
        systemd.sendto(message.encode(), "\0" + address[1:] if address[0] == "@" else address)


class Health:
    """Looks once a second. The watchdog is fed only while the pipeline makes progress."""

    def __init__(self, pipeline: Pipeline, clock: Clock, state: Path, *, snapshot: Callable[[], None]) -> None:
        self._pipeline, self._clock, self._state, self._snapshot = pipeline, clock, state, snapshot
        self._civil = Civil(pipeline.fold.memory.offset_ms, "", trusted=True)
        self._told: dict[str, tuple[bool, str]] = {}
        self._under_mib = 0  # free on a full disk, in steps, so that few events say how it gets worse
        self._ntp_asked_at, self._ntp_said = -NTP_S, False
        self._ballast: Future[None] | None = None  # being put back
        self._snapshot_at = time.monotonic() + SNAPSHOT_S
        self._watched_at = -WATCH_S

    def run(self, stop: threading.Event) -> None:
        """Look until stopped."""
        while not stop.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Look once."""
        if time.monotonic() - self._pipeline.progress < ALIVE_S:
            notify("WATCHDOG=1")
        self._look_at_clock()
        self._look_at_disk()
        self._note_that_we_watch()
        if time.monotonic() >= self._snapshot_at:
            self._snapshot_at = time.monotonic() + SNAPSHOT_S
            self._snapshot()

    def _look_at_clock(self) -> None:
        if self._pipeline.replaying:
            return
        log_ms, doors = self._clock.log_ms(), self._pipeline.fold.memory.world.reception.doors
        witnesses = [door.platform.offset_ms(log_ms) for door in list(doors.values())]
        platforms_ms = agreed(each for each in witnesses if each is not None)
        civil = judge_civil(log_ms, now_civil_ms(), self._civil, ntp=self._ntp, platforms_ms=platforms_ms)
        if (civil.offset_ms, civil.trusted) != (self._civil.offset_ms, self._civil.trusted):
            self._note("clock", msgspec.to_builtins(civil))
        self._civil = civil

    def _note_that_we_watch(self) -> None:
        """Have the book note it once a minute; on the pipeline's thread, so that one that hangs does not."""
        if self._pipeline.replaying or time.monotonic() < self._watched_at + WATCH_S:
            return
        self._watched_at = time.monotonic()
        self._pipeline.ask(lambda _: self._watch())

    def _watch(self) -> None:
        with suppress(DiskFullError):  # on a full disk nothing is acknowledged
            self._pipeline.book.watch(self._pipeline.civil_ms())

    def _ntp(self) -> bool:
        """Ask now and then; while a jump is not believed this is asked each second."""
        now = time.monotonic()
        if now >= self._ntp_asked_at + NTP_S:
            self._ntp_asked_at, self._ntp_said = now, ntp_says_so()
        return self._ntp_said

    def _look_at_disk(self) -> None:
        free = shutil.disk_usage(self._state).free
        pipeline, book = self._pipeline, self._pipeline.book
        if free > FREE_AGAIN_BYTES and not book.has_ballast and (self._ballast is None or self._ballast.done()):
            self._ballast = pipeline.ask(lambda _: book.keep_ballast())
        was_full, _ = self._told.get("disk-full", (False, ""))
        full = pipeline.full_disk or not book.has_ballast or free < (FREE_AGAIN_BYTES if was_full else LEAST_FREE_BYTES)
        under_mib = 1 << (free >> 20).bit_length()
        self._under_mib = min(self._under_mib, under_mib) if was_full else under_mib
        self._condition("disk-full", full, f"剩余不足 {self._under_mib} MiB", f"under {self._under_mib} MiB left")
        condemned, damaged = pipeline.journal.damage()
        lost = pipeline.stores.lost
        self._condition(
            "journal-trouble",
            bool(condemned or damaged or lost),
            f"{condemned} 个段写入出错，{damaged} 处已损坏" + (f"，{lost} 条记录已丢失" if lost else ""),
            f"{condemned} segments could not be written, {damaged} places are damaged"
            + (f", {lost} records are lost" if lost else ""),
        )

    def _condition(self, name: str, bad: bool, why_zh: str, why_en: str) -> None:  # noqa: FBT001 - as a Status has it
        """Note a condition that has changed, and how it is at the start: what the former process said may be over."""
        now = bad, why_en if bad else ""
        if self._told.get(name) != now:
            if bad or name in self._told:
                log.log(logging.WARNING if bad else logging.INFO, "%s: %s", name, why_en if bad else "over")
            self._told[name] = now
            self._note("condition", {"name": name, "bad": bad, "why_zh": why_zh, "why_en": why_en})

    def _note(self, kind: str, data: dict[str, object]) -> None:
        self._pipeline.note(Status(at_ms=0, subject="gateway", kind=kind, data=data))
