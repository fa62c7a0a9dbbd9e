"""The demo as a newcomer starts it: within a minute alarms from three transports and the past; then all is gone."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from commands.district.city import City
from tests.servers import free_port, until

PAST = {"overstay@bay-07", "pm10-day@dust-03", "silent@dust-04"}
LIVE = {"cover-tilted@mh-05", "pm10-high@dust-01", "pm10-high@dust-03"}  # MQTT, serial line, HJ 212


@pytest.mark.timeout(150)
@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_the_first_minute(tmp_path: Path, root: Path, broker: str) -> None:
    port = free_port()
    path = os.environ["PATH"]
    if broker == "amqtt":  # a PATH on which there is nothing but Python
        (tmp_path / "bin").mkdir()
        path = str(tmp_path / "bin")
    command = [
        sys.executable,
        str(root / "run_daemon.py"),
        "demo",
        "--port",
        str(port),
        "--state",
        str(tmp_path / "demo"),
    ]
    with (tmp_path / "log").open("wb") as log:
        demo = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"PATH": path}, stdout=log, stderr=log)
    try:
        began = time.monotonic()
        until(lambda: alarms(port) >= PAST | LIVE, within_s=90, what="alarms of all kinds")
        assert time.monotonic() - began < 60
        assert alarms(port) == PAST | LIVE  # a list that can be read
        for name in ("pm10-high@dust-01", "pm10-day@dust-03"):
            assert texts(port)[name]["zh"].endswith("（参考限值，非执法依据）")
        if broker == "mosquitto":
            another_on_the_same_folder(tmp_path, root)
            assert alarms(port) == PAST | LIVE
        assert shutil.which("mosquitto", path=path) is None or broker == "mosquitto"
    finally:
        demo.send_signal(signal.SIGINT)
        status = demo.wait(15)
    assert status == 0, (tmp_path / "log").read_text()
    assert str(tmp_path) not in subprocess.run(["/bin/ps", "axww"], capture_output=True, text=True, check=True).stdout


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("how", "when"),
    [
        (signal.SIGTERM, "过去 72 小时"),
        (signal.SIGINT, "过去 72 小时"),
        (signal.SIGTERM, "Ctrl-C"),
        (signal.SIGHUP, "Ctrl-C"),
    ],
    ids=lambda value: getattr(value, "name", "in the past" if value != "Ctrl-C" else "live"),
)
def test_it_leaves_nothing_behind(tmp_path: Path, root: Path, how: signal.Signals, when: str) -> None:
    command = [sys.executable, str(root / "run_daemon.py"), "demo", "--port", str(free_port())]
    temporary = Path(tempfile.mkdtemp())  # not below tmp_path: the name of a Unix socket has 107 characters at most
    log = tmp_path / "log"
    with log.open("wb") as out:
        demo = subprocess.Popen(command, env=os.environ | {"TMPDIR": str(temporary)}, stdout=out, stderr=out)
    try:
        until(lambda: when in log.read_text() or demo.poll() is not None, within_s=60, what=when)
        assert list(temporary.glob("cityward-demo-*/etc"))
        assert len(processes_of(temporary)) > 1
    finally:
        demo.send_signal(how)
        status = demo.wait(15)
    assert status == 0, log.read_text()
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []
    temporary.rmdir()


def another_on_the_same_folder(tmp_path: Path, root: Path) -> None:
    """Start a second demo: it leaves the files of the first alone, and says what is to be done."""
    file = tmp_path / "demo" / "etc" / "cityward.yaml"
    before = file.read_bytes(), (tmp_path / "demo" / "gate").readlink()
    command = [sys.executable, str(root / "run_daemon.py"), "demo", "--port", str(free_port())]
    done = subprocess.run(
        [*command, "--state", str(tmp_path / "demo")], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "a demo runs here already: stop it, or take another folder" in done.stderr
    assert "another port" not in done.stderr
    assert (file.read_bytes(), (tmp_path / "demo" / "gate").readlink()) == before


def processes_of(temporary: Path) -> list[int]:
    """Find the processes whose folder for temporary files this is: the demo's and its children's."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"TMPDIR={temporary}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def alarms(port: int) -> set[str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alarms", timeout=5) as answer:
            return {alarm["id"] for alarm in json.loads(answer.read())["alarms"]}
    except OSError:
        return set()


def texts(port: int) -> dict[str, dict[str, str]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alarms", timeout=5) as answer:
        return {alarm["id"]: alarm["text"] for alarm in json.loads(answer.read())["alarms"]}


def test_the_past_is_told_the_same_each_time() -> None:
    begins_ms = 1_795_000_000_000
    once, again = City(begins_ms).past(), City(begins_ms).past()
    for _ in range(2_000):
        batch = next(once)
        assert batch == next(again)
        assert batch.at_ms < begins_ms
