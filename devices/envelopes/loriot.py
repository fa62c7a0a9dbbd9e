"""LORIOT: the JSON that its applications put out over MQTT, HTTP push and WebSocket.

Source: LORIOT documentation, "Application data output format". Payloads in hex.

    {"cmd":"rx","EUI":"...","ts":1684478801936,"fcnt":2,"port":1,"rssi":-21,"snr":10,"data":"01"}
    {"cmd":"gw","EUI":"...","ts":...,"fcnt":3,"port":2,"gws":[{"rssi":-38,"snr":8.5,"gweui":"..."}],"data":"01"}

One uplink may come twice: as `rx` at once, and as `gw` when all gateways have spoken. Both have its counter, so that
the second one is a duplicate. `offline` true: it comes out of the cache. Without the application's key there is
`encdata` instead of `data`. Answers to its own clients (cq, tx, txd) are facts, and may name no device.
"""

from typing import Any, Final

from msgspec import Struct, field, json

from devices.envelopes import Envelope, Uplink, messages
from devices.readings import Facts, Refusal

_ANSWERS: Final = ("cq", "tx", "txd")


class _Message(Struct):
    cmd: str
    eui: str = field(default="", name="EUI")
    ts: Any = None
    fcnt: int | None = 0
    port: int | None = None
    data: str | None = None
    encdata: str | None = None
    rssi: Any = None
    snr: Any = 0.0
    gws: list[messages.Heard] | None = None
    offline: bool | None = False


_careful = json.Decoder(_Message).decode


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open an uplink; all but those with data are facts: {"event": "txd"}."""
    del topic
    message = messages.read(payload, _careful, lambda found: "cmd" in found and "EUI" in found, "LORIOT")
    if isinstance(message, Refusal):
        return message
    if not message.eui and message.cmd not in _ANSWERS:
        return Refusal("not_mine", f"cmd {message.cmd!r} without an EUI: not of LORIOT")
    address = messages.eui(message.eui)
    if message.data is None or message.cmd in _ANSWERS:  # `tx` repeats what was sent down
        if message.encdata and message.cmd not in _ANSWERS:
            return Refusal("syntax", "the payload is encrypted: give LORIOT the device's AppSKey")
        return Facts({"event": message.cmd}, address)
    data = messages.from_hex(message.data)
    if isinstance(data, Refusal):
        return data
    rssi, snr = messages.best_of(message.gws or [message])
    return Uplink(
        address=address,
        port=message.port,
        payload=data,
        time_ms=messages.moment_ms(message.ts),
        counter=message.fcnt or 0,
        resent=bool(message.offline),
        rssi_dbm=rssi,
        snr_db=snr,
    )


ENVELOPE = Envelope(id="loriot", scheme="eui", platform_time=True, address_of=messages.no_address, open=open_message)
