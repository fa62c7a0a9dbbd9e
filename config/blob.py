"""A compiled configuration as bytes, for the book: what the daemon starts with when the files are wrong.

Registry and rule set are canonical msgpack: the same configuration has the same bytes, whatever the order of its files.
Options of models and settings of rule kinds are of as many types as there are models and kinds; the catalogue and the
table of kinds know them.
"""

from typing import Any

import msgspec
from msgspec import Struct, structs

from devices import catalogue
from devices.registry import Registry
from rules.kinds.table import KINDS
from rules.ruleset import RuleSet


class _Blob(Struct, array_like=True):
    registry: Registry
    ruleset: RuleSet


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(_Blob)


def encode(registry: Registry, ruleset: RuleSet) -> bytes:
    """Return the canonical bytes of a configuration."""
    return _encoder.encode(_Blob(registry, ruleset))


def decode(blob: bytes) -> tuple[Registry, RuleSet]:
    """Return the configuration of some bytes.

    Raises msgspec.ValidationError when they are none that this version of Cityward knows (a model that was taken out).
    """
    read = _decoder.decode(blob)
    devices = tuple(
        structs.replace(device, options=_typed(device.options, _model_options(device.model)))
        for device in read.registry.devices
    )
    rules = tuple(
        structs.replace(rule, settings=_typed(rule.settings, _kind_settings(rule.kind))) for rule in read.ruleset.rules
    )
    return structs.replace(read.registry, devices=devices), RuleSet(rules)


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


def _typed(data: Any, kind: type[Struct]) -> Struct:  # noqa: ANN401 - what msgpack made of a struct
    return msgspec.convert(data, kind)
