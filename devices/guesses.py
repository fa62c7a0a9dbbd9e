"""What could have sent this? Every model in all its variants reads a stranger's frames; who accepts them is a guess.

Pure, and dear (all models, all variants, every frame): for the inbox, never on the way of a reading.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Struct, ValidationError, convert, json

from devices import catalogue
from devices.envelopes import Uplink, said_by
from devices.models import Model
from devices.quantities import QUANTITIES
from devices.readings import Facts, Refusal, Values, without_insane

MOST = 5  # guesses that are worth reading
ASKED = "pm_unit"  # what only its maker or its screen tells; a guess shows how its numbers would look
CHOSEN = ("variant", "preset", ASKED)  # options that say which product it is


class Guess(Struct, frozen=True):
    """A model that reads these frames.

    options   as they would stand in YAML
    readings  how many of the frames gave values; facts: how many only facts; frames: of how many
    values    of the newest frame that gave any, by quantity: does that look like what stands on the street?
    """

    model: str
    options: dict[str, Any]
    readings: int
    facts: int
    frames: int
    values: dict[str, Any]


def guesses(uplinks: Sequence[Uplink]) -> list[Guess]:
    """Return what reads the most of the frames, best first; frames in the order in which they came."""
    found = [guess for model in catalogue.MODELS.values() for guess in _of_model(model, uplinks)]
    found.sort(key=lambda guess: (guess.readings + guess.facts, guess.readings, len(guess.values)), reverse=True)
    return found[:MOST]


def _of_model(model: Model, uplinks: Sequence[Uplink]) -> list[Guess]:
    """Try a model; registers of Modbus and factors of HJ 212 say themselves only on their own lines."""
    ways = _options_of_plain(uplinks) if model.id == "plain" else _ways(model)
    found = [_guess(model, options, uplinks) for options in ways]
    return [guess for guess in found if guess is not None]


@cache
def _ways(model: Model) -> tuple[dict[str, Any], ...]:
    """All sets of options that say which product it is."""
    hints = get_type_hints(model.options)
    for name in CHOSEN:
        words = [word for each in (hints.get(name), *get_args(hints.get(name))) for word in _words(each)]
        if words:
            return tuple({name: word} for word in words)
    return ({},)


def _words(kind: object) -> tuple[str, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _guess(model: Model, given: dict[str, Any], uplinks: Sequence[Uplink]) -> Guess | None:
    try:
        options = convert(given, model.options)
    except ValidationError:
        return None  # it needs more than we can guess
    readings = facts = 0
    newest: dict[str, Any] = {}
    for uplink in uplinks:
        said = said_by(model, uplink, options)
        if isinstance(said, Refusal) or uplink.payload == b"":  # nothing in it is no word for any model
            continue
        if isinstance(said, Facts):
            facts += 1
            continue
        entries = [said] if isinstance(said, Values) else [values for _, values, _ in said]
        if not entries or any(without_insane(values) for values in entries):
            continue
        if model.hint is not None and any(model.hint(values, options) for values in entries):
            continue  # such numbers are held back: another unit, another map
        shown = _shown(entries[-1])
        if shown:
            readings, newest = readings + 1, shown
    return Guess(model.id, given, readings, facts, len(uplinks), newest) if readings or facts else None


def _shown(values: Values) -> dict[str, Any]:
    named = ((name, getattr(values, name)) for name in values.__struct_fields__ if name in QUANTITIES)
    return {name: value for name, value in named if value is not None}


# ------------------------------------------------------------------------------------------------- any JSON


@cache
def _spoken() -> dict[str, str]:
    """Return what people call a quantity, its unit left out: pm10 -> pm10_ug_m3. The shortest name is the plainest."""
    names: dict[str, str] = {}
    for quantity in sorted(QUANTITIES, key=len):
        parts = quantity.split("_")
        for length in range(1, len(parts) + 1):
            names.setdefault("".join(parts[:length]), quantity)
    return names


def _options_of_plain(uplinks: Sequence[Uplink]) -> tuple[dict[str, Any], ...]:
    """Guess which members of a JSON object are which quantities; a person must look at the units."""
    fields: dict[str, str] = {}
    for uplink in uplinks:
        members = uplink.values
        if members is None:
            try:
                members = json.decode(uplink.payload or b"", type=dict[str, Any])
            except (ValueError, RecursionError):
                continue
        for name, value in members.items():
            quantity = _spoken().get(name.lower().replace("_", "").replace(".", ""))
            if quantity and isinstance(value, int | float) and quantity not in fields.values():
                fields[name] = quantity
    return ({"family": "dust", "fields": fields},) if fields else ()
