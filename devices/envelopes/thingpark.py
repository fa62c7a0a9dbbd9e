"""Actility ThingPark (Wireless, Enterprise): the JSON documents of its application-server interface and connectors.

Source: Actility "LoRaWAN tunnel interface, developer guide": DevEUI_uplink, DevEUI_downlink_Sent, DevEUI_location, ...
Payloads in hex. Older releases print every number as a text. `Late` 1: a base station kept the frame while it was cut
off. `Lrrs` lists the base stations that heard it; without it the best one's radio stands beside it.
"""

from typing import Any, Final

from msgspec import Struct, field, json

from devices.envelopes import Envelope, Uplink, messages
from devices.readings import Facts, Refusal

_KIND: Final = "DevEUI_"


class _Station(Struct, rename={"rssi": "LrrRSSI", "snr": "LrrSNR"}):
    rssi: Any = None
    snr: Any = None


class _Stations(Struct):
    lrr: list[_Station] | _Station = field(default_factory=list, name="Lrr")


class _Up(Struct, rename="pascal"):
    dev_eui: str = field(name="DevEUI")
    payload: str | None = field(default=None, name="payload_hex")
    time: Any = None
    f_port: Any = None
    counter: Any = field(default=0, name="FCntUp")
    late: Any = 0
    lrr_rssi: Any = field(default=None, name="LrrRSSI")
    lrr_snr: Any = field(default=None, name="LrrSNR")
    lrrs: _Stations | None = None


class _Message(Struct):
    up: _Up = field(name="DevEUI_uplink")


_careful = json.Decoder(_Message).decode


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open an uplink; all other documents are facts: {"event": "DevEUI_downlink_Sent"}."""
    del topic
    message = messages.read(payload, _careful, lambda found: "DevEUI_uplink" in found, "ThingPark")
    if isinstance(message, Refusal):
        return _other(payload, message)
    up = message.up
    address = messages.eui(up.dev_eui)
    if up.payload is None:
        return Facts({"event": "DevEUI_uplink"}, address)
    data = messages.from_hex(up.payload)
    if isinstance(data, Refusal):
        return data
    port, counter = messages.number(up.f_port), messages.number(up.counter)
    heard = up.lrrs.lrr if up.lrrs else []
    stations = [heard] if isinstance(heard, _Station) else heard or [_Station(up.lrr_rssi, up.lrr_snr)]
    rssi, snr = messages.best_of(stations)
    return Uplink(
        address=address,
        port=None if port is None else int(port),
        payload=data,
        time_ms=messages.moment_ms(up.time),
        counter=int(counter or 0),
        resent=messages.number(up.late) == 1,
        rssi_dbm=rssi,
        snr_db=snr,
    )


def _other(payload: bytes, refusal: Refusal) -> Facts | Refusal:
    """Name the other documents of this platform."""
    if refusal.reason != "not_mine":
        return refusal
    for name, said in messages.members(payload).items():
        if name.startswith(_KIND) and isinstance(said, dict):
            return Facts({"event": name}, messages.eui(str(said.get("DevEUI", ""))))
    return refusal


ENVELOPE = Envelope(id="thingpark", scheme="eui", platform_time=True, address_of=messages.no_address, open=open_message)
