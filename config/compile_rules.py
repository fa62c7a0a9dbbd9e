"""From rules as they stand in files to the rule set of the core; and whether there are devices that they can judge."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal, cast

from msgspec import Struct

from config import compile_causes, compile_instruments, compile_means, packs
from config.load import Entry, Files, InPack
from config.problems import closest, listed
from config.quotes import unquoted
from config.schema import (
    MeanRule,
    RateRule,
    SilenceRule,
    StateRule,
    ThresholdRule,
)
from config.schema_rule import LEGAL, BothLanguages, RuleSettings
from devices import catalogue
from devices.quantities import QUANTITIES
from devices.registry import Device
from rules.kinds.rate import Rate
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.packs import DatedLimit, gateway
from rules.records import Text
from rules.ruleset import Cited, Rule, Scope
from rules.scope import in_scope

NO_NUMBERS = frozenset({"for", "kind", "quantity", "standard", "is"})
"""Keys of rules, besides those that every rule has, that hold no number."""
RESERVED = frozenset({gateway.LINK.id, gateway.MANY.id, *gateway.CONDITIONS})


class Words(Struct):
    """What names stand in the devices' files, right or wrong: a rule that names one of these is not wrong in that."""

    ids: set[str]
    sites: set[str]
    families: set[str]


class Judged:
    """The devices that rules can judge, found by family or id instead of one by one."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self.by_id = {device.id: device for device in devices}
        self.by_family: defaultdict[str, list[Device]] = defaultdict(list)
        for device in self.by_id.values():
            self.by_family[device.family].append(device)

    def candidates(self, scope: Scope) -> Iterable[Device]:
        """Return devices among which are all that the scope means."""
        if scope.devices:
            return [self.by_id[name] for name in scope.devices if name in self.by_id]
        return self.by_id.values() if scope.family is None else self.by_family.get(scope.family, ())


def rules(files: Files, devices: list[Device]) -> list[Rule]:
    """Compile all rules that are right, in the order of their ids; tell what is wrong with the others."""
    compiler = _Compiler(files, devices)
    compiled = [rule for entry in files.rules if (rule := compiler.rule(entry)) is not None]
    compiler.packs(compiled)
    compile_causes.check(files)
    return sorted(compiled, key=lambda rule: rule.id)


class _Compiler:
    def __init__(self, files: Files, devices: list[Device]) -> None:
        self.files = files
        self.judged = Judged(devices)
        self.words = words(files, devices)
        self.ids: dict[str, Entry] = {}
        self.from_memory: dict[tuple[str, str], list[str]] = {}
        self.whole = not files.incomplete and len(devices) == len(files.devices)

    def rule(self, entry: Entry) -> Rule | None:
        before = len(self.files.problems)
        self._unique_id(entry)
        self._basis(entry)
        own: RuleSettings | None = entry.settings
        if own is None:
            return None
        scope = Scope(
            family=own.scope.family, devices=own.scope.devices, labels=dict(own.scope.labels), site=own.scope.site
        )
        self._scope(entry, scope)
        sources = self._sources(entry, own)
        settings = self._settings(entry, own)
        if entry.aimed and settings is not None and len(self.files.problems) == before:
            self._deliverable(entry, scope, getattr(own, "quantity", None), own.id)
        if len(self.files.problems) > before and not self._only_warnings(before):
            return None
        return Rule(
            id=own.id,
            kind=entry.raw["kind"],
            scope=scope,
            settings=settings,
            priority=cast("Literal[1, 2, 3, 4]", own.priority),
            latch=own.latch,
            maintenance=own.maintenance,
            ack_required=own.ack_required,
            re_alarm_ms=own.re_alarm or 0,
            suppressed_by=compile_causes.cause(own),
            mode=own.mode,
            basis=own.basis,
            text=Text(own.text.zh, own.text.en),
            cause=_text(own.cause),
            consequence=_text(own.consequence),
            action=_text(own.action),
            respond_within_ms=own.respond_within,
            pack=entry.pack.name if entry.pack else "",
            sources=sources,
        )

    def packs(self, compiled: list[Rule]) -> None:
        """Tell of packs what is wrong with their choice: numbers from memory; nobody to judge."""
        for pack in {entry.pack.name: entry.pack for entry in self.files.rules if entry.pack}.values():
            self._verified(pack)
            mine = [rule for rule in compiled if rule.pack == pack.name]
            judged = (
                device for rule in mine for device in self.judged.candidates(rule.scope) if in_scope(rule.scope, device)
            )
            if self.whole and mine and next(judged, None) is None:
                self.files.problems.append(pack.problem("pack_matches_nothing", {"value": pack.name}, warning=True))

    def _verified(self, pack: InPack) -> None:
        mine = {name: marks for (name, of), marks in self.from_memory.items() if of == pack.name}
        if mine and not pack.accepted:
            marks = listed(sorted({mark for each in mine.values() for mark in each}))
            parameters = {"rules": listed(sorted(mine)), "marks": marks, "pack": pack.name}
            self.files.problems.append(pack.problem("unverified", parameters))

    def _sources(self, entry: Entry, own: RuleSettings) -> tuple[Cited, ...]:
        """Say where the numbers come from; those from memory must have been accepted."""
        known = [key for key in entry.raw if key not in RuleSettings.model_fields and key not in NO_NUMBERS]
        for key in own.sources:
            if key.partition(".")[0] not in known:
                parameters = {"value": key, "guess": closest(key, known), "known": listed(known)}
                self._problem(entry, ("sources", key), "source_number", parameters)
        sources = packs.cited(own, entry.raw)
        marks = [f"{cited.number}: {cited.mark}" for cited in sources if cited.mark.startswith("M")]
        if marks and not own.accept_unverified:
            if entry.pack is None:
                parameters = {"rules": own.id, "marks": listed(marks), "pack": "…"}
                self._problem(entry, ("sources",), "unverified", parameters)
            else:
                self.from_memory[own.id, entry.pack.name] = marks
        return sources

    def _problem(
        self, entry: Entry, path: tuple[str | int, ...], code: str, parameters: dict[str, Any], *, warning: bool = False
    ) -> None:
        self.files.problems.append(entry.problem(path, code, parameters, warning=warning))

    def _only_warnings(self, before: int) -> bool:
        return all(problem.warning for problem in self.files.problems[before:])

    def _unique_id(self, entry: Entry) -> None:
        name = entry.word("id")
        if name is None:
            return
        quotes = unquoted(entry.document, (*entry.path, "id"), name)
        if quotes is not None:
            self.files.problems.append(quotes)
        if name in RESERVED:
            self._problem(entry, ("id",), "rule_reserved", {"value": name})
        first = self.ids.setdefault(name, entry)
        if first is not entry and first.pack is not None:
            self._problem(entry, ("id",), "rule_of_pack", {"value": name, "pack": first.pack.name})
        elif first is not entry:
            self._problem(entry, ("id",), "rule_twice", {"value": name, "first": first.place("id")})

    def _basis(self, entry: Entry) -> None:
        """Ask what a limit is in law, where there is a law: means have it in their schema."""
        quantity = entry.word("quantity")
        if entry.raw.get("kind") == "threshold" and quantity in LEGAL and "basis" not in entry.raw:
            self._problem(entry, ("quantity",), "basis_missing", {"value": quantity})

    def _scope(self, entry: Entry, scope: Scope) -> None:
        words = self.words
        if scope.family is not None and scope.family not in words.families:
            self._unknown(entry, ("for", "family"), "family", scope.family, words.families)
        if self.files.incomplete:
            return
        for index, name in enumerate(scope.devices):
            if name not in words.ids:
                self._unknown(entry, ("for", "devices", index), "device", name, words.ids)
        if scope.site is not None and scope.site not in words.sites:
            self._unknown(entry, ("for", "site"), "site", scope.site, words.sites)

    def _unknown(self, entry: Entry, path: tuple[str | int, ...], code: str, word: str, known: set[str]) -> None:
        parameters = {"value": word, "guess": closest(word, known), "known": listed(sorted(known))}
        self._problem(entry, path, code, parameters)

    def _deliverable(self, entry: Entry, scope: Scope, quantity: str | None, name: str) -> None:
        """Tell when there is nobody to judge, or when nobody delivers what is judged."""
        if not self.whole:
            return  # what is missing may be right as soon as the devices are
        others: set[str] = set()
        matched = False
        for device in self.judged.candidates(scope):
            if not in_scope(scope, device):
                continue
            matched = True
            delivers = _delivers(device)
            if quantity is None or quantity in delivers:
                if not scope.devices:
                    return
                continue
            others |= delivers
            if scope.devices:
                index = scope.devices.index(device.id)
                known = listed(sorted(delivers))
                parameters: dict[str, Any] = {
                    "device": device.id,
                    "model": device.model,
                    "value": quantity,
                    "known": known,
                }
                self._problem(entry, ("for", "devices", index), "not_delivered", parameters)
        if not matched:
            self._problem(entry, ("for",), "matches_nothing", {"value": name}, warning=True)
        elif others and not scope.devices:
            parameters = {"value": quantity, "known": listed(sorted(others))}
            self._problem(entry, ("quantity",), "never_delivered", parameters)

    def _settings(self, entry: Entry, own: RuleSettings) -> Struct | None:
        match own:
            case StateRule():
                return State(quantity=own.quantity, value=own.is_, on_delay_ms=own.after, off_delay_ms=own.clear_after)
            case SilenceRule():
                return _silence(own)
            case ThresholdRule():
                return _threshold(own)
            case RateRule():
                return _rate(own)
            case MeanRule():
                limits = self._limits(entry, own)
                self._others(entry, own)
                return compile_means.mean(own, limits) if limits else None
        return compile_instruments.settings(own)

    def _others(self, entry: Entry, own: MeanRule) -> None:
        """Tell of series of other devices that nobody delivers."""
        for path, other in compile_means.others(own):
            device = self.judged.by_id.get(other.device)
            if device is None and entry.pack is not None:
                if self.whole:
                    parameters = {"value": own.id, "device": other.device, "quantity": other.quantity}
                    self.files.problems.append(entry.pack.problem("pack_needs", parameters))
            elif device is None and other.device not in self.words.ids and not self.files.incomplete:
                self._unknown(entry, (*path, "device"), "device", other.device, self.words.ids)
            elif device is not None and other.quantity not in _delivers(device):
                known = listed(sorted(_delivers(device)))
                parameters = {"device": device.id, "model": device.model, "value": other.quantity, "known": known}
                self._problem(entry, (*path, "quantity"), "not_delivered", parameters)

    def _limits(self, entry: Entry, own: MeanRule) -> tuple[DatedLimit, ...]:
        limits = self._limits_of(entry, own)
        clear = getattr(own, "clear", None)
        if clear is not None and limits and clear > (least := min(limit.value for limit in limits)):
            self._problem(entry, ("clear",), "clear_side", {"limit": f"{least:g}"})
        return limits

    def _limits_of(self, entry: Entry, own: MeanRule) -> tuple[DatedLimit, ...]:
        if own.standard is None:
            return packs.dated(own)
        known = packs.standards()
        if own.standard not in known:
            self._unknown(entry, ("standard",), "standard", own.standard, set(known))
            return ()
        limits = packs.limits(own.standard, own.quantity)
        if not limits:
            quantities = listed(name for name in QUANTITIES if packs.limits(own.standard or "", name))
            parameters = {"value": own.standard, "quantity": own.quantity, "known": quantities}
            self._problem(entry, ("quantity",), "standard_quantity", parameters)
        return limits


def words(files: Files, devices: list[Device]) -> Words:
    """Collect the names that stand in the devices' files."""
    ids = {name for entry in files.devices if (name := entry.word("id")) is not None}
    sites = {name for entry in files.devices if (name := entry.word("site")) is not None}
    sites |= {entry.defaults.site for entry in files.devices if entry.defaults.site is not None}
    families = {model.family for model in catalogue.MODELS.values()} | {device.family for device in devices}
    families |= {
        options["family"]
        for entry in files.devices
        if isinstance(options := entry.raw.get("options"), dict) and isinstance(options.get("family"), str)
    }
    return Words(ids, sites, families)


def _delivers(device: Device) -> set[str]:
    """Name the quantities that a device can say."""
    values = catalogue.MODELS[device.model].values_for(device.options)
    return {name for name in values.__struct_fields__ if name in QUANTITIES}


def _text(both: BothLanguages) -> Text:
    return Text(both.zh, both.en)


def _silence(own: SilenceRule) -> Silence:
    if own.after is not None:
        return Silence(intervals=None, after_ms=own.after)
    return Silence(intervals=own.intervals if own.intervals is not None else 3.0)


def _threshold(own: ThresholdRule) -> Threshold:
    return Threshold(
        quantity=own.quantity,
        above=own.above,
        below=own.below,
        clear=own.clear,
        at_least=own.at_least.n,
        of=own.at_least.m,
        once=own.once_above if own.above is not None else own.once_below,
        on_delay_ms=own.after,
        off_delay_ms=own.clear_after,
    )


def _rate(own: RateRule) -> Rate:
    return Rate(quantity=own.quantity, rise=own.rise, fall=own.fall, within_ms=own.within)
