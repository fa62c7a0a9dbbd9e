"""A station's own hours and days (HJ 212 2061, 2031) beside ours: compared, and never mixed with them.

They are compared once, when both are there, for the particles of which we have means. If one of a station's differs by
more than 10 %, and by more than 5 µg/m³, an alarm asks why; it ends with the next hour or day that agrees. (Tolerance:
engineers' choice; stations print whole µg/m³ and weigh readings otherwise.) Minute means are not compared: a packet
does not say of how many minutes they are.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from devices.plausible import PARTICLES
from devices.reception import Reading
from rules.alarms import Moment
from rules.packs.gateway import CONDITIONS
from rules.periods import MINUTE_MS
from rules.records import Period
from rules.series import Series, Span

if TYPE_CHECKING:
    from rules.memory import Memory

SHARE, LEAST = 0.10, 5.0
_MOST_WAITING = 20_000

Kept = list[tuple[str, int, int, float]]
"""Span, first minute, column, what the station says."""


class Both(NamedTuple):
    """A mean of ours and the station's own of the same time."""

    quantity: str
    ours: float
    theirs: float

    @property
    def differ(self) -> bool:
        """More than the tolerance lies between them."""
        return abs(self.ours - self.theirs) > max(SHARE * max(self.ours, self.theirs), LEAST)


class Reported:
    """What stations have told of hours and days that we have not closed yet."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int, int], float] = {}

    def wait(self, span: str, start: int, column: int, value: float) -> None:
        """Keep a value until our own is there."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting[span, start, column] = value

    def take(self, span: str, start: int, column: int) -> float | None:
        """Give a value back, and forget it."""
        return self._waiting.pop((span, start, column), None)

    def forget(self, before: int) -> None:
        """Forget what is of the time before a minute."""
        self._waiting = {key: value for key, value in self._waiting.items() if key[1] >= before}

    def state(self) -> Kept:
        """Return what a snapshot keeps."""
        return [(*key, value) for key, value in sorted(self._waiting.items())]

    def restore(self, kept: Kept, new: dict[int, int]) -> None:
        """Put a state back; new: the column here of each column there."""
        self._waiting = {(span, start, new[old]): value for span, start, old, value in kept if old in new}


def hear(memory: "Memory", series: Sequence[Series], reading: Reading, moment: Moment) -> None:
    """Compare a station's own hour or day with ours, or keep it until ours closes."""
    windows, start, values = memory.world.windows, reading.t_ms // MINUTE_MS, reading.values
    calendar = windows.calendar
    span: Span = "hour" if reading.span == "hour" else "day"
    if start != (calendar.hour(start) if span == "hour" else calendar.day(start).start):
        return  # it begins at no full hour: it is of another time than ours
    pairs = []
    for one in series:
        value = getattr(values, one.quantity) if one.quantity in PARTICLES else None
        if value is None or f"{one.quantity}:" in (values.flags or ""):
            continue
        told = windows.told(one, span, start)
        if told is None:
            windows.reported.wait(span, start, one.index, value)
        elif told.mean is not None:
            pairs.append(Both(one.quantity, told.mean, value))
    if series:
        _judge(memory, series[0].device, pairs, moment)


def closed(memory: "Memory", periods: Iterable[Period], moment: Moment) -> None:
    """Compare what has closed with what stations have told of it before."""
    windows = memory.world.windows
    pairs: dict[str, list[Both]] = {}
    for period in periods:
        series = windows.find(period.device, period.quantity) if period.quantity in PARTICLES else None
        if series is not None and period.span != "slot":
            theirs = windows.reported.take(period.span, period.start_ms // MINUTE_MS, series.index)
            if theirs is not None and period.mean is not None:
                pairs.setdefault(period.device, []).append(Both(period.quantity, period.mean, theirs))
    for device, of_device in sorted(pairs.items()):
        _judge(memory, device, of_device, moment)


def _judge(memory: "Memory", device: str, pairs: Sequence[Both], moment: Moment) -> None:
    """Let the alarm of a device follow what was compared just now; nothing compared, nothing said."""
    rule = CONDITIONS["means-differ"]
    wrong = [pair for pair in pairs if pair.differ]
    if not pairs or (not wrong and memory.world.judging.judges.get((rule.id, device)) is None):
        return
    zh = "；".join(f"{pair.quantity} 本机 {pair.ours:g}，站报 {pair.theirs:g}" for pair in wrong)
    en = "; ".join(f"{pair.quantity} ours {pair.ours:g}, the station's {pair.theirs:g}" for pair in wrong)
    words = {"why_zh": f"{device}：{zh}", "why_en": f"{device}: {en}"}
    memory.links.built_in(rule, device, memory.world, moment, holds=bool(wrong), words=words)
