"""Threads beside the event loop.

What may wait, for the pipeline, a child, InfluxDB or the desk's disk, has threads of its own: so who asks for it keeps
nobody else waiting, least of all who acknowledges an alarm. `asyncio.to_thread` is for what only computes or reads.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any, TypeVar

from feed.http import problems
from feed.http.problems import ProblemError

T = TypeVar("T")


class Beside:
    """Work beside the loop, so many at a time."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, name)

    async def work(self, work: Callable[[], T]) -> T:
        """Have it done. Raises what it raises; ProblemError where it waits for a pipeline that has ended: 503."""
        return await self._begin(work)

    def _begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        def worked() -> T:
            try:
                return work()
            except CancelledError:
                raise ProblemError(problems.stopping()) from None

        return asyncio.get_running_loop().run_in_executor(self._pool, worked)


class Once(Beside):
    """The same; who asks for what is being worked out already waits for that. For what changes nothing."""

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, name)
        self._running: dict[tuple[object, ...], asyncio.Future[Any]] = {}

    async def once(self, key: tuple[object, ...], work: Callable[[], T]) -> T:
        """Have it done, if nobody has it done under this key. Raises as `work` does."""
        running: asyncio.Future[T] | None = self._running.get(key)
        if running is None:
            running = self._running[key] = self._begin(work)
            running.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(running)

    def _done(self, key: tuple[object, ...], done: "asyncio.Future[Any]") -> None:
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()  # perhaps nobody waits for it any more
