"""The file that `inbox adopt` writes."""

import pytest

from commands.adopt import file_of
from config.quotes import unquoted
from config.yaml import parse


@pytest.mark.parametrize("device", ["mh-0114", "no", "00012345", "0869", "0o17", "1e5", "2026-11-24", "12345", "NULL"])
def test_an_id_is_written_so_that_all_programs_read_it(device: str) -> None:
    document = parse("new.yaml", file_of({"id": device, "model": "plain", "address": "topic:lora/a"}).encode())
    path = ("devices", 0, "id")
    assert document.problems == []
    assert document.data["devices"][0]["id"] == device
    assert unquoted(document, path, device) is None
