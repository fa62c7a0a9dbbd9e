"""`suppressed_by`: whether the rule that is named can name a cause, and never one that it is itself suppressed by.

(ISA-18.2, suppressed by design; ../shared/reference/alarms-and-console.md, 1.6: never suppress the alarm that names the
cause.) Two rules that suppress each other would both be silent while both are active.
"""

from collections.abc import Mapping

from config.load import Entry, Files
from config.problems import closest, listed
from config.schema_rule import RuleSettings
from rules.ruleset import Cause

_AT = ("suppressed_by", "rule")
_FINDS = frozenset({"day_mean"})
"""Kinds whose alarms are over the moment that they are told (rules.findings)."""


def cause(own: RuleSettings) -> Cause | None:
    """Compile one."""
    by = own.suppressed_by
    return None if by is None else Cause(rule=by.rule, where=by.where)


def check(files: Files) -> None:
    """Tell what is wrong with the causes that rules name."""
    by_id = {name: entry for entry in files.rules if (name := entry.word("id")) is not None}
    named: dict[str, str] = {}
    for name, entry in by_id.items():
        own: RuleSettings | None = entry.settings
        if own is None or own.suppressed_by is None:
            continue
        by = own.suppressed_by.rule
        if by in by_id:
            named[name] = by
            _names_one(files, entry, by_id[by], own)
        elif not files.incomplete:
            parameters = {"value": by, "guess": closest(by, by_id), "known": listed(sorted(by_id))}
            files.problems.append(entry.problem(_AT, "cause_unknown", parameters))
    for circle in _circles(named):
        parameters = {"rules": " → ".join((*circle, circle[0]))}
        files.problems.append(by_id[circle[0]].problem(_AT, "cause_circle", parameters))


def _names_one(files: Files, entry: Entry, by: Entry, own: RuleSettings) -> None:
    """Tell of a rule whose alarms nobody is told, so that they name nothing."""
    other: RuleSettings | None = by.settings
    if other is None:
        return
    code = ""
    if other.mode == "shadow" and own.mode == "live":
        code = "cause_tried"
    elif other.maintenance:
        code = "cause_planned"
    elif by.word("kind") in _FINDS:
        code = "cause_finding"
    if code:
        files.problems.append(entry.problem(_AT, code, {"value": other.id}))


def _circles(named: Mapping[str, str]) -> list[list[str]]:
    """Find the circles, each once, from its first name on."""
    found = []
    for name in sorted(named):
        way = [name]
        while (following := named.get(way[-1])) is not None and following not in way:
            way.append(following)
        if following == name and name == min(way):
            found.append(way)
    return found
