"""Random days of random stations: the engine says what a slow reckoning over lists says, from the standards alone.

The reckoning (`Reckoned`) is plain: for every minute of a day which value stands for it; every slot, hour and day from
these, in fractions. It knows nothing of cells, rings, closings and revisions. The engine gets the same readings through
the whole fold: late, shuffled, twice, with flags, with values out of range, and restarted in the middle.

`CITYWARD_DAYS=10000 pytest tests/rules/test_reference_days.py` for a long run.
"""

import json
import os
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from devices.frames import Batch, Frame
from devices.models.hj212_dust import Hj212Options, Station, packet
from devices.models.plain import PlainOptions, TimeMember
from devices.registry import Device, Registry
from rules import sections
from rules.fold import Fold
from rules.kinds.day_budget import DayBudget
from rules.kinds.day_mean import DayMean
from rules.kinds.hour_mean import HourMean
from rules.kinds.means import Background, Band, Deduct, Other
from rules.kinds.slot_mean import SlotMean
from rules.packs import DatedLimit
from rules.records import Config, Event, Period, Record, Status, Tick
from rules.ruleset import RuleSet
from tests.rules.street import LORA, SITES, on_disk, plain, rule

DAYS = int(os.environ.get("CITYWARD_DAYS", "300"))
TOGETHER = 25  # stations of one day
MINUTE, HOUR = 60_000, 3_600_000
QUANTITY = "pm10_ug_m3"
PLACES = [
    *(("Asia/Shanghai", "2026-11-24"),) * 4,
    ("Asia/Shanghai", "2026-02-28"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/Havana", "2026-11-01"),
    ("Asia/Kathmandu", "2026-11-24"),
    ("Pacific/Auckland", "2026-09-27"),
]
LIMITS = (  # GB 3095 class 2, PM10: reference/standards.md §2.1
    DatedLimit(from_date="2016-01-01", to_date="2026-02-28", value=150, name="GB 3095-2012"),
    DatedLimit(from_date="2026-03-01", to_date="2030-12-31", value=120, name="GB 3095-2026"),
)
SITE = (DatedLimit(from_date="2020-01-01", value=80, name="site"),)
SLOT = (DatedLimit(from_date="2020-01-01", value=100, name="site"),)
PUBLISHED = Other(device="city", quantity=QUANTITY, hourly="end")
BAND = Band(other=PUBLISHED, low=30, high=60)
RULES = (
    rule("day", "day_mean", DayMean(quantity=QUANTITY, limits=LIMITS, min_hours=20)),
    rule("lost", "day_budget", DayBudget(quantity=QUANTITY, limits=LIMITS)),
    rule(
        "hour",
        "hour_mean",
        HourMean(quantity=QUANTITY, limits=SITE, allowed_per_day=2, background=Background(other=PUBLISHED, cap=60)),
    ),
    rule(
        "slot",
        "slot_mean",
        SlotMean(
            quantity=QUANTITY, limits=SLOT, deduct=Deduct(value=20, when=(Band(other=PUBLISHED, low=30, high=60),))
        ),
    ),
)
STATION = Hj212Options(pm_unit="ug_m3")
TIMED = PlainOptions(
    family="dust", fields={"pm10": QUANTITY, "temp": "temperature_c"}, time=TimeMember(field="t", unit="ms")
)


class Reading(NamedTuple):
    """When it was measured, when it came, what it says, and its flag."""

    t_ms: int
    came_ms: int
    value: float
    flag: str


class Site(NamedTuple):
    """One station on that day."""

    name: str
    interval_min: int
    readings: list[Reading]


# ------------------------------------------------------------------------------------------------- the slow reckoning


class Reckoned:
    """One station's day."""

    def __init__(self, site: Site, zone: str, day: str, city: dict[int, list[float]]) -> None:
        self.zone, self.date, self.city = ZoneInfo(zone), day, city
        self.interval = min(site.interval_min, 15)
        self.spoke: dict[int, list[Fraction]] = {}
        for reading in {(one.t_ms, one.value, one.flag): one for one in site.readings}.values():
            good = self.spoke.setdefault(reading.t_ms // MINUTE, [])
            if reading.flag == "N" and reading.value <= 10_000:
                good.append(Fraction(round(reading.value * 100), 100))
        self.minutes = self.minutes_of_day()

    def minutes_of_day(self) -> list[int]:
        noon = int(datetime.fromisoformat(self.date + " 12:00").replace(tzinfo=UTC).timestamp()) // 60
        near = range(noon - 40 * 60, noon + 40 * 60)
        return [minute for minute in near if str(self.wall(minute).date()) == self.date]

    def wall(self, minute: int) -> datetime:
        return datetime.fromtimestamp(minute * 60, self.zone)

    def minute(self, minute: int, start: int) -> Fraction | None:
        """Return what stands for a minute: what was said in it, or else what was said next, if soon enough.

        A reading stands for its interval, its own minute the last of it; for one more where no minute stays empty so.
        """
        later = next((each for each in range(minute, minute + self.interval + 1) if each in self.spoke), None)
        if later is None:
            return None
        before = minute
        while before >= start and before not in self.spoke:
            before -= 1
        closes = later - before - 1 <= self.interval
        if later - minute > (self.interval if closes else self.interval - 1):
            return None
        said = self.spoke[later]
        return said[0] if len(said) == 1 else sum(said, Fraction(0)) / len(said) if said else None

    def mean(self, minutes: list[int], least: int) -> tuple[int, Fraction | None]:
        """Return how many minutes are valid, and their mean if these are enough.

        They are no more than what was said in them can stand for.
        """
        good = [value for minute in minutes if (value := self.minute(minute, minutes[0])) is not None]
        said = sum(len(self.spoke.get(minute, ())) for minute in minutes)
        valid = min(len(good), said * self.interval)
        return valid, sum(good, Fraction(0)) / len(good) if valid >= least else None

    @cached_property
    def hours(self) -> dict[int, tuple[int, Fraction | None]]:
        parts = [self.minutes[at : at + 60] for at in range(0, len(self.minutes), 60)]
        return {part[0]: self.mean(part, 45) for part in parts if len(part) == 60}

    @cached_property
    def slots(self) -> dict[int, tuple[int, Fraction | None]]:
        first = [minute for minute in self.minutes if self.wall(minute).minute % 15 == 0]
        return {minute: self.mean(list(range(minute, minute + 15)), 12) for minute in first}

    @cached_property
    def day(self) -> tuple[int, Fraction | None]:
        means = [mean for _, mean in self.hours.values() if mean is not None]
        return len(means), sum(means, Fraction(0)) / len(means) if means else None

    def published(self, hour: int) -> Fraction | None:
        """Return the city's value of an hour: what was told in the hour after it."""
        said = [
            Fraction(round(value * 100), 100) for m in range(hour + 60, hour + 120) for value in self.city.get(m, [])
        ]
        return sum(said, Fraction(0)) / len(said) if said else None

    def day_violates(self) -> bool:
        """Exceeds: rounded half to even, more than the limit of its date; 20 hours of those that it has."""
        hours, mean = self.day
        return mean is not None and hours >= 20 and half_even(mean) > (150 if self.date < "2026-03-01" else 120)

    def hours_that_violate(self) -> list[int]:
        """Site minus city, of the city at most 60; two a day may."""
        over = []
        for hour, (_, mean) in self.hours.items():
            city = self.published(hour)
            if mean is not None and city is not None and mean - min(city, Fraction(60)) > 80:
                over.append(hour)
        return over[2:]

    def slots_that_violate(self) -> list[int]:
        """Unrounded; 20 less while the city lies from 30 to 60."""
        over = []
        for slot, (_, mean) in self.slots.items():
            city = self.published(slot - (slot - self.minutes[0]) % 60)
            if mean is None:
                continue
            deducted = 20 if city is None or 30 <= city <= 60 else 0  # a city that is missing accuses nobody
            if mean - deducted > 100:
                over.append(slot)
        return over


def half_even(value: Fraction) -> int:
    """GB/T 8170."""
    below = value.numerator // value.denominator
    rest = value - below
    return below + (1 if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2) else 0)


# ------------------------------------------------------------------------------------------------------ random days


def random_site(dice: Random, number: int, start_ms: int, end_ms: int) -> Site:
    """Make the readings of a station: whole hours of one value, gaps, what is late, what is doubtful."""
    interval = dice.choice((1, 3, 5, 5, 10, 15, 15, 15, 15))
    base = dice.choice((40.0, 80.0, 100.0, 119.0, 120.5, 121.0, 150.5, 151.0, dice.uniform(0, 300)))
    trembles = dice.random() < 0.5
    gone = dice.choice((0.0, 0.0, 0.02, 0.2))
    late = dice.choice((0.0, 0.0, 0.05, 0.5)) if number % 2 else 0.0
    gaps = [(dice.uniform(0, 1), dice.uniform(0, 0.25)) for _ in range(dice.choice((0, 0, 1, 2)))]
    burst_ms = end_ms + dice.randrange(1, 20 * 60) * MINUTE
    readings = []
    span = end_ms - start_ms
    for t_ms in range(start_ms - 20 * MINUTE + dice.randrange(60_000), end_ms + 20 * MINUTE, interval * MINUTE):
        part = (t_ms - start_ms) / span
        if dice.random() < gone or any(begin <= part < begin + long for begin, long in gaps):
            continue
        value = round(base + dice.uniform(-30, 30), 2) if trembles else base
        value = max(value, float(number % 2 == 0)) if number % 2 == 0 or dice.random() > 0.01 else 99_999.0
        flag = dice.choice("TDN") if number % 2 == 0 and dice.random() < 0.05 else "N"
        came_ms = burst_ms if dice.random() < late else t_ms
        readings.append(Reading(t_ms // 1000 * 1000, came_ms, value, flag))
        if dice.random() < 0.02 and came_ms == t_ms:  # repeats behind hundreds of others are not known any more
            readings.append(readings[-1]._replace(came_ms=came_ms + 1000))
        if dice.random() < 0.02 and came_ms == t_ms and number % 2:  # it speaks twice within a minute
            more = readings[-1]
            readings.append(Reading(more.t_ms + 1000, more.came_ms + 1500, round(value / 2, 2), "N"))
    return Site(f"s{number}", interval, readings)


def frame(site: Site, reading: Reading) -> tuple[str, Frame]:
    """Even stations speak HJ 212, odd ones JSON."""
    if int(site.name[1:]) % 2:
        return "lora", (
            f"plain/{site.name}".encode(),
            json.dumps({"pm10": reading.value, "temp": 20, "t": reading.t_ms}).encode(),
            b"",
        )
    flags = None if reading.flag == "N" else f"{QUANTITY}:{reading.flag}"
    values = Station(pm10_ug_m3=reading.value, flags=flags)
    return "sites", (
        mn(site.name).encode(),
        packet(values, Hj212Options(pm_unit="ug_m3"), mn=mn(site.name), at_ms=reading.t_ms),
        b"",
    )


def mn(name: str) -> str:
    return f"888888800000{name}"


def device(site: Site) -> Device:
    if int(site.name[1:]) % 2:
        return plain(site.name, TIMED, interval_ms=site.interval_min * MINUTE)
    return Device(
        id=site.name, model="hj212-dust", family="dust", address=f"mn:{mn(site.name)}", options=STATION,
        interval_ms=site.interval_min * MINUTE, via=("sites",),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------- the engine


class Engine:
    """The whole fold, with what it told."""

    def __init__(self, zone: str, sites: list[Site]) -> None:
        devices = (plain("city", TIMED, interval_ms=HOUR), *(device(site) for site in sites))
        scoped = tuple(
            rule(each.id, each.kind, each.settings, devices=tuple(site.name for site in sites)) for each in RULES
        )
        registry = Registry(gateway="gw", time_zone=zone, sources=(LORA, SITES), devices=devices, influx=False)
        self.configs = {"one": (registry, RuleSet(tuple(sorted(scoped, key=lambda each: each.id))))}
        self.fold = Fold(self.configs.__getitem__)
        self.next = 1
        self.final: dict[tuple[str, str, int], Period] = {}
        self.events: list[Event] = []

    def take(self, *records: Record) -> None:
        outcome = self.fold.take(self.next, records)
        self.next = outcome.last + 1
        self.events += outcome.events
        for period in outcome.periods:
            if period.final:
                self.final[period.device, period.span, period.start_ms // MINUTE] = period

    def restart(self) -> None:
        parts = on_disk(self.fold)
        self.fold = Fold(self.configs.__getitem__)
        assert sections.read(self.fold, parts) == set()

    def violations(self, name: str, site: str) -> list[int]:
        memory: Any = self.fold.memory.world.judging.judges[name, site].memory or (0, {})
        return sorted(start for start, (_, occurrence) in memory[1].items() if occurrence)

    def day_violates(self, site: str, day: str) -> bool:
        memory: Any = self.fold.memory.world.judging.judges["day", site].memory or {}
        return bool(memory.get(day, (0, False))[1])


def same(period: Period | None, valid: int, mean: Fraction | None) -> bool:
    if period is None:
        return valid == 0
    if period.valid != valid or (period.mean is None) != (mean is None):
        return False
    return mean is None or period.mean is None or abs(period.mean - mean) <= 1e-6


def compare(seed: int) -> int:
    """Play one day of many stations both ways; return how many violations there were."""
    dice = Random(seed)
    zone, day = dice.choice(PLACES)
    start_ms = int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000
    after = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    end_ms = int(datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000
    sites = [random_site(dice, number, start_ms, end_ms) for number in range(TOGETHER)]
    published = list(range(start_ms + 84 * MINUTE, end_ms + 2 * HOUR, HOUR))
    late = {t_ms: (150 + at % 2 * 120) * MINUTE for at, t_ms in enumerate(published[:-1]) if at % 3 == 1}
    city = {
        t_ms // MINUTE: [dice.choice((20.0, 29.99, 30.0, 60.0, 60.01, 90.0))]
        for at, t_ms in enumerate(published)
        if at % 3 == 2 or dice.random() < 0.8
    }
    engine = Engine(zone, sites)
    log_ms = start_ms - 2 * HOUR
    engine.take(Config(at_ms=log_ms, hash="one"), Status(at_ms=log_ms, subject="gateway", kind="started"))
    arrivals = [(reading.came_ms, *frame(site, reading)) for site in sites for reading in site.readings]
    for minute, values in city.items():
        payload = json.dumps({"pm10": values[0], "t": minute * MINUTE}).encode()
        came_ms = minute * MINUTE + late.get(minute * MINUTE, 0)
        arrivals.append((came_ms, "lora", (b"plain/city", payload, b"")))
    dice.shuffle(arrivals)
    arrivals.sort(key=lambda one: one[0])  # those of one moment stay in disorder
    stop = dice.randrange(len(arrivals))
    for number, (came_ms, source, said) in enumerate(arrivals):
        engine.take(Batch(source, came_ms, [said]))
        if number == stop:
            engine.restart()
    engine.take(Tick(end_ms + 30 * HOUR))
    engine.restart()
    engine.take(Tick(end_ms + 49 * HOUR))
    return sum(agree(engine, site, Reckoned(site, zone, day, city), (seed, zone, day)) for site in sites)


def agree(engine: Engine, site: Site, reckoned: Reckoned, where: tuple[object, ...]) -> int:
    """Compare one station's day; return its violations."""
    for span, told in (("slot", reckoned.slots), ("hour", reckoned.hours)):
        for start, (valid, mean) in told.items():
            period = engine.final.get((site.name, span, start))
            assert same(period, valid, mean), (where, site.name, span, start, period, valid, mean)
    period = engine.final.get((site.name, "day", reckoned.minutes[0]))
    assert same(period, *reckoned.day), (where, site.name, period, reckoned.day)
    within = set(reckoned.minutes)
    slots = [start for start in engine.violations("slot", site.name) if start in within]
    hours = [start for start in engine.violations("hour", site.name) if start in within]
    assert slots == reckoned.slots_that_violate(), (where, site.name)
    assert hours == reckoned.hours_that_violate(), (where, site.name)
    assert engine.day_violates(site.name, reckoned.date) == reckoned.day_violates(), (where, site.name)
    on_time = site.interval_min < 10 and all(reading.came_ms < reading.t_ms + 2000 for reading in site.readings)
    for event in engine.events:
        if on_time and event.kind == "raised" and event.alarm.id == f"lost@{site.name}" and event.evidence is not None:
            mean = reckoned.day[1]
            if event.evidence.why["date"] == reckoned.date:
                assert mean is not None
                assert half_even(mean) > event.evidence.why["limit"], "what is lost cannot comply any more"
    return len(slots) + len(hours) + reckoned.day_violates()


@pytest.mark.timeout(120 + DAYS // 5)  # seconds; a long run is asked for
@pytest.mark.parametrize("part", range(4))
def test_random_days_are_what_a_slow_reckoning_says(part: int) -> None:
    runs = range(part, -(-DAYS // TOGETHER), 4)
    found = sum(compare(seed) for seed in runs)
    assert found > len(runs), "days on which nothing happens prove little"
