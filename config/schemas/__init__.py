"""JSON Schemas of the three kinds of files, for editors: completion, and marks while typing.

Made of the pydantic models: `python -m config.schemas` writes them again. In a file they are named by its first line,
`# yaml-language-server: $schema=…/devices.schema.json`.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from config.schema import CitywardSettings, DevicesFile, RulesFile

FOLDER = Path(__file__).parent
KINDS: dict[str, type[BaseModel]] = {"cityward": CitywardSettings, "devices": DevicesFile, "rules": RulesFile}


def schemas() -> dict[Path, str]:
    """Return the content of every schema file."""
    return {FOLDER / f"{name}.schema.json": _text(kind) for name, kind in KINDS.items()}


def _text(kind: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.model_json_schema(by_alias=True)}
    return json.dumps(_for_editors(schema), ensure_ascii=False, indent=1) + "\n"


def _for_editors(part: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Leave out what only repeats names; accept the number `5`, as an editor reads it, where the text "5" is meant."""
    if isinstance(part, list):
        return [_for_editors(one) for one in part]
    if not isinstance(part, dict):
        return part
    part = {key: _for_editors(value) for key, value in part.items() if key not in ("title", "default")}
    if "enum" in part:
        part["enum"] += [int(word) for word in part["enum"] if str(word).isdigit()]
        part.pop("type", None)
    return part
