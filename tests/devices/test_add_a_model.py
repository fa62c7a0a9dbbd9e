"""docs/add-a-model: a new contributor who types what stands there has a model that all shared tests hold for good."""

import os
import re
import subprocess
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(?:sh)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_both_pages_have_the_same_commands(root: Path) -> None:
    english, chinese = ((root / "docs" / f"add-a-model{tail}.md").read_text("utf-8") for tail in ("", ".zh"))
    assert BLOCK.findall(english) == BLOCK.findall(chinese)


@pytest.mark.timeout(120)
def test_typed_from_the_page(tmp_path: Path, root: Path) -> None:
    text = (root / "docs" / "add-a-model.md").read_text(encoding="utf-8")
    _, _, model, captures, listed, decode, shown, check = BLOCK.findall(text)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (root / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((root / name).read_bytes())
    (tmp_path / ".venv").symlink_to(root / ".venv")

    def typed(block: str) -> str:
        done = subprocess.run(
            ["bash", "-e"], input=block, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"LANG": "C.UTF-8"}, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        return done.stdout

    typed(model)
    typed(captures)
    typed(listed)
    # In place of the launchers, which would set up a .venv of their own here.
    assert typed(decode.replace("./cityward", ".venv/bin/python run_daemon.py")).split() == shown.split()
    said = typed(check.replace("tests/run", ".venv/bin/python -m pytest").replace("bench/models", ""))
    assert re.search(r"\d\d passed, \d+ deselected", said), said
    assert "| `xuwei-xw1` | manhole |" in (tmp_path / "README.md").read_text(encoding="utf-8")
