"""Many spans are read in one pass; what the journal has lost is said, never passed over."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from commands.history_spans import Found, Spans, Want, collect
from config import blob
from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from rules.records import Record, Status
from rules.ruleset import RuleSet
from store.fs import OsFs
from store.journal import Journal
from store.proofs import Proof

MINUTE = 60_000
DEVICES = [f"d{n}" for n in range(4)]


def registry() -> bytes:
    route = Route(filter="air/+", envelope="plain", address="topic 2")
    devices = tuple(
        Device(
            id=name, model="plain", family="dust", address=f"topic:lora/{name}", interval_ms=MINUTE,
            options=PlainOptions(fields={"pm10": "pm10_ug_m3", "bat": "battery_v"}),
        )
        for name in DEVICES
    )  # fmt: skip
    source = Source(name="lora", kind="mqtt", subject="broker:lora", routes=(route,))
    return blob.encode(Registry(gateway="g", time_zone="UTC", sources=(source,), devices=devices), RuleSet())


def frame(name: str, minute: int) -> tuple[bytes, bytes, bytes]:
    noise = f"{hash((name, minute)):x}" * 40
    return f"air/{name}".encode(), json.dumps({"pm10": minute % 900, "bat": 3.5, "x": noise}).encode(), b""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Fill a journal: each device each minute for a day, and one Status."""
    journal = Journal(OsFs(), tmp_path / "journal", 1 << 20, segment_bytes=1 << 16)
    for minute in range(1000):
        records: list[Record] = [Batch("lora", minute * MINUTE, [frame(name, minute) for name in DEVICES])]
        if minute == 500:
            records.append(Status(at_ms=minute * MINUTE, subject="gateway", kind="condition", data={"name": "x"}))
        journal.append(first := journal.reserve(records), [(first, records[0]), *((first + 4, r) for r in records[1:])])
        journal.commit()
    return journal


def of_device(number: int, device: str, from_ms: int, after: int, upto: int) -> Want:
    return Want(number, device, is_device=True, quantity="pm10_ug_m3", from_ms=from_ms, after=after, upto=upto)


def of_gateway(upto: int) -> Want:
    return Want(1, "gateway", is_device=False, quantity=None, from_ms=490 * MINUTE, after=0, upto=upto)


def read(journal: Journal, *wants: Want, places: list[bytes] | None = None) -> list[Found]:
    directory = str(journal._directory)
    return list(collect(Spans(directory, registry(), 0, list(wants), places)))


def frames_of(found: Found) -> list[tuple[int, Any]]:
    proof = msgspec.convert(
        {"number": 1, "alarm": "", "occurrence": 0, "kind": "", "made_ms": 0, "offset_ms": 0, "gateway": "",
         "time_zone": "", "config": "", "version": 0, "rule": {}, "rule_hash": ""}, Proof,
    )  # fmt: skip
    proof.packed = found.packed
    return [(frame.sequence, frame.said[0].value) for frame in proof.unpacked()]


def test_each_span_gets_its_own_frames(journal: Journal) -> None:
    late = journal.last
    wants = [
        of_device(1, "d1", 990 * MINUTE, 0, late),
        of_device(2, "d2", 995 * MINUTE, 0, late - 8),
        of_device(3, "d1", 998 * MINUTE, 0, late),
        of_device(4, "d3", 990 * MINUTE, late - 7, late),
    ]
    one, two, three, four = read(journal, *wants)
    assert (one.frames, one.missing, one.facts["battery_v"]) == (10, "", 3.5)
    assert [value for _, value in frames_of(one)] == [minute % 900 for minute in range(990, 1000)]
    assert two.frames == 3
    assert (three.frames, three.kept) == (2, 2)
    assert [value for _, value in frames_of(four)] == [98, 99]  # only what came after the first finding
    known = [b"air/d1", b"air/d2", b"air/d3"]
    assert read(journal, *wants, places=known) == [one, two, three, four]


def test_what_is_no_device_is_judged_by_its_status(journal: Journal) -> None:
    at = next(sequence for sequence, record in journal.read(0) if isinstance(record, Status))
    (found,) = read(journal, of_gateway(at + 40))
    assert found.record is not None
    assert (found.record["sequence"], found.record["kind"], found.record["data"]) == (at, "condition", {"name": "x"})
    assert read(journal, of_gateway(at - 1))[0].record is None
    assert read(journal, of_gateway(at + 40), places=[]) == [found]


def test_what_was_recycled_is_said(journal: Journal) -> None:
    whole = read(journal, of_device(1, "d1", 600 * MINUTE, 0, journal.last))[0]
    for _ in range(40):
        if journal.log.segments[0].from_ms > 700 * MINUTE:
            break
        journal.free_oldest()
    (found,) = read(journal, of_device(1, "d1", 600 * MINUTE, 0, journal.last))
    assert (found.missing, found.missing_to_ms) == ("recycled", journal.log.segments[0].from_ms)
    assert 0 < found.frames < whole.frames
    (later,) = read(journal, of_device(1, "d1", 990 * MINUTE, 0, journal.last))
    assert later.missing == ""
