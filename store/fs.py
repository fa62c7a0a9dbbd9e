"""The file system as the stores use it: few calls, so that tests can put one in its place that loses power.

What a store may rely on is what POSIX promises and no more: bytes are kept after `fdatasync` of their file, a name is
kept after `fsync_dir` of its folder, a rename is seen whole or not at all. Bytes that were not synced may be kept,
lost or torn between sectors, in any order.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

Buffer = bytes | bytearray | memoryview

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_MOST_BUFFERS = 1024  # IOV_MAX of Linux


class DiskFullError(OSError):
    """There is no room. Nothing was lost by it: make room (`free_oldest`), then make the same call again."""


class Fs(Protocol):
    """The calls that stores make; all raise OSError."""

    def open(self, path: Path, *, write: bool = False, create: bool = False) -> int:
        """Open a file; `create` makes it when it is not there. Return its descriptor."""
        ...

    def close(self, fd: int) -> None:
        """Close a descriptor; says nothing about what is durable."""
        ...

    def size(self, fd: int) -> int:
        """Length of the file in bytes."""
        ...

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """Read at an offset; fewer bytes than asked for only at the end of the file."""
        ...

    def pwritev(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        """Write at an offset; return how many bytes were taken, which may be fewer than given."""
        ...

    def share(self, fd: int, length: int) -> memoryview:
        """Return the first bytes of a file as memory: what is put there outlives the process, though not the machine.

        The file must be that long and durable before: memory that finds no room on the disk ends the process.
        """
        ...

    def fdatasync(self, fd: int) -> None:
        """Make the bytes of a file, and its length, durable."""
        ...

    def start_writing(self, fd: int, length: int, offset: int) -> None:
        """Have bytes that were written go to the disk now and not with many others; waits for nothing."""
        ...

    def fsync_dir(self, path: Path) -> None:
        """Make the names in a folder durable."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in place of what had that name."""
        ...

    def unlink(self, path: Path) -> None:
        """Take a name away."""
        ...

    def names(self, path: Path) -> list[str]:
        """Names in a folder, in any order; FileNotFoundError where there is none."""
        ...

    def make_dir(self, path: Path) -> None:
        """Make a folder and those above it, where they are not there."""
        ...

    def lock(self, path: Path) -> int:
        """Own a folder until the descriptor is closed or the process ends; BlockingIOError when another owns it."""
        ...


class OsFs:
    """The real one. Files are for the service and its group: 0640, folders 0750."""

    def open(self, path: Path, *, write: bool = False, create: bool = False) -> int:
        """See `Fs`."""
        flags = (os.O_RDWR if write else os.O_RDONLY) | (os.O_CREAT if create else 0)
        return os.open(path, flags | os.O_CLOEXEC, 0o640)

    def close(self, fd: int) -> None:
        """See `Fs`."""
        os.close(fd)

    def size(self, fd: int) -> int:
        """See `Fs`."""
        return os.fstat(fd).st_size

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """See `Fs`."""
        data = os.pread(fd, length, offset)
        while len(data) < length:
            more = os.pread(fd, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def pwritev(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        """See `Fs`."""
        return os.pwritev(fd, buffers, offset)

    def share(self, fd: int, length: int) -> memoryview:
        """See `Fs`."""
        return memoryview(mmap.mmap(fd, length))

    def fdatasync(self, fd: int) -> None:
        """See `Fs`."""
        os.fdatasync(fd)

    def start_writing(self, fd: int, length: int, offset: int) -> None:
        """See `Fs`. Linux writes what it is told to forget (posix_fadvise(2)); they will be overwritten, not read."""
        os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)

    def fsync_dir(self, path: Path) -> None:
        """See `Fs`."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """See `Fs`."""
        old.rename(new)

    def unlink(self, path: Path) -> None:
        """See `Fs`."""
        path.unlink()

    def names(self, path: Path) -> list[str]:
        """See `Fs`."""
        return [entry.name for entry in path.iterdir()]

    def make_dir(self, path: Path) -> None:
        """See `Fs`."""
        path.mkdir(mode=0o750, parents=True, exist_ok=True)

    def lock(self, path: Path) -> int:
        """See `Fs`."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise
        return fd


@contextmanager
def naming_full() -> Iterator[None]:
    """Turn what the system says of a full disk or quota into DiskFullError; leave other errors as they are."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE and not isinstance(error, DiskFullError):
            raise DiskFullError(error.errno, "no room on the disk") from error
        raise


def write_all(fs: Fs, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
    """Write all buffers one after the other from the offset on; return the offset behind them.

    Raises DiskFullError where there is no room, OSError for anything else; a part may have been written.
    """
    left = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
    with naming_full():
        while left:
            wrote = fs.pwritev(fd, left[:_MOST_BUFFERS], offset)
            offset += wrote
            while left and wrote >= len(left[0]):
                wrote -= len(left.pop(0))
            if wrote:
                left[0] = left[0][wrote:]
    return offset


def replace(fs: Fs, path: Path, buffers: Sequence[Buffer]) -> None:
    """Put new content in the place of a file, durably: at any moment the file is the old one or the new one, whole.

    Raises DiskFullError where there is no room; the old file is there as before.
    """
    new = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        fs.unlink(new)  # left over by a crash: longer than what is written now, perhaps
    with naming_full():
        fd = fs.open(new, write=True, create=True)
        try:
            write_all(fs, fd, buffers, 0)
            fs.fdatasync(fd)
        except DiskFullError:
            fs.unlink(new)
            raise
        finally:
            fs.close(fd)
        fs.rename(new, path)
        fs.fsync_dir(path.parent)


def read_whole(fs: Fs, path: Path) -> bytes | None:
    """Read a file; None where there is none."""
    try:
        fd = fs.open(path)
    except FileNotFoundError:
        return None
    try:
        return fs.pread(fd, fs.size(fd), 0)
    finally:
        fs.close(fd)
