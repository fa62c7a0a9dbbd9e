"""An engineer stands beside a device and tries it: its alarms are no alarms meanwhile, and say so.

They are judged, told and kept as always, suppressed as `commissioning`; it ends by itself, and what is still active
then is an alarm like any other.
"""

from rules.alarms import Moment
from rules.judging import COMMISSIONING, Judging
from rules.records import Answer, Command
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
    if command.for_ms:
        judging.timers.set((COMMISSIONING, device), moment.at_ms + command.for_ms)
        for alarm in judging.alarms.by_id.values():
            if alarm.device == device and not alarm.over:
                judging.alarms.suppress(alarm, COMMISSIONING, moment, on=True)
    else:
        judging.timers.set((COMMISSIONING, device), None)
        end(device, judging, moment)
    return Answer(status=200)


def end(device: str, judging: Judging, moment: Moment) -> None:
    """Let the alarms of a device be alarms again."""
    for alarm in judging.alarms.by_id.values():
        if alarm.device == device:
            judging.alarms.suppress(alarm, COMMISSIONING, moment, on=False)
