"""Who is at the other end: over TCP an address, over the Unix socket a user whom the kernel knows; by which door."""

import asyncio
import pwd
import socket
import struct
from typing import Any

import h11
from msgspec import Struct
from uvicorn.protocols.http.h11_impl import H11Protocol

from feed.http.access import Door
from feed.http.problems import MEDIA_TYPE, broken_http

ASKING_S = 20.0  # for a request to be there, its body too
_UCRED = struct.Struct("3i")  # pid, uid, gid: `struct ucred`, unix(7)


class Peer(Struct, frozen=True, kw_only=True):
    """The other end of a connection.

    user     OS user over the Unix socket, None over TCP
    via      how he was known, for Command.via: `https 10.1.2.3`, `http 127.0.0.1`, `socket:uid 1000`
    door     socket; console: with TLS; local: without
    uid      of the user, -1 over TCP
    address  his IP address, "" over the socket
    ours     the address of ours that he called, "" over the socket
    """

    user: str | None
    via: str
    door: Door
    uid: int = -1
    address: str = ""
    ours: str = ""

    @property
    def over_socket(self) -> bool:
        """Whether he came over the Unix socket."""
        return self.user is not None


def peer_of(connected: socket.socket, *, tls: bool) -> Peer:
    """Look who is there."""
    if connected.family == socket.AF_UNIX:
        _, uid, _ = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        return Peer(user=_user_name(uid), via=f"socket:uid {uid}", door="socket", uid=uid)
    try:
        address, ours = plain_address(connected.getpeername()[0]), plain_address(connected.getsockname()[0])
    except OSError:  # gone already
        address, ours = "?", "?"
    scheme, door = ("https", _CONSOLE) if tls else ("http", _LOCAL)
    return Peer(user=None, via=f"{scheme} {address}", door=door, address=address, ours=ours)


_CONSOLE: Door = "console"
_LOCAL: Door = "local"


def plain_address(address: str) -> str:
    """Write an IPv4 address that came by an IPv6 socket as what it is."""
    return address.removeprefix("::ffff:")


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a systemd DynamicUser without libnss-systemd
        return f"uid {uid}"


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, which tells the application who asks and lets it cut the connection.

    `scope["state"]` gets `peer` and `cut`, a function that drops the connection at once. The application, which is a
    Guard, is told by `broken` who sent what is no HTTP.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Look at the peer once for each connection."""
        super().connection_made(transport)
        connected: Any = transport.get_extra_info("socket")
        tls = transport.get_extra_info("ssl_object") is not None
        self.peer = peer_of(connected, tls=tls)
        self.app_state = {**self.app_state, "peer": self.peer, "cut": transport.abort}
        self._late: asyncio.TimerHandle | None = None
        self._hurry()

    def data_received(self, data: bytes) -> None:
        """Take what came; more of the same request must come in time."""
        super().data_received(data)
        self._hurry()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _hurry(self) -> None:
        """Cut who does not say in time all that he wants: there is room for so many connections only."""
        if self.conn.their_state in {h11.IDLE, h11.SEND_BODY}:
            self._late = self._late or self.loop.call_later(ASKING_S, self.transport.abort)
        elif self._late is not None:
            self._late.cancel()
            self._late = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of every other refusal."""
        del msg
        guard: Any = self.app
        guard.broken(self.peer)
        problem = broken_http()
        body = problem.body()
        headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **problem.headers}
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        for event in (h11.Response(status_code=400, headers=told), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
