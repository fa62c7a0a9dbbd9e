"""The Things Stack v3 (The Things Network, The Things Industries): JSON over MQTT and of its webhooks.

Source: The Things Industries documentation, integrations/data-formats. Payloads in base64.

    v3/APPLICATION@TENANT/devices/DEVICE_ID/{up,join,down/push,down/sent,down/ack,down/nack,down/failed,...}

What is empty, 0 or false is left out: an uplink without `f_cnt` is number 0, one without `frm_payload` carries nothing.
`received_at` is the network server's. Where a device has the id that the console proposes, `eui-...`, the topic tells
its EUI.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct, json

from devices.envelopes import Envelope, Uplink, messages
from devices.instants import rfc3339_ms
from devices.models import Model
from devices.readings import Facts, Refusal, Values

_TOPIC: Final = re.compile(rb"v3/[^/]+/devices/(?:eui-([0-9a-f]{16})|[^/]+)/([a-z/_]+)")
_NO_EVENTS: Final = ("end_device_ids", "correlation_ids", "received_at", "simulated")


class _Gateway(Struct, gc=False):
    rssi: float | None = None
    snr: float | None = 0.0


class _Up(Struct, gc=False):
    """The usual uplink; base64 is undone by msgspec."""

    frm_payload: bytes
    received_at: str
    f_port: int | None = None
    f_cnt: int = 0
    rx_metadata: list[_Gateway] = []


class _Usual(Struct, gc=False):
    """Messages of other kinds lack `uplink_message` and fail."""

    uplink_message: _Up


class _CarefulUp(Struct):
    frm_payload: str | None = None
    received_at: Any = None
    f_port: int | None = None
    f_cnt: int | None = 0
    rx_metadata: list[messages.Heard] | None = None


class _Device(Struct):
    dev_eui: str | None = None
    device_id: str | None = None


class _Message(Struct):
    """Any message, read with care."""

    end_device_ids: _Device
    uplink_message: _CarefulUp | None = None
    received_at: Any = None


_usual = json.Decoder(_Usual).decode
_careful = json.Decoder(_Message).decode


def address_of(topic: bytes) -> str | None:
    """Return the EUI where the device's id has it in it; else None."""
    match = _TOPIC.fullmatch(topic)
    return match[1].decode() if match and match[1] else None


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open an uplink; all other messages are facts: {"event": "join_accept"}."""
    del topic
    message = messages.read(payload, _careful, lambda found: "end_device_ids" in found, "The Things Stack")
    if isinstance(message, Refusal):
        return message
    device, up = message.end_device_ids, message.uplink_message
    address = messages.eui(device.dev_eui) if device.dev_eui else (device.device_id or "")
    if up is None or up.frm_payload is None:
        return Facts({"event": _event(payload)}, address)
    data = messages.from_base64(up.frm_payload)
    if isinstance(data, Refusal):
        return data
    rssi, snr = messages.best_of(up.rx_metadata or ())
    time_ms = messages.moment_ms(up.received_at)
    return Uplink(
        address=address,
        port=up.f_port,
        payload=data,
        time_ms=messages.moment_ms(message.received_at) if time_ms is None else time_ms,
        counter=up.f_cnt or 0,
        rssi_dbm=rssi,
        snr_db=snr,
    )


def _event(payload: bytes) -> str:
    """Name a message by the member that carries it."""
    return next((name for name in messages.members(payload) if name not in _NO_EVENTS), "event")


def bind(model: Model, options: Any) -> Callable[[bytes], tuple[int, int, Any]]:  # noqa: ANN401 - of the model
    """Make the fast form of one device: envelope and model in one step.

    Raises ValueError for what is not the usual uplink; what the model says else than values is in the third place.
    """
    decode = model.decode

    def open_up(payload: bytes) -> tuple[int, int, Any]:
        try:
            up = _usual(payload).uplink_message
        except RecursionError as error:
            raise ValueError("nested too deep") from error
        values = decode(up.frm_payload, up.f_port, options)
        if isinstance(values, Values) and up.rx_metadata:
            values.rssi_dbm, values.snr_db = messages.best((each.rssi, each.snr) for each in up.rx_metadata)
        return up.f_cnt, rfc3339_ms(up.received_at), values

    return open_up


ENVELOPE = Envelope(
    id="the-things-stack", scheme="eui", platform_time=True, address_of=address_of, open=open_message, bind=bind
)
