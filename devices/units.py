"""Durations and sizes as engineers write them: a number and its unit, `6 h`, `250 ms`, `4 GiB`."""

import re

DURATION_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SIZE_BYTES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")


def duration_ms(text: str) -> int:
    """Return the milliseconds of `60 s`.

    Raises ValueError when the text is no positive number with one of the units of `DURATION_MS`, or less than 1 ms.
    """
    return _whole(text, DURATION_MS)


def size_bytes(text: str) -> int:
    """Return the bytes of `4 GiB`. Raises ValueError as `duration_ms` does, with the units of `SIZE_BYTES`."""
    return _whole(text, SIZE_BYTES)


def _whole(text: str, units: dict[str, int]) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in units:
        raise ValueError(f"{text!r}: not a number with a unit ({', '.join(units)})")
    whole = round(float(match[1]) * units[match[2]])
    if whole < 1:
        raise ValueError(f"{text!r}: must be more than nothing")
    return whole
