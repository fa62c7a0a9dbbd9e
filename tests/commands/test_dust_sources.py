"""From YAML to open links: every way in which a dust monitor reaches the gateway, as an engineer writes it."""

from pathlib import Path

from commands.sources import all_sources, make_source, tell_of_devices
from config.check import load
from devices.hj212 import build_packet
from ingest.sources.hj212_serial import Hj212Line
from ingest.sources.hj212_tcp import Hj212Client, Hj212Listener
from ingest.sources.modbus_rtu import ModbusLine
from ingest.sources.serial_line import TalkerLine
from tests.ingest.lines import Heard

CITYWARD = """
gateway: {id: gw-1, time_zone: Asia/Shanghai}
sources:
  hj212:
    - {name: sites, listen: 127.0.0.1:0}
    - {name: yard, connect: 192.0.2.7:9000, set_clocks: false}
  serial:
    - {name: wired, port: /dev/ttyS1, line: 9600 8N1, protocol: hj212}
    - {name: gate, port: /dev/ttyUSB0, line: 4800 8N1, protocol: modbus-rtu, poll: 60 s}
    - {name: kiosk, port: /dev/ttyUSB1, line: 9600 8N1, protocol: plantower-pms}
    - {name: tower, port: /dev/ttyUSB2, line: 9600 8N1, protocol: nova-sds, poll: 30 s}
    - {name: roof, port: /dev/ttyUSB3, line: 115200 8N1, protocol: sensirion-sps30, poll: 10 s}
    - {name: fence, port: /dev/ttyUSB4, line: 9600 8N1, protocol: honeywell-hpma}
"""
DEVICES = """
defaults: {interval: 1 min}
devices:
  - id: site-1
    model: hj212-dust
    address: mn:A110000_0001
    options: {pm_unit: ug_m3, crc: modbus, pw: "654321", key: {file: KEY}}
  - {id: gate-3, model: modbus-dust, address: modbus:gate/3, options: {preset: 500-block-wind10}}
  - id: gate-4
    model: modbus-dust
    address: modbus:gate/4
    options: {registers: [{address: 0, quantity: tsp_ug_m3, type: f32, unit: mg/m3, words: little, absent: [-1]}]}
  - {id: kiosk, model: plantower-pms, address: line:kiosk, options: {variant: pms5003t}}
  - {id: tower, model: nova-sds, address: line:tower, options: {variant: sds198}}
  - {id: roof, model: sensirion-sps30, address: line:roof}
  - {id: fence, model: honeywell-hpma, address: line:fence, options: {variant: hpma115c0}}
"""


def test_every_kind_of_link_is_opened_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdeffedcba9876543210")
    (tmp_path / "devices.d").mkdir()
    (tmp_path / "cityward.yaml").write_text(CITYWARD)
    (tmp_path / "devices.d" / "a.yaml").write_text(DEVICES.replace("KEY", str(tmp_path / "key")))
    loaded = load(tmp_path)
    assert [problem.text("en") for problem in loaded.problems] == []
    compiled = loaded.compiled
    assert compiled is not None
    heard = Heard()
    sources = {
        each.name: make_source(each, compiled.registry, heard.report, None, tmp_path) for each in all_sources(compiled)
    }
    kinds = {name: type(source) for name, source in sources.items()}
    assert kinds == {
        "sites": Hj212Listener, "yard": Hj212Client, "wired": Hj212Line, "gate": ModbusLine, "kiosk": TalkerLine,
        "tower": TalkerLine, "roof": TalkerLine, "fence": TalkerLine,
    }  # fmt: skip
    envelopes = {source.name: source.routes[0].envelope for source in compiled.registry.sources}
    assert {envelopes[name] for name in ("sites", "yard", "wired")} == {"hj212"}
    assert {envelopes[name] for name in ("kiosk", "tower", "roof", "fence")} == {"line"}
    polls = {name: source.poll_s for name, source in sources.items() if isinstance(source, TalkerLine)}
    assert polls == {"kiosk": None, "tower": 30, "roof": 10, "fence": None}
    station = next(device for device in compiled.registry.devices if device.id == "site-1")
    assert station.via == ("sites", "yard", "wired")

    frame = build_packet(
        qn="1", st="39", cn="2011", pw="654321", mn="A110000_0001", flag=5, crc="modbus", cp="DataTime=1"
    )
    for settings in all_sources(compiled):
        source = sources[settings.name]
        if isinstance(source, Hj212Listener | Hj212Client | Hj212Line):
            assert source.desk.look_at(frame).replies, "it is the station that is registered"
            assert not source.desk.look_at(frame.replace(b"654321", b"123456")).replies
            tell_of_devices(source, settings, compiled.registry)
            assert source.desk.look_at(frame).replies
    assert {data["bad"] for kind, data in heard.reports if kind == "condition"} == {False}
