"""The simulated district on somebody else's broker, into a gateway that has the demo's configuration."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commands.district import files
from tests.drills.gateway import Gateway
from tests.servers import free_port, mosquitto, until

SIMULATE = [sys.executable, "run_daemon.py", "simulate"]


class DemoGateway(Gateway):
    """A daemon with the demo's configuration; its serial lines lead nowhere."""

    def __init__(self, folder: Path, mqtt: int) -> None:
        super().__init__(folder, "", "", "")
        self.hj212 = free_port()
        for path in self.configuration.rglob("*.yaml"):
            path.unlink()
        files.write(
            self.configuration, self.state, http=self.port, mqtt=mqtt, hj212=self.hj212,
            gate=folder / "gate", kiosk=folder / "kiosk", v5=True,
        )  # fmt: skip


@pytest.mark.timeout(90)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_the_district_on_any_broker(tmp_path: Path, root: Path, how: signal.Signals) -> None:
    with mosquitto(tmp_path / "broker") as broker:
        gateway = DemoGateway(tmp_path / "gateway", broker.port)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-demo-lora", "application/+/device/+/event/up")
            where = ["--mqtt", f"127.0.0.1:{broker.port}"]
            if how == signal.SIGTERM:
                where += ["--hj212", f"127.0.0.1:{gateway.hj212}"]
            district = subprocess.Popen([*SIMULATE, *where], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            wanted = {"cover-tilted@mh-05", "pm10-high@dust-03"} if how == signal.SIGTERM else {"cover-tilted@mh-05"}
            try:
                until(lambda: wanted <= set(gateway.alarms()), within_s=40, what="its alarms")
                assert gateway.get("/api/v1/ledger")["frames"]["strangers"] == 0, "all its devices are registered"
            finally:
                district.send_signal(how)
                said, _ = district.communicate(timeout=10)
            assert district.returncode == 0
            assert said.decode().startswith(f"正在发送 sending to mqtt://127.0.0.1:{broker.port}")
            assert len(said.splitlines()) == 1, said
            gateway.stop()
        finally:
            gateway.end()


@pytest.mark.parametrize(
    ("where", "code", "says"),
    [
        ([], 2, "Missing option '--mqtt'"),
        (["--mqtt", "127.0.0.1"], 2, "Invalid value for '--mqtt'"),
        (["--mqtt", "127.0.0.1:1"], 1, "127.0.0.1:1 cannot be reached: .*refused"),
    ],
)
def test_where_it_cannot_send_it_says_so(root: Path, where: list[str], code: int, says: str) -> None:
    done = subprocess.run([*SIMULATE, *where], cwd=root, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == code
    assert re.search(says, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
