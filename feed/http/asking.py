"""Waiting for the pipeline without holding up the loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar, cast

from feed.http import problems
from feed.http.problems import ProblemError
from rules.fold import Fold

ANSWER_S = 10.0  # the pipeline answers within half a second, or it is ill

T = TypeVar("T")


async def look(ask: Callable[[Callable[[Fold], Any]], "Future[Any]"], question: Callable[[Fold], T]) -> T:
    """Ask the fold for something to show. What the question raises is raised here: a look ends no pipeline.

    Raises ProblemError as `answer_of` does.
    """

    def safely(fold: Fold) -> tuple[T, None] | tuple[None, Exception]:
        try:
            return question(fold), None
        except Exception as error:  # noqa: BLE001 - raised where it belongs, and told as a defect (500)
            return None, error

    found, error = await answer_of(ask(safely), "查询")
    if error is not None:
        raise error
    return cast("T", found)


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
