"""Rules on devices and their instruments: stuck, off the rest position, implausible, helped along, unlike peers."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError as Wrong

from config.scalars import Amount, AnyQuantity, AtLeast, Limit, NOfM, NumberQuantity, Truth
from config.schema_rule import RuleSettings
from devices.quantities import QUANTITIES
from devices.units import DURATION_MS
from rules.kinds.magnetic import AXES
from rules.kinds.threshold import TILTS
from store.settings import Duration


class StuckRule(RuleSettings):
    """A value stays the same. tolerance: what is the same; ignore_up_to: values that may stay as they are."""

    kind: Literal["stuck"]
    quantity: AnyQuantity
    after: Duration
    tolerance: Amount | None = None
    ignore_up_to: Limit | None = None

    @model_validator(mode="after")
    def _long_enough(self) -> "StuckRule":
        if self.after < 5 * DURATION_MS["min"]:
            raise Wrong("stuck_short", "short", {"at": "after", "value": "5 min"})
        return self


def _tilt(text: str) -> str:
    if text not in TILTS:
        raise Wrong("not_among", "{value}", {"value": text, "known": ", ".join(TILTS)})
    return text


class TiltRule(RuleSettings):
    """A cover is not where it rests. above, once_above, clear: degrees off that position."""

    kind: Literal["tilt"]
    quantity: Annotated[NumberQuantity, AfterValidator(_tilt)]
    above: Amount
    once_above: Amount | None = None
    clear: Amount | None = None
    at_least: AtLeast = NOfM(1, 1)
    after: Duration = 0
    clear_after: Duration = 0

    @model_validator(mode="after")
    def _same_direction(self) -> "TiltRule":
        if self.above >= 180:  # noqa: PLR2004 - half a turn
            raise Wrong(
                "less_than_equal", "tilt", {"at": "above", "key": "above", "value": f"{self.above:g}", "limit": 179}
            )
        if self.clear is not None and self.clear > self.above:
            raise Wrong("clear_side", "clear", {"at": "clear", "limit": f"{self.above:g}"})
        if self.once_above is not None and self.once_above <= self.above:
            raise Wrong("once_side", "once", {"at": "once_above", "limit": f"{self.above:g}"})
        return self


class ImplausibleRule(RuleSettings):
    """What cannot be. low, high: of the instrument; spike: a jump that is gone at once; at_most: larger fractions."""

    kind: Literal["implausible"]
    quantity: NumberQuantity
    low: Limit | None = None
    high: Limit | None = None
    spike: Amount | None = None
    at_most: tuple[NumberQuantity, ...] = ()
    unit: Truth = False

    @model_validator(mode="after")
    def _something(self) -> "ImplausibleRule":
        checks = (self.low, self.high, self.spike, self.at_most or None, self.unit or None)
        if all(check is None for check in checks):
            raise Wrong("some_of", "some", {"at": "kind", "names": "low, high, spike, at_most, unit"})
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise Wrong("low_high", "low", {"at": "high"})
        if self.unit and QUANTITIES[self.quantity].unit != "µg/m³":
            raise Wrong("unit_guard", "unit", {"at": "unit"})
        return self


class TamperRule(RuleSettings):
    """Patterns of somebody's help. plateau_under: the limit that values are held under."""

    kind: Literal["tamper"]
    quantity: NumberQuantity
    plateau_under: Limit | None = None
    water: Truth = True
    gaps: Truth = True

    @model_validator(mode="after")
    def _something(self) -> "TamperRule":
        if self.plateau_under is None and not self.water and not self.gaps:
            raise Wrong("some_of", "some", {"at": "kind", "names": "plateau_under, water, gaps"})
        return self


def _field(text: str) -> str:
    if text not in AXES:
        raise Wrong("not_among", "{value}", {"value": text, "known": ", ".join(AXES)})
    return text


class MagneticRule(RuleSettings):
    """The raw field of a parking detector. vehicle, drift, full_scale: in the unit of the quantity."""

    kind: Literal["magnetic"]
    quantity: Annotated[str, AfterValidator(_field)]
    vehicle: Amount
    drift: Amount
    full_scale: Amount | None = None


class PeerRule(RuleSettings):
    """It differs from its group. z: how far; hours: in a row; members: how many others at the least."""

    kind: Literal["peer"]
    quantity: NumberQuantity
    z: Annotated[float, Field(ge=2, le=50)] = 5
    hours: Annotated[int, Field(ge=1, le=48)] = 3
    members: Annotated[int, Field(ge=3, le=1000)] = 4
    among: Literal["all", "site", "district"] = "all"
