"""`cityward shadow`, and the line of the log: what a rule that is only tried would have done."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from msgspec import structs

from commands import main
from commands.shadow_days import of_day
from config import blob
from config.check import load
from rules.records import Outcome
from rules.ruleset import RuleSet
from store.book import Book
from tests.commands.test_backtest import configure
from tests.store.test_shadows import at, event

SHANGHAI = "Asia/Shanghai"


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """Make a gateway that tries pm10-now and silent; the first would have rung yesterday and the day before."""
    directory = configure(tmp_path / "etc")
    compiled = load(directory).compiled
    assert compiled is not None
    tried = [
        structs.replace(rule, mode="shadow") if rule.id in ("pm10-now", "silent") else rule
        for rule in compiled.ruleset.rules
    ]
    book = Book(directory / "state" / "book.sqlite")
    book.accept("one", blob.encode(compiled.registry, RuleSet(tuple(tried))))
    now = datetime.now(ZoneInfo(SHANGHAI))
    noon = at(f"{now:%Y-%m-%d}T12:00") - 86_400_000
    steps = [("raised", noon - 86_400_000, 1), ("returned", noon - 86_400_000 + 90_000, 1), ("raised", noon, 3)]
    steps.append(("returned", noon + 2 * 3_600_000 + 300_000, 3))
    made = [event(n, kind, t_ms, first, "pm10-now@dust-1") for n, (kind, t_ms, first) in enumerate(steps, 1)]
    book.tell(Outcome(first=1, last=9, shadows=made))
    book.close()
    return directory


def shadow(directory: Path, *words: str) -> str:
    said = CliRunner().invoke(main, ["shadow", "--directory", str(directory), *words])
    assert said.exit_code == 0, said.output
    return said.output


def test_each_day_is_a_line(gateway: Path) -> None:
    told = shadow(gateway, "--lang", "en").splitlines()
    assert [line.split()[0] for line in told[1:3]] == ["pm10-now", "pm10-now"]
    assert told[1].endswith("1 min 30 s")
    assert told[2].endswith("2 h 05 min")
    assert told[3] == "would not have rung at all: silent"
    assert "本会一次也不报警：silent" in shadow(gateway, "--lang", "zh")


def test_json(gateway: Path) -> None:
    first, second = [json.loads(line) for line in shadow(gateway, "--json").splitlines()]
    assert (first["rule"], first["raised"], first["active_s"]) == ("pm10-now", 1, 90.0)
    assert second["date"] > first["date"]
    (only,) = shadow(gateway, "--json", "--days", "2").splitlines()
    assert json.loads(only) == second


def test_the_log_tells_the_day_before(gateway: Path) -> None:
    book = gateway / "state" / "book.sqlite"
    now = datetime.now(ZoneInfo(SHANGHAI))
    assert of_day(book, SHANGHAI, now).endswith("would have rung: pm10-now 1 times (for 2 h 05 min)")
    assert of_day(book, SHANGHAI, datetime(2026, 1, 1, tzinfo=ZoneInfo(SHANGHAI))) == ""


def test_without_a_book_it_is_said(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["shadow", "--directory", str(configure(tmp_path / "etc"))])
    assert said.exit_code == 1
    assert "book.sqlite" in said.output
