"""Reading YAML: every word keeps its place, scalars stay text, and a hostile file ends in a sentence."""

import random
from pathlib import Path

import pytest

from config.problems import Problem
from config.yaml import MAX_BYTES, parse

DEVICES = Path(__file__).resolve().parent.parent.parent / "deploy" / "example" / "devices.d" / "gulou.yaml"


def codes(content: str | bytes) -> list[tuple[int, int, str]]:
    document = parse("x.yaml", content.encode() if isinstance(content, str) else content)
    return [(problem.line, problem.column, problem.code) for problem in document.problems]


def test_scalars_stay_text() -> None:
    document = parse("x.yaml", b"a: 00012345\nb: no\nc: 12:30\nd: 1e3\ne: 2026-01-01\nf: 0x10\ng: 'null'\nh: 1_000")
    assert document.data == {
        "a": "00012345", "b": "no", "c": "12:30", "d": "1e3", "e": "2026-01-01", "f": "0x10", "g": "null", "h": "1_000",
    }  # fmt: skip


def test_what_is_empty_is_nothing() -> None:
    assert parse("x.yaml", b"a:\nb: ~\nc: null\nd: ''\n").data == {"a": None, "b": None, "c": None, "d": ""}


def test_places_count_characters_not_bytes() -> None:
    document = parse("x.yaml", "名: 文化路, x: [一, 二]\ny: {站: [一, 二]}".encode())
    assert codes("名: 文化路\ny: {站: [一, 二]}") == []
    document = parse("x.yaml", "名: 文化路\ny: {站: [一, 二]}".encode())
    problem = document.problem(("y", "站", 1), "missing", {"key": "k"})
    assert (problem.line, problem.column) == (2, 12)
    assert document.problem(("y", "站"), "missing", at_key=True).column == 5
    assert document.problem(("y", "nothing", 3), "missing").column == 4, "what is not there stands where it would be"


def test_an_anchor_is_written_once() -> None:
    document = parse("x.yaml", b"a: &owner {owner: x}\nb: *owner\n")
    assert document.data == {"a": {"owner": "x"}, "b": {"owner": "x"}}


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("a:\n\tb: 1\n\tc: 2\n", [(2, 1, "tab"), (3, 1, "tab")]),
        ("a: x\ty\n# \t\n", []),
        ("a: 1\nb: 2\na: 3\n", [(3, 1, "duplicate_key")]),
        ("a：1\nb: 2", [(1, 2, "full_width")]),
        ('a: "x\nb: 1', [(2, 5, "syntax")]),
        ("---\na: 1\n---\nb: 1", [(3, 1, "second_document")]),
        ("a: *q", [(1, 4, "alias")]),
        ("a: &q [*q]", [(1, 8, "alias")]),
        ("a: !!python/object/apply:os.system ['true']", [(1, 4, "tag")]),
        ("? [a]\n: 2", [(1, 3, "key")]),
        ("a: \x07", [(1, 4, "control")]),
        ("[" * 200_000, [(1, 32, "too_deep")]),
        ("- " * 200_000, [(1, 63, "too_deep")]),
        (BOMB, [(7, 26, "too_much")]),
        ("井: 盖".encode("gbk"), [(1, 1, "not_utf8")]),
        (b"#" * (MAX_BYTES + 1), [(1, 1, "too_big")]),
        ("\ufeffa: 1", []),
        ("", []),
    ],
)
def test_what_is_no_yaml_is_told_with_its_place(content: str | bytes, wanted: list[tuple[int, int, str]]) -> None:
    assert codes(content) == wanted


def test_no_damage_ends_in_anything_but_sentences() -> None:
    """A file of real life, with bytes changed, lost and doubled."""
    good = DEVICES.read_bytes()
    dice = random.Random(20_261_124)
    for _ in range(1500):
        bad = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(bad))
            bad[at : at + dice.randint(0, 3)] = dice.choice(
                (b"", b"\t", b"[", b"{", b'"', b":", b"&a", b"*a", b"\xff", b"\n")
            )
        for problem in parse("x.yaml", bytes(bad)).problems:
            assert isinstance(problem, Problem)
            assert problem.sentence("zh")
            assert problem.sentence("en")
