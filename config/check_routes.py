"""Which alarms are told to whom: routes and filters of feeds that no alarm can ever match, for a word is wrong."""

from collections.abc import Collection, Iterator

from config.compile_rules import RESERVED, words
from config.load import Files
from config.problems import closest, listed
from devices.registry import Device
from feed.console_settings import DAY_MIN, minutes_of
from feed.notify.decide import GATEWAY_FAMILY
from feed.notify.settings import QuietSettings, RouteForSettings, RouteSettings
from rules.packs.gateway import BUILT_IN

Path = tuple[str | int, ...]
Found = tuple[Path, str, dict[str, str]]

WARNINGS = ("route_matches_nothing", "no_route_for_first")


def check_routes(files: Files, devices: list[Device]) -> None:
    """Tell it, into the problems of the files; after the rules, whose names are known then."""
    if files.settings is None or files.main is None:
        return
    known = _Known(files, devices)
    for path, code, parameters in (*_of_feeds(files, known), *_of_notify(files, known)):
        files.problems.append(files.main.problem(path, code, parameters, warning=code in WARNINGS))


class _Known:
    """What alarms can be of. whole: nothing is missing because a file or a device is wrong."""

    def __init__(self, files: Files, devices: list[Device]) -> None:
        there = words(files, devices)
        self.devices, self.sites, self.families = devices, there.sites, there.families
        self.rules = (
            {name for entry in files.rules if (name := entry.word("id")) is not None} | RESERVED | set(BUILT_IN)
        )
        self.complete = not files.incomplete
        self.whole = self.complete and len(devices) == len(files.devices)


def _of_feeds(files: Files, known: _Known) -> Iterator[Found]:
    feeds = files.settings.feeds if files.settings is not None else None
    for index, hook in enumerate(feeds.webhooks if feeds is not None else ()):
        at: Path = ("feeds", "webhooks", index)
        for place, family in enumerate(hook.families or ()):
            yield from _unknown((*at, "families", place), "family", family, {*known.families, GATEWAY_FAMILY})
        for place, site in enumerate(hook.sites or ()):
            if known.complete:
                yield from _unknown((*at, "sites", place), "site", site, known.sites)


def _of_notify(files: Files, known: _Known) -> Iterator[Found]:
    notify = files.settings.notify if files.settings is not None else None
    if notify is None:
        return
    for index, route in enumerate(notify.routes):
        at: Path = ("notify", "routes", index)
        wrong = list(_of_route((*at, "for"), route.for_, known))
        yield from wrong
        if not wrong and known.whole and not _matches(route.for_, known.devices):
            yield (*at, "for"), "route_matches_nothing", {"value": route.name}
        if route.quiet is not None:
            yield from _of_quiet((*at, "quiet"), route.quiet)
    if not any(_first(route) for route in notify.routes):
        yield ("notify", "routes"), "no_route_for_first", {}


def _of_route(path: Path, wanted: RouteForSettings, known: _Known) -> Iterator[Found]:
    if wanted.family is not None:
        yield from _unknown((*path, "family"), "family", wanted.family, {*known.families, GATEWAY_FAMILY})
    if not known.complete:
        return
    if wanted.site is not None:
        yield from _unknown((*path, "site"), "site", wanted.site, known.sites)
    for index, name in enumerate(wanted.rules):
        yield from _unknown((*path, "rules", index), "route_rule", name, known.rules)


def _unknown(path: Path, code: str, word: str, known: Collection[str]) -> Iterator[Found]:
    if word not in known:
        yield path, code, {"value": word, "guess": closest(word, known), "known": listed(sorted(known))}


def _matches(wanted: RouteForSettings, devices: list[Device]) -> bool:
    """Whether there is a device whose alarms it can be of, or it is for those of the gateway."""
    of_all = wanted.family is wanted.site is wanted.district is None and not wanted.labels
    return of_all or wanted.family == GATEWAY_FAMILY or any(_of(wanted, device) for device in devices)


def _of(wanted: RouteForSettings, device: Device) -> bool:
    return (
        wanted.family in (None, device.family)
        and wanted.site in (None, device.site)
        and wanted.district in (None, device.district)
        and all(device.labels.get(name) == value for name, value in wanted.labels.items())
    )


def _of_quiet(path: Path, quiet: QuietSettings) -> Iterator[Found]:
    begins, ends = (minutes_of(clock) % DAY_MIN for clock in (quiet.from_, quiet.to))
    if begins == ends:
        yield path, "quiet_all_day", {"value": quiet.from_, "other": quiet.to}


def _first(route: RouteSettings) -> bool:
    return not route.priorities or 1 in route.priorities
