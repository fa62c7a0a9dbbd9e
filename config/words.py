# ruff: noqa: E501 - a sentence is not broken in two
"""What every key of a configuration means, in Chinese and English: for editors (`config.schemas`) and `new-device`.

By the class that declares it, then by key; "" is the class itself. A class that is not here is described by nothing,
which a test of ours does not let pass.
"""

from typing import Any

from config.words_feed import FEED
from config.words_rules import RULE, RULES, Sentence

_DEVICE: dict[str, Sentence] = {
    "model": (
        "型号，见支持设备表；`cityward new-device 型号` 打印模板",
        "Its model, of the table of supported devices; `cityward new-device MODEL` prints a template",
    ),
    "crs": (
        "at 的坐标系：wgs84、cgcs2000、gcj02（高德、腾讯）、bd09（百度）",
        "Coordinate system of `at`: wgs84, cgcs2000, gcj02 (Gaode, Tencent), bd09 (Baidu)",
    ),
    "interval": (
        "最长多久上报一次，如 6 h；据此判断失联",
        "How often it reports at the least, as in 6 h; silence is measured by it",
    ),
    "site": (
        "所属工地或停车场；规则可按它选择设备",
        "The premises that it supervises: a construction site, a car park; rules can ask for it",
    ),
    "district": ("所在区；InfluxDB 标签", "Where it stands; a tag in InfluxDB"),
    "labels": (
        "自定义的键和值，如 owner: 排水处；规则可按它选择设备",
        "Your own words, as in owner: 排水处; rules can ask for them",
    ),
    "tags": ("哪些 labels 同时作为 InfluxDB 标签", "Which of the labels become tags in InfluxDB"),
    "options": ("型号自己的选项", "What the model has to be told"),
}

_SETTINGS: dict[str, dict[str, Sentence]] = {
    "CitywardSettings": {
        "": ("cityward.yaml：网关是谁、数据从哪来、写到哪去", "cityward.yaml: who the gateway is, where its data come from, where they go"),
        "gateway": ("本网关", "This gateway"),
        "state": ("状态目录：数据日志、记录簿、快照；默认 /var/lib/cityward", "Directory of journal, book and snapshot; /var/lib/cityward if unsaid"),
        "budgets": ("各存储最多占多少磁盘", "How much of the disk each store may take"),
        "keep": ("记录簿保存多久", "How long the book keeps what"),
        "archive": ("读数存档，默认没有；写 {} 或 {budget: 3 GiB} 即启用", "An archive of readings; there is none unless it is written: {} or {budget: 3 GiB}"),
        "http": ("报警接口的监听地址", "Where the alarm feed answers"),
        "console": ("值班室界面：名称、底图、摄像头链接、班次", "The control room: its name, map, links to cameras, shifts"),
        "sources": ("数据源：MQTT、串口、HJ 212", "Where frames come from: MQTT brokers, serial lines, HJ 212"),
        "standards": ("采用的规则包，如 [gb3095-2026-class2, hj633-2026]；`cityward rules list` 列出规则", "Packs of rules that come with Cityward, as in [gb3095-2026-class2, hj633-2026]; `cityward rules list` shows them"),
        "reports": ("日报和月报；不写则没有", "Daily and monthly reports; there are none unless they are written"),
        "notify": ("通知：钉钉、企业微信、飞书、邮件、短信、回调；不写则没有", "Telling people: DingTalk, WeCom, Feishu, mail, SMS, webhook; nobody is told unless it is written"),
        "feeds": ("把报警送给其他系统：MQTT、网络回调；不写则没有", "Alarms to other systems: MQTT, webhooks; there are none unless they are written"),
        "influxdb": ("写入的 InfluxDB 2；省略则不写", "The InfluxDB 2 that is written to; left out = nothing is written"),
    },
    "PackSettings": {
        "": ("一个规则包：名称，或 {pack: 名称, accept_unverified: true}", "A pack of rules: its name, or {pack: NAME, accept_unverified: true}"),
        "pack": ("规则包名称", "Its name"),
        "accept_unverified": RULE["accept_unverified"],
    },
    "GatewaySettings": {
        "": ("本网关", "This gateway"),
        "id": ("网关编号，离开本机的编号都含有它，永不改变", "Its id, part of every id that leaves it; never change it"),
        "time_zone": ("IANA 时区名，小时和日按它划分，如 Asia/Shanghai", "IANA name; hours and days close by it, as in Asia/Shanghai"),
    },
    "BudgetSettings": {
        "": ("磁盘预算，如 4 GiB", "Budgets on the disk, as in 4 GiB"),
        "journal": ("数据日志（收到的全部帧）；默认 4 GiB", "The journal; 4 GiB if unsaid"),
        "journal_age": ("数据日志最多保存多久，如 30 d；不写则只按大小", "What is older goes though there is room, as in 30 d; unsaid = only size counts"),
        "inbox": ("收件箱（未登记设备的帧）；默认 256 MiB", "The inbox, for frames of unregistered devices; 256 MiB if unsaid"),
        "backlog": ("InfluxDB 尚未接收的数据；默认 1 GiB", "What InfluxDB has not taken yet; 1 GiB if unsaid"),
    },
    "ArchiveSettings": {
        "": ("读数存档（每天一组压缩 CSV），供 `cityward backtest` 使用；不写则不存档", "Readings as compressed CSV, a folder a day, for `cityward backtest`; left out = none is kept"),
        "budget": ("最多占多少磁盘，满了删最早的日子；默认 3 GiB", "How much of the disk it may take; the oldest days go first; 3 GiB if unsaid"),
    },
    "KeepSettings": {
        "": ("记录簿保存多久，如 731 d", "How long the book keeps what, as in 731 d"),
        "events": ("报警事件及其证据；默认 731 d（24 个月）", "Events and their proofs; 731 d (24 months) if unsaid"),
        "periods": ("时段、小时和日均值；默认 397 d（13 个月）", "Slots, hours and days; 397 d (13 months) if unsaid"),
    },
    "SourcesSettings": {
        "": ("数据源，按种类", "Sources, by kind"),
        "mqtt": ("MQTT 服务器", "MQTT brokers"),
        "serial": ("串口", "Serial lines"),
        "hj212": ("HJ 212 监听或连接", "HJ 212 over TCP"),
        "http": ("平台以 HTTP 推送到的端口；不写则没有", "Ports that platforms push to over HTTP; there is none unless it is written"),
    },
    "HttpPushSettings": {
        "": ("平台以 HTTP 推送到的一个端口", "One port that platforms push to"),
        "name": ("数据源名称", "Name of the source"),
        "listen": ("监听的地址和端口，如 0.0.0.0:8443", "Where to listen, as in 0.0.0.0:8443"),
        "tls": ("自己的 TLS；前面有代理时不写", "TLS of our own, where no proxy in front does it"),
        "paths": ("各平台调用的路径", "What each platform calls"),
    },
    "PushPath": {
        "": ("一个平台调用的路径", "What one platform calls, and how it is known"),
        "path": ("URL 的路径，如 /ctwing", "The path of the URL, as in /ctwing"),
        "envelope": ("信封：哪个平台的消息格式", "Whose platform's messages these are"),
        "address": ("仅 plain：设备地址在 JSON 的哪个成员，field 名称", "With `plain`: which member of the JSON is the device's address, field NAME"),
        "token": ("平台带上的令牌在哪里", "Where the token is that the platform sends"),
        "signature": ("平台计算签名用的 Token 在哪里（OneNET、华为 IoTDA）", "Where the token is of which the platform computes its signature (OneNET, Huawei IoTDA)"),
        "key": ("OneNET 安全模式的 AES 密钥在哪里", "Where OneNET's AES key is, for its secure mode"),
    },
    "PushTls": {
        "": ("自己的 TLS", "TLS of our own"),
        "certificate": ("证书链，PEM", "The certificate and what stands between it and its authority, PEM"),
        "key": ("证书的私钥在哪里，PEM，无口令", "Where the certificate's key is, PEM without a password"),
        "client_ca": ("签发平台证书的 CA，PEM；没有证书的一律拒绝", "PEM of the authority of the platform's own certificate: who has none is not let in"),
    },
    "MqttSettings": {
        "": ("一个 MQTT 服务器", "One broker"),
        "name": ("数据源名称，设备地址 topic:名称/… 用它", "Name of the source: addresses topic:NAME/… begin with it"),
        "url": ("mqtt://主机:端口 或 mqtts://主机:端口", "mqtt://HOST:PORT or mqtts://HOST:PORT"),
        "username": ("用户名", "User at the broker"),
        "password": ("口令在哪里，从不写明文", "Where the password is; it is never written here"),
        "protocol": ("协议版本，默认 5；旧服务器写 3.1.1", "Version of the protocol, 5 if unsaid; 3.1.1 for brokers that know no better"),
        "inflight": ("仅 3.1.1：服务器的 max_inflight_messages", "3.1.1 only: the broker's max_inflight_messages"),
        "topics": ("订阅哪些主题", "Which topics are subscribed"),
        "ca_file": ("签发服务器证书的 CA（PEM）；不写则用系统的", "PEM of the authority that signed the broker's certificate; unsaid = the system's"),
    },
    "Secret": {
        "": ("口令或令牌所在之处", "Where a password or token is"),
        "credential": ("systemd 凭据名称（LoadCredential=）", "Name of a systemd credential (LoadCredential=)"),
        "file": ("只含口令的文件，绝对路径", "Absolute path of a file that holds nothing else"),
    },
    "TopicSettings": {
        "": ("一个订阅", "One subscription"),
        "filter": ("主题过滤器，可含 + 和 #", "MQTT topic filter, with + and #"),
        "envelope": ("信封：哪个平台的消息格式", "Whose platform's messages these are"),
        "address": ("设备地址在哪里：topic 2（主题第二级）或 field 名称；仅 plain", "Where the device's address stands: topic 2 (second level), or field NAME; with `plain` only"),
    },
    "SerialSettings": {
        "": ("一条串口线", "One serial line"),
        "name": ("数据源名称，设备地址 modbus:名称/从站 用它", "Name of the source: addresses modbus:NAME/SLAVE begin with it"),
        "port": ("设备文件，如 /dev/serial/by-id/…", "The device file, as in /dev/serial/by-id/…"),
        "line": ("波特率和格式，如 4800 8N1", "Baud rate and format, as in 4800 8N1"),
        "protocol": ("线上使用的协议", "What is spoken on the line"),
        "poll": ("多久轮询一次，如 60 s；主动上传的设备不写", "How often it is asked, as in 60 s; unsaid = it talks by itself"),
        "set_clocks": ("仅 hj212：为请求校时的站点校时", "hj212 only: stations that ask for the time are sent it"),
    },
    "Hj212Settings": {
        "": ("HJ 212，经 TCP", "HJ 212 over TCP"),
        "name": ("数据源名称", "Name of the source"),
        "listen": ("监听的地址和端口，如 0.0.0.0:9212", "Where stations connect, as in 0.0.0.0:9212"),
        "connect": ("或主动连接的数采仪，主机:端口", "Or a logger that waits to be called, HOST:PORT"),
        "set_clocks": ("为请求校时的站点校时（1012）", "Stations that ask for the time are sent it (1012)"),
    },
    "InfluxSettings": {
        "": ("InfluxDB 2", "InfluxDB 2"),
        "url": ("http://主机:8086", "http://HOST:8086"),
        "org": ("组织", "Organisation"),
        "bucket": ("存储桶", "Bucket"),
        "token": ("令牌在哪里", "Where the token is"),
    },
    "DevicesFile": {
        "": ("devices.d/*.yaml：设备", "devices.d/*.yaml: devices"),
        "defaults": ("本文件中未另写的设备都取这些值", "What holds for every device of this file that does not say otherwise"),
        "devices": ("设备", "The devices"),
    },
    "DefaultSettings": {"": ("本文件所有设备的默认值；labels、tags、options 与设备自己的合并", "What every device of this file has; labels, tags and options of its own come on top"), **_DEVICE},
    "DeviceSettings": {
        "": ("一台设备", "One device"),
        **_DEVICE,
        "id": ("设备编号，唯一，永不改变：历史数据挂在它名下", "Its id, unique, for ever: its history hangs on it"),
        "address": ("设备地址：eui:、imei:、device:、mn:、modbus:线/从站、line:线、topic:源/地址", "Its address: eui:, imei:, device:, mn:, modbus:LINE/SLAVE, line:LINE, topic:SOURCE/ADDRESS"),
        "name": ("给人看的名称，如 文化路12号 污水井盖", "Its name for people, as in 文化路12号 污水井盖"),
        "at": ("位置：[经度, 纬度]，坐标系见 crs", "Where it is: [longitude, latitude] in the crs"),
    },
    "RulesFile": {"": ("rules.d/*.yaml：规则", "rules.d/*.yaml: rules"), "rules": ("规则", "The rules"), "changes": ("对规则包中规则的改动", "What is otherwise about rules of packs")},
    "PackFile": {
        "": ("规则包", "A pack of rules"),
        "title": ("规则包的名称", "What it is the pack of"),
        "rules": ("规则", "The rules"),
    },
    "RuleTestsFile": {
        "": ("规则测试：`cityward rules test 文件`", "Tests of rules: `cityward rules test FILE`"),
        "rules": ("在本文件中写的规则", "Rules that stand in this file itself"),
        "changes": ("对规则包中规则的改动", "What is otherwise about rules of packs"),
        "time_zone": ("IANA 时区名；默认 Asia/Shanghai", "IANA name; Asia/Shanghai if unsaid"),
        "standards": ("规则包", "Packs of rules"),
        "devices": ("设备；不写则测试所在目录的配置", "The devices; unsaid, the configuration of the directory is tested"),
        "tests": ("各项测试", "The tests"),
    },
    "TestDeviceSettings": {
        "": ("一台设备", "One device"),
        "id": ("编号", "Its id"),
        "family": ("类别，如 dust、manhole、parking", "Its family, as in dust, manhole, parking"),
        "interval": ("上报周期；默认 1 min", "How often it reports; 1 min if unsaid"),
        "name": ("名称", "Its name"),
        "site": ("工地或停车场", "Its site"),
        "labels": ("标签", "Its labels"),
    },
    "RuleTestSettings": {
        "": ("一项测试", "One test"),
        "name": ("测试名称", "What it shows"),
        "start": ("开始的当地时间，如 2026-11-24 00:00", "When it begins, local time, as in 2026-11-24 00:00"),
        "series": ("设备上报了什么", "What the devices say"),
        "expect": ("应当如何", "What must be so, and when"),
    },
    "SeriesSettings": {
        "": ("一台设备一个量的读数", "What one device says of one quantity"),
        "device": ("设备编号", "Id of the device"),
        "quantity": ("量", "The quantity"),
        "every": ("多久一次，如 1 min", "How often, as in 1 min"),
        "values": ("数值，如 80x60 200 _x10 100+5x4 truex3；_ 为无数据", "Values, as in 80x60 200 _x10 100+5x4 truex3; _ = nothing is said"),
    },
    "ExpectSettings": {
        "": ("某时刻应当如何", "What must be so at a moment"),
        "at": ("时刻：自开始起 45 min，或 2026-11-24 00:45", "When: 45 min after the start, or 2026-11-24 00:45"),
        "alarm": ("报警编号，规则@设备；默认应为 active", "An alarm, rule@device; it is to be active if nothing else is said"),
        "alarms": ("此时活动的报警，不多不少", "Exactly these are active"),
        "verdict": ("判定，规则@设备", "A verdict, rule@device"),
        "is": ("报警 active、returned（含日均值等结论）、never；判定 normal、violated、unknown", "Of an alarm active, returned (so is a finding), never; of a verdict normal, violated, unknown"),
        "times": ("响过几次", "How often it has rung"),
        "value": ("报警显示的数值", "The value that it shows"),
        "limit": ("报警显示的限值", "The limit that it shows"),
        "text": ("报警内容，中文或英文", "What it says, in either language"),
    },
}  # fmt: skip

_VARIANT = {"variant": ("产品，见铭牌", "Which product it is, as on its label")}

_OPTIONS: dict[str, dict[str, Sentence]] = {
    "DecentlabOptions": {
        "variant": ("产品：DL-CTD10 写 ctd10", "Which product it is: DL-CTD10 is ctd10"),
        "pmin_bar": ("量程下端压力，bar，见铭牌 Pmin", "Pressure at the lower end of the range, bar: Pmin on the label"),
        "pmax_bar": ("量程上端压力，bar，见铭牌 Pmax", "Pressure at the upper end of the range, bar: Pmax on the label"),
        "kp": ("每 bar 的步数，见铭牌", "Steps for each bar, as the label says"),
        "kec": ("每 mS/cm 的步数，见铭牌", "Steps for each mS/cm, as the label says"),
    },
    "Hj212Options": {
        "pm_unit": ("站点打印的颗粒物单位，不能猜：问厂家或看现场屏幕", "In which unit the station prints particles; nothing is guessed: ask its maker or look at its screen"),
        "crc": ("校验算法；不写则从头几包学习；off 不校验", "Form of its checksum; unsaid = learned from its first packets; off = not looked at"),
        "pw": ("站点的 PW；写了则其他 PW 的包被拒绝", "Its PW; packets with another are refused then"),
        "key": ("SM4 密钥所在（HJ 212-2025）", "Where its SM4 key is (HJ 212-2025)"),
    },
    "Key": {"credential": ("systemd 凭据名称", "Name of a systemd credential"), "file": ("密钥文件", "A file that holds it")},
    "HpmaOptions": _VARIANT,
    "MilesightOptions": {
        "variant": ("产品，见铭牌；不写则只读各产品含义相同的帧", "The product, as on its label; without it only frames are read that mean the same on all products"),
        "family": ("类别，默认随产品：manhole、dust、noise、weather", "Its family, that of the product if unsaid: manhole, dust, noise, weather"),
    },
    "ModbusOptions": {
        "preset": ("现成的寄存器表；与 registers 二选一", "A register map that is known; this or `registers`"),
        "function": ("功能码：3 保持寄存器，4 输入寄存器", "3 = holding registers, 4 = input registers"),
        "registers": ("寄存器表：address（从 0 起）、quantity、type、factor、unit、words、absent", "The map: address (from 0), quantity, type, factor, unit, words, absent"),
        "request_hex": ("仅用于 cityward decode：请求帧", "For `cityward decode` only: the request"),
    },
    "NetvoxOptions": {"family": ("类别：车位 parking，倾斜、水浸、液位 manhole，颗粒物和噪声 dust", "Its family: parking for R719A, manhole for tilt, leak and level, dust for particles and noise")},
    "NovaOptions": _VARIANT,
    "PlainOptions": {
        "family": ("类别：InfluxDB 的 measurement，规则按它选择", "Its family: the InfluxDB measurement, and what rules ask for"),
        "fields": ("JSON 成员 → 量；可写 {quantity, factor, offset, unit, text}", "Member of the JSON → quantity; or {quantity, factor, offset, unit, text}"),
        "time": ("设备时间所在：{field, unit: s|ms|rfc3339}", "Where the device's time stands: {field, unit: s|ms|rfc3339}"),
        "counter": ("消息计数器所在的成员，用于去重", "The member that counts its messages, to know duplicates by"),
    },
    "PlantowerOptions": _VARIANT,
    "Register": {
        "address": ("首个寄存器地址，从 0 起，即线上的数", "Of its first register, counted from 0 as on the wire"),
        "quantity": ("量", "What it is"),
        "type": ("数据类型", "How it is stored"),
        "factor": ("值 = 寄存器中的数 × factor", "The value is the number in the register times this"),
        "unit": ("该值的单位，与量的单位不同时写", "The unit of that value, where it is not the quantity's own"),
        "words": ("32 位值的字序：big 高字在前", "Order of the two registers of a 32-bit value: big = high word first"),
        "absent": ("表示无数据的数", "Numbers that mean that there is no value"),
    },
    "Member": {
        "quantity": ("量", "What it is"),
        "factor": ("值 = 数 × factor + offset", "Value = number × factor + offset"),
        "offset": ("值 = 数 × factor + offset", "Value = number × factor + offset"),
        "unit": ("打印的单位，代替 factor 和 offset", "The unit that it is printed in, instead of factor and offset"),
        "text": ("数写在文本里", "The number stands in a text"),
    },
    "TimeMember": {"field": ("成员名", "The member"), "unit": ("s、ms（自 1970 年）或 rfc3339", "s or ms since 1970, or rfc3339")},
}  # fmt: skip

WORDS: dict[str, dict[str, Sentence]] = _SETTINGS | FEED | RULES | _OPTIONS


def words_of(kind: type[Any], key: str = "") -> Sentence | None:
    """Return what a key of a class, or the class itself, means; None = nobody has written it down."""
    return WORDS.get(kind.__name__, {}).get(key)
