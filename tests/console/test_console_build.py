"""The bundle that is committed is what the sources give, and it is small."""

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from tests.console.conftest import CONSOLE

STATIC = CONSOLE.parent / "static"
MOST_GZIP = 60_000  # bytes


@pytest.fixture(scope="module")
def built(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built")
    subprocess.run(["node", "build.mjs", str(out)], cwd=workshop, check=True, capture_output=True)
    return out


def test_types_hold(workshop: Path) -> None:
    done = subprocess.run(["npx", "--no-install", "tsc"], cwd=workshop, check=False, capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0


def test_what_is_committed_is_what_the_sources_give(built: Path) -> None:
    """Otherwise: cd feed/console && npm ci && node build.mjs."""
    made = {path.name: path.read_bytes() for path in built.iterdir()}
    kept = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    assert sorted(made) == sorted(kept)
    assert [name for name in made if made[name] != kept[name]] == []


def size(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


def loaded_by(folder: Path, first: str) -> set[Path]:
    """Follow the static imports of a script."""
    found: set[Path] = set()
    waiting = [folder / first]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [
                folder / name for name in re.findall(r"""(?:from|import) ?"\./([\w.-]+\.js)\"""", path.read_text())
            ]
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_duty_desk_with_its_chart_is_small(language: str) -> None:
    """The page, its style, its worker, its script, the chart, its words: what is loaded; screens and map come later."""
    names = [path.name for path in STATIC.iterdir() if path.name.startswith(("trend-", "worker-"))]
    names += [path.name for path in STATIC.glob(f"{language}-*.js") if '"desk.none"' in path.read_text()]
    assert len(names) == 3
    loaded = {STATIC / "index.html", STATIC / "style.css"}
    loaded = loaded.union(*(loaded_by(STATIC, first) for first in ("app.js", *names)))
    sizes = {path.name: size(path) for path in loaded}
    assert "uplot.js" in sizes
    assert not [name for name in sizes if "leaflet" in name]
    assert sum(sizes.values()) <= MOST_GZIP, sizes


def test_nothing_is_asked_of_other_hosts() -> None:
    """No address stands in what is served but names of XML."""
    address = re.compile(rb"""https?://[^\s"'`)]+""")
    told = {found for path in STATIC.iterdir() if path.suffix != ".txt" for found in address.findall(path.read_bytes())}
    assert {each for each in told if b"www.w3.org" not in each} <= {
        b"https://leafletjs.com",
        b"https://github.com/leeoniya/uPlot",
    }


def test_the_lock_file_names_no_registry_and_pins_everything() -> None:
    lock = (CONSOLE / "package-lock.json").read_text()
    assert "resolved" not in lock
    package = (CONSOLE / "package.json").read_text()
    assert re.findall(r'"[\^~*]', package) == []
