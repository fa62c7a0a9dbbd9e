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
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
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
    rf         1 = sent again (HJ 212-2025); None = not, or before that edition
    cp         the data area
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
    rf: int | None = None
    cp: str
    crc: CrcForm
    surplus: int

    @property
    def fields(self) -> dict[str, str]:
        """What belongs to no factor: `DataTime`, `RestartTime`, `SystemTime` ... Not to be changed."""
        return take_apart(self.cp)[0]

    @property
    def factors(self) -> dict[str, dict[str, str]]:
        """Code -> suffix -> text: {"a34004": {"Rtd": "92", "Flag": "N"}}; what comes twice counts as last said."""
        return take_apart(self.cp)[1]

    @property
    def data_time(self) -> str | None:
        """DataTime as printed: the moment of real-time data, the *start* of a mean's period (2017, C.16 to C.18)."""
        cp = self.cp
        text, _, _ = cp[9:].partition(";")
        if cp.startswith("DataTime=") and "," not in text and cp.find("DataTime=", 9) < 0:
            return text  # nearly always: then nothing is taken apart
        return self.fields.get("DataTime")

    @property
    def data_time_ms(self) -> int:
        """DataTime in Unix ms; -1 = none, or none that can be read."""
        return time_ms(self.data_time)


_DAY_ZERO: Final = date(1970, 1, 1).toordinal()
_CHINA_S: Final = 8 * 3600


def time_ms(text: str | None) -> int:
    """Turn yyyyMMddHHmmss of China into Unix ms; -1 = no time.

    Further digits (16 and 17 are seen) do not count; a year outside 2000 to 2099 is of a clock that was never set.
    """
    if not text or not (text.isascii() and text[:14].isdigit()):
        return -1
    try:
        year, hour, minute, second = int(text[:4]), int(text[8:10]), int(text[10:12]), int(text[12:14])
        if year // 100 != _CENTURY or hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - a clock
            return -1
        days = date(year, int(text[4:6]), int(text[6:8])).toordinal() - _DAY_ZERO
    except ValueError:
        return -1
    return (days * 86_400 + hour * 3600 + minute * 60 + second - _CHINA_S) * 1000


def time_text(at_ms: int) -> str:
    """Turn Unix ms into yyyyMMddHHmmss of China."""
    return datetime.fromtimestamp(at_ms / 1000, CHINA).strftime("%Y%m%d%H%M%S")


_USUAL: Final = re.compile(
    r"##(\d{4})QN=([^;,=]*);ST=([^;,=]*);CN=([^;,=]*);PW=([^;,=]*);MN=([^;,=]*);(?:Flag=(\d{1,3});)?"
    r"(?:PNUM=(\d{1,4});PNO=(\d{1,4});)?(?:RF=(\d);)?CP=&&(.*)&&([0-9A-Fa-f]{4})\r\n\Z",
    re.DOTALL,
)
_FRAME: Final = re.compile(rb"##(\d{2,4})(?=\D)(.*)([0-9A-Fa-f]{4})(\r\n|\r|\n|)\Z", re.DOTALL)
_CP: Final = b"CP=&&"
CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # what text never holds, and ciphers do
_AROUND_DATA: Final = 12  # ##, length, checksum, CR LF


def parse(frame: bytes, crc: CrcForm | Literal["off"] | None = None) -> Packet | Refusal:
    """Take one packet apart, from `##` to CR LF; says why where it cannot.

    crc  the form that its checksum must have; None = any of them; off = it is not looked at
    """
    usual = _USUAL.match(frame.decode("ascii")) if frame.isascii() else None
    if usual is not None and int(usual[1]) == len(frame) - _AROUND_DATA and "{0x" not in usual[11]:
        form = _checked(frame[6:-6], usual[12], crc)
        if isinstance(form, Refusal):
            return form
        _, qn, st, cn, pw, mn, flag, pnum, pno, rf, cp, _ = usual.groups()
        return Packet(
            qn=qn, st=st, cn=cn, pw=pw, mn=mn, flag=_number(flag), pnum=_number(pnum), pno=_number(pno),
            rf=_number(rf), cp=cp, crc=form, surplus=0,
        )  # fmt: skip
    return _parse_unusual(frame, crc)


def _checked(data: bytes, printed: str, wanted: CrcForm | Literal["off"] | None) -> CrcForm | Refusal:
    declared = int(printed, 16)
    form: CrcForm | None
    form, standard = ("hj212", 0) if wanted == "off" else _crc_form(declared, data)
    if form is None:
        return Refusal("checksum", f"checksum {printed.upper()}, computed {standard:04X}")
    if wanted not in (None, "off", form):
        return Refusal("checksum", f"checksum {printed.upper()} has the form {form}, but this station's is {wanted}")
    return form


def _parse_unusual(  # noqa: PLR0911 - one for each reason
    frame: bytes, crc: CrcForm | Literal["off"] | None
) -> Packet | Refusal:
    """Take apart what is not printed in the usual order, with all its fields and the standard's length."""
    if frame[:2] != b"##":
        return Refusal("not_mine", f"begins with {frame[:2]!r}, not with ##")
    whole = _FRAME.match(frame)
    if whole is None:
        return Refusal("syntax", "no ##, length, data and four checksum digits in a row")
    data = whole[2]
    declared = int(whole[1])
    if declared not in (len(data), len(data) + 6):
        return Refusal("length", f"says {declared} characters, has {len(data)}")
    form = _checked(data, whole[3].decode(), crc)
    if isinstance(form, Refusal):
        return form
    head_end = data.find(_CP)
    if head_end < 0:
        head_end = data.upper().find(_CP)
    cp = head_end + len(_CP)
    if head_end < 0 or not data.endswith(b"&&") or len(data) < cp + 2:
        return Refusal("syntax", "no CP=&& ... && in it")
    if CONTROL.search(data, cp) or b"{0x" in data:
        return Refusal("syntax", "no text in its data area: if it is encrypted (SM4), the station needs its `key`")
    printed, _ = take_apart(data[:head_end].decode("utf-8", "replace"))
    head = {name.upper(): text for name, text in printed.items()}
    return Packet(
        qn=head.get("QN"),
        st=head.get("ST"),
        cn=head.get("CN"),
        pw=head.get("PW"),
        mn=head.get("MN"),
        flag=_number(head.get("FLAG")),
        pnum=_number(head.get("PNUM")),
        pno=_number(head.get("PNO")),
        rf=_number(head.get("RF")),
        cp=data[cp:-2].decode("utf-8", "replace"),
        crc=form,
        surplus=declared - len(data),
    )


@lru_cache(maxsize=8)
def take_apart(text: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Fields and factors of a data area; what has no `=` is left out (stray separators are common)."""
    fields: dict[str, str] = {}
    factors: dict[str, dict[str, str]] = {}
    last, said = "", {}
    for part in text.replace(",", ";").split(";"):
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
