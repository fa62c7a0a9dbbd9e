"""Who is told of an event, over which channel, and when, with the reasons. Pure; time is an input."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from feed.console_settings import DAY_MIN, ShiftSettings, minutes_of
from feed.notify.records import Addressee, Language, Notice, Row, Stands
from feed.notify.settings import AnyChannel, NotifySettings, PersonSettings, QuietSettings, RouteSettings, StepSettings
from feed.shifts import shift_at
from rules.flood import annunciated
from rules.records import Alarm, Event, Text

GROUP_WAIT_MS = 30_000
TOO_OLD_MS = 24 * 3_600_000
"""What happened longer ago is not told any more: somebody has just switched notifications on again."""

CHANNEL_FAILING = "channel-failing"
CHANNEL = "channel:"
GATEWAY_FAMILY = "gateway"

_GONE = frozenset({"withdrawn"})


Told = dict[tuple[int, str, Language], Row]
"""By step, channel and language."""


Target = tuple[int, RouteSettings, StepSettings, str]
"""Step, by which route, where, and why."""


class About(Struct, frozen=True, kw_only=True):
    """What an alarm does not say of itself: of its rule and its device."""

    district: str | None = None
    labels: Mapping[str, str] = {}
    action: Text = Text("", "")


class Plan(Struct, frozen=True, kw_only=True, dict=True):
    """How people are to be told.

    personal  channels that write to people, and not to a group
    """

    settings: NotifySettings
    zone: ZoneInfo
    shifts: tuple[ShiftSettings, ...] = ()
    personal: frozenset[str] = frozenset()

    @cached_property
    def people(self) -> dict[str, Addressee]:
        """Everybody, by name."""
        return {one.name: addressee(one) for one in self.settings.people}


def addressee(one: PersonSettings) -> Addressee:
    """Make an addressee of his settings."""
    return Addressee(
        name=one.name, mobile=one.mobile or "", email=one.email or "", feishu=one.feishu or "", language=one.language
    )


class Decision(Struct, frozen=True, kw_only=True):
    """What follows from an event.

    rows       to be put into the outbox
    end_steps  nobody has to be reminded of this alarm any more: what waits of its ladder is cancelled, and why
    end_all    nothing is to be told of it any more
    stands     how it is now: what was not sent yet says so; None = as it was told
    """

    rows: tuple[Row, ...] = ()
    end_steps: str = ""
    end_all: str = ""
    stands: Stands | None = None


def decide(event: Event, about: About, plan: Plan, now_ms: int) -> Decision:
    """Decide what follows from an event."""
    alarm = event.alarm
    ends, ends_all = _ends(event)
    stands = Stands(returned=not alarm.active, acked_by=alarm.acked_by if alarm.acknowledged else None)
    if not annunciated(event):
        return Decision(end_steps=ends, end_all=ends_all, stands=stands)
    if event.t_ms < now_ms - TOO_OLD_MS:
        return Decision()
    told: Told = {}
    for step, route, target, why in _steps(event, about, plan):
        for row in _rows(event, about, plan, target, step, why, route):
            key = (step, row.channel, row.language)
            told[key] = row if key not in told else _both(told[key], row)
    if alarm.rule == CHANNEL_FAILING:
        told = _by_others(told, event, about, plan)
    return Decision(rows=tuple(told.values()), stands=stands if alarm.active else None)


def _steps(event: Event, about: About, plan: Plan) -> list[Target]:
    """Return who is told: at which step, by which route, where, and why.

    A step is for the shift that sits there when it is due; where no route has one for that, for the shift that heard
    of it first, rather than for nobody.
    """
    alarm, found = event.alarm, list[Target]()
    routes = [(route, why) for route in plan.settings.routes if (why := matches(route, alarm, about))]
    for step in range(max((len(route.then) + 1 for route, _ in routes), default=0)):
        at_due, at_first = list[Target](), list[Target]()
        for route, why in routes:
            if len(route.then) < step:
                continue
            due_ms = due_at(event, step, route.quiet, plan.zone) if step else event.t_ms
            for there, t_ms in ((at_due, due_ms), (at_first, event.t_ms)):
                shift = on_duty(route, plan, t_ms)
                if shift is not None:
                    there.append((step, route, (route, *route.then)[step], why + shift))
        found += at_due or at_first
    return found


def due_at(event: Event, step: int, quiet: QuietSettings | None, zone: ZoneInfo) -> int:
    """Return when a step is due, civil time: each half of the time to respond behind the one before it.

    Quiet hours put all of them off: nobody can have acknowledged what he has not been told.
    """
    due_ms = event.t_ms
    for number in range(step + 1):
        due_ms += event.alarm.respond_within_ms // 2 if number else 0
        if quiet is not None and event.alarm.priority != 1:
            due_ms = quiet_until(quiet.from_, quiet.to, due_ms, zone)
    return due_ms


def _by_others(told: Told, event: Event, about: About, plan: Plan) -> Told:
    """Tell of a channel that fails by all the others, and not by itself."""
    failing = event.alarm.subject.removeprefix(CHANNEL)
    told = {key: row for key, row in told.items() if row.channel != failing}
    for channel in plan.settings.channels:
        if channel.name != failing and not any(key[:2] == (0, channel.name) for key in told):
            target = StepSettings(channel=channel.name)
            for row in _rows(event, about, plan, target, 0, "another channel fails", None):
                told[0, row.channel, row.language] = row
    return told


def _ends(event: Event) -> tuple[str, str]:
    alarm = event.alarm
    if event.kind in _GONE:
        return event.kind, event.kind
    if alarm.state in ("SUPPRESSED", "SHELVED", "OUT_OF_SERVICE"):
        why = ", ".join(alarm.suppressed) or alarm.state.lower()
        return why, why
    if alarm.acknowledged:
        by = alarm.acked_by or event.user
        why = f"acknowledged by {by}" if by else "acknowledged"
        return why, f"{why}, and over" if alarm.over and alarm.acked_by else ""
    return "", ""


def matches(route: RouteSettings, alarm: Alarm, about: About) -> str:  # noqa: PLR0911 - a list of grounds
    """Return why a route tells of an alarm, whoever sits there; "" = it does not."""
    wanted = route.for_
    if route.priorities and alarm.priority not in route.priorities:
        return ""
    family = alarm.family or (GATEWAY_FAMILY if alarm.device is None and not alarm.site else None)
    if wanted.family is not None and wanted.family != family:
        return ""
    if wanted.site is not None and wanted.site != alarm.site:
        return ""
    if wanted.district is not None and wanted.district != about.district:
        return ""
    if any(about.labels.get(name) != value for name, value in wanted.labels.items()):
        return ""
    if wanted.rules and alarm.rule not in wanted.rules:
        return ""
    return f"route {route.name}"


def on_duty(route: RouteSettings, plan: Plan, t_ms: int) -> str | None:
    """Return which shift of a route sits there at a moment, as a reason ("" = it is for all); None = none."""
    if not route.shifts:
        return ""
    shift = shift_at(plan.shifts, plan.zone, t_ms)
    return None if shift is None or shift.name not in route.shifts else f", shift {shift.name}"


def _rows(  # noqa: PLR0913, PLR0917 - an event and where it is told
    event: Event, about: About, plan: Plan, target: StepSettings, step: int, why: str, route: RouteSettings | None
) -> list[Row]:
    alarm = event.alarm
    within_ms = alarm.respond_within_ms
    if step and not within_ms:
        return []
    if step:
        why += f", nobody acknowledged within {within_ms * step // 2 // 60_000} min"
    quiet = route.quiet if route is not None else None
    due_ms = due_at(event, step, quiet, plan.zone)
    if quiet is not None and due_ms > event.t_ms + within_ms // 2 * step:
        why += f", quiet until {quiet.to}"
    channel = next(one for one in plan.settings.channels if one.name == target.channel)
    everybody = plan.people
    people = [everybody[name] for name in target.people or channel.people]
    notice = notice_of(alarm, about, event, step)
    return [
        Row(
            key=f"{event.number}/{step}/{channel.name}/{language}",
            channel=channel.name,
            language=language,
            people=tuple(them),
            due_ms=due_ms,
            wait_ms=0 if alarm.priority == 1 else GROUP_WAIT_MS,
            why=why,
            notice=notice,
        )
        for language, them in by_language(people, channel.language, personal=channel.name in plan.personal)
    ]


def by_language(
    people: Sequence[Addressee], usual: Language, *, personal: bool
) -> list[tuple[Language, list[Addressee]]]:
    """Part people by the language in which they are written to; a group has one. Nobody to write to: nothing."""
    if not personal:
        return [(usual, list(people))]
    languages: tuple[Language, ...] = ("zh", "en")
    parts = [(language, [one for one in people if (one.language or usual) == language]) for language in languages]
    return [(language, them) for language, them in parts if them]


def notice_of(alarm: Alarm, about: About, event: Event, step: int) -> Notice:
    """Write down what is told of an alarm."""
    return Notice(
        kind="alarm",
        text=alarm.text,
        priority=alarm.priority,
        alarm=alarm.id,
        occurrence=alarm.occurrence,
        number=event.number,
        rule=alarm.rule,
        name=alarm.name,
        site=alarm.site or "",
        t_ms=event.t_ms,
        respond_ms=event.t_ms + alarm.respond_within_ms if alarm.respond_within_ms else 0,
        action=about.action,
        step=step,
        members=len(alarm.members),
        count=alarm.count,
        acked_by=alarm.acked_by if alarm.acknowledged else None,
    )


def _both(one: Row, other: Row) -> Row:
    """Two routes tell the same over the same channel: it is told once, to the people of both, at the earlier time."""
    people = tuple(dict.fromkeys((*one.people, *other.people)))
    return replace(one, people=people, due_ms=min(one.due_ms, other.due_ms), why=f"{one.why}; {other.why}")


def quiet_until(from_: str, to: str, t_ms: int, zone: ZoneInfo) -> int:
    """Return the end of the quiet hours that a moment lies in, or the moment itself; civil time, clocks of the zone."""
    begins, ends = minutes_of(from_), minutes_of(to)
    moment = datetime.fromtimestamp(t_ms / 1000, zone)
    minute = moment.hour * 60 + moment.minute
    inside = begins <= minute < ends if begins < ends else minute >= begins or minute < ends
    if begins % DAY_MIN == ends % DAY_MIN or not inside:
        return t_ms
    day = moment.date() if minute < ends else moment.date() + timedelta(days=1)
    end = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=ends)
    return int(end.timestamp() * 1000)


def reaches(channel: AnyChannel, one: Addressee | PersonSettings) -> bool:
    """Whether a channel can write to somebody; in a group everybody reads."""
    return bool({"smtp": one.email, "aliyun_sms": one.mobile}.get(channel.kind, True))


def _usual(plan: Plan, channel: AnyChannel) -> list[Addressee]:
    """Return who is written to by a channel where nobody is named: its own people, else all whom routes name there."""
    names = channel.people
    if channel.name in plan.personal and not names:
        steps = [step for route in plan.settings.routes for step in (route, *route.then)]
        names = tuple(name for step in steps if step.channel == channel.name for name in step.people)
    return [plan.people[name] for name in dict.fromkeys(names)]


def to_channel(plan: Plan, channel: str, key: str, notice: Notice) -> list[Row]:
    """Tell a channel, and those people of it that are named with it, something that is no alarm."""
    settings = next(one for one in plan.settings.channels if one.name == channel)
    people = _usual(plan, settings)
    personal = channel in plan.personal
    if not personal and notice.kind != "nag":
        people = []
    return [
        Row(
            key=f"{key}/{channel}/{language}",
            channel=channel,
            language=language,
            people=tuple(them),
            due_ms=notice.t_ms,
            why=notice.kind,
            notice=notice,
        )
        for language, them in by_language(people, settings.language, personal=personal)
    ]


def elsewhere(plan: Plan, channel: AnyChannel, rows: Sequence[Row]) -> list[Row]:
    """Turn what a channel cannot deliver into rows of its fallback; only alarms and reminders are worth that.

    For those of its people whom the fallback reaches; where it reaches none, for the fallback's own.
    """
    other = next(one for one in plan.settings.channels if one.name == channel.fallback)
    moved = []
    for row in rows:
        if row.notice.kind not in ("alarm", "nag"):
            continue
        people = [one for one in row.people if reaches(other, one)]
        people = people or [one for one in _usual(plan, other) if reaches(other, one)]
        notice = replace(row.notice, instead_of=row.notice.instead_of or channel.name, lent=False)
        for language, them in by_language(people, other.language, personal=other.name in plan.personal):
            moved.append(
                replace(
                    row, key=f"{row.key}>{other.name}/{language}", channel=other.name, language=language,
                    people=tuple(them), notice=notice, why=f"{row.why}; {channel.name} fails",
                )
            )  # fmt: skip
    return moved
