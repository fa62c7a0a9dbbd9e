"""What devices said last of themselves: battery and radio quality, out of the newest frames in the journal.

The daemon remembers neither, for 10,000 devices would need the memory all the time and one person asks once a day. So
whoever asks reads the journal from its end, until it has found what it wants to know or its time is over.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from devices.envelopes import Uplink, said_by
from devices.frames import Batch
from devices.readings import Facts, Refusal, Values, without_insane
from devices.reception import Reception
from devices.registry import Registry
from devices.tracks import Track
from rules import lines
from rules.records import Record, Refile
from store.backwards import backwards
from store.fs import OsFs

BATTERY = ("battery_v", "battery_pct", "battery_low")
RADIO = ("rssi_dbm", "snr_db", "rsrp_dbm", "sinr_db")


class Newest(Struct):
    """What a device said last of its battery and of its radio link; None = it did not say."""

    battery_v: float | None = None
    battery_pct: float | None = None
    battery_low: bool | None = None
    rssi_dbm: float | None = None
    snr_db: float | None = None
    rsrp_dbm: float | None = None
    sinr_db: float | None = None


class Look:
    """A look at the journal.

    found     by device, of those that were heard
    since_ms  log time of the oldest record that was looked at; None = there was none
    complete  nothing that older frames could tell was left out
    """

    def __init__(self, registry: Registry, devices: set[str]) -> None:
        """devices: those that were ever heard."""
        self._reception = Reception(registry, lines.prefix)
        self._wanted = devices & self._reception.tracks.keys()
        self._settled: set[tuple[str, bytes]] = set()  # source and place of which nothing more is wanted
        self.found: dict[str, Newest] = {}
        self.since_ms: int | None = None
        self.complete = True

    def read(self, directory: Path, within_s: float) -> None:
        """Read the journal in a directory, for so long at the most. Raises OSError where it may not be read."""
        next(directory.iterdir(), None)  # one that may not be read must not pass for an empty one
        deadline = time.monotonic() + within_s
        for _, record in backwards(OsFs(), directory):
            if not self._wanted:
                return
            if time.monotonic() > deadline:
                self.complete = False
                return
            self.since_ms = record.at_ms
            for source, place, payload in _frames(record):
                self._frame(source, place, payload)

    def _frame(self, source: str, place: bytes, payload: bytes) -> None:
        key = source, place
        door = self._reception.doors.get(source)
        if door is None or key in self._settled:
            return
        track, opened = door.tracks.get(place), None
        envelope = track.envelope if track else None
        if track is None:
            track, envelope, opened, _ = self._reception.find(door, place, payload)
        alone = opened is None  # the place alone tells whose it is
        if track is not None and track.device.id in self._wanted and envelope is not None:
            said = opened or envelope.open(place, payload)
            if isinstance(said, Uplink):
                self._uplink(track, said)
        if alone and (track is None or track.device.id not in self._wanted):
            self._settled.add(key)

    def _uplink(self, track: Track, uplink: Uplink) -> None:
        """Take what is not known yet."""
        newest = self.found.setdefault(track.device.id, Newest())
        said = self._said(track, uplink)
        said |= {} if uplink.rssi_dbm is None else {"rssi_dbm": uplink.rssi_dbm, "snr_db": uplink.snr_db}
        for name, value in said.items():
            known = name not in Newest.__struct_fields__ or getattr(newest, name) is not None
            if not known and isinstance(value, bool if name == "battery_low" else int | float):
                setattr(newest, name, value)
        tells = [name for name in BATTERY if name in track.quantities]
        if not tells or any(getattr(newest, name) is not None for name in tells):
            self._wanted.discard(track.device.id)

    @staticmethod
    def _said(track: Track, uplink: Uplink) -> dict[str, object]:
        decoded = said_by(track.model, uplink, track.device.options)
        if isinstance(decoded, Facts):
            return dict(decoded.facts)
        if isinstance(decoded, Refusal):
            return {}
        said: dict[str, object] = {}
        for values in [decoded] if isinstance(decoded, Values) else [values for _, values, _ in decoded]:
            without_insane(values)
            pairs = ((name, getattr(values, name, None)) for name in (*BATTERY, *RADIO))
            said |= {name: value for name, value in pairs if value is not None}
        return said


def _frames(record: Record) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield source, place and payload of a record's frames, the newest first."""
    if isinstance(record, Batch):
        for place, payload, _ in reversed(record.frames):
            yield record.source, place, payload
    elif isinstance(record, Refile):
        for old in reversed(record.frames):
            yield old.source, old.place, old.payload
