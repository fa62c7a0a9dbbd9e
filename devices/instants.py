"""Texts that say when, turned into Unix ms."""

from datetime import UTC, datetime
from typing import Final

_SECONDS: dict[str, int] = {}
_MILLIS: Final = {f"{ms:03}": ms for ms in range(1000)}
_MOST: Final = 5000
_FIRST_MS: Final = -30_610_224_000_000  # 1000-01-01: years before it have fewer digits
_LAST_MS: Final = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z


def rfc3339_ms(text: str) -> int:
    """Turn RFC 3339 into Unix ms; a time without a zone is UTC. Raises ValueError.

    Platforms print nanoseconds; what is below a millisecond is cut off. Many devices report in the same second, so
    what comes before the point is remembered: that makes it five times as fast.
    """
    try:
        if text[-6:] == "+00:00" or text[-1] == "Z":
            return _SECONDS[text[:20]] + _MILLIS[text[20:23]]  # with the point
    except LookupError:
        pass  # a second not met before
    return _careful_ms(text)


def _careful_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    at_ms = int(moment.timestamp() // 1) * 1000 + moment.microsecond // 1000
    if not moment.utcoffset() and text[10:11] == "T" and text[19:20] == ".":
        if len(_SECONDS) >= _MOST:
            _SECONDS.clear()
        _SECONDS[text[:20]] = at_ms // 1000 * 1000
    return at_ms


def rfc3339(at_ms: int) -> str:
    """Turn Unix ms into RFC 3339 of UTC, `2026-11-24T08:16:00.000Z`; what it cannot write, into the nearest it can."""
    at_ms = min(max(at_ms, _FIRST_MS), _LAST_MS)
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
