"""One configuration, ready to work: tracks of devices, who watches what, the judges. Made at every Config record."""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any

from devices.reception import Reception
from devices.registry import Device, Registry
from devices.tracks import Track, quiet_check
from rules import bays
from rules.design import Design
from rules.judging import Judge, JudgeState, Judging, judge_of, quieten, shared
from rules.kinds.means import Other
from rules.kinds.table import KINDS
from rules.lines import prefix
from rules.parents import families
from rules.periods import HOUR_MIN
from rules.records import Alarm, Period
from rules.ruleset import Rule, RuleSet
from rules.scope import in_scope
from rules.series import Span, Wanted
from rules.verdicts import WINDOWED
from rules.windows import Windows

AIR = frozenset({"dust", "noise", "weather"})
"""Families of which reports tell what they measure."""


@cache
def _getter(names: tuple[str, ...]) -> "attrgetter[tuple[Any, ...]]":
    """Make what picks these out of values; one more than asked for, so that it always gives a tuple."""
    return attrgetter(*names, names[0])


_WAYS_OUT = ("channel:", "feed:")
"""Subjects of the feed's own: what reaches nobody; the feed itself ends the alarms of those that are no more."""


class World:
    """Everything that the registry and the rules imply.

    reception  doors, tracks
    judging    judges, timers, alarms
    windows    of the series that somebody wants
    of_periods  who judges what closes of a series; referring: who looks at a series of another device
    """

    def __init__(self, registry: Registry, ruleset: RuleSet, before: "World | None" = None) -> None:
        """Take over what is the same as before: an unchanged (rule, subject) keeps its memory, a device its windows."""
        self.registry, self.ruleset = registry, ruleset
        self.reception: Reception = Reception(registry, prefix, before.reception if before else None)
        self.judging = Judging()
        self.judging.alarms.design = Design(ruleset.rules, registry.devices)
        self.windows = Windows(registry.time_zone, self._wanted())
        self.of_periods: dict[tuple[str, str], list[Judge]] = {}
        self.referring: dict[tuple[str, str], list[tuple[Judge, Other]]] = {}
        for track in self.reception.tracks.values():
            self._watch(track)
        self.families = families(self)
        if before:
            self._take_over(before)

    def _wanted(self) -> list[Wanted]:
        """Every series that a rule wants a window of, its own or one of others; and those that reports tell of."""
        wanted: dict[tuple[str, str], Wanted] = {}

        def want(device: Device, quantity: str, *, slots: bool, referred: bool) -> None:
            key = device.id, quantity
            one = wanted.get(key) or Wanted(device.id, quantity, device.interval_ms, device.family)
            wanted[key] = one._replace(slots=one.slots or slots, referred=one.referred or referred)

        tracks = self.reception.tracks
        for rule in self.ruleset.rules:
            kind = KINDS[rule.kind]
            if kind.needs not in WINDOWED:
                continue
            slots, quantity = kind.needs == "slot", rule.settings.quantity
            for track in tracks.values():
                if in_scope(rule.scope, track.device) and quantity in track.quantities:
                    want(track.device, quantity, slots=slots, referred=False)
            for other in kind.others(rule.settings):
                if other.device in tracks and other.quantity in tracks[other.device].quantities:
                    own = other.hourly is None
                    want(tracks[other.device].device, other.quantity, slots=slots and own, referred=not own)
        for device, quantity in self._reported():
            want(device, quantity, slots=False, referred=False)
        return [wanted[key] for key in sorted(wanted)]

    def _reported(self) -> Iterator[tuple[Device, str]]:
        """Yield what reports tell of, whether a rule looks at it or not."""
        reported = self.registry.reported
        for track in self.reception.tracks.values() if reported else ():
            if track.device.family in AIR:
                yield from ((track.device, quantity) for quantity in reported if quantity in track.quantities)

    def value_of(self, other: Other, span: Span, start: int) -> float | None:
        """Return what another series was in a period that begins with this minute; None = missing."""
        series = self.windows.find(other.device, other.quantity)
        if series is None:
            return None
        if other.hourly is None:
            told = self.windows.told(series, span, start)
            return told.mean if told is not None else None
        hour = self.windows.calendar.hour(start) + (HOUR_MIN if other.hourly == "end" else 0)
        return self.windows.between(series, hour, hour + HOUR_MIN)

    def told(self, judge: Judge, start: int) -> Period | None:
        """Return the slot or hour of a judge's own series as it was told last."""
        series = self.windows.find(judge.subject, judge.rule.settings.quantity)
        span: Span = "slot" if judge.kind.needs == "slot" else "hour"
        return None if series is None else self.windows.told(series, span, start)

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
            if kind.needs in ("live", "several"):
                live.setdefault(quantity, []).append(judge)
            elif kind.needs == "sign":
                signs.append(judge)
            else:
                self.of_periods.setdefault((device.id, quantity), []).append(judge)
                for other in kind.others(rule.settings):
                    self.referring.setdefault((other.device, other.quantity), []).append((judge, other))
        if device.family == "parking" and "occupied" in track.quantities:
            judges.append(judge_of(bays.RULE, bays.KIND, device))
            live.setdefault("occupied", []).append(judges[-1])
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
        self.judging.take_over(before.judging.alarms)
        self.judging.bays = before.judging.bays  # what timers made just now
        tracks = self.reception.tracks
        self.judging.permits = {name: one for name, one in before.judging.permits.items() if name in tracks}
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
            and (alarm.rule not in built_in or not (alarm.subject in subjects or alarm.subject.startswith(_WAYS_OUT)))
        ]
