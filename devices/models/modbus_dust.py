"""Dust stations that speak Modbus RTU: the register map is configuration.

Source: MODBUS application protocol V1.1b3; maps and their sources in `devices.registers`, where the frame is described:
request (8 bytes) and response, one after the other.

PM2.5 is part of PM10, and PM10 of TSP: where a reading says otherwise, the map has probably their order wrong, for no
two makers agree. Such numbers are flagged (`pm10_ug_m3:map`), and `hint` names the map.
"""

from difflib import get_close_matches
from typing import Any, Literal

from msgspec import Struct

from devices.models import Model
from devices.plausible import disordered, doubt, in_order
from devices.readings import Decoded, Refusal, Values, values_of
from devices.registers import (
    PRESETS,
    REQUEST_BYTES,
    Register,
    RegisterMap,
    read_exchange,
    read_register,
    reads,
    requests,
    with_crc,
    write_register,
)


class ModbusOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The map: a preset, or function and registers.

    preset       one of `devices.registers.PRESETS`
    function     3 = holding registers, 4 = input registers
    registers    see `devices.registers.Register`
    request_hex  for `cityward decode` only: the request, where the payload is the response alone
    """

    preset: str | None = None
    function: Literal[3, 4] = 3
    registers: tuple[Register, ...] = ()
    request_hex: str | None = None

    def __post_init__(self) -> None:
        """Refuse what gives no map, or two."""
        if self.preset is not None and self.preset not in PRESETS:
            near = get_close_matches(self.preset, PRESETS, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(PRESETS)}"
            raise ValueError(f"no preset {self.preset!r}; {meant}")
        if (self.preset is None) == (not self.registers):
            raise ValueError("say either `preset` or `registers`")
        names = [register.quantity for register in self.registers]
        if len(set(names)) < len(names):
            raise ValueError(f"{max(names, key=names.count)} stands in two registers")
        if self.request_hex is not None:
            bytes.fromhex(self.request_hex)

    @property
    def map(self) -> RegisterMap:
        """The map that is meant. A source asks by it: `devices.registers.reads`."""
        return PRESETS[self.preset] if self.preset else RegisterMap(function=self.function, registers=self.registers)


def shape(options: ModbusOptions) -> type[Values]:
    """Return the struct of a station with this map."""
    return values_of(tuple(register.quantity for register in options.map.registers))


def decode(payload: bytes, port: int | None, options: ModbusOptions) -> Decoded:
    """Read one exchange; what its registers do not cover is absent."""
    del port
    if options.request_hex is not None:
        request, response = bytes.fromhex(options.request_hex), payload
    elif _answers_all(payload, options.map):
        request, response = requests(options.map, payload[0])[0], payload
    else:
        request, response = payload[:REQUEST_BYTES], payload[REQUEST_BYTES:]
    answered = read_exchange(request, response)
    if isinstance(answered, Refusal):
        return answered
    if request[1] != options.map.function:
        return Refusal("not_mine", f"function {request[1]}; the map is of function {options.map.function}")
    first, data = answered
    read: dict[str, Any] = {
        register.quantity: read_register(register, first, data) for register in options.map.registers
    }
    if all(value is None for value in read.values()):
        return Refusal("incomplete", f"no value of the map in registers {first} to {first + len(data) // 2 - 1}")
    values = shape(options)(**read)
    wrong = disordered(values)
    if wrong:
        doubt(values, wrong, "map")
    return values


def _answers_all(payload: bytes, plan: RegisterMap) -> bool:
    """Tell a response alone, as it may be given to `cityward decode`, that has the length of the map's only request."""
    if len(payload) < 5 or payload[2] != len(payload) - 5 or payload[1] != plan.function:
        return False
    blocks = reads(plan)
    return len(blocks) == 1 and payload[2] == 2 * blocks[0][1]


def hint(values: Values, options: ModbusOptions) -> tuple[str, str] | None:
    """Say which map is probably wrong, where the particles stand in an impossible order."""
    if not disordered(values):
        return None
    name = "`registers`" if options.preset is None else f"preset {options.preset}"
    said = ", ".join(f"{_SHORT[each]} {getattr(values, each):g}" for each in in_order(values))
    meant = ", ".join(f"{_SHORT[each]} {value:g}" for each, value in in_order(values).items())
    zh = f"{said}：PM2.5 不应大于 PM10，PM10 不应大于 TSP。寄存器表（{name}）的顺序可能不对；若为 {meant} 则合理。"
    en = (
        f"{said}: PM2.5 cannot be more than PM10, nor PM10 more than TSP. "
        f"The map ({name}) probably has their order wrong; {meant} would be possible."
    )
    return zh, en


_SHORT = {"pm1_ug_m3": "PM1", "pm25_ug_m3": "PM2.5", "pm10_ug_m3": "PM10", "tsp_ug_m3": "TSP"}


def encode(values: Values, options: ModbusOptions) -> tuple[None, bytes]:
    """Make the exchange of the map's first request with slave 1; what is absent, or between the registers, is 0."""
    first, count = reads(options.map)[0]
    data = bytearray(2 * count)
    for register in options.map.registers:
        value = getattr(values, register.quantity)
        if value is not None and first <= register.address and register.end <= first + count:
            start = 2 * (register.address - first)
            data[start : start + 2 * (register.end - register.address)] = write_register(register, value)
    response = with_crc(bytes([1, options.map.function, len(data)]) + data)
    return None, requests(options.map, 1)[0] + response


MODEL: Model = Model(
    id="modbus-dust",
    family="dust",
    title="Dust stations over Modbus RTU: RenKe, ComWinTop CWT-UWD, DFRobot SEN0658; Boling; AQYC; LPM1051; any by map",
    values=Values,
    decode=decode,
    encode=encode,
    options=ModbusOptions,
    shape=shape,
    hint=hint,
    source="MODBUS application protocol V1.1b3; makers' sheets",
)
