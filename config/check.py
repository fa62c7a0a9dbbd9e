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
from config import packs
from config.blob import decode, encode
from config.check_notify import check_notify
from config.check_reports import check_reports
from config.check_routes import check_routes
from config.check_sources import check_sources
from config.compile_rules import rules
from config.compiled import Compiled
from config.load import Files, read_files
from config.problems import Problem, closest, listed
from config.schema import CitywardSettings
from config.yaml import Document
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
        packs.add(files)
        check_sources(files)
        check_notify(files)
        check_reports(files)
        devices, _ = devices_compiler.registry(files)
        _check_places(files, devices)
        _check_tags(files)
        compiled_rules = rules(files, devices)
        check_routes(files, devices)
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


def _check_places(files: Files, devices: list[Device]) -> None:
    """Warn of devices that are far from all others: a digit that slipped, or a crs that is not the stated one."""
    for entry in files.devices:
        if "crs" in entry.raw and entry.settings is not None and entry.settings.at is None:
            files.problems.append(entry.problem(("crs",), "crs_alone", {}, warning=True))
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
