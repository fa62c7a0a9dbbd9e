"""Packs: rules that come with Cityward, `rules/packs/*.yaml`, chosen by `standards` of cityward.yaml.

They are read, checked and compiled as an engineer's own are. `changes` in rules.d say what is otherwise about one of
them: what stands there takes the place of the rule's own key, `off: true` takes the rule out.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config import yaml
from config.explain import of_pydantic, shown
from config.load import Entry, Files, InPack, read_rules, right
from config.problems import closest, listed
from config.scalars import in_unit
from config.schema import AnyRule, ChangeSettings, Chosen, MeanRule, PackFile
from config.schema_rule import RuleSettings
from devices.quantities import QUANTITIES
from rules import packs
from rules.packs import EVER, DatedLimit
from rules.ruleset import Cited

FOLDER = Path(packs.__file__).parent

_CHOSEN: TypeAdapter[Any] = TypeAdapter(Chosen)
_RULE: TypeAdapter[Any] = TypeAdapter(AnyRule)
_INSTEAD = ({"standard", "limit", "limits"}, {"intervals", "after"})
"""Keys of which a rule has one: who writes another takes that one out."""
_FIXED = ("id", "kind")
"""From when a limit without dates holds."""


def names() -> tuple[str, ...]:
    """Name the packs that there are."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def add(files: Files) -> None:
    """Put the rules of the chosen packs before the engineer's own, as he has changed them."""
    said = files.main.data.get("standards") if files.main and isinstance(files.main.data, dict) else None
    entries: list[Entry] = []
    chosen: set[str] = set()
    for index, raw in enumerate(said if isinstance(said, list) else ()):
        settings = right(_CHOSEN, raw)
        if settings is None or files.main is None:
            continue  # told already
        pack = InPack(settings.pack, settings.accept_unverified, files.main, ("standards", index))
        if pack.name not in names():
            parameters = {"value": pack.name, "guess": closest(pack.name, names()), "known": listed(names())}
            files.problems.append(pack.problem("pack", parameters))
        elif pack.name in chosen:
            files.problems.append(pack.problem("pack_twice", {"value": pack.name}))
        else:
            chosen.add(pack.name)
            entries += read(files, pack)
    files.rules[:0] = _changed(files, entries)


def read(files: Files, pack: InPack) -> list[Entry]:
    """Read the rules of one pack."""
    document = yaml.read(FOLDER / f"{pack.name}.yaml")
    files.problems += document.problems
    entries = read_rules(files, document, PackFile)
    for entry in entries:
        entry.pack, entry.aimed = pack, False
    return entries


def _changed(files: Files, entries: list[Entry]) -> list[Entry]:
    """Return the rules of packs as they are to be."""
    by_id = {entry.word("id") or "": entry for entry in entries}
    seen: dict[str, Entry] = {}
    for change in files.changes:
        settings: ChangeSettings | None = change.settings
        if settings is None:
            continue
        rule = settings.rule
        first = seen.setdefault(rule, change)
        if first is not change:
            files.problems.append(
                change.problem(("rule",), "change_twice", {"value": rule, "first": first.place("rule")})
            )
        elif rule not in by_id:
            parameters = {"value": rule, "guess": closest(rule, by_id), "known": listed(sorted(by_id))}
            files.problems.append(change.problem(("rule",), "change_rule", parameters))
        elif settings.off:
            del by_id[rule]
            more = [key for key in change.raw if key not in ("rule", "off")]
            files.problems += [change.problem((key,), "change_off", {}) for key in more[:1]]
        else:
            by_id[rule] = _change(files, by_id[rule], change)
    return list(by_id.values())


def _change(files: Files, entry: Entry, change: Entry) -> Entry:
    """Return a rule with what the engineer says of it. A number of his has no source but his own."""
    said = {key: value for key, value in change.raw.items() if key not in ("rule", "off")}
    for key in _FIXED:
        if said.pop(key, None) is not None:
            files.problems.append(change.problem((key,), "change_id", {"value": key}))
    gone = {key for group in _INSTEAD if group & said.keys() for key in group} | said.keys()
    kept = {key: value for key, value in entry.raw.items() if key not in gone}
    sources = {key: value for key, value in entry.raw.get("sources", {}).items() if key.partition(".")[0] not in gone}
    raw = {**kept, "sources": sources, **said}
    changed = Entry(change.document, change.path, raw, pack=entry.pack, aimed="for" in said)
    try:
        changed.settings = _RULE.validate_python(raw)
    except ValidationError as error:
        files.problems += of_pydantic(change.document, change.path, AnyRule, error)
    return changed


# ----------------------------------------------------------------------------------------------- limits by date


def dated(own: MeanRule) -> tuple[DatedLimit, ...]:
    """Return the limits that a rule brings itself; () = those of a standard."""
    if own.limit is not None:
        cited = own.sources.get("limit")
        name, source = (cited.document, f"{cited.clause} ({cited.mark})") if cited else ("", "")
        return (DatedLimit(from_date=EVER, value=own.limit, name=name, source=source),)
    return tuple(
        DatedLimit(
            from_date=each.from_,
            to_date=each.to,
            value=in_unit(each.limit, QUANTITIES[own.quantity]),
            name=each.document,
            source=f"{each.clause} ({each.mark})",
        )
        for each in own.limits
    )


def cited(own: RuleSettings, raw: Mapping[str, Any]) -> tuple[Cited, ...]:
    """Say where the numbers of a rule come from; what it takes from a standard comes from there. raw: as it stands."""
    found = [
        Cited(key, number(raw, key), each.document, each.clause, each.mark) for key, each in sorted(own.sources.items())
    ]
    if isinstance(own, MeanRule):
        found += [
            Cited(f"limit {each.from_}", each.limit, each.document, each.clause, each.mark) for each in own.limits
        ]
        of = standard(own.standard, own.quantity) if own.standard and own.standard in standards() else None
        found += [each for each in cited(of, {"limit": of.limit}) if each.number.startswith("limit")] if of else []
    return tuple(found)


def number(raw: Mapping[str, Any], key: str) -> str:
    """Return what stands at a key of a rule, `limit` or `deduct.amount`, in one line; "" = nothing."""
    value: Any = raw
    for step in key.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return "" if value is None else f"{value:g}" if isinstance(value, float) else shown(value)


def standards() -> tuple[str, ...]:
    """Name the packs that set limits to day means: what `standard` of a rule may name."""
    return tuple(name for name in names() if _day_means(name))


def standard(name: str, quantity: str) -> MeanRule | None:
    """Return the rule of a pack on day means of a quantity; None = it has none."""
    return _day_means(name).get(quantity)


def limits(name: str, quantity: str) -> tuple[DatedLimit, ...]:
    """Return the limits that a pack sets to the day mean of a quantity, oldest first; () = none.

    Raises ValueError for a pack that there is not.
    """
    if name not in names():
        raise ValueError(f"no standard {name!r} here; there are {', '.join(standards())}")
    own = standard(name, quantity)
    return () if own is None else dated(own)


@cache
def _day_means(name: str) -> dict[str, MeanRule]:
    raw = yaml.read(FOLDER / f"{name}.yaml").data["rules"]
    rules = [right(_RULE, each) for each in raw if each.get("kind") == "day_mean"]
    return {rule.quantity: rule for rule in reversed(rules) if rule is not None}
