"""Any JSON object: which member is which quantity is configuration.

    fields:
      pm25: pm25_ug_m3                                         # member: quantity
      data.temp: {quantity: temperature_c, factor: 0.1}        # value = number * factor + offset
      p: {quantity: pressure_hpa, unit: kPa}                   # printed in another unit
      t2: {quantity: device_temperature_c, text: true}         # a number in a text: "+27.90", "060"
    time: {field: t, unit: s}                                  # s, ms or rfc3339
    counter: seq

A dot walks into an object, unless a member has that very name. A number is a number: a text becomes one only where
`text` says so, a truth never; a truth may also come as 0 or 1. null and members that are not there are absent; members
that nobody asked for do not matter. A time outside 2000 to 2100 is no time: a clock that was never set.

The usual message is read by `opener` in one step, range check included; `decode` is its careful form, with reasons.
Where a platform (CTWing, Huawei, OneNET) sends values, these are the object. Source: RFC 8259.
"""

import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, defstruct, json

from devices.instants import rfc3339_ms
from devices.models import Model
from devices.quantities import QUANTITIES
from devices.readings import Decoded, Refusal, Values, values_of, without_insane
from devices.registers import inverse_of, scaled
from devices.units import conversion

_FIRST_MS: Final = 946_684_800_000  # 2000
_LAST_MS: Final = 4_102_444_800_000  # 2100
_MS: Final = {"s": 1000, "ms": 1}
_TIMES: Final = {
    "s": Annotated[float, Meta(ge=_FIRST_MS / 1000, le=_LAST_MS / 1000)],
    "ms": Annotated[float, Meta(ge=_FIRST_MS, le=_LAST_MS)],
}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_TYPES: Final = {"bool": bool, "text": str}
_CALLED: Final = {"float": "number", "int": "whole number", "bool": "truth", "text": "text"}


class Member(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one member of the object is: value = number * factor + offset, in the unit of the quantity or in `unit`.

    text  the number stands in a text
    """

    quantity: str
    factor: float = 1.0
    offset: float = 0.0
    unit: str = ""
    text: bool = False

    @property
    def scale(self) -> tuple[float, float]:
        """Factor and offset into the quantity's unit. Raises ValueError for a unit that does not become it."""
        ours = QUANTITIES[self.quantity].unit
        into = conversion(self.unit, ours) if self.unit else 1.0
        if into is None:
            raise ValueError(f"unit {self.unit!r} does not become {ours or 'a number without a unit'}; write a factor")
        return (self.factor, self.offset) if into == 1 else (self.factor * into, self.offset * into)

    def check(self) -> None:
        """Raise ValueError for a quantity that there is not, or that takes none of what is written beside it."""
        kind = QUANTITIES.get(self.quantity)
        if kind is None:
            near = get_close_matches(self.quantity, QUANTITIES, n=1, cutoff=0.5)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"no quantity {self.quantity!r}{meant}")
        if self.scale[0] == 0 or (kind.type != "float" and self.scale != (1, 0)):
            raise ValueError(f"{self.quantity} takes no such factor or offset")
        if self.text and kind.type not in ("float", "int"):
            raise ValueError(f"{self.quantity} is no number; take `text` away")


class TimeMember(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the device's time stands. unit: s and ms since 1970, fractions allowed, or rfc3339."""

    field: str
    unit: Literal["s", "ms", "rfc3339"] = "s"


class PlainOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the object is read.

    family   what kind of device it is: the InfluxDB measurement, and what rules are for
    fields   member (or path of members, with dots) -> quantity, or more about it
    time     of the device; counter: member that counts its messages, a whole number
    """

    family: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")] = "plain"
    fields: dict[str, str | Member]
    time: TimeMember | None = None
    counter: str | None = None

    def __post_init__(self) -> None:
        """Refuse quantities that there are not, and such that are given twice."""
        if not self.fields:
            raise ValueError("`fields` is empty: nothing would be read")
        taken: dict[str, str] = {}
        for path, member in self.members.items():
            try:
                member.check()
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
            if member.quantity in taken:
                raise ValueError(f"{path}: {member.quantity} is read from {taken[member.quantity]} already")
            taken[member.quantity] = path
        used = [*self.fields, *([self.time.field] if self.time else []), *([self.counter] if self.counter else [])]
        for path in used:
            if used.count(path) > 1:
                raise ValueError(f"{path}: used twice among `fields`, `time` and `counter`")
            if not path or any(sign in '"\\' or sign < " " for sign in path):
                raise ValueError(
                    f"{path!r}: a member's name here is not empty and has no quotes, backslashes or controls"
                )

    @property
    def members(self) -> dict[str, Member]:
        """`fields` in the long form."""
        return {path: Member(quantity=m) if isinstance(m, str) else m for path, m in self.fields.items()}


def shape(options: PlainOptions) -> type[Values]:
    """Return the struct of a device with these options."""
    return values_of(tuple(member.quantity for member in options.members.values()))


# ------------------------------------------------------------------------------------------------ the careful way


def decode(payload: bytes, port: int | None, options: PlainOptions) -> Decoded:
    """Read one message; the entry carries the device's time."""
    del port
    opened = read_message(payload, options)
    return opened if isinstance(opened, Refusal) else [(opened[1], opened[2], "")]


def read(values: dict[str, Any], service: int | None, options: PlainOptions) -> Decoded:
    """Read the values that a platform sends."""
    del service
    opened = _read(values, options)
    return opened if isinstance(opened, Refusal) else [(opened[1], opened[2], "")]


def read_message(payload: bytes, options: PlainOptions) -> tuple[int, int, Values] | Refusal:
    """Read counter (-1 = none), time in ms (-1 = none) and values out of one message."""
    try:
        message = json.decode(payload)
    except (ValueError, RecursionError) as error:
        return Refusal("syntax", f"no JSON: {error}")
    if not isinstance(message, dict):
        return Refusal("not_mine", "no JSON object")
    return _read(message, options)


def _read(message: dict[str, Any], options: PlainOptions) -> tuple[int, int, Values] | Refusal:
    values: dict[str, Any] = {}
    for path, member in options.members.items():
        said = member_at(message, path)
        try:
            values[member.quantity] = None if said is None else _value(said, member)
        except ValueError as error:
            return Refusal("syntax", f"{path}: {error}")
    if all(value is None for value in values.values()):
        return Refusal("incomplete", f"none of {', '.join(options.fields)} is in it")
    counter = member_at(message, options.counter) if options.counter else None
    if counter is not None and (type(counter) is not int or counter < 0):
        return Refusal("syntax", f"{options.counter}: {counter!r} is no counter")
    return -1 if counter is None else counter, _time_ms(message, options.time), shape(options)(**values)


def member_at(message: dict[str, Any], path: str) -> object:
    """Return what stands at a path with dots; None where nothing does."""
    if path in message:
        return message[path]
    found: object = message
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _value(said: object, member: Member) -> float | bool | str:
    """Turn what a member says into its quantity. Raises ValueError: not of its type."""
    kind = QUANTITIES[member.quantity].type
    if member.text and isinstance(said, str):
        said = _printed(said)
    if kind == "text" and isinstance(said, str):
        return said
    if kind == "bool" and (said is True or said is False or (type(said) is int and said in (0, 1))):
        return bool(said)
    if kind in ("float", "int") and isinstance(said, int | float) and not isinstance(said, bool):
        return _number(said, member, whole=kind == "int")
    raise ValueError(f"{said!r:.40} is no {_CALLED[kind]}")


def _printed(text: str) -> float | str:
    """Read a decimal number with sign and leading zeros; anything else stays a text, which is refused."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return text
    return float(text) if match[1] else int(text)


def _number(said: float, member: Member, *, whole: bool) -> float:
    factor, offset = member.scale
    try:
        value = scaled(said, factor) + offset
    except OverflowError:
        value = math.inf
    if not math.isfinite(value) or (whole and value != int(value)):
        raise ValueError(f"{said!r:.40} is no {_CALLED['int' if whole else 'float']}")
    return int(value) if whole else float(value)


def _time_ms(message: dict[str, Any], time: TimeMember | None) -> int:
    said = member_at(message, time.field) if time else None
    if time is None or isinstance(said, bool):
        return -1
    if time.unit == "rfc3339":
        return _instant(said) if isinstance(said, str) else -1
    if not isinstance(said, int | float) or not _FIRST_MS <= said * _MS[time.unit] <= _LAST_MS:
        return -1
    return int(said * _MS[time.unit] + 0.5)


def _instant(text: str) -> int:
    try:
        at_ms = rfc3339_ms(text)
    except ValueError:
        return -1
    return at_ms if _FIRST_MS <= at_ms <= _LAST_MS else -1


# ---------------------------------------------------------------------------------------------------- the fast way

Opener = Callable[[bytes], tuple[int, int, Values]]
"""(payload) -> counter (-1 = none), time in ms (-1 = none), values. Raises ValueError where the message is refused."""


def opener(options: PlainOptions) -> Opener:
    """Make the function that opens one device's messages; devices with the same options share it.

    msgspec checks types and ranges while it decodes. What fails there is read again with care: insane values are taken
    out and flagged, and what has none left to give raises ValueError.
    """
    return _opener(json.encode(options))


@cache
def _opener(options_json: bytes) -> Opener:
    options = json.decode(options_json, type=PlainOptions)

    def careful(payload: bytes) -> tuple[int, int, Values]:
        opened = read_message(payload, options)
        if isinstance(opened, Refusal):
            raise ValueError(opened.detail)  # noqa: TRY004 - what is wrong is the message
        taken = without_insane(opened[2])
        opened[2].flags = " ".join(f"{name}:range" for name in taken) or None
        return opened

    fields: list[Any] = []
    names: dict[str, str] = {}
    values, shared, tests = [], [], []
    for number, (path, member) in enumerate(options.members.items()):
        name = f"f{number}"
        names[name] = path
        inside = "." in path  # then the member must be there: else it is looked for deeper, with care
        kind = _wire_type(member)
        fields.append((name, kind) if inside else (name, kind | None, None))
        value = _converted(f"w.{name}", member, optional=not inside)
        if member.quantity in Values.__struct_fields__:
            shared.append(f"{member.quantity}={value}")
        else:
            values.append(value)  # in their order, which is quicker than by name
        tests.append("False" if inside else f"w.{name} is None")
    time, counter = "-1", "-1"
    if options.time is not None:
        names["time"] = options.time.field
        fields.append(("time", str if options.time.unit == "rfc3339" else _TIMES[options.time.unit]))
        time = {"s": "int(w.time * 1000 + 0.5)", "ms": "int(w.time + 0.5)", "rfc3339": "instant(w.time)"}[
            options.time.unit
        ]
    if options.counter is not None:
        names["counter"] = options.counter
        fields.append(("counter", Annotated[int, Meta(ge=0)]))
        counter = "w.counter"
    required_first = sorted(fields, key=len)
    wire = defstruct("Wire", required_first, rename=names, gc=False)
    known = {
        "decode": json.Decoder(wire).decode,
        "careful": careful,
        "instant": _instant,
        "Values": shape(options),
    }
    source = _SOURCE.format(nothing=" and ".join(tests), counter=counter, time=time, values=", ".join(values + shared))
    exec(source, known)  # noqa: S102 - made of our own names and numbers only; names of members stay in `rename`
    made: Opener = known["open_message"]  # type: ignore[assignment]
    return made


_SOURCE: Final = """
def open_message(payload):
    try:
        w = decode(payload)
    except (ValueError, RecursionError):
        return careful(payload)
    if {nothing}:
        return careful(payload)
    return {counter}, {time}, Values({values})
"""


def _wire_type(member: Member) -> Any:  # noqa: ANN401 - a type with its range
    """Type of a number on the wire, with the range in which its value is sane."""
    quantity = QUANTITIES[member.quantity]
    if quantity.low is None or quantity.high is None:
        return _TYPES[quantity.type]
    factor, offset = member.scale
    low, high = sorted(((quantity.low - offset) / factor, (quantity.high - offset) / factor))
    while not quantity.low <= scaled(low, factor) + offset <= quantity.high:
        low = math.nextafter(low, math.inf)
    while not quantity.low <= scaled(high, factor) + offset <= quantity.high:
        high = math.nextafter(high, -math.inf)
    if quantity.type == "int":
        return Annotated[int, Meta(ge=int(low), le=int(high))]
    return Annotated[float, Meta(ge=low, le=high)]


def _converted(name: str, member: Member, *, optional: bool) -> str:
    """Write the expression that turns a number of the wire into the quantity's; the same as `scaled`."""
    factor, offset = member.scale
    if (factor, offset) == (1, 0):
        return name
    inverse = inverse_of(factor)
    value = f"{name} / {inverse}" if inverse else f"{name} * {factor!r}"
    value += f" + {offset!r}" if offset else ""
    return f"(None if {name} is None else {value})" if optional else value


def encode(values: Values, options: PlainOptions) -> tuple[None, bytes]:
    """Make the object that these values are read from, without a time."""
    message: dict[str, Any] = {}
    for path, member in options.members.items():
        value = getattr(values, member.quantity)
        if value is None:
            continue
        *outer, last = path.split(".")
        inner = message
        for step in outer:
            inner = inner.setdefault(step, {})
        factor, offset = member.scale
        printed = value if (factor, offset) == (1, 0) else (value - offset) / factor
        inner[last] = str(printed) if member.text else printed
    return None, json.encode(message)


MODEL: Model = Model(
    id="plain",
    family="plain",
    title="Any JSON object, its members mapped by options",
    values=Values,
    decode=decode,
    encode=encode,
    read=read,
    options=PlainOptions,
    shape=shape,
    source="RFC 8259; the members are configuration",
)
