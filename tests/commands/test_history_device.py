"""What a child finds in a real journal: what one device said last, and how a quantity went."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import msgpack

from commands import history_device
from commands.history import ask, registry_of
from commands.history_device import LATEST, MinutesOf, NewestOf, SpokenOf
from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from feed.frames import FrameView
from feed.past import Minutes, Spoken
from store.fs import OsFs
from store.journal import Journal

NOW_MS, OFFSET_MS, MINUTE_MS = 1_000_000_020_000, 795_507_000_000, 60_000
FIELDS: dict[str, Any] = {"t": "tilt_deg", "o": "cover_open", "b": "battery_v"}


def registry() -> Registry:
    source = Source(
        name="lora", kind="mqtt", subject="broker:lora",
        routes=(Route(filter="w/+", envelope="plain", address="topic 2"),),
    )  # fmt: skip
    devices = tuple(
        Device(
            id=f"mh-{n}", model="plain", family="manhole", address=f"topic:lora/{n}", interval_ms=6 * 3_600_000,
            options=PlainOptions(family="manhole", fields=FIELDS), via=("lora",),
        )
        for n in range(1000)
    )  # fmt: skip
    return Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(source,), devices=devices)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a journal of four hours of 1,000 covers; number 7 speaks each half hour, of its battery only once."""
    directory = tmp_path_factory.mktemp("state") / "journal"
    writer = Journal(OsFs(), directory, 16 << 20, segment_bytes=1 << 20)
    for minute in range(-240, 1):
        frames = [
            (f"w/{n}".encode(), json.dumps({"t": n / 10}).encode(), b"")
            for n in range(100, 1000)
            if n % 2 == minute % 2
        ]
        if minute % 30 == 0:
            said = {"t": float(minute), "o": minute == 0} | ({"b": 3.61} if minute == -210 else {})
            frames.append((b"w/7", json.dumps(said).encode(), b""))
        batch = Batch("lora", NOW_MS + minute * MINUTE_MS, frames)
        first = writer.reserve([batch])
        writer.append(first, [(first, batch)])
        writer.commit()
    writer.close()
    return directory


def spoken_of(journal: Path, device: str, places: list[bytes]) -> Spoken:
    task = SpokenOf(str(journal), registry_of(registry(), device), places, OFFSET_MS, 20.0)
    (piece,) = ask(task)
    return msgpack.decode(piece, type=Spoken)


@pytest.mark.parametrize("places", [[b"w/7"], []])
def test_what_it_said_last(journal: Path, places: list[bytes]) -> None:
    said = spoken_of(journal, "mh-7", places)
    assert said.last_frame is not None
    assert said.last_frame.values == {"tilt_deg": 0.0, "cover_open": True}
    assert (said.last_frame.place, said.last_frame.what, said.last_frame.source) == ("w/7", "reading", "lora")
    assert said.last_frame.at == "2026-11-24T07:57:00.000Z"
    assert said.battery == {"battery_v": 3.61}, "it was said three hours ago"
    assert said.whole


def test_who_never_spoke_said_nothing(journal: Path) -> None:
    assert spoken_of(journal, "mh-8", [b"w/8"]) == Spoken()


@pytest.mark.parametrize(("device", "count"), [("mh-7", 9), ("mh-8", 0), ("mh-100", LATEST)])
def test_its_newest_frames(journal: Path, device: str, count: int) -> None:
    task = NewestOf(str(journal), registry_of(registry(), device), [f"w/{device[3:]}".encode()], OFFSET_MS, 20.0)
    (piece,) = ask(task)
    found = msgpack.decode(piece, type=list[FrameView])
    assert len(found) == count
    assert [each.sequence for each in found] == sorted(each.sequence for each in found)
    if device == "mh-7":
        newest = found[-1]
        assert (newest.at, newest.place) == ("2026-11-24T07:57:00.000Z", "w/7")
        assert newest.payload_hex == b'{"t": 0.0, "o": true}'.hex()
        assert newest.readings[0].values == {"tilt_deg": 0.0, "cover_open": True}


def test_a_trend_minute_by_minute(journal: Path) -> None:
    start_ms = NOW_MS + OFFSET_MS - NOW_MS % MINUTE_MS - OFFSET_MS % MINUTE_MS - 100 * MINUTE_MS
    start_ms -= start_ms % MINUTE_MS
    task = MinutesOf(
        str(journal), registry_of(registry(), "mh-7"), [b"w/7"], OFFSET_MS, 20.0, "tilt_deg", start_ms, 101
    )
    (piece,) = ask(task)
    found = msgpack.decode(piece, type=Minutes)
    said = {at - 100: value for at, value in enumerate(found.values) if value is not None}
    assert said == {-90: -90.0, -60: -60.0, -30: -30.0, 0: 0.0}
    assert found.note is None


def test_when_its_time_is_over_it_says_what_it_has(journal: Path) -> None:
    """Also a truth has a trend: 0 and 1."""
    start_ms = NOW_MS + OFFSET_MS - 240 * MINUTE_MS
    task = MinutesOf(
        str(journal), registry_of(registry(), "mh-7"), [b"w/7"], OFFSET_MS, 0.0, "cover_open", start_ms, 241
    )
    (found,) = history_device.minutes(task)
    assert [value for value in found.values if value is not None] == [1.0]
    assert found.note is not None
    assert "2026-11-24T07:57:00.000Z" in found.note.en
