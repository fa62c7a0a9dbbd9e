"""Where the fold's memory is, without broker and disk. `python -m bench.fold_memory`.

10,000 devices with four rules each; 500 of them stations with six minute-series that are full for 50 h, each minute a
reading; all other devices have said more than is remembered of them. A first process makes that and its snapshot; a
second one, the interpreter that users have, restores it, takes ten more messages of each device, and tells its resident
memory at each step.
"""

import ctypes
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.fold_speed import BATCH, DEVICES, STATIONS, plain
from bench.gateway import ROOT, debian_python
from bench.process import peak_mb, rss_mb
from config import blob
from devices.frames import Batch, Frame
from rules import sections
from rules.fold import Fold
from rules.records import Config, Record, Status
from store import snapshot
from store.fs import OsFs

HOURS, MINUTE_MS = 50, 60_000
OTHERS_EVERY = 20  # minutes between two messages of a device that is no station: 150 of each


def past(end_ms: int) -> Iterator[Batch]:
    """Give 50 hours of messages that end then."""
    dice = random.Random(20261124)
    tails = [
        json.dumps(
            {
                "pm25": round(dice.uniform(5, 70), 1), "pm10": round(dice.uniform(10, 140), 1),
                "no2": round(dice.uniform(0, 0.2), 3), "temp": round(dice.uniform(-5, 35), 1),
                "hum": round(dice.uniform(20, 99), 1), "bat": round(dice.uniform(3.2, 4), 2), "fw": "1.4.2",
            },
            separators=(",", ":"),
        ).encode()[1:]
        for _ in range(4999)
    ]  # fmt: skip

    def frame(device: int, at_ms: int) -> Frame:
        return b"air/%05d/up" % device, b'{"t":%d,%s' % (at_ms // 1000, dice.choice(tails)), b""

    for minute in range(HOURS * 60):
        at_ms = end_ms - (HOURS * 60 - minute) * MINUTE_MS
        others = range(STATIONS + minute % OTHERS_EVERY, DEVICES, OTHERS_EVERY)
        frames = [frame(device, at_ms) for device in (*range(STATIONS), *others)]
        for first in range(0, len(frames), BATCH):
            yield Batch("lora", at_ms, frames[first : first + BATCH])


def fill(folder: Path) -> None:
    """Make the snapshot, and what comes after it."""
    registry, ruleset, _ = plain(1)
    (folder / "config").write_bytes(blob.encode(registry, ruleset))
    now_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    fold = Fold(lambda _hash: (registry, ruleset))
    begins_ms = now_ms - HOURS * 60 * MINUTE_MS
    before: list[Record] = [
        Config(at_ms=begins_ms - 1000, hash="bench"),
        Status(at_ms=begins_ms - 900, subject="broker:lora", kind="link", data={"up": True, "why": ""}),
    ]
    sequence = fold.take(1, before).last + 1
    for batch in past(now_ms):
        sequence = fold.take(sequence, [batch]).last + 1
    snapshot.write(OsFs(), folder / "snapshot", sequence - 1, sections.write(fold))
    (folder / "now").write_text(str(now_ms))


def trim() -> None:
    """As the daemon does once it has started (commands/daemon.py)."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    ctypes.CDLL(None).malloc_trim(0)


def look(folder: Path) -> dict[str, float]:
    """Restore and go on; return MB at each step."""
    pid = os.getpid()
    trim()
    found = {"libraries": rss_mb(pid)}
    configuration = blob.decode((folder / "config").read_bytes())
    trim()
    found["configuration"] = rss_mb(pid)
    fold = Fold(lambda _hash: configuration)
    began = time.monotonic()
    read = snapshot.read(OsFs(), folder / "snapshot")
    assert read is not None
    missing = sections.read(fold, read[1])
    assert not missing, missing
    took_s = time.monotonic() - began
    found["restored, not trimmed"], found["peak"] = rss_mb(pid), peak_mb(pid)
    sequence = read[0] + 1
    del read
    trim()
    found["restored"] = rss_mb(pid)
    _, _, batches = plain(11, int((folder / "now").read_text()) + MINUTE_MS)
    generated = rss_mb(pid)
    for batch in batches:
        sequence = fold.take(sequence, [batch]).last + 1
    found["after 110,000 messages"] = found["restored"] + rss_mb(pid) - generated
    generated = rss_mb(pid)
    began_write = time.monotonic()
    parts = sections.write(fold)
    took_write_s = time.monotonic() - began_write
    found["while a snapshot is written"] = found["after 110,000 messages"] + rss_mb(pid) - generated
    for name, (_, content) in parts.items():
        found[f"snapshot: {name}"] = sum(map(len, content)) / 1e6
    return found | {"s to restore": took_s, "s to write": took_write_s}


def main() -> None:
    """Fill, then look from a process of its own."""
    if len(sys.argv) > 1:
        print(json.dumps(look(Path(sys.argv[1]))))
        return
    python, environment = debian_python()
    with tempfile.TemporaryDirectory(prefix="cityward-memory-") as name:
        fill(Path(name))
        said = subprocess.run(
            [python, "-m", "bench.fold_memory", name], cwd=ROOT, env=os.environ | environment, check=True,
            stdout=subprocess.PIPE,
        ).stdout  # fmt: skip
    found = json.loads(said)
    for step, value in found.items():
        print(f"{step:32} {value:8.2f}")
    part = found["after 110,000 messages"] - found["configuration"]
    print(f"{'the fold':32} {part:8.2f}")


if __name__ == "__main__":
    main()
