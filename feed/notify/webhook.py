"""A webhook: CloudEvents 1.0 in structured JSON, signed as Standard Webhooks says (standardwebhooks.com).

webhook-id is the CloudEvents id and stays the same when a message is sent again, so that the receiver can take it once;
webhook-signature: `v1,` + base64(HMAC-SHA256(secret, "id.timestamp.body")), timestamp in seconds;
a secret `whsec_…` is base64, as in `feeds`.
"""

from typing import Any

import msgspec

from devices.instants import rfc3339
from feed.notify.answers import by_status
from feed.notify.records import Message, Request, Upshot
from feed.notify.settings import NotifyHookSettings
from feed.webhook_post import key_of, signature

LIMITS = ((60_000, 120),)
MOST_BYTES = 100_000
IDEMPOTENT = True
PERSONAL = False

_encode = msgspec.json.Encoder().encode


def request(settings: NotifyHookSettings, message: Message, now_ms: int) -> Request:
    """Build the request. Raises OSError, ValueError when the secret cannot be read, or is none."""
    body = _encode(event(message))
    timestamp = now_ms // 1000
    return Request(
        url=settings.url,
        headers={
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(key_of(settings.secret.read()), message.id, timestamp, body),
        },
        body=body,
    )


def event(message: Message) -> dict[str, Any]:
    """Make the CloudEvent; the same for each attempt."""
    return {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/cityward/{message.gateway}",
        "type": "cityward.notification",
        "time": rfc3339(message.t_ms),
        "datacontenttype": "application/json",
        "data": {
            "gateway": message.gateway,
            "title": message.title,
            "text": "\n".join(message.lines),
            "people": [person.name for person in message.people],
            "notices": [
                {
                    "kind": one.kind,
                    "alarm": one.alarm or None,
                    "occurrence": one.occurrence or None,
                    "event": one.number or None,
                    "priority": one.priority,
                    "step": one.step,
                    "count": one.count,
                    "returned": one.returned,
                    "acked_by": one.acked_by,
                    "time": rfc3339(one.t_ms),
                    "respond_by": rfc3339(one.respond_ms) if one.respond_ms else None,
                    "name": one.name or None,
                    "site": one.site or None,
                    "text": {"zh": one.text.zh, "en": one.text.en},
                    "action": {"zh": one.action.zh, "en": one.action.en},
                }
                for one in message.notices
            ],
        },
    }


def upshot(status: int, headers: dict[str, str], body: bytes) -> Upshot:
    """2xx = taken, whatever the body says."""
    return by_status(status, headers, body, plain_ok=True)
