"""What is wrong with sources that are right one by one: a name, a port or a message that two of them would have."""

import os.path
from collections.abc import Iterator

from pydantic_core import PydanticCustomError as Wrong

from config.addresses import OF_OTHER_SOURCES
from config.load import Entry, Files
from config.problems import closest, listed
from config.quotes import unquoted
from devices import catalogue
from ingest.settings import MqttSettings, mqtt_filter
from store.settings import Endpoint, endpoint

ROUTED = {"mqtt": "topics", "http": "paths"}
"""Kinds of sources whose entries name an envelope for each place, and under which key."""

_OF_TOPICS = ("onenet-onejson",)
"""Envelopes that find the device in an MQTT topic: nothing is pushed so."""

_PLACES = {"serial": "port", "hj212": "listen", "http": "listen"}
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what such an address means


def check_sources(files: Files) -> None:
    """Tell what is wrong, into the problems of the files."""
    names: dict[str, Entry] = {}
    taken: list[tuple[str, str, str]] = []  # place, who has it, where that is said
    if files.settings is not None:
        http = files.settings.http
        taken.append((http.listen, "http", "cityward.yaml"))
        if http.console is not None:
            _check_doors(files, http.console.listen, http.listen)
            taken.append((http.console.listen, "http.console", "cityward.yaml"))
    for kind, entries in files.sources.items():
        for entry in entries:
            name = entry.word("name")
            if name is not None:
                _check_name(files, entry, name, names)
            key = _PLACES.get(kind, "")
            place = entry.word(key)
            if place is not None:
                for other_place, other, first in taken:
                    if _same(place, other_place):
                        parameters = {"value": place, "other": other, "first": first}
                        files.problems.append(entry.problem((key,), "port_twice", parameters))
                        break
                taken.append((place, name or "?", entry.place(key)))
            if kind in ROUTED:
                _check_routes(files, entry, ROUTED[kind])
    _check_filters(files)
    _check_files(files)


def _check_doors(files: Files, console: str, loopback: str) -> None:
    """Tell when the console would listen where the feed does."""
    if files.main is not None and _same(console, loopback):
        parameters = {"value": console, "other": "http.listen", "first": "cityward.yaml"}
        files.problems.append(files.main.problem(("http", "console", "listen"), "port_twice", parameters))


def _check_name(files: Files, entry: Entry, name: str, names: dict[str, Entry]) -> None:
    first = names.setdefault(name, entry)
    if first is not entry:
        parameters = {"value": name, "first": first.place("name")}
        files.problems.append(entry.problem(("name",), "source_twice", parameters))
    quotes = unquoted(entry.document, (*entry.path, "name"), name)
    if quotes is not None:
        files.problems.append(quotes)


def _same(one: str, other: str) -> bool:
    """Whether two ports, or two places to listen at, cannot both be opened."""
    try:
        first, second = endpoint(one), endpoint(other)
    except ValueError:
        return one == other
    if first.port != second.port or not first.port:
        return False
    return _host(first) == _host(second) or first.host in _EVERYWHERE or second.host in _EVERYWHERE


def _host(where: Endpoint) -> str:
    return "127.0.0.1" if where.host == "localhost" else where.host


def _check_routes(files: Files, entry: Entry, key: str) -> None:
    topics = entry.raw.get(key)
    others = (*OF_OTHER_SOURCES, *(_OF_TOPICS if key == "paths" else ()))
    known = {name: envelope for name, envelope in catalogue.ENVELOPES.items() if name not in others}
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


# ------------------------------------------------------------------------------------------------ filters that overlap


def _check_filters(files: Files) -> None:
    """Tell which filters of one broker a message can fit both: it would come twice, and count as two readings."""
    of_brokers: dict[object, list[tuple[Entry, int, str]]] = {}
    for entry in files.sources["mqtt"]:
        settings: MqttSettings | None = entry.settings
        broker = settings.broker if settings is not None else id(entry)
        before = of_brokers.setdefault(broker, [])
        for index, pattern in _filters(entry):
            for other_entry, other_index, other in before:
                if not overlap(pattern, other):
                    continue
                place = (*other_entry.path, "topics", other_index, "filter")
                first = f"{other_entry.document.file}:{other_entry.document.node(place).line}"
                parameters = {"value": pattern, "other": other, "first": first}
                code = "filter_twice" if pattern == other else "filter_overlaps"
                files.problems.append(entry.problem(("topics", index, "filter"), code, parameters))
                break
            before.append((entry, index, pattern))


def _filters(entry: Entry) -> Iterator[tuple[int, str]]:
    """Yield the filters of a broker that are right in themselves, with their numbers."""
    topics = entry.raw.get("topics")
    for index, topic in enumerate(topics if isinstance(topics, list) else ()):
        pattern = topic.get("filter") if isinstance(topic, dict) else None
        if isinstance(pattern, str):
            try:
                yield index, mqtt_filter(pattern)
            except Wrong:
                continue


def overlap(one: str, other: str) -> bool:
    """Whether a topic can match both filters (MQTT 5.0 §4.7; a first level that begins with $ needs to be written)."""
    first, second = one.split("/"), other.split("/")
    if one.startswith("$") != other.startswith("$"):
        return False
    for mine, theirs in zip(first, second, strict=False):
        if "#" in (mine, theirs):
            return True
        if mine != theirs and "+" not in (mine, theirs):
            return False
    shorter, longer = sorted((first, second), key=len)
    rest = longer[len(shorter) :]
    return rest in ([], ["#"])


def _check_files(files: Files) -> None:
    """Warn of certificates that are not there; perhaps only this is another machine."""
    for entry in files.sources["mqtt"]:
        settings: MqttSettings | None = entry.settings
        if settings is not None and settings.ca_file is not None and not os.path.isfile(settings.ca_file):  # noqa: PTH113 - False, too, where it may not be looked for
            parameters = {"value": str(settings.ca_file)}
            files.problems.append(entry.problem(("ca_file",), "file_absent", parameters, warning=True))
