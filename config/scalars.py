"""Types of the scalars in configuration files: text comes in, as it stands there; a value with a meaning comes out."""

import re
from string import Formatter
from typing import Annotated, Literal, NamedTuple
from unicodedata import bidirectional, category
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError as Wrong

from config.problems import closest
from devices.quantities import QUANTITIES, Quantity


def _truth(value: object) -> bool:
    if isinstance(value, bool):  # settings that were accepted before are kept as JSON; YAML gives text only
        return value
    if value in ("true", "false"):
        return value == "true"
    guess = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(str(value).lower(), "")
    raise Wrong("truth", "{value}", {"value": str(value), "guess": guess})


def _identifier(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is None:
        raise Wrong("identifier", "{value}", {"value": text})
    return text


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        guess = closest(text, available_timezones()) or "Asia/Shanghai"
        raise Wrong("time_zone", "{value}", {"value": text, "guess": guess}) from None
    return text


def _quantity(text: str) -> str:
    if text not in QUANTITIES:
        raise Wrong("quantity", "{value}", {"value": text, "guess": closest(text, QUANTITIES)})
    return text


def _number_quantity(text: str) -> str:
    if QUANTITIES[_quantity(text)].type not in ("float", "int"):
        raise Wrong("quantity_no_number", "{value}", {"value": text})
    return text


def _no_text(text: str) -> str:
    if QUANTITIES[_quantity(text)].type == "text":
        raise Wrong("quantity_no_number", "{value}", {"value": text})
    return text


def _truth_quantity(text: str) -> str:
    if QUANTITIES[_quantity(text)].type != "bool":
        raise Wrong("quantity_no_truth", "{value}", {"value": text})
    return text


Truth = Annotated[bool, BeforeValidator(_truth, json_schema_input_type=bool)]
Identifier = Annotated[str, AfterValidator(_identifier)]


def _visible(text: str) -> str:
    for character in text:
        if (category(character) == "Cc" and character not in "\n\t") or bidirectional(character) in _TURNS:
            raise Wrong("control", "{character}", {"character": f"U+{ord(character):04X}"})
    return text


_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Unicode's marks that turn the direction of what follows: on a page they make one name look like another."""
Text = Annotated[str, Field(min_length=1), AfterValidator(_visible)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
AnyQuantity = Annotated[str, AfterValidator(_quantity)]
NumberQuantity = Annotated[str, AfterValidator(_number_quantity)]
NumberOrTruth = Annotated[str, AfterValidator(_no_text)]
TruthQuantity = Annotated[str, AfterValidator(_truth_quantity)]

SPELLINGS = {"ug/m3": "µg/m³", "μg/m³": "µg/m³", "ug/m³": "µg/m³", "mg/m3": "mg/m³", "deg": "°", "℃": "°C", "C": "°C"}
"""Other spellings of units; the Greek mu looks like the micro sign."""
CONVERSIONS = {("mg/m³", "µg/m³"): 1000.0, ("cm", "mm"): 10.0, ("m", "mm"): 1000.0, ("kPa", "hPa"): 10.0}
"""(written, wanted) -> factor; exact ones only."""


def in_unit(text: str, quantity: Quantity) -> float:
    """Return a limit in the unit of its quantity: `15`, `15 °`, `0.15 mg/m³`. Raises Wrong."""
    match = re.fullmatch(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*(.*)", text.strip())
    if match is None:
        raise Wrong("limit", "{value}", {"value": text, "unit": quantity.unit or "-"})
    number, unit = float(match[1]), SPELLINGS.get(match[2], match[2])
    if unit not in ("", quantity.unit):
        factor = CONVERSIONS.get((unit, quantity.unit))
        if factor is None:
            guess = f"{match[1]} {quantity.unit}".strip()
            raise Wrong("limit_unit", "{value}", {"value": text, "unit": quantity.unit or "-", "guess": guess})
        number *= factor
    if quantity.low is not None and quantity.high is not None and not quantity.low <= number <= quantity.high:
        context = {"value": text, "low": quantity.low, "high": quantity.high, "unit": quantity.unit}
        raise Wrong("limit_insane", "{value}", context)
    return number


def _limit(value: object, info: ValidationInfo) -> float:
    quantity = QUANTITIES.get(info.data.get("quantity", ""), Quantity("float", "", None, None, "", ""))
    text = str(value)
    if not quantity.zh:  # the quantity is wrong itself, which is told; its unit is not known
        text = text.split(" ", maxsplit=1)[0]
    return in_unit(text, quantity)


Limit = Annotated[float, BeforeValidator(_limit, json_schema_input_type=float | str)]
"""In the unit of the quantity, which must be declared above it in its model."""


def _amount(value: object, info: ValidationInfo) -> float:
    quantity = QUANTITIES.get(info.data.get("quantity", ""))
    text = str(value) if quantity else str(value).split(" ", maxsplit=1)[0]
    amount = in_unit(text, Quantity("float", quantity.unit if quantity else "", None, None, "", ""))
    if amount <= 0:
        raise Wrong("amount", "{value}", {"value": text})
    return amount


Amount = Annotated[float, BeforeValidator(_amount, json_schema_input_type=float | str)]
"""A difference in the unit of the quantity, as a limit is written: no place on its scale, and more than nothing."""


class NOfM(NamedTuple):
    """n of the last m readings."""

    n: int
    m: int


MOST_READINGS = 60


def _n_of_m(value: object) -> NOfM:
    match = re.fullmatch(r"([0-9]{1,2}) of ([0-9]{1,2})", str(value))
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= MOST_READINGS:
        raise Wrong("n_of_m", "{value}", {"value": str(value), "most": MOST_READINGS})
    return NOfM(int(match[1]), int(match[2]))


AtLeast = Annotated[NOfM, BeforeValidator(_n_of_m, json_schema_input_type=str)]
"""Written `2 of 3`."""

Crs = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]


def _point(value: object) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - longitude and latitude
        raise Wrong("point", "two numbers")
    try:
        longitude, latitude = (float(number) for number in value)
    except (TypeError, ValueError):
        raise Wrong("point", "two numbers") from None
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):  # noqa: PLR2004 - degrees of the globe
        swapped = abs(longitude) <= 90 and abs(latitude) <= 180  # noqa: PLR2004 - the same, the other way round
        context = {"guess": f"[{value[1]}, {value[0]}]"}
        raise Wrong("point_swapped", "swapped", context) if swapped else Wrong("point_range", "not on the globe")
    return longitude, latitude


Point = Annotated[tuple[float, float], BeforeValidator(_point, json_schema_input_type=tuple[float, float])]
"""Longitude, latitude."""

PLACEHOLDERS = ("value", "limit", "name", "why")


STATUTORY = "预警"  # public warnings are the government's (突发事件应对法)


def _placeholders(text: str) -> str:
    if STATUTORY in text:
        raise Wrong("statutory", "{value}", {"value": STATUTORY})
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError:
        raise Wrong("braces", "{value}", {"value": text}) from None
    for name in names:
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{word}}}" for word in PLACEHOLDERS)
            raise Wrong("placeholder", "{value}", {"value": f"{{{name}}}", "known": known})
    return text


Template = Annotated[Text, AfterValidator(_placeholders)]
"""A sentence with `{value}`, `{limit}`, `{name}`, `{why}` in it."""
