"""The files of the one plain page, read once."""

from importlib.resources import files

_STATIC = files("feed") / "static"

PAGE_FILES: dict[str, tuple[str, bytes]] = {
    "/": ("text/html; charset=utf-8", (_STATIC / "index.html").read_bytes()),
    "/app.js": ("text/javascript; charset=utf-8", (_STATIC / "app.js").read_bytes()),
    "/style.css": ("text/css; charset=utf-8", (_STATIC / "style.css").read_bytes()),
}
