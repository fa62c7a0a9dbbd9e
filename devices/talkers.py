"""Modules on a line of their own: how their frames are cut out of what comes, and what they are told.

Most send by themselves; some also answer when they are asked, and one (SPS30) only then. Where the formats are written
down stands in the models' files, which read the frames.
"""

import re
from collections.abc import Callable
from typing import Final

from msgspec import Struct

Buffer = bytes | bytearray

_MORE: Final = 0
_NONE: Final = -1


class Talker(Struct, frozen=True, kw_only=True):
    """One kind of module.

    head     how its frames begin, at least one byte of it
    size     (buffer, where a head is) -> length of the frame that begins there; 0 = more must come, -1 = it is none
    good     whether a frame of that length is whole: checksum and tail
    wanted   whether it is a measurement; else it answers a command, and is passed over
    longest  no frame is longer, bytes
    begin    what it is told when the port is open and it is to be asked: stop sending by yourself, start measuring
    ask      what brings one measurement
    asked_only  it never sends by itself
    """

    head: re.Pattern[bytes]
    size: Callable[[Buffer, int], int]
    good: Callable[[bytes], bool]
    wanted: Callable[[bytes], bool]
    longest: int
    begin: bytes
    ask: bytes
    asked_only: bool = False


def cut(talker: Talker, buffer: bytearray) -> tuple[list[bytes], int]:
    """Cut whole frames out of what a line brought; returns the measurements and how many bytes were thrown away.

    What cannot be the beginning of a frame is thrown away, one byte after a false head, so that a head inside noise
    never costs the frame behind it. Leaves less than one frame in `buffer`.
    """
    frames = []
    at = noise = 0
    while (found := talker.head.search(buffer, at)) is not None:
        noise += found.start() - at
        at = found.start()
        size = talker.size(buffer, at)
        if size == _MORE or (size > 0 and len(buffer) < at + size):
            break
        frame = bytes(buffer[at : at + size]) if size > 0 else b""
        if frame and talker.good(frame):
            if talker.wanted(frame):
                frames.append(frame)
            at += size
        else:
            noise += 1
            at += 1
    else:
        noise += len(buffer) - at
        at = len(buffer)
    del buffer[:at]
    return frames, noise


# ------------------------------------------------------------------------------------------- Plantower, 42 4D

_PM_LENGTHS: Final = (20, 28, 36)  # after the length field: PMS3003, PMS5003 and its kin, PMS5003ST
_PM_ANSWER: Final = 4  # to a command


def _plantower_size(buffer: Buffer, at: int) -> int:
    if len(buffer) < at + 4:
        return _MORE if buffer[at + 1 : at + 2] in (b"", b"M") else _NONE
    length = int.from_bytes(buffer[at + 2 : at + 4], "big")
    return 4 + length if buffer[at + 1] == ord("M") and length in (*_PM_LENGTHS, _PM_ANSWER) else _NONE


def _sum16(frame: bytes) -> bool:
    return sum(frame[:-2]) & 0xFFFF == int.from_bytes(frame[-2:], "big")


# ------------------------------------------------------------------------------------------------ Nova, AA .. AB

_NOVA_ANSWER: Final = 0xC5
_NOVA_SIZE: Final = 10


def _nova_size(buffer: Buffer, at: int) -> int:
    if len(buffer) < at + 2:
        return _MORE
    return _NOVA_SIZE if buffer[at + 1] in (0xC0, 0xCF, _NOVA_ANSWER) else _NONE


def nova_command(*data: int) -> bytes:
    """Make a command of SDS011 to all sensors: 13 bytes of data, then FF FF for any id."""
    body = bytes(data).ljust(13, b"\0") + b"\xff\xff"
    return b"\xaa\xb4" + body + bytes((sum(body) & 0xFF, 0xAB))


# -------------------------------------------------------------------------------- Honeywell, 40 .. 04 and 42 4D

_HPM_ANSWER: Final = 0x40
_HPM_LENGTHS: Final = {5: (8, 16), 13: (16,)}  # a sheet says 5 for the long answer, too; the sensors say 13


def _honeywell_size(buffer: Buffer, at: int) -> int:
    if buffer[at] != _HPM_ANSWER:
        size = _plantower_size(buffer, at)
        return size if size in (_MORE, 32) else _NONE
    if len(buffer) < at + 3:
        return _MORE
    sizes = _HPM_LENGTHS.get(buffer[at + 1], ())
    if not sizes or buffer[at + 2] != 0x04:  # noqa: PLR2004 - the command that it answers
        return _NONE
    for size in sizes:
        if len(buffer) >= at + size and _honeywell_good(bytes(buffer[at : at + size])):
            return size
    return _NONE if len(buffer) >= at + sizes[-1] else _MORE


def _honeywell_good(frame: bytes) -> bool:
    return sum(frame) & 0xFF == 0 if frame[0] == _HPM_ANSWER else _sum16(frame)


# --------------------------------------------------------------------------------------- Sensirion SHDLC, 7E .. 7E

_FLAG: Final = 0x7E
_SPS30_LONGEST: Final = 2 * 45 + 2
_READ: Final = 0x03


def _shdlc_size(buffer: Buffer, at: int) -> int:
    end = buffer.find(_FLAG, at + 1)
    if end < 0:
        return _MORE if len(buffer) - at < _SPS30_LONGEST else _NONE
    return (
        end + 1 - at if end - at > 1 else _NONE
    )  # two flags in a row: the end of one frame, the beginning of the next


def unstuffed(frame: bytes) -> bytes | None:
    """Return what stands between the flags of an SHDLC frame, its stuffing taken out; None = it is none."""
    if len(frame) < 2 or frame[0] != _FLAG or frame[-1] != _FLAG:  # noqa: PLR2004 - two flags
        return None
    first, *parts = frame[1:-1].split(b"\x7d")
    if any(not part or part[0] ^ 0x20 not in _STUFFED for part in parts):
        return None
    return first + b"".join(bytes((part[0] ^ 0x20,)) + part[1:] for part in parts)


def stuffed(data: bytes) -> bytes:
    """Make an SHDLC frame of address, command, length, data and checksum."""
    inside = b"".join(bytes((0x7D, byte ^ 0x20)) if byte in _STUFFED else bytes((byte,)) for byte in data)
    return bytes((_FLAG,)) + inside + bytes((_FLAG,))


_STUFFED: Final = (0x7E, 0x7D, 0x11, 0x13)


def _shdlc_good(frame: bytes) -> bool:
    data = unstuffed(frame)
    return data is not None and sum(data) & 0xFF == 0xFF  # noqa: PLR2004 - the checksum is the sum's complement


def _shdlc_wanted(frame: bytes) -> bool:
    data = unstuffed(frame) or b""
    return len(data) > 5 and data[1] == _READ  # noqa: PLR2004 - address, command, state, length, checksum: no data


# ------------------------------------------------------------------------------------------------------ all of them

TALKERS: Final[dict[str, Talker]] = {
    "plantower-pms": Talker(
        head=re.compile(rb"B(?:M|\Z)"),
        size=_plantower_size,
        good=_sum16,
        wanted=lambda frame: frame[3] in _PM_LENGTHS,
        longest=40,
        begin=bytes.fromhex("424de100000170"),
        ask=bytes.fromhex("424de200000171"),
    ),
    "nova-sds": Talker(
        head=re.compile(rb"\xaa"),
        size=_nova_size,
        good=lambda frame: sum(frame[2:8]) & 0xFF == frame[8] and frame[9] == 0xAB,  # noqa: PLR2004 - its tail
        wanted=lambda frame: frame[1] != _NOVA_ANSWER,
        longest=_NOVA_SIZE,
        begin=nova_command(2, 1, 1),
        ask=nova_command(4),
    ),
    "honeywell-hpma": Talker(
        head=re.compile(rb"\x40|B(?:M|\Z)"),
        size=_honeywell_size,
        good=_honeywell_good,
        wanted=lambda frame: len(frame) > 5,  # noqa: PLR2004 - no measurement is so short
        longest=32,
        begin=bytes.fromhex("68012077"),
        ask=bytes.fromhex("68010493"),
    ),
    "sensirion-sps30": Talker(
        head=re.compile(rb"\x7e"),
        size=_shdlc_size,
        good=_shdlc_good,
        wanted=_shdlc_wanted,
        longest=_SPS30_LONGEST,
        begin=bytes.fromhex("7e0000020103f97e"),
        ask=bytes.fromhex("7e000300fc7e"),
        asked_only=True,
    ),
}
