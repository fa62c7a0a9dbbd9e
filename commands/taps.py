"""A view that lends an ear to one device: its frames as they come, decoded again, for whoever stands beside it.

While nobody listens it costs a look at an empty dict. What is decoded here changes nothing: it has a reception of its
own, which knows only this device, as it was configured when the frame came.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from devices.frames import Batch
from devices.reception import Reception, Stranger
from devices.registry import Device, Registry
from feed.frames import FramesPage, FrameView, frame_view
from rules.records import Config, Event, Old, Outcome, Status
from rules.refile import reception_of

WAIT_S = 3.0
FORGET_S = 20.0  # nobody has asked for so long: who has left a page hinders nobody else
MOST = 8  # devices at a time: each decodes a second time what its sources deliver
BATCHES, FRAMES = 5_000, 500

Seen = tuple[Device, Registry, int, tuple[str, ...], bool]
Look = Callable[[str], Seen | None]
"""(device id) -> device, registry, offset of civil time, what its readings may hold, whether a rule judges it live."""


class _Tap:
    """What is heard of one device. stale: what has come was read up to where another configuration was put in force.

    reading  held by who decodes, never by the pipeline's thread, which only appends to `waiting`
    """

    def __init__(self, seen: Seen) -> None:
        self.reading = threading.Lock()
        self.waiting: deque[tuple[int, Batch | Config]] = deque(maxlen=BATCHES)
        self.frames: deque[FrameView] = deque(maxlen=FRAMES)
        self.asked_at = time.monotonic()
        self.look(seen)

    def look(self, seen: Seen) -> None:
        """Read what comes as the device is configured now."""
        device, registry, self.offset_ms, self.quantities, self.judged = seen
        self.reception: Reception = reception_of(device, registry)
        self.stale = False

    def behind(self, after: int) -> list[FrameView]:
        """Read what has come; give what stands behind a sequence number."""
        with self.reading:
            self._decode()
            return [frame for frame in self.frames if frame.sequence > after]

    def _decode(self) -> None:
        while self.waiting and not self.stale:
            first, batch = self.waiting.popleft()
            if isinstance(batch, Config):
                self.stale = True
                return
            door = self.reception.doors.get(batch.source)
            if door is None:
                continue
            for sequence, frame in enumerate(batch.frames, first):
                track, said = self.reception.receive(door, frame, batch.at_ms + self.offset_ms, batch.at_ms)
                if track is not None and not isinstance(said, Stranger):
                    old = Old(sequence, batch.source, batch.at_ms, *frame)
                    self.frames.append(frame_view(old, said, self.offset_ms))


class Taps:
    """All that are open."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._taps: dict[str, _Tap] = {}
        self._heard = threading.Condition()
        self._last = 0  # the sequence of the newest record that is durable
        self._stopped = False  # the last record has been taken: nobody is to wait for another

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:
        """Hand on what is durable now. Never blocks."""
        del told
        with self._heard:
            self._last = outcome.last
            for tap in self._taps.values():
                for first, record in outcome.known:
                    if isinstance(record, Batch | Config):
                        tap.waiting.append((first, record))
                    elif isinstance(record, Status) and (record.subject, record.kind) == ("gateway", "stopped"):
                        self._stopped = True
            if self._taps:
                self._heard.notify_all()

    def frames(self, device: str, after: int | None) -> FramesPage | None:
        """Give the frames of a device behind a sequence number; wait a little for one. The first call opens its ear.

        Without a number it tells at once behind which one stands what comes from now on. None where there is no such
        device. Raises ValueError when too many listen.
        """
        until = time.monotonic() + (0 if after is None else WAIT_S)
        while True:
            tap = self._tap(device)
            if tap is None:
                return None
            position = self._last if after is None else after
            found = self._wait(tap, position, until)
            if not tap.stale:
                break
        return FramesPage(
            device=device, quantities=list(tap.quantities), judged=tap.judged, frames=found,
            position=found[-1].sequence if found else position,
        )  # fmt: skip

    def _wait(self, tap: _Tap, after: int, until: float) -> list[FrameView]:
        """Wait for frames, until then, or until the tap is stale."""
        while True:
            tap.asked_at = time.monotonic()
            found = tap.behind(after)
            if found or tap.stale or self._stopped or time.monotonic() >= until:
                return found
            with self._heard:
                if not tap.waiting and not self._stopped:
                    self._heard.wait(max(until - time.monotonic(), 0))

    def _tap(self, device: str) -> _Tap | None:
        """Find or make the tap of a device, as it is configured now."""
        with self._heard:
            now = time.monotonic()
            self._taps = {name: tap for name, tap in self._taps.items() if tap.asked_at > now - FORGET_S}
            tap = self._taps.get(device)
            if tap is not None and not tap.stale:
                return tap
            if tap is None and len(self._taps) >= MOST:
                raise ValueError(f"somebody listens to {', '.join(self._taps)} already; wait half a minute")
        seen = self._look(device)  # not under the lock: the thread that answers wants it as well
        with self._heard:
            if seen is None:
                self._taps.pop(device, None)
                return None
            tap = self._taps.setdefault(device, _Tap(seen))
        with tap.reading:
            if tap.stale:
                tap.look(seen)
        return tap
