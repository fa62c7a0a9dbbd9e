"""What opens the messages of one platform into uplinks, one file each; listed in `devices.catalogue`."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from devices.models import Model
from devices.readings import Decoded, Facts, Refusal, Reported, Values

Moment = tuple[int | None, dict[str, Any]]
"""Time in Unix ms (None = none), and what a platform says of it."""


class Uplink(Struct, kw_only=True):
    """What one device sent, out of its envelope.

    address         EUI in lower-case hex, a platform's number of the device, MN ...; without its scheme
    imei            of the device, where the platform knows it: it may be registered by that as well
    port            LoRaWAN FPort, or None
    payload         the device's bytes; None where the platform sends values
    values          ready values, where the platform decodes
    earlier         moments of the same push before that: their time and values
    service         the platform's number for this kind of message (CTWing: serviceId), or None
    time_ms         the device's or platform's time, Unix ms; None = none
    counter         frame counter, or None
    resent          the platform says that this is a repeat or comes late
    rssi_dbm, snr_db  of the gateway with the highest RSSI
    """

    address: str
    imei: str = ""
    port: int | None = None
    payload: bytes | None = None
    values: dict[str, Any] | None = None
    earlier: list[Moment] = []
    service: int | None = None
    time_ms: int | None = None
    counter: int | None = None
    resent: bool = False
    rssi_dbm: float | None = None
    snr_db: float | None = None


Opened = tuple[int, int, Values]
"""counter (-1 = none), time in ms (-1 = none), values: all that the hot path wants of a message."""


class Envelope(Struct, frozen=True, kw_only=True):
    """The declaration at the bottom of an envelope's file.

    id             as written in YAML: `chirpstack-v4`
    scheme         of the addresses that it gives: `eui`, `device` (a platform's own number), `mn`, `topic` ...
    imei           it also says the IMEI of many devices: they may be registered by that
    platform_time  True: `time_ms` was taken by the platform (a message older than 10 min is history);
                   False: it is the device's own clock, which only places a reading in its windows
    address_of     (topic) -> address, where the topic alone tells it, else None: then every message is opened for it
    open           (topic, payload) -> uplink, facts (join, status, ack), or a refusal: the careful form, with reasons
    bind           (model, options) -> open(payload) -> Opened: the fast form for one device.
                   It may raise ValueError (msgspec's errors are) or return no Values in the third place: then the
                   message is opened again the careful way. None: there is no fast form.
    """

    id: str
    scheme: str
    platform_time: bool
    imei: bool = False
    address_of: Callable[[bytes], str | None]
    open: Callable[[bytes, bytes], Uplink | Facts | Refusal]
    bind: Callable[[Model, Any], Callable[[bytes], tuple[int, int, Any]]] | None = None


def said_by(model: Model, uplink: Uplink, options: Any) -> Decoded:  # noqa: ANN401 - of this model
    """Let a model read an uplink: its bytes, or the values that a platform sends instead.

    Where all that a platform sends is one text of hex, that is the frame of a device whose codec it does not have.
    """
    if uplink.payload is not None:
        return model.decode(uplink.payload, uplink.port, options) if uplink.payload else Facts({"event": "up"})
    said = _read(model, uplink, uplink.values or {}, options)
    if not uplink.earlier:
        return said
    found = [(at_ms, _read(model, uplink, values, options)) for at_ms, values in uplink.earlier]
    entries = [entry for at_ms, each in [*found, (None, said)] for entry in _entries(each, at_ms)]
    return entries or said


def _entries(said: Decoded, at_ms: int | None) -> list[Reported]:
    if isinstance(said, Facts | Refusal):
        return []
    several = [(-1, said, "")] if isinstance(said, Values) else said
    return [(t_ms if t_ms >= 0 or at_ms is None else at_ms, values, span) for t_ms, values, span in several]


def _read(model: Model, uplink: Uplink, values: dict[str, Any], options: Any) -> Decoded:  # noqa: ANN401 - of this model
    if model.read is not None:
        return model.read(values, uplink.service, options)
    frame = _hex_in(values)
    if frame is None:
        return Refusal("not_mine", f"the platform sends values; {model.id} reads bytes")
    return model.decode(frame, uplink.port, options)


def _hex_in(values: dict[str, Any]) -> bytes | None:
    texts = [value for value in values.values() if isinstance(value, str)]
    if len(texts) != 1 or not texts[0]:
        return None
    try:
        return bytes.fromhex(texts[0])
    except ValueError:
        return None
