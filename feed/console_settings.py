"""What an engineer may set about the control room (`console:` of cityward.yaml)."""

import re
from string import Formatter
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError as Wrong

from store.settings import Settings, matches

DAY_MIN = 24 * 60
LABEL = "label:"
"""Before the name of a device's label, in the template of camera links: `{label:camera}`."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Clock = Annotated[str, matches(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", "clock")]
"""A time of day, 08:00; 24:00 = the end of the day."""


def placeholders(template: str) -> list[str]:
    """List what stands between braces. Raises ValueError where braces do not match."""
    found = []
    for _, name, form, _ in Formatter().parse(template):
        if name is not None:
            found.append(f"{name}:{form}" if form else name)
    return found


def _template(text: str, known: tuple[str, ...], code: str) -> str:
    """Take an URL with placeholders behind its host."""
    try:
        names = placeholders(text)
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        raise Wrong(code, "{value}", {"value": text}) from None
    if not good or re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", url.netloc) is None:  # it goes into a header as it is
        raise Wrong(code, "{value}", {"value": text})
    for name in names:
        if name not in known and not (LABEL in known and name.startswith(LABEL) and len(name) > len(LABEL)):
            raise Wrong(code, "{value}", {"value": text})
    return text


def _tiles(text: str) -> str:
    _template(text, ("z", "x", "y"), "tiles")
    if not {"z", "x", "y"} <= set(placeholders(text)):
        raise Wrong("tiles", "{value}", {"value": text})
    return text


def _camera(text: str) -> str:
    return _template(text, ("device", "site", LABEL), "camera")


class MapSettings(Settings):
    """Whose raster tiles are shown: none come with Cityward, and none are fetched unless these are named.

    tiles        URL template with {z}, {x}, {y}: https://tiles.example/{z}/{x}/{y}.png
    crs          what the tiles are drawn in: Gaode's and Tencent's are gcj02, Baidu's bd09, Tianditu's cgcs2000
    attribution  what must stand beside the map: whose it is, and its review number (审图号)
    """

    tiles: Annotated[str, AfterValidator(_tiles)]
    crs: Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
    attribution: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a Content-Security-Policy names them."""
        url = urlsplit(self.tiles)
        return f"{url.scheme}://{url.netloc}"


class ShiftSettings(Settings):
    """A shift of the control room, every day the same. `to` may be the next morning; 24:00 and 00:00 are midnight."""

    name: Name
    from_: Annotated[Clock, Field(alias="from")]
    to: Clock

    @property
    def start_min(self) -> int:
        """Minutes after midnight at which it begins."""
        return minutes_of(self.from_) % DAY_MIN

    @property
    def length_min(self) -> int:
        """How long it lasts by the clock; from a time to the same time is a whole day."""
        return (minutes_of(self.to) - self.start_min - 1) % DAY_MIN + 1


def minutes_of(clock: str) -> int:
    """Return the minutes after midnight of a `Clock`; of 24:00 all of a day."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


EIGHT_HOURS = (
    ShiftSettings.model_validate({"name": "早班", "from": "08:00", "to": "16:00"}),
    ShiftSettings.model_validate({"name": "中班", "from": "16:00", "to": "24:00"}),
    ShiftSettings.model_validate({"name": "夜班", "from": "00:00", "to": "08:00"}),
)


class ConsoleSettings(Settings):
    """The control room.

    name    what stands at its top; None = the gateway's id
    map     None = the schematic alone
    camera  URL template of a device's camera, with {device}, {site}, {label:NAME}; None = there are no cameras
    shifts  in the order of the day; none overlap another
    """

    name: Name | None = None
    map: MapSettings | None = None
    camera: Annotated[str, AfterValidator(_camera)] | None = None
    shifts: tuple[ShiftSettings, ...] = EIGHT_HOURS

    @model_validator(mode="after")
    def _apart(self) -> "ConsoleSettings":
        ordered = sorted(self.shifts, key=lambda shift: shift.start_min)
        for at, shift in enumerate(ordered):
            last = at == len(ordered) - 1
            following = ordered[0].start_min + DAY_MIN if last else ordered[at + 1].start_min
            if shift.start_min + shift.length_min > following:
                other = ordered[0 if last else at + 1].name
                raise Wrong("shifts_overlap", "overlap", {"at": "shifts", "value": shift.name, "other": other})
        return self
