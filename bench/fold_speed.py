"""CPU of `Fold.take` a message, for plain JSON and for ChirpStack with a binary model. `python -m bench.fold_speed`.

10,000 devices, one message each 10 s, in batches of 500, InfluxDB lines asked for; 500 of the devices with all their
quantities in minute windows (day means), the others with 4 rules each; 0.5 % duplicates, 0.5 % late, 2 % over a limit.
Beside it in the same run: a fixed loop over msgspec, so that machines can be compared (bench/gate).
"""

import base64
import gc
import json
import random
import sys
from collections.abc import Callable, Sequence
from time import process_time

import msgspec
from msgspec import Struct

from devices.frames import Batch, Frame
from devices.instants import rfc3339
from devices.models.dingtek_dc41x import MODEL as COVER_MODEL
from devices.models.dingtek_dc41x import Cover
from devices.models.plain import PlainOptions, TimeMember
from devices.registry import Device, Registry, Route, Source
from rules.fold import Fold
from rules.kinds.day_mean import DayMean
from rules.kinds.silence import Silence
from rules.kinds.state import State
from rules.kinds.threshold import Threshold
from rules.packs import DatedLimit
from rules.records import Config, Outcome, Record, Status, Text
from rules.ruleset import Rule, RuleSet, Scope

DEVICES, STATIONS, EVERY_MS, BATCH = 10_000, 500, 10_000, 500
START_MS = 1_795_000_000_000
ROUNDS = 10  # messages of each device that are measured; the one before them is not
LIMIT = (DatedLimit(from_date="2020-01-01", value=75.0, name="limit"),)
AIR = PlainOptions(
    family="dust",
    fields={
        "pm25": "pm25_ug_m3", "pm10": "pm10_ug_m3", "no2": "no2_ppm", "temp": "temperature_c", "hum": "humidity_pct",
        "bat": "battery_v",
    },
    time=TimeMember(field="t", unit="s"),
)  # fmt: skip
SOURCE = Source(
    name="lora", kind="mqtt", subject="broker:lora",
    routes=(
        Route(filter="application/+/device/+/event/up", envelope="chirpstack-v4"),
        Route(filter="air/+/up", envelope="plain", address="topic 2"),
    ),
)  # fmt: skip

Traffic = tuple[Registry, RuleSet, list[Batch]]


def _rule(name: str, kind: str, settings: Struct, scope: Scope) -> Rule:
    text = Text("{name} {value}", "{name} {value}")
    return Rule(
        id=name, kind=kind, scope=scope, settings=settings, priority=2, text=text, cause=text, consequence=text,
        action=text, respond_within_ms=3_600_000,
    )  # fmt: skip


def _rules(family: str, means: Sequence[str], live: Sequence[tuple[str, Struct]]) -> RuleSet:
    everyone, stations = Scope(family=family), Scope(labels={"kind": "station"})
    rules = [_rule("silence", "silence", Silence(intervals=None, after_ms=1_800_000), everyone)]
    rules += [_rule(f"live-{n}", kind, settings, everyone) for n, (kind, settings) in enumerate(live)]
    rules += [_rule(f"day-{q}", "day_mean", DayMean(quantity=q, limits=LIMIT), stations) for q in means]
    return RuleSet(tuple(sorted(rules, key=lambda rule: rule.id)))


def _devices(model: str, family: str, options: object, address: Callable[[int], str]) -> tuple[Device, ...]:
    return tuple(
        Device(
            id=f"{family}-{n:05}", model=model, family=family, address=address(n), site=f"site {n % 100}",
            district="鼓楼区", interval_ms=EVERY_MS, options=options, via=("lora",),
            labels={"kind": "station"} if n < STATIONS else {},
        )
        for n in range(DEVICES)
    )  # fmt: skip


def _batches(say: Callable[[random.Random, int, int, int, bool], Frame], rounds: int, start_ms: int) -> list[Batch]:
    """say: (dice, device, number of the message, its time, over the limit?) -> frame."""
    dice = random.Random(20261124)
    batches: list[Batch] = []
    frames: list[Frame] = []
    for number in range(rounds):
        for device in range(DEVICES):
            at_ms = start_ms + number * EVERY_MS + device * EVERY_MS // DEVICES
            luck = dice.random()
            if luck < 0.005 and number and frames:
                frames.append(frames[-1])
            late_ms = 3_600_000 if 0.005 < luck < 0.01 and number else 0
            frames.append(say(dice, device, number, at_ms - late_ms - dice.randrange(900), luck > 0.98))
            if len(frames) >= BATCH:
                batches.append(Batch("lora", at_ms, frames))
                frames = []
    return batches


def plain(rounds: int = ROUNDS + 1, start_ms: int = START_MS) -> Traffic:
    """Make plain JSON of 121 bytes: six quantities, the device's own time; so many messages of each device."""

    def say(dice: random.Random, device: int, number: int, at_ms: int, over: bool) -> Frame:  # noqa: FBT001 - a draw
        message = {
            "t": at_ms / 1000, "pm25": round(dice.uniform(80, 99) if over else dice.uniform(5, 70), 1),
            "pm10": round(dice.uniform(10, 140), 1), "no2": round(dice.uniform(0, 0.2), 3),
            "temp": round(dice.uniform(-5, 35), 1), "hum": round(dice.uniform(20, 99), 1),
            "bat": round(dice.uniform(3, 4), 2), "fw": "1.4.2", "up": number * 10,
        }  # fmt: skip
        return b"air/%05d/up" % device, json.dumps(message, separators=(",", ":")).encode(), b""

    quantities = [str(quantity) for quantity in AIR.fields.values()]
    live: list[tuple[str, Struct]] = [
        ("threshold", Threshold(quantity="pm25_ug_m3", above=75, on_delay_ms=300_000)),
        ("threshold", Threshold(quantity="pm10_ug_m3", above=150, at_least=2, of=2)),
        ("threshold", Threshold(quantity="battery_v", below=3)),
    ]
    devices = _devices("plain", "dust", AIR, lambda n: f"topic:lora/{n:05}")
    registry = Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(SOURCE,), devices=devices, influx=True)
    return registry, _rules("dust", quantities, live), _batches(say, rounds, start_ms)


def chirpstack(rounds: int = ROUNDS + 1, start_ms: int = START_MS) -> Traffic:
    """Make ChirpStack v4 with a manhole cover of 17 bytes inside; so many messages of each device."""

    def say(dice: random.Random, device: int, number: int, at_ms: int, over: bool) -> Frame:  # noqa: FBT001 - a draw
        values = Cover(
            tilt_deg=float(20 if over else dice.randrange(10)),
            distance_mm=float(dice.randrange(500, 4000)),
            temperature_c=12.0,
        )
        port, data = COVER_MODEL.encode(values, None)
        eui = f"24e12412{device:08x}"
        message = {
            "deduplicationId": f"{dice.getrandbits(64):016x}-{dice.getrandbits(64):016x}",
            "time": rfc3339(at_ms).replace("Z", "123456+00:00"),
            "deviceInfo": {
                "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tenantName": "ChirpStack",
                "applicationId": "ca739e26-7b67-4f14-b69e-d568c22a5a75", "applicationName": "Manholes",
                "deviceProfileId": "605d08d4-65f5-4d2c-8a5a-3d2457662f79", "deviceProfileName": "DC410",
                "deviceName": f"cover {device}", "devEui": eui, "tags": {"owner": "water"},
            },
            "devAddr": f"00{device:06x}", "adr": True, "dr": 5, "fCnt": number + 1, "fPort": port, "confirmed": False,
            "data": base64.b64encode(data).decode(),
            "rxInfo": [
                {"gatewayId": "0016c001f1500812", "uplinkId": dice.getrandbits(32), "rssi": -dice.randrange(60, 120),
                 "snr": round(dice.uniform(-10, 10), 1), "channel": 2, "rfChain": 1, "location": {},
                 "context": "EFwMtA==", "metadata": {"region_common_name": "CN470", "region_config_id": "cn470_10"},
                 "crcStatus": "CRC_OK"}
            ],
            "txInfo": {
                "frequency": 486300000,
                "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
            },
        }  # fmt: skip
        topic = f"application/ca739e26-7b67-4f14-b69e-d568c22a5a75/device/{eui}/event/up"
        return topic.encode(), json.dumps(message, separators=(",", ":")).encode(), b""

    live: list[tuple[str, Struct]] = [
        ("threshold", Threshold(quantity="tilt_deg", above=15, at_least=2, of=2, once=30)),
        ("state", State(quantity="moved", value=True)),
        ("state", State(quantity="level_alarm", value=True)),
    ]
    devices = _devices("dingtek-dc41x", "manhole", COVER_MODEL.options(), lambda n: f"eui:24e12412{n:08x}")
    registry = Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(SOURCE,), devices=devices, influx=True)
    return (
        registry,
        _rules("manhole", ("tilt_deg", "distance_mm", "temperature_c"), live),
        _batches(say, rounds, start_ms),
    )


class _Wire(Struct):
    pm25: float
    pm10: float
    t: float


def fixed_loop() -> float:
    """Take the CPU µs of a message through a loop that never changes: decode, look up, encode, format."""
    payload = b'{"t":1795000000.123,"pm25":35.5,"pm10":70.25,"no2":0.031,"temp":21.5,"hum":55.0,"bat":3.61}'
    decode, encode = msgspec.json.Decoder(_Wire).decode, msgspec.json.Encoder().encode
    known = {b"%d" % n: n for n in range(10_000)}
    out: list[bytes] = []
    began = process_time()
    for n in range(100_000):
        wire = decode(payload)
        place = known.get(b"%d" % (n % 10_000))
        out.append(b"%d %s %d" % (place or 0, encode(wire), int(wire.t * 1000)))
    return (process_time() - began) * 1e6 / len(out)


def once(traffic: Traffic) -> tuple[float, list[Outcome]]:
    """Take all batches with a fresh fold; return CPU µs a message, and what was made."""
    registry, ruleset, batches = traffic
    fold = Fold(lambda _hash: (registry, ruleset))
    sequence = 1
    before: list[Record] = [
        Config(at_ms=START_MS - 1000, hash="bench"),
        Status(at_ms=START_MS - 900, subject="broker:lora", kind="link", data={"up": True, "why": ""}),
        *batches[: DEVICES // BATCH],
    ]
    for record in before:
        sequence = fold.take(sequence, [record]).last + 1
    measured = batches[DEVICES // BATCH :]
    outcomes, first = [], sequence
    gc.collect()
    taken = 0.0
    for batch in measured:
        arrived = _as_it_arrives(batch)
        began = process_time()
        outcomes.append(fold.take(sequence, [arrived]))
        taken += process_time() - began
        sequence = outcomes[-1].last + 1
    return taken * 1e6 / (sequence - first), outcomes


def _as_it_arrives(batch: Batch) -> Batch:
    """Make the bytes anew, for what a source hands over it has just read: it is no 100 MB away."""
    frames = [(bytes(bytearray(place)), bytes(bytearray(payload)), note) for place, payload, note in batch.frames]
    return Batch(batch.source, batch.at_ms, frames)


def best(traffic: Traffic, runs: int) -> float:
    """Return the least of several runs: what the machine can do when nobody disturbs it."""
    return min(once(traffic)[0] for _ in range(runs))


def main() -> None:
    """Print what is measured."""
    print(f"python {sys.version.split()[0]} {sys.executable}")
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    loop = min(fixed_loop() for _ in range(runs))
    print(f"fixed loop  {loop:.3f} µs")
    for make in (plain, chirpstack):
        traffic = make()
        frames = [frame for batch in traffic[2] for frame in batch.frames]
        _, outcomes = once(traffic)
        lines, events = sum(len(o.lines) for o in outcomes), sum(len(o.events) for o in outcomes)
        us = best(traffic, runs)
        print(
            f"{make.__name__:11} {us:.3f} µs, {us / loop:.2f} loops;"
            f" {len(frames[0][1])} bytes, {lines} lines, {events} events"
        )


if __name__ == "__main__":
    main()
