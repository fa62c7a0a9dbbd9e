"""`cityward check` and `cityward reload`, as an engineer types them."""

import json
import shutil
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from commands import main
from commands.language import language_of_system


def cityward(*words: str) -> Result:
    return CliRunner(env={"LC_ALL": "C.UTF-8"}).invoke(main, words)


@pytest.fixture
def directory(root: Path, tmp_path: Path) -> Path:
    shutil.copytree(root / "deploy" / "example", tmp_path / "etc")
    return tmp_path / "etc"


def test_all_is_right(directory: Path) -> None:
    result = cityward("check", str(directory))
    assert result.exit_code == 0, result.output
    assert result.output == "All is right: 8 devices, 11 rules, 5 sources.\n"


def test_a_folder_without_devices_is_said(directory: Path) -> None:
    for path in [*directory.glob("devices.d/*"), *directory.glob("rules.d/*")]:
        path.unlink()
    result = cityward("check", str(directory))
    assert "devices.d has no file of devices" in result.output
    (directory / "devices.d" / "none.yaml").write_text("devices: []\n")
    assert "has no file" not in cityward("check", str(directory)).output


def test_what_is_wrong_is_named_with_its_place(directory: Path) -> None:
    file = directory / "devices.d" / "gulou.yaml"
    file.write_text(file.read_text().replace("bosch-tps110", "bosch-tps11O"))
    line = file.read_text().split("\n").index("    model: bosch-tps11O") + 1
    result = cityward("check", str(directory))
    assert result.exit_code == 1
    assert f"{file}:{line}:12: There is no model `bosch-tps11O`." in result.output
    assert "Did you mean `bosch-tps110`?" in result.output
    assert result.output.endswith("1 error.\n")


def test_it_speaks_chinese(directory: Path) -> None:
    assert "8 台设备" in cityward("check", "--lang", "zh", str(directory)).output
    (directory / "cityward.yaml").unlink()
    result = cityward("check", "--lang", "zh", str(directory))
    assert result.exit_code == 1
    assert "缺少 cityward.yaml" in result.output


@pytest.mark.parametrize(
    ("variables", "language"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"), ({}, "en")],
)
def test_the_language_is_that_of_the_system(
    variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language_of_system() == language


@pytest.mark.parametrize("name", ["nowhere", "etc/cityward.yaml"])
def test_no_directory(directory: Path, name: str) -> None:
    result = cityward("check", str(directory.parent / name))
    assert result.exit_code == 1
    assert "There is no such directory" in result.output


def test_a_file_that_nobody_reads_is_named(directory: Path) -> None:
    shutil.copy(directory / "rules.d" / "dust.yaml", directory / "rules.d" / "more.yml")
    result = cityward("check", str(directory))
    assert result.exit_code == 0
    assert "more.yml:1:1: warning: This file is not read. Rename it to more.yaml." in result.output


class Daemon(BaseHTTPRequestHandler):
    """Answers as docs/api.md says that the daemon does."""

    asked: ClassVar[list[tuple[str, str]]] = []
    answer: ClassVar[tuple[int, dict[str, Any]]] = (200, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Content-Type"]))
        status, body = self.answer
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


class UnixServer(socketserver.UnixStreamServer):
    def get_request(self) -> tuple[Any, Any]:
        connection, _ = super().get_request()
        return connection, ("socket", 0)


@pytest.fixture
def daemon(directory: Path) -> Iterator[type[Daemon]]:
    """Serve the socket that the configuration names."""
    state = directory.parent / "state"
    (state / "run").mkdir(parents=True)
    main_file = directory / "cityward.yaml"
    main_file.write_text(main_file.read_text().replace("/var/lib/cityward ", f"{state} "))
    Daemon.asked.clear()
    with UnixServer(str(state / "run" / "cityward.sock"), Daemon) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Daemon
        server.shutdown()
        thread.join()


def test_a_reload_that_is_taken(directory: Path, daemon: type[Daemon]) -> None:
    daemon.answer = (200, {"accepted": True, "hash": "7f92ce2131afec0a", "problems": []})
    result = cityward("reload", str(directory))
    assert result.exit_code == 0, result.output
    assert result.output == "In force: configuration 7f92ce2131af.\n"
    assert daemon.asked == [("/api/v1/reload", "application/json")]


def test_a_reload_that_is_refused(directory: Path, daemon: type[Daemon]) -> None:
    problem = "devices.d/gulou.yaml:3:1: `model` is missing. Add it."
    daemon.answer = (422, {"type": "urn:cityward:problem:configuration", "detail": "1 error", "problems": [problem]})
    result = cityward("reload", str(directory))
    assert result.exit_code == 1
    assert problem in result.output
    assert "the former configuration stays in force" in result.output


def test_a_socket_is_found_even_when_the_configuration_is_wrong(directory: Path, daemon: type[Daemon]) -> None:
    main_file = directory / "cityward.yaml"
    main_file.write_text(main_file.read_text().replace("listen: 127.0.0.1:8480", "lisen: x"))
    daemon.answer = (422, {"detail": "1 error", "problems": []})
    assert cityward("reload", str(directory)).exit_code == 1
    assert len(daemon.asked) == 1


def test_no_daemon(directory: Path) -> None:
    result = cityward("reload", "--socket", str(directory / "none.sock"), str(directory))
    assert result.exit_code == 1
    assert "no daemon listens" in result.output
