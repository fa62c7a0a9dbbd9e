"""Everything that is wrong in a directory of configuration, at once; or, when nothing is, what it compiles to."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from math import cos, hypot, radians
from pathlib import Path
from statistics import median

from msgspec import Struct

from config import compile as devices_compiler
from config.addresses import OF_OTHER_SOURCES
from config.blob import decode, encode
from config.compile_rules import rules
from config.compiled import Compiled
from config.load import Entry, Files, read_files
from config.problems import Problem, closest, listed
from config.schema import CitywardSettings
from config.yaml import Document
from devices import catalogue
from devices.registry import Device, Registry
from rules.ruleset import RuleSet

TAGS = frozenset({"device", "model", "site", "district"})
"""What is an InfluxDB tag of every device; a label of such a name cannot be one."""

FAR_KM = 100.0
"""A gateway serves a city; a device further than that from the middle of all is probably a slip of the pen."""


class Loaded(Struct, frozen=True):
    """What was found in a directory.

    compiled  None when one of the problems is an error
    settings  of cityward.yaml alone; None when that file is wrong
    """

    problems: list[Problem]
    compiled: Compiled | None
    settings: CitywardSettings | None

    @property
    def errors(self) -> list[Problem]:
        """The problems that must be mended first."""
        return [problem for problem in self.problems if not problem.warning]


def load(directory: Path) -> Loaded:
    """Read, check and compile a directory. Never raises for what is in it."""
    with _no_collection():
        files = read_files(directory)
        _check_sources(files)
        devices, _ = devices_compiler.registry(files)
        _check_places(files, devices)
        _check_tags(files)
        compiled_rules = rules(files, devices)
        problems = sorted(files.problems, key=lambda problem: (problem.file, problem.line, problem.column))
        if files.settings is None or not all(problem.warning for problem in problems):
            return Loaded(problems, None, files.settings)
        # Once through the book's form: what is compiled now equals, to the byte, what a later start finds there.
        registry, ruleset = decode(
            encode(devices_compiler.assemble(files.settings, devices), RuleSet(tuple(compiled_rules)))
        )
        compiled = Compiled(files.settings, registry, ruleset, compiled_hash(registry, ruleset))
        return Loaded(problems, compiled, files.settings)


def compiled_hash(registry: Registry, ruleset: RuleSet) -> str:
    """Name a configuration by its content: sha256 of its blob, in hexadecimal."""
    return sha256(encode(registry, ruleset)).hexdigest()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Spare the garbage collector a walk over hundreds of thousands of nodes, all in use: it doubles the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _check_sources(files: Files) -> None:
    names: dict[str, Entry] = {}
    taken: dict[str, tuple[str, str]] = {}
    if files.settings is not None:
        taken[files.settings.http.listen] = ("http", "cityward.yaml")
    for kind, entries in files.sources.items():
        for entry in entries:
            name = entry.word("name")
            if name is not None:
                first = names.setdefault(name, entry)
                if first is not entry:
                    parameters = {"value": name, "first": first.place("name")}
                    files.problems.append(entry.problem(("name",), "source_twice", parameters))
            key = {"serial": "port", "hj212": "listen", "http": "listen"}.get(kind, "")
            place = entry.word(key)
            if place is not None:
                other, first_place = taken.setdefault(place, (name or "?", entry.place(key)))
                if first_place != entry.place(key):
                    parameters = {"value": place, "other": other, "first": first_place}
                    files.problems.append(entry.problem((key,), "port_twice", parameters))
            if kind in _ROUTED:
                _check_topics(files, entry, _ROUTED[kind])


_ROUTED = {"mqtt": "topics", "http": "paths"}
"""Kinds of sources whose entries name an envelope for each place, and under which key."""


def _check_topics(files: Files, entry: Entry, key: str) -> None:
    topics = entry.raw.get(key)
    known = {name: envelope for name, envelope in catalogue.ENVELOPES.items() if name not in OF_OTHER_SOURCES}
    for index, topic in enumerate(topics if isinstance(topics, list) else ()):
        name = topic.get("envelope") if isinstance(topic, dict) else None
        if not isinstance(name, str):
            continue
        path = (key, index)
        envelope = known.get(name)
        if envelope is None:
            parameters = {"value": name, "guess": closest(name, known), "known": listed(known)}
            files.problems.append(entry.problem((*path, "envelope"), "envelope", parameters))
        elif envelope.scheme != "topic" and topic.get("address") is not None:
            files.problems.append(entry.problem((*path, "address"), "topic_address_known", {"value": name}))
        address, pattern = topic.get("address"), topic.get("filter")
        if isinstance(address, str) and isinstance(pattern, str) and address.startswith("topic "):
            levels = pattern.count("/") + 1
            level = address.removeprefix("topic ")
            if level.isdigit() and int(level) > levels and not pattern.endswith("#"):
                parameters = {"filter": pattern, "level": level, "levels": str(levels)}
                files.problems.append(entry.problem((*path, "address"), "topic_level", parameters))


def _check_places(files: Files, devices: list[Device]) -> None:
    """Warn of devices that are far from all others: a digit that slipped, or a crs that is not the stated one."""
    points = [device.at for device in devices if device.at is not None]
    if not points:
        return
    east, north = median(point[0] for point in points), median(point[1] for point in points)
    entries = {entry.word("id"): entry for entry in files.devices}
    for device in devices:
        if device.at is None:
            continue
        km = 111.32 * hypot((device.at[0] - east) * cos(radians(north)), device.at[1] - north)
        if km > FAR_KM:
            files.problems.append(entries[device.id].problem(("at",), "point_far", {"km": round(km)}, warning=True))


def _check_tags(files: Files) -> None:
    labels = {label for entry in files.devices for label in entry.defaults.labels}
    labels |= {label for entry in files.devices if entry.settings is not None for label in entry.settings.labels}
    documents: dict[str, Document] = {}
    for entry in files.devices:
        documents.setdefault(entry.document.file, entry.document)
        _check_tag_list(files, entry.document, (*entry.path, "tags"), entry.raw.get("tags"), labels)
    for document in documents.values():
        defaults = document.data.get("defaults")
        tags = defaults.get("tags") if isinstance(defaults, dict) else None
        _check_tag_list(files, document, ("defaults", "tags"), tags, labels)


def _check_tag_list(
    files: Files, document: Document, path: tuple[str | int, ...], tags: object, labels: set[str]
) -> None:
    for index, tag in enumerate(tags if isinstance(tags, list) else ()):
        if not isinstance(tag, str):
            continue  # told already
        if tag in TAGS:
            files.problems.append(document.problem((*path, index), "tag_reserved", {"value": tag}))
        elif tag not in labels:
            parameters = {"value": tag, "guess": closest(tag, labels), "known": listed(sorted(labels))}
            files.problems.append(document.problem((*path, index), "tag_no_label", parameters))
