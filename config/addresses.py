"""Addresses of devices, and which sources can carry what they send."""

import re
from collections.abc import Callable, Collection
from typing import Any

from msgspec import Struct, field
from pydantic_core import PydanticCustomError as Wrong

from config.load import Files
from config.problems import closest, listed
from devices import catalogue
from devices.talkers import TALKERS
from ingest.push_settings import HttpPushSettings, PushPath
from ingest.settings import Hj212Settings, MqttSettings, SerialSettings, TopicSettings

OF_OTHER_SOURCES = ("hj212", "modbus", "line")
"""Envelopes that are not for topics."""

_LAST_SLAVE = 247  # MODBUS over serial line V1.02 §2.2


class Carriers(Struct):
    """The declared sources.

    brokers, lines, listeners  by name; None = declared, but wrong in itself. Brokers are also ports that platforms
                               push to
    schemes                    scheme of an address -> brokers with an envelope that gives it
    levels                     brokers where a level of the topic, or a member, is the address: it may be of any scheme
    whole                      every source is known: what seems to be missing is missing
    """

    brokers: dict[str, MqttSettings | HttpPushSettings | None] = field(default_factory=dict)
    lines: dict[str, SerialSettings | None] = field(default_factory=dict)
    listeners: dict[str, Hj212Settings | None] = field(default_factory=dict)
    schemes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    levels: tuple[str, ...] = ()
    whole: bool = True


def carriers(files: Files) -> Carriers:
    """Collect the sources of the files."""
    found = Carriers(whole=files.settings is not None)
    tables: dict[str, dict[str, Any]] = {
        "mqtt": found.brokers,
        "http": found.brokers,
        "serial": found.lines,
        "hj212": found.listeners,
    }
    for kind, entries in files.sources.items():
        tables[kind] |= {name: entry.settings for entry in entries if (name := entry.word("name"))}
    for name, broker in found.brokers.items():
        for topic in _routes(broker):
            envelope = catalogue.ENVELOPES.get(topic.envelope)
            if envelope is None:
                found.whole = False
                continue
            if envelope.scheme == "topic" and topic.address is not None:
                found.levels = _with(found.levels, name)
            for scheme in (envelope.scheme, *(("imei",) if envelope.imei else ())):
                found.schemes[scheme] = _with(found.schemes.get(scheme, ()), name)
    return found


def _routes(broker: MqttSettings | HttpPushSettings | None) -> tuple[TopicSettings | PushPath, ...]:
    if broker is None:
        return ()
    return broker.topics if isinstance(broker, MqttSettings) else broker.paths


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)


def _by_broker(pattern: str, scheme: str, code: str) -> Callable[[str, Carriers], tuple[str, ...]]:
    """Make the check of addresses that any broker may carry."""

    def check(number: str, known: Carriers) -> tuple[str, ...]:
        if re.fullmatch(pattern, number) is None:
            plain = re.sub(r"[:\-\s]", "", number).lower()
            guess = f"{scheme}:{plain}" if re.fullmatch(pattern, plain) else ""
            raise Wrong(code, "{value}", {"value": number, "guess": guess})
        via = known.schemes.get(scheme) or known.levels
        if not via and known.whole:
            fitting = [
                name
                for name, envelope in catalogue.ENVELOPES.items()
                if envelope.scheme == scheme or (envelope.imei and scheme == "imei")
            ]
            raise Wrong("no_carrier", "{scheme}", {"scheme": scheme, "envelopes": ", ".join(fitting) or "plain"})
        return via

    return check


def _mn(number: str, known: Carriers) -> tuple[str, ...]:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", number) is None:
        raise Wrong("address_mn", "{value}", {"value": number})
    wired = [name for name, line in known.lines.items() if line is not None and line.protocol == "hj212"]
    via = (*known.listeners, *wired, *known.schemes.get("mn", ())) or known.levels
    if not via and known.whole:
        raise Wrong("no_listener", "{value}", {"value": number})
    return via


def _line(name: str, known: Carriers, protocols: Collection[str]) -> tuple[str, ...]:
    if name not in known.lines:
        if not known.whole and not known.lines:
            return ()
        context = {"value": name, "guess": closest(name, known.lines), "known": listed(known.lines)}
        raise Wrong("no_line", "{value}", context)
    line = known.lines[name]
    if line is not None and line.protocol not in protocols:
        context = {"value": name, "protocol": line.protocol, "wanted": listed(protocols)}
        raise Wrong("line_protocol", "{value}", context)
    return (name,)


def _modbus(number: str, known: Carriers) -> tuple[str, ...]:
    match = re.fullmatch(r"([^/\s]+)/([1-9][0-9]{0,2})", number)
    if match is None or int(match[2]) > _LAST_SLAVE:
        raise Wrong("address_modbus", "{value}", {"value": number})
    return _line(match[1], known, ("modbus-rtu",))


def _talking_line(number: str, known: Carriers) -> tuple[str, ...]:
    return _line(number, known, TALKERS)


def _topic(number: str, known: Carriers) -> tuple[str, ...]:
    match = re.fullmatch(r"([^/\s]+)/(\S.*)", number)
    if match is None:
        raise Wrong("address_topic", "{value}", {"value": number})
    if match[1] not in known.brokers:
        if not known.whole and not known.brokers:
            return ()
        context = {
            "value": match[1],
            "guess": closest(match[1], known.brokers),
            "known": listed(known.brokers),
        }
        raise Wrong("no_broker", "{value}", context)
    return (match[1],)


SCHEMES: dict[str, Callable[[str, Carriers], tuple[str, ...]]] = {
    "eui": _by_broker(r"[0-9a-f]{16}", "eui", "address_eui"),
    "imei": _by_broker(r"[0-9]{15}", "imei", "address_imei"),
    "device": _by_broker(r"[^\s/]{1,128}", "device", "address_device"),
    "mn": _mn,
    "modbus": _modbus,
    "line": _talking_line,
    "topic": _topic,
}


def carried_by(address: str, known: Carriers) -> tuple[str, tuple[str, ...]]:
    """Return an address as the core compares it, and the names of the sources that may carry it. Raises Wrong."""
    scheme, colon, number = address.partition(":")
    if not colon or scheme.lower() not in SCHEMES:
        guess = closest(scheme, SCHEMES)
        context = {
            "value": address,
            "known": listed(SCHEMES),
            "guess": f"{guess}:{number}" if guess and colon else "",
        }
        raise Wrong("address", "{value}", context)
    scheme = scheme.lower()
    number = number.lower() if scheme in ("eui", "device") else number
    return f"{scheme}:{number}", SCHEMES[scheme](number, known)
