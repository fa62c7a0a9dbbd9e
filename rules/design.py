"""Suppressed by design: a rule may name another one as its cause (`suppressed_by`), at the same device or its site.

While an alarm of that rule is active there, this one's is judged, told and counted as ever, as `suppressed`, and its
`group` says by which alarm. The alarm that names the cause is never suppressed by what it causes: check refuses circles
(config.compile_causes). And only what is told names a cause: an alarm that is shelved, out of service, tried, permitted
or only planned work suppresses nothing.
"""

from collections.abc import Iterable, Mapping

from devices.registry import Device
from rules.alarm_table import DESIGN
from rules.records import Alarm
from rules.ruleset import Cause, Rule

CUT_OFF = "cut_off"
_STILL_TOLD = frozenset((DESIGN, CUT_OFF))  # hidden behind a cause of their own, which is told


class Design:
    """Which rules suppress which, and where; made of one configuration."""

    def __init__(self, rules: Iterable[Rule] = (), devices: Iterable[Device] = ()) -> None:
        self._causes: dict[str, Cause] = {rule.id: rule.suppressed_by for rule in rules if rule.suppressed_by}
        self._effects: dict[str, list[str]] = {}
        self._site: dict[str, str] = {}
        self._at: dict[str, list[str]] = {}
        for effect, cause in sorted(self._causes.items()):
            self._effects.setdefault(cause.rule, []).append(effect)
        for device in devices if self._causes else ():
            if device.site is not None:
                self._site[device.id] = device.site
                self._at.setdefault(device.site, []).append(device.id)

    def has_cause(self, alarm: Alarm) -> bool:
        """Tell whether its rule names another as its cause."""
        return alarm.rule in self._causes

    def cause_of(self, alarm: Alarm, by_id: Mapping[str, Alarm]) -> str | None:
        """Return the id of the active alarm that names the cause of another, the first of several; None = of none."""
        cause = self._causes.get(alarm.rule)
        if cause is None:
            return None
        names = (f"{cause.rule}@{subject}" for subject in self._reach(cause, alarm.subject))
        return min((name for name in names if _names_a_cause(by_id.get(name))), default=None)

    def effects_of(self, alarm: Alarm) -> list[str]:
        """Return the ids of the alarms that one may suppress."""
        return [
            f"{effect}@{subject}"
            for effect in self._effects.get(alarm.rule, ())
            for subject in self._reach(self._causes[effect], alarm.subject)
        ]

    def _reach(self, cause: Cause, subject: str) -> list[str]:
        site = self._site.get(subject) if cause.where == "site" else None
        return self._at[site] if site is not None else [subject]


def _names_a_cause(alarm: Alarm | None) -> bool:
    return alarm is not None and alarm.active and not alarm.shadow and _STILL_TOLD.issuperset(alarm.suppressed)
