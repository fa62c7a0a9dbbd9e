"""OneNET's OneJSON: what a device publishes itself, where the gateway listens on that broker.

Source: OneNET "OneJSON 协议" (MQTT 物模型). The topic names product and device.

    $sys/PRODUCT_ID/DEVICE_NAME/thing/property/post   {"id":"123","params":{"level":{"value":3,"time":1706673129818}}}
    $sys/PRODUCT_ID/DEVICE_NAME/thing/event/post      {"id":"123","params":{"overflow":{"value":{...},"time":...}}}

`time` is the device's own, in ms, and may be left out. Replies, settings and services on the neighbouring topics are
facts.
"""

import re
from typing import Any, Final

from msgspec import Struct, json

from devices.envelopes import Envelope, Uplink, messages
from devices.readings import Facts, Refusal

_TOPIC: Final = re.compile(rb"\$sys/([^/]+)/([^/]+)/thing/(.+)")
_POSTED: Final = ("property/post", "event/post")


class _Param(Struct):
    value: Any
    time: Any = None


class _Message(Struct):
    params: dict[str, _Param]


_careful = json.Decoder(_Message).decode


def address_of(topic: bytes) -> str | None:
    """Return the device's name in lower case, where the topic is OneNET's own."""
    match = _TOPIC.fullmatch(topic)
    return match[2].decode("utf-8", "replace").lower() if match else None


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open posted properties and events; all else is a fact: {"event": "property/post/reply"}."""
    match, address = _TOPIC.fullmatch(topic), address_of(topic)
    if match is None or address is None:
        return Refusal("not_mine", "the topic is none of OneJSON: $sys/PRODUCT_ID/DEVICE_NAME/thing/...")
    kind = match[3].decode("utf-8", "replace")
    if kind not in _POSTED:
        return Facts({"event": kind}, address)
    message = messages.read(payload, _careful, lambda found: "params" in found, "OneJSON")
    if isinstance(message, Refusal):
        return message
    times = [at_ms for param in message.params.values() if (at_ms := messages.moment_ms(param.time)) is not None]
    return Uplink(
        address=address,
        values={name: param.value for name, param in message.params.items()},
        time_ms=max(times, default=None),
    )


ENVELOPE = Envelope(id="onenet-onejson", scheme="device", platform_time=False, address_of=address_of, open=open_message)
