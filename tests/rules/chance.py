# ruff: noqa: E501 - tables of what may happen
"""Days of a small street as chance makes them: whatever may enter the fold, in any order. For the laws of the fold."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from hypothesis import strategies as st

from devices.frames import Batch, Frame
from devices.models.hj212_dust import Hj212Options, Station, packet
from devices.registry import Device, Registry
from rules import sections
from rules.fold import Fold
from rules.kinds.day_budget import DayBudget
from rules.kinds.day_mean import DayMean
from rules.kinds.hour_mean import HourMean
from rules.kinds.implausible import Implausible
from rules.kinds.means import Background, Band, Deduct, Other
from rules.kinds.peer import Peer
from rules.kinds.rate import Rate
from rules.kinds.rolling_mean import RollingMean
from rules.kinds.silence import Silence
from rules.kinds.slot_mean import SlotMean
from rules.kinds.state import State
from rules.kinds.stuck import Stuck
from rules.kinds.tamper import Tamper
from rules.kinds.threshold import Threshold
from rules.kinds.tilt import Tilt
from rules.packs import DatedLimit
from rules.records import Command, Config, Old, Outcome, Record, Refile, Status, Tick
from rules.ruleset import Cause, RuleSet
from tests.rules.street import (
    COUNTED,
    DAY,
    HOUR,
    LORA,
    MINUTE,
    OTHER,
    SECOND,
    SITES,
    START_MS,
    TIMED,
    Kind,
    bay,
    plain,
    rule,
    uplink,
)

LIMIT = (DatedLimit(from_date="2020-01-01", value=120, name="limit"),)
MN = "88888880000001"
STATION = Device(
    id="site", model="hj212-dust", family="dust", address=f"mn:{MN}", interval_ms=MINUTE, via=("sites",),
    options=Hj212Options(pm_unit="ug_m3"),
)  # fmt: skip
DEVICES = (
    plain("now", site="yard"),
    plain("timed", TIMED, via=("lora", "other"), site="yard"),
    plain("counted", COUNTED, interval_ms=10 * MINUTE),
    plain("alone", via=()),
    bay(),
    STATION,
)
PM10 = "pm10_ug_m3"
CITY = Other(device="now", quantity=PM10, hourly="end")
DEDUCT = Deduct(value=50, when=(Band(other=CITY, low=100, high=200),))
RULES = (
    rule("budget", "day_budget", DayBudget(quantity=PM10, limits=LIMIT), family="dust"),
    rule("fast", "rate", Rate(quantity=PM10, rise=100, within_ms=HOUR), family="dust"),
    rule("hourly", "hour_mean", HourMean(quantity=PM10, limits=LIMIT, clear=90, background=Background(other=CITY, cap=60))),
    rule("slots", "slot_mean", SlotMean(quantity=PM10, limits=LIMIT, allowed_per_day=1, deduct=DEDUCT), devices=("counted", "timed")),
    rule("day", "day_mean", DayMean(quantity=PM10, limits=LIMIT, min_hours=1), family="dust"),
    rule("open", "state", State(quantity="cover_open", value=True, on_delay_ms=5 * MINUTE), latch=True),
    rule("over", "threshold", Threshold(quantity=PM10, above=150, clear=100, at_least=2, of=3, once=400, off_delay_ms=MINUTE), re_alarm_ms=HOUR),
    rule("second", "threshold", Threshold(quantity=PM10, above=110), ack_required=False, suppressed_by=Cause(rule="over", where="site")),
    rule("parked", "state", State(quantity="occupied", value=True, on_delay_ms=DAY, off_delay_ms=MINUTE)),
    rule("deaf", "stuck", Stuck(quantity="occupied", after_ms=DAY)),
    rule("helped", "tamper", Tamper(quantity=PM10, limit=160)),
    rule("odd", "peer", Peer(quantity=PM10, z=1, hours=1, members=1), devices=("now", "timed", "counted")),
    rule("off", "tilt", Tilt(quantity=PM10, above=60, at_least=1, of=2, once=150, clear=20, off_delay_ms=MINUTE), devices=("timed", "counted")),
    rule("same", "stuck", Stuck(quantity=PM10, after_ms=10 * MINUTE, tolerance=40, ignore_up_to=100)),
    rule("sane", "implausible", Implausible(quantity=PM10, low=90, high=400, spike=50, at_most=("pm25_ug_m3",), unit=True)),
    rule("spent", "state", State(quantity="cover_open", value=False, on_delay_ms=MINUTE), maintenance=True),
    rule("quiet", "silence", Silence(intervals=3)),
    rule("quieter", "silence", Silence(intervals=None, after_ms=8 * HOUR)),
    rule("rolling", "rolling_mean", RollingMean(quantity=PM10, limits=LIMIT, hours=3, min_hours=1), devices=("timed",)),
)  # fmt: skip
CHANGED = (
    *RULES[1:3],
    rule("parked", "state", State(quantity="occupied", value=True, on_delay_ms=HOUR), priority=1),
    rule("quiet", "silence", Silence(intervals=2)),
    rule("rolling", "rolling_mean", RollingMean(quantity=PM10, limits=LIMIT, hours=2, min_hours=1), priority=4),
)
CONFIGS = {
    name: (Registry(gateway="gw", time_zone="Asia/Shanghai", sources=sources, devices=devices, influx=influx), RuleSet(rules))
    for name, sources, devices, rules, influx in (
        ("one", (LORA, OTHER, SITES), DEVICES, RULES, True),
        ("two", (LORA, SITES), (plain("new"), *DEVICES[1:]), CHANGED, True),
        ("three", (LORA, OTHER, SITES), DEVICES[:3], RULES, False),
    )
}  # fmt: skip

VALUES = (None, 80.0, 120.0, 151.0, 300.0, 500.0, 99_999.0)
SHIFTS = (0, 0, -SECOND, -5 * SECOND, MINUTE, -3 * MINUTE, -30 * MINUTE, -7 * HOUR, -DAY, -60 * HOUR, 70 * 365 * DAY)
STEPS = (0, 0, 3, SECOND, 20 * SECOND, 61 * SECOND, 4 * MINUTE, 17 * MINUTE, 2 * HOUR, 9 * HOUR, 26 * HOUR)
KINDS: tuple[Kind, ...] = (
    "ack",
    "ack",
    "reset",
    "shelve",
    "shelve",
    "unshelve",
    "out_of_service",
    "in_service",
    "comment",
)
OFFSETS = (0, 0, 700, -MINUTE, HOUR, -3 * HOUR, 3 * DAY, 73 * 365 * DAY)
CAUSES = ("disk-full", "influx-down", "clock-doubtful")

frames = st.tuples(
    st.sampled_from(("now", "timed", "counted", "alone", "bay", "join", "site", "mean", "stranger", "garbage", "again", "again")),
    st.sampled_from(VALUES),
    st.booleans(),
    st.sampled_from(SHIFTS),
    st.sampled_from((0, 1, 1, 1, 1, 2, -1, -3, -5000, 300)),
    st.sampled_from((b"", b"", b"", b"", b"D", b"R", b"RD")),
)  # fmt: skip
batches = st.tuples(
    st.just("batch"), st.sampled_from((*("lora",) * 8, "other", "nobody")), st.lists(frames, min_size=2, max_size=6)
)  # fmt: skip
statuses = st.one_of(
    st.just(("status", "gateway", "started", {})),
    st.just(("status", "gateway", "stopped", {})),
    st.tuples(
        st.just("status"), st.sampled_from(("broker:lora", "broker:other", "hj212:sites")), st.just("link"),
        st.fixed_dictionaries({"up": st.booleans(), "why": st.just("cable")}),
    ),
    st.tuples(
        st.just("status"), st.just("gateway"), st.just("clock"),
        st.fixed_dictionaries({"offset_ms": st.sampled_from(OFFSETS), "source": st.just("ntp"), "trusted": st.booleans()}),
    ),
    st.tuples(
        st.just("status"), st.just("gateway"), st.just("condition"),
        st.fixed_dictionaries({"name": st.sampled_from(CAUSES), "bad": st.booleans(), "why_zh": st.just("因"), "why_en": st.just("why")}),
    ),
    st.just(("status", "broker:lora", "drops", {"dropped": 3, "total": 3})),
    st.just(("status", "hj212:sites", "missed", {"count": 2, "cause": "restart"})),
    st.just(("status", "gateway", "set_aside", {"sequence": 1, "source": "lora", "why": "boom"})),
)  # fmt: skip
commands = st.one_of(
    st.tuples(
        st.just("command"), st.sampled_from(KINDS), st.integers(0, 30), st.sampled_from((0, 0, 0, 0, -1, 1)),
        st.sampled_from((0, MINUTE, HOUR, 12 * HOUR)),
    ),
    st.tuples(
        st.just("permit"), st.sampled_from(("now", "timed", "alone", "nobody")), st.sampled_from((-HOUR, MINUTE, 3 * HOUR, DAY)),
    ),
)  # fmt: skip
refiles = st.tuples(
    st.just("refile"),
    st.sampled_from(("now", "timed", "counted", "bay", "site", "nobody")),
    st.sampled_from(("registered", "redecode")),
    st.booleans(),
    st.sampled_from((0, 0, 0, 1)),
    st.sampled_from((DAY, 3 * DAY, 100 * 365 * DAY)),
)
configs = st.tuples(st.just("config"), st.sampled_from(tuple(CONFIGS)))
ticks = st.just(("tick",))
happening = st.sampled_from((*(batches,) * 12, *(statuses,) * 3, commands, commands, refiles, configs, ticks)).flatmap(
    lambda each: each
)
happenings = st.tuples(st.sampled_from(STEPS), happening)
days = st.lists(happenings, min_size=8, max_size=50)


def fresh() -> Fold:
    return Fold(CONFIGS.__getitem__)


class Chance:
    """Turns what chance drew into records, and takes them, one after the other."""

    def __init__(self) -> None:
        self.fold = fresh()
        self.at_ms = START_MS
        self.next = 1
        self.counters = {"counted": 0, "bay": 0}
        self.said: list[Frame] = []
        self.records: list[Record] = []
        self.outcomes: list[Outcome] = []
        self.take(Config(at_ms=START_MS, hash="one"))

    def take(self, record: Record) -> None:
        outcome = self.fold.take(self.next, [record])
        self.records.append(record)
        self.outcomes.append(outcome)
        self.next = outcome.last + 1

    def live(self, day: Sequence[tuple[int, Any]]) -> None:
        for step_ms, (kind, *what) in day:
            self.at_ms += step_ms
            self.take(getattr(self, kind)(*what))

    def batch(self, source: str, drawn: Sequence[Any]) -> Batch:
        made = [self.frame(*one) for one in drawn]
        station = made[0][0] == MN.encode()
        made = [frame for frame in made if (frame[0] == MN.encode()) == station]
        if station and source == "lora":
            source = "sites"
        return Batch(source, self.at_ms, made)

    def frame(self, who: str, value: float | None, truth: bool, shift_ms: int, step: int, note: bytes) -> Frame:  # noqa: FBT001, PLR0917 - as drawn
        if who == "again" and self.said:
            frame = self.said[step % len(self.said)]
            return frame[0], frame[1], note
        t_ms = self.at_ms + self.fold.memory.offset_ms + shift_ms
        place, payload = f"plain/{who}", json.dumps({"pm10": value, "open": truth, "seq": 0, "t": t_ms})
        if who in self.counters:
            self.counters[who] = max(0, self.counters[who] + step)
        if who == "counted":
            payload = json.dumps({"pm10": value, "open": truth, "seq": self.counters[who]})
        elif who in ("bay", "join"):
            event = "join" if who == "join" else "up"
            place, said = uplink(
                "00000000000000a1", 1, bytes([truth]), counter=self.counters["bay"], time_ms=t_ms, event=event
            )
            payload = said.decode() if who == "bay" else said.decode().replace('"data"', '"devAddr"')
        elif who in ("site", "mean"):
            values = Station(pm10_ug_m3=value, pm25_ug_m3=30.0)
            place = MN
            payload = packet(
                values, STATION.options, mn=MN, at_ms=t_ms, cn="2051" if who == "mean" else "2011"
            ).decode()
            if step == -1:
                payload = payload.replace("a34002", "a34009")  # its checksum is wrong now
        elif who == "garbage":
            place, payload = "plain/timed", "{"
        self.said.append((place.encode(), payload.encode(), b""))
        return place.encode(), payload.encode(), note

    def status(self, subject: str, kind: str, data: dict[str, Any]) -> Status:
        return Status(at_ms=self.at_ms, subject=subject, kind=kind, data=data)

    def command(self, kind: Kind, which: int, off: int, for_ms: int) -> Command:
        alarms = list(self.fold.memory.world.judging.alarms.by_id.values())
        name, occurrence = (
            (alarms[which % len(alarms)].id, alarms[which % len(alarms)].occurrence) if alarms else ("none", 1)
        )
        until_ms = self.at_ms + self.fold.memory.offset_ms + for_ms if kind == "out_of_service" else 0
        return Command(
            at_ms=self.at_ms, id=f"c{which}", kind=kind, alarm=name, occurrence=occurrence + off, user="王", comment="why",
            for_ms=for_ms if kind == "shelve" else 0, one_shot=kind == "shelve" and not for_ms, until_ms=until_ms,
        )  # fmt: skip

    def permit(self, device: str, for_ms: int) -> Command:
        """Allow somebody to open a device, or, with a time before now, end it."""
        until_ms = 0 if for_ms < 0 else self.at_ms + self.fold.memory.offset_ms + for_ms
        return Command(
            at_ms=self.at_ms,
            id=f"p{self.next}",
            kind="permit",
            alarm=device,
            occurrence=0,
            user="王",
            who="张三",
            until_ms=until_ms,
        )

    def refile(self, device: str, why: Literal["registered", "redecode"], last: bool, off: int, back_ms: int) -> Refile:  # noqa: FBT001 - as drawn
        """Put what was kept of one device into the log again; a refile that is on its way goes on."""
        begun = self.fold.memory.refiles.get(device)
        track = self.fold.memory.world.reception.tracks.get(device)
        places = {f"plain/{device}".encode(), MN.encode() if device == "site" else b""}
        kept = [
            Old(first + i, record.source, record.at_ms, *frame)
            for outcome in self.outcomes
            for first, record in outcome.known
            if isinstance(record, Batch)
            for i, frame in enumerate(record.frames)
            if frame[0] in places or (device == "bay" and b"00000000000000a1" in frame[0])
        ]
        now_ms = self.at_ms + self.fold.memory.offset_ms
        return Refile(
            at_ms=self.at_ms, refile=begun.refile if begun else f"r{self.next}", part=(begun.next_part if begun else 0) + off,
            last=last or track is None, device=device, why=why, from_ms=now_ms - back_ms, to_ms=now_ms, frames=kept[-6:],
        )  # fmt: skip

    def config(self, name: str) -> Config:
        return Config(at_ms=self.at_ms, hash=name)

    def tick(self) -> Tick:
        return Tick(self.at_ms)


def numbered(outcomes: Sequence[Outcome], records: Sequence[Record]) -> list[tuple[int, Record]]:
    """Give records their sequence numbers back."""
    return [(outcome.first, record) for outcome, record in zip(outcomes, records, strict=True)]


def replay(fold: Fold, log: Sequence[tuple[int, Record]]) -> list[Outcome]:
    return [fold.take(first, [record]) for first, record in log]


def made(outcomes: Sequence[Outcome], *, frames: bool = True) -> dict[str, Any]:
    """All that outcomes say, put together; frames: with what journal and inbox get."""
    merged: dict[str, Any] = {
        name: [each for outcome in outcomes for each in getattr(outcome, name)]
        for name in ("lines", "refused", "events", "periods", "bays")
    }
    merged["lines"].sort()  # those of events come after those of readings, for each record
    merged["answers"] = {name: answer for outcome in outcomes for name, answer in outcome.answers.items()}
    if frames:
        merged["strangers"] = [each for outcome in outcomes for each in outcome.strangers]
        merged["known"] = [
            (first + index, record.source, record.at_ms, frame)
            for outcome in outcomes
            for first, record in outcome.known
            if isinstance(record, Batch)
            for index, frame in enumerate(record.frames)
        ]
    return {name: msgspec.to_builtins(each) for name, each in merged.items()}


def memory_of(fold: Fold, *, strangers: bool = True) -> dict[str, Any]:
    """Everything that a fold remembers; strangers: with their counts, which no journal keeps."""
    parts: dict[str, Any] = {
        name: content if name in ("windows", "met") else msgspec.msgpack.decode(content[0])
        for name, (_, content) in sections.write(fold).items()
    }
    if "judges" in parts:
        parts["judges"] = {name: sorted(each, key=repr) for name, each in parts["judges"].items()}
    if not strangers:
        for door in parts["reception"]["doors"].values():
            door[:2] = [door[0] - door[1], 0]
        former = parts["reception"]["former"]
        former["received"] = former.get("received", 0) - former.pop("strangers", 0)
    for name in ("made", "set_aside", "missed"):
        parts["fold"][name] = {each: count for each, count in parts["fold"][name].items() if count}
    parts["due"] = fold.next_due_ms()
    return parts
