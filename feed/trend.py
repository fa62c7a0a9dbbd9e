"""The last minutes of one quantity of one device, with the limits that are compared with it. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct, structs

from devices.instants import rfc3339
from devices.quantities import QUANTITIES
from feed.limits import LimitView, limits_of
from feed.past import Minutes
from rules.fold import Fold
from rules.minutes import Lent
from rules.periods import CENTI, LONGEST_REACH_MIN, MINUTE_MS
from rules.records import Text

STEP_S = 60

_WINDOWED = Text("各分钟均值；无有效数据处为空", "Means of the minutes; empty where nothing is valid")
_JOURNAL = Text("各分钟内收到的读数均值；没有读数处为空", "Means of what came in each minute; empty where nothing did")


class Trend(Struct, frozen=True, kw_only=True):
    """Values minute by minute, up to the present one.

    start       of the first minute, RFC 3339; step_s: seconds between two values
    values      null = nothing is known of that minute: a gap, never to be bridged
    windowed    each value stands for the minutes since the device's previous one, as in the means that are judged
    interval_s  how often the device reports at the least
    limits      of the rules in force that compare this quantity today
    note        what the values are, and what of them is missing
    """

    gateway: str
    device: str
    quantity: str
    unit: str
    step_s: int
    start: str
    values: list[float | None]
    windowed: bool
    interval_s: float
    limits: list[LimitView]
    note: Text


class Asked(Struct):
    """What the fold says: the answer without its values; what they are made of, None = of the journal."""

    trend: Trend
    start_ms: int
    count: int
    lent: Lent | None
    reach: int


def asked(fold: Fold, gateway: str, device: str, quantity: str, count: int, now_ms: int) -> Asked | None:  # noqa: PLR0913, PLR0917 - one question
    """Ask the fold; None = no such device, or it has no such quantity of numbers. Runs on the pipeline's thread."""
    world = fold.memory.world
    track = world.reception.tracks.get(device)
    known = QUANTITIES.get(quantity)
    if track is None or known is None or quantity not in track.quantities or known.type == "text":
        return None
    end = now_ms // MINUTE_MS + 1
    first = end - count
    series = world.windows.find(device, quantity)
    date = world.windows.calendar.day(end - 1).date
    limits = [
        limit
        for judge in world.judging.judges.of_subject.get(device, ())
        if judge.rule.mode == "live" and getattr(judge.rule.settings, "quantity", None) == quantity
        for limit in limits_of(judge.rule)
        if (limit.from_ or date) <= date <= (limit.to or date)
    ]
    trend = Trend(
        gateway=gateway, device=device, quantity=quantity, unit=known.unit, step_s=STEP_S,
        start=rfc3339(first * MINUTE_MS), values=[], windowed=series is not None,
        interval_s=track.device.interval_ms / 1000, limits=limits, note=_WINDOWED if series is not None else _JOURNAL,
    )  # fmt: skip
    lent = None if series is None else world.windows.lend([series], first, end)
    return Asked(trend, first * MINUTE_MS, count, lent, 0 if series is None else series.reach)


def of_windows(found: Asked, lent: Lent) -> Trend:
    """Work the values out of the minutes."""
    sums, counts = lent.cells()
    return structs.replace(found.trend, values=minute_values(sums[:, 0], counts[:, 0], found.reach))


def of_journal(found: Asked, minutes: Minutes) -> Trend:
    """Take what the journal says."""
    note, missing = found.trend.note, minutes.note
    if missing is not None:
        note = Text(f"{note.zh}。{missing.zh}", f"{note.en}. {missing.en}")
    return structs.replace(found.trend, values=minutes.values, note=note)


def minute_values(sums: npt.NDArray[Any], counts: npt.NDArray[Any], reach: int) -> list[float | None]:
    """Say what each minute of a series is: valid and how much as in `rules.periods.hour_slots`, or None.

    sums, counts  as in `rules.minutes`; count 0 and sum not 0 = the device spoke, but not of this
    """
    spoke = (np.asarray(counts) > 0) | (np.asarray(sums) != 0)
    values = [float(total) / CENTI / int(count) if count else None for total, count in zip(sums, counts, strict=True)]
    behind = _since_spoken(spoke.tolist())
    found: list[float | None] = [None] * len(values)
    far, value = LONGEST_REACH_MIN + 1, None
    for at in range(len(values) - 1, -1, -1):
        far, value = (0, values[at]) if spoke[at] else (far + 1, value)
        closes = far + behind[at] - 1 <= reach
        if value is not None and far <= (reach if closes else max(reach - 1, 0)):
            found[at] = round(value, 4)
    return found


def _since_spoken(spoke: Sequence[bool]) -> list[int]:
    """Tell of each minute how many lie between it and the last one before it in which the device spoke, itself too."""
    found, behind = [], 0
    for each in spoke:
        behind = 0 if each else behind + 1
        found.append(behind)
    return found
