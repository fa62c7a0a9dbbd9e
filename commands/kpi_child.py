"""Works out the figures of the alarm system in a child of the daemon: 90 days of a busy desk are many events."""

import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from msgspec import Struct, msgpack

from config import child
from feed.kpi import Asked
from feed.kpi_view import picture

MEMORY_BYTES = 1 << 30
_RUN = "from commands.kpi_child import main; main()"


class Task(Struct):
    """What figures, out of which book and desk."""

    book: str
    desk: str
    gateway: str
    asked: Asked


def ask(book: Path, desk: Path, gateway: str, asked: Asked) -> bytes:
    """Have a child make the JSON of the figures. Raises ValueError when it dies."""
    try:
        worker = child.start(_RUN, stdin=subprocess.PIPE)
    except OSError as error:  # no memory, no descriptors
        raise ValueError(f"no process was made that counts: {error}") from error
    with worker:
        with suppress(BrokenPipeError), cast("IO[bytes]", worker.stdin) as asking:
            asking.write(msgpack.encode(Task(str(book), str(desk), gateway, asked)))
        body = cast("IO[bytes]", worker.stdout).read()
    if worker.returncode:
        raise ValueError(f"the process that counts died ({worker.returncode}); journalctl -u cityward says why")
    return body


def main() -> None:
    """Be the child."""
    child.give_way()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    task = msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(picture(Path(task.book), Path(task.desk), task.gateway, task.asked))
