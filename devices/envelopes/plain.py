"""No platform between device and broker: the payload is the device's own.

The address is the whole topic (`topic:BROKER/wells/7/report`), or, as the route says, a level of it (`topic 2` of
wells/7/report is 7) or a member of the JSON object (`field imei`; dots walk into objects).
"""

import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import json

from devices.envelopes import Envelope, Opened, Uplink
from devices.models import Model
from devices.models import plain as plain_model
from devices.readings import Facts, Refusal

_ADDRESS: Final = re.compile(r"topic ([1-9][0-9]?)|field (\S+)")


def plain_envelope(address: str) -> Envelope:
    """Make the envelope of one route; address: "", "topic N" or "field NAME". Raises ValueError for other words."""
    match = _ADDRESS.fullmatch(address)
    if address and match is None:
        raise ValueError(f"address {address!r} is neither `topic N` nor `field NAME`")
    if match is not None and match[2]:
        return _envelope(_by_field(match[2]), lambda _topic: None)
    address_of = _by_level(int(match[1])) if match else _whole_topic
    return _envelope(_by_topic(address_of), address_of)


_Open = Callable[[bytes, bytes], Uplink | Facts | Refusal]


def _envelope(open_message: _Open, address_of: Callable[[bytes], str | None]) -> Envelope:
    return Envelope(
        id="plain", scheme="topic", platform_time=False, address_of=address_of, open=open_message, bind=bind
    )


def _whole_topic(topic: bytes) -> str:
    return topic.decode("utf-8", "replace")


def _by_level(number: int) -> Callable[[bytes], str | None]:
    def address_of(topic: bytes) -> str | None:
        levels = topic.decode("utf-8", "replace").split("/")
        return levels[number - 1] if number <= len(levels) else None

    return address_of


def _by_topic(address_of: Callable[[bytes], str | None]) -> _Open:
    def open_message(topic: bytes, payload: bytes) -> Uplink | Refusal:
        address = address_of(topic)
        if not address:
            return Refusal("not_mine", f"topic {_whole_topic(topic)} has no level with an address in it")
        return Uplink(address=address, payload=payload)

    return open_message


def _by_field(name: str) -> _Open:
    def open_message(topic: bytes, payload: bytes) -> Uplink | Refusal:
        del topic
        try:
            message = json.decode(payload)
        except (ValueError, RecursionError) as error:
            return Refusal("syntax", f"no JSON: {error}")
        said = plain_model.member_at(message, name) if isinstance(message, dict) else None
        if isinstance(said, bool) or not isinstance(said, str | int) or said == "":
            return Refusal("incomplete", f"no address in `{name}`")
        return Uplink(address=str(said), payload=payload)

    return open_message


def bind(model: Model, options: Any) -> Callable[[bytes], Opened | tuple[int, int, Any]]:  # noqa: ANN401 - of the model
    """Make the fast form: a JSON model's own opener, or the decoder of whatever else comes by itself."""
    if model.id == plain_model.MODEL.id:
        return plain_model.opener(options)
    decode = model.decode
    return lambda payload: (-1, -1, decode(payload, None, options))


ENVELOPE = plain_envelope("")
