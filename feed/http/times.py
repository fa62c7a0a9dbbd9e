"""Times and whole numbers in requests, read as the description of the API says: no more and no less."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Strict
from pydantic_core import PydanticCustomError

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


def _written(value: object) -> object:
    """Let nothing through that pydantic would take for seconds since 1970."""
    if isinstance(value, str) and _RFC3339.fullmatch(value) is None:
        raise PydanticCustomError("datetime_form", "it is no time of RFC 3339")
    if isinstance(value, int | float):
        raise PydanticCustomError("datetime_form", "it is a number, not a time of RFC 3339")
    return value


Instant = Annotated[AwareDatetime, Strict(strict=False), BeforeValidator(_written)]
"""RFC 3339 with its zone, 2026-11-24T08:16:00+08:00."""


def milliseconds(instant: datetime) -> int:
    """Return civil time, Unix ms."""
    return int(instant.timestamp() * 1000)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Behind the other bounds of an int: it may also be written 5.0, as in JSON Schema."""
