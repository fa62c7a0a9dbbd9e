"""Huawei IoTDA: what its data forwarding sends on (HTTP, AMQP, Kafka, MQTT).

Source: Huawei Cloud "IoTDA, subscription and push, data structures"; a real frame in reference/devices.md §4.

    {"resource":"device.property","event":"report","event_time":"20260912T173041Z","event_time_ms":"2026-09-12T17:30:41.632Z",
     "notify_data":{"header":{"device_id":"...","node_id":"..."},
                    "body":{"services":[{"service_id":"Monitor","properties":{...},"event_time":"20260912T173041Z"}]}}}

`event_time` of a service is when the device's data were taken; the outer one, when the platform told. Two forms of time
in one message. The `node_id` of an NB-IoT device is its IMEI as a rule. Other resources (device.status, device.message,
device.command.status ...) are facts.
"""

from typing import Any

from msgspec import Struct, json

from devices.envelopes import Envelope, Uplink, messages
from devices.readings import Facts, Refusal


class _Header(Struct):
    device_id: str
    node_id: Any = None


class _Service(Struct):
    properties: dict[str, Any] | None = None
    event_time: Any = None


class _Body(Struct):
    services: list[_Service] | None = None


class _Notice(Struct):
    header: _Header
    body: _Body | None = None


class _Message(Struct):
    notify_data: _Notice
    resource: str = "device"
    event: str = "event"
    event_time: Any = None
    event_time_ms: Any = None


_careful = json.Decoder(_Message).decode


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open reported properties; all else is a fact: {"event": "device.status update"}."""
    del topic
    message = messages.read(payload, _careful, lambda found: "notify_data" in found, "Huawei IoTDA")
    if isinstance(message, Refusal):
        return message
    header, body = message.notify_data.header, message.notify_data.body
    address = header.device_id.lower()
    told = [service for service in (body.services if body else None) or () if service.properties is not None]
    if not told:
        return Facts({"event": f"{message.resource} {message.event}"}, address)
    *earlier, (time_ms, values) = messages.moments(
        (_time_ms(service.event_time, message.event_time_ms, message.event_time), service.properties or {})
        for service in told
    )
    return Uplink(address=address, imei=messages.imei(header.node_id), values=values, time_ms=time_ms, earlier=earlier)


def _time_ms(*times: object) -> int | None:
    """Return the first that is a time."""
    return next((at_ms for time in times if (at_ms := messages.moment_ms(time)) is not None), None)


ENVELOPE = Envelope(
    id="huawei-iotda",
    scheme="device",
    imei=True,
    platform_time=True,
    address_of=messages.no_address,
    open=open_message,
)
