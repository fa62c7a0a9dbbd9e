"""Why an alarm is as it is: JSON, text, or a page that needs nothing else."""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from feed.explain import explain
from feed.explain_page import CSP, page
from feed.explain_text import text_of
from feed.http import openapi, problems
from feed.http.beside import Once
from feed.http.gateway import Gateway
from feed.http.peers import Peer
from feed.http.problems import ProblemError
from feed.wire import json_of
from store.proofs import ProofReader

_TYPES = {"json": "application/json", "text": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8"}


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoint."""
    readers = Once(1, "feed-explain")

    @app.get("/api/v1/alarms/{alarm:path}/explain", responses=openapi.answers("Explanation", 404))
    async def explained(
        request: Request,
        alarm: str,
        event: Annotated[int | None, Query(ge=1, le=2**53 - 1)] = None,
        format: Literal["json", "text", "html"] = "json",  # noqa: A002 - the name of the parameter
        lang: Literal["zh", "en"] = "zh",
    ) -> Response:
        """Say what an alarm rests on: the event with this number, else the last that judges.

        The bytes of frames, which may hold passwords of stations, are shown over the Unix socket only.
        """
        peer: Peer = request.state.peer

        def read() -> bytes | None:
            with ProofReader(gateway.hub.book) as book:
                found = explain(book, alarm, event, payloads=peer.over_socket)
            if found is None or format == "json":
                return None if found is None else json_of(found)
            return (page(found, lang) if format == "html" else text_of(found, lang)).encode()

        written = await readers.once((alarm, event, format, lang, peer.over_socket), read)
        if written is None:
            raise ProblemError(problems.no_such_alarm(alarm[: problems.SHOWN], "no event of it that judges is kept"))
        headers = {"content-security-policy": f"{CSP}; frame-ancestors 'none'"} if format == "html" else {}
        return Response(written, headers=headers, media_type=_TYPES[format])
