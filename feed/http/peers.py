"""Who is at the other end: over TCP an address, over the Unix socket a user whom the kernel vouches for."""

import asyncio
import pwd
import socket
import struct
from typing import Any

import h11
from msgspec import Struct
from uvicorn.protocols.http.h11_impl import H11Protocol

from feed.http.problems import MEDIA_TYPE, broken_http

_UCRED = struct.Struct("3i")  # pid, uid, gid: `struct ucred`, unix(7)


class Peer(Struct, frozen=True, kw_only=True):
    """The other end of a connection.

    user  OS user over the Unix socket, None over TCP
    via   how he was known, for Command.via: `http 127.0.0.1`, `socket:uid 1000`
    """

    user: str | None
    via: str

    @property
    def over_socket(self) -> bool:
        """Whether he came over the Unix socket."""
        return self.user is not None


def peer_of(connected: socket.socket) -> Peer:
    """Look who is there."""
    if connected.family == socket.AF_UNIX:
        _, uid, _ = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        return Peer(user=_user_name(uid), via=f"socket:uid {uid}")
    try:
        address = connected.getpeername()[0]
    except OSError:  # gone already
        address = "?"
    return Peer(user=None, via=f"http {address}")


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a systemd DynamicUser without libnss-systemd
        return f"uid {uid}"


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, which tells the application who asks and lets it cut the connection.

    `scope["state"]` gets `peer` and `cut`, a function that drops the connection at once.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Look at the peer once for each connection."""
        super().connection_made(transport)
        connected: Any = transport.get_extra_info("socket")
        self.app_state = {**self.app_state, "peer": peer_of(connected), "cut": transport.abort}

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of every other refusal."""
        del msg
        problem = broken_http()
        body = problem.body()
        headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **problem.headers}
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        for event in (h11.Response(status_code=400, headers=told), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
