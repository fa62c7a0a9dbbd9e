"""The schemas for editors are those of the models, and say what every key means."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import structs

from config.schema import CitywardSettings, DevicesFile, RulesFile
from config.schemas import KINDS, classes, path_of, schemas
from config.words import words_of
from devices import catalogue


def test_they_are_up_to_date() -> None:
    for path, text in schemas().items():
        assert path.read_text() == text, "run `python -m config.schemas`"


def keys() -> list[tuple[type[Any], str]]:
    found: dict[tuple[type[Any], str], None] = {}
    for kind in (CitywardSettings, DevicesFile, RulesFile):
        for each in classes(kind):
            fields = {name: field.alias or name for name, field in each.model_fields.items()}
            found |= dict.fromkeys((each, key) for key in ("", *fields.values()))
    for model in catalogue.MODELS.values():
        for each in classes(model.options):
            found |= dict.fromkeys((each, field.name) for field in structs.fields(each))
    return list(found)


def test_every_key_is_explained_in_both_languages() -> None:
    for kind, key in keys():
        words = words_of(kind, key)
        assert words is not None, f"write in config/words.py what {kind.__name__}.{key} means, then run config.schemas"
        chinese, english = words
        assert re.search(r"[\u4e00-\u9fff]|^[\x20-\x7e]+$", chinese), (kind, key)
        assert re.search(r"[a-z]", english), (kind, key)


@pytest.mark.parametrize("kind", KINDS)
def test_they_know_what_an_editor_reads(kind: str) -> None:
    schema = json.loads(path_of(kind).read_text())
    assert schema["additionalProperties"] is False
    if kind == "cityward":
        protocol = schema["$defs"]["MqttSettings"]["properties"]["protocol"]
        assert protocol["enum"] == ["5", "3.1.1", 5], "an editor takes `protocol: 5` for a number"


TYPES: dict[str, Any] = {
    "string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip


def marks(  # noqa: C901 - a line for each word
    schema: dict[str, Any], value: object, whole: dict[str, Any] | None = None
) -> list[str]:
    """Say what an editor marks: the words of JSON Schema 2020-12 that our schemas use, and no others."""
    whole = whole or schema
    known = {"$defs", "$schema", "description", "enumDescriptions", "discriminator", "minLength", "pattern", "format"}
    found: list[str] = []
    kinds = schema.get("type")
    if kinds and not isinstance(value, tuple(TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))):
        return [f"{value!r} is no {kinds}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{value!r} is not one of them")
    if "$ref" in schema:
        found += marks(whole["$defs"][schema["$ref"].rpartition("/")[2]], value, whole)
    some = [marks(one, value, whole) for one in schema.get("anyOf", schema.get("oneOf", []))]
    if some and all(some):
        found += some[0]
    for one in schema.get("allOf", []):
        found += marks(one, value, whole)
    if "if" in schema and not marks(schema["if"], value, whole):
        found += marks(schema["then"], value, whole)
    if isinstance(value, dict):
        found += [f"{key} is missing" for key in schema.get("required", []) if key not in value]
        for key, below in value.items():
            more = schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
            found += [f"{key} is unknown"] if more is False else [] if more is True else marks(more, below, whole)
    if isinstance(value, list):
        for number, below in enumerate(value):
            each = [*schema.get("prefixItems", []), *[schema.get("items", {})] * len(value)][number]
            found += marks(each, below, whole)
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(value, int | float) and ((low is not None and value < low) or (high is not None and value > high)):
        found.append(f"{value} is not between {low} and {high}")
    used = {"type", "enum", "$ref", "anyOf", "oneOf", "allOf", "if", "then", "required", "properties", "items"}
    used |= {"additionalProperties", "prefixItems", "minimum", "maximum", "minItems", "maxItems", "const"}
    assert schema.keys() <= used | known, schema.keys() - used - known
    return found


@pytest.mark.parametrize("name", ["cityward.yaml", "devices.d/gulou.yaml", "rules.d/*.yaml"])
def test_nothing_is_marked_in_the_example(root: Path, name: str) -> None:
    schema = json.loads(path_of(name.partition(".")[0]).read_text())
    paths = list((root / "deploy" / "example").glob(name))
    assert paths
    for path in paths:
        assert marks(schema, yaml.safe_load(path.read_text())) == [], path


def wrong(device: dict[str, Any]) -> list[str]:
    known = {"id": "a", "address": "eui:0000000000000001", "interval": "6 h"}
    return marks(json.loads(path_of("devices").read_text()), {"devices": [known | device]})


def test_an_editor_marks_wrong_models_and_options() -> None:
    assert wrong({"model": "milesight-iot", "options": {"variant": "em310-tilt"}}) == []
    assert wrong({"model": "hj212-dust", "options": {"pm_unit": "ug_m3", "pw": 123456}}) == []
    assert wrong({"model": "milesight"}) == ["'milesight' is not one of them"]
    assert wrong({"model": "milesight-iot", "options": {"varaint": "em310-tilt"}}) == ["varaint is unknown"]
    assert wrong({"model": "bosch-tps110", "options": {"variant": "x"}}) == ["variant is unknown"]
    assert wrong({"model": "decentlab", "options": {"variant": "x"}}) == ["'x' is not one of them"]
