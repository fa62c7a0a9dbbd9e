"""Passwords: how they are kept, and what one must be like.

argon2id with m = 19 MiB, t = 2, p = 1, which OWASP's Password Storage Cheat Sheet gives as a minimum: 23 ms and no more
than 19 MiB on a gateway with 1 GB, for only one is computed at a time (`feed.http.people` sees to that).
"""

import re
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

LEAST, LONG, MOST = 10, 16, 128
KINDS = 3
"""A password has 10 characters of three kinds (GB/T 22239: complexity), or 16 of any."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_KINDS = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]")
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # without what looks alike: i l o 0 1


def hashed(password: str) -> str:
    """Hash a password. Takes 23 ms and 19 MiB: not on the event loop."""
    return _hasher.hash(password)


@cache
def nobodys() -> str:
    """Give what is compared where there is no such person, so that it takes as long."""
    return hashed(secrets.token_hex(16))


def matches(kept: str, password: str) -> bool:
    """Whether it is this password. As dear as `hashed`."""
    try:
        return _hasher.verify(kept, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether it was hashed with other parameters than today's, and should be anew, now that the password is known."""
    return _hasher.check_needs_rehash(kept)


def weakness(password: str, user: str) -> tuple[str, str] | None:
    """Say what a password lacks, in Chinese and English, or None."""
    kinds = sum(bool(re.search(kind, password)) for kind in _KINDS)
    if len(password) < LEAST or (len(password) < LONG and kinds < KINDS):
        return (
            f"至少 {LEAST} 个字符，含大写字母、小写字母、数字、其他字符中的三种；或至少 {LONG} 个字符",
            f"it must have {LEAST} characters of three kinds (capitals, small letters, digits, others), or {LONG}",
        )
    if user.casefold() in password.casefold():
        return "不得含用户名", "it may not hold the user's name"
    if len(set(password)) < LEAST // 2:
        return "重复的字符太多", "it has too few different characters"
    return None


def one_time() -> str:
    """Make up a password to be typed once: 4 groups of 4 of 31 characters, 79 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(4)) for _ in range(4))
