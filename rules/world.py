"""One configuration, ready to work: tracks of devices, who watches what, the judges. Made at every Config record."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from devices.reception import Reception, Track
from devices.registry import Registry
from rules.judging import Judge, Judging, Watch
from rules.kinds.table import KINDS
from rules.lines import prefix
from rules.records import Alarm
from rules.ruleset import Rule, RuleSet
from rules.scope import in_scope
from rules.windows import Wanted, Windows


class World:
    """Everything that the registry and the rules imply.

    reception  doors, tracks
    judging    judges, timers, alarms
    windows    of the series that somebody wants
    """

    def __init__(self, registry: Registry, ruleset: RuleSet, before: "World | None" = None) -> None:
        """Take over what is the same as before: an unchanged (rule, subject) keeps its memory, a device its windows."""
        self.registry, self.ruleset = registry, ruleset
        self.reception: Reception = Reception(registry, prefix, before.reception if before else None)
        self.judging = Judging()
        self.windows = Windows(registry.time_zone, self._wanted())
        self.of_periods: dict[tuple[str, str], list[Judge]] = {}
        for track in self.reception.tracks.values():
            self._watch(track)
        if before:
            self._take_over(before)

    def _wanted(self) -> list[Wanted]:
        """Every series that a rule wants a window of."""
        wanted = {}
        for rule in self.ruleset.rules:
            if KINDS[rule.kind].needs in ("day", "rolling"):
                quantity = rule.settings.quantity
                for track in self.reception.tracks.values():
                    device = track.device
                    if in_scope(rule.scope, device) and quantity in track.quantities:
                        wanted[device.id, quantity] = Wanted(
                            device=device.id, family=device.family, quantity=quantity, interval_ms=device.interval_ms
                        )
        return [wanted[key] for key in sorted(wanted)]

    def _watch(self, track: Track) -> None:
        """Put judges and windows of one device in their places."""
        device = track.device
        watches: dict[str, Watch] = {}
        track.series = self.windows.by_device.get(device.id, [])
        for series in track.series:
            watches[series.quantity] = Watch(series.quantity, series)
        for rule in self.ruleset.rules:
            if not in_scope(rule.scope, device):
                continue
            kind = KINDS[rule.kind]
            quantity = getattr(rule.settings, "quantity", "")
            if quantity and quantity not in track.quantities:
                continue
            watch = watches.setdefault(quantity, Watch(quantity, None)) if kind.needs == "live" else None
            judge = Judge(rule, kind, device.id, device, watch)
            self.judging.judges[judge.key] = judge
            if watch is not None:
                watch.judges.append(judge)
            elif kind.needs == "sign":
                track.signs.append(judge)
            else:
                self.of_periods.setdefault((device.id, quantity), []).append(judge)
        for watch in watches.values():
            watch.quieten()
        track.watches = list(watches.values())
        if watches:
            names = list(watches)
            track.pick = attrgetter(*names, names[0])  # at least two, so that it always gives a tuple

    def _take_over(self, before: "World") -> None:
        """Give memory back to judges whose rule and subject are as they were; the alarms go on."""
        self.judging.alarms = before.judging.alarms
        self.windows.inherit(before.windows)
        for key, old in before.judging.judges.items():
            new = self.judging.judges.get(key)
            if new is None and old.device is None:  # the gateway's own, made when they are first needed
                self.judging.judges[key] = old
                self.judging.timers.set(key, before.judging.timers.due.get(key))
            elif new is not None and new.rule == old.rule and new.interval_ms == old.interval_ms:
                self.restore_judge(
                    new, (old.memory, old.verdict, before.judging.timers.due.get(key), old.low, old.high)
                )

    def restore_judge(self, judge: Judge, state: Sequence[Any]) -> None:
        """Put a judge's memory, verdict, timer and quiet band back."""
        memory, judge.verdict, due_ms, judge.low, judge.high = state
        judge.memory = tuple(memory) if isinstance(memory, list) else memory
        self.judging.timers.set(judge.key, due_ms)
        if judge.watch is not None:
            judge.watch.quieten()

    def orphans(self, built_in: dict[str, Rule]) -> list[Alarm]:
        """Alarms that are not over and whose rule or subject is no more."""
        return [
            alarm
            for alarm in self.judging.alarms.by_id.values()
            if alarm.rule not in built_in
            and (alarm.rule, alarm.subject) not in self.judging.judges
            and (alarm.active or alarm.latched or not alarm.acknowledged)
        ]
