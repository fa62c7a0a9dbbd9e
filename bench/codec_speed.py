"""CPU of every model and envelope for each frame; returns 1 when one is above 15 µs. See bench/models."""

import sys
from collections.abc import Callable
from time import process_time
from typing import Any

import bench.messages
from devices import catalogue
from devices.envelopes import Envelope, Uplink
from devices.models import Model
from devices.models.dingtek_dc41x import MODEL as COVER
from devices.models.plain import MODEL as PLAIN
from devices.models.plain import PlainOptions
from devices.readings import Facts, Refusal, range_check
from tests.devices.captures import Capture, captures

LIMIT_US = 15.0
LOOPS, RUNS = 2_000, 5
BARE = {"hj212": "hj212-dust", "modbus": "modbus-dust", "line": "plantower-pms"}  # nothing round the model's frames
WELL = PlainOptions(fields={"tilt": "tilt_deg"})
FRAME = bytes.fromhex("800001021106a40016010000000481e081")


def cpu_us(call: Callable[..., object], *arguments: Any) -> float:  # noqa: ANN401 - of any call
    """Return the CPU µs of one call, the best of some runs."""
    best = float("inf")
    for _ in range(RUNS):
        began = process_time()
        for _ in range(LOOPS):
            call(*arguments)
        best = min(best, process_time() - began)
    return best / LOOPS * 1e6


def reading(capture: Capture) -> Callable[[], bool]:
    """Make what the daemon does with a frame: decode it and see whether every value is sane."""
    decode, payload, port, options = capture.model.decode, capture.payload, capture.port, capture.options

    def read() -> bool:
        said = decode(payload, port, options)
        if isinstance(said, list):
            return all(range_check(type(values))(values) for _, values, _ in said)
        return isinstance(said, Facts) or range_check(type(said))(said)

    return read


def of_model(model: Model, frames: list[Capture]) -> tuple[str, float]:
    """Return a row of the table, and the mean over all captures that are read."""
    taken = {capture.note: cpu_us(reading(capture)) for capture in frames}
    slowest = max(taken, key=taken.__getitem__)
    mean = sum(taken.values()) / len(taken)
    return f"| `{model.id}` | {len(taken)} | {mean:.1f} | {taken[slowest]:.1f} | {slowest} |", mean


def of_envelope(envelope: Envelope) -> tuple[str, float]:
    """Return a row of the table, and the way with care, which is the slower one."""
    if envelope.id in BARE:
        topic = b"gate/3"
        message = next(c.payload for c in captures() if c.model.id == BARE[envelope.id] and c.expect)
    else:
        topic, message = bench.messages.message(envelope.id, FRAME)
    opened = envelope.open(topic, message)
    if not isinstance(opened, Uplink):
        raise SystemExit(f"{envelope.id} does not open the message of bench/messages.py: {opened}")
    careful = cpu_us(envelope.open, topic, message)
    quick = "" if envelope.bind is None else _quick(envelope, message)
    return f"| `{envelope.id}` | {len(message)} | {careful:.1f} | {quick} |", careful


def _quick(envelope: Envelope, message: bytes) -> str:
    assert envelope.bind is not None
    model, options = (PLAIN, WELL) if envelope.id == "plain" else (COVER, COVER.options())
    call = envelope.bind(model, options)
    try:
        said = call(message)
    except ValueError:
        return ""
    return "" if isinstance(said[2], Refusal) else f"{cpu_us(call, message):.1f}"


def main() -> int:
    """Print both tables; return 1 when something is above the limit."""
    slow: list[str] = []
    print("| model | frames | µs, mean | µs, slowest | which |\n|---|---|---|---|---|")
    for model in catalogue.MODELS.values():
        frames = [capture for capture in captures() if capture.model is model and not capture.refuse]
        if not frames:
            raise SystemExit(f"{model.id} has no captures")
        row, mean = of_model(model, frames)
        print(row)
        slow += [f"{model.id}: {mean:.1f} µs"] if mean > LIMIT_US else []
    print("\n| envelope | bytes | µs, with care | µs, in one step with its model |\n|---|---|---|---|")
    for name in catalogue.ENVELOPES:
        envelope = catalogue.envelope(name, "field dev" if name == "plain" else "")
        row, careful = of_envelope(envelope)
        print(row)
        slow += [f"{name}: {careful:.1f} µs"] if careful > LIMIT_US else []
    for each in slow:
        print(f"above {LIMIT_US} µs: {each}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
