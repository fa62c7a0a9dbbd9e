"""`cityward probe` on real pseudo-terminals, whose devices hear and speak at one baud rate only."""

import fcntl
import json
import os
import random
import shutil
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from commands.district.modbus_slave import ModbusSlaves
from commands.district.plantower import Plantower
from commands.district.wire import Wire
from commands.probe import command
from config.check import load
from devices.hj212 import build_packet
from devices.models import NoOptions, honeywell_hpma, nova_sds, plantower_pms, sensirion_sps30
from devices.registers import PRESETS, requests, with_crc
from devices.talkers import TALKERS
from ingest.sources import serial_probe
from tests.ingest.lines import device
from tests.ingest.test_modbus_server import Bus, server

RIGHT = Path(__file__).resolve().parent.parent / "wrong_yaml/right"
STATION = dict.fromkeys(range(500, 512), 0) | {500: 230, 504: 455, 505: 0xFFCE, 506: 631, 507: 35, 508: 151, 509: 1013}
SPEEDS = {2400: termios.B2400, 4800: termios.B4800, 9600: termios.B9600, 19200: termios.B19200, 115200: termios.B115200}


class Tuned(Wire):
    """The devices' end of a cable, at one baud rate: at another they hear nothing, and are heard as noise."""

    baud = 9600
    said = b""

    def _in_tune(self) -> bool:
        assert self._other is not None
        return bool(termios.tcgetattr(self._other)[4] == SPEEDS[self.baud])

    def read(self, wait_s: float) -> bytes:
        data = super().read(wait_s)
        self.said += data  # what was sent to us, whoever understands it
        return data if self._in_tune() else b""

    def write(self, data: bytes) -> None:
        super().write(data if self._in_tune() else bytes(byte | 0x80 for byte in data[::3]))


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for simulated slaves, who answer at once, not as long as for real ones; and there are 40, not 247."""
    monkeypatch.setattr(serial_probe, "_ANSWER_S", 0.01)
    monkeypatch.setattr(serial_probe, "_READ_S", 0.1)
    monkeypatch.setattr(serial_probe, "_LAST_SLAVE", 40)


@contextmanager
def wired(folder: Path, baud: int, run: Callable[[Tuned], Callable[[threading.Event], None]]) -> Iterator[Tuned]:
    with Tuned.pseudo_terminal(folder / "ttyUSB0") as wire:
        wire.baud = baud
        with device(run(wire)):
            yield wire


def probe(folder: Path, *words: str) -> Result:
    if "--slaves" not in words:
        words = (*words, "--slaves", "1-6")
    return CliRunner().invoke(command, [str(folder / "ttyUSB0"), "--listen", "0.3", "--lang", "en", *words])


def found(folder: Path, *words: str) -> list[dict[str, object]]:
    result = probe(folder, "--json", *words)
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["found"])


# ------------------------------------------------------------------------------------------------------------- Modbus


@pytest.mark.parametrize("baud", [9600, 4800, 2400])
def test_a_station_at_any_rate_and_its_preset(tmp_path: Path, baud: int) -> None:
    with wired(tmp_path, baud, lambda wire: ModbusSlaves(wire, {3: STATION}).run) as wire:
        (only,) = found(tmp_path)
        assert (only["line"], only["protocol"], only["slave"]) == (f"{baud} 8N1", "modbus-rtu", 3)
        assert only["options"] == {"preset": "500-block"}
        assert only["others"] == ["500-block-wind10"]
        values = only["values"]
        assert isinstance(values, dict)
        assert (values["pm10_ug_m3"], values["temperature_c"], values["noise_db"]) == (151, -5.0, 63.1)
    assert only_reads(wire.said)


def only_reads(said: bytes) -> bool:
    """Whether nothing was sent but reads of registers and the questions of PM modules."""
    for talker in TALKERS.values():
        said = said.replace(talker.ask, b"")
    return len(said) % 8 == 0 and all(said[at + 1] in (3, 4) for at in range(0, len(said), 8))


def test_all_slaves_of_a_line_each_with_its_own_map(tmp_path: Path) -> None:
    slaves = {
        2: STATION,
        7: {0: 12, 1: 30, 2: 55},
        35: {7: 1234},
        20: {0: 0, 1: 182, 2: 0, 3: 95, 4: 0, 5: 41},
        39: {40_000 + n: value for n, value in zip(range(6), (0, 500, 0, 200, 0, 300), strict=True)} | {0: 1},
        40: {0x9C46 + n: value for n, value in zip(range(6), (0, 912, 0, 285, 0, 590), strict=True)},
    }
    with wired(tmp_path, 9600, lambda wire: ModbusSlaves(wire, slaves).run):
        result = found(tmp_path, "--slaves", "1-3")
        presets = {each["slave"]: each["options"] for each in result}
        assert presets == {
            2: {"preset": "500-block"}, 7: {"preset": "aqyc-v2"}, 35: {"preset": "kuanke-wind"},
            20: {"preset": "boling"}, 39: {}, 40: {"preset": "aqyc"},
        }  # fmt: skip
        text = probe(tmp_path, "--slaves", "39").output
    assert "no preset fits" in text
    assert "# - {id: ttyusb0-39," in text


def test_every_preset_is_told_from_all_others(tmp_path: Path) -> None:
    """A slave that has the registers of one map, with numbers as from the street, and no others."""
    street = {
        "500-block": STATION,
        "boling": {0: 0, 1: 182, 2: 0, 3: 95, 4: 0, 5: 41},
        "aqyc": {0x9C46 + n: value for n, value in zip(range(6), (0, 912, 0, 285, 0, 590), strict=True)},
        "aqyc-v2": {0: 12, 1: 30, 2: 55},
        "lpm1051": {0: 0x3DAE, 1: 0x147B},
        "kuanke-wind": {7: 1234},
    }
    assert street.keys() == PRESETS.keys() - {"500-block-wind10"}, "which differs by its sheet only"
    numbered = dict(enumerate(street.values(), 1))
    with wired(tmp_path, 9600, lambda wire: ModbusSlaves(wire, numbered).run):
        result = found(tmp_path)
    assert [each["options"] for each in result] == [{"preset": name} for name in street]


def test_a_station_behind_an_echo_and_noise(tmp_path: Path) -> None:
    dice = random.Random(3)

    class Bad(ModbusSlaves):
        def say(self, slave: int, request: bytes, answer: bytes) -> None:
            super().say(slave, request, request + dice.randbytes(3) + answer)

    with wired(tmp_path, 9600, lambda wire: Bad(wire, {1: STATION}).run):
        (only,) = found(tmp_path)
    assert only["options"] == {"preset": "500-block"}


def test_a_real_modbus_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pymodbus, behind an adapter that echoes."""
    monkeypatch.setattr(serial_probe, "_ANSWER_S", 0.05)
    with Bus(echo=True) as bus, server(bus.theirs, {3: STATION, 9: STATION}):
        (tmp_path / "ttyUSB0").symlink_to(bus.ours)
        assert {each["slave"]: each["options"] for each in found(tmp_path, "--slaves", "1-3")} == {
            3: {"preset": "500-block"}, 9: {"preset": "500-block"},
        }  # fmt: skip


def test_another_master_is_left_alone(tmp_path: Path) -> None:
    (question,) = requests(PRESETS["500-block"], 4)

    def asks(wire: Tuned) -> Callable[[threading.Event], None]:
        return Plantower(wire, lambda: question, 0.05).run

    with wired(tmp_path, 9600, asks) as wire:
        result = probe(tmp_path)
        assert result.exit_code == 2
        assert "another master asks on this line (9600 8N1)" in result.output
        wire.said += wire.read(0)
        assert wire.said == b""


# ---------------------------------------------------------------------------------------------------- modules, loggers


PMS = plantower_pms.encode(
    plantower_pms.Particles(pm1_ug_m3=8.0, pm25_ug_m3=12.0, pm10_ug_m3=20.0), plantower_pms.PlantowerOptions()
)[1]
PMS_T = plantower_pms.encode(
    plantower_pms.Particles(pm1_ug_m3=8.0, pm25_ug_m3=12.0, pm10_ug_m3=20.0, temperature_c=21.5, humidity_pct=43.0),
    plantower_pms.PlantowerOptions(variant="pms5003t"),
)[1]
SDS = nova_sds.encode(nova_sds.Air(pm25_ug_m3=12.5, pm10_ug_m3=20.0), nova_sds.NovaOptions())[1]
HPM = honeywell_hpma.encode(honeywell_hpma.Particles(pm25_ug_m3=12.0, pm10_ug_m3=20.0), honeywell_hpma.HpmaOptions())[1]
HPM_AUTO = (auto := b"\x42\x4d\x00\x1c\0\0\x00\x0c\x00\x14" + bytes(20)) + sum(auto).to_bytes(2, "big")
HJ212 = build_packet(
    qn="20260801085857223", st="39", cn="2011", mn="010000A8900016F000169DC0", flag=5,
    cp="DataTime=20260801085800;a34004-Rtd=92.1,a34004-Flag=N;a34002-Rtd=136.0,a34002-Flag=N",
)  # fmt: skip


@pytest.mark.parametrize(
    ("baud", "frame", "protocol", "options"),
    [
        pytest.param(9600, PMS, "plantower-pms", {"variant": "pms5003"}, id="pms5003"),
        pytest.param(9600, PMS_T, "plantower-pms", {"variant": "pms5003t"}, id="pms5003t"),
        pytest.param(9600, SDS, "nova-sds", {"variant": "sds011"}, id="sds011"),
        pytest.param(9600, HPM_AUTO, "honeywell-hpma", {"variant": "hpma115s0"}, id="hpma115s0"),
        pytest.param(9600, HJ212, "hj212", {"pm_unit": "ug_m3"}, id="hj212"),
        pytest.param(115200, HJ212, "hj212", {"pm_unit": "ug_m3"}, id="hj212, fast"),
        pytest.param(4800, HJ212, "hj212", {"pm_unit": "ug_m3"}, id="hj212, slow"),
    ],
)
def test_who_talks_by_himself(tmp_path: Path, baud: int, frame: bytes, protocol: str, options: dict[str, str]) -> None:
    with wired(tmp_path, baud, lambda wire: Plantower(wire, lambda: frame, 0.04).run) as wire:
        (only,) = found(tmp_path)
        text = probe(tmp_path).output
    assert (only["line"], only["protocol"], only["options"]) == (f"{baud} 8N1", protocol, options)
    assert only["asked"] is False
    assert wire.said == b"", "who talks need not be asked"
    assert "poll" not in text
    if protocol == "hj212":
        assert only["mn"] == "010000A8900016F000169DC0"


def answering(answers: dict[bytes, bytes]) -> Callable[[Tuned], Callable[[threading.Event], None]]:
    """Make a module that answers its questions."""

    def run(wire: Tuned) -> Callable[[threading.Event], None]:
        def serve(stop: threading.Event) -> None:
            while not stop.is_set():
                heard = wire.read(0.05)
                for question, answer in answers.items():
                    if question in heard:
                        wire.write(answer)

        return serve

    return run


SPS30 = sensirion_sps30.encode(sensirion_sps30.Particles(pm25_ug_m3=12.5, pm10_ug_m3=20.0), NoOptions())[1]


@pytest.mark.parametrize(
    ("baud", "protocol", "answer", "pm25"),
    [
        pytest.param(9600, "plantower-pms", PMS, 12.0, id="plantower"),
        pytest.param(9600, "nova-sds", SDS, 12.5, id="nova"),
        pytest.param(9600, "honeywell-hpma", HPM, 12.0, id="honeywell"),
        pytest.param(115200, "sensirion-sps30", SPS30, 12.5, id="sps30"),
        pytest.param(115200, "sensirion-sps30", bytes.fromhex("7e00030000fc7e"), None, id="sps30 that rests"),
    ],
)
def test_who_answers_when_asked(tmp_path: Path, baud: int, protocol: str, answer: bytes, pm25: float | None) -> None:
    with wired(tmp_path, baud, answering({TALKERS[protocol].ask: answer})) as wire:
        (only,) = found(tmp_path)
        text = probe(tmp_path).output
    assert (only["line"], only["protocol"]) == (f"{baud} 8N1", protocol)
    values = only["values"]
    assert isinstance(values, dict)
    assert values.get("pm25_ug_m3") == pm25
    assert "poll: 60 s" in text
    assert only_reads(wire.said)


def test_a_fan_that_has_just_started(tmp_path: Path) -> None:
    still = (zeros := PMS[:4] + bytes(26)) + sum(zeros).to_bytes(2, "big")
    with wired(tmp_path, 9600, lambda wire: Plantower(wire, lambda: still, 0.05).run):
        (only,) = found(tmp_path)
    assert (only["protocol"], only["values"]) == ("plantower-pms", {})


# ------------------------------------------------------------------------------------------------------------- nobody


def test_nobody(tmp_path: Path) -> None:
    with Tuned.pseudo_terminal(tmp_path / "ttyUSB0"):
        result = probe(tmp_path, "--slaves", "1-3")
        assert result.exit_code == 1
        assert "nobody talks, nobody answers" in result.output
        result = probe(tmp_path, "--slaves", "1-3", "--json")
        assert (result.exit_code, json.loads(result.stdout)["found"]) == (1, [])


def test_noise_is_nobody(tmp_path: Path) -> None:
    dice = random.Random(5)
    with wired(tmp_path, 9600, lambda wire: Plantower(wire, lambda: dice.randbytes(40), 0.05).run):
        result = probe(tmp_path, "--slaves", "1,2")
    assert result.exit_code == 1, result.output


def test_an_echo_alone_is_nobody(tmp_path: Path) -> None:
    def run(wire: Tuned) -> Callable[[threading.Event], None]:
        def serve(stop: threading.Event) -> None:
            while not stop.is_set():
                wire.write(wire.read(0.02))

        return serve

    with wired(tmp_path, 9600, run):
        result = probe(tmp_path, "--slaves", "1-4")
    assert result.exit_code == 1, result.output


def test_why_a_port_cannot_be_opened(tmp_path: Path) -> None:
    result = probe(tmp_path)
    assert result.exit_code == 2
    assert "is not there" in result.output
    with Tuned.pseudo_terminal(tmp_path / "ttyUSB0"):
        fd = os.open(tmp_path / "ttyUSB0", os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(fd, fcntl.LOCK_EX)  # as the daemon does
        result = probe(tmp_path)
        os.close(fd)
    assert result.exit_code == 2
    assert "in use, probably by the gateway itself" in result.output
    chinese = CliRunner().invoke(command, [str(tmp_path / "none"), "--lang", "zh"])
    assert "不存在" in chinese.output


def test_a_port_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *_: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    with Tuned.pseudo_terminal(tmp_path / "ttyUSB0"), monkeypatch.context() as patched:
        patched.setattr("serial.serialposix.os.open", refuse)  # root, who runs tests, may open everything
        result = probe(tmp_path)
    assert result.exit_code == 2
    assert "usermod -aG dialout" in result.output


def test_a_line_that_is_pulled(tmp_path: Path) -> None:
    wire = Tuned.pseudo_terminal(tmp_path / "ttyUSB0")
    threading.Timer(0.15, wire.close).start()
    result = probe(tmp_path, "--listen", "5")
    assert result.exit_code == 2
    assert "Check the adapter" in result.output


@pytest.mark.parametrize("slaves", ["0", "1-248", "a", "3-", "", "1;2"])
def test_slaves_that_cannot_be(tmp_path: Path, slaves: str) -> None:
    assert probe(tmp_path, "--slaves", slaves).exit_code == 2


# --------------------------------------------------------------------------------------------------------------- YAML


@pytest.mark.parametrize("name", ["../../line", "/line", "Line", "a: b", ""])
def test_names_that_no_source_can_have(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "none"), "--name", name, "--write", str(tmp_path)])
    assert (done.exit_code, "small letters, digits" in done.stderr) == (2, True)


@pytest.mark.parametrize("who", ["modbus", "module", "logger"])
def test_the_yaml_is_right(tmp_path: Path, who: str) -> None:
    """What is printed and written passes the check as it stands."""
    directory = tmp_path / "etc"
    shutil.copytree(RIGHT, directory)
    run: dict[str, Callable[[Tuned], Callable[[threading.Event], None]]] = {
        "modbus": lambda wire: ModbusSlaves(wire, {3: STATION, 5: {40_000: 1}}).run,
        "module": lambda wire: Plantower(wire, lambda: PMS, 0.04).run,
        "logger": lambda wire: Plantower(wire, lambda: HJ212, 0.04).run,
    }
    with wired(tmp_path, 9600, run[who]):
        result = probe(tmp_path, "--write", str(directory), "--name", "roof")
        again = probe(tmp_path, "--write", str(directory), "--name", "roof")
    assert result.exit_code == 0, result.output
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    source = result.stdout.split("# cityward.yaml\n")[1].split("# devices.d")[0]
    main = yaml.safe_load((directory / "cityward.yaml").read_text(encoding="utf-8"))
    main["sources"]["serial"] += yaml.safe_load(source)["sources"]["serial"]
    (directory / "cityward.yaml").write_text(yaml.safe_dump(main), encoding="utf-8")
    loaded = load(directory)
    assert [problem.text("en") for problem in loaded.errors] == []
    assert loaded.compiled is not None
    assert any(new.id.startswith("roof") for new in loaded.compiled.registry.devices)


def test_a_response_is_found_only_where_it_is_whole() -> None:
    """100,000 damaged answers: nothing, or the very bytes that were sent."""
    dice = random.Random(11)
    request = with_crc(bytes.fromhex("010300000002"))
    sent = with_crc(bytes.fromhex("010304000c0022"))
    wrong = right = 0
    for _ in range(100_000):
        said = bytearray(dice.choice((b"", request)) + sent + dice.randbytes(dice.randrange(3)))
        fate = dice.random()
        if fate < 0.5:
            said[dice.randrange(len(said))] ^= 1 << dice.randrange(8)
        elif fate < 0.7:
            del said[dice.randrange(len(said)) :]
        got = serial_probe._response_in(bytes(said), request)
        wrong += got not in (b"", sent)
        right += got == sent
    assert wrong == 0
    assert right > 30_000


def test_it_says_what_it_does(tmp_path: Path) -> None:
    with Tuned.pseudo_terminal(tmp_path / "ttyUSB0"):
        told = probe(tmp_path, "--slaves", "1").output
        chinese = CliRunner().invoke(
            command, [str(tmp_path / "ttyUSB0"), "--listen", "0.3", "--slaves", "1", "--lang", "zh"]
        )
    assert "9600 8N1: listening for 0.3 s" in told
    assert "4800 8N1: asking Modbus slaves, reading registers 0 and 500 only" in told
    assert "只读寄存器" in chinese.output
