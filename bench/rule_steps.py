"""CPU of one step of each kind of rule that judges readings. `python -m bench.rule_steps`.

A simple rule (one value, a few numbers of memory) may take 3 µs; kinds that look back over an hour may take more, and
run only for devices that somebody wrote such a rule for.
"""

from collections.abc import Callable
from time import process_time
from typing import Any

from msgspec import Struct

from rules import bays
from rules.kinds import implausible, magnetic, state, stuck, tamper, threshold, tilt
from rules.verdicts import Kind, Live, Together

STEPS, RUNS, MINUTE_MS = 3000, 5, 60_000
SIMPLE_US = 3.0


def _live(value: Callable[[int], float]) -> list[Live]:
    return [Live(n * MINUTE_MS, value(n)) for n in range(STEPS)]


def _together(*values: Callable[[int], float]) -> list[Together]:
    return [Together(n * MINUTE_MS, tuple(value(n) for value in values), 0) for n in range(STEPS)]


def _dust(n: int) -> float:
    return 80.0 + n % 7


def _at(value: float) -> Callable[[int], float]:
    return lambda _: value


BAY_FIELD = magnetic.Magnetic(quantity="magnetic_z_counts", vehicle=100, drift=50)
FIELD = [_at(value) for value in (1.0, 2.0, 400.0, 1.0, 2.0, 400.0, 0.0)]
SIMPLE: list[tuple[str, Kind, Struct, list[Any]]] = [
    ("state", state.KIND, state.State(quantity="q", value=True), _live(lambda n: n % 2)),
    ("threshold", threshold.KIND, threshold.Threshold(quantity="q", above=85, at_least=2, of=3), _live(_dust)),
    ("stuck", stuck.KIND, stuck.Stuck(quantity="q", after_ms=30 * MINUTE_MS), _live(_dust)),
    ("tilt", tilt.KIND, tilt.Tilt(quantity="q", above=15, clear=5, at_least=2, of=2), _live(lambda n: 2.0 + n % 3)),
    ("bay", bays.KIND, bays.BaySettings(), _live(lambda n: n % 2)),
    ("range", implausible.KIND, implausible.Implausible(quantity="q", low=0, high=1000), _together(_dust)),
    ("order", implausible.KIND, implausible.Implausible(quantity="q", at_most=("b",)), _together(_dust, _at(90.0))),
]
OTHERS: list[tuple[str, Kind, Struct, list[Any]]] = [
    ("spike, unit", implausible.KIND, implausible.Implausible(quantity="q", spike=200, unit=True), _together(_dust)),
    ("tamper", tamper.KIND, tamper.Tamper(quantity="q", limit=500), _together(_dust, _at(50.0))),
    ("magnetic", magnetic.KIND, BAY_FIELD, _together(*FIELD)),
]  # fmt: skip


def step_us(kind: Kind, settings: Struct, given: list[Any]) -> float:
    """Return the least CPU µs a step of several runs, after a tenth of the steps."""
    best, warm = float("inf"), STEPS // 10
    for _ in range(RUNS):
        memory = kind.start
        for one in given[:warm]:
            memory = kind.step(memory, one, settings, MINUTE_MS).memory
        began = process_time()
        for one in given[warm:]:
            memory = kind.step(memory, one, settings, MINUTE_MS).memory
        best = min(best, process_time() - began)
    return best * 1e6 / (STEPS - warm)


def main() -> int:
    """Print all; return 1 when a simple rule takes too long."""
    slow = 0
    for name, kind, settings, given in (*SIMPLE, *OTHERS):
        us = step_us(kind, settings, given)
        simple = any(name == each[0] for each in SIMPLE)
        slow += simple and us > SIMPLE_US
        print(f"{name:12} {us:5.2f} µs{f'  (at most {SIMPLE_US:g})' if simple else ''}")
    return int(slow > 0)


if __name__ == "__main__":
    raise SystemExit(main())
