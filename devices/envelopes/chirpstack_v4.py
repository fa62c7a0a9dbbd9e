"""ChirpStack v4, JSON: what its MQTT integration publishes of every device.

Source: ChirpStack documentation, integrations/events (events.md); LoRaWAN payloads in base64.

    application/APPLICATION_ID/device/DEV_EUI/event/{up,join,status,ack,txack,log,location,integration}

It is Protobuf as JSON, which leaves out what is zero: an `up` without `fCnt` is number 0, one without `data` carries
nothing. `time` is the network server's, with nanoseconds. Of several gateways the one that heard best counts.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, json

from devices.envelopes import Envelope, Uplink, messages
from devices.instants import rfc3339_ms
from devices.models import Model
from devices.readings import Facts, Refusal, Values

EVENTS = ("up", "join", "status", "ack", "txack", "log", "location", "integration")


class _Gateway(Struct, gc=False):
    rssi: float | None = None
    snr: float | None = 0.0


class _Uplink(Struct, gc=False, rename="camel"):
    """The usual `up`; base64 is undone by msgspec. Events of other kinds lack `data` and fail."""

    time: str
    data: bytes
    f_cnt: int = 0
    f_port: int | None = None
    rx_info: list[_Gateway] = []


class _DeviceInfo(Struct, rename="camel"):
    dev_eui: str


class _Message(Struct, rename="camel"):
    """Any event, read with care."""

    device_info: _DeviceInfo
    time: Any = None
    data: str | None = None
    f_cnt: int | None = 0
    f_port: int | None = None
    rx_info: list[messages.Heard] | None = None


_usual = json.Decoder(_Uplink).decode
_careful = json.Decoder(_Message).decode


def _levels(topic: bytes) -> list[str]:
    levels = topic.decode("utf-8", "replace").split("/")
    named = len(levels) == 6 and (levels[0], levels[2], levels[4]) == ("application", "device", "event")  # noqa: PLR2004
    return levels if named else []


def address_of(topic: bytes) -> str | None:
    """Return the EUI, where the topic is ChirpStack's own; else None (its template can be changed)."""
    levels = _levels(topic)
    return levels[3].lower() if levels else None


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open any event; all but those with data are facts: {"event": "join"}."""
    message = messages.read(payload, _careful, _mine, "ChirpStack v4")
    if isinstance(message, Refusal):
        return message
    levels = _levels(topic)
    address = messages.eui(message.device_info.dev_eui)
    if message.data is None:
        return Facts({"event": levels[5] if levels else messages.event_by(payload, _SIGNS)}, address)
    data = messages.from_base64(message.data)
    if isinstance(data, Refusal):
        return data
    rssi, snr = messages.best_of(message.rx_info or ())
    return Uplink(
        address=address,
        port=message.f_port,
        payload=data,
        time_ms=messages.moment_ms(message.time),
        counter=message.f_cnt or 0,
        rssi_dbm=rssi,
        snr_db=snr,
    )


def _mine(found: dict[str, Any]) -> bool:
    device = found.get("deviceInfo")  # Huawei's notifications have one as well, of other members
    return isinstance(device, dict) and "devEui" in device


def _best(gateways: list[_Gateway]) -> _Gateway | None:
    heard = [gateway for gateway in gateways if gateway.rssi is not None]
    return max(heard, key=lambda gateway: gateway.rssi or 0) if heard else None


_SIGNS = (
    ("txack", "gatewayId"),
    ("ack", "acknowledged"),
    ("status", "margin"),
    ("log", "level"),
    ("location", "location"),
    ("integration", "integrationName"),
    ("join", "devAddr"),
)


def bind(model: Model, options: Any) -> Callable[[bytes], tuple[int, int, Any]]:  # noqa: ANN401 - of the model
    """Make the fast form of one device: envelope and model in one step.

    Raises ValueError for what is not the usual `up`; what the model says else than values is in the third place.
    """
    decode = model.decode

    def open_up(payload: bytes) -> tuple[int, int, Any]:
        try:
            up = _usual(payload)
        except RecursionError as error:
            raise ValueError("nested too deep") from error
        values = decode(up.data, up.f_port, options)
        gateways = up.rx_info
        if gateways and isinstance(values, Values):
            best = gateways[0] if len(gateways) == 1 else _best(gateways)
            if best is not None and (rssi := best.rssi) is not None:
                values.rssi_dbm, values.snr_db = rssi, best.snr
        return up.f_cnt, rfc3339_ms(up.time), values

    return open_up


ENVELOPE = Envelope(
    id="chirpstack-v4", scheme="eui", platform_time=True, address_of=address_of, open=open_message, bind=bind
)
