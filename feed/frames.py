"""Frames of one device as an engineer sees them: the bytes as they came, and what they say. Pure."""

from msgspec import Struct, structs

from devices.instants import rfc3339
from devices.readings import Facts, Refusal, Values
from devices.reception import Duplicate
from devices.walks import Expectation, Shown, Walk
from rules.records import Old, Text


class ReadingView(Struct, kw_only=True):
    """What a device says of one moment, by quantity. live: said just now; flags: doubts, a blank between them."""

    time: str
    live: bool
    values: dict[str, float | bool | str]
    flags: str | None


class FrameView(Struct, kw_only=True):
    """A frame of a registered device, and what it says: readings, facts, or why it is not read."""

    sequence: int
    at: str
    source: str
    place: str
    payload_hex: str
    duplicate: bool = False
    refused: str | None = None
    facts: dict[str, str] = {}
    readings: list[ReadingView] = []


class FramesPage(Struct, frozen=True, kw_only=True):
    """Frames of one device as they came.

    quantities  what its readings may hold
    judged      a rule judges its readings as they come
    position    what follows is behind it
    """

    device: str
    quantities: list[str]
    judged: bool
    frames: list[FrameView]
    position: int


class ShownView(Struct, frozen=True, kw_only=True):
    """Something that a device must show. do: what a person does for it; null = nothing, or it is not his turn yet.

    met  null = not seen; by: the values that showed it
    """

    id: str
    text: Text
    do: Text | None
    met: bool | None
    by: dict[str, float | bool | str]


class WalkView(Struct, frozen=True, kw_only=True):
    """How far a walk has come. judged: a rule judges its readings as they come, and should ring for what is shown."""

    device: str
    judged: bool
    shown: list[ShownView]


def frame_view(old: Old, said: object, offset_ms: int) -> FrameView:
    """Show a frame. said: what `Reception.receive` made of it; offset_ms: of civil time to log time."""
    view = FrameView(
        sequence=old.sequence, at=rfc3339(old.at_ms + offset_ms), source=old.source,
        place=old.place.decode("utf-8", "backslashreplace"), payload_hex=old.payload.hex(),
    )  # fmt: skip
    if isinstance(said, Duplicate):
        view.duplicate = True
    elif isinstance(said, Refusal):
        view.refused = f"{said.reason}: {said.detail}"
    elif isinstance(said, Facts):
        view.facts = {name: str(value) for name, value in said.facts.items()}
    elif isinstance(said, list):
        view.readings = [
            ReadingView(time=rfc3339(each.t_ms), live=each.live, values=_values(each.values), flags=each.values.flags)
            for each in said
        ]
    return view


def with_newest(page: FramesPage, older: list[FrameView]) -> FramesPage:
    """Put what came before the ear was open, as the journal has it, in front; what stands in both comes once."""
    frames = {frame.sequence: frame for frame in (*older, *page.frames)}
    last = max(frames, default=0)
    return structs.replace(page, frames=[frames[one] for one in sorted(frames)], position=max(page.position, last))


def walk_view(page: FramesPage, since: int) -> WalkView:
    """Say what a device has shown since a sequence number, by `devices.walks`."""
    walk = Walk(frozenset(page.quantities))
    for frame in page.frames:
        for reading in frame.readings if frame.sequence > since else ():
            if reading.live:
                walk.hear(reading.values)
    now = walk.next_to_do
    return WalkView(device=page.device, judged=page.judged, shown=[_shown(each, now) for each in walk.shown])


def _shown(each: Shown, now: Expectation | None) -> ShownView:
    of = each.expectation
    do = Text(of.do_zh, of.do_en) if of is now else None
    return ShownView(id=of.id, text=Text(of.zh, of.en), do=do, met=each.met, by=each.by)


def _values(values: Values) -> dict[str, float | bool | str]:
    named = ((name, getattr(values, name)) for name in values.__struct_fields__ if name != "flags")
    return {name: value for name, value in named if value is not None}
