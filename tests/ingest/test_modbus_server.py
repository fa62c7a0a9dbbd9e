"""A real Modbus RTU server, pymodbus', on a pseudo-terminal: a bad line, and neighbours that talk by themselves."""

import asyncio
import os
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

import pytest
from msgspec import Struct
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from devices import catalogue
from devices.models import modbus_dust, plantower_pms
from devices.models.modbus_dust import ModbusOptions
from devices.readings import Refusal, Values
from devices.registers import Register, with_crc
from devices.registry import Device
from devices.talkers import TALKERS
from ingest.settings import line
from ingest.sources.modbus_rtu import ModbusLine, polls_of
from ingest.sources.serial_line import TalkerLine
from tests.ingest.lines import Heard, running, until

FAST = line("115200 8N1")
BLOCK = dict.fromkeys(range(500, 512), 0) | {504: 455, 505: 0xFFCE, 506: 631, 507: 35, 508: 151, 509: 1013}
STATION = ModbusOptions(preset="500-block")
VANE = ModbusOptions(preset="kuanke-wind")
BEYOND = ModbusOptions(registers=(Register(address=9000, quantity="tsp_ug_m3"),))

Alter = Callable[[bytes], bytes]
"""What becomes of an answer on its way; nothing = it is lost."""


def neighbours_frame(number: int) -> bytes:
    """Make what a PM module says by itself."""
    values = plantower_pms.Particles(pm1_ug_m3=1.0 + number % 9, pm25_ug_m3=10.0, pm10_ug_m3=20.0)
    return plantower_pms.encode(values, plantower_pms.PlantowerOptions())[1]


class Bus:
    """Two wires on which everybody hears everybody: us, the server, and who else talks.

    ours, theirs  device files of the two ends
    echo          our own bytes come back to us, as from many adapters
    """

    def __init__(self, *, echo: bool) -> None:
        self.echo = echo
        self._stop = threading.Event()
        self._ends = [os.openpty(), os.openpty()]
        for _, end in self._ends:
            tty.setraw(end)
        self.ours, self.theirs = (os.ttyname(end) for _, end in self._ends)
        self._thread = threading.Thread(target=self._carry)

    def say(self, data: bytes) -> None:
        """Talk to us, whoever else is talking."""
        os.write(self._ends[0][0], data)

    def _carry(self) -> None:
        ours, theirs = (end for end, _ in self._ends)
        while not self._stop.is_set():
            for end in select.select([ours, theirs], [], [], 0.02)[0]:
                data = os.read(end, 4096)
                os.write(theirs if end == ours else ours, data)
                if end == ours and self.echo:
                    os.write(ours, data)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        for pair in self._ends:
            for end in pair:
                with suppress(OSError):
                    os.close(end)


def simulated(slave: int, words: dict[int, int]) -> SimDevice:
    """Make one slave with these registers, holding and input alike."""
    data = [SimData(address, values=word, datatype=DataType.REGISTERS) for address, word in sorted(words.items())]
    return SimDevice(slave, simdata=data)


@contextmanager
def server(port: str, devices: dict[int, dict[int, int]], alter: Alter = lambda answer: answer) -> Iterator[None]:
    """Let pymodbus serve; slaves that are not among `devices` do not answer."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    made: list[ModbusSerialServer] = []

    def trace(sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        if not sending:
            return data
        return alter(data) if data[0] in devices else b""  # pymodbus speaks for slaves that are not there

    async def serve() -> None:
        slaves = [simulated(slave, words) for slave, words in devices.items()]
        made.append(ModbusSerialServer(slaves, framer=FramerType.RTU, port=port, baudrate=115200, trace_packet=trace))
        await made[0].serve_forever(background=True)
        ready.set()
        with suppress(asyncio.CancelledError):
            await made[0].serving

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10), "the server is up"
        yield
    finally:
        asyncio.run_coroutine_threadsafe(made[0].shutdown(), loop).result(10)  # type: ignore[no-untyped-call]
        thread.join(10)
        loop.close()


def device(slave: int, options: Struct) -> Device:
    address = f"modbus:gate/{slave}"
    return Device(id=address, model="modbus-dust", family="dust", address=address, interval_ms=60_000, options=options)


def master(bus: Bus, heard: Heard, devices: list[Device], answer_s: float = 1.0) -> ModbusLine:
    polls = polls_of(devices, "gate")
    return ModbusLine("gate", bus.ours, FAST, heard.report, polls=polls, poll_s=0.03, answer_s=answer_s)


def said(heard: Heard, slave: int, options: ModbusOptions) -> list[Values | Refusal]:
    """Read all that one slave is said to have said."""
    place = f"gate/{slave}".encode()
    read = [modbus_dust.decode(payload, None, options) for at, payload, _ in heard.frames if at == place]
    return [each for each in read if isinstance(each, Values | Refusal)]


def right(values: Values | Refusal) -> bool:
    shape = modbus_dust.shape(STATION)
    assert isinstance(values, shape), values
    return [values.pm25_ug_m3, values.pm10_ug_m3, values.temperature_c, values.pressure_hpa] == [35, 151, -5, 1013]  # type: ignore[attr-defined]


@pytest.mark.parametrize("echo", [False, True])
def test_two_slaves_are_read_by_their_presets(echo: bool) -> None:  # noqa: FBT001 - parameter
    heard = Heard()
    devices = [device(3, STATION), device(0x23, VANE)]
    with Bus(echo=echo) as bus, server(bus.theirs, {3: BLOCK, 0x23: {7: 2800}}):
        source = master(bus, heard, devices)
        with running(source, heard):
            until(lambda: len(said(heard, 0x23, VANE)) >= 5, "five rounds")
    assert all(map(right, said(heard, 3, STATION)))
    assert {vane.wind_direction_deg for vane in said(heard, 0x23, VANE)} == {280.0}  # type: ignore[union-attr]
    assert heard.links == [True]
    assert not source.counts()["noise_bytes"]


def test_a_bad_day_on_the_line() -> None:
    """Echo, answers lost, damaged or of another slave, exceptions, a dead slave, and a neighbour that talks."""
    heard = Heard()
    turn = [0]

    def alter(answer: bytes) -> bytes:
        turn[0] += 1
        match turn[0] % 7:
            case 1:
                return b""  # lost
            case 3:
                return with_crc(bytes((answer[0] ^ 0x40,)) + answer[1:-2])  # of another slave, and well-formed
            case 5:
                return answer[:-1] + bytes((answer[-1] ^ 1,))  # damaged
        return answer

    devices = [device(3, STATION), device(4, BEYOND), device(9, STATION)]
    talking = threading.Event()

    def talk(bus: Bus) -> None:
        number = 0
        while not talking.wait(0.007):
            bus.say(neighbours_frame(number))
            number += 1

    with Bus(echo=True) as bus, server(bus.theirs, {3: BLOCK, 4: {0: 1}}, alter):
        source = master(bus, heard, devices, answer_s=0.1)
        neighbour = threading.Thread(target=talk, args=(bus,))
        neighbour.start()
        try:
            with running(source, heard):
                until(lambda: len(said(heard, 3, STATION)) >= 20 and len(said(heard, 4, BEYOND)) >= 5, "rounds")
        finally:
            talking.set()
            neighbour.join(10)
    assert all(map(right, said(heard, 3, STATION))), "no foreign or damaged byte becomes a value"
    for exception in said(heard, 4, BEYOND):
        assert isinstance(exception, Refusal)
        assert exception.detail == "slave 4 answers exception 2 (illegal data address)"
    assert said(heard, 9, STATION) == []
    counts = source.counts()
    assert counts["no_answer"] > 10, "lost ones are asked for again, the dead slave ever less"
    assert counts["exceptions"] >= 5
    assert counts["noise_bytes"] > 1000, "the neighbour is noise here"
    assert heard.links == [True]


def test_a_neighbour_on_a_line_of_its_own_is_not_disturbed() -> None:
    """While a dead slave holds the one line up, the module on the other is heard all the time."""
    modbus, module = Heard(), Heard()
    plantower = catalogue.model("plantower-pms")
    with Bus(echo=False) as bus, Bus(echo=False) as other, server(bus.theirs, {3: BLOCK}):
        source = master(bus, modbus, [device(3, STATION), device(9, STATION)], answer_s=0.2)
        talker = TalkerLine("kiosk", other.ours, FAST, module.report, talker=TALKERS["plantower-pms"])
        with running(source, modbus), running(talker, module):
            until(lambda: talker.counts()["opened"], "the port is open")
            for number in range(60):
                other.say(neighbours_frame(number))
                until(lambda number=number: len(module.frames) > number, "every frame at once", 2)  # type: ignore[misc]
            until(lambda: len(said(modbus, 3, STATION)) >= 3, "and the slave that lives answers")
    assert module.payloads == [neighbours_frame(number) for number in range(60)]
    assert all(isinstance(plantower.decode(p, None, plantower.options()), Values) for p in module.payloads)
    assert source.counts()["no_answer"] >= 1
