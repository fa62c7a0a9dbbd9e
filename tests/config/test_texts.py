"""The sentences: all of them are used, in both languages, with the same things in them."""

from pathlib import Path
from string import Formatter

import pytest

from config.problems import closest
from config.texts import TEXTS


def names(template: str) -> set[str]:
    return {name.removesuffix("_zh") for _, name, _, _ in Formatter().parse(template) if name}


@pytest.mark.parametrize("code", TEXTS)
def test_both_languages_say_the_same(code: str) -> None:
    chinese, english = TEXTS[code]
    optional = {"guess"}  # Chinese can do with fewer words
    assert names(chinese) - optional == names(english) - optional
    assert english.endswith(".")
    assert chinese.endswith(("。", "`。"))


def test_no_sentence_is_left_over(root: Path) -> None:
    sources = [path for room in ("config", "ingest", "feed", "store") for path in sorted((root / room).rglob("*.py"))]
    code = "\n".join(path.read_text() for path in sources if path.name != "texts.py")
    derived = {"duration_bare", "size_bare", "greater_than_equal", "less_than_equal"}  # made of pydantic's or our words
    assert [one for one in TEXTS if f'"{one}"' not in code and one not in derived] == []


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("bosch-tps11O", "bosch-tps110"), ("pm10", "pm10_ug_m3"), ("TILT_DEG", "tilt_deg"), ("xyzzy", "")],
)
def test_what_was_meant(word: str, wanted: str) -> None:
    assert closest(word, ["bosch-tps110", "pm10_ug_m3", "pm10_cf1_ug_m3", "tilt_deg"]) == wanted
