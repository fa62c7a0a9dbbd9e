"""Parking bays and work permits as the feed shows them: questions to the fold, and shapes of the answers. Pure."""

from typing import Literal

from msgspec import Struct

from devices.instants import rfc3339
from rules import bays
from rules.fold import Fold
from rules.records import Permit


class BayView(Struct, frozen=True, kw_only=True):
    """A bay. since: from when its state holds, RFC 3339; null = nothing was ever heard of it."""

    device: str
    name: str | None
    site: str | None
    at: tuple[float, float] | None
    state: Literal["free", "occupied", "unknown"]
    since: str | None


class BaysPage(Struct, frozen=True, kw_only=True):
    """Bays by device. `next` is the `after` of the page that follows; null = this is the last one."""

    gateway: str
    bays: list[BayView]
    next: str | None


class PermitView(Struct, frozen=True, kw_only=True):
    """Who may open a device until when, and why. user: who told the gateway."""

    device: str
    who: str
    why: str
    since: str
    until: str
    user: str


class PermitsPage(Struct, frozen=True, kw_only=True):
    """All work permits that are in force."""

    gateway: str
    permits: list[PermitView]


def bays_picture(fold: Fold, gateway: str, after: str, limit: int) -> BaysPage:
    """Ask the fold for a page of bays; runs on the pipeline's thread."""
    world = fold.memory.world
    following = sorted(
        name for name, track in world.reception.tracks.items() if name > after and track.device.family == "parking"
    )
    page = []
    for name in following[:limit]:
        judge, device = world.judging.judges.get((bays.RULE.id, name)), world.reception.tracks[name].device
        state, since_ms = (bays.UNKNOWN, 0) if judge is None else judge.memory[:2]
        since = rfc3339(since_ms + fold.memory.offset_ms) if since_ms else None
        page.append(
            BayView(
                device=name, name=device.name or None, site=device.site, at=device.at, state=bays.STATES[state],
                since=since,
            )
        )  # fmt: skip
    return BaysPage(gateway=gateway, bays=page, next=page[-1].device if len(following) > limit else None)


def permits_picture(fold: Fold, gateway: str) -> PermitsPage:
    """Ask the fold for all work permits; runs on the pipeline's thread."""
    permits = sorted(fold.memory.world.judging.permits.items())
    return PermitsPage(gateway=gateway, permits=[permit_view(device, one) for device, one in permits])


def permit_view(device: str, permit: Permit) -> PermitView:
    """Show a work permit."""
    return PermitView(
        device=device, who=permit.who, why=permit.why, since=rfc3339(permit.since_ms), until=rfc3339(permit.until_ms),
        user=permit.user,
    )  # fmt: skip
