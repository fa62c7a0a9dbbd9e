"""Files of tests/wrong_yaml: each is named for its fault and says in its first lines what must be said of it.

A file is put into the directory `right` as what the first word of its name says. `<any>` stands for anything.
"""

import re
import shutil
from pathlib import Path

import pytest

from config.check import load

FOLDER = Path(__file__).resolve().parent.parent / "wrong_yaml"
PLACES = {"cityward": "cityward.yaml", "devices": "devices.d/wrong.yaml", "rules": "rules.d/wrong.yaml"}
WRONG = sorted(FOLDER.glob("*.yaml"))


def expected(wrong: Path) -> list[str]:
    lines = wrong.read_bytes().split(b"\n")
    return [line.removeprefix(b"#! ").decode() for line in lines if line.startswith(b"#! ")]


def pattern(sentence: str) -> str:
    return ".*".join(re.escape(part) for part in sentence.split("<any>"))


def test_there_are_enough_of_them() -> None:
    assert len(WRONG) >= 30
    assert all(expected(wrong) for wrong in WRONG)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda path: path.stem)
def test_it_is_told_what_is_wrong_and_what_to_write(wrong: Path, tmp_path: Path) -> None:
    directory = tmp_path / "etc"
    shutil.copytree(FOLDER / "right", directory)
    shutil.copy(wrong, directory / PLACES[wrong.stem.split("-")[0]])
    loaded = load(directory)
    told = [problem.text("en").replace(f"{directory}/", "") for problem in loaded.problems]
    assert len(told) == len(expected(wrong)), told
    for sentence, wanted in zip(told, expected(wrong), strict=True):
        assert re.fullmatch(pattern(wanted), sentence), told
    chinese = [problem.text("zh") for problem in loaded.problems]
    assert all(re.search(r"[一-鿿]", sentence) for sentence in chinese), chinese
    assert (loaded.compiled is None) == any(not problem.warning for problem in loaded.problems)


def test_the_directory_that_they_are_put_into_is_right(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "right", tmp_path / "etc")
    loaded = load(tmp_path / "etc")
    assert loaded.problems == []
    assert loaded.compiled is not None


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    """All devices' files together in one directory: nothing hides anything but what cannot be read at all."""
    directory = tmp_path / "etc"
    shutil.copytree(FOLDER / "right", directory)
    wanted = 0
    for wrong in WRONG:
        if wrong.stem.startswith("rules-") and wrong.stem not in (
            "rules-matches-nothing",
            "rules-quantity-not-delivered",
        ):
            shutil.copy(wrong, directory / "rules.d" / wrong.name)
            wanted += len(expected(wrong))
    assert len(load(directory).problems) >= wanted
