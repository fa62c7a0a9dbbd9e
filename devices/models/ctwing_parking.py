"""Geomagnetic parking detectors on CTWing AEP (China Telecom), NB-IoT: the platform's standard model and its variants.

Source: real pushes of WXHS P_MD (reference/devices.md §1b); published firmware of Movebroad MVB-VD33D for the standard
model, two versions of it. As JSON, or binary as devices/ctwing.py says, of these services:

    1     battery_voltage f32, battery_value i32, ptime i64, parking_state u8, error_code u8, parking_change u8,
          magnetic_value i32; or parking_state u8 alone
    2     rsrp, sinr, pci, ecl, cell_id, all i32
    3, 102  heartbeat: the device's versions, then signal, battery and state
    101   as 1, and magnetic_value_x, _y, _z
    1001  parking_change u8      1002  error_code u8      1003  battery_voltage f32: low      1004  magnetic_value i32
    9001, 9101, 9102  answers to commands

parking_change is the state after the change. The value of the events 1003 and 1004 may be 0: recovered. `ptime` is the
device's clock (51 s fast in the one capture); readings are placed by the platform's time. How large a step of X_value
is nobody states: counts. magnetic_value, error_code and Alarm_info are facts.
"""

from typing import Any, Final

from msgspec import json

from devices import ctwing
from devices.models import Model, NoOptions
from devices.readings import Decoded, Facts, Refusal, Values

_STATE: Final = (
    ("battery_voltage", "f"),
    ("battery_value", "i"),
    ("ptime", "q"),
    ("parking_state", "B"),
    ("error_code", "B"),
    ("parking_change", "B"),
    ("magnetic_value", "i"),
)
_AXES: Final = (("magnetic_value_x", "h"), ("magnetic_value_y", "h"), ("magnetic_value_z", "h"))
_SIGNAL: Final = (("rsrp", "i"), ("sinr", "i"), ("pci", "i"), ("ecl", "i"), ("cell_id", "i"))
_HEARTBEAT: Final = (
    ("ICCID", "20s"),
    ("heartbeat_time", "f"),
    ("protect_time", "f"),
    ("saas_version", "6s"),
    ("manufacturer_id", "18s"),
    ("IMSI", "15s"),
    ("IMEI", "15s"),
    ("nb_firmware", ctwing.TEXT),
    ("nb_module", ctwing.TEXT),
    ("mcu_firmware", ctwing.TEXT),
    ("terminal_type", ctwing.TEXT),
    ("manufacturer_name", ctwing.TEXT),
    *_SIGNAL,
    ("battery_voltage", "f"),
    ("battery_value", "i"),
    ("signal_power", "h"),
    ("snr", "h"),
    ("tx_power", "h"),
    ("parking_state", "B"),
    ("error_code", "B"),
    ("parking_change", "B"),
    ("magnetic_value", "i"),
)
_CHANGED, _FAULT, _LOW, _DISTURBED = 1001, 1002, 1003, 1004
_SERVICES: Final = {
    1: (_STATE, (("parking_state", "B"),)),
    2: (_SIGNAL,),
    3: (_HEARTBEAT, _HEARTBEAT + _AXES),
    101: (_STATE + _AXES,),
    102: (_HEARTBEAT, _HEARTBEAT + _AXES),
    _CHANGED: ((("parking_change", "B"),),),
    _FAULT: ((("error_code", "B"),),),
    _LOW: ((("battery_voltage", "f"),),),
    _DISTURBED: ((("magnetic_value", "i"),),),
    9001: ((("command_type", "B"),),),
    9101: ((("heartbeat_time", "f"),),),
    9102: ((("protect_time", "f"),),),
}
_COMMON: Final[dict[int | None, str]] = {2: "rsrp", _LOW: "battery_voltage"}  # what other models say as well
_OWN: Final = frozenset(
    {
        "parking_state", "parking_change", "magnetic_value", "error_code", "protect_time",
        "Park_cnt", "X_value", "Y_value", "Z_value", "mag_id", "command_type",
    }
)  # fmt: skip
_COUNTS: Final = {
    "magnetic_x_counts": ("X_value", "magnetic_value_x"),
    "magnetic_y_counts": ("Y_value", "magnetic_value_y"),
    "magnetic_z_counts": ("Z_value", "magnetic_value_z"),
    "magnetic_base_x_counts": ("X_base",),
    "magnetic_base_y_counts": ("Y_base",),
    "magnetic_base_z_counts": ("Z_base",),
    "vehicle_count": ("Park_cnt",),
}


class Bay(Values):
    """One bay."""

    occupied: bool | None = None
    magnetic_alarm: bool | None = None
    magnetic_x_counts: int | None = None
    magnetic_y_counts: int | None = None
    magnetic_z_counts: int | None = None
    magnetic_base_x_counts: int | None = None
    magnetic_base_y_counts: int | None = None
    magnetic_base_z_counts: int | None = None
    vehicle_count: int | None = None
    battery_v: float | None = None
    battery_pct: float | None = None
    battery_low: bool | None = None
    rsrp_dbm: float | None = None
    sinr_db: float | None = None


def decode(payload: bytes, port: int | None, options: NoOptions) -> Decoded:
    """Read binary APPdata, or a push as it came."""
    del port
    said = ctwing.push(payload) if payload[:1] == b"{" else ctwing.binary(payload, _SERVICES)
    if isinstance(said, Refusal):
        return said
    service, values = said
    return read(values, service, options) if payload[:1] == b"{" else _bay(values, service)


def read(values: dict[str, Any], service: int | None, options: NoOptions) -> Decoded:
    """Read what the platform's model says."""
    del options
    if not (_OWN & values.keys() or _COMMON.get(service, "") in values):
        return Refusal("not_mine", "nothing that ctwing-parking says is in it")
    return _bay(values, service)


def _bay(values: dict[str, Any], service: int | None) -> Decoded:
    bay = Bay()
    bay.occupied = ctwing.truth(values, "parking_change" if service == _CHANGED else "parking_state")
    for name, names in _COUNTS.items():
        setattr(bay, name, _whole(values, *names))
    bay.battery_v, bay.battery_pct = ctwing.volts(values), ctwing.number(values, "battery_value")
    bay.rsrp_dbm, bay.sinr_db = ctwing.signal(values)
    power = ctwing.number(values, "Signal_Power")
    bay.rssi_dbm = power if power is not None and power < 0 else None
    if service == _LOW:
        bay.battery_low = _is_on(values, "battery_voltage")
    if service == _DISTURBED:
        bay.magnetic_alarm = _is_on(values, "magnetic_value")
    return Facts(dict(values)) if bay == Bay() else bay


def _is_on(values: dict[str, Any], name: str) -> bool | None:
    said = ctwing.number(values, name)
    return None if said is None else said != 0


def _whole(values: dict[str, Any], *names: str) -> int | None:
    """Return the first of these that is a whole number; above 32767 it is an int16 that was read without its sign."""
    for name in names:
        said = values.get(name)
        if isinstance(said, int) and not isinstance(said, bool):
            wrapped = name.startswith("magnetic_value") and 0x7FFF < said <= 0xFFFF
            return said - 0x10000 if wrapped else said
    return None


def encode(values: Bay, options: NoOptions) -> tuple[None, bytes]:
    """Make a push of a WXHS P_MD."""
    del options
    said: dict[str, Any] = {
        "parking_state": None if values.occupied is None else int(values.occupied),
        "battery_voltage": values.battery_v,
        "battery_value": values.battery_pct,
        "rsrp": values.rsrp_dbm,
        "sinr": values.sinr_db,
        "Signal_Power": values.rssi_dbm,
        **{names[0]: getattr(values, name) for name, names in _COUNTS.items()},
    }
    told = {name: value for name, value in said.items() if value is not None}
    return None, json.encode({"messageType": "dataReport", "serviceId": 1, "payload": told})


MODEL: Model = Model(
    id="ctwing-parking",
    family="parking",
    title="Geomagnetic detectors on CTWing AEP: standard model, WXHS P_MD, Movebroad",
    values=Bay,
    decode=decode,
    encode=encode,
    read=read,
    source="real pushes of CTWing AEP; published firmware of the platform's standard model",
)
