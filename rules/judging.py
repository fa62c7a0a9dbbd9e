"""Judges: one rule on one subject, its memory, and how what it says becomes the life of an alarm."""

from collections.abc import Callable
from typing import Any

from devices.quantities import QUANTITIES
from devices.registry import Device
from rules.alarms import Alarms, Moment
from rules.packs import REFERENCE_EN, REFERENCE_ZH
from rules.records import Alarm, Evidence, Text
from rules.ruleset import Rule
from rules.timers import Key, Timers
from rules.verdicts import ALWAYS_QUIET, NEVER_QUIET, NORMAL, UNKNOWN, VIOLATED, Kind, Live, Said


class Judge:
    """One rule on one subject.

    id         of its alarm
    low, high  its quiet band
    last       the value that changed its memory last; limit: what that was compared with
    words      what its text needs besides
    """

    __slots__ = (
        "device", "high", "id", "interval_ms", "key", "kind", "last", "limit", "low", "memory", "rule", "verdict",
        "watch", "words",
    )  # fmt: skip

    def __init__(
        self, rule: Rule, kind: Kind, subject: str, device: Device | None, watch: "Watch | None" = None
    ) -> None:
        self.rule, self.kind, self.device, self.watch = rule, kind, device, watch
        self.key: Key = (rule.id, subject)
        self.id = "@".join(self.key)
        self.last: float | bool | None = None
        self.limit: float | None = kind.limit(rule.settings)
        self.words: dict[str, str] = {}
        self.interval_ms = device.interval_ms if device else 0
        self.memory: Any = kind.start
        self.verdict = UNKNOWN
        self.low, self.high = NEVER_QUIET

    def state(self, due_ms: int | None) -> "JudgeState":
        """Return what a snapshot keeps, its timer included."""
        return (
            self.key, self.memory, self.verdict, due_ms, self.low, self.high, self.last, self.limit, self.words,
        )  # fmt: skip

    def restore(self, state: "JudgeState") -> int | None:
        """Put a state back, and return when the timer is due."""
        _, memory, self.verdict, due_ms, self.low, self.high, self.last, self.limit, self.words = state
        self.memory = tuple(memory) if isinstance(memory, list) else memory
        return due_ms


JudgeState = tuple[Key, Any, int, int | None, float, float, float | bool | None, float | None, dict[str, str]]
"""As `Judge.state` gives it."""


class Watch:
    """One quantity of one device that live rules judge.

    bands  of all watches of the device, low and high in turn: no value between them, both included, changes anything.
           The hot loop reads them there without touching this object.
    at     where its own stand
    """

    __slots__ = ("at", "bands", "judges", "quantity")

    def __init__(self, quantity: str, bands: list[float]) -> None:
        self.quantity, self.bands, self.at = quantity, bands, len(bands)
        self.judges: list[Judge] = []
        bands += ALWAYS_QUIET

    def heeds(self, value: float) -> bool:
        """Tell whether this value can change anything."""
        return not self.bands[self.at] <= value <= self.bands[self.at + 1]

    def quieten(self) -> None:
        """Overlap the bands of all judges."""
        low, high = ALWAYS_QUIET
        for judge in self.judges:
            low, high = max(low, judge.low), min(high, judge.high)
        self.bands[self.at], self.bands[self.at + 1] = low, high


class Judging:
    """All judges, the timers they asked for, and the alarms they lead."""

    def __init__(self) -> None:
        self.alarms = Alarms()
        self.timers = Timers()
        self.judges: dict[Key, Judge] = {}

    def value(
        self, watch: Watch, value: float, moment: Moment, evidence: Callable[[], Evidence], *, late: bool
    ) -> None:
        """Let all live rules of a quantity judge one value."""
        given = Live(moment.at_ms, value)
        for judge in watch.judges:
            said = judge.kind.step(judge.memory, given, judge.rule.settings, judge.interval_ms)
            if said.memory != judge.memory:  # else it could as well have been in the quiet band
                judge.last = value
            self.heed(judge, said, moment, evidence=evidence, late=late)
        watch.quieten()

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
        judge.memory, judge.verdict = said.memory, said.verdict
        judge.low, judge.high = said.quiet
        self.timers.set(judge.key, said.due_ms)
        alarm = self.alarms.by_id.get(judge.id)
        active = alarm is not None and alarm.active
        if said.verdict == VIOLATED and not active:
            proof = evidence() if evidence else Evidence(sequence=moment.sequence)
            proof.why.update(said.why)
            alarm = self.describe(judge, alarm)
            alarm.late = late
            self.alarms.activate(alarm, judge.rule, moment, proof)
        elif said.verdict == NORMAL and active and alarm is not None:
            self.alarms.calm(alarm, moment, evidence() if evidence else None)

    def describe(self, judge: Judge, alarm: Alarm | None) -> Alarm:
        """Make the alarm of a judge, or bring it up to date, with its texts for the last value."""
        rule, device = judge.rule, judge.device
        quantity = getattr(rule.settings, "quantity", None) or None
        if alarm is None:
            alarm = Alarm(
                id=judge.id, rule=rule.id, subject=judge.key[1], device=None, family=None, priority=rule.priority
            )
        alarm.device, alarm.family = (device.id, device.family) if device else (None, None)
        alarm.name, alarm.site = (device.name, device.site) if device else ("", None)
        alarm.priority, alarm.quantity, alarm.basis = rule.priority, quantity, rule.basis
        alarm.unit = QUANTITIES[quantity].unit if quantity else ""
        alarm.limit, alarm.value = judge.limit, judge.last
        words = {
            "value": number(judge.last),
            "limit": number(alarm.limit),
            "name": alarm.name or judge.key[1],
            **judge.words,
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
    """Fill {value}, {limit}, {name} in; a limit that does not bind here says so in the text itself."""
    zh, en = rule.text.zh, rule.text.en
    for word, filling in words.items():
        zh = zh.replace("{" + word.removesuffix("_zh") + "}", filling)
        en = en.replace("{" + word.removesuffix("_en") + "}", filling)
    if rule.basis == "reference":
        zh, en = zh + REFERENCE_ZH, en + REFERENCE_EN
    return Text(zh, en)
