"""The gate: CPU of `Fold.take` as a ratio to a fixed msgspec loop in the same run, best of 5. See bench/gate."""

import json
import sys
from pathlib import Path

from bench.fold_speed import chirpstack, fixed_loop, once, plain

STORED = Path(__file__).with_name("gate.json")
RUNS = 5
RED = 1.3


def measure() -> dict[str, float]:
    """Return loops for each message, by traffic; loop and traffic take turns, so that both see the same machine."""
    ratios = {}
    for make in (plain, chirpstack):
        traffic = make()
        loops, takes = [], []
        for _ in range(RUNS):
            loops.append(fixed_loop())
            takes.append(once(traffic)[0])
        took, loop = min(takes), min(loops)
        ratios[make.__name__] = round(took / loop, 2)
        print(f"{make.__name__:11} {took:.2f} µs a message, {took / loop:.2f} loops of {loop:.2f} µs")
    return ratios


def main() -> int:
    """Compare, or store; return 1 when something has become slow."""
    ratios = measure()
    if sys.argv[1:] == ["--store"]:
        STORED.write_text(json.dumps(ratios) + "\n")
        return 0
    stored: dict[str, float] = json.loads(STORED.read_text())
    slow = {name: ratio for name, ratio in ratios.items() if ratio > RED * stored[name]}
    for name, ratio in slow.items():
        print(f"{name} has become slow: {ratio:.2f} loops a message, red above {RED} times {stored[name]:.2f}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
