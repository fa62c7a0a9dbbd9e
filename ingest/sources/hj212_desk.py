"""What all HJ 212 links have in common: whose packets come, what is answered, and what is decrypted.

Source: HJ 212-2017 §6.6, tables C.4 (1013, 9013, 1012), C.14 to C.18 (9014).
"""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Final, NamedTuple

from devices.hj212 import Packet, answer, build_packet, parse, time_text
from devices.models.hj212_dust import Hj212Options
from devices.readings import Refusal
from devices.registry import Device
from devices.stations import CrcForms
from ingest.clock import now_civil_ms, ntp_says_so
from ingest.sources import Report
from ingest.sources.hj212_sm4 import Decrypt, made_plain, sm4
from store.settings import Secret

TRUST_S: Final = 600.0
"""So long an answer about our own clock holds: asking may take seconds, and is done beside."""

_MN: Final = re.compile(rb"MN=([^;,&\s]{1,64})[;,]", re.IGNORECASE)
_ASKS_TIME: Final = "1013"
_WANTS_ANSWER: Final = 1

Reply = bytes | Packet
"""An answer; or the packet that asked for the time, whose answer is made when it leaves."""


class Looked(NamedTuple):
    """One packet, looked at. place: its MN, empty = none; payload: what is kept; replies: sent when it is kept."""

    place: bytes
    payload: bytes
    replies: list[Reply]


class _Known(NamedTuple):
    """A registered station."""

    options: Hj212Options
    decrypt: Decrypt | None
    forms: CrcForms


class Desk:
    """Looks at packets; for one thread, but for `set_stations`.

    set_clocks  a station that asks for the time (1013) is sent it (1012), as long as our own clock is trusted
    trusted     whether it is; may take seconds
    """

    def __init__(self, report: Report, *, set_clocks: bool = False, trusted: Callable[[], bool] = ntp_says_so) -> None:
        self._report = report
        self._trusted = trusted
        self._set_clocks = set_clocks
        self._trust: bool | None = None
        self._asked_at = -TRUST_S
        self._known: dict[bytes, _Known] = {}
        self._encrypted = False
        self._keys = 0
        if set_clocks:
            self._look_at_clock()

    def set_stations(self, devices: Iterable[Device]) -> None:
        """Know these from now on; callable from any thread. A key that cannot be read is reported, and nothing else."""
        known, why, keys = {}, [], 0
        for device in devices:
            options = device.options
            if not isinstance(options, Hj212Options) or not device.address.startswith("mn:"):
                continue
            decrypt = None
            if options.key is not None:
                keys += 1
                try:
                    place = {"credential": options.key.credential, "file": options.key.file}
                    decrypt = sm4(Secret.model_validate({name: text for name, text in place.items() if text}).read())
                except (OSError, ValueError) as error:
                    why.append(f"{device.id}: {error}")
            mn = device.address.removeprefix("mn:").encode()
            before = self._known.get(mn)
            known[mn] = _Known(options, decrypt, before.forms if before else CrcForms())
        self._known = known
        self._encrypted = any(station.decrypt for station in known.values())
        if keys or self._keys:
            text = "; ".join(why)
            self._report("condition", {"name": "hj212-key", "bad": bool(why), "why_zh": text, "why_en": text})
        self._keys = keys

    def look_at(self, packet: bytes) -> Looked:
        """Find the MN, what is to be kept, and the answers that are due when it is kept."""
        if self._encrypted and (b"{0x" in packet or not packet.isascii()):
            packet = self._made_plain(packet)
        found = parse(packet)
        if isinstance(found, Refusal):
            return self._unreadable(packet)
        place = (found.mn or "").encode()
        station = self._known.get(place)
        believed = bool(place) and (station is None or _believes(station, found))
        return Looked(place, packet, self._replies(found) if believed else [])

    def _made_plain(self, packet: bytes) -> bytes:
        """Decrypt what can be; before it is parsed, for by chance its checksum may fit the cipher, too."""
        mn = _MN.search(packet)
        station = self._known.get(mn[1]) if mn else None
        return (made_plain(packet, station.decrypt) if station and station.decrypt else None) or packet

    def _unreadable(self, packet: bytes) -> Looked:
        """Keep what cannot be read; answer it only where the engineer has said that its checksum is not looked at."""
        mn = _MN.search(packet)
        place = mn[1] if mn else b""
        station = self._known.get(place)
        found = parse(packet, "off") if station is not None and station.options.crc == "off" else None
        return Looked(place, packet, self._replies(found) if isinstance(found, Packet) else [])

    def _replies(self, packet: Packet) -> list[Reply]:
        sent = answer(packet)
        replies: list[Reply] = [] if sent is None else [sent]
        if packet.cn == _ASKS_TIME and self._set_clocks:
            if monotonic() - self._asked_at >= TRUST_S:
                self._look_at_clock()
            replies.append(packet)
        return replies

    def written(self, replies: Sequence[Reply]) -> bytes:
        """Make what goes out now."""
        return b"".join(reply if isinstance(reply, bytes) else self._time_for(reply) for reply in replies)

    def _time_for(self, asked: Packet) -> bytes:
        """Set a station's clock by ours, if that is trusted."""
        if not self._trust:
            return b""
        now_ms = now_civil_ms()
        instrument = asked.fields.get("PolId")
        time = f"SystemTime={time_text(now_ms)}"
        return build_packet(
            qn=f"{time_text(now_ms)}{now_ms % 1000:03d}",
            st=asked.st,
            cn="1012",
            pw=asked.pw,
            mn=asked.mn,
            flag=(asked.flag or 0) | _WANTS_ANSWER,
            cp=f"PolId={instrument};{time}" if instrument else time,
            crc=asked.crc,
            surplus=asked.surplus,
        )

    def _look_at_clock(self) -> None:
        self._asked_at = monotonic()

        def ask() -> None:
            self._trust = self._trusted()

        threading.Thread(target=ask, name="hj212-clock", daemon=True).start()


def _believes(station: _Known, packet: Packet) -> bool:
    """Whether the core will take it: only what is taken is answered, else it would be lost."""
    options = station.options
    if options.pw is not None and packet.pw != options.pw:
        return False
    if options.crc is None:
        return station.forms.heed(packet.crc)
    return options.crc in ("off", packet.crc)
