"""Runs of bytes whose numbers are quantities: the words in which models with many products write their tables."""

import struct
from collections.abc import Callable

from msgspec import Struct

from devices.quantities import QUANTITIES

Value = float | bool | None
_LARGEST = {"b": 0x7F, "B": 0xFF, "h": 0x7FFF, "H": 0xFFFF, "i": 0x7FFF_FFFF, "I": 0xFFFF_FFFF}


class Block(Struct, frozen=True):
    """A run of bytes of one layout.

    names  its quantities; none = a fact
    read   numbers of the layout -> a value for each name
    write  a value for each name -> numbers of the layout
    """

    layout: struct.Struct
    names: tuple[str, ...] = ()
    read: Callable[..., tuple[Value, ...]] = lambda *_: ()
    write: Callable[..., tuple[int, ...]] = lambda *_: ()


class Field(Struct, frozen=True):
    """One number that is one quantity: how many steps make a unit; what the device sends when there is no value."""

    name: str
    per: float = 1
    absent: frozenset[int] = frozenset()

    def read(self, raw: int) -> Value:
        """Turn the number into the quantity; what is neither 0 nor 1 is no truth."""
        if raw in self.absent:
            return None
        kind = QUANTITIES[self.name].type
        if kind == "bool":
            return bool(raw) if raw <= 1 else None
        return raw if kind == "int" else raw / self.per

    def write(self, value: Value, missing: int) -> int:
        """Turn the quantity into the number; missing: the number that nobody takes for a value."""
        return missing if value is None else round(value * self.per)


def block(layout: str, *fields: Field) -> Block:
    """Make a block whose numbers are one quantity each; a number before them, the time of a history, is not read."""
    form = struct.Struct(layout)
    names = tuple(field.name for field in fields)
    largest = [_LARGEST[code] for code in layout if code in _LARGEST][-len(fields) :]
    missing = [max(field.absent, default=most) for field, most in zip(fields, largest, strict=True)]

    def read(*raw: int) -> tuple[Value, ...]:
        return tuple(field.read(number) for field, number in zip(fields, raw, strict=True))

    def write(*values: Value) -> tuple[int, ...]:
        return tuple(field.write(value, none) for field, value, none in zip(fields, values, missing, strict=True))

    if len(fields) == 1 and QUANTITIES[names[0]].type == "float" and not fields[0].absent:
        per = fields[0].per
        return Block(form, names, lambda raw: (raw / per,), write)
    return Block(form, names, read, write)
