"""Built-in rules: the gateway judges itself. They read Status records, so nothing outside the fold makes an event.

A name here is either the kind of a Status (`link`, `drops`, `set_aside`) or the name in a Status `condition`.
"""

from typing import Literal

from rules.kinds.state import State
from rules.records import Text
from rules.ruleset import Rule, Scope

Priority = Literal[1, 2, 3, 4]
MINUTE_MS = 60_000


def _rule(  # noqa: PLR0913, PLR0917 - a rule has that many texts
    name: str,
    priority: Priority,
    on_delay_ms: int,
    text: Text,
    cause: Text,
    consequence: Text,
    action: Text,
    respond_min: int,
) -> Rule:
    return Rule(
        id=name, kind="state", scope=Scope(), settings=State(quantity="", value=True, on_delay_ms=on_delay_ms),
        priority=priority, text=text, cause=cause, consequence=consequence, action=action,
        respond_within_ms=respond_min * MINUTE_MS,
    )  # fmt: skip


LINK = _rule(
    "link-down", 2, 30_000,
    Text("通信中断：{why}", "Link down: {why}"),
    Text("对端停机、断电、断网或线缆松脱", "The far end is off, the network is cut, or a cable is loose"),
    Text(
        "该链路上的设备均收不到数据，无法判断其状态",
        "Nothing is heard of the devices behind it; their state is unknown",
    ),
    Text("检查对端服务与网络；串口检查转接头", "Check the far end and the network; at a serial line, the adapter"), 30,
)  # fmt: skip

MANY = _rule(
    "many-silent", 2, 0,
    Text("部分设备同时失联：{why}", "Many are silent at once: {why}"),
    Text("某个基站、集中器、交换机停电或断网", "A radio gateway, concentrator or switch of several is off or cut"),
    Text("这些设备的状态未知", "Nobody knows the state of these devices"),
    Text("检查其共用的基站和供电", "Look at what they share: the radio gateway, its power, its uplink"), 60,
)  # fmt: skip

CONDITIONS = {
    rule.id: rule
    for rule in (
        _rule(
            "disk-full", 1, 0,
            Text("磁盘已满：{why}", "Disk full: {why}"),
            Text(
                "其他程序占满磁盘，或存储预算超过磁盘",
                "Something else fills the disk, or the budgets are larger than it",
            ),
            Text(
                "新数据不再确认，由上游保存；上游存满后将丢失",
                "New data are not acknowledged; the senders keep them until they are full",
            ),
            Text("清理磁盘或减小预算", "Free the disk or lower the budgets"), 30,
        ),
        _rule(
            "journal-trouble", 2, 0,
            Text("日志存储出错：{why}", "Journal trouble: {why}"),
            Text("存储卡或磁盘老化", "The card or disk is failing"),
            Text("已换新段继续写入，旧段只读", "A new segment is in use; the old one is only read"),
            Text("尽快更换存储介质", "Replace the medium soon"), 240,
        ),
        _rule(
            "config-refused", 3, 0,
            Text("新配置有错，未生效：{why}", "New configuration refused: {why}"),
            Text("配置文件有错", "The files are wrong"),
            Text("仍按原配置运行", "The former configuration stays in force"),
            Text("运行 cityward check，按提示修改后重新加载", "Run cityward check, mend what it names, reload"), 240,
        ),
        _rule(
            "config-differs", 4, 0,
            Text("配置文件已被撤回，未生效", "The files were taken back: something else is in force"),
            Text("有人执行了 cityward reload --undo", "Somebody ran cityward reload --undo"),
            Text("仍按上一份配置运行，重启后也一样", "The one before them is in force, also after a restart"),
            Text(
                "用 cityward plan 查看差别；改好文件后重新加载",
                "See the difference with cityward plan; mend the files, then reload",
            ), 1440,
        ),
        _rule(
            "influx-down", 3, 0,
            Text("InfluxDB 无法写入：{why}", "InfluxDB cannot be written: {why}"),
            Text("数据库停机或网络中断", "The database is off or unreachable"),
            Text("数据暂存本机，恢复后补写", "Lines wait on this disk and are written later"),
            Text("检查 InfluxDB 与网络", "Check InfluxDB and the network"), 240,
        ),
        _rule(
            "influx-refused", 3, 0,
            Text("InfluxDB 拒绝写入：{why}", "InfluxDB refuses: {why}"),
            Text("令牌、组织或存储桶不对", "Token, organisation or bucket is wrong"),
            Text("数据暂存本机，改正后补写", "Lines wait on this disk and are written later"),
            Text("核对 cityward.yaml 中的 influxdb 一节", "Check the section influxdb of cityward.yaml"), 240,
        ),
        _rule(
            "certificate-refused", 3, 0,
            Text("控制台的新证书有错，未使用：{why}", "The console's certificate is refused: {why}"),
            Text("证书与私钥不配，或文件读不到", "Certificate and key do not fit, or cannot be read"),
            Text("仍用原证书；启动时则用自签证书", "The former goes on; after a start, one that the gateway signs"),
            Text("检查 http.console 的 certificate 和 key", "Check certificate and key of http.console"), 1440,
        ),
        _rule(
            "feed-failing", 2, 0,
            Text("向其他系统的报警推送失败：{why}", "Alarms do not reach another system: {why}"),
            Text(
                "对方停机、网络中断，或口令、证书、权限不对",
                "It is off or cut off, or a password, certificate or right is wrong",
            ),
            Text(
                "该系统看不到新的报警；恢复后按顺序补送，不会丢失",
                "It does not see new alarms; they are sent in order when it can be reached again",
            ),
            Text(
                "检查对方系统、网络和 cityward.yaml 中的 feeds",
                "Check that system, the network and `feeds` of cityward.yaml",
            ), 60,
        ),
        _rule(
            "channel-failing", 2, 0,
            Text("通知渠道发送失败：{why}", "A channel of notifications fails: {why}"),
            Text(
                "网络中断、令牌或签名不对、被限流，或余额不足",
                "The network is cut, a token or signature is wrong, it is shut out for a time, or unpaid",
            ),
            Text(
                "值班人员可能收不到报警；有备用渠道的已改由备用渠道发送",
                "People may not be told of alarms; where there is a fallback it has taken over",
            ),
            Text(
                "查看 /api/v1/channels 中的错误，改正后发送测试消息",
                "Read the error in /api/v1/channels, mend it, send a test message",
            ), 30,
        ),
        _rule(
            "subscription-refused", 2, 0,
            Text("订阅被拒绝：{why}", "Subscription refused: {why}"),
            Text("MQTT 账号没有该主题的权限", "The MQTT user may not read this topic"),
            Text("该主题的设备收不到数据", "Nothing is heard of the devices behind it"),
            Text("在 MQTT 服务器上为该账号授权", "Give the user the right at the broker"), 60,
        ),
        _rule(
            "setup-doubtful", 3, 10 * MINUTE_MS,
            Text("设备选项可能有误：{why}", "The options of a device are probably wrong: {why}"),
            Text("单位或寄存器表与设备不符", "The unit or the register map is not the device's"),
            Text("有疑问的数值不参与均值和判断", "Values in doubt enter no mean; those in another unit are held back"),
            Text(
                "对照设备屏幕或说明书改正选项，重新加载；旧帧可用 cityward redecode 重读",
                "Compare with the device's display or sheet, correct the options, reload, redecode",
            ), 480,
        ),
        _rule(
            "means-differ", 3, 0,
            Text("站报均值与本机计算不一致：{why}", "A station's own means differ from ours: {why}"),
            Text(
                "断线缺数、站内时钟偏差、校准系数或单位不同",
                "Readings that never came, its clock, a factor or a unit of its own",
            ),
            Text("规则只按本机均值判断，站报值仅供对照", "Rules judge by our means; the station's stand beside them"),
            Text(
                "对照站内历史数据，查明缺数或系数；必要时补传后重读",
                "Compare with what the station has stored; find the gap or the factor",
            ), 1440,
        ),
        _rule(
            "hj212-key", 3, 0,
            Text("HJ 212 密钥不可用：{why}", "A key of HJ 212 cannot be used: {why}"),
            Text("凭据缺失，或不是 32 位十六进制数", "The credential is absent, or no 32 hexadecimal digits"),
            Text("加密的数据无法读取，且不应答", "Encrypted data cannot be read, and are not answered"),
            Text("补上凭据后重新加载", "Provide the credential, then reload"), 240,
        ),
        _rule(
            "clock-doubtful", 3, 10 * MINUTE_MS,
            Text("时钟不可信：{why}", "Clock in doubt: {why}"),
            Text("没有网络对时，或时钟电池失效", "No NTP, or the clock's battery is flat"),
            Text("读数的时间可能不对；报警不受影响", "Times of readings may be wrong; alarms are not affected"),
            Text("恢复 NTP 对时", "Restore NTP"), 480,
        ),
    )
}  # fmt: skip

FINDINGS = {
    "drops": _rule(
        "broker-dropped", 2, 0,
        Text("MQTT 服务器丢弃了 {count} 条消息", "The broker dropped {count} messages"),
        Text("服务器队列太短，或网关停机太久", "Its queue is too short, or the gateway was away too long"),
        Text("丢弃的读数无法找回", "These readings are lost"),
        Text("安装 deploy/mosquitto 中的配置", "Install the drop-in of deploy/mosquitto"), 480,
    ),
    "session_lost": _rule(
        "session-lost", 2, 0,
        Text("MQTT 服务器丢失了本网关的会话", "The broker has lost the gateway's session"),
        Text(
            "服务器未开启持久化、数据被清空、会话过期，或换了服务器",
            "It keeps nothing on its disk, was emptied, the session expired, or it is another broker",
        ),
        Text(
            "网关离线期间的消息可能已丢失，数量不详",
            "What came while the gateway was away may be lost; nobody knows how much",
        ),
        Text("安装 deploy/mosquitto 中的配置", "Install the drop-in of deploy/mosquitto: it keeps sessions"), 480,
    ),
    "set_aside": _rule(
        "record-set-aside", 2, 0,
        Text("一条记录两次使程序终止，已搁置：{why}", "A record ended two processes and was set aside: {why}"),
        Text("程序缺陷", "A defect of the program"),
        Text("该条数据未被判断，其余不受影响", "It was not judged; everything else is"),
        Text("用 cityward journal print 导出该记录并上报", "Export it with cityward journal print and report it"), 480,
    ),
}  # fmt: skip

BUILT_IN = {rule.id: rule for rule in (LINK, MANY, *CONDITIONS.values(), *FINDINGS.values())}
