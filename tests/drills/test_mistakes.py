"""Slips of the hand while the real daemon runs: a file that breaks, a folder that is gone, a state that is none."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.gateway import ROOT, Gateway
from tests.servers import until

SOURCES = "  serial:\n    - {name: line, port: /dev/null-not-there, line: 9600 8N1, protocol: plantower-pms}\n"
DEVICES = "devices:\n  - {id: d1, model: plantower-pms, address: line:line, interval: 1 min}\n"
RULES = "rules: []\n"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, SOURCES, DEVICES, RULES)
    yield gateway
    gateway.end()


@pytest.fixture
def running(gateway: Gateway) -> Gateway:
    gateway.start()
    gateway.wait_ready()
    return gateway


def cityward(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run_daemon.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def refusal(gateway: Gateway) -> str:
    alarm = gateway.alarms().get("config-refused@gateway")
    return str(alarm["text"]["en"]) if alarm and alarm["active"] else ""


def log_of(gateway: Gateway) -> str:
    return gateway.log.read_text(encoding="utf-8")


def break_main(gateway: Gateway) -> None:
    file = gateway.configuration / "cityward.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "influxdb: {url: [\n", encoding="utf-8")


def test_broken_yaml_is_told_to_the_daemon_that_runs_and_a_restart_goes_on(running: Gateway) -> None:
    break_main(running)
    said = cityward("reload", running.configuration)
    assert said.returncode == 1
    assert "cityward.yaml:" in said.stdout
    assert "the former configuration stays in force" in said.stderr
    until(lambda: "cityward.yaml:" in refusal(running), what="the alarm")
    assert running.stop() == 0
    running.start()
    running.wait_ready()
    until(lambda: "cityward.yaml:" in refusal(running), what="the alarm after the restart")


def test_a_directory_that_is_none_is_no_other_daemons(running: Gateway) -> None:
    said = cityward("reload", running.configuration.with_name("etcc"))
    assert said.returncode == 1
    assert "there is no cityward.yaml in" in said.stderr
    assert "reload" not in log_of(running)


def test_a_pipe_among_the_files_is_named(running: Gateway) -> None:
    os.mkfifo(running.configuration / "devices.d" / "pipe.yaml")
    said = cityward("check", running.configuration)
    assert (said.returncode, "pipe.yaml:1:1" in said.stdout) == (1, True)
    assert "it is no regular file" in said.stdout
    said = cityward("reload", running.configuration)
    assert "it is no regular file" in said.stdout
    assert running.stop() == 0
    running.start()
    running.wait_ready()


def test_the_log_says_what_became_of_a_reload(running: Gateway) -> None:
    assert "apscheduler" not in log_of(running)
    devices = running.configuration / "devices.d" / "all.yaml"
    devices.write_text(DEVICES + "  - {id: d1}\n", encoding="utf-8")
    assert running.process is not None
    running.process.send_signal(signal.SIGHUP)
    until(lambda: "reload refused: the former configuration" in log_of(running), what="the refusal in the log")
    assert "devices.d/all.yaml:3:" in log_of(running)
    devices.write_text(DEVICES.replace("1 min", "2 min"), encoding="utf-8")
    running.process.send_signal(signal.SIGHUP)
    until(lambda: "is in force, 1 devices" in log_of(running), what="the success in the log")


def test_a_folder_of_devices_that_is_gone_takes_nothing_away(running: Gateway) -> None:
    folder = running.configuration / "devices.d"
    shutil.move(folder, running.configuration / "away")
    said = cityward("reload", running.configuration)
    assert said.returncode == 1
    assert "has no file of devices, but 1 devices are in force" in said.stdout
    until(lambda: "has no file of devices" in refusal(running), what="the alarm")
    assert len(running.get("/api/v1/devices")["devices"]) == 1
    assert running.stop() == 0
    running.start()
    running.wait_ready()
    assert len(running.get("/api/v1/devices")["devices"]) == 1
    until(lambda: "has no file of devices" in refusal(running), what="the alarm after the restart")
    folder.mkdir()
    (folder / "none.yaml").write_text("devices: []\n", encoding="utf-8")
    assert cityward("reload", running.configuration).returncode == 0
    assert running.get("/api/v1/devices")["devices"] == []


def test_more_than_half_of_the_devices_gone_is_said(gateway: Gateway) -> None:
    main = gateway.configuration / "cityward.yaml"
    main.write_text(
        main.read_text(encoding="utf-8")
        .replace("sources:\n", "sources:\n  hj212:\n    - {name: sites, listen: 127.0.0.1:0}\n")
        .replace("127.0.0.1:0}", "127.0.0.1:39212}"),
        encoding="utf-8",
    )
    some = "".join(
        f"  - {{id: s{n}, model: hj212-dust, address: 'mn:8888888000000{n:02}', interval: 1 min,"
        " options: {pm_unit: ug_m3}}\n"
        for n in range(11)
    )
    devices = gateway.configuration / "devices.d" / "all.yaml"
    devices.write_text(DEVICES + some, encoding="utf-8")
    gateway.start()
    gateway.wait_ready()
    devices.write_text(DEVICES, encoding="utf-8")
    said = cityward("reload", gateway.configuration)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Warning: 11 of 12 devices are not in the files any more" in said.stdout


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("file", "the state directory (`state:` in cityward.yaml) must be a directory"),
        ("book", "is damaged"),
        ("used", "is in use: another cityward runs on this state"),
    ],
)
def test_a_state_that_cannot_be_used_is_said_in_a_sentence(gateway: Gateway, what: str, sentence: str) -> None:
    if what == "file":
        gateway.state.write_text("x", encoding="utf-8")
    elif what == "book":
        gateway.state.mkdir()
        (gateway.state / "book.sqlite").write_bytes(b"no database at all" * 1000)
    else:
        gateway.start()
        gateway.wait_ready()
    said = cityward("run", gateway.configuration)
    assert said.returncode == 1
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr
    assert "Errno" not in said.stderr


def test_a_journal_in_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("x", encoding="utf-8")
    said = cityward("journal", "--state", tmp_path / "state")
    assert said.returncode == 1
    assert "is no state directory, but a file" in said.stderr
