"""Whatever comes in whatever order: the windows say what a slow and obvious reckoning over lists says."""

from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.records import Period
from rules.series import Wanted
from rules.windows import NEVER_MS, Windows

MINUTE = 60_000
HOUR_MS = 3_600_000
DAY_MIN = 24 * 60
FINAL_MIN = 48 * 60
QUANTITIES = ("pm10_ug_m3", "temperature_c")
STATIONS = {"one": 60_000, "five": 300_000, "slow": 900_000}  # name: interval
WANTED = [Wanted(name, quantity, ms, "dust") for name, ms in STATIONS.items() for quantity in QUANTITIES]


Says = tuple[int, int, Fraction | None]  # valid, longest gap, mean
Told = tuple[str, int, str, str, int, bool, Says]
Script = list[tuple[int, str, int, int, tuple[float | None, float | None]]]


class Heard(NamedTuple):
    """One reading: arrival, whose, how long before arrival it was measured, values; live or late."""

    now_ms: int
    station: str
    t_ms: int
    values: tuple[float | None, ...]
    live: bool


@cache
def hour_of(minute: int, zone: str) -> int:
    return minute - datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).minute


@cache
def day_of(minute: int, zone: str) -> str:
    return str(datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).date())


@cache
def hours_of(day: str, zone: str) -> list[int]:
    noon = int(datetime.fromisoformat(day + " 12:00").replace(tzinfo=UTC).timestamp()) // 60
    first = hour_of(noon - 36 * 60, zone)
    return [hour for hour in range(first, first + 72 * 60, 60) if day_of(hour, zone) == day]


class Obvious:
    """Lists of readings by minute; every hour and day is worked out from them anew, in fractions."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.cells: dict[Wanted, dict[int, list[int]]] = {one: defaultdict(list) for one in WANTED}
        self.told: dict[tuple[str, int, Wanted], tuple[Says, int]] = {}
        self.heard: dict[Wanted, int] = {}
        self.since = self.now = 0
        self.final: set[tuple[str, int]] = set()
        self.kept: dict[tuple[int, Wanted], Says] = {}
        self.changed: set[int] = set()

    def add(self, heard: Heard) -> None:
        minute = heard.t_ms // MINUTE
        for one, value in zip([w for w in WANTED if w.device == heard.station], heard.values, strict=True):
            cell = self.cells[one][minute]  # exists: the device spoke
            if value is not None:
                cell.append(round(value * 100))
            for hour in (hour_of(minute, self.zone), hour_of(minute - 15, self.zone)):
                self.kept.pop((hour, one), None)
                self.changed.add(hour)

    def hour(self, hour: int, one: Wanted) -> Says:
        if (hour, one) not in self.kept:
            minutes = [self.minute(minute, one, hour) for minute in range(hour, hour + 60)]
            good = [mean for mean in minutes if mean is not None]
            gaps = "".join("." if mean is None else " " for mean in minutes).split()
            readings = sum(len(self.cells[one].get(minute, ())) for minute in range(hour, hour + 60))
            valid = min(len(good), readings * min(one.interval_ms // MINUTE, 15))
            mean = sum(good) / Fraction(len(good)) if valid >= 45 else None
            self.kept[hour, one] = (valid, max(map(len, gaps), default=0), mean)
        return self.kept[hour, one]

    def minute(self, minute: int, one: Wanted, hour: int) -> Fraction | None:
        """Return the mean of the minute, or of the next in which the device spoke, while that stands for it."""
        cells, reach = self.cells[one], min(one.interval_ms // MINUTE, 15)
        later = next((each for each in range(minute, minute + reach + 1) if each in cells), None)
        if later is None:
            return None
        before = next((each for each in range(minute, hour - 1, -1) if each in cells), hour - 1)
        if later - minute == reach and later - before - 1 > reach:
            return None
        return Fraction(sum(cells[later]), 100 * len(cells[later])) if cells[later] else None

    def day(self, day: str, one: Wanted) -> Says:
        told = [self.told.get(("hour", hour, one)) for hour in hours_of(day, self.zone)]
        means = [hour[0][2] if hour else None for hour in told]
        good = [mean for mean in means if mean is not None]
        gaps = "".join("." if mean is None else " " for mean in means).split()
        return len(good), max(map(len, gaps), default=0), sum(good) / Fraction(len(good)) if good else None

    def tick(self, now: int) -> list[Told]:
        """Tell what has changed since the last time."""
        before, self.now = self.now, now
        passed = [hour_of(now - wait, self.zone) != hour_of(before - wait, self.zone) for wait in (30, 60, 70)]
        if not self.changed and not any(passed):
            return []
        hours = range(hour_of(self.since - FINAL_MIN, self.zone), hour_of(now, self.zone), 60)
        told: list[Told] = []
        changed, self.changed = self.changed, set()
        for hour in hours:
            closes, final = (
                before < hour + 70 <= now and hour >= hour_of(self.since, self.zone),
                hour + 60 + FINAL_MIN <= now,
            )
            closed = hour + 70 <= now or hour < hour_of(self.since, self.zone)
            if closed and ("hour", hour) not in self.final and (closes or final or hour in changed):
                for one in WANTED:
                    told += self.tell("hour", hour, one, self.hour(hour, one), closes=closes, final=final)
            if final:
                self.final.add(("hour", hour))
        for day in sorted({day_of(hour, self.zone) for hour in hours}):
            of_day = hours_of(day, self.zone)
            start, end = of_day[0], of_day[-1] + 60
            begun = end > self.since
            closes, final = before < end + 30 <= now and begun, end + FINAL_MIN <= now
            if (end + 30 <= now or not begun) and ("day", start) not in self.final:
                for one in WANTED:
                    told += self.tell("day", start, one, self.day(day, one), closes=closes, final=final, end=end)
            if final:
                self.final.add(("day", start))
        return told

    def tell(
        self,
        span: str,
        start: int,
        one: Wanted,
        says: Says,
        *,
        closes: bool,
        final: bool,
        end: int = 0,
    ) -> list[Told]:
        if span == "hour" and says[0]:
            self.heard[one] = max(self.heard.get(one, start), start)
        last, revision = self.told.get((span, start, one), (None, 0))
        worth = says[0] > 0 or (closes and start - DAY_MIN <= self.heard.get(one, -1) < (end or start + 1))
        if (revision and last != says) or (not revision and worth):
            revision += 1
        elif not (revision and final):
            return []
        self.told[span, start, one] = (says, revision)
        return [(span, start, one.device, one.quantity, revision, final, says)]


def place(one: Period) -> int:
    return [(wanted.device, wanted.quantity) for wanted in WANTED].index((one.device, one.quantity))


class Gateway:
    """The windows, driven as the fold drives them; what they tell is compared with the obvious reckoning."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.windows = Windows(zone, WANTED)
        self.told: list[Period] = []
        self.obvious = Obvious(zone)
        self.expected: list[Told] = []

    def wait(self, until_ms: int) -> None:
        while self.windows.due_ms <= until_ms:
            due_ms = self.windows.due_ms
            told = self.windows.close(due_ms)
            self.told += sorted(told, key=lambda one: (one.span == "day", one.start_ms, place(one)))
            self.expected += self.obvious.tick(due_ms // MINUTE)

    def hear(self, heard: Heard) -> bool:
        self.wait(heard.now_ms)
        series = self.windows.by_device[heard.station]
        asleep = self.windows.due_ms == NEVER_MS
        taken = True
        if heard.live and heard.t_ms // MINUTE > series[0].minute:
            self.windows.roll(series, heard.t_ms)
        if heard.t_ms // MINUTE == series[0].minute:
            for one, value in zip(series, heard.values, strict=True):
                if value is not None:
                    one.sum += round(value * 100)
                    one.count += 1
        else:
            taken = self.windows.add_late(series, heard.t_ms, heard.values, heard.now_ms)
        if asleep:
            self.obvious.since = max(heard.t_ms if heard.live else heard.now_ms, heard.t_ms) // MINUTE
        if taken:
            self.obvious.add(heard)
        return taken

    def restart(self, order: int) -> None:
        """Go on with a snapshot, or with a new configuration, in which the devices may stand in another order."""
        old, self.windows = self.windows, Windows(self.zone, WANTED[2 * order :] + WANTED[: 2 * order])
        if order % 2:
            version, parts = old.sections()
            assert self.windows.restore(version, b"".join(parts))
        else:
            self.windows.inherit(old)


ZONES = {
    "Asia/Shanghai": "2026-11-24 20:00",
    "Europe/Berlin": "2026-03-28 18:00",  # the next day has 23 hours
    "America/Havana": "2026-10-31 20:00",  # the next day has 25, and its midnight twice
    "Asia/Kathmandu": "2026-11-24 22:00",
}
values = st.none() | st.sampled_from([0.0, 49.995, 120.5, 120.51, -7.25]) | st.floats(-60, 10_000)
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 7, 60, 61, 300, 900, 3600, 5 * 3600, 30 * 3600]),  # seconds since the step before
        st.sampled_from(sorted(STATIONS)),
        st.sampled_from([1, 1, 20, 60, 180]),  # readings, one each interval
        st.sampled_from([0, 0, 0, 0, -90, 40, 600, 3 * 3600, 20 * 3600, 49 * 3600, 60 * 3600]),  # seconds old
        st.tuples(values, values),
    ),
    min_size=1,
    max_size=14,
)


def readings(zone: str, script: Script) -> list[Heard]:
    now_ms = int(datetime.fromisoformat(ZONES[zone]).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    found = []
    for pause_s, station, count, old_s, said in script:
        now_ms += pause_s * 1000
        for number in range(count):
            now_ms += STATIONS[station] if number else 0
            bent = tuple(value if value is None or number % 7 else value + number / 100 for value in said)
            found.append(Heard(now_ms, station, now_ms - old_s * 1000, bent, live=old_s < 600))
    return found


def plain(period: Period) -> tuple[str, int, str, str, int, bool]:
    start = period.start_ms // MINUTE
    return (period.span, start, period.device, period.quantity, period.revision, period.final)


def assert_same(told: list[Period], expected: list[Told]) -> None:
    assert [plain(period) for period in told] == [one[:6] for one in expected]
    for period, one in zip(told, expected, strict=True):
        valid, gap, mean = one[6]
        assert (period.valid, period.gap_min) == (valid, gap)
        if mean is None or period.mean is None:
            assert period.mean == mean
        else:
            assert abs(period.mean - mean) <= 6e-7


@given(zone=st.sampled_from(sorted(ZONES)), script=steps, restarts=st.sets(st.integers(0, 300)))
@settings(max_examples=30, deadline=None)
def test_windows_say_what_an_obvious_reckoning_says(zone: str, script: Script, restarts: set[int]) -> None:
    """Restarts, at whatever moment, are not seen either."""
    gateway = Gateway(zone)
    heard = readings(zone, script)
    for number, one in enumerate(heard):
        if number in restarts:
            gateway.restart(number % 3)
        gateway.hear(one)
    gateway.wait(heard[-1].now_ms + 80 * HOUR_MS)
    assert gateway.windows.due_ms == NEVER_MS
    assert_same(gateway.told, gateway.expected)


@given(script=steps, shuffle=st.randoms(use_true_random=False), share=st.sampled_from([0.1, 0.5, 1.0]))
@settings(max_examples=30, deadline=None)
def test_late_is_as_good_as_on_time(script: Script, shuffle: Random, share: float) -> None:
    """What is final does not tell in which order readings came, if they came in time."""
    zone = "Asia/Shanghai"
    heard = [one._replace(t_ms=one.now_ms, live=True) for one in readings(zone, script)]
    end_ms = heard[0].now_ms + 40 * HOUR_MS
    heard = [one for one in heard if one.now_ms <= end_ms]
    on_time, late = Windows(zone, WANTED), Windows(zone, WANTED)
    told = play(on_time, heard)
    delayed = [number > 0 and shuffle.random() < share for number in range(len(heard))]
    waiting = [one._replace(now_ms=end_ms, live=False) for one, wait in zip(heard, delayed, strict=True) if wait]
    shuffle.shuffle(waiting)
    told_late = play(late, [one for one, wait in zip(heard, delayed, strict=True) if not wait] + waiting)
    assert final(told) == final(told_late)


def play(windows: Windows, heard: list[Heard], wait_ms: int = 120 * HOUR_MS) -> list[Period]:
    told: list[Period] = []
    for one in heard:
        told += windows.close(one.now_ms)
        series = windows.by_device[one.station]
        if one.live and one.t_ms // MINUTE > series[0].minute:
            windows.roll(series, one.t_ms)
        windows.add_late(series, one.t_ms, one.values, one.now_ms)
    return told + windows.close(heard[-1].now_ms + wait_ms)


def final(told: list[Period]) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return what is final, but for the periods in which nothing was measured."""
    return {
        (one.span, one.start_ms, one.device, one.quantity): (one.mean, one.valid, one.gap_min)
        for one in told
        if one.final and one.valid
    }


@given(script=steps, looks=st.lists(st.integers(0, 100 * 60), max_size=30))
@settings(max_examples=20, deadline=None)
def test_it_does_not_matter_how_often_one_looks_at_the_clock(script: Script, looks: list[int]) -> None:
    heard = readings("Asia/Shanghai", script)
    seldom, often = Windows("Asia/Shanghai", WANTED), Windows("Asia/Shanghai", WANTED)
    moments = sorted(heard[0].now_ms + look * MINUTE for look in looks)
    told: list[Period] = []
    for one in heard:
        while moments and moments[0] <= one.now_ms:
            told += often.close(moments.pop(0))
        told += play(often, [one], wait_ms=0)
    told += often.close(heard[-1].now_ms + 120 * HOUR_MS)
    assert told == play(seldom, heard)


def test_ten_thousand_minutes_of_one_value_are_that_value() -> None:
    """No sum of hundredths drifts: what is measured all day is the mean of the day."""
    for value in (0.01, 35.005, 119.995, 120.5, 6000.07):
        windows = Windows("Asia/Shanghai", WANTED[:1])
        start_ms = int(datetime(2026, 11, 24, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
        script = [
            Heard(start_ms + minute * MINUTE, "one", start_ms + minute * MINUTE, (value,), live=True)
            for minute in range(DAY_MIN)
        ]
        means = {period.mean for period in play(windows, script) if period.mean is not None}
        assert means == {round(value * 100) / 100}
