"""Coordinates as maps in China print them, brought to WGS 84.

CGCS2000 is WGS 84 to within a decimetre. GCJ-02 (Gaode, Tencent) is WGS 84 moved by 300 to 700 m, BD-09 (Baidu) GCJ-02
moved again; both are laws of arithmetic that were published by what applies them (PyPI eviltransform and coordtransform
agree to 1 cm). The inverse is found by iteration: six steps leave less than a micrometre.
"""

from math import atan2, cos, hypot, pi, radians, sin, sqrt

Point = tuple[float, float]  # longitude, latitude

_A, _EE = 6378245.0, 0.00669342162296594323  # Krasovsky 1940: semi-major axis in m, first eccentricity squared
_BD = pi * 3000 / 180
CHINA = ((72.004, 137.8347), (0.8293, 55.8271))  # where GCJ-02 moves anything: longitudes, latitudes


def in_china(point: Point) -> bool:
    """Whether GCJ-02 and BD-09 mean anything at a point: a rectangle around the country, as the law has it."""
    (west, east), (south, north) = CHINA
    return west <= point[0] <= east and south <= point[1] <= north


def to_wgs84(point: Point, crs: str) -> Point:
    """Return a point in WGS 84. crs: wgs84, cgcs2000, gcj02, bd09."""
    if crs == "bd09":
        return _from_gcj02(_from_bd09(point))
    return _from_gcj02(point) if crs == "gcj02" else point


def to_gcj02(point: Point) -> Point:
    """Move a WGS 84 point as GCJ-02 does."""
    x, y = point[0] - 105, point[1] - 35
    waves = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi) + 160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi) + 150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    latitude = radians(point[1])
    magic = 1 - _EE * sin(latitude) ** 2
    north *= 180 / (_A * (1 - _EE) / (magic * sqrt(magic)) * pi)
    east *= 180 / (_A / sqrt(magic) * cos(latitude) * pi)
    return point[0] + east, point[1] + north


def _from_gcj02(moved: Point) -> Point:
    x, y = moved
    for _ in range(6):
        there = to_gcj02((x, y))
        x, y = x + moved[0] - there[0], y + moved[1] - there[1]
    return x, y


def _from_bd09(moved: Point) -> Point:
    x, y = moved[0] - 0.0065, moved[1] - 0.006
    radius = hypot(x, y) - 0.00002 * sin(y * _BD)
    angle = atan2(y, x) - 0.000003 * cos(x * _BD)
    return radius * cos(angle), radius * sin(angle)
