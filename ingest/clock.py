"""Log time and civil time (DESIGN: two clocks). Log time is the monotonic clock, continued over boots, never corrected.

Civil time is an offset to it; it is what the system's clock says as long as that can be believed. A jump of more than
5 min is believed only when NTP stands behind it: a clock of 2099 for a minute must not poison a single window.
"""

import time
from pathlib import Path

from msgspec import Struct

BELIEVED_JUMP_MS = 300_000
NOTICED_MS = 500
LONGEST_OFF_MS = 400 * 86_400_000  # a gateway may have been off that long
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")


class Civil(Struct, frozen=True):
    """What is believed of civil time: civil = log + offset."""

    offset_ms: int
    source: str
    trusted: bool


def now_civil_ms() -> int:
    """Return what the system's clock says."""
    return time.time_ns() // 1_000_000


def ntp_says_so() -> bool:
    """Tell whether the system's clock is disciplined by NTP, as far as a confined service can know."""
    return SYNCHRONISED.exists()


class Clock:
    """Log time of this process: begins where the log ended, or where the system's clock says that it would be now."""

    def __init__(self, last_log_ms: int, offset_ms: int) -> None:
        """last_log_ms: log time of the newest record, 0 = a new log; offset_ms: what was believed last."""
        self._mono_ms = time.monotonic_ns() // 1_000_000
        log_ms = now_civil_ms() - offset_ms
        if last_log_ms and not last_log_ms <= log_ms <= last_log_ms + LONGEST_OFF_MS:
            log_ms = last_log_ms  # the system's clock is behind the log, or absurd: go on where the log ended
        self._base_ms = log_ms

    def log_ms(self) -> int:
        """Return log time now."""
        return self._base_ms + time.monotonic_ns() // 1_000_000 - self._mono_ms


def judge_civil(log_ms: int, system_ms: int, believed: Civil, *, ntp: bool) -> Civil:
    """Decide what to believe of civil time, given what the system's clock says. Pure."""
    offset_ms = system_ms - log_ms
    jump_ms = abs(offset_ms - believed.offset_ms)
    source = "ntp" if ntp else "system"
    if jump_ms > BELIEVED_JUMP_MS and not ntp:
        return Civil(believed.offset_ms, believed.source, trusted=False)
    if jump_ms < NOTICED_MS:
        return Civil(believed.offset_ms, source, trusted=True)
    return Civil(offset_ms, source, trusted=True)
