"""Work permits: who may open a cover, until when and why. An authorised opening is logged and rings nobody.

While a permit is in force, alarms of the device that tell of its opening (open, missing, displaced, moved, tilted) are
told as suppressed, `work_permit`, and when they return they are settled in the name of who holds the permit. All others
ring as ever: gas and water are no matter of permission. What still stands open when the permit ends is its overrun: it
loses the suppression and asks for attention, also where somebody had acknowledged it.
"""

from typing import TYPE_CHECKING, TypeGuard

from rules.alarms import Alarms, By, Moment
from rules.records import Alarm, Answer, Command, Permit
from rules.ruleset import Rule
from rules.timers import Key

if TYPE_CHECKING:
    from rules.world import World

WORK_PERMIT = "work_permit"
ENDS = "work-permit/ends"  # no rule: the timer at which a permit is over
LONGEST_MS = 7 * 86_400_000
OPENING = frozenset(
    {
        "cover_open", "cover_missing", "cover_displaced", "moved", "tilted", "vibration_detected", "movement_count",
        "tilt_deg", "tilt_x_deg", "tilt_y_deg", "tilt_z_deg", "tilt_x_alarm", "tilt_y_alarm", "tilt_z_alarm",
    }
)  # fmt: skip
"""Quantities that tell of an opening."""


def allows(permit: Permit | None, rule: Rule) -> TypeGuard[Permit]:
    """Tell whether a permit covers what a rule tells of."""
    return permit is not None and getattr(rule.settings, "quantity", None) in OPENING


def named(permit: Permit) -> dict[str, str | int]:
    """Say whose opening it is, for the evidence."""
    return {"who": permit.who, "why": permit.why, "until_ms": permit.until_ms, "by": permit.user}


def command(command: Command, world: "World", moment: Moment) -> Answer:
    """Give a permit, change it, or end it (`until_ms` 0)."""
    device, judging = command.alarm, world.judging
    if device not in world.reception.tracks:
        return Answer(status=404, detail=f"there is no device {device}")
    key: Key = (ENDS, device)
    if not command.until_ms:
        judging.timers.set(key, None)
        end(device, world, moment)
        return Answer(status=200)
    left_ms = command.until_ms - moment.t_ms
    if not 0 < left_ms <= LONGEST_MS:
        return Answer(status=422, detail=f"a permit ends later than now, and within {LONGEST_MS // 86_400_000} days")
    judging.permits[device] = permit = Permit(
        who=command.who, why=command.comment, since_ms=moment.t_ms, until_ms=command.until_ms, user=command.user
    )
    judging.timers.set(key, moment.at_ms + left_ms)
    for judge in judging.judges.of_subject.get(device, ()):
        alarm = judging.alarms.by_id.get(judge.id)
        if alarm is not None and alarm.active and allows(permit, judge.rule) and WORK_PERMIT not in alarm.suppressed:
            judging.alarms.move(alarm, "hide", moment, why=WORK_PERMIT, by=_holder(permit))
    return Answer(status=200)


def settle(alarm: Alarm, alarms: Alarms, moment: Moment, permit: Permit) -> None:
    """Close an authorised opening that is over: nobody needs to look at it any more."""
    alarms.move(alarm, "permit settles", moment, why=WORK_PERMIT, by=_holder(permit))


def end(device: str, world: "World", moment: Moment) -> None:
    """End a permit. What is still open is its overrun."""
    judging = world.judging
    permit = judging.permits.pop(device, None)
    for judge in judging.judges.of_subject.get(device, ()):
        alarm = judging.alarms.by_id.get(judge.id)
        if permit is None or alarm is None or WORK_PERMIT not in alarm.suppressed:
            continue
        if not alarm.active:
            settle(alarm, judging.alarms, moment, permit)
            continue
        judging.alarms.move(alarm, "permit over", moment, why=WORK_PERMIT, by=_holder(permit))


def _holder(permit: Permit) -> By:
    return By(permit.who, permit.why)
