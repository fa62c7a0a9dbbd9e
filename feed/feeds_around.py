"""What stands around a feed: whom it serves, where it keeps things, and what it may ask of the gateway."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from msgspec import Struct

from feed.failing import Report
from rules.records import Answer, Command


class Around(Struct, frozen=True, kw_only=True):
    """The gateway, as a feed sees it.

    gateway  its id
    state    directory of book and desk
    report   makes what reports a Status of a subject: `feed:city`
    submit   gives a command to the pipeline; the answer comes when it is durable
    civil_ms  civil time as the gateway believes it, Unix ms; from any thread
    alive    whether the pipeline gets on; where it does not, nobody is told that all is well
    """

    gateway: str
    state: Path
    report: Callable[[str], Report]
    submit: Callable[[Command], "Future[Answer]"]
    civil_ms: Callable[[], int]
    alive: Callable[[], bool]
