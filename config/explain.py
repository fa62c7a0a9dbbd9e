"""From what pydantic and msgspec say of a value to problems that name the line and what to write instead."""

import re
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.problems import Problem, closest, listed
from config.texts import TEXTS
from config.yaml import FULL_WIDTH, Document, Node
from devices.units import DURATION_MS, SIZE_BYTES

Step = str | int
Path = tuple[Step, ...]

SHOWN = 60  # characters of a wrong value

_CODES = {
    "dict_type": "mapping_wanted",
    "float_parsing": "number_wanted",
    "float_type": "number_wanted",
    "int_from_float": "whole_wanted",
    "int_parsing": "whole_wanted",
    "int_type": "whole_wanted",
    "list_type": "list_wanted",
    "model_attributes_type": "mapping_wanted",
    "model_type": "mapping_wanted",
    "path_type": "text_wanted",
    "string_too_short": "empty",
    "string_type": "text_wanted",
    "too_short": "empty_list",
    "tuple_type": "list_wanted",
}
"""pydantic's name of an error -> ours. Those not named here have a form of their own below, or are already ours."""


_PUNCTUATED = ("list_wanted", "mapping_wanted", "number_wanted", "whole_wanted", "point", "duration", "limit")
"""What is wrong in these ways may only have been typed with the punctuation of a Chinese keyboard."""


def of_pydantic(document: Document, prefix: Path, kind: object, error: ValidationError) -> list[Problem]:
    """Say everything that is wrong with the value at `prefix`, which was to be a `kind`."""
    return [_one(document, prefix, kind, details) for details in error.errors(include_url=False)]


def _one(document: Document, prefix: Path, kind: object, details: ErrorDetails) -> Problem:
    name, given, context = details["type"], details["input"], details.get("ctx", {})
    absent = name in ("missing", "extra_forbidden")
    path = prefix + _without_tags(document, prefix, details["loc"], last=absent)
    key = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    if name in ("missing", "union_tag_not_found"):
        path, key = (path[:-1], key) if name == "missing" else (path, "kind")
        return document.problem(path, "missing", {"key": key})
    if name == "extra_forbidden":
        code = "comma" if given is None and " " in key else "unknown_key"
        return document.problem(path, code, _among(key, _fields(kind, details["loc"][:-1])), at_key=True)
    if name == "union_tag_invalid":
        tags = re.findall(r"'([^']*)'", context["expected_tags"])
        return document.problem((*path, "kind"), "not_among", _among(context["tag"], tags))
    if given is None and name in (*_CODES, "literal_error"):
        return document.problem(path, "empty", {"key": key})
    if name == "literal_error":
        return document.problem(path, "not_among", _among(shown(given), re.findall(r"'([^']*)'", context["expected"])))
    return _of_value(document, path, _CODES.get(name, name), given, {"key": key, "what": details["msg"], **context})


def _of_value(document: Document, path: Path, code: str, given: object, parameters: dict[str, Any]) -> Problem:
    wide = FULL_WIDTH.keys() & set(given) if isinstance(given, str) and code in _PUNCTUATED else None
    if wide:
        character = min(wide)
        return document.problem(path, "full_width", {"character": character, "ascii": FULL_WIDTH[character]})
    limit = parameters.get("ge", parameters.get("le", ""))
    parameters = {"value": shown(given), "limit": limit, **parameters}
    if code in ("duration", "size"):
        code = _unit(code, shown(given), parameters)
    at = parameters.pop("at", None)
    if at:
        path, parameters["key"] = (*path, at), at
    return document.problem(path, code if code in TEXTS else "not_right", parameters)


def _among(word: str, known: Sequence[str]) -> dict[str, str]:
    return {"value": word, "guess": closest(word, known), "known": listed(known)}


def _without_tags(document: Document, prefix: Path, loc: Path, *, last: bool) -> Path:
    """Take pydantic's marks of the chosen union member out of a location; the last step may be a key that is absent."""
    node: Node | None = document.node(prefix)
    path: list[Step] = []
    for number, step in enumerate(loc):
        below = node.below(step) if node is not None else None
        if below is not None or (last and number == len(loc) - 1):
            node = below
            path.append(step)
    return tuple(path)


def _fields(kind: object, loc: Path) -> list[str]:
    """Name the keys that are known at a location."""
    kinds = [kind]
    for step in loc:
        kinds = [below for one in _members(kinds) for below in _below(one, step)]
    names = []
    for one in _members(kinds):
        if isinstance(one, type) and issubclass(one, BaseModel):
            names += [field.alias or name for name, field in one.model_fields.items()]
    return names


def _members(kinds: Iterable[object]) -> list[Any]:
    """Take Annotated and unions apart."""
    members: list[Any] = []
    for kind in kinds:
        origin = get_origin(kind)
        if origin is Annotated:
            members += _members(get_args(kind)[:1])
        elif origin in (Union, UnionType):
            members += _members(get_args(kind))
        else:
            members.append(kind)
    return members


def _below(kind: Any, step: Step) -> list[Any]:  # noqa: ANN401 - any type that an annotation can name
    if get_origin(kind) in (tuple, list) and isinstance(step, int):
        return [get_args(kind)[0]]
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    tag = kind.model_fields.get("kind")
    if tag is not None and _is_tag(tag, step):
        return [kind]
    return [field.annotation for name, field in kind.model_fields.items() if (field.alias or name) == step]


def _is_tag(field: FieldInfo, step: Step) -> bool:
    return get_origin(field.annotation) is Literal and step in get_args(field.annotation)


def shown(value: object) -> str:
    """Return a wrong value as it is shown: on one line, not too long."""
    text = "…" if isinstance(value, dict | list) else str(value).replace("\n", " ")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


_UNIT_WORDS = {
    "ms": "毫秒", "s": "sec second 秒", "min": "m mins minute 分 分钟", "h": "hr hour 时 小时", "d": "day 天 日",
    "KiB": "k kb kib", "MiB": "mb mib 兆", "GiB": "g gb gib", "TiB": "t tb tib",
}  # fmt: skip
_MEANT = {word: unit for unit, words in _UNIT_WORDS.items() for word in words.split()}


def _unit(code: str, text: str, parameters: dict[str, Any]) -> str:
    """Find out what was meant by a duration or a size that is none: the exact code, and a guess into the parameters."""
    units = DURATION_MS if code == "duration" else SIZE_BYTES
    parameters |= {"example": "60 s" if code == "duration" else "4 GiB", "guess": ""}
    clock = re.fullmatch(r"([0-9]+):([0-9]{2})(?::[0-9]{2})?", text)
    if clock and code == "duration":
        parameters["guess"] = f"{int(clock[1]) * 60 + int(clock[2])} min"
        return "duration_clock"
    number = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(.*?)\s*", text)
    if number is None:
        return code
    if not number[2]:
        parameters["example"] = f"{number[1]} {'min' if code == 'duration' else 'MiB'}"
        return f"{code}_bare"
    word = number[2].lower()
    unit = _MEANT.get(word) or _MEANT.get(word.removesuffix("s"), "")
    if unit in units and unit != number[2]:
        parameters["guess"] = f"{number[1]} {unit}"
    return code


# --------------------------------------------------------------------------------------------- options of a model

_MSGSPEC_PATH = re.compile(r"(?P<what>.*?) - at `(?:key in )?\$(?P<path>[^`]*)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_ABSENT = re.compile(r"Object missing required field `(.*)`")


def of_msgspec(document: Document, prefix: Path, options: type[msgspec.Struct], message: str) -> Problem:
    """Say what msgspec found first in the options at `prefix`."""
    match = _MSGSPEC_PATH.fullmatch(message)
    what, steps = (match["what"], match["path"]) if match else (message, "")
    path: Path = prefix + tuple(
        int(index) if index else name for name, index in re.findall(r"\.([^.\[]+)|\[([0-9]+)\]", steps)
    )
    unknown = _UNKNOWN.fullmatch(what)
    known = options.__struct_encode_fields__
    if unknown and not known:
        return document.problem(path, "no_options")
    if unknown and path == prefix:
        return document.problem((*path, unknown[1]), "unknown_key", _among(unknown[1], known), at_key=True)
    if unknown:
        return document.problem((*path, unknown[1]), "unknown_option", {"value": unknown[1]}, at_key=True)
    absent = _ABSENT.fullmatch(what)
    if absent:
        return document.problem(path, "missing", {"key": absent[1]})
    return document.problem(path, "option", {"what": what, "what_zh": _chinese(what)})


_CHINESE = (
    (r"say either (`\w+`) or (`\w+`)", r"\1 和 \2 须写且只写一个"),
    (r"no preset '(.*)'; did you mean (.*)\?", r"没有 preset `\1`，是不是想写 \2？"),
    (r"no preset '(.*)'; there are (.*)", r"没有 preset `\1`，可用：\2"),
    (r"no quantity '(.*?)'.*", r"没有量 `\1`"),
    (r"(\S*) stands in two registers", r"\1 出现在两个寄存器中"),
    (r"(\S*) is no number; take `text` away", r"\1 不是数字，请去掉 `text`"),
    (r"(\S*) takes no such factor or offset", r"\1 不能有这样的 factor 或 offset"),
    (r"`fields` is empty: nothing would be read", "`fields` 是空的，读不到任何量"),
    (r"Expected `(.*)`, got `(.*)`", r"应为 `\1`，实为 `\2`"),
    (r"Invalid enum value '(.*)'", r"不能取值 `\1`"),
)


def _chinese(what: str) -> str:
    """Say in Chinese what a model has against its options; models know no languages."""
    for english, chinese in _CHINESE:
        match = re.fullmatch(english, what)
        if match:
            return match.expand(chinese)
    return what
