"""Rules on the means of slots and hours: an alarm that stands while they violate, and amendments when one turns.

Which periods violate is a function of what they say now, and of nothing else: of those of a day that exceed, in the
order of their time, all beyond the allowed number. So a late reading leads to the same violations as one on time. The
alarm follows the newest period. An older one that turns out to violate is an occurrence that was active only for the
moment, or an amendment of the alarm that is active; one that turns out not to is an amendment of the occurrence that it
raised. What was told stays as it was.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from rules.alarms import Moment
from rules.judging import Judge
from rules.kinds.means import ClosedMean, MeanRule
from rules.periods import HOUR_MIN, MINUTE_MS, SLOT_MIN, Day
from rules.records import Alarm, Evidence, Period
from rules.verdicts import NORMAL, UNKNOWN, VIOLATED, Said
from rules.world import World

_REMEMBERED_MIN = 5 * 24 * 60  # a day is final 48 h after its end


class _Kept(Struct):
    """What a judge remembers. over: first minute of each period that exceeds -> value, its occurrence or 0."""

    newest: int
    over: dict[int, tuple[float, int]]


def judge_mean(judge: Judge, period: Period, world: World, moment: Moment) -> None:
    """Let a rule judge one telling of a slot or an hour."""
    settings: MeanRule = judge.rule.settings
    start = period.start_ms // MINUTE_MS
    day = world.windows.calendar.day(start)
    others = {other: world.value_of(other, period.span, start) for other in judge.kind.others(settings)}
    said: Said = judge.kind.step(None, ClosedMean(period, day.date, others), settings, judge.interval_ms)
    newest, over = judge.memory or (-1, {})
    kept = _Kept(newest, {first: (value, occurrence) for first, (value, occurrence) in over.items()})
    _Turn(judge, world, moment, said).take(start, day, kept)
    oldest = kept.newest - _REMEMBERED_MIN
    judge.memory = (kept.newest, {first: found for first, found in sorted(kept.over.items()) if first > oldest})


class _Turn:
    """One telling of one period, and what comes of it."""

    def __init__(self, judge: Judge, world: World, moment: Moment, said: Said) -> None:
        self.judge, self.judging, self.moment, self.said = judge, world.judging, moment, said

    def take(self, start: int, day: Day, kept: _Kept) -> None:
        """Change what is kept, and tell what turns."""
        settings: MeanRule = self.judge.rule.settings
        newest = start >= kept.newest
        _, occurrence = kept.over.pop(start, (0.0, 0))
        if self.said.verdict == VIOLATED:
            kept.over[start] = (self.said.why["value"], occurrence)
        elif occurrence:
            self._amend(occurrence, self.said.why)
        of_day = sorted(first for first in kept.over if day.start <= first < day.end)
        for rank, first in enumerate(of_day):
            value, occurrence = kept.over[first]
            violates = rank >= settings.allowed_per_day
            if violates == (occurrence > 0):
                continue
            why = self._why(first, start, value) | {"exceeding_of_day": rank + 1, "allowed": settings.allowed_per_day}
            if violates:
                kept.over[first] = (value, self._violates(why, newest=first >= kept.newest))
            else:
                self._amend(occurrence, why)
                kept.over[first] = (value, 0)
        if newest:
            kept.newest = start
            self._follow(violates=kept.over.get(start, (0.0, 0))[1] > 0)

    def _why(self, first: int, start: int, value: float) -> dict[str, Any]:
        """Give the reasons; a period that turns because another of its day did names that one."""
        if first == start:
            return self.said.why
        return {"start_ms": first * MINUTE_MS, "value": value, "because": self.said.why}

    def _alarm(self) -> Alarm | None:
        return self.judging.alarms.by_id.get(self.judge.id)

    def _evidence(self, why: dict[str, Any]) -> Evidence:
        return Evidence(sequence=self.moment.sequence, why=why)

    def _amend(self, occurrence: int, why: dict[str, Any]) -> None:
        alarm = self._alarm()
        if alarm is not None:
            self.judging.alarms.tell("amended", alarm, self.moment, evidence=self._evidence(why), amends=occurrence)

    def _violates(self, why: dict[str, Any], *, newest: bool) -> int:
        """Tell a violation; return its occurrence."""
        alarm, alarms = self._alarm(), self.judging.alarms
        if alarm is not None and alarm.active:
            if not newest:
                self._amend(alarm.occurrence, why)
            return alarm.occurrence
        self.judge.last, self.judge.limit = why["value"], self.said.why.get("limit", self.judge.limit)
        alarm = self.judging.describe(self.judge, alarm)
        if not newest:
            return alarms.find(alarm, self.judge.rule, self.moment, self._evidence(why))
        alarms.activate(alarm, self.judge.rule, self.moment, self._evidence(why))
        return alarm.occurrence

    def _follow(self, *, violates: bool) -> None:
        """Let the verdict, and the end of the alarm, follow the newest period."""
        verdict, settings = self.said.verdict, self.judge.rule.settings
        self.judge.verdict = VIOLATED if violates else UNKNOWN if verdict == UNKNOWN else NORMAL
        alarm = self._alarm()
        if violates or verdict == UNKNOWN or alarm is None or not alarm.active:
            return
        within = settings.clear is None or self.said.why["value"] <= settings.clear
        if within or verdict == VIOLATED:  # over the limit, but one of those that a day may have
            self.judging.alarms.calm(alarm, self.moment, self._evidence(self.said.why))


def judge_again(periods: Iterable[Period], world: World, moment: Moment) -> None:
    """Let rules judge again what has closed before, where a series of others that they look at says more now."""
    windows, calendar = world.windows, world.windows.calendar
    again: dict[str, tuple[Judge, set[int]]] = {}
    for column, quarter in sorted(windows.news):
        series = windows.series[column]
        for judge, other in world.referring.get((series.device, series.quantity), ()):
            if other.hourly is not None:
                hour = calendar.hour(quarter - (HOUR_MIN if other.hourly == "end" else 0))
                starts = range(hour, hour + HOUR_MIN, SLOT_MIN) if judge.kind.needs == "slot" else (hour,)
                again.setdefault(judge.id, (judge, set()))[1].update(starts)
    windows.news.clear()
    for period in periods:
        for judge, other in world.referring.get((period.device, period.quantity), ()):
            if other.hourly is None and judge.kind.needs == period.span:
                again.setdefault(judge.id, (judge, set()))[1].add(period.start_ms // MINUTE_MS)
    for _, (judge, starts_of) in sorted(again.items()):
        for start in sorted(starts_of):
            told = world.told(judge, start)
            if told is not None:
                judge_mean(judge, told, world, moment)
