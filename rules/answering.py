"""What people tell an alarm (seen, reset, shelved, out of service, a word for its history), and what it answers."""

from rules.alarms import PLANNED_END, SHELVING_ENDS, Alarms, By, Moment, copy
from rules.records import OUT_OF_SERVICE, SHELVED, Alarm, Answer, Command, Text

LONGEST_SHELVING_MS = 12 * 3_600_000
"""The standard asks for a limit and gives none (ISA-18.2 11.7); also of one-shot (OPC UA Part 9, MaxTimeShelved)."""
LONGEST_OUT_MS = 366 * 86_400_000

STILL_THERE = Text("报警条件仍然存在，恢复后才能复位", "the condition is still there: it can be reset when it has gone")
_OUT = Text(
    "该报警已停用，无须搁置；先恢复使用", "it is out of service, which withholds it already: put it in service first"
)
_NO_REASON = Text("请写明理由", "say why: a reason is required")
_NO_WORDS = Text("备注不能为空", "there is nothing in it")
_HOW_LONG = Text(
    "搁置时间须大于 0，最长 12 小时；或选择单次搁置", "shelve it for more than 0 and at most 12 h, or one-shot"
)
_PLANNED_END = Text(
    "停用须写明计划结束时间：晚于现在，一年之内", "out of service needs a planned end: later than now, within a year"
)
_WITHOUT_OCCURRENCE = ("shelve", "unshelve", "out_of_service", "in_service", "comment")
_NEVER_TOO_LATE = ("unshelve", "in_service", "comment")


def answer(alarms: Alarms, command: Command, moment: Moment, judged: Alarm | None = None) -> Answer:
    """Carry out a command; 409 only when something newer or worse has happened since.

    judged  the alarm as it would be, of a rule that judges this subject and never rang: it can be shelved
    """
    alarm = alarms.by_id.get(command.alarm, judged if command.kind in ("shelve", "out_of_service") else None)
    if alarm is None or alarm.shadow or not (alarm.occurrence or command.kind in _WITHOUT_OCCURRENCE):
        return Answer(status=404, detail=f"there is no alarm {command.alarm}")
    if command.occurrence > alarm.occurrence:
        return Answer(status=404, detail=f"{command.alarm} has no occurrence {command.occurrence}")
    if command.occurrence < alarm.occurrence and command.kind not in _NEVER_TOO_LATE:
        return Answer(
            status=409,
            detail="it was activated again, or became more urgent, after what you saw",
            alarm=copy(alarm),
        )
    why = _refusal(alarm, command, moment)
    if why is None:
        before = alarm.standing
        _carry_out(alarms, alarm, command, moment)
        return Answer(status=200, alarm=copy(alarm), before=before)
    return Answer(status=422, detail=why.en, alarm=copy(alarm), why=why)


def _refusal(alarm: Alarm, command: Command, moment: Moment) -> Text | None:
    """Say why it cannot be done now; None = it can."""
    why: Text | None = None
    if command.kind == "reset" and alarm.active:
        why = STILL_THERE
    elif command.kind == "shelve" and OUT_OF_SERVICE in alarm.suppressed:
        why = _OUT
    elif command.kind == "shelve" and not command.one_shot and not 0 < command.for_ms <= LONGEST_SHELVING_MS:
        why = _HOW_LONG
    elif command.kind == "out_of_service" and not 0 < command.until_ms - moment.t_ms <= LONGEST_OUT_MS:
        why = _PLANNED_END
    elif command.kind in ("shelve", "out_of_service") and not command.comment.strip():
        why = _NO_REASON
    elif command.kind == "comment" and not command.comment.strip():
        why = _NO_WORDS
    return why


def _carry_out(alarms: Alarms, alarm: Alarm, command: Command, moment: Moment) -> None:
    by = By(command.user, command.comment)
    match command.kind:
        case "ack" | "reset" | "comment" | "unshelve":
            alarms.move(alarm, command.kind, moment, by=by)
        case "in_service":
            alarms.move(alarm, "in service", moment, by=by)
        case "shelve":
            alarms.by_id[alarm.id] = alarm
            for_ms = LONGEST_SHELVING_MS if command.one_shot else command.for_ms
            alarm.shelved_until_ms, alarm.one_shot = moment.t_ms + for_ms, command.one_shot
            alarm.reason, alarm.withheld_by = command.comment, command.user
            alarms.timers.set((SHELVING_ENDS, alarm.id), moment.at_ms + for_ms)
            alarms.move(alarm, "shelve", moment, by=by)
        case "out_of_service":
            alarms.by_id[alarm.id] = alarm
            alarms.take(alarm, SHELVED)
            alarm.out_until_ms, alarm.reason, alarm.withheld_by = command.until_ms, command.comment, command.user
            alarms.timers.set((PLANNED_END, alarm.id), moment.at_ms + command.until_ms - moment.t_ms)
            alarms.move(alarm, "out of service", moment, by=by)
