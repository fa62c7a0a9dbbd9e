# ruff: noqa: E501 - a sentence is not broken in two
"""Names in explanations, Chinese and English."""

from collections.abc import Callable
from typing import Any

from rules.packs.gateway import MANY
from rules.parents import FALLEN, OVERDUE
from store.proofs import DAMAGED, OVERTAKEN, RECYCLED, UNREADABLE

KINDS = {
    "raised": ("报警", "raised"), "reraised": ("再次报警", "raised again"), "returned": ("恢复", "returned to normal"),
    "acknowledged": ("已确认", "acknowledged"), "reset": ("复位", "reset"), "amended": ("修正", "amended"),
    "withdrawn": ("撤销", "withdrawn"), "suppressed": ("抑制", "suppressed"), "unsuppressed": ("解除抑制", "unsuppressed"),
    "members": ("成员变化", "members changed"), "shelved": ("搁置", "shelved"), "unshelved": ("取消搁置", "unshelved"),
    "out_of_service": ("停用", "out of service"), "in_service": ("恢复使用", "in service again"), "commented": ("备注", "comment"),
}  # fmt: skip
MARKS = {
    "V1": ("已与标准原文核对", "read in the standard itself"), "V2": ("见于二手资料", "read in a secondary page"),
    "V3": ("见于公开代码", "read in public code"), "C": ("由上述数据计算", "computed of such numbers"),
    "E": ("工程师自定", "the engineers' choice"), "M": ("未与原文核对", "from memory, not compared with the standard"),
}  # fmt: skip
MISSING = {
    RECYCLED: ("日志在复制之前已循环覆盖", "the journal had recycled them before they were copied"),
    OVERTAKEN: ("复制过程中日志被覆盖", "the journal recycled them while they were read"),
    UNREADABLE: ("读取日志的进程三次失败", "the process that reads the journal failed three times"),
    DAMAGED: ("磁盘上有损坏", "a place of the disk is damaged"),
}
CAUSES = {
    "closed": ("按时关闭", "closed in time"), "late": ("迟到数据", "late data"), "final": ("终稿", "final"),
    "registered": ("补登记", "registered late"), "redecode": ("重新解码", "decoded again"), "clock": ("校时", "clock set"),
}  # fmt: skip
SPANS = {"slot": ("15分钟", "15 min"), "hour": ("小时", "hour"), "day": ("日", "day")}
REASONS = {
    "readings_over": ("超限读数（个）", "readings over the limit"), "for_s": ("已持续（秒）", "held for, s"),
    "quiet_for_s": ("无数据时长（秒）", "quiet for, s"), "gap_h": ("最长缺口（小时）", "longest gap, h"),
    "gap_min": ("最长缺口（分钟）", "longest gap, min"), "of": ("共（小时）", "of so many hours"),
    "exceeding_of_day": ("当日第几个超限时段", "which of the day's exceeding periods"),
    "allowed": ("每日允许超限次数", "exceeding periods that a day may have"), "sum": ("各小时均值之和", "sum of the hours"),
    "devices": ("设备总数（台）", "devices in all"), "overdue": ("逾期设备（台）", "overdue"),
    "others_of_group": ("同组其他设备该小时均值", "means of the others of its group, that hour"),
    "last_heard": ("逾期设备及其最后数据时间", "overdue, and when each was heard last"), "same_for_s": ("数值未变（秒）", "the same for, s"), "rest_deg": ("静止角度", "angle at rest"), "off_rest_deg": ("偏离静止角度", "off its rest"),
}  # fmt: skip


_LAST_DIGIT = 2e-6  # of means that are shown to 1e-6


def lasting(ms: float) -> str:
    """Write how long something lasts: 90 s, 30 min, 24 h."""
    for unit, of in (("h", 3_600_000), ("min", 60_000)):
        if ms >= of and ms % of == 0:
            return f"{ms / of:g} {unit}"
    return f"{ms / 1000:g} s"


def differs(told: float, mean: float, w: Callable[[str, str], str], number: Callable[[Any], str]) -> str:
    """Say why the mean of a day was told otherwise than its hours give."""
    if abs(told - mean) < _LAST_DIGIT:
        return w(
            f"当时公布 {number(told)}：小时均值以 1e-8 参与计算，此处只显示 1e-6，末位可差 1。",
            f"It was told as {number(told)}: hours are reckoned to 1e-8 and shown to 1e-6, so that the last digit may differ by 1.",
        )
    return w(
        f"当时公布 {number(told)}，与下列各小时不符：其后有修订，或此证据中小时不全。",
        f"It was told as {number(told)}, which the hours below do not give: some were revised since, or are not in this proof.",
    )


def asked(
    rule: dict[str, Any], interval_ms: int, w: Callable[[str, str], str], number: Callable[[Any], str]
) -> list[str]:
    """Say in words what the rule asks for, where it judges readings or silence."""
    kind, settings = rule.get("kind"), rule.get("settings", {})
    interval_s = interval_ms / 1000
    if kind == "threshold":
        over = settings["above"] is not None
        zh, en = ("高于", "above") if over else ("低于", "below")
        limit = number(settings["above"] if over else settings["below"])
        delay_ms = settings["on_delay_ms"]
        held_zh, held_en = (f"，持续 {lasting(delay_ms)}", f", for {lasting(delay_ms)}") if delay_ms else ("", "")
        lines = [
            w(
                f"规则：最近 {settings['of']} 个读数中至少 {settings['at_least']} 个{zh} {limit}{held_zh}。",
                f"The rule: at least {settings['at_least']} of the last {settings['of']} readings are {en} {limit}{held_en}.",
            )
        ]
        if settings["once"] is not None:
            lines.append(
                w(
                    f"一个读数{zh} {number(settings['once'])} 即足够。",
                    f"One reading {en} {number(settings['once'])} is enough.",
                )
            )
        return lines
    if kind == "silence":
        allowed = (
            settings["after_ms"] / 1000
            if settings["after_ms"] is not None
            else (settings["intervals"] or 3) * interval_s
        )
        how = "" if settings["after_ms"] is not None else f" ({number(settings['intervals'])} × {number(interval_s)} s)"
        return [
            w(
                f"规则：无数据达到 {number(allowed)} 秒{how}。网关未能收听的时间不计。",
                f"The rule: nothing is heard for {number(allowed)} s{how}. Time in which the gateway could not listen does not count.",
            )
        ]
    if rule.get("id") == MANY.id:
        share, intervals = f"{FALLEN:.0%}", number(OVERDUE)
        return [
            w(
                f"规则：经此链路的设备中至少 {share} 超过 {intervals} 个上报间隔没有数据，而其余设备仍有数据。",
                f"The rule: at least {share} of its devices were not heard for more than {intervals} of their intervals, while others were.",
            )
        ]
    if kind == "state" and not settings["quantity"]:
        delay = lasting(settings["on_delay_ms"])
        return [w(f"规则：状况持续 {delay}。", f"The rule: the condition lasts for {delay}.")]
    if kind == "state":
        return [
            w(
                f"规则：{settings['quantity']} 为 {number(settings['value'])}，持续 {lasting(settings['on_delay_ms'])}。",
                f"The rule: {settings['quantity']} is {number(settings['value'])} for {lasting(settings['on_delay_ms'])}.",
            )
        ]
    return []


def _other(other: dict[str, Any], w: Callable[[str, str], str], number: Callable[[Any], str]) -> str:
    """Say what another series was meanwhile, and whose mean that is."""
    name = f"{other['device']} {other['quantity']}"
    value = number(other["value"])
    if other["hourly"] is None:
        return w(f"同一时段的 {name} 均值：{value}", f"Mean of {name} in the same period: {value}")
    zh, en = ("整点之后", "at or after its end") if other["hourly"] == "end" else ("整点", "with its begin")
    return w(
        f"该小时的 {name}，按公布的小时值（时标为{zh}）：{value}",
        f"{name} of that hour, as it was published (told {en}): {value}",
    )


def deducted(why: dict[str, Any], w: Callable[[str, str], str], number: Callable[[Any], str]) -> list[str]:
    """Say what was taken off a mean before it was compared, and write the subtraction out where it comes out."""
    lines, taken = [_other(each, w, number) for each in why.get("others", ())], []
    if why.get("subtracted") is not None:
        taken.append(why["subtracted"])
        lines.append(
            w(
                f"扣除背景 {number(why['subtracted'])}（测得 {number(why['background'])}）。",
                f"Background subtracted: {number(why['subtracted'])} (measured {number(why['background'])}).",
            )
        )
    if why.get("condition"):
        taken.append(why["deduct"])
        lines.append(
            w(f"条件成立，扣除 {number(why['deduct'])}。", f"The condition holds: {number(why['deduct'])} is deducted.")
        )
    mean, value = why.get("mean"), why.get("value")
    if taken and mean is not None and value is not None and abs(mean - sum(taken) - value) < _LAST_DIGIT:
        lines.append(" − ".join(map(number, (mean, *taken))) + f" = {number(value)}")
    return lines


def permitted(why: dict[str, Any], at: Callable[[int], str], w: Callable[[str, str], str]) -> list[str]:
    """Say who was allowed to open it, until when and why."""
    permit = why.get("permit")
    if permit is None:
        return []
    who, until, reason, by = permit["who"], at(permit["until_ms"]), permit["why"] or "–", permit["by"]
    return [
        w(
            f"已授权开启：{who}，至 {until}；事由：{reason}；登记人：{by}",
            f"An opening that is allowed: {who}, until {until}; why: {reason}; told by {by}",
        )
    ]
