"""HJ 212 packets: finding them in a stream, checking, taking apart, answering, and making them.

Source: HJ 212-2017 chapter 6 and annexes A, C; what stations of the field do differently is named where it is handled.

    ## LLLL QN=...;ST=..;CN=....;PW=......;MN=...;Flag=.;CP=&&...&& CCCC CR LF

- LLLL  decimal length of the data segment (`QN=` up to the last `&&`); some count the 6 that follow it, some print
        2 or 3 digits
- QN    request number, yyyyMMddHHmmssSSS; may be absent
- ST    kind of system: 22 air, 39 construction dust, 91 system interaction
- CN    command: 2011 real time, 2051 minute, 2061 hour, 2031 day; 9011 to 9014 are answers
- MN    the station
- Flag  bit 0: answer wanted; bit 1: PNUM and PNO are there; bits 2 to 7: edition 0 = 2005, 1 = 2017, 2 = 2025
- CP    `field=value` and `code-Rtd=value,code-Flag=N` separated by `;` and `,`
- CCCC  checksum of the data segment, 4 hex digits in either case
"""

import re
from datetime import datetime, timedelta, timezone
from typing import Final, Literal

from msgspec import Struct

from devices.readings import Refusal
from devices.registers import CRC_TABLE, crc_modbus

MAX_BYTES: Final = 16 * 1024
"""No packet is longer, and a splitter never keeps more; 1623 bytes were seen, the standard allows 1024."""

CrcForm = Literal["hj212", "modbus", "modbus_le", "hj212_le"]

_CENTURY: Final = 20

CHINA: Final = timezone(timedelta(hours=8))
"""Stations print the time of China, whatever the gateway's zone is."""

# ---------------------------------------------------------------------------------------------------- checksums


_HIGH: Final = bytes(crc >> 8 for crc in CRC_TABLE)


def crc_hj212(data: bytes) -> int:
    """Work out the checksum of HJ 212 annex A, which throws the low byte away at each step.

    So its state is one byte, each step is linear, and eight steps with zeros give the state back (all 256 were
    tried): the bytes eight apart may be folded into one another first, which makes it ten times as fast.
    """
    if not data:
        return 0xFFFF
    folded = int.from_bytes(data) ^ (0xFF << 8 * (len(data) - 1))
    blocks = (len(data) + 7) // 8
    while blocks > 1:
        half = 64 * ((blocks + 1) // 2)
        folded = (folded >> half) ^ (folded & ((1 << half) - 1))
        blocks = (blocks + 1) // 2
    state = 0
    *first, last = folded.to_bytes(8)
    for byte in first:
        state = _HIGH[state ^ byte]
    return CRC_TABLE[state ^ last]


def _swapped(crc: int) -> int:
    return (crc & 0xFF) << 8 | crc >> 8


def _crc_form(declared: int, data: bytes) -> tuple[CrcForm | None, int]:
    """Which of the four forms of the field the checksum has, and what the standard's would be."""
    standard = crc_hj212(data)
    if declared == standard:
        return "hj212", standard
    if declared == _swapped(standard):
        return "hj212_le", standard
    modbus = crc_modbus(data)
    if declared == modbus:
        return "modbus", standard
    return ("modbus_le" if declared == _swapped(modbus) else None), standard


def _crc(form: CrcForm, data: bytes) -> int:
    crc = crc_modbus(data) if form.startswith("modbus") else crc_hj212(data)
    return _swapped(crc) if form.endswith("_le") else crc


# ------------------------------------------------------------------------------------------------------ packets


class Packet(Struct, frozen=True, kw_only=True):
    """One whole packet, as printed.

    qn, st, cn, pw, mn, flag, pnum, pno  None = not there
    fields     of CP that belong to no factor: `DataTime`, `RestartTime`, `SystemTime` ...
    factors    code -> suffix -> text: {"a34004": {"Rtd": "92", "Flag": "N"}}; what comes twice counts as last said
    crc        the form that its checksum has
    surplus    6 where the length counts checksum and tail, else 0
    """

    qn: str | None
    st: str | None
    cn: str | None
    pw: str | None
    mn: str | None
    flag: int | None
    pnum: int | None
    pno: int | None
    fields: dict[str, str]
    factors: dict[str, dict[str, str]]
    crc: CrcForm
    surplus: int

    @property
    def data_time(self) -> str | None:
        """DataTime as printed: the moment of real-time data, the *start* of a mean's period (2017, C.16 to C.18)."""
        return self.fields.get("DataTime")

    @property
    def data_time_ms(self) -> int:
        """DataTime in Unix ms; -1 = none, or none that can be read."""
        return time_ms(self.data_time)


def time_ms(text: str | None) -> int:
    """Turn yyyyMMddHHmmss of China into Unix ms; -1 = no time.

    Further digits (16 and 17 are seen) do not count; a year outside 2000 to 2099 is of a clock that was never set.
    """
    if not text or not (text.isascii() and text[:14].isdigit()):
        return -1
    try:
        moment = datetime(
            int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), int(text[12:14]),
            tzinfo=CHINA,
        )  # fmt: skip
    except ValueError:
        return -1
    return int(moment.timestamp()) * 1000 if moment.year // 100 == _CENTURY else -1


def time_text(at_ms: int) -> str:
    """Turn Unix ms into yyyyMMddHHmmss of China."""
    return datetime.fromtimestamp(at_ms / 1000, CHINA).strftime("%Y%m%d%H%M%S")


_FRAME: Final = re.compile(rb"##(\d{2,4})(?=\D)(.*)([0-9A-Fa-f]{4})(\r\n|\r|\n|)\Z", re.DOTALL)
_CP: Final = b"CP=&&"


def parse(frame: bytes) -> Packet | Refusal:
    """Take one packet apart, from `##` to CR LF; says why where it cannot."""
    if frame[:2] != b"##":
        return Refusal("not_mine", f"begins with {frame[:2]!r}, not with ##")
    whole = _FRAME.match(frame)
    if whole is None:
        return Refusal("syntax", "no ##, length, data and four checksum digits in a row")
    data = whole[2]
    declared = int(whole[1])
    if declared not in (len(data), len(data) + 6):
        return Refusal("length", f"says {declared} characters, has {len(data)}")
    form, standard = _crc_form(int(whole[3], 16), data)
    if form is None:
        return Refusal("checksum", f"checksum {whole[3].decode().upper()}, computed {standard:04X}")
    head_end = data.find(_CP)
    if head_end < 0:
        head_end = data.upper().find(_CP)
    cp = head_end + len(_CP)
    if head_end < 0 or not data.endswith(b"&&") or len(data) < cp + 2:
        return Refusal("syntax", "no CP=&& ... && in it")
    printed, _ = _take_apart(data[:head_end])
    head = {name.upper(): text for name, text in printed.items()}
    fields, factors = _take_apart(data[cp:-2])
    return Packet(
        qn=head.get("QN"),
        st=head.get("ST"),
        cn=head.get("CN"),
        pw=head.get("PW"),
        mn=head.get("MN"),
        flag=_number(head.get("FLAG")),
        pnum=_number(head.get("PNUM")),
        pno=_number(head.get("PNO")),
        fields=fields,
        factors=factors,
        crc=form,
        surplus=declared - len(data),
    )


def _take_apart(text: bytes) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Fields and factors; what has no `=` is left out (stray separators are common)."""
    fields: dict[str, str] = {}
    factors: dict[str, dict[str, str]] = {}
    last, said = "", {}
    for part in text.decode("utf-8", "replace").replace(",", ";").split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            continue
        code, dash, suffix = name.partition("-")
        if not dash:
            fields[name] = value
            continue
        if code != last:  # all about one factor stands together
            last, said = code, factors.setdefault(code, {})
        said[suffix] = value
    return fields, factors


def _number(text: str | None) -> int | None:
    return int(text) if text and len(text) <= 4 and text.isascii() and text.isdigit() else None  # noqa: PLR2004 - digits


# ------------------------------------------------------------------------------------------- making and answering

_WANTS_ANSWER: Final = 1
_SPLIT: Final = 2


def answer_cn(packet: Packet) -> str | None:
    """Say which answer a packet asks for: 9014 for data, 9013 for a request of the time, None for all else.

    Answers (9011 to 9014) are never answered, whatever their Flag says: stations are seen that set bit 0 there, and two
    such would go on for ever. Data are what has a DataTime; 3019 (serial number) is uploaded without one.
    """
    cn = packet.cn or ""
    if not (packet.flag or 0) & _WANTS_ANSWER or cn.startswith("901"):
        return None
    if cn == "1013":
        return "9013"
    return "9014" if packet.data_time or (cn == "3019" and (packet.fields or packet.factors)) else None


def answer(packet: Packet) -> bytes | None:
    """Make the answer: same QN, PW and MN, ST=91, Flag = the packet's edition (2017, C.4, C.14 to C.18); None = none.

    Checksum and length have the form of the packet, else a station of that dialect would not believe it.
    """
    cn = answer_cn(packet)
    if cn is None:
        return None
    return build_packet(
        qn=packet.qn,
        st="91",
        cn=cn,
        pw=packet.pw,
        mn=packet.mn,
        flag=(packet.flag or 0) & ~(_WANTS_ANSWER | _SPLIT),
        crc=packet.crc,
        surplus=packet.surplus,
    )


def build_packet(  # noqa: PLR0913 - the fields of the standard
    *,
    qn: str | None,
    st: str | None,
    cn: str,
    pw: str | None = "123456",
    mn: str | None,
    flag: int | None = 4,
    pnum: int | None = None,
    pno: int | None = None,
    cp: str = "",
    crc: CrcForm = "hj212",
    surplus: int = 0,
) -> bytes:
    """Put a packet together; what is None is left out."""
    head = {"QN": qn, "ST": st, "CN": cn, "PW": pw, "MN": mn, "Flag": flag, "PNUM": pnum, "PNO": pno}
    text = "".join(f"{name}={value};" for name, value in head.items() if value is not None)
    data = f"{text}CP=&&{cp}&&".encode()
    return b"##%04d%s%04X\r\n" % (len(data) + surplus, data, _crc(crc, data))


# --------------------------------------------------------------------------------------------- finding in a stream

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
            broke_off = following is not None and following.start() < end and isinstance(parse(held[:end]), Refusal)
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
