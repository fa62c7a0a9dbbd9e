"""What a device said, out of the journal: its newest frame, and its values minute by minute. Shapes of the answers."""

from typing import Protocol

from msgspec import Struct

from feed.frames import FrameView
from rules.records import Text


class LastFrame(Struct, frozen=True, kw_only=True):
    """The newest frame of a device, as it came.

    what    reading, facts, duplicate, or why it is not read
    values  what it says, by quantity; flags: doubts, a blank between them
    """

    sequence: int
    at: str
    source: str
    place: str
    bytes: int
    what: str
    values: dict[str, float | bool | str]
    flags: str | None


class Spoken(Struct, frozen=True, kw_only=True):
    """What a device said last.

    values   the newest value of each quantity among its last frames
    battery  battery_v, battery_pct, battery_low; radio: rssi_dbm, snr_db, rsrp_dbm, sinr_db: those that it told
    facts    what it told of itself: firmware, thresholds
    whole    False = the time was over before all of this was found, and older frames may tell more
    """

    last_frame: LastFrame | None = None
    values: dict[str, float | bool | str] = {}
    battery: dict[str, float | bool] = {}
    radio: dict[str, float] = {}
    facts: dict[str, str] = {}
    whole: bool = True


class Minutes(Struct, frozen=True, kw_only=True):
    """Means of minutes. start_ms: civil time of the first; values: None = nothing came in that minute.

    note  why the beginning may be missing; None = it is all there
    """

    start_ms: int
    values: list[float | None]
    note: Text | None = None


class ReadsPast(Protocol):
    """Reads the journal in a process of its own, for some seconds at the most. From any thread."""

    def spoken(self, device: str) -> Spoken:
        """Look for what a device said last. Raises ValueError with what kept it from that."""
        ...

    def frames(self, device: str) -> list[FrameView]:
        """Look for its newest frames, the last one last. Raises ValueError as `spoken` does."""
        ...

    def minutes(self, device: str, quantity: str, start_ms: int, count: int) -> Minutes:
        """Read a quantity of a device, from a minute of civil time on. Raises ValueError as `spoken` does."""
        ...


class NoPast:
    """There is no journal."""

    def spoken(self, device: str) -> Spoken:  # noqa: ARG002 - of any
        """Nothing was said."""
        return Spoken()

    def frames(self, device: str) -> list[FrameView]:  # noqa: ARG002 - of any
        """Nothing came."""
        return []

    def minutes(self, device: str, quantity: str, start_ms: int, count: int) -> Minutes:  # noqa: ARG002 - of any
        """Nothing was said."""
        return Minutes(start_ms=start_ms, values=[None] * count)
