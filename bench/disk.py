"""A disk of its own for the state directory, so that what the daemon alone makes the device write can be counted.

/proc/PID/io does not tell: where a file system keeps large folios, a commit of 1 kB counts as the whole folio.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

SIZE = 4 << 30
SECTOR = 512


class Disk:
    """folder: where it is mounted."""

    def __init__(self, folder: Path, device: str | None) -> None:
        self.folder = folder
        self._stat = None if device is None else Path("/sys/block") / Path(device).name / "stat"

    def written_bytes(self) -> int | None:
        """Return what the device was made to write, ever; None where there is no device of its own."""
        if self._stat is None:
            return None
        subprocess.run(["sync", "-f", str(self.folder)], check=True)
        return int(self._stat.read_text().split()[6]) * SECTOR


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """Mount a file as ext4 for root; others get a plain folder, and no count."""
    mounted, image = folder / "disk", folder / "disk.img"
    mounted.mkdir(parents=True)
    if os.getuid() != 0:
        yield Disk(mounted, None)
        return
    with image.open("wb") as file:
        file.truncate(SIZE)
    # The journal of ext4 itself counts, its lazy initialisation does not.
    options = "lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-E", options, str(image)], check=True)
    found = subprocess.run(["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True)
    device = found.stdout.strip()
    subprocess.run(["mount", device, str(mounted)], check=True)
    try:
        yield Disk(mounted, device)
    finally:
        subprocess.run(["umount", str(mounted)], check=True)
        subprocess.run(["losetup", "--detach", device], check=True)
