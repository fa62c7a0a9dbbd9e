"""AQI of particles by HJ 633-2026 环境空气质量指数(AQI)技术规定, in force from 2026-03-01, and by the edition of 2012.

A concentration is rounded once, to a whole µg/m³, half to even (§4.2.2, GB/T 8170). Between two breakpoints the index
is a straight line, rounded up to a whole number (§4.2.6); exact, for it is worked out in whole numbers. Above the table
it is 500 (from memory, 0.9). Hour means use the breakpoints of the day (new in 2026). The AQI is the greatest index;
above 50 whoever has it is the primary pollutant, also two at once. Read in the standard (V1) unless said.

Gases are not measured here, so what this gives is at most the AQI that a city publishes.
"""

from collections.abc import Mapping

from msgspec import Struct

from rules.records import Text

PM25, PM10 = "pm25_ug_m3", "pm10_ug_m3"

INDEX = (0, 50, 100, 150, 200, 300, 400, 500)
"""The index at each breakpoint (table 1)."""

FROM_2026 = "2026-03-01"
BREAKPOINTS: dict[str, dict[str, tuple[int, ...]]] = {
    "HJ 633-2026": {PM25: (0, 35, 60, 115, 150, 250, 350, 500), PM10: (0, 50, 120, 250, 350, 420, 500, 600)},
    "HJ 633-2012": {PM25: (0, 35, 75, 115, 150, 250, 350, 500), PM10: (0, 50, 150, 250, 350, 420, 500, 600)},
}
"""Concentrations, µg/m³, by edition and quantity."""

LEVELS: tuple[tuple[int, Text], ...] = (
    (50, Text("优", "excellent")),
    (100, Text("良", "good")),
    (150, Text("轻度污染", "lightly polluted")),
    (200, Text("中度污染", "moderately polluted")),
    (300, Text("重度污染", "heavily polluted")),
    (500, Text("严重污染", "severely polluted")),
)
"""The greatest index of each level, and its name (table 2)."""


class Aqi(Struct, frozen=True):
    """An index; primary: the quantities that have it, none up to 50; level 1 (excellent) to 6."""

    value: int
    primary: tuple[str, ...]
    level: int

    @property
    def name(self) -> Text:
        """What the level is called."""
        return LEVELS[self.level - 1][1]


def edition_on(date: str) -> str:
    """Return the edition that holds on a day, 2026-11-24."""
    return "HJ 633-2026" if date >= FROM_2026 else "HJ 633-2012"


def iaqi(quantity: str, concentration: float, date: str) -> int:
    """Return the individual index of a concentration, µg/m³, on a day.

    Raises KeyError for a quantity without breakpoints here, ValueError for a concentration below 0.
    """
    points = BREAKPOINTS[edition_on(date)][quantity]
    value = round(concentration)
    if value < 0:
        raise ValueError(f"a concentration of {concentration} µg/m³ is below 0")
    for low, high, index, above in zip(points, points[1:], INDEX, INDEX[1:], strict=False):
        if value <= high:
            return index - (index - above) * (value - low) // (high - low)  # minus a floor: rounded up
    return INDEX[-1]


def aqi(concentrations: Mapping[str, float], date: str) -> Aqi:
    """Return the index of several pollutants on a day. Raises as `iaqi`, and ValueError for none at all."""
    if not concentrations:
        raise ValueError("an AQI needs at least one concentration")
    each = {quantity: iaqi(quantity, value, date) for quantity, value in concentrations.items()}
    value = max(each.values())
    primary = (
        tuple(sorted(quantity for quantity, index in each.items() if index == value)) if value > LEVELS[0][0] else ()
    )
    level = next(number for number, (greatest, _) in enumerate(LEVELS, 1) if value <= greatest)
    return Aqi(value, primary, level)


def index_of(standard: str, quantity: str, value: float, date: str) -> dict[str, int]:
    """Return what the evidence of a rule says of the index: nothing unless its limit is one of HJ 633."""
    if not standard.startswith("HJ 633") or quantity not in BREAKPOINTS["HJ 633-2026"]:
        return {}
    return {"iaqi": iaqi(quantity, value, date)}
