"""What the InfluxDB writer must not forget: its position, its counts, and the lines that InfluxDB refuses for ever."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct, field

from ingest.influx_halving import SetAside
from store.fs import Fs, read_whole, replace, write_all
from store.ledger import NotArrived, SinkCounts

FILE = "sink.json"
ASIDE = "set-aside.lp"
ASIDE_BYTES = 8 << 20  # of this file; one older one is kept beside it

_DEVICE = re.compile(
    rb"^(?:\\.|[^ \\\n])*?,device=((?:\\.|[^\\, \n])+)", re.MULTILINE
)  # among the tags, not the fields
_ESCAPED = re.compile(rb"\\([,= ])")


class State(Struct, kw_only=True):
    """Position and counts, always written together, so that a replay counts nothing twice.

    position   every line made up to this sequence is in InfluxDB, in the backlog, set aside, or expired
    posted     the backlog's bodies up to this sequence are done with, even if it still has them
    taken      lines up to `position`
    written    of these in InfluxDB
    expired    given up for want of room; dropped: what the backlog said of it then
    set_aside  refused by InfluxDB for ever, by reason
    aside_end  bytes of the set-aside file that belong to these counts
    """

    position: int = 0
    posted: int = 0
    taken: int = 0
    written: int = 0
    expired: int = 0
    dropped: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)
    devices: dict[str, NotArrived] = field(default_factory=dict)
    aside_end: int = 0

    @property
    def waiting(self) -> int:
        """Lines that are in the backlog."""
        return self.taken - self.written - self.expired - sum(self.set_aside.values())

    def count_erased(self, erased: dict[str, int]) -> None:
        """Count points that were taken back."""
        for device, count in erased.items():
            self.devices.setdefault(device, NotArrived()).erased += count

    def count_expired(self, lines: int, devices: Counter[str]) -> None:
        """Count lines that were given up; devices as `devices_of` gives them."""
        self.expired += lines
        for device, count in devices.items():
            self.devices.setdefault(device, NotArrived()).expired += count

    def count_aside(self, aside: Iterable[SetAside]) -> None:
        """Count lines that InfluxDB refuses."""
        for one in aside:
            self.set_aside[one.reason] = self.set_aside.get(one.reason, 0) + 1
            for device in devices_of(one.line):
                self.devices.setdefault(device, NotArrived()).set_aside += 1


def devices_of(text: bytes) -> Counter[str]:
    """Count the lines of each device by their tag; alarms have none. Dear: only for what did not arrive."""
    found = Counter(_DEVICE.findall(text))
    return Counter({_ESCAPED.sub(rb"\1", name).decode("utf-8", "replace"): count for name, count in found.items()})


def on_disk(fs: Fs, folder: Path) -> SinkCounts | None:
    """Read the counts where no writer runs, because no InfluxDB is configured any more; None where none ever ran."""
    data = read_whole(fs, folder / FILE)
    if data is None:
        return None
    state = msgspec.json.decode(data, type=State)
    return SinkCounts(
        position=state.position,
        written=state.written,
        waiting=state.waiting,
        set_aside=state.set_aside,
        expired=state.expired,
        devices=state.devices,
    )


def load(fs: Fs, folder: Path) -> State:
    """Read the state; a new one where there is none. Raises msgspec.DecodeError when the file is none of ours."""
    data = read_whole(fs, folder / FILE)
    state = State() if data is None else msgspec.json.decode(data, type=State)
    aside = read_whole(fs, folder / ASIDE)
    if aside is not None and len(aside) > state.aside_end:
        replace(fs, folder / ASIDE, (aside[: state.aside_end],))  # of a body that will be posted again
    return state


def encode(state: State) -> bytes:
    """Make the content of the file."""
    return msgspec.json.encode(state)


def save(fs: Fs, folder: Path, content: bytes) -> None:
    """Write the state durably. Raises DiskFullError; the former one stands then."""
    replace(fs, folder / FILE, (content,))


def keep_aside(fs: Fs, folder: Path, end: int, aside: Iterable[SetAside], now: datetime) -> int:
    """Append refused lines, each under a comment that says why; return the new end. Raises DiskFullError.

    The file is line protocol, so that what has been put right in it can be written with `influx write --file`.
    """
    stamp = now.astimezone(UTC).isoformat(timespec="seconds")
    text = b"".join(f"# {stamp} {one.reason}: {' '.join(one.detail.split())}\n".encode() + one.line for one in aside)
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
