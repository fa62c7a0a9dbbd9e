"""How a report speaks: numbers, times, and words of both languages."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from feed.reports.facts import Report, Span, Values
from rules.records import Text

Language = Literal["zh", "en"]
Say = Callable[[str, str], str]
"""`say("平均", "mean")`: the one that is wanted."""

DASH = "–"

FAMILIES = {
    "dust": ("扬尘", "dust"), "noise": ("噪声", "noise"), "weather": ("气象", "weather"),
    "manhole": ("井盖", "manhole"), "parking": ("泊车", "parking"), "gas": ("气体", "gas"),
}  # fmt: skip
LABELS = {
    "permit": ("施工许可证号", "Permit no."), "permit_no": ("施工许可证号", "Permit no."),
    "phase": ("施工阶段", "Phase"), "builder": ("施工单位", "Builder"), "contractor": ("施工单位", "Contractor"),
    "owner": ("建设单位", "Owner"), "developer": ("建设单位", "Developer"), "district": ("所在区", "District"),
    "phone": ("联系电话", "Telephone"), "contact": ("联系人", "Contact"),
}  # fmt: skip
"""What usual labels are called; others stand as they are."""
CAUSES = {
    "late": ("迟到数据", "late readings"), "registered": ("补登记", "late registration"),
    "redecode": ("重新解码", "read again"), "clock": ("校时", "clock set"),
}  # fmt: skip
SHIFTS = {"早班": ("早班", "Early shift"), "中班": ("中班", "Late shift"), "夜班": ("夜班", "Night shift")}
"""Those that a gateway has where nobody named any; others are called as they are written."""
WITHHELD = {
    "shelved": ("已搁置", "shelved"), "out_of_service": ("停用", "out of service"), "design": ("设计抑制", "by design"),
    "cut_off": ("链路中断", "cut off"), "commissioning": ("调试", "commissioning"),
    "work_permit": ("作业许可", "work permit"), "maintenance": ("维护", "maintenance"),
}  # fmt: skip


def sayer(language: Language) -> Say:
    """Make what says things in one language."""
    return (lambda zh, _: zh) if language == "zh" else (lambda _, en: en)


def text_of(text: Text, say: Say) -> str:
    """Return the one of the two; where one is empty, the other."""
    return say(text.zh or text.en, text.en or text.zh)


def number(value: float | None, digits: int = 1) -> str:
    """Write a number; None is a dash, never a 0."""
    return DASH if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """Write a share: never rounded up to 100 %."""
    if value is None:
        return DASH
    return f"{min(value, 99.9) if value < 100 else value:.1f} %"  # noqa: PLR2004 - all of it


def change(now: float | None, before: float | None) -> str:
    """Write by how much something is otherwise than before."""
    if now is None or before is None or before == 0:
        return DASH
    return f"{100 * (now - before) / before:+.1f} %"


def lasted(seconds: float | None, say: Say) -> str:
    """Write how long something took."""
    if seconds is None:
        return DASH
    minutes = seconds / 60
    if minutes < 1:
        return say(f"{seconds:.0f} 秒", f"{seconds:.0f} s")
    if minutes < 120:  # noqa: PLR2004 - two hours: then hours are easier to read
        return say(f"{minutes:.0f} 分钟", f"{minutes:.0f} min")
    return say(f"{minutes / 60:.1f} 小时", f"{minutes / 60:.1f} h")


class Clock:
    """Writes times of a zone: in a day's report without the date, if it is that day."""

    def __init__(self, zone: str, span: Span | None = None) -> None:
        self._zone, self._span = ZoneInfo(zone), span

    def local(self, at_ms: int) -> datetime:
        """Return the local time."""
        return datetime.fromtimestamp(at_ms / 1000, self._zone)

    def short(self, at_ms: int | None) -> str:
        """Write a moment, as short as the span allows."""
        if at_ms is None:
            return DASH
        span, at = self._span, self.local(at_ms)
        if span is not None and span.kind == "day" and span.from_ms <= at_ms < span.to_ms:
            return f"{at:%H:%M}"
        return f"{at:%m-%d %H:%M}"

    def end(self, at_ms: int) -> str:
        """Write the end of something: midnight at the end of the span is 24:00."""
        if self._span is not None and at_ms == self._span.to_ms:
            return "24:00" if self._span.kind == "day" else f"{self.local(at_ms - 1):%m-%d} 24:00"
        return self.short(at_ms)

    def full(self, at_ms: int) -> str:
        """Write a moment with its zone."""
        at = self.local(at_ms)
        zone = f"{at:%z}"
        return f"{at:%Y-%m-%d %H:%M} (UTC{zone[:3]}:{zone[3:]})"


def short_of_data(say: Say) -> str:
    """Return what stands where a mean may not be told."""
    return say("数据不足", "too few data")


def title(report: Report, say: Say) -> str:
    """Return what the report is called."""
    if report.span.kind == "day":
        return say(f"{report.title} 监测日报", f"{report.title}: daily report")
    return say(f"{report.title} 监测月报", f"{report.title}: monthly report")


def shift_of(name: str, say: Say) -> str:
    """Return what a shift is called."""
    return say(*SHIFTS.get(name, (name, name)))


def valid_of(values: Values, report: Report, say: Say) -> str:
    """Write how many hours, or days, are valid."""
    if report.span.kind == "day":
        return say(f"{values.valid}/{values.parts} 时", f"{values.valid}/{values.parts} h")
    return say(f"{values.valid}/{values.parts} 天", f"{values.valid}/{values.parts} d")
