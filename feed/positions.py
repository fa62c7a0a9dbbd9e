"""Where a reader of the feed stands: `feedid-N`, the feed's random id and the number of the last event it has."""

import re
from typing import NamedTuple

PATTERN = r"([0-9A-Za-z_.-]{1,64})-(0|[1-9][0-9]{0,17})"
_FORM = re.compile(PATTERN)


class Position(NamedTuple):
    """All events up to and including `number` of this feed are known."""

    feed: str
    number: int

    def __str__(self) -> str:
        """Write it as it travels: SSE `id`, `Last-Event-ID`, `?after=`."""
        return f"{self.feed}-{self.number}"


def parse(text: str) -> Position | None:
    """Read a position, or None where the text is none.

    A bare number is none: without the feed's id nobody can know which feed it belongs to.
    """
    match = _FORM.fullmatch(text)
    return Position(match[1], int(match[2])) if match else None
