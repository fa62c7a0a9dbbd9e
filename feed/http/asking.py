"""Waiting for the pipeline without holding up the loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from feed.behind import Behind
from feed.http import problems
from feed.http.problems import ProblemError
from rules.fold import Fold

ANSWER_S = 10.0  # the pipeline answers within half a second, or it is ill

T = TypeVar("T")


async def look(behind: Behind, question: Callable[[Fold], T]) -> T:
    """Ask the fold for something to show. What the question raises is raised here.

    Raises ProblemError as `answer_of` does.
    """
    found: T = await answer_of(behind.ask(question), "查询")
    return found


async def answer_of(future: "Future[T]", what: str) -> T:
    """Wait for the pipeline without ever cancelling what it has taken. what: in Chinese, for the refusal.

    Raises ProblemError: 504 when it has not answered in time, 503 when it stops.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def done(_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle)

    future.add_done_callback(done)
    try:
        await asyncio.wait_for(waiter, ANSWER_S)
    except TimeoutError:
        raise ProblemError(problems.no_answer_yet(what)) from None
    if future.cancelled():
        raise ProblemError(problems.stopping())
    return future.result()
