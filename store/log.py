"""Groups in pre-written segments: the writing side of journal, inbox and backlog. One thread writes.

An append overwrites blocks that are on the disk already, so that one flush makes it durable (reference/performance.md,
section 4: one flush a commit and a fifth of the bytes that a growing file costs). While the budget is not used up, new
segments are filled with zeros, a piece at each commit once the present segment is a quarter full; after that the oldest
is given a new name and written over. The pieces are not synced: the system writes them meanwhile, each by itself, and
the first group of the segment syncs what is left. (A sync of a file that grows takes 4 ms, and a commit would wait.)
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import msgpack

from store import segment
from store.fs import Buffer, DiskFullError, Fs, naming_full, write_all
from store.segment import GROUP, HEADER_BYTES, INDEX, POINTER_BYTES, SEGMENT_BYTES, Header, Index, Segment

_ZEROS = bytes(256 << 10)
_PIECE_BYTES = 32 << 10  # of a spare at each commit; twice the group where that is more, so that it is ready in time
_SPARE = "spare"


class InUseError(OSError):
    """Another process writes this store."""


class Log:
    """The segments of one folder.

    closed         segments that are not written any more, oldest first
    active         the one that is being written, or None before the first group
    condemned      segments given up since the start because the disk reported an error
    bytes_written  since the start, zeros of new segments included
    """

    def __init__(  # noqa: PLR0913 - three of them are for tests and owners of another kind
        self,
        fs: Fs,
        directory: Path,
        budget_bytes: int,
        *,
        finder: Callable[[], bytes] = bytes,
        dropping: Callable[[Segment], None] = lambda _: None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """Open a folder for writing, made where it is not there. What can be read afterwards is durable.

        budget_bytes  the oldest segments give way when the files would become larger than this; two are always kept
        finder        asked for when a segment is full: bytes that help the owner to find something in it
        dropping      told before a segment goes
        Raises InUseError when another process has it open.
        """
        self.directory = directory
        self.budget_bytes = max(budget_bytes, 2 * segment_bytes)
        self.condemned = 0
        self.bytes_written = 0
        self._fs, self._finder, self._dropping, self._segment_bytes = fs, finder, dropping, segment_bytes
        fs.make_dir(directory)
        try:
            self._owner = fs.lock(directory)
        except BlockingIOError as error:
            raise InUseError(error.errno, f"{directory} is in use: another cityward runs on this state") from error
        fs.fsync_dir(directory)  # a name that the former process gave may not be durable yet
        self._spare_bytes = self._size_of_spare()
        self._spare_wanted = True
        self.closed = segment.listing(fs, directory)
        self.active: Segment | None = None
        self._fd = -1
        if self.closed and not self.closed[-1].sealed:
            self.active = self.closed.pop()
            self._fd = fs.open(segment.path_of(directory, self.active.number), write=True)
            if self.active.groups:
                self._secure_tail(self.active)

    # ------------------------------------------------------------------------------------------------- what there is

    @property
    def segments(self) -> list[Segment]:
        """All segments, oldest first."""
        return [*self.closed, self.active] if self.active else list(self.closed)

    @property
    def file_bytes(self) -> int:
        """What the segments take on the disk, without the spare one."""
        return sum(each.size for each in self.segments)

    # ------------------------------------------------------------------------------------------------------- writing

    def write(  # noqa: PLR0913 - the fields of a header
        self, raw: Buffer, *, first: int, last: int, records: int, items: int, from_ms: int, to_ms: int
    ) -> tuple[int, int]:
        """Write one group and make it durable; return where: (segment, offset).

        Raises DiskFullError where there is no room (the group is not written; free something, then write it again),
        OSError when the disk fails in two segments.
        """
        body = segment.compress(raw)
        need = HEADER_BYTES + len(body)
        group = Header(GROUP, 0, first, last, records, items, len(body), len(raw), from_ms, to_ms, 0)
        if self.active is None or need > self._room(self.active):
            place = self._begin(group, body)
        else:
            try:
                place = self._put(group, body)
            except DiskFullError:
                raise
            except OSError:
                self._condemn()
                place = self._begin(group, body)
        self._prepare(max(_PIECE_BYTES, 2 * need))
        return place

    def free_oldest(self) -> int:
        """Delete the oldest segment, or else the spare; return how many bytes that gave back, 0 = nothing is left.

        The newest stays: its number says where counting goes on.
        """
        freed = 0
        if len(self.segments) > 1:
            oldest = self._drop()
            self._fs.unlink(segment.path_of(self.directory, oldest.number))
            freed = oldest.size
        elif self._spare_bytes:
            self._fs.unlink(self.directory / _SPARE)
            freed, self._spare_bytes, self._spare_wanted = self._spare_bytes, 0, False
        if freed:
            self._fs.fsync_dir(self.directory)
        return freed

    def retire_oldest(self) -> None:
        """Take the oldest segment, which must be closed, away; its file becomes the spare where there is none."""
        path = segment.path_of(self.directory, self.closed[0].number)
        size = self.closed.pop(0).size
        if self._spare_bytes < size:
            self._fs.rename(path, self.directory / _SPARE)
            self._spare_bytes = size
        else:
            self._fs.unlink(path)
        self._fs.fsync_dir(self.directory)

    def close(self) -> None:
        """Close the files; the next start goes on in the same segment."""
        if self._fd >= 0:
            self._fs.close(self._fd)
        self._fs.close(self._owner)
        self.active, self._fd = None, -1

    # ---------------------------------------------------------------------------------------------------------- inner

    def _put(self, group: Header, body: bytes) -> tuple[int, int]:
        """Write a group into the active segment. After any error but DiskFullError nobody knows what is on the disk."""
        active = self.active
        assert active is not None  # noqa: S101 - asked by the callers
        number, offset = active.number, segment.begin_behind(active.end)
        group = group._replace(segment=number, body_crc=segment.crc32(body, number))
        end = write_all(self._fs, self._fd, (segment.pack(group), body), offset)
        self._fs.fdatasync(self._fd)
        self.bytes_written += end - offset
        active.add(offset, group)
        return number, offset

    def _condemn(self) -> None:
        """Close a segment for ever: it is read up to what it holds, and never written again."""
        self.condemned += 1
        self._close_active()

    def _close_active(self) -> None:
        assert self.active is not None  # noqa: S101 - asked by the callers
        self._fs.close(self._fd)
        self.closed.append(self.active)
        self.active, self._fd = None, -1

    def _secure_tail(self, active: Segment) -> None:
        """Write the last group once more before anybody believes it.

        It may stand in the memory of the system only: the process ended before its fsync, or the fsync failed.
        """
        data = segment.load(self._fs, self.directory, active.number) or b""
        *_, (offset, header) = segment.groups(data, active.number)
        end = offset + HEADER_BYTES + header.length
        try:
            write_all(self._fs, self._fd, (data[offset:end],), offset)
            self._fs.fdatasync(self._fd)
        except OSError:
            self._condemn()
            self._begin(header, data[offset + HEADER_BYTES : end])

    @staticmethod
    def _room(active: Segment) -> int:
        """Bytes that groups may still take: a part is kept for the index."""
        return active.size - active.size // 64 - POINTER_BYTES - segment.begin_behind(active.end)

    def _begin(self, group: Header, body: bytes) -> tuple[int, int]:
        """Begin the next segment with a group; the file gets its name when that is durable, so that none is empty."""
        if self.active is not None:
            self._seal(self.active)
            self._close_active()
        number = self.closed[-1].number + 1 if self.closed else 1
        need = HEADER_BYTES + len(body)
        least = need + need // 32 + 2 * POINTER_BYTES  # so that `_room` says yes
        spare = self.directory / _SPARE
        with naming_full():
            if not self._recycle(least):
                self._fill(least)
            self._spare_bytes = 0
            self._spare_wanted = True
            self._fd = self._fs.open(spare, write=True)
            self.active = Segment(number=number, size=self._fs.size(self._fd))
            try:
                place = self._put(group, body)
                self._fs.rename(spare, segment.path_of(self.directory, number))
                self._fs.fsync_dir(self.directory)
            except OSError:
                self._fs.close(self._fd)
                self.active, self._fd = None, -1
                with suppress(FileNotFoundError):
                    self._fs.unlink(spare)
                raise
        return place

    def _seal(self, active: Segment) -> None:
        """Put index and pointer behind the groups. They are not synced: without them the segment is walked through."""
        active.sealed = True
        raw = msgpack.encode(Index(active, self._finder()))
        body = segment.compress(raw)
        number, end = active.number, active.end
        if end + HEADER_BYTES + len(body) + POINTER_BYTES > active.size:
            active.sealed = False
            return
        header = Header(
            INDEX, number, active.first, active.last, 0, 0, len(body), len(raw), 0, 0, segment.crc32(body, number)
        )
        try:
            write_all(self._fs, self._fd, (segment.pack(header), body), end)
            write_all(self._fs, self._fd, (segment.pack_pointer(number, end),), active.size - POINTER_BYTES)
        except OSError:
            active.sealed = False

    def _drop(self) -> Segment:
        oldest = self.closed[0]
        self._dropping(oldest)
        return self.closed.pop(0)

    def _recycle(self, least: int) -> bool:
        """Take what is oldest away while the budget asks for it; return whether it became the spare."""
        found = False
        while len(self.closed) > 1 and self.file_bytes + self._segment_bytes > self.budget_bytes:
            oldest = self._drop()
            path = segment.path_of(self.directory, oldest.number)
            if oldest.size >= max(least, self._segment_bytes):
                self._fs.rename(path, self.directory / _SPARE)
                found = True
            else:
                self._fs.unlink(path)
            self._fs.fsync_dir(self.directory)  # or else a power cut leaves half of it, or goes on from a younger one
        return found

    def _fill(self, least: int) -> None:
        """Write the whole spare; where the disk is full, what there is will do if a group of `least` bytes fits."""
        try:
            while self._spare_bytes < max(least, self._segment_bytes):
                self._fill_spare(max(least, self._segment_bytes))
        except DiskFullError:
            if self._spare_bytes < max(least, self._segment_bytes // 8):
                with suppress(FileNotFoundError):
                    self._fs.unlink(self.directory / _SPARE)
                self._spare_bytes = 0
                raise

    def _fill_spare(self, size: int) -> None:
        """Write the next piece of the spare segment, up to that size."""
        fd = self._fs.open(self.directory / _SPARE, write=True, create=True)
        try:
            piece = _ZEROS[: size - self._spare_bytes]
            end = write_all(self._fs, fd, (piece,), self._spare_bytes)
            self._fs.start_writing(fd, len(piece), self._spare_bytes)
            self.bytes_written += len(piece)
            self._spare_bytes = end
        finally:
            self._fs.close(fd)

    def _prepare(self, most_bytes: int) -> None:
        """Get the next segment ready in time, a piece at each commit."""
        active = self.active
        if (
            self._spare_wanted
            and active is not None
            and active.end * 4 > active.size
            and self._spare_bytes < self._segment_bytes
            and self.file_bytes + self._segment_bytes <= self.budget_bytes
        ):
            try:
                self._fill_spare(min(self._segment_bytes, self._spare_bytes + most_bytes))
            except OSError:
                self._spare_wanted = False  # the commit is durable all the same; `_begin` tries again and says what is

    def _size_of_spare(self) -> int:
        try:
            fd = self._fs.open(self.directory / _SPARE)
        except FileNotFoundError:
            return 0
        try:
            return self._fs.size(fd)
        finally:
            self._fs.close(fd)
