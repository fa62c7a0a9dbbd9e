"""One device and its trend, over real connections, through the real fold and its windows."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from feed.frames import FrameView
from feed.http.beside import Once
from feed.past import LastFrame, Minutes, Spoken
from feed.trend import minute_values
from rules.fold import Fold
from rules.kinds.hour_mean import HourMean
from rules.kinds.silence import Silence
from rules.kinds.threshold import Threshold
from rules.minutes import KEPT_MIN
from rules.minutes import Minutes as Cells
from rules.packs import EVER, DatedLimit
from rules.periods import LONGEST_REACH_MIN, hour_slots
from rules.records import Config, Status, Text
from rules.ruleset import Rule, RuleSet, Scope
from tests.feed.room import GATEWAY, NOW_MS, Room

MINUTE_MS = 60_000
WORDS = Text("文字", "words")


def rule(name: str, kind: str, settings: Any, **other: Any) -> Rule:  # noqa: ANN401 - of any kind
    given: dict[str, Any] = {
        "id": name, "kind": kind, "scope": Scope(), "priority": 3, "settings": settings, "text": WORDS, "cause": WORDS,
        "consequence": WORDS, "action": WORDS, "respond_within_ms": 3_600_000,
    }  # fmt: skip
    return Rule(**(given | other))


LIMITS = (
    DatedLimit(from_date=EVER, to_date="2026-06-30", value=200.0, name="old"),
    DatedLimit(from_date="2026-07-01", value=150.0, name="new"),
)
RULES = (
    rule("dust-high", "threshold", Threshold(quantity="pm10_ug_m3", above=500.0)),
    rule("dust-hour", "hour_mean", HourMean(quantity="pm10_ug_m3", limits=LIMITS), basis="compliance"),
    rule("dust-silent", "silence", Silence()),
)


def dusty_fold() -> Fold:
    source = Source(
        name="lora", kind="mqtt", subject="broker:lora",
        routes=(Route(filter="d/+", envelope="plain", address="topic 2"),),
    )  # fmt: skip
    fields: dict[str, Any] = {"p": "pm10_ug_m3", "t": "temperature_c"}
    devices = tuple(
        Device(
            id=f"dust-{n}", model="plain", family="dust", address=f"topic:lora/{n}", interval_ms=MINUTE_MS,
            options=PlainOptions(family="dust", fields=fields), via=("lora",),
        )
        for n in (1, 2)
    )  # fmt: skip
    registry = Registry(gateway=GATEWAY, time_zone="Asia/Shanghai", sources=(source,), devices=devices)
    fold = Fold(lambda _: (registry, RuleSet(RULES)))
    up = Status(at_ms=NOW_MS, subject="broker:lora", kind="link", data={"up": True})
    fold.take(1, [Config(at_ms=NOW_MS, hash="h"), up])
    return fold


class _Dusty:
    """A fold that is told what a station measures; NOW is 16:00 in Shanghai."""

    def __init__(self) -> None:
        self.fold, self.sequence = dusty_fold(), 3

    def say(self, minute: int, device: str = "1", **values: float) -> None:
        frame = (f"d/{device}".encode(), json.dumps(values).encode(), b"")
        self.fold.take(self.sequence, [Batch("lora", NOW_MS + minute * MINUTE_MS, [frame])])
        self.sequence += 1


class _Told:
    """What the journal says, as a test has it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.broken = False

    def spoken(self, device: str) -> Spoken:
        self.asked.append((device,))
        if self.broken:
            raise ValueError("the process that reads history died")
        frame = LastFrame(
            sequence=7, at="2026-11-24T08:00:00.000Z", source="lora", place="d/1", bytes=9, what="reading",
            values={"pm10_ug_m3": 80.0}, flags=None,
        )  # fmt: skip
        return Spoken(last_frame=frame, battery={"battery_v": 3.6}, radio={"rssi_dbm": -101.0}, facts={"fw": "1.2"})

    def frames(self, device: str) -> list[FrameView]:  # noqa: ARG002 - of any
        return []

    def minutes(self, device: str, quantity: str, start_ms: int, count: int) -> Minutes:
        self.asked.append((device, quantity, start_ms, count))
        note = Text("更早的未及读完", "What is older was not read in time")
        return Minutes(start_ms=start_ms, values=[None] * (count - 1) + [21.5], note=note)


@pytest.fixture
def told() -> _Told:
    return _Told()


@pytest.fixture
def room(tmp_path: Path, told: _Told) -> Iterator[Room]:
    with Room(tmp_path, past=told) as opened:
        yield opened


def at(room: Room, minute: int) -> None:
    """Let it be so many minutes after NOW, and half."""
    room.now_ms = lambda: NOW_MS + minute * MINUTE_MS + 30_000


def test_a_device_that_measures(room: Room, told: _Told) -> None:
    dusty = _Dusty()
    room.fold = dusty.fold
    for minute in range(100):
        if not 20 <= minute < 30:
            dusty.say(minute, p=80.0, t=20.0)
    at(room, 99)
    device = room.get("/api/v1/devices/dust-1").json
    assert (device["state"], device["family"], device["address"]) == ("heard", "dust", "topic:lora/1")
    assert device["last_frame"]["values"] == {"pm10_ug_m3": 80.0}
    assert (device["battery"], device["radio"], device["facts"]) == (
        {"battery_v": 3.6}, {"rssi_dbm": -101.0}, {"fw": "1.2"},
    )  # fmt: skip
    assert device["coverage"] == {"pm10_ug_m3": {"minutes": 90, "of": 16 * 60 + 100}}
    assert device["quantities"]["pm10_ug_m3"]["windowed"] is True
    assert device["quantities"]["temperature_c"]["windowed"] is False
    verdicts = {one["rule"]: (one["verdict"], one["cause"]) for one in device["verdicts"]}
    assert verdicts == {
        "dust-high": ("normal", None), "dust-hour": ("normal", None), "dust-silent": ("normal", None),
    }  # fmt: skip
    assert device["counted"]["frames"] == 90


def test_missing_is_not_normal(room: Room) -> None:
    """A device that was never heard, or has fallen silent, or is cut off, has no verdict; and it says why."""
    dusty = _Dusty()
    room.fold = dusty.fold

    def verdicts(device: str) -> dict[str, tuple[str, str | None]]:
        answer = room.get(f"/api/v1/devices/{device}").json
        return {one["rule"]: (one["verdict"], one["cause"]) for one in answer["verdicts"]}

    assert verdicts("dust-2")["dust-high"] == ("unknown", "unheard")
    dusty.say(0, t=20.0)
    assert verdicts("dust-1") == {
        "dust-high": ("unknown", "not_yet"), "dust-hour": ("unknown", "not_yet"), "dust-silent": ("normal", None),
    }  # fmt: skip
    dusty.say(1, p=80.0)
    dusty.say(2, p=900.0)
    assert verdicts("dust-1")["dust-high"] == ("violated", None)
    dusty.say(3, p=80.0)
    assert verdicts("dust-1")["dust-high"] == ("normal", None)
    for minute in range(4, 81):
        dusty.say(minute, "2", p=80.0)  # the other one is heard: the broker is there
    at(room, 80)
    silent = verdicts("dust-1")
    assert silent["dust-silent"] == ("violated", None)
    assert silent["dust-high"] == ("unknown", "silent")
    down = Status(
        at_ms=NOW_MS + 81 * MINUTE_MS, subject="broker:lora", kind="link", data={"up": False, "why": "it is off"}
    )
    dusty.fold.take(dusty.sequence, [down])
    assert verdicts("dust-2")["dust-high"] == ("unknown", "cut_off")


def test_an_hour_with_too_few_minutes_says_so(room: Room) -> None:
    dusty = _Dusty()
    room.fold = dusty.fold
    for minute in [*range(20), *range(60, 75)]:
        dusty.say(minute, p=80.0)
    at(room, 75)
    (hour,) = [one for one in room.get("/api/v1/devices/dust-1").json["verdicts"] if one["rule"] == "dust-hour"]
    assert (hour["verdict"], hour["cause"]) == ("unknown", "too_few")


def test_a_trend_of_windows_with_its_gap_and_its_limits(room: Room) -> None:
    dusty = _Dusty()
    room.fold = dusty.fold
    for minute in range(300):
        if not 290 <= minute < 295:
            dusty.say(minute, p=float(minute), t=20.0)
    at(room, 299)
    trend = room.get("/api/v1/devices/dust-1/trend?quantity=pm10_ug_m3&minutes=15").json
    assert trend["values"] == [*map(float, range(285, 290)), *[None] * 5, *map(float, range(295, 300))]
    assert trend["start"] == "2026-11-24T12:45:00.000Z"
    assert (trend["step_s"], trend["unit"], trend["windowed"]) == (60, "µg/m³", True)
    limits = [(one["rule"], one["kind"], one["of"], one["value"], one["from"]) for one in trend["limits"]]
    assert limits == [
        ("dust-high", "above", "value", 500.0, None), ("dust-hour", "above", "hour", 150.0, "2026-07-01"),
    ]  # fmt: skip
    day = room.get("/api/v1/devices/dust-1/trend?quantity=pm10_ug_m3&minutes=1440").json["values"]
    assert len(day) == 1440
    assert day[-300:-10] == [*map(float, range(290))], "also what is packed already"
    assert day[:-300] == [None] * 1140


def test_a_trend_of_what_no_rule_means_comes_from_the_journal(room: Room, told: _Told) -> None:
    room.fold = _Dusty().fold
    trend = room.get("/api/v1/devices/dust-1/trend?quantity=temperature_c").json
    assert trend["values"] == [None] * 14 + [21.5]
    assert (trend["windowed"], trend["unit"]) == (False, "°C")
    assert trend["note"]["zh"].endswith("更早的未及读完")
    assert told.asked[0][:2] == ("dust-1", "temperature_c")


def test_many_who_ask_the_same_at_once_cost_one_child() -> None:
    asked, together = [], threading.Event()

    def work() -> bytes:
        asked.append(1)
        together.wait(10)
        return b"what was found"

    async def ask() -> None:
        once = Once(1, "test")
        waiting = [asyncio.ensure_future(once.once(("dust-1",), work)) for _ in range(10)]
        await asyncio.sleep(0)  # all of them wait now
        waiting.pop().cancel()  # one closes his page
        together.set()
        assert await asyncio.gather(*waiting) == [b"what was found"] * 9
        assert len(asked) == 1
        await once.once(("dust-1",), work)
        assert len(asked) == 2, "what is asked later is looked for again"

    with ThreadPoolExecutor(1) as thread:  # a browser of another test may have a loop on this one
        thread.submit(asyncio.run, ask()).result()


def test_what_there_is_not(room: Room, told: _Told) -> None:
    room.fold = _Dusty().fold
    assert room.get("/api/v1/devices/nobody").problem == "no-such-device"
    assert room.get("/api/v1/devices/nobody/trend?quantity=pm10_ug_m3").problem == "no-such-quantity"
    assert room.get("/api/v1/devices/dust-1/trend?quantity=tilt_deg").problem == "no-such-quantity"
    assert room.get("/api/v1/devices/dust-1/trend?quantity=flags").problem == "no-such-quantity"
    assert room.get("/api/v1/devices/dust-1/trend").problem == "wrong-request"
    told.broken = True
    unread = room.get("/api/v1/devices/dust-1")
    assert (unread.status, unread.problem) == (503, "journal-unread")


def test_a_look_that_breaks_breaks_nothing_else(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question runs on the thread that takes frames in: what it raises may not end that."""
    room.fold = _Dusty().fold
    monkeypatch.setattr("feed.http.look.device_view.known", lambda *_: 1 / 0)
    answer = room.get("/api/v1/devices/dust-1")
    assert (answer.status, answer.problem) == (500, "defect")


@given(
    st.lists(st.sampled_from(["value", "spoke", "nothing"]), min_size=60, max_size=60),
    st.integers(0, 15),
)
def test_a_trend_has_a_value_where_the_mean_has_a_valid_minute(said: list[str], reach: int) -> None:
    """The same minutes are valid as in the means that are judged, and have the same values."""
    counts = np.array([int(one == "value") for one in said])
    sums = np.array([{"value": 100 * at, "spoke": 1, "nothing": 0}[one] for at, one in enumerate(said)])
    values = [value for value in minute_values(sums, counts, reach) if value is not None]
    behind = ((0, LONGEST_REACH_MIN), (0, 0))
    slots = hour_slots(
        np.pad(sums[:, None], behind), np.pad(counts[:, None], behind), np.array([reach]), least=1
    )  # fmt: skip
    assert min(len(values), int(counts.sum()) * max(reach, 1)) == slots.valid[0]
    if values:
        assert abs(sum(values) / len(values) - slots.mean[0] / 1e8) < 1e-6


@given(st.integers(0, 2**32), st.integers(1, 150))
def test_what_is_lent_is_what_is_read(seed: int, width: int) -> None:
    """Also of hours that are packed, and of pieces that a late reading has opened."""
    dice = np.random.default_rng(seed)
    minutes = Cells(width)
    head = 30_000_000 + int(dice.integers(0, 600))
    minutes.advance(head - 400)
    for minute in range(head - 400, head + 1, 7):
        minutes.advance(minute)
        minutes.add(minute, int(dice.integers(0, width)), int(dice.integers(-1000, 1000)), 1)
    minutes.add(head - 300, width - 1, 77, 1)
    index = np.unique(dice.integers(0, width, 5))
    first = head - int(dice.integers(0, KEPT_MIN))
    for begins, ends in ((first, head + 1), (head - 350, head - 20)):
        lent = minutes.lend(begins, ends, index)
        sums, counts = lent.cells()
        read_sums, read_counts = minutes.read(begins, ends, index)
        assert np.array_equal(sums, read_sums)
        assert np.array_equal(counts, read_counts)
