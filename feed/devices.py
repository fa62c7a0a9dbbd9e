"""Registered devices as the feed shows them: the question to the fold, and the shape of the answer. Pure."""

from msgspec import Struct

from devices.instants import rfc3339
from devices.tracks import Track
from rules.fold import Fold


class DeviceView(Struct, frozen=True, kw_only=True):
    """A registered device.

    at          longitude, latitude, WGS 84; null = unknown
    last_heard  when its last sign of life came, RFC 3339; null = never
    state       heard, silent, cut_off (all that carries it is down: nobody can know), unheard (never yet)
    """

    id: str
    model: str
    family: str
    name: str | None
    at: tuple[float, float] | None
    site: str | None
    last_heard: str | None
    state: str


class DevicesPage(Struct, frozen=True, kw_only=True):
    """Devices by id. `next` is the `after` of the page that follows; null = this is the last one."""

    gateway: str
    devices: list[DeviceView]
    next: str | None


def devices_picture(fold: Fold, gateway: str, after: str, limit: int) -> DevicesPage:
    """Ask the fold for a page of devices; runs on the pipeline's thread."""
    tracks = fold.memory.world.reception.tracks
    following = sorted(one for one in tracks if one > after)
    page = [device_view(fold, tracks[one]) for one in following[:limit]]
    return DevicesPage(gateway=gateway, devices=page, next=page[-1].id if len(following) > limit else None)


def device_view(fold: Fold, track: Track) -> DeviceView:
    """Show a device."""
    device = track.device
    if fold.memory.links.cut_off(device):
        state = "cut_off"
    elif track.silent:
        state = "silent"
    else:
        state = "heard" if track.seen_ms else "unheard"
    return DeviceView(
        id=device.id,
        model=device.model,
        family=device.family,
        name=device.name or None,
        at=device.at,
        site=device.site,
        last_heard=rfc3339(track.seen_ms + fold.memory.offset_ms) if track.seen_ms else None,
        state=state,
    )
