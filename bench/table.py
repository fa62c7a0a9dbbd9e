"""The measurements as a table, beside what DESIGN §11 asks for."""

from collections.abc import Iterator
from typing import Any

Row = tuple[str, str, str, str, str]
"""what, hard, goal, measured, Telegraf in the same run."""


def table(results: dict[str, Any]) -> str:
    """Return it as Markdown."""
    lines = [
        f"{results['at']} · {results['machine']} · {results['python']} · load before {results['load_before']}",
        "",
        "| what | hard | goal | measured | Telegraf 1.39 beside it |",
        "|---|---|---|---|---|",
    ]
    for kind, hard, goal, ratio in (("plain", "6.0", "5.5", "3.3"), ("chirpstack", "10", "9", "5")):
        if kind in results:
            one = results[kind]
            rows = [*_drain(kind, one, hard, goal, ratio), *_paced(kind, one), *_starts(kind, one)]
            lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += [f"| {' | '.join(row)} |" for row in _full(results["full"])]
    return "\n".join(lines)


def _drain(kind: str, one: dict[str, Any], hard: str, goal: str, ratio: str) -> Iterator[Row]:
    ours, theirs = one["cityward"], one["telegraf"]
    times, rate, size = (
        theirs["cpu_us"] / ours["cpu_us"],
        ours["per_s"] / theirs["per_s"],
        ours["peak_mb"] / theirs["peak_mb"],
    )
    what = f"{kind}: CPU µs a message, drained into InfluxDB"
    yield what, hard, goal, f"{ours['cpu_us']:.2f}", f"{theirs['cpu_us']:.1f}"
    yield f"{kind}: messages a CPU second, times Telegraf's", ratio, "", f"{times:.1f}", "1"
    if "telegraf-fast" in one:
        fast = one["telegraf-fast"]["cpu_us"]
        what = f"{kind}: the same beside a script that decodes only the characters it needs"
        yield what, "", "", f"{fast / ours['cpu_us']:.1f}", f"1 ({fast:.1f} µs)"
    what = f"{kind}: messages/s, broker and sink on the same cores"
    yield what, "", "", f"{ours['per_s']:,.0f} ({rate:.1f}×)", f"{theirs['per_s']:,.0f}"
    what = f"{kind}: peak memory while draining, MB"
    yield what, "", "", f"{ours['peak_mb']:.0f} ({size:.1f}×)", f"{theirs['peak_mb']:.0f}"


def _paced(kind: str, one: dict[str, Any]) -> Iterator[Row]:
    if "latency_ms" in one:
        late = one["latency_ms"]
        measured = f"p50 {late['50']:.1f}, p99 {late['99']:.1f}, p99.9 {late['99.9']:.1f} ms of {late['events']} events"
        yield "frame in → event in a reader's hands, 1,000 msg/s", "p99 10 ms", "5 ms", measured, ""
    hard, goal = ("10 %", "5 %") if kind == "plain" else ("", "")
    yield f"{kind}: CPU at 1,000 msg/s", hard, goal, f"{one['cpu_percent']:.1f} %", ""
    hard = "7" if kind == "plain" else "12.5"
    if one["gb_a_day"] is not None:
        yield f"{kind}: GB a day to the disk at 1,000 msg/s", hard, "", f"{one['gb_a_day']:.1f}", ""
    yield f"{kind}: memory, 10,000 devices, after minutes of traffic, MB", "", "", f"{one['rss_mb']:.0f}", ""


def _starts(kind: str, one: dict[str, Any]) -> Iterator[Row]:
    replay = one["replay"]
    yield f"{kind}: ready after kill -9, s", "10", "5", f"{one['start_killed_s']:.2f}", ""
    measured = f"{one['start_without_snapshot_s']:.2f} ({replay['messages']:,} messages)"
    yield f"{kind}: ready without snapshot, s", "60", "30", measured, ""
    hard, goal = ("100,000", "240,000") if kind == "plain" else ("60,000", "180,000")
    measured = f"{replay['per_s']:,.0f} ({replay['messages'] / replay['cpu_s']:,.0f} a CPU second)"
    yield f"{kind}: replay of the journal, messages/s", hard, goal, measured, ""


def _full(one: dict[str, Any]) -> Iterator[Row]:
    yield "memory, 10,000 devices, 500 stations × 6 minute-series of 50 h, MB", "150", "120", f"{one['rss_mb']:.0f}", ""
    yield "ready after a clean stop with all of that, s", "2", "1", f"{one['start_s']:.2f}", ""
    yield "snapshot, MB, each 10 min and not in the GB a day above", "", "", f"{one['snapshot_mb']:.0f}", ""
    fill = one["fill"]
    what = "replay source, every message closing 30 minute-cells, with journal and book, messages/s"
    yield what, "", "", f"{fill['per_s']:,.0f}", ""
