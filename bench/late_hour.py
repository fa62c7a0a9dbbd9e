"""How long it takes to amend when an hour of 1,000 devices comes late. `python -m bench.late_hour`.

1,000 stations of one-minute readings, judged by slot, hour and day mean. An hour of all of them is missing when it
closes; later all of it comes at once, and at the next closing its slots, its hour and the day are revised and judged
again. Goal: that closing takes 1 s at most (issue 5). The taking in of the 60,000 late readings is told beside it.
"""

import json
import sys
from time import perf_counter

from devices.frames import Batch, Frame
from devices.models.plain import PlainOptions, TimeMember
from devices.registry import Device, Registry, Route, Source
from rules.fold import Fold
from rules.kinds.day_mean import DayMean
from rules.kinds.hour_mean import HourMean
from rules.kinds.slot_mean import SlotMean
from rules.packs import DatedLimit
from rules.records import Config, Record, Status, Text, Tick
from rules.ruleset import Rule, RuleSet, Scope

STATIONS, BATCH, MINUTE_MS, HOUR_MS = 1000, 500, 60_000, 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_795_104_000_000  # 2026-11-20 00:00 in Xuzhou
QUANTITY = "pm10_ug_m3"
MOST_S = 1.0


def _configuration() -> tuple[Registry, RuleSet]:
    options = PlainOptions(family="dust", fields={"pm10": QUANTITY}, time=TimeMember(field="t", unit="ms"))
    source = Source(
        name="lora", kind="mqtt", subject="broker:lora",
        routes=(Route(filter="air/+", envelope="plain", address="topic 2"),),
    )  # fmt: skip
    devices = tuple(
        Device(
            id=f"{n:04}", model="plain", family="dust", address=f"topic:lora/{n:04}", interval_ms=MINUTE_MS,
            options=options, via=("lora",),
        )
        for n in range(STATIONS)
    )  # fmt: skip
    limits = (DatedLimit(from_date="2020-01-01", value=120, name="limit"),)
    text = Text("{name} {value}", "{name} {value}")
    rules = tuple(
        Rule(
            id=kind, kind=kind, scope=Scope(), settings=settings, priority=2, text=text, cause=text, consequence=text,
            action=text, respond_within_ms=HOUR_MS,
        )
        for kind, settings in (
            ("day_mean", DayMean(quantity=QUANTITY, limits=limits)),
            ("hour_mean", HourMean(quantity=QUANTITY, limits=limits)),
            ("slot_mean", SlotMean(quantity=QUANTITY, limits=limits)),
        )
    )  # fmt: skip
    registry = Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(source,), devices=devices, influx=True)
    return registry, RuleSet(rules)


def _frames(t_ms: int, pm10: float) -> list[Frame]:
    said = {"pm10": pm10, "t": t_ms}
    payload = json.dumps(said, separators=(",", ":")).encode()
    return [(b"air/%04d" % n, payload, b"") for n in range(STATIONS)]


def main() -> int:
    """Measure; return 1 when it took too long."""
    fold, next_ = Fold(lambda _hash: _configuration()), 1

    def take(*records: Record) -> tuple[int, int]:
        nonlocal next_
        outcome = fold.take(next_, records)
        next_ = outcome.last + 1
        return len(outcome.periods), len(outcome.events)

    def say(at_ms: int, t_ms: int, pm10: float) -> None:
        frames = _frames(t_ms, pm10)
        for first in range(0, len(frames), BATCH):
            take(Batch("lora", at_ms, frames[first : first + BATCH]))

    take(Config(at_ms=START_MS - 1000, hash="bench"), Status(at_ms=START_MS - 900, subject="gateway", kind="started"))
    missing = range(START_MS + 12 * HOUR_MS, START_MS + 13 * HOUR_MS, MINUTE_MS)
    for t_ms in range(START_MS, START_MS + DAY_MS + HOUR_MS, MINUTE_MS):
        if t_ms not in missing:
            say(t_ms, t_ms, 119.0)
    late_ms = START_MS + DAY_MS + HOUR_MS + 1000
    take(Tick(late_ms))
    began = perf_counter()
    for t_ms in missing:
        say(late_ms, t_ms, 180.0)
    taken_s = perf_counter() - began
    began = perf_counter()
    periods, events = take(Tick(late_ms + 10 * MINUTE_MS - 1000))
    amended_s = perf_counter() - began
    print(f"60,000 late readings taken in {taken_s:.2f} s; {periods} periods and {events} events in {amended_s:.2f} s")
    return int(amended_s > MOST_S)


if __name__ == "__main__":
    sys.exit(main())
