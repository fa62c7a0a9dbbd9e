"""What stands in a report, in one language, as titles and tables: the page and the CSV are made of the same."""

from collections.abc import Iterator

from devices.quantities import QUANTITIES
from feed.reports.alarm_sections import kpis, ledger
from feed.reports.facts import Ranked, Report, Series, Unit
from feed.reports.notes import notes
from feed.reports.series import DAY_HOURS
from feed.reports.table import Section
from feed.reports.words import (
    DASH,
    FAMILIES,
    LABELS,
    Clock,
    Say,
    change,
    lasted,
    number,
    percent,
    short_of_data,
    text_of,
    valid_of,
)

OFF = ("网关未运行", "Gateway off")
MOST_GAPS = 6  # that are named one by one
MOST_UNITS = 60  # devices that are listed one by one: those that could be heard least


def heading(report: Report, say: Say) -> list[tuple[str, str]]:
    """Return what the report is about, as pairs."""
    clock, span = Clock(report.zone), report.span
    facts = [(say("场所" if report.site else "范围", "Site" if report.site else "Covers"), report.title)]
    known = sorted(report.labels, key=lambda name: (list(LABELS).index(name) if name in LABELS else len(LABELS), name))
    facts += [(say(*LABELS.get(name, (name, name))), report.labels[name]) for name in known]
    until = f"{clock.local(span.to_ms - 1):%Y-%m-%d} 24:00"
    facts.append((say("时段", "Time"), f"{clock.local(span.from_ms):%Y-%m-%d %H:%M} – {until} ({report.zone})"))
    if report.kpi.unwatched:
        facts.append((say(*OFF), _off(report, say)))
    facts.append((say("生成", "Made"), clock.full(report.now_ms)))
    facts.append((say("版本", "Version"), _version(report, say)))
    facts.append((say("网关", "Gateway"), report.gateway))
    return facts


def _off(report: Report, say: Say) -> str:
    """Say when the gateway was off: what rang then nobody knows."""
    gaps, clock = report.kpi.unwatched, Clock(report.zone, report.span)
    if not report.watched:
        return say(
            "整个时段：没有监测，不代表正常", "all the time: nobody watched, which does not mean that all was well"
        )
    named = say("、", ", ").join(f"{clock.short(each.from_ms)}–{clock.end(each.to_ms)}" for each in gaps[:MOST_GAPS])
    named += say(f" 等 {len(gaps)} 段", f" and {len(gaps) - MOST_GAPS} more") if len(gaps) > MOST_GAPS else ""
    hours = lasted(sum(each.to_ms - each.from_ms for each in gaps) / 1000, say)
    return say(
        f"{named}（共 {hours}）：其间报警不详，读数仅限补传",
        f"{named} ({hours} in all): alarms of then are unknown, and readings but for what was sent again",
    )


def _version(report: Report, say: Say) -> str:
    if report.version == 0:
        return say("手工生成，非存档版本", "made by hand, none that is kept")
    if report.version == 1:
        return say("第 1 版", "1")
    return say(
        f"第 {report.version} 版：{report.version - 1} 版之后数据有修订", f"{report.version}: data were amended since"
    )


def sections(report: Report, say: Say, *, whole: bool = False) -> Iterator[Section]:
    """Make all parts, in their order; whole: of a city too every series, every device."""
    if report.revisions:
        lines = [text_of(each, say) for each in report.revisions]
        title = say(f"与第 {report.version - 1} 版的不同", f"What is otherwise than in version {report.version - 1}")
        yield Section(key="revisions", title=title, lines=lines)
    if report.ranking:
        yield ranking_table(report, say)
    if report.series:
        yield series_table(report, say, whole=whole)
        if whole and report.site is not None:
            yield _means(report, say)
    if any(each.quantity != "wind_speed_m_s" for each in report.series) or report.exceedances:
        yield ledger(report, say)
    yield from _devices(report, say, whole=whole)
    yield from kpis(report, say)
    yield Section(key="notes", title=say("说明", "Notes"), lines=list(notes(report, say)))


def series_table(report: Report, say: Say, *, whole: bool = True) -> Section:
    """Make the table of what was measured, a row for each series; whole: of a city too."""
    month = report.span.kind == "month"
    head = [
        say("测点", "place"), say("项目", "quantity"), say("平均", "mean"), say("最大小时均值", "highest hour"),
        say("出现于", "at"), say("最小", "lowest"), say("95 %", "95 %"), say("有效", "valid"),
        say("在线率", "online"), say("有效率", "valid rate"),
    ]  # fmt: skip
    head += [say("环比", "on month"), say("同比", "on year")] if month else []
    clock = Clock(report.zone, report.span)
    only = "" if whole or report.site is not None else report.ranking_by
    rows = [_series_row(each, report, clock, say) for each in report.series if only in ("", each.quantity)]
    lines = [
        say("其余项目见各场所的报告和 CSV。", "The other quantities stand in the reports of the sites and in the CSV.")
    ]
    return Section(
        key="series",
        title=say("监测结果", "What was measured"),
        lines=lines if only else [],
        head=head,
        rows=rows,
        numbers=range(2, len(head)),
    )


def _series_row(each: Series, report: Report, clock: Clock, say: Say) -> list[str]:
    values, enough = each.values, each.values.enough
    few = short_of_data(say)
    mark = "†" if enough and report.span.kind == "day" and values.valid < min(DAY_HOURS, values.parts) else ""
    row = [
        each.name, f"{say(each.zh, each.en)} {each.unit}", f"{number(values.mean)}{mark}" if enough else few,
        _highest(values.highest, least=not enough),
        clock.short(values.highest_at_ms), number(values.lowest) if enough else few,
        number(values.p95) if enough else few, valid_of(values, report, say), percent(each.online_pct),
        percent(each.valid_pct),
    ]  # fmt: skip
    if report.span.kind == "month":
        for other in (each.before, each.year):
            known = other is not None and other.enough and enough
            row.append(change(values.mean, other.mean if other is not None and known else None))
    return row


def _means(report: Report, say: Say) -> Section:
    """Make the table of all means: hours of a day, days of a month."""
    clock, month = Clock(report.zone), report.span.kind == "month"
    head = [say("日期", "day") if month else say("小时", "hour")]
    head += [f"{each.name} {say(each.zh, each.en)} {each.unit}" for each in report.series]
    rows = [
        [f"{clock.local(start):{'%Y-%m-%d' if month else '%Y-%m-%d %H:%M'}}", *map(number, means)]
        for start, means in zip(
            report.series[0].starts, zip(*(e.means for e in report.series), strict=True), strict=True
        )
    ]
    title = say("日均值", "Means of days") if month else say("小时均值", "Means of hours")
    return Section(key="means", title=title, head=head, rows=rows, numbers=range(1, len(head)))


def ranking_table(report: Report, say: Say) -> Section:
    """Make the ranking of sites, a row for each in their order."""
    known = QUANTITIES.get(report.ranking_by)
    by = f"{say(known.zh, known.en)} {known.unit}" if known else ""
    head = [
        say("名次", "place"), say("场所", "site"), say("平均", "mean"), say("最大小时均值", "highest hour"),
        say("超标", "exceedances"), say("在线率", "online"), say("有效率", "valid rate"),
    ]  # fmt: skip
    rows = [
        [
            DASH if each.place is None else str(each.place), each.site,
            short_of_data(say) if each.mean is None else number(each.mean), _highest(each.highest, least=each.least),
            _exceedances(each), percent(each.online_pct), percent(each.valid_pct),
        ]
        for each in report.ranking
    ]  # fmt: skip
    title = say(f"场所排名（按{by}平均，高者在前）", f"Ranking of sites, by the mean of {by}, the highest first")
    return Section(key="ranking", title=title if by else say("各场所", "Sites"), head=head, rows=rows,
                   numbers=(2, 3, 4, 5, 6))  # fmt: skip


def _highest(value: float | None, *, least: bool) -> str:
    """Write the highest that is known; least: too little was measured to know that nothing was higher."""
    return f"≥ {number(value)}" if least and value is not None else number(value)


def _exceedances(each: Ranked) -> str:
    if not each.doubtful:
        return str(each.exceedances)
    return f"≥ {each.exceedances}" if each.exceedances else DASH


def _devices(report: Report, say: Say, *, whole: bool) -> Iterator[Section]:
    head = [
        say("类别", "family"), say("设备", "devices"), say("平均在线率", "online, mean"), say("报警", "alarms"),
        say("未确认", "open"), say("确认用时中位数", "median to acknowledge"), "95 %",
    ]  # fmt: skip
    rows = [
        [
            say(*FAMILIES.get(each.family, (each.family, each.family))), str(each.devices), percent(each.online_pct),
            _count(each.alarms, report), _count(each.unanswered, report), lasted(each.median_s, say),
            lasted(each.p95_s, say),
        ]
        for each in report.families
    ]  # fmt: skip
    title = say("设备与响应", "Devices and response")
    yield Section(key="families", title=title, head=head, rows=rows, numbers=range(1, 7))
    units = sorted(report.units, key=lambda each: (101 if each.online_pct is None else each.online_pct, each.id))
    few = units if whole else units[:MOST_UNITS]
    title = say("设备在线率", "Devices")
    if len(units) > len(few):
        title = say(
            f"在线率最低的 {MOST_UNITS} 台（共 {len(units)} 台）",
            f"The {MOST_UNITS} of {len(units)} that were heard least",
        )
    head = [say("编号", "id"), say("名称", "name"), say("型号", "model"), say("在线率", "online"), say("依据", "by"),
            say("报警", "alarms")]  # fmt: skip
    rows = [
        [each.id, each.name, each.model, percent(each.online_pct), _by(each, say), _count(each.alarms, report)]
        for each in few
    ]
    yield Section(key="units", title=title, head=head, rows=rows, numbers=(3, 5))
    if report.changed is not None:
        lines = [text_of(each, say) for each in report.changed] or [say("无。", "None.")]
        yield Section(
            key="changed",
            title=say("设备变动（与前一份报告相比）", "Devices changed since the report before"),
            lines=lines,
        )


def _count(count: int, report: Report) -> str:
    """Write how many; where nobody watched none are known, which are not 0."""
    return str(count) if count or report.watched else DASH


def _by(unit: Unit, say: Say) -> str:
    return {"readings": say("读数", "readings"), "silence": say("失联报警", "silence alarms")}.get(unit.by, DASH)
