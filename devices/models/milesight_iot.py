"""Milesight sensors over LoRaWAN, and over NB-IoT: tilt, leak, level, gas, noise, air and weather.

Source: Milesight-IoT/SensorDecoders. What a channel of a product means stands in `devices.models.milesight_channels`;
the same bytes mean different things on different products, so the product is configuration.

    LoRaWAN, any port:  ID TYPE DATA…  ID TYPE DATA…
    NB-IoT:             02 0001 LLLL FF CCCC VV firmware*4 hardware*4 serial*16 IMEI*15 IMSI*15 ICCID*20 QQ DDDD data*D

- ID FF or FE   the device itself, and answers to commands: facts
- 20 CE … 23 CE what was measured before, each with its time, u32 s
- LLLL          bytes after it, big-endian; CCCC frame counter; VV version; QQ signal (CSQ); DDDD bytes of data
- data*D        channels as over LoRaWAN; a channel ID that is not above the one before begins the next measurement
"""

import struct
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from devices.models import Model
from devices.models.fields import Block
from devices.models.milesight_channels import ABOUT, PRODUCTS, answers
from devices.readings import TOLD_LATER, Decoded, Facts, Refusal, Reported, Values, values_of

_NB_IOT = b"\x02\x00\x01"
_NB_LENGTH = struct.Struct(">H")
_NB_HEAD_BYTES = 86
_SHORTEST = 3  # ID, TYPE and a byte
_PORT = 85
_HISTORY = 0xCE
_FAMILIES = {"am3": "dust", "ws302": "noise", "wts": "weather"}


class MilesightOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which product it is, and what it is there for.

    variant  the product, as on its label; without it a frame is read where it says the same on all products that have
             its channels, and refused where it does not
    family   `manhole` for what watches covers and wells, `dust` for AM3xx, `noise` for WS302, `weather` for WTS, unless
             said otherwise here
    """

    variant: Literal[
        "at101", "em300-mld", "em300-sld", "em300-zld", "em310-tilt", "em310-udl", "em320-tilt", "em400-mud",
        "em400-tld", "em400-udl", "em500-pp", "em500-swl", "em500-udl", "gs301", "ws302", "ws303", "am300", "am308",
        "am308l", "am319", "am319l", "wts305", "wts505", "wts506",
    ] | None = None  # fmt: skip
    family: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")] | None = None

    def __post_init__(self) -> None:
        """Take the family from the product where none is said."""
        if self.family is None:
            own = [family for series, family in _FAMILIES.items() if (self.variant or "").startswith(series)]
            force_setattr(self, "family", own[0] if own else "manhole")


def _names(channels: dict[int, Block]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for channel in channels.values() for name in channel.names))


_ANSWERS = {variant: answers(variant) for variant in PRODUCTS}
_SHAPES: dict[str | None, type[Values]] = {
    None: values_of(tuple(dict.fromkeys(name for channels in PRODUCTS.values() for name in _names(channels)))),
    **{variant: values_of(_names(channels)) for variant, channels in PRODUCTS.items()},
}
_UNLIKE = list({id(channels): variant for variant, channels in PRODUCTS.items()}.values())  # one of each table


def shape(options: MilesightOptions) -> type[Values]:
    """Return the struct of what this product measures."""
    return _SHAPES[options.variant]


class _Heard(Struct):
    """What the channels said: measurements of now, of the past, and about the device; the last channel ID."""

    now: list[dict[str, Any]]
    past: list[tuple[int, dict[str, Any]]]
    facts: dict[str, Any]
    last: int = 0

    def follow(self, key: int) -> None:
        """Begin the next measurement where the IDs begin again."""
        number = key >> 8 & 0x0F
        if number <= self.last and self.now[-1]:
            self.now.append({})
        self.last = number

    def add(self, key: int, channel: Block, raw: tuple[Any, ...]) -> None:
        """Take the numbers of one channel."""
        if not channel.names:
            self.facts[f"channel_{key:04x}"] = raw[0].hex()
        elif key & 0xFF == _HISTORY:
            values = dict(zip(channel.names, channel.read(*raw[1:]), strict=False))
            if any(value is not None for value in values.values()):
                self.past.append((raw[0] * 1000, values))
        else:
            self.now[-1].update(zip(channel.names, channel.read(*raw), strict=False))


def decode(payload: bytes, port: int | None, options: MilesightOptions) -> Decoded:
    """Read one uplink; see the top of this file."""
    del port
    data = payload
    if payload[:3] == _NB_IOT:
        unwrapped = _nb_iot(payload)
        if isinstance(unwrapped, Refusal):
            return unwrapped
        data = unwrapped
    if options.variant is None:
        return _any_product(data, groups=data is not payload)
    heard = _channels(data, options.variant, groups=data is not payload)
    return heard if isinstance(heard, Refusal) else _said(heard, _SHAPES[options.variant])


def _said(heard: "_Heard", kind: type[Values]) -> Decoded:
    now = heard.now
    if not heard.past and len(now) == 1 and any(value is not None for value in now[0].values()):
        return kind(**now[0])
    entries: list[Reported] = [(-1, kind(**said), "") for said in now if any(v is not None for v in said.values())]
    entries += [(at_ms, kind(**said), TOLD_LATER) for at_ms, said in heard.past]
    if entries:
        return entries
    absent = [name for said in now for name in said]
    return Facts(heard.facts | {"absent": absent} if absent else heard.facts)


def _any_product(data: bytes, *, groups: bool) -> Decoded:
    """Read a frame of an unknown product: what all that have its channels agree upon."""
    read: dict[str, _Heard] = {}
    refused = Refusal("not_mine", "no product has these channels")
    for variant in _UNLIKE:
        heard = _channels(data, variant, groups=groups)
        if isinstance(heard, _Heard):
            read[variant] = heard
        elif heard.reason != "not_mine":
            refused = heard
    if not read:
        return refused
    first, *others = read.values()
    if any((other.now, other.past) != (first.now, first.past) for other in others):
        return Refusal(
            "incomplete", f"says different things on {', '.join(read)}: which it is, is the option `variant`"
        )
    return _said(first, _SHAPES[None])


def _nb_iot(payload: bytes) -> bytes | Refusal:
    """Take the channels out of an NB-IoT frame."""
    if len(payload) < _NB_HEAD_BYTES:
        return Refusal("length", f"{len(payload)} bytes, less than the {_NB_HEAD_BYTES} of an NB-IoT frame's head")
    said, held = _NB_LENGTH.unpack_from(payload, 3)[0], len(payload) - 5
    if said != held:
        return Refusal("length", f"says {said} bytes after the length, not {held}")
    said, held = _NB_LENGTH.unpack_from(payload, _NB_HEAD_BYTES - 2)[0], len(payload) - _NB_HEAD_BYTES
    if said != held:
        return Refusal("length", f"says {said} bytes of channels, not {held}")
    return payload[_NB_HEAD_BYTES:]


def _channels(data: bytes, variant: str, *, groups: bool) -> _Heard | Refusal:
    """Read the row of channels; groups: a falling ID begins the next measurement."""
    channels = PRODUCTS[variant]
    heard = _Heard([{}], [], {})
    at, end = 0, len(data)
    if end < _SHORTEST:
        return Refusal("length", f"{end} bytes are no channel")
    try:
        while at < end:
            key = data[at] << 8 | data[at + 1]
            at += 2
            channel = channels.get(key)
            if channel is not None:
                if groups and key & 0xFF != _HISTORY:
                    heard.follow(key)
                heard.add(key, channel, channel.layout.unpack_from(data, at))
                at += channel.layout.size
            elif isinstance(after := _about(data, at, key, variant, heard.facts), Refusal):
                return after
            else:
                at = after
    except (IndexError, struct.error):
        return Refusal("length", f"{end} bytes end inside a channel")
    return heard


def _about(data: bytes, at: int, key: int, variant: str, facts: dict[str, Any]) -> int | Refusal:
    """Read what the device says of itself; return where the next channel begins."""
    head, code = key >> 8, key & 0xFF
    name, size = ABOUT.get(code, ("", 0)) if head == 0xFF else ("", 0)
    if not name and head in (0xFE, 0xFF):
        name, size = f"answer_{code:02x}", _ANSWERS[variant].get(code, 0)
        if code == 0x1A and variant.startswith("am3"):  # CO2 calibration: its value follows where it was set by hand
            size = 3 if data[at] == 2 else 1
    if not size:
        return Refusal("not_mine", f"{variant} has no channel {head:02x} {code:02x} (byte {at - 2})")
    content = data[at : at + size]
    if len(content) < size:
        return Refusal("length", f"ends inside channel {head:02x} {code:02x}, which has {size} bytes")
    if name.endswith("_version") and size == 2:
        facts[name] = f"{content[0]:x}.{content[1] >> 4 if name == 'hardware_version' else content[1]:x}"
    else:
        facts[name] = content.hex()
    return at + size


def encode(values: Values, options: MilesightOptions) -> tuple[int, bytes]:
    """Make a LoRaWAN frame of the product's channels; of two that carry a quantity the finer one that can.

    Raises ValueError without a product.
    """
    frame, done = b"", set[str]()
    if options.variant is None:
        raise ValueError("no product, no frame: say the option `variant`")
    for key, channel in PRODUCTS[options.variant].items():
        said = [getattr(values, name) for name in channel.names]
        # a channel of value and alarm where there is an alarm, else the one of the value alone
        if not said or key & 0xFF == _HISTORY or done & set(channel.names) or all(value is None for value in said):
            continue
        if key >= 0x8000 and said[-1] is None:
            continue
        try:
            data = channel.layout.pack(*channel.write(*said))
        except struct.error:
            continue
        done |= set(channel.names)
        frame += key.to_bytes(2) + data
    return _PORT, frame


MODEL: Model = Model(
    id="milesight-iot",
    family="manhole",
    title="Milesight AT101, EM300-MLD/SLD/ZLD, EM310-TILT/UDL, EM320-TILT, EM400, EM500-PP/SWL/UDL, GS301, WS302, "
    "WS303, AM308, AM319, WTS305/505/506",
    values=Values,
    decode=decode,
    encode=encode,
    options=MilesightOptions,
    shape=shape,
    source="Milesight-IoT/SensorDecoders",
)
