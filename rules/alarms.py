"""The life of an alarm: two bits (active, acknowledged), a latch, a set of suppressions; its state is derived.

                     acknowledged        not acknowledged
    active           ACKED               UNACK
    not active       NORMAL | LATCHED    RTN_UNACK

(ISA-18.2-2016 fig. 4.3; IEC 62682.) A fresh activation always asks for attention again and is a new occurrence, also
of a latched alarm: what came back is not what somebody has seen. Suppression hides, but never stops the judging.
"""

from copy import copy as shallow

from msgspec import Struct

from rules.records import Alarm, Answer, Command, Event, Evidence
from rules.ruleset import Rule


class Moment(Struct, frozen=True, gc=False):
    """When and why something happens: sequence of the record, log time, civil time, cause in one word."""

    sequence: int
    at_ms: int
    t_ms: int
    cause: str


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

    def __init__(self) -> None:
        self.by_id: dict[str, Alarm] = {}
        self.events: list[Event] = []  # of the record that is being taken; the fold carries them away

    def tell(  # noqa: PLR0913 - whatever an event can hold
        self,
        kind: str,
        alarm: Alarm,
        moment: Moment,
        *,
        evidence: Evidence | None = None,
        command: Command | None = None,
        amends: int | None = None,
    ) -> None:
        """Say what changed; the event keeps a copy of the alarm."""
        event = Event(
            sequence=moment.sequence, at_ms=moment.at_ms, t_ms=moment.t_ms, kind=kind, cause=moment.cause,
            alarm=copy(alarm), evidence=evidence, amends=amends,
        )  # fmt: skip
        if command is not None:
            event.user, event.comment = command.user, command.comment
        self.events.append(event)

    def activate(self, alarm: Alarm, rule: Rule, moment: Moment, evidence: Evidence | None) -> None:
        """Begin a new occurrence. The caller has filled value, limit and text."""
        kind = "reraised" if alarm.latched and alarm.acknowledged and alarm.occurrence else "raised"
        alarm.active, alarm.acknowledged = True, rule.maintenance
        alarm.latched = rule.latch and not rule.maintenance
        alarm.occurrence, alarm.since_ms, alarm.returned_ms = _number(alarm, moment), moment.t_ms, None
        self.by_id[alarm.id] = alarm
        self.tell(kind, alarm, moment, evidence=evidence)

    def calm(self, alarm: Alarm, moment: Moment, evidence: Evidence | None = None) -> None:
        """Note that the condition has gone; a latch stays until somebody resets it."""
        alarm.active, alarm.returned_ms = False, moment.t_ms
        alarm.members = []
        self.tell("returned", alarm, moment, evidence=evidence)

    def change_priority(self, alarm: Alarm, priority: int, moment: Moment) -> None:
        """Ask for attention again when it is more urgent than what was acknowledged; else only say how urgent it is."""
        worse = priority < alarm.priority
        alarm.priority = priority
        if worse and alarm.active:
            alarm.acknowledged, alarm.occurrence = False, _number(alarm, moment)
            self.tell("reraised", alarm, moment)
        elif not alarm.over:
            self.tell("amended", alarm, moment)

    def withdraw(self, alarm: Alarm, moment: Moment) -> None:
        """End an alarm whose rule or device is no more."""
        alarm.active, alarm.acknowledged, alarm.latched, alarm.suppressed, alarm.members = False, True, False, [], []
        alarm.returned_ms = alarm.returned_ms or moment.t_ms
        self.tell("withdrawn", alarm, moment)

    def suppress(self, alarm: Alarm, reason: str, moment: Moment, *, on: bool) -> None:
        """Add a reason not to show it, or take it away."""
        if on == (reason in alarm.suppressed):
            return
        if on:
            alarm.suppressed.append(reason)
        else:
            alarm.suppressed.remove(reason)
        self.tell("suppressed" if on else "unsuppressed", alarm, moment)

    def command(self, command: Command, moment: Moment) -> Answer:
        """Carry out an acknowledgement or a reset; 409 only when something newer or worse has happened since."""
        alarm = self.by_id.get(command.alarm)
        if alarm is None or alarm.shadow or not alarm.occurrence:
            return Answer(status=404, detail=f"there is no alarm {command.alarm}")
        if command.occurrence < alarm.occurrence:
            return Answer(
                status=409,
                detail="it was activated again, or became more urgent, after what you saw",
                alarm=copy(alarm),
            )
        if command.occurrence > alarm.occurrence:
            return Answer(status=404, detail=f"{command.alarm} has no occurrence {command.occurrence}")
        if command.kind == "reset" and alarm.active:
            return Answer(
                status=422, detail="the condition is still there: it can be reset when it has gone", alarm=copy(alarm)
            )
        if command.kind == "reset" and alarm.latched:
            alarm.latched, alarm.acknowledged = False, True
            self.tell("reset", alarm, moment, command=command)
        elif not alarm.acknowledged:
            alarm.acknowledged = True
            self.tell("acknowledged", alarm, moment, command=command)
        return Answer(status=200, alarm=copy(alarm))
