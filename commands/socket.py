"""Talks to the running daemon over its Unix socket: the same HTTP API as everywhere; the kernel says who asks."""

import json
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import click

TIMEOUT_S = 60.0  # a reload of 10,000 devices takes seconds

directory_option = click.option(
    "--directory", type=click.Path(path_type=Path), default=Path("/etc/cityward"), show_default=True,
    help="Where the configuration is.",
)  # fmt: skip


class UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket. Raises OSError when nobody listens there."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(
    path: Path, method: str, target: str, body: dict[str, Any] | None = None, *, timeout_s: float = TIMEOUT_S
) -> tuple[int, dict[str, Any]]:
    """Ask the daemon; return status and JSON body. Ends the command with a message when no daemon answers."""
    connection = UnixConnection(path, timeout_s)
    try:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        connection.request(method, target, None if method == "GET" else json.dumps(body or {}), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (FileNotFoundError, ConnectionRefusedError):
        raise click.ClickException(f"no daemon listens at {path}; is it running? `systemctl status cityward`") from None
    except PermissionError:
        raise click.ClickException(
            f"{path} may not be opened by this user; use sudo or join the group cityward"
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise click.ClickException(f"no answer from {path}: {error}") from None
    finally:
        connection.close()
