"""A series that windows collect: one quantity of one device, with the minute that is open."""

from typing import Literal, NamedTuple

from rules.periods import reach_min


class Wanted(NamedTuple):
    """A series that some rule or report wants.

    interval_ms  how often the device reports at the least
    slots        slots of 15 minutes are wanted besides hours and days
    referred     rules on other devices look at it
    """

    device: str
    quantity: str
    interval_ms: int
    family: str
    slots: bool = False
    referred: bool = False


class Series:
    """One quantity of one device, with its open minute.

    low, high  quiet band of the live rules: a value inside changes nothing
    minute     the civil minute (ms // 60000) that is open, the same for all series of a device; -1 = none
    sum        of its readings, each rounded to 0.01 when it enters: `round(value * 100)`
    count      of its readings
    index      column among the minutes
    reach      how many minutes a reading reaches back
    referred   rules on other devices look at it
    """

    __slots__ = (
        "count", "device", "family", "high", "index", "low", "minute", "quantity", "reach", "referred", "sum",
    )  # fmt: skip

    def __init__(self, index: int, wanted: Wanted) -> None:
        self.device = wanted.device
        self.family = wanted.family
        self.quantity = wanted.quantity
        self.index = index
        self.reach = reach_min(wanted.interval_ms)
        self.referred = wanted.referred
        self.low = self.high = 0.0
        self.minute = -1
        self.sum = self.count = 0


Span = Literal["slot", "hour", "day"]
