"""A view that lends an ear to one device: its frames as they come, decoded again, for whoever stands beside it.

While nobody listens it costs a look at an empty dict. What is decoded here changes nothing: it has a reception of its
own, which knows only this device.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from devices.frames import Batch
from devices.readings import Facts, Refusal, Values
from devices.reception import Duplicate, Reception, Stranger
from devices.registry import Device, Registry
from feed.behind import FramesPage, FrameView, ReadingView
from feed.wire import rfc3339
from rules.records import Event, Outcome
from rules.refile import reception_of

WAIT_S = 3.0
FORGET_S = 60.0  # nobody has asked for so long
MOST = 4  # devices at a time
BATCHES, FRAMES = 5_000, 500

Look = Callable[[str], tuple[Device, Registry, int, tuple[str, ...], bool] | None]
"""(device id) -> device, registry, offset of civil time, what its readings may hold, whether a rule judges it live."""


class _Tap:
    """What is heard of one device."""

    def __init__(
        self, device: Device, registry: Registry, offset_ms: int, *, facts: tuple[tuple[str, ...], bool]
    ) -> None:
        self.device, self.offset_ms = device, offset_ms
        self.quantities, self.judged = facts
        self.reception: Reception = reception_of(device, registry)
        self.waiting: deque[tuple[int, Batch]] = deque(maxlen=BATCHES)
        self.frames: deque[FrameView] = deque(maxlen=FRAMES)
        self.asked_at = time.monotonic()

    def decode(self) -> None:
        """Read what has come."""
        while self.waiting:
            first, batch = self.waiting.popleft()
            door = self.reception.doors.get(batch.source)
            if door is None:
                continue
            for sequence, frame in enumerate(batch.frames, first):
                track, said = self.reception.receive(door, frame, batch.at_ms + self.offset_ms, batch.at_ms)
                if track is not None and not isinstance(said, Stranger):
                    self.frames.append(_view(sequence, batch, frame, said, self.offset_ms))


class Taps:
    """All that are open."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._taps: dict[str, _Tap] = {}
        self._heard = threading.Condition()

    def take(self, told: Sequence[Event], outcome: Outcome) -> None:
        """Hand on what is durable now. Never blocks."""
        del told
        if not self._taps:
            return
        with self._heard:
            for tap in self._taps.values():
                tap.waiting.extend((first, record) for first, record in outcome.known if type(record) is Batch)
            self._heard.notify_all()

    def frames(self, device: str, after: int) -> FramesPage | None:
        """Give the frames of a device behind a sequence number; wait a little for one. The first call opens its ear.

        None where there is no such device. Raises ValueError when too many listen.
        """
        tap = self._tap(device)
        if tap is None:
            return None
        until = time.monotonic() + WAIT_S
        with self._heard:
            while True:
                tap.asked_at = time.monotonic()
                tap.decode()
                found = [frame for frame in tap.frames if frame.sequence > after]
                if found or not self._heard.wait(max(until - time.monotonic(), 0)):
                    break
        return FramesPage(device=device, quantities=list(tap.quantities), judged=tap.judged, frames=found)

    def _tap(self, device: str) -> _Tap | None:
        with self._heard:
            now = time.monotonic()
            self._taps = {name: tap for name, tap in self._taps.items() if tap.asked_at > now - FORGET_S}
            if device in self._taps:
                return self._taps[device]
            if len(self._taps) >= MOST:
                raise ValueError(f"somebody listens to {', '.join(self._taps)} already; wait a minute")
        seen = self._look(device)
        if seen is None:
            return None
        of, registry, offset_ms, quantities, judged = seen
        with self._heard:
            return self._taps.setdefault(device, _Tap(of, registry, offset_ms, facts=(quantities, judged)))


def _view(sequence: int, batch: Batch, frame: tuple[bytes, bytes, bytes], said: object, offset_ms: int) -> FrameView:
    place, payload, _ = frame
    view = FrameView(
        sequence=sequence, at=rfc3339(batch.at_ms + offset_ms), source=batch.source,
        place=place.decode("utf-8", "backslashreplace"), payload_hex=payload.hex(),
    )  # fmt: skip
    if isinstance(said, Duplicate):
        view.duplicate = True
    elif isinstance(said, Refusal):
        view.refused = f"{said.reason}: {said.detail}"
    elif isinstance(said, Facts):
        view.facts = {name: str(value) for name, value in said.facts.items()}
    elif isinstance(said, list):
        view.readings = [
            ReadingView(time=rfc3339(each.t_ms), live=each.live, values=_values(each.values), flags=each.values.flags)
            for each in said
        ]
    return view


def _values(values: Values) -> dict[str, float | bool | str]:
    named = ((name, getattr(values, name)) for name in values.__struct_fields__ if name != "flags")
    return {name: value for name, value in named if value is not None}
