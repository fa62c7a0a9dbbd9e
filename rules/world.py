"""One configuration, ready to work: tracks of devices, who watches what, the judges. Made at every Config record."""

from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any

from devices.reception import Reception
from devices.registry import Registry
from devices.tracks import Track, quiet_check
from rules.judging import Judge, JudgeState, Judging, judge_of, quieten, shared
from rules.kinds.table import KINDS
from rules.lines import prefix
from rules.records import Alarm
from rules.ruleset import Rule, RuleSet
from rules.scope import in_scope
from rules.series import Wanted
from rules.windows import Windows


@cache
def _getter(names: tuple[str, ...]) -> "attrgetter[tuple[Any, ...]]":
    """Make what picks these out of values; one more than asked for, so that it always gives a tuple."""
    return attrgetter(*names, names[0])


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
        judges: list[Judge] = []
        signs: list[Judge] = []
        live: dict[str, list[Judge]] = {}
        track.series = self.windows.by_device.get(device.id, ())
        if track.series:
            track.gather = _getter(tuple(series.quantity for series in track.series))
        for rule in self.ruleset.rules:
            if not in_scope(rule.scope, device):
                continue
            kind = KINDS[rule.kind]
            quantity = getattr(rule.settings, "quantity", "")
            if quantity and quantity not in track.quantities:
                continue
            judge = judge_of(rule, kind, device)
            judges.append(judge)
            if kind.needs == "live":
                live.setdefault(quantity, []).append(judge)
            elif kind.needs == "sign":
                signs.append(judge)
            else:
                self.of_periods.setdefault((device.id, quantity), []).append(judge)
        self.judging.judges.add(*judges)
        track.signs = tuple(signs)
        track.watches = tuple(chain.from_iterable(live.values()))
        if live:
            track.slots = shared(tuple(slot for slot, some in enumerate(live.values()) for _ in some))
            track.pick = _getter(tuple(quantity for quantity, some in live.items() for _ in some))
            track.quiet = quiet_check(tuple(live))
            quieten(track)

    def _take_over(self, before: "World") -> None:
        """Give memory back to judges whose rule and subject are as they were; the alarms go on."""
        self.judging.alarms = before.judging.alarms
        self.windows.inherit(before.windows)
        gone = before.subjects() - self.subjects()
        timers = before.judging.timers
        for old in before.judging.judges:
            new = self.judging.judges.get(old.key)
            if new is None and old.device is None and old.subject not in gone:  # made when first needed
                new = judge_of(old.rule, old.kind, old.subject)
                self.judging.judges.add(new)
            if new is not None and new.rule == old.rule and new.interval_ms == old.interval_ms:
                self.restore_judge(new, old.state(), timers.due_ms(old.key))
        for key, at_ms in timers.all():
            if before.judging.judges.get(key) is None and key[1] not in gone:
                self.judging.timers.set(key, at_ms)
        for track in self.reception.tracks.values():
            quieten(track)

    def restore_judge(self, judge: Judge, state: JudgeState, due_ms: int | None) -> None:
        """Put a judge's memory, verdict, quiet band and timer back; tracks are to be quietened when all are."""
        judge.restore(state)
        self.judging.timers.set(judge.key, due_ms)

    def subjects(self) -> set[str]:
        """Return the subjects that the gateway's own rules may be about."""
        devices = (device.id for device in self.registry.devices)
        return {"gateway", *(source.subject for source in self.registry.sources), *devices}

    def orphans(self, built_in: dict[str, Rule]) -> list[Alarm]:
        """Return alarms that are not over and whose rule or subject is no more."""
        subjects = self.subjects()
        return [
            alarm
            for alarm in self.judging.alarms.by_id.values()
            if not alarm.over
            and self.judging.judges.get((alarm.rule, alarm.subject)) is None
            and (alarm.rule not in built_in or alarm.subject not in subjects)
        ]
