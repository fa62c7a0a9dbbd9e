"""From a frame to a reading: which device, seen before, when, live or history.

All memory below the rules lives here. The usual frame never enters this file: `rules.fold` opens it with `Track.open`
and compares a few numbers of the track; whatever is unusual comes to `Reception.receive`, which is written to be read.

Live or history is decided by arrival and envelope, never by the device's clock; that clock only places a reading in
its windows (docs/how-it-works.md, "Time").
"""

from binascii import crc32
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct, json

from devices.envelopes import Envelope, Uplink, said_by
from devices.frames import NOTE_REPEATED, NOTE_RETAINED, Frame
from devices.met import Met
from devices.models.hj212_dust import Hj212Options
from devices.plausible import HUMID, humid
from devices.quantities import QUANTITIES
from devices.readings import TOLD_LATER, Facts, Refusal, Reported, Values, without_insane
from devices.registry import Device, Registry
from devices.sessions import compare
from devices.stations import Stations
from devices.tracks import Door, Track, columns, restore, topic_matches

FUTURE_MS = 120_000  # a clock that far ahead of ours is wrong
HISTORY_MS = 600_000  # a platform's message that old was not sent just now
WINDOWS_MS = 50 * 3_600_000  # what is older finds no window cell any more

_MEASURED = set(QUANTITIES) - {"rssi_dbm", "snr_db"}


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
        self.met = Met()
        self.stations = Stations()
        self.former: Counter[str] = Counter(before.former if before else ())
        for device in registry.devices:
            track = Track(device, line_prefix(device))
            self.tracks[device.id] = self.by_address[device.address] = track
            old = before.tracks.get(device.id) if before else None
            if before and old and _same(old.device, device):
                self._take_over(track, old, before)
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

    def _take_over(self, track: Track, old: Track, before: "Reception") -> None:
        track.go_on(old)
        track.key_at = -1
        self.remember_as(track, before, old)

    def remember_as(self, track: Track, other: "Reception", old: Track) -> None:
        """Remember of a device the readings that another reception does, and of an HJ 212 station what it is like."""
        memory = other.stations.known.get(track.device.id)
        if memory is not None:
            self.stations.known[track.device.id] = memory
        self.met.take_over(track, other.met, old)

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
                if isinstance(opened, Refusal) or not opened.address:
                    return None, envelope, opened, topic
                address = opened.address
            track, name = self._by_address(door.source.name, envelope.scheme, address)
            if track is None and isinstance(opened, Uplink) and opened.imei:
                name = f"imei:{opened.imei}"  # it is what stands on the device
                track = self.by_address.get(name)
            if track is not None and opened is None:
                self._bind(door, place, track, envelope)
            return track, envelope, opened, name
        return None, None, None, f"topic:{door.source.name}/{topic}"

    def registered(self, name: str) -> Track | None:
        """Return the device that a stranger's address, as `find` named it, belongs to now."""
        scheme, _, rest = name.partition(":")
        if scheme != "topic":
            return self.by_address.get(name)
        source, _, address = rest.partition("/")
        return self._by_address(source, scheme, address)[0]

    def _by_address(self, source: str, scheme: str, address: str) -> tuple[Track | None, str]:
        names = [f"{scheme}:{address}"]
        if scheme == "topic":  # a level of a topic may be any kind of address
            names = [f"topic:{source}/{address}", f"eui:{address.lower()}", f"imei:{address}", f"mn:{address}"]
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
                if envelope.id == track.model.id == "plain":  # its own opener checks ranges while it decodes
                    track.usual = None
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
        if isinstance(track.device.options, Hj212Options) and envelope is not None:
            said = self._open_station(track, opened or envelope.open(place, payload), log_ms)
        else:
            said = _open(track, envelope, place, payload, opened)
        if not isinstance(said, _Said):
            return track, _counted(track, said)
        said.platform = envelope is not None and envelope.platform_time
        age = "" if said.met else self._seen_before(track, said, frame, door)
        if age == "duplicate":
            return track, _counted(track, Duplicate())
        old = said.platform and 0 <= said.t_ms < now_ms - HISTORY_MS
        retained = NOTE_RETAINED in note
        door.platform.note(log_ms, -1 if retained or said.resent or not said.platform else said.t_ms)
        live = not (retained or said.resent or old or age == "older")
        readings = _readings(track, said, now_ms, log_ms, live=live)
        if live:
            track.seen_ms = log_ms
        elif not retained and readings:  # it lived then, not now
            track.seen_ms = max(track.seen_ms, min(log_ms, log_ms - now_ms + readings[-1].t_ms))
        track.readings += len(readings) - 1
        return track, readings

    def _open_station(
        self, track: Track, opened: Uplink | Facts | Refusal, log_ms: int
    ) -> "_Said | Facts | Refusal | Duplicate":
        """Open a packet of an HJ 212 station, of which more is remembered than of others."""
        if not isinstance(opened, Uplink):
            return opened
        said = self.stations.take(track.device, opened.payload or b"", log_ms, partial(self._met, track))
        if isinstance(said, list):
            return _sane(_Said(-1, said[0][0], said, opened.resent, met=True))
        return Duplicate() if said is None else said

    # ------------------------------------------------------------------------------------------------ seen before

    def _seen_before(self, track: Track, said: "_Said", frame: Frame, door: Door) -> str:
        if said.counter >= 0:
            timed = said.t_ms >= 0 and said.platform
            return compare(track, said.counter, newer=said.t_ms > track.last_ms if timed else None)
        place, payload, note = frame
        if said.t_ms >= 0:
            return "duplicate" if self._met(track, said.t_ms, said.told or payload) else ""
        key = crc32(payload, crc32(place))
        if NOTE_REPEATED in note and key in door.recent:
            return "duplicate"  # neither counter nor time: only the broker's own word, and only of a recent frame
        door.recent.append(key)
        return ""

    def _met(self, track: Track, t_ms: int, what: bytes) -> bool:
        """Tell whether a reading of that time (-1 = none) and content is among the device's last 128; remember it."""
        return t_ms >= 0 and self.met.met(track, (t_ms << 22 ^ crc32(what)) & 0xFFFF_FFFF_FFFF_FFFF)

    # ------------------------------------------------------------------------------------------------- snapshot

    def state(self) -> dict[str, Any]:
        """Everything that a restart must find again, as plain data."""
        return {
            "devices": list(self.tracks),
            "tracks": columns(list(self.tracks.values())),
            "doors": {
                name: (door.received, door.strangers, list(door.recent), door.listening)
                for name, door in self.doors.items()
            },
            "met": self.met.keys.tobytes(),
            "stations": self.stations.state(),
            "former": dict(self.former),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state back; devices are those of the same configuration."""
        self.former = Counter(state["former"])
        self.stations.restore(state.get("stations", {}))  # a snapshot of an earlier version has none
        restore([self.tracks[name] for name in state["devices"]], state["tracks"])
        self.met.restore(state["met"])
        for name, (received, strangers, recent, listening) in state["doors"].items():
            door = self.doors[name]
            door.received, door.strangers, door.listening = received, strangers, listening
            door.recent.extend(recent)


def _same(old: Device, new: Device) -> bool:
    return (old.model, old.address, old.options) == (new.model, new.address, new.options)


def _counted(track: Track, said: Facts | Refusal | Duplicate) -> Facts | Refusal | Duplicate:
    if isinstance(said, Facts):
        track.facts += 1
    elif isinstance(said, Refusal):
        track.refuse(said.reason)
    else:
        track.duplicates += 1
    return said


class _Said(Struct):
    """What a frame says: counter and time (-1 = none), entries as in `Reported`; met: it is known to be new.

    told  the values that a platform sent: a push that comes again may have another signature round them
    """

    counter: int
    t_ms: int
    entries: list[Reported]
    resent: bool = False
    platform: bool = False
    met: bool = False
    told: bytes = b""


def _open(
    track: Track, envelope: Envelope | None, place: bytes, payload: bytes, opened: Uplink | Facts | Refusal | None
) -> _Said | Facts | Refusal:
    """Open a frame: the fast form first, the careful one for its reasons."""
    if opened is None and envelope is not None:
        if envelope is track.envelope:
            try:
                counter, t_ms, values = track.open(payload)
            except ValueError:
                pass
            else:
                if isinstance(values, Values) and track.sane(values):
                    return _sane(_Said(counter, t_ms, [(-1, values, "")]))
        opened = envelope.open(place, payload)
    if not isinstance(opened, Uplink):
        return opened or Refusal("not_mine", "no envelope opens it")
    said = _decode(track, opened)
    return _sane(said) if isinstance(said, _Said) else said


def _decode(track: Track, uplink: Uplink) -> _Said | Facts | Refusal:
    decoded = said_by(track.model, uplink, track.device.options)
    if isinstance(decoded, Facts | Refusal):
        return decoded
    entries = [(-1, decoded, "")] if isinstance(decoded, Values) else decoded
    if uplink.rssi_dbm is not None:
        for _, values, _ in entries:
            values.rssi_dbm, values.snr_db = uplink.rssi_dbm, uplink.snr_db
    t_ms = -1 if uplink.time_ms is None else uplink.time_ms
    if t_ms < 0 and entries:
        t_ms = entries[0][0]
    told = b"" if uplink.values is None else b"".join(map(json.encode, (uplink.values, *uplink.earlier)))
    return _Said(-1 if uplink.counter is None else uplink.counter, t_ms, entries, uplink.resent, told=told)


def _sane(said: _Said) -> _Said | Refusal:
    """Take out what no working sensor says, and flag it; entries with nothing left but that are refused."""
    left, wrong = [], []
    for entry in said.entries:
        values = entry[1]
        flags = values.flags.split() if values.flags else []
        flags += [f"{name}:range" for name in without_insane(values)]
        if humid(values):
            flags.append(HUMID)
        values.flags = " ".join(flags) or None
        taken = [flag for flag in flags if flag.endswith(":range")]
        wrong += taken
        if taken and all(getattr(values, name) is None for name in values.__struct_fields__ if name in _MEASURED):
            continue
        left.append(entry)
    if said.entries and not left:
        return Refusal("range", f"nothing sane is left: {', '.join(wrong)}")
    said.entries = left
    return said


def _readings(track: Track, said: _Said, now_ms: int, log_ms: int, *, live: bool) -> list[Reading]:
    """Say when each entry was, and what is doubtful about it."""
    newest_before = track.last_ms
    readings = []
    for device_ms, values, span in said.entries:
        own = device_ms if device_ms >= 0 else said.t_ms
        if span == TOLD_LATER:  # history whatever the platform's time of the frame is; what is of now stands before it
            readings.append(_told_later(track, values, own, now_ms, log_ms))
            continue
        if span:  # the start of a period that the device chose; it says nothing about its clock
            at, doubt = (own, "") if 0 <= own <= now_ms + FUTURE_MS else (now_ms, "clock")
        else:
            at, doubt = _place(track, own, now_ms, log_ms, trusted=said.platform)
        if doubt or not live:
            values.flags = f"{values.flags or ''} {doubt or 'late'}".strip()
        readings.append(Reading(at, values, live, at > newest_before, span))
        if span in ("", "minute"):
            track.last_ms = max(track.last_ms, at)
    return readings


def _told_later(track: Track, values: Values, t_ms: int, now_ms: int, log_ms: int) -> Reading:
    """Take a reading that the device kept: it is judged only where the device has said nothing since."""
    at, doubt = _place(track, t_ms, now_ms, log_ms, trusted=True)
    values.flags = f"{values.flags or ''} {doubt or 'late'}".strip()
    newest = not doubt and at > track.last_ms
    track.last_ms = max(track.last_ms, at)
    return Reading(at, values, live=False, newest=newest)


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
        track.skew_ms = track.skew_at_ms = 0
        return t_ms, ""
    if ahead > FUTURE_MS or ahead < -WINDOWS_MS or same_skew:
        return now_ms, "clock"  # as far off as last time: its clock is wrong, not the reading late
    return t_ms, "late"
