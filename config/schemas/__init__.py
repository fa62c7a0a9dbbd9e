"""JSON Schemas of the kinds of files, for editors: completion, marks while typing, and what every key means.

Made of the pydantic models, of the models' options, and of the sentences in `config.words`, Chinese, then English:
`python -m config.schemas` writes them again. In a file they are named by its first line,
`# yaml-language-server: $schema=…/devices.schema.json`.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
from pydantic import BaseModel

from config.rule_tests import RuleTestsFile
from config.schema import CitywardSettings, DevicesFile, PackFile, RulesFile
from config.words import words_of
from devices import catalogue
from devices.models import NoOptions
from devices.quantities import QUANTITIES

FOLDER = Path(__file__).parent
KINDS: dict[str, type[BaseModel]] = {
    "cityward": CitywardSettings,
    "devices": DevicesFile,
    "rules": RulesFile,
    "pack": PackFile,
    "rule-tests": RuleTestsFile,
}
REF = "#/$defs/{name}"

Part = dict[str, Any]


def path_of(kind: str) -> Path:
    """Return where a schema lies."""
    return FOLDER / f"{kind}.schema.json"


def schemas() -> dict[Path, str]:
    """Return the content of every schema file."""
    return {path_of(name): _text(kind) for name, kind in KINDS.items()}


def classes(kind: Any) -> Iterator[type[Any]]:  # noqa: ANN401 - any annotation
    """Yield the classes of settings, or of options, that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from classes(field.annotation)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for each in msgspec.structs.fields(kind):
            yield from classes(each.type)
    for part in get_args(kind):
        yield from classes(part)


def _text(kind: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.model_json_schema(by_alias=True)}
    defs: dict[str, Part] = schema.setdefault("$defs", {})
    known = {each.__name__: each for each in classes(kind)}
    if kind is DevicesFile:
        known |= _add_options(defs)
    for name, part in ((kind.__name__, schema), *defs.items()):
        _describe(part, known.get(name))
    schema = _for_editors(schema)
    for part in schema["$defs"].values():
        _name_what_there_is(part.get("properties", {}))
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def _describe(part: Part, kind: type[Any] | None) -> None:
    """Put our sentences in the place of docstrings, which are for programmers."""
    part.pop("description", None)
    if kind is None:
        return
    said = {"": part, **part.get("properties", {})}
    for key, where in said.items():
        words = words_of(kind, key)
        if words is not None:
            where["description"] = "\n".join(words)


def _add_options(defs: dict[str, Part]) -> dict[str, type[Any]]:
    """Let a device's options be those of its model. They may be spread over defaults and device: none is required."""
    by_options: dict[type[Any], list[str]] = {}
    for model in catalogue.MODELS.values():
        by_options.setdefault(model.options, []).append(model.id)
    _, found = msgspec.json.schema_components(by_options, ref_template=REF)
    for options in by_options:
        found[options.__name__].pop("required", None)
    defs |= found
    for settings in ("DefaultSettings", "DeviceSettings"):
        defs[settings]["allOf"] = [
            {
                "if": {"properties": {"model": {"enum": models}}, "required": ["model"]},
                "then": {"properties": {"options": {"$ref": REF.format(name=options.__name__)}}},
            }
            for options, models in by_options.items()
        ]
    return {each.__name__: each for options in by_options if options is not NoOptions for each in classes(options)}


def _name_what_there_is(properties: dict[str, Part]) -> None:
    """Name the models, envelopes and quantities, with what they are, for completion."""
    numbers = [name for name, one in QUANTITIES.items() if one.type in ("float", "int")]
    truths = [name for name, one in QUANTITIES.items() if one.type == "bool"]
    if "model" in properties:
        _choices(properties["model"], [(model.id, model.title) for model in catalogue.MODELS.values()])
    if "envelope" in properties:
        _choices(properties["envelope"], [(name, "") for name in catalogue.ENVELOPES])
    if "quantity" in properties and "kind" in properties:  # of a rule
        some = truths if "is" in properties else numbers
        _choices(properties["quantity"], [(name, f"{QUANTITIES[name].zh} {QUANTITIES[name].unit}") for name in some])


def _choices(part: Part, choices: Iterable[tuple[str, str]]) -> None:
    choices = list(choices)
    for name in ("anyOf", "type"):
        part.pop(name, None)
    part["enum"] = [name for name, _ in choices]
    if any(what for _, what in choices):
        part["enumDescriptions"] = [what.strip() for _, what in choices]


def _for_editors(part: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Leave out what only repeats names; accept a number, as an editor reads it, where text is meant: `pw: 123456`."""
    if isinstance(part, list):
        return [_for_editors(one) for one in part]
    if not isinstance(part, dict):
        return part
    part = {key: _for_editors(value) for key, value in part.items() if key not in ("title", "default")}
    if "enum" in part:
        part["enum"] += [int(word) for word in part["enum"] if isinstance(word, str) and word.isdigit()]
        part.pop("type", None)
    if part.get("type") == "string":
        part["type"] = ["string", "number"]
    return part
