"""An engineer looks into the journal while the daemon writes."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.journal import command
from devices.frames import Batch
from rules.records import Record, Status
from store.fs import OsFs
from store.journal import Journal, read

HOUR_MS = 3_600_000
START_MS = 1_760_000_000_000


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Make the state of a daemon that runs: six hours of traffic."""
    journal = Journal(OsFs(), tmp_path / "journal", 1 << 20, segment_bytes=16 << 10)
    for step in range(120):
        at_ms = START_MS + step * HOUR_MS // 20
        records: list[Record] = [
            Batch("lora", at_ms, [(b"application/1/device/24E124126A148401/event/up", b'{"data":"qg=="}', b"")]),
            Batch("sites", at_ms, [(b"MN0001", b"\x01\x03\xff", b"D"), (b"MN0002", os.urandom(150), b"")]),
        ]
        if step == 100:
            records.append(Status(at_ms=at_ms, subject="broker:lora", kind="link", data={"up": False, "why": "reset"}))
        first = journal.reserve(records)
        numbered = [(first, records[0]), (first + 1, records[1]), *((first + 3, each) for each in records[2:])]
        journal.append(first, numbered)
        journal.commit()
    return tmp_path


def run(state: Path, *arguments: str) -> str:
    done = CliRunner().invoke(command, ["--state", str(state), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def lines(state: Path, *arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run(state, *arguments).splitlines()]


def test_segments_and_autonomy(state: Path) -> None:
    shown = run(state)
    assert "being written" in shown
    assert "241 records, 360 frames" in shown
    assert "Autonomy at the present rate" in shown
    *segments, sums = lines(state, "list", "--json")
    assert len(segments) > 1
    assert sums["records"] == sum(int(str(each["records"])) for each in segments) == 241
    autonomy = float(str(sums["autonomy_hours"]))
    assert autonomy == pytest.approx(5.95 * (1 << 20) / float(str(sums["bytes"])), rel=0.01)


def test_printing_frames_and_records(state: Path) -> None:
    first, second, *_ = lines(state, "print", "--json", "--limit", "5")
    assert first == {
        "sequence": 1,
        "time": "2025-10-09T08:53:20.000+00:00",
        "type": "frame",
        "source": "lora",
        "place": "application/1/device/24E124126A148401/event/up",
        "payload_hex": b'{"data":"qg=="}'.hex(),
        "payload": '{"data":"qg=="}',
    }
    assert (second["payload_hex"], second["note"], second.get("payload")) == ("0103ff", "D", None)
    assert [each["sequence"] for each in lines(state, "print", "--json", "--after", "4", "--limit", "3")] == [5, 6, 7]
    [status] = [each for each in lines(state, "print", "--json", "--limit", "9999") if each["type"] == "status"]
    assert status["data"] == {"up": False, "why": "reset"}
    text = run(state, "print", "--after", "299", "--limit", "5").splitlines()
    assert len(text) == 5
    assert "broker:lora" in "\n".join(text)


@pytest.mark.parametrize("address", ["MN0001", "mn:MN0001", "eui:24e124126a148401", "24E124126A148401"])
def test_frames_of_one_device(state: Path, address: str) -> None:
    found = lines(state, "print", "--json", "--limit", "9999", "--address", address)
    assert len(found) == 120
    assert len({each["place"] for each in found}) == 1
    assert len(lines(state, "print", "--json", "--after", str(found[50]["sequence"]), "--address", address)) == 69


def test_everything_is_printed_unless_less_is_asked_for(state: Path) -> None:
    everything = lines(state, "print", "--json")
    assert [each["sequence"] for each in everything] == list(range(1, 362))
    done = CliRunner().invoke(command, ["--state", str(state), "print", "--json", "--limit", "360"])
    assert len(done.stdout.splitlines()) == 360
    assert done.stderr == "There is more: go on with --after 360.\n"
    assert CliRunner().invoke(command, ["--state", str(state), "print", "--after", "360", "--limit", "1"]).stderr == ""


def test_a_text_of_several_lines_is_a_text(tmp_path: Path) -> None:
    journal = Journal(OsFs(), tmp_path / "journal", 1 << 20, segment_bytes=16 << 10)
    frames = [(b"wells/7", b'{\n\t"tilt": 3,\r\n  "t": 1}\n', b""), (b"wells/7", b"a\x00b", b"")]
    batch = Batch("lora", START_MS, frames)
    journal.append(journal.reserve([batch]), [(1, batch)])
    journal.commit()
    text, raw = lines(tmp_path, "print", "--json")
    assert (text["payload"], raw.get("payload")) == (frames[0][1].decode(), None)
    assert run(tmp_path, "print").splitlines()[0].endswith('lora  wells/7  { "tilt": 3, "t": 1}')


@pytest.mark.parametrize("words", [["--help"], ["print", "--help"], ["list", "--help"]])
def test_help_needs_no_journal(tmp_path: Path, words: list[str]) -> None:
    assert run(tmp_path, *words).startswith("Usage: ")


@pytest.mark.parametrize("words", [["print"], ["list", "--json"]])
def test_each_command_says_that_there_is_no_journal(tmp_path: Path, words: list[str]) -> None:
    done = CliRunner().invoke(command, ["--state", str(tmp_path), *words])
    assert (done.exit_code, "there is no journal" in done.output) == (1, True)


def test_where_there_is_no_journal_it_says_what_to_do(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "--state" in done.output


def test_a_user_who_may_only_read_can_read() -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "journal"
        journal = Journal(OsFs(), directory, 1 << 20, segment_bytes=16 << 10)
        journal.append(
            journal.reserve([Status(at_ms=1, subject="gateway", kind="started")]),
            [(1, Status(at_ms=1, subject="gateway", kind="started"))],
        )
        journal.commit()
        for path in (Path(name), directory):
            path.chmod(0o755)
        for path in directory.iterdir():
            path.chmod(0o644)
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            ok = len(list(read(OsFs(), directory))) == 1 and not os.access(directory, os.W_OK)
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        journal.close()


def test_what_is_damaged_is_said(state: Path) -> None:
    path = state / "journal" / "0000000001.seg"
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    done = CliRunner().invoke(command, ["--state", str(state), "print", "--json"], catch_exceptions=False)
    assert done.stderr == "1 to 3 are not in the journal any more, or damaged.\n"
    assert json.loads(done.stdout.splitlines()[0])["sequence"] == 4
