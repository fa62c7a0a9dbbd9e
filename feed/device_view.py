"""One device as the console shows it: the question to the fold, and the shape of the answer. Pure."""

from typing import Literal

import numpy as np
from msgspec import Struct, structs

from devices.instants import rfc3339
from devices.quantities import QUANTITIES
from devices.tracks import Track
from feed.alarm_detail import camera_of
from feed.bays import PermitView, permit_view
from feed.devices import DeviceView, device_view
from feed.past import LastFrame, Spoken
from rules import bays
from rules.fold import Fold
from rules.judging import Judge
from rules.minutes import Lent
from rules.periods import HOUR_MIN, LONGEST_REACH_MIN, MINUTE_MS, SLOT_MIN, hour_slots
from rules.records import Period
from rules.verdicts import NORMAL, VIOLATED, WINDOWED

Cause = Literal["cut_off", "silent", "unheard", "too_few", "not_yet"]

_TOLD_MIN = 10  # after its end a slot is told
_DAY_MIN = 24 * 60


class QuantityView(Struct, frozen=True):
    """What a device measures. windowed: its minutes are in memory, for means are judged of it."""

    unit: str
    zh: str
    en: str
    type: str
    windowed: bool


class VerdictView(Struct, frozen=True, kw_only=True):
    """What a rule says of the device now.

    cause  of unknown. cut_off: nothing can be heard of it; silent: nothing was; unheard: never yet; too_few: too few
           valid minutes; not_yet: nothing that could be judged has come, or closed, since the rule is in force
    since  RFC 3339; null = not known
    """

    rule: str
    alarm: str
    priority: int
    mode: str
    quantity: str | None
    verdict: Literal["normal", "violated", "unknown"]
    cause: Cause | None
    since: str | None


class CoverageView(Struct, frozen=True):
    """Valid minutes of today, of so many since midnight."""

    minutes: int
    of: int


class FrameCounts(Struct, frozen=True, kw_only=True):
    """Frames of a device since the gateway knows it. missed: gaps of its own counter; refused: by reason."""

    frames: int
    duplicates: int
    facts: int
    missed: int
    refused: dict[str, int]


class DeviceDetail(DeviceView, frozen=True, kw_only=True):
    """A device, whole.

    last_frame      null = none was found in the journal
    values, battery, radio, facts  what it told last; `whole`: false = older frames may tell more
    coverage        of the quantities that are windowed
    clock_offset_s  by how much its own clock is ahead; null = it sends no time
    permit          who may open it now
    """

    gateway: str
    address: str
    district: str | None
    labels: dict[str, str]
    interval_s: float
    via: list[str]
    quantities: dict[str, QuantityView]
    last_frame: LastFrame | None
    values: dict[str, float | bool | str]
    battery: dict[str, float | bool]
    radio: dict[str, float]
    facts: dict[str, str]
    whole: bool
    verdicts: list[VerdictView]
    coverage: dict[str, CoverageView]
    clock_offset_s: float | None
    counted: FrameCounts
    camera: str | None
    permit: PermitView | None


class Known(Struct):
    """What the fold says of a device; the rest is worked out elsewhere. today: its first minute, and this one."""

    detail: DeviceDetail
    lent: Lent
    reach: list[int]
    windowed: list[str]
    today: tuple[int, int]


def known(fold: Fold, gateway: str, device: str, camera: str | None, now_ms: int) -> Known | None:
    """Ask the fold for a device; None = there is no such. Runs on the pipeline's thread."""
    world = fold.memory.world
    track = world.reception.tracks.get(device)
    if track is None:
        return None
    registered, permit = track.device, world.judging.permits.get(device)
    now = now_ms // MINUTE_MS
    start = world.windows.calendar.day(now).start
    windowed = [series.quantity for series in track.series]
    judges = world.judging.judges.of_subject.get(device, ())
    detail = DeviceDetail(
        **structs.asdict(device_view(fold, track)), gateway=gateway, address=registered.address,
        district=registered.district, labels=registered.labels, interval_s=registered.interval_ms / 1000,
        via=list(registered.via), quantities=_quantities(track, windowed), last_frame=None, values={}, battery={},
        radio={}, facts={}, whole=True,
        verdicts=[_verdict(judge, fold, track, now) for judge in judges if judge.kind is not bays.KIND], coverage={},
        clock_offset_s=track.skew_ms / 1000 if track.skew_at_ms else None,
        counted=FrameCounts(
            frames=track.frames, duplicates=track.duplicates, facts=track.facts, missed=track.missed,
            refused=dict(track.refused),
        ),
        camera=camera_of(camera, registered), permit=None if permit is None else permit_view(device, permit),
    )  # fmt: skip
    lent = world.windows.lend(track.series, start, now + 1)
    return Known(detail, lent, [series.reach for series in track.series], windowed, (start, now))


def completed(found: Known, spoken: Spoken) -> DeviceDetail:
    """Add what the journal and the minutes say."""
    start, now = found.today
    sums, counts = found.lent.cells()
    reach = np.array(found.reach, np.int64)
    behind = ((0, LONGEST_REACH_MIN), (0, 0))  # minutes that are still to come
    valid = hour_slots(np.pad(sums, behind), np.pad(counts, behind), reach, length=len(sums), least=1).valid.tolist()
    coverage = {
        name: CoverageView(min(minutes, now + 1 - start), now + 1 - start)
        for name, minutes in zip(found.windowed, valid, strict=True)
    }
    return structs.replace(found.detail, coverage=coverage, **structs.asdict(spoken))


def _quantities(track: Track, windowed: list[str]) -> dict[str, QuantityView]:
    found = {}
    for name in track.quantities:
        if name in QUANTITIES:
            each = QUANTITIES[name]
            found[name] = QuantityView(each.unit, each.zh, each.en, each.type, name in windowed)
    return found


def _verdict(judge: Judge, fold: Fold, track: Track, now: int) -> VerdictView:
    alarm = fold.memory.world.judging.alarms.by_id.get(judge.id)
    verdict: Literal["normal", "violated", "unknown"] = "normal"
    cause, since_ms = None, None
    if alarm is not None and alarm.active:
        verdict, since_ms = "violated", alarm.since_ms
    else:
        cause = _unknown(judge, fold, track, now)
        if cause is not None:
            verdict = "unknown"
        elif judge.verdict == VIOLATED and judge.kind.needs not in WINDOWED:
            verdict = "violated"
        else:
            since_ms = alarm.returned_ms if alarm is not None else None
    return VerdictView(
        rule=judge.rule.id, alarm=judge.id, priority=judge.rule.priority, mode=judge.rule.mode,
        quantity=getattr(judge.rule.settings, "quantity", None) or None, verdict=verdict, cause=cause,
        since=rfc3339(since_ms) if since_ms else None,
    )  # fmt: skip


def _unknown(judge: Judge, fold: Fold, track: Track, now: int) -> Cause | None:
    """Say why nothing can be said; None = something can. What was normal before it fell silent is not so now."""
    if fold.memory.links.cut_off(track.device):
        return "cut_off"
    if judge.kind.needs == "sign":
        return None
    if not track.seen_ms or track.silent:
        return "silent" if track.seen_ms else "unheard"
    if judge.kind.needs in WINDOWED:
        told = _last_told(judge, fold, now)
        if told is None:
            return "not_yet"
        return "too_few" if told.mean is None else None
    return None if judge.verdict in (NORMAL, VIOLATED) else "not_yet"


def _last_told(judge: Judge, fold: Fold, now: int) -> Period | None:
    """Return the period that a rule judged last."""
    windows = fold.memory.world.windows
    series = windows.find(judge.subject, judge.rule.settings.quantity)
    if series is None:
        return None
    if judge.kind.needs == "slot":
        return windows.told(series, "slot", ((now - _TOLD_MIN) // SLOT_MIN - 1) * SLOT_MIN)
    if judge.kind.needs == "day":
        today = windows.calendar.day(now).start
        return windows.told(series, "day", windows.calendar.day(today - 1).start)
    return windows.told(series, "hour", windows.closed_ms() // MINUTE_MS - HOUR_MIN)
