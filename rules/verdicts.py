"""How a rule kind speaks with the fold: what it is given, what it says."""

from collections.abc import Callable
from math import inf
from typing import Any, Literal

from msgspec import Struct

NORMAL, VIOLATED, UNKNOWN = 0, 1, 2

Band = tuple[float, float]
"""The quiet band: no value inside (both ends included) can change anything."""
NEVER_QUIET: Band = (inf, -inf)
ALWAYS_QUIET: Band = (-inf, inf)


class Live(Struct, frozen=True, gc=False):
    """One value of a reading that is judged."""

    at_ms: int  # log time
    value: float


class Together(Struct, frozen=True, gc=False):
    """Several quantities of one reading, as `Kind.together` names them; the first is there, the others may be None.

    listening_ms  since when the device can be heard without a break
    """

    at_ms: int  # log time
    values: tuple[float | None, ...]
    listening_ms: int


class Due(Struct, frozen=True, gc=False):
    """The timer that the kind asked for, and two log times of the device.

    last_sign_ms  when silence began; time in which nobody listened is taken out
    listening_ms  since when the device can be heard without a break
    """

    at_ms: int
    last_sign_ms: int = 0
    listening_ms: int = 0


class Said(Struct, frozen=True, gc=False):
    """What a step says.

    memory  what it wants to be given back; plain data, for it goes into the snapshot
    due_ms  log time at which it wants to be asked again, None = not by time
    why     reasons in numbers, for the evidence
    """

    memory: Any
    verdict: int
    due_ms: int | None = None
    quiet: Band = NEVER_QUIET
    why: dict[str, Any] = {}


class Kind(Struct, frozen=True, kw_only=True):
    """The declaration at the bottom of a kind's file.

    needs  live: judges values of `settings.quantity` as they come
           several: judges several quantities of a reading together, whenever it has `settings.quantity`
           sign: judges whether the device was heard of
           slot, hour: judges closed slots of 15 min, or hours, of `settings.quantity`
           day: judges closed days of `settings.quantity` (a violated one is a finding)
           day_hours: judges the hours of a day together, at each closing of one
           rolling: judges the hours that closed last, at each closing of one
           peers: judges the hours of a device beside those of the others of its group
    start  the memory of a rule that has seen nothing
    step   (memory, given, settings, interval of the device in ms) -> Said; pure
    limit  what an alarm of it shows as its limit
    others  the series of other devices that it looks at (rules.kinds.means.Other)
    together  the quantities that it looks at together; the first is `settings.quantity`
    doubts  it judges the instrument: what else is said of the same device is suspect while it is violated
    """

    id: str
    settings: type[Struct]
    needs: Literal["live", "several", "sign", "slot", "hour", "day", "day_hours", "rolling", "peers"]
    start: Any
    step: Callable[[Any, Any, Any, int], Said]
    limit: Callable[[Any], float | None] = lambda _settings: None
    others: Callable[[Any], tuple[Any, ...]] = lambda _settings: ()
    together: Callable[[Any], tuple[str, ...]] | None = None
    doubts: bool = False


WINDOWED = ("slot", "hour", "day", "day_hours", "rolling", "peers")
"""The needs of kinds that judge what closes."""
