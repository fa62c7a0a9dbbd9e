"""Coordinates of Chinese maps."""

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.crs import in_china, to_gcj02, to_wgs84

M_PER_DEGREE = 111_320


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    return M_PER_DEGREE * hypot((one[0] - other[0]) * cos(radians(one[1])), one[1] - other[1])


@pytest.mark.parametrize(
    ("name", "point", "offset_m"),
    [("Shanghai", (121.4737, 31.2304), 482), ("Beijing", (116.3975, 39.9087), 555)],
)
def test_gcj02_moves_a_city_by_what_was_measured_there(name: str, point: tuple[float, float], offset_m: float) -> None:
    assert metres(point, to_gcj02(point)) == pytest.approx(offset_m, abs=1), name


@given(st.floats(73.5, 135), st.floats(18, 53.5))
def test_the_inverse_comes_back_to_a_millimetre(longitude: float, latitude: float) -> None:
    point = (longitude, latitude)
    assert metres(point, to_wgs84(to_gcj02(point), "gcj02")) < 0.001


def test_bd09_is_gcj02_moved_again() -> None:
    """116.404, 39.915 in GCJ-02, as the README of coordtransform gives it."""
    bd09, gcj02 = (116.410_369_49, 39.921_336_993_5), (116.404, 39.915)
    assert metres(to_gcj02(to_wgs84(bd09, "bd09")), gcj02) < 1


def test_wgs84_and_cgcs2000_are_the_same_here() -> None:
    assert to_wgs84((117.1, 34.2), "wgs84") == to_wgs84((117.1, 34.2), "cgcs2000") == (117.1, 34.2)


def test_what_china_is() -> None:
    assert in_china((117.1859, 34.2610))
    assert not in_china((34.2610, 117.1859))
    assert not in_china((2.35, 48.86))
