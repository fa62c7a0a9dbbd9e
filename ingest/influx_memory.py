"""Lines that are on their way to InfluxDB: bodies, and the memory in which groups wait to become one."""

from collections import deque

from msgspec import Struct

from ingest.influx_halving import LINES_A_REQUEST


class Body(Struct):
    """Whole groups of the pipeline. Only the writer's thread changes it.

    last     sequence of the last group
    stored   it is in the backlog too
    dropped  the backlog has given it up since
    """

    last: int
    lines: int
    text: bytes
    stored: bool = False
    dropped: bool = False


class Memory:
    """Groups that wait, oldest first; its owner guards it. lines, bytes: all of them."""

    def __init__(self) -> None:
        self._groups: deque[Body] = deque()
        self.lines = self.bytes = 0

    def add(self, group: Body) -> None:
        """Let a group wait."""
        self._groups.append(group)
        self.lines += group.lines
        self.bytes += len(group.text)

    def oldest(self) -> Body | None:
        """Put the oldest groups together, as many as make a request; None where nothing waits."""
        lines = 0
        texts: list[bytes] = []
        last = 0
        for group in self._groups:
            if texts and lines + group.lines > LINES_A_REQUEST:
                break
            lines += group.lines
            texts.append(group.text)
            last = group.last
        return Body(last, lines, b"".join(texts)) if texts else None

    def forget(self, body: Body | None) -> None:
        """Take out what is on its way in a body."""
        while body is not None and self._groups and self._groups[0].last <= body.last:
            group = self._groups.popleft()
            self.lines -= group.lines
            self.bytes -= len(group.text)
