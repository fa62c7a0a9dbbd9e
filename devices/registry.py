"""What an engineer registered, compiled to plain data: devices, and how each source's frames find them."""

from typing import Any

from msgspec import Struct, field


class Route(Struct, frozen=True, kw_only=True):
    """How frames of one source are opened.

    filter    MQTT topic filter; "" for sources whose frames have no topic
    envelope  id of an envelope in the catalogue
    address   "" = the envelope knows; "topic N" = the Nth level of the topic (1 is the first);
              "field NAME" = a member of the JSON object
    """

    filter: str
    envelope: str
    address: str = ""


class Source(Struct, frozen=True, kw_only=True):
    """A thing that delivers frames, as far as the core must know it.

    kind     mqtt, serial, hj212, replay
    subject  what its link alarm is about: `broker:lora`, `line:gate`, `hj212:sites`
    """

    name: str
    kind: str
    subject: str
    routes: tuple[Route, ...]


class Device(Struct, frozen=True, kw_only=True):
    """One registered thing on the street.

    id           unique; never changes, for history hangs on it
    address      `eui:24e124126a148401`, `imei:`, `mn:`, `modbus:gate/3`, `line:kiosk`, `topic:lora/wells/7`
    name         for people: 文化路12号 污水井盖
    at           longitude, latitude, WGS 84; None = unknown
    labels       the engineer's own words; those in `tags` become InfluxDB tags
    interval_ms  how often it reports at the least
    options      of its model, already of the model's options struct
    via          names of the sources that may carry it: with all of them down it is cut off, not silent
    """

    id: str
    model: str
    family: str
    address: str
    name: str = ""
    at: tuple[float, float] | None = None
    site: str | None = None
    district: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    interval_ms: int
    options: Any = None
    via: tuple[str, ...] = ()


class Registry(Struct, frozen=True, kw_only=True):
    """Everything that is registered; no secrets.

    gateway    id of this gateway; part of every id that leaves
    time_zone  IANA name: hours and days close by it
    reported   quantities of which hours and days are kept for reports, whether a rule looks at them or not
    """

    gateway: str
    time_zone: str
    sources: tuple[Source, ...] = ()
    devices: tuple[Device, ...] = ()
    influx: bool = False
    reported: tuple[str, ...] = ()
