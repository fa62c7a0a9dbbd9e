"""Kinds of devices, one file each; the visible list of them is `devices.catalogue`."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from devices.readings import Decoded, Values


class NoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that has nothing to configure."""


class Model(Struct, frozen=True, kw_only=True):
    """The declaration at the bottom of a model's file.

    id       as written in YAML: `bosch-tps110`
    family   InfluxDB measurement and scope of rules: `parking`, `manhole`, `dust`
    title    what it is, for the table of supported devices, in English
    values   the struct of its readings; where that depends on options, see `values_for`
    decode   (payload, port, options) -> values, several entries, facts, or a refusal; pure
    encode   (values, options) -> (port, payload): what the device would send; used by the simulator and round trips
    read     (values, service, options) -> the same of values that a platform sends instead of bytes; service: the
             platform's number for this kind of message, or None. None: it reads bytes only
    options  a frozen msgspec struct with `forbid_unknown_fields`: what the engineer may set under `options:`
    source   where the format is written down
    shape    (options) -> struct of the readings, for models whose quantities are configuration (`plain`, `modbus-dust`)
    hint     (values, options) -> what is probably wrong with the configuration, Chinese and English, where flags say
             that something is; else None
    """

    id: str
    family: str
    title: str
    values: type[Values]
    decode: Callable[[bytes, int | None, Any], Decoded]
    encode: Callable[[Any, Any], tuple[int | None, bytes]]
    read: Callable[[dict[str, Any], int | None, Any], Decoded] | None = None
    options: type[Struct] = NoOptions
    source: str
    shape: Callable[[Any], type[Values]] | None = None
    hint: Callable[[Any, Any], tuple[str, str] | None] | None = None

    def values_for(self, options: Any) -> type[Values]:  # noqa: ANN401 - of this model's own options struct
        """Return the struct of the readings of a device with these options."""
        return self.values if self.shape is None else self.shape(options)

    def family_for(self, options: Any) -> str:  # noqa: ANN401 - of this model's own options struct
        """Return the family of a device with these options: a model that reads anything is told by `options.family`."""
        family = getattr(options, "family", None)
        return family if isinstance(family, str) else self.family
