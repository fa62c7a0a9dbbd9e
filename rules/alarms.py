"""The life of an alarm: its facts, what withholds it, its timers.

What may happen, and what is told, is a table (`rules.alarm_table`); here it is carried out. A fresh activation always
asks for attention again and is a new occurrence, also of a latched alarm: what came back is not what somebody has seen.
Suppression hides, but never stops the judging.
"""

from copy import copy as shallow
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from rules.alarm_table import ALL, DESIGN, FACTS, MAINTENANCE, WHY, Happening, Row, find, words_of
from rules.design import Design
from rules.first_out import FirstOut, Record
from rules.records import OUT_OF_SERVICE, SHELVED, Alarm, Event, Evidence
from rules.ruleset import Rule
from rules.timers import Key, Timers

RE_ALARM = "re_alarm"  # the cause of such an event
SHELVING_ENDS, PLANNED_END, ASKS_AGAIN = "alarm/shelving-ends", "alarm/planned-end", "alarm/re-alarm"
TIMERS = frozenset((SHELVING_ENDS, PLANNED_END, ASKS_AGAIN))
"""No rules: timers of an alarm, whose id stands where the subject does."""


class Moment(Struct, frozen=True, gc=False):
    """When and why something happens: sequence of the record, log time, civil time, cause in one word."""

    sequence: int
    at_ms: int
    t_ms: int
    cause: str

    @property
    def offset_ms(self) -> int:
        """Civil time = log time + offset."""
        return self.t_ms - self.at_ms

    @property
    def of(self) -> Record:
        """What happens in one moment of one record has this in common."""
        return self.sequence, self.at_ms, self.cause


class By(NamedTuple):
    """Who did it, and what he said."""

    user: str
    comment: str


NOBODY = By("", "")


def _number(alarm: Alarm, moment: Moment) -> int:
    """Name a new activation: by the sequence that raised it, unless an earlier one in the same record has that name."""
    return max(moment.sequence, alarm.occurrence + 1)


def copy(alarm: Alarm) -> Alarm:
    """Copy an alarm as it is now; what happens to it afterwards does not change the copy."""
    told = shallow(alarm)
    told.suppressed, told.members = list(alarm.suppressed), list(alarm.members)
    return told


class Alarms:
    """All alarms that ever were something else than normal, by id."""

    def __init__(self, timers: Timers | None = None) -> None:
        self.by_id: dict[str, Alarm] = {}
        self.events: list[Event] = []  # of the record that is being taken; the fold carries them away
        self.timers = timers or Timers()
        self.design = Design()
        self.first_out = FirstOut()
        self.at_start: dict[str, Alarm] = {}  # as they were when the process began; empty when the restart is over
        self.told_since_start: set[str] | None = None  # None = the restart is over

    # -------------------------------------------------------------------------------------------- the table's hand

    def tell(  # noqa: PLR0913 - whatever an event can hold
        self,
        kind: str,
        alarm: Alarm,
        moment: Moment,
        *,
        evidence: Evidence | None = None,
        by: By = NOBODY,
        amends: int | None = None,
        lasting: bool = True,
    ) -> None:
        """Say what changed; the event keeps a copy of the alarm."""
        if lasting:
            self.first_out.follow(alarm, moment.of)
        if self.told_since_start is not None:
            self.told_since_start.add(alarm.id)
        self.events.append(
            Event(
                sequence=moment.sequence, at_ms=moment.at_ms, t_ms=moment.t_ms, kind=kind, cause=moment.cause,
                alarm=copy(alarm), evidence=evidence, amends=amends, user=by.user, comment=by.comment,
            )
        )  # fmt: skip

    def move(  # noqa: PLR0913 - what happens, whom to, when, and what the event holds
        self,
        alarm: Alarm,
        when: Happening,
        moment: Moment,
        *,
        rule: Rule | None = None,
        why: str = "",
        evidence: Evidence | None = None,
        by: By = NOBODY,
        lasting: bool = True,
    ) -> Row:
        """Let something happen to an alarm, as the table has it; return its row.

        rule     of a condition: whether it latches
        why      the reason, where the row takes what is given
        lasting  False where it is over in the same moment: then it is no cause of anything
        """
        before = alarm.facts
        row = find(before, when, words_of(alarm, maintenance=rule is not None and rule.maintenance))
        if row.to:
            alarm.active, alarm.acknowledged = FACTS[row.to]
            alarm.latched = rule.latch and not rule.maintenance if rule else alarm.latched and row.to != "NORMAL"
            if when == "more urgent":
                alarm.occurrence = _number(alarm, moment)
            if row.to != before or when == "more urgent":
                self._seen(alarm, row, moment, by)
        for reason in (*alarm.suppressed,) if row.takes == ALL else (row.takes.replace(WHY, why),):
            self.take(alarm, reason)
        if alarm.over:
            self.take(alarm, MAINTENANCE)
        added = row.adds.replace(WHY, why)
        if added and added not in alarm.suppressed:
            alarm.suppressed.append(added)
        for kind in row.told:
            self.tell(kind, alarm, moment, evidence=evidence, by=by, lasting=lasting)
        if row.told and lasting:
            self._let_effects_follow(alarm, moment)
        return row

    def _seen(self, alarm: Alarm, row: Row, moment: Moment, by: By) -> None:
        """Note who has seen it, or that nobody has any more; ask again some time after somebody has."""
        if row.when in ("ack", "reset", "permit settles"):
            alarm.acked_ms, alarm.acked_by = moment.t_ms, by.user
        elif not alarm.acknowledged or row.when == "condition":
            alarm.acked_ms, alarm.acked_by = None, ""
        again = row.when == "ack" and row.to == "ACKED" and alarm.re_alarm_ms > 0
        self.timers.set((ASKS_AGAIN, alarm.id), moment.at_ms + alarm.re_alarm_ms if again else None)

    def take(self, alarm: Alarm, reason: str) -> None:
        """Take a reason away, and all that belongs to it."""
        if reason not in alarm.suppressed:
            return
        alarm.suppressed.remove(reason)
        if reason == SHELVED:
            alarm.shelved_until_ms, alarm.one_shot = None, False
            self.timers.set((SHELVING_ENDS, alarm.id), None)
        elif reason == OUT_OF_SERVICE:
            alarm.out_until_ms = None
            self.timers.set((PLANNED_END, alarm.id), None)
        if reason in (SHELVED, OUT_OF_SERVICE):
            alarm.reason, alarm.withheld_by = "", ""

    # --------------------------------------------------------------------------------------------------- conditions

    def activate(
        self, alarm: Alarm, rule: Rule, moment: Moment, evidence: Evidence | None, *, lasting: bool = True
    ) -> None:
        """Begin a new occurrence. The caller has filled value, limit and text, and the reasons why it is not shown."""
        cause = self.design.cause_of(alarm, self.by_id)
        if cause is not None:
            alarm.group = cause
            if DESIGN not in alarm.suppressed:
                alarm.suppressed.append(DESIGN)
        alarm.count = 1 if alarm.acknowledged else alarm.count + 1
        alarm.occurrence, alarm.since_ms, alarm.returned_ms = _number(alarm, moment), moment.t_ms, None
        self.by_id[alarm.id] = alarm
        self.move(alarm, "condition", moment, rule=rule, evidence=evidence, lasting=lasting)

    def calm(self, alarm: Alarm, moment: Moment, evidence: Evidence | None = None, *, lasting: bool = True) -> None:
        """Note that the condition has gone; a latch stays until somebody resets it, a one-shot shelving is over."""
        alarm.returned_ms, alarm.members = moment.t_ms, []
        self.move(alarm, "return", moment, evidence=evidence, lasting=lasting)
        if alarm.one_shot:
            self.move(alarm, "shelving over", replace(moment, cause="returned"), lasting=lasting)

    def find(self, alarm: Alarm, rule: Rule, moment: Moment, evidence: Evidence | None) -> int:
        """Tell what was active only for the moment (a finding); return its occurrence."""
        self.activate(alarm, rule, moment, evidence, lasting=False)
        self.calm(alarm, moment, lasting=False)
        return alarm.occurrence

    def change_priority(self, alarm: Alarm, priority: int, moment: Moment) -> None:
        """Ask for attention again when it is more urgent than what was acknowledged; else only say how urgent it is."""
        worse = priority < alarm.priority
        alarm.priority = priority
        self.move(alarm, "more urgent" if worse else "less urgent", moment)
        if priority == 1 and SHELVED in alarm.suppressed:  # it was shelved as something that may be
            self.move(alarm, "shelving over", moment)

    def withdraw(self, alarm: Alarm, moment: Moment) -> None:
        """End an alarm whose rule or device is no more."""
        alarm.members, alarm.returned_ms = [], alarm.returned_ms or moment.t_ms
        self.move(alarm, "withdraw", moment)

    # --------------------------------------------------------------------------------------------------- suppression

    def suppress(self, alarm: Alarm, reason: str, moment: Moment, *, on: bool, group: str | None = None) -> None:
        """Add a reason not to show it, or take it away. group: the alarm that names the cause."""
        if on != (reason in alarm.suppressed):
            if on:
                alarm.group = group or alarm.group
            elif DESIGN not in alarm.suppressed:
                alarm.group = None
            self.move(alarm, "hide" if on else "show", moment, why=reason)

    def _let_effects_follow(self, alarm: Alarm, moment: Moment) -> None:
        """Let what an alarm suppresses by design, or does no more, be told so."""
        for name in self.design.effects_of(alarm):
            effect = self.by_id.get(name)
            if effect is not None:
                self.look_for_cause(effect, moment)

    def look_for_cause(self, alarm: Alarm, moment: Moment) -> None:
        """Suppress an alarm by design, or not any more, as its cause is now."""
        cause, hidden = self.design.cause_of(alarm, self.by_id), DESIGN in alarm.suppressed
        if cause is not None and not hidden and alarm.facts != "NORMAL":
            alarm.group = cause
            self._first_out_is_no_cause(alarm, self.by_id[cause])
            if not self._was_hidden(alarm, moment):
                self.move(alarm, "cause", moment)
        elif cause is None and hidden:
            alarm.group = None
            if alarm.over:
                alarm.suppressed.remove(DESIGN)  # nobody sees it: no news
            else:
                self.move(alarm, "cause over", moment)
        elif hidden:
            alarm.group = cause

    def _first_out_is_no_cause(self, alarm: Alarm, cause: Alarm) -> None:
        """Do not name the effect as the cause of its cause, though it was the first: what is configured is known."""
        for one in (cause, *(event.alarm for event in self.events if event.alarm.id == cause.id)):
            if one.group == alarm.id:
                one.group = None

    def _was_hidden(self, alarm: Alarm, moment: Moment) -> bool:
        """Where cause and effect come of one record, tell the effect as suppressed from its beginning."""
        told = [event for event in self.events if event.alarm.id == alarm.id and _of(event) == moment.of]
        if not told or told[0].kind not in ("raised", "reraised"):
            return False
        for one in (alarm, *(event.alarm for event in told)):
            one.suppressed.append(DESIGN)
            one.group, one.first_out = alarm.group, False
        self.first_out.follow(alarm, moment.of)
        return True

    # -------------------------------------------------------------------------------------------------------- timers

    def fire(self, key: Key, moment: Moment) -> None:
        """Carry out a timer of an alarm."""
        name, alarm = key[0], self.by_id[key[1]]
        if name == SHELVING_ENDS:
            self.move(alarm, "shelving over", moment)
        elif name == PLANNED_END:
            self.move(alarm, "planned end", moment)
        else:
            self.move(alarm, "re-alarm", replace(moment, cause=RE_ALARM))

    def begin_restart(self) -> None:
        """Note from here on what timers tell that were due while the process was down: the book does not know it."""
        self.at_start, self.told_since_start = {name: copy(alarm) for name, alarm in self.by_id.items()}, set()

    def told_since(self, known: Alarm) -> bool:
        """Tell whether all that an alarm is otherwise than the book knows it has been told since the process began."""
        was = self.at_start.get(known.id)
        return was is not None and known.id in (self.told_since_start or ()) and _same(was, known)

    def end_restart(self) -> None:
        """Forget it: fold and book say the same."""
        self.at_start, self.told_since_start = {}, None

    def restored(self, at_ms: int, offset_ms: int) -> None:
        """Put together again what is derived of alarms that were read: groups, and timers that were lost."""
        self.first_out.rebuild(self.by_id.values())
        for alarm in self.by_id.values():
            seen = alarm.facts == "ACKED" and alarm.acked_ms is not None and alarm.re_alarm_ms > 0
            for name, t_ms in (
                (SHELVING_ENDS, alarm.shelved_until_ms),
                (PLANNED_END, alarm.out_until_ms),
                (ASKS_AGAIN, (alarm.acked_ms or 0) + alarm.re_alarm_ms if seen else None),
            ):
                if t_ms is not None and self.timers.due_ms((name, alarm.id)) is None:
                    self.timers.set((name, alarm.id), max(at_ms, t_ms - offset_ms))

    def withhold_as(self, alarm: Alarm, known: Alarm) -> None:
        """Shelve an alarm, put it out of service, or neither, as the book knows it: it is what people did."""
        for reason in (SHELVED, OUT_OF_SERVICE):
            if reason not in known.suppressed:
                self.take(alarm, reason)
            elif reason not in alarm.suppressed:
                alarm.suppressed.append(reason)
        alarm.shelved_until_ms, alarm.one_shot = known.shelved_until_ms, known.one_shot
        alarm.out_until_ms, alarm.reason, alarm.withheld_by = known.out_until_ms, known.reason, known.withheld_by

    def civil_time_changed(self, moment: Moment) -> None:
        """Move the timers of planned ends, which are civil times; a shelving lasts as long as it was to."""
        for alarm in self.by_id.values():
            if alarm.out_until_ms is not None:
                self.timers.set((PLANNED_END, alarm.id), max(moment.at_ms, alarm.out_until_ms - moment.offset_ms))

    def reconfigured(self, alarm: Alarm, rule: Rule, moment: Moment) -> None:
        """Let an alarm follow its rule, which may be another now."""
        alarm.respond_within_ms, alarm.ack_required = rule.respond_within_ms, rule.ack_required
        if alarm.re_alarm_ms != rule.re_alarm_ms:
            alarm.re_alarm_ms = rule.re_alarm_ms
            seen = alarm.facts == "ACKED" and alarm.acked_ms is not None and rule.re_alarm_ms > 0
            due_ms = (alarm.acked_ms or 0) + rule.re_alarm_ms - moment.offset_ms
            self.timers.set((ASKS_AGAIN, alarm.id), max(moment.at_ms, due_ms) if seen else None)
        if alarm.priority != rule.priority:
            self.change_priority(alarm, rule.priority, moment)
        if alarm.active and alarm.latched != (rule.latch and not rule.maintenance):
            alarm.latched = not alarm.latched
            self.move(alarm, "amendment", moment)
        if rule.maintenance != (MAINTENANCE in alarm.suppressed) and not alarm.over:
            self._planned(alarm, moment, on=rule.maintenance)

    def _planned(self, alarm: Alarm, moment: Moment, *, on: bool) -> None:
        """Make an alarm planned work, which nobody needs to see, or planned work an alarm, which nobody has seen."""
        if on:
            self.move(alarm, "ack", moment)
        if not alarm.over:
            self.move(alarm, "hide" if on else "show", moment, why=MAINTENANCE)
        if not on and alarm.active:
            self.move(alarm, "more urgent", moment)


def _same(one: Alarm, other: Alarm) -> bool:
    """Tell whether two are the same activation, in the same state, withheld alike."""
    a, b = (
        (each.occurrence, each.facts, each.latched, {*each.suppressed}, each.shelved_until_ms, each.out_until_ms)
        for each in (one, other)
    )
    return a == b


def _of(event: Event) -> Record:
    return event.sequence, event.at_ms, event.cause
