"""WeCom: the robot of a group (developer.work.weixin.qq.com, 群机器人配置说明, path 91770 and 99110).

20 messages a minute for each robot (errcode 45009 above that). Text has at most 2,048 bytes and may mention people by
mobile; Markdown has at most 4,096 bytes and cannot. Codes of the global list (全局错误码, path 90455): -1 busy, 45009
too often, 45033 too many at once, 45002 too long, 40058 a parameter that is none. Whatever stands not below is `shut`:
kept, tried every 10 minutes, and told.
"""

import json
from urllib.parse import urlencode

from feed.notify.answers import as_json, by_status
from feed.notify.plain import plain
from feed.notify.records import Message, Request, Upshot, again, refused, sent, shut
from feed.notify.settings import WeComSettings

LIMITS = ((60_000, 20),)
MOST_BYTES = 1_900
IDEMPOTENT = False
PERSONAL = False

_OFTEN = 45009
_BUSY = (-1, 45033)
_TOO_LONG = (45002, 40058)


def request(settings: WeComSettings, message: Message, now_ms: int) -> Request:  # noqa: ARG001 - nothing is signed
    """Build the request. Raises OSError when the key cannot be read."""
    mobiles = [person.mobile for person in message.people if person.mobile]
    body: dict[str, object]
    if len(message.notices) > 1 and not mobiles:
        text = "\n".join([f"**{plain(message.title)}**", *(plain(line) for line in message.lines[1:])])
        body = {"msgtype": "markdown", "markdown": {"content": text}}
    else:
        content = {"content": "\n".join(message.lines), "mentioned_mobile_list": mobiles}
        body = {"msgtype": "text", "text": content}
    return Request(
        url=f"{settings.url}?{urlencode({'key': settings.key.read()})}",
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
    if code == _OFTEN:
        return again(61.0, detail)  # what is stopped by the minute is stopped for 60 s (path 90454)
    if code in _BUSY:
        return again(30.0, detail)
    if code in _TOO_LONG:
        return refused(detail)
    return shut(detail)
