"""OneNET (China Mobile): what it pushes, old kind and new, over HTTP or out of a message queue.

Source: OneNET "HTTP推送, 开发指南" (open.iot.10086.cn) and "OneNET Studio, 数据推送"; reference/devices.md §4.

    {"msg":{"type":1,"dev_id":111111,"imei":"...","at":1551052412074,"ds_id":"3300_0_5750","value":"c0ced6..."},
     "msg_signature":"...","nonce":"..."}
    {"msg":TEXT,"signature":"...","time":...,"id":"..."}, where TEXT is JSON in a text:
     {"notifyType":"property","deviceName":"...","data":{"params":{"level":{"value":3,"time":1599534283111}}}}

type 1: a data point, 2: the device came or went, 7: the answer to a kept command. The value of one data stream is a
number in one push and a hex text in the next; both are handed on. `at` and `time` are the platform's, in ms. Newer
pushes have `dev_name` in place of `dev_id`, and `msg` may be text with JSON in it, or a list when pushes are batched.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, field, json

from devices.envelopes import Envelope, Moment, Uplink, messages
from devices.readings import Facts, Refusal

_EVENTS: Final = {1: "data", 2: "status", 7: "command"}


class _Outer(Struct):
    """A push; `msg` stands for a message that came without one."""

    msg: Any


class _Inner(Struct, omit_defaults=True):
    """Both kinds of message."""

    type: Any = None
    dev_id: Any = None
    dev_name: Any = None
    imei: Any = None
    at: Any = None
    ds_id: Any = None
    value: Any = None
    status: Any = None
    device_name: Any = field(default=None, name="deviceName")
    notify_type: Any = field(default=None, name="notifyType")
    data: Any = None

    @property
    def address(self) -> str:
        """Number or name of the device, "" where there is none."""
        named = (self.dev_id, self.dev_name, self.device_name)
        return next((str(name).lower() for name in named if isinstance(name, str | int) and str(name)), "")


_outer = json.Decoder(_Outer).decode
_inner = json.Decoder(_Inner).decode
_inners = json.Decoder(list[_Inner]).decode


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open data points and properties; all else is a fact: {"event": "status"}."""
    del topic
    told = _told(payload)
    if isinstance(told, Refusal):
        return told
    address, first = told[0].address, told[0]
    if not address:
        return Refusal("incomplete", "neither dev_id nor a device's name")
    if any(each.address != address for each in told):
        return Refusal("syntax", "data of several devices in one push: switch batching off in OneNET")
    *earlier, (time_ms, values) = messages.moments(moment for each in told for moment in _moments(each))
    if not values:
        return Facts({"event": _event(first)}, address)
    return Uplink(address=address, imei=messages.imei(first.imei), values=values, time_ms=time_ms, earlier=earlier)


def _moments(message: _Inner) -> Iterator[Moment]:
    if isinstance(message.ds_id, str):
        yield messages.moment_ms(message.at), {message.ds_id: message.value}
    elif isinstance(message.data, dict) and isinstance(params := message.data.get("params"), dict):
        values: dict[str, Any] = {}
        times = []
        for name, said in params.items():
            known = isinstance(said, dict) and "value" in said
            values[name] = said["value"] if known else said
            times.append(messages.moment_ms(said.get("time")) if known else None)
        yield max((at_ms for at_ms in times if at_ms is not None), default=None), values


def _event(message: _Inner) -> str:
    if isinstance(message.notify_type, str):
        return message.notify_type
    return _EVENTS.get(message.type, "event") if isinstance(message.type, int) else "event"


def _told(payload: bytes) -> list[_Inner] | Refusal:
    """Unwrap the messages of a push."""
    outer = messages.read(payload, _outer, lambda found: "msg" in found, "OneNET")
    if isinstance(outer, Refusal):
        return _bare(payload, outer)
    said: Any = outer.msg
    inner = said.encode() if isinstance(said, str) else json.encode(said)
    try:
        told = _inners(inner) if isinstance(said, list) else [_inner(inner)]
    except (ValueError, RecursionError) as error:
        return Refusal("not_mine", f"msg is no message of OneNET: {error}")
    if told and all(_known(each) for each in told):
        return told
    return Refusal("not_mine", "msg has no dev_id, dev_name or deviceName: not of OneNET")


def _bare(payload: bytes, refusal: Refusal) -> list[_Inner] | Refusal:
    """Take a message without its push, as queues and decrypted pushes have it."""
    if refusal.reason != "not_mine":
        return refusal
    try:
        message = _inner(payload)
    except (ValueError, RecursionError):
        return refusal
    if "enc_msg" in messages.members(payload):
        return Refusal("syntax", "an encrypted push: choose the plain-text mode in OneNET")
    return [message] if _known(message) else refusal


def _known(message: _Inner) -> bool:
    """Tell whether it is of OneNET: a data stream or an event of a dev_id, or a notification of a deviceName."""
    old = message.dev_id is not None or message.dev_name is not None
    kind = message.ds_id is not None or message.type in (1, 2, 7)
    return (old and kind) or (message.device_name is not None and message.notify_type is not None)


ENVELOPE = Envelope(
    id="onenet",
    scheme="device",
    imei=True,
    platform_time=True,
    address_of=messages.no_address,
    open=open_message,
)
