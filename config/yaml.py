"""Reads YAML so that every word of it knows its place.

Scalars stay text: `00012345`, `no` and `12:30` mean what they look like until the schema gives them a type. What is
empty, `~` or `null` is None. PyYAML's C parser makes the events; composing them here keeps a hostile file from
exhausting the stack (nesting) or the memory (aliases of aliases).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from config.problems import Problem
from config.regular import open_regular

MAX_BYTES = 16 << 20  # a file of 10,000 devices has 2 MiB
MAX_NODES = 3_000_000  # 10,000 devices have 260,000
MAX_DEPTH = 30

_NOTHING = ("", "~", "null")
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")
FULL_WIDTH = dict(zip("：，“”【】｛｝（）", ':,""[]{}()', strict=True))

Path_ = Sequence[str | int]


class Node(Struct, gc=False):
    """Where one value stands.

    line, column  counted from 1
    key           where its key stands, for a value of a mapping
    plain         a scalar without quotes
    inside        nodes of a mapping's values by key, or of a list's entries
    """

    line: int
    column: int
    key: tuple[int, int] | None = None
    plain: bool = False
    inside: "dict[str, Node] | list[Node] | None" = None

    def below(self, step: str | int) -> "Node | None":
        """Return the node of a key or an index."""
        inside = self.inside
        if isinstance(inside, dict):
            return inside.get(step) if isinstance(step, str) else None
        return inside[step] if inside and isinstance(step, int) and step < len(inside) else None


class Document(Struct):
    """One file: its data (dict, list, str, None), the places of these, and what is wrong with it as YAML."""

    file: str
    data: Any
    root: Node
    problems: list[Problem]

    def node(self, path: Path_) -> Node:
        """Return the deepest node on the path."""
        return self._walk(path)[0]

    def problem(
        self,
        path: Path_,
        code: str,
        parameters: Mapping[str, object] | None = None,
        *,
        at_key: bool = False,
        warning: bool = False,
    ) -> Problem:
        """Make a problem of what stands at the path, or nearest above it; `at_key` points at the key itself."""
        node, complete = self._walk(path)
        line, column = node.key if at_key and complete and node.key else (node.line, node.column)
        return Problem(
            file=self.file, line=line, column=column, code=code, parameters=dict(parameters or {}), warning=warning
        )

    def _walk(self, path: Path_) -> tuple[Node, bool]:
        node = self.root
        for step in path:
            below = node.below(step)
            if below is None:
                return node, False
            node = below
        return node, True


def read(file: Path) -> Document:
    """Read one file. Whatever is wrong with it is in the document's problems; then its data may be incomplete.

    Raises OSError when the file cannot be read.
    """
    with open_regular(file) as stream:
        content = stream.read(MAX_BYTES + 1)
    return parse(str(file), content)


def parse(name: str, content: bytes) -> Document:
    """Read the content of a file; `name` is what problems call it."""
    document = Document(file=name, data=None, root=Node(1, 1), problems=[])
    if len(content) > MAX_BYTES:
        document.problems.append(document.problem((), "too_big", {"size": MAX_BYTES >> 20}))
        return document
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode()) + 1
        problem = Problem(file=name, line=line, column=column, code="not_utf8", parameters={})
        document.problems.append(problem)
        return document
    tabs = _tabs(name, text)
    if tabs:
        document.problems += tabs
        return document
    try:
        _Composer(document, text).compose()
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax(name, text, error))
    except yaml.reader.ReaderError as error:
        before_text = text[: error.position]
        line, column = before_text.count("\n") + 1, len(before_text.rpartition("\n")[2]) + 1
        parameters = {"character": f"U+{ord(text[error.position]):04X}" if error.position < len(text) else "?"}
        document.problems.append(Problem(file=name, line=line, column=column, code="control", parameters=parameters))
    except _TooMuch as error:
        document.problems.append(error.problem)
    return document


class _TooMuch(Exception):  # noqa: N818 - it only carries the problem up
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Composer:
    """Makes data and nodes of one document's events."""

    def __init__(self, document: Document, text: str) -> None:
        self.document = document
        self.next = yaml.CSafeLoader(text).get_event
        self.anchors: dict[str, tuple[Any, Node, int]] = {}
        self.count = 0

    def compose(self) -> None:
        self.next()  # the stream's start
        event = self.next()
        if not isinstance(event, yaml.DocumentStartEvent):
            return  # nothing in the file
        self.document.data, self.document.root = self._value(self.next(), 0)
        self.next()  # the document's end
        event = self.next()
        if isinstance(event, yaml.DocumentStartEvent):
            self._report(event, "second_document")

    def _value(self, event: Any, depth: int) -> tuple[Any, Node]:  # noqa: ANN401 - PyYAML has no types for its events
        mark = event.start_mark
        node = Node(mark.line + 1, mark.column + 1)
        self.count += 1
        if self.count > MAX_NODES or depth > MAX_DEPTH:
            raise _TooMuch(self._problem(event, "too_much" if depth <= MAX_DEPTH else "too_deep"))
        if type(event) is yaml.AliasEvent:
            return self._alias(event)
        before = self.count
        data: Any
        if event.tag not in _TEXT_TAGS:
            self._report(event, "tag", tag=event.tag)
        if type(event) is yaml.ScalarEvent:
            node.plain = event.style is None or event.style == ""
            data = None if node.plain and event.value in _NOTHING else event.value
        elif type(event) is yaml.MappingStartEvent:
            data = self._mapping(node, depth)
        else:
            data = self._list(node, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = data, node, self.count - before
        return data, node

    def _mapping(self, node: Node, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        inside: dict[str, Node] = {}
        while type(key := self.next()) is not yaml.MappingEndEvent:
            if type(key) is not yaml.ScalarEvent:
                self._report(key, "key")
                self._value(key, depth + 1)
                self._value(self.next(), depth + 1)
                continue
            value, place = self._value(self.next(), depth + 1)
            mark: Any = key.start_mark
            if key.value in data:
                first = inside[key.value].key
                self._report(key, "duplicate_key", key=key.value, first=first[0] if first else 0)
                continue
            data[key.value] = value
            inside[key.value] = Node(
                place.line, place.column, (mark.line + 1, mark.column + 1), place.plain, place.inside
            )
        node.inside = inside
        return data

    def _list(self, node: Node, depth: int) -> list[Any]:
        data, inside = [], []
        while type(event := self.next()) is not yaml.SequenceEndEvent:
            value, place = self._value(event, depth + 1)
            data.append(value)
            inside.append(place)
        node.inside = inside
        return data

    def _alias(self, event: Any) -> tuple[Any, Node]:  # noqa: ANN401 - as above
        if event.anchor not in self.anchors:
            self._report(event, "alias", name=event.anchor)
            return None, Node(event.start_mark.line + 1, event.start_mark.column + 1)
        data, node, size = self.anchors[event.anchor]
        self.count += size
        return data, node

    def _problem(self, event: Any, code: str, **parameters: object) -> Problem:  # noqa: ANN401 - as above
        mark = event.start_mark
        return Problem(
            file=self.document.file, line=mark.line + 1, column=mark.column + 1, code=code, parameters=parameters
        )

    def _report(self, event: Any, code: str, **parameters: object) -> None:  # noqa: ANN401 - as above
        self.document.problems.append(self._problem(event, code, **parameters))


def _tabs(name: str, text: str) -> list[Problem]:
    """Find the lines that are indented with tabs: what YAML forbids and editors hide."""
    if "\t" not in text:
        return []
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        indent = re.match(r" *\t\s*(?=[^\s#])", line)
        if indent:
            column = line.index("\t") + 1
            problems.append(Problem(file=name, line=number, column=column, code="tab", parameters={}))
    return problems


def _syntax(name: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    number, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.split("\n")
    # The parser notices a missing colon only on the line after it.
    for near in (number, number - 1):
        line = lines[near] if 0 <= near < len(lines) else ""
        found = [(at, mark_) for at, mark_ in enumerate(line) if mark_ in FULL_WIDTH and "#" not in line[:at]]
        if found:
            at, character = found[0]
            parameters = {"character": character, "ascii": FULL_WIDTH[character]}
            return Problem(file=name, line=near + 1, column=at + 1, code="full_width", parameters=parameters)
    what = " ".join(part for part in (error.context, error.problem) if part)
    return Problem(file=name, line=number + 1, column=column + 1, code="syntax", parameters={"what": what})
