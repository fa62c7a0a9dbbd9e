"""ChirpStack v3 (and LoRa Server before it): what its application server publishes of every device.

Source: ChirpStack v3 documentation, application-server/integrations/events and /sending-receiving/mqtt;
chirpstack-api, as/integration/integration.proto. Payloads in base64.

    application/ID/device/DEV_EUI/event/{up,status,join,ack,txack,error,location,integration}
    application/ID/device/DEV_EUI/{rx,status,join,ack,error,tx,...}        before 3.11

Its three marshalers write the same names: with `protobuf` (JSON) the EUIs are base64 and the decoded object is a text,
`objectJSON`; with `json_v3` EUIs are hex. Zeros may be left out. There is no time of the network server but, since
3.16, `publishedAt`; the gateways' `time` comes from GPS and is often null. Several kinds of event may share one topic:
what has `data` is an uplink.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field, json

from devices.envelopes import Envelope, Uplink, messages
from devices.models import Model
from devices.readings import Facts, Refusal, Values

_SIGNS = (
    ("status", "margin"),
    ("ack", "acknowledged"),
    ("error", "error"),
    ("location", "location"),
    ("integration", "integrationName"),
    ("txack", "txInfo"),
    ("join", "devAddr"),
)


class _Gateway(Struct, gc=False):
    rssi: float | None = None
    snr: float | None = field(default=0.0, name="loRaSNR")
    time: Any = None
    mac: Any = None


class _Heard(Struct):
    """The same, read with care."""

    rssi: Any = None
    snr: Any = field(default=0.0, name="loRaSNR")
    time: Any = None
    mac: Any = None


class Message(Struct):
    """Any event, of ChirpStack v3 or a Milesight gateway, read with care."""

    dev_eui: str = field(name="devEUI")
    application: Any = field(default=None, name="applicationID")
    time: Any = None
    published: Any = field(default=None, name="publishedAt")
    data: str | None = None
    counter: int | None = field(default=0, name="fCnt")
    port: int | None = field(default=None, name="fPort")
    gateways: list[_Heard] | None = field(default=None, name="rxInfo")

    @property
    def milesight(self) -> bool:
        """A Milesight gateway wrote it: it names gateways by their MAC, applications by a number."""
        macs = [gateway.mac is not None for gateway in self.gateways or ()]
        return any(macs) if macs else isinstance(self.application, int)


class _Usual(Struct, gc=False):
    """The usual `up`; base64 is undone by msgspec. Events of other kinds lack `data` and fail."""

    data: bytes
    counter: int = field(default=0, name="fCnt")
    port: int | None = field(default=None, name="fPort")
    gateways: list[_Gateway] = field(default=[], name="rxInfo")
    published: str | None = field(default=None, name="publishedAt")


_usual = json.Decoder(_Usual).decode
decode_message = json.Decoder(Message).decode


def _levels(topic: bytes) -> list[str]:
    levels = topic.decode("utf-8", "replace").split("/")
    named = len(levels) in (5, 6) and levels[0] == "application" and levels[2] in ("device", "node")
    return levels if named else []


def address_of(topic: bytes) -> str | None:
    """Return the EUI, where the topic is ChirpStack's own; else None (its template can be changed)."""
    levels = _levels(topic)
    return levels[3].lower() if levels else None


def open_message(topic: bytes, payload: bytes) -> Uplink | Facts | Refusal:
    """Open any event; all but those with data are facts: {"event": "join"}."""
    message = messages.read(payload, decode_message, lambda found: "devEUI" in found, "ChirpStack v3")
    if isinstance(message, Refusal):
        return message
    if message.milesight:
        return Refusal("not_mine", "of a Milesight gateway: envelope milesight-gateway")
    levels = _levels(topic)
    return opened(message, payload, levels[-1] if levels else "")


def opened(message: Message, payload: bytes, event: str) -> Uplink | Facts | Refusal:
    """Make the uplink or the fact of a message; event: as its topic calls it, or ""."""
    address = messages.eui(message.dev_eui)
    if message.data is None:
        return Facts({"event": event if event not in ("", "up", "rx") else messages.event_by(payload, _SIGNS)}, address)
    data = messages.from_base64(message.data)
    if isinstance(data, Refusal):
        return data
    gateways = message.gateways or []
    rssi, snr = messages.best_of(gateways)
    times = [message.time, *(gateway.time for gateway in gateways), message.published]
    return Uplink(
        address=address,
        port=message.port,
        payload=data,
        time_ms=next((at_ms for time in times if (at_ms := messages.moment_ms(time)) is not None), None),
        counter=message.counter or 0,
        rssi_dbm=rssi,
        snr_db=snr,
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
        values = decode(up.data, up.port, options)
        time_ms = None
        if isinstance(values, Values) and up.gateways:
            values.rssi_dbm, values.snr_db = messages.best((gateway.rssi, gateway.snr) for gateway in up.gateways)
        for gateway in up.gateways:
            if gateway.time is not None and (time_ms := messages.moment_ms(gateway.time)) is not None:
                break
        if time_ms is None:
            time_ms = messages.moment_ms(up.published)
        return up.counter, -1 if time_ms is None else time_ms, values

    return open_up


ENVELOPE = Envelope(
    id="chirpstack-v3", scheme="eui", platform_time=True, address_of=address_of, open=open_message, bind=bind
)
