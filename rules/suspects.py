"""`suspect: sensor`: a tag on an alarm whose instrument is in doubt, with the reason. It lowers nothing.

While a rule that judges the instrument (stuck, implausible, tamper, peer, magnetic) is violated, alarms of the same
device on the quantities that it looks at carry the tag; whoever answers an alarm decides what to make of it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rules.records import Alarm, Text
from rules.verdicts import VIOLATED

if TYPE_CHECKING:
    from rules.judging import Judge

NO_WORDS = {"why_zh": "", "why_en": ""}


def _doubted(judge: "Judge") -> tuple[str, ...]:
    settings = judge.rule.settings
    return judge.kind.together(settings) if judge.kind.together is not None else (settings.quantity,)


def tag(alarm: Alarm, judges: Iterable["Judge"]) -> bool:
    """Set or take the tag of an alarm by what the judges of its device say; tell whether it is another one now."""
    before = alarm.suspect, alarm.suspect_why
    alarm.suspect, alarm.suspect_why = None, None
    for judge in judges:
        if (
            judge.kind.doubts
            and judge.verdict == VIOLATED
            and judge.id != alarm.id
            and judge.rule.mode == "live"
            and alarm.quantity in _doubted(judge)
        ):
            words = judge.words or NO_WORDS
            rule = judge.rule.id
            alarm.suspect = "sensor"
            alarm.suspect_why = Text(f"{rule}：{words['why_zh']}", f"{rule}: {words['why_en']}")
            break
    return (alarm.suspect, alarm.suspect_why) != before
