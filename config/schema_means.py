"""What rules on means may say besides their limit: validity, background, deduction."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError as Wrong

from config.scalars import AtLeast, Identifier, Limit, NOfM, NumberOrTruth, NumberQuantity, Truth
from store.settings import Settings


def _of(n: NOfM, least: int, parts: int) -> NOfM:
    if n.m != parts or n.n < least:
        raise Wrong("valid_of", "{value}", {"value": f"{n.n} of {n.m}", "least": f"{least} of {parts}"})
    return n


ValidOf15 = Annotated[AtLeast, AfterValidator(lambda n: _of(n, 12, 15))]
ValidOf60 = Annotated[AtLeast, AfterValidator(lambda n: _of(n, 45, 60))]
ValidOf24 = Annotated[AtLeast, AfterValidator(lambda n: _of(n, 1, 24))]
"""Written `20 of 24`: so many parts of a mean must be valid. With fewer minutes no slot and no hour has a mean."""

SlotsPerDay = Annotated[int, Field(ge=0, le=95)]
HoursPerDay = Annotated[int, Field(ge=0, le=23)]
"""So many of a day may exceed. A day has 96 slots, 24 hours: with as many allowed the rule could never ring."""


class BackgroundSettings(Settings):
    """A series that is subtracted. hourly: each of its readings is an hour's mean already; cap: no more than that."""

    device: Identifier
    quantity: NumberQuantity
    hourly: Literal["begin", "end"] | None = None
    cap: Limit | None = None


class BandSettings(Settings):
    """Another series lies between two numbers, both included; or a truth is what is said."""

    device: Identifier
    quantity: NumberOrTruth
    hourly: Literal["begin", "end"] | None = None
    from_: Annotated[Limit | None, Field(alias="from")] = None
    to: Limit | None = None
    is_: Annotated[Truth | None, Field(alias="is")] = None

    @model_validator(mode="after")
    def _one(self) -> "BandSettings":
        band = self.from_ is not None and self.to is not None
        if band == (self.is_ is not None) or (self.is_ is not None and (self.from_ is not None or self.to is not None)):
            raise Wrong("band", "one", {"at": "quantity"})
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            raise Wrong("band_order", "order", {"at": "to", "value": f"{self.to:g}", "limit": f"{self.from_:g}"})
        return self


class DeductSettings(Settings):
    """What is subtracted while all of `when` holds. amount: in the unit of the rule's quantity."""

    amount: Annotated[float, Field(gt=0)]
    when: tuple[BandSettings, ...]

    @model_validator(mode="after")
    def _some(self) -> "DeductSettings":
        if not self.when:
            raise Wrong("empty_list", "none", {"at": "when"})
        return self
