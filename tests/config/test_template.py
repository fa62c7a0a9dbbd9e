"""`cityward new-device`: the template of every model, filled in, is a right configuration."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import main
from config.check import load
from config.problems import Language
from config.template import schemes_of, template
from devices import catalogue

MAIN = """gateway: {id: g, time_zone: Asia/Shanghai}
sources:
  mqtt:
    - name: lora
      url: mqtt://127.0.0.1
      topics:
        - {filter: application/+/device/+/event/up, envelope: chirpstack-v4}
        - {filter: nb/#, envelope: ctwing}
        - {filter: wells/+/report, envelope: plain, address: topic 2}
  serial:
    - {name: gate, port: /dev/ttyUSB0, line: 4800 8N1, protocol: modbus-rtu, poll: 60 s}
    - {name: kiosk, port: /dev/ttyUSB1, line: 9600 8N1, protocol: PROTOCOL, poll: 60 s}
  hj212:
    - {name: sites, listen: "127.0.0.1:9212"}
"""
ADDRESSES = {
    "eui": "eui:24e124126a148401", "imei": "imei:863703030668235", "device": "device:PLATFORM_NUMBER",
    "mn": "mn:A110000_0001", "modbus": "modbus:gate/3", "line": "line:kiosk", "topic": "topic:lora/7",
}  # fmt: skip
FILLED = {"ID": "new-1", "INTERVAL": "6 h", "MEMBER": "level", "QUANTITY": "water_level_mm"}


def filled(text: str, address: str) -> str:
    """Do what an engineer does: choose the first that is offered where something must be chosen."""

    def fill(match: re.Match[str]) -> str:
        offered = re.search(r"[(（](\S+)(?: \| .*)?[)）]$", match.string.splitlines()[line_of(match)])
        return (FILLED | {"ADDRESS": address}).get(match[1]) or (offered[1] if offered else match[0])

    return re.sub(r"<([A-Z_]+)>", fill, text)


def line_of(match: re.Match[str]) -> int:
    return match.string.count("\n", 0, match.start())


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("model", catalogue.MODELS)
def test_filled_in_it_is_right(tmp_path: Path, model: str, language: Language) -> None:
    text = template(catalogue.MODELS[model], language)
    if language == "zh":
        assert "编号" in text
    else:
        assert "Its id, unique, for ever" in text
    (tmp_path / "devices.d").mkdir()
    line = model if model in ("nova-sds", "sensirion-sps30", "honeywell-hpma") else "plantower-pms"
    (tmp_path / "cityward.yaml").write_text(MAIN.replace("PROTOCOL", line), encoding="utf-8")
    file = tmp_path / "devices.d" / "new.yaml"
    file.write_text(text, encoding="utf-8")
    assert load(tmp_path).compiled is None, "what is not filled in is no right configuration"
    for scheme in schemes_of(catalogue.MODELS[model]):
        assert f"# {ADDRESSES[scheme]}  " in text
        right = filled(text, ADDRESSES[scheme])
        for said in (right, re.sub(r"^    # (?=[a-z]+: )(?!options)", "    ", right, flags=re.MULTILINE)):
            file.write_text(said, encoding="utf-8")
            loaded = load(tmp_path)
            assert loaded.compiled is not None, [problem.text("en") for problem in loaded.problems]
            device = loaded.compiled.registry.devices[0]
            assert (device.id, device.model, device.address) == ("new-1", model, ADDRESSES[scheme].lower().replace(
                "a110000", "A110000"))  # fmt: skip
    assert device.site == "云龙湖二期", "the last one had its comments taken away"


def test_as_it_is_typed() -> None:
    done = CliRunner().invoke(main, ["new-device", "milesight-iot", "--lang", "zh"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("# yaml-language-server: $schema=")
    assert "em310-tilt | em310-udl" in done.output
    wrong = CliRunner().invoke(main, ["new-device", "milesight", "--lang", "en"])
    assert wrong.exit_code == 1
    assert "Did you mean milesight-iot?" in wrong.output
