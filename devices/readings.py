"""What devices say: values of a reading, facts about the device, or why a frame is refused."""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from msgspec import Struct, defstruct

from devices.quantities import QUANTITIES


class Values(Struct, omit_defaults=True, gc=False, kw_only=True):
    """Values of one device at one moment; every model has its own subclass, whose fields are quantities.

    A field's name must stand in `devices.quantities`; absent is None, never 0. Numbers are float, truths bool.

    rssi_dbm, snr_db  radio quality as the best gateway heard it; set by the envelope
    flags             doubts, one word each, separated by a space (`clock`, `late`, `noise_db:D`); None = no doubt
    """

    rssi_dbm: float | None = None
    snr_db: float | None = None
    flags: str | None = None


_TYPES = {"float": float, "int": int, "bool": bool, "text": str}


@cache
def values_of(quantities: tuple[str, ...]) -> type[Values]:
    """Make the struct of exactly these quantities; the same ones give the same struct. Fill it by keywords.

    Raises KeyError for what is no quantity.
    """
    own = [name for name in quantities if name not in Values.__struct_fields__]
    fields = [(name, _TYPES[QUANTITIES[name].type] | None, None) for name in own]
    return cast("type[Values]", defstruct("Values", fields, bases=(Values,), omit_defaults=True, gc=False))


class Facts(Struct, frozen=True):
    """What an uplink tells of the device itself (firmware, configured threshold, join); no measurement.

    address  of whom, where an envelope says it: without its scheme, as in `devices.envelopes.Uplink`
    """

    facts: dict[str, Any]
    address: str = ""


class Refusal(Struct, frozen=True):
    """Why a frame is not read. The bytes are kept all the same.

    reason  one of REASONS: a counter's label
    detail  a sentence for an engineer: "checksum 33EC, computed D801"
    """

    reason: str
    detail: str


REASONS = (
    "not_mine",  # of another device or port
    "length",  # too short, too long, or not as long as it says
    "checksum",
    "syntax",  # no JSON, no base64, no HJ 212
    "range",  # nothing sane is left
    "warm_up",  # the sensor says itself that it is not ready
    "incomplete",  # well-formed, but without what is needed
)

Reported = tuple[int, Values, str]
"""One entry of a frame that holds several: device time in ms (-1 = none), values, span.

span  "" for a reading of that moment; "minute", "hour", "day" for a mean that the device made itself over the
      period that *starts* at the time given; "history" (TOLD_LATER) for a reading that the device kept and tells again
      or belatedly, beside what is now or alone
"""

TOLD_LATER = "history"

Decoded = Values | list[Reported] | Facts | Refusal


@cache
def range_check(kind: type[Values]) -> Callable[[Any], bool]:
    """Make the one test that says whether all values are inside their sane range.

    NaN and infinity fail it, for no comparison with NaN holds.
    """
    names = [name for name in kind.__struct_fields__ if name in QUANTITIES and QUANTITIES[name].low is not None]
    tests = " and ".join(f"(v.{n} is None or {QUANTITIES[n].low!r} <= v.{n} <= {QUANTITIES[n].high!r})" for n in names)
    # The names come from our own struct definitions, never from outside.
    check: Callable[[Any], bool] = eval(f"lambda v: {tests or True}", {})  # noqa: S307 - one generated test is 5x a loop
    return check


def without_insane(values: Values) -> list[str]:
    """Take values outside their sane range away; return the quantities that were taken."""
    taken = []
    for name in values.__struct_fields__:
        quantity = QUANTITIES.get(name)
        value = getattr(values, name)
        if (
            value is not None
            and quantity is not None
            and quantity.low is not None
            and quantity.high is not None
            and not quantity.low <= value <= quantity.high
        ):
            setattr(values, name, None)
            taken.append(name)
    return taken
