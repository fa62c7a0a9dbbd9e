"""One alarm with all that a person needs to answer it: the question to the fold, and the shape of the answer. Pure."""

from urllib.parse import quote

from msgspec import Struct

from devices.registry import Device
from feed.bays import PermitView, permit_view
from feed.console_settings import LABEL, placeholders
from feed.devices import DeviceView, device_view
from feed.limits import GuidanceView, RuleView, guidance_of, rule_view
from feed.wire import AlarmView, alarm_view
from rules.fold import Fold
from rules.packs.gateway import BUILT_IN


class AlarmDetail(Struct, frozen=True, kw_only=True):
    """An alarm, the rule and the device that it is about as they are now.

    guidance, rule  null = the rule is no more
    device          null = it is about none, or it is registered no more
    labels          of the device: the engineer's own words
    camera          a link; null = there is no template, or the device lacks what the template wants
    permit          who may open the device now
    """

    gateway: str
    alarm: AlarmView
    guidance: GuidanceView | None
    rule: RuleView | None
    device: DeviceView | None
    labels: dict[str, str]
    camera: str | None
    permit: PermitView | None


class Around(Struct, frozen=True, kw_only=True):
    """What the fold knows around an alarm. alarm: as it would be, where it never rang; None = nothing judges it."""

    alarm: AlarmView | None
    guidance: GuidanceView | None
    rule: RuleView | None
    device: DeviceView | None
    labels: dict[str, str]
    camera: str | None
    permit: PermitView | None


def around(fold: Fold, alarm: str, camera: str | None) -> Around:
    """Ask the fold what is around an alarm; runs on the pipeline's thread."""
    judging = fold.memory.world.judging
    name, _, subject = alarm.partition("@")
    judge = judging.judges.get((name, subject)) or judging.judges.get((name, subject.rpartition("/")[0]))
    subject = judge.subject if judge else subject
    rule = judge.rule if judge else BUILT_IN.get(name)
    track = fold.memory.world.reception.tracks.get(subject)
    led = judging.alarms.by_id.get(alarm)
    if led is None and judge is not None and judge.id == alarm:
        led = judging.describe(judge, None)
    permit = judging.permits.get(subject)
    return Around(
        alarm=None if led is None else alarm_view(led),
        guidance=None if rule is None else guidance_of(rule),
        rule=None if rule is None else rule_view(rule),
        device=None if track is None else device_view(fold, track),
        labels={} if track is None else track.device.labels,
        camera=None if track is None else camera_of(camera, track.device),
        permit=None if permit is None else permit_view(subject, permit),
    )


def camera_of(template: str | None, device: Device) -> str | None:
    """Fill a device into the template of camera links; None where it lacks what is wanted."""
    link = template or ""
    for name in placeholders(link):
        if name.startswith(LABEL):
            word = device.labels.get(name.removeprefix(LABEL))
        else:
            word = {"device": device.id, "site": device.site}.get(name)
        if not word:
            return None
        link = link.replace("{" + name + "}", quote(word, safe=""))
    return link or None
