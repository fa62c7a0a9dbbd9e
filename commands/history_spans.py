"""What the child reads for proofs: the frames of the spans of many events, in one pass through the journal.

It decodes them with receptions that know only these devices, so that what a frame says stands beside its bytes.
"""

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from commands.newest import BATTERY, RADIO
from config import blob
from devices.frames import Batch
from devices.readings import Facts, Refusal
from devices.reception import Duplicate, Reading, Reception
from devices.tracks import Track
from rules import lines
from rules.records import Record, Refile, Status
from store import journal, segment
from store.fs import OsFs
from store.proofs import DAMAGED, OVERTAKEN, RECYCLED, Digest, KeptFrame, Packer, Said

BREATH_S = 0.002  # between groups: the gateway's disk and cores are for the pipeline
_EVERY = 64
_FEW = 8  # places that are looked for in a group before it is decoded; more cost more than decoding it


class Want(Struct, array_like=True):
    """The span of one event.

    subject   device; or, of what is no device (`broker:lora`): its last Status record is wanted, and no frames
    quantity  None = what frames say is not wanted
    from_ms   log time; after, upto: sequences
    """

    number: int
    subject: str
    is_device: bool
    quantity: str | None
    from_ms: int
    after: int
    upto: int


class Spans(Struct, tag=True):
    """Find the frames of these spans.

    registry  the sources, and the wanted devices, encoded by config.blob
    places    of these devices; None = some are not known, everything must be read
    """

    directory: str
    registry: bytes
    offset_ms: int
    wants: list[Want]
    places: list[bytes] | None


class Found(Struct, array_like=True):
    """What there is of one span; the words are those of store.proofs.Proof. missing_to_ms: log time."""

    number: int
    first: int = 0
    last: int = 0
    frames: int = 0
    kept: int = 0
    packed: bytes = b""
    digests: list[Digest] = []
    record: dict[str, Any] | None = None
    facts: dict[str, Any] = {}
    missing: str = ""
    missing_to_ms: int = 0


class _Span:
    """One span, being filled."""

    def __init__(self, want: Want) -> None:
        self.want = want
        self.packer = Packer()
        self.record: dict[str, Any] | None = None
        self.facts: dict[str, Any] = {}

    def frame(self, frame: KeptFrame, device_facts: dict[str, Any]) -> None:
        self.packer.add(frame, sha256)
        self.facts |= device_facts

    def found(self, missing: str, missing_to_ms: int) -> Found:
        packer = self.packer
        return Found(
            self.want.number, packer.first, packer.last, packer.frames, packer.kept, packer.packed(), packer.digests(),
            self.record, self.facts, missing, missing_to_ms,
        )  # fmt: skip


def collect(task: Spans) -> Iterator[Found]:
    """Read, and tell of each span what there is."""
    registry, _ = blob.decode(task.registry)
    directory = Path(task.directory)
    spans = [_Span(want) for want in task.wants]
    by_device: dict[str, list[_Span]] = {}
    others: dict[str, list[_Span]] = {}
    for span in spans:
        (by_device if span.want.is_device else others).setdefault(span.want.subject, []).append(span)
    reader = _Reader(Reception(registry, lines.prefix), by_device, task.offset_ms)
    places = None if task.places is None else [*task.places, *(subject.encode() for subject in others)]
    overtaken = False
    listed = segment.listing(OsFs(), directory)
    try:
        records = journal.groups_with(
            OsFs(), directory, _start(listed, spans), upto=max(span.want.upto for span in spans),
            places=None if len(places or ()) > _FEW else places,
        )  # fmt: skip
        for count, (sequence, record) in enumerate(records):
            if count % _EVERY == 0:
                time.sleep(BREATH_S)
            reader.record(sequence, record)
            if isinstance(record, Status) and record.subject in others:
                for span in others[record.subject]:
                    if record.at_ms >= span.want.from_ms and sequence <= span.want.upto:
                        span.record = {"sequence": sequence, **msgspec.to_builtins(record)}
    except journal.OvertakenError:
        overtaken = True
    for span in spans:
        yield span.found(*_missing(listed, span.want, overtaken=overtaken))


def _start(listed: list[segment.Segment], spans: list[_Span]) -> int:
    """Find the sequence behind which the first span begins."""
    begins = []
    for span in spans:
        want = span.want
        before = [each.last for each in listed if each.groups and each.to_ms < want.from_ms]
        begins.append(max(want.after, max(before, default=0)))
    return min(begins)


def _missing(listed: list[segment.Segment], want: Want, *, overtaken: bool) -> tuple[str, int]:
    """Say whether the journal may have lost frames of a span, and up to which log time."""
    if not want.is_device:
        return "", 0
    if overtaken:
        return OVERTAKEN, listed[-1].to_ms
    filled = [each for each in listed if each.groups]
    oldest = filled[0] if filled else None
    if oldest is not None and oldest.number > 1 and oldest.from_ms > want.from_ms and oldest.first > want.after + 1:
        return RECYCLED, oldest.from_ms
    bad = [each for each in filled if each.bad and each.to_ms >= want.from_ms and each.first <= want.upto]
    return (DAMAGED, bad[-1].to_ms) if bad else ("", 0)


class _Reader:
    """Gives frames to the spans of their devices."""

    def __init__(self, reception: Reception, by_device: dict[str, list[_Span]], offset_ms: int) -> None:
        self._reception, self._by_device, self._offset_ms = reception, by_device, offset_ms
        self._others: set[tuple[str, bytes]] = set()

    def record(self, sequence: int, record: Record) -> None:
        """Take one record; what was refiled counts where it was refiled, with its first sequence and time."""
        if isinstance(record, Batch):
            for at, frame in enumerate(record.frames, sequence):
                self._frame(at, (at, record.source, record.at_ms), frame)
        elif isinstance(record, Refile) and record.device in self._by_device:
            for old in record.frames:
                self._frame(sequence, (old.sequence, old.source, old.at_ms), (old.place, old.payload, old.note))

    def _frame(self, came: int, known: tuple[int, str, int], frame: tuple[bytes, bytes, bytes]) -> None:
        sequence, source, at_ms = known
        place, payload, _ = frame
        door = self._reception.doors.get(source)
        if door is None or (source, place) in self._others:
            return
        if place not in door.tracks:
            track, envelope, opened, _ = self._reception.find(door, place, payload)
            if track is None:
                if envelope is None or opened is None:  # the place alone tells whose it is
                    self._others.add((source, place))
                return
        track, said = self._reception.receive(door, frame, at_ms + self._offset_ms, at_ms)
        if track is None:
            return
        for span in self._by_device.get(track.device.id, ()):
            want = span.want
            if want.after < came <= want.upto and at_ms >= want.from_ms:
                what, values = _read(said, want.quantity)
                span.frame(KeptFrame(sequence, at_ms, source, place, payload, what, values), _facts(track, said))


def _read(said: object, quantity: str | None) -> tuple[str, list[Said]]:
    """Say what a frame is, and what it says of a quantity."""
    if isinstance(said, Duplicate):
        return "duplicate", []
    if isinstance(said, Refusal):
        return f"{said.reason}: {said.detail}", []
    if isinstance(said, Facts):
        return "facts", []
    if not isinstance(said, list):
        return "", []
    return "reading", [
        Said(each.t_ms, getattr(each.values, quantity, None), each.values.flags or "", each.span)
        for each in said
        if quantity is not None and _tells(each, quantity)
    ]


def _tells(reading: Reading, quantity: str) -> bool:
    return getattr(reading.values, quantity, None) is not None or bool(
        reading.values.flags and quantity in reading.values.flags
    )


def _facts(track: Track, said: object) -> dict[str, Any]:
    """Pick what a frame says of the device itself."""
    if isinstance(said, Facts):
        return {name: str(value) for name, value in said.facts.items()}
    found: dict[str, Any] = {}
    if isinstance(said, list):
        for reading in said:
            pairs = ((name, getattr(reading.values, name, None)) for name in (*BATTERY, *RADIO))
            found |= {name: value for name, value in pairs if value is not None}
    if track.skew_at_ms:
        found["clock_off_ms"] = track.skew_ms
    return found
