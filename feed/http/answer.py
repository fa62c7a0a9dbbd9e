"""How endpoints answer: JSON, unless they say otherwise."""

from collections.abc import Mapping

from starlette.responses import Response

from feed.wire import json_of

JSON = "application/json"


def answer(what: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with something as JSON; bytes: it is JSON already."""
    return Response(what if isinstance(what, bytes) else json_of(what), status, headers, JSON)
