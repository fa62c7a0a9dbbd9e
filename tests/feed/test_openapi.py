"""The description of the API is OpenAPI 3.1, and the API is as described: schemathesis asks it through real sockets.

Over the Unix socket, where root may do everything, so that endpoints are reached and not only the door.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from requests.adapters import HTTPAdapter
from schemathesis import Case, GenerationMode, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.schemas import OpenApiSchema
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection

from feed.http.access import ASKS
from rules.records import Command
from tests.feed.room import NOW_MS, Room, eventually, tilted
from tests.feed.test_look import ALARM, fold_of

ENDLESS = "/api/v1/events/stream"
HIDDEN = {("GET", "/api/v1/openapi.json")}
DESCRIBED = {(method, path.replace(":path}", "}")) for method, path in ASKS} - HIDDEN
EXAMPLES = settings(
    max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate], database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
LENIENT = {
    "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "410", "422", "429", "503"]}
}
"""What is asked rightly and refused all the same: 410 of a foreign position, 422 of what cannot be now."""
ASKED = sorted(one for one in DESCRIBED if one[1] != ENDLESS)


class _OverSocket(HTTPAdapter):
    """Speaks HTTP over a Unix socket, whatever host is named."""

    def __init__(self, path: Path) -> None:
        super().__init__()

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                unix.settimeout(20)
                unix.connect(str(path))
                return unix

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self.poolmanager = PoolManager(4)
        self.poolmanager.pool_classes_by_scheme = {"http": Pool}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, requests.Session]]:
    """Open a control room in which something has happened."""
    with Room(tmp_path_factory.mktemp("openapi")) as room:
        room.fold = fold_of()
        permit = Command(
            at_ms=NOW_MS, id="p", kind="permit", alarm="mh-0114", occurrence=0, who="李四",
            until_ms=NOW_MS + 3_600_000, user="root", comment="清淤",
        )  # fmt: skip
        room.fold.take(2, [permit])
        room.tell(tilted(id=ALARM), tilted("mh-2", active=False, latched=True, acknowledged=True))
        eventually(lambda: room.hub.last == 2)
        session = requests.Session()
        session.mount("http://", _OverSocket(room.server.socket_path))
        yield room, session


@pytest.fixture(scope="module")
def api(described: tuple[Room, requests.Session]) -> OpenApiSchema:
    _, session = described
    document = session.get("http://localhost/api/v1/openapi.json").json()
    schema = openapi.from_dict(document, config=SchemathesisConfig.from_dict({"checks": LENIENT}))
    schema.config.update(base_url="http://localhost")
    return schema


def test_the_document_is_openapi_3_1(api: OpenApiSchema) -> None:
    assert api.raw_schema["openapi"].startswith("3.1.")
    api.validate()
    for shape in api.raw_schema["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(shape)


def test_every_endpoint_is_described(api: OpenApiSchema) -> None:
    told = {(method.upper(), path) for path, operations in api.raw_schema["paths"].items() for method in operations}
    assert told == DESCRIBED


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_it_answers_as_described(
    api: OpenApiSchema, described: tuple[Room, requests.Session], method: str, path: str
) -> None:
    """Right requests and wrong ones: what comes back is of a status, a type and a shape that stand in the document."""
    operation = api[path][method]
    raw = operation.definition.raw
    may_be_wrong = any(one["in"] == "query" for one in raw.get("parameters", ())) or "requestBody" in raw

    def ask(case: Case[Any]) -> None:
        case.call_and_validate(session=described[1], timeout=20)

    for mode in GenerationMode if may_be_wrong else [GenerationMode.POSITIVE]:
        EXAMPLES(given(operation.as_strategy(generation_mode=mode))(ask))()
