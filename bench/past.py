"""A child of the bench: 50 hours of 500 stations through the replay source, or a restart without a snapshot.

    python -m bench.past fill ETC       one message each 5 min; every window is touched
    python -m bench.past restore ETC    how fast the journal is folded again

Prints JSON: messages, the seconds they took, and the CPU seconds, which other work on the machine disturbs less.
"""

import json
import random
import sys
import time
from pathlib import Path

from bench.fold_speed import STATIONS
from commands.daemon import Daemon
from config.accepted import Start
from config.compiled import Compiled
from devices.frames import Batch, Frame
from ingest.sources.replay import Replay
from ingest.start import restore
from ingest.stores import open_stores
from store.fs import OsFs

HOURS, EVERY_MS = 50, 300_000
AGO_MS = 600_000  # the past ends so long ago: what is measured later must not be older


def fill(compiled: Compiled) -> tuple[int, float]:
    """Replay the past into a new state directory."""
    dice = random.Random(20261124)
    steps = HOURS * 3_600_000 // EVERY_MS
    begins_ms = time.time_ns() // 1_000_000 - AGO_MS - steps * EVERY_MS
    batches = [
        Batch("lora", at_ms, [_frame(dice, station, at_ms) for station in range(STATIONS)])
        for at_ms in range(begins_ms, begins_ms + steps * EVERY_MS, EVERY_MS)
    ]
    took_s = 0.0

    def told(done: int) -> None:
        nonlocal took_s
        if done == len(batches):
            took_s = time.monotonic() - began

    daemon = Daemon(compiled, None)
    began = time.monotonic()
    daemon.start(Replay(batches, begins_ms, told))
    daemon.stop()
    return len(batches) * STATIONS, took_s


def _frame(dice: random.Random, station: int, at_ms: int) -> Frame:
    message = {
        "t": at_ms / 1000, "pm25": round(dice.uniform(5, 70), 1), "pm10": round(dice.uniform(10, 140), 1),
        "no2": round(dice.uniform(0, 0.2), 3), "temp": round(dice.uniform(-5, 35), 1),
        "hum": round(dice.uniform(20, 99), 1), "bat": round(dice.uniform(3, 4), 2), "fw": "1.4.2", "up": 1,
    }  # fmt: skip
    return b"air/%05d/up" % station, json.dumps(message, separators=(",", ":")).encode(), b""


def again(compiled: Compiled) -> tuple[int, float]:
    """Fold the journal again, from its beginning; there must be no snapshot."""
    settings = compiled.settings
    stores = open_stores(
        OsFs(), settings.state, journal_bytes=settings.budgets.journal, inbox_bytes=settings.budgets.inbox
    )
    began = time.monotonic()
    fold, _ = restore(stores, lambda _hash: (compiled.registry, compiled.ruleset), [])
    took_s = time.monotonic() - began
    stores.crashes.end()
    stores.close()
    return sum(door.received for door in fold.memory.world.reception.doors.values()), took_s


def main() -> None:
    """Do what is asked."""
    compiled, problems = Start(Path(sys.argv[2])).result()  # as the daemon: the next start finds the files unchanged
    assert compiled is not None, problems
    sys.setswitchinterval(0.0005)
    began_s = time.process_time()
    messages, took_s = {"fill": fill, "restore": again}[sys.argv[1]](compiled)
    print(json.dumps({"messages": messages, "s": took_s, "cpu_s": time.process_time() - began_s}))


if __name__ == "__main__":
    main()
