"""Asking for passwords: one is computed at a time, beside the event loop, and who guesses waits longer and longer."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from starlette.requests import Request

from feed import people_passwords
from feed.http import problems_access
from feed.http.access import Actor
from feed.http.peers import Peer
from feed.http.problems import ProblemError
from feed.people import People, Person
from feed.people_throttle import Throttle

MOST_WAITING = 16  # 23 ms each on a desktop's processor, five times that on a gateway's

T = TypeVar("T")


class Passwords:
    """Compares and makes them. On the loop."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._thread = ThreadPoolExecutor(1, "feed-password")
        self._throttle = Throttle()
        self._waiting = 0

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False)

    async def hashed(self, password: str) -> str:
        """Hash a password to be kept."""
        return await self._compute(lambda: people_passwords.hashed(password))

    async def known(self, user: str, password: str, address: str) -> Person | None:
        """Find who has this name and password; None: nobody, or he is disabled. Raises ProblemError: 429."""
        wait_s = self._throttle.wait_s(user, address, time.monotonic())
        if wait_s > 0:
            raise ProblemError(problems_access.wait(wait_s))
        self._throttle.wrong(user, address, time.monotonic())
        person = self._people.people.get(user)
        kept = person.password if person and not person.disabled else people_passwords.nobodys()
        right = await self._compute(lambda: people_passwords.matches(kept, password))
        if not right or person is None or person.disabled:
            return None
        self._throttle.right(user, address)
        if people_passwords.outdated(kept):
            fresh = await self.hashed(password)
            with suppress(sqlite3.Error):  # the disk is full: the next login does it
                await self._compute(lambda: self._people.rehash(person, fresh))
        return person

    async def again(self, request: Request, password: str) -> Person:
        """Have the person of a session enter his password again. Raises ProblemError: 403, 429."""
        actor: Actor = request.state.actor
        peer: Peer = request.state.peer
        if not password:
            raise ProblemError(problems_access.wrong_password(missing=True))
        person = await self.known(actor.user, password, peer.address)
        if person is None:
            raise ProblemError(problems_access.wrong_password(missing=False))
        return person

    async def confirm(self, request: Request, password: str) -> None:
        """Before a latch is reset: an operator enters his password again (§5.4 "with PIN"); nobody else has to.

        Raises ProblemError: 403, 429.
        """
        actor: Actor = request.state.actor
        if actor.role == "operator":
            await self.again(request, password)

    async def _compute(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise ProblemError(problems_access.wait(2))
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1
