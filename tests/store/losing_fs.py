"""A file system in memory that can lose power, run full and fail, as `store.fs.Fs` allows.

What was not synced may be kept, lost or torn between sectors in any order; names without `fsync_dir` likewise, each
change of a name on its own. After an fsync that failed the system shows bytes that are not on the disk and says no more
about it (Linux since 4.13 does so, https://lwn.net/Articles/752063/).
"""

import errno
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from store.fs import Buffer

SECTOR = 512


class _File:
    def __init__(self, disk: bytes = b"") -> None:
        self.seen = bytearray(disk)  # what reads show
        self.disk = bytearray(disk)  # what surely survives
        self.pending: list[tuple[int, bytes]] = []  # written, not synced

    def after_power_loss(self, dice: random.Random) -> "_File":
        disk = bytearray(self.disk)
        for offset, data in dice.sample(self.pending, len(self.pending)):
            _write_some_sectors(disk, offset, data, dice)
        return _File(bytes(disk))


def _write_some_sectors(disk: bytearray, offset: int, data: bytes, dice: random.Random) -> None:
    chance = dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
    at = offset
    while at < offset + len(data):
        end = min((at // SECTOR + 1) * SECTOR, offset + len(data))
        if dice.random() < chance:
            if len(disk) < end:
                disk.extend(bytes(end - len(disk)))
            disk[at:end] = data[at - offset : end - offset]
        at = end


class LosingFs:
    """One disk.

    before   called before everything that changes something: (operation, path)
    fail     asked before everything that changes something; an errno, or None
    room     bytes that all files together may have
    """

    def __init__(self) -> None:
        self.names_seen: dict[Path, _File] = {}
        self.names_disk: dict[Path, _File] = {}
        self.renames: list[tuple[Path | None, Path | None, _File]] = []  # (old, new, file), not yet durable
        self.dirs: set[Path] = set()
        self.fds: dict[int, tuple[Path, _File]] = {}
        self.owned: dict[int, Path] = {}
        self.next_fd = 3
        self.before: Callable[[str, Path], None] = lambda _operation, _path: None
        self.fail: Callable[[str, Path], int | None] = lambda _operation, _path: None
        self.room = 1 << 40
        self.syncs = 0

    # ------------------------------------------------------------------------------------------------------ disasters

    def after_kill(self) -> "LosingFs":
        """Return what the next process finds when only this process ended."""
        image = LosingFs()
        copies = {id(file): _copy(file) for file in self._files()}
        image.names_seen = {path: copies[id(file)] for path, file in self.names_seen.items()}
        image.names_disk = {path: copies[id(file)] for path, file in self.names_disk.items()}
        image.renames = [(old, new, copies[id(file)]) for old, new, file in self.renames]
        image.dirs = set(self.dirs)
        return image

    def after_power_loss(self, dice: random.Random) -> "LosingFs":
        """Return what the next boot finds; one of the many things it may find."""
        names = dict(self.names_disk)
        chance = dice.choice((0.0, 0.5, 1.0))
        for old, new, file in self.renames:
            if dice.random() < chance:
                if old is not None and names.get(old) is file:
                    del names[old]
                if new is not None:
                    names[new] = file
        image = LosingFs()
        fresh = {id(file): file.after_power_loss(dice) for file in names.values()}
        image.names_seen = {path: fresh[id(file)] for path, file in names.items()}
        image.names_disk = dict(image.names_seen)
        image.dirs = set(self.dirs)
        return image

    def _files(self) -> list[_File]:
        return [*self.names_seen.values(), *self.names_disk.values(), *(file for _, _, file in self.renames)]

    def _open_file(self, fd: int) -> tuple[Path, _File]:
        """Return the file and the name that it has now."""
        path, file = self.fds[fd]
        return next((name for name, each in self.names_seen.items() if each is file), path), file

    def _about_to(self, operation: str, path: Path) -> None:
        self.before(operation, path)
        code = self.fail(operation, path)
        if code is not None:
            raise OSError(code, f"{operation} fails")

    # ----------------------------------------------------------------------------------------------------------- calls

    def open(self, path: Path, *, write: bool = False, create: bool = False) -> int:
        del write
        if path not in self.names_seen:
            if not create:
                raise FileNotFoundError(errno.ENOENT, str(path))
            self._about_to("create", path)
            self.names_seen[path] = file = _File()
            self.renames.append((None, path, file))
        self.next_fd += 1
        self.fds[self.next_fd] = (path, self.names_seen[path])
        return self.next_fd

    def close(self, fd: int) -> None:
        if fd in self.owned:
            del self.owned[fd]
        else:
            del self.fds[fd]

    def size(self, fd: int) -> int:
        return len(self.fds[fd][1].seen)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        return bytes(self.fds[fd][1].seen[offset : offset + length])

    def pwritev(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        path, file = self._open_file(fd)
        data = b"".join(bytes(buffer) for buffer in buffers)
        self._about_to("write", path)
        grows = max(offset + len(data) - len(file.seen), 0)
        room = self.room - sum(len(each.seen) for each in self.names_seen.values())
        if grows > room:
            data = data[: max(len(data) - grows + max(room, 0), 0)]
            if not data:
                raise OSError(errno.ENOSPC, "full")
        if len(file.seen) < offset + len(data):
            file.seen.extend(bytes(offset + len(data) - len(file.seen)))
        file.seen[offset : offset + len(data)] = data
        file.pending.append((offset, data))
        return len(data)

    def share(self, fd: int, length: int) -> memoryview:
        return memoryview(self.fds[fd][1].seen)[:length]  # never reaches the disk: a power loss finds what was synced

    def start_writing(self, fd: int, length: int, offset: int) -> None:
        """Promise nothing: what was not synced may be kept or lost as before."""

    def fdatasync(self, fd: int) -> None:
        path, file = self._open_file(fd)
        self.syncs += 1
        try:
            self._about_to("sync", path)
        except OSError:
            file.disk = file.after_power_loss(random.Random(self.syncs)).disk
            file.pending = []  # the system forgets that they are not on the disk
            raise
        for offset, data in file.pending:
            if len(file.disk) < offset + len(data):
                file.disk.extend(bytes(offset + len(data) - len(file.disk)))
            file.disk[offset : offset + len(data)] = data
        file.pending = []

    def fsync_dir(self, path: Path) -> None:
        self._about_to("sync_dir", path)
        self.syncs += 1
        here = [each for each in self.renames if path in {each[0] and each[0].parent, each[1] and each[1].parent}]
        for old, new, file in here:
            if old is not None and self.names_disk.get(old) is file:
                del self.names_disk[old]
            if new is not None:
                self.names_disk[new] = file
        self.renames = [each for each in self.renames if each not in here]

    def rename(self, old: Path, new: Path) -> None:
        self._about_to("rename", new)
        file = self.names_seen.pop(old)
        self.names_seen[new] = file
        self.renames.append((old, new, file))

    def unlink(self, path: Path) -> None:
        if path not in self.names_seen:
            raise FileNotFoundError(errno.ENOENT, str(path))
        self._about_to("unlink", path)
        self.renames.append((path, None, self.names_seen.pop(path)))

    def names(self, path: Path) -> list[str]:
        if path not in self.dirs:
            raise FileNotFoundError(errno.ENOENT, str(path))
        return [each.name for each in self.names_seen if each.parent == path]

    def make_dir(self, path: Path) -> None:
        self.dirs.update([path, *path.parents])

    def lock(self, path: Path) -> int:
        if path in self.owned.values():
            raise BlockingIOError(errno.EAGAIN, "owned")
        self.next_fd += 1
        self.owned[self.next_fd] = path
        return self.next_fd


def _copy(file: _File) -> _File:
    copy = _File()
    copy.seen, copy.disk, copy.pending = bytearray(file.seen), bytearray(file.disk), list(file.pending)
    return copy
