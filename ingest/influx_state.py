"""What the InfluxDB writer must not forget: its position, its counts, and the lines that InfluxDB refuses for ever."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct, field

from ingest.influx_halving import SetAside
from store.fs import Fs, read_whole, replace, write_all

FILE = "sink.json"
ASIDE = "set-aside.lp"
ASIDE_BYTES = 8 << 20  # of this file; one older one is kept beside it

_DEVICE = re.compile(rb",device=((?:\\.|[^\\, ])+)")
_ESCAPED = re.compile(rb"\\([,= ])")


class DeviceCounts(Struct):
    """Lines of one device that did not arrive: the sink's own answer. What is not here and not waiting is written."""

    set_aside: int = 0
    expired: int = 0


class State(Struct, kw_only=True):
    """Position and counts, always written together, so that a replay counts nothing twice.

    position   every line made up to this sequence is in InfluxDB, in the backlog, set aside, or expired
    posted     the backlog's bodies up to this sequence are done with
    taken      lines up to `position`
    written    of these in InfluxDB
    expired    given up, because the backlog was full
    set_aside  refused by InfluxDB for ever, by reason
    aside_end  bytes of the set-aside file that belong to these counts
    """

    position: int = 0
    posted: int = 0
    taken: int = 0
    written: int = 0
    expired: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)
    devices: dict[str, DeviceCounts] = field(default_factory=dict)
    aside_end: int = 0

    @property
    def waiting(self) -> int:
        """Lines that are in the backlog."""
        return self.taken - self.written - self.expired - sum(self.set_aside.values())

    def count_expired(self, lines: Iterable[bytes]) -> None:
        """Count lines that were given up."""
        for line in lines:
            self.expired += 1
            self._of(line).expired += 1

    def count_aside(self, aside: Iterable[SetAside]) -> None:
        """Count lines that InfluxDB refuses."""
        for one in aside:
            self.set_aside[one.reason] = self.set_aside.get(one.reason, 0) + 1
            self._of(one.line).set_aside += 1

    def _of(self, line: bytes) -> DeviceCounts:
        return self.devices.setdefault(device_of(line), DeviceCounts())


def device_of(line: bytes) -> str:
    """Return the device tag of a line; "" where it has none, as alarms have not."""
    found = _DEVICE.search(line)
    return _ESCAPED.sub(rb"\1", found[1]).decode("utf-8", "replace") if found else ""


def load(fs: Fs, folder: Path) -> State:
    """Read the state; a new one where there is none. Raises msgspec.DecodeError when the file is none of ours."""
    data = read_whole(fs, folder / FILE)
    return State() if data is None else msgspec.json.decode(data, type=State)


def save(fs: Fs, folder: Path, state: State) -> None:
    """Write the state durably. Raises DiskFullError; the former one stands then."""
    replace(fs, folder / FILE, (msgspec.json.encode(state),))


def keep_aside(fs: Fs, folder: Path, end: int, aside: Iterable[SetAside], now: datetime) -> int:
    """Append refused lines, each under a comment that says why; return the new end. Raises DiskFullError.

    The file is line protocol, so that what has been put right in it can be written with `influx write --file`. What
    stands behind `end` is of a body that was not finished before a crash, and will come again.
    """
    stamp = now.astimezone(UTC).isoformat(timespec="seconds")
    text = b"".join(
        f"# {stamp} {one.reason}: {' '.join(one.detail.split())}\n".encode() + one.line for one in aside
    )
    path = folder / ASIDE
    if end and end + len(text) > ASIDE_BYTES:
        fs.rename(path, folder / (ASIDE + ".1"))
        fs.fsync_dir(folder)
        end = 0
    fd = fs.open(path, write=True, create=True)
    try:
        end = write_all(fs, fd, (text,), end)
        fs.fdatasync(fd)
    finally:
        fs.close(fd)
    return end
