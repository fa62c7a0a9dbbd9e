"""Tests of rules as engineers write them (`cityward rules test`): what devices say, and what must have rung by when.

    standards: [gb3095-2026-class2]
    devices: [{id: dust-1, family: dust, interval: 1 min}]
    tests:
      - name: a day of dust
        start: 2026-11-24 00:00
        series: [{device: dust-1, quantity: pm10_ug_m3, every: 1 min, values: "100x720 160x720"}]
        expect:
          - {at: 2026-11-25 00:31, alarm: gb3095-class2-pm10-day@dust-1, is: returned, value: 130}

With `devices` a file stands for itself; without, the configuration is tested in whose directory (or below it) it lies,
with those of its devices that a test names.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError as Wrong

from config import check, packs, yaml
from config.apart import MAIN
from config.compile_rules import rules
from config.explain import of_pydantic
from config.load import Entry, Files, read_rules_and_changes
from config.problems import Problem, closest, listed
from config.scalars import Identifier, Text, TimeZone, in_unit
from config.schema import Chosen, CitywardSettings, GatewaySettings, RulesFile
from config.yaml import Document
from devices import catalogue
from devices.models.plain import Member, PlainOptions
from devices.quantities import QUANTITIES
from devices.registry import Device, Registry, Route, Source
from devices.units import duration_ms
from rules.packs.gateway import BUILT_IN
from rules.ruleset import RuleSet
from store.settings import Duration, Settings

T = TypeVar("T")
Value = float | bool | str | None
SOURCE = "test"
MOST_VALUES = 1_000_000  # of one series; a year of minutes has 525,600

_TOKEN = re.compile(
    r"(?P<value>_|true|false|[+-]?[0-9]+(?:\.[0-9]+)?)(?P<step>[+-][0-9]+(?:\.[0-9]+)?)?(?:x(?P<times>[0-9]+))?"
)
_PART = re.compile(r"[0-9.]+ ?[a-z]+ ?")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?")


def values_of(text: str) -> list[Value]:
    """Read `80x60 200 _x10 100+5x4 truex3`: 60 times 80, 200, ten times nothing, 100 105 110 115, three times true.

    Raises Wrong.
    """
    found: list[Value] = []
    for word in text.split():
        match = _TOKEN.fullmatch(word)
        if match is None or (match["step"] and match["value"][0] in "_tf") or match["times"] == "0":
            raise Wrong("test_values", "{value}", {"value": word})
        times, step = int(match["times"] or 1), float(match["step"] or 0)
        if len(found) + times > MOST_VALUES:
            raise Wrong("too_much", "{value}", {"value": word, "limit": str(MOST_VALUES)})
        value = {"_": None, "true": True, "false": False}.get(match["value"], match["value"])
        if isinstance(value, str):
            found += [round(float(value) + number * step, 6) for number in range(times)]
        else:
            found += [value] * times
    if not found:
        raise Wrong("test_values", "{value}", {"value": text})
    return found


def _instant(text: str) -> str:
    try:
        datetime.fromisoformat(text if _AT.fullmatch(text) else "")
    except ValueError:
        raise Wrong("test_instant", "{value}", {"value": text}) from None
    return text


def after_ms(text: str) -> int:
    """Return how long after the start a moment is: `45 min`, `13 h 15 min`, `0`. Raises ValueError."""
    if text == "0":
        return 0
    parts = _PART.findall(text)
    if not parts or "".join(parts) != text:
        raise ValueError(text)
    return sum(duration_ms(part) for part in parts)


def _at(text: str) -> str:
    if _AT.fullmatch(text):
        return _instant(text)
    try:
        after_ms(text)
    except ValueError:
        raise Wrong("test_at", "{value}", {"value": text}) from None
    return text


def _some(entries: tuple[T, ...]) -> tuple[T, ...]:
    if not entries:
        raise Wrong("empty_list", "empty")
    return entries


Instant = Annotated[str, AfterValidator(_instant)]
"""A moment in the time zone of the file, 2026-11-24 00:00."""
At = Annotated[str, AfterValidator(_at)]
"""A moment, or how long after the start: `45 min`, `13 h 15 min`."""


def _values(value: object) -> object:
    return values_of(value) if isinstance(value, str) else value


class SeriesSettings(Settings):
    """What one device says of one quantity, from the start on; `_` = nothing."""

    device: str
    quantity: str
    every: Duration
    values: Annotated[list[float | bool | None], BeforeValidator(_values, json_schema_input_type=str)]

    @model_validator(mode="after")
    def _right(self) -> "SeriesSettings":
        kind = QUANTITIES.get(self.quantity)
        if kind is None:
            context = {"at": "quantity", "value": self.quantity, "guess": closest(self.quantity, QUANTITIES)}
            raise Wrong("quantity", "{value}", context)
        truth = kind.type == "bool"
        for value in self.values:
            if value is not None and isinstance(value, bool) != truth:
                raise Wrong(
                    "test_kind", "{value}", {"at": "values", "value": str(value).lower(), "quantity": self.quantity}
                )
            if value is not None and not truth:
                try:
                    in_unit(f"{value:f}", kind)
                except Wrong as wrong:
                    raise Wrong(wrong.type, "{value}", {**(wrong.context or {}), "at": "values"}) from None
        return self


class ExpectSettings(Settings):
    """What must be so at a moment.

    alarm    rule@subject. is: active, or returned (it has rung and its condition is gone; so is a finding), or never.
             times: how often it has rung; value, limit, text: what it says
    alarms   exactly these are active
    verdict  rule@subject; is: normal, violated, unknown
    """

    at: At
    alarm: str | None = None
    alarms: tuple[str, ...] | None = None
    verdict: str | None = None
    is_: Annotated[
        Literal["active", "returned", "never", "normal", "violated", "unknown"] | None, Field(alias="is")
    ] = None
    times: Annotated[int, Field(ge=0)] | None = None
    value: float | None = None
    limit: float | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> "ExpectSettings":
        if [self.alarm, self.alarms, self.verdict].count(None) != 2:  # noqa: PLR2004 - all but one
            raise Wrong("one_of", "one", {"at": "alarm", "names": "alarm, alarms, verdict"})
        possible = {
            "verdict": ("normal", "violated", "unknown"),
            "alarm": ("active", "returned", "never"),
            "alarms": (),
        }
        which = "verdict" if self.verdict is not None else "alarm" if self.alarm is not None else "alarms"
        if (self.is_ is None and which == "verdict") or (self.is_ is not None and self.is_ not in possible[which]):
            raise Wrong("test_is", "is", {"at": "is", "value": str(self.is_), "known": listed(possible[which])})
        more = [key for key in ("times", "value", "limit", "text") if getattr(self, key) is not None]
        if more and which != "alarm":
            raise Wrong("test_alarm_only", "more", {"at": more[0], "value": more[0]})
        return self


class RuleTestSettings(Settings):
    """One test."""

    name: Text
    start: Instant
    series: tuple[SeriesSettings, ...] = ()
    expect: Annotated[tuple[ExpectSettings, ...], AfterValidator(_some)]


class TestDeviceSettings(Settings):
    """A device of a file that stands for itself: what rules must know of it."""

    __test__ = False  # pytest: this is none of yours

    id: Identifier
    family: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    interval: Duration = 60_000
    name: Text | None = None
    site: Text | None = None
    labels: dict[str, Text] = Field(default_factory=dict)


class RuleTestsFile(RulesFile):
    """A file of tests."""

    time_zone: TimeZone = "Asia/Shanghai"
    standards: tuple[Chosen, ...] = ()
    devices: tuple[TestDeviceSettings, ...] = ()
    tests: Annotated[tuple[RuleTestSettings, ...], AfterValidator(_some)]


class RuleTests(Struct):
    """A file of tests, ready to be played; problems that are errors: it is not."""

    document: Document
    problems: list[Problem]
    settings: RuleTestsFile | None = None
    registry: Registry | None = None
    ruleset: RuleSet = RuleSet()

    @property
    def errors(self) -> list[Problem]:
        """What must be mended first."""
        errors = [problem for problem in self.problems if not problem.warning]
        return sorted(errors, key=lambda problem: (problem.file, problem.line, problem.column))

    def registry_of(self, test: RuleTestSettings) -> Registry:
        """Return the devices of one test: of a configuration those that it names, for the others would be silent."""
        assert self.registry is not None  # noqa: S101 - nobody plays what does not compile
        if self.settings is None or self.settings.devices:
            return self.registry
        names = {series.device for series in test.series}
        for expected in test.expect:
            alarms = filter(None, (expected.alarm, expected.verdict, *(expected.alarms or ())))
            names |= {alarm.partition("@")[2] for alarm in alarms}
        devices = tuple(device for device in self.registry.devices if device.id in names)
        return structs.replace(self.registry, devices=devices)

    def moment_ms(self, test: RuleTestSettings, at: str) -> int:
        """Return a moment of a test, Unix ms."""
        start = self._local_ms(test.start)
        return self._local_ms(at) if _AT.fullmatch(at) else start + after_ms(at)

    def _local_ms(self, text: str) -> int:
        zone = ZoneInfo(self.registry.time_zone if self.registry else "UTC")
        return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def read(path: Path) -> RuleTests:
    """Read a file of tests and compile what it tests. Raises OSError when it cannot be read."""
    document = yaml.read(path)
    found = RuleTests(document, list(document.problems))
    if document.data is None:
        document.data = {}
    try:
        found.settings = RuleTestsFile.model_validate(document.data)
    except ValidationError as error:
        found.problems += of_pydantic(document, (), RuleTestsFile, error)
        return found
    if found.settings.devices:
        _compile_own(found, found.settings)
    else:
        _compile_directory(found, path)
    if found.registry is not None:
        _check(found, found.settings, found.registry)
    return found


def _compile_own(found: RuleTests, own: RuleTestsFile) -> None:
    """Compile what stands in the file itself, in the way of `config.check.load`."""
    document = found.document
    files = Files(main=document, settings=CitywardSettings(gateway=GatewaySettings(id="test", time_zone=own.time_zone)))
    said: dict[str, set[str]] = {}
    for test in own.tests:
        for series in test.series:
            said.setdefault(series.device, set()).add(series.quantity)
    devices = []
    for index, each in enumerate(own.devices):
        files.devices.append(Entry(document, ("devices", index), document.data["devices"][index]))
        devices.append(
            Device(
                id=each.id, model="plain", family=each.family, address=f"topic:{SOURCE}/{each.id}",
                name=each.name or "", site=each.site, labels=each.labels, interval_ms=each.interval,
                options=_says(each.family, said.get(each.id, ())),
            )
        )  # fmt: skip
    read_rules_and_changes(files, document, RuleTestsFile)
    packs.add(files)
    found.ruleset = RuleSet(tuple(rules(files, devices)))
    found.problems += [problem for problem in files.problems if not problem.warning]
    found.registry = _registry(own.time_zone, devices)


def _compile_directory(found: RuleTests, path: Path) -> None:
    """Take the configuration in whose directory the file lies."""
    above = next((folder for folder in path.resolve().parents if (folder / MAIN).exists()), None)
    if above is None:
        found.problems.append(found.document.problem((), "test_nothing"))
        return
    own = [key for key in ("rules", "changes", "standards", "time_zone") if key in found.document.data]
    found.problems += [found.document.problem((key,), "test_own", {"value": key}, at_key=True) for key in own]
    loaded = check.load(above)
    found.problems += loaded.errors
    if loaded.compiled is None:
        return
    registry = loaded.compiled.registry
    found.ruleset = loaded.compiled.ruleset
    found.registry = _registry(registry.time_zone, [_spoken(device) for device in registry.devices])


def _says(family: str, quantities: Iterable[str]) -> PlainOptions:
    """Return the options of a device that says these quantities by their names; of one that says nothing, something."""
    fields: dict[str, str | Member] = {name: name for name in sorted(quantities)}
    return PlainOptions(family=family, fields=fields or {"noise_db": "noise_db"})


def _spoken(device: Device) -> Device:
    """Return a device that says in plain JSON what its own model says in bytes; nothing else of it is otherwise."""
    values = catalogue.MODELS[device.model].values_for(device.options)
    given = {name: getattr(device, name) for name in Device.__struct_fields__}
    more = {
        "model": "plain", "address": f"topic:{SOURCE}/{device.id}", "via": (),
        "options": _says(device.family, (name for name in values.__struct_fields__ if name in QUANTITIES)),
    }  # fmt: skip
    return Device(**(given | more))


def _registry(time_zone: str, devices: list[Device]) -> Registry:
    route = Route(filter="test/+", envelope="plain", address="topic 2")
    source = Source(name=SOURCE, kind="mqtt", subject=f"broker:{SOURCE}", routes=(route,))
    devices = sorted(devices, key=lambda device: device.id)
    return Registry(gateway="test", time_zone=time_zone, sources=(source,), devices=tuple(devices))


def _check(found: RuleTests, own: RuleTestsFile, registry: Registry) -> None:
    """Tell of names that nothing has: a test of an alarm that cannot be could not fail."""
    devices = {device.id: device for device in registry.devices}
    ids = {rule.id for rule in found.ruleset.rules} | BUILT_IN.keys()
    for number, test in enumerate(own.tests):
        for index, series in enumerate(test.series):
            place = ("tests", number, "series", index)
            if series.device not in devices:
                _unknown(found, (*place, "device"), "device", series.device, devices)
            elif series.quantity not in devices[series.device].options.fields:
                _unknown(
                    found, (*place, "quantity"), "test_not_said", series.quantity, devices[series.device].options.fields
                )
        for index, expected in enumerate(test.expect):
            place = ("tests", number, "expect", index)
            if found.moment_ms(test, expected.at) < found.moment_ms(test, "0"):
                parameters = {"value": expected.at, "start": test.start}
                found.problems.append(found.document.problem((*place, "at"), "test_before", parameters))
            for alarm in filter(None, (expected.alarm, expected.verdict, *(expected.alarms or ()))):
                rule, _, subject = alarm.partition("@")
                if rule not in ids:
                    _unknown(found, place, "test_rule", rule, ids)
                elif subject not in devices and ":" not in subject and subject != "gateway":
                    _unknown(found, place, "device", subject, devices)


def _unknown(found: RuleTests, path: tuple[str | int, ...], code: str, word: str, known: Iterable[str]) -> None:
    parameters = {"value": word, "guess": closest(word, known), "known": listed(sorted(known))}
    found.problems.append(found.document.problem(path, code, parameters))
