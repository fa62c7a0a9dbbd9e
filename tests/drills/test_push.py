"""A platform that pushes to a gateway that dies before it can answer: it pushes again, and that counts once."""

import json
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from devices.frames import Batch
from tests.drills.gateway import ROOT, Gateway
from tests.drills.test_running import cityward, edit
from tests.servers import free_port, until

SOURCES = """  http:
    - name: push
      listen: 127.0.0.1:{port}
      paths: [{{path: /ctwing, envelope: ctwing, token: {{file: {token}}}}}]
"""
DEVICES = """devices:
  - {id: mh-1, model: ctwing-manhole, address: "imei:863703030668235", interval: 6 h}
"""
RULES = """rules:
  - id: silent
    kind: silence
    for: all
    after: 30 h
    priority: 4
TEXTS
"""
DEFECT = f"""import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from ingest.sources.http_push import HttpPush
really = HttpPush._keep

async def keep(self, deliver, path, body):
    await really(self, deliver, path, body)  # it is on the disk
    os.kill(os.getpid(), signal.SIGKILL)     # and nobody hears of it

HttpPush._keep = keep
from commands import main
main()
"""


def push(port: int, t_ms: int) -> int:
    """Push as CTWing does; return the status, 0 = no answer."""
    message = {
        "messageType": "dataReport", "deviceId": "d1", "IMEI": "863703030668235", "timestamp": t_ms, "serviceId": 4,
        "topic": "v1/up/ad19", "upPacketSN": -1,
        "payload": {"lean_angle": 3, "manhole_cover_open_state": 0, "battery_value": 90},
    }  # fmt: skip
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as link:
            link.request("POST", "/ctwing?token=s3cret", json.dumps(message))
            return link.getresponse().status
    except (OSError, HTTPException):
        return 0


def died_of_a_push(gateway: Gateway, port: int, t_ms: int) -> bool:
    assert push(port, t_ms) == 0
    assert gateway.process is not None
    return gateway.process.poll() is not None


@pytest.mark.timeout(90)
def test_killed_between_commit_and_answer(tmp_path: Path) -> None:
    port, now_ms = free_port(), int(time.time() * 1000)
    token, program = tmp_path / "token", tmp_path / "defect.py"
    token.write_text("s3cret\n", encoding="utf-8")
    program.write_text(DEFECT, encoding="utf-8")
    gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=port, token=token), DEVICES, RULES, program=program)
    try:
        gateway.start()
        gateway.wait_ready()
        until(lambda: died_of_a_push(gateway, port, now_ms), what="it is killed; it may be ready before the port is")
        gateway.program = ROOT / "run_daemon.py"
        gateway.start()
        gateway.wait_ready()
        until(lambda: push(port, now_ms) == 200, what="the platform pushes again")
        assert push(port, now_ms) == 200, "and again, for its own reasons"
        assert push(port, now_ms + 1000) == 200
        ledger = gateway.get("/api/v1/ledger")
        assert ledger["readings"] == 2
        assert ledger["frames"]["received"] == 4
        assert ledger["frames"]["duplicates"] == 2
        assert ledger["unaccounted"] == {}
    finally:
        gateway.end()
    kept = [frame for _, record in gateway.records() if isinstance(record, Batch) for frame in record.frames]
    assert [place for place, _, _ in kept] == [b"/ctwing"] * 4


@pytest.mark.timeout(90)
def test_reload_opens_and_closes_the_port(tmp_path: Path) -> None:
    port, now_ms = free_port(), int(time.time() * 1000)
    token = tmp_path / "token"
    token.write_text("s3cret\n", encoding="utf-8")
    source = SOURCES.format(port=port, token=token)
    hj212 = f'  hj212:\n    - {{name: sites, listen: "127.0.0.1:{free_port()}"}}\n'
    devices = '  - {id: a, model: hj212-dust, address: "mn:A1", interval: 1 min, options: {pm_unit: ug_m3}}\n'
    gateway = Gateway(tmp_path / "gateway", hj212, f"devices:\n{devices}", RULES)
    try:
        gateway.start()
        gateway.wait_ready()
        assert push(port, now_ms) == 0, "nobody listens unless it is configured"
        edit(gateway, "cityward.yaml", hj212, hj212 + source)
        edit(gateway, "devices.d/all.yaml", "devices:\n", DEVICES)
        assert cityward(gateway, "reload").returncode == 0
        until(lambda: push(port, now_ms) == 200, what="it listens")
        token.write_text("another\n", encoding="utf-8")
        edit(gateway, "cityward.yaml", "path: /ctwing", "path: /other")
        assert cityward(gateway, "reload").returncode == 0
        until(lambda: push(port, now_ms) == 404, what="another path")
        edit(gateway, "cityward.yaml", source.replace("/ctwing", "/other"), "")
        edit(gateway, "devices.d/all.yaml", DEVICES, "devices:\n")
        assert cityward(gateway, "reload").returncode == 0
        assert push(port, now_ms) == 0
        assert gateway.stop() == 0
    finally:
        gateway.end()
