"""What of the log a verdict rests on: from when on the frames of its device bear on it.

Only events that judge somebody are proven: raised, reraised, amended. The span is told as log time, because judges do
not remember sequence numbers (that would cost memory for each of them, and work for each reading); the journal finds
the sequences of a time. It may be a little longer than what was counted, never shorter.
"""

from rules.alarms import RE_ALARM
from rules.judging import Judge
from rules.kinds.table import KINDS
from rules.periods import HOUR_MIN, LONGEST_REACH_MIN, MINUTE_MS, Calendar
from rules.records import Event, Evidence
from rules.world import World

PROVEN = frozenset(("raised", "reraised", "amended"))
"""Kinds of events that need a proof."""


def judges(event: Event) -> bool:
    """Tell whether an event judges somebody; one that asks again (re-alarm) judges nothing anew."""
    return event.kind in PROVEN and event.cause != RE_ALARM


_HOUR_MS = HOUR_MIN * MINUTE_MS
_REACH_MS = LONGEST_REACH_MIN * MINUTE_MS
_EARLY_MS = 5 * MINUTE_MS  # clocks of devices run ahead
_LONGEST_DAYS = 60  # of a calendar that is gone through


def complete(event: Event, world: World, config: str) -> None:
    """Say in the evidence of an event what its proof will need: configuration in force, beginning of its span."""
    if not judges(event):
        return
    evidence = event.evidence
    if evidence is None:
        evidence = event.evidence = Evidence(sequence=event.sequence)
    evidence.config = config
    if event.alarm.device is not None and not evidence.from_ms:
        judge = world.judging.judges.get((event.alarm.rule, event.alarm.subject))
        evidence.from_ms = max(0, _begins_ms(event, evidence, judge, world.windows.calendar))


def _begins_ms(event: Event, evidence: Evidence, judge: Judge | None, calendar: Calendar) -> int:
    """Log time at which the span begins."""
    why, at_ms = evidence.why, event.at_ms
    civil_ms = event.t_ms - at_ms
    needs = KINDS[judge.rule.kind].needs if judge is not None and judge.rule.kind in KINDS else ""
    settings = None if judge is None else judge.rule.settings
    interval_ms = 0 if judge is None else judge.interval_ms
    if "start_ms" in why and not getattr(settings, "allowed_per_day", 0):  # of a period
        return int(why["start_ms"]) - civil_ms - _REACH_MS
    if "date" in why:
        return _midnight_ms(str(why["date"]), event.t_ms, calendar) - civil_ms - _REACH_MS
    if needs == "rolling":
        return at_ms - (int(getattr(settings, "hours", 24)) + 1) * _HOUR_MS - _REACH_MS
    held_ms = 1000 * int(sum(value for name, value in why.items() if name.endswith("for_s")))
    held_ms = max(held_ms, int(getattr(settings, "on_delay_ms", 0)))
    if needs == "peers":
        held_ms += 2 * _HOUR_MS
    return at_ms - held_ms - (int(getattr(settings, "of", 1)) + 1) * interval_ms - _EARLY_MS


def _midnight_ms(date: str, t_ms: int, calendar: Calendar) -> int:
    """Civil time at which a past day began."""
    day = calendar.day(t_ms // MINUTE_MS)
    for _ in range(_LONGEST_DAYS):
        if day.date <= date:
            break
        day = calendar.day(day.start - 1)
    return day.start * MINUTE_MS
