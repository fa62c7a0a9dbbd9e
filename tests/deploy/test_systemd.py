"""The service under a real systemd: installed, started, killed, hung, upgraded, stopped, taken off."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.machine import CHECKOUT, Machine, booted, wheels_of
from tests.servers import DROP_IN, until

UNIT = Path(__file__).parents[2] / "deploy/cityward.service"
INSTALL, UNINSTALL = str(CHECKOUT / "deploy/install"), str(CHECKOUT / "deploy/uninstall")

BROKER = """\
listener 1883 127.0.0.1
password_file /etc/mosquitto/passwords
"""

CITYWARD = """\
gateway: {id: boot, time_zone: Asia/Shanghai}
sources:
  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:1883
      username: cityward
      password: {credential: mqtt-password}
      topics: [{filter: wells/+/report, envelope: plain, address: topic 2}]
"""

DEVICES = """\
defaults: {crs: wgs84}
devices:
  - id: well-7
    model: plain
    address: topic:lora/7
    options: {family: level, fields: {level: water_level_mm}}
    name: 奎河 7号 水位
    at: [117.1987, 34.2478]
    interval: 10 min
  - id: well-8
    model: plain
    address: topic:lora/8
    options: {family: level, fields: {level: water_level_mm}}
    name: 奎河 8号 水位
    at: [117.1991, 34.2471]
    interval: 10 min
"""

RULES = """\
rules:
  - id: well-high
    kind: threshold
    for: all
    quantity: water_level_mm
    above: 2.5 m
    priority: 2
    text: {zh: "{name} 水位 {value} mm", en: "{name}: water level {value} mm"}
    cause: {zh: 强降雨, en: Heavy rain}
    consequence: {zh: 漫溢, en: It overflows}
    action: {zh: 开闸, en: Open the sluice}
    respond_within: 1 h
"""

WATCHDOG = """\
[Service]
WatchdogSec=3
"""


def test_the_unit_is_what_systemd_understands(tmp_path: Path) -> None:
    """What it starts is not installed here: a program that is there stands for it."""
    unit = tmp_path / "cityward.service"
    started = next(line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart="))
    unit.write_text(UNIT.read_text().replace(started, "ExecStart=/bin/true"))
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_the_unit_exposes_little() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=16", str(UNIT)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout[-300:]


@pytest.mark.parametrize("script", ["install", "uninstall"])
def test_who_is_not_root_is_told_so(root: Path, script: str) -> None:
    command = ["unshare", "--user", str(root / "deploy" / script)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert f"sudo deploy/{script}" in said.stderr


@pytest.fixture
def machine(root: Path, tmp_path: Path) -> Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("only root can boot a systemd")
    with booted(root, wheels_of(root), tmp_path / "console") as machine:
        yield machine


def test_a_gateway_s_life(machine: Machine) -> None:
    """One story, for a boot and an installation take seconds."""
    _is_not_for_other_systems(machine)
    _is_installed(machine)
    _starts(machine)
    raised = _rings(machine)
    _reloads_or_says_why_not(machine)
    _outlives_kill_9(machine, raised)
    _outlives_a_stopped_process(machine)
    _outlives_a_pipeline_that_hangs(machine, raised)
    _is_upgraded_or_left_alone(machine, raised)
    _goes_back_when_the_new_version_does_not_start(machine)
    _stops_and_leaves_its_data(machine)


def _is_not_for_other_systems(machine: Machine) -> None:
    fedora = "echo ID=fedora > /run/fedora && mount --bind /run/fedora /etc/os-release"
    for strange, said in ((fedora, "not Debian"), ("mount -t tmpfs tmpfs /run", "does not run on systemd")):
        refused = machine.attempt("unshare", "--mount", "sh", "-c", f"{strange} && {INSTALL}")
        assert refused.returncode == 1
        assert said in refused.stdout
    assert machine.run("find", "/opt/cityward", "/etc/cityward", check=False).count("No such file") == 2


def _is_installed(machine: Machine) -> None:
    said = machine.run(INSTALL)
    assert "cityward check" in said
    machine.run("cityward", "check")  # what it put there is right
    assert machine.show("ActiveState") == "inactive"  # but an example
    assert machine.show("UnitFileState") == "enabled"
    assert machine.run("stat", "--format=%a %U", "/etc/cityward/credentials") == "700 root"


def _starts(machine: Machine) -> None:
    machine.write("/etc/mosquitto/conf.d/cityward.conf", DROP_IN.read_text())
    machine.write("/etc/mosquitto/conf.d/local.conf", BROKER)
    machine.write("/etc/mosquitto/passwords", "cityward:geheim\n")
    machine.run("mosquitto_passwd", "-U", "/etc/mosquitto/passwords")
    machine.run("systemctl", "start", "mosquitto")
    machine.write("/etc/cityward/credentials/mqtt-password", "geheim\n")
    machine.run("sh", "-c", "rm /etc/cityward/*.d/*")
    machine.write("/etc/cityward/cityward.yaml", CITYWARD)
    machine.write("/etc/cityward/devices.d/wells.yaml", DEVICES)
    machine.write("/etc/cityward/rules.d/wells.yaml", RULES)
    machine.write("/run/systemd/system/cityward.service.d/short.conf", WATCHDOG)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "cityward")  # comes back when it says READY
    assert machine.show("ActiveState") == "active"
    assert machine.show("StatusText").startswith("2 devices")
    assert machine.run("stat", "--format=%U", "/var/lib/cityward/book.sqlite") == "cityward"
    until(lambda: machine.get("/readyz").get("ready"), what="it is ready")
    assert _of_the_clock(machine) in {"None False", "None True"}  # the kernel may not be asked, timedated answers


def _of_the_clock(machine: Machine) -> str:
    """Ask what NTP says, as the service can: with everything that its unit forbids."""
    kept = ("NoNew", "Capability", "Protect", "Private", "Restrict", "SystemCall", "MemoryDeny", "Lock", "User=")
    limits = [f"--property={line}" for line in UNIT.read_text().splitlines() if line.startswith(kept)]
    program = "from ingest.clock import kernel_says, timedated_says; print(kernel_says(), timedated_says())"
    home = "/opt/cityward/current"
    command = [f"{home}/.venv/bin/python", "-c", f"import sys; sys.path.insert(0, {home!r}); {program}"]
    return machine.run("systemd-run", "--quiet", "--pipe", "--wait", *limits, *command)


def _rings(machine: Machine) -> dict[str, Any]:
    """Ring, and return the alarm. That the broker lets it in proves that the password arrived."""

    def rang() -> dict[str, Any]:
        _say(machine, 7, 2700)  # again, for what comes before the broker has taken our subscription is nobody's
        return _alarm(machine)

    until(rang, what="the alarm of 2.7 m")
    return _alarm(machine)


def _reloads_or_says_why_not(machine: Machine) -> None:
    machine.write("/etc/cityward/devices.d/wells.yaml", DEVICES.replace("model: plain", "model: plan"))
    refused = machine.attempt("cityward", "reload")
    assert refused.returncode == 1
    assert "wells.yaml:4:12: There is no model `plan`" in refused.stdout
    machine.write("/etc/cityward/devices.d/wells.yaml", DEVICES)
    somebody = ["setpriv", "--reuid=daemon", "--regid=daemon"]
    stranger = machine.attempt(*somebody, "--clear-groups", "cityward", "reload")
    assert stranger.returncode == 1
    assert "join the group cityward" in stranger.stdout
    machine.run(*somebody, "--groups=cityward", "cityward", "reload")
    machine.write("/etc/cityward/devices.d/wells.yaml", DEVICES.replace("7号", "第七"))
    machine.run("systemctl", "reload", "cityward")
    until(lambda: "第七" in json.dumps(machine.get("/api/v1/devices"), ensure_ascii=False), what="the new name")


def _outlives_kill_9(machine: Machine, raised: dict[str, Any]) -> None:
    machine.run("kill", "-KILL", machine.show("MainPID"))
    _runs_again(machine, 1, "after kill -9")
    assert _alarm(machine)["occurrence"] == raised["occurrence"]
    assert _alarm(machine)["since"] == raised["since"]


def _outlives_a_stopped_process(machine: Machine) -> None:
    machine.run("kill", "-STOP", machine.show("MainPID"))
    _runs_again(machine, 2, "by the watchdog, after SIGSTOP")


def _outlives_a_pipeline_that_hangs(machine: Machine, raised: dict[str, Any]) -> None:
    """Hold the pipeline alone: all other threads go on, and among them the one that feeds the watchdog."""
    pid = machine.show("MainPID")
    task = machine.run("sh", "-c", f"grep --files-with-matches --line-regexp pipeline /proc/{pid}/task/*/comm")
    tid = task.split("/")[4]
    machine.run("systemd-run", "--quiet", "python3", str(CHECKOUT / "tests/deploy/hold.py"), tid)
    until(lambda: "State:\tt" in machine.run("cat", f"/proc/{tid}/status"), what="it is held")
    _say(machine, 8, 2900)
    until(lambda: machine.get("/healthz").get("idle_s", 0) > 5, what="the feed says that the pipeline hangs")
    assert machine.show("MainPID") == pid
    _runs_again(machine, 3, "by the watchdog, after the pipeline alone hung", within_s=40)
    assert _log(machine).count("Watchdog timeout") == 2
    # What came while it hung was not acknowledged: the broker says it again.
    until(lambda: _alarm(machine, "well-8"), what="the alarm of 2.9 m")
    assert _alarm(machine)["occurrence"] == raised["occurrence"]


def _is_upgraded_or_left_alone(machine: Machine, raised: dict[str, Any]) -> None:
    first, pid = machine.run("readlink", "/opt/cityward/current"), machine.show("MainPID")
    machine.write("/etc/cityward/devices.d/wells.yaml", DEVICES.replace("model: plain", "model: plan"))
    refused = machine.attempt(INSTALL)
    assert refused.returncode == 1
    assert "wells.yaml:4:12: There is no model `plan`" in refused.stdout
    assert (machine.run("readlink", "/opt/cityward/current"), machine.show("MainPID")) == (first, pid)
    machine.write("/etc/cityward/devices.d/wells.yaml", DEVICES)
    machine.run(INSTALL)
    second = machine.run("readlink", "/opt/cityward/current")
    assert sorted(machine.run("ls", "/opt/cityward").split()) == sorted([first, second, "current"])
    until(lambda: machine.get("/readyz").get("ready"), what="the new version is ready")
    assert _alarm(machine)["occurrence"] == raised["occurrence"]
    assert "water_level_mm" in machine.run("cat", "/etc/cityward/devices.d/wells.yaml")


def _goes_back_when_the_new_version_does_not_start(machine: Machine) -> None:
    current = machine.run("readlink", "/opt/cityward/current")
    machine.run("cp", "-R", "/opt/cityward/current/.", "/srv/broken")
    machine.run("sed", "-i", "s/^    daemon = Daemon.*/    raise SystemExit(3)/", "/srv/broken/commands/run.py")
    refused = machine.attempt("/srv/broken/deploy/install")
    assert refused.returncode == 1
    assert f"back to {current}" in refused.stdout
    assert machine.run("readlink", "/opt/cityward/current") == current
    assert machine.show("ActiveState") == "active"


def _stops_and_leaves_its_data(machine: Machine) -> None:
    began = time.monotonic()
    machine.run("systemctl", "stop", "cityward")
    assert time.monotonic() - began < 5
    assert machine.show("Result") == "success"
    before = machine.run("find", "/var/lib/cityward", "/etc/cityward", "-type", "f")
    assert "/var/lib/cityward/snapshot" in before
    assert "/var/lib/cityward" in machine.run(UNINSTALL)
    assert machine.run("find", "/var/lib/cityward", "/etc/cityward", "-type", "f") == before
    assert machine.run("find", "/opt/cityward", "/usr/local/bin/cityward", check=False).count("No such file") == 2
    assert machine.show("LoadState") == "not-found"


def _log(machine: Machine) -> str:
    return machine.run("journalctl", "--unit=cityward", "--output=cat")


def _say(machine: Machine, well: int, level_mm: int) -> None:
    program = (
        "import sys\nfrom paho.mqtt.publish import single\n"
        "single(sys.argv[1], sys.argv[2], qos=1, auth={'username': 'cityward', 'password': 'geheim'})\n"
    )
    machine.python(program, f"wells/{well}/report", json.dumps({"level": level_mm}))


def _alarm(machine: Machine, device: str = "well-7") -> dict[str, Any]:
    alarms = machine.get("/api/v1/alarms").get("alarms", [])
    found: list[dict[str, Any]] = [alarm for alarm in alarms if alarm["id"] == f"well-high@{device}"]
    return found[0] if found else {}


def _runs_again(machine: Machine, restarts: int, what: str, *, within_s: float = 20) -> None:
    def runs() -> bool:
        return machine.show("ActiveState") == "active" and int(machine.show("NRestarts")) == restarts

    until(runs, within_s=within_s, what=f"started again {what}")
    until(lambda: machine.get("/readyz").get("ready"), what=f"ready {what}")
