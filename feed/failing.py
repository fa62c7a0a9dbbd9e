"""A way out that fails: how long to wait before the next try, and the condition that people are told of."""

import random
from collections.abc import Callable
from typing import Any

DOWN_S = 60.0  # a shorter failure is not worth an alarm
PAUSE_S = (1.0, 60.0)
LONGEST_RETRY_AFTER_S = 600.0

Report = Callable[[str, dict[str, Any]], None]
"""(kind, data) of a Status whose subject is the way out; from any thread."""


class Failing:
    """The failures in a row since something last went through.

    failing   whether the last try failed
    why       what was said then
    """

    def __init__(
        self, report: Report, condition: str, *, pause_s: tuple[float, float] = PAUSE_S, down_s: float = DOWN_S
    ) -> None:
        """condition: its name in `rules.packs.gateway`; pause_s: the first and the longest; down_s: then it is told."""
        self._report, self._condition, self._pause_s, self._down_s = report, condition, pause_s, down_s
        self._failures = 0
        self._since_s: float | None = None
        self._told: bool | None = None  # None: perhaps by a former process
        self.why = ""

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def failed(self, zh: str, en: str, now_s: float, *, retry_after_s: float | None = None) -> float:
        """Take note of a failure, tell people when it lasts; return how long to wait before the next try."""
        first, longest = self._pause_s
        pause: float = min(longest, first * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._failures += 1
        self.why = en
        self._since_s = now_s if self._since_s is None else self._since_s
        if now_s - self._since_s >= self._down_s and self._told is not True:
            self._told = True
            self._report("condition", {"name": self._condition, "bad": True, "why_zh": zh, "why_en": en})
        return max(pause, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))

    def worked(self) -> None:
        """Take note that something went through."""
        self._failures, self._since_s, self.why = 0, None, ""
        if self._told is not False:
            self._told = False
            self._report("condition", {"name": self._condition, "bad": False, "why_zh": "", "why_en": ""})
