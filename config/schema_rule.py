"""What every rule has: whom it judges, how urgent it is, what it says, where its numbers come from."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError as Wrong

from config.scalars import Identifier, Template, Text, Truth
from devices.quantities import QUANTITIES
from store.settings import Duration, Settings, matches


class BothLanguages(Settings):
    """A sentence for people, in Chinese and in English."""

    zh: Text
    en: Text


class AlarmText(Settings):
    """What an alarm says; {value}, {limit} and {name} are filled in."""

    zh: Template
    en: Template


class ScopeSettings(Settings):
    """Which devices a rule judges: all that is given must hold."""

    family: str | None = None
    devices: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    site: str | None = None


def _scope(value: object) -> object:
    if value == "all":
        return {}
    if not isinstance(value, dict) or value == {}:
        raise Wrong("scope", "a scope")
    return value


Scoped = Annotated[ScopeSettings, BeforeValidator(_scope, json_schema_input_type=ScopeSettings | Literal["all"])]


LEGAL = frozenset(name for name, each in QUANTITIES.items() if each.unit == "µg/m³" or name.startswith("noise_"))
"""Quantities that laws set limits to: dust (GB 3095, local standards of sites) and noise (GB 12523, GB 3096)."""


Mark = Annotated[str, matches(r"V[123]|C|E|M 0\.[0-9]{1,2}", "mark")]
"""How sure a number is: V1 read in the standard, V2 in a secondary page, V3 in public code; C computed of such;
E engineers' choice, no standard; M from memory, with how sure that is: `M 0.9`."""


class CitedSettings(Settings):
    """Where a number comes from."""

    document: Text
    clause: Text
    mark: Mark


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Wrong("date", "{value}", {"value": text}) from None


Day = Annotated[str, AfterValidator(_day)]
"""A day of the calendar, 2026-03-01."""


class DatedLimitSettings(CitedSettings):
    """A limit and its first and last day. limit: as it was written; whoever knows the quantity reads it (`in_unit`)."""

    from_: Annotated[Day, Field(alias="from")]
    to: Day | None = None
    limit: str

    @model_validator(mode="after")
    def _order(self) -> "DatedLimitSettings":
        if self.to is not None and self.to < self.from_:
            raise Wrong("limit_days", "days", {"at": "to", "value": self.to, "first": self.from_})
        return self


class CauseSettings(Settings):
    """The rule whose active alarm suppresses this one's by design: at the same device, or anywhere at its site."""

    rule: Identifier
    where: Literal["device", "site"] = "device"


class RuleSettings(Settings):
    """What every rule has.

    maintenance        its alarms ask for planned work: they ring nobody
    ack_required       False: what has gone needs nobody to acknowledge it
    re_alarm           how long after an acknowledgement it asks again while it is active
    suppressed_by      which alarm names the cause of this one's
    sources            where its numbers come from, by the key of each
    accept_unverified  it may be used though some of them are from memory
    """

    id: Identifier
    scope: Annotated[Scoped, Field(alias="for")]
    priority: Annotated[int, Field(ge=1, le=4)]
    latch: Truth = False
    maintenance: Truth = False
    ack_required: Truth = True
    re_alarm: Duration | None = None
    suppressed_by: CauseSettings | None = None
    mode: Literal["live", "shadow"] = "live"
    basis: Literal["compliance", "reference"] | None = None
    text: AlarmText
    cause: BothLanguages
    consequence: BothLanguages
    action: BothLanguages
    respond_within: Duration
    sources: dict[str, CitedSettings] = Field(default_factory=dict)
    accept_unverified: Truth = False

    @model_validator(mode="after")
    def _asks_somebody(self) -> "RuleSettings":
        if self.maintenance and self.re_alarm is not None:
            raise Wrong("re_alarm_planned", "re_alarm", {"at": "re_alarm"})
        return self
