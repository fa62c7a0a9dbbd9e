# ruff: noqa: E501 - a sentence is not broken in two
"""An explanation in words, Chinese or English: sections of sentences and tables, which text and page both show."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from feed.explain import Explanation, PeriodRow
from feed.explain_words import CAUSES, KINDS, MARKS, MISSING, REASONS, SPANS, asked, deducted, differs, permitted

Language = Literal["zh", "en"]
Words = Callable[[str, str], str]

MANY = 30
"""Rows of a table of readings or frames that are shown without being asked for."""

_PASSWORD = re.compile(r"(PW=)[^;]*")


class Section(Struct, kw_only=True):
    """A part of an explanation. folded: of many rows, which a page shows when asked."""

    title: str
    lines: list[str] = []
    head: list[str] = []
    rows: list[list[str]] = []
    folded: bool = False


def sections(found: Explanation, language: Language) -> list[Section]:
    """Put an explanation into words."""
    writer = _Writer(found, language)
    parts = [
        writer.verdict(), writer.arithmetic(), writer.periods(), writer.revisions(), writer.left_out(), writer.rule(),
        writer.device(), writer.life(), writer.proof(), writer.readings(), writer.frames(),
    ]  # fmt: skip
    return [part for part in parts if part is not None and (part.lines or part.rows)]


def number(value: bool | float | str | None) -> str:  # noqa: FBT001 - a value as any other
    """Write a number as it was told: to 1e-6, without zeros behind."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6f}".rstrip("0").rstrip(".")


class _Writer:
    def __init__(self, found: Explanation, language: Language) -> None:
        self.found, self.language = found, language
        self.zone = ZoneInfo(found.time_zone)
        self.unit = found.alarm.unit or ""

    def w(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def named(self, table: dict[str, tuple[str, str]], word: str) -> str:
        return self.w(*table[word]) if word in table else word

    def at(self, t_ms: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Write civil time in the gateway's zone."""
        return f"{datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(self.zone):{form}}"

    def when(self, rfc: str) -> str:
        moment = datetime.fromisoformat(rfc).astimezone(self.zone)
        return f"{moment:%Y-%m-%d %H:%M:%S}"

    # --------------------------------------------------------------------------------------------------- what it says

    def verdict(self) -> Section:
        found, w, alarm = self.found, self.w, self.found.alarm
        text = alarm.text.zh if self.language == "zh" else alarm.text.en
        lines = [
            w(f"事件 {found.event}：{self.named(KINDS, found.kind)}，{self.when(found.time)}（{found.time_zone}）",
              f"Event {found.event}: {self.named(KINDS, found.kind)}, {self.when(found.time)} ({found.time_zone})"),
            w(f"报警内容：{text}", f"What it says: {text}"),
        ]  # fmt: skip
        if found.amends is not None:
            lines.append(w(f"修正第 {found.amends} 次触发的结论；原结论保留不变。",
                           f"It amends the finding of occurrence {found.amends}; what was told then stays."))  # fmt: skip
        lines += permitted(found.why, self.at, w) + self._compared()
        states = {
            "proven": ("证据已存入记录簿，不再改变。", "The proof is in the book and is never changed."),
            "pending": ("证据正在复制，请稍候再看。", "The proof is being copied: look again in a moment."),
            "unproven": (
                "没有（或不再保存）此事件的证据。",
                "There is no proof of this event, or it is no longer kept.",
            ),
        }
        return Section(title=w("结论", "Verdict"), lines=[*lines, w(*states[found.state])])

    def _compared(self) -> list[str]:
        found, w = self.found, self.w
        limit, value = found.limit, found.why.get("value", found.alarm.value)
        if limit is None:
            return []
        below = found.rule.get("settings", {}).get("below") is not None
        turned = found.kind == "amended" and isinstance(value, int | float) and value <= limit.value and not below
        sign = "<" if below else "≤" if turned else ">"
        lines = [w(f"比较：{number(value)} {sign} 限值 {number(limit.value)} {self.unit}",
                   f"Compared: {number(value)} {sign} limit {number(limit.value)} {self.unit}")]  # fmt: skip
        if limit.document:
            dates = ""
            if limit.from_date:
                until = limit.to_date or w("至今", "until further notice")
                dates = w(
                    f"，{limit.from_date} 至 {limit.to_date or '今'} 有效", f", in force {limit.from_date} to {until}"
                )
            mark = self.named(MARKS, limit.mark[:2].strip() if limit.mark.startswith("V") else limit.mark[:1])
            sure = w(f"（{limit.mark}：{mark}）", f" ({limit.mark}: {mark})") if limit.mark else ""
            lines.append(w(f"限值来源：{limit.document} {limit.clause}{sure}{dates}",
                           f"The limit is of {limit.document} {limit.clause}{sure}{dates}"))  # fmt: skip
        basis = {
            "reference": ("性质：参考限值，非执法依据。", "Basis: a reference limit, not a basis for enforcement."),
            "compliance": ("性质：达标限值。", "Basis: a limit that binds here."),
        }
        return [*lines, w(*basis[limit.basis])] if limit.basis else lines

    # ---------------------------------------------------------------------------------------------------- how it comes

    def arithmetic(self) -> Section | None:
        """Say how the value comes from what the page shows, so that anybody can do it by hand."""
        found, w, why = self.found, self.w, self.found.why
        lines = asked(found.rule, (found.device or {}).get("interval_ms", 0), w, number)
        if found.day is not None:
            day = found.day
            needed = why.get("hours_needed")
            lines.append(w(
                f"日均值 = 有效小时均值之和 ÷ 有效小时数 = {number(day['sum'])} ÷ {day['hours']:.0f} = {number(day['mean'])} {self.unit}",
                f"Mean of the day = sum of valid hours ÷ their number = {number(day['sum'])} ÷ {day['hours']:.0f}"
                f" = {number(day['mean'])} {self.unit}"))  # fmt: skip
            told = why.get("mean")
            if told is not None and told != day["mean"]:
                lines.append(differs(told, day["mean"], w, number))
            if needed is not None:
                lines.append(w(f"有效小时 {why.get('hours')} 个，至少需要 {needed} 个。",
                               f"{why.get('hours')} hours are valid; at least {needed} must be."))  # fmt: skip
        lines += self._of_period()
        if "minutes" in why:
            lines.append(w(f"有效分钟 {why['minutes']}，至少需要 {why['minutes_needed']}。",
                           f"{why['minutes']} minutes are valid; at least {why['minutes_needed']} must be."))  # fmt: skip
        lines += deducted(why, w, number) + self._rounded() + self._worked_out_again()
        shown = {"date", "mean", "value", "limit", "standard", "source", "minutes", "minutes_needed", "hours", "hours_needed",
                 "subtracted", "background", "condition", "deduct", "others", "permit", "left_out", "marked", "final", "revision", "cause",
                 "readings", "span", "start_ms"}  # fmt: skip
        rest = {name: each for name, each in why.items() if name not in shown}
        lines += [f"{self.named(REASONS, name)}: {number(each) if isinstance(each, int | float | str) else _plain(each)}"
                  for name, each in rest.items()]  # fmt: skip
        return Section(title=w("如何得出", "How it comes about"), lines=lines)

    def _rounded(self) -> list[str]:
        """Say that a mean of a day was rounded, and how."""
        found, w, why, lines = self.found, self.w, self.found.why, list[str]()
        mean, value = why.get("mean"), why.get("value")
        if (
            mean is not None
            and value is not None
            and mean != value
            and self.unit == "µg/m³"
            and "date" in why
            and found.day
        ):
            lines.append(
                w(
                    f"只修约一次：{number(mean)} → {number(value)}（整数，四舍六入五成双：GB/T 8170、HJ 633-2026 §4.2.2）",
                    f"Rounded once: {number(mean)} → {number(value)} (whole numbers, half to even: GB/T 8170, HJ 633-2026 §4.2.2)",
                )
            )
        return lines

    def _worked_out_again(self) -> list[str]:
        """Say how the means of hours come from the readings on the page, and how many of them do."""
        found, w, lines = self.found, self.w, list[str]()
        if found.periods:
            lines.append(w(
                "小时均值 = 各有效分钟值之和 ÷ 有效分钟数；分钟值是该分钟内读数的平均；没有读数的分钟取其后第一个读数的值：一个读数代表设备上报间隔内"
                "（至多 15 分钟）的各分钟，恰能补满空缺时再多一分钟；有效分钟数不超过本时段读数所能代表的分钟数。"
                "有效分钟不足 45（15 分钟时段不足 12）则无效。",
                "Mean of an hour = sum of its valid minutes ÷ their number. A minute's value is the mean of its readings; a"
                " minute without one takes the next reading's: a reading stands for the minutes of the device's interval (15 at"
                " most), for one more where that closes the gap; and there are no more valid minutes than the readings of"
                " the period can stand for. With fewer than 45 valid minutes (12 of a slot) it is invalid."))  # fmt: skip
            checked = [row for row in found.periods if row.recomputed is not None]
            same = sum(row.recomputed == row.mean for row in checked)
            if checked:
                lines.append(
                    w(
                        f"由本页所附读数重新计算：{len(checked)} 个时段中 {same} 个与当时公布的一致。",
                        f"Worked out again from the readings below: {same} of {len(checked)} periods are as they were told.",
                    )
                )
        return lines

    def _of_period(self) -> list[str]:
        """Say which slot or hour the verdict is on, and its mean."""
        found, w = self.found, self.w
        why = found.why
        span, start_ms = why.get("span", why.get("because", {}).get("span")), why.get("start_ms")
        if span not in ("slot", "hour") or start_ms is None:
            return []
        end_ms = start_ms + (15 if span == "slot" else 60) * 60_000
        times = f"{self.at(start_ms, '%Y-%m-%d %H:%M')}–{self.at(end_ms, '%H:%M')} ({found.time_zone})"
        named = self.named(SPANS, span)
        lines = [w(f"判定时段（{named}）：{times}", f"The {named} that is judged: {times}")]
        mean, minutes = why.get("mean"), why.get("minutes")
        if mean is None and found.period is not None:
            mean, minutes = found.period.mean, found.period.valid
        if mean is not None and minutes:
            total = number(round(mean * minutes, 4))
            lines.append(w(f"该时段均值 = 有效分钟值之和 ÷ 有效分钟数 = {total} ÷ {minutes} = {number(mean)} {self.unit}",
                           f"Its mean = sum of its valid minutes ÷ their number = {total} ÷ {minutes} = {number(mean)} {self.unit}"))  # fmt: skip
        return lines

    def periods(self) -> Section | None:
        w = self.w
        head = [w("时段", "period"), w("开始", "begins"), w(f"均值 {self.unit}", f"mean {self.unit}"), w("有效", "valid"),
                w("最长缺口", "longest gap"), w("读数", "readings"), w("剔除", "left out"), w("存疑", "in doubt"),
                w("版本", "revision"), w("由读数重算", "worked out again")]  # fmt: skip
        return Section(title=w("时段", "Periods"), head=head, rows=[self._period(row) for row in self.found.periods])

    def _period(self, row: PeriodRow) -> list[str]:
        part = self.w("小时", "h") if row.span == "day" else self.w("分", "min")
        again = (
            "" if row.recomputed is None else number(row.recomputed) + (" ✓" if row.recomputed == row.mean else " ✗")
        )
        return [
            f"{self.named(SPANS, row.span)} {row.series}".strip(), self.at(row.start_ms, "%m-%d %H:%M"),
            number(row.mean) if row.mean is not None else self.w("无效", "invalid"), f"{row.valid}/{row.of} {part}",
            f"{row.gap_min} {part}", str(row.count), _counted(row.left_out), _counted(row.marked),
            f"{row.revision} ({self.named(CAUSES, row.cause)})", again,
        ]  # fmt: skip

    def revisions(self) -> Section | None:
        w = self.w
        rows = [
            [self.named(SPANS, row.span), self.at(row.start_ms, "%m-%d %H:%M"), str(each.revision), number(each.mean),
             str(each.valid), self.named(CAUSES, each.cause)]
            for row in self.found.periods for each in row.former
        ]  # fmt: skip
        head = [w("时段", "period"), w("开始", "begins"), w("版本", "revision"), w("当时均值", "mean as told"),
                w("有效", "valid"), w("原因", "cause")]  # fmt: skip
        return Section(
            title=w("较早的版本（公布后保留不变）", "Earlier revisions, as they were told"), head=head, rows=rows
        )

    def left_out(self) -> Section | None:
        w = self.w
        rows = [[self.when(row.time), number(row.value), row.left_out, str(row.sequence)]
                for row in self.found.readings if row.left_out]  # fmt: skip
        rows += [[self.when(frame.at), "–", frame.what, str(frame.sequence)]
                 for frame in self.found.frames if frame.what not in ("reading", "facts")]  # fmt: skip
        head = [w("时间", "time"), w("值", "value"), w("原因", "reason"), w("序号", "sequence")]
        return Section(
            title=w("未计入的读数及原因", "What was left out, and why"), head=head, rows=rows, folded=len(rows) > MANY
        )

    # --------------------------------------------------------------------------------------------------- what it is of

    def rule(self) -> Section | None:
        found, w, rule = self.found, self.w, self.found.rule
        if not rule:
            return None
        lines = [
            w(f"规则 {rule['id']}（{rule['kind']}），优先级 {rule['priority']}", f"Rule {rule['id']} ({rule['kind']}), priority {rule['priority']}"),
            w(f"规则的 SHA-256：{found.rule_hash}", f"SHA-256 of the rule: {found.rule_hash}"),
            w(f"配置第 {found.version} 版，{found.config}", f"Configuration: version {found.version}, {found.config}"),
            f"settings: {_plain(rule['settings'])}",
        ]  # fmt: skip
        titles = (("cause", "原因"), ("consequence", "后果"), ("action", "措施"))
        lines += [f"{w(zh, name)}{w('：', ': ')}{rule[name][self.language]}" for name, zh in titles if name in rule]
        head = [
            w("数值", "number"),
            w("值", "value"),
            w("文件", "document"),
            w("条款", "clause"),
            w("确信程度", "certainty"),
        ]
        rows = [[*map(str, each[:4]), self._mark(str(each[4]))] for each in rule.get("sources") or ()]
        return Section(title=w("规则", "Rule"), lines=lines, head=head if rows else [], rows=rows)

    def _mark(self, mark: str) -> str:
        key = mark[:2] if mark.startswith("V") else mark[:1]
        return f"{mark} {self.named(MARKS, key)}" if key in MARKS else mark

    def device(self) -> Section | None:
        device, w = self.found.device, self.w
        if device is None:
            return None
        rows = [
            [w("编号", "id"), device["id"]], [w("名称", "name"), device["name"]], [w("型号", "model"), device["model"]],
            [w("地址", "address"), device["address"]], [w("场所", "site"), device["site"] or "–"],
            [w("上报间隔", "interval"), f"{device['interval_ms'] // 1000} s"],
            *[[name, number(value) if isinstance(value, int | float) else str(value)] for name, value in self.found.facts.items()],
        ]  # fmt: skip
        if not {"battery_v", "battery_pct", "battery_low"} & self.found.facts.keys():
            rows.append([w("电池", "battery"), w("此期间未上报", "it did not say within the span")])
        if "rssi_dbm" not in self.found.facts:
            rows.append([w("无线", "radio"), w("此期间未上报", "it did not say within the span")])
        if "clock_off_ms" not in self.found.facts:
            rows.append([w("设备时钟", "its clock"), w("未发现偏差", "not found to be off")])
        return Section(title=w("设备", "Device"), rows=rows)

    def life(self) -> Section:
        w = self.w
        head = [w("事件", "event"), w("时间", "time"), w("发生", "what"), w("之后状态", "state after"), w("人员", "who"),
                w("备注", "comment"), w("证据", "proof")]  # fmt: skip
        rows = [[str(each.number), self.when(each.time), self.named(KINDS, each.kind), each.state, each.user or "",
                 each.comment or "", w("有", "yes") if each.proof else ""] for each in self.found.life]  # fmt: skip
        return Section(title=w("经过与处置", "What happened, and what people did"), head=head, rows=rows)

    def proof(self) -> Section:
        found, w = self.found, self.w
        lines = [
            w(f"报警编号 {found.alarm.id}，第 {found.alarm.occurrence} 次触发；网关 {found.gateway}",
              f"Alarm {found.alarm.id}, occurrence {found.alarm.occurrence}; gateway {found.gateway}"),
            w(f"由日志中序号 {found.sequence} 的记录引起", f"Caused by the record with sequence {found.sequence} of the journal"),
        ]  # fmt: skip
        if found.frames_in_span:
            lines.append(w(
                f"依据：{self.when(found.span_from)} 起，序号 {found.first} 至 {found.last}，共 {found.frames_in_span} 帧，"
                f"其中 {found.frames_kept} 帧原样保存",
                f"It rests on {found.frames_in_span} frames since {self.when(found.span_from)}, sequences {found.first} to"
                f" {found.last}; {found.frames_kept} are kept as they came"))  # fmt: skip
        if found.missing:
            lines.append(w(f"注意：{self.when(found.missing_to or found.time)} 之前可能缺帧：{self.named(MISSING, found.missing)}。",
                           f"Beware: frames before {self.when(found.missing_to or found.time)} may be missing:"
                           f" {self.named(MISSING, found.missing)}."))  # fmt: skip
        if found.record is not None:
            lines.append(_plain(found.record))
        head = [w("序号", "sequences"), w("帧数", "frames"), "SHA-256"]
        rows = [[f"{d.first}–{d.last}", str(d.count), d.sha256] for d in found.digests]
        return Section(title=w("证据", "Proof"), lines=lines, head=head if rows else [], rows=rows)

    def readings(self) -> Section | None:
        w = self.w
        head = [
            w("时间", "time"),
            w(f"值 {self.unit}", f"value {self.unit}"),
            w("标记", "flags"),
            w("序号", "sequence"),
        ]
        rows = [[self.when(row.time), number(row.value), row.flags, str(row.sequence)] for row in self.found.readings]
        return Section(
            title=w(f"全部读数（{len(rows)}）", f"All readings ({len(rows)})"),
            head=head,
            rows=rows,
            folded=len(rows) > MANY,
        )

    def frames(self) -> Section | None:
        w = self.w
        head = [
            w("序号", "sequence"),
            w("到达", "arrived"),
            w("来源", "from"),
            w("内容", "what"),
            w("原文 / SHA-256", "bytes / SHA-256"),
        ]
        rows = [[str(f.sequence), self.when(f.at), f"{f.source} {f.place}", f.what, shown(f.payload_hex) or f.sha256]
                for f in self.found.frames]  # fmt: skip
        return Section(
            title=w(f"原始数据帧（{len(rows)}）", f"Frames as they came ({len(rows)})"),
            head=head,
            rows=rows,
            folded=len(rows) > MANY,
        )


def shown(payload_hex: str | None) -> str:
    """Show a payload: as text where it is some, without the passwords of HJ 212; else as hex."""
    if payload_hex is None:
        return ""
    payload = bytes.fromhex(payload_hex)
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        return payload_hex
    return _PASSWORD.sub(r"\1***", text) if text.isprintable() else payload_hex


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.items())


def _plain(value: Any) -> str:  # noqa: ANN401 - whatever a rule holds
    return msgspec.json.encode(value).decode()
