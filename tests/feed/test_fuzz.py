"""Requests made of the API's own description: whatever comes, the answer is one that the description promises."""

import json
import random
import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from feed.bays import BaysPage
from feed.behind import Reloaded
from feed.devices import DevicesPage
from feed.explain import Explanation
from feed.wire import AlarmsPage, AlarmView, EventsPage
from tests.feed.room import Reply, Room, tilted

SHAPES = {
    shape.__name__: msgspec.json.Decoder(shape, strict=True).decode
    for shape in (AlarmsPage, AlarmView, EventsPage, DevicesPage, BaysPage, Reloaded, Explanation)
}
WORDS = [
    "",
    "0",
    "-1",
    "500",
    "501",
    "1e3",
    "x",
    "报警",
    "%00",
    "%2F",
    "a" * 300,
    "a@b/c",
    "[]",
    "{}",
    "\\",
    "'",
    "..",
    "%zz",
]
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    7,
    10**25,
    1.5,
    "",
    "张三",
    "a\x00b",
    "\ud800",
    "x" * 2_000,
    [],
    {},
    [[]],
    {"a": 1},
]


@pytest.fixture
def openapi(room: Room) -> dict[str, Any]:
    room.tell(*[tilted(f"mh-{n}") for n in range(3)])
    described: dict[str, Any] = room.get("/api/v1/openapi.json").json
    return described


def test_the_description_holds_together(openapi: dict[str, Any]) -> None:
    """Every reference leads somewhere; that every endpoint is there says test_openapi."""
    assert openapi["openapi"].startswith("3.1")
    schemas = openapi["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([\w.]+)"', json.dumps(openapi)):
        assert name in schemas


def check(reply: Reply, promised: dict[str, Any], asked: str) -> None:
    assert str(reply.status) in promised, f"{asked}: {reply.status} {reply.body[:200]!r}"
    if reply.status >= 400:
        assert reply.problem
        return
    schema = promised["200"]["content"]["application/json"]["schema"]["$ref"]
    SHAPES[schema.rpartition("/")[2]](reply.body)


def test_reading_with_any_query(room: Room, openapi: dict[str, Any]) -> None:
    dice = random.Random(3)
    reading = ["/api/v1/alarms", "/api/v1/events", "/api/v1/devices", "/api/v1/bays"]
    for _ in range(300):
        path = dice.choice(reading)
        query = "&".join(f"{dice.choice(['after', 'limit', 'x'])}={_quoted(dice)}" for _ in range(dice.randrange(4)))
        check(room.get(f"{path}?{query}"), openapi["paths"][path]["get"]["responses"], f"{path}?{query}")


def test_commanding_with_any_body(room: Room, openapi: dict[str, Any]) -> None:
    dice = random.Random(4)
    known = "cover-tilted@mh-1/tilt_deg"
    for _ in range(400):
        kind = dice.choice(["ack", "reset"])
        alarm = dice.choice([known, known, _quoted(dice) or "x"])
        body: Any = {"user": "a", "occurrence": dice.choice([0, 101, 102, 103, 999]), "command_id": str(dice.random())}
        for _ in range(dice.randrange(3)):
            body[dice.choice(["user", "occurrence", "command_id", "comment", "other"])] = dice.choice(VALUES)
        raw = json.dumps(dice.choice([body, body, body, dice.choice(VALUES)])).encode()
        if dice.random() < 0.2:
            raw = raw[: dice.randrange(len(raw) + 1)] + bytes(dice.randrange(256) for _ in range(dice.randrange(4)))
        headers = {"content-type": "application/json"}
        reply = room.ask_http("POST", f"/api/v1/alarms/{alarm}/{kind}", raw, headers)
        promised = openapi["paths"][f"/api/v1/alarms/{{alarm}}/{kind}"]["post"]["responses"]
        check(reply, promised, f"{alarm} {kind} {raw!r}")


def test_asking_why_with_any_words(room: Room, openapi: dict[str, Any]) -> None:
    dice = random.Random(5)
    promised = openapi["paths"]["/api/v1/alarms/{alarm}/explain"]["get"]["responses"]
    for _ in range(200):
        alarm = dice.choice(["cover-tilted@mh-1/tilt_deg", _quoted(dice) or "x"])
        asked = [f"{dice.choice(['event', 'lang', 'x'])}={_quoted(dice)}" for _ in range(dice.randrange(3))]
        path = f"/api/v1/alarms/{alarm}/explain?{'&'.join(asked)}"
        check(room.get(path), promised, path)


def test_nesting_without_end_is_a_wrong_request(room: Room) -> None:
    raw = b"[" * 16_000
    assert room.ask_http("POST", "/api/v1/alarms/a@b/ack", raw, {"content-type": "application/json"}).status == 400


def _quoted(dice: random.Random) -> str:
    word = dice.choice(WORDS)
    return word if word.startswith("%") else quote(word, safe="@/")
