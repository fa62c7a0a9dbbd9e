"""Helium Console: the JSON of its MQTT and HTTP integrations.

Source: Helium documentation, console/integrations/json-schema. Payloads in base64.

    {"dev_eui":"...","fcnt":19,"port":1,"payload":"...","reported_at":1586868546123,
     "hotspots":[{"name":"...","rssi":-54,"snr":9.8,"reported_at":...}]}

`replay` true: a hotspot had kept the frame while it was cut off. Repeats are the rule here: of one network's 8,110
messages 1,966 came twice with the same counter, the latest 48 days late (CampusIoT, reference/devices.md §4).
"""

from typing import Any

from msgspec import Struct, json

from devices.envelopes import Envelope, Uplink, messages
from devices.readings import Facts, Refusal


class _Message(Struct):
    dev_eui: str
    hotspots: list[messages.Heard] | None
    payload: str | None = None
    fcnt: int | None = 0
    port: int | None = None
    reported_at: Any = None
    replay: bool | None = False
    type: Any = None


_careful = json.Decoder(_Message).decode


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open an uplink; one without a payload (a join) is a fact."""
    del topic
    message = messages.read(payload, _careful, lambda found: "hotspots" in found and "dev_eui" in found, "Helium")
    if isinstance(message, Refusal):
        return message
    address = messages.eui(message.dev_eui)
    if message.payload is None:
        return Facts({"event": message.type if isinstance(message.type, str) else "uplink"}, address)
    data = messages.from_base64(message.payload)
    if isinstance(data, Refusal):
        return data
    rssi, snr = messages.best_of(message.hotspots or ())
    return Uplink(
        address=address,
        port=message.port,
        payload=data,
        time_ms=messages.moment_ms(message.reported_at),
        counter=message.fcnt or 0,
        resent=bool(message.replay),
        rssi_dbm=rssi,
        snr_db=snr,
    )


ENVELOPE = Envelope(id="helium", scheme="eui", platform_time=True, address_of=messages.no_address, open=open_message)
