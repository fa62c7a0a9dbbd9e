"""Finds out who is on a serial line: how it is set, which Modbus slaves answer, which module or logger talks.

It listens first; then it asks, and only to read: registers of Modbus slaves (functions 3 and 4), one measurement of a
PM module. Nothing that is sent changes anything. Where somebody else asks on the line already, it does not.

What a line carries at another baud rate is noise, but never silence: so where nothing at all is heard at one, nobody
talks by himself at any other.
"""

import errno
import struct
import termios
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Final, Literal, NamedTuple

from msgspec import Struct, field, structs
from serial import Serial

from devices.envelopes import Uplink
from devices.guesses import guesses
from devices.hj212 import Packet, parse
from devices.hj212_stream import Splitter
from devices.models import modbus_dust
from devices.models.modbus_dust import ModbusOptions
from devices.plausible import PARTICLES, disordered
from devices.quantities import QUANTITIES
from devices.readings import Refusal, Values
from devices.registers import PRESETS, crc_modbus, read_exchange, requests, with_crc
from devices.talkers import TALKERS, cut, unstuffed
from ingest.settings import Line, line

LISTENED: Final = tuple(
    map(line, ("9600 8N1", "115200 8N1", "4800 8N1", "19200 8N1", "38400 8N1", "57600 8N1", "2400 8N1"))
)
"""PM modules talk at 9600 baud; loggers mostly at 9600 or 115200."""
ASKED: Final = tuple(
    map(
        line,
        (
            "9600 8N1", "4800 8N1", "19200 8N1", "115200 8N1", "2400 8N1", "38400 8N1", "57600 8N1", "9600 8E1",
            "19200 8E1",
        ),
    )
)  # fmt: skip
"""Dust stations leave the works at 4800 or 9600 8N1; 19200 8E1 is the standard's own (V1.02 §2.5.1)."""
SLAVES: Final = (*range(1, 17), 35)
"""Asked at every rate: who sets an address sets a small one; 35 is Kuanke's vane. At the right rate all are asked."""
_LAST_SLAVE: Final = 247
_Way = tuple[int, int, int]  # function, first register, how many
_FIRST: Final[tuple[_Way, ...]] = (
    (3, 0, 1),
    (3, 500, 1),
)  # a slave without these registers says so, and that is an answer
_ANSWER_S: Final = 0.2  # a slave that is there answers in 50 to 100 ms
_READ_S: Final = 0.6  # and may take longer over many registers, as a module over a measurement
_SHOWN: Final = 10  # registers of a slave whose map we do not know

Doing = Literal["listen", "ask modules", "ask slaves", "ask all slaves", "read maps"]
Tell = Callable[[Doing, Line, float], None]
"""What is done next, how the line is set for it, and how many seconds it takes at the most."""


class OtherMasterError(Exception):
    """Somebody else asks on this line already; two masters spoil one another's exchanges."""


class Found(Struct, frozen=True, kw_only=True):
    """Somebody on the line.

    line       as in YAML: `4800 8N1`
    protocol   as in YAML
    asked      it answered a question; it does not talk by itself
    slave, mn  of a Modbus slave, of an HJ 212 station
    options    of its model, as in YAML; empty: of a slave, that no preset fits
    others     presets that fit as well: they read the same registers otherwise
    values     what it says now, by quantity
    registers  of a slave that no preset fits: the numbers in the first registers that it gives, `3@0`
    """

    line: str
    protocol: str
    asked: bool = True
    slave: int | None = None
    mn: str = ""
    options: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    registers: dict[str, list[int]] = field(default_factory=dict)


def written(setting: Line) -> str:
    """Write a setting as in YAML."""
    return f"{setting.baud} {setting.data_bits}{setting.parity}{setting.stop_bits}"


def probe(port: str, tell: Tell, *, listen_s: float = 6.0, slaves: Iterable[int] = SLAVES) -> list[Found]:
    """Return who is there; [] = nobody that we know.

    Raises OSError when the port cannot be opened or is lost, OtherMasterError.
    """
    try:
        with Serial(port, timeout=0, write_timeout=1, exclusive=True) as opened:
            prober = _Prober(opened, tell)
            return prober.listen(listen_s) or prober.modules() or prober.slaves(tuple(slaves))
    except termios.error as error:  # what flushing raises of an adapter that is gone
        raise OSError(*error.args) from error


class _Prober:
    def __init__(self, port: Serial, tell: Tell) -> None:
        self._port = port
        self._tell = tell
        self._took_s = 0.0  # the slowest answer so far

    def _set(self, doing: Doing, setting: Line, seconds: float) -> bool:
        """Set the line, and tell what comes; False = the adapter cannot do that rate or parity."""
        try:
            self._port.baudrate = setting.baud
            self._port.bytesize, self._port.parity = setting.data_bits, setting.parity
            self._port.stopbits = setting.stop_bits
        except ValueError:
            return False
        except termios.error as error:
            if error.args[0] == errno.EINVAL:
                return False
            raise
        self._port.reset_input_buffer()
        self._tell(doing, setting, seconds)
        return True

    def _hear(self, seconds: float) -> Iterator[bytes]:
        """Yield what comes, as it comes."""
        until = monotonic() + seconds
        while (wait_s := until - monotonic()) > 0:
            self._port.timeout = min(wait_s, 0.05)
            data: bytes = self._port.read(1)
            if data:
                yield data + self._port.read(self._port.in_waiting)

    # ------------------------------------------------------------------------------------------ who talks by himself

    def listen(self, seconds: float) -> list[Found]:
        """Listen at each rate until somebody makes sense; at the first alone when there is nothing at all."""
        for setting in LISTENED:
            if not self._set("listen", setting, seconds):
                continue
            heard = b""
            for data in self._hear(seconds):
                heard += data
                found = _talker_in(heard, setting, sure=True) or _station_in(heard, setting)
                if found:
                    return found
            found = _talker_in(heard, setting, sure=False)
            if found or not heard:
                return found
            if _asks(heard):
                raise OtherMasterError(written(setting))
        return []

    # ------------------------------------------------------------------------------------------------------- modules

    def modules(self) -> list[Found]:
        """Ask each kind of PM module for one measurement."""
        for setting in (line("9600 8N1"), line("115200 8N1")):
            kinds = [name for name, talker in TALKERS.items() if talker.asked_only == (setting.baud == 115_200)]  # noqa: PLR2004 - SPS30
            can = self._set("ask modules", setting, _READ_S * len(kinds))
            for name in kinds if can else ():
                heard = b""
                self._port.write(TALKERS[name].ask)
                for data in self._hear(_READ_S):
                    heard += data
                    found = _module_in(heard, name, setting)
                    if found:
                        return found
        return []

    # -------------------------------------------------------------------------------------------------------- slaves

    def slaves(self, first: tuple[int, ...]) -> list[Found]:
        """Ask some slaves at every rate; where one answers, all."""
        for setting in ASKED:
            each_s = _ANSWER_S + self._pause_s(setting) + self._wire_s(1, setting)
            if not self._set("ask slaves", setting, len(first) * len(_FIRST) * each_s):
                continue
            there = self._answering(first, _FIRST, _ANSWER_S)
            if there:
                ways = tuple(dict.fromkeys(there.values()))
                rest = [slave for slave in range(1, _LAST_SLAVE + 1) if slave not in first]
                wait_s = min(_ANSWER_S, 0.03 + 2 * self._took_s)  # they are of one kind, mostly
                self._tell("ask all slaves", setting, len(rest) * len(ways) * (each_s - _ANSWER_S + wait_s))
                there |= self._answering(rest, ways, wait_s)
                self._tell("read maps", setting, len(there) * len(PRESETS) * _READ_S)
                return [self._slave(slave, setting) for slave in sorted(there)]
        return []

    def _answering(self, slaves: Iterable[int], ways: tuple[_Way, ...], wait_s: float) -> dict[int, _Way]:
        """Return the slaves that are there, and what they answered."""
        found = {}
        for slave in slaves:
            way = next((way for way in ways if self._asked(slave, way, wait_s)), None)
            if way is not None:
                found[slave] = way
        return found

    def _asked(self, slave: int, way: _Way, wait_s: float) -> bytes:
        """Ask one slave for some registers; return the exchange, b"" = no answer."""
        return self._exchange(with_crc(struct.pack(">BBHH", slave, *way)), wait_s)

    def _exchange(self, request: bytes, wait_s: float) -> bytes:
        setting = line(f"{self._port.baudrate} 8N1")
        for _ in self._hear(self._pause_s(setting)):
            pass
        self._port.write(request)
        heard, began = b"", monotonic()
        for data in self._hear(wait_s + self._wire_s(request[5], setting)):
            heard += data
            response = _response_in(heard, request)
            if response:
                self._took_s = max(self._took_s, monotonic() - began)
                return request + response
        return b""

    @staticmethod
    def _pause_s(setting: Line) -> float:
        """Let late answers come, and the silence that begins a frame: 3.5 characters."""
        return max(0.002, 40 / setting.baud)

    @staticmethod
    def _wire_s(registers: int, setting: Line) -> float:
        """Work out how long a question for so many registers and its answer take on the wire."""
        return 11 * (8 + 5 + 2 * registers) / setting.baud

    def _slave(self, slave: int, setting: Line) -> Found:
        """Read a slave by every map that we know; the best one is its preset."""
        fitting = []
        for preset, registers in PRESETS.items():
            exchanges = [self._exchange(request, _READ_S) for request in requests(registers, slave)]
            read = _read(preset, exchanges)
            if read is not None:
                fitting.append(read)
        found = Found(line=written(setting), protocol="modbus-rtu", slave=slave)
        if not fitting:
            return structs.replace(found, registers=self._registers(slave))
        fitting.sort(
            key=lambda read: read.told, reverse=True
        )  # stable: of equals the first in the list is the commonest
        best, *others = fitting
        also = tuple(read.preset for read in others if read.told == best.told)
        return structs.replace(found, options={"preset": best.preset}, others=also, values=best.values)

    def _registers(self, slave: int) -> dict[str, list[int]]:
        told = {}
        for function in (3, 4):
            for first in (0, 500):
                exchange = self._asked(slave, (function, first, _SHOWN), _READ_S)
                answered = read_exchange(exchange[:8], exchange[8:])
                if not isinstance(answered, Refusal):
                    told[f"{function}@{first}"] = list(struct.unpack(f">{_SHOWN}H", answered[1]))
        return told


# ------------------------------------------------------------------------------------------------------ what was heard


def _talker_in(heard: bytes, setting: Line, *, sure: bool) -> list[Found]:
    """Look for the frames of a PM module. sure: only with values; a fan that has just started says none for a while."""
    found = []
    for name, talker in TALKERS.items():
        frames, _ = cut(talker, bytearray(heard))
        if frames and not talker.asked_only:
            options, values = _guessed(name, frames)
            if values or not sure:
                found.append(Found(line=written(setting), protocol=name, asked=False, options=options, values=values))
    # SEN0177 takes any frame of its length, also Honeywell's: it is what is left when it is nothing else.
    found.sort(key=lambda each: (not each.values, each.options.get("variant") == "sen0177"))
    return found[:1]


def _module_in(heard: bytes, name: str, setting: Line) -> list[Found]:
    """Look for the answer of a module; one that measures nothing yet answers without data."""
    talker = TALKERS[name]
    if talker.asked_only:
        talker = structs.replace(talker, wanted=lambda frame: len(unstuffed(frame) or b"") >= 5)  # noqa: PLR2004 - our own echo is shorter
    frames, _ = cut(talker, bytearray(heard))
    if not frames:
        return []
    options, values = _guessed(name, frames)
    return [Found(line=written(setting), protocol=name, options=options, values=values)]


def _guessed(model: str, frames: list[bytes]) -> tuple[dict[str, str], dict[str, float]]:
    """Say which variant of a module it is, and what it says."""
    found = [
        guess for guess in guesses([Uplink(address="", payload=frame) for frame in frames]) if guess.model == model
    ]
    # A PMS5003T says temperature and humidity where others count particles, of which the greater are never more.
    found = [
        g for g in found if "temperature_c" not in g.values or g.values["humidity_pct"] > g.values["temperature_c"]
    ]
    found = [guess for guess in found if _in_order(guess.values)] or found
    if not found:
        return {}, {}
    warm = [guess for guess in found if "temperature_c" in guess.values]
    best = (warm or found)[0]
    return best.options, {name: float(value) for name, value in best.values.items()}


def _in_order(values: dict[str, float]) -> bool:
    """Whether each class of particles holds the one before it; HPMA115S0 and C0 have them at other places."""
    said = [values[name] for name in PARTICLES if name in values]
    return said == sorted(said)


def _station_in(heard: bytes, setting: Line) -> list[Found]:
    """Look for packets of HJ 212 stations."""
    packets = [packet for packet in map(parse, Splitter().feed(heard)) if isinstance(packet, Packet) and packet.mn]
    numbers = [value for packet in packets for name, value in _particles(packet)]
    unit = "mg_m3" if numbers and max(numbers) < 2 else "ug_m3"  # noqa: PLR2004 - a city's air has more than 2 µg/m³
    return [
        Found(line=written(setting), protocol="hj212", asked=False, mn=str(mn), options={"pm_unit": unit})
        for mn in dict.fromkeys(packet.mn for packet in packets)
    ]


_PARTICLES: Final = ("a34001", "a34002", "a34004", "PM10", "PM25", "TSP")


def _particles(packet: Packet) -> Iterator[tuple[str, float]]:
    for part in packet.cp.replace(",", ";").split(";"):
        name, _, value = part.partition("=")
        factor, _, kind = name.partition("-")
        if factor in _PARTICLES and kind in ("Rtd", "Avg"):
            try:
                yield factor, float(value)
            except ValueError:
                continue


def _asks(heard: bytes) -> bool:
    """Whether somebody asks Modbus slaves to be read."""
    return any(
        heard[at + 1] in (3, 4) and 1 <= heard[at] <= _LAST_SLAVE and crc_modbus(heard[at : at + 8]) == 0
        for at in range(len(heard) - 7)
    )


def _response_in(heard: bytes, request: bytes) -> bytes:
    """Find the answer to a request, behind our own echo and other noise."""
    for at in range(len(heard)):
        for size in (5 + 2 * request[5], 5):
            response = heard[at : at + size]
            if len(response) != size or crc_modbus(response) != 0 or response[0] != request[0]:
                continue
            answered = read_exchange(request, response)
            if not isinstance(answered, Refusal) or answered.reason == "incomplete":
                return response
    return b""


# --------------------------------------------------------------------------------------------------------- which map


class _Read(NamedTuple):
    """What a preset makes of a slave's registers; told: how many of its values say something."""

    preset: str
    told: int
    values: dict[str, float]


_OUTDOORS: Final = {
    "temperature_c": (-40.0, 60.0),
    "pressure_hpa": (500.0, 1100.0),
    "noise_db": (20.0, 140.0),
    "wind_speed_m_s": (0.0, 40.0),
    "wind_direction_deg": (0.0, 360.0),
}
"""Narrower than what can be: a map that is not this slave's makes numbers of everything."""
_LEAST: Final = 0.1  # what is less is the noise of a wrong type: an f32 made of two small counts is 1e-39


def _read(preset: str, exchanges: list[bytes]) -> _Read | None:
    """Read a slave's answers by a preset; None = they are not of this map."""
    options = ModbusOptions(preset=preset)
    values: dict[str, float] = {}
    for exchange in exchanges:
        said = modbus_dust.decode(exchange, None, options)
        if not isinstance(said, Values) or disordered(said):
            return None
        named = ((name, getattr(said, name)) for name in said.__struct_fields__ if name in QUANTITIES)
        values |= {name: value for name, value in named if value is not None}
    told = {name: value for name, value in values.items() if abs(value) >= _LEAST}  # 0: that part is not built in
    for name, value in told.items():
        low, high = _OUTDOORS.get(name, (QUANTITIES[name].low or 0.0, QUANTITIES[name].high or 0.0))
        if not low <= value <= high:
            return None
    return _Read(preset, len(told), values) if told else None
