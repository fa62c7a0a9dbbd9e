"""A control room for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feed.room import Room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Room(tmp_path) as opened:
        yield opened
