"""Compiles a directory in a child process, which takes along what that needs: YAML, checks, the garbage of both.

10,000 devices in YAML make 260,000 nodes; in the daemon they would leave their holes behind for months (measured:
docs/decisions/0009). The child says what it found as msgpack on its standard output; the log has its standard error.
"""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from msgspec import DecodeError, Struct, msgpack

from config import child
from config.regular import read_regular

LONGEST_S = 120  # 10,000 devices take three
FOLDERS = ("devices.d", "rules.d")
MAIN = "cityward.yaml"
_ROOT = Path(__file__).resolve().parent.parent
_COMPILE = "from config.apart import main; main()"
_STATE = re.compile(rb"""^state:[ \t]*["']?(/[^#"'\r\n]*?)["']?[ \t]*(?:#.*)?\r?$""", re.MULTILINE)


class Told(Struct, frozen=True):
    """One problem in words, as `config.problems.Problem.text` says them."""

    zh: str
    en: str
    warning: bool


class NoFilesError(Exception):
    """A directory that should hold cityward.yaml does not."""


class Found(Struct, frozen=True):
    """What a child found in a directory.

    settings     of cityward.yaml, as JSON; "" where that file is wrong
    blob         registry and rule set (`config.blob`); empty where anything is wrong
    hash         of the blob
    state        the state directory, as far as the files can be understood
    fingerprint  see `fingerprint`; "" when the files have changed meanwhile
    """

    problems: list[Told]
    settings: str
    blob: bytes
    hash: str
    state: str
    fingerprint: str

    @property
    def errors(self) -> list[Told]:
        """The problems that must be mended first."""
        return [problem for problem in self.problems if not problem.warning]


def begin(directory: Path, *, gently: bool = False) -> "subprocess.Popen[bytes]":
    """Start a child on a directory; `finish` waits for it. gently: it gives way to everything else."""
    return child.start(_COMPILE, str(directory), *(["gently"] if gently else []))


def finish(begun: "subprocess.Popen[bytes]") -> Found:
    """Wait for what a child found. Never raises for what is in the files, nor for a child that dies or hangs."""
    try:
        said, _ = begun.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        os.killpg(begun.pid, signal.SIGKILL)
        begun.communicate()
        zh = f"检查配置超过 {LONGEST_S} 秒，已中止：文件所在的磁盘或网络可能无响应。配置未生效；请重试。"
        en = (
            f"The check of the configuration took longer than {LONGEST_S} s and was ended: perhaps the disk or network "
            "where the files are does not answer. Nothing was changed: try again."
        )
        return _nothing(zh, en)
    status = begun.returncode
    with suppress(DecodeError):
        if status == 0:
            return msgpack.decode(said, type=Found)
    zh = f"检查配置的子进程意外结束（{status}），原因见 journalctl -u cityward。配置未生效；请重试。"
    en = f"The process that checks the configuration died ({status}); the log says why. Nothing was changed: try again."
    return _nothing(zh, en)


def _nothing(zh: str, en: str) -> Found:
    return Found([Told(zh, en, warning=False)], "", b"", "", "", "")


def main() -> None:
    """Be the child: `argv` is the directory, and `gently` or nothing."""
    if sys.argv[2:] == ["gently"]:
        child.give_way()
    sys.stdout.buffer.write(msgpack.encode(_find(Path(sys.argv[1]))))
    sys.stdout.buffer.flush()
    os._exit(0)  # to free a million objects one by one would take longer than all the rest of the end


def _find(directory: Path) -> Found:
    from config import blob, check  # noqa: PLC0415 - only the child needs them
    from config.load import state_of  # noqa: PLC0415 - likewise

    before = fingerprint(directory)
    loaded = check.load(directory)
    compiled, settings = loaded.compiled, loaded.settings
    return Found(
        problems=[Told(each.text("zh"), each.text("en"), each.warning) for each in loaded.problems],
        # What was not written is not said: what was left out and what has its default are two things to the checks.
        settings="" if settings is None else settings.model_dump_json(by_alias=True, exclude_unset=True),
        blob=b"" if compiled is None else blob.encode(compiled.registry, compiled.ruleset),
        hash="" if compiled is None else compiled.hash,
        state=str(state_of(directory) if settings is None else settings.state),
        fingerprint=before if before == fingerprint(directory) else "",
    )


def fingerprint(directory: Path) -> str:
    """Name the content of a directory's files and the program that would compile them; "" where one is unreadable."""
    files = fingerprint_of_files(directory)
    return sha256(_program() + files.encode()).hexdigest() if files else ""


def fingerprint_of_files(directory: Path) -> str:
    """Name the content of a directory's files; "" where one is unreadable."""
    digest = sha256()
    try:
        for path in [directory / MAIN, *(path for folder in FOLDERS for path in _parts(directory / folder))]:
            content = read_regular(path)
            digest.update(f"{path.relative_to(directory)}\0{len(content)}\0".encode())
            digest.update(content)
    except OSError:
        return ""
    return digest.hexdigest()


def has_devices(directory: Path) -> bool:
    """Tell whether there is any file of devices, also one that says that there are none."""
    return bool(_parts(directory / FOLDERS[0]))


def _parts(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    return [path for path in paths if path.suffix == ".yaml" and not path.name.startswith(".")]


def _program() -> bytes:
    """Name the code that checks and compiles: another version may do both otherwise."""
    files = [path for room in ("config", "devices", "rules") for path in sorted((_ROOT / room).rglob("*.py"))]
    files += sorted((_ROOT / "rules" / "packs").glob("*.yaml"))
    files += [path for room in ("feed", "ingest", "store") for path in sorted((_ROOT / room).rglob("*settings.py"))]
    return repr([(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]).encode()


def state_at_first_sight(directory: Path) -> Path | None:
    """Guess the state directory without a parser of YAML; whoever uses it must check it. None = cannot be seen."""
    try:
        found = _STATE.search(read_regular(directory / MAIN))
    except OSError:
        return None
    return Path(os.fsdecode(found[1])) if found else None
