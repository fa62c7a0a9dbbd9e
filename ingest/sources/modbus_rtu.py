"""An RS485 line with several Modbus RTU slaves, which are asked in turn.

Requests and checksums are pymodbus'; the waiting is ours, for pymodbus' own client polls the port with sleeps, counts
its timeout on the civil clock, hides the bytes, and throws an answer away together with noise that comes before it.

Source: Modbus over Serial Line V1.02, 2.5.1 (frames, silence of 3.5 characters); Modbus Application Protocol V1.1b3,
6.3 and 6.4 (read registers), 7 (exceptions).
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Final, NamedTuple

from msgspec import Struct
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest
from serial import Serial

from devices.models.modbus_dust import ModbusOptions
from devices.registers import reads
from devices.registry import Device
from ingest.settings import Line
from ingest.sources import Deliver, Report
from ingest.sources.serial_line import STOP_LOOK_S, SerialLine

BACK_OFF_S: Final = 300.0
"""A slave that never answers is asked at least so often, for somebody may have repaired it."""
DEAD_AFTER: Final = 2
"""Rounds in a row without any answer, after which a slave counts as dead."""
GATHER_S: Final = 0.005
"""Once an answer has begun, its bytes are gathered for so long before we look again."""

_READ: Final = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
_EXCEPTION: Final = 0x80
_FRAMER: Final = FramerRTU(DecodePDU(is_server=False))


class Request(Struct, frozen=True):
    """Registers to be read together.

    function  3 = holding registers, 4 = input registers
    address   of the first, as it goes over the wire (0-based)
    count     1 to 125
    """

    function: int
    address: int
    count: int


def polls_of(devices: Iterable[Device], line_name: str) -> dict[int, tuple[Request, ...]]:
    """Work out what the registered devices of one line (`modbus:gate/3`) are to be asked: all that their maps need."""
    polls = {}
    for device in devices:
        if device.address.startswith(f"modbus:{line_name}/") and isinstance(device.options, ModbusOptions):
            plan = device.options.map
            asked = tuple(Request(plan.function, first, count) for first, count in reads(plan))
            polls[int(device.address.rpartition("/")[2])] = asked
    return polls


class _Question(NamedTuple):
    """A request ready to be sent, and how its answer begins and ends.

    answer, refusal  how the answer begins; an exception's is always 5 bytes long
    """

    frame: bytes
    answer: bytes
    length: int
    refusal: bytes


@dataclass
class _Slave:
    """One slave: what it is asked, when it is asked next, and how many rounds in a row it gave no answer."""

    questions: list[_Question]
    due: float
    failures: int = 0


class ModbusLine(SerialLine):
    """Asks every slave of one line all of its requests once in `poll_s`.

    The place of frames is `gate/3` (line and slave); the payload is request and response, one after the other; what
    one slave says in one round is one batch. An exception is an answer and delivered too.

    polls     slave -> requests, in the order in which they are asked; see `polls_of`
    answer_s  how long a slave may think before its answer begins; the time on the wire comes on top
    """

    def __init__(  # noqa: PLR0913 - a line and its plan
        self,
        name: str,
        port: str,
        line: Line,
        report: Report,
        *,
        polls: dict[int, tuple[Request, ...]],
        poll_s: float,
        answer_s: float = 0.5,
    ) -> None:
        super().__init__(name, port, line, report)
        self.poll_s = poll_s
        self.answer_s = answer_s
        self.set_polls(polls)
        self._counts |= {"asked": 0, "no_answer": 0, "exceptions": 0}
        bits = 1 + line.data_bits + (line.parity != "N") + line.stop_bits
        self._character_s = bits / line.baud
        self._silence_s = max(3.5 * self._character_s, 0.00175)

    def set_polls(self, polls: dict[int, tuple[Request, ...]]) -> None:
        """Ask this from the next question on; callable from any thread. Raises ValueError, and changes nothing then."""
        self._plan = {slave: [_question(slave, request) for request in asked] for slave, asked in polls.items()}

    def _talk(self, port: Serial, deliver: Deliver, stop: threading.Event) -> None:
        plan: dict[int, list[_Question]] = {}
        slaves: dict[int, _Slave] = {}
        while not stop.is_set():
            if plan is not self._plan:
                plan = self._plan
                slaves = {number: slaves.get(number) or _Slave([], monotonic()) for number in plan}
                for number, slave in slaves.items():
                    slave.questions = plan[number]
            number = min(slaves, key=lambda each: slaves[each].due, default=0)
            wait_s = slaves[number].due - monotonic() if slaves else STOP_LOOK_S
            if wait_s > 0:
                self._noise(len(self._read(port, wait_s)))  # sees, too, that the adapter is pulled
                continue
            slave = slaves[number]
            payloads = self._ask_all(port, slave, stop)
            if payloads:
                if slave.failures >= DEAD_AFTER and not self._up:
                    for other in slaves.values():  # the cable is whole again: nobody needs to be spared
                        other.due = monotonic()
                        other.failures = 0
                slave.failures = 0
                slave.due = max(slave.due + self.poll_s, monotonic())
                self._deliver(deliver, f"{self.name}/{number}", payloads)
            elif not stop.is_set():
                self._no_answer(slave, slaves)

    def _no_answer(self, slave: _Slave, slaves: dict[int, _Slave]) -> None:
        """Ask a dead slave ever less often, as long as others are kept waiting by it."""
        slave.failures += 1
        nobody = all(other.failures >= DEAD_AFTER for other in slaves.values())
        if nobody:
            self._set_link(up=False, why="no slave answers")
        rounds = 1 if nobody else 2 ** min(slave.failures - 1, 8)
        slave.due = monotonic() + max(self.poll_s, min(rounds * self.poll_s, BACK_OFF_S))

    def _ask_all(self, port: Serial, slave: _Slave, stop: threading.Event) -> list[bytes]:
        """Return request and response of every question that is answered; the rest of a round dies with the first."""
        payloads: list[bytes] = []
        for question in slave.questions:
            answer = self._ask(port, question, stop)
            if not answer and not slave.failures and not stop.is_set():
                answer = self._ask(port, question, stop)
                if answer:
                    # Both may have been answered. The second answer must not be taken for one to the next question.
                    stop.wait(self._timeout_s(question))
            if not answer:
                break
            payloads.append(question.frame + answer)
        return payloads

    def _ask(self, port: Serial, question: _Question, stop: threading.Event) -> bytes:
        """Send a question; return its answer, or nothing when none has come in time."""
        stop.wait(self._silence_s)
        self._noise(len(self._read(port, 0)))  # late answers, chatter
        self._counts["asked"] += 1
        port.write(question.frame)
        until = monotonic() + self._timeout_s(question)
        heard = bytearray()
        while not stop.is_set() and (wait_s := until - monotonic()) > 0:
            heard += self._read(port, wait_s)
            answer, noise = _answer_in(heard, question)
            if answer:
                self._noise(noise)
                self._counts["exceptions"] += answer[1] >= _EXCEPTION
                return answer
            stop.wait(GATHER_S)
        self._noise(len(heard))
        if not stop.is_set():
            self._counts["no_answer"] += 1
            self._missed.add("no_answer")
        return b""

    def _timeout_s(self, question: _Question) -> float:
        return self.answer_s + 1.5 * self._character_s * (len(question.frame) + question.length)


def _question(slave: int, request: Request) -> _Question:
    """Raise ValueError for what Modbus cannot ask: another function, no or more than 125 registers, slave 0."""
    kind = _READ.get(request.function)
    if kind is None or not 1 <= slave <= 247:  # noqa: PLR2004 - Modbus over Serial Line 2.2
        raise ValueError(f"slave {slave}, {request}: slaves are 1 to 247, functions {' and '.join(map(str, _READ))}")
    frame = _FRAMER.buildFrame(kind(dev_id=slave, address=request.address, count=request.count))
    size = 2 * request.count
    function = request.function
    return _Question(frame, bytes((slave, function, size)), 5 + size, bytes((slave, function | _EXCEPTION)))


def _answer_in(heard: bytearray, question: _Question) -> tuple[bytes, int]:
    """Find a question's answer in what was heard since it was sent; (answer or nothing, bytes of noise around it).

    Our own bytes come back on many two-wire adapters: they are no noise, and not the answer.
    """
    echo = heard.find(question.frame)
    begin = 0 if echo < 0 else echo + len(question.frame)
    for head, length in ((question.answer, question.length), (question.refusal, 5)):
        at = heard.find(head, begin)
        while at >= 0:
            answer = bytes(heard[at : at + length])
            if len(answer) == length and FramerRTU.check_CRC(answer[:-2], int.from_bytes(answer[-2:], "big")):
                return answer, len(heard) - length - (0 if echo < 0 else len(question.frame))
            at = heard.find(head, at + 1)
    return b"", 0
