"""What an HTTP answer means where the receiver has no word of its own for it, and what went wrong on the way to it."""

import json
import socket
import ssl
from smtplib import SMTPServerDisconnected
from typing import Any

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProtocolError, ReadTimeoutError, SSLError

from feed.notify.records import Upshot, again, refused, sent, shut

_OK, _TIMEOUT, _CONFLICT, _TOO_LARGE, _UNPROCESSABLE, _EARLY, _TOO_MANY, _DEFECT = (
    200,
    408,
    409,
    413,
    422,
    425,
    429,
    500,
)
_SHOWN = 200
_LONGEST_WAIT_S = 3600.0


NO_ANSWER = "no whole answer in time"
CUT = "the connection was cut"
UNREACHABLE = "cannot be reached"
NO_SECRET = "a secret cannot be used"  # noqa: S105 - words
BAD_CERTIFICATE = "the certificate is not good"
DEFECT = "a defect of the gateway, see its log"
IN_CHINESE = {
    NO_ANSWER: "没有按时收到完整应答",
    CUT: "连接被中断",
    UNREACHABLE: "无法连接",
    NO_SECRET: "密钥无法使用",
    BAD_CERTIFICATE: "证书有问题",
    DEFECT: "网关程序出错，见日志",
}
"""For whoever is told that a channel fails, and reads no English."""


def trouble(error: Exception) -> str:
    """Say what went wrong on the way; without the URL, whose query holds tokens."""
    said = getattr(error.__cause__ or error, "strerror", None)
    of_system = f": {said}" if said else ""
    match error:
        case NewConnectionError() | ConnectTimeoutError() | ConnectionRefusedError() | socket.gaierror():
            return f"{UNREACHABLE}{of_system}"
        case ReadTimeoutError() | TimeoutError():
            return NO_ANSWER
        case ssl.SSLCertVerificationError():
            return f"{BAD_CERTIFICATE}: {error.verify_message}"
        case SSLError() if error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
            return trouble(error.args[0])
        case ProtocolError() | SMTPServerDisconnected() | ConnectionError():
            return CUT
        case _:
            return f"{type(error).__name__}{of_system}"


def in_chinese(detail: str) -> str:
    """Say it in Chinese, as far as the words are ours."""
    for ours, chinese in IN_CHINESE.items():
        detail = detail.replace(ours, chinese)
    return detail


def as_json(body: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None = it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def retry_after_s(headers: dict[str, str], usual: float) -> float:
    """Read Retry-After in seconds (names of headers are in lower case)."""
    said = headers.get("retry-after", "").strip()
    return min(float(said), _LONGEST_WAIT_S) if said.isdigit() and len(said) < 7 else usual  # noqa: PLR2004 - absurd


def by_status(status: int, headers: dict[str, str], body: bytes, *, plain_ok: bool = False) -> Upshot:
    """Judge by the HTTP status. plain_ok: 2xx alone says that it was taken."""
    detail = f"HTTP {status} {body[:_SHOWN].decode(errors='replace')}".strip()
    if _OK <= status < 300:  # noqa: PLR2004 - 2xx
        return sent(detail) if plain_ok else again(30.0, f"not understood: {detail}", maybe=True)
    if status == _TOO_MANY:
        return again(retry_after_s(headers, 60.0), detail)
    if status in (_TIMEOUT, _CONFLICT, _EARLY):
        return again(retry_after_s(headers, 30.0), detail, maybe=status == _TIMEOUT)
    if status >= _DEFECT:
        return again(retry_after_s(headers, 30.0), detail, maybe=True)
    if status in (_TOO_LARGE, _UNPROCESSABLE):
        return refused(detail)
    return shut(detail)
