"""Plays one test of rules: what devices say goes through the daemon's own fold; what comes of it is compared."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from commands.language import Words
from config.rule_tests import SOURCE, ExpectSettings, RuleTests, RuleTestSettings
from devices.frames import Batch, Frame
from rules.fold import Fold
from rules.judging import Judge
from rules.kinds.day_mean import ClosedDay
from rules.periods import MINUTE_MS
from rules.records import Alarm, Config, Event, Period, Tick
from rules.verdicts import NORMAL, UNKNOWN, VIOLATED

_NEAR = 1e-6
_SAME = {NORMAL: "normal", VIOLATED: "violated"}
_RAISED = ("raised", "reraised")


class Failure(Struct, frozen=True):
    """One wish that did not come true. line, column: where it stands; at: as it was written."""

    line: int
    column: int
    at: str
    expected: str
    got: str


class Played(Struct, frozen=True):
    """One test."""

    name: str
    line: int
    failures: list[Failure]


class _Play:
    def __init__(self, tests: RuleTests, test: RuleTestSettings) -> None:
        self.tests, self.test = tests, test
        config = tests.registry_of(test), tests.ruleset
        self.fold = Fold(lambda _hash: config)
        self.next = 1
        self.events: list[Event] = []
        self.days: dict[tuple[str, str], Period] = {}  # of each series the one that closed last
        self.take(Config(at_ms=tests.moment_ms(test, "0"), hash="test"))

    def take(self, record: Batch | Config | Tick) -> None:
        outcome = self.fold.take(self.next, [record])
        self.next = outcome.last + 1
        self.events += outcome.events
        self.days |= {(each.device, each.quantity): each for each in outcome.periods if each.span == "day"}

    def alarm(self, name: str) -> Alarm | None:
        return self.fold.memory.world.judging.alarms.by_id.get(name)

    def verdict(self, name: str) -> str:
        rule, _, subject = name.partition("@")
        judge = self.fold.memory.world.judging.judges.get((rule, subject))
        if judge is None:
            return "unknown"
        verdict = self._of_day(judge) if judge.kind.needs == "day" else judge.verdict
        return _SAME.get(verdict, "unknown")

    def _of_day(self, judge: Judge) -> int:
        """Judge the day that closed last once more: a finding is told, and no verdict stays of it."""
        period = self.days.get((judge.subject, judge.rule.settings.quantity))
        if period is None:
            return UNKNOWN
        day = self.fold.memory.world.windows.calendar.day(period.start_ms // MINUTE_MS)
        said = judge.kind.step(None, ClosedDay(period, day), judge.rule.settings, judge.interval_ms)
        return said.verdict

    def rang(self, name: str) -> list[Event]:
        return [event for event in self.events if event.kind in _RAISED and event.alarm.id == name]


def play(tests: RuleTests, number: int, words: Words) -> Played:
    """Play one test of a file that compiles."""
    assert tests.settings is not None  # noqa: S101 - as above
    test = tests.settings.tests[number]
    playing = _Play(tests, test)
    said = iter(_batches(tests, test))
    batch = next(said, None)
    failures: list[Failure] = []
    moments = [(tests.moment_ms(test, expected.at), index) for index, expected in enumerate(test.expect)]
    for at_ms, index in sorted(moments):
        while batch is not None and batch.at_ms <= at_ms:
            playing.take(batch)
            batch = next(said, None)
        playing.take(Tick(at_ms))
        expected = test.expect[index]
        for wish, got in _differences(playing, expected, words):
            node = tests.document.node(("tests", number, "expect", index))
            failures.append(Failure(node.line, node.column, expected.at, wish, got))
    line = tests.document.node(("tests", number, "name")).line
    return Played(test.name, line, sorted(failures, key=lambda each: each.line))


def _batches(tests: RuleTests, test: RuleTestSettings) -> Iterator[Batch]:
    """Give what the devices say, moment by moment: a frame for each device."""
    start_ms = tests.moment_ms(test, "0")
    said: defaultdict[int, defaultdict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for series in test.series:
        for number, value in enumerate(series.values):
            if value is not None:
                said[start_ms + number * series.every][series.device][series.quantity] = value
    for at_ms in sorted(said):
        frames: list[Frame] = [
            (f"test/{device}".encode(), msgspec.json.encode(values), b"")
            for device, values in sorted(said[at_ms].items())
        ]
        yield Batch(SOURCE, at_ms, frames)


def _differences(playing: _Play, expected: ExpectSettings, words: Words) -> Iterator[tuple[str, str]]:
    """Give (wish, what is) of everything that is otherwise."""
    if expected.alarms is not None:
        by_id = playing.fold.memory.world.judging.alarms.by_id
        active = sorted(name for name, alarm in by_id.items() if alarm.active)
        if active != sorted(expected.alarms):
            yield words("报警中：", "active: ") + _names(sorted(expected.alarms), words), _names(active, words)
    elif expected.verdict is not None:
        got = playing.verdict(expected.verdict)
        if got != expected.is_:
            yield f"{expected.verdict} {expected.is_}", got
    elif expected.alarm is not None:
        yield from _of_alarm(playing, expected, expected.alarm)


def _of_alarm(playing: _Play, expected: ExpectSettings, name: str) -> Iterator[tuple[str, str]]:
    alarm, rang = playing.alarm(name), playing.rang(name)
    state = "never" if not rang or alarm is None else "active" if alarm.active else "returned"
    wanted = expected.is_ or "active"
    if state != wanted:
        yield f"{name} {wanted}", _shown(state, alarm)
        return
    if expected.times is not None and len(rang) != expected.times:
        yield f"{name} times: {expected.times}", str(len(rang))
    if alarm is None:
        return
    for key, wish, value in (("value", expected.value, alarm.value), ("limit", expected.limit, alarm.limit)):
        if wish is not None and (value is None or abs(float(value) - wish) > _NEAR):
            yield f"{name} {key}: {wish:g}", "–" if value is None else f"{float(value):g}"
    if expected.text is not None and expected.text not in (alarm.text.zh, alarm.text.en):
        yield f"{name} text: {expected.text}", f"{alarm.text.zh} / {alarm.text.en}"


def _shown(state: str, alarm: Alarm | None) -> str:
    if alarm is None or state == "never":
        return state
    return f"{state} (value {alarm.value}, limit {alarm.limit})"


def _names(names: list[str], words: Words) -> str:
    return ", ".join(names) or words("无", "none")
