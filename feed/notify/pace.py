"""When what is sent: token buckets and digests. Pure; time is an input.

Steady time (ms) never jumps and never stands still. The receiver counts what arrives in a window that nobody knows to
begin when ours does, so no window of its length may ever hold more than it allows: a send stays in ours until a full
window after the last moment at which it may have arrived.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from feed.notify.records import ChannelState, Row, Upshot

Windows = Sequence[tuple[int, int]]
"""(span in ms, most sends in any such span)."""

SLACK_MS = 1_000
MERGE_FROM = 15
"""Of priority 1 so many a minute go one by one; from then on all that wait go in one message."""
MERGED_EVERY_MS = 12_000
MINUTE_MS = 60_000
SHUT_S = 600.0
LONGEST_S = 120.0
"""A channel that fails again and again is tried as seldom as that, unless it asks for more."""


def reserved(most: int) -> int:
    """How many of the tokens only priority 1 may take."""
    return max(1, most // 4) if most > 1 else 0


def free_at(windows: Windows, sends: Sequence[int], now_ms: int, *, urgent: bool) -> int:
    """Return when the next one may be sent; now_ms = at once. sends: steady times, in order."""
    at = now_ms
    for span_ms, most in windows:
        allowed = most if urgent else most - reserved(most)
        if len(sends) >= allowed:
            at = max(at, sends[len(sends) - allowed] + span_ms + SLACK_MS)
    return at


class Pick(NamedTuple):
    """The rows that go into the next message, in order, and from when on (civil ms)."""

    at_ms: int
    rows: list[Row]


def pick(waiting: Sequence[Row], urgent_before: Sequence[int], steady_ms: int, now_ms: int) -> Pick | None:
    """Choose what goes next of what waits for one channel in one language; None = nothing waits.

    Priority 1 goes first and at once. The others wait until the first of them has waited for its time, and then go
    together. urgent_before: steady times at which messages with priority 1 were sent, in order.
    """
    due = sorted((row for row in waiting if row.due_ms <= now_ms), key=lambda row: row.order)
    urgent = [row for row in due if row.urgent]
    if urgent:
        recent = [at for at in urgent_before if at > steady_ms - MINUTE_MS]
        if len(recent) + len(urgent) < MERGE_FROM:
            return Pick(now_ms, urgent[:1])
        wait_ms = max(0, recent[-1] + MERGED_EVERY_MS - steady_ms) if len(recent) >= MERGE_FROM - 1 else 0
        return Pick(now_ms + wait_ms, urgent)
    alone = [row for row in due if row.notice.kind != "alarm"]
    if alone:
        return Pick(now_ms, alone[:1])
    if due:
        return Pick(max(now_ms, min(row.due_ms + row.wait_ms for row in due)), due)
    later = min((row.due_ms for row in waiting), default=None)
    return None if later is None else Pick(later, [])


def state_after(state: ChannelState, said: Upshot, now_ms: int, steady_ms: int) -> ChannelState:
    """Return how a channel stands after an attempt, and until when nothing is tried."""
    if said.word == "sent":
        return replace(state, failures=0, failing=False, blocked_until_ms=0, sent_ms=now_ms, detail="")
    wait_s = SHUT_S if said.word == "shut" else said.after_s
    if said.word == "again":
        wait_s = max(wait_s, min(LONGEST_S, wait_s * 2 ** min(state.failures, 6)))
    return replace(
        state,
        failures=state.failures + 1,
        failing=state.failing or said.word != "again" or said.after_s >= SHUT_S or state.failures > 0,
        failed_ms=now_ms,
        detail=said.detail,
        blocked_until_ms=steady_ms + int(wait_s * 1000),
    )
