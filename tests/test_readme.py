"""What the README shows on its first screen is what the gateway does, to the byte."""

import json
import re
from pathlib import Path

import pytest

from config.check import load
from devices import catalogue
from devices.frames import Batch
from devices.instants import rfc3339_ms
from rules.fold import Fold
from rules.records import Config, Outcome, Status
from tests.devices.captures import counts

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
TOPIC = b"application/1/device/24e124126a148401/event/up"


def blocks(readme: Path, language: str) -> list[str]:
    text = readme.read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found


def through_the_example(payload: bytes) -> Outcome:
    """Give one frame to a gateway that is configured as `deploy/example` says, at the moment it was sent."""
    compiled = load(ROOT / "deploy" / "example").compiled
    assert compiled is not None
    fold = Fold({"example": (compiled.registry, compiled.ruleset)}.__getitem__)
    at_ms = rfc3339_ms(json.loads(payload)["time"])
    fold.take(1, [Config(at_ms=at_ms, hash="example"), Status(at_ms=at_ms, subject="gateway", kind="started")])
    return fold.take(3, [Batch("lora", at_ms, [(TOPIC, payload, b"")])])


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_frame_becomes_the_line_and_the_alarm(readme: Path) -> None:
    [frame] = blocks(readme, "json")
    outcome = through_the_example(frame.encode())
    [line] = [line for line in outcome.lines if line.startswith(b"manhole,")]
    [event] = outcome.events
    alarm = event.alarm
    shown = "\n".join(blocks(readme, "text"))
    assert line.decode().strip() in shown
    assert (alarm.priority, alarm.state, event.kind) == (1, "UNACK", "raised")
    assert f"P1  {alarm.state}  {alarm.id} " in shown
    assert alarm.name in shown
    assert alarm.text.zh in shown
    assert alarm.text.en in shown or readme.name == "README.zh.md"


def test_the_table_of_supported_devices_is_that_of_the_models() -> None:
    """Made by `python -m tests.devices.captures`."""
    text = READMES[0].read_text(encoding="utf-8")
    assert catalogue.supported_table(counts()).strip() in text
