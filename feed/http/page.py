"""The console's files, read once and kept compressed. They are built out of feed/console, committed, and open to all.

A chunk carries the hash of its content in its name and never changes; the others are asked for anew each time, and
answered by 304 while they are the same.
"""

import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import PurePath

from fastapi import FastAPI
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HASHED = re.compile(r"-[A-Z0-9]{8}\.js")


class PageFile(Struct, frozen=True):
    """One file; `packed` is the same by gzip."""

    media_type: str
    cached: str
    etag: str
    body: bytes
    packed: bytes

    def answer(self, request: Request) -> Response:
        """Send it as the browser can take it, or say that it has it."""
        headers = {"cache-control": self.cached, "etag": self.etag, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, media_type=self.media_type, headers=headers | {"content-encoding": "gzip"})
        return Response(self.body, media_type=self.media_type, headers=headers)


def page_files() -> dict[str, PageFile]:
    """Read the files, by path."""
    found: dict[str, PageFile] = {}
    for file in (files("feed") / "static").iterdir():
        body = file.read_bytes()
        found["/" if file.name == "index.html" else f"/{file.name}"] = PageFile(
            media_type=MEDIA_TYPES[PurePath(file.name).suffix],
            cached="public, max-age=31536000, immutable" if _HASHED.search(file.name) else "no-cache",
            etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
            body=body,
            packed=gzip.compress(body, mtime=0),
        )
    return found


def add(app: FastAPI) -> None:
    """Add each file as a route of its own: what has no route is not here."""
    for path, file in page_files().items():
        app.add_route(path, _endpoint(file), include_in_schema=False)


def _endpoint(file: PageFile) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return file.answer(request)

    return endpoint
