"""A small street for stories about the fold: devices, rules, and a log that is written by hand."""

import base64
import itertools
import json
from collections.abc import Sequence
from typing import Any, Literal

from devices import catalogue
from devices.frames import Batch
from devices.registry import Device, Registry, Route, Source
from rules.fold import Fold
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.records import Command, Config, Event, Outcome, Record, Status, Text
from rules.ruleset import Rule, RuleSet, Scope

START_MS = 1_795_000_000_000  # 2026-11-18, a Wednesday
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000

AIR = catalogue.model("plain").options(
    family="dust",
    fields={"pm10": "pm10_ug_m3", "pm25": "pm25_ug_m3", "temp": "temperature_c", "open": "cover_open"},
    time=None,
)
LORA = Source(
    name="lora", kind="mqtt", subject="broker:lora",
    routes=(
        Route(filter="application/+/device/+/event/+", envelope="chirpstack-v4"),
        Route(filter="plain/+", envelope="plain", address="topic 2"),
    ),
)  # fmt: skip


def rule(
    name: str, kind: str, settings: Any, *, family: str | None = None, priority: Literal[1, 2, 3, 4] = 2, latch: bool = False
) -> Rule:
    text = Text("{name} {value}", "{name} {value}")
    return Rule(
        id=name, kind=kind, scope=Scope(family=family), settings=settings, priority=priority, latch=latch, text=text,
        cause=text, consequence=text, action=text, respond_within_ms=HOUR,
    )  # fmt: skip


def plain(name: str, *, time: bool = False, **changes: Any) -> Device:
    options = AIR
    if time:
        options = catalogue.model("plain").options(
            family="dust", fields=AIR.fields, time={"field": "t", "unit": "ms"} and _time_member()
        )
    values = {
        "id": name, "model": "plain", "family": "dust", "address": f"topic:lora/{name}", "interval_ms": MINUTE,
        "options": options, "via": ("lora",),
    }  # fmt: skip
    return Device(**(values | changes))


def _time_member() -> Any:
    from devices.models.plain import TimeMember

    return TimeMember(field="t", unit="ms")


def bay(name: str = "bay-1", eui: str = "00000000000000a1") -> Device:
    return Device(
        id=name, model="bosch-tps110", family="parking", address=f"eui:{eui}", interval_ms=DAY,
        options=catalogue.model("bosch-tps110").options(), via=("lora",),
    )  # fmt: skip


class Street:
    """A fold with its log; `at` writes a record a number of ms after the start and returns what it made."""

    def __init__(self, devices: Sequence[Device], rules: Sequence[Rule], *, influx: bool = True, sources: Sequence[Source] = (LORA,)) -> None:
        registry = Registry(
            gateway="gw", time_zone="Asia/Shanghai", sources=tuple(sources), devices=tuple(devices), influx=influx
        )
        self.configs = {"one": (registry, RuleSet(tuple(sorted(rules, key=lambda r: r.id))))}
        self.fold = self.fresh()
        self.log: list[tuple[int, Record]] = []
        self.next = 1
        self.ids = itertools.count(1)
        self.at(0, Config(at_ms=0, hash="one"))

    def fresh(self) -> Fold:
        return Fold(lambda name: self.configs[name])

    def at(self, ms: int, record: Record) -> Outcome:
        record.at_ms = START_MS + ms
        first = self.next
        outcome = self.fold.take(first, [record])
        self.next = outcome.last + 1
        self.log += outcome.known
        return outcome

    def say(self, ms: int, *frames: tuple[str, bytes] | tuple[str, bytes, bytes]) -> Outcome:
        made = [(frame[0].encode(), frame[1], frame[2] if len(frame) > 2 else b"") for frame in frames]
        return self.at(ms, Batch("lora", 0, made))

    def json(self, ms: int, device: str, **members: Any) -> Outcome:
        return self.say(ms, (f"plain/{device}", json.dumps(members).encode()))

    def link(self, ms: int, *, up: bool) -> Outcome:
        return self.at(ms, Status(at_ms=0, subject="broker:lora", kind="link", data={"up": up, "why": "cable"}))

    def command(self, ms: int, kind: Literal["ack", "reset"], alarm: str, occurrence: int) -> Outcome:
        name = f"c{next(self.ids)}"
        return self.at(ms, Command(at_ms=0, id=name, kind=kind, alarm=alarm, occurrence=occurrence, user="王"))


def uplink(eui: str, port: int, data: bytes, *, counter: int = 0, time: str = "2026-11-18T09:46:40.000+00:00") -> tuple[str, bytes]:
    message = {
        "time": time, "deviceInfo": {"devEui": eui}, "fPort": port, "fCnt": counter,
        "data": base64.b64encode(data).decode(), "rxInfo": [{"gatewayId": "aa", "rssi": -70, "snr": 7.5}],
    }  # fmt: skip
    return f"application/a/device/{eui}/event/up", json.dumps(message).encode()


def told(events: Sequence[Event]) -> list[tuple[str, str, str]]:
    return [(event.kind, event.alarm.id, event.alarm.state) for event in events]


