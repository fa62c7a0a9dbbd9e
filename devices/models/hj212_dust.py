"""Dust monitors of construction sites that report by HJ 212: particles, noise, weather.

Source: HJ 212-2017 (commands, data flags, suffixes; table B.2 for the a-codes); codes of the field that no edition has:
a50001 (noise), and TSP, PM10, PM25, TEM, RH, WS, WD of stations built to Tianjin's protocol of 2015. `devices.hj212`
takes the packet apart.

    DataTime=20180821142509;a34004-Rtd=92,a34004-Flag=N;LA-Rtd=57.9,LA-Flag=D

- -Rtd   value of the moment; -Avg mean of a minute, hour or day, whose *start* DataTime then is
- -Flag  N normal; F stopped, M maintenance, S set by hand, D fault, C calibration, T over range, B no contact with the
         instrument. Only N is a measurement like any other: whatever else is named in `flags`, and its number left out;
         but for T, where the true one is at least what is printed
- 9999.99 stands for what cannot be computed (HJ 212-2025 §8.1.1 d)

Units of particles in the wild span a factor of a million under the same code (the standard prints ng/m³, stations print
µg/m³ and mg/m³ as well), so the unit is said for each device. Pressure is printed in kPa.
"""

from typing import Final, Literal

from msgspec import Struct

from devices.hj212 import Packet, build_packet, parse, take_apart, time_ms, time_text
from devices.models import Model
from devices.plausible import PARTICLES
from devices.readings import Decoded, Facts, Refusal, Reported, Values

SPANS: Final = {"2011": "", "2051": "minute", "2061": "hour", "2031": "day"}
_PER_UG: Final = {"ug_m3": 1.0, "mg_m3": 1000.0, "ng_m3": 0.001}
_KPA: Final = 10.0
_PLAUSIBLE: Final = (0.5, 3000.0)  # µg/m³: the largest of a station's particle values is nearly always between
_LEAST_HPA, _MOST_HPA = 500.0, 1100.0  # sane pressure of air
_SENTINEL: Final = 9999.99
_KEPT: Final = ("N", "T")

# In lower case, for the case of codes varies.
_QUANTITIES: Final = {
    "a34001": "tsp_ug_m3",
    "a34002": "pm10_ug_m3",
    "a34004": "pm25_ug_m3",
    "a34005": "pm1_ug_m3",
    "a01001": "temperature_c",
    "a01002": "humidity_pct",
    "a01006": "pressure_hpa",
    "a01007": "wind_speed_m_s",
    "a01008": "wind_direction_deg",
    "la": "noise_db",
    "a50001": "noise_db",
    "leq": "noise_eq_db",
    "tsp": "tsp_ug_m3",
    "pm10": "pm10_ug_m3",
    "pm25": "pm25_ug_m3",
    "tem": "temperature_c",
    "rh": "humidity_pct",
    "ws": "wind_speed_m_s",
    "wd": "wind_direction_deg",
}
_FACTORS: Final = {
    unit: {
        code: (quantity, per_ug if quantity.endswith("_ug_m3") else _KPA if quantity == "pressure_hpa" else 1.0)
        for code, quantity in (
            (spelt, quantity) for code, quantity in _QUANTITIES.items() for spelt in (code, code.upper())
        )
    }
    for unit, per_ug in _PER_UG.items()
}
_USUAL: Final = {
    unit: {
        f"{code}-Rtd": (quantity, factor, f",{code}-Flag", -len(f",{code}-Flag"))
        for code, (quantity, factor) in factors.items()
    }
    for unit, factors in _FACTORS.items()
}
_CODES: Final = {
    "tsp_ug_m3": "a34001",
    "pm10_ug_m3": "a34002",
    "pm25_ug_m3": "a34004",
    "pm1_ug_m3": "a34005",
    "temperature_c": "a01001",
    "humidity_pct": "a01002",
    "pressure_hpa": "a01006",
    "wind_speed_m_s": "a01007",
    "wind_direction_deg": "a01008",
    "noise_db": "LA",
    "noise_eq_db": "Leq",
}


class Key(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a station's SM4 key is: a systemd credential, or a file. It holds 32 hexadecimal digits."""

    credential: str | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        """Refuse none and both."""
        if (self.credential is None) == (self.file is None):
            raise ValueError("say either `credential` or `file`")


class Hj212Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a station prints otherwise than the standard says; nothing is guessed.

    pm_unit  in which unit it prints particles
    crc      the form of its checksum; None = learned from its first packets; off = not looked at
    pw       its PW: packets with another are refused. No secret, for it stands in every packet
    key      its SM4 key (HJ 212-2025), for data areas that are encrypted
    """

    pm_unit: Literal["ug_m3", "mg_m3", "ng_m3"]
    crc: Literal["hj212", "hj212_le", "modbus", "modbus_le", "off"] | None = None
    pw: str | None = None
    key: Key | None = None


class Station(Values):
    """One station."""

    tsp_ug_m3: float | None = None
    pm10_ug_m3: float | None = None
    pm25_ug_m3: float | None = None
    pm1_ug_m3: float | None = None
    noise_db: float | None = None
    noise_eq_db: float | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None
    pressure_hpa: float | None = None
    wind_speed_m_s: float | None = None
    wind_direction_deg: float | None = None


def decode(payload: bytes, port: int | None, options: Hj212Options) -> Decoded:
    """Read one packet: an entry with DataTime, or facts where it carries nothing of ours."""
    del port
    packet = parse(payload, options.crc)
    return packet if isinstance(packet, Refusal) else read(packet, options)


def read(packet: Packet, options: Hj212Options) -> Decoded:
    """Read a packet that has been taken apart."""
    return read_area(packet.cn, packet.data_time, packet.cp, options)


def read_area(cn: str | None, data_time: str | None, cp: str, options: Hj212Options) -> list[Reported] | Facts:
    """Read a data area, of one packet or of the joined parts of one."""
    span = SPANS.get(cn or "")
    if span is None:
        return Facts({"cn": cn, **take_apart(cp)[0]})
    values = _read_usual(cp, options.pm_unit) or _read_unusual(cp, options.pm_unit)
    if values is None:
        return Facts({"cn": cn, "factors": sorted(take_apart(cp)[1])})
    at_ms = time_ms(data_time)
    if at_ms < 0 and data_time:
        values.flags = f"{values.flags or ''} clock".strip()  # it said a time that is none
    return [(at_ms, values, span)]


def _read_usual(cp: str, unit: str) -> Station | None:
    """Read what nearly every station prints, `code-Rtd=number,code-Flag=N;` and nothing twice; None = it is other."""
    factors, usual = _FACTORS[unit], _USUAL[unit]
    found: dict[str, float] = {}
    count = 0
    for part in cp.split(";"):
        pieces = part.split("=")
        known = usual.get(pieces[0])
        if known is None:
            code = pieces[0].partition("-")[0]
            if code in factors or code.lower() in factors or "," in part:
                return None
            continue
        quantity, factor, flagged, length = known
        if len(pieces) != 3 or pieces[2] != "N" or not pieces[1].endswith(flagged):
            return None
        text = pieces[1][:length]
        try:
            number = float(text)
        except ValueError:
            return None
        if number == _SENTINEL or "_" in text:
            return None
        found[quantity] = number if factor == 1 else round(number * factor, 6)
        count += 1
    pressure = found.get("pressure_hpa", _LEAST_HPA)
    if not 0 < count == len(found) or not _LEAST_HPA <= pressure <= _MOST_HPA:
        return None
    return Station(**found)  # type: ignore[arg-type]


def _read_unusual(cp: str, unit: str) -> Station | None:
    """Read it whatever its order, flags and suffixes are; None = nothing of ours is in it."""
    values, flags, read_any = Station(), [], False
    factors = _FACTORS[unit]
    for code, said in take_apart(cp)[1].items():
        known = factors.get(code) or factors.get(code.lower())
        number = _number(said.get("Rtd") or said.get("Avg")) if known else None
        if known is None or number is None:
            continue
        quantity, factor = known
        read_any = True
        flag = said.get("Flag", "N").strip().upper()
        if flag != "N":
            flags.append(f"{quantity}:{flag}")
        if flag in _KEPT:
            value = number if factor == 1 else round(number * factor, 6)
            setattr(values, quantity, _hpa(number) if quantity == "pressure_hpa" else value)
    values.flags = " ".join(flags) or None
    return values if read_any else None


def _hpa(number: float) -> float:
    """Make hPa of what is to be kPa: some stations print hPa or Pa, and no number can be two of them."""
    for factor in (10.0, 1.0, 0.01):
        if _LEAST_HPA <= number * factor <= _MOST_HPA:
            return round(number * factor, 6)
    return number * 10.0


def _number(text: str | None) -> float | None:
    """Read a number; None for the sentinel and for what is no number. Infinity and NaN fall to the sane range."""
    try:
        number = float(text) if text and "_" not in text else None
    except ValueError:
        return None
    return None if number == _SENTINEL else number


def unit_doubt(values: Values, options: Hj212Options) -> tuple[str, str] | None:
    """Say why particles can hardly be in the registered unit, Chinese and English; None = they can."""
    said = [value for name in PARTICLES if (value := getattr(values, name, None))]
    if not said or _PLAUSIBLE[0] <= max(said) <= _PLAUSIBLE[1]:
        return None
    top = max(said)
    printed = top / _PER_UG[options.pm_unit]
    fitting = [unit for unit, per_ug in _PER_UG.items() if _PLAUSIBLE[0] <= printed * per_ug <= _PLAUSIBLE[1]]
    would = " / ".join(f"{unit}: {printed * _PER_UG[unit]:g} µg/m³" for unit in fitting) or "-"
    unit = options.pm_unit
    zh = f"颗粒物读数 {printed:.6g} 按 pm_unit {unit} 为 {top:.6g} µg/m³，不合理；若为 {would}。请核对 pm_unit。"
    en = f"it prints {printed:.6g}, with pm_unit {unit} {top:.6g} µg/m³, which cannot be; {would}. Check pm_unit."
    return zh, en


def packet(  # noqa: PLR0913 - what a station says about itself
    values: Station,
    options: Hj212Options,
    *,
    mn: str,
    at_ms: int | None,
    cn: str = "2011",
    flag: int = 5,
    st: str = "39",
) -> bytes:
    """Make what a station sends; at_ms: DataTime and QN, None = without both."""
    suffix = "Rtd" if cn == "2011" else "Avg"
    parts = [] if at_ms is None else [f"DataTime={time_text(at_ms)}"]
    doubts = dict(doubt.split(":") for doubt in (values.flags or "").split())
    for quantity, code in _CODES.items():
        value = getattr(values, quantity)
        if value is not None:
            number = value / _FACTORS[options.pm_unit][code.lower()][1]
            parts.append(f"{code}-{suffix}={number:.12g},{code}-Flag={doubts.get(quantity, 'N')}")
    qn = None if at_ms is None else f"{time_text(at_ms)}{at_ms % 1000:03d}"
    return build_packet(qn=qn, st=st, cn=cn, mn=mn, flag=flag, cp=";".join(parts))


def encode(values: Station, options: Hj212Options) -> tuple[None, bytes]:
    """Make real-time data of a nameless station without a time; see `packet`."""
    return None, packet(values, options, mn="0" * 24, at_ms=None)


MODEL: Model = Model(
    id="hj212-dust",
    family="dust",
    title="Construction-site dust monitors over HJ 212-2017, -2005 and -2025",
    values=Station,
    decode=decode,
    encode=encode,
    options=Hj212Options,
    source="HJ 212-2017",
    hint=unit_doubt,
)
