"""What an engineer may set about reports (`reports:` of cityward.yaml)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError as Wrong

from store.settings import Duration, Settings, matches

CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
DAY_MS = 86_400_000
REPORTED = (
    "pm10_ug_m3", "pm25_ug_m3", "tsp_ug_m3", "noise_eq_db", "noise_db", "wind_speed_m_s",
)  # fmt: skip
"""Quantities that reports tell, in this order: hours and days of each are kept where there are reports."""

Clock = Annotated[str, matches(CLOCK, "clock")]
Monthly = Annotated[str, matches(rf"([1-9]|1[0-9]|2[0-8]) {CLOCK}", "monthly")]
"""Day of the month and time: `1 08:00`."""
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _a_year(kept_ms: int) -> int:
    if kept_ms < 31 * DAY_MS:
        raise Wrong("keep", "less than a month")
    return kept_ms


class ReportsSettings(Settings):
    """Which reports are made, and when; local times of the gateway's zone.

    daily     when those of the day before are made; None = none are
    monthly   when those of the month before are; None = none are
    city      what the whole is called; None = the gateway's id
    sites     of which there are reports; None = of every site that has devices
    language  zh or en: the one that is shown first, the other one at its switch; both: one after the other
    send      channels of `notify` by which they are sent
    keep      how long they are kept, ms
    """

    daily: Clock | None = None
    monthly: Monthly | None = None
    city: Words | None = None
    sites: tuple[Words, ...] | None = None
    language: Literal["zh", "en", "both"] = "zh"
    send: tuple[Words, ...] = ()
    keep: Annotated[Duration, AfterValidator(_a_year)] = 761 * DAY_MS  # 25 months

    @model_validator(mode="after")
    def _some(self) -> "ReportsSettings":
        if self.daily is None and self.monthly is None:
            raise Wrong("some_of", "none", {"at": "daily", "names": "daily, monthly"})
        return self
