"""Kind `state`: a truth has a value for longer than a delay. A bay is occupied for 24 h; a cover is open.

While the value stays the same nothing can change but by time, so every repetition is quiet.
"""

from msgspec import Struct

from rules.verdicts import NORMAL, UNKNOWN, VIOLATED, Due, Kind, Live, Said

Memory = tuple[int, int]  # verdict; log time since when the value speaks against it, -1 = it does not


class State(Struct, frozen=True, kw_only=True):
    """value: the one that violates; delays: how long a value must hold before the verdict follows it."""

    quantity: str
    value: bool
    on_delay_ms: int = 0
    off_delay_ms: int = 0


def step(memory: Memory, given: Live | Due, settings: State, _interval_ms: int) -> Said:
    """Follow the value, after its delay."""
    verdict, since = memory
    if isinstance(given, Live):
        holds = bool(given.value) == settings.value
        if holds == (verdict == VIOLATED) and verdict != UNKNOWN:
            since = -1
        elif since < 0:
            since = given.at_ms
    else:
        holds = (verdict == VIOLATED) == (since < 0)
    if verdict == UNKNOWN and not holds:
        verdict, since = NORMAL, -1  # normal needs no proof of duration
    delay = settings.on_delay_ms if holds else settings.off_delay_ms
    if since >= 0 and given.at_ms >= since + delay:
        verdict, since = (VIOLATED if holds else NORMAL), -1
    now = int(settings.value == holds)  # a truth is compared with a whole number three times as fast
    return Said((verdict, since), verdict, since + delay if since >= 0 else None, (now, now))


KIND = Kind(id="state", settings=State, needs="live", start=(UNKNOWN, -1), step=step)
