"""Nothing is lost, and that is counted: at the door, in the journal, in the fold and at the sink. Pure sums.

frames    received + refiled = strangers + duplicates + refused + held + facts + set aside + decoded
lines     made = written + waiting + set aside + expired
door      since the process started, what each source delivered = what journal and inbox have taken over from it

What never reached the gateway (missed, with its cause) stands beside the sums. What a sum leaves over is *unaccounted*:
a defect, and said with its place.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field

from devices.frames import Batch
from devices.reception import Reception
from devices.tracks import Track
from rules.memory import Memory
from rules.records import Event, Outcome

Key = TypeVar("Key")


class NotArrived(Struct):
    """Lines of one device that are not in InfluxDB and never will be: the sink's own answer.

    erased  were there, and were taken back by a refile
    """

    set_aside: int = 0
    expired: int = 0
    erased: int = 0


class SinkCounts(Struct, frozen=True, kw_only=True):
    """The sink's side: lines, since its state was new.

    position  sequence up to which lines are safe
    devices   of what did not arrive; whatever else a device made is written or waiting
    """

    position: int
    written: int
    waiting: int
    set_aside: dict[str, int]
    expired: int
    devices: dict[str, NotArrived]


class Kept:
    """A view that counts what journal and inbox have made durable since the process started.

    frames  by source; those of an inbox that is full count too: they are refused there and said so
    lines   handed to the sink
    """

    def __init__(self) -> None:
        self.frames: Counter[str] = Counter()
        self.lines = 0

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:
        """Count a group; called when it is durable."""
        del told
        for _, record in outcome.known:
            if type(record) is Batch:
                self.frames[record.source] += len(record.frames)
        for stranger in outcome.strangers:
            self.frames[stranger[1]] += 1
        self.lines += len(outcome.lines)


class Frames(Struct, kw_only=True):
    """What became of frames. refiled: those that came into the log again, and were read again."""

    received: int = 0
    refiled: int = 0
    strangers: int = 0
    duplicates: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    held: int = 0
    facts: int = 0
    set_aside: int = 0
    decoded: int = 0

    @property
    def unaccounted(self) -> int:
        """What came in and is nothing else."""
        known = self.strangers + self.duplicates + sum(self.refused.values()) + self.held + self.facts
        return self.received + self.refiled - known - self.set_aside - self.decoded


class Lines(Struct, kw_only=True):
    """What became of lines.

    not_asked  readings of which no line was made: no InfluxDB was configured then, nothing in them was sane, or a
               refile passed them over
    """

    made: dict[str, int]
    written: int = 0
    waiting: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)
    expired: int = 0
    not_asked: int = 0

    @property
    def unaccounted(self) -> int:
        """What was made and is nowhere."""
        there = self.written + self.waiting + sum(self.set_aside.values()) + self.expired
        return sum(self.made.values()) - there


class SourceCounts(Struct, kw_only=True):
    """One source. received, strangers, set_aside: ever, in the fold.

    delivered  since the process started, at the door; None where the source is not open
    kept       since then, in journal and inbox
    """

    received: int
    strangers: int
    set_aside: int
    delivered: int | None
    kept: int


class DeviceCounts(Struct, kw_only=True):
    """One device: its frames, the readings in them, what its counter says we never got, and lines that are lost."""

    frames: int
    duplicates: int
    refused: dict[str, int]
    held: int
    facts: int
    decoded: int
    readings: int
    missed: int
    lines_set_aside: int = 0
    lines_expired: int = 0
    lines_erased: int = 0


class Verified(Struct, kw_only=True):
    """What InfluxDB itself says of the readings of the devices that are registered now.

    expected  lines that were written, by our count; held: points that it has
    missing   device -> how many are not there: deleted since, or older than the bucket keeps, or a defect
    more      device -> how many are there beyond our count: written by somebody else, or before this state was new
    problem   why it could not be compared; "" = it was
    """

    expected: int = 0
    held: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    more: dict[str, int] = field(default_factory=dict)
    problem: str = ""


class Ledger(Struct, kw_only=True):
    """All sums.

    readings     in decoded frames; a frame may hold several
    missed       never reached us: cause -> how many
    devices      None unless they are asked for
    unaccounted  place -> how many; empty = every frame and every line is accounted for
    verified     None unless it was asked for
    """

    frames: Frames
    readings: int
    lines: Lines
    sources: dict[str, SourceCounts]
    missed: dict[str, int]
    devices: dict[str, DeviceCounts] | None
    unaccounted: dict[str, int]
    verified: Verified | None = None


def ledger_picture(
    memory: Memory,
    kept: Kept,
    sink: SinkCounts | None,
    delivered: Mapping[str, int],
    *,
    devices: bool = False,
) -> Ledger:
    """Draw up the ledger between two groups, when journal, fold and sink have seen the same.

    delivered  what the sources that are open had delivered *before* the pipeline was asked: that much must be kept now
    devices    with every device, and not only the sums
    """
    reception = memory.world.reception
    frames, readings, missed = _frames(memory)
    lines = _lines(memory, sink, readings)
    names = sorted({*reception.doors, *delivered, *kept.frames})
    sources = {name: _source(memory, kept, name, delivered.get(name)) for name in names}
    unaccounted = {
        "frames in the fold": frames.unaccounted,
        "lines at the sink": lines.unaccounted,
        **{f"frames of {name} between door and journal": _lost(each) for name, each in sources.items()},
        **{f"frames of {track.device.id}": each for track in reception.tracks.values() if (each := track.decoded) < 0},
    }
    counter_gaps = missed + sum(track.missed for track in reception.tracks.values())
    return Ledger(
        frames=frames,
        readings=readings,
        lines=lines,
        sources=sources,
        missed={"counter-gap": counter_gaps} | dict(sorted(memory.missed.items())),
        devices=_devices(reception, sink) if devices else None,
        unaccounted={place: count for place, count in unaccounted.items() if count},
    )


def _frames(memory: Memory) -> tuple[Frames, int, int]:
    """Sum frames up, those of devices and sources that are no more included; also readings, and what these missed."""
    reception = memory.world.reception
    former, tracks = reception.former, reception.tracks.values()
    doors = reception.doors.values()
    refused: Counter[str] = Counter()
    for name, count in former.items():
        if name.startswith("refused "):
            refused[name.removeprefix("refused ")] += count
    for track in tracks:
        refused.update(track.refused)
    decoded = former["decoded"] + sum(track.decoded for track in tracks)
    frames = Frames(
        received=former["received"] + sum(door.received for door in doors),
        refiled=memory.refiled,
        strangers=former["strangers"] + sum(door.strangers for door in doors),
        duplicates=former["duplicates"] + sum(track.duplicates for track in tracks),
        refused=dict(sorted(refused.items())),
        held=former["held"] + sum(track.held for track in tracks),
        facts=former["facts"] + sum(track.facts for track in tracks),
        set_aside=sum(memory.set_aside.values()),
        decoded=decoded,
    )
    return frames, decoded + former["readings"] + sum(track.readings for track in tracks), former["missed"]


def _lines(memory: Memory, sink: SinkCounts | None, readings: int) -> Lines:
    lines = Lines(made=dict(sorted(memory.made.items())), not_asked=readings - memory.made["readings"])
    if sink is not None:
        lines.written, lines.waiting, lines.expired = sink.written, sink.waiting, sink.expired
        lines.set_aside = sink.set_aside
    return lines


def _source(memory: Memory, kept: Kept, name: str, delivered: int | None) -> SourceCounts:
    door = memory.world.reception.doors.get(name)
    return SourceCounts(
        received=door.received if door else 0,
        strangers=door.strangers if door else 0,
        set_aside=memory.set_aside[name],
        delivered=delivered,
        kept=kept.frames[name],
    )


def _lost(source: SourceCounts) -> int:
    """Frames that a source delivered and that nothing has kept; more may have been kept than it had delivered then."""
    return max((source.delivered or 0) - source.kept, 0)


def _devices(reception: Reception, sink: SinkCounts | None) -> dict[str, DeviceCounts]:
    lost = sink.devices if sink else {}
    return {name: _device(track, lost.get(name, NotArrived())) for name, track in sorted(reception.tracks.items())}


def _device(track: Track, lost: NotArrived) -> DeviceCounts:
    return DeviceCounts(
        frames=track.frames,
        duplicates=track.duplicates,
        refused=dict(track.refused),
        held=track.held,
        facts=track.facts,
        decoded=track.decoded,
        readings=track.decoded + track.readings,
        missed=track.missed,
        lines_set_aside=lost.set_aside,
        lines_expired=lost.expired,
        lines_erased=lost.erased,
    )
