"""Register maps of Modbus devices: what stands where, how it is asked for, and how an answer is read.

A map is configuration, for no two makers of dust stations agree: order, width, word order, scale, sign and the numbers
that mean "no value" are said for each register.

The frame that is kept of one exchange is the request (8 bytes) and the response, for a response alone does not say
which registers it holds:

    SS FF AAAA NNNN CCCC   SS FF BB data CCCC

- SS    slave; FF function, 03 or 04, in a response + 80 = exception
- AAAA  first register, NNNN number of registers, BB number of data bytes
- CCCC  CRC-16/MODBUS, low byte first
Source: MODBUS over serial line V1.02 §2.5.1; MODBUS application protocol V1.1b3 §6.3, §6.4, §7.
"""

import struct
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from devices.quantities import QUANTITIES
from devices.readings import Refusal
from devices.units import conversion

# ---------------------------------------------------------------------------------------------------- checksum


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


CRC_TABLE: Final = _table()


def crc_modbus(data: bytes) -> int:
    """CRC-16/MODBUS; on the wire its low byte goes first."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def with_crc(frame: bytes) -> bytes:
    """Append the checksum as Modbus RTU sends it."""
    return frame + crc_modbus(frame).to_bytes(2, "little")


# --------------------------------------------------------------------------------------------------------- maps

WORDS: Final = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "f32": 2}
_FORMATS: Final = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f"}
_GAP: Final = 8  # so many registers are read over: another exchange costs more than their bytes
_LONGEST: Final = 100  # registers in one request; the standard allows 125, some slaves less
_LAST: Final = 0xFFFF


class Register(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One value of a register map.

    address   of its first register, counted from 0 as on the wire
    quantity  what it is
    factor    the value is the number in the register times this
    unit      the unit of that value (`mg/m³`), where it is not the quantity's own; see `devices.units`
    type      u16, s16, u32, s32, f32 (IEEE 754)
    words     order of the two registers of a 32-bit value: big = high word first
    absent    numbers (as read, before the factor) that mean that there is no value
    """

    address: int
    quantity: str
    type: Literal["u16", "s16", "u32", "s32", "f32"] = "u16"
    factor: float = 1.0
    unit: str | None = None
    words: Literal["big", "little"] = "big"
    absent: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no device can have."""
        known = QUANTITIES.get(self.quantity)
        if known is None or known.low is None:
            near = get_close_matches(self.quantity, [q for q, kind in QUANTITIES.items() if kind.low is not None], n=1)
            raise ValueError(
                f"{self.quantity!r} is no number that is measured" + (f"; did you mean {near[0]}?" if near else "")
            )
        if not 0 <= self.address <= _LAST + 1 - WORDS[self.type]:
            raise ValueError(f"register {self.address} of {self.quantity}: addresses go from 0 to {_LAST}")
        if self.unit is not None and conversion(self.unit, known.unit) is None:
            raise ValueError(f"unit of {self.quantity}: {self.unit} cannot be made {known.unit}")
        if self.factor == 0:
            raise ValueError(f"factor of {self.quantity}: 0 makes every value 0")

    @property
    def scale(self) -> float:
        """What the number in the register is multiplied by, to give the value in the quantity's unit."""
        if self.unit is None:
            return self.factor
        return self.factor * (conversion(self.unit, QUANTITIES[self.quantity].unit) or 1.0)

    @property
    def end(self) -> int:
        """The register after it."""
        return self.address + WORDS[self.type]


class RegisterMap(Struct, frozen=True, kw_only=True):
    """All values that one slave gives, read by one function: 3 = holding registers, 4 = input registers."""

    function: Literal[3, 4] = 3
    registers: tuple[Register, ...]


def _map(function: Literal[3, 4], *registers: Register) -> RegisterMap:
    return RegisterMap(function=function, registers=registers)


def _at(
    address: int, quantity: str, factor: float = 1.0, kind: Literal["u16", "s16", "u32", "s32", "f32"] = "u16"
) -> Register:
    return Register(address=address, quantity=quantity, factor=factor, type=kind)


_BLOCK_500: Final = (
    _at(503, "wind_direction_deg"),
    _at(504, "humidity_pct", 0.1),
    _at(505, "temperature_c", 0.1, "s16"),
    _at(506, "noise_db", 0.1),
    _at(507, "pm25_ug_m3"),
    _at(508, "pm10_ug_m3"),
    _at(509, "pressure_hpa"),
    _at(510, "illuminance_lux", 1, "u32"),
)

PRESETS: Final[dict[str, RegisterMap]] = {
    # Stations of RenKe and ComWinTop CWT-UWD, DFRobot SEN0658: one block from 0x1F4. Wind in hundredths, as captured
    # from a SEN0658; 501 and 502 (force, sector) say the same more coarsely. 509 is 0.1 kPa, which is 1 hPa.
    "500-block": _map(3, _at(500, "wind_speed_m_s", 0.01), *_BLOCK_500),
    # The same block of sellers whose sheets print wind in tenths.
    "500-block-wind10": _map(3, _at(500, "wind_speed_m_s", 0.1), *_BLOCK_500),
    # Wuhan Boling dust detector: pairs of registers from 0, in µg/m³ (maker's page).
    "boling": _map(3, _at(0, "tsp_ug_m3", 1, "s32"), _at(2, "pm10_ug_m3", 1, "s32"), _at(4, "pm25_ug_m3", 1, "s32")),
    # AQYC construction-dust controller: 0x9C46, tenths (firmware of linqiu126/hcu, 2016 to 2018).
    "aqyc": _map(
        3,
        _at(0x9C46, "tsp_ug_m3", 0.1, "u32"),
        _at(0x9C48, "pm25_ug_m3", 0.1, "u32"),
        _at(0x9C4A, "pm10_ug_m3", 0.1, "u32"),
    ),
    # Its newer particle heads: whole µg/m³ from register 0, in another order (same firmware).
    "aqyc-v2": _map(3, _at(0, "pm25_ug_m3"), _at(1, "pm10_ug_m3"), _at(2, "tsp_ug_m3")),
    # LangYi LPM1051 (same firmware): one IEEE 754 number from register 0, in mg/m³.
    "lpm1051": _map(3, _at(0, "tsp_ug_m3", 1000.0, "f32")),
    # Kuanke wind vane, slave 0x23 (same firmware). Its anemometer's scale is not published: give it a map.
    "kuanke-wind": _map(4, _at(7, "wind_direction_deg", 0.1)),
}


def reads(registers: RegisterMap) -> list[tuple[int, int]]:
    """Work out what to ask for: (first register, number) of each request that together bring the whole map."""
    blocks: list[tuple[int, int]] = []
    for register in sorted(registers.registers, key=lambda each: each.address):
        if blocks:
            first, end = blocks[-1]
            if register.address - end <= _GAP and register.end - first <= _LONGEST:
                blocks[-1] = (first, max(end, register.end))
                continue
        blocks.append((register.address, register.end))
    return [(first, end - first) for first, end in blocks]


def requests(registers: RegisterMap, slave: int) -> list[bytes]:
    """Make the requests, 8 bytes each, that read the whole map from a slave."""
    return [with_crc(struct.pack(">BBHH", slave, registers.function, first, n)) for first, n in reads(registers)]


# ---------------------------------------------------------------------------------------------------- exchanges

_REQUEST = struct.Struct(">BBHH")
REQUEST_BYTES: Final = 8
_EXCEPTION: Final = 0x80
_EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    6: "busy",
}


def read_exchange(  # noqa: PLR0911 - one for each reason to refuse
    request: bytes, response: bytes
) -> tuple[int, bytes] | Refusal:
    """Check that a response answers its request; return first register and data bytes.

    A function of another kind, another slave or a bad checksum is refused, and so is an exception, by its name.
    """
    if len(request) != REQUEST_BYTES or crc_modbus(request) != 0:
        return Refusal("not_mine", f"{request.hex()} is no Modbus request with a good checksum")
    slave, function, first, count = _REQUEST.unpack_from(request)
    if function not in (3, 4):
        return Refusal("not_mine", f"function {function:02X} reads no registers")
    if len(response) < 5:  # noqa: PLR2004 - slave, function, exception or length, checksum
        return Refusal("length", f"{len(response)} bytes are no response")
    if crc_modbus(response) != 0:
        sent, computed = response[-2:], crc_modbus(response[:-2]).to_bytes(2, "little")
        wanted = 5 + 2 * count
        if response[1] == function and len(response) != wanted:
            return Refusal("length", f"{len(response)} bytes, not the {wanted} of {count} registers")
        return Refusal("checksum", f"checksum {sent.hex().upper()}, computed {computed.hex().upper()}")
    if response[0] != slave or response[1] & ~_EXCEPTION != function:
        return Refusal(
            "not_mine", f"slave {response[0]} function {response[1]:02X} answers slave {slave} {function:02X}"
        )
    if response[1] & _EXCEPTION:
        code = response[2]
        return Refusal("incomplete", f"slave {slave} answers exception {code} ({_EXCEPTIONS.get(code, 'unknown')})")
    data = response[3:-2]
    if response[2] != len(data) or len(data) != 2 * count:
        return Refusal("length", f"{len(data)} data bytes, says {response[2]}, asked for {count} registers")
    return first, data


def read_register(register: Register, first: int, data: bytes) -> float | None:
    """Return the value of a register in its quantity's unit, or None: not in these data, or said to be absent."""
    start = 2 * (register.address - first)
    raw = data[start : start + 2 * WORDS[register.type]] if start >= 0 else b""
    if len(raw) != 2 * WORDS[register.type]:
        return None
    if register.words == "little":
        raw = raw[2:] + raw[:2]
    number: float = struct.unpack(_FORMATS[register.type], raw)[0]
    if number in register.absent:
        return None
    value = scaled(number, register.scale)
    return round(value) if QUANTITIES[register.quantity].type == "int" else float(value)


def write_register(register: Register, value: float) -> bytes:
    """Make the bytes that `read_register` reads back; out of the type's range is cut off."""
    number = value / register.scale
    if register.type == "f32":
        raw = struct.pack(">f", number)
    else:
        bits = 16 * WORDS[register.type]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if register.type[0] == "s" else (0, (1 << bits) - 1)
        raw = struct.pack(_FORMATS[register.type], max(low, min(high, round(number))))
    return raw[2:] + raw[:2] if register.words == "little" else raw


@lru_cache(maxsize=1024)
def inverse_of(factor: float) -> int:
    """Return 10 for 0.1, 100 for 0.01 ...; 0 where a factor is no such part."""
    inverse = round(1 / factor) if abs(factor) < 1 else 0
    return inverse if inverse and 1 / inverse == factor else 0


def scaled(number: float, factor: float) -> float:
    """Multiply, and where the factor is a tenth or the like divide: 281 * 0.1 is 28.1, not 28.100000000000001."""
    inverse = inverse_of(factor)
    return number / inverse if inverse else number * factor
