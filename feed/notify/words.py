"""The words of messages, Chinese first. Pure."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from urllib.parse import quote
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from feed.levels import LEVELS
from feed.notify.records import Language, Message, Notice, Row
from rules.records import Text

MINUTE_MS = 60_000
_HOUR_MIN = 60
REPEAT = {"zh": "（可能重复）", "en": "(possible repeat) "}


class Style(Struct, frozen=True):
    """What messages have in common. console: address of the console, or ""."""

    gateway: str
    zone: ZoneInfo
    console: str = ""


def message(rows: Sequence[Row], now_ms: int, style: Style, feed: str, most_bytes: int) -> tuple[Message, list[Row]]:
    """Make a message of rows of one language, and say which are in it.

    feed: of the book; with it and the rows' keys the id names the message for ever
    """
    title, lines, taken = compose(
        sorted(rows, key=lambda row: row.order), rows[0].language, now_ms, style, most_bytes
    )  # fmt: skip
    name = hashlib.sha256("\0".join([style.gateway, feed, *(row.key for row in taken)]).encode())
    made = Message(
        id=name.hexdigest()[:32], gateway=style.gateway, language=rows[0].language, t_ms=now_ms, title=title,
        lines=lines, clock=clock(taken[0].notice.t_ms, style.zone),
        people=tuple(dict.fromkeys(one for row in taken for one in row.people)),
        notices=tuple(row.notice for row in taken),
    )  # fmt: skip
    return made, taken


def compose(
    rows: Sequence[Row], language: Language, now_ms: int, style: Style, most_bytes: int
) -> tuple[str, tuple[str, ...], list[Row]]:
    """Write rows, in their order, into one message: its title, its lines, and the rows that are in it.

    The first is always in it, shortened if it must be; the others as far as they fit.
    """
    first = rows[0]
    if len(rows) == 1 or first.notice.kind != "alarm":
        title, *rest = _single(first.notice, language, now_ms, style)
        title = _cut(title, most_bytes)
        return title, tuple(_fitting([title, *rest], most_bytes)), [first]
    taken = [row for row in rows if row.notice.kind == "alarm"]
    while True:
        title, lines = _digest([row.notice for row in taken], language, now_ms, style)
        size = _bytes([title, *lines])
        if size <= most_bytes:
            return title, (title, *lines), taken
        if len(taken) == 1:
            return compose(taken, language, now_ms, style, most_bytes)
        keep = max(1, min(len(taken) - 1, len(taken) * most_bytes // size))
        taken = taken[:keep]


def marked(message: Message) -> Message:
    """Return the message as it looks when it is sent again and may have arrived before."""
    mark = REPEAT[message.language]
    lines = (mark + message.lines[0], *message.lines[1:])
    return replace(message, title=mark + message.title, lines=lines, repeat=True)


def clock(t_ms: int, zone: ZoneInfo) -> str:
    """Write a time of day: 10:25:02."""
    return f"{datetime.fromtimestamp(t_ms / 1000, zone):%H:%M:%S}"


def moment(t_ms: int, now_ms: int, zone: ZoneInfo) -> str:
    """Write when something happened: with its day, where that is not today's."""
    then, now = (datetime.fromtimestamp(ms / 1000, zone) for ms in (t_ms, now_ms))
    return f"{then:%H:%M:%S}" if then.date() == now.date() else f"{then:%m-%d %H:%M:%S}"


def level(priority: int, language: Language) -> str:
    """Name a priority."""
    return LEVELS[priority][language == "en"]


def within(ms: int, language: Language) -> str:
    """Write a duration: 2 小时, 30 分钟."""
    minutes = max(1, round(ms / MINUTE_MS))
    names = ("天", "小时", "分钟") if language == "zh" else ("d", "h", "min")
    for size, name in zip((1440, 60, 1), names, strict=True):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {name}"
    return (
        f"{minutes // _HOUR_MIN} {names[1]} {minutes % _HOUR_MIN} {names[2]}"
        if minutes > _HOUR_MIN
        else f"{minutes} {names[2]}"
    )


def said(text: Text, language: Language) -> str:
    """Return a text in one language, or in the other where it has none; one line."""
    words = (text.zh or text.en) if language == "zh" else (text.en or text.zh)
    return " ".join(words.split())


def headline(notice: Notice, language: Language, now_ms: int, style: Style) -> str:
    """Write one alarm in one line: [一级] 井盖倾斜 34° 文化路12号 10:25:02 请 2 小时内处理."""
    zh = language == "zh"
    text = said(notice.text, language)
    name = "" if notice.name and notice.name in text else notice.name
    parts = [f"[{level(notice.priority, language)}]"]
    if notice.step:
        parts.append(f"[升级 {notice.step}：无人确认]" if zh else f"[escalation {notice.step}: nobody acknowledged]")
    parts += [text, name, moment(notice.t_ms, now_ms, style.zone)]
    if notice.count > 1:
        parts.append(f"第 {notice.count} 次" if zh else f"{notice.count} times")
    if notice.members:
        parts.append(f"（含 {notice.members} 台）" if zh else f"({notice.members} devices)")
    parts.append(_standing(notice, language, now_ms, style))
    return " ".join(part for part in [*parts, *_instead(notice, language)] if part)


def _standing(notice: Notice, language: Language, now_ms: int, style: Style) -> str:
    """Say what has become of it; of what nobody has acknowledged and is there still, until when to respond."""
    became = _became(notice, language)
    if became or notice.acked_by is not None or not notice.respond_ms:
        return became
    left = notice.respond_ms - now_ms
    if notice.step or left <= 0:
        return _deadline(notice, left, language, style)
    given = within(notice.respond_ms - notice.t_ms, language)
    return f"请 {given}内处理" if language == "zh" else f"respond within {given}"


def _became(notice: Notice, language: Language) -> str:
    """Say what has become of it: 已恢复，张三 已确认; "" = it is as it was."""
    zh = language == "zh"
    if notice.acked_by is not None:
        seen = (
            "" if not notice.acked_by else f"{notice.acked_by} 已确认" if zh else f"acknowledged by {notice.acked_by}"
        )
        gone = "" if not notice.returned else "已恢复" if zh else "returned"
        return ("，" if zh else ", ").join(part for part in (gone, seen) if part)
    if notice.returned:
        return "已恢复，未确认" if zh else "returned, not acknowledged"
    return ""


def _instead(notice: Notice, language: Language) -> list[str]:
    if not notice.instead_of:
        return []
    return [f"（代 {notice.instead_of}）" if language == "zh" else f"(instead of {notice.instead_of})"]


def _deadline(notice: Notice, left_ms: int, language: Language, style: Style) -> str:
    if left_ms <= 0:
        over = within(-left_ms, language)
        return f"已超时 {over}" if language == "zh" else f"overdue by {over}"
    until = clock(notice.respond_ms, style.zone)
    return f"须于 {until} 前处理" if language == "zh" else f"respond by {until}"


def _single(notice: Notice, language: Language, now_ms: int, style: Style) -> list[str]:
    if notice.kind != "alarm":
        title, *rest = (notice.text.zh if language == "zh" else notice.text.en).split("\n")
        title = " ".join([title, *_instead(notice, language)])
        return [title, *rest, *([f"{style.console}/#/desk"] if style.console and notice.kind == "nag" else [])]
    lines = [headline(notice, language, now_ms, style)]
    if notice.site:
        lines.append(f"地点：{notice.site}" if language == "zh" else f"Site: {notice.site}")
    action = said(notice.action, language)
    if action:
        lines.append(f"处置：{action}" if language == "zh" else f"Do: {action}")
    if style.console:
        lines.append(f"{style.console}/#/desk/{quote(notice.alarm, safe='')}")
    return lines


def _digest(notices: Sequence[Notice], language: Language, now_ms: int, style: Style) -> tuple[str, list[str]]:
    """Write many alarms: by priority, by place; what says the same of several is one line that names them all."""
    zh = language == "zh"
    counts = [(p, sum(1 for one in notices if one.priority == p)) for p in (1, 2, 3, 4)]
    mix = ("，" if zh else ", ").join(f"{level(p, language)} {count}" for p, count in counts if count)
    title = f"{len(notices)} 条报警：{mix}" if zh else f"{len(notices)} alarms: {mix}"
    worst = min(counts, key=lambda each: (not each[1], each[0]))[0]
    title = f"[{level(worst, language)}] {title}"
    lines: list[str] = []
    for (_, site), group in groupby(sorted(notices, key=_place), key=_place):
        if site:
            lines.append(f"— {site}")
        lines += _lines(list(group), language, now_ms, style)
    if style.console:
        lines.append(f"{style.console}/#/desk")
    return title, lines


def _place(notice: Notice) -> tuple[int, str]:
    return notice.priority, notice.site


def _lines(notices: Sequence[Notice], language: Language, now_ms: int, style: Style) -> list[str]:
    same: dict[tuple[str, int, bool, str | None], list[Notice]] = {}
    for one in notices:
        text = said(one.text, language)
        if one.name:
            text = " ".join(text.replace(one.name, "").split()).lstrip(":：,， ")
        same.setdefault((text, one.step, one.returned, one.acked_by), []).append(one)
    lines = []
    for (text, *_), group in same.items():
        if len(group) == 1:
            lines.append(headline(group[0], language, now_ms, style))
            continue
        names = ("、" if language == "zh" else ", ").join(
            (one.name or one.alarm.partition("@")[2]) + (f"(×{one.count})" if one.count > 1 else "") for one in group
        )
        head = headline(group[0], language, now_ms, style).split("] ")
        marks = "] ".join(head[: 2 if group[0].step else 1]) + "]"
        since = moment(min(one.t_ms for one in group), now_ms, style.zone)
        stands = _standing(min(group, key=lambda one: one.respond_ms), language, now_ms, style)
        lines.append(f"{marks} {text} ×{len(group)}: {names} {since} {stands}".rstrip())
    return lines


SMS_FIELDS = ("priority", "text", "name", "site", "time", "count", "action", "gateway", "step")


def sms_fields(message: Message) -> dict[str, str]:
    """Fill `SMS_FIELDS`; of several notices the first, and how many there are."""
    first = message.notices[0]
    language = message.language
    many = len(message.notices)
    text = said(first.text, language).split("\n")[0] if first.kind == "alarm" else message.title
    more = (f"等 {many} 条" if language == "zh" else f" and {many - 1} more") if many > 1 else ""
    became = "" if many > 1 else _became(first, language)
    if became:  # in front: what is behind is cut off first
        text = f"（{became}）{text}" if language == "zh" else f"({became}) {text}"
    return {
        "priority": level(first.priority, language) if first.kind == "alarm" else "",  # a sign of life has none
        "text": ("(可能重复)" if language == "zh" else "(repeat?)") * message.repeat + text + more,
        "name": first.name or first.alarm.partition("@")[2],
        "site": first.site,
        "time": message.clock,
        "count": str(many),
        "action": said(first.action, language),
        "gateway": message.gateway,
        "step": str(first.step),
    }


def _bytes(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 2 for line in lines)


def _fitting(lines: list[str], most_bytes: int) -> list[str]:
    while len(lines) > 1 and _bytes(lines) > most_bytes:
        lines = lines[:-1]
    return lines


def _cut(text: str, most_bytes: int) -> str:
    raw = text.encode()
    if len(raw) + 2 <= most_bytes:
        return text
    return raw[: most_bytes - 8].decode(errors="ignore") + "…"
