"""Readings of the past, as an archive keeps them: the fold without its doors.

What reception made of the frames (which device, seen before, when, live or history) stands in the archive; windows,
rules, timers and the life of alarms are those of the live fold, called here and nowhere else but in `rules.intake`.
"""

from collections.abc import Iterable
from math import inf
from typing import Any, cast

from msgspec import Struct, defstruct, json

from devices.frames import Batch
from devices.plausible import HUMID
from devices.quantities import QUANTITIES
from devices.reception import HISTORY_MS, Reading
from devices.registry import Registry
from devices.tracks import Track
from rules import intake
from rules.fold import Fold
from rules.intake import Arrival
from rules.records import Config, Outcome, Status

LATE, NEWEST = "late", "newest"
"""Words of `Row.how`: history; history that was a device's newest word when it came."""
SPANS = ("minute", "hour", "day")
encode = json.Encoder().encode


class Row(Struct, array_like=True, gc=False):
    """One reading; its quantities follow as further fields (`row_of`), absent = None.

    arrived  civil time at which it came, ms
    device   id
    time     civil time that it stands for, ms
    how      None for what is usual; else words, of LATE, NEWEST and the span of a mean that the device made
    flags    doubts, as in `devices.readings.Values`
    """

    arrived: int
    device: str
    time: int
    how: str | None
    flags: str | None


HEAD = Row.__struct_fields__
_TYPES = {"float": float, "int": float, "bool": bool, "text": str}


def row_of(columns: Iterable[str], wanted: Iterable[str]) -> type[Row]:
    """Make the struct of rows with these quantities, in this order; what else is wanted is always absent."""
    columns = tuple(columns)
    rest = sorted(set(wanted) - set(columns) - set(HEAD))
    fields = [(name, _TYPES[QUANTITIES[name].type] | None, None) for name in (*columns, *rest)]
    return cast("type[Row]", defstruct("ArchivedRow", fields, bases=(Row,), array_like=True, gc=False))


class Past(Fold):
    """A fold of one configuration that takes rows instead of batches. Log time is civil time.

    unknown  rows of devices that are not registered
    """

    def __init__(self, load: Any, config_hash: str, begins_ms: int) -> None:  # noqa: ANN401 - rules.fold.Load
        super().__init__(load)
        self.unknown = 0
        registry: Registry = load(config_hash)[0]
        self.sequence = 1
        ups = [
            Status(at_ms=begins_ms, subject=source.subject, kind="link", data={"up": True, "why": ""})
            for source in registry.sources
        ]
        self.note([Config(at_ms=begins_ms, hash=config_hash), *ups])

    def note(self, records: list[Any]) -> Outcome:
        """Take records that are no readings."""
        outcome = self.take(self.sequence, records)
        self.sequence = outcome.last + 1
        return outcome

    def rows(self, rows: Iterable[Any]) -> Outcome:  # noqa: C901, PLR0912 - a loop like that of `rules.intake`
        """Take readings in the order in which they came."""
        memory = self.memory
        first = self.sequence
        memory.out = out = Outcome(first=first, last=first - 1)
        tracks, windows = memory.world.reception.tracks, memory.world.windows
        doors, heard_ms = memory.world.reception.doors, memory.parents.heard_ms
        sequence, log_ms, due_ms = first - 1, memory.log_ms, -inf
        for row in rows:
            track = tracks.get(row.device)
            if track is None:
                self.unknown += 1
                continue
            sequence += 1
            log_ms = memory.log_ms = max(log_ms, row.arrived)
            if log_ms >= due_ms:
                self._advance(log_ms, sequence)
                next_ms = self.next_due_ms()
                due_ms = inf if next_ms is None else next_ms
            heard = False
            for name in track.device.via:  # the archive does not say which: any that is up may have brought it
                if doors[name].listening:
                    heard_ms[name], heard = log_ms, True
            if not heard:
                self._hear(track, sequence, log_ms)
                due_ms = -inf
            t_ms = row.time
            humid = row.flags == HUMID
            if (
                row.how
                or (row.flags is not None and not humid)
                or not log_ms - HISTORY_MS < t_ms
                or not (track.last_ms < t_ms < track.usual_until or intake.goes_on(memory, track, t_ms, log_ms))
            ):
                self._unusual(track, row, _arrival(row, sequence, log_ms))
                due_ms = -inf
                continue
            track.last_ms, track.seen_ms, track.realtime_ms = t_ms, log_ms, log_ms
            if humid:
                windows.mark(track.series, t_ms, row)
            if not track.quiet(row, track.bands):
                intake.judge(memory, track, row, _arrival(row, sequence, log_ms))
                due_ms = -inf
                if memory.world.judging.alarms.events:
                    memory.carry_events()
            if track.series:
                for series, value in zip(track.series, track.gather(row)):  # noqa: B905 - gather gives one more
                    if value is not None:
                        series.sum += round(value * 100)
                        series.count += 1
            if windows.due_ms < due_ms:
                due_ms = -inf
        out.last, self.sequence = sequence, sequence + 1
        if memory.world.judging.alarms.events:
            memory.carry_events()
        return out

    def _hear(self, track: Track, sequence: int, log_ms: int) -> None:
        """Take a reading as the proof that what carries its device is up."""
        for name in track.device.via:
            door = self.memory.world.reception.doors[name]
            intake.open_door(self.memory, door, self.memory.moment(sequence, log_ms, "reading"))
            self.memory.parents.heard_ms[name] = log_ms

    def _unusual(self, track: Track, row: Any, arrival: Arrival) -> None:  # noqa: ANN401 - a row with its quantities
        """Take a reading with care, as `rules.intake` takes what reception made of an unusual frame."""
        words = (row.how or "").split()
        log_ms = arrival.batch.at_ms
        live = LATE not in words and NEWEST not in words
        span = next((word for word in words if word in SPANS), "")
        track.seen_ms = log_ms if live else max(track.seen_ms, min(log_ms, row.time))
        if track.silent and track.seen_ms == log_ms:
            intake.speak_again(self.memory, track, self.memory.moment(arrival.sequence, log_ms, "reading"))
        newest = NEWEST in words or (live and row.time > track.last_ms)
        if span in ("", "minute"):
            track.last_ms = max(track.last_ms, row.time)
        intake.heed(self.memory, track, Reading(row.time, row, live, newest, span), 0, arrival)
        if self.memory.world.judging.alarms.events:
            self.memory.carry_events()


def _arrival(row: Row, sequence: int, log_ms: int) -> Arrival:
    """Name a row as a frame, for the evidence of an event."""
    return Arrival(sequence, Batch("archive", log_ms, []), (row.device.encode(), encode(row), b""))
