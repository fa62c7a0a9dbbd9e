"""Counters of frames, session by session: what came before, what comes late, when a device began to count again.

A counter that falls while time goes on is a new session (join, battery): normal, and the session before is kept for
what a platform sends again (reference: Helium repeated 24 % of its messages, up to 48 days late).
Source: LoRaWAN 1.0.4 §4.3.1.5: frame counters begin at 0 when a device joins, and never fall within a session.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

BITS = 1024  # counters that are remembered below the unbroken run
MISSED_AT_MOST = 16384  # a larger gap is no gap but another count (LoRaWAN 1.0.x MAX_FCNT_GAP)
SESSION_START = 3  # a counter this low, without a time beside it, may be a restart

_ALL = (1 << BITS) - 1

Session = tuple[int, int, int]
"""Newest counter; where the unbroken run begins that it ends; bits of what came before the run, run - 1 the lowest."""


Plain = tuple[int, int, str]
"""A session for the snapshot: its bits are more than a number of msgpack can hold."""


class Counted(Protocol):
    """Whose frames are counted. counter -1 = none yet; old: the session before; missed: frames that never came."""

    counter: int
    run: int
    mask: int
    old: Session | None
    missed: int


def seen(session: Session, counter: int) -> bool:
    """Tell whether this counter came in this session, as far as it is remembered."""
    last, run, mask = session
    if run <= counter <= last:
        return True
    back = run - 1 - counter
    return 0 <= back < BITS and bool(mask >> back & 1)


def packed(session: Session) -> Plain:
    """Make a session plain data."""
    return session[0], session[1], f"{session[2]:x}"


def unpacked(plain: Sequence[Any]) -> Session:
    """Read it again."""
    return plain[0], plain[1], int(plain[2], 16)


def noted(session: Session, counter: int) -> Session:
    """Remember a counter that was not seen."""
    last, run, mask = session
    if counter <= last:
        back = run - 1 - counter
        return (last, run, mask | 1 << back) if 0 <= back < BITS else session
    gap = counter - last - 1
    if not gap:
        return counter, run, mask
    length = min(last - run + 1, BITS)
    mask = ((mask << length | (1 << length) - 1) << min(gap, BITS)) & _ALL
    return counter, counter, mask


def compare(counted: Counted, counter: int, *, newer: bool | None) -> Literal["", "older", "duplicate"]:
    """Compare a counter with what came, and remember it: "" new, "older" new but late, "duplicate".

    newer  whether the platform's time is later than all before; None = there is no such time
    """
    last = counted.counter
    if last < 0:
        counted.counter = counted.run = counter
        return ""
    session = (last, counted.run, counted.mask)
    if counter > last:
        if newer is False and counted.old is not None:
            return _of_old(counted, counted.old, counter)
        gap = counter - last - 1
        counted.missed += gap if gap < MISSED_AT_MOST else 0
        counted.counter, counted.run, counted.mask = noted(session, counter)
        return ""
    if _began_again(last, counter, newer=newer):
        counted.old = session
        counted.counter = counted.run = counter
        counted.mask = 0
        return ""
    if seen(session, counter) or (counted.old is not None and seen(counted.old, counter)):
        return "duplicate"
    _, counted.run, counted.mask = noted(session, counter)
    return "older"


def _of_old(counted: Counted, old: Session, counter: int) -> Literal["older", "duplicate"]:
    """Compare a late frame with the session before, to which its higher counter belongs."""
    if seen(old, counter):
        return "duplicate"
    counted.old = noted(old, counter)
    return "older"


def _began_again(last: int, counter: int, *, newer: bool | None) -> bool:
    """Tell a new session from a late frame. Without a time beside it: counters near 0, or far below."""
    if newer is not None:
        return newer
    return (counter <= SESSION_START and last > 4 * SESSION_START) or last - counter >= BITS
