"""docs/asyncapi.yaml: it is AsyncAPI 3 in itself, and real messages from a real broker are as it says.

The document was also held against the official JSON Schema of AsyncAPI 3.0.0 (asyncapi/spec-json-schemas) when it was
written; that file has 400 kB and stays out of this repository, so its structure is looked at by hand here.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from msgspec.structs import fields

from feed.mqtt_commands import Order
from feed.wire import AlarmView, EventView
from tests.feed.feeds_room import Message, listener, order, signed, wait_for
from tests.feed.room import Room, tilted
from tests.feed.test_mqtt_feed import COMMANDS, REPLIES, STATE, STATUS, Place
from tests.servers import mosquitto

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(root: Path) -> Json:
    read: Json = yaml.safe_load((root / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    return read


def at(document: Json, reference: str) -> Json:
    assert reference.startswith("#/"), reference
    found: Any = document
    for step in reference[2:].split("/"):
        found = found[step]
    assert isinstance(found, dict)
    return found


def references(part: Any) -> list[str]:  # noqa: ANN401 - JSON
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [one for value in part.values() for one in references(value)]
    return [one for value in part for one in references(value)] if isinstance(part, list) else []


def validator(document: Json, message: str) -> Draft202012Validator:
    payload = document["components"]["messages"][message]["payload"]
    Draft202012Validator.check_schema(payload)
    return Draft202012Validator({**payload, "components": document["components"]})


def matches(document: Json, channel: str, topic: str) -> bool:
    """Whether a topic is one of a channel's; `root` has several levels, the other parameters one."""
    address = re.escape(document["channels"][channel]["address"]).replace(r"\{", "{").replace(r"\}", "}")
    pattern = re.sub(r"{(\w+)}", lambda name: ".+" if name[1] == "root" else "[^/+#]+", address)
    return re.fullmatch(pattern, topic) is not None


# -------------------------------------------------------------------------------------------- the document itself


def test_it_is_asyncapi_3(document: Json) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert set(document) <= {
        "asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components",
    }  # fmt: skip
    assert {"title", "version"} <= set(document["info"])
    for server in document["servers"].values():
        assert {"host", "protocol"} <= set(server)
    for reference in references(document):
        at(document, reference)


def test_channels_and_operations_fit_together(document: Json) -> None:
    used = set()
    for name, channel in document["channels"].items():
        assert set(channel) <= {"address", "title", "description", "messages", "parameters"}, name
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])
        for parameter in channel["parameters"].values():
            described = at(document, parameter["$ref"]) if "$ref" in parameter else parameter
            assert set(described) == {"description"}
    for name, operation in document["operations"].items():
        assert operation["action"] in {"send", "receive"}, name
        here = operation["channel"]["$ref"]
        used.add(here.rpartition("/")[2])
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{here}/messages/"), "a message of its own channel"
        if "reply" in operation:
            used.add(operation["reply"]["channel"]["$ref"].rpartition("/")[2])
        binding = operation["bindings"]["mqtt"]
        assert (binding["qos"], set(binding)) == (1, {"qos", "retain", "bindingVersion"})
    assert used == set(document["channels"])


def test_schemas_are_schemas(document: Json) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("schema", "kind"), [("Alarm", AlarmView), ("Event", EventView), ("Command", Order)])
def test_no_field_is_forgotten(document: Json, schema: str, kind: type) -> None:
    described = document["components"]["schemas"][schema]
    assert set(described["properties"]) == {field.name for field in fields(kind)}
    needed = {field.name for field in fields(kind) if field.required}
    assert set(described["required"]) == needed


# ----------------------------------------------------------------------------------------------- real messages


def test_what_a_broker_brings_is_as_described(document: Json, room: Room, tmp_path: Path) -> None:
    """Alarms come and go, a command is carried out, one is refused, one is not signed, the gateway stops."""
    commands = [signed(order(occurrence=0)), b"unsigned"]
    with mosquitto(tmp_path / "broker") as broker, listener(broker.port) as heard:
        place = Place(room, broker, tmp_path)
        with place.fed():
            alarm = tilted()
            room.tell(alarm, tilted("mh-2", site="云龙湖二期", value=True, unit="", limit=None, quantity=None))
            wait_for(lambda: STATE in heard.standing())
            commands.append(signed(order(occurrence=heard.standing()[STATE]["occurrence"])))
            for command in commands:
                heard.send(COMMANDS, command)
            wait_for(lambda: len(heard.on(REPLIES)) == 3)
            alarm.active = False
            room.tell(alarm, kind="returned")
            wait_for(lambda: not heard.states()[STATE].payload)
        wait_for(lambda: heard.on(STATUS)[-1].json["data"]["why"] == "stopped")
        messages: list[Message] = list(heard.messages)
    found: dict[str, int] = {}
    for message in messages:
        [channel] = [name for name in document["channels"] if matches(document, name, message.topic)]
        possible = list(document["channels"][channel]["messages"])
        kind = "over" if channel == "state" and not message.payload else possible[0]
        found[kind] = found.get(kind, 0) + 1
        if kind == "over" or message.payload == b"unsigned":
            continue
        validator(document, kind).validate(message.json)
        if kind == "command":
            text = json.loads(message.json["signed"])
            whole = {"$ref": "#/components/schemas/Command", "components": document["components"]}
            Draft202012Validator(whole).validate(text)
    assert set(found) == set(document["components"]["messages"])
    assert found["reply"] == 3


@pytest.mark.parametrize(
    ("message", "spoilt"),
    [
        ("event", {"sequence": "1"}),
        ("event", {"type": "cn.cityward.status.v1"}),
        ("event", {"data": {}}),
        ("event", {"id": None}),
        ("status", {"specversion": "0.3"}),
    ],
)
def test_a_spoilt_message_is_not_as_described(
    document: Json, room: Room, tmp_path: Path, message: str, spoilt: Json
) -> None:
    """The schemas can fail."""
    with mosquitto(tmp_path / "broker") as broker, listener(broker.port) as heard:
        place = Place(room, broker, tmp_path)
        with place.fed():
            room.tell(tilted())
            wait_for(lambda: heard.on(f"{STATUS.removesuffix('/status')}/alarm/events"))
        topic = STATUS if message == "status" else f"{STATUS.removesuffix('/status')}/alarm/events"
        good = heard.on(topic)[0].json
    check = validator(document, message)
    assert check.is_valid(good)
    assert not check.is_valid(good | spoilt)
