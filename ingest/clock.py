"""Log time and civil time (DESIGN: two clocks). Log time is the monotonic clock, continued over boots, never corrected.

Civil time is an offset to it; it is what the system's clock says as long as that can be believed. A jump of more than
5 min is believed only when NTP stands behind it, or the platforms of several sources: a clock of 2099 for a minute must
not poison a single window.
"""

import ctypes
import subprocess
import time
from collections.abc import Callable

from msgspec import Struct

BELIEVED_JUMP_MS = 300_000
NOTICED_MS = 500
LONGEST_OFF_MS = 400 * 86_400_000  # a gateway may have been off that long
AGREES_MS = 60_000  # the system's clock and several platforms
UNDISCIPLINED_US = 16_000_000  # the kernel's NTP_PHASE_LIMIT: what its estimate of the error ends at
TIMEDATED = ("org.freedesktop.timedate1", "/org/freedesktop/timedate1", "org.freedesktop.timedate1", "NTPSynchronized")
TIMEDATED_S = 5


class Civil(Struct, frozen=True):
    """What is believed of civil time: civil = log + offset."""

    offset_ms: int
    source: str
    trusted: bool


def now_civil_ms() -> int:
    """Return what the system's clock says."""
    return time.time_ns() // 1_000_000


class _Timex(ctypes.Structure):
    """The beginning of struct timex (adjtimex(2)), and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


def ntp_says_so() -> bool:
    """Tell whether the system's clock is disciplined by NTP, by timesyncd, chrony or ntpd. May take seconds.

    The kernel knows: whoever disciplines its clock tells it how far off that can be, and what nobody tells any more, or
    after somebody has set the clock by hand, grows to 16 s and stays there. (STA_UNSYNC says less: chrony leaves it set
    without `rtcsync`. systemd judges the same way: ntp_synced in src/basic/time-util.c.) The unit's ProtectClock= keeps
    the service from asking, so that systemd's timedated must.
    """
    kernel = kernel_says()
    return bool(timedated_says() if kernel is None else kernel)


def kernel_says() -> bool | None:
    """Ask adjtimex(2), for reading; None = it may not be asked."""
    timex = _Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) < 0:
        return None
    return bool(timex.maxerror < UNDISCIPLINED_US)


def timedated_says() -> bool | None:
    """Ask systemd's timedated on the system bus; None = it is not there."""
    command = ["busctl", "--system", "get-property", *TIMEDATED]
    try:
        said = subprocess.run(  # noqa: S603 - a command of our own
            command, capture_output=True, text=True, timeout=TIMEDATED_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"b true\n": True, "b false\n": False}.get(said.stdout)


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


def judge_civil(
    log_ms: int, system_ms: int, believed: Civil, *, ntp: Callable[[], bool], platforms_ms: int | None = None
) -> Civil:
    """Decide what to believe of civil time, given what the system's clock says.

    ntp           asked only where the system's clock has jumped
    platforms_ms  offset to log time that the platforms of several sources agree on; None = they do not
    """
    offset_ms = system_ms - log_ms
    jump_ms = abs(offset_ms - believed.offset_ms)
    if jump_ms < NOTICED_MS:
        return Civil(believed.offset_ms, "system", trusted=True)
    if jump_ms <= BELIEVED_JUMP_MS:
        return Civil(offset_ms, "system", trusted=True)
    if platforms_ms is not None and abs(offset_ms - platforms_ms) <= AGREES_MS:
        return Civil(offset_ms, "platforms", trusted=True)
    if ntp():
        return Civil(offset_ms, "ntp", trusted=True)
    if platforms_ms is not None and abs(platforms_ms - believed.offset_ms) > BELIEVED_JUMP_MS:
        return Civil(
            platforms_ms, "platforms", trusted=False
        )  # the better one, though the system's clock says otherwise
    return Civil(believed.offset_ms, believed.source, trusted=False)
