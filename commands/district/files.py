"""The district's configuration, as an engineer would write it."""

from pathlib import Path

from commands.district.city import BAYS, COVERS, MNS, bay_eui, cover_eui

MAIN = """# 演示配置，可以随意修改；改后运行 cityward check 与 cityward reload。 A configuration to play with.
gateway: {{id: demo, time_zone: Asia/Shanghai}}
state: {state}
budgets: {{journal: 256 MiB, inbox: 32 MiB}}
http: {{listen: 127.0.0.1:{http}}}
sources:
  mqtt:
    - name: lora
      url: mqtt://127.0.0.1:{mqtt}
      {protocol}
      topics:
        - {{filter: application/+/device/+/event/up, envelope: chirpstack-v4}}
  serial:
    - {{name: gate, port: {gate}, line: 4800 8N1, protocol: modbus-rtu, poll: 5 s}}
    - {{name: kiosk, port: {kiosk}, line: 9600 8N1, protocol: plantower-pms}}
  hj212:
    - {{name: sites, listen: 127.0.0.1:{hj212}}}
"""

DUST = """defaults: {{crs: wgs84, district: 鼓楼区, interval: 5 min}}
devices:
  - id: dust-01
    model: modbus-dust
    address: modbus:gate/1
    options: {{preset: 500-block}}
    name: 云龙湖二期 东门扬尘
    site: 云龙湖二期
    at: [117.1501, 34.2452]
  - id: dust-02
    model: plantower-pms
    address: line:kiosk
    name: 彭城广场 环境亭
    at: [117.1849, 34.2641]
  - id: dust-03
    model: hj212-dust
    address: mn:{mns[0]}
    options: {{pm_unit: ug_m3}}
    name: 和平路改造 北侧扬尘
    site: 和平路改造
    at: [117.2043, 34.2609]
  - id: dust-04
    model: hj212-dust
    address: mn:{mns[1]}
    options: {{pm_unit: ug_m3}}
    name: 和平路改造 南侧扬尘
    site: 和平路改造
    at: [117.2047, 34.2590]
"""

RULES = """rules:
  - id: cover-tilted
    kind: threshold
    for: {family: manhole}
    quantity: tilt_deg
    above: 15
    at_least: 2 of 2
    once_above: 30
    priority: 1
    latch: true
    text: {zh: "井盖倾斜 {value}°", en: "Cover tilted {value}°"}
    cause: {zh: 井盖被掀开、移位或塌陷, en: "Cover lifted, displaced or sunk"}
    consequence: {zh: 行人和车辆坠落, en: People and vehicles may fall in}
    action: {zh: 派员到场围护并复位, en: Send a crew to fence off and close}
    respond_within: 2 h
  - id: pm10-high
    kind: threshold
    for: {family: dust}
    quantity: pm10_ug_m3
    basis: reference
    above: 300
    clear: 250
    at_least: 2 of 2
    priority: 2
    text: {zh: "PM10 {value} µg/m³，超过 {limit}", en: "PM10 {value} µg/m³, over {limit}"}
    cause: {zh: 土方作业未喷淋、裸土未覆盖, en: "Earthworks without spraying, bare soil"}
    consequence: {zh: 周边扬尘污染、投诉, en: Dust in the neighbourhood and complaints}
    action: {zh: 通知工地开启喷淋，必要时停工, en: "Have the site spray, or stop"}
    respond_within: 2 h
  - id: pm10-day
    kind: day_mean
    for: {family: dust}
    quantity: pm10_ug_m3
    standard: gb3095-2026-class2
    basis: reference
    priority: 3
    text: {zh: "PM10 日均值 {value} µg/m³，超过 {limit}", en: "PM10 day mean {value} µg/m³, over {limit}"}
    cause: {zh: 全天扬尘控制不力，或区域性污染, en: "Poor dust control all day, or a regional episode"}
    consequence: {zh: 影响空气质量考核, en: Counts against the air quality targets}
    action: {zh: 约谈工地负责人，检查台账, en: Call in the site manager}
    respond_within: 24 h
  - id: overstay
    kind: state
    for: {family: parking}
    quantity: occupied
    is: true
    after: 24 h
    priority: 4
    text: {zh: "泊位占用超过 24 小时", en: Bay occupied for over 24 hours}
    cause: {zh: 僵尸车，或地磁传感器故障, en: "An abandoned car, or a sensor at fault"}
    consequence: {zh: 泊位周转下降, en: The bay serves nobody else}
    action: {zh: 派巡查员核实, en: Have a warden look}
    respond_within: 24 h
  - id: silent
    kind: silence
    for: all
    intervals: 3
    priority: 4
    text: {zh: "设备无数据", en: Nothing is heard of the device}
    cause: {zh: 设备断电、损坏或信号被遮挡, en: "No power, broken, or its signal is shielded"}
    consequence: {zh: 现场状态未知, en: Nobody knows the state on the spot}
    action: {zh: 现场检查供电和信号, en: Check power and signal}
    respond_within: 24 h
"""


def write(folder: Path, state: Path, *, http: int, mqtt: int, hj212: int, gate: Path, kiosk: Path, v5: bool) -> None:  # noqa: PLR0913 - the places of five things
    """Write the three kinds of files; files that are there already stay as they are, but for the main one."""
    protocol = "protocol: 5" if v5 else "protocol: 3.1.1"
    main = MAIN.format(state=state, http=http, mqtt=mqtt, hj212=hj212, gate=gate, kiosk=kiosk, protocol=protocol)
    lora = "defaults: {crs: wgs84, district: 鼓楼区}\ndevices:\n"
    for n in range(1, BAYS + 1):
        at = f"[{117.18 + n * 0.0002:.4f}, 34.2637]"
        lora += (
            f"  - {{id: bay-{n:02}, model: bosch-tps110, address: 'eui:{bay_eui(n)}', name: 彭城路 {n:02} 号泊位, "
            f"site: 彭城路, at: {at}, interval: 2 h}}\n"
        )
    for n in range(1, COVERS + 1):
        at = f"[117.1859, {34.25 + n * 0.0004:.4f}]"
        lora += (
            f"  - {{id: mh-{n:02}, model: dingtek-dc41x, address: 'eui:{cover_eui(n)}', "
            f"name: 文化路 {n:02} 号 污水井盖, at: {at}, interval: 6 h}}\n"
        )
    for name, text in (
        ("cityward.yaml", main),
        ("devices.d/dust.yaml", DUST.format(mns=MNS)),
        ("devices.d/lora.yaml", lora),
        ("rules.d/rules.yaml", RULES),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "cityward.yaml" or not path.exists():
            path.write_text(text, encoding="utf-8")
