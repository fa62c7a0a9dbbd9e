"""A city tries other limits on last week before anybody is called out at night for them.

The gateway of these stories ran for four days: duplicates, late and stale readings, humid air, a link that was down, a
station that fell silent, and a restart are in its journal.
"""

import csv
import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bench.backtest import COMMON, RULES
from commands.archive_child import Archivist, Task, write
from config import blob
from config.check import load
from devices.frames import Batch
from rules.records import Command, Config, Record, Status
from store import archive
from store.book import Book
from store.fs import OsFs
from store.journal import Journal, read

START = 1_790_784_000_000  # 2026-10-01 00:00 in Shanghai
MINUTE, HOUR = 60_000, 3_600_000
DAYS = 4
PROGRAM = Path(__file__).resolve().parent.parent.parent / "run_daemon.py"
FIELDS = {"pm10": "pm10_ug_m3", "pm25": "pm25_ug_m3", "noise": "noise_db", "hum": "humidity_pct"}


def write_rules(folder: Path, limit: int) -> Path:
    folder.mkdir(parents=True)
    rules = "".join(
        f"  - id: {name}\n    for: {{family: dust}}\n    priority: 3\n    "
        + settings.format(limit).replace(", ", "\n    ") + COMMON
        for name, settings in RULES
    )  # fmt: skip
    (folder / "all.yaml").write_text(f"rules:\n{rules}")
    return folder


def configure(directory: Path, limit: int = 200) -> Path:
    write_rules(directory / "rules.d", limit)
    (directory / "devices.d").mkdir()
    (directory / "cityward.yaml").write_text(
        "gateway: {id: gw, time_zone: Asia/Shanghai}\n"
        f"state: {directory / 'state'}\narchive: {{}}\n"
        "sources: {mqtt: [{name: lora, url: 'mqtts://b.example', topics: "
        "[{filter: air/+/up, envelope: plain, address: topic 2}]}]}\n"
    )
    fields = ", ".join(f"{short}: {quantity}" for short, quantity in FIELDS.items())
    (directory / "devices.d" / "all.yaml").write_text(
        "defaults:\n  model: plain\n  interval: 5 min\n"
        f"  options: {{family: dust, fields: {{{fields}}}, time: {{field: t, unit: ms}}}}\n"
        "devices:\n" + "".join(f"  - {{id: dust-{n}, address: 'topic:lora/{n}'}}\n" for n in range(4))
    )
    return directory


def link(at_ms: int, *, up: bool) -> Status:
    return Status(at_ms=at_ms, subject="broker:lora", kind="link", data={"up": up, "why": "cable"})


def past(config_hash: str) -> list[Record]:
    dice = random.Random(5)
    records: list[Record] = [
        Status(at_ms=START, subject="gateway", kind="started"),
        Config(at_ms=START, hash=config_hash),
        link(START + 1, up=True),
    ]
    kept: list[bytes] = []
    for step in range(1, DAYS * 288):
        at = START + step * 5 * MINUTE
        if step == 400:
            records += [link(at, up=False), link(at + HOUR, up=True)]
        if step == 700:
            records += [Status(at_ms=at, subject="gateway", kind="stopped")]
            records += [
                Status(at_ms=at + 2 * HOUR, subject="gateway", kind="started"),
                link(at + 2 * HOUR + 9, up=True),
            ]
        if 400 <= step < 412 or 700 <= step <= 724:
            continue
        frames = []
        for n in range(4):
            if n == 2 and 500 <= step < 520:
                continue
            t = at - 2000 - (HOUR if dice.random() < 0.02 else 0) - (60 * HOUR if dice.random() < 0.005 else 0)
            pm10 = max(3.0, round(dice.gauss(190 if step // 12 % 5 == n else 60, 25), 1))
            said = {"t": t, "pm10": pm10, "pm25": pm10 / 2, "noise": round(dice.gauss(70, 6), 1), "hum": 40 + step % 60}
            payload = json.dumps(said).encode()
            frames.append((b"air/%d/up" % n, payload, b""))
            kept.append(payload)
            if dice.random() < 0.02:
                frames.append((b"air/%d/up" % n, dice.choice(kept[-4:]), b"D"))
        records.append(Batch("lora", at, frames))
        if step % 97 == 0:
            records.append(
                Command(at_ms=at + 1, id=f"c{step}", kind="ack", alarm="silent@dust-2", occurrence=1, user="王")
            )
    return records


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = configure(tmp_path_factory.mktemp("gateway") / "etc")
    compiled = load(directory).compiled
    assert compiled is not None, load(directory).problems
    state = directory / "state"
    book = Book(state / "book.sqlite")
    book.accept(compiled.hash, blob.encode(compiled.registry, compiled.ruleset))
    book.close()
    journal = Journal(OsFs(), state / "journal", 64 << 20)
    for record in past(compiled.hash):
        journal.append(
            journal.reserve([record]), [(journal.next - max(len(getattr(record, "frames", "x")), 1), record)]
        )
    journal.commit()
    journal.close()
    write(Task(str(state), 1 << 60, 1 << 40, []))
    return directory


def backtest(directory: Path, *words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "backtest", "--directory", str(directory), "--lang", "en",
         "--from", "2026-10-01", "--to", "2026-10-06", *words],
        capture_output=True, text=True, check=False, env={**os.environ, "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert (done.returncode == 0) == ok, done.stderr
    return done


def found(directory: Path, *words: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(backtest(directory, "--json", *words).stdout)
    return report


def activations(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(each["alarm"], each["from_ms"], each["to_ms"], each["value"]) for each in report["activations"]]


def rows(state: Path) -> list[list[Any]]:
    pieces = archive.read(state / "archive", "2026-10-01", "2026-10-31", set())
    return [
        [type(row).__name__, *(getattr(row, name) for name in row.__struct_fields__)]
        for piece in pieces
        for row in piece
    ]


def test_archive_and_journal_tell_the_same(gateway: Path) -> None:
    journaled = found(gateway, "--rules", str(gateway), "--source", "journal")
    archived = found(gateway, "--rules", str(gateway), "--source", "archive")
    kinds = {alarm.partition("@")[0] for alarm, *_ in activations(journaled)}
    assert kinds >= {"pm10-hour", "pm10-now", "silent", "link-down"}
    assert activations(archived) == activations(journaled)
    assert archived["rules"]["by_shift"] == journaled["rules"]["by_shift"]
    assert sum(journaled["rules"]["by_day"].values()) == journaled["rules"]["raised"] > 20


def test_each_reading_stands_once_however_often_the_child_is_ended(gateway: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "archive").mkdir(parents=True)
    for name in ("journal", "book.sqlite"):
        (state / name).symlink_to(gateway / "state" / name)
    last = max(sequence for sequence, _ in read(OsFs(), state / "journal"))
    for upto in (3, 50, 1000, 1001, 2500, last):
        write(Task(str(state), upto, 1 << 40, []))
        dates = archive.dates(state / "archive")  # a child that had appended, and died before it could note it
        for path in (state / "archive" / dates[-1]).iterdir() if dates else ():
            with path.open("ab") as file:
                file.write(gzip.compress(b"half a line"))
        later = state / "archive" / "2026-10-09" / "dust.1.csv.gz"
        later.parent.mkdir(exist_ok=True)
        later.write_bytes(gzip.compress(b"half a head"))
    write(Task(str(state), last, 1 << 40, []))
    assert rows(state) == rows(gateway / "state")
    times = [(row[2], row[3]) for row in rows(state) if row[0] == "ArchivedRow" and "late" not in (row[4] or "")]
    assert len({repr(row) for row in rows(state)}) == len(rows(state))
    assert len(times) > 3000


def test_a_child_that_is_ended_is_no_loss(gateway: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for name in ("journal", "book.sqlite"):
        (state / name).symlink_to(gateway / "state" / name)
    task = Task(str(state), 1 << 60, 1 << 40, [])
    stop = threading.Event()
    stop.set()
    assert Archivist(lambda: task).write(task, stop) == -signal.SIGKILL
    assert Archivist(lambda: task).write(task, threading.Event()) == 0
    assert rows(state) == rows(gateway / "state")


def test_the_archive_keeps_to_its_budget(gateway: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "archive").mkdir(parents=True)
    for name in ("journal", "book.sqlite"):
        (state / name).symlink_to(gateway / "state" / name)
    whole = archive.size(gateway / "state" / "archive")
    write(Task(str(state), 1 << 60, whole * 2 // 3, []))
    assert 0 < archive.size(state / "archive") <= whole * 2 // 3
    assert archive.dates(state / "archive")[-1] == archive.dates(gateway / "state" / "archive")[-1]


def test_a_record_that_nobody_may_judge_is_left_out(gateway: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for name in ("journal", "book.sqlite"):
        (state / name).symlink_to(gateway / "state" / name)
    write(Task(str(state), 1 << 60, 1 << 40, [4, 5]))
    assert len(rows(gateway / "state")) - len(rows(state)) == 2


def test_two_rule_sets_are_compared(gateway: Path, tmp_path: Path) -> None:
    strict = write_rules(tmp_path / "strict", 160)
    page = tmp_path / "page.html"
    report = found(gateway, "--rules", str(strict), "--against", str(gateway), "--html", str(page))
    mine, other, differ = report["rules"], report["against"], report["difference"]
    assert mine["by_rule"]["pm10-now"] > other["by_rule"]["pm10-now"]
    assert {each["rule"] for each in differ["added"] + differ["removed"]} <= {"pm10-now"}
    counted = len(differ["earlier"]) + len(differ["later"]) + differ["same"]
    assert counted + len(differ["added"]) == len(report["activations"])
    assert counted + len(differ["removed"]) == other["raised"] + other["hidden"]
    html = page.read_text(encoding="utf-8")
    assert "<svg" in html
    assert not re.search(r"<script|https?://|@import|url\(", html)
    told = backtest(gateway, "--rules", str(strict), "--against", str(gateway)).stdout
    assert f"{len(differ['added'])} added" in told
    assert "pm10-now" in told


def test_the_rules_in_force_differ_in_nothing_from_themselves(gateway: Path) -> None:
    differ = found(gateway, "--rules", str(gateway), "--against", str(gateway / "rules.d"))["difference"]
    assert (differ["added"], differ["removed"], differ["earlier"], differ["later"]) == ([], [], [], [])
    assert differ["same"] > 20


def test_a_table_of_somebody_else(gateway: Path, tmp_path: Path) -> None:
    table = tmp_path / "sensors.csv"
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "device", "pm10_ug_m3"])
        for minute in range(0, 600, 5):
            level = 300 if 120 <= minute < 180 else 50
            out.writerow([f"2026-10-01T{8 + minute // 60:02}:{minute % 60:02}:00+08:00", "dust-1", level])
    report = found(gateway, "--rules", str(gateway), "--csv", str(table))
    alarms = {alarm for alarm, *_ in activations(report)}
    assert "pm10-now@dust-1" in alarms
    assert "pm10-hour@dust-1" in alarms
    begins = next(each["from_ms"] for each in report["activations"] if each["alarm"] == "pm10-now@dust-1")
    assert begins == START + 10 * HOUR + 5 * MINUTE
    table.write_text("time,device,pm10\n")
    assert (
        "sensors.csv:1: no device says pm10"
        in backtest(gateway, "--rules", str(gateway), "--csv", str(table), ok=False).stderr
    )
    table.write_text("time,device,pm10_ug_m3\n2026-10-01T08:00,dust-1,5\n")
    assert (
        "sensors.csv:2: 2026-10-01T08:00 has no zone"
        in backtest(gateway, "--rules", str(gateway), "--csv", str(table), ok=False).stderr
    )


def test_a_day_that_late_hours_put_right_was_told_and_amended(gateway: Path, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "day.yaml").write_text(
        "rules:\n  - id: day\n    for: {devices: [dust-1]}\n    kind: day_mean\n    quantity: pm10_ug_m3\n"
        "    limit: 118\n    basis: compliance\n    priority: 3\n" + COMMON
    )
    table = tmp_path / "late.csv"
    with table.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["device", "time", "arrived", "pm10_ug_m3"])
        for minute in range(0, 48 * 60, 5):
            at = START + minute * MINUTE
            late = 20 * 60 <= minute < 24 * 60
            level = 119 if minute < 20 * 60 else 100
            out.writerow(["dust-1", at, START + 27 * HOUR if late else at, level])
    report = found(gateway, "--rules", str(tmp_path / "rules"), "--csv", str(table))
    days = [each for each in report["activations"] if each["rule"] == "day"]
    assert [(each["value"], each["amended"]) for each in days] == [(119.0, 1)]


def test_slips_of_the_pen_are_said(gateway: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "x.yaml").write_text("rules:\n  - {id: a, kind: thresold, for: all}\n")
    told = backtest(gateway, "--rules", str(wrong), ok=False).stderr
    assert f"{wrong}/x.yaml:2:" in told
    assert "the rules are wrong" in told
    assert "--csv FILE go together" in backtest(gateway, "--rules", str(gateway), "--source", "csv", ok=False).stderr
    assert "--shifts" in backtest(gateway, "--rules", str(gateway), "--shifts", "8", ok=False).stderr
    assert "before --to" in backtest(gateway, "--rules", str(gateway), "--to", "2026-09-01", ok=False).stderr
