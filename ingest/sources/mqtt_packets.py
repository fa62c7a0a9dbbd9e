"""Packets of MQTT 5.0 and 3.1.1 (OASIS) cut out of a stream: §2.1 fixed header, §3.3 PUBLISH. Pure functions.

The same frames come out however the stream is cut into buffers.
"""

from typing import NamedTuple

from devices.frames import NOTE_REPEATED, NOTE_RETAINED, Frame

MAX_PACKET_BYTES = 1024 * 1024
"""No sensor says more at once. What is larger is stepped over, for it would fill the gateway's memory."""

_SYSTEM = b"$SYS/"
_NOTES = tuple(NOTE_RETAINED * (flags & 1) + NOTE_REPEATED * (flags >> 3) for flags in range(10))


class MalformedError(ValueError):
    """Bytes that are no MQTT."""


class Found(NamedTuple):
    """What a buffer held.

    frames  in order of arrival
    mids    packet identifiers, two bytes each, of those that came with QoS 1
    system  QoS 0 messages of `$SYS/`, which no device has sent
    """

    frames: list[Frame]
    mids: list[bytes]
    system: list[Frame]


def _variable(buffer: bytes, at: int, stop: int) -> tuple[int, int]:
    """Read a Variable Byte Integer (5.0 §1.5.5): its value and where it ends; (0, -1) = `stop` comes first."""
    value = 0
    for shift in (0, 7, 14, 21):
        if at >= stop:
            return 0, -1
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the continuation bit
            if shift and not byte:
                break
            return value, at
    raise MalformedError("a length of too many bytes")


def packet_bounds(buffer: bytes, at: int) -> tuple[int, int]:
    """Find the body of the packet that begins at `at`: its start and its end; (0, -1) = it is not whole yet.

    Raises MalformedError for a length that MQTT does not know.
    """
    length, start = _variable(buffer, at + 1, len(buffer))
    if start < 0 or start + length > len(buffer):
        return 0, -1
    return start, start + length


def _payload_at(buffer: bytes, at: int, stop: int) -> int:
    """Return where the payload begins behind the properties at `at` (5.0 §3.3.2.3): none of them matters to us."""
    length, at = _variable(buffer, at, stop)
    if at < 0 or at + length > stop:
        raise MalformedError("properties that reach beyond their packet")
    return at + length


def _take_unacknowledged(packet: bytes, found: Found, *, properties: bool) -> None:
    """Take a PUBLISH that is not of QoS 1; `packet` is all of it but its length."""
    end = 3 + (packet[1] << 8) + packet[2]
    if packet[0] & 6:
        raise MalformedError("a message of QoS 2, which was not asked for")
    if end + properties > len(packet) or end == 3:  # noqa: PLR2004 - a topic of no bytes
        raise MalformedError("a topic that is empty or reaches beyond its packet")
    body = _payload_at(packet, end, len(packet)) if properties else end
    frame = packet[3:end], packet[body:], _NOTES[packet[0] & 9]
    (found.system if frame[0].startswith(_SYSTEM) else found.frames).append(frame)


def take_publishes(buffer: bytes, at: int, found: Found, *, properties: bool) -> int:  # noqa: C901 - flat: calls are dear
    """Cut PUBLISH packets out of `buffer` from `at` on; return where the first other, or not yet whole, packet begins.

    found       what there is is added here
    properties  MQTT 5.0: a block of properties stands before the payload

    Raises MalformedError; what came before has been added by then. Never reads beyond the packet it is in.
    """
    add, add_mid, notes = found.frames.append, found.mids.append, _NOTES
    size = len(buffer)
    last = size - 5  # a shorter PUBLISH has no topic
    behind = 3 if properties else 2
    while at <= last:
        first = buffer[at]
        if first & 0xF0 != 0x30:  # noqa: PLR2004 - PUBLISH
            return at
        length = buffer[at + 1]
        start = at + 2
        if length > 127:  # noqa: PLR2004 - the length goes on
            high = buffer[start]
            if 0 < high < 128:  # noqa: PLR2004 - and ends here
                start = at + 3
                length += (high << 7) - 128
            else:
                start, stop = packet_bounds(buffer, at)
                if stop < 0:
                    return at
                length = stop - start
        stop = start + length
        if stop > size:
            return at
        if first & 6 == 2:  # noqa: PLR2004 - QoS 1
            topic = start + 2
            end = topic + (buffer[start] << 8) + buffer[start + 1]
            if end + behind > stop or end == topic:
                raise MalformedError("a topic that is empty or reaches beyond its packet")
            body = end + 2
            if properties:
                body = _payload_at(buffer, body, stop) if buffer[body] else body + 1
            add_mid(buffer[end : end + 2])
            add((buffer[topic:end], buffer[body:stop], notes[first & 9]))
        elif length > 2:  # noqa: PLR2004 - a topic of one byte
            _take_unacknowledged(buffer[at : at + 1] + buffer[start:stop], found, properties=properties)
        else:
            raise MalformedError("a PUBLISH without a topic")
        at = stop
    return at


class Oversized(NamedTuple):
    """A PUBLISH that is larger than MAX_PACKET_BYTES.

    size  bytes, all in all
    mid   its packet identifier; empty with QoS 0
    """

    topic: bytes
    size: int
    mid: bytes


def oversized(buffer: bytes) -> Oversized | None:
    """Say whether `buffer` begins with a message too large to keep; needs no more of it than topic and identifier.

    Raises MalformedError when it is a packet of another kind: none of them is ever large.
    """
    length, start = _variable(buffer, 1, len(buffer))
    if start < 0 or start + length <= MAX_PACKET_BYTES or len(buffer) < start + 2:
        return None
    if buffer[0] & 0xF0 != 0x30:  # noqa: PLR2004 - PUBLISH
        raise MalformedError(f"a packet of {length} bytes that is no message")
    topic = start + 2
    end = topic + (buffer[start] << 8) + buffer[start + 1]
    if len(buffer) < end + 2:
        return None
    return Oversized(buffer[topic:end], start + length, buffer[end : end + 2] if buffer[0] & 6 else b"")
