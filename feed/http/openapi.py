"""The OpenAPI description: FastAPI's own, and the shapes that msgspec encodes."""

from typing import Any

import msgspec
from fastapi import FastAPI
from msgspec import Struct

from feed.bays import BaysPage, PermitsPage
from feed.behind import InboxPage, InForce, Refiled
from feed.devices import DevicesPage
from feed.explain import Explanation
from feed.frames import FramesPage
from feed.http.knowing import COOKIE
from feed.kpi_view import KpiView
from feed.wire import AlarmsPage, AlarmView, EventsPage, EventView
from store.ledger import Ledger

_WHY = {
    403: "role, token or door do not do that",
    404: "no such alarm",
    409: "a newer activation or a higher priority than the person saw; lists too old to sign; nothing to go back to",
    410: "too old or foreign: with a full picture, as AlarmsPage",
    422: "not now: the condition is still there; another command had this id; wrong configuration (with its problems)",
    503: "too many streams",
    504: "no answer yet: send it again with the same command_id",
}

Answers = dict[int | str, dict[str, Any]]


_SHAPES: dict[str, type[Struct]] = {}  # that endpoints answer with, by their names


def answers(shape: type[Struct] | str, *refusals: int) -> Answers:
    """Describe an endpoint that answers with this shape or one of these problems."""
    if not isinstance(shape, str):
        _SHAPES[shape.__name__] = shape
        shape = shape.__name__
    good = {"description": "done", "content": {"application/json": {"schema": _ref(shape)}}}
    return {200: good, **_problems(400, *refusals)}


def stream_answers() -> Answers:
    """Describe the event stream."""
    text = "event `alarm`: an EventView, with its position as id; event `heartbeat`: {last}"
    return {200: {"description": text, "content": {"text/event-stream": {}}}, **_problems(410, 503)}


def describe(app: FastAPI) -> None:
    """Add our shapes to the description that FastAPI makes."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            shapes = [
                AlarmView,
                EventView,
                AlarmsPage,
                EventsPage,
                DevicesPage,
                BaysPage,
                PermitsPage,
                Ledger,
                FramesPage,
                InboxPage,
                Refiled,
                InForce,
                Explanation,
                KpiView,
                *_SHAPES.values(),
            ]
            _, ours = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {}).update(ours | _OTHERS)
            components["securitySchemes"] = _WHO
            schema["security"] = [{"session": []}, {"token": []}, {}]
            _complete(schema)
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way


def _ref(shape: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{shape}"}


def _problems(*statuses: int) -> Answers:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {status: {"description": _WHY.get(status, "correct the request"), "content": content} for status in statuses}


def _complete(schema: dict[str, Any]) -> None:
    """Say of every endpoint what the door may answer in its stead; FastAPI says 422 for what is a 400 here."""
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    for path in schema["paths"].values():
        for operation in path.values():
            refusal = operation["responses"].get("422", {})
            if "application/json" in refusal.get("content", {}):
                del operation["responses"]["422"]
            operation["responses"].setdefault("default", _REFUSED)


_REFUSED: dict[str, Any] = {
    "description": "refused at the door (who asks, from where, how the request is made), or it cannot be done now: "
    "the text says what to do",
    "content": {"application/problem+json": {"schema": _ref("Problem")}},
}
_WHO: dict[str, Any] = {
    "session": {
        "type": "apiKey", "in": "cookie", "name": COOKIE,
        "description": "of a person, by /api/v1/login; at the console only",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "of a program, made by an administrator"},
}  # fmt: skip
_TEXT = {"type": "object", "properties": {"zh": {"type": "string"}, "en": {"type": "string"}}}
_STRINGS = {"type": "array", "items": {"type": "string"}}
_OTHERS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "detail", "text"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "text": _TEXT,
        },
    },
    "Commissioned": {
        "type": "object",
        "required": ["device", "for_s"],
        "properties": {"device": {"type": "string"}, "for_s": {"type": "integer"}},
    },
    "Reloaded": {
        "type": "object",
        "required": ["accepted", "hash", "problems", "differs"],
        "properties": {
            "accepted": {"type": "boolean"},
            "hash": {"type": "string"},
            "problems": _STRINGS,
            "differs": {"type": "boolean"},
        },
    },
}
