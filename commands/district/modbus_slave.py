"""Modbus RTU slaves on one line, as seen from outside: they answer reads of their registers, or with an exception."""

import threading
from typing import Final

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
)

from commands.district.wire import Wire

_LOOK_S: Final = 0.2
_REQUEST_BYTES: Final = 8


class ModbusSlaves:
    """All slaves of one line.

    registers  slave -> register -> word; may change meanwhile. Holding and input registers are the same. A slave that
               is not in it does not answer; a register that is not in it is an illegal address
    answered   how many requests were answered
    """

    def __init__(self, wire: Wire, registers: dict[int, dict[int, int]]) -> None:
        self.registers = registers
        self.answered = 0
        self._wire = wire
        self._framer = FramerRTU(DecodePDU(is_server=True))

    def run(self, stop: threading.Event) -> None:
        """Answer until `stop`. Raises OSError when the line is gone."""
        heard = b""
        while not stop.is_set():
            data = self._wire.read(_LOOK_S)
            heard = heard + data if data else b""  # silence begins a new frame
            if len(heard) < _REQUEST_BYTES:
                continue
            _, request = self._framer.handleFrame(heard, 0, 0)
            if isinstance(request, ReadHoldingRegistersRequest) and request.dev_id in self.registers:
                self.say(request.dev_id, heard, self._framer.buildFrame(self._answer(request)))
            heard = b""

    def say(self, _slave: int, _request: bytes, answer: bytes) -> None:
        """Send an answer; a test may spoil it here."""
        self.answered += 1
        self._wire.write(answer)

    def _answer(self, request: ReadHoldingRegistersRequest) -> ModbusPDU:
        words = self.registers[request.dev_id]
        asked = range(request.address, request.address + request.count)
        if not all(register in words for register in asked):
            return ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_ADDRESS, device_id=request.dev_id)
        kind = ReadInputRegistersResponse if request.function_code == 4 else ReadHoldingRegistersResponse  # noqa: PLR2004 - V1.1b3, 6.4
        return kind(dev_id=request.dev_id, registers=[words[register] for register in asked])
