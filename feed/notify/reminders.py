"""Who is reminded of what nobody has acknowledged, and the daily message. Pure; time is an input."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from feed.console_settings import DAY_MIN, minutes_of
from feed.notify.decide import About, Plan, matches, on_duty, quiet_until, to_channel
from feed.notify.records import Notice, Row
from feed.notify.words import level
from feed.shifts import shift_at
from rules.records import Alarm, Text


def wants_answer(alarm: Alarm) -> bool:
    """Whether nobody has acknowledged it though somebody should."""
    return alarm.state in ("UNACK", "RTN_UNACK") and not alarm.shadow


def nags(
    alarms: Sequence[Alarm], abouts: Mapping[str, About], plan: Plan, last_ms: Mapping[str, int], now_ms: int
) -> list[Row]:
    """Remind the shift that sits there of what nobody has acknowledged, every so often, and when it comes.

    last_ms: when each channel was last reminded.
    """
    waiting: dict[str, list[Alarm]] = {}
    shift = shift_at(plan.shifts, plan.zone, now_ms)
    came_ms = 0 if shift is None else shift.from_ms
    routes = [route for route in plan.settings.routes if on_duty(route, plan, now_ms) is not None]
    for alarm in alarms:
        if not wants_answer(alarm):
            continue
        for route in routes:
            quiet = route.quiet
            hushed = (
                quiet is not None
                and alarm.priority != 1
                and quiet_until(quiet.from_, quiet.to, now_ms, plan.zone) > now_ms
            )
            if not hushed and matches(route, alarm, abouts.get(alarm.id, About())):
                mine = waiting.setdefault(route.channel, [])
                if not mine or mine[-1] is not alarm:  # another route of this channel tells of it, too
                    mine.append(alarm)
    rows = []
    for channel, mine in sorted(waiting.items()):
        oldest_ms, last = min(alarm.since_ms for alarm in mine), last_ms.get(channel, 0)
        comes = max(oldest_ms, last) < came_ms and any(route.shifts for route in routes if route.channel == channel)
        if comes or now_ms - max(oldest_ms, last) >= plan.settings.nag:
            rows += to_channel(plan, channel, f"nag/{now_ms}", _nag(mine, oldest_ms, now_ms))
    return rows


def _nag(alarms: Sequence[Alarm], oldest_ms: int, now_ms: int) -> Notice:
    counts = [(p, sum(1 for one in alarms if one.priority == p)) for p in (1, 2, 3, 4)]
    zh = "，".join(f"{level(p, 'zh')} {count}" for p, count in counts if count)
    en = ", ".join(f"{level(p, 'en')} {count}" for p, count in counts if count)
    minutes = (now_ms - oldest_ms) // 60_000
    text = Text(
        f"[提醒] {len(alarms)} 条报警无人确认：{zh}；最早的已 {minutes} 分钟",
        f"[reminder] {len(alarms)} alarms not acknowledged: {en}; the oldest for {minutes} min",
    )
    return Notice(kind="nag", text=text, priority=min(alarm.priority for alarm in alarms), t_ms=now_ms)


def daily_due(plan: Plan, last_ms: int, now_ms: int) -> int | None:
    """Return the moment of the daily message that is due now and was not sent; None = none is."""
    now = datetime.fromtimestamp(now_ms / 1000, plan.zone)
    midnight = datetime(now.year, now.month, now.day, tzinfo=plan.zone)
    at_ms = int((midnight + timedelta(minutes=minutes_of(plan.settings.daily) % DAY_MIN)).timestamp() * 1000)
    return at_ms if last_ms < at_ms <= now_ms else None


def daily(plan: Plan, at_ms: int, gateway: str, alarms: Sequence[Alarm], raised: int) -> list[Row]:
    """Tell each channel that the gateway is alive: whoever misses this message knows that nobody is watching."""
    waiting = sum(1 for alarm in alarms if wants_answer(alarm))
    standing = sum(1 for alarm in alarms if alarm.active)
    day = datetime.fromtimestamp(at_ms / 1000, plan.zone)
    text = Text(
        f"[每日报到] {gateway} 运行正常 {day:%Y-%m-%d}\n"
        f"自上次报到以来报警 {raised} 条；当前活动 {standing} 条，未确认 {waiting} 条。\n"
        f"每天 {plan.settings.daily} 应收到此消息；没有收到即表示网关或通道已中断，请立即检查。",
        f"[daily report] {gateway} is alive {day:%Y-%m-%d}\n"
        f"{raised} alarms since the last report; {standing} active now, {waiting} not acknowledged.\n"
        f"This message comes every day at {plan.settings.daily}. "
        "When it does not, the gateway or this channel is down: look at once.",
    )
    notice = Notice(kind="daily", text=text, priority=3, t_ms=at_ms)
    key = f"daily/{day:%Y-%m-%d}"
    return [row for channel in plan.settings.channels for row in to_channel(plan, channel.name, key, notice)]
