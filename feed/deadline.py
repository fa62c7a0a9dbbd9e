"""One deadline for a whole attempt: the time-out of a socket begins anew with each byte, and a server may drip."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from urllib3 import PoolManager

AGAIN_S = 0.2


def wire_of(pools: PoolManager, url: str) -> Callable[[], socket.socket | None]:
    """Give what tells the socket to a server at this moment. To be asked for once, before the first request."""
    pool = pools.connection_from_url(url)
    kind, made = pool.ConnectionCls, list[Any]()

    def connection(*where: Any, **how: Any) -> Any:  # noqa: ANN401 - as urllib3 calls it
        made[:] = [kind(*where, **how)]
        return made[0]

    pool.ConnectionCls = connection  # type: ignore[assignment]
    return lambda: made[0].sock if made else None


@contextmanager
def deadline(within_s: float, wire: Callable[[], socket.socket | None]) -> Iterator[threading.Event]:
    """Shut a connection down when what is done within is not over in time; what it gives is set then.

    wire: the connection at this moment, None = there is none yet
    """
    over, late = threading.Event(), threading.Event()

    def watch() -> None:
        wait_s = within_s
        while not over.wait(wait_s):
            late.set()
            wait_s = AGAIN_S  # there may be a connection only now, or another since TLS began
            found = wire()
            if found is not None:
                with suppress(OSError):
                    socket.socket.shutdown(found, socket.SHUT_RDWR)  # below TLS, in whose midst its reader is

    watching = threading.Thread(target=watch, name="deadline", daemon=True)
    watching.start()
    try:
        yield late
    finally:
        over.set()
        watching.join()
