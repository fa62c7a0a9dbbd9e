r"""DingTalk: the custom robot of a group (open.dingtalk.com, 自定义机器人发送群消息), secured by 加签.

Signature: base64(HMAC-SHA256(secret, "timestamp\nsecret")) with timestamp in ms, both in the URL; off by over an hour
is refused. 20 messages a minute for each robot; above that it is shut out for 10 minutes.

Codes. That page, 错误码: 410100 too fast; 430101 to 430104 an unsafe link, unfit words, picture or content; 400013,
400101, 400102, 400105, 400106 no group, token, robot in use, such type, robot; 310000 keyword, timestamp, signature or
address. Of the global list (全局错误码): -1, busy, to be tried again. On no page that we have seen, but in answers that
users show: 130101 "send too fast, exceed 20 times per minute", 460101 "message too long, exceed 20000 bytes", 300001
and 300005 "token is not exist", 40035 no token. Whatever stands not below is `shut`: kept, tried every 10 minutes, and
told.
"""

import base64
import hmac
import json
from urllib.parse import urlencode

from feed.notify.answers import as_json, by_status
from feed.notify.plain import plain
from feed.notify.records import Message, Request, Upshot, again, refused, sent, shut
from feed.notify.settings import DingTalkSettings

LIMITS = ((60_000, 20),)
MOST_BYTES = 15_000  # of text; a robot's message may have 20,000
IDEMPOTENT = False
PERSONAL = False

_BAN_S = 600.0
_TOO_FAST = (410100, 130101)
_CONTENT = (430101, 430102, 430103, 430104, 460101)
_BUSY = -1


def request(settings: DingTalkSettings, message: Message, now_ms: int) -> Request:
    """Build the request. Raises OSError when a secret cannot be read."""
    secret = settings.secret.read()
    digest = hmac.digest(secret.encode(), f"{now_ms}\n{secret}".encode(), "sha256")
    query = {
        "access_token": settings.token.read(),
        "timestamp": str(now_ms),
        "sign": base64.b64encode(digest).decode(),
    }
    mobiles = [person.mobile for person in message.people if person.mobile]
    at = [" ".join(f"@{mobile}" for mobile in mobiles)] if mobiles else []
    if len(message.notices) > 1:
        text = "\n\n".join([f"**{plain(message.title)}**", *(plain(line) for line in message.lines[1:]), *at])
        body: dict[str, object] = {"msgtype": "markdown", "markdown": {"title": message.title, "text": text}}
    else:
        body = {"msgtype": "text", "text": {"content": "\n".join([*message.lines, *at])}}
    body["at"] = {"atMobiles": mobiles, "isAtAll": False}
    return Request(
        url=f"{settings.url}?{urlencode(query)}",
        headers={"Content-Type": "application/json; charset=utf-8"},
        body=json.dumps(body, ensure_ascii=False).encode(),
    )


def upshot(status: int, headers: dict[str, str], body: bytes) -> Upshot:
    """Read the answer; it is HTTP 200 whatever happened, and errcode tells."""
    answer = as_json(body)
    code = answer.get("errcode") if answer is not None else None
    if not isinstance(code, int) or isinstance(code, bool):
        return by_status(status, headers, body)
    detail = f"errcode {code} {answer.get('errmsg', '') if answer else ''}".strip()[:300]
    if code == 0:
        return sent(detail)
    if code in _TOO_FAST:
        return again(_BAN_S, detail)
    if code == _BUSY:
        return again(30.0, detail)
    return refused(detail) if code in _CONTENT else shut(detail)
