"""Rules on closed periods: a violated day is a finding; a rolling mean, a day that is lost are alarms that last.

A finding is an occurrence that was active only for the moment. A revision that turns a day is told as an amended event
that names the first; the first stays as it was told. What was found is remembered until the day is final.
"""

from typing import Any

from rules.alarms import Moment
from rules.judging import Judge
from rules.kinds.day_budget import DaySoFar
from rules.kinds.day_mean import ClosedDay
from rules.kinds.rolling_mean import LastHours
from rules.periods import MINUTE_MS
from rules.records import Evidence, Period
from rules.verdicts import VIOLATED, Said
from rules.violations import judge_mean
from rules.world import World

REMEMBERED_DAYS = 5  # a day is final 48 h after its end


def judge_period(judge: Judge, period: Period, world: World, moment: Moment) -> None:
    """Let a rule judge what has closed, if it is of its span."""
    needs = judge.kind.needs
    if needs in ("slot", "hour") and period.span == needs:
        judge_mean(judge, period, world, moment)
    elif needs == "day" and period.span == "day":
        _judge_day(judge, period, world, moment)
    elif needs == "rolling" and period.span == "hour":
        _judge_last_hours(judge, period, world, moment)
    elif needs == "day_hours" and period.span == "hour":
        _judge_day_so_far(judge, period, world, moment)


def _note(judge: Judge, why: dict[str, Any]) -> None:
    """Note what the alarm will show: the mean that was compared, its limit, the day."""
    judge.last, judge.limit = why.get("value"), why.get("limit")
    judge.words = {"date": str(why.get("date", "")), "hours": str(why.get("hours", ""))}


def _judge_day(judge: Judge, period: Period, world: World, moment: Moment) -> None:
    day = world.windows.calendar.day(period.start_ms // MINUTE_MS)
    said: Said = judge.kind.step(None, ClosedDay(period, day), judge.rule.settings, judge.interval_ms)
    found: dict[str, tuple[int, bool]] = dict(judge.memory or {})  # date -> occurrence, violated
    occurrence, was_violated = found.get(day.date, (0, False))
    violated = said.verdict == VIOLATED
    if violated == was_violated:
        return
    _note(judge, said.why)
    alarms = world.judging.alarms
    evidence = Evidence(sequence=moment.sequence, why=said.why)
    alarm = alarms.by_id.get(judge.id)
    if occurrence and alarm is not None:
        if alarm.occurrence == occurrence:  # a later day's finding stays as it is; which day it was says the evidence
            world.judging.describe(judge, alarm)
        alarms.tell("amended", alarm, moment, evidence=evidence, amends=occurrence)
    else:
        alarm = world.judging.describe(judge, alarm)
        occurrence = alarms.find(alarm, judge.rule, moment, evidence)
    found[day.date] = (occurrence, violated)
    judge.memory = dict(sorted(found.items())[-REMEMBERED_DAYS:])


def _judge_last_hours(judge: Judge, period: Period, world: World, moment: Moment) -> None:
    windows = world.windows
    series = windows.find(period.device, period.quantity)
    if series is None:
        return
    end_ms = windows.closed_ms()
    day = windows.calendar.day(end_ms // MINUTE_MS - 1)
    given = LastHours(end_ms, day.date, *windows.last_hours(series, judge.rule.settings.hours))
    said: Said = judge.kind.step(judge.memory, given, judge.rule.settings, judge.interval_ms)
    _note(judge, said.why)
    world.judging.heed(judge, said, moment, evidence=lambda: Evidence(sequence=moment.sequence, why=dict(said.why)))


def _judge_day_so_far(judge: Judge, period: Period, world: World, moment: Moment) -> None:
    """Judge the day of the hour that closed last; of a day that is over its own mean is judged."""
    windows = world.windows
    series = windows.find(period.device, period.quantity)
    day = windows.calendar.day(period.start_ms // MINUTE_MS)
    if series is None or windows.closed_ms() > day.end * MINUTE_MS:
        return
    given = DaySoFar(day.date, day.hours, tuple(windows.hours_of_day(series, day)))
    said: Said = judge.kind.step(None, given, judge.rule.settings, judge.interval_ms)
    _note(judge, said.why)
    world.judging.heed(judge, said, moment, evidence=lambda: Evidence(sequence=moment.sequence, why=dict(said.why)))
