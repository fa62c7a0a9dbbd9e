"""The launcher sets itself up, on a copy of the checkout that needs no packages and so no network."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """Return a checkout whose daemon prints what it was given."""
    copy = tmp_path / "a checkout"
    (copy / "deploy").mkdir(parents=True)
    (copy / "requirements").mkdir()
    shutil.copy(root / "cityward", copy)
    shutil.copy(root / "deploy/venv.sh", copy / "deploy")
    (copy / "requirements/run.txt").write_text("# nothing\n")
    (copy / "run_daemon.py").write_text("import os, sys\nprint(os.getcwd(), sys.prefix, *sys.argv[1:], sep='|')\n")
    return copy


@pytest.fixture
def start(tmp_path: Path, checkout: Path) -> Start:
    """Return a way to start the launcher like a newcomer: a bare environment, another folder, a symlink."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "city").symlink_to(checkout / "cityward")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
        command = [str(home / "city"), *arguments]
        return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)

    return run


def test_first_start_and_the_next(tmp_path: Path, checkout: Path, start: Start) -> None:
    for _ in range(2):
        ended = start("check", "a file.yaml")
        assert ended.stderr == ""
        assert ended.stdout == f"{tmp_path}/home|{checkout}/.venv|check|a file.yaml\n"


def test_a_changed_lock_file_is_installed(checkout: Path, start: Start) -> None:
    start()
    (checkout / ".venv/mark").touch()
    (checkout / "requirements/run.txt").write_text("# nothing, but otherwise\n")
    pip = next((checkout / ".venv/lib").glob("python*/site-packages/pip"))
    pip.rename(pip.with_name("no_pip"))
    broken = start()
    assert broken.returncode == 1
    assert "setting up .venv failed" in broken.stderr
    assert broken.stdout == ""
    # What was cut off is started anew.
    assert start().returncode == 0
    assert not (checkout / ".venv/mark").exists()


def test_a_moved_checkout_is_set_up_again(tmp_path: Path, checkout: Path, start: Start) -> None:
    start()
    checkout.rename(tmp_path / "moved")
    ended = subprocess.run([tmp_path / "moved/cityward"], capture_output=True, text=True, check=True)
    assert f"|{tmp_path}/moved/.venv" in ended.stdout
    assert str(checkout) not in (tmp_path / "moved/.venv/bin/pip").read_text()


def test_two_started_at_once(checkout: Path) -> None:
    both = [subprocess.Popen([checkout / "cityward"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    assert [one.communicate()[1] for one in both] == [b"", b""]
    assert [one.returncode for one in both] == [0, 0]
