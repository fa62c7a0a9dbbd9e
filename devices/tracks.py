"""What is remembered of one device and of one source."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from devices import catalogue
from devices.envelopes import Envelope
from devices.models import Model
from devices.platform_clock import PlatformClock
from devices.plausible import PARTICLES
from devices.quantities import QUANTITIES
from devices.readings import Values, range_check
from devices.registry import Device, Source
from devices.sessions import Session, packed, unpacked

_NOTHING: Mapping[str, int] = {}  # most devices never send what is refused
_PARTICLES = frozenset(PARTICLES)
RECENT = 5000  # frames of a source: more than a Receive Maximum


def _no_fast_form(_payload: bytes) -> tuple[int, int, Any]:
    raise ValueError


def _nothing(_values: object) -> Sequence[Any]:
    return ()


@cache
def usual_check(kind: type[Values]) -> Callable[[Any], bool] | None:
    """Make the one test that tells whether values are of this kind, sane, and without a flag."""
    names = [name for name in kind.__struct_fields__ if name in QUANTITIES and QUANTITIES[name].low is not None]
    tests = [f"((x := v.{n}) is None or {QUANTITIES[n].low!r} <= x <= {QUANTITIES[n].high!r})" for n in names]
    # The names come from our own struct definitions, never from outside.
    check: Callable[[Any], bool] = eval(  # noqa: S307 - one generated test is 5x a loop
        f"lambda v, kind=kind: type(v) is kind and v.flags is None and {' and '.join(tests) or True}", {"kind": kind}
    )
    return check


@cache
def quiet_check(quantities: tuple[str, ...]) -> Callable[[Any, Sequence[float]], bool]:
    """Make the one test that tells whether all these quantities lie in their bands: (values, bands) -> bool."""
    tests = [f"((x := v.{n}) is None or b[{2 * i}] <= x <= b[{2 * i + 1}])" for i, n in enumerate(quantities)]
    check: Callable[[Any, Sequence[float]], bool] = eval(f"lambda v, b: {' and '.join(tests) or True}", {})  # noqa: S307 - as above
    return check


class Track:
    """What is remembered of one device, and its part of the hot path.

    device, model   as registered
    open            (payload) -> counter, time, values: envelope and model in one; raises where there is no fast form
    damp            it says humidity beside particles
    quantities, sane  what its readings may hold; their range check
    usual           whether the fast form's values need no second look; None = only flags have to be looked at
    pick, watches   the quantities that rules judge, and who does (rules.judging.Judge); signs: who judges its silence
    bands, quiet    quiet bands, low and high of each quantity in turn; whether values lie inside all of them
    slots           which of the bands that of each watch goes into
    gather, series  the quantities that windows collect, and these (rules.windows.Series)
    last_ms         time of the newest reading; usual_until: a time below it needs no second look
    seen_ms         log time of the last sign of life; since_ms: silence counts from here at the earliest
    lost_ms         log time since when nobody can hear it, 0 = it can be heard; listening_ms: since when it can again
    realtime_ms     log time of its last reading that was no mean
    counter, run, mask, old  see `devices.sessions`
    key_at, skew_ms, skew_at_ms  see `devices.met`; how far the device's clock is off, measured when
    frames, duplicates, facts, held, refused, readings  for the ledger; readings: beyond one for each decoded frame
    """

    NUMBERS = (
        "last_ms", "seen_ms", "since_ms", "lost_ms", "listening_ms", "silent", "realtime_ms", "key_at", "skew_ms",
        "skew_at_ms", "frames", "duplicates", "facts", "held", "readings", "missed",
    )  # fmt: skip

    SESSIONS = ("counter", "run", "mask", "old")

    __slots__ = (
        *NUMBERS, *SESSIONS, "damp", "device", "envelope", "bands", "gather", "model", "open", "pick", "prefix",
        "refused", "quantities", "quiet", "sane", "series", "signs", "slots", "usual", "usual_until", "watches",
    )  # fmt: skip

    def __init__(self, device: Device, prefix: bytes) -> None:
        self.device = device
        self.prefix = prefix
        self.model: Model = catalogue.model(device.model)
        self.envelope: Envelope | None = None
        self.open: Callable[[bytes], tuple[int, int, Any]] = _no_fast_form
        shape = self.model.values_for(device.options)
        self.usual = usual_check(shape)
        self.quantities: tuple[str, ...] = shape.__struct_fields__
        self.damp = "humidity_pct" in self.quantities and not _PARTICLES.isdisjoint(self.quantities)
        self.sane: Callable[[Any], bool] = range_check(shape)
        self.pick: Callable[[Any], Sequence[Any]] = _nothing
        self.watches: tuple[Any, ...] = ()
        self.signs: tuple[Any, ...] = ()
        self.slots: tuple[int, ...] = ()
        self.bands: tuple[float, ...] = ()
        self.quiet: Callable[[Any, Sequence[float]], bool] = quiet_check(())
        self.gather: Callable[[Any], Sequence[Any]] = _nothing
        self.series: Sequence[Any] = ()
        self.last_ms = self.usual_until = 0
        self.seen_ms = self.since_ms = self.lost_ms = self.listening_ms = self.realtime_ms = 0
        self.silent = False
        self.counter = -1
        self.run = self.mask = 0
        self.old: Session | None = None
        self.key_at = -1
        self.skew_ms = self.skew_at_ms = 0
        self.frames = self.duplicates = self.facts = self.held = self.readings = self.missed = 0
        self.refused: Mapping[str, int] = _NOTHING

    def refuse(self, reason: str, count: int = 1) -> None:
        """Count refused frames."""
        self.refused = {**self.refused, reason: self.refused.get(reason, 0) + count}

    def go_on(self, old: "Track") -> None:
        """Take over what is remembered of the same device."""
        for name in (*self.NUMBERS, *self.SESSIONS, "refused"):
            setattr(self, name, getattr(old, name))

    def listen(self, at_ms: int) -> None:
        """From now on it can be heard; the time in which it could not does not count as silence."""
        if self.lost_ms:
            self.since_ms = min(at_ms, max(self.seen_ms, self.since_ms) + at_ms - self.lost_ms)
            self.lost_ms = 0
        self.listening_ms = at_ms

    @property
    def decoded(self) -> int:
        """Frames that became readings."""
        return self.frames - self.duplicates - self.facts - self.held - sum(self.refused.values())


def columns(tracks: Sequence[Track]) -> dict[str, Any]:
    """Return what a restart must find again, as plain data: number by number, and sessions and refusals by track."""
    sessions = {
        at: (packed((track.counter, track.run, track.mask)), track.old and packed(track.old))
        for at, track in enumerate(tracks)
        if track.counter >= 0
    }
    refused = {at: track.refused for at, track in enumerate(tracks) if track.refused}
    numbers = {name: [getattr(track, name) for track in tracks] for name in Track.NUMBERS}
    return {"numbers": numbers, "sessions": sessions, "refused": refused}


def restore(tracks: Sequence[Track], state: Mapping[str, Any]) -> None:
    """Put `columns` back; numbers that are equal become one object."""
    for name, values in state["numbers"].items():
        same: dict[int, int] = {}
        for track, value in zip(tracks, values, strict=True):
            setattr(track, name, same.setdefault(value, value))
    for at, (session, old) in state["sessions"].items():
        track = tracks[at]
        track.counter, track.run, track.mask = unpacked(session)
        track.old = old and unpacked(old)
    for at, refused in state["refused"].items():
        tracks[at].refused = refused


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
        """Begin with nothing heard.

        listening  something can be heard through it
        received, strangers  frames, for the ledger; of strangers the journal keeps nothing, so that after a crash
                   those since the last snapshot are in neither
        """
        self.source = source
        self.envelopes = [(route.filter, catalogue.envelope(route.envelope, route.address)) for route in source.routes]
        self.tracks: dict[bytes, Track] = {}
        self.recent: deque[int] = deque(maxlen=RECENT)  # for what a broker delivers again: see _delivered_again
        self.listening = False
        self.platform = PlatformClock()
        self.received = 0
        self.strangers = 0
