"""One POST of a webhook: how it is signed, and what an answer means.

Signed as Standard Webhooks 1.0 has it, for whose receivers there are libraries: `webhook-signature` is `v1,` and the
base64 of the HMAC-SHA256 over `id.timestamp.body`. `webhook-id` and `idempotency-key` are the CloudEvents id.
"""

import base64
import binascii
import hashlib
import hmac
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from msgspec import Struct
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from feed.cloudevents import MEDIA_TYPE
from feed.deadline import deadline, wire_of
from feed.feeds_settings import WebhookSettings

CONNECT_S, WHOLE_S = 5.0, 15.0
ANSWER_BYTES = 2_000  # read of an answer, for people
NO_ANSWER = 0

Meaning = Literal["taken", "later", "refused", "closed"]
"""What an answer means for the event.

taken    the receiver has it
later    it could not take it now: no answer within `WHOLE_S`, 408, 425, 429, 5xx
refused  it does not want this event: 400, 413, 422
closed   it wants nothing of us: any other; a wrong address, token or certificate
"""
_LATER = (NO_ANSWER, 408, 425, 429)
_REFUSED = (400, 413, 422)
_PREFIX = "whsec_"


class Reply(Struct, frozen=True):
    """What came back. status: of HTTP, 0 = nothing came; retry_after_s: what it asks for."""

    status: int
    detail: str = ""
    retry_after_s: float | None = None

    @property
    def meaning(self) -> Meaning:
        """See `Meaning`."""
        if 200 <= self.status < 300:  # noqa: PLR2004 - HTTP
            return "taken"
        if self.status in _LATER or self.status >= 500:  # noqa: PLR2004 - HTTP
            return "later"
        return "refused" if self.status in _REFUSED else "closed"


def key_of(secret: str) -> bytes:
    """Read a secret: `whsec_` and base64, as Standard Webhooks writes them, or any other text as it is in UTF-8.

    Raises ValueError where there is no base64 behind `whsec_`, or nothing at all.
    """
    if not secret:
        raise ValueError("the secret is empty")
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("behind whsec_ the secret must be base64") from None


def signature(key: bytes, unique: str, timestamp: int, body: bytes) -> str:
    """Sign (Standard Webhooks 1.0, symmetric)."""
    content = f"{unique}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


class Poster:
    """Posts to one receiver, over one connection that is kept."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._pool: PoolManager | None = None
        self._wire: Callable[[], socket.socket | None] = lambda: None

    def post(self, body: bytes, unique: str, timestamp: int) -> Reply:
        """Send one event. Never raises for what network, receiver or secrets do: that is the reply."""
        settings = self._settings
        try:
            key = key_of(settings.secret.read())
            token = {"authorization": f"Bearer {settings.token.read()}"} if settings.token else {}
            pool = self._opened()
        except (OSError, ValueError) as error:
            return Reply(401, f"a secret or certificate of ours cannot be used: {error}")
        headers = {
            "content-type": MEDIA_TYPE,
            "user-agent": "cityward",
            "webhook-id": unique,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(key, unique, timestamp, body),
            "idempotency-key": unique,
            **token,
        }
        with deadline(WHOLE_S, self._wire) as late:
            try:
                answer = pool.request(
                    "POST", settings.url, body=body, headers=headers, redirect=False, retries=False,
                    preload_content=False, timeout=Timeout(connect=CONNECT_S, read=WHOLE_S),
                )  # fmt: skip
                try:
                    said = answer.read(ANSWER_BYTES, decode_content=False)
                finally:
                    answer.drain_conn() if answer.length_remaining else answer.release_conn()
            except (HTTPError, OSError, ValueError) as error:  # ValueError: a token that no header can hold
                return Reply(NO_ANSWER, f"no answer within {WHOLE_S:.0f} s" if late.is_set() else str(error))
        retry = _seconds_to(answer.headers.get("retry-after"))
        return Reply(answer.status, said.decode("utf-8", "replace").strip()[:300], retry)

    def close(self) -> None:
        """End the connection."""
        if self._pool is not None:
            self._pool.clear()
            self._pool = None

    def _opened(self) -> PoolManager:
        if self._pool is None:
            tls = ssl.create_default_context(cafile=self._settings.ca_file)
            self._pool = PoolManager(1, maxsize=1, ssl_context=tls)
            self._wire = wire_of(self._pool, self._settings.url)
        return self._pool


def _seconds_to(retry_after: str | None) -> float | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or a date; None where it says nothing sensible."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max((parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
