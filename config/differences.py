"""What another configuration would change: devices, rules, alarms that end, sources, and what is remembered no more.

What is said here of memory is what `rules.world.World` and `devices.reception.Reception` do at a reload.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, to_builtins

from config.compiled import AT_START, Compiled
from config.schema import CitywardSettings
from devices import catalogue
from devices.registry import Device
from rules.packs.gateway import BUILT_IN
from rules.ruleset import Rule
from rules.scope import in_scope

_IDENTITY = {"model", "address", "options"}


class Changed(Struct, frozen=True, kw_only=True):
    """One device or rule that is otherwise.

    fields  name -> before, after
    anew    of a device: it is another one to the gateway: last heard, counters and duplicates are forgotten
    judged_anew  what the rule (of a device: every rule) remembered is forgotten: verdicts come from the next readings;
            an alarm that stands goes on standing until then
    """

    id: str
    fields: dict[str, tuple[Any, Any]]
    anew: bool = False
    judged_anew: bool = False


class Part(Struct, frozen=True, kw_only=True):
    """What comes, goes and changes of one kind; ids."""

    added: list[str]
    changed: list[Changed]
    removed: list[str]


class Differences(Struct, frozen=True, kw_only=True):
    """What another configuration would do.

    withdrawn  ids of standing alarms that nothing judges any more
    restart    parts of cityward.yaml for which the service must be started again
    """

    devices: Part
    rules: Part
    sources: Part
    withdrawn: list[str]
    restart: list[str]

    @property
    def any(self) -> bool:
        """Whether anything would change."""
        parts = (self.devices, self.rules, self.sources)
        return bool(self.restart) or any(part.added or part.changed or part.removed for part in parts)


def differences(old: Compiled, new: Compiled, alarms: Iterable[tuple[str, str, str]]) -> Differences:
    """Compare what is in force with what would be. alarms: id, rule and subject of those that stand."""
    return Differences(
        devices=_part(_by_id(old.registry.devices), _by_id(new.registry.devices), _device),
        rules=_part(_by_id(old.ruleset.rules), _by_id(new.ruleset.rules), _rule),
        sources=_sources(old.settings, new.settings),
        withdrawn=_withdrawn(old, new, alarms),
        restart=[name for name in AT_START if getattr(old.settings, name) != getattr(new.settings, name)],
    )


def _by_id(things: Iterable[Any]) -> dict[str, Any]:
    return {thing.id: thing for thing in things}


def _part(old: Mapping[str, Any], new: Mapping[str, Any], changed: Any) -> Part:  # noqa: ANN401 - of devices or rules
    return Part(
        added=[name for name in new if name not in old],
        removed=[name for name in old if name not in new],
        changed=[changed(old[name], new[name]) for name in new if name in old and old[name] != new[name]],
    )


def _fields(old: Struct, new: Struct) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in old.__struct_fields__}
    return {name: (to_builtins(a), to_builtins(b)) for name, (a, b) in pairs.items() if a != b}


def _device(old: Device, new: Device) -> Changed:
    fields = _fields(old, new)
    return Changed(id=new.id, fields=fields, anew=not _IDENTITY.isdisjoint(fields), judged_anew="interval_ms" in fields)


def _rule(old: Rule, new: Rule) -> Changed:
    return Changed(id=new.id, fields=_fields(old, new), judged_anew=True)


def _sources(old: CitywardSettings, new: CitywardSettings) -> Part:
    def by_name(settings: CitywardSettings) -> dict[str, Any]:
        kinds = type(settings.sources).model_fields
        return {each.name: each for kind in kinds for each in getattr(settings.sources, kind)}

    def changed(before: Any, after: Any) -> Changed:  # noqa: ANN401 - settings of any kind of source
        if type(before) is not type(after):
            return Changed(id=after.name, fields={"kind": (type(before).__name__, type(after).__name__)})
        a, b = (each.model_dump(mode="json", by_alias=True) for each in (before, after))
        return Changed(id=after.name, fields={name: (a[name], b[name]) for name in a if a[name] != b[name]})

    return _part(by_name(old), by_name(new), changed)


def _withdrawn(old: Compiled, new: Compiled, alarms: Iterable[tuple[str, str, str]]) -> list[str]:
    def judges(compiled: Compiled) -> Any:  # noqa: ANN401 - (rule, subject) -> bool
        devices, rules = _by_id(compiled.registry.devices), _by_id(compiled.ruleset.rules)
        subjects = {"gateway", *(source.subject for source in compiled.registry.sources)}

        def judged(rule: str, subject: str) -> bool:
            if rule in BUILT_IN:
                return subject in subjects
            return rule in rules and subject in devices and _judges(rules[rule], devices[subject])

        return judged

    before, after = judges(old), judges(new)
    return [name for name, rule, subject in alarms if before(rule, subject) and not after(rule, subject)]


def _judges(rule: Rule, device: Device) -> bool:
    quantity = getattr(rule.settings, "quantity", "")
    values = catalogue.MODELS[device.model].values_for(device.options)
    return in_scope(rule.scope, device) and (not quantity or quantity in values.__struct_fields__)
