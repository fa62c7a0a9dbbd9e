"""What opens the messages of one platform into uplinks, one file each; listed in `devices.catalogue`."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from devices.models import Model
from devices.readings import Facts, Refusal, Values


class Uplink(Struct, kw_only=True):
    """What one device sent, out of its envelope.

    address         EUI in lower-case hex, IMEI, MN ...; without its scheme
    port            LoRaWAN FPort, or None
    payload         the device's bytes; None where the platform sends values
    values          ready values, where the platform decodes
    time_ms         the device's or platform's time, Unix ms; None = none
    counter         frame counter, or None
    resent          the platform says that this is a repeat or comes late
    rssi_dbm, snr_db  of the gateway with the highest RSSI
    """

    address: str
    port: int | None = None
    payload: bytes | None = None
    values: dict[str, Any] | None = None
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
    scheme         of the addresses that it gives: `eui`, `imei`, `mn`, `topic` ...
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
    address_of: Callable[[bytes], str | None]
    open: Callable[[bytes, bytes], Uplink | Facts | Refusal]
    bind: Callable[[Model, Any], Callable[[bytes], tuple[int, int, Any]]] | None = None
