"""What may stand in the three kinds of files: cityward.yaml, devices.d/*.yaml, rules.d/*.yaml.

Scalars come as text; the types here give them meaning. What is wrong is told by a code (`config.texts`).
"""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError as Wrong

from config.scalars import (
    AtLeast,
    Crs,
    Identifier,
    Limit,
    NOfM,
    NumberQuantity,
    Point,
    Text,
    TimeZone,
    Truth,
    TruthQuantity,
    in_unit,
)
from config.schema_instruments import (
    ImplausibleRule,
    MagneticRule,
    PeerRule,
    StuckRule,
    TamperRule,
    TiltRule,
)
from config.schema_means import (
    BackgroundSettings,
    DeductSettings,
    HoursPerDay,
    SlotsPerDay,
    ValidOf15,
    ValidOf24,
    ValidOf60,
)
from config.schema_rule import BothLanguages, DatedLimitSettings, RuleSettings
from devices.quantities import QUANTITIES
from devices.units import DURATION_MS
from feed.console_settings import ConsoleSettings
from feed.feeds_settings import FeedsSettings
from feed.notify.settings import NotifySettings
from feed.reports.settings import ReportsSettings
from feed.settings import HttpSettings
from ingest.push_settings import HttpPushSettings
from ingest.settings import Hj212Settings, InfluxSettings, KeepSettings, MqttSettings, SerialSettings
from store.settings import AbsolutePath, Duration, Settings, Size

# ------------------------------------------------------------------------------------------------ cityward.yaml


DEFAULT_STATE = Path("/var/lib/cityward")


class GatewaySettings(Settings):
    """Who this gateway is. id: part of every id that leaves; time_zone: hours and days close by it (IANA name)."""

    id: Identifier
    time_zone: TimeZone


_MIB = 1 << 20


def _enough(size: int) -> int:
    if size < 16 * _MIB:
        raise Wrong("budget", "too little")
    return size


Budget = Annotated[Size, AfterValidator(_enough)]


def _long_enough(age_ms: int) -> int:
    if age_ms < DURATION_MS["d"]:
        raise Wrong("age", "less than a day")
    return age_ms


class BudgetSettings(Settings):
    """How much disk each store may take, bytes; journal_age: what is older goes before the journal is full, ms."""

    journal: Budget = 4096 * _MIB
    journal_age: Annotated[Duration, AfterValidator(_long_enough)] | None = None
    inbox: Budget = 256 * _MIB
    backlog: Budget = 1024 * _MIB


class ArchiveSettings(Settings):
    """Readings as compressed CSV, for backtests; none are kept where it is left out. budget: bytes on the disk."""

    budget: Budget = 3072 * _MIB


class SourcesSettings(Settings):
    """All sources, by kind."""

    mqtt: tuple[MqttSettings, ...] = ()
    serial: tuple[SerialSettings, ...] = ()
    hj212: tuple[Hj212Settings, ...] = ()
    http: tuple[HttpPushSettings, ...] = ()


class PackSettings(Settings):
    """A pack of rules that comes with Cityward, by its name: `hj633-2026`, or with more about it.

    accept_unverified  also rules whose numbers nobody has compared with the text of the standard (mark M)
    """

    pack: str
    accept_unverified: Truth = False


def _pack(value: object) -> object:
    return {"pack": value} if isinstance(value, str) else value


Chosen = Annotated[PackSettings, BeforeValidator(_pack, json_schema_input_type=PackSettings | str)]


class CitywardSettings(Settings):
    """cityward.yaml, and what the daemon is given of it: secrets are named in it, never held."""

    gateway: GatewaySettings
    state: AbsolutePath = DEFAULT_STATE
    budgets: BudgetSettings = BudgetSettings()
    keep: KeepSettings = KeepSettings()
    archive: ArchiveSettings | None = None
    http: HttpSettings = HttpSettings()
    console: ConsoleSettings = ConsoleSettings()
    sources: SourcesSettings = SourcesSettings()
    influxdb: InfluxSettings | None = None
    standards: tuple[Chosen, ...] = ()
    feeds: FeedsSettings = FeedsSettings()
    reports: ReportsSettings | None = None
    notify: NotifySettings | None = None


# ---------------------------------------------------------------------------------------------- devices.d/*.yaml


class DefaultSettings(Settings):
    """What holds for every device of a file that does not say otherwise. labels, options: a device's own come on top.

    tags  names of labels that become InfluxDB tags
    """

    model: str | None = None
    crs: Crs | None = None
    interval: Duration | None = None
    site: Text | None = None
    district: Text | None = None
    labels: dict[str, Text] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)


class DeviceSettings(DefaultSettings):
    """One device. at: longitude, latitude in the stated crs."""

    id: Identifier
    address: str
    name: Text | None = None
    at: Point | None = None


class DevicesFile(Settings):
    """devices.d/*.yaml."""

    defaults: DefaultSettings = DefaultSettings()
    devices: tuple[DeviceSettings, ...] = ()


# ------------------------------------------------------------------------------------------------ rules.d/*.yaml


class StateRule(RuleSettings):
    """A truth has a value. after, clear_after: for how long it must hold before the alarm follows."""

    kind: Literal["state"]
    quantity: TruthQuantity
    is_: Annotated[Truth, Field(alias="is")]
    after: Duration = 0
    clear_after: Duration = 0


class SilenceRule(RuleSettings):
    """Nothing was heard: for a number of the device's intervals (3), or for a time."""

    kind: Literal["silence"]
    intervals: Annotated[float, Field(ge=1, le=1000)] | None = None
    after: Duration | None = None

    @model_validator(mode="after")
    def _one(self) -> "SilenceRule":
        if self.intervals is not None and self.after is not None:
            raise Wrong("at_most_one", "one", {"at": "after", "names": "intervals, after"})
        return self


class ThresholdRule(RuleSettings):
    """A number is above (or below) a limit; it ends at `clear`.

    at_least               of the last readings, "2 of 3"
    once_above, once_below  one reading of that is enough
    """

    kind: Literal["threshold"]
    quantity: NumberQuantity
    above: Limit | None = None
    below: Limit | None = None
    clear: Limit | None = None
    at_least: AtLeast = NOfM(1, 1)
    once_above: Limit | None = None
    once_below: Limit | None = None
    after: Duration = 0
    clear_after: Duration = 0

    @model_validator(mode="after")
    def _same_direction(self) -> "ThresholdRule":
        if (self.above is None) == (self.below is None):
            raise Wrong("one_of", "one", {"at": "below", "names": "above, below"})
        upwards = self.above is not None
        once, wrong, at = (
            (self.once_above, self.once_below, "once_below")
            if upwards
            else (self.once_below, self.once_above, "once_above")
        )
        if wrong is not None:
            raise Wrong("direction", "direction", {"at": at, "guess": "once_above" if upwards else "once_below"})
        limit = (self.above if upwards else self.below) or 0.0
        sign = 1 if upwards else -1
        if self.clear is not None and sign * (self.clear - limit) > 0:
            raise Wrong("clear_side", "clear", {"at": "clear", "limit": f"{limit:g}"})
        if once is not None and sign * (once - limit) <= 0:
            raise Wrong("once_side", "once", {"at": "once_above" if upwards else "once_below", "limit": f"{limit:g}"})
        return self


class MeanRule(RuleSettings):
    """A mean over a limit: of a standard, one's own, or several by date; what it is in law must be said."""

    quantity: NumberQuantity
    basis: Literal["compliance", "reference"]
    standard: str | None = None
    limit: Limit | None = None
    limits: tuple[DatedLimitSettings, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> "MeanRule":
        if [self.standard is None, self.limit is None, not self.limits].count(False) != 1:
            raise Wrong("one_of", "one", {"at": "limit", "names": "standard, limit, limits"})
        for each in self.limits:
            try:
                in_unit(each.limit, QUANTITIES[self.quantity])
            except Wrong as wrong:
                raise Wrong(wrong.type, "limit", {**(wrong.context or {}), "at": "limits"}) from None
        for one, after in pairwise(self.limits):
            if one.to is None or one.to >= after.from_:
                raise Wrong("limit_dates", "dates", {"at": "limits", "value": after.from_})
        return self


class PeriodMeanRule(MeanRule):
    """The mean of a slot or an hour. clear: at or under it the alarm ends."""

    clear: Limit | None = None
    background: BackgroundSettings | None = None
    deduct: DeductSettings | None = None


class SlotMeanRule(PeriodMeanRule):
    """The mean of 15 minutes."""

    kind: Literal["slot_mean"]
    allowed_per_day: SlotsPerDay = 0
    valid: ValidOf15 = NOfM(12, 15)


class HourMeanRule(PeriodMeanRule):
    """The mean of an hour."""

    kind: Literal["hour_mean"]
    allowed_per_day: HoursPerDay = 0
    valid: ValidOf60 = NOfM(45, 60)


class DayMeanRule(MeanRule):
    """The mean of a closed day. valid: None = what the standard asks of its quantity."""

    kind: Literal["day_mean"]
    valid: ValidOf24 | None = None


class DayBudgetRule(MeanRule):
    """A day that can no longer comply."""

    kind: Literal["day_budget"]


class RollingMeanRule(MeanRule):
    """The mean of the last hours, as an early warning."""

    kind: Literal["rolling_mean"]
    hours: Annotated[int, Field(ge=1, le=48)] = 24
    clear: Limit | None = None


class RateRule(RuleSettings):
    """A number rises, or falls, by more than so much within a time."""

    kind: Literal["rate"]
    quantity: NumberQuantity
    rise: Limit | None = None
    fall: Limit | None = None
    within: Duration

    @model_validator(mode="after")
    def _one(self) -> "RateRule":
        if (self.rise is None) == (self.fall is None):
            raise Wrong("one_of", "one", {"at": "fall", "names": "rise, fall"})
        return self


AnyRule = Annotated[
    StateRule
    | SilenceRule
    | ThresholdRule
    | RateRule
    | StuckRule
    | TiltRule
    | ImplausibleRule
    | TamperRule
    | MagneticRule
    | PeerRule
    | SlotMeanRule
    | HourMeanRule
    | DayMeanRule
    | DayBudgetRule
    | RollingMeanRule,
    Field(discriminator="kind"),
]


class ChangeSettings(Settings):
    """What is otherwise about a rule of a pack: every key that stands here takes the place of the rule's own.

    off  the rule is not used at all
    """

    model_config = ConfigDict(extra="allow")

    rule: str
    off: Truth = False


class RulesFile(Settings):
    """rules.d/*.yaml."""

    rules: tuple[AnyRule, ...] = ()
    changes: tuple[ChangeSettings, ...] = ()


class PackFile(Settings):
    """rules/packs/*.yaml: rules that come with Cityward. title: what it is the pack of."""

    title: BothLanguages
    rules: tuple[AnyRule, ...]
