"""From a frame to a reading: which device, seen before, when, live or history.

All memory below the rules lives here. The usual frame never enters this file: `rules.fold` opens it with `Track.open`
and compares a few numbers of the track; whatever is unusual comes to `Reception.receive`, which is written to be read.

Live or history is decided by arrival and envelope, never by the device's clock; that clock only places a reading in
its windows (docs/how-it-works.md, "Time").
"""

from array import array
from binascii import crc32
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from devices import catalogue
from devices.envelopes import Envelope, Uplink
from devices.frames import NOTE_REPEATED, NOTE_RETAINED, Frame
from devices.models import Model
from devices.readings import Facts, Refusal, Values, range_check, without_insane
from devices.registry import Device, Registry, Source

FUTURE_MS = 120_000  # a clock that far ahead of ours is wrong
HISTORY_MS = 600_000  # a platform's message that old was not sent just now
WINDOWS_MS = 50 * 3_600_000  # what is older finds no window cell any more
REMEMBERED = 128  # readings without a counter, per device
BITS = 1024  # counters, per session
RECENT = 5000  # frames of a source: more than a Receive Maximum
MISSED_AT_MOST = 16384  # a larger gap in a counter is no gap but another count
SESSION_START = 3  # a counter this low, without a time beside it, may be a restart


class Track:
    """What is remembered of one device, and its part of the hot path.

    device, model   as registered
    open            (payload) -> counter, time, values: envelope and model in one; raises where there is no fast form
    quantities, sane  what its readings may hold; their range check
    pick, watches   the quantities that somebody wants, and who (rules.judging.Watch); signs: who judges its silence
    series          its windows (rules.windows.Series); empty where nobody wants any
    last_ms         time of the newest reading; usual_until: a time below it needs no second look
    seen_ms         log time of the last sign of life; since_ms: silence counts from here at the earliest
    counter, run, mask  newest counter; start of the unbroken run that it ends; bits of what came before the run
    old             the same three of the session before
    key_at, skew_ms, skew_at_ms  next place in the ring of keys; how far the device's clock is off, measured when
    frames, duplicates, facts, held, refused, readings  for the ledger
    """

    __slots__ = (
        "counter", "device", "duplicates", "envelope", "facts", "frames", "held", "index", "key_at", "last_ms", "mask",
        "missed", "model", "old", "open", "pick", "prefix", "quantities", "readings", "realtime_ms", "refused", "run", "sane", "seen_ms", "series", "signs",
        "silent", "since_ms", "skew_at_ms", "skew_ms", "usual_until", "watches",
    )  # fmt: skip

    def __init__(self, device: Device, index: int, prefix: bytes) -> None:
        self.device = device
        self.index = index
        self.prefix = prefix
        self.model: Model = catalogue.model(device.model)
        self.envelope: Envelope | None = None
        self.open: Callable[[bytes], tuple[int, int, Any]] = _no_fast_form
        shape = self.model.values_for(device.options)
        self.quantities: tuple[str, ...] = shape.__struct_fields__
        self.sane: Callable[[Any], bool] = range_check(shape)
        self.pick: Callable[[Any], Sequence[Any]] = _nothing
        self.watches: list[Any] = []
        self.signs: list[Any] = []
        self.series: list[Any] = []
        self.last_ms = 0
        self.usual_until = 0
        self.seen_ms = 0
        self.since_ms = 0
        self.silent = False
        self.realtime_ms = 0
        self.counter = -1
        self.run = 0
        self.mask = 0
        self.old: tuple[int, int, int] | None = None
        self.key_at = index * REMEMBERED
        self.skew_ms = 0
        self.skew_at_ms = 0
        self.frames = 0
        self.duplicates = 0
        self.facts = 0
        self.held = 0
        self.readings = 0  # beyond one for each decoded frame
        self.missed = 0
        self.refused: dict[str, int] = {}

    STATE = (
        "last_ms", "seen_ms", "since_ms", "silent", "realtime_ms", "counter", "run", "mask", "old", "key_at", "skew_ms",
        "skew_at_ms", "frames", "duplicates", "facts", "held", "readings", "missed", "refused",
    )  # fmt: skip

    @property
    def decoded(self) -> int:
        """Frames that became readings."""
        return self.frames - self.duplicates - self.facts - self.held - sum(self.refused.values())


class Reading(Struct):
    """A reading on its way to windows and rules.

    t_ms    civil time it stands for
    live    it was said just now; history otherwise
    newest  nothing later is known of the device: then history is judged too
    span    as in `devices.readings.Reported`
    """

    t_ms: int
    values: Values
    live: bool
    newest: bool
    span: str = ""


class Stranger(Struct):
    """Nobody registered this address."""

    address: str


class Duplicate(Struct):
    """It came before."""


Received = list[Reading] | Stranger | Duplicate | Facts | Refusal


def _no_fast_form(_payload: bytes) -> tuple[int, int, Any]:
    raise ValueError


def _nothing(_values: object) -> Sequence[Any]:
    return ()


def topic_matches(pattern: str, topic: str) -> bool:
    """MQTT topic filters (MQTT 5.0 §4.7); "" matches all, for sources that have no topics."""
    if not pattern:
        return True
    wanted, levels = pattern.split("/"), topic.split("/")
    for i, want in enumerate(wanted):
        if want == "#":
            return True
        if i >= len(levels) or want not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)


class Door:
    """One source as the core sees it: which place is which device."""

    def __init__(self, source: Source) -> None:
        """listening: something can be heard through it. received, strangers: frames, for the ledger."""
        self.source = source
        self.envelopes = [(route.filter, catalogue.envelope(route.envelope, route.address)) for route in source.routes]
        self.tracks: dict[bytes, Track] = {}
        self.recent: deque[int] = deque(maxlen=RECENT)  # for what a broker delivers again: see _delivered_again
        self.listening = False
        self.received = 0
        self.strangers = 0


class Reception:
    """All doors and tracks of one configuration, and the ring of keys of readings without a counter.

    former  counts of doors and tracks that are no more, for the ledger's sums: frames, by what became of them
    """

    def __init__(
        self, registry: Registry, line_prefix: Callable[[Device], bytes], before: "Reception | None" = None
    ) -> None:
        """Take over from `before` what is known of devices that are the same: same model, address and options."""
        self.doors = {source.name: Door(source) for source in registry.sources}
        self.tracks: dict[str, Track] = {}
        self.by_address: dict[str, Track] = {}
        self.ring = array("Q", bytes(8 * REMEMBERED * len(registry.devices)))
        self.former: Counter[str] = Counter(before.former if before else ())
        for index, device in enumerate(registry.devices):
            track = Track(device, index, line_prefix(device))
            self.tracks[device.id] = self.by_address[device.address] = track
            old = before.tracks.get(device.id) if before else None
            if before and old and _same(old.device, device):
                self._take_over(track, old, before.ring)
        if before:
            for name, door in self.doors.items():
                if name in before.doors:
                    old_door = before.doors[name]
                    door.listening, door.recent = old_door.listening, old_door.recent
                    door.received, door.strangers = old_door.received, old_door.strangers
            self._part_with(before)

    def _part_with(self, before: "Reception") -> None:
        """Keep the counts of what is not taken over."""
        for name, door in before.doors.items():
            if name not in self.doors:
                self.former.update(received=door.received, strangers=door.strangers)
        for name, track in before.tracks.items():
            if name not in self.tracks or not _same(track.device, self.tracks[name].device):
                self.former.update(
                    duplicates=track.duplicates, facts=track.facts, held=track.held, decoded=track.decoded,
                    readings=track.readings, missed=track.missed,
                )  # fmt: skip
                self.former.update({f"refused {reason}": count for reason, count in track.refused.items()})

    def _take_over(self, track: Track, old: Track, ring: "array[int]") -> None:
        for name in Track.STATE:
            setattr(track, name, getattr(old, name))
        here, there = track.index * REMEMBERED, old.index * REMEMBERED
        track.key_at = here + old.key_at - there
        self.ring[here : here + REMEMBERED] = ring[there : there + REMEMBERED]

    # ------------------------------------------------------------------------------------------ which device

    def find(
        self, door: Door, place: bytes, payload: bytes
    ) -> tuple[Track | None, Envelope | None, Uplink | Facts | Refusal | None, str]:
        """Track and envelope of a frame; what opening it said, where that was needed to know; the address."""
        topic = place.decode("utf-8", "replace")
        for pattern, envelope in door.envelopes:
            if not topic_matches(pattern, topic):
                continue
            address = envelope.address_of(place)
            opened: Uplink | Facts | Refusal | None = None
            if address is None:
                opened = envelope.open(place, payload)
                if not isinstance(opened, Uplink):
                    return None, envelope, opened, topic
                address = opened.address
            track, name = self._by_address(door.source.name, envelope.scheme, address)
            if track is not None and opened is None:
                self._bind(door, place, track, envelope)
            return track, envelope, opened, name
        return None, None, None, f"topic:{door.source.name}/{topic}"

    def _by_address(self, source: str, scheme: str, address: str) -> tuple[Track | None, str]:
        names = [f"{scheme}:{address}"]
        if scheme == "topic":  # a level of a topic may be any kind of address
            names = [f"topic:{source}/{address}", *(f"{kind}:{address.lower()}" for kind in ("eui", "imei", "mn"))]
        for name in names:
            track = self.by_address.get(name)
            if track is not None:
                return track, name
        return None, names[0]

    def _bind(self, door: Door, place: bytes, track: Track, envelope: Envelope) -> None:
        """From now on this place is this device, opened in one step."""
        if track.envelope is None:
            track.envelope = envelope
            if envelope.bind is not None:
                track.open = envelope.bind(track.model, track.device.options)
        if track.envelope is envelope:
            door.tracks[place] = track

    # ------------------------------------------------------------------------------------------- the careful way

    def receive(self, door: Door, frame: Frame, now_ms: int, log_ms: int) -> tuple[Track | None, Received]:
        """Take one frame the careful way. now_ms: civil time of arrival; log_ms: the same in log time."""
        place, payload, note = frame
        track: Track | None = door.tracks.get(place)
        envelope, opened, address = track.envelope if track else None, None, ""
        if track is None:
            track, envelope, opened, address = self.find(door, place, payload)
            if track is None:
                return None, Stranger(address)
        track.frames += 1
        counter, t_ms, entries = _open(track, envelope, place, payload, opened)
        if isinstance(entries, Facts):
            track.facts += 1
            return track, entries
        if isinstance(entries, Refusal):
            track.refused[entries.reason] = track.refused.get(entries.reason, 0) + 1
            return track, entries
        resent = isinstance(opened, Uplink) and opened.resent
        age = self._seen_before(track, counter, t_ms, payload, envelope, note, door)
        if age == "duplicate":
            track.duplicates += 1
            return track, Duplicate()
        platform = envelope is not None and envelope.platform_time
        live = (
            note != NOTE_RETAINED
            and not resent
            and age != "older"
            and not (platform and 0 <= t_ms < now_ms - HISTORY_MS)
        )
        newest_before = track.last_ms
        readings = []
        for device_ms, values, span in entries:
            own = device_ms if device_ms >= 0 else t_ms
            at, doubt = (own, "") if span else _place(track, own, now_ms, log_ms, trusted=platform)
            flags = [values.flags] if values.flags else []
            flags += [f"{name}:range" for name in without_insane(values)]
            if doubt:
                flags.append(doubt)
            elif not live:
                flags.append("late")
            values.flags = " ".join(flags) or None
            readings.append(Reading(at, values, live, at > newest_before, span))
            track.last_ms = max(track.last_ms, at if not span else 0)
        if live:
            track.seen_ms = log_ms
        elif note != NOTE_RETAINED and readings:  # it lived then, not now
            track.seen_ms = max(track.seen_ms, min(log_ms, log_ms - now_ms + readings[-1].t_ms))
        track.readings += len(readings) - 1
        return track, readings

    # ------------------------------------------------------------------------------------------------ seen before

    def _seen_before(
        self, track: Track, counter: int, t_ms: int, payload: bytes, envelope: Envelope | None, note: bytes, door: Door
    ) -> str:
        if counter >= 0:
            timed = t_ms >= 0 and envelope is not None and envelope.platform_time
            return _by_counter(track, counter, newer=t_ms > track.last_ms if timed else None)
        if t_ms >= 0:
            key = (t_ms << 22 ^ crc32(payload)) & 0xFFFF_FFFF_FFFF_FFFF
            here = track.index * REMEMBERED
            if key in self.ring[here : here + REMEMBERED]:
                return "duplicate"
            self.remember(track, key)
            return ""
        return self._delivered_again(door, payload, note)

    def remember(self, track: Track, key: int) -> None:
        """Keep the key of a reading among the device's last 128."""
        at = track.key_at
        self.ring[at] = key
        track.key_at = at + 1 if (at + 1) % REMEMBERED else at + 1 - REMEMBERED

    def _delivered_again(self, door: Door, payload: bytes, note: bytes) -> str:
        """Neither counter nor time: only the broker's own word (DUP) makes a duplicate, and only of a recent frame."""
        key = crc32(payload)
        if note == NOTE_REPEATED and key in door.recent:
            return "duplicate"
        door.recent.append(key)
        return ""

    # ------------------------------------------------------------------------------------------------- snapshot

    def state(self) -> dict[str, Any]:
        """Everything that a restart must find again, as plain data."""
        return {
            "tracks": {name: [getattr(track, key) for key in Track.STATE] for name, track in self.tracks.items()},
            "index": {name: track.index for name, track in self.tracks.items()},
            "doors": {
                name: (door.received, door.strangers, list(door.recent), door.listening)
                for name, door in self.doors.items()
            },
            "ring": self.ring.tobytes(),
            "former": dict(self.former),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state back; devices are those of the same configuration."""
        ring = array("Q", state["ring"])
        self.former = Counter(state["former"])
        for name, values in state["tracks"].items():
            track = self.tracks[name]
            for key, value in zip(Track.STATE, values, strict=True):
                setattr(track, key, tuple(value) if key == "old" and value else value)
            here, there = track.index * REMEMBERED, state["index"][name] * REMEMBERED
            track.key_at += here - there
            self.ring[here : here + REMEMBERED] = ring[there : there + REMEMBERED]
        for name, (received, strangers, recent, listening) in state["doors"].items():
            door = self.doors[name]
            door.received, door.strangers, door.listening = received, strangers, listening
            door.recent.extend(recent)


def _same(old: Device, new: Device) -> bool:
    return (old.model, old.address, old.options) == (new.model, new.address, new.options)


def _open(
    track: Track, envelope: Envelope | None, place: bytes, payload: bytes, opened: Uplink | Facts | Refusal | None
) -> tuple[int, int, list[tuple[int, Values, str]] | Facts | Refusal]:
    """Counter, time, and the entries of a frame; the fast form first, the careful one for its reasons."""
    if opened is None and envelope is not None:
        try:
            counter, t_ms, values = track.open(payload)
        except ValueError:
            pass
        else:
            if isinstance(values, Values) and track.sane(values):
                return counter, t_ms, [(-1, values, "")]
        opened = envelope.open(place, payload)
    if not isinstance(opened, Uplink):
        return -1, -1, opened or Refusal("not_mine", "no envelope opens it")
    counter = -1 if opened.counter is None else opened.counter
    t_ms = -1 if opened.time_ms is None else opened.time_ms
    if opened.payload is None:
        return counter, t_ms, Refusal("not_mine", f"the platform sends values; {track.model.id} reads bytes")
    said = track.model.decode(opened.payload, opened.port, track.device.options)
    if isinstance(said, Facts | Refusal):
        return counter, t_ms, said
    entries = [(-1, said, "")] if isinstance(said, Values) else said
    for _, values, _ in entries:
        if opened.rssi_dbm is not None:
            values.rssi_dbm, values.snr_db = opened.rssi_dbm, opened.snr_db
    if t_ms < 0 and entries:
        t_ms = entries[0][0]
    return counter, t_ms, entries


def _place(track: Track, t_ms: int, now_ms: int, log_ms: int, *, trusted: bool) -> tuple[int, str]:
    """When a reading was made: the device's own time where it can be believed, else arrival; and the doubt."""
    if t_ms < 0:
        return now_ms, ""
    ahead = t_ms - now_ms
    if trusted:
        return (t_ms, "") if ahead <= FUTURE_MS and ahead > -365 * 86_400_000 else (now_ms, "clock")
    drift = abs(ahead - track.skew_ms)
    same_skew = track.skew_ms != 0 and drift <= 5000 + (log_ms - track.skew_at_ms) // 10
    track.skew_ms, track.skew_at_ms = ahead, log_ms
    if -HISTORY_MS <= ahead <= FUTURE_MS:
        track.skew_ms = 0
        return t_ms, ""
    if ahead > FUTURE_MS or ahead < -WINDOWS_MS or same_skew:
        return now_ms, "clock"  # as far off as last time: its clock is wrong, not the reading late
    return t_ms, "late"


def _by_counter(track: Track, counter: int, *, newer: bool | None) -> str:
    """Compare with what came: "" new, "older" late but new, "duplicate". newer: by the platform's time; None unknown.

    A counter that falls while time goes on is a new session (join, battery): normal, and the old window is kept for
    what a platform sends again (reference: Helium repeated 24 % of its messages, up to 48 days late).
    """
    last = track.counter
    if last < 0:
        track.counter = track.run = counter
        return ""
    if counter > last:
        if newer is False and track.old is not None:  # of the session before
            return "duplicate" if _in_session(track.old, counter) else "older"
        gap, length = counter - last - 1, min(last - track.run + 1, BITS)
        track.missed += gap if gap < MISSED_AT_MOST else 0
        if gap:
            track.mask = ((track.mask << length | (1 << length) - 1) << min(gap, BITS)) & ((1 << BITS) - 1)
            track.run = counter
        track.counter = counter
        return ""
    restarted = newer if newer is not None else counter <= SESSION_START and last > 4 * SESSION_START
    if restarted:
        track.old = (track.counter, track.run, track.mask)
        track.counter = track.run = counter
        track.mask = 0
        return ""
    if _in_session((track.counter, track.run, track.mask), counter) or (track.old and _in_session(track.old, counter)):
        return "duplicate"
    back = track.run - 1 - counter
    if 0 <= back < BITS:
        track.mask |= 1 << back
    return "older"


def _in_session(session: tuple[int, int, int], counter: int) -> bool:
    last, run, mask = session
    if run <= counter <= last:
        return True
    back = run - 1 - counter
    return 0 <= back < BITS and bool(mask >> back & 1)
