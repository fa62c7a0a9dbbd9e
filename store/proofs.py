"""What the book keeps of a verdict so that it can be proven when the journal has forgotten: one proof an event.

A proof is a copy of what was known when the verdict was made: the rule, the configuration, the device, its periods with
their revisions, and the frames of its span as they came, with what was read from them. It is never changed; a later
amendment has a proof of its own, with the frames that came after the first.
"""

import zlib
from typing import Any

import msgspec
from msgspec import Struct

from rules.records import Event, Period
from store.event_search import EventReader, Search

PACKED_BYTES = 256 << 10
"""Compressed bytes of frames that a proof may hold; of what is beyond, digests by the hour."""

RECYCLED, OVERTAKEN, UNREADABLE, DAMAGED = "recycled", "overtaken", "unreadable", "damaged"
"""Why frames of a span are missing: the journal had recycled them before; or while they were read; the process that
reads them died three times; a place of the disk is damaged."""

_FRAMING = 64  # bytes, more than zlib adds at its end
_MOST_EVENTS = 1_000  # of one alarm that are looked at


class Said(Struct, array_like=True):
    """What a frame says of the alarm's quantity at one moment. flags: doubts, a blank between them."""

    t_ms: int
    value: float | bool | None
    flags: str = ""
    span: str = ""


class KeptFrame(Struct, array_like=True):
    """A frame of the span as it came: as in `devices.frames.Frame`, with sequence and log time.

    what  reading, duplicate, facts, or why it was refused
    """

    sequence: int
    at_ms: int
    source: str
    place: bytes
    payload: bytes
    what: str
    said: list[Said]


class Digest(Struct, array_like=True):
    """Frames that are not kept: how many, from which to which sequence; SHA-256 over their payloads, in order."""

    first: int
    last: int
    count: int
    sha256: str


class Proof(Struct, kw_only=True):
    """What one event rests on.

    number       of the event; occurrence: the activation that it is about (of an amendment: that it amends)
    made_ms      civil time of the copy; offset_ms: civil time - log time then
    config       hash of the configuration in force; version: how many were accepted up to it; 0 = not known any more
    rule         as it was in force, as plain data; {} = not known any more
    rule_hash    SHA-256 of it, as canonical JSON
    device       as it was registered; None = the alarm is about no device
    facts        what it said last of itself within the span: battery, radio; clock_off_ms
    periods      slots, hours, days that the verdict rests on, all revisions, as told until then
    from_ms      civil time at which the span begins; first, last: sequences of its frames, 0 = there is none
    frames       how many; kept: of how many the bytes are here
    packed       those, zlib of msgpack
    record       of what is no device: its last Status record before the event, with its sequence
    missing      why frames may be missing that came before missing_to_ms (civil time); "" = none is
    """

    number: int
    alarm: str
    occurrence: int
    kind: str
    made_ms: int
    offset_ms: int
    gateway: str
    time_zone: str
    config: str
    version: int
    rule: dict[str, Any]
    rule_hash: str
    device: dict[str, Any] | None = None
    facts: dict[str, Any] = {}
    periods: list[Period] = []
    from_ms: int = 0
    first: int = 0
    last: int = 0
    frames: int = 0
    kept: int = 0
    packed: bytes = b""
    digests: list[Digest] = []
    record: dict[str, Any] | None = None
    missing: str = ""
    missing_to_ms: int = 0

    def unpacked(self) -> list[KeptFrame]:
        """Return the frames that are kept, in order."""
        return _frames(zlib.decompress(self.packed)) if self.packed else []

    def row(self) -> tuple[int, str, int, bool, bytes]:
        """Return what the book's table holds."""
        return self.number, self.alarm, self.occurrence, not self.missing, _encode(self)


_encode = msgspec.msgpack.Encoder().encode
_proof = msgspec.msgpack.Decoder(Proof).decode
_event = msgspec.json.Decoder(Event).decode


def _frames(raw: bytes) -> list[KeptFrame]:
    decoder, frames = msgspec.msgpack.Decoder(KeptFrame), []
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "little")
        frames.append(decoder.decode(raw[at + 4 : at + 4 + length]))
        at += 4 + length
    return frames


class Packer:
    """Packs frames until they would take more room than a proof may; counts, and digests by the hour of log time."""

    def __init__(self, most_bytes: int = PACKED_BYTES) -> None:
        self._most = most_bytes
        self._zlib = zlib.compressobj(6)
        self._parts: list[bytes] = []
        self._bytes = self._waiting = 0
        self._digests: dict[int, tuple[int, int, int, Any]] = {}
        self.frames = self.kept = 0
        self.first = self.last = 0

    def add(self, frame: KeptFrame, digest: Any) -> None:  # noqa: ANN401 - of hashlib
        """Take a frame. digest: makes an empty SHA-256."""
        self.frames += 1
        self.first = min(self.first or frame.sequence, frame.sequence)
        self.last = max(self.last, frame.sequence)
        body = _encode(frame)
        if not self._digests and self._has_room(len(body) + _FRAMING):
            self._put(body)
        else:
            hour = frame.at_ms // 3_600_000
            first, _, count, sha = self._digests.get(hour) or (frame.sequence, 0, 0, digest())
            sha.update(frame.payload)
            self._digests[hour] = (first, frame.sequence, count + 1, sha)

    def _has_room(self, need: int) -> bool:
        """Look as if nothing could be compressed; where that does not do, find out how much room was really taken."""
        return self._bytes + self._waiting + need <= self._most or self._flush() + need <= self._most

    def _put(self, body: bytes) -> None:
        self._parts.append(self._zlib.compress(len(body).to_bytes(4, "little") + body))
        self._waiting += len(body) + 4
        self.kept += 1

    def _flush(self) -> int:
        self._parts.append(self._zlib.flush(zlib.Z_SYNC_FLUSH))
        self._bytes, self._waiting = sum(map(len, self._parts)), 0
        return self._bytes

    def packed(self) -> bytes:
        """End; return the bytes."""
        return b"".join([*self._parts, self._zlib.flush()]) if self.kept else b""

    def digests(self) -> list[Digest]:
        """Return the digests of what is not kept."""
        return [
            Digest(first, last, count, sha.hexdigest())
            for _, (first, last, count, sha) in sorted(self._digests.items())
        ]


class ProofReader(EventReader):
    """The book for whoever explains, or proves."""

    def proof(self, number: int) -> Proof | None:
        """Read the proof of an event."""
        body = self._one("select body from proofs where number = ?", number)
        return None if body is None else _proof(body)

    def incomplete(self) -> int:
        """Count proofs of which frames are missing."""
        return int(self._one("select count(*) from proofs where not complete"))

    def events_of(self, alarm: str) -> list[Event]:
        """Read the newest events of an alarm, oldest first, with their evidence."""
        events = []
        for number, body in self.search(Search(alarm=alarm), _MOST_EVENTS):
            event = _event(body)
            event.evidence = self.evidence(number)
            events.append(event)
        return events[::-1]

    def revisions(self, device: str, quantity: str, span: str, from_ms: int, to_ms: int) -> list[Period]:
        """Read all revisions that were told of one series' periods that begin in [from_ms, to_ms), oldest first."""
        former = self._db.execute(
            "select body from revisions where device = ? and quantity = ? and span = ? and start_ms >= ?"
            " and start_ms < ?",
            (device, quantity, span, from_ms, to_ms),
        )
        periods = [msgspec.json.decode(body, type=Period) for (body,) in former]
        periods += self.periods(device, quantity, span, from_ms, to_ms)
        return sorted(periods, key=lambda period: (period.start_ms, period.revision))

    def version(self, config_hash: str) -> int:
        """Tell how many configurations were accepted up to one; 0 = it is not known."""
        return int(self._one("select accepted from configurations where hash = ?", config_hash) or 0)
