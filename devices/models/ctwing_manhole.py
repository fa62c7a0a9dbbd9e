"""Manhole covers on CTWing AEP (China Telecom), NB-IoT: the platform's standard model 智能井盖 and its variants.

Source: real pushes of TengLian TLJJ-2520 and of Locman/Sefon locks, and receivers of three vendors' covers
(reference/devices.md §2). As JSON, or binary as devices/ctwing.py says, of these services:

    3     heartbeat: battery_voltage, battery_value, rsrp, sinr (these two in tenths from TengLian), latitude and
          longitude of some, versions; JSON only
    4     manhole_cover_position_state u8, manhole_cover_open_state u8, lean_angle i32, battery_voltage f32,
          battery_value i32
    7     Locman/Sefon: position, lean_angle, water_level_state; its other numbers are facts, see below; JSON only
    1001  manhole_cover_position_state u8      1002  battery_voltage f32
    1003  water_level_state u8                 1004  manhole_cover_open_state u8

Alarm and recovery are one event: its value is 1 or 0. Event 1002 may come with battery_state 1 or 0, or with volts.
The widths of the binary fields follow the codec's rule, for no binary push of a cover was published.

The lock of Locman and Sefon sends battery_voltage 59, rsrp 100, ecl -97 and a Water_depth without a unit: what no one
can vouch for does not come out.
"""

from typing import Any, Final

from msgspec import json

from devices import ctwing
from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_HEARTBEAT, _LOW = 3, 1002
_SERVICES: Final = {
    4: (
        (
            ("manhole_cover_position_state", "B"),
            ("manhole_cover_open_state", "B"),
            ("lean_angle", "i"),
            ("battery_voltage", "f"),
            ("battery_value", "i"),
        ),
    ),
    1001: ((("manhole_cover_position_state", "B"),),),
    _LOW: ((("battery_voltage", "f"),),),
    1003: ((("water_level_state", "B"),),),
    1004: ((("manhole_cover_open_state", "B"),),),
}
_OWN: Final = frozenset(
    {
        "manhole_cover_position_state", "manhole_cover_open_state", "lean_angle", "water_level_state", "battery_state",
        "lean_angle_threshold",
    }
)  # fmt: skip
_OF_LOCKS: Final = frozenset({"Water_depth", "AllShackCount", "AccX"})


class Cover(Values):
    """One cover."""

    cover_open: bool | None = None
    cover_displaced: bool | None = None
    tilt_deg: float | None = None
    water_detected: bool | None = None
    battery_v: float | None = None
    battery_pct: float | None = None
    battery_low: bool | None = None
    rsrp_dbm: float | None = None
    sinr_db: float | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read binary APPdata, or a push as it came."""
    del port
    said = ctwing.push(payload) if payload[:1] == b"{" else ctwing.binary(payload, _SERVICES)
    if isinstance(said, Refusal):
        return said
    service, values = said
    return read(values, service, options) if payload[:1] == b"{" else _cover(values, service)


def read(values: dict[str, Any], service: int | None, options: NoOptions) -> Decoded:
    """Read what the platform's model says."""
    del options
    if not (_OWN & values.keys() or _is_common(values, service)):
        return Refusal("not_mine", "nothing that ctwing-manhole says is in it")
    return _cover(values, service)


def _cover(values: dict[str, Any], service: int | None) -> Decoded:
    cover = Cover(
        cover_open=ctwing.truth(values, "manhole_cover_open_state"),
        cover_displaced=ctwing.truth(values, "manhole_cover_position_state"),
        tilt_deg=ctwing.number(values, "lean_angle"),
        water_detected=ctwing.truth(values, "water_level_state"),
        battery_low=_battery_low(values, service),
    )
    if not _OF_LOCKS & values.keys():
        cover.battery_v = ctwing.volts(values)
        cover.battery_pct = ctwing.number(values, "battery_value")
        cover.rsrp_dbm, cover.sinr_db = ctwing.signal(values)
        place = ctwing.number(values, "latitude"), ctwing.number(values, "longitude")
        cover.latitude_deg, cover.longitude_deg = place if all(place) else (None, None)
    return Facts(dict(values)) if cover == Cover() else cover


def _is_common(values: dict[str, Any], service: int | None) -> bool:
    """Tell what other models say as well: the low cell, and a heartbeat, where parking detectors say their state."""
    if service == _LOW:
        return "battery_voltage" in values
    heartbeat = service == _HEARTBEAT or (service is None and "heartbeat_time" in values)
    return heartbeat and "battery_value" in values and "parking_state" not in values


def _battery_low(values: dict[str, Any], service: int | None) -> bool | None:
    if "battery_state" in values or service != _LOW:
        return ctwing.truth(values, "battery_state")
    voltage = ctwing.number(values, "battery_voltage")
    return None if voltage is None else voltage != 0


def encode(values: Cover, options: NoOptions) -> tuple[None, bytes]:
    """Make a push."""
    del options
    said: dict[str, Any] = {
        "manhole_cover_position_state": None if values.cover_displaced is None else int(values.cover_displaced),
        "manhole_cover_open_state": None if values.cover_open is None else int(values.cover_open),
        "lean_angle": values.tilt_deg,
        "water_level_state": None if values.water_detected is None else int(values.water_detected),
        "battery_state": None if values.battery_low is None else int(values.battery_low),
        "battery_voltage": values.battery_v,
        "battery_value": values.battery_pct,
        "rsrp": values.rsrp_dbm,
        "sinr": values.sinr_db,
        "latitude": values.latitude_deg,
        "longitude": values.longitude_deg,
    }
    told = {name: value for name, value in said.items() if value is not None}
    return None, json.encode({"messageType": "dataReport", "serviceId": 4, "payload": told})


MODEL: Model = Model(
    id="ctwing-manhole",
    family="manhole",
    title="Manhole covers on CTWing AEP: standard model, TengLian, Locman/Sefon locks",
    values=Cover,
    decode=decode,
    encode=encode,
    read=read,
    source="real pushes of CTWing AEP; receivers of three vendors' covers",
)
