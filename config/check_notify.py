"""What is wrong with `notify:` though each part of it is right: names that nobody has, people who cannot be reached."""

from collections.abc import Iterable, Iterator
from string import Formatter

from config.load import Files
from config.problems import closest, listed
from feed.notify.decide import reaches
from feed.notify.senders import SENDERS
from feed.notify.settings import AliyunSmsSettings, AnyChannel, NotifySettings, StepSettings
from feed.notify.words import SMS_FIELDS

Path = tuple[str | int, ...]
Found = tuple[Path, str, dict[str, str]]


def check_notify(files: Files) -> None:
    """Tell it, into the problems of the files."""
    if files.settings is None or files.settings.notify is None or files.main is None:
        return
    shifts = [shift.name for shift in files.settings.console.shifts]
    for path, code, parameters in _found(files.settings.notify, shifts):
        files.problems.append(files.main.problem(("notify", *path), code, parameters))


def _found(notify: NotifySettings, shifts: list[str]) -> Iterator[Found]:
    for key in ("people", "channels", "routes"):
        yield from _twice(key, [entry.name for entry in getattr(notify, key)])
    channels = {channel.name: channel for channel in notify.channels}
    people = {one.name: one for one in notify.people}
    for index, channel in enumerate(notify.channels):
        at: Path = ("channels", index)
        yield from _unknown((*at, "people"), channel.people, people, "no_person")
        if channel.fallback is not None and channel.fallback not in channels:
            yield (*at, "fallback"), "no_channel", _parameters(channel.fallback, channels)
        elif _circle(channel, channels):
            yield (*at, "fallback"), "fallback_circle", {"value": channel.name}
        elif channel.fallback is not None and not _reached(channel, channels[channel.fallback], notify):
            yield (*at, "fallback"), "fallback_reaches_nobody", {"value": channel.fallback, "other": channel.name}
        if isinstance(channel, AliyunSmsSettings):
            yield from _fields((*at, "parameters"), channel)
    for index, route in enumerate(notify.routes):
        at = ("routes", index)
        yield from _unknown((*at, "shifts"), route.shifts, shifts, "no_shift")
        yield from _step(at, route, notify)
        for number, step in enumerate(route.then):
            yield from _step((*at, "then", number), step, notify)


def _twice(key: str, names: list[str]) -> Iterator[Found]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (key, index, "name"), "notify_twice", {"value": name}


def _unknown(path: Path, names: Iterable[str], known: Iterable[str], code: str) -> Iterator[Found]:
    for index, name in enumerate(names):
        if name not in known:
            yield (*path, index), code, _parameters(name, known)


def _parameters(value: str, known: Iterable[str]) -> dict[str, str]:
    return {"value": value, "guess": closest(value, known), "known": listed(known)}


def _circle(channel: AnyChannel, channels: dict[str, AnyChannel]) -> bool:
    seen, at = {channel.name}, channel.fallback
    while at is not None and at in channels:
        if at == channel.name:
            return True
        if at in seen:
            return False
        seen.add(at)
        at = channels[at].fallback
    return False


def _reached(channel: AnyChannel, fallback: AnyChannel, notify: NotifySettings) -> bool:
    """Whether the fallback can write to somebody, whomever of the channel it stands in for."""
    steps = [step for route in notify.routes for step in (route, *route.then)]

    def some(names: Iterable[str]) -> bool:
        return any(reaches(fallback, one) for one in notify.people if one.name in names)

    usual = fallback.people or [name for step in steps if step.channel == fallback.name for name in step.people]
    told = [step.people or channel.people for step in steps if step.channel == channel.name]
    return not SENDERS[fallback.kind].personal or some(usual) or (bool(told) and all(some(names) for names in told))


def _fields(path: Path, channel: AliyunSmsSettings) -> Iterator[Found]:
    for name, template in channel.parameters.items():
        try:
            wanted = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
        except ValueError:
            wanted = [template]
        for field in wanted:
            if field not in SMS_FIELDS:
                yield (*path, name), "sms_field", _parameters(field, SMS_FIELDS)


def _step(path: Path, step: StepSettings, notify: NotifySettings) -> Iterator[Found]:
    people = {one.name: one for one in notify.people}
    yield from _unknown((*path, "people"), step.people, people, "no_person")
    channel = next((one for one in notify.channels if one.name == step.channel), None)
    if channel is None:
        yield (*path, "channel"), "no_channel", _parameters(step.channel, [one.name for one in notify.channels])
        return
    if not SENDERS[channel.kind].personal:
        return
    told = step.people or channel.people
    if not told:
        yield (*path, "channel"), "nobody_told", {"value": channel.name}
    for name in told:
        one = people.get(name)
        if one is not None and channel.kind == "smtp" and one.email is None:
            yield path, "no_email", {"value": name}
        if one is not None and channel.kind == "aliyun_sms" and one.mobile is None:
            yield path, "no_mobile", {"value": name}
