"""The limits of GB 3095 are those that were looked up, and every day has exactly one."""

import json
from datetime import date, timedelta
from itertools import pairwise, product
from pathlib import Path

import pytest

from config.packs import limits
from rules.packs import limit_on, min_hours

STANDARDS = ("gb3095-2026-class1", "gb3095-2026-class2")
CODES = {"pm10_ug_m3": "PM10", "pm25_ug_m3": "PM2.5", "tsp_ug_m3": "TSP"}


@pytest.mark.parametrize(("standard", "quantity"), [*product(STANDARDS, CODES)])
def test_every_day_has_one_limit_and_only_more_dust_was_ever_allowed(standard: str, quantity: str) -> None:
    dated = limits(standard, quantity)
    assert dated[0].from_date == "2016-01-01"
    assert dated[-1].to_date is None
    for old, new in pairwise(dated):
        assert date.fromisoformat(old.to_date or "") + timedelta(days=1) == date.fromisoformat(new.from_date)
        assert old.value >= new.value
    assert all("(V1)" in limit.source or "2012" in limit.name for limit in dated)


def test_the_numbers_are_those_of_the_reference(shared: Path) -> None:
    facts = json.loads((shared / "reference/limits.json").read_text())["ambient_cn"]
    for fact, (quantity, code) in product(facts, CODES.items()):
        standard = f"gb3095-2026-class{2 if '-c2' in fact['id'] else 1}"
        for day in {fact["from"], fact["to"] or "2099-12-31"}:
            limit = limit_on(limits(standard, quantity), day)
            assert limit is not None
            assert limit.value == fact[code]
            assert f"({fact['status']})" in limit.source
        assert min_hours(quantity) == fact["min_hours"][code]


@pytest.mark.parametrize(
    ("standard", "day", "expected"),
    [
        ("gb3095-2026-class2", "2026-02-28", (150, 75, 300)),
        ("gb3095-2026-class2", "2026-11-24", (120, 60, 300)),
        ("gb3095-2026-class2", "2031-01-01", (100, 50, 300)),
        ("gb3095-2026-class1", "2026-11-24", (50, 35, 120)),
        ("gb3095-2026-class1", "2031-01-01", (50, 25, 120)),
    ],
)
def test_what_held_when(standard: str, day: str, expected: tuple[float, float, float]) -> None:
    found = [limit_on(limits(standard, quantity), day) for quantity in CODES]
    assert tuple(limit.value for limit in found if limit) == expected


def test_what_a_standard_does_not_know() -> None:
    assert limits("gb3095-2026-class2", "humidity_pct") == ()
    assert limit_on(limits("gb3095-2026-class2", "pm10_ug_m3"), "2015-12-31") is None
    with pytest.raises(ValueError, match=r"gb3095-2026-class3.*gb3095-2026-class1, gb3095-2026-class2"):
        limits("gb3095-2026-class3", "pm10_ug_m3")
