"""What an HTTP answer means where the receiver has no word of its own for it."""

import json
from typing import Any

from feed.notify.records import Verdict, again, refused, sent, shut

_OK, _TIMEOUT, _CONFLICT, _TOO_LARGE, _UNPROCESSABLE, _EARLY, _TOO_MANY, _DEFECT = (
    200,
    408,
    409,
    413,
    422,
    425,
    429,
    500,
)
_SHOWN = 200
_LONGEST_WAIT_S = 3600.0


def as_json(body: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None = it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def retry_after_s(headers: dict[str, str], usual: float) -> float:
    """Read Retry-After in seconds (names of headers are in lower case)."""
    said = headers.get("retry-after", "").strip()
    return min(float(said), _LONGEST_WAIT_S) if said.isdigit() and len(said) < 7 else usual  # noqa: PLR2004 - absurd


def by_status(status: int, headers: dict[str, str], body: bytes, *, plain_ok: bool = False) -> Verdict:
    """Judge by the HTTP status. plain_ok: 2xx alone says that it was taken."""
    detail = f"HTTP {status} {body[:_SHOWN].decode(errors='replace')}".strip()
    if _OK <= status < 300:  # noqa: PLR2004 - 2xx
        return sent(detail) if plain_ok else again(30.0, f"not understood: {detail}", maybe=True)
    if status == _TOO_MANY:
        return again(retry_after_s(headers, 60.0), detail)
    if status in (_TIMEOUT, _CONFLICT, _EARLY):
        return again(retry_after_s(headers, 30.0), detail, maybe=status == _TIMEOUT)
    if status >= _DEFECT:
        return again(retry_after_s(headers, 30.0), detail, maybe=True)
    if status in (_TOO_LARGE, _UNPROCESSABLE):
        return refused(detail)
    return shut(detail)
