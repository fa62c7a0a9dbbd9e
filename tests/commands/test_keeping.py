"""A daemon with an archive and a rule that is only tried: what came is in the archive, and nobody was rung."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import archive_child, main
from commands.daemon import Daemon
from config.check import load
from devices.frames import Batch
from ingest.sources.replay import Replay
from rules.past import Row
from store import archive
from store.book import BookReader
from tests.commands.test_backtest import HOUR, MINUTE, backtest, configure
from tests.servers import free_port, until


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run one that has six hours behind it: dust over the limit of the tried rule in the second of them."""
    directory = configure(tmp_path / "etc")
    main_file, rules = directory / "cityward.yaml", directory / "rules.d" / "all.yaml"
    address = f"http: {{listen: '127.0.0.1:{free_port()}', socket: {tmp_path / 's'}}}\n"
    text = main_file.read_text().replace("mqtts://b.example", f"mqtt://127.0.0.1:{free_port()}")
    main_file.write_text(re.sub("(?m)^sources", address + "sources", text))
    rules.write_text(rules.read_text().replace("- id: pm10-now", "- id: pm10-now\n    mode: shadow"))
    compiled = load(directory).compiled
    assert compiled is not None, load(directory).problems
    monkeypatch.setattr(archive_child, "FIRST_S", 0.1)
    daemon = Daemon(compiled, None)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    begins_ms = now_ms - 6 * HOUR
    daemon.start(Replay((batch(at, begins_ms) for at in range(begins_ms, now_ms - MINUTE, MINUTE)), begins_ms))
    try:
        yield directory
    finally:
        daemon.stop()


def batch(at_ms: int, begins_ms: int) -> Batch:
    high = begins_ms + HOUR <= at_ms < begins_ms + 2 * HOUR
    frames = [
        (b"air/%d/up" % n, json.dumps({"t": at_ms - 500, "pm10": 240.0 if high and n == 1 else 50.0}).encode(), b"")
        for n in range(4)
    ]
    return Batch("lora", at_ms, frames)


def test_what_came_is_archived_and_nobody_was_rung(gateway: Path) -> None:
    state = gateway / "state"

    def rows() -> list[Row]:
        pieces = archive.read(state / "archive", "2026-01-01", "2999-01-01", set())
        return [row for piece in pieces for row in piece if isinstance(row, Row)]

    until(lambda: len(rows()) == 359 * 4, what="everything is archived")
    assert {row.device for row in rows()} == {"dust-0", "dust-1", "dust-2", "dust-3"}
    with BookReader(state / "book.sqlite") as book:
        told = {json.loads(body)["alarm"]["rule"] for _, body in book.events(0, 1000)}
        (tried,) = book.activations(0)
        raised = [
            (event["alarm"]["id"], event["t_ms"])
            for _, body in book.events(0, 1000)
            if (event := json.loads(body))["kind"] in ("raised", "reraised")
        ]
    assert "pm10-hour" in told
    assert "pm10-now" not in told
    assert tried.alarm == "pm10-now@dust-1"
    assert tried.to_ms is not None
    assert tried.to_ms - tried.from_ms == HOUR - 5 * MINUTE
    end_ms = max(row.arrived for row in rows())
    span = [datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (end_ms - 7 * HOUR, end_ms)]
    words = ["--rules", str(gateway), "--from", span[0], "--to", span[1]]
    once_more = [
        (each["alarm"], each["from_ms"])
        for each in json.loads(backtest(gateway, "--json", *words, "--source", "journal").stdout)["activations"]
    ]
    rang = [each for each in [*raised, (tried.alarm, tried.from_ms)] if each[1] < end_ms]
    assert sorted(once_more) == sorted(rang)  # what was lived through is what a backtest of it tells
    shown = CliRunner().invoke(main, ["shadow", "--directory", str(gateway), "--json"])
    assert sum(json.loads(line)["active_s"] for line in shown.output.splitlines()) == 55 * 60
