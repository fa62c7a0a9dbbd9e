"""Kind `magnetic`: a parking detector whose raw magnetic field does not agree with what it reports, or cannot be right.

The state of a bay is the detector's to tell; the field only says when to doubt it. Disagreement: the field is off its
baseline by more than a vehicle's amount while the bay is reported free, or by less than half of it while it is reported
occupied. Saturation: an axis stands at the end of its scale. Drift: the baseline (the detector's own, where it reports
one, else the field of the free bay) has moved by more than `drift` from where it was learned: the median of its first
five. Each must hold for three readings in a row.
"""

from math import dist
from statistics import median

from msgspec import Struct

from rules.verdicts import NORMAL, UNKNOWN, VIOLATED, Due, Kind, Said, Together

DISAGREES, SATURATED, DRIFTED = 1, 2, 4
REASONS = {DISAGREES: "disagrees", SATURATED: "saturated", DRIFTED: "drifted"}
IN_A_ROW, LEARNED_OF = 3, 5
AXES = {
    f"magnetic_z_{unit}": tuple(f"magnetic_{base}{axis}_{unit}" for base in bases for axis in "xyz")
    for unit, bases in (("ut", ("",)), ("counts", ("", "base_")))
}
"""The quantity that a rule names -> all that are looked at: three axes and, in counts, three of the baseline."""

Vector = tuple[float, ...]
Memory = tuple[int, tuple[int, int, int], Vector | None, tuple[Vector, ...]]
"""What is wrong (bits, -1 = nothing is known); readings in a row, for each of them; the baseline that was learned; what
it is learned of."""


class Magnetic(Struct, frozen=True, kw_only=True):
    """quantity: magnetic_z_ut or magnetic_z_counts, which stands for all axes; the amounts are in its unit.

    vehicle     by how much a vehicle moves the field at the least
    drift       by how much a baseline may move
    full_scale  end of the scale of one axis; None = not looked at
    """

    quantity: str
    vehicle: float
    drift: float
    full_scale: float | None = None


def step(memory: Memory, given: Together | Due, settings: Magnetic, interval_ms: int) -> Said:
    """Judge one reading."""
    _, runs, rest, seen = memory
    values = () if isinstance(given, Due) else given.values
    field = _whole(values[:3])
    if field is None:
        return Said(memory, UNKNOWN if memory[0] < 0 else VIOLATED if memory[0] else NORMAL)
    occupied, own = values[-1], _whole(values[3:-1])
    baseline = own if own is not None else field if occupied is not None and not occupied else None
    if rest is None and baseline is not None:
        seen = (*seen, baseline)
        if len(seen) == LEARNED_OF:
            rest, seen = tuple(median(axis) for axis in zip(*seen, strict=True)), ()
    usual = own if own is not None else rest
    off = dist(field, usual) if usual is not None else None
    moved = dist(baseline, rest) if baseline is not None and rest is not None else 0.0
    holds = (
        off is not None
        and occupied is not None
        and (off < settings.vehicle / 2 if occupied else off > settings.vehicle),
        settings.full_scale is not None and max(map(abs, field)) >= settings.full_scale,
        moved > settings.drift,
    )
    runs = tuple(min(run + 1, IN_A_ROW) if one else 0 for run, one in zip(runs, holds, strict=True))  # type: ignore[assignment]
    wrong = sum(bit for bit, run in zip(REASONS, runs, strict=True) if run >= IN_A_ROW)
    new = wrong & ~max(memory[0], 0)
    why = {}
    if new:
        why = {"reason": REASONS[new & -new], "field": list(field), "baseline": list(usual or ()), "off": off}
        why["for_s"] = IN_A_ROW * interval_ms // 1000
    return Said((wrong, runs, rest, seen), VIOLATED if wrong else NORMAL, why=why)


def _whole(values: tuple[float | None, ...]) -> Vector | None:
    known = tuple(float(value) for value in values if value is not None)
    return known if known and len(known) == len(values) else None


KIND = Kind(
    id="magnetic", settings=Magnetic, needs="several", start=(-1, (0, 0, 0), None, ()), step=step, doubts=True,
    together=lambda settings: (*AXES[settings.quantity], "occupied"),
)  # fmt: skip
