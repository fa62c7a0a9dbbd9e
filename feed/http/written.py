"""What endpoints read of the desk, and what they change in it."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from feed.http import problems_access
from feed.http.problems import ProblemError
from feed.people import PeopleError

T = TypeVar("T")


class DeskThread:
    """Work on the desk, on threads of its own: nobody waits for more than the disk, and the desk's other writers."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, name)

    async def __call__(self, work: Callable[[], T]) -> T:
        """Have it done; a change is on the disk then, and is made also when who asked has gone meanwhile.

        Raises ProblemError: 422 where it cannot be, 503 where the disk is full.
        """
        try:
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._pool, work))
        except PeopleError as error:
            raise ProblemError(problems_access.cannot_be(error.word, error.zh, error.en)) from None
        except sqlite3.Error as error:
            raise ProblemError(problems_access.not_written(str(error))) from None

    async def close(self) -> None:
        """Wait until all is done, and let the threads go."""
        await asyncio.to_thread(self._pool.shutdown)
