"""What leaves by MQTT and webhooks: CloudEvents 1.0, structured mode, JSON (CloudEvents JSON format 1.0.2 §3).

An event is `id` = its position (`feedid-N`), so a receiver that has the id already has the event; `sequence` is N with
leading zeros, for that extension orders texts. `data` is what the HTTP API shows of the same thing.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from devices.instants import rfc3339
from feed.positions import Position
from feed.wire import alarm_json, json_of, news
from rules.records import Alarm, Event

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"

_encode = msgspec.json.Encoder().encode


class CloudEvent(Struct, kw_only=True, omit_defaults=True):
    """The envelope, CloudEvents 1.0.2 §3; sequence: extension "sequence". Absent = not applicable."""

    specversion: str = msgspec.field(default_factory=lambda: "1.0")  # a factory, so that it is never left out
    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    sequence: str | None = None
    datacontenttype: str = msgspec.field(default_factory=lambda: "application/json")
    dataschema: str
    data: Raw


def source(gateway: str) -> str:
    """Name the gateway as a source: a URI reference."""
    return f"/cityward/{gateway}"


def of_event(event: Event, feed: str, gateway: str) -> bytes:
    """Write one event of the feed; it has its number."""
    return _encode(
        CloudEvent(
            id=str(Position(feed, event.number)),
            source=source(gateway),
            type=f"cn.cityward.alarm.{event.kind}.v1",
            subject=event.alarm.id,
            time=rfc3339(event.t_ms),
            sequence=_sequence(event.number),
            dataschema="urn:cityward:schema:event:1",
            data=Raw(news(event, gateway).event_json),
        )
    )


def of_state(alarm: Alarm, feed: str, gateway: str) -> bytes:
    """Write how an alarm stands now; the same state has the same id, however often it is written."""
    return _encode(
        CloudEvent(
            id=f"{Position(feed, alarm.event)}/state",
            source=source(gateway),
            type="cn.cityward.alarm.state.v1",
            subject=alarm.id,
            sequence=_sequence(alarm.event),
            dataschema="urn:cityward:schema:alarm:1",
            data=Raw(alarm_json(alarm)),
        )
    )


def of_other(  # noqa: PLR0913, PLR0917 - what such an event says
    what: str, unique: str, gateway: str, t_ms: int, data: dict[str, Any], subject: str | None = None
) -> bytes:
    """Write what is no event of the feed: `status`, `reply`. unique: makes the id, together with `what`; t_ms: now."""
    return _encode(
        CloudEvent(
            id=f"{what}-{unique}",
            source=source(gateway),
            type=f"cn.cityward.{what}.v1",
            subject=subject,
            time=rfc3339(t_ms),
            dataschema=f"urn:cityward:schema:{what}:1",
            data=Raw(json_of(data)),
        )
    )


def _sequence(number: int) -> str:
    return f"{number:018}"
