"""What is remembered of HJ 212 stations: the form of their checksums, packets that come in parts, doubts about units.

Pure: the same packets in the same order give the same readings, and `state` brings everything over a restart.

- Four forms of the checksum are in the field (`devices.hj212.CrcForm`); the standard's has only 256 values. So what
  three packets in a row have agreed on holds from then on, until three others agree on another.
- Parts of a packet (PNUM, PNO) are one reading. Those of which one never comes are read without it, and flagged.
- A station prints particles in ng, µg or mg under the same code. Numbers that cannot be in the registered unit are held
  back (`pm10_ug_m3:unit`), not guessed, until the station has shown often enough that it is the right one.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct, field

from devices.hj212 import Packet, parse
from devices.models.hj212_dust import SPANS, Hj212Options, read_area, unit_doubt
from devices.plausible import PARTICLES, in_order
from devices.readings import Facts, Refusal, Reported, Values
from devices.registry import Device

AGREED: Final = 3  # packets that agree on the form of their checksum
SHOWN: Final = 20  # plausible packets, after which the unit is believed
OPEN: Final = 4  # packets of one station that may wait for parts
PART_CHARS: Final = 64 * 1024  # all parts of one station that wait
WAIT_MS: Final = 600_000  # so long


class Open(Struct):
    """A packet of which parts are missing. parts: PNO -> data area; at_ms: log time of its first part."""

    cn: str
    pnum: int
    qn: str
    data_time: str
    at_ms: int
    parts: dict[int, str]

    def takes(self, packet: Packet) -> bool:
        """Whether a part may be one of this packet: some stations print DataTime only in the first."""
        if (self.cn, self.pnum) != (packet.cn, packet.pnum) or packet.pno in self.parts:
            return False
        said = packet.data_time or ""
        return said == self.data_time if said and self.data_time else (packet.qn or "") == self.qn


class CrcForms(Struct):
    """Learns which form the checksums of one station have. form: "" = not known yet."""

    form: str = ""
    other: str = ""
    agreed: int = 0

    def heed(self, form: str) -> bool:
        """Take note of the form of one packet; say whether it is the station's."""
        if form == self.form:
            self.agreed = 0
            return True
        self.agreed = self.agreed + 1 if form == self.other else 1
        self.other = form
        if self.agreed >= AGREED:
            self.form, self.other, self.agreed = form, "", 0
        return self.form in ("", form)


class Memory(Struct):
    """What is remembered of one station. surplus: what its length counts too much; shown: plausible packets so far.

    doubt  why its particles are held back, Chinese and English; () = they are not
    """

    forms: CrcForms = field(default_factory=CrcForms)
    surplus: int = 0
    shown: int = 0
    doubt: tuple[str, ...] = ()
    open: list[Open] = field(default_factory=list)


class Stations:
    """The memory of all stations of one configuration, by device id."""

    def __init__(self) -> None:
        self.known: dict[str, Memory] = {}

    def take(
        self, device: Device, payload: bytes, log_ms: int, seen: Callable[[int, bytes], bool]
    ) -> list[Reported] | Facts | Refusal | None:
        """Read one packet of a station; None = it came before.

        seen  (DataTime in ms or -1, what tells this packet from others) -> whether it came before; remembers it
        """
        options: Hj212Options = device.options
        packet = self._accepted(device, options, payload)
        if isinstance(packet, Refusal):
            return packet
        if packet.cn not in SPANS:
            return Facts({"cn": packet.cn, **packet.fields})
        memory = self.known[device.id]
        given_up = self._give_up(memory, options, log_ms)
        said: list[Reported] | Facts | None = None
        if not seen(packet.data_time_ms, f"{packet.cn};{packet.pno};{packet.cp}".encode()):
            said = self._join(memory, packet, options, log_ms)
        entries = given_up + (said if isinstance(said, list) else [])
        for _, values, _ in entries:
            _hold(memory, values, options)
        return entries or said

    def _accepted(self, device: Device, options: Hj212Options, payload: bytes) -> Packet | Refusal:
        packet = parse(payload, options.crc)
        if isinstance(packet, Refusal):
            return packet
        if device.address.startswith("mn:") and device.address != f"mn:{packet.mn}":
            return Refusal("not_mine", f"MN {packet.mn}; registered is {device.address}")
        if options.pw is not None and packet.pw != options.pw:
            return Refusal("not_mine", "its PW is not the registered one")
        memory = self.known.get(device.id)
        if memory is None:
            memory = self.known[device.id] = Memory()
        memory.surplus = packet.surplus
        if options.crc is None and not memory.forms.heed(packet.crc):
            return Refusal("checksum", f"has the form {packet.crc}; this station's was {memory.forms.form} so far")
        return packet

    @staticmethod
    def _join(memory: Memory, packet: Packet, options: Hj212Options, log_ms: int) -> list[Reported] | Facts:
        """Read a packet, or keep it until its other parts are there."""
        pnum, pno = packet.pnum or 0, packet.pno or 0
        if not 1 <= pno <= pnum or pnum == 1:
            return read_area(packet.cn, packet.data_time, packet.cp, options)
        waiting = next((each for each in memory.open if each.takes(packet)), None)
        if waiting is None:
            waiting = Open(packet.cn or "", pnum, packet.qn or "", packet.data_time or "", log_ms, {})
            memory.open.append(waiting)
        waiting.parts[pno] = packet.cp
        waiting.data_time = waiting.data_time or packet.data_time or ""
        if len(waiting.parts) < pnum:
            return Facts({"cn": packet.cn, "part": pno, "of": pnum})
        memory.open.remove(waiting)
        return _read_parts(waiting, options)

    @staticmethod
    def _give_up(memory: Memory, options: Hj212Options, log_ms: int) -> list[Reported]:
        """Read what has waited too long, or is too much, without the parts that never came."""
        entries: list[Reported] = []
        while memory.open and (
            memory.open[0].at_ms < log_ms - WAIT_MS
            or len(memory.open) > OPEN
            or sum(len(part) for each in memory.open for part in each.parts.values()) > PART_CHARS
        ):
            read = _read_parts(memory.open.pop(0), options)
            entries += read if isinstance(read, list) else []
        return entries

    def doubt(
        self, device: Device, hint: Callable[[Any, Any], tuple[str, str] | None], said: list[Values]
    ) -> tuple[str, ...] | None:
        """Say what is probably wrong with a device's options, Chinese and English.

        () = what it said makes sense; None = that tells nothing
        """
        station = self.known.get(device.id)
        if station is not None:
            return station.doubt
        telling = [each for each in said if len(in_order(each)) > 1]
        hints = [hint(each, device.options) for each in telling]
        return next((each for each in hints if each is not None), ()) if telling else None

    def facts(self, device: Device) -> dict[str, Any]:
        """Say what was learned of a station: the form of its checksums, its length, and what must be asked."""
        memory, options = self.known.get(device.id, Memory()), device.options
        said: dict[str, Any] = {"crc": options.crc or memory.forms.form or None, "crc_learned": options.crc is None}
        if memory.surplus:
            said["length_counts_more"] = memory.surplus
        if memory.doubt:
            said["unit_zh"], said["unit_en"] = memory.doubt
        return said

    def state(self) -> dict[str, Any]:
        """Everything that a restart must find again, as plain data."""
        return {
            name: [
                [each.forms.form, each.forms.other, each.forms.agreed],
                [each.surplus, each.shown, list(each.doubt)],
                [[o.cn, o.pnum, o.qn, o.data_time, o.at_ms, list(o.parts.items())] for o in each.open],
            ]
            for name, each in self.known.items()
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state back."""
        for name, (forms, (surplus, shown, doubt), waiting) in state.items():
            opens = [Open(cn, pnum, qn, said, at_ms, dict(parts)) for cn, pnum, qn, said, at_ms, parts in waiting]
            self.known[name] = Memory(CrcForms(*forms), surplus, shown, tuple(doubt), opens)


def _read_parts(waiting: Open, options: Hj212Options) -> list[Reported] | Facts:
    area = ";".join(waiting.parts[pno] for pno in sorted(waiting.parts))
    read = read_area(waiting.cn, waiting.data_time or None, area, options)
    if isinstance(read, list) and len(waiting.parts) < waiting.pnum:
        for _, values, _ in read:
            values.flags = f"{values.flags or ''} incomplete".strip()
    return read


def _hold(memory: Memory, values: Values, options: Hj212Options) -> None:
    """Hold particles back that cannot be in the registered unit, unless the station has often shown that they are."""
    held = [name for name in PARTICLES if getattr(values, name) is not None]
    if not any(getattr(values, name) for name in held):
        return
    doubt = unit_doubt(values, options)
    if doubt is None:
        memory.shown = min(memory.shown + 1, SHOWN)
        memory.doubt = ()
    elif memory.shown < SHOWN:
        memory.doubt = memory.doubt or doubt  # in the words of the first: an alarm is not told anew for each number
        for name in held:
            setattr(values, name, None)
        values.flags = " ".join([*(values.flags or "").split(), *(f"{name}:unit" for name in held)])
