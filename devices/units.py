"""Durations, sizes and measures as engineers write them: a number and its unit, `6 h`, `250 ms`, `4 GiB`, `mg/m³`."""

import re

DURATION_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SIZE_BYTES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

LONGEST_MS = 3_650 * 86_400_000  # ten years: what is longer is a slip of the pen, or no number that a clock can take
LARGEST_BYTES = 1 << 50  # 1024 TiB, likewise

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")


class TooMuchError(ValueError):
    """A right number with a right unit, but absurdly large."""


def duration_ms(text: str) -> int:
    """Return the milliseconds of `60 s`.

    Raises ValueError when the text is no positive number with one of the units of `DURATION_MS`, less than 1 ms, or
    longer than ten years (TooMuchError).
    """
    return _whole(text, DURATION_MS, LONGEST_MS)


def size_bytes(text: str) -> int:
    """Return the bytes of `4 GiB`. Raises ValueError as `duration_ms` does; TooMuchError above 1024 TiB."""
    return _whole(text, SIZE_BYTES, LARGEST_BYTES)


def _whole(text: str, units: dict[str, int], most: int) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in units:
        raise ValueError(f"{text!r}: not a number with a unit ({', '.join(units)})")
    number = float(match[1]) * units[match[2]]
    if number > most:
        raise TooMuchError(f"{text!r}: more than anybody can mean")
    whole = round(number)
    if whole < 1:
        raise ValueError(f"{text!r}: must be more than nothing")
    return whole


SPELLINGS = {
    "ug/m3": "µg/m³", "μg/m3": "µg/m³", "μg/m³": "µg/m³", "ug/m³": "µg/m³", "mg/m3": "mg/m³", "ng/m3": "ng/m³",
    "deg": "°", "℃": "°C", "C": "°C", "lux": "lx", "hpa": "hPa", "mbar": "hPa",
}  # fmt: skip
"""How units are written otherwise."""

CONVERSIONS = {
    ("mg/m³", "µg/m³"): 1000.0, ("ng/m³", "µg/m³"): 0.001, ("µg/m³", "mg/m³"): 0.001, ("cm", "mm"): 10.0,
    ("m", "mm"): 1000.0, ("kPa", "hPa"): 10.0, ("Pa", "hPa"): 0.01,
    ("km/h", "m/s"): 1 / 3.6, ("mV", "V"): 0.001, ("klx", "lx"): 1000.0, ("MPa", "kPa"): 1000.0, ("bar", "kPa"): 100.0,
    ("mGs", "µT"): 0.1, ("g", "m/s²"): 9.80665, ("ppb", "ppm"): 0.001, ("ppm", "ppb"): 1000.0,
    ("mS/cm", "µS/cm"): 1000.0, ("µS/cm", "mS/cm"): 0.001,
}  # fmt: skip
"""(from, to) -> factor."""


def conversion(unit: str, wanted: str) -> float | None:
    """Return what a number in `unit` is multiplied by to be one in `wanted`; None = that is not known."""
    unit = SPELLINGS.get(unit, unit)
    return 1.0 if unit == wanted else CONVERSIONS.get((unit, wanted))
