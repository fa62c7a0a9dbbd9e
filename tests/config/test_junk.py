"""Whatever stands in the files, `load` ends in sentences: it is what a reload rests on."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import yaml

from config.check import load

JUNK: list[Any] = [
    None, "", "x", "0", "-1", "1e999", "nan", "no", "12:30", "6 h", "井盖", "{", "{0}", "{value!x}", "$", "a" * 300,
    [], ["x"], [None], [[]], [{}], {}, {"x": "y"}, {"x": None}, {"x": []}, ["1", "2"], ["nan", "inf"], "all", "eui:",
    "modbus:gate/", "topic:lora/", "2 of 3", "0 of 0", "９", "²", "field ", "mqtts://[::1", "mqtt://:1883", "\x7f",
    "http://x:99999", ":", "127.0.0.1:٣",
]  # fmt: skip


def places(data: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(one for key, value in inside for one in places(value, (*path, key)))]


def spoil(data: dict[str, Any], dice: random.Random) -> None:
    """Take one thing away, add one, or put junk in its place."""
    *above, last = dice.choice(places(data)[1:])
    target: Any = data
    for step in above:
        target = target[step]
    kind = dice.randrange(4)
    if kind == 0:
        del target[last]
    elif kind == 1 and isinstance(target, dict):
        target[dice.choice(["x", "", "kind", "id", "at", "é", "a b"])] = dice.choice(JUNK)
    else:
        target[last] = dice.choice(JUNK)


def test_no_junk_gets_through_or_raises(root: Path) -> None:
    example = root / "deploy" / "example"
    good = {
        str(file.relative_to(example)): yaml.load(file.read_text(), yaml.BaseLoader)  # noqa: S506 - our own files
        for file in sorted(example.rglob("*.yaml"))
        if file.parent.name != "rules.t"  # tests of rules are no configuration
    }
    dice = random.Random(20_261_124)
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for part in ("devices.d", "rules.d"):
            (directory / part).mkdir()
        for file, data in good.items():
            (directory / file).write_text(json.dumps(data))
        for _ in range(600):
            file = dice.choice(list(good))
            bad = json.loads(json.dumps(good[file]))
            for _ in range(dice.randint(1, 3)):
                if bad:
                    spoil(bad, dice)
            (directory / file).write_text(json.dumps(bad))
            loaded = load(directory)
            for problem in loaded.problems:
                assert problem.text("en")
                assert problem.text("zh")
                assert problem.code != "not_right", problem
                assert problem.line >= 1
                assert problem.column >= 1
            wrong += loaded.compiled is None
            (directory / file).write_text(json.dumps(good[file]))
        assert load(directory).compiled is not None
    assert wrong > 300, "the junk was noticed"
