"""All senders by kind, and the one place that does their I/O, with time-outs."""

import hashlib
import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import urllib3
from msgspec.structs import replace

from feed.console_settings import ShiftSettings
from feed.deadline import deadline, wire_of
from feed.notify import aliyun_sms, dingtalk, feishu, smtp, webhook, wecom
from feed.notify.answers import NO_ANSWER, NO_SECRET, trouble
from feed.notify.decide import Plan
from feed.notify.records import Message, Request, Upshot, again, refused, sent, shut
from feed.notify.settings import AliyunSmsSettings, AnyChannel, MailSettings, NotifySettings
from store.settings import Secret

CONNECT_S = 4.0
WHOLE_S = 10.0
MOST_ANSWER = 65_536


class Sender(NamedTuple):
    """What is known of a kind of channel.

    limits      what the receiver takes (`feed.notify.pace.Windows`); most_bytes: of a message's text
    idempotent  the receiver knows by its id a message that it has had; personal: it writes to people
    """

    limits: tuple[tuple[int, int], ...]
    most_bytes: int
    idempotent: bool
    personal: bool


SENDERS: dict[str, Sender] = {
    kind: Sender(module.LIMITS, module.MOST_BYTES, module.IDEMPOTENT, module.PERSONAL)
    for kind, module in (
        ("dingtalk", dingtalk),
        ("wecom", wecom),
        ("feishu", feishu),
        ("smtp", smtp),
        ("webhook", webhook),
        ("aliyun_sms", aliyun_sms),
    )
}

_OVER_HTTP: dict[str, tuple[Callable[[Any, Message, int], Request], Callable[[int, dict[str, str], bytes], Upshot]]] = {
    "dingtalk": (dingtalk.request, dingtalk.upshot),
    "wecom": (wecom.request, wecom.upshot),
    "feishu": (feishu.request, feishu.upshot),
    "webhook": (webhook.request, webhook.upshot),
    "aliyun_sms": (aliyun_sms.request, aliyun_sms.upshot),
}


_ADDRESS = {
    "dingtalk": ("token",),
    "wecom": ("key",),
    "feishu": ("hook",),
    "smtp": ("server", "username"),
    "webhook": ("url",),
    "aliyun_sms": ("key_id",),
}


def receiver_of(channel: AnyChannel) -> str:
    """Name who counts what a channel sends: the robot or account, by a hash, in however many files its token is.

    Where the token cannot be read, nothing can be sent either.
    """
    parts: list[str] = [channel.kind]
    for name in _ADDRESS[channel.kind]:
        part = getattr(channel, name)
        try:
            parts.append(part.read() if isinstance(part, Secret) else str(part))
        except (OSError, ValueError):
            parts.append(repr(part))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def plan_of(settings: NotifySettings, zone: ZoneInfo, shifts: tuple[ShiftSettings, ...]) -> Plan:
    """Make the plan of settings."""
    personal = frozenset(one.name for one in settings.channels if SENDERS[one.kind].personal)
    return Plan(settings=settings, zone=zone, shifts=shifts, personal=personal)


def limits(channel: AnyChannel) -> tuple[tuple[int, int], ...]:
    """Return the windows of a channel: the receiver's, and the engineer's own where he wants fewer."""
    own = () if channel.per_minute is None else ((60_000, channel.per_minute),)
    return (*SENDERS[channel.kind].limits, *own)


def send(channel: AnyChannel, message: Message, now_ms: int) -> Upshot:
    """Try once to send a message; it takes at most `CONNECT_S` and `WHOLE_S`. What it raises is a defect."""
    try:
        if isinstance(channel, MailSettings):
            return smtp.deliver(channel, message, CONNECT_S + WHOLE_S)
        if SENDERS[channel.kind].personal and not any(one.mobile for one in message.people):
            return refused("nobody of them has a mobile")
        build, upshot = _OVER_HTTP[channel.kind]
        request = build(channel, message, now_ms)
    except (OSError, ValueError) as error:  # ValueError: it is not UTF-8, or no base64 behind whsec_
        return shut(f"{NO_SECRET}: {error}"[:300])
    said = _post(request, upshot, None if channel.ca_file is None else str(channel.ca_file))
    alone = isinstance(channel, AliyunSmsSettings) and aliyun_sms.one_is_none(said) and len(message.people) > 1
    return _one_by_one(channel, message, now_ms) if alone else said


def _one_by_one(channel: AnyChannel, message: Message, now_ms: int) -> Upshot:
    """Send to each alone, for one number that is none keeps the message from all others; sent = to somebody."""
    took, missed, later = list[Upshot](), list[str](), None
    for one in message.people:
        said = send(channel, replace(message, people=(one,)), now_ms)
        if said.word == "sent":
            took.append(said)
        else:
            missed.append(f"{one.name}: {said.detail}")
            later = said if said.word != "refused" else later
    if later is not None:
        return replace(later, maybe=later.maybe or bool(took))
    return sent(f"not to {'; '.join(missed)}"[:300]) if took else refused("; ".join(missed)[:300])


def _post(request: Request, upshot: Callable[[int, dict[str, str], bytes], Upshot], ca_file: str | None) -> Upshot:
    with (
        urllib3.PoolManager(num_pools=1, ca_certs=ca_file) as pools,
        deadline(CONNECT_S + WHOLE_S, wire_of(pools, request.url)) as late,
    ):
        try:
            said = _answer(pools, request, late)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            return again(15.0, trouble(error))
        except urllib3.exceptions.SSLError as error:
            return shut(trouble(error))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return again(15.0, NO_ANSWER if late.is_set() else trouble(error), maybe=True)
    return again(15.0, NO_ANSWER, maybe=True) if late.is_set() else upshot(*said)


def _answer(pools: urllib3.PoolManager, request: Request, late: threading.Event) -> tuple[int, dict[str, str], bytes]:
    answer = pools.request(
        "POST", request.url, body=request.body, headers=request.headers, retries=False, redirect=False,
        timeout=urllib3.Timeout(connect=CONNECT_S, read=WHOLE_S - CONNECT_S), preload_content=False,
        decode_content=True,
    )  # fmt: skip
    try:
        body = b""
        while len(body) <= MOST_ANSWER and not late.is_set() and (part := answer.read1(8192)):
            body += part
    finally:
        answer.close()
    return answer.status, {name.lower(): value for name, value in answer.headers.items()}, body
