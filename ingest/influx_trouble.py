"""When InfluxDB fails: how long to wait before the next try, and what people are told of it."""

import random
from collections.abc import Callable
from typing import Any

from ingest.influx import Answer

DOWN_S = 60.0  # a shorter outage is not worth an alarm
PAUSE_S = (1.0, 60.0)
LONGEST_RETRY_AFTER_S = 600.0

Report = Callable[[str, dict[str, Any]], None]
"""(kind, data) of a Status whose subject is the gateway; called from the writer's thread."""

_CHECKS = {
    401: ("检查 token 是否正确、是否已停用", "check that the token is right and active"),
    403: ("检查 token 对该 bucket 是否有写权限", "check that the token may write to this bucket"),
    404: ("检查 org 和 bucket 的名称以及 url", "check the names of org and bucket, and the url"),
}
_OTHER = ("检查 url：该地址上的可能不是 InfluxDB 2", "check the url: perhaps it is not InfluxDB 2 that answers there")


class Trouble:
    """The failures in a row since InfluxDB last took something.

    failing   whether the last try failed
    retry_at  the time of the next try, on the clock that `failed` was called with
    """

    def __init__(self, report: Report, *, pause_s: tuple[float, float] = PAUSE_S, down_s: float = DOWN_S) -> None:
        """pause_s: the first and the longest pause; down_s: after that long people are told."""
        self._report, self._pause_s, self._down_s = report, pause_s, down_s
        self._failures = 0
        self._down_since: float | None = None
        self._told: dict[str, bool | None] = {"influx-down": None, "influx-refused": None}  # None: by a former process?
        self.retry_at = 0.0

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def failed(self, answer: Answer, now_s: float) -> None:
        """Take note of an answer that is not about lines; plan the next try and tell people what there is to tell."""
        first, longest = self._pause_s
        pause = min(longest, first * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._failures += 1
        self.retry_at = now_s + max(pause, min(answer.retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
        said = f"{answer.status or '-'} {answer.detail}".strip()
        if answer.meaning == "refused":
            self._down_since = None
            zh, en = _CHECKS.get(answer.status, _OTHER)
            self._tell("influx-refused", f"{said}。{zh}", f"{said}; {en}")
            self._clear("influx-down")
            return
        self._down_since = now_s if self._down_since is None else self._down_since
        if now_s - self._down_since >= self._down_s:
            self._tell("influx-down", said, said)

    def worked(self) -> None:
        """Take note that InfluxDB took something."""
        self._failures = 0
        self._down_since = None
        for name in self._told:
            self._clear(name)

    def _tell(self, name: str, zh: str, en: str) -> None:
        if self._told[name] is not True:
            self._told[name] = True
            self._report("condition", {"name": name, "bad": True, "why_zh": zh, "why_en": en})

    def _clear(self, name: str) -> None:
        if self._told[name] is not False:
            self._told[name] = False
            self._report("condition", {"name": name, "bad": False, "why_zh": "", "why_en": ""})
