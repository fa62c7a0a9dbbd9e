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


class Due(Struct, frozen=True, gc=False):
    """The timer that the kind asked for; for kinds that look for signs of life, two log times besides.

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
           sign: judges whether the device was heard of
           day: judges closed days of `settings.quantity` (a violated one is a finding)
           rolling: judges the windows of `settings.quantity` by timer
    start  the memory of a rule that has seen nothing
    step   (memory, given, settings, interval of the device in ms) -> Said; pure
    limit  what an alarm of it shows as its limit
    """

    id: str
    settings: type[Struct]
    needs: Literal["live", "sign", "day", "rolling"]
    start: Any
    step: Callable[[Any, Any, Any, int], Said]
    limit: Callable[[Any], float | None] = lambda _settings: None
