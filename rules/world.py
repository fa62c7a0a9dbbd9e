"""One configuration, ready to work: tracks of devices, who watches what, the judges. Made at every Config record."""

from operator import attrgetter

from devices.reception import Reception
from devices.registry import Registry
from devices.tracks import Track, quiet_check
from rules.judging import Judge, JudgeState, Judging, Watch
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
        if track.series:
            collected = [series.quantity for series in track.series]
            track.gather = attrgetter(*collected, collected[0])
        for rule in self.ruleset.rules:
            if not in_scope(rule.scope, device):
                continue
            kind = KINDS[rule.kind]
            quantity = getattr(rule.settings, "quantity", "")
            if quantity and quantity not in track.quantities:
                continue
            watch = None
            if kind.needs == "live":
                watch = watches[quantity] = watches.get(quantity) or Watch(quantity, track.bands)
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
            track.quiet = quiet_check(tuple(names))

    def _take_over(self, before: "World") -> None:
        """Give memory back to judges whose rule and subject are as they were; the alarms go on."""
        self.judging.alarms = before.judging.alarms
        self.windows.inherit(before.windows)
        gone = before.subjects() - self.subjects()
        due = before.judging.timers.due
        for key, old in before.judging.judges.items():
            new = self.judging.judges.get(key)
            if new is None and old.device is None and key[1] not in gone:  # the gateway's own, made when first needed
                new = self.judging.judges[key] = Judge(old.rule, old.kind, key[1], None)
            if new is not None and new.rule == old.rule and new.interval_ms == old.interval_ms:
                self.restore_judge(new, old.state(due.get(key)))
        for key, at_ms in due.items():
            if key not in before.judging.judges and key[1] not in gone:
                self.judging.timers.set(key, at_ms)

    def restore_judge(self, judge: Judge, state: JudgeState) -> None:
        """Put a judge's memory, verdict, timer and quiet band back."""
        self.judging.timers.set(judge.key, judge.restore(state))
        if judge.watch is not None:
            judge.watch.quieten()

    def subjects(self) -> set[str]:
        """Return the subjects that the gateway's own rules may be about."""
        return {"gateway", *(source.subject for source in self.registry.sources)}

    def orphans(self, built_in: dict[str, Rule]) -> list[Alarm]:
        """Return alarms that are not over and whose rule or subject is no more."""
        subjects = self.subjects()
        return [
            alarm
            for alarm in self.judging.alarms.by_id.values()
            if not alarm.over
            and (alarm.rule, alarm.subject) not in self.judging.judges
            and (alarm.rule not in built_in or alarm.subject not in subjects)
        ]
