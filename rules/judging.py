"""Judges: one rule on one subject, its memory, and how what it says becomes the life of an alarm."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from msgspec import Struct

from devices.quantities import QUANTITIES
from devices.readings import Values
from devices.registry import Device
from devices.tracks import Track
from rules import bays, permits, suspects
from rules.alarm_table import MAINTENANCE
from rules.alarms import Alarms, Moment
from rules.packs import REFERENCE_EN, REFERENCE_ZH, UNVERIFIED_EN, UNVERIFIED_ZH
from rules.reasons import words_of
from rules.records import Alarm, Bay, Evidence, Permit, Text
from rules.ruleset import Rule
from rules.timers import Key, Timers
from rules.verdicts import ALWAYS_QUIET, NEVER_QUIET, NORMAL, UNKNOWN, VIOLATED, Kind, Live, Said, Together

Plain = TypeVar("Plain", bound=tuple[Any, ...])


COMMISSIONING = "commissioning"  # a timer of this name runs for each walk to a device: somebody is trying it
BETWEEN = "\0"  # device and name of the walk, in the subject of such a timer


class Judge(Struct, gc=False, eq=False):
    """One rule on one subject. There are some for each device: no other object is theirs alone while nothing is wrong.

    of         whom it judges: a device, or another subject by its name
    low, high  its quiet band
    last       the value that changed its memory last; limit: what that was compared with
    words      what its text needs besides
    """

    rule: Rule
    kind: Kind
    of: Device | str
    memory: Any
    limit: float | None
    verdict: int = UNKNOWN
    low: float = NEVER_QUIET[0]
    high: float = NEVER_QUIET[1]
    last: float | bool | None = None
    words: dict[str, str] | None = None

    @property
    def device(self) -> Device | None:
        """The device that it judges, if it is one."""
        return None if isinstance(self.of, str) else self.of

    @property
    def subject(self) -> str:
        """The name of whom it judges."""
        return self.of if isinstance(self.of, str) else self.of.id

    @property
    def key(self) -> Key:
        """Rule and subject."""
        return self.rule.id, self.subject

    @property
    def id(self) -> str:
        """The id of its alarm."""
        return f"{self.rule.id}@{self.subject}"

    @property
    def interval_ms(self) -> int:
        """The interval of its device."""
        return 0 if isinstance(self.of, str) else self.of.interval_ms

    def state(self) -> "JudgeState":
        """Return what a snapshot keeps; its timer is kept by the timers."""
        return self.memory, self.verdict, self.low, self.high, self.last, self.limit, self.words

    def restore(self, state: "JudgeState") -> None:
        """Put a state back."""
        self.memory, self.verdict, self.low, self.high, self.last, self.limit, self.words = state


Number = int | float  # to msgspec they are two: what was whole stays so, and is compared faster
JudgeState = tuple[Any, int, Number, Number, Number | bool | None, Number | None, dict[str, str] | None]
"""As `Judge.state` gives it."""


def judge_of(rule: Rule, kind: Kind, of: Device | str) -> Judge:
    """Make a judge that has seen nothing."""
    return Judge(rule, kind, of, kind.start, kind.limit(rule.settings))


class Judges:
    """All judges, by subject; those of a device are in the order of its rules."""

    def __init__(self) -> None:
        self.of_subject: dict[str, tuple[Judge, ...]] = {}

    def add(self, *judges: Judge) -> None:
        """Take judges of one subject."""
        if judges:
            subject = judges[0].subject
            self.of_subject[subject] = self.of_subject.get(subject, ()) + judges

    def get(self, key: Key) -> Judge | None:
        """Return the judge of a rule on a subject."""
        rule, subject = key
        return next((judge for judge in self.of_subject.get(subject, ()) if judge.rule.id == rule), None)

    def __getitem__(self, key: Key) -> Judge:
        """Return a judge that there is. Raises KeyError."""
        judge = self.get(key)
        if judge is None:
            raise KeyError(key)
        return judge

    def __iter__(self) -> Iterator[Judge]:
        """Give all, subject by subject."""
        return chain.from_iterable(self.of_subject.values())


@lru_cache(maxsize=4096)
def shared(plain: Plain) -> Plain:
    """Return one and the same tuple for all that are equal: most devices are at rest, in the same few states."""
    return plain


def quieten(track: Track) -> None:
    """Overlap the bands of all judges of each quantity, for the hot loop."""
    bands = [*ALWAYS_QUIET] * (track.slots[-1] + 1 if track.slots else 0)
    for slot, judge in zip(track.slots, track.watches, strict=True):
        at = 2 * slot
        bands[at], bands[at + 1] = max(bands[at], judge.low), min(bands[at + 1], judge.high)
    track.bands = shared(tuple(bands))


class Judging:
    """All judges, the timers they asked for, and the alarms they lead."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.alarms = Alarms(self.timers)
        self.judges = Judges()
        self.permits: dict[str, Permit] = {}
        self.bays: list[Bay] = []  # changes of the record that is being taken; the fold carries them away

    def take_over(self, alarms: Alarms) -> None:
        """Lead the alarms of a former configuration on; what they asked of its timers is taken over with all timers."""
        alarms.design, alarms.timers = self.alarms.design, self.timers
        self.alarms = alarms

    def value(  # noqa: PLR0913, PLR0917 - who judges, what of, when, by what proof
        self,
        judge: Judge,
        value: float,
        values: Values,
        track: Track,
        moment: Moment,
        evidence: Callable[[], Evidence],
        *,
        late: bool,
    ) -> None:
        """Let a live rule judge a value of a reading. The caller quietens the track then."""
        given: Live | Together = Live(moment.at_ms, value)
        if judge.kind.together is not None:
            several = tuple(getattr(values, name, None) for name in judge.kind.together(judge.rule.settings))
            given = Together(moment.at_ms, several, track.listening_ms)
        said = judge.kind.step(judge.memory, given, judge.rule.settings, judge.interval_ms)
        if said.memory != judge.memory:  # else it could as well have been in the quiet band
            judge.last = said.why.get("change", value)  # what is compared with the limit
        self.heed(judge, said, moment, evidence=evidence, late=late)

    def heed(
        self,
        judge: Judge,
        said: Said,
        moment: Moment,
        *,
        evidence: Callable[[], Evidence] | None = None,
        late: bool = False,
    ) -> None:
        """Keep the memory, set the timer, and let the alarm follow the verdict."""
        if judge.kind is bays.KIND:
            self._bay(judge, said, moment)
        doubted = judge.kind.doubts and (said.verdict == VIOLATED) != (judge.verdict == VIOLATED)
        judge.memory, judge.verdict = said.memory, said.verdict
        judge.low, judge.high = said.quiet
        if said.due_ms is None and said.verdict == NORMAL:  # at rest; what comes next brings a value of its own
            judge.last = None
            if judge.kind.together is None:  # else it remembers much, that is no other's
                judge.memory = said.memory and shared(said.memory)
        if "reason" in said.why:
            judge.words = words_of(said.why["reason"])
        self.timers.set(judge.key, said.due_ms)
        alarm = self.alarms.by_id.get(judge.id)
        active = alarm is not None and alarm.active
        if said.verdict == VIOLATED and not active:
            proof = evidence() if evidence else Evidence(sequence=moment.sequence)
            proof.why.update(said.why)
            self._begin(judge, alarm, moment, proof, late=late)
        elif said.verdict == NORMAL and active and alarm is not None:
            self.alarms.calm(alarm, moment, evidence() if evidence else None)
            permit = self.permits.get(judge.subject)
            if permit is not None and permits.WORK_PERMIT in alarm.suppressed:
                permits.settle(alarm, self.alarms, moment, permit)
        if doubted and judge.rule.mode == "live":
            self._tag(judge, moment)

    def _begin(self, judge: Judge, alarm: Alarm | None, moment: Moment, proof: Evidence, *, late: bool) -> None:
        """Begin an occurrence, with the reasons not to show it, for it is not to ring for a moment."""
        alarm = self.describe(judge, alarm)
        alarm.late = late
        alarm.suppressed += [why for why in self._hidden(judge) if why not in alarm.suppressed]
        if permits.allows(permit := self.permits.get(judge.subject), judge.rule):
            proof.why["permit"] = permits.named(permit)
        self.alarms.activate(alarm, judge.rule, moment, proof)

    def tried(self, device: str) -> bool:
        """Tell whether somebody is trying this device."""
        return any(subject.partition(BETWEEN)[0] == device for subject in self.timers.due.get(COMMISSIONING, ()))

    def _hidden(self, judge: Judge) -> Iterator[str]:
        """Give the reasons why an alarm that begins now is not shown among the others, also not for a moment."""
        if self.tried(judge.subject):
            yield COMMISSIONING
        if permits.allows(self.permits.get(judge.subject), judge.rule):
            yield permits.WORK_PERMIT
        if judge.rule.maintenance:
            yield MAINTENANCE

    def _tag(self, judge: Judge, moment: Moment) -> None:
        """Tell alarms of the same device that are not over, where their instrument is in doubt now, or is no more."""
        judges = self.judges.of_subject[judge.subject]
        for other in judges:
            alarm = self.alarms.by_id.get(other.id)
            if alarm is not None and not alarm.over and suspects.tag(alarm, judges):
                self.alarms.tell("amended", alarm, moment)

    def _bay(self, judge: Judge, said: Said, moment: Moment) -> None:
        """Tell a change of a bay, which is no alarm."""
        state, since_ms = said.memory[0], said.memory[1]
        if state != judge.memory[0]:
            since_ms += moment.t_ms - moment.at_ms
            self.bays.append(
                Bay(
                    sequence=moment.sequence, at_ms=moment.at_ms, device=judge.subject, state=bays.STATES[state],
                    since_ms=since_ms,
                )
            )  # fmt: skip

    def describe(self, judge: Judge, alarm: Alarm | None) -> Alarm:
        """Make the alarm of a judge, or bring it up to date, with its texts for the last value."""
        rule, device = judge.rule, judge.device
        quantity = getattr(rule.settings, "quantity", None) or None
        if alarm is None:
            alarm = Alarm(
                id=judge.id, rule=rule.id, subject=judge.subject, device=None, family=None, priority=rule.priority
            )
        alarm.device, alarm.family = (device.id, device.family) if device else (None, None)
        alarm.name, alarm.site = (device.name, device.site) if device else ("", None)
        alarm.priority, alarm.quantity, alarm.basis = rule.priority, quantity, rule.basis
        alarm.shadow, alarm.respond_within_ms = rule.mode == "shadow", rule.respond_within_ms
        alarm.ack_required, alarm.re_alarm_ms = rule.ack_required, rule.re_alarm_ms
        alarm.unit = QUANTITIES[quantity].unit if quantity else ""
        alarm.limit, alarm.value = judge.limit, judge.last
        suspects.tag(alarm, self.judges.of_subject.get(judge.subject, ()) if device else ())
        words = {
            "value": number(judge.last),
            "limit": number(alarm.limit),
            "name": alarm.name or judge.subject,
            **(judge.words or {"why_zh": "–", "why_en": "–"}),
        }
        alarm.text = text(rule, words)
        return alarm


def number(value: float | None) -> str:
    """Write a value as people do: at most two digits after the point."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def text(rule: Rule, words: dict[str, str]) -> Text:
    """Fill {value}, {limit}, {name} in; what a limit is worth stands in the text itself."""
    zh, en = rule.text.zh, rule.text.en
    for word, filling in words.items():
        zh = zh.replace("{" + word.removesuffix("_zh") + "}", filling)
        en = en.replace("{" + word.removesuffix("_en") + "}", filling)
    if rule.basis == "reference":
        zh, en = zh + REFERENCE_ZH, en + REFERENCE_EN
    if rule.unverified:
        zh, en = zh + UNVERIFIED_ZH, en + UNVERIFIED_EN
    return Text(zh, en)
