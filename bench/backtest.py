"""A backtest of 30 days of 100 dust stations, one message a minute: from the archive, and from the journal.

    python -m bench.backtest [--days 30] [--stations 100] [--keep DIR]

Prints JSON: readings, bytes of a reading in archive and journal, seconds of the command from typing to the prompt.
Goals: 4.3 million readings in 30 s from the archive, 120 s from the journal; 500 stations × 180 days in 3 GB.
"""

import argparse
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.process import machine
from config import blob
from config.check import load
from devices.frames import Batch
from rules.past import Row
from rules.records import Config, Record, Status
from store import archive
from store.book import Book
from store.fs import OsFs
from store.journal import Journal

START_MS = 1_790_784_000_000  # 2026-10-01 in Shanghai
MINUTE_MS, DAY_MS = 60_000, 86_400_000
QUANTITIES = ("pm25_ug_m3", "pm10_ug_m3", "noise_db", "temperature_c", "humidity_pct", "wind_speed_m_s")
SHORT = ("pm25", "pm10", "noise", "temp", "hum", "wind")
SENTENCE = "{zh: 扬尘, en: Dust}"
COMMON = f"""
    text: {{zh: "{{name}} {{value}}", en: "{{name}} {{value}}"}}
    cause: {SENTENCE}
    consequence: {SENTENCE}
    action: {SENTENCE}
    respond_within: 1 h
"""
RULES = (
    ("pm10-now", "kind: threshold, quantity: pm10_ug_m3, above: {}, clear: 150, after: 5 min, basis: reference"),
    ("noise-now", "kind: threshold, quantity: noise_db, above: 85, at_least: 3 of 5, basis: reference"),
    ("pm10-hour", "kind: hour_mean, quantity: pm10_ug_m3, limit: 150, basis: reference"),
    ("pm10-day", "kind: day_mean, quantity: pm10_ug_m3, limit: 150, basis: reference"),
    ("pm25-day", "kind: day_mean, quantity: pm25_ug_m3, limit: 75, basis: reference"),
    ("silent", "kind: silence, after: 10 min"),
)


def write_files(directory: Path, stations: int, limit: int) -> Path:
    """Write a configuration; limit: of PM10 now."""
    (directory / "devices.d").mkdir(parents=True)
    (directory / "rules.d").mkdir()
    (directory / "cityward.yaml").write_text(
        "gateway: {id: bench, time_zone: Asia/Shanghai}\n"
        f"state: {directory / 'state'}\n"
        "budgets: {journal: 64 GiB}\n"
        "sources: {mqtt: [{name: lora, url: 'mqtts://b.example', topics: "
        "[{filter: air/+/up, envelope: plain, address: topic 2}]}]}\n"
    )
    fields = ", ".join(f"{short}: {quantity}" for short, quantity in zip(SHORT, QUANTITIES, strict=True))
    devices = "".join(f"  - {{id: dust-{n:03}, address: 'topic:lora/{n:03}'}}\n" for n in range(stations))
    (directory / "devices.d" / "all.yaml").write_text(
        "defaults:\n  model: plain\n  interval: 1 min\n"
        f"  options: {{family: dust, fields: {{{fields}}}, time: {{field: t, unit: ms}}}}\ndevices:\n{devices}"
    )
    rules = "".join(
        f"  - id: {name}\n    for: {{family: dust}}\n    priority: 3\n    "
        + settings.format(limit).replace(", ", "\n    ")
        + COMMON
        for name, settings in RULES
    )
    (directory / "rules.d" / "all.yaml").write_text(f"rules:\n{rules}")
    return directory


def street(stations: int, days: int) -> Iterator[tuple[int, list[tuple[int, list[float]]]]]:
    """Yield each minute with what every station says: (its time, values); dust comes and goes as it does on a site."""
    dice = random.Random(20261124)
    level = [dice.uniform(40, 90) for _ in range(stations)]
    for minute in range(days * 1440):
        at_ms = START_MS + minute * MINUTE_MS
        day = math.sin(minute / 1440 * math.tau)
        said = []
        for n in range(stations):
            level[n] += (70 + 30 * day - level[n]) * 0.02 + dice.gauss(0, 5) + (80 if dice.random() < 0.0005 else 0)
            pm10 = max(level[n], 3.0)
            values = [
                round(pm10 * 0.5, 1), round(pm10, 1), round(62 + 8 * day + dice.gauss(0, 3), 1),
                round(15 + 6 * day + dice.gauss(0, 0.1), 1), round(55 - 20 * day + dice.gauss(0, 0.3), 1),
                round(abs(dice.gauss(2, 1)), 1),
            ]  # fmt: skip
            said.append((at_ms + n * 137 % 2000 - 900, values))
        yield at_ms + 2000, said


def fill(directory: Path, state: Path, stations: int, days: int) -> tuple[int, int, int]:
    """Write archive and journal of the same readings; return readings, bytes of the archive and of the journal."""
    compiled = load(directory).compiled
    assert compiled is not None
    book = Book(state / "book.sqlite")
    book.accept(compiled.hash, blob.encode(compiled.registry, compiled.ruleset))
    book.close()
    journal = Journal(OsFs(), state / "journal", 64 << 30)
    first: list[Record] = [
        Status(at_ms=START_MS, subject="gateway", kind="started"),
        Config(at_ms=START_MS, hash=compiled.hash),
        Status(at_ms=START_MS, subject="broker:lora", kind="link", data={"up": True, "why": ""}),
    ]
    sequence = journal.reserve(first)
    journal.append(sequence, list(enumerate(first, sequence)))
    writer, readings = archive.Writer(state / "archive"), 0
    for minute, (at_ms, said) in enumerate(street(stations, days)):
        date = time.strftime("%Y-%m-%d", time.gmtime(at_ms / 1000 + 8 * 3600))
        path, columns = writer.columns(date, "dust", QUANTITIES)
        frames = []
        for n, (t_ms, values) in enumerate(said):
            message = dict(zip(SHORT, values, strict=True)) | {"t": t_ms}
            frames.append((b"air/%03d/up" % n, json.dumps(message, separators=(",", ":")).encode(), b""))
            fields = {name: repr(value) for name, value in zip(QUANTITIES, values, strict=True)}
            flags = "rh_suspect" if values[4] >= 85 else None
            writer.line(path, archive.line_of(Row(at_ms, f"dust-{n:03}", t_ms, None, flags), fields, columns))
        batch = Batch("lora", at_ms, frames)
        journal.append(journal.reserve([batch]), [(journal.next - len(frames), batch)])
        readings += len(frames)
        if minute % 60 == 59:
            journal.commit()
            writer.close()
    journal.commit()
    writer.close()
    used = sum(each.end for each in journal.log.segments)
    journal.close()
    return readings, archive.size(state / "archive"), used


def backtest(directory: Path, against: Path, source: str, days: int) -> tuple[float, float, str]:
    """Run the command; return seconds, CPU seconds and what it says."""
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    to = time.strftime("%Y-%m-%d", time.gmtime(START_MS / 1000 + 8 * 3600 + days * 86_400))
    done = subprocess.run(
        [sys.executable, "run_daemon.py", "backtest", "--rules", str(against), "--directory", str(directory),
         "--from", "2026-10-01", "--to", to, "--source", source, "--json"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return time.monotonic() - began, cpu_s, done.stdout


def main() -> None:
    """Print what is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--stations", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="Where the data are, or are to be; else they go.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = asked.keep or Path(temporary) / "etc"
        state, counts = directory / "state", directory / "counts.json"
        if not counts.exists():
            write_files(directory, asked.stations, 250)
            counts.write_text(json.dumps(fill(directory, state, asked.stations, asked.days)))
        readings, archived, journaled = json.loads(counts.read_text())
        found = {"machine": machine(), "load_before": os.getloadavg()[0], "readings": readings}
        found["archive_bytes_a_reading"] = archived / readings
        found["journal_bytes_a_reading"] = journaled / readings
        found["archive_gb_500_stations_180_days"] = archived / readings * 500 * 180 * 1440 / 1e9
        for source in ("archive", "journal"):
            took_s, cpu_s, said = backtest(directory, directory, source, asked.days)
            found[source] = {"s": took_s, "cpu_s": cpu_s, "raised": json.loads(said)["rules"]["raised"]}
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
