"""A compiled configuration goes into the book as bytes and comes back as it was."""

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.blob import decode, encode
from config.check import compiled_hash, load
from config.compiled import Compiled

GATEWAY = {
    "gateway": {"id": "gw-1", "time_zone": "Asia/Shanghai"},
    "sources": {
        "mqtt": [
            {
                "name": "lora",
                "url": "mqtts://broker.example",
                "topics": [
                    {"filter": "application/+/device/+/event/up", "envelope": "chirpstack-v4"},
                    {"filter": "wells/+", "envelope": "plain", "address": "topic 2"},
                ],
            }
        ],
        "serial": [
            {"name": "gate", "port": "/dev/ttyUSB0", "line": "4800 8N1", "protocol": "modbus-rtu", "poll": "9 s"}
        ],
        "hj212": [{"name": "sites", "listen": "0.0.0.0:9212"}],
    },
}
SENTENCE = {"zh": "报警", "en": "Alarm"}
GUIDANCE = {"text": SENTENCE, "cause": SENTENCE, "consequence": SENTENCE, "action": SENTENCE, "respond_within": "2 h"}

KINDS_OF_DEVICES = st.sampled_from(
    [
        lambda n: {"model": "dingtek-dc41x", "address": f"eui:{n:016x}"},
        lambda n: {"model": "bosch-tps110", "address": f"eui:{n:016x}"},
        lambda n: {"model": "modbus-dust", "address": f"modbus:gate/{n % 247 + 1}", "options": {"preset": "boling"}},
        lambda n: {
            "model": "modbus-dust",
            "address": f"modbus:gate/{n % 247 + 1}",
            "options": {"registers": [{"address": 3, "quantity": "pm10_ug_m3", "factor": 0.1, "absent": [65535]}]},
        },
        lambda n: {"model": "hj212-dust", "address": f"mn:A{n}", "options": {"pm_unit": "mg_m3"}},
        lambda n: {
            "model": "plain",
            "address": f"topic:lora/{n}",
            "options": {"fields": {"a": "pm10_ug_m3", "b.c": {"quantity": "occupied"}}, "time": {"field": "t"}},
        },
    ]
)
DEVICE = st.fixed_dictionaries(
    {"kind": KINDS_OF_DEVICES, "interval": st.sampled_from(["1 min", "6 h", "250 ms"])},
    optional={
        "site": st.text("工地甲乙", min_size=1, max_size=3),
        "labels": st.dictionaries(st.sampled_from(["owner", "code"]), st.text("排水0", min_size=1, max_size=4)),
        "at": st.tuples(st.floats(100, 120), st.floats(25, 40)).map(list),
    },
)
KINDS_OF_RULES = st.sampled_from(
    [
        {"kind": "silence", "for": "all", "priority": 3},
        {"kind": "silence", "for": {"labels": {"owner": "排"}}, "after": "30 h", "priority": 3},
        {
            "kind": "state", "for": {"family": "parking"}, "quantity": "occupied", "is": "true", "after": "1 d",
            "priority": 4,
        },
        {
            "kind": "threshold", "for": {"family": "manhole"}, "quantity": "tilt_deg", "below": -5, "clear": 0,
            "priority": 1,
        },
        {
            "kind": "day_mean", "for": {"family": "dust"}, "quantity": "pm10_ug_m3", "priority": 3,
            "standard": "gb3095-2026-class2", "basis": "reference",
        },
        {
            "kind": "rolling_mean", "for": {"family": "dust"}, "quantity": "pm10_ug_m3", "priority": 4, "hours": 12,
            "limit": 80, "basis": "compliance",
        },
    ]
)  # fmt: skip


def compiled(devices: list[dict[str, Any]], rules: list[dict[str, Any]], *, files: int = 1) -> Compiled | None:
    """Write a configuration (JSON is YAML), its devices over several files, and load it; None when it is wrong."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "devices.d").mkdir()
        (directory / "rules.d").mkdir()
        (directory / "cityward.yaml").write_text(json.dumps(GATEWAY))
        for number in range(files):
            part = {"defaults": {"crs": "gcj02"}, "devices": devices[number::files]}
            (directory / "devices.d" / f"{number}.yaml").write_text(json.dumps(part, ensure_ascii=False))
        (directory / "rules.d" / "all.yaml").write_text(json.dumps({"rules": rules}, ensure_ascii=False))
        return load(directory).compiled


@settings(max_examples=60, deadline=None)
@given(st.lists(DEVICE, max_size=8), st.lists(KINDS_OF_RULES, max_size=5))
def test_what_goes_into_the_book_comes_out_the_same(drawn: list[dict[str, Any]], kinds: list[dict[str, Any]]) -> None:
    devices = []
    for number, one in enumerate(drawn):
        kind = one.pop("kind")
        devices.append({"id": f"d-{number}", **kind(number), **one})
    families = {"parking": "bosch-tps110", "manhole": "dingtek-dc41x"}
    models = {device["model"] for device in devices}
    rules = [
        {"id": f"r-{number}", **kind, **GUIDANCE}
        for number, kind in enumerate(kinds)
        if kind["kind"] == "silence" or families.get(kind["for"]["family"], "hj212-dust") in models
    ]
    found = compiled(devices, rules)
    assert found is not None
    registry, ruleset = decode(encode(found.registry, found.ruleset))
    assert registry == found.registry
    assert ruleset == found.ruleset
    assert compiled_hash(registry, ruleset) == found.hash
    other = compiled(devices[::-1], rules[::-1], files=3)
    assert other is not None
    assert other.hash == found.hash, "the order and number of files mean nothing"


def test_a_blob_of_another_version_is_refused() -> None:
    found = compiled([{"id": "a", "model": "bosch-tps110", "address": f"eui:{1:016x}", "interval": "1 h"}], [])
    assert found is not None
    blob = encode(found.registry, found.ruleset)
    with pytest.raises(msgspec.ValidationError, match="bosch-tps119"):
        decode(blob.replace(b"bosch-tps110", b"bosch-tps119"))
