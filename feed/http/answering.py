"""uvicorn on sockets of ours; for the console with a bound on who may be connected.

uvicorn bounds how many it answers, but not how many connect: each takes a descriptor of the whole gateway, also one
that never comes to the end of its TLS handshake. So connections of the console are taken in here.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

import uvicorn

from feed.http.peers import Connection, plain_address
from feed.people_throttle import network

HANDSHAKE_S = 10.0
MOST_OF_ONE_PLACE = 128
"""A control room of 20 desks behind one address, six connections each."""
AGAIN_S = 0.2  # when there are no descriptors


class Answering(uvicorn.Server):
    """Answers on some sockets. started: is called when it does."""

    def __init__(self, config: uvicorn.Config, listening: list[socket.socket], started: Callable[[], None]) -> None:
        super().__init__(config)
        self._sockets, self._tell = listening, started

    async def answer(self) -> None:
        """Answer until `should_exit`."""
        await self.serve(self._sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin."""
        await super().startup(sockets)
        self._tell()


class AnsweringTls(Answering):
    """The same with the TLS of its configuration, and so many connections at the most."""

    def __init__(
        self, config: uvicorn.Config, listening: list[socket.socket], started: Callable[[], None], most: int
    ) -> None:
        super().__init__(config, listening, started)
        self._most = most
        self._greeting: dict[asyncio.Task[None], str] = {}  # -> from which place
        self._taking: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections in."""
        loop = asyncio.get_running_loop()
        self.lifespan = self.config.lifespan_class(self.config)
        self.servers = []
        for each in sockets or []:
            each.settimeout(0)
            each.listen(self.config.backlog)
            self._taking.append(loop.create_task(self._take_in(each)))
        self.started = True
        self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more in, and finish what is being answered."""
        ending = [*self._taking, *self._greeting]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await super().shutdown(sockets)

    async def _take_in(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, address = await loop.sock_accept(listening)
            except OSError:  # no descriptors, or it is gone already
                await asyncio.sleep(AGAIN_S)
                continue
            place = network(plain_address(address[0]))
            if self._full(place):
                connected.close()
                continue
            task = loop.create_task(self._greet(connected))
            self._greeting[task] = place
            task.add_done_callback(lambda done: self._greeting.pop(done, None))

    def _full(self, place: str) -> bool:
        places: Iterable[str] = [
            *self._greeting.values(),
            *(self._place(each) for each in self.server_state.connections),
        ]
        together = list(places)
        return len(together) >= self._most or together.count(place) >= MOST_OF_ONE_PLACE

    @staticmethod
    def _place(connection: object) -> str:
        return network(connection.peer.address) if isinstance(connection, Connection) else ""

    async def _greet(self, connected: socket.socket) -> None:
        """Make a connection of a socket; its TLS handshake comes first."""

        def protocol() -> asyncio.Protocol:
            return Connection(self.config, self.server_state, {})

        try:
            with suppress(OSError):  # no TLS, too slow, gone
                await asyncio.get_running_loop().connect_accepted_socket(
                    protocol, connected, ssl=self.config.ssl, ssl_handshake_timeout=HANDSHAKE_S
                )
        except asyncio.CancelledError:
            connected.close()
            raise
