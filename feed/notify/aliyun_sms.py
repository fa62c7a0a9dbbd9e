r"""SMS by Alibaba Cloud: SendSms of 2017-05-25, signed by ACS3-HMAC-SHA256 (help.aliyun.com, V3版本请求体&签名机制).

Canonical request: method, path, query (sorted, RFC 3986), headers to be signed, their names, SHA-256 of the body;
signature: hex(HMAC-SHA256(AccessKey secret, "ACS3-HMAC-SHA256\n" + hex(SHA-256(canonical request)))).

Of the page 短信服务 API 错误码: a variable of a notification has 1 to 35 characters (isv.PARAM_LENGTH_LIMIT, templates
since 2018-01-10), no address of a page (isv.PARAM_NOT_SUPPORT_URL), no emoji and no rare characters, as 【】『』m²•①★→™
(isv.UNSUPPORTED_CONTENT); SendSms takes 1,000 numbers (isv.MOBILE_COUNT_OVER_LIMIT). Which of its limits a number has
met stands only in the text, 触发分钟级流控Permits:1: on no page that we have seen, but in answers that users show.
Whatever code stands not below is `shut`: kept, tried every 10 minutes, and told.
"""

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from feed.notify.answers import as_json, by_status
from feed.notify.records import Message, Request, Upshot, again, refused, sent, shut
from feed.notify.settings import AliyunSmsSettings
from feed.notify.words import sms_fields

LIMITS = ((60_000, 60),)
MOST_BYTES = 1 << 20  # what is told is counted, not listed
IDEMPOTENT = False
PERSONAL = True

MOST_CHARACTERS = 35
MOST_NUMBERS = 1000
ALGORITHM = "ACS3-HMAC-SHA256"

_LATER = {
    "分钟": 61.0, "小时": 3600.0, "天": 6 * 3600.0,
}  # fmt: skip
_BUSY = (
    "isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "SignatureNonceUsed",
    "ServiceUnavailable", "InternalError", "Throttling", "Throttling.User",  # of every service of Alibaba Cloud
)  # fmt: skip
_CONTENT = (
    "isv.MOBILE_NUMBER_ILLEGAL", "isv.MOBILE_COUNT_OVER_LIMIT", "isv.PARAM_LENGTH_LIMIT", "isv.PARAM_NOT_SUPPORT_URL",
    "isv.BLACK_KEY_CONTROL_LIMIT", "isv.TEMPLATE_PARAMS_ILLEGAL", "isv.SMS_CONTENT_ILLEGAL", "isv.UNSUPPORTED_CONTENT",
)  # fmt: skip
_RARE = str.maketrans({"²": "2", "³": "3", "µ": "u", "μ": "u", "【": "[", "】": "]", "『": "“", "』": "”", "→": "-"})


def request(settings: AliyunSmsSettings, message: Message, now_ms: int) -> Request:
    """Build the request. Raises OSError when the secret cannot be read."""
    fields = sms_fields(message)
    parameters = {name: _shortened(template.format_map(fields)) for name, template in settings.parameters.items()}
    numbers = list(dict.fromkeys(person.mobile for person in message.people if person.mobile))
    query = {
        "PhoneNumbers": ",".join(numbers[:MOST_NUMBERS]),
        "SignName": settings.sign_name,
        "TemplateCode": settings.template,
        "TemplateParam": json.dumps(parameters, ensure_ascii=False),
        "OutId": message.id,
    }
    headers = {
        "host": urlsplit(settings.url).netloc,
        "x-acs-action": "SendSms",
        "x-acs-version": "2017-05-25",
        "x-acs-date": f"{datetime.fromtimestamp(now_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
    }
    headers["Authorization"] = authorization(settings.key_id, settings.key_secret.read(), "POST", query, headers)
    return Request(url=f"{settings.url}/?{canonical(query)}", headers=headers, body=b"")


def canonical(query: dict[str, str]) -> str:
    """Write a query as it is signed."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))


def authorization(key_id: str, secret: str, method: str, query: dict[str, str], headers: dict[str, str]) -> str:
    """Sign a request without a body to the path `/`; headers: those to be signed, their names in lower case."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    whole = "\n".join([method, "/", canonical(query), lines, names, headers["x-acs-content-sha256"]])
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(whole.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), "sha256").hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"


def _shortened(text: str) -> str:
    text = text.translate(_RARE) or "-"
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def one_is_none(said: Upshot) -> bool:
    """Whether it was refused for a number of which nobody says which it is."""
    return said.word == "refused" and said.detail.startswith("isv.MOBILE_NUMBER_ILLEGAL")


def upshot(status: int, headers: dict[str, str], body: bytes) -> Upshot:
    """Read the answer: `Code` is OK, or what is wrong."""
    answer = as_json(body) or {}
    code = answer.get("Code")
    if not isinstance(code, str):
        return by_status(status, headers, body)
    said = str(answer.get("Message", ""))
    detail = f"{code} {said}".strip()[:300]
    if code == "OK":
        return sent(f"BizId {answer.get('BizId', '-')}")
    if code in ("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL"):
        return again(next((wait for word, wait in _LATER.items() if word in said), 3600.0), detail)
    if code in _BUSY:
        return again(30.0, detail)
    return refused(detail) if code in _CONTENT else shut(detail)
