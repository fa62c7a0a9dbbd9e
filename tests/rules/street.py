"""A small street for stories about the fold: devices, rules, and a log that is written by hand."""

import base64
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from devices.frames import Batch
from devices.instants import rfc3339
from devices.models.bosch_tps110 import MODEL as BOSCH
from devices.models.plain import PlainOptions, TimeMember
from devices.registry import Device, Registry, Route, Source
from rules import sections
from rules.fold import Fold
from rules.records import Alarm, Command, Config, Event, Outcome, Period, Record, Status, Text, Tick
from rules.ruleset import Cause, Rule, RuleSet, Scope

START_MS = 1_795_000_000_000  # 2026-11-18 16:26:40 UTC, a Wednesday; in Xuzhou it is Thursday already
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000

FIELDS: dict[str, Any] = {"pm10": "pm10_ug_m3", "pm25": "pm25_ug_m3", "temp": "temperature_c", "open": "cover_open"}
AIR = PlainOptions(family="dust", fields=FIELDS)
TIMED = PlainOptions(family="dust", fields=FIELDS, time=TimeMember(field="t", unit="ms"))
COUNTED = PlainOptions(family="dust", fields=FIELDS, counter="seq")

PLAIN = Route(filter="plain/+", envelope="plain", address="topic 2")
LORA = Source(
    name="lora",
    kind="mqtt",
    subject="broker:lora",
    routes=(Route(filter="application/+/device/+/event/+", envelope="chirpstack-v4"), PLAIN),
)
OTHER = Source(name="other", kind="mqtt", subject="broker:other", routes=(PLAIN,))
SITES = Source(name="sites", kind="hj212", subject="hj212:sites", routes=(Route(filter="", envelope="hj212"),))

Priority = Literal[1, 2, 3, 4]
Kind = Literal["ack", "reset", "shelve", "unshelve", "out_of_service", "in_service", "comment"]


def rule(
    name: str,
    kind: str,
    settings: Struct,
    *,
    family: str | None = None,
    devices: tuple[str, ...] = (),
    priority: Priority = 2,
    latch: bool = False,
    maintenance: bool = False,
    ack_required: bool = True,
    re_alarm_ms: int = 0,
    suppressed_by: Cause | None = None,
) -> Rule:
    text = Text("{name} {value}", "{name} {value}")
    return Rule(
        id=name, kind=kind, scope=Scope(family=family, devices=devices), settings=settings, priority=priority,
        latch=latch, maintenance=maintenance, ack_required=ack_required, re_alarm_ms=re_alarm_ms,
        suppressed_by=suppressed_by, text=text, cause=text, consequence=text, action=text,
        respond_within_ms=HOUR,
    )  # fmt: skip


def plain(
    name: str,
    options: PlainOptions = AIR,
    *,
    interval_ms: int = MINUTE,
    via: tuple[str, ...] = ("lora",),
    address: str = "",
    site: str | None = None,
) -> Device:
    return Device(
        id=name, model="plain", family="dust", address=address or f"topic:lora/{name}", interval_ms=interval_ms,
        options=options, via=via, site=site,
    )  # fmt: skip


def bay(name: str = "bay-1", eui: str = "00000000000000a1") -> Device:
    return Device(
        id=name, model="bosch-tps110", family="parking", address=f"eui:{eui}", interval_ms=DAY,
        options=BOSCH.options(), via=("lora",),
    )  # fmt: skip


class Street:
    """A fold with its log; `at` writes a record a number of ms after the start and returns what it made."""

    def __init__(
        self,
        devices: Sequence[Device],
        rules: Sequence[Rule] = (),
        *,
        influx: bool = True,
        sources: Sequence[Source] = (LORA,),
    ) -> None:
        self.configs: dict[str, tuple[Registry, RuleSet]] = {}
        self.influx = influx
        self.fold = self.fresh()
        self.log: list[tuple[int, Record]] = []  # what a journal keeps
        self.outcomes: list[Outcome] = []
        self.next = 1
        self.ids = itertools.count(1)
        self.configure(0, "one", devices, rules, sources)

    def fresh(self) -> Fold:
        return Fold(self.configs.__getitem__)

    def configure(
        self,
        ms: int,
        name: str,
        devices: Sequence[Device],
        rules: Sequence[Rule] = (),
        sources: Sequence[Source] = (LORA,),
    ) -> Outcome:
        registry = Registry(
            gateway="gw", time_zone="Asia/Shanghai", sources=tuple(sources), devices=tuple(devices), influx=self.influx
        )
        self.configs[name] = registry, RuleSet(tuple(sorted(rules, key=lambda each: each.id)))
        return self.at(ms, Config(at_ms=0, hash=name))

    def at(self, ms: int, record: Record) -> Outcome:
        record.at_ms = START_MS + ms
        outcome = self.fold.take(self.next, [record])
        self.next = outcome.last + 1
        self.log += outcome.known
        self.outcomes.append(outcome)
        return outcome

    def say(self, ms: int, *frames: tuple[str, bytes] | tuple[str, bytes, bytes], source: str = "lora") -> Outcome:
        made = [(frame[0].encode(), frame[1], frame[2] if len(frame) > 2 else b"") for frame in frames]
        return self.at(ms, Batch(source, 0, made))

    def json(self, ms: int, device: str, note: bytes = b"", source: str = "lora", /, **members: object) -> Outcome:
        return self.say(ms, (f"plain/{device}", json.dumps(members).encode(), note), source=source)

    def status(self, ms: int, kind: str, subject: str = "gateway", /, **data: object) -> Outcome:
        return self.at(ms, Status(at_ms=0, subject=subject, kind=kind, data=data))

    def link(self, ms: int, *, up: bool, subject: str = "broker:lora") -> Outcome:
        return self.status(ms, "link", subject, up=up, why="cable")

    def tick(self, ms: int) -> Outcome:
        return self.at(ms, Tick(0))

    def command(
        self,
        ms: int,
        kind: Kind,
        alarm: str,
        occurrence: int,
        name: str = "",
        **more: Any,  # noqa: ANN401 - fields of a command
    ) -> tuple[int, list[Event]]:
        """Give a command; return the status of its answer, and the events."""
        name, more = name or f"c{next(self.ids)}", {"user": "王", "comment": "看过"} | more
        outcome = self.at(ms, Command(at_ms=0, id=name, kind=kind, alarm=alarm, occurrence=occurrence, **more))
        return outcome.answers[name].status, outcome.events

    def alarm(self, name: str) -> Alarm:
        return self.fold.memory.world.judging.alarms.by_id[name]

    def restart(self) -> None:
        """End the process and start another from its snapshot, as bytes."""
        parts = on_disk(self.fold)
        self.fold = self.fresh()
        assert sections.read(self.fold, parts) == set()


def on_disk(fold: Fold) -> sections.Read:
    """Give what a snapshot of it is read as."""
    return {name: (version, b"".join(parts)) for name, (version, parts) in sections.write(fold).items()}


def uplink(
    eui: str, port: int, data: bytes, *, counter: int = 0, time_ms: int = START_MS, event: str = "up"
) -> tuple[str, bytes]:
    message = {
        "time": rfc3339(time_ms), "deviceInfo": {"devEui": eui}, "fPort": port, "fCnt": counter,
        "data": base64.b64encode(data).decode(), "rxInfo": [{"gatewayId": "aa", "rssi": -70, "snr": 7.5}],
    }  # fmt: skip
    return f"application/a/device/{eui}/event/{event}", json.dumps(message).encode()


def told(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    """Kind, alarm and its state of each event."""
    return [(event.kind, event.alarm.id, event.alarm.state) for event in events]


def plain_events(events: Iterable[Event]) -> list[Any]:
    """All that events say, to compare."""
    return [msgspec.to_builtins(event) for event in events]


def periods_of(outcomes: Iterable[Outcome]) -> list[Period]:
    return [period for outcome in outcomes for period in outcome.periods]
