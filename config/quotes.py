"""Ids that other programs read as something else than text when they stand there without quotes.

Here scalars stay text, but the same files are read by editors, scripts and other YAML readers, of YAML 1.1 and 1.2; an
id is compared with what these write, for years.
"""

import re

from config.problems import Problem
from config.yaml import Document, Path_

_WORDS = dict.fromkeys(("true", "yes", "on"), "true") | dict.fromkeys(("false", "no", "off"), "false")
_WORDS["null"] = "null"
_BASES = {"0x": 16, "0o": 8, "0b": 2}


def read_as(text: str) -> str:
    """Return what another program makes of a text without quotes, or "" where it is the same text.

    YAML 1.1 (yaml.org/type) and the core schema of YAML 1.2.2 §10.3.2.
    """
    plain = text in (text.lower(), text.upper(), text.title())
    if plain and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if re.fullmatch(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", text):
        return text
    number = _number(text)
    return "" if number == text else number


def _number(text: str) -> str:
    """Return the number that is written in one of YAML's ways, or ""."""
    if re.fullmatch(r"0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+", text):
        return str(int(text[2:], _BASES[text[:2]]))
    if re.fullmatch(r"0[0-7]+", text):
        return str(int(text, 8))
    if re.fullmatch(r"[0-9]+(_[0-9]+)*", text):
        return str(int(text))
    return f"{float(text):.15g}" if re.fullmatch(r"[0-9]+(\.[0-9]*)?([eE]-?[0-9]+)?", text) else ""


def unquoted(document: Document, path: Path_, text: str) -> Problem | None:
    """Ask for quotes round an id at this place, where they are needed and are not there."""
    other = read_as(text)
    if not other or not document.node(path).plain:
        return None
    if re.fullmatch(r"0[0-7]+", text):
        return document.problem(path, "octal", {"value": text, "number": other})
    return document.problem(path, "read_as_date" if other == text else "read_as", {"value": text, "other": other})
