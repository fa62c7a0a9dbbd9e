"""Proof 5: a record that kills whoever judges it. After at most three starts everything else is judged, for ever."""

import contextlib
import json
import time
from pathlib import Path

import pytest

from tests.drills.gateway import ROOT, Gateway
from tests.drills.test_kill import RULES, SOURCES, devices
from tests.load import Publisher
from tests.servers import Mosquitto, mosquitto, until

RAISE = "raise ZeroDivisionError('this frame')"
DIE = "os.kill(os.getpid(), signal.SIGKILL)"

# The defect: a rule that breaks on one value. It is put into a copy of the command, for no option of the product can.
PROGRAM = """
import os, signal, sys
sys.path.insert(0, {root!r})
from msgspec.structs import replace
from rules.kinds.table import KINDS
sound = KINDS["threshold"].step
def step(memory, given, settings, interval_ms):
    if getattr(given, "value", None) == 666.5:
        {defect}
    return sound(memory, given, settings, interval_ms)
KINDS["threshold"] = replace(KINDS["threshold"], step=step)
from commands import main
main()
"""


def send(broker: Mosquitto, *values: tuple[int, int, float]) -> None:
    with Publisher(broker.port) as publisher:
        publisher.publish((b"dust/%d" % device, json.dumps({"n": n, "pm10": v}).encode()) for device, n, v in values)


def settles(gateway: Gateway, wanted: set[str]) -> bool:
    """Start it; tell whether it came to judge everything, or ended before."""
    gateway.start()
    assert gateway.process is not None
    deadline = time.monotonic() + 20
    while gateway.process.poll() is None:
        assert time.monotonic() < deadline, "it neither judges everything nor ends"
        with contextlib.suppress(OSError):
            if wanted <= set(gateway.alarms()):
                return True
        time.sleep(0.05)
    return False


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("defect", "starts"), [(RAISE, 3), (DIE, 3)], ids=["it raises", "it kills"])
def test_one_frame_stops_nothing_for_ever(tmp_path: Path, defect: str, starts: int) -> None:
    """A defect that raises is found at once; one that kills must be caught in the act, alone, by two processes."""
    program = tmp_path / "broken.py"
    program.write_text(PROGRAM.format(root=str(ROOT), defect=defect))
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(), RULES, program=program)
        try:
            gateway.start()
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            send(broker, (1, 0, 500.5), (2, 0, 666.5), (3, 0, 500.5))  # most probably one batch
            assert gateway.ended() != 0
            wanted = {"high@d1", "high@d3", "record-set-aside@gateway"}
            while not settles(gateway, wanted):
                assert gateway.starts <= starts, gateway.log.read_text()[-2000:]
            assert "high@d2" not in gateway.alarms()
            send(broker, (2, 1, 500.5), (4, 0, 500.5))  # the device itself goes on
            until(lambda: {"high@d2", "high@d4"} <= set(gateway.alarms()), what="its next reading is judged")
            frames = gateway.get("/api/v1/ledger")["frames"]
            assert frames["set_aside"] >= 1  # and once more for each time that the broker sent it again
            assert gateway.get("/api/v1/ledger")["unaccounted"] == {}

            gateway.stop()
            gateway.start()
            gateway.wait_ready()  # skipped for ever, also by a replay
            assert wanted <= set(gateway.alarms())
            gateway.stop()
        finally:
            gateway.end()
