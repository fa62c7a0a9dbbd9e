"""The schemas for editors are those of the models."""

import json

import pytest

from config.schemas import KINDS, schemas


def test_they_are_up_to_date() -> None:
    for path, text in schemas().items():
        assert path.read_text() == text, "run `python -m config.schemas`"


@pytest.mark.parametrize("kind", KINDS)
def test_they_know_what_an_editor_reads(kind: str) -> None:
    text = next(text for path, text in schemas().items() if path.name == f"{kind}.schema.json")
    assert json.loads(text)["additionalProperties"] is False
    if kind == "cityward":
        protocol = json.loads(text)["$defs"]["MqttSettings"]["properties"]["protocol"]
        assert protocol["enum"] == ["5", "3.1.1", 5], "an editor takes `protocol: 5` for a number"
