"""Kind `peer`: a monitor differs from all others of its group, hour after hour. Either its air is another, or it is.

At the closing of an hour its mean is compared with those of the other members that have a valid one: robust z = (mean -
median) / (1.4826 × median deviation), where the deviation counts for no less than a tenth of the median (five stations
that agree to the last digit make nobody an outlier). It is violated when z is over the limit, always to the same side,
for so many hours in a row (5 and 3, unless the rule says otherwise), and normal at the first hour in which it is not.
With fewer than `members` others nothing can be said, and nothing is counted. Revisions of an hour judge nothing anew.

The group is all that the rule is for, or of these the ones of the same site, or district.
"""

from statistics import median
from typing import Literal

from msgspec import Struct

from rules.verdicts import ALWAYS_QUIET, NORMAL, UNKNOWN, VIOLATED, Kind, Said

_TO_SIGMA = 1.4826  # of a normal distribution
_LEAST_SPREAD = 0.1  # of the median

Memory = tuple[int, int]  # verdict; hours in a row, positive = above the others, negative = below


class Peer(Struct, frozen=True, kw_only=True):
    """z: how far off; hours: for how many in a row; members: of how many others at the least."""

    quantity: str
    z: float = 5.0
    hours: int = 3
    members: int = 4
    among: Literal["all", "site", "district"] = "all"


class Members(Struct, frozen=True):
    """What is judged: an hour's mean of one member (None = not valid), and those of the others that are valid."""

    mean: float | None
    others: tuple[float, ...]


def step(memory: Memory, given: Members, settings: Peer, _interval_ms: int) -> Said:
    """Compare one hour."""
    verdict, run = memory
    if given.mean is None or len(given.others) < settings.members:
        return Said((verdict, 0), UNKNOWN, None, ALWAYS_QUIET)
    middle = median(given.others)
    spread = _TO_SIGMA * median(abs(one - middle) for one in given.others)
    z = (given.mean - middle) / max(spread, _LEAST_SPREAD * middle, 1e-9)
    side = 1 if z > settings.z else -1 if z < -settings.z else 0
    run = run + side if side and run * side >= 0 else side
    verdict = VIOLATED if abs(run) >= settings.hours else NORMAL
    why = {
        "z": round(z, 2), "mean": given.mean, "median": middle, "deviation": spread, "members": len(given.others),
        "hours": abs(run), "for_s": abs(run) * 3600, "reason": "peer",
    }  # fmt: skip
    return Said((verdict, run), verdict, None, ALWAYS_QUIET, why)


KIND = Kind(
    id="peer", settings=Peer, needs="peers", start=(UNKNOWN, 0), step=step, doubts=True,
    limit=lambda settings: settings.z,
)  # fmt: skip
