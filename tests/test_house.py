"""Rules of the house that no linter knows."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from commands import COMMANDS, main

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("devices", "rules", "store", "ingest", "feed", "config", "commands")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
README = ROOT / "README.md"

MAX_LINES = 400
LONGER_FOR_A_REASON: dict[str, str] = {}  # path: the one thing that it does


def tracked() -> list[Path]:
    """Return the files that git knows and that are there."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def locked(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_a_long_file_says_what_second_thing_it_does() -> None:
    source = {".py", ".ts", ".tsx", ".css"}
    files = [path.relative_to(ROOT) for path in tracked() if path.suffix in source]
    product = [path for path in files if path.parts[0] in ROOMS and "static" not in path.parts]
    long = {str(path) for path in product if len((ROOT / path).read_text().splitlines()) > MAX_LINES}
    assert long == set(LONGER_FOR_A_REASON)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_files_hold_versions_and_hashes_and_no_addresses(lock: Path) -> None:
    line = re.compile(r"[a-z0-9._-]+==[^\s/]+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [text for text in lock.read_text().splitlines() if not line.fullmatch(text)] == []


def test_lock_files_are_those_of_pyproject() -> None:
    pins: dict[str, str] = {}
    for lock in LOCKS:
        assert not pins.keys() & locked(lock).keys(), "each lock file holds only what it adds"
        pins |= locked(lock)
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    asked += PROJECT["project"]["optional-dependencies"]["demo"]
    for want in map(Requirement, asked):
        version = pins.get(canonicalize_name(want.name), "none")
        assert version in want.specifier, f"{want}, locked {version}: run requirements/compile"


def test_nothing_in_git_knows_the_machine_it_was_written_on() -> None:
    hosts = r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs[.]org|deb[.]debian[.]org"
    told = re.compile(f"(?:{hosts}|{re.escape(str(ROOT))}/)".encode())
    assert [str(path) for path in tracked() if told.search(path.read_bytes())] == []


def test_one_version() -> None:
    assert PROJECT["project"]["version"] in CliRunner().invoke(main, ["--version"]).output


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_helps(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: cityward {name}")


def test_every_command_is_listed() -> None:
    modules = [f"commands.{path.stem}" for path in (ROOT / "commands").glob("*.py") if path.stem != "__init__"]
    found = {name for name in modules if isinstance(getattr(import_module(name), "command", None), click.Command)}
    assert found == {module for _, module in COMMANDS if module.count(".") == 1}


def test_the_launcher_s_python_starts_without_waiting_for_libraries() -> None:
    heavy = "{'fastapi', 'influxdb_client', 'numpy', 'paho', 'pydantic', 'pymodbus', 'rich', 'uvicorn'}"
    look = f"import sys, run_daemon; sys.exit(repr({heavy} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == "set()"


def test_the_readme_calls_what_exists() -> None:
    """What its shell blocks start is a file of the checkout or a command of `cityward`."""
    if not README.exists():
        pytest.skip("no README yet")
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    text = "\n".join(blocks)
    files = re.findall(r"(?:^|[\s;&|])\./([\w./-]+)", text)
    assert [name for name in files if not (ROOT / name).exists()] == []
    words = re.findall(r"(?:^|[\s;&|/])cityward[ ]+([a-z][\w-]*)", text)
    assert set(words) <= {name for name, _ in COMMANDS}


def pages() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md" and "vectors" not in path.parts]


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path) -> None:
    """Files in backticks, links to files, and `Class.method` where `class Class` stands in the code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    rooms = "|".join((*ROOMS, "docs", "deploy", "bench", "tests"))
    files = re.findall(rf"`((?:{rooms})/[\w./-]*)`", text)
    missing = [name for name in files if not (ROOT / name).exists()]
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing += [name for name in links if not (page.parent / name).exists()]
    code = "\n".join(path.read_text(encoding="utf-8") for path in tracked() if path.suffix == ".py")
    for kind, name in re.findall(r"`([A-Z]\w+)\.(\w+)`", text):
        if re.search(rf"^class {kind}\b", code, re.MULTILINE) and not re.search(
            rf"^ +def {name}\b", code, re.MULTILINE
        ):
            missing.append(f"{kind}.{name}")
    assert missing == []


def test_decisions_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name[:5] for name in names] == [f"{number:04}-" for number in range(1, len(names) + 1)]
