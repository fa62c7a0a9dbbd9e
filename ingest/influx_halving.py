"""Brings a body to InfluxDB although some of its lines are bad: halves it until each bad line stands alone.

Lines of one series come one after the other then, for what is bad is nearly always one device: its lines are found
together, and InfluxDB says itself when it took none of them. Their order within the series stays; between series it
means nothing. A 422 has written the good lines already, and halving writes them again: the same points, overwritten.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from ingest.influx import Answer
from rules.lines import ERASE

LINES_A_REQUEST = 5000  # InfluxData's advice for the best speed; docs, "Optimize writes"
_REASONS = {400: "unreadable", 413: "too_large", 422: "unfit"}


class SetAside(NamedTuple):
    """A line that InfluxDB refuses for ever.

    reason  unreadable (no line protocol), unfit (another type than the field has, or older than the bucket keeps),
            too_large; not_erased (an order to take points back that was refused)
    detail  InfluxDB's own sentence
    """

    reason: str
    detail: str
    line: bytes


class Delivered(Struct, frozen=True):
    """What became of a body: the lines that are not in InfluxDB and never will be; all others are.

    erased  points that were taken back, by device, as an order among the lines said
    """

    aside: list[SetAside]
    erased: dict[str, int] = {}


def deliver(text: bytes, lines: int, post: Callable[[bytes], Answer]) -> Delivered | Answer:
    """Post all lines of a text, each ending in a newline, in order; `lines`: how many they are.

    An Answer comes back when InfluxDB is down or refuses us: then the whole text is to be delivered again later. Some
    of it may have been written; written again it is the same.
    """
    aside: list[SetAside] = []
    erased: dict[str, int] = {}
    if ERASE in text:
        parts = [part for whole in reversed(_apart(text)) for part in _requests(whole)]
    else:
        parts = [text] if lines <= LINES_A_REQUEST else _requests(text)
    while parts:
        part = parts.pop()
        answer = post(part)
        meaning = answer.meaning
        if meaning == "written":
            for device, count in answer.erased.items():
                erased[device] = erased.get(device, 0) + count
            continue
        if meaning in ("refused", "down"):
            return answer
        apart = lines_of(part)
        if len(apart) == 1 or (meaning != "too_large" and answer.blamed >= len(apart)):
            reason = "not_erased" if part.startswith(ERASE) else _REASONS[answer.status]
            aside += [SetAside(reason, answer.detail, line) for line in apart]
            continue
        apart.sort(key=_series)
        half = len(apart) // 2
        parts += [b"".join(apart[half:]), b"".join(apart[:half])]
    return Delivered(aside, erased)


def lines_of(text: bytes) -> list[bytes]:
    """Cut a text into its lines. Only a newline ends one: a text field may hold a carriage return."""
    return [line + b"\n" for line in text.split(b"\n")[:-1]]


def _apart(text: bytes) -> list[bytes]:
    """Cut a text so that every order to erase stands alone."""
    parts = [b""]
    for line in lines_of(text):
        if line.startswith(ERASE):
            parts += [line, b""]
        else:
            parts[-1] += line
    return [part for part in parts if part]


def _requests(text: bytes) -> list[bytes]:
    """Cut a text into parts of as many lines as a request should have, the last one first."""
    lines = lines_of(text)
    starts = range(0, len(lines), LINES_A_REQUEST)
    return [b"".join(lines[start : start + LINES_A_REQUEST]) for start in reversed(starts)]


def _series(line: bytes) -> bytes:
    """Measurement and tags, well enough for sorting: up to the first blank (an escaped one cuts it short)."""
    return line.partition(b" ")[0]
