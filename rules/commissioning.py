"""An engineer stands beside a device and tries it: its alarms are no alarms meanwhile, and say so.

They are judged, told and kept as always, suppressed as `commissioning`; it ends by itself, and what is still active
then is an alarm like any other. Several people may try one device: it is over when the last of them ends.
"""

from rules.alarms import Moment
from rules.judging import BETWEEN, COMMISSIONING, Judging
from rules.records import Alarm, Answer, Command
from rules.world import World

LONGEST_MS = 30 * 60_000


def command(command: Command, world: World, moment: Moment) -> Answer:
    """Begin, prolong or end it."""
    device = command.alarm
    if device not in world.reception.tracks:
        return Answer(status=404, detail=f"there is no device {device}")
    if not 0 <= command.for_ms <= LONGEST_MS:
        return Answer(status=422, detail=f"for at most {LONGEST_MS // 60_000} minutes")
    judging = world.judging
    subject = f"{device}{BETWEEN}{command.walk}" if command.walk else device
    if command.for_ms:
        judging.timers.set((COMMISSIONING, subject), moment.at_ms + command.for_ms)
        for alarm in reversed(_causes_first(device, judging)):  # else what is behind a cause would ring for a moment
            if not alarm.over:
                judging.alarms.suppress(alarm, COMMISSIONING, moment, on=True)
    else:
        judging.timers.set((COMMISSIONING, subject), None)
        end(subject, judging, moment)
    return Answer(status=200)


def end(subject: str, judging: Judging, moment: Moment) -> None:
    """Let the alarms of a device be alarms again, where nobody else tries it. subject: of the timer that is no more."""
    device = subject.partition(BETWEEN)[0]
    if judging.tried(device):
        return
    for alarm in _causes_first(device, judging):
        judging.alarms.suppress(alarm, COMMISSIONING, moment, on=False)


def _causes_first(device: str, judging: Judging) -> list[Alarm]:
    """Return the alarms of a device, those that another may suppress by design after the others."""
    mine = [alarm for alarm in judging.alarms.by_id.values() if alarm.device == device]
    return sorted(mine, key=judging.alarms.design.has_cause)
