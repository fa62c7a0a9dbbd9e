"""Changes of the desk that count only when they are on the disk."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from feed.http import problems_access
from feed.http.problems import ProblemError
from feed.people import PeopleError

T = TypeVar("T")


async def written(change: Callable[[], T]) -> T:
    """Make a change beside the loop. Raises ProblemError: 422 where it cannot be, 503 where the disk is full."""
    try:
        return await asyncio.to_thread(change)
    except PeopleError as error:
        raise ProblemError(problems_access.cannot_be(error.word, error.zh, error.en)) from None
    except sqlite3.Error as error:
        raise ProblemError(problems_access.not_written(str(error))) from None
