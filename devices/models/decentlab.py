"""Decentlab level, weather and particle sensors over LoRaWAN, any FPort.

Source: the vendor's decoders, github.com/decentlab/decentlab-decoders, one folder for each DL-….

    02 IIII FFFF  WWWW...

- 02    version of the protocol
- IIII  number of the device
- FFFF  which groups follow, bit 0 the first one; WWWW their words, u16, big-endian. How many they are and what they
        mean says only the product: `variant`

A value is (word - zero) / divisor. PR21, PR26 and PR36 are made for many ranges, which only the label on the device
tells: `pmin_bar`, `pmax_bar` (PR21, PR26), `kp` and `kec` (PR36, PR36CTD); without them those of the vendor's
examples hold.
Distances are absent when the device says that none of its samples is valid.
"""

import struct
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from devices.models import Model
from devices.quantities import QUANTITIES
from devices.readings import Decoded, Facts, Refusal, Values, values_of

_PORT = 1
_VERSION = 2
_HEAD = struct.Struct(">BHH")

Variant = Literal[
    "atm22", "atm41", "atm41g2", "ctd10", "ctd10b", "lid", "mbx", "pm", "pr21", "pr26", "pr36", "pr36ctd", "wrm"
]
_WEATHER = ("atm22", "atm41", "atm41g2", "wrm")
_RANGES = {"pr21": (-1.0, 10.0), "pr26": (0.0, 1.0)}
_SAMPLES = "samples"  # no quantity: how many distances were measured
_LID_END = 27  # DL-LID2 says one word more than DL-LID after its distances: the number of all samples
_TOTAL, _UPPER, _TOTAL_AT = "rain_total_mm", "upper_word", 15  # u32 of DL-ATM41G2, the lower word first

_Positive = Annotated[float, Meta(gt=0)]


class DecentlabOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which product it is: DL-CTD10 is `ctd10`.

    pmin_bar, pmax_bar  pressures at both ends of the range, as the label says: Pmin, Pmax
    kp, kec             steps for each bar, and for each mS/cm, as the label says
    """

    variant: Variant
    pmin_bar: float | None = None
    pmax_bar: float | None = None
    kp: _Positive = 8192
    kec: _Positive = 1024

    def __post_init__(self) -> None:
        """Refuse a range whose ends are exchanged, or of a product that has none."""
        low, high = self.range_bar
        if low >= high:
            raise ValueError(f"`pmin_bar` {low} is not less than `pmax_bar` {high}")
        if self.variant not in _RANGES and (self.pmin_bar, self.pmax_bar) != (None, None):
            raise ValueError(f"`pmin_bar` and `pmax_bar` are of {' and '.join(_RANGES)}, not of {self.variant}")

    @property
    def range_bar(self) -> tuple[float, float]:
        """The pressures at both ends of the range, in bar."""
        low, high = _RANGES.get(self.variant, (0.0, 1.0))
        return (low if self.pmin_bar is None else self.pmin_bar, high if self.pmax_bar is None else self.pmax_bar)

    @property
    def family(self) -> str:
        """The InfluxDB measurement: it depends on the product."""
        return "dust" if self.variant == "pm" else "weather" if self.variant in _WEATHER else "manhole"


class _Word(NamedTuple):
    """A word of a group: value = (word - zero) / divisor."""

    quantity: str
    zero: float = 0
    divisor: float = 1


_HALF: Final = 0x8000
_BATTERY = (_Word("battery_v", 0, 1000),)


def _distances() -> tuple[_Word, ...]:
    kinds = ("", "_min", "_max", "_median", "_p10", "_p25", "_p75", "_p90", "_mode")
    return (*(_Word(f"distance{kind}_mm") for kind in kinds), _Word(_SAMPLES), _Word("acquisition_time"))


_WIND = (
    _Word("wind_speed_m_s", _HALF, 100),
    _Word("wind_direction_deg", _HALF, 10),
    _Word("wind_gust_m_s", _HALF, 100),
    _Word("temperature_c", _HALF, 10),
)
_TILT = (_Word("tilt_x_deg", _HALF, 10), _Word("tilt_y_deg", _HALF, 10))
_COMPONENTS = (_Word("wind_north_m_s", _HALF, 100), _Word("wind_east_m_s", _HALF, 100))
_AIR = (  # kPa in steps of 0.01 are hPa in steps of 0.1
    _Word("vapor_pressure_kpa", _HALF, 100),
    _Word("pressure_hpa", _HALF, 10),
    _Word("humidity_pct", _HALF, 10),
    _Word("device_temperature_c", _HALF, 10),
)
_LIGHTNING = (_Word("lightning_count", _HALF), _Word("lightning_distance_km", _HALF))
_PARTICLES = (
    *(_Word(f"pm{size}_ug_m3", 0, 10) for size in ("1", "25", "4", "10")),
    _Word("particle_size_um", 0, 1000),
    *(_Word(f"particles_{size}um_per_cm3", 0, 10) for size in ("0_5", "1", "2_5", "4", "10")),
)


def _well(conductivity_divisor: float) -> tuple[_Word, ...]:
    return (
        _Word("water_level_mm", _HALF),
        _Word("temperature_c", _HALF, 10),
        _Word("conductivity_us_cm", 0, conductivity_divisor),
        _Word("frozen"),
    )


@cache
def _groups(options: DecentlabOptions) -> tuple[tuple[_Word, ...], ...]:
    """Return the groups of words of a product, bit 0 first."""
    low, high = options.range_bar
    ranged = (
        _Word("liquid_pressure_kpa", 16384 - low * 32768 / (high - low), 327.68 / (high - low)),
        _Word("temperature_c", 16384, 320),
    )
    precise = _Word("liquid_pressure_kpa", _HALF, options.kp / 100)
    every: dict[str, tuple[tuple[_Word, ...], ...]] = {
        "atm22": ((*_WIND, *_TILT, *_COMPONENTS), _BATTERY),
        "atm41": (
            (
                *(_Word("solar_radiation_w_m2", _HALF), _Word("rain_mm", _HALF, 1000)),
                *(*_LIGHTNING, *_WIND, *_AIR, *_TILT, _Word("compass_deg", _HALF), *_COMPONENTS),
            ),
            _BATTERY,
        ),
        "atm41g2": (
            (
                *(_Word("solar_radiation_w_m2", _HALF, 10), _Word("rain_mm", 0, 1000)),
                *(*_LIGHTNING, *_WIND, *_AIR, *_TILT, _Word("rain_conductivity_us_cm", _HALF)),
                *(_Word(_TOTAL, 0, 1000), _Word(_UPPER)),
            ),
            _BATTERY,
        ),
        "ctd10": (_well(1), _BATTERY),
        "ctd10b": (_well(0.5), _BATTERY),
        "lid": (_distances(), _BATTERY),
        "mbx": ((_Word("distance_mm"), _Word(_SAMPLES)), _BATTERY),
        "pm": (
            _BATTERY,
            _PARTICLES,
            (
                _Word("temperature_c", 46.85 * 65536 / 175.72, 65536 / 175.72),
                _Word("humidity_pct", 6 * 65536 / 125, 65536 / 125),
            ),
            (_Word("pressure_hpa", 0, 50),),
        ),
        "pr21": (ranged, _BATTERY),
        "pr26": (ranged, _BATTERY),
        "pr36": ((precise, _Word("temperature_c", _HALF, 256)), _BATTERY),
        "pr36ctd": (
            (
                *(precise, _Word("device_temperature_c", _HALF, 256), _Word("temperature_c", _HALF, 256)),
                _Word("conductivity_us_cm", _HALF, options.kec / 1000),
            ),
            _BATTERY,
        ),
        "wrm": (
            (_Word("temperature_c", 45 * 65535 / 175, 65535 / 175), _Word("humidity_pct", 0, 655.35)),
            (_Word("surface_temperature_c", 1000, 10), _Word("device_temperature_c", 1000, 10)),
            _BATTERY,
        ),
    }
    return every[options.variant]


class _Layout(NamedTuple):
    """What follows the head for one value of the flags.

    words    all of them
    read     those that are quantities: place among the words, quantity, zero, divisor
    whole    quantities among them that are no float; True for a truth
    samples  place of the number of valid samples, -1 = not told
    """

    words: struct.Struct
    read: tuple[tuple[int, str, float, float], ...]
    whole: dict[str, bool]
    samples: int


@cache
def _layout(options: DecentlabOptions, flags: int) -> _Layout:
    words = [word for bit, group in enumerate(_groups(options)) if flags >> bit & 1 for word in group]
    read = tuple((at, *word) for at, word in enumerate(words) if word.quantity in QUANTITIES)
    whole = {name: QUANTITIES[name].type == "bool" for _, name, _, _ in read if QUANTITIES[name].type != "float"}
    samples = next((at for at, word in enumerate(words) if word.quantity == _SAMPLES), -1)
    return _Layout(struct.Struct(f">{len(words)}H"), read, whole, samples)


@cache
def shape(options: DecentlabOptions) -> type[Values]:
    """Return the struct of what this product measures."""
    names = (word.quantity for group in _groups(options) for word in group)
    return values_of(tuple(name for name in names if name in QUANTITIES))


def decode(payload: bytes, port: int | None, options: DecentlabOptions) -> Decoded:
    """Read one uplink; see the top of this file."""
    del port
    length = len(payload)
    if length < _HEAD.size:
        return Refusal("length", f"{length} bytes, less than the head of {_HEAD.size}")
    version, device, flags = _HEAD.unpack_from(payload)
    if version != _VERSION:
        return Refusal("not_mine", f"version {version} of the protocol, not {_VERSION}")
    groups = len(_groups(options))
    if flags >> groups:
        return Refusal("not_mine", f"flags {flags:04X}: {options.variant} has {groups} groups")
    layout = _layout(options, flags)
    wanted = _HEAD.size + layout.words.size
    if options.variant == "lid" and flags & 1 and length == wanted + 2:
        payload, length = payload[:_LID_END] + payload[_LID_END + 2 :], wanted
    if length != wanted:
        return Refusal("length", f"{length} bytes, not the {wanted} of {options.variant} with flags {flags:04X}")
    words = layout.words.unpack_from(payload, _HEAD.size)
    unsampled = layout.samples >= 0 and not words[layout.samples]
    said: dict[str, Any] = {
        name: (words[at] - zero) / divisor
        for at, name, zero, divisor in layout.read
        if not (unsampled and name.startswith("distance"))
    }
    for name, truth in layout.whole.items():
        said[name] = said[name] != 0 if truth else int(said[name])
    if _TOTAL in said:
        said[_TOTAL] = (words[_TOTAL_AT] | words[_TOTAL_AT + 1] << 16) / 1000
    return shape(options)(**said) if said else Facts({"device_id": device})


def encode(values: Values, options: DecentlabOptions) -> tuple[int, bytes]:
    """Make a frame of the groups of which there is a value; what is absent in them is 0."""
    flags, words = 0, list[int]()
    for bit, group in enumerate(_groups(options)):
        said = {word.quantity: getattr(values, word.quantity, None) for word in group}
        if all(value is None for value in said.values()):
            continue
        flags |= 1 << bit
        said |= {_SAMPLES: 1, _UPPER: round((said.get(_TOTAL) or 0) * 1000) >> 16}
        words += [round((said[quantity] or 0) * divisor + zero) & 0xFFFF for quantity, zero, divisor in group]
    return _PORT, _HEAD.pack(_VERSION, 1, flags) + struct.pack(f">{len(words)}H", *words)


MODEL: Model = Model(
    id="decentlab",
    family="manhole",
    title="Decentlab DL-CTD10, PR21, PR26, PR36, LID, LID2, MBX (level), DL-PM (dust), DL-ATM22, ATM41, WRM (weather)",
    values=Values,
    decode=decode,
    encode=encode,
    options=DecentlabOptions,
    shape=shape,
    source="decentlab/decentlab-decoders",
)
