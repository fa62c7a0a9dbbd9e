"""The devices' end of a serial line."""

import contextlib
import os
import select
import tty
from pathlib import Path
from typing import Self


class Wire:
    """A file descriptor that behaves like the end of an RS485 or TTL cable: what nobody takes in time is lost."""

    def __init__(self, fd: int, other: int | None = None, link: Path | None = None) -> None:
        """Take over `fd`, and the line's other end with its name in the file system where they were made here."""
        self._fd = fd
        self._other = other
        self._link = link
        os.set_blocking(fd, False)

    @classmethod
    def pseudo_terminal(cls, link: Path) -> Self:
        """Make a line of its own; whoever listens opens `link`. Replaces a link that is left over."""
        fd, other = os.openpty()
        tty.setraw(other)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(other))
        return cls(fd, other, link)  # the other end stays open, else reading fails while nobody listens

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open one end of a line that is there (socat, or a real adapter)."""
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(fd)
        return cls(fd)

    def read(self, wait_s: float) -> bytes:
        """Return what has come, waiting at most `wait_s` for the first byte. Raises OSError when the line is gone."""
        if not select.select([self._fd], [], [], wait_s)[0]:
            return b""
        data = os.read(self._fd, 4096)
        if not data:
            raise OSError("the line's other end is gone")
        return data

    def write(self, data: bytes) -> None:
        """Send; what does not fit into the kernel's buffer is lost. Raises OSError when the line is gone."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._fd, data)

    def close(self) -> None:
        """Cut the line."""
        os.close(self._fd)
        if self._other is not None:
            os.close(self._other)
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
