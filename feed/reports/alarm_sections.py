"""Parts of a report about alarms: the ledger of exceedances, how devices' alarms were answered, the figures."""

from collections import Counter
from collections.abc import Iterator

from feed.kpi import Kpi
from feed.kpi_view import BELOW, MIX, TARGETS
from feed.levels import LEVELS
from feed.reports.facts import Exceedance, Report
from feed.reports.table import Section
from feed.reports.words import DASH, WITHHELD, Clock, Say, lasted, number, percent, shift_of, text_of

MOST_ROWS = 500  # of the ledger
MOST_PLACES = 30  # whose data are too few


def ledger(report: Report, say: Say) -> Section:
    """Make the ledger of exceedances."""
    clock = Clock(report.zone, report.span)
    head = [
        say("开始", "from"), say("结束", "to"), say("测点", "place"), say("内容", "what"), say("峰值", "peak"),
        say("限值", "limit"), say("响应", "response"), say("回复用时", "answered in"),
    ]  # fmt: skip
    rows = [_row(each, clock, say) for each in report.exceedances]
    lines = list(_known(report, say))
    if len(rows) > MOST_ROWS:
        lines.append(say(f"共 {len(rows)} 条，此处列出前 {MOST_ROWS} 条。", f"The first {MOST_ROWS} of {len(rows)}."))
    known = say("，仅限已知", ", as far as is known") if any(each.doubtful for each in report.series) else ""
    title = say(f"超标台账（{len(rows)} 条{known}）", f"Exceedances ({len(rows)}{known})")
    return Section(key="ledger", title=title, lines=lines, head=head, rows=rows[:MOST_ROWS], numbers=(4, 5, 7))


def _known(report: Report, say: Say) -> Iterator[str]:
    """Say what is known where nothing exceeded, and of what it is not known."""
    doubtful: dict[str, list[str]] = {}
    for each in report.series:
        if each.doubtful:
            doubtful.setdefault(each.name, []).append(say(each.zh, each.en))
    if doubtful:
        comma, named = say("、", ", "), [*doubtful.items()][:MOST_PLACES]
        places = say("；", "; ").join(f"{name} {comma.join(some)}" for name, some in named)
        more = len(doubtful) - len(named)
        places += say(f"，另有 {more} 处", f" and {more} more places") if more else ""
        yield say(
            f"数据不足，不能判断是否超标：{places}。", f"Too few data to know whether a limit was exceeded: {places}."
        )
    elif not any(each.judged for each in report.series) and not report.exceedances:
        yield say("没有规则与限值比较。", "No rule compares these with a limit.")
    elif not report.exceedances and report.kpi.unwatched:
        yield say("网关运行期间没有超标记录。", "While the gateway ran, no limit was exceeded.")
    elif not report.exceedances:
        yield say("本时段没有超标记录。", "No limit was exceeded.")


def _row(each: Exceedance, clock: Clock, say: Say) -> list[str]:
    what = text_of(each.text, say)
    if each.turned:
        what += say("【经修订未超标】", " [not exceeded, as amended]")
    elif each.amended:
        what += say(f"【修订 {each.amended} 次】", f" [amended {each.amended} times]")
    end = say("持续中", "lasts") if each.to_ms is None else clock.end(each.to_ms)
    return [
        clock.short(each.from_ms), end, each.name or each.device, what, f"{number(each.peak)} {each.unit}",
        f"{number(each.limit)} {each.unit}", _response(each, clock, say),
        DASH if each.minutes is None else lasted(each.minutes * 60, say),
    ]  # fmt: skip


def _response(each: Exceedance, clock: Clock, say: Say) -> str:
    if each.acked_ms is not None:
        who = say(f"{each.by} 于 {clock.short(each.acked_ms)} 确认", f"{each.by}, {clock.short(each.acked_ms)}")
        return who + (say("：", ": ") + each.reply if each.reply else "")
    if each.rang_ms is None and each.withheld:
        why = say("、", ", ").join(say(*WITHHELD.get(word, (word, word))) for word in each.withheld)
        return say(f"未响铃（{why}）", f"withheld ({why})")
    return each.reply or say("未回复", "not answered")


def kpis(report: Report, say: Say) -> Iterator[Section]:
    """Make the figures of the alarm system, the alarms that ring most, and the shifts."""
    found = report.kpi
    off = say("网关未运行的时间不计入平均和占比。", "Time in which the gateway was off is in no mean and no share.")
    yield Section(
        key="kpi",
        title=say("报警管理指标（ISA-18.2）", "Alarm system (ISA-18.2)"),
        lines=[off] if found.unwatched else [],
        head=[say("指标", "figure"), say("本时段", "this time"), say("目标", "target")],
        rows=[
            [name, value if found.watched else DASH, _target(key, unit, say)]
            for key, name, value, unit in _figures(found, say)
        ],
        numbers=(1, 2),
    )
    if found.top:
        share = f"{found.top_pct:.1f} %"
        head = [say("报警", "alarm"), say("级别", "priority"), say("次数", "times"), say("占比", "share")]
        yield Section(
            key="top",
            title=say(f"报警最多的 {len(found.top)} 项（占 {share}）", f"Alarms that rang most ({share})"),
            head=head,
            rows=[
                [
                    f"{text_of(each.text, say)} · {each.name or each.alarm}", say(*LEVELS[each.priority]),
                    str(each.count), percent(each.share_pct),
                ]
                for each in found.top
            ],
            numbers=(2, 3),
        )  # fmt: skip
    yield _shifts(found, report, say)


def _figures(found: Kpi, say: Say) -> Iterator[tuple[str, str, str, str]]:
    load = found.load
    yield "", say("报警总数", "alarms"), str(found.alarms), ""
    yield "per_10_min_mean", say("每 10 分钟平均", "per 10 minutes, mean"), number(load.per_10_min_mean, 3), ""
    yield "per_hour_mean", say("每小时平均", "per hour, mean"), number(load.per_hour_mean, 2), ""
    yield "per_day_mean", say("每日平均", "per day, mean"), number(load.per_day_mean), ""
    yield "per_10_min_most", say("任一 10 分钟内最多", "most in any 10 minutes"), str(load.per_10_min_most), ""
    yield (
        "per_10_min_over_ten_pct", say("超过 10 条的 10 分钟时段", "10-minute periods over 10"),
        f"{number(load.per_10_min_over_ten_pct, 2)} %", "%",
    )  # fmt: skip
    yield "in_flood_pct", say("报警泛滥时间", "time in flood"), f"{number(load.in_flood_pct, 2)} %", "%"
    yield (
        "top_pct",
        say("前十项报警占比", "share of the ten that rang most"),
        f"{number(found.top_pct)} %" if found.top else DASH,
        "%",
    )
    yield "chattering", say("抖动报警（60 秒 ≥3 次）", "chattering (3 in 60 s)"), str(len(found.chattering)), ""
    yield "fleeting", say("瞬时报警（60 秒内自行消失）", "fleeting (gone in 60 s)"), str(len(found.fleeting)), ""
    yield "stale", say("滞留报警（≥24 小时）", "stale (24 h or longer)"), str(len(found.stale)), ""
    ack = found.to_acknowledge
    took = f"{lasted(ack.median_s, say)} / {lasted(ack.p95_s, say)}"
    yield "", say("确认用时：中位数 / 95 %", "time to acknowledge: median / 95 %"), took, ""
    yield "", say("未确认", "not acknowledged"), str(ack.open), ""
    mix = " · ".join(f"{say(*LEVELS[each])} {found.by_priority_pct.get(each, 0):.0f} %" for each in (1, 2, 3, 4))
    yield "mix", say("级别构成", "priorities"), mix if found.alarms else DASH, ""


def _target(key: str, unit: str, say: Say) -> str:
    if key == "mix":
        return " · ".join(f"{say(*LEVELS[each])} {aim} %" for each, aim in MIX.items())
    if key not in TARGETS:
        return ""
    aim, most = TARGETS[key]
    if most is not None:
        return say(f"约 {aim:g}，至多 {most:g}", f"about {aim:g}, at most {most:g}")
    sign = "<" if key in BELOW else "≤" if aim else ""
    return f"{sign} {aim:g} {unit}".strip()


def _shifts(found: Kpi, report: Report, say: Say) -> Section:
    head = [
        say("班次", "shift"), say("报警", "alarms"), say("10 分钟内最多", "most in 10 min"), say("未确认", "open"),
        say("确认用时中位数", "median to acknowledge"),
    ]  # fmt: skip
    if report.span.kind == "day":
        clock = Clock(report.zone, report.span)
        rows = [
            [
                f"{shift_of(each.name, say)} {clock.short(each.from_ms)}–{clock.end(each.to_ms)}",
                *(
                    DASH if each.per_10_min_mean is None else str(count)
                    for count in (each.alarms, each.per_10_min_most, each.to_acknowledge.open)
                ),
                lasted(each.to_acknowledge.median_s, say),
            ]
            for each in found.by_shift
        ]  # fmt: skip
        return Section(key="shifts", title=say("分班次", "By shift"), head=head, rows=rows, numbers=(1, 2, 3, 4))
    total: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    most: dict[str, int] = {}
    clock = Clock(report.zone)
    for each in sorted(found.by_shift, key=lambda one: f"{clock.local(one.to_ms - 1):%H:%M}"):
        total[each.name] += each.alarms
        opened[each.name] += each.to_acknowledge.open
        most[each.name] = max(most.get(each.name, 0), each.per_10_min_most)
    counts = ((name, [total[name], most[name], opened[name]]) for name in most)
    rows = [[shift_of(name, say), *(str(each) if found.watched else DASH for each in some)] for name, some in counts]
    return Section(key="shifts", title=say("分班次", "By shift"), head=head[:4], rows=rows, numbers=(1, 2, 3))
