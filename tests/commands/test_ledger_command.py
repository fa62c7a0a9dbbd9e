"""The command, asked over a real Unix socket."""

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from commands import ledger as ledger_command
from store.ledger import DeviceCounts, Frames, Ledger, Lines, SourceCounts, Verified


def drawn(*, unaccounted: dict[str, int] | None = None, verified: Verified | None = None) -> Ledger:
    return Ledger(
        frames=Frames(received=1_234, strangers=4, duplicates=30, refused={"checksum": 200}, decoded=1_000),
        readings=1_010,
        lines=Lines(
            made={"alarms": 2, "readings": 1_010}, written=900, waiting=100, set_aside={"unfit": 2}, expired=10
        ),
        sources={
            "lora": SourceCounts(received=1_234, strangers=4, set_aside=0, delivered=50, kept=50),
            "gate": SourceCounts(received=4_388, strangers=0, set_aside=0, delivered=67, kept=4_388),
            "gone": SourceCounts(received=0, strangers=0, set_aside=0, delivered=None, kept=0),
        },
        missed={"counter-gap": 5, "broker-dropped": 0, "noise_bytes": 173_192, "a message of 9 MB on x": 1},
        devices={
            "a": DeviceCounts(
                frames=3, duplicates=0, refused={}, held=0, facts=0, decoded=3, readings=3, missed=5, lines_expired=1
            )
        },
        unaccounted=unaccounted or {},
        verified=verified,
    )


class Daemon:
    """Answers one ledger after the other, the last for ever."""

    def __init__(self, state: Path) -> None:
        self.ledgers = [drawn()]
        self.status = 200
        self.asked: list[str] = []
        path = state / "run" / "cityward.sock"
        path.parent.mkdir()
        daemon = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                daemon.asked.append(self.path)
                ledger = daemon.ledgers.pop(0) if len(daemon.ledgers) > 1 else daemon.ledgers[0]
                self.send_response(daemon.status)
                self.end_headers()
                self.wfile.write(msgspec.json.encode(ledger) if daemon.status == 200 else b'{"detail": "it hangs"}')

            def address_string(self) -> str:
                return "a socket"

            def log_message(self, *_args: object) -> None:
                pass

        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self) -> "Daemon":  # noqa: PYI034 - nobody derives from it
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(ledger_command, "PAUSE_S", 0.01)
    with Daemon(tmp_path) as one:
        yield one


def run(state: Path, *words: str) -> Result:
    return CliRunner().invoke(ledger_command.command, ["--state", str(state), *words])


def test_all_is_accounted_for(daemon: Daemon, tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    more = ", with those replayed or come meanwhile"
    told = [line.split(maxsplit=1) for line in result.output.splitlines()]
    for line in (
        ["1,234", "frames received, or refiled"],
        ["200", "refused: checksum"],
        ["1,012", "lines made"],
        ["2", "set aside: unfit"],
        ["known", "to be missed, beside the sums:"],
        ["5", "frames, as the counters of devices tell"],
        ["173,192", "bytes of noise on lines and links"],
        ["1", "a message of 9 MB on x"],
        ["50", "frames delivered by lora since the daemon's start; journal and inbox hold 50"],
        ["67", f"frames delivered by gate since the daemon's start; journal and inbox hold 4,388{more}"],
        ["0", "frames of gone kept since the daemon's start; the source is not open"],
        ["0", "unaccounted"],
    ):  # fmt: skip
        assert line in told
    assert "173,198" not in result.output, "bytes, frames and messages have no sum"
    assert "broker" not in result.output
    assert daemon.asked == ["/api/v1/ledger"]


def test_for_programs(daemon: Daemon, tmp_path: Path) -> None:
    result = run(tmp_path, "--json", "--devices")
    said = json.loads(result.output)
    assert (result.exit_code, said["unaccounted"], said["where"]) == (0, 0, {})
    assert (said["frames"]["received"], said["lines"]["set_aside"]) == (1_234, {"unfit": 2})
    assert said["devices"]["a"]["missed"] == 5
    assert daemon.asked == ["/api/v1/ledger?devices=true"]


def test_what_is_on_its_way_between_two_counters_is_looked_at_again(daemon: Daemon, tmp_path: Path) -> None:
    daemon.ledgers = [drawn(unaccounted={"lines at the sink": 3}), drawn()]
    assert run(tmp_path).exit_code == 0
    assert len(daemon.asked) == 2


def test_what_is_lost_is_said_with_its_place(daemon: Daemon, tmp_path: Path) -> None:
    daemon.ledgers = [drawn(unaccounted={"lines at the sink": 3, "frames in the fold": -1})]
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "4  unaccounted" in result.output
    assert "3    lines at the sink" in result.output
    said = json.loads(run(tmp_path, "--json").output)
    assert (said["unaccounted"], said["where"]) == (4, {"lines at the sink": 3, "frames in the fold": -1})


@pytest.mark.parametrize(
    ("verified", "code", "words"),
    [
        (Verified(expected=1_000, held=1_000), 0, "1,000  readings of registered devices in InfluxDB"),
        (Verified(expected=1_000, held=1_005, more={"a": 5}), 0, "5    of a are not of our count"),
        (Verified(expected=1_000, held=997, missing={"a": 3}), 1, "3    missing of a"),
        (Verified(problem="8 lines still wait"), 1, "not verified: 8 lines still wait"),
    ],
)
def test_influxdb_is_asked(daemon: Daemon, tmp_path: Path, verified: Verified, code: int, words: str) -> None:
    daemon.ledgers = [drawn(verified=verified)]
    result = run(tmp_path, "--verify")
    assert (result.exit_code, daemon.asked) == (code, ["/api/v1/ledger?verify=true"])
    assert words in result.output


def test_a_daemon_that_cannot_say(daemon: Daemon, tmp_path: Path) -> None:
    daemon.status = 504
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "504: it hangs" in result.output


def test_the_help_says_whom_it_asks_and_when_it_fails(tmp_path: Path) -> None:
    told = " ".join(run(tmp_path, "--help").output.split())
    assert "The running daemon is asked" in told
    assert "--verify finds readings missing or cannot compare" in told


def test_no_daemon(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "no daemon listens" in result.output
