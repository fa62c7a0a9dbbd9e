# ruff: noqa: E501 - a sentence is not broken in two
"""What the figures of a report rest on, and by which formulas: its footer."""

from collections.abc import Iterator

from feed.reports.facts import ENOUGH_PCT, Report
from feed.reports.words import CAUSES, Say


def notes(report: Report, say: Say) -> Iterator[str]:
    """Yield what the figures rest on, and by which formulas."""
    month = report.span.kind == "month"
    if report.series:
        yield say(
            "在线率 = 收到的读数 ÷ 应收的读数（按设备上报周期；每小时至多计满；网关未运行的时间不计）。有效率 = 计入均值的读数 ÷ 收到的读数。",
            "Online rate = readings received ÷ readings expected by the device's interval, an hour counting no more than "
            "its full number, and time in which the gateway was off not at all. Valid rate = readings in the means ÷ "
            "readings received.",
        )
        yield say(
            f"“有效”为有效小时数（一小时至少 45 个有效分钟）{'；月报为有效日数' if month else ''}。不足 {ENOUGH_PCT:g} % 标为“数据不足”，"
            "不作达标判断；此时最大值前加“≥”，因为缺测时段可能更高。",
            f"Valid: hours with at least 45 valid minutes{'; in a month, valid days' if month else ''}. Below "
            f"{ENOUGH_PCT:g} % stands “too few data”, which is no compliance; the highest is then marked ≥, for it may "
            "have been higher when nothing was measured.",
        )
        yield say(
            f"平均、最小、最大由小时均值算得，分钟极值不在本记录中。{'月均值和 95 % 由有效日均值（至少 20 个有效小时）算得。' if month else '† 有效小时少于 20：GB 3095-2026 的 PM10、PM2.5 日均值须至少 20 个（TSP 24 个）。'}"
            "95 % 按名次线性内插。噪声为算术平均，不是能量平均。风向不作平均。",
            "Mean, lowest and highest are of the means of hours; extremes of minutes are not kept in the book. "
            + ("Mean and 95 % of a month are those of its valid days (20 valid hours or more). " if month else
               "† fewer than 20 valid hours: GB 3095-2026 asks 20 for a day of PM10 and PM2.5, 24 for TSP. ")
            + "The 95th percentile is linear between ranks. Noise is averaged arithmetically, not by energy. Wind directions "
            "are not averaged.",
        )  # fmt: skip
        revised: dict[str, int] = {}
        for each in report.series:
            for cause, count in each.revised.items():
                revised[cause] = revised.get(cause, 0) + count
        if revised:
            told_zh = "、".join(f"{CAUSES.get(cause, (cause, cause))[0]} {count}" for cause, count in revised.items())
            told_en = ", ".join(f"{CAUSES.get(cause, (cause, cause))[1]} {count}" for cause, count in revised.items())
            yield say(
                f"首次封存后修订过的小时：{told_zh}。",
                f"Hours that were amended after they were first told: {told_en}.",
            )
    if report.exceedances:
        yield say(
            "峰值取报警所记的值和超标期间的时段均值中最高者。回复用时自响铃到确认。",
            "The peak is the highest of what the alarm tells and the means of the periods within it. Time to answer: from "
            "the ring to the acknowledgement.",
        )
    if any(each.by == "silence" for each in report.units):
        yield say(
            "井盖、泊车等不测均值的设备：在线率 = 1 − 失联时间 ÷ 网关运行时间；由失联报警（本设备、链路中断或多台同时失联）得知，自最后一次上报起算，从未上报的自网关开始监测起算。",
            "Devices without means (manholes, parking): online rate = 1 − time of silence ÷ time in which the gateway ran. Silence is known by an alarm (of the device, of its link, or of many) and counts from the last word on; of what was never heard, since the gateway began.",
        )
    if any(each.family == "parking" for each in report.units):
        yield say("泊位占用率不在本记录中，见 InfluxDB。", "Occupancy of bays is not kept in the book; see InfluxDB.")
    yield say(
        "报警指标只计响铃的报警；平均与占比按钟点划分 10 分钟时段，空时段也计入；最多与报警泛滥取任一连续 10 分钟，与值班台一致；网关未运行的时间不计；一个值班席。未经授权的抑制不在此列，见审计记录。",
        "Alarm figures count what rang. Means and shares are of the 10-minute periods of the clock, the empty ones included; "
        "“most” and floods are of any 10 minutes, as on the desk; time in which the gateway was off is left out; one "
        "position. Unauthorised suppression is not counted here: see the audit trail.",
    )
