"""The doors of the feed: the addresses that it takes, and the names by which it may be called there."""

import ipaddress
import socket
import stat
from pathlib import Path

from feed.http.peers import Peer
from feed.settings import HttpSettings

SOCKET_MODE = 0o660  # the service's user and group: who may act as an engineer


BACKLOG = 128


class FeedError(Exception):
    """The feed cannot be opened; says why and what to do."""


class Names:
    """By which names and addresses the gateway may be called, without ports."""

    def __init__(self, settings: HttpSettings) -> None:
        self._local = frozenset({"localhost", "127.0.0.1", "[::1]", _bracketed(settings.host)})
        names = settings.console.names if settings.console else ()
        self._console = frozenset(_bracketed(name.lower()) for name in ("localhost", socket.gethostname(), *names))

    def of(self, peer: Peer) -> frozenset[str]:
        """Give those of the door by which he came; at the console also the address that he called.

        An address is no danger: what a stranger's DNS points here has a name.
        """
        return self._console | {_bracketed(peer.ours)} if peer.door == "console" else self._local


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def bind_tcp(host: str, port: int) -> socket.socket:
    """Take the TCP address. Raises FeedError when it is not loopback, or taken."""
    if not _is_loopback(host):
        raise FeedError(
            f"http.listen: {host} can be reached from outside, and there is no login here. Write 127.0.0.1:{port}; "
            "for other desks there is http.console, with TLS and login"
        )
    return _bind("http.listen", "127.0.0.1" if host == "localhost" else host, port)


def bind_console(host: str, port: int) -> socket.socket:
    """Take the console's address. Raises FeedError when it is taken, or not ours."""
    return _bind("http.console", host, port)


def _bind(key: str, host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        tcp = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise FeedError(f"{key}: {host} is no address to listen on ({error.strerror})") from None
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        tcp.bind(address)
        tcp.listen(BACKLOG)  # two of us may have one port until one listens (SO_REUSEADDR): then it is told here
    except OSError as error:
        tcp.close()
        raise FeedError(
            f"{key}: cannot listen on {host}:{port} ({error.strerror}); is it running twice, or does another "
            f"program have the port? `ss -ltnp sport = :{port}` says which"
        ) from None
    return tcp


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind_socket(path: Path) -> socket.socket:
    """Take the Unix socket, also from a process that has died. Raises FeedError when a living one has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        unix.bind(str(path))
        path.chmod(SOCKET_MODE)  # nobody can have connected yet: it does not listen
    except OSError as error:
        unix.close()
        raise FeedError(f"http.socket: cannot listen on {path} ({error.strerror or error})") from None
    except FeedError:
        unix.close()
        raise
    return unix


def _clear(path: Path) -> None:
    """Take away what a dead process has left there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FeedError(f"http.socket: {path} is there already and is no socket; name another path or move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FeedError(f"http.socket: another cityward answers on {path}; stop it first (systemctl stop cityward)")
