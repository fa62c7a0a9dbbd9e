"""Modbus RTU slaves on one RS485 line, over real pseudo-terminals."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from msgspec import Struct

from commands.district.modbus_slave import ModbusSlaves
from commands.district.wire import Wire
from devices.frames import Batch
from devices.models import NoOptions, modbus_dust
from devices.models.modbus_dust import ModbusOptions
from devices.registers import Register
from devices.registry import Device
from ingest.settings import line
from ingest.sources import Acknowledge, modbus_rtu
from ingest.sources.modbus_rtu import ModbusLine, Request, polls_of
from tests.ingest.lines import Cable, Heard, device, running, until

FAST = line("115200 8N1")
PM = Request(3, 0x1FB, 3)
# A captured dialogue with a "500 block" station: CO2 or PM2.5 5, PM10 15, 1019 (0.1 kPa); reference/devices.md 3b.
ASKED, ANSWERED = bytes.fromhex("010301fb000375c6"), bytes.fromhex("0103060005000f03fb9c05")
STATION = {507: 5, 508: 15, 509: 1019}
Polls = dict[int, tuple[Request, ...]]


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    with Cable(tmp_path) as cable:
        yield cable


def source(  # a master that is in a hurry
    cable: Cable, heard: Heard, polls: Polls, poll_s: float = 0.02, answer_s: float = 2
) -> ModbusLine:
    return ModbusLine("gate", str(cable.ours), FAST, heard.report, polls=polls, poll_s=poll_s, answer_s=answer_s)


class Spoiled(ModbusSlaves):
    """Slaves on a bad line: what they say goes through `spoil`, which gives the pieces that arrive."""

    def __init__(
        self,
        wire: Wire,
        registers: dict[int, dict[int, int]],
        spoil: Callable[[int, bytes, bytes], list[bytes]] = lambda _slave, _request, answer: [answer],
    ) -> None:
        super().__init__(wire, registers)
        self.spoil = spoil
        self.requests: list[bytes] = []

    def say(self, slave: int, request: bytes, answer: bytes) -> None:
        self.requests.append(request)
        for piece in self.spoil(slave, request, answer):
            super().say(slave, request, piece)


@contextmanager
def slaves(
    cable: Cable,
    registers: dict[int, dict[int, int]],
    spoil: Callable[[int, bytes, bytes], list[bytes]] = lambda _slave, _request, answer: [answer],
) -> Iterator[Spoiled]:
    with Wire.open(cable.theirs) as wire:
        simulated = Spoiled(wire, registers, spoil)

        def run(stop: threading.Event) -> None:
            with suppress(OSError):  # the cable is pulled
                simulated.run(stop)

        with device(run):
            yield simulated


def numbers(heard: Heard, place: bytes) -> list[int]:
    """Give what one slave's only register said, one number a round."""
    return [int.from_bytes(payload[11:13], "big") for at, payload, _ in heard.frames if at == place]


def test_slaves_are_asked_in_turn_and_the_bytes_are_kept(cable: Cable) -> None:
    heard = Heard()
    polls = {1: (PM,), 2: (Request(4, 10, 1), Request(3, 20, 2))}
    with slaves(cable, {1: STATION, 2: {10: 0xFFFF, 20: 1, 21: 2}}), running(source(cable, heard, polls), heard):
        until(lambda: len(heard.batches) >= 4, "two rounds")
    assert [[place for place, _, _ in batch.frames] for batch in heard.batches[:4]] == 2 * [
        [b"gate/1"],
        [b"gate/2", b"gate/2"],
    ]
    assert heard.payloads[0] == ASKED + ANSWERED
    assert heard.payloads[1][:6] == bytes.fromhex("0204000a0001")
    assert heard.payloads[1][8:13] == bytes.fromhex("020402ffff")
    assert heard.links == [True]
    assert not heard.missed("noise_bytes")


NOISE = b"\x00\x01\x03\xff\x01\x83"
BAD_LINES: dict[str, Callable[[bytes, bytes], list[bytes]]] = {
    "echo": lambda request, answer: [request, answer],
    "echo and answer in one piece": lambda request, answer: [request + answer],
    "noise before": lambda _request, answer: [NOISE + answer],
    "noise, echo, noise, answer, noise": lambda request, answer: [NOISE + request, NOISE, answer + NOISE],
    "byte by byte": lambda _request, answer: [answer[at : at + 1] for at in range(len(answer))],
    "a damaged answer before the good one": lambda _request, answer: [answer[:-1] + b"\x00" + answer],
    "half an answer before the whole one": lambda _request, answer: [answer[:5], answer],
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_an_answer_is_found_on_a_bad_line(cable: Cable, name: str) -> None:
    heard = Heard()
    line = source(cable, heard, {1: (PM,)})
    with (
        slaves(cable, {1: STATION}, lambda _slave, request, answer: BAD_LINES[name](request, answer)),
        running(line, heard),
    ):
        until(lambda: len(heard.frames) >= 5, "five answers")
    assert set(heard.payloads) == {ASKED + ANSWERED}
    assert line.counts()["no_answer"] == 0, "at the first go"
    assert (line.counts()["noise_bytes"] == 0) == (name in ("echo", "echo and answer in one piece", "byte by byte"))


def test_half_an_answer_is_asked_for_once_more(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard, {1: (PM,)}, answer_s=0.15)
    calls = iter(range(1000))
    with (
        slaves(cable, {1: STATION}, lambda _s, _r, answer: [answer[:6] if next(calls) % 2 == 0 else answer]),
        running(line, heard),
    ):
        until(lambda: len(heard.frames) >= 3, "answers")
    assert set(heard.payloads) == {ASKED + ANSWERED}
    assert line.counts()["no_answer"] >= 3
    assert heard.missed("no_answer") == line.counts()["no_answer"]
    assert heard.links == [True]


def test_an_exception_is_an_answer(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard, {1: (Request(3, 9000, 1),)})
    with slaves(cable, {1: STATION}), running(line, heard):
        until(lambda: len(heard.frames) >= 2, "answers")
    assert heard.payloads[0][8:] == bytes.fromhex("018302c0f1"), "illegal data address; Modbus V1.1b3, 7"
    assert line.counts()["exceptions"] >= 2
    assert line.counts()["no_answer"] == 0


class Timed(Heard):
    """Notes when what came."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[float] = []

    def deliver(self, batch: Batch, acknowledge: Acknowledge) -> None:
        self.arrivals.append(monotonic())
        super().deliver(batch, acknowledge)


def test_a_dead_slave_costs_the_others_its_timeout_and_is_asked_ever_less(cable: Cable) -> None:
    heard = Timed()
    line = source(cable, heard, {1: (PM,), 2: (PM, PM, PM)}, poll_s=0.05, answer_s=0.3)
    with slaves(cable, {1: STATION}), running(line, heard):
        until(lambda: len(heard.frames) >= 60, "sixty answers of the live one")
    # The dead one is asked twice at first, then after 1, 2, 4, 8 ... rounds of 50 ms.
    assert 4 <= line.counts()["no_answer"] <= 9
    assert heard.links == [True], "one of two is dead: that is no matter of the line"
    gaps = sorted(b - a for a, b in pairwise(heard.arrivals))
    assert gaps[len(gaps) // 2] < 0.3, "as a rule nobody waits"
    assert heard.missed("no_answer") == line.counts()["no_answer"]


def test_a_line_on_which_nobody_answers_is_down_and_comes_back_with_all(cable: Cable) -> None:
    heard = Heard()
    registers: dict[int, dict[int, int]] = {}
    polls: Polls = dict.fromkeys((1, 2, 3), (Request(3, 0, 1),))
    with slaves(cable, registers), running(source(cable, heard, polls, answer_s=0.1), heard):
        until(lambda: heard.links == [False], "down")
        assert heard.why() == "no slave answers"
        registers.update({1: {0: 1}, 2: {0: 2}, 3: {0: 3}})
        until(lambda: {place for place, _, _ in heard.frames} == {b"gate/1", b"gate/2", b"gate/3"}, "all are back", 3)
    assert heard.links == [False, True]


def test_a_repaired_slave_is_heard_again(cable: Cable) -> None:
    heard = Heard()
    registers = {1: {0: 1}}
    line = source(cable, heard, dict.fromkeys((1, 2), (Request(3, 0, 1),)), answer_s=0.1)
    with slaves(cable, registers), running(line, heard):
        until(lambda: line.counts()["no_answer"] >= 4, "2 is given up")
        registers[2] = {0: 2}
        until(lambda: numbers(heard, b"gate/2"), "2 answers")


def test_the_adapter_is_pulled_in_the_middle_of_an_answer(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard, {1: (PM,)})
    with running(line, heard):
        for round_ in range(3):
            pulled = threading.Event()

            def cut(_s: int, _r: bytes, answer: bytes, pulled: threading.Event = pulled) -> list[bytes]:
                pulled.set()
                return [answer[:6]]

            had = len(heard.frames)
            with slaves(cable, {1: STATION}) as simulated:
                until(lambda had=had: len(heard.frames) > had + 2, "answers")  # type: ignore[misc]
                simulated.spoil = cut
                assert pulled.wait(10)
                cable.pull()
            until(lambda round_=round_: heard.links == [True, False] * (round_ + 1), "down")  # type: ignore[misc]
            assert str(cable.ours) in heard.why()
            cable.plug()
        with slaves(cable, {1: STATION}):
            until(lambda: heard.links[-1], "up")
    assert set(heard.payloads) == {ASKED + ANSWERED}


def test_an_unplugged_adapter_is_noticed_between_two_polls(cable: Cable) -> None:
    heard = Heard()
    with slaves(cable, {1: STATION}), running(source(cable, heard, {1: (PM,)}, poll_s=3600), heard):
        until(lambda: heard.links == [True], "up")
        cable.pull()
        until(lambda: heard.links == [True, False], "down", 2)
        cable.plug()
    assert len(heard.frames) == 1


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_question(cable: Cable) -> None:
    """Both questions have answers of the same shape; the first one's comes twice, the second time late."""
    heard = Heard()
    held: list[bytes] = []

    def late(_slave: int, request: bytes, answer: bytes) -> list[bytes]:
        if request[3] != 10:
            return [answer]
        if not held:
            held.append(answer)
            return []
        return [answer, held.pop()]

    polls: Polls = {1: (Request(3, 10, 1), Request(3, 20, 1))}
    with slaves(cable, {1: {10: 111, 20: 222}}, late), running(source(cable, heard, polls, answer_s=0.1), heard):
        until(lambda: len(heard.batches) >= 4, "rounds")
    for payload in heard.payloads:
        assert int.from_bytes(payload[11:13], "big") == {10: 111, 20: 222}[payload[3]]


def test_a_reload_changes_what_is_asked(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard, {1: (Request(3, 0, 1),)}, poll_s=3600)
    with slaves(cable, {1: {0: 1, 5: 5}, 2: {0: 2}}) as simulated, running(line, heard):
        until(lambda: numbers(heard, b"gate/1"), "the first round")
        line.set_polls({1: (Request(3, 5, 1),), 2: (Request(3, 0, 1),)})
        until(lambda: numbers(heard, b"gate/2"), "the new slave is asked at once")
        with pytest.raises(ValueError, match="slaves are 1 to 247"):
            line.set_polls({1: (Request(3, 5, 1),), 300: (Request(3, 0, 1),)})
    assert len(simulated.requests) == 2, "the old one has its time, and nothing came of the wrong plan"


def test_registered_stations_are_asked_for_their_maps() -> None:
    def station(address: str, options: Struct) -> Device:
        return Device(
            id=address, model="modbus-dust", family="dust", address=address, interval_ms=60_000, options=options
        )

    far = (Register(address=10, quantity="pm10_ug_m3"), Register(address=900, quantity="tsp_ug_m3", type="u32"))
    devices = [
        station("modbus:gate/3", ModbusOptions(preset="500-block")),
        station("modbus:gate/21", ModbusOptions(function=4, registers=far)),
        station("modbus:gate2/4", ModbusOptions(preset="aqyc")),
        station("eui:24e124126a148401", NoOptions()),
    ]
    assert polls_of(devices, "gate") == {3: (Request(3, 500, 12),), 21: (Request(4, 10, 1), Request(4, 900, 2))}


def test_what_a_registered_station_says_can_be_read(cable: Cable) -> None:
    """From the registry's map to the values, over the wire."""
    options = ModbusOptions(preset="500-block")
    station = Device(
        id="dust-07",
        model="modbus-dust",
        family="dust",
        address="modbus:gate/3",
        interval_ms=60_000,
        options=options,
    )
    heard = Heard()
    words = dict.fromkeys(range(500, 512), 0) | {504: 455, 505: 0xFFCE, 506: 631, 507: 35, 508: 151, 509: 1013}
    with slaves(cable, {3: words}), running(source(cable, heard, polls_of([station], "gate")), heard):
        until(lambda: heard.frames, "an answer")
    values = modbus_dust.decode(heard.payloads[0], None, options)
    assert (values.pm10_ug_m3, values.pm25_ug_m3, values.temperature_c) == (151, 35, -5)  # type: ignore[union-attr]


def test_a_line_without_slaves_waits_for_its_first(cable: Cable) -> None:
    heard = Heard()
    line = source(cable, heard, {})
    with running(line, heard):
        until(lambda: line.counts()["opened"], "open")
    assert heard.reports == []


@pytest.mark.parametrize(
    ("slave", "request_"),
    [(0, PM), (248, PM), (1, Request(6, 0, 1)), (1, Request(3, 0, 126)), (1, Request(3, 70000, 1))],
)
def test_what_modbus_cannot_ask_is_refused_at_once(cable: Cable, slave: int, request_: Request) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        source(cable, Heard(), {slave: (request_,)})


def test_noise_never_becomes_an_answer() -> None:
    """100,000 damaged answers: either nothing is found, or the very bytes that were sent."""
    dice = random.Random(7)
    question = modbus_rtu._question(1, PM)
    wrong = found = 0
    for _ in range(100_000):
        said = bytearray(dice.choice((b"", ASKED, NOISE)) + ANSWERED + dice.randbytes(dice.randrange(3)))
        fate = dice.random()
        if fate < 0.5:
            said[dice.randrange(len(said))] ^= 1 << dice.randrange(8)
        elif fate < 0.7:
            del said[dice.randrange(len(said)) :]
        answer, noise = modbus_rtu._answer_in(said, question)
        wrong += answer not in (b"", ANSWERED)
        found += answer == ANSWERED
        assert 0 <= noise <= len(said)
    assert wrong == 0
    assert found > 30_000
