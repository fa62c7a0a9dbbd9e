"""Numbers that are each possible, but not together: they point to something wrongly configured, and are doubted."""

from itertools import pairwise
from typing import Final

from devices.readings import Values

PARTICLES: Final = ("pm1_ug_m3", "pm25_ug_m3", "pm10_ug_m3", "tsp_ug_m3")
"""Each class of particles holds the one before it: none can be more than the next."""

HUMID_PCT: Final = 85.0
HUMID: Final = "rh_suspect"
"""Water swells particles: light scattering reads too much from about here on. Nothing is corrected for it."""

_NOISE: Final = 1.05  # instruments of two channels disagree a little
_STEP: Final = 1.0


def disordered(values: Values) -> tuple[str, ...]:
    """Return the particle quantities that stand in an impossible order, less than the class inside them."""
    said = [(name, value) for name in PARTICLES if (value := getattr(values, name, None)) is not None]
    wrong: list[str] = []
    for (inner, less), (outer, more) in pairwise(said):
        if less > more * _NOISE + _STEP:
            wrong += [name for name in (inner, outer) if name not in wrong]
    return tuple(wrong)


def in_order(values: Values) -> dict[str, float]:
    """Return which number each particle quantity would have if they grew with the size, as they must."""
    said = {name: value for name in PARTICLES if (value := getattr(values, name, None)) is not None}
    return dict(zip(said, sorted(said.values()), strict=True))


def doubt(values: Values, names: tuple[str, ...], what: str) -> None:
    """Flag quantities (`pm25_ug_m3:map`): they are judged, but enter no mean."""
    doubts = [f"{name}:{what}" for name in names]
    values.flags = " ".join([values.flags, *doubts] if values.flags else doubts)


def humid(values: Values) -> bool:
    """Tell whether particles were counted in air so humid that their mass is in doubt."""
    humidity = getattr(values, "humidity_pct", None)
    return (
        humidity is not None and humidity >= HUMID_PCT and any(getattr(values, n, None) is not None for n in PARTICLES)
    )
