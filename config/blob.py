"""A compiled configuration as bytes, for the book and for the daemon that starts with it.

Registry and rule set are canonical msgpack: the same configuration has the same bytes, whatever the order of its files.
Options of models and settings of rule kinds are of as many types as there are models and kinds; the catalogue and the
table of kinds know them. What many devices have alike (options, labels, names of models and sites) is read once and
shared: 10,000 devices are 3 MB so, and 25 MB otherwise.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct, structs

from devices import catalogue
from devices.registry import Device, Registry
from rules.kinds.table import KINDS
from rules.ruleset import RuleSet

T = TypeVar("T")


class _Blob(Struct, array_like=True):
    registry: Registry
    ruleset: RuleSet


class _RawDevice(Device, frozen=True, kw_only=True):
    """A device whose parts that others have too are still bytes."""

    labels: Raw = Raw(b"\x80")  # type: ignore[assignment]  # what it is in msgpack: an empty map
    tags: Raw = Raw(b"\x90")  # type: ignore[assignment]  # an empty array
    via: Raw = Raw(b"\x90")  # type: ignore[assignment]  # the same
    options: Raw = Raw(b"\xc0")  # None


class _RawRegistry(Registry, frozen=True, kw_only=True):
    devices: tuple[_RawDevice, ...] = ()


class _RawBlob(Struct, array_like=True):
    registry: _RawRegistry
    ruleset: RuleSet


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(_RawBlob)


def encode(registry: Registry, ruleset: RuleSet) -> bytes:
    """Return the canonical bytes of a configuration."""
    return _encoder.encode(_Blob(registry, ruleset))


def decode(blob: bytes) -> tuple[Registry, RuleSet]:
    """Return the configuration of some bytes.

    Raises msgspec.ValidationError when they are none that this version of Cityward knows (a model that was taken out).
    """
    read = _decoder.decode(blob)
    shared = _Shared()
    given = {name: getattr(read.registry, name) for name in Registry.__struct_fields__}
    rules = tuple(
        structs.replace(rule, settings=msgspec.convert(rule.settings, _kind_settings(rule.kind)))
        for rule in read.ruleset.rules
    )
    devices = tuple(shared.device(device) for device in read.registry.devices)
    return Registry(**(given | {"devices": devices})), RuleSet(rules)


class _Shared:
    """Gives the same object for the same content."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def device(self, read: _RawDevice) -> Device:
        model = read.model
        return Device(
            id=read.id,
            model=self._same(model),
            family=self._same(read.family),
            address=read.address,
            name=read.name,
            at=read.at,
            site=self._same(read.site),
            district=self._same(read.district),
            labels=self._read(read.labels, "labels", lambda: dict[str, str]),
            tags=self._read(read.tags, "words", lambda: tuple[str, ...]),
            interval_ms=read.interval_ms,
            options=self._read(read.options, model, lambda: _model_options(model)),
            via=self._read(read.via, "words", lambda: tuple[str, ...]),
        )

    def _same(self, word: T) -> T:
        found: T = self._known.setdefault(word, word)
        return found

    def _read(self, raw: Raw, what: str, kind: Callable[[], Any]) -> Any:  # noqa: ANN401 - of any of these kinds
        key = what, bytes(raw)
        if key not in self._known:
            self._known[key] = msgspec.msgpack.decode(raw, type=kind())
        return self._known[key]


def _model_options(model: str) -> type[Struct]:
    try:
        return catalogue.MODELS[model].options
    except KeyError:
        raise msgspec.ValidationError(f"model {model!r} is not in the catalogue") from None


def _kind_settings(kind: str) -> type[Struct]:
    try:
        return KINDS[kind].settings
    except KeyError:
        raise msgspec.ValidationError(f"there is no kind of rules {kind!r}") from None
