"""The file that `inbox adopt` writes: where, how, and that none is left when it is refused."""

import shutil
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from commands import main
from commands.adopt import file_of
from config.load import socket_of
from config.quotes import unquoted
from config.yaml import parse
from feed.behind import InboxPage
from feed.strangers import StrangerFrame, StrangerView


@pytest.mark.parametrize("device", ["mh-0114", "no", "00012345", "0869", "0o17", "1e5", "2026-11-24", "12345", "NULL"])
def test_an_id_is_written_so_that_all_programs_read_it(device: str) -> None:
    document = parse("new.yaml", file_of({"id": device, "model": "plain", "address": "topic:lora/a"}).encode())
    path = ("devices", 0, "id")
    assert document.problems == []
    assert document.data["devices"][0]["id"] == device
    assert unquoted(document, path, device) is None


class Daemon(BaseHTTPRequestHandler):
    """Answers on a Unix socket as the daemon would: one stranger, and a reload that is refused."""

    def do_GET(self) -> None:
        address = "mn:\x1b[2J32010000"
        frame = StrangerFrame(at="2026-11-24T08:00:00.000Z", source="hj", place=address, payload_hex="00", text=None)
        self._say(200, InboxPage(
            gateway="xz", addresses=1, refused=0, next=None, strangers=[StrangerView(
                address=address, frames=1, first=frame.at, last=frame.at, source="hj", transport="hj212", platform="",
                rssi_dbm=None, snr_db=None, guesses=[], newest=[frame],
            )],
        ))  # fmt: skip

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._say(422, {"detail": "refused", "text": {"zh": "被拒绝", "en": "refused"}, "problems": ["a.yaml:1:1: no"]})

    def _say(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(msgspec.json.encode(body))

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def directory(root: Path, tmp_path: Path) -> Iterator[Path]:
    """Copy the example, whose daemon is ours."""
    shutil.copytree(root / "deploy" / "example", tmp_path / "etc")
    main_file = tmp_path / "etc" / "cityward.yaml"
    text = "\n".join(line for line in main_file.read_text().splitlines() if not line.startswith("state:"))
    main_file.write_text(f"state: {tmp_path}\n{text}\n")
    (tmp_path / "run").mkdir()
    with socketserver.UnixStreamServer(str(socket_of(tmp_path / "etc")), Daemon) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path / "etc"
        server.shutdown()


def inbox(directory: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["inbox", *words, "--directory", str(directory), "--lang", "en"])


def adopt(directory: Path, device: str) -> Result:
    address = "mn:32010000000000000000000A"
    return inbox(directory, "adopt", address, "--model", "hj212-dust", "--id", device, "--option", "pm_unit=ug_m3")


@pytest.mark.parametrize("device", ["../../mh-0114", "/mh-0114", ".mh-0114", "a/b", ""])
def test_a_new_device_never_leaves_its_folder(directory: Path, device: str) -> None:
    before = set(directory.parent.rglob("*"))
    done = adopt(directory, device)
    assert (done.exit_code, "no name of a file" in done.stderr) == (2, True), done.stderr
    assert set(directory.parent.rglob("*")) == before


@pytest.mark.parametrize(("device", "why"), [("mh 0114", "mh 0114"), ("mh-9999", "a.yaml:1:1: no")])
def test_what_is_refused_leaves_no_file(directory: Path, device: str, why: str) -> None:
    before = set(directory.rglob("*"))
    done = adopt(directory, device)
    assert done.exit_code == 1
    assert why in done.stderr
    assert set(directory.rglob("*")) == before


def test_a_file_that_is_there_stays_as_it_is(directory: Path) -> None:
    path = directory / "devices.d" / "mh-9999.yaml"
    path.write_text("devices: []\n")
    assert "is there already; take another --id" in adopt(directory, "mh-9999").stderr
    assert path.read_text() == "devices: []\n"


def test_strangers_do_not_rule_the_terminal(directory: Path) -> None:
    shown = CliRunner().invoke(main, ["inbox", "--directory", str(directory), "--lang", "en"], color=True).stdout
    assert "mn:\\x1b[2J32010000" in shown
    assert "\x1b[2J" not in shown


def test_an_option_that_only_its_maker_knows_is_asked_for(directory: Path) -> None:
    before = set(directory.rglob("*"))
    done = inbox(directory, "adopt", "mn:32010000000000000000000A", "--model", "hj212-dust", "--id", "dust-1")
    assert done.exit_code == 2
    assert "--option pm_unit=ug_m3 | mg_m3 | ng_m3" in done.stderr
    assert set(directory.rglob("*")) == before
