"""HJ 633: the vectors of the reference, the table itself, and what holds for every concentration."""

import json
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.aqi import BREAKPOINTS, FROM_2026, INDEX, LEVELS, PM10, PM25, aqi, edition_on, iaqi

NOW, BEFORE = "2026-11-24", "2026-02-28"
QUANTITIES = st.sampled_from([PM25, PM10])
DATES = st.sampled_from([NOW, BEFORE])


@pytest.mark.parametrize(
    ("quantity", "concentration", "index"),
    [
        (PM25, 60, 100), (PM25, 61, 101), (PM25, 75, 114), (PM25, 116, 152), (PM25, 251, 301),
        (PM10, 120, 100), (PM10, 121, 101), (PM10, 150, 112), (PM10, 350, 200), (PM10, 420, 300),
        (PM25, 500, 500), (PM25, 501, 500), (PM10, 9999, 500), (PM10, 0, 0), (PM25, 1, 2),
    ],
)  # fmt: skip
def test_the_vectors_of_2026(quantity: str, concentration: float, index: int) -> None:
    assert iaqi(quantity, concentration, NOW) == index


@pytest.mark.parametrize(
    ("concentration", "index"),
    [(60.5, 100), (60.51, 101), (61.5, 102), (114.5, 150), (115.5, 152), (0.5, 0), (0.51, 2)],
)
def test_a_concentration_is_rounded_half_to_even_first(concentration: float, index: int) -> None:
    assert iaqi(PM25, concentration, NOW) == index


def test_the_edition_is_that_of_the_day() -> None:
    assert (edition_on("2026-02-28"), edition_on("2026-03-01")) == ("HJ 633-2012", "HJ 633-2026")
    assert [iaqi(PM25, 75, day) for day in ("2026-02-28", "2026-03-01")] == [100, 114]
    assert [iaqi(PM10, 150, day) for day in ("2026-02-28", "2026-03-01")] == [100, 112]


@pytest.mark.parametrize("date", [NOW, BEFORE])
@pytest.mark.parametrize("quantity", [PM25, PM10])
def test_breakpoints_have_their_index_and_one_more_is_the_next_level(quantity: str, date: str) -> None:
    points = BREAKPOINTS[edition_on(date)][quantity]
    assert tuple(iaqi(quantity, point, date) for point in points) == INDEX
    for point, index in zip(points[1:-1], INDEX[1:-1], strict=True):
        assert iaqi(quantity, point + 1, date) > index, "so an index over it is a concentration over the breakpoint"


@given(QUANTITIES, DATES, st.floats(0, 2000), st.floats(0, 2000))
def test_more_dust_is_never_a_smaller_index(quantity: str, date: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= iaqi(quantity, low, date) <= iaqi(quantity, high, date) <= 500


@given(QUANTITIES, DATES, st.integers(0, 600))
def test_it_is_the_formula_in_fractions(quantity: str, date: str, value: int) -> None:
    points = BREAKPOINTS[edition_on(date)][quantity]
    if value > points[-1]:
        assert iaqi(quantity, value, date) == 500
        return
    at = max(1, next(number for number, point in enumerate(points) if value <= point))
    slope = Fraction(INDEX[at] - INDEX[at - 1], points[at] - points[at - 1])
    assert iaqi(quantity, value, date) == ceil(slope * (value - points[at - 1]) + INDEX[at - 1])


@pytest.mark.parametrize(
    ("pm25", "pm10", "value", "primary", "level", "zh"),
    [
        (35, 50, 50, (), 1, "优"),
        (36, 50, 52, (PM25,), 2, "良"),
        (60, 120, 100, (PM10, PM25), 2, "良"),
        (61, 120, 101, (PM25,), 3, "轻度污染"),
        (116, 250, 152, (PM25,), 4, "中度污染"),
        (60, 351, 202, (PM10,), 5, "重度污染"),
        (251, 0, 301, (PM25,), 6, "严重污染"),
        (900, 0, 500, (PM25,), 6, "严重污染"),
    ],
)
def test_the_aqi_is_the_greatest_and_names_who_has_it(  # noqa: PLR0917 - a row of the table
    pm25: float, pm10: float, value: int, primary: tuple[str, ...], level: int, zh: str
) -> None:
    found = aqi({PM25: pm25, PM10: pm10}, NOW)
    assert (found.value, found.primary, found.level, found.name.zh) == (value, primary, level, zh)


def test_what_has_no_index() -> None:
    with pytest.raises(KeyError):
        iaqi("tsp_ug_m3", 100, NOW)
    with pytest.raises(ValueError, match="below 0"):
        iaqi(PM10, -1, NOW)
    with pytest.raises(ValueError, match="at least one"):
        aqi({}, NOW)


def test_the_table_is_that_of_the_reference(shared: Path) -> None:
    facts = json.loads((shared / "reference/limits.json").read_text())["iaqi"]
    assert tuple(facts["index"]) == INDEX
    assert facts["HJ633-2026"]["from"] == FROM_2026
    assert [greatest for greatest, _ in LEVELS][:-1] == list(INDEX[1:-2])
    for edition, name in (("HJ633-2026", "HJ 633-2026"), ("HJ633-2012", "HJ 633-2012")):
        for code, quantity in (("PM2.5", PM25), ("PM10", PM10)):
            assert tuple(facts[edition][code]) == BREAKPOINTS[name][quantity]
