"""CTWing AEP (China Telecom): what it pushes of NB-IoT devices, over HTTP or into a message queue.

Source: CTWing "订阅推送, 推送消息格式" (help.ctwing.cn); real pushes in reference/devices.md §1b, §2, §4.

    {"messageType":"dataReport","deviceId":"...","IMEI":"...","timestamp":1602745069687,"serviceId":4,
     "topic":"v1/up/ad19","payload":{"lean_angle":82,...}}              values: the platform knows the model
    {"messageType":"dataReport",...,"serviceId":"","topic":"v1/up/ad","payload":{"APPdata":"UFUA..."}}   base64: not
    {"messageType":"eventReport",...,"serviceId":1001,"eventType":2,"eventContent":{...}}
    commandResponse, deviceOnlineOfflineReport: facts

`timestamp` is the platform's, in ms. `upPacketSN` is -1 or "" nearly everywhere: no counter. A push that is not
answered with 200 comes again with the same time and content, which is how it is known.
"""

from typing import Any, Final

from msgspec import Struct, field, json

from devices.envelopes import Envelope, Uplink, messages
from devices.readings import Facts, Refusal

_OF_ONENET: Final = "notify"  # its newer messages have a messageType as well


class _Message(Struct, rename="camel"):
    message_type: str
    device_id: str
    timestamp: Any = None
    service_id: Any = None
    payload: dict[str, Any] | None = None
    event_content: dict[str, Any] | None = None
    imei: Any = field(default=None, name="IMEI")


_careful = json.Decoder(_Message).decode


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open data and events; all other messages are facts: {"event": "commandResponse"}."""
    del topic
    message = messages.read(payload, _careful, _mine, "CTWing AEP")
    if isinstance(message, Refusal):
        return message
    if message.message_type == _OF_ONENET:
        return Refusal("not_mine", "messageType notify: not of CTWing AEP")
    address = message.device_id.lower()
    values = message.payload if message.payload is not None else message.event_content
    if values is None:
        return Facts({"event": message.message_type}, address)
    uplink = Uplink(address=address, imei=messages.imei(message.imei), time_ms=messages.moment_ms(message.timestamp))
    frame = values.get("APPdata")
    if frame is None:
        service = messages.number(message.service_id)
        uplink.values, uplink.service = values, None if service is None else int(service)
        return uplink
    data = messages.from_base64(frame) if isinstance(frame, str) else Refusal("syntax", "APPdata is no text")
    if isinstance(data, Refusal):
        return data
    uplink.payload = data
    return uplink


def _mine(found: dict[str, Any]) -> bool:
    return "messageType" in found and "deviceId" in found and found["messageType"] != _OF_ONENET


ENVELOPE = Envelope(
    id="ctwing",
    scheme="device",
    imei=True,
    platform_time=True,
    address_of=messages.no_address,
    open=open_message,
)
