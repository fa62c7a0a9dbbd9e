"""New files of devices: only in devices.d/, whole or not at all, never over another, taken away when refused."""

import os
from pathlib import Path

import click

from commands.asking import good
from commands.language import Words
from commands.socket import ask
from config.apart import FOLDERS
from config.load import socket_of


def path_of(directory: Path, name: str, option: str, words: Words) -> Path:
    """Return where a new file goes, devices.d/NAME.yaml. Ends the command when that is elsewhere, or there already.

    option  of the command, by which another name can be given
    """
    if not name or name[0] == "." or Path(name).name != name:
        raise click.UsageError(words(f"{option} {name}：不是文件名", f"{option} {name}: this is no name of a file"))
    path = directory / FOLDERS[0] / f"{name}.yaml"
    if path.exists():
        raise _there(path, option, words)
    return path


def write(path: Path, text: str, option: str, words: Words) -> None:
    """Write it, durable. A reload that reads the folder meanwhile sees all of it or nothing."""
    draft = path.with_name(f".{path.stem}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        with draft.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename it never takes the place of a file that is there
    except FileExistsError:
        raise _there(path, option, words) from None
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _there(path: Path, option: str, words: Words) -> click.ClickException:
    return click.ClickException(
        words(f"{path} 已存在；请换一个 {option}", f"{path} is there already; take another {option}")
    )


def put_in_force(path: Path, directory: Path, words: Words) -> None:
    """Reload; take the file away again where that is refused. Without an answer it stays: it may be in force."""
    try:
        status, answer = ask(socket_of(directory), "POST", "/api/v1/reload")
    except click.ClickException as error:
        why = error.message
        raise click.ClickException(
            words(f"{path} 已写入，但未确认生效：{why}", f"{path} is written, but nobody has put it in force: {why}")
        ) from None
    try:
        good((status, answer), words)
    except click.ClickException:
        path.unlink()
        for problem in answer.get("problems", []):
            click.echo(problem, err=True)
        raise
