"""What `cityward doctor` looks at, one function each: findings, each with its fix."""

import grp
import os
import pwd
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Literal

from msgspec import Struct

from config import apart
from config.schema import CitywardSettings
from ingest.clock import ntp_says_so
from ingest.influx import Influx
from ingest.settings import InfluxSettings, MqttSettings, SerialSettings
from ingest.sources.mqtt_checkup import BrokerSight, look

SERVICE_USER = "cityward"
MIB = 1 << 20
QUEUE_LEAST = 10_000  # messages: 10 s of a large city, or hours of a small one
DROP_IN = Path("/etc/mosquitto/conf.d")
GROUP, OTHERS = 0o060, 0o006  # may read and write
LOCAL = ("127.0.0.1", "localhost", "::1")


class Finding(Struct, frozen=True, kw_only=True):
    """Something that was looked at. fix_zh, fix_en: what to do; "" where nothing is wrong."""

    about: str
    state: Literal["ok", "warning", "wrong"]
    zh: str
    en: str
    fix_zh: str = ""
    fix_en: str = ""


def configuration(found: apart.Found) -> Iterator[Finding]:
    """Whether the files are right."""
    if not found.problems:
        yield Finding(about="config", state="ok", zh="配置正确", en="the configuration is right")
    for problem in found.problems[:20]:
        state: Literal["warning", "wrong"] = "warning" if problem.warning else "wrong"
        fix_zh, fix_en = "改正后运行 cityward check", "correct it, then cityward check"
        yield Finding(about="config", state=state, zh=problem.zh, en=problem.en, fix_zh=fix_zh, fix_en=fix_en)


def daemon(answers: int, detail: str) -> Iterator[Finding]:
    """Whether the daemon runs and its alarms can be believed; answers: HTTP status of /readyz, 0 = nobody listens."""
    if answers == 200:  # noqa: PLR2004 - OK
        yield Finding(about="daemon", state="ok", zh="服务运行正常", en="the service runs")
    elif answers:
        yield Finding(
            about="daemon",
            state="wrong",
            zh=f"服务未就绪（{answers}）",
            en=f"the service is not ready ({answers})",
            fix_zh="查看 journalctl -u cityward -e",
            fix_en="look at journalctl -u cityward -e",
        )
    else:
        yield Finding(
            about="daemon",
            state="wrong",
            zh="服务没有运行",
            en=f"the service does not answer: {detail}",
            fix_zh="systemctl status cityward；systemctl start cityward",
            fix_en="systemctl status cityward; systemctl start cityward",
        )


def clock() -> Iterator[Finding]:
    """Whether anybody sets this machine's clock."""
    if ntp_says_so():
        yield Finding(about="clock", state="ok", zh="时钟已由 NTP 校准", en="NTP sets the clock")
        return
    yield Finding(
        about="clock",
        state="wrong",
        zh="时钟没有 NTP 校准，时间不可信",
        en="no NTP sets the clock: times cannot be believed",
        fix_zh="启用 systemd-timesyncd 或 chrony，并检查能否访问时间服务器（timedatectl）",
        fix_en="enable systemd-timesyncd or chrony, and see that a time server is reached (timedatectl)",
    )


def disk(settings: CitywardSettings) -> Iterator[Finding]:
    """Whether the state directory has room for what the budgets allow."""
    state = settings.state
    where = next(path for path in (state, *state.parents) if path.exists())
    used = sum(map(_bytes_of, state.rglob("*")))
    budgets = settings.budgets
    wanted = budgets.journal + budgets.inbox + (budgets.backlog if settings.influxdb else 0) - used
    free = shutil.disk_usage(where).free
    if free >= wanted:
        yield Finding(
            about="disk", state="ok", zh=f"磁盘剩余 {free // MIB} MiB", en=f"{free // MIB} MiB are free for {state}"
        )
    else:
        yield Finding(
            about="disk",
            state="warning",
            zh=f"{state} 所在磁盘剩余 {free // MIB} MiB，预算还需 {wanted // MIB} MiB：写满时旧数据会被删除",
            en=f"{free // MIB} MiB are free for {state}, the budgets may take {wanted // MIB}: then old data go",
            fix_zh="清理磁盘，或在 cityward.yaml 减小 budgets",
            fix_en="make room, or lower `budgets` in cityward.yaml",
        )
    kind = _file_system(where)
    if kind in ("tmpfs", "ramfs", "overlay"):
        yield Finding(
            about="disk",
            state="wrong",
            zh=f"{state} 在 {kind} 上，断电后数据丢失",
            en=f"{state} is on {kind}: lost with the power",
            fix_zh="把 state 放到真正的磁盘上",
            fix_en="put `state` on a real disk",
        )


def _bytes_of(path: Path) -> int:
    """Measure a file; the daemon may have taken it away meanwhile."""
    try:
        stat = path.lstat()
    except OSError:
        return 0
    return stat.st_size if S_ISREG(stat.st_mode) else 0


def _file_system(path: Path) -> str:
    """Name the type of file system that a path is on."""
    best, kind = "", ""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, mount, name, *_ = line.split()
        inside = str(path).startswith(mount.rstrip("/") + "/") or str(path) == mount or mount == "/"
        if inside and len(mount) > len(best):
            best, kind = mount, name
    return kind


def serial(line: SerialSettings) -> Iterator[Finding]:
    """Whether a serial port is there, and the service may open it."""
    about, port = f"line:{line.name}", Path(line.port)
    if not port.exists():
        others = ", ".join(str(path) for path in sorted(Path("/dev/serial/by-id").glob("*"))) or "-"
        yield Finding(
            about=about,
            state="wrong",
            zh=f"找不到 {port}",
            en=f"there is no {port}",
            fix_zh=f"插好转换器；现有端口：{others}",
            fix_en=f"plug the adapter in; there are: {others}",
        )
        return
    number = port.stat().st_gid
    group = next((each.gr_name for each in grp.getgrall() if each.gr_gid == number), str(number))
    if _may_open(port):
        yield Finding(about=about, state="ok", zh=f"{port} 可用", en=f"{port} is there")
    else:
        yield Finding(
            about=about,
            state="wrong",
            zh=f"服务用户无权打开 {port}（组 {group}）",
            en=f"the service's user may not open {port} (group {group})",
            fix_zh=f"usermod -aG {group} {SERVICE_USER}，再重启服务",
            fix_en=f"usermod -aG {group} {SERVICE_USER}, then restart the service",
        )
    if re.fullmatch(r"/dev/tty(USB|ACM)[0-9]+", line.port):
        name = next((path for path in Path("/dev/serial/by-id").glob("*") if path.resolve() == port.resolve()), None)
        if name is not None:
            yield Finding(
                about=about,
                state="warning",
                zh=f"{port} 重新插拔后可能改名",
                en=f"{port} may be another one tomorrow",
                fix_zh=f"port: {name}",
                fix_en=f"port: {name}",
            )


def _may_open(port: Path) -> bool:
    """Tell whether the service's user may; on a machine without it, whether we may."""
    try:
        user = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return os.access(port, os.R_OK | os.W_OK)
    stat = port.stat()
    groups = os.getgrouplist(SERVICE_USER, user.pw_gid)
    by_group = stat.st_gid in groups and stat.st_mode & GROUP == GROUP
    return user.pw_uid == stat.st_uid or by_group or stat.st_mode & OTHERS == OTHERS


def broker(settings: MqttSettings, listen_s: float) -> Iterator[Finding]:
    """Whether a broker lets us read what we want, and loses nothing on the way."""
    about = f"broker:{settings.name}"
    sight = look(settings, listen_s)
    if sight.trouble:
        yield Finding(
            about=about,
            state="wrong",
            zh=f"{settings.url}：{sight.trouble_zh or sight.trouble}",
            en=f"{settings.url}: {sight.trouble}",
            fix_zh="按提示改正 cityward.yaml 或服务器",
            fix_en="correct cityward.yaml or the broker as it says",
        )
        return
    yield Finding(about=about, state="ok", zh=f"已连接 {sight.version}", en=f"connected to {sight.version or 'it'}")
    for name, why in sight.refused.items():
        yield Finding(
            about=about,
            state="wrong",
            zh=f"无权订阅 {name}（{why}）",
            en=f"{name} may not be read ({why})",
            fix_zh=f"在 ACL 中加：topic read {name}",
            fix_en=f"in the broker's ACL: topic read {name}",
        )
    if settings.broker.host in LOCAL:
        yield from _queue(about)
    yield from _traffic(about, sight, listen_s)


def _queue(about: str) -> Iterator[Finding]:
    """Look how much a mosquitto on this machine keeps while we are away; 0 is all (mosquitto.conf(5))."""
    if not DROP_IN.is_dir():
        return
    looked = [DROP_IN.parent / "mosquitto.conf", *sorted(DROP_IN.glob("*.conf"))]  # it reads the folder last
    limits = [
        int(match[1])
        for path in looked
        if os.access(path, os.R_OK)
        for match in re.finditer(r"^\s*max_queued_messages\s+(\d+)", path.read_text("utf-8", "replace"), re.MULTILINE)
    ]
    if not limits or 0 < limits[-1] < QUEUE_LEAST:
        said = limits[-1] if limits else 1000
        where = f"{DROP_IN.parent}/mosquitto.conf, {DROP_IN}/*.conf"
        zh = f"（{where}）" if limits else f"（默认值；{where} 中没有 max_queued_messages；用别的配置启动的不在此列）"
        en = (
            f" ({where})"
            if limits
            else (f" (its default: no max_queued_messages in {where}; one started with another file may keep more)")
        )
        yield Finding(
            about=about,
            state="warning",
            zh=f"服务器只为离线网关保留 {said} 条消息，其余丢弃{zh}",
            en=f"the broker keeps {said} messages for a gateway that is away and drops the rest{en}",
            fix_zh="cp deploy/mosquitto/cityward.conf /etc/mosquitto/conf.d/，再重启 mosquitto",
            fix_en="cp deploy/mosquitto/cityward.conf /etc/mosquitto/conf.d/ and restart mosquitto",
        )


def _traffic(about: str, sight: BrokerSight, listen_s: float) -> Iterator[Finding]:
    if sight.dropped:
        yield Finding(
            about=about,
            state="warning",
            zh=f"服务器已丢弃 {sight.dropped} 条消息（所有客户端合计）",
            en=f"the broker has dropped {sight.dropped} messages (of all its clients)",
            fix_zh="见上：加大队列",
            fix_en="make its queues larger: deploy/mosquitto/cityward.conf",
        )
    if sight.senders_qos0:
        topics = ", ".join(sight.senders_qos0)
        yield Finding(
            about=about,
            state="warning",
            zh=f"发布者用 QoS 0：{topics}。断线时这些消息会丢",
            en=f"published with QoS 0: {topics}. They are lost while a link is down",
            fix_zh="让发布者用 QoS 1（ChirpStack：[integration.mqtt] qos=1）",
            fix_en="let the sender use QoS 1 (ChirpStack: [integration.mqtt] qos=1)",
        )
    if sight.silent:
        names = ", ".join(sight.silent)
        yield Finding(
            about=about,
            state="warning",
            zh=f"{listen_s:g} 秒内没有消息：{names}",
            en=f"nothing came within {listen_s:g} s on {names}",
            fix_zh="设备发送间隔长时属正常（可加长 --listen）；否则检查 filter 和 ACL：mosquitto 拒绝读取时不说明",
            fix_en="right where devices speak seldom (--listen longer); else look at `filter` and at the broker's ACL, "
            "which mosquitto applies without a word",
        )


def influx(settings: InfluxSettings) -> Iterator[Finding]:
    """Whether InfluxDB takes what we write: a comment is written, which is nothing."""
    client = Influx(settings)
    try:
        answer = client.write(b"# cityward doctor\n")
    finally:
        client.close()
    if answer.meaning == "written":
        yield Finding(about="influxdb", state="ok", zh=f"{settings.url} 可写", en=f"{settings.url} can be written")
        return
    fixes = {
        401: ("检查令牌是否正确", "look at the token: it must be right"),
        403: ("令牌须有该 bucket 的写权限", "the token needs the right to write this bucket"),
        404: (
            f"没有 org {settings.org} 或 bucket {settings.bucket}：请建立或改名",
            f"make org {settings.org} and bucket {settings.bucket}, or correct their names",
        ),
    }
    zh, en = fixes.get(answer.status, ("检查 url、网络和服务", "look at the url, the network, and whether it runs"))
    yield Finding(
        about="influxdb",
        state="wrong",
        zh=f"{settings.url}：{answer.status} {answer.detail}",
        en=f"{settings.url}: {answer.status} {answer.detail}",
        fix_zh=zh,
        fix_en=en,
    )


def all_of(settings: CitywardSettings, listen_s: float) -> Iterator[Finding]:
    """Look at everything that a right configuration names."""
    yield from disk(settings)
    for line in settings.sources.serial:
        yield from serial(line)
    for each in settings.sources.mqtt:
        yield from broker(each, listen_s)
    if settings.influxdb is not None:
        yield from influx(settings.influxdb)
