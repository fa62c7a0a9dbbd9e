"""Reads the captures that stand beside each model: frames, and what they mean.

By hand, `python -m tests.devices.captures` puts the table of supported devices into README.md.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from devices import catalogue
from devices.models import Model

FOLDER = Path(__file__).resolve().parents[2] / "devices" / "models"


class Capture(NamedTuple):
    """One frame: either `refuse` (its reason), or `facts`, or what is expected of the one reading."""

    model: Model
    note: str
    payload: bytes
    port: int | None
    options: Any
    expect: dict[str, Any]
    time: str | None
    span: str
    flags: str | None
    refuse: str | None
    facts: bool


@cache
def captures() -> list[Capture]:
    """Read all of them."""
    return [_capture(model, entry) for model in catalogue.MODELS.values() for entry in _entries(model)]


def counts() -> dict[str, int]:
    """How many stand beside each model."""
    return {model.id: len(_entries(model)) for model in catalogue.MODELS.values()}


def options_of(model: Model) -> list[Any]:
    """Return every set of options that its captures have, once each: all variants of a codec."""
    found: list[Any] = []
    for capture in captures():
        if capture.model is model and capture.options not in found:
            found.append(capture.options)
    return found


def _entries(model: Model) -> list[dict[str, Any]]:
    path = FOLDER / f"{model.id.replace('-', '_')}.captures.yaml"
    if not path.exists():  # test_captures says so, and the other models' tests go on
        return []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C: ten times as fast
    entries: list[dict[str, Any]] = yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - it is a safe one
    return entries


def _capture(model: Model, entry: dict[str, Any]) -> Capture:
    known = {
        "note",
        "source",
        "fport",
        "frame",
        "text",
        "options",
        "expect",
        "time",
        "span",
        "flags",
        "refuse",
        "facts",
    }
    assert entry.keys() <= known, entry.keys() - known
    return Capture(
        model=model,
        note=entry["note"],
        payload=entry["text"].encode() if "text" in entry else bytes.fromhex(entry["frame"]),
        port=entry.get("fport"),
        options=msgspec.convert(entry.get("options", {}), model.options, strict=False),
        expect=entry.get("expect", {}),
        time=entry.get("time"),
        span=entry.get("span", ""),
        flags=entry.get("flags"),
        refuse=entry.get("refuse"),
        facts=entry.get("facts", False),
    )


def write_readme(readme: Path) -> None:
    """Put the table of supported devices in the place of the old one."""
    text = readme.read_text(encoding="utf-8")
    table = catalogue.supported_table(counts())
    readme.write_text(
        re.sub(r"^\| model \| family \|.*\n(\|.*\n)+", lambda _: table, text, flags=re.MULTILINE), encoding="utf-8"
    )


if __name__ == "__main__":
    write_readme(FOLDER.parents[1] / "README.md")
