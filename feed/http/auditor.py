"""Writes the audit trail beside the event loop, and knows of each request whether it has been written down."""

import asyncio
import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from msgspec import Struct, structs

from feed.desk import Audited, Desk
from feed.people_throttle import Budget
from feed.wire import json_of

log = logging.getLogger(__name__)


class Visit(Struct):
    """One request at the door. audited: somebody has written down what became of it."""

    audited: bool = False


visit: ContextVar[Visit] = ContextVar("visit")
"""The request that is being answered; the guard sets it."""


class Auditor:
    """The audit trail, for the endpoints. On the loop; writes on a thread of its own, one entry after the other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._budget = Budget()
        self._thread = ThreadPoolExecutor(1, "feed-audit")

    async def write(self, entry: Audited) -> None:
        """Write down what has happened; on the disk when this returns."""
        present = visit.get(None)
        if present is not None:
            present.audited = True
        try:
            # Also when who asked has gone meanwhile.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, self._desk.audit, entry))
        except sqlite3.Error as error:
            # It has happened and is in the journal; to call it failed now would be the greater lie.
            log.error("audit trail not written (%s): make room on the disk. Entry: %s", error, entry)  # noqa: TRY400

    async def refused(self, entry: Audited, address: str) -> None:
        """Write down an attempt that was refused, unless this address, or all, fill the disk with such: then count."""
        present = visit.get(None)
        if present is not None:
            present.audited = True
        unwritten = self._budget.spend(address, time.monotonic())
        if unwritten is None:
            return
        if unwritten:
            entry = structs.replace(entry, answer=f"{entry.answer} [and {unwritten} more before it, not written down]")
        await self.write(entry)

    async def close(self) -> None:
        """Wait until all is written down, and let the thread go."""
        await asyncio.to_thread(self._thread.shutdown)

    async def settle(self) -> None:
        """Write down how many refused attempts were not, if there are any."""
        count = self._budget.unwritten()
        if count:
            told = f"{count} more refused attempts were not written down"
            await self.write(Audited(who="", via="", what="refused", status=0, answer=told))


def as_json(what: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    """Write `before` or `after`."""
    return json_of(what).decode()
