"""Huawei OceanConnect (and China Telecom's NB-IoT platform built of it): its north-bound notifications.

Source: Huawei "OceanConnect north API reference", device data notifications; real pushes in reference/devices.md §4.

    {"notifyType":"deviceDataChanged","deviceId":"...","service":{"serviceId":"Level","data":{...},"eventTime":"20180207T032533Z"}}
    {"notifyType":"deviceDatasChanged","deviceId":"...","services":[{"serviceId":"...","data":{...},"eventTime":"..."}]}

The values are whatever the product's codec plug-in makes: numbers, padded texts, a whole frame in hex, NUL characters.
They are handed on as they came; what is said twice is of two moments. `eventTime` is the platform's, in UTC.
"""

from typing import Any

from msgspec import Struct, json

from devices.envelopes import Envelope, Uplink, messages
from devices.readings import Facts, Refusal


class _Service(Struct, rename="camel"):
    data: dict[str, Any] | None = None
    event_time: Any = None


class _Message(Struct, rename="camel"):
    notify_type: str
    device_id: str
    service: _Service | None = None
    services: list[_Service] | None = None
    message_type: Any = None


_careful = json.Decoder(_Message).decode


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open data; all other notifications are facts: {"event": "deviceInfoChanged"}."""
    del topic
    message = messages.read(payload, _careful, _mine, "Huawei OceanConnect")
    if isinstance(message, Refusal):
        return message
    if message.message_type is not None:
        return Refusal("not_mine", "it has a messageType: not of Huawei OceanConnect")
    address = message.device_id.lower()
    services = [message.service] if message.service else message.services or []
    told = [service for service in services if service.data is not None]
    if not told:
        return Facts({"event": message.notify_type}, address)
    *earlier, (time_ms, values) = messages.moments(
        (messages.moment_ms(service.event_time), service.data or {}) for service in told
    )
    return Uplink(address=address, values=values, time_ms=time_ms, earlier=earlier)


def _mine(found: dict[str, Any]) -> bool:
    return "notifyType" in found and "deviceId" in found and "messageType" not in found


ENVELOPE = Envelope(
    id="huawei-oceanconnect",
    scheme="device",
    platform_time=True,
    address_of=messages.no_address,
    open=open_message,
)
