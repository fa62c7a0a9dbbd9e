"""A small district for pictures and stories: covers, stations and bays, with places, and what is wrong with them."""

import json
import time
from typing import Any

from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from rules.fold import Fold
from rules.kinds.hour_mean import HourMean
from rules.kinds.silence import Silence
from rules.kinds.threshold import Threshold
from rules.packs import EVER, DatedLimit
from rules.records import Alarm, Config, Status, Text
from rules.ruleset import Rule, RuleSet, Scope
from tests.feed.room import GATEWAY, NOW_MS, Room, tilted

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
WORDS = Text("文字", "words")
FIELDS: dict[str, dict[str, Any]] = {
    "manhole": {"tilt": "tilt_deg", "battery": "battery_v"},
    "dust": {"pm10": "pm10_ug_m3", "noise": "noise_eq_db"},
    "parking": {"occ": "occupied"},
}


def _device(name: str, family: str, words: str, site: str | None, at: tuple[float, float] | None) -> Device:
    return Device(
        id=name, model="plain", family=family, address=f"topic:lora/{name}", name=words, site=site, at=at,
        district="鼓楼区", interval_ms=MINUTE_MS if family == "dust" else HOUR_MS, via=("lora",),
        options=PlainOptions(family=family, fields=FIELDS[family]), labels={"owner": "排水处"},
    )  # fmt: skip


def _devices() -> list[Device]:
    covers = [
        _device(f"mh-{n:04}", "manhole", f"文化路{n}号 污水井盖", None, (117.1859 + 0.0004 * n, 34.2610 + 0.0011 * n))
        for n in range(1, 13)
    ]
    dust = [
        _device("dust-07", "dust", "云龙湖二期 东门", "云龙湖二期", (117.1501, 34.2452)),
        _device("dust-08", "dust", "云龙湖二期 西门", "云龙湖二期", (117.1462, 34.2449)),
        _device("dust-11", "dust", "老东门 3 号楼", "老东门", (117.1932, 34.2718)),
        _device("dust-12", "dust", "老东门 仓库", "老东门", None),
    ]
    parked = [
        _device(f"bay-{site}-{n:02}", "parking", f"{words} {n:02} 号泊位", words, (at[0] + 0.00003 * n, at[1]))
        for site, words, at in (("pc", "彭城广场", (117.1800, 34.2650)), ("yl", "云龙公园", (117.1740, 34.2560)))
        for n in range(1, 13)
    ]
    return [*covers, *dust, *parked]


def _rule(name: str, kind: str, settings: Any, **other: Any) -> Rule:  # noqa: ANN401 - of any kind
    given: dict[str, Any] = {
        "id": name, "kind": kind, "scope": Scope(), "priority": 3, "settings": settings, "text": WORDS, "cause": WORDS,
        "consequence": WORDS, "action": WORDS, "respond_within_ms": HOUR_MS,
    }  # fmt: skip
    return Rule(**(given | other))


RULES = (
    _rule("cover-tilted", "threshold", Threshold(quantity="tilt_deg", above=15.0), priority=1),
    _rule(
        "pm10-hour",
        "hour_mean",
        HourMean(quantity="pm10_ug_m3", limits=(DatedLimit(from_date=EVER, value=150.0, name="小时"),)),
    ),
    _rule("silent", "silence", Silence(), priority=4),
)


def furnish(room: Room) -> None:
    """Put the district behind a room, and let its devices speak: mh-0012 and two bays stay silent."""
    route = Route(filter="p/+/up", envelope="plain", address="topic 2")
    source = Source(name="lora", kind="mqtt", subject="broker:lora", routes=(route,))
    devices = tuple(_devices())
    registry = Registry(gateway=GATEWAY, time_zone="Asia/Shanghai", sources=(source,), devices=devices)
    room.fold = Fold(lambda _: (registry, RuleSet(RULES)))
    room.alarms = room.fold.memory.world.judging.alarms
    up = Status(at_ms=NOW_MS, subject="broker:lora", kind="link", data={"up": True})
    room.fold.take(1, [Config(at_ms=NOW_MS, hash="h"), up])
    room.alarms = room.fold.memory.world.judging.alarms
    frames = [_frame(each, n) for n, each in enumerate(devices) if each.id not in ("mh-0012", "bay-pc-05", "bay-yl-09")]
    room.fold.take(3, [Batch("lora", NOW_MS + 1_500, frames)])
    room.alarms.events.clear()


def _frame(device: Device, n: int) -> tuple[bytes, bytes, bytes]:
    said = {
        "manhole": {"tilt": 2.5, "battery": 3.58},
        "dust": {"pm10": 80 + n, "noise": 62.5},
        "parking": {"occ": n % 3 > 0},
    }
    return f"p/{device.id}/up".encode(), json.dumps(said[device.family]).encode(), b""


def now_ms() -> int:
    """Tell civil time, which the server's heartbeat has too."""
    return time.time_ns() // 1_000_000


def high(device: str = "dust-07", **other: Any) -> Alarm:  # noqa: ANN401 - of any field
    """Make an alarm of dust that is too much."""
    given: dict[str, Any] = {
        "id": f"pm10-hour@{device}", "rule": "pm10-hour", "family": "dust", "priority": 3, "quantity": "pm10_ug_m3",
        "unit": "µg/m³", "limit": 150.0, "value": 212.0, "name": "云龙湖二期 东门", "site": "云龙湖二期",
        "text": Text("PM10 小时均值 212", "PM10 of an hour: 212"),
    }  # fmt: skip
    return tilted(device, **(given | other))


def withheld() -> list[Alarm]:
    """Make alarms that are shelved, out of service, and suppressed by design."""
    now = now_ms()
    return [
        high(
            suppressed=["shelved"], shelved_until_ms=now + 8 * MINUTE_MS, reason="门口施工扬尘，已通知工地洒水",
            withheld_by="张三",
        ),
        high(
            "dust-08", suppressed=["shelved"], shelved_until_ms=now + 3 * HOUR_MS, one_shot=True,
            name="云龙湖二期 西门", reason="等待校准", withheld_by="李四",
        ),
        tilted(
            "mh-0003", suppressed=["out_of_service"], out_until_ms=now + 50 * HOUR_MS, name="文化路3号 污水井盖",
            reason="工单 2026-1124：更换井盖", withheld_by="王工",
        ),
        tilted(
            "mh-0012", id="silent@mh-0012", rule="silent", suppressed=["cut_off"], priority=4, quantity=None, unit="",
            limit=None, value=None, name="文化路12号 污水井盖", text=Text("设备失联", "Nothing is heard of the device"),
        ),
    ]  # fmt: skip
