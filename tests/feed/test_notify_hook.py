"""The webhook that is told: what libraries for Standard Webhooks make of its secret."""

import base64
import hashlib
import hmac
from pathlib import Path

from feed.notify.senders import send
from tests.feed.notify_room import NOW_MS, Answer, Receiver, channel, message, secret

KEY = b"0123456789abcdef01234567"


def test_a_secret_of_standard_webhooks_signs_with_what_it_holds(tmp_path: Path) -> None:
    written = f"whsec_{base64.b64encode(KEY).decode()}"
    with Receiver(lambda _: Answer(204, b"")) as server:
        one = channel(name="hook", kind="webhook", url=server.url, secret=secret(tmp_path, "s", written))
        assert send(one, message(), NOW_MS).word == "sent"
    (got,) = server.got
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    right = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    assert got.headers["webhook-signature"] == f"v1,{right}"


def test_a_secret_that_is_none_is_for_somebody_to_mend(tmp_path: Path) -> None:
    with Receiver() as server:
        one = channel(name="hook", kind="webhook", url=server.url, secret=secret(tmp_path, "s", "whsec_not base64"))
        said = send(one, message(), NOW_MS)
        assert server.got == []
    assert (said.word, "whsec_" in said.detail) == ("shut", True)
