"""Kind `silence`: nothing was heard of a device for longer than it may be quiet.

Silence is a time on the device (its last sign of life) and a timer that looks. Time in which nobody listened (the
gateway was off, the link was down) does not count, and when somebody listens again a device first has time to speak:
all that it may be quiet, at most 15 min. So a power cut is no flood, and a daily restart hides no dead device.
"""

from msgspec import Struct

from rules.verdicts import ALWAYS_QUIET, NORMAL, VIOLATED, Due, Kind, Said


class Silence(Struct, frozen=True, kw_only=True):
    """after_ms, or else `intervals` times the device's own reporting interval."""

    intervals: float | None = 3
    after_ms: int | None = None


GRACE_MS = 15 * 60_000


def limit_ms(settings: Silence, interval_ms: int) -> int:
    """How long a device of this interval may be quiet."""
    return settings.after_ms if settings.after_ms is not None else int((settings.intervals or 3) * interval_ms)


def step(_memory: None, given: Due, settings: Silence, interval_ms: int) -> Said:
    """Look at the clock and at the last sign of life; ask again when the time would be over."""
    limit = limit_ms(settings, interval_ms)
    over_ms = max(given.last_sign_ms + limit, given.listening_ms + min(limit, GRACE_MS))
    if given.at_ms < over_ms:
        return Said(None, NORMAL, over_ms, ALWAYS_QUIET)
    why = {"cause": "device", "quiet_for_s": (given.at_ms - given.last_sign_ms) // 1000}
    return Said(None, VIOLATED, None, ALWAYS_QUIET, why)


KIND = Kind(id="silence", settings=Silence, needs="sign", start=None, step=step)
