"""HJ 212 packets in a stream of bytes: split, glued, and with junk between them."""

import re
from typing import Final

from devices.hj212 import CONTROL, parse
from devices.readings import Refusal

_HEAD: Final = re.compile(rb"##(\d{2,4})[;,]?(?:QN|ST|CN|PW|MN|FLAG)=", re.IGNORECASE)
_HEAD_BEGUN: Final = re.compile(rb"#(?:#(?:\d{1,4}(?:[;,]?[A-Za-z]{0,4})?)?)?\Z")
_HEAD_MAX: Final = 12  # ##9999;FLAG=
_TAIL: Final = re.compile(rb"&&[0-9A-Fa-f]{4}\r\n")
_TAIL_AT_END: Final = re.compile(rb"[0-9A-Fa-f]{4}\r\n\Z")
_AFTER_DATA: Final = 6  # checksum and CR LF


class Splitter:
    """Cuts a stream of bytes into packets, however they are split and glued, with junk between them.

    A chunk that begins like a packet but has no good end is handed out too, up to where the next begins: `parse`
    refuses it with its reason, so that nothing that looked like data is lost silently.

    junk  bytes that belonged to no packet and were thrown away
    """

    def __init__(self) -> None:
        self._held = b""
        self.junk = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was received; return the packets that are complete now, each from `##` to CR LF."""
        frames = []
        held = self._held + data
        while True:
            start = self._skip_junk(held)
            self.junk += start
            held = held[start:]
            end = _packet_end(held)
            if end == 0:
                break
            frames.append(held[:end])
            held = held[end:]
        self._held = held
        return frames

    @staticmethod
    def _skip_junk(held: bytes) -> int:
        """Where the next packet begins, or could begin when more has come."""
        head = _HEAD.search(held)
        if head is not None:
            return head.start()
        begun = _HEAD_BEGUN.search(held, max(0, len(held) - _HEAD_MAX))
        return begun.start() if begun else len(held)


def _packet_end(held: bytes) -> int:
    """Where the packet that begins `held` ends; 0 = more must come.

    Its length decides where the bytes there agree with it (an encrypted data area may hold anything). Where they do
    not, the first thing that looks like an end does; and what is longer than it said ends where the next begins.
    """
    head = _HEAD.match(held)
    if head is None:
        return 0
    data_end = head.end(1) + int(head[1])
    following = _HEAD.search(held, head.end())
    for end in (data_end, data_end + _AFTER_DATA):
        if len(held) >= end and _TAIL_AT_END.search(held, max(0, end - _AFTER_DATA), end):
            broke_off = following is not None and following.start() < end and not CONTROL.search(held, 0, end - 6)
            broke_off = broke_off and isinstance(parse(held[:end]), Refusal)
            return following.start() if following is not None and broke_off else end
    tail = _TAIL.search(held, head.end())
    if tail is not None and (following is None or tail.end() <= following.start()):
        return tail.end()
    if following is not None:
        return following.start()
    if len(held) < data_end + _AFTER_DATA + _HEAD_MAX:
        return 0
    line = held.find(b"\r\n")
    begun = _HEAD_BEGUN.search(held, len(held) - _HEAD_MAX)
    return line + 2 if line >= 0 else begun.start() if begun else len(held)
