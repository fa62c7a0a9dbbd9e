r"""Feishu: the custom robot of a group (open.feishu.cn, 自定义机器人使用指南), secured by 签名校验.

Signature: base64(HMAC-SHA256("timestamp\nsecret", "")), the string being the key and the message empty; timestamp in
seconds; both stand in the body; off by over an hour is refused. 100 messages a minute and 5 a second for each robot; at
full and half hours also fewer are refused (11232). A body has at most 20 kB.

Codes. That page: 9499 the body is not as it must be; 19021 signature or clock, 19022 address not on the list, 19024 no
keyword. 频控策略: 99991400 too often, `x-ogw-ratelimit-reset` says for how long, HTTP 429 or 400. 服务端错误码说明:
1500 internal error, to be tried again. On no page that we have seen, but in answers that users show: 19001 no such
hook; "frequency limited" and "too many request", also beside 9499. Whatever stands not below is `shut`: kept, tried
every 10 minutes, and told.
"""

import base64
import hmac
import json

from feed.notify.answers import as_json, by_status
from feed.notify.records import Message, Request, Upshot, again, refused, sent, shut
from feed.notify.settings import FeishuSettings

LIMITS = ((60_000, 100), (1_000, 5))
MOST_BYTES = 15_000
IDEMPOTENT = False
PERSONAL = False

_OFTEN = (11232, 99991400)
_OFTEN_SAID = ("frequency limit", "too many request")
_BUSY = 1500
_BAD = 9499


def request(settings: FeishuSettings, message: Message, now_ms: int) -> Request:
    """Build the request. Raises OSError when a secret cannot be read."""
    timestamp = str(now_ms // 1000)
    digest = hmac.digest(f"{timestamp}\n{settings.secret.read()}".encode(), b"", "sha256")
    at = [f'<at user_id="{person.feishu}">{person.name}</at>' for person in message.people if person.feishu]
    lines = [line.replace("<", "＜") for line in message.lines]  # a tag of Feishu's begins so
    body = {
        "timestamp": timestamp,
        "sign": base64.b64encode(digest).decode(),
        "msg_type": "text",
        "content": {"text": "\n".join([*lines, *at])},
    }
    return Request(
        url=f"{settings.url}/{settings.hook.read()}",
        headers={"Content-Type": "application/json; charset=utf-8"},
        body=json.dumps(body, ensure_ascii=False).encode(),
    )


def upshot(status: int, headers: dict[str, str], body: bytes) -> Upshot:
    """Read the answer: `code`, of old robots `StatusCode`; 0 = taken."""
    answer = as_json(body) or {}
    code = answer.get("code", answer.get("StatusCode"))
    if not isinstance(code, int) or isinstance(code, bool):
        return by_status(status, headers, body)
    said = str(answer.get("msg", answer.get("StatusMessage", "")))
    detail = f"code {code} {said}".strip()[:300]
    if code == 0:
        return sent(detail)
    if code in _OFTEN or any(words in said.lower() for words in _OFTEN_SAID):
        reset = headers.get("x-ogw-ratelimit-reset", "")
        return again(float(reset) if reset.isdigit() and len(reset) < 5 else 30.0, detail)  # noqa: PLR2004 - absurd
    if code == _BUSY:
        return again(30.0, detail)
    return refused(detail) if code == _BAD else shut(detail)
