"""A made-up city for reports: written in YAML, judged by the real fold, told to a real book.

What the book says is what the gateway itself told: nothing is put into it by hand.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config import blob
from config.check import load
from devices.frames import Batch
from rules.fold import Fold
from rules.records import Alarm, Command, Config, Event, Outcome, Record, Tick
from store.book import Book

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

MAIN = """
gateway: {id: xz-gulou-01, time_zone: ZONE}
state: STATE
sources:
  mqtt:
    - name: lora
      url: mqtts://broker.example
      topics:
        - {filter: plain/+, envelope: plain, address: topic 2}
REPORTS
"""
REPORTS = 'reports: {daily: "07:30", monthly: "1 08:00", city: 徐州市鼓楼区}'

DUST = """
defaults: {district: 鼓楼区}
devices:
  - id: dust-07
    model: plain
    address: topic:lora/dust-07
    name: 云龙湖二期 东门
    site: 云龙湖二期
    interval: 5 min
    labels: {permit: "320302202603150101", builder: 江苏建工}
    options: &air
      family: dust
      fields: {pm10: pm10_ug_m3, pm25: pm25_ug_m3, tsp: tsp_ug_m3, noise: noise_eq_db, wind: wind_speed_m_s}
  - id: dust-08
    model: plain
    address: topic:lora/dust-08
    name: 云龙湖二期 西门
    site: 云龙湖二期
    interval: 5 min
    labels: {permit: "320302202603150101", builder: 江苏建工}
    options: *air
  - id: dust-11
    model: plain
    address: topic:lora/dust-11
    name: 老东门 3 号楼
    site: 老东门
    interval: 5 min
    options: *air
  - id: mh-0114
    model: plain
    address: topic:lora/mh-0114
    name: 文化路12号 污水井盖
    interval: 1 h
    options: {family: manhole, fields: {tilt: tilt_deg}}
"""

WORDS = """
    cause: {zh: 原因, en: cause}
    consequence: {zh: 后果, en: consequence}
    action: {zh: 措施, en: action}
    respond_within: 2 h
"""
RULES = """
rules:
  - id: pm10-hour
    kind: hour_mean
    for: {family: dust}
    quantity: pm10_ug_m3
    limit: 150
    basis: reference
    priority: 3
    text: {zh: "PM10 小时均值 {value}", en: "PM10 of an hour: {value}"}
WORDS
  - id: tsp-day
    kind: day_mean
    for: {family: dust}
    quantity: tsp_ug_m3
    limit: 300
    basis: compliance
    priority: 2
    text: {zh: "TSP 日均值 {value}", en: "TSP of the day: {value}"}
WORDS
  - id: cover-tilted
    kind: threshold
    for: {family: manhole}
    quantity: tilt_deg
    above: 15
    priority: 1
    text: {zh: "井盖倾斜 {value}°", en: "Cover tilted {value}°"}
WORDS
  - id: silent
    kind: silence
    for: all
    priority: 4
    text: {zh: "{name} 失联", en: "{name} is silent"}
WORDS
""".replace("WORDS\n", WORDS.strip("\n") + "\n")


class City:
    """A gateway's fold and book. Civil time is log time.

    at  writes a record at a local time, `2026-11-23 08:00`
    """

    def __init__(
        self, folder: Path, *, zone: str = "Asia/Shanghai", devices: str = DUST, rules: str = RULES,
        reports: str = REPORTS,
    ) -> None:  # fmt: skip
        self.etc, self.state, self.zone = folder / "etc", folder / "state", ZoneInfo(zone)
        self.state.mkdir()
        main = MAIN.replace("ZONE", zone).replace("STATE", str(self.state)).replace("REPORTS", reports)
        files = {"cityward.yaml": main, "devices.d/all.yaml": devices, "rules.d/all.yaml": rules}
        for name, text in files.items():
            path = self.etc / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.book = Book(self.state / "book.sqlite")
        self.next = 1
        self.fold = Fold(lambda _: (self.registry, self.ruleset))
        self.configure()

    def configure(self) -> None:
        """Put the files in force."""
        loaded = load(self.etc)
        assert loaded.compiled is not None, [problem.text("en") for problem in loaded.problems]
        self.compiled = loaded.compiled
        self.registry, self.ruleset = self.compiled.registry, self.compiled.ruleset
        self.book.accept(self.compiled.hash, blob.encode(self.registry, self.ruleset))
        self._config: Record | None = Config(at_ms=0, hash=self.compiled.hash)

    def ms(self, local: str) -> int:
        """Return Unix ms of a local time."""
        return int(datetime.fromisoformat(local).replace(tzinfo=self.zone).timestamp() * 1000)

    def take(self, at_ms: int, record: Record) -> Outcome:
        """Judge a record and tell the book."""
        if self._config is not None:
            first, self._config = self._config, None
            self.take(at_ms, first)
        record.at_ms = at_ms
        outcome = self.fold.take(self.next, [record])
        self.next = outcome.last + 1
        self.book.tell(outcome)
        return outcome

    def say(self, at_ms: int, device: str, **members: object) -> Outcome:
        """Have a device say something."""
        payload = json.dumps(members).encode()
        return self.take(at_ms, Batch("lora", 0, [(f"plain/{device}".encode(), payload, b"")]))

    def live(
        self, since: str, until: str, devices: Iterable[str], air: Callable[[str, int], dict[str, Any] | None],
        *, every_ms: int = 5 * MINUTE,
    ) -> None:  # fmt: skip
        """Have devices speak from one time to another; air: (device, Unix ms) -> what it says, None = nothing."""
        for at_ms in range(self.ms(since), self.ms(until), every_ms):
            for device in devices:
                said = air(device, at_ms)
                if said is not None:
                    self.say(at_ms, device, **said)
            self.answer(at_ms)

    def answer(self, at_ms: int) -> None:
        """Let people do something; a story overrides it."""

    def wait(self, until: str) -> None:
        """Let time go by, an hour at a time."""
        end_ms = self.ms(until)
        at_ms = self.fold.memory.log_ms
        while at_ms < end_ms:
            at_ms = min(at_ms + HOUR, end_ms)
            self.take(at_ms, Tick(0))

    def ack(self, at_ms: int, alarm: Alarm, user: str = "张三", comment: str = "") -> Outcome:
        """Acknowledge an alarm."""
        command = Command(
            at_ms=0, id=f"c{self.next}", kind="ack", alarm=alarm.id, occurrence=alarm.occurrence, user=user,
            comment=comment,
        )  # fmt: skip
        return self.take(at_ms, command)

    def alarm(self, name: str) -> Alarm:
        """Return an alarm as it is."""
        return self.fold.memory.world.judging.alarms.by_id[name]

    def events(self) -> list[Event]:
        """Return all that was told."""
        from msgspec import json as fast  # noqa: PLC0415

        return [fast.decode(body, type=Event) for _, body in self.book.events(0, 100_000)]
